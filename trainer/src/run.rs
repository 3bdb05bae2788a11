//! What does a run leave behind? A folder with the model, its catalogue and tokenizer, and how it was made.
//!
//! ```text
//! config.toml        every setting, defaults included
//! run.json           written last: a folder without it is an unfinished run
//! model.safetensors  weights by Hugging Face name, f32; the best so far while training
//! catalog.json       the items, in the order the model knows them
//! tokenizer.json     trained on their texts
//! metrics.jsonl      one line per epoch, and one every few steps
//! train.log          what was said meanwhile
//! ```

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use burn::tensor::Device;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use shared::{
    catalog::{Catalog, Item},
    package::TEXT_TOKENS,
    score::Scorer,
    signals::SignalsConfig,
    tokenizer::Tokenizer,
    vocabulary::{Model, ModelConfig, VocabularyConfig},
    weights::Weights,
};

use crate::{
    config::{Recipe, RunConfig},
    hugging_face::{self, template, tensors},
    output::write_file,
    preference_config::Arm,
};

/// Folder of what an imported model came with: how it is used for chat, what its tokenizer is called.
const CHECKPOINT: &str = "checkpoint";

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
    /// What an imported model came with and goes with, by name.
    pub carried: BTreeMap<String, Vec<u8>>,
}

impl Run {
    /// # Errors
    /// When the folder is no finished run or a file of it is damaged.
    pub fn load(folder: &Path) -> Result<Self> {
        check_folder(folder)?;
        ensure!(
            folder.join("run.json").exists(),
            "{0} is no finished run: run.json is missing\nhint: `trainer train --resume {0}` goes on with it and writes it at the end",
            folder.display()
        );
        let config_path = folder.join("config.toml");
        let config = toml::from_str(&read_text(&config_path)?)
            .with_context(|| format!("{} is damaged\nhint: train again", config_path.display()))?;
        let items: Vec<Item> = read_json(&folder.join("catalog.json"))?;
        let catalog = Catalog::new(items)
            .with_context(|| format!("{} is damaged", folder.join("catalog.json").display()))?;
        let weights_path = folder.join("model.safetensors");
        let weights = tensors::read_file(&weights_path)
            .with_context(|| format!("{} is damaged\nhint: train again", weights_path.display()))?;
        let tokenizer_json = read_text(&folder.join("tokenizer.json"))?.into_bytes();
        let summary: Summary = read_json(&folder.join("run.json"))?;
        let damaged = || format!("{} is damaged\nhint: train again", folder.join("run.json").display());
        summary.model.validate().with_context(damaged)?;
        summary.signals.validate().with_context(damaged)?;
        if let VocabularyConfig::Items(items) = &summary.model.vocabulary {
            ensure!(items.items == catalog.len(), damaged());
        }
        let carried = hugging_face::carried(&folder.join(CHECKPOINT));
        Ok(Self { config, summary, catalog, tokenizer_json, weights, carried })
    }

    /// The arm that it ended with, and its λ where that is not the usual one.
    #[must_use]
    pub fn arm(&self) -> String {
        let preference = &self.config.preference;
        if !self.has_preference_stage() {
            return Arm::Sft.name();
        }
        if Arm::of(preference) == Some(Arm::Recpo) && (preference.lambda - 2.0).abs() > f32::EPSILON {
            return format!("recpo λ={}", preference.lambda);
        }
        preference.name()
    }

    /// A stage that was dropped left the model of the one before.
    #[must_use]
    pub fn has_preference_stage(&self) -> bool {
        self.config.preference.is_enabled && self.summary.stages.last().is_some_and(|stage| stage.is_kept)
    }

    /// Writes the run; `run.json` comes last.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<()> {
        write_file(&folder.join("config.toml"), toml::to_string(&self.config)?.as_bytes())?;
        write_file(&folder.join("catalog.json"), &serde_json::to_vec(self.catalog.items())?)?;
        write_file(&folder.join("tokenizer.json"), &self.tokenizer_json)?;
        tensors::write_file(&folder.join("model.safetensors"), &self.weights)?;
        for (name, bytes) in &self.carried {
            write_file(&folder.join(CHECKPOINT).join(name), bytes)?;
        }
        write_file(&folder.join("run.json"), &serde_json::to_vec_pretty(&self.summary)?)
    }

    /// Tokens of every item as the run's recipe reads them.
    ///
    /// # Errors
    /// When the tokenizer is damaged.
    pub fn texts(&self) -> Result<Vec<Vec<u32>>> {
        let texts = texts(&self.catalog, &self.tokenizer_json, &self.config)?;
        ensure_known(&texts, &self.summary.model)?;
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

/// # Errors
/// When it is not there, or no folder.
pub fn check_folder(folder: &Path) -> Result<()> {
    ensure!(
        folder.is_dir(),
        "{} is not a folder\nhint: pass the folder given to `trainer train --out`",
        folder.display()
    );
    Ok(())
}

/// Tokens of every item: title and attributes for `compact`, the title alone for `text`, and on a line of its own for a
/// published model.
///
/// # Errors
/// When the tokenizer is damaged or an item has no tokens.
pub fn texts(catalog: &Catalog, tokenizer_json: &[u8], config: &RunConfig) -> Result<Vec<Vec<u32>>> {
    let tokenizer = Tokenizer::from_json(tokenizer_json)?;
    let read = |item: &Item| {
        let mut tokens = match (config.recipe, &config.base) {
            (Recipe::Compact, _) => tokenizer.encode(&item.model_text())?,
            (Recipe::Text, None) => tokenizer.encode(&item.title)?,
            (Recipe::Text, Some(_)) => template::title(&tokenizer, &item.title)?,
        };
        tokens.truncate(TEXT_TOKENS);
        ensure!(!tokens.is_empty(), "item {:?} has no tokens", item.id);
        Ok(tokens)
    };
    catalog.items().iter().map(read).collect()
}

/// Says how many texts are as long as texts can be: titles beyond that are one title to a model of titles.
#[must_use]
pub fn cut_texts(texts: &[Vec<u32>]) -> Option<String> {
    let longest = texts.iter().filter(|text| text.len() == TEXT_TOKENS).count();
    (longest > 0).then(|| {
        format!(
            "warning: {longest} titles are read up to their token {TEXT_TOKENS}, and what differs after it is the same to the \
             model\nhint: shorten them, or say first what tells them apart"
        )
    })
}

/// # Errors
/// When the texts of items have tokens that a model lacks.
pub fn ensure_known(texts: &[Vec<u32>], model: &ModelConfig) -> Result<()> {
    let known = model.vocabulary.tokens();
    let largest = texts.iter().flatten().max().map_or(0, |&token| token as usize);
    ensure!(
        largest < known,
        "tokenizer.json gives token {largest}, and the model has {known} tokens\n\
         hint: of a published model, take the tokenizer.json that came with it; else train again"
    );
    Ok(())
}

fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path)
        .with_context(|| format!("cannot read {}\nhint: the run is incomplete; train again", path.display()))
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    serde_json::from_str(&read_text(path)?)
        .with_context(|| format!("{} is damaged\nhint: train again", path.display()))
}
