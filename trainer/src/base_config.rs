//! Which published model is fine-tuned, and how? The settings that a run with `--base` has beside all others.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::lora::{LoraConfig, TARGETS};

use crate::{
    config::{Recipe, RunConfig, SftConfig, StageConfig},
    preference_config::PreferenceConfig,
};

/// A checkpoint that training begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BaseConfig {
    /// Folder of a Hugging Face checkpoint, or the file of llama2.c.
    pub path: PathBuf,
    #[serde(default)]
    pub lora: LoraConfig,
}

impl BaseConfig {
    /// # Errors
    /// The first value out of range.
    pub fn validate(&self) -> Result<()> {
        let LoraConfig { rank, alpha, dropout, targets } = &self.lora;
        ensure!(*rank <= 4096, "base.lora.rank is {rank}\nhint: it lies between 0 (no adapters) and 4096");
        ensure!(alpha.is_finite() && *alpha > 0.0, "base.lora.alpha is {alpha}\nhint: it is above 0");
        ensure!(
            (0.0..1.0).contains(dropout),
            "base.lora.dropout is {dropout}\nhint: it lies from 0 to below 1"
        );
        ensure!(
            *rank == 0 || !targets.is_empty(),
            "base.lora.targets is empty\nhint: name one of {}",
            TARGETS.join(", ")
        );
        for target in targets {
            ensure!(
                TARGETS.contains(&target.as_str()),
                "base.lora.targets has {target:?}\nhint: it may have {}",
                TARGETS.join(", ")
            );
        }
        Ok(())
    }
}

impl RunConfig {
    /// The defaults of fine-tuning: adapters as RecPO has them, and rates at which adapters of small models learn.
    #[must_use]
    pub fn imported(path: &Path) -> Self {
        let text = Self::recipe(Recipe::Text);
        let stage = StageConfig { weight_decay: 0.0, ..StageConfig::default() };
        Self {
            base: Some(BaseConfig { path: path.to_owned(), lora: LoraConfig::default() }),
            context: 20,
            dropout: 0.0,
            valid_questions: 200,
            sft: SftConfig {
                batch_targets: 1000,
                stage: StageConfig { epochs: 3, learning_rate: 2e-4, patience: 1, ..stage.clone() },
                ..text.sft
            },
            preference: PreferenceConfig {
                batch_rows: 4,
                stage: StageConfig { epochs: 1, learning_rate: 2e-5, patience: 1, accumulate: 4, ..stage },
                ..text.preference
            },
            ..text
        }
    }
}
