//! How do models come from other runtimes, and go there? As the folder that Hugging Face's libraries read and write.

pub mod adapter;
mod config;
mod llama2c;
pub mod template;
pub mod tensors;

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shared::{
    prompt::{PAD, Template},
    tokenizer::Tokenizer,
    vocabulary::{Asked, Model, ModelConfig, VocabularyConfig, tokens::TokenVocabularyConfig},
    weights::Weights,
};

use crate::output::hexadecimal;

pub use config::{Sizes, read as read_config, trunk};

const TOKENIZER: &str = "tokenizer.json";
const CONFIG: &str = "config.json";
const GENERATION: &str = "generation_config.json";
const EMBEDDINGS: &str = "model.embed_tokens.weight";
/// Files of a checkpoint that go with it wherever it goes: what they say beyond what is read here stays true.
const CARRIED: [&str; 10] = [
    CONFIG,
    GENERATION,
    "tokenizer_config.json",
    "tokenizer.model",
    "vocab.json",
    "merges.txt",
    "added_tokens.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "chat_template.json",
];

/// A language model as it was published: a folder, or the one file of llama2.c with its tokenizer beside it.
pub struct Checkpoint {
    pub sizes: Sizes,
    pub weights: Weights,
    pub tokenizer_json: Vec<u8>,
    /// What else the folder had that goes with the model, by name.
    pub carried: BTreeMap<String, Vec<u8>>,
}

/// The `tokenizer.json` of a checkpoint, without its weights where they are in files of their own.
///
/// # Errors
/// As [`Checkpoint::load`].
pub fn tokenizer_json(path: &Path) -> Result<Vec<u8>> {
    if path.is_dir() { read(path, TOKENIZER) } else { Ok(Checkpoint::load(path)?.tokenizer_json) }
}

/// SHA-256 of a checkpoint, or of the model of a run and its adapters: sizes, words and numbers.
///
/// # Errors
/// When a file cannot be read.
pub fn fingerprint(path: &Path) -> Result<String> {
    let files = if path.is_dir() {
        let mut files = Vec::new();
        for folder in [path.to_owned(), path.join(adapter::FOLDER)] {
            let Ok(listing) = folder.read_dir() else { continue };
            let listing = listing.collect::<std::io::Result<Vec<_>>>();
            let listing = listing.with_context(|| format!("cannot read {}", folder.display()))?;
            files.extend(listing.iter().map(fs::DirEntry::path).filter(|file| {
                let name = file.file_name().unwrap_or_default();
                file.extension().is_some_and(|ending| ending == "safetensors")
                    || name == CONFIG
                    || name == TOKENIZER
            }));
        }
        files.sort();
        files
    } else {
        // The one file of llama2.c, and the words beside it.
        std::iter::once(path.to_owned()).chain(llama2c::tokenizers_beside(path)).collect()
    };
    let mut hash = Sha256::new();
    for file in files {
        hash.update(file.file_name().unwrap_or_default().as_encoded_bytes());
        fs::File::open(&file)
            .and_then(|mut bytes| std::io::copy(&mut bytes, &mut hash))
            .with_context(|| format!("cannot read {}", file.display()))?;
    }
    Ok(hexadecimal(&hash.finalize()))
}

fn read(folder: &Path, name: &str) -> Result<Vec<u8>> {
    let path = folder.join(name);
    fs::read(&path).with_context(|| {
        format!(
            "{} cannot be read\nhint: a checkpoint has config.json, model.safetensors and tokenizer.json",
            path.display()
        )
    })
}

impl Checkpoint {
    /// # Errors
    /// Names the file, key or tensor that is missing or does not fit.
    pub fn load(path: &Path) -> Result<Self> {
        if path.is_file() {
            return llama2c::load(path).with_context(|| format!("{} cannot be read", path.display()));
        }
        ensure!(
            path.is_dir(),
            "{} is neither a folder nor a file\nhint: pass the folder of a checkpoint (config.json, model.safetensors, \
             tokenizer.json), as `git clone` or `huggingface-cli download` leave it",
            path.display()
        );
        let sizes = config::read(&read(path, CONFIG)?)
            .with_context(|| format!("{} cannot be used", path.join(CONFIG).display()))?;
        let mut weights = tensors::read_folder(path)?;
        refuse_numbers_that_are_none(path, &weights)?;
        if sizes.tie_word_embeddings {
            refuse_another_output(path, &weights)?;
        }
        // Some files repeat the tied output, and old ones hold the rotations that are computed anyway.
        weights.retain(|name, _| {
            !(name.ends_with("rotary_emb.inv_freq")
                || (sizes.tie_word_embeddings && name == "lm_head.weight"))
        });
        let tokenizer_json = read(path, TOKENIZER)?;
        Ok(Self { sizes, weights, tokenizer_json, carried: carried(path) })
    }

    /// # Errors
    /// When `tokenizer.json` is damaged.
    pub fn tokenizer(&self) -> Result<Tokenizer> {
        Tokenizer::from_json(&self.tokenizer_json).context("tokenizer.json of the checkpoint")
    }

    /// What a model of this checkpoint is when it reads histories of `context` interactions by `template`.
    #[must_use]
    pub fn config(&self, template: Template, context: usize, asked: Vec<Asked>) -> ModelConfig {
        let Sizes { transformer, tokens, tie_word_embeddings, .. } = self.sizes.clone();
        let tokens = TokenVocabularyConfig { tokens, tie_word_embeddings, template };
        ModelConfig { transformer, vocabulary: VocabularyConfig::Tokens(tokens), context, asked }
    }

    /// The model of `config` with the weights of this checkpoint.
    ///
    /// # Errors
    /// Lists every tensor that is missing, left over, or of another shape.
    pub fn model(&self, config: &ModelConfig, device: &burn::tensor::Device) -> Result<Model> {
        config.init(device).with_weights(&self.weights, device).context(
            "the checkpoint does not fit its config.json\n\
                 hint: is every file of it there, and tie_word_embeddings as it was published?",
        )
    }
}

/// Nothing that is computed with them would be a number.
fn refuse_numbers_that_are_none(path: &Path, weights: &Weights) -> Result<()> {
    let broken = weights.iter().find(|(_, weight)| weight.values.iter().any(|value| !value.is_finite()));
    ensure!(
        broken.is_none(),
        "{} of {} holds a number that is none (NaN or infinite)\nhint: download the file again",
        broken.map_or("", |(name, _)| name.as_str()),
        path.display()
    );
    Ok(())
}

/// A file may repeat the output that `config.json` ties to the embeddings; another one is another model.
fn refuse_another_output(path: &Path, weights: &Weights) -> Result<()> {
    let output = weights.get("lm_head.weight").map(|weight| &weight.values);
    ensure!(
        output.is_none_or(|output| weights.get(EMBEDDINGS).is_none_or(|tied| tied.values == *output)),
        "lm_head.weight of {} is not what embeds its tokens, and its config.json says that they are one\n\
         hint: set tie_word_embeddings to false in {}",
        path.display(),
        path.join(CONFIG).display()
    );
    Ok(())
}

/// `config.json`, `model.safetensors` (f32, Hugging Face's names), `tokenizer.json` and what the checkpoint came with, by
/// name.
///
/// # Errors
/// For an item vocabulary, which no other runtime has.
pub fn files(
    model: &ModelConfig,
    weights: &Weights,
    tokenizer_json: &[u8],
    carried: &BTreeMap<String, Vec<u8>>,
) -> Result<BTreeMap<String, Vec<u8>>> {
    let VocabularyConfig::Tokens(tokens) = &model.vocabulary else {
        bail!(
            "this model ranks items by their number, which no Hugging Face library knows\n\
             hint: train with `--recipe text` for a model of titles, or leave out --format for a package"
        );
    };
    let mut files = carried.clone();
    let config = match carried.get(CONFIG) {
        Some(own) => {
            let own: Value =
                serde_json::from_slice(own).context("config.json of the checkpoint is damaged")?;
            let generation = carried.get(GENERATION).and_then(|bytes| serde_json::from_slice(bytes).ok());
            let generation = ending(generation.unwrap_or_else(|| json!({})), &own, tokens.template.end);
            files.insert(GENERATION.to_owned(), serde_json::to_vec_pretty(&generation)?);
            in_floats(own)
        }
        None => {
            let pad = tokens.template.is_default().then_some(PAD);
            let words = json!({
                "vocab_size": tokens.tokens,
                "tie_word_embeddings": tokens.tie_word_embeddings,
                "bos_token_id": tokens.template.start.first(),
                "pad_token_id": pad,
                "eos_token_id": tokens.template.end,
            });
            merged(trunk(model), words)
        }
    };
    files.insert(CONFIG.to_owned(), serde_json::to_vec_pretty(&config)?);
    files.insert("model.safetensors".to_owned(), tensors::bytes(weights)?);
    files.insert(TOKENIZER.to_owned(), tokenizer_json.to_vec());
    Ok(files)
}

/// Writes files into a folder, which may hold nothing else.
///
/// # Errors
/// When the folder is in use, or a file cannot be written.
pub fn write(files: &BTreeMap<String, Vec<u8>>, folder: &Path) -> Result<()> {
    ensure!(
        crate::output::is_free(folder)?,
        "{} holds something\nhint: choose another --out",
        folder.display()
    );
    crate::output::write_folder(files, folder)
}

/// What a published `config.json` says, of weights in f32.
fn in_floats(mut config: Value) -> Value {
    // transformers 5 writes the one, earlier ones the other.
    for key in ["dtype", "torch_dtype"] {
        if config.get(key).is_some() {
            config[key] = json!("float32");
        }
    }
    config
}

/// How text is generated: as before, and it ends with a title, too.
fn ending(mut generation: Value, config: &Value, end: u32) -> Value {
    let before =
        [&generation["eos_token_id"], &config["eos_token_id"]].into_iter().find(|ids| !ids.is_null());
    let mut ends = match before {
        Some(Value::Array(ids)) => ids.clone(),
        Some(id) => vec![id.clone()],
        None => Vec::new(),
    };
    if !ends.contains(&json!(end)) {
        ends.push(json!(end));
    }
    generation["eos_token_id"] = json!(ends);
    generation
}

fn merged(mut object: Value, more: Value) -> Value {
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    object
}

/// What a folder has that goes with a model, by name.
#[must_use]
pub fn carried(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let read = |name: &str| Some((name.to_owned(), fs::read(folder.join(name)).ok()?));
    CARRIED.into_iter().filter_map(read).collect()
}
#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use futures_lite::future::block_on;
    use shared::prompt::Template;
    use shared::vocabulary::{Asked, items::ItemVocabularyConfig, tokens::TokenVocabularyConfig};

    use super::*;

    fn config(vocabulary: VocabularyConfig) -> ModelConfig {
        ModelConfig {
            transformer: shared::model::TransformerConfig {
                hidden_size: 8,
                num_hidden_layers: 1,
                num_attention_heads: 2,
                num_key_value_heads: 1,
                intermediate_size: 12,
                ..shared::model::TransformerConfig::default()
            },
            vocabulary,
            context: 5,
            asked: vec![Asked { level: 8, weight: 1.0 }],
        }
    }

    #[test]
    fn a_checkpoint_has_the_names_and_shapes_of_llama() {
        let model = config(VocabularyConfig::Tokens(TokenVocabularyConfig {
            tokens: 20,
            tie_word_embeddings: true,
            template: Template::default(),
        }));
        let weights = block_on(model.init(&Device::flex()).weights()).unwrap();
        let files = files(&model, &weights, b"{}", &BTreeMap::new()).unwrap();
        let written: Value = serde_json::from_slice(&files["config.json"]).unwrap();
        assert_eq!((&written["model_type"], &written["vocab_size"]), (&json!("llama"), &json!(20)));
        let tensors = safetensors::SafeTensors::deserialize(&files["model.safetensors"]).unwrap();
        let shape = |name: &str| tensors.tensor(name).unwrap().shape().to_vec();
        assert_eq!(shape("model.embed_tokens.weight"), [20, 8]);
        assert_eq!(shape("model.layers.0.self_attn.k_proj.weight"), [4, 8]);
        assert_eq!(shape("model.layers.0.mlp.down_proj.weight"), [8, 12]);
        assert_eq!(shape("model.norm.weight"), [8]);
        assert_eq!(tensors.len(), 11);
    }

    #[test]
    fn items_by_number_are_refused_with_a_remedy() {
        let items = ItemVocabularyConfig { items: 3, tokens: 20, eras: vec![], is_complete: false };
        let error = files(&config(VocabularyConfig::Items(items)), &Weights::new(), b"{}", &BTreeMap::new())
            .unwrap_err();
        assert!(error.to_string().contains("hint: train with `--recipe text`"));
    }
}
