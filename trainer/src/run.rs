//! What does a run leave behind? A folder with the model, its catalogue and tokenizer, and how it was made.
//!
//! ```text
//! config.toml        every setting, defaults included
//! run.json           written last: a folder without it is an unfinished run
//! model.safetensors  weights by Hugging Face name, f32; the best so far while training
//! catalog.json       the items, in the order the model knows them
//! tokenizer.json     trained on their texts
//! metrics.jsonl      one line per epoch, and one every few steps
//! ```

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use burn::tensor::Device;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use shared::{
    catalog::{Catalog, Item},
    score::Scorer,
    signals::SignalsConfig,
    tokenizer::Tokenizer,
    vocabulary::{Model, ModelConfig, VocabularyConfig},
    weights::{Weight, Weights},
};

use crate::{
    config::{Recipe, RunConfig},
    output::write_file,
};

/// What `run.json` says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub model: ModelConfig,
    /// The folder that the run was trained on.
    pub data: PathBuf,
    /// Its format.
    pub format: String,
    /// What each stage reached on the validation questions, and what was done with it.
    pub stages: Vec<StageSummary>,
    /// What events mean; runs from before they could be chosen have the defaults.
    #[serde(default)]
    pub signals: SignalsConfig,
    pub seconds: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageSummary {
    pub stage: String,
    /// Best epoch, from 1; 0 means that the stage changed nothing for the better and was dropped.
    pub epoch: usize,
    pub valid_hit_rate_at_1: f64,
    pub valid_ndcg_at_10: f64,
    pub is_kept: bool,
}

/// A finished run.
pub struct Run {
    pub config: RunConfig,
    pub summary: Summary,
    pub catalog: Catalog,
    pub tokenizer_json: Vec<u8>,
    pub weights: Weights,
}

impl Run {
    /// # Errors
    /// When the folder is no finished run or a file of it is damaged.
    pub fn load(folder: &Path) -> Result<Self> {
        ensure!(
            folder.is_dir(),
            "{} is not a folder\nhint: pass the folder given to `trainer train --out`",
            folder.display()
        );
        ensure!(
            folder.join("run.json").exists(),
            "{} is no finished run: run.json is missing\nhint: `trainer train` writes it at the end",
            folder.display()
        );
        let config_path = folder.join("config.toml");
        let config = toml::from_str(&read_text(&config_path)?)
            .with_context(|| format!("{} is damaged\nhint: train again", config_path.display()))?;
        let items: Vec<Item> = read_json(&folder.join("catalog.json"))?;
        let catalog = Catalog::new(items)
            .with_context(|| format!("{} is damaged", folder.join("catalog.json").display()))?;
        let weights_path = folder.join("model.safetensors");
        let weights = read_weights(&weights_path)
            .with_context(|| format!("{} is damaged\nhint: train again", weights_path.display()))?;
        let tokenizer_json = read_text(&folder.join("tokenizer.json"))?.into_bytes();
        let summary: Summary = read_json(&folder.join("run.json"))?;
        let damaged = || format!("{} is damaged\nhint: train again", folder.join("run.json").display());
        summary.model.validate().with_context(damaged)?;
        summary.signals.validate().with_context(damaged)?;
        if let VocabularyConfig::Items(items) = &summary.model.vocabulary {
            ensure!(items.items == catalog.len(), damaged());
        }
        Ok(Self { config, summary, catalog, tokenizer_json, weights })
    }

    /// Writes the run; `run.json` comes last.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<()> {
        write_file(&folder.join("config.toml"), toml::to_string(&self.config)?.as_bytes())?;
        write_file(&folder.join("catalog.json"), &serde_json::to_vec(self.catalog.items())?)?;
        write_file(&folder.join("tokenizer.json"), &self.tokenizer_json)?;
        write_file(&folder.join("model.safetensors"), &weight_bytes(&self.weights)?)?;
        write_file(&folder.join("run.json"), &serde_json::to_vec_pretty(&self.summary)?)
    }

    /// Tokens of every item as the run's recipe reads them.
    ///
    /// # Errors
    /// When the tokenizer is damaged.
    pub fn texts(&self) -> Result<Vec<Vec<u32>>> {
        let texts = texts(&self.catalog, &self.tokenizer_json, self.config.recipe)?;
        let known = self.summary.model.vocabulary.tokens();
        ensure!(
            texts.iter().flatten().all(|&token| (token as usize) < known),
            "tokenizer.json has tokens that the model lacks\nhint: train again"
        );
        Ok(texts)
    }

    /// # Errors
    /// When the weights do not fit the model.
    pub fn model(&self, device: &Device) -> Result<Model> {
        self.summary
            .model
            .init(device)
            .with_weights(&self.weights, device)
            .context("model.safetensors does not fit run.json\nhint: train again")
    }

    /// # Errors
    /// When the weights do not fit the model or the tokenizer is damaged.
    pub fn scorer(&self, device: &Device) -> Result<Scorer> {
        Ok(Scorer::new(&self.model(device)?, self.summary.model.clone(), self.texts()?, device))
    }
}

/// Most tokens of an item that the model reads: every item is padded to the longest, so that one endless
/// attribute must not cost all of them.
const ITEM_TOKENS: usize = 64;

/// Tokens of every item: title and attributes for `compact`, the title alone for `text`.
///
/// # Errors
/// When the tokenizer is damaged or an item has no tokens.
pub fn texts(catalog: &Catalog, tokenizer_json: &[u8], recipe: Recipe) -> Result<Vec<Vec<u32>>> {
    let tokenizer = Tokenizer::from_json(tokenizer_json)?;
    let read = |item: &Item| {
        let text = match recipe {
            Recipe::Compact => item.model_text(),
            Recipe::Text => item.title.clone(),
        };
        let mut tokens = tokenizer.encode(&text)?;
        tokens.truncate(ITEM_TOKENS);
        ensure!(!tokens.is_empty(), "item {:?} has no tokens", item.id);
        Ok(tokens)
    };
    catalog.items().iter().map(read).collect()
}

fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path)
        .with_context(|| format!("cannot read {}\nhint: the run is incomplete; train again", path.display()))
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    serde_json::from_str(&read_text(path)?)
        .with_context(|| format!("{} is damaged\nhint: train again", path.display()))
}

fn read_weights(path: &Path) -> Result<Weights> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let tensors = SafeTensors::deserialize(&bytes)?;
    let mut weights = Weights::new();
    for (name, tensor) in tensors.tensors() {
        if tensor.dtype() != Dtype::F32 {
            bail!("tensor {name} is {:?}, expected F32", tensor.dtype());
        }
        let values =
            tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        weights.insert(name.clone(), Weight { shape: tensor.shape().to_vec(), values });
    }
    Ok(weights)
}

/// Weights as a safetensors file.
///
/// # Errors
/// When safetensors refuses them.
pub fn weight_bytes(weights: &Weights) -> Result<Vec<u8>> {
    let bytes: BTreeMap<&String, Vec<u8>> = weights
        .iter()
        .map(|(name, weight)| (name, weight.values.iter().flat_map(|value| value.to_le_bytes()).collect()))
        .collect();
    let views = weights
        .iter()
        .map(|(name, weight)| {
            let view = TensorView::new(Dtype::F32, weight.shape.clone(), &bytes[name])
                .map_err(|error| anyhow!("tensor {name}: {error}"))?;
            Ok((name.clone(), view))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(safetensors::serialize(views, None)?)
}
