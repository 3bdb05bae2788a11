//! How do adapters leave a run, and enter the next? As the folder that Hugging Face's PEFT reads beside the base model.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;
use shared::weights::Weights;

use super::tensors;
use crate::{base_config::BaseConfig, output::write_file};

/// Folder of a run that holds its adapters.
pub const FOLDER: &str = "adapter";

/// What PEFT puts before the names of the model that it wraps.
const PREFIX: &str = "base_model.model.";
const WEIGHTS: &str = "adapter_model.safetensors";

/// Writes `adapter_config.json` and `adapter_model.safetensors` of a model's adapters.
///
/// # Errors
/// When a file cannot be written.
pub fn write(folder: &Path, base: &BaseConfig, adapters: Weights) -> Result<()> {
    let adapters: Weights =
        adapters.into_iter().map(|(name, weight)| (format!("{PREFIX}{name}"), weight)).collect();
    let config = json!({
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base.path,
        "r": base.lora.rank,
        "lora_alpha": base.lora.alpha,
        "lora_dropout": base.lora.dropout,
        "target_modules": base.lora.targets,
        "bias": "none",
        "fan_in_fan_out": false,
        "inference_mode": true,
    });
    tensors::write_file(&folder.join(WEIGHTS), &adapters)?;
    write_file(&folder.join("adapter_config.json"), &serde_json::to_vec_pretty(&config)?)
}

/// The adapters that [`write`] left, by their names in the model.
///
/// # Errors
/// When they cannot be read.
pub fn read(folder: &Path) -> Result<Weights> {
    let adapters = tensors::read_file(&folder.join(WEIGHTS))
        .with_context(|| format!("{} has no adapters\nhint: train again", folder.display()))?;
    Ok(adapters
        .into_iter()
        .map(|(name, weight)| (name.strip_prefix(PREFIX).map(str::to_owned).unwrap_or(name), weight))
        .collect())
}
