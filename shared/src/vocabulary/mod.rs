//! What stands around the trunk: how items enter it and how log π(item | history) is read from it.
//!
//! Two vocabularies with one interface. Losses, evaluation, package and engine never ask which one it is.

pub mod items;
pub mod tokens;

use burn::{
    module::Module,
    tensor::{Device, Tensor, TensorData},
};
use serde::{Deserialize, Serialize};

use crate::{
    model::{ConfigError, Transformer, TransformerConfig},
    preference::INTENSITY_LEVELS,
};
use items::{ItemVocabulary, ItemVocabularyConfig};
use tokens::{TokenVocabulary, TokenVocabularyConfig};

/// The whole model: trunk and vocabulary, everything that has weights.
#[derive(Module, Debug)]
pub struct Model {
    pub model: Transformer,
    pub vocabulary: Vocabulary,
}

#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "one model exists at a time")]
pub enum Vocabulary {
    Items(ItemVocabulary),
    Tokens(TokenVocabulary),
}

/// Everything needed to build a model with random weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelConfig {
    pub transformer: TransformerConfig,
    pub vocabulary: VocabularyConfig,
    /// How many of the newest interactions the model sees.
    pub context: usize,
    /// Intensities that are asked for when recommending, with their weights in the mixture.
    pub asked: Vec<Asked>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VocabularyConfig {
    Items(ItemVocabularyConfig),
    Tokens(TokenVocabularyConfig),
}

impl VocabularyConfig {
    /// Number of tokens of the tokenizer.
    #[must_use]
    pub fn tokens(&self) -> usize {
        match self {
            Self::Items(items) => items.tokens,
            Self::Tokens(tokens) => tokens.tokens,
        }
    }
}

/// "Which item would be met with this intensity?": one part of the mixture a recommendation is read from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// Intensity level, 0 to 8.
    pub level: usize,
    /// Share of the mixture; shares sum to 1.
    pub weight: f32,
}

/// Longest history a model may be asked to see.
const MAX_CONTEXT: usize = 4096;

impl ModelConfig {
    /// # Errors
    /// The first rule that is broken.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.transformer.validate()?;
        if self.context == 0 || self.context > MAX_CONTEXT {
            return Err(ConfigError::OutOfRange { field: "context", got: self.context });
        }
        if self.asked.is_empty() || self.asked.len() > INTENSITY_LEVELS {
            return Err(ConfigError::OutOfRange { field: "asked", got: self.asked.len() });
        }
        for asked in &self.asked {
            if asked.level >= INTENSITY_LEVELS {
                return Err(ConfigError::OutOfRange { field: "asked.level", got: asked.level });
            }
            if !asked.weight.is_finite() || asked.weight <= 0.0 {
                return Err(ConfigError::NotFinite { field: "asked.weight" });
            }
        }
        let sizes = match &self.vocabulary {
            VocabularyConfig::Items(items) => [("items", items.items), ("tokens", items.tokens)],
            VocabularyConfig::Tokens(tokens) => [("tokens", tokens.tokens), ("tokens", tokens.tokens)],
        };
        for (field, got) in sizes {
            if got == 0 || got > 1 << 22 {
                return Err(ConfigError::OutOfRange { field, got });
            }
        }
        Ok(())
    }

    #[must_use]
    pub fn init(&self, device: &Device) -> Model {
        let hidden = self.transformer.hidden_size;
        let vocabulary = match &self.vocabulary {
            VocabularyConfig::Items(config) => Vocabulary::Items(config.init(hidden, device)),
            VocabularyConfig::Tokens(config) => Vocabulary::Tokens(config.init(hidden, device)),
        };
        Model { model: self.transformer.init(device), vocabulary }
    }
}

/// Rows of `i32` as an index tensor.
pub(crate) fn index_tensor<const N: usize>(
    values: Vec<i32>,
    shape: [usize; N],
    device: &Device,
) -> Tensor<N, burn::tensor::Int> {
    Tensor::from_data(TensorData::new(values, shape), device)
}
