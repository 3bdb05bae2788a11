//! How is the one file of llama2.c read? Its weights by Hugging Face's names, its tokenizer as a `tokenizer.json`.
//!
//! # Source
//! <https://github.com/karpathy/llama2.c>, `run.c`: the header of seven integers, the order of the weights, and the file
//! that `tokenizer.py` writes (scores and pieces).

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use shared::{
    transformer_config::TransformerConfig,
    weights::{Weight, Weights},
};

use super::{Checkpoint, Sizes};

/// Ids of the begin of a text and of its end, as Llama 2's tokenizer has them.
const BEGIN: &str = "<s>";
const END: &str = "</s>";
const UNKNOWN: &str = "<unk>";

pub fn load(path: &Path) -> Result<Checkpoint> {
    let bytes = fs::read(path)?;
    let (sizes, weights) = read(&bytes)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let names = [format!("tok{}.bin", sizes.tokens), "tokenizer.bin".to_owned()];
    let Some(tokenizer) = names.iter().map(|name| folder.join(name)).find(|path| path.exists()) else {
        bail!("its tokenizer is missing\nhint: put {} beside it", names.join(" or "));
    };
    let tokenizer_json = tokenizer_json(&fs::read(&tokenizer)?, sizes.tokens)
        .with_context(|| format!("{} cannot be used", tokenizer.display()))?;
    Ok(Checkpoint { sizes, weights, tokenizer_json, carried: BTreeMap::new() })
}

/// What may be the tokenizer beside the file.
pub fn tokenizers_beside(path: &Path) -> Vec<PathBuf> {
    let listing = path.parent().unwrap_or(Path::new(".")).read_dir().into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = listing.map(|entry| entry.path()).collect();
    found.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("tok") && name.ends_with(".bin")
    });
    found.sort();
    found
}

/// Numbers of a file, one after another, never past its end.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(count).context("the file ends too early")?;
        self.rest = rest;
        Ok(bytes)
    }

    fn integer(&mut self) -> Result<i32> {
        let bytes = self.bytes(4)?;
        Ok(i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn floats(&mut self, shape: &[usize]) -> Result<Weight> {
        let count = shape.iter().try_fold(4_usize, |product, &size| product.checked_mul(size));
        let bytes = self.bytes(count.context("the file ends too early")?)?;
        let values = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        Ok(Weight { shape: shape.to_vec(), values })
    }
}

fn read(bytes: &[u8]) -> Result<(Sizes, Weights)> {
    let mut reader = Reader { rest: bytes };
    let mut header = [0_usize; 7];
    // A negative number of tokens says that the output has weights of its own.
    let mut has_head = false;
    for (place, value) in header.iter_mut().enumerate() {
        let number = reader.integer()?;
        has_head |= place == 5 && number < 0;
        *value = number.unsigned_abs() as usize;
        ensure!(
            (1..1 << 20).contains(value),
            "the header says {number}: this is no file of llama2.c\n\
             hint: of a Hugging Face checkpoint pass its folder, not a file of it"
        );
    }
    let [hidden_size, inner, layers, heads, key_value_heads, tokens, positions] = header;
    let transformer = TransformerConfig {
        hidden_size,
        num_hidden_layers: layers,
        num_attention_heads: heads,
        num_key_value_heads: key_value_heads,
        intermediate_size: inner,
        ..TransformerConfig::default()
    };
    transformer.validate()?;
    let head = transformer.head_size();
    let keys = key_value_heads * head;

    let mut weights = Weights::new();
    weights.insert("model.embed_tokens.weight".to_owned(), reader.floats(&[tokens, hidden_size])?);
    let parts: [(&str, Vec<usize>); 9] = [
        ("input_layernorm", vec![hidden_size]),
        ("self_attn.q_proj", vec![hidden_size, hidden_size]),
        ("self_attn.k_proj", vec![keys, hidden_size]),
        ("self_attn.v_proj", vec![keys, hidden_size]),
        ("self_attn.o_proj", vec![hidden_size, hidden_size]),
        ("post_attention_layernorm", vec![hidden_size]),
        ("mlp.gate_proj", vec![inner, hidden_size]),
        ("mlp.down_proj", vec![hidden_size, inner]),
        ("mlp.up_proj", vec![inner, hidden_size]),
    ];
    for (name, shape) in parts {
        for layer in 0..layers {
            let mut weight = reader.floats(&shape)?;
            if name.ends_with("q_proj") || name.ends_with("k_proj") {
                weight = in_halves(&weight, head);
            }
            weights.insert(format!("model.layers.{layer}.{name}.weight"), weight);
        }
    }
    weights.insert("model.norm.weight".to_owned(), reader.floats(&[hidden_size])?);
    // Sines and cosines of all positions, which are computed here.
    reader.floats(&[2, positions, head / 2])?;
    if has_head {
        weights.insert("lm_head.weight".to_owned(), reader.floats(&[tokens, hidden_size])?);
    }
    ensure!(reader.rest.is_empty(), "{} bytes follow the weights", reader.rest.len());
    Ok((Sizes { transformer, tokens, tie_word_embeddings: !has_head, positions: Some(positions) }, weights))
}

/// llama2.c turns neighbouring numbers of a head against each other, Hugging Face the two halves of it.
fn in_halves(weight: &Weight, head: usize) -> Weight {
    let columns = weight.shape[1];
    let row = |row: usize| &weight.values[row * columns..(row + 1) * columns];
    let rows = (0..weight.shape[0]).map(|to| {
        let (first, place) = (to / head * head, to % head);
        row(first + place % (head / 2) * 2 + place / (head / 2))
    });
    Weight { shape: weight.shape.clone(), values: rows.flatten().copied().collect() }
}

/// The pieces of a SentencePiece model as byte-pair encoding: a piece of a better score is merged first.
fn tokenizer_json(bytes: &[u8], tokens: usize) -> Result<Vec<u8>> {
    let mut reader = Reader { rest: bytes };
    reader.integer()?; // the longest piece
    let mut pieces: Vec<(String, f32)> = Vec::with_capacity(tokens);
    for _ in 0..tokens {
        let score = reader.floats(&[1])?.values[0];
        let length = usize::try_from(reader.integer()?)?;
        let text = String::from_utf8_lossy(reader.bytes(length)?).replace(' ', "▁");
        pieces.push((text, score));
    }
    ensure!(reader.rest.is_empty(), "it holds more than the {tokens} tokens of the model");
    ensure!(tokens > 2, "it holds no end of a text");
    for (place, name) in [UNKNOWN, BEGIN, END].into_iter().enumerate() {
        pieces[place].0 = name.to_owned();
    }
    let vocabulary: BTreeMap<&str, usize> =
        pieces.iter().enumerate().rev().map(|(id, (piece, _))| (piece.as_str(), id)).collect();
    let mut merges: Vec<(f32, usize, &str, &str)> = Vec::new();
    for (id, (piece, score)) in pieces.iter().enumerate().skip(3) {
        for (cut, _) in piece.char_indices().skip(1) {
            let (left, right) = piece.split_at(cut);
            if vocabulary.contains_key(left) && vocabulary.contains_key(right) {
                merges.push((*score, id, left, right));
            }
        }
    }
    merges.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let special = |id: usize, content: &str| -> Value {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true})
    };
    let begin = json!({"SpecialToken": {"id": BEGIN, "type_id": 0}});
    let text = |id: &str, type_id: u32| json!({"Sequence": {"id": id, "type_id": type_id}});
    Ok(serde_json::to_vec(&json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [special(0, UNKNOWN), special(1, BEGIN), special(2, END)],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        ]},
        "pre_tokenizer": null,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [begin, text("A", 0)],
            "pair": [begin, text("A", 0), text("B", 1)],
            "special_tokens": {BEGIN: {"id": BEGIN, "ids": [1], "tokens": [BEGIN]}},
        },
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
            {"type": "ByteFallback"},
            {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0},
        ]},
        "model": {
            "type": "BPE", "dropout": null, "unk_token": UNKNOWN, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
            "vocab": vocabulary,
            "merges": merges.iter().map(|(.., left, right)| [*left, *right]).collect::<Vec<_>>(),
        },
    }))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_become_halves() {
        let weight = Weight { shape: vec![8, 1], values: (0..8).map(|i| i as f32).collect() };
        assert_eq!(in_halves(&weight, 4).values, [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0]);
    }

    #[test]
    fn a_file_that_is_none_or_ends_early_is_refused() {
        assert!(read(b"nothing of the kind at all, but long").unwrap_err().to_string().contains("llama2.c"));
        let header: Vec<u8> = [4, 8, 1, 2, 1, 16, 8_i32].iter().flat_map(|n| n.to_le_bytes()).collect();
        assert_eq!(read(&header).unwrap_err().to_string(), "the file ends too early");
        let few: Vec<u8> = header.iter().chain(&[0; 12]).copied().collect();
        assert!(tokenizer_json(&few, 1).is_err());
    }
}
