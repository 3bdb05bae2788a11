//! Which published model is fine-tuned, and how? The settings that a run with `--base` has beside all others.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use burn::tensor::Device;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{
    lora::{LoraConfig, TARGETS},
    quant::{Bits, QuantisedMatrix},
    vocabulary::Model,
    weights::{Weight, Weights},
};

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
    /// Bits of the numbers in the matrices that stay as they are while adapters learn: 32, 8 or 4.
    #[serde(default = "BaseConfig::floats")]
    pub bits: u8,
    #[serde(default)]
    pub lora: LoraConfig,
}

impl BaseConfig {
    /// Training of `path` with everything as it is by default.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), bits: Self::floats(), lora: LoraConfig::default() }
    }

    fn floats() -> u8 {
        32
    }

    /// How many bits the weights have that stay as they are, where they are packed.
    pub fn packing(&self) -> Option<Bits> {
        match self.bits {
            8 => Some(Bits::Eight),
            4 => Some(Bits::Four),
            _ => None,
        }
    }

    /// The model as training begins with it: the checkpoint's weights, packed where they stay as they are, and adapters.
    ///
    /// # Errors
    /// Lists every tensor that is missing, left over, or of another shape.
    pub fn begin(&self, model: Model, mut weights: Weights, device: &Device) -> Result<Model> {
        let mut matrices = BTreeMap::new();
        if let Some(bits) = self.packing() {
            let is_frozen =
                |name: &String, weight: &mut Weight| weight.shape.len() == 2 && self.lora.is_target(name);
            // One by one, so that there is never all of it twice.
            for (name, Weight { shape, values }) in weights.extract_if(.., is_frozen) {
                matrices.insert(name, QuantisedMatrix::new(&values, shape[0], shape[1], bits));
            }
        }
        let model = model
            .with_packed_weights(weights, matrices, device)
            .context("the checkpoint does not fit its config.json")?;
        Ok(if self.lora.rank == 0 { model } else { model.adapted(&self.lora, device) })
    }

    /// # Errors
    /// The first value out of range.
    pub fn validate(&self) -> Result<()> {
        let LoraConfig { rank, alpha, dropout, targets } = &self.lora;
        ensure!([32, 8, 4].contains(&self.bits), "base.bits is {}\nhint: 32, 8 or 4", self.bits);
        ensure!(
            self.bits == 32 || *rank > 0,
            "base.bits is {}, but packed numbers cannot be trained\nhint: set base.lora.rank above 0, or base.bits to 32",
            self.bits
        );
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
    /// The defaults of fine-tuning: adapters and clipping as RecPO has them, and rates at which adapters of small models
    /// learn.
    #[must_use]
    pub fn imported(path: &Path) -> Self {
        let text = Self::recipe(Recipe::Text);
        let stage =
            StageConfig { weight_decay: 0.0, clip: 0.3, clip_together: true, ..StageConfig::default() };
        Self {
            base: Some(BaseConfig::of(path)),
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

#[cfg(test)]
mod tests {
    use futures_lite::future::block_on;
    use shared::interaction::Interaction;

    use super::*;
    use crate::{
        config::asked,
        examples::tokens::{TokenData, TokenSft},
        parameters,
        train::{self, Objective},
    };

    /// Adapters beside packed matrices learn what they learn beside the floats that those stand for.
    #[test]
    fn a_packed_base_trains_as_its_dequantised_floats() {
        let device = Device::flex().autodiff();
        let run = RunConfig { hidden_size: 32, heads: 2, dropout: 0.0, ..RunConfig::recipe(Recipe::Text) };
        let config = run.model(3, 40, Vec::new(), asked(std::iter::empty()));
        let met = |item| Interaction { item, intensity: 1.0, time_ms: 0 };
        let titles = [vec![11, 12], vec![13], vec![14, 15, 16]];
        let data = TokenData::new(&[vec![met(0), met(1), met(2)]], &titles, &config, &device);
        let train = |base: &BaseConfig, weights: Weights| {
            let model = base.begin(config.init(&device), weights, &device).unwrap();
            let model = parameters::numbered(model);
            let trained = parameters::trained(&model);
            // Adapters begin with the same numbers; what is drawn depends on the tests beside this one.
            let mut start = parameters::parameters(&model, &trained);
            for (index, adapter) in start.values_mut().enumerate() {
                for (place, value) in adapter.values.iter_mut().enumerate() {
                    *value = (index as f32 + 0.7 * place as f32).sin() * 0.1;
                }
            }
            let mut model = parameters::restored(model, &start).unwrap();
            let mut objective = TokenSft::new(data.clone(), &run.sft, 1);
            let mut optimizer = train::optimizer(&run.sft.stage);
            let batches = objective.epoch(1);
            for _ in 0..3 {
                let outcome = train::gradients(&objective, &model, &batches, 1.0);
                model = optimizer.step(1e-2, model, outcome.gradients);
            }
            let adapters = parameters::parameters(&model, &trained);
            (adapters, block_on(model.merged().weights()).unwrap())
        };
        device.seed(4);
        let weights = block_on(config.init(&device).weights()).unwrap();
        for (bits, packing) in [(8, Bits::Eight), (4, Bits::Four)] {
            let packed = BaseConfig { bits, ..BaseConfig::of(Path::new("base")) };
            let mut dequantised = weights.clone();
            for (name, weight) in &mut dequantised {
                if packed.lora.is_target(name) {
                    let [rows, columns] = weight.shape[..] else { panic!("{name} is no matrix") };
                    weight.values = QuantisedMatrix::new(&weight.values, rows, columns, packing).dequantise();
                }
            }
            assert_ne!(dequantised, weights);
            let (got, merged) = train(&packed, weights.clone());
            let (expected, expected_merged) = train(&BaseConfig::of(Path::new("base")), dequantised);
            assert_eq!(got.len(), 2 * 7 * run.layers);
            assert!(merged.keys().eq(expected_merged.keys()));
            // Adapters by their order: what is packed has no number.
            for (got, expected) in [(got, expected), (merged, expected_merged)] {
                assert_eq!(got.len(), expected.len());
                for ((name, got), expected) in got.iter().zip(expected.values()) {
                    assert_eq!(got.shape, expected.shape);
                    let pairs = got.values.iter().zip(&expected.values);
                    let largest = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                    assert!(largest < 1e-4, "{bits} bits, {name}: off by {largest}");
                }
            }
        }
    }

    #[test]
    fn packed_numbers_are_not_trained() {
        let mut base = BaseConfig { bits: 4, ..BaseConfig::of(Path::new("base")) };
        assert!(base.validate().is_ok());
        base.lora.rank = 0;
        assert!(base.validate().unwrap_err().to_string().contains("hint: set base.lora.rank above 0"));
        base.bits = 5;
        assert!(base.validate().unwrap_err().to_string().contains("hint: 32, 8 or 4"));
    }
}
