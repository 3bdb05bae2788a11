//! Which sizes does the trunk have? A Hugging Face `config.json`, and what it must not say.

use serde::{Deserialize, Serialize};

/// Sizes of the trunk, under the names of a Hugging Face `config.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransformerConfig {
    pub hidden_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    /// Fewer than the attention heads: grouped-query attention.
    pub num_key_value_heads: usize,
    pub intermediate_size: usize,
    /// Width of a head where it is not the hidden size over the number of heads (Qwen3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_dim: Option<usize>,
    pub rms_norm_eps: f64,
    pub rope_theta: f64,
    /// Slower rotations for histories longer than pretraining met (Llama 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rope_scaling: Option<RopeScaling>,
    /// Bias on the q, k and v projections (Qwen2).
    #[serde(default)]
    pub attention_bias: bool,
    /// RMSNorm on every head's queries and keys (Qwen3).
    #[serde(default)]
    pub qk_norm: bool,
    /// Probability with which a value is dropped while training.
    #[serde(default)]
    pub dropout: f64,
}

/// What Llama 2 has beside its sizes, which are none here: a config says them, or it is refused.
impl Default for TransformerConfig {
    fn default() -> Self {
        Self {
            hidden_size: 0,
            num_hidden_layers: 0,
            num_attention_heads: 0,
            num_key_value_heads: 0,
            intermediate_size: 0,
            head_dim: None,
            rms_norm_eps: 1e-5,
            rope_theta: 10_000.0,
            rope_scaling: None,
            attention_bias: false,
            qk_norm: false,
            dropout: 0.0,
        }
    }
}

/// Rotary frequencies as Llama 3.1 changed them, under the names of a Hugging Face `config.json`; written as their four
/// numbers in this order, which costs a browser less to read.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<f32>", into = "Vec<f32>")]
pub struct RopeScaling {
    pub factor: f64,
    pub low_freq_factor: f64,
    pub high_freq_factor: f64,
    pub original_max_position_embeddings: f64,
}

impl From<Vec<f32>> for RopeScaling {
    /// What is missing is 0, which a config refuses.
    fn from(numbers: Vec<f32>) -> Self {
        let number = |place| numbers.get(place).copied().map_or(0.0, f64::from);
        Self {
            factor: number(0),
            low_freq_factor: number(1),
            high_freq_factor: number(2),
            original_max_position_embeddings: number(3),
        }
    }
}

impl From<RopeScaling> for Vec<f32> {
    fn from(of: RopeScaling) -> Self {
        [of.factor, of.low_freq_factor, of.high_freq_factor, of.original_max_position_embeddings]
            .map(|number| number as f32)
            .to_vec()
    }
}

impl RopeScaling {
    /// The least of what must be positive.
    fn least(self) -> f64 {
        let between = self.high_freq_factor - self.low_freq_factor;
        // Not `min`, which drops what is no number.
        if between > 0.0 && self.original_max_position_embeddings > 0.0 { self.factor } else { f64::NAN }
    }

    /// A frequency whose wave is longer than what pretraining saw of it is divided by the factor; between the two bounds
    /// it is mixed.
    ///
    /// # Source
    /// Llama 3.1, as `_compute_llama3_parameters` of Hugging Face's transformers.
    fn scaled(&self, frequency: f64) -> f64 {
        let waves = self.original_max_position_embeddings * frequency / std::f64::consts::TAU;
        let share = (waves - self.low_freq_factor) / (self.high_freq_factor - self.low_freq_factor);
        let kept = share.clamp(0.0, 1.0);
        frequency * (kept + (1.0 - kept) / self.factor)
    }
}

/// Largest value of any size in a config; a package that asks for more is refused.
const MAX_SIZE: usize = 1 << 20;

/// Which rule a transformer config breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    OutOfRange { field: &'static str, got: usize, least: usize, most: usize },
    HeadsDoNotDivide { hidden_size: usize, heads: usize },
    OddHeadSize { head_size: usize },
    KeyValueHeadsDoNotDivide { heads: usize, key_value_heads: usize },
    NotFinite { field: &'static str },
    NotAscending { field: &'static str },
    NotShares { field: &'static str },
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OutOfRange { field, got, least, most } if least == most => {
                write!(f, "{field} is {got}, expected {least}")
            }
            Self::OutOfRange { field, got, least, most } => {
                write!(f, "{field} is {got}, expected {least} to {most}")
            }
            Self::HeadsDoNotDivide { hidden_size, heads } => {
                write!(f, "hidden_size {hidden_size} is no multiple of num_attention_heads {heads}")
            }
            Self::OddHeadSize { head_size } => {
                write!(f, "head size {head_size} is odd; rotary positions need an even one")
            }
            Self::KeyValueHeadsDoNotDivide { heads, key_value_heads } => {
                write!(
                    f,
                    "num_attention_heads {heads} is no multiple of num_key_value_heads {key_value_heads}"
                )
            }
            Self::NotFinite { field } => write!(f, "{field} must be a positive number"),
            Self::NotAscending { field } => write!(f, "every number of {field} must be above the one before"),
            Self::NotShares { field } => write!(f, "the numbers of {field} must add up to 1"),
        }
    }
}

impl std::error::Error for ConfigError {}

/// A size within its bounds, both included.
///
/// # Errors
/// [`ConfigError::OutOfRange`].
pub(crate) fn within(field: &'static str, got: usize, least: usize, most: usize) -> Result<(), ConfigError> {
    if (least..=most).contains(&got) {
        Ok(())
    } else {
        Err(ConfigError::OutOfRange { field, got, least, most })
    }
}

impl TransformerConfig {
    #[must_use]
    pub fn head_size(&self) -> usize {
        self.head_dim.unwrap_or(self.hidden_size / self.num_attention_heads)
    }

    /// Radians by which each pair of a head's numbers turns from one position to the next.
    pub(crate) fn frequencies(&self) -> Vec<f64> {
        let size = self.head_size();
        let plain = (0..size / 2).map(|i| self.rope_theta.powf(-2.0 * i as f64 / size as f64));
        plain.map(|frequency| self.rope_scaling.as_ref().map_or(frequency, |s| s.scaled(frequency))).collect()
    }

    /// # Errors
    /// The first rule that is broken; a config that passes can be built without a panic.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let sizes = [
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.num_key_value_heads),
            ("intermediate_size", self.intermediate_size),
            ("head_dim", self.head_dim.unwrap_or(1)),
        ];
        for (field, got) in sizes {
            within(field, got, 1, MAX_SIZE)?;
        }
        let (hidden_size, heads) = (self.hidden_size, self.num_attention_heads);
        if self.head_dim.is_none() && !hidden_size.is_multiple_of(heads) {
            return Err(ConfigError::HeadsDoNotDivide { hidden_size, heads });
        }
        if !self.head_size().is_multiple_of(2) {
            return Err(ConfigError::OddHeadSize { head_size: self.head_size() });
        }
        let key_value_heads = self.num_key_value_heads;
        if !heads.is_multiple_of(key_value_heads) {
            return Err(ConfigError::KeyValueHeadsDoNotDivide { heads, key_value_heads });
        }
        let scaling = self.rope_scaling.map_or(1.0, RopeScaling::least);
        let numbers =
            [("rms_norm_eps", self.rms_norm_eps), ("rope_theta", self.rope_theta), ("rope_scaling", scaling)];
        for (field, value) in numbers {
            if !value.is_finite() || value <= 0.0 {
                return Err(ConfigError::NotFinite { field });
            }
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(ConfigError::NotFinite { field: "dropout" });
        }
        Ok(())
    }
}
