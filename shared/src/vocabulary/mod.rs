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
    matrix::Slot,
    model::{ConfigError, Transformer, TransformerConfig},
    preference::INTENSITY_LEVELS,
    prompt::Template,
    transformer_config::within,
};
use items::{ItemTexts, ItemVocabulary, ItemVocabularyConfig};
use tokens::{TokenVocabulary, TokenVocabularyConfig};

/// The whole model: trunk and vocabulary, everything that has weights.
#[derive(Module, Debug)]
pub struct Model {
    pub model: Transformer,
    pub vocabulary: Vocabulary,
}

#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "one model exists at a time")]
pub enum Vocabulary {
    Items(ItemVocabulary),
    Tokens(TokenVocabulary),
}

impl Model {
    /// The model with nothing left to compute from `texts`, as a package holds it, and its config. Answers are the same.
    #[must_use]
    pub fn complete(
        self,
        mut config: ModelConfig,
        texts: &[Vec<u32>],
        device: &Device,
    ) -> (Self, ModelConfig) {
        let vocabulary = match self.vocabulary {
            Vocabulary::Items(items) => Vocabulary::Items(items.complete(&ItemTexts::new(texts, device))),
            tokens @ Vocabulary::Tokens(_) => tokens,
        };
        if let VocabularyConfig::Items(items) = &mut config.vocabulary {
            items.is_complete = true;
        }
        (Self { vocabulary, ..self }, config)
    }

    /// Every matrix that may be packed, with the name that weights give it.
    pub(crate) fn matrices_mut(&mut self) -> Vec<(String, Slot<'_>)> {
        let mut matrices = self.model.matrices_mut();
        matrices.extend(match &mut self.vocabulary {
            Vocabulary::Items(items) => items.matrices_mut(),
            Vocabulary::Tokens(tokens) => tokens.matrices_mut(),
        });
        matrices
    }
}

/// Everything needed to build a model with random weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelConfig {
    pub transformer: TransformerConfig,
    pub vocabulary: VocabularyConfig,
    /// How many of the newest interactions the model sees at most.
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

    /// What histories are written with; an item vocabulary writes none.
    #[must_use]
    pub fn template(&self) -> Option<&Template> {
        match self {
            Self::Items(_) => None,
            Self::Tokens(tokens) => Some(&tokens.template),
        }
    }

    /// Where the calendar is cut; see [`ItemVocabularyConfig::eras`].
    #[must_use]
    pub fn eras(&self) -> &[i64] {
        match self {
            Self::Items(items) => &items.eras,
            Self::Tokens(_) => &[],
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
/// Most items, and most tokens.
const MAX_ROWS: usize = 1 << 22;
/// Most cuts of the calendar.
const MAX_ERAS: usize = 4096;

impl ModelConfig {
    /// # Errors
    /// The first rule that is broken.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.transformer.validate()?;
        within("context", self.context, 1, MAX_CONTEXT)?;
        within("asked", self.asked.len(), 1, INTENSITY_LEVELS)?;
        for asked in &self.asked {
            within("asked.level", asked.level, 0, INTENSITY_LEVELS - 1)?;
            if !asked.weight.is_finite() || asked.weight <= 0.0 {
                return Err(ConfigError::NotFinite { field: "asked.weight" });
            }
        }
        // A mixture of probabilities is one.
        if (self.asked.iter().map(|asked| asked.weight).sum::<f32>() - 1.0).abs() > 1e-3 {
            return Err(ConfigError::NotShares { field: "asked.weight" });
        }
        let eras = self.vocabulary.eras();
        within("eras", eras.len(), 0, MAX_ERAS)?;
        if !eras.is_sorted_by(|cut, next| cut < next) {
            return Err(ConfigError::NotAscending { field: "eras" });
        }
        let levels = self.vocabulary.template().map_or(INTENSITY_LEVELS, |template| template.levels.len());
        within("template.levels", levels, INTENSITY_LEVELS, INTENSITY_LEVELS)?;
        let sizes = match &self.vocabulary {
            VocabularyConfig::Items(items) => [("items", items.items), ("tokens", items.tokens)],
            VocabularyConfig::Tokens(tokens) => [("tokens", tokens.tokens), ("tokens", tokens.tokens)],
        };
        // Histories are read with the template's own tokens, whatever the titles are made of.
        let least = match &self.vocabulary {
            VocabularyConfig::Items(_) => 1,
            VocabularyConfig::Tokens(tokens) => tokens.template.largest() as usize + 1,
        };
        for (field, got) in sizes {
            within(field, got, least, MAX_ROWS)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calendar_that_does_not_ascend_is_refused() {
        let transformer = TransformerConfig {
            hidden_size: 4,
            num_hidden_layers: 1,
            num_attention_heads: 1,
            num_key_value_heads: 1,
            intermediate_size: 4,
            ..TransformerConfig::default()
        };
        let of = |eras: Vec<i64>| ModelConfig {
            transformer: transformer.clone(),
            vocabulary: VocabularyConfig::Items(ItemVocabularyConfig {
                items: 2,
                tokens: 2,
                eras,
                is_complete: false,
            }),
            context: 5,
            asked: vec![Asked { level: 8, weight: 1.0 }],
        };
        assert_eq!(of(vec![]).validate(), Ok(()));
        assert_eq!(of(vec![-3, 0, 7]).validate(), Ok(()));
        assert_eq!(of(vec![3, 3]).validate(), Err(ConfigError::NotAscending { field: "eras" }));
        let many = of((0..5000).collect()).validate();
        let error = ConfigError::OutOfRange { field: "eras", got: 5000, least: 0, most: MAX_ERAS };
        assert_eq!((many, error.to_string().as_str()), (Err(error), "eras is 5000, expected 0 to 4096"));
        let half = ModelConfig { asked: vec![Asked { level: 8, weight: 0.5 }], ..of(vec![]) };
        assert_eq!(half.validate(), Err(ConfigError::NotShares { field: "asked.weight" }));
    }
}
