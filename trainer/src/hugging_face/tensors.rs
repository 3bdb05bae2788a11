//! Which numbers are in a checkpoint? Safetensors files, one or many, in f32, bf16 or f16.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Read,
    path::Path,
};

use anyhow::{Context, Result, bail, ensure};
use safetensors::{
    Dtype,
    tensor::{Metadata, TensorInfo},
};
use serde_json::Value;
use shared::weights::{Weight, Weights};

use crate::output;

/// All tensors of one file.
///
/// # Errors
/// When the file is damaged, or a tensor is not of floats.
pub fn read_file(path: &Path) -> Result<Weights> {
    let mut file = fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    read_tensors(&mut file).with_context(|| format!("{} is damaged", path.display()))
}

/// One tensor after another: of a large checkpoint there is never the file beside its numbers.
fn read_tensors(file: &mut fs::File) -> Result<Weights> {
    let length = file.metadata()?.len();
    let mut bytes = vec![0; 8];
    file.read_exact(&mut bytes).context("the file ends too early")?;
    let header = bytes.iter().rev().fold(0_u64, |header, &byte| header << 8 | u64::from(byte));
    ensure!(header <= length.saturating_sub(8), "its header would be longer than the file");
    bytes.resize(usize::try_from(header)?, 0);
    file.read_exact(&mut bytes)?;
    // Where each tensor lies, one behind the other and as long as its shape says.
    let metadata: Metadata = serde_json::from_slice(&bytes).context("its header cannot be read")?;
    let expected = 8 + header + metadata.data_len() as u64;
    ensure!(length == expected, "it has {length} bytes, and its header promises {expected}: copy it again");
    let mut weights = Weights::new();
    for name in metadata.offset_keys() {
        let Some(TensorInfo { dtype, shape, data_offsets: (start, end) }) = metadata.info(&name) else {
            continue;
        };
        bytes.resize(end - start, 0);
        file.read_exact(&mut bytes)?;
        let values = floats(*dtype, &bytes).with_context(|| format!("tensor {name}"))?;
        weights.insert(name, Weight { shape: shape.clone(), values });
    }
    Ok(weights)
}

/// All tensors of a checkpoint: `model.safetensors`, or the files that `model.safetensors.index.json` names.
///
/// # Errors
/// When a file is missing or damaged, or lacks a tensor that the index promises.
pub fn read_folder(folder: &Path) -> Result<Weights> {
    let index_path = folder.join("model.safetensors.index.json");
    let single = folder.join("model.safetensors");
    // As transformers has it: an index beside the one file is of another saving.
    if single.exists() || !index_path.exists() {
        return read_file(&single).with_context(|| {
            "the weights cannot be read\nhint: a checkpoint has model.safetensors, or several files and \
             model.safetensors.index.json; one in PyTorch's .bin form must be saved anew with safetensors"
        });
    }
    let index: Value = serde_json::from_slice(&fs::read(&index_path)?)
        .with_context(|| format!("{} is damaged", index_path.display()))?;
    let promised: BTreeMap<String, String> = serde_json::from_value(index["weight_map"].clone())
        .with_context(|| format!("{} has no weight_map", index_path.display()))?;
    let mut weights = Weights::new();
    for file in promised.values().collect::<BTreeSet<_>>() {
        // A name, never a way out of the folder.
        ensure!(
            !file.contains(['/', '\\']),
            "{} names {file:?}, which is no file beside it",
            index_path.display()
        );
        weights.extend(read_file(&folder.join(file))?);
    }
    let missing: Vec<&str> =
        promised.keys().filter(|name| !weights.contains_key(*name)).map(String::as_str).collect();
    ensure!(missing.is_empty(), "{} promises what no file has: {}", index_path.display(), missing.join(", "));
    Ok(weights)
}

fn floats(kind: Dtype, bytes: &[u8]) -> Result<Vec<f32>> {
    let pairs = || bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    Ok(match kind {
        Dtype::F32 => bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
        Dtype::F16 => pairs().map(|bits| half::f16::from_bits(bits).to_f32()).collect(),
        Dtype::BF16 => pairs().map(|bits| half::bf16::from_bits(bits).to_f32()).collect(),
        other => bail!(
            "is of {other:?}, and F32, F16 and BF16 are read\nhint: save the checkpoint without quantisation"
        ),
    })
}

/// A weight as safetensors writes it: its own numbers, not a copy of them.
struct View<'a>(&'a Weight);

impl safetensors::View for View<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.0.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        if cfg!(target_endian = "little") {
            return Cow::Borrowed(bytemuck::cast_slice(&self.0.values));
        }
        Cow::Owned(self.0.values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    fn data_len(&self) -> usize {
        4 * self.0.values.len()
    }
}

fn views(weights: &Weights) -> impl Iterator<Item = (&String, View<'_>)> {
    weights.iter().map(|(name, weight)| (name, View(weight)))
}

/// Weights as a safetensors file in f32.
///
/// # Errors
/// When safetensors refuses them.
pub fn bytes(weights: &Weights) -> Result<Vec<u8>> {
    Ok(safetensors::serialize(views(weights), None)?)
}

/// Writes the same into a file, in one piece.
///
/// # Errors
/// When it cannot be written.
pub fn write_file(path: &Path, weights: &Weights) -> Result<()> {
    output::in_one_piece(path, |partial| {
        // safetensors makes a file that nobody else may read; whoever serves or evaluates a run may be somebody else.
        let usual = fs::File::create(partial)?.metadata()?.permissions();
        safetensors::serialize_to_file(views(weights), None, partial).map_err(std::io::Error::other)?;
        fs::set_permissions(partial, usual)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precisions_are_widened_and_integers_refused() {
        let number = 1.5_f32;
        assert_eq!(floats(Dtype::F32, &number.to_le_bytes()).unwrap(), [1.5]);
        assert_eq!(floats(Dtype::F16, &half::f16::from_f32(number).to_le_bytes()).unwrap(), [1.5]);
        assert_eq!(floats(Dtype::BF16, &half::bf16::from_f32(number).to_le_bytes()).unwrap(), [1.5]);
        assert!(floats(Dtype::I8, &[1]).unwrap_err().to_string().contains("I8"));
    }

    #[test]
    fn files_that_are_cut_off_or_say_too_much_are_refused() {
        let path = std::env::temp_dir().join(format!("vitrine-tensors-{}", std::process::id()));
        let weight =
            |count: usize| Weight { shape: vec![count], values: (0..count).map(|n| n as f32).collect() };
        let weights = Weights::from([("b".to_owned(), weight(3)), ("a".to_owned(), weight(5))]);
        let whole = bytes(&weights).unwrap();
        // As safetensors' own reader has it.
        assert_eq!(safetensors::SafeTensors::deserialize(&whole).unwrap().len(), 2);
        fs::write(&path, &whole).unwrap();
        assert_eq!(read_file(&path).unwrap(), weights);
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            assert!(format!("{:#}", read_file(&path).unwrap_err()).contains("is damaged"), "{cut} bytes");
        }
        fs::write(&path, [&u64::MAX.to_le_bytes()[..], &whole[8..]].concat()).unwrap();
        assert!(format!("{:#}", read_file(&path).unwrap_err()).contains("longer than the file"));
        fs::write(&path, [&whole[..], &[0]].concat()).unwrap();
        assert!(format!("{:#}", read_file(&path).unwrap_err()).contains("copy it again"));
        fs::remove_file(&path).unwrap();
    }
}
