//! How does a model become a package? Parts in, named files out, the same bytes for the same parts.

use std::collections::BTreeMap;

use half::f16;

use super::{
    CATALOG, CatalogEntry, CatalogFile, FORMAT, FileEntry, MANIFEST, Manifest, Quantisation, SHARD_BYTES,
    SelfTest, TOKENIZER, TensorEntry, sha256_hex,
};
use crate::{
    catalog::Catalog,
    prompt,
    quant::QuantisedMatrix,
    signals::SignalsConfig,
    vocabulary::ModelConfig,
    weights::{Weight, Weights},
};

/// What a package is made from.
pub struct PackageParts<'a> {
    pub recipe: &'a str,
    pub model: &'a ModelConfig,
    pub weights: &'a Weights,
    pub catalog: &'a Catalog,
    /// Tokens of every item's text, in catalogue order.
    pub texts: &'a [Vec<u32>],
    pub tokenizer_json: &'a [u8],
    pub quantisation: Quantisation,
    /// The bias of items that training never met, if there are such.
    pub unmet_bias: Option<f32>,
    pub exclude_seen: bool,
    pub signals: &'a SignalsConfig,
    pub self_test: Vec<SelfTest>,
    pub evaluation: BTreeMap<String, f64>,
    pub provenance: BTreeMap<String, String>,
}

impl PackageParts<'_> {
    /// The files of the package by name; the manifest is one of them.
    ///
    /// # Errors
    /// When a part cannot be written as JSON.
    pub fn write(self) -> Result<BTreeMap<String, Vec<u8>>, serde_json::Error> {
        let mut tensors = Vec::with_capacity(self.weights.len());
        let mut stream = Vec::new();
        for (name, weight) in self.weights {
            let encoding = encoding(weight, self.quantisation);
            encode(weight, encoding, &mut stream);
            tensors.push(TensorEntry { name: name.clone(), shape: weight.shape.clone(), encoding });
        }
        let items = self
            .catalog
            .items()
            .iter()
            .zip(self.texts)
            .map(|(item, tokens)| CatalogEntry { item: item.clone(), tokens: tokens.clone() })
            .collect();

        let mut files = BTreeMap::new();
        for (index, shard) in stream.chunks(SHARD_BYTES).enumerate() {
            files.insert(format!("weights-{index:03}.bin"), shard.to_vec());
        }
        files.insert(CATALOG.to_owned(), serde_json::to_vec(&CatalogFile { items })?);
        files.insert(TOKENIZER.to_owned(), self.tokenizer_json.to_vec());
        let entries = files
            .iter()
            .map(|(path, bytes)| FileEntry {
                path: path.clone(),
                bytes: bytes.len(),
                sha256: sha256_hex(bytes),
            })
            .collect();
        let manifest = Manifest {
            format: FORMAT,
            recipe: self.recipe.to_owned(),
            template: prompt::TEMPLATE.to_owned(),
            model: self.model.clone(),
            unmet_bias: self.unmet_bias,
            quantisation: self.quantisation,
            exclude_seen: self.exclude_seen,
            signals: self.signals.clone(),
            tensors,
            files: entries,
            self_test: self.self_test,
            evaluation: self.evaluation,
            provenance: self.provenance,
        };
        files.insert(MANIFEST.to_owned(), serde_json::to_vec_pretty(&manifest)?);
        Ok(files)
    }
}

/// Matrices of so few rows weigh nothing, and every position adds their rows up: never in four bits.
const FEW_ROWS: usize = 64;

fn encoding(weight: &Weight, wanted: Quantisation) -> Quantisation {
    match weight.shape[..] {
        [rows, _] if rows <= FEW_ROWS && wanted == Quantisation::Q4 => Quantisation::Q8,
        [_, _] => wanted,
        _ => Quantisation::F32,
    }
}

fn encode(weight: &Weight, encoding: Quantisation, stream: &mut Vec<u8>) {
    if let (Some(bits), [rows, columns]) = (encoding.bits(), &weight.shape[..]) {
        stream.extend(QuantisedMatrix::new(&weight.values, *rows, *columns, bits).bytes());
        return;
    }
    match encoding {
        Quantisation::F16 => {
            stream.extend(weight.values.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes()));
        }
        _ => stream.extend(weight.values.iter().flat_map(|value| value.to_le_bytes())),
    }
}
