//! How wide are the numbers of a pass that trains? Those that are multiplied may be narrower than those that are kept.
//!
//! # Source
//! Micikevicius et al., "Mixed precision training" (arXiv 1710.03740). Weights, what adds up from layer to layer, norms,
//! softmax and losses stay f32; matrix products and what lies between two of them are as narrow as is said here.

use burn::tensor::{Device, FloatDType};
use serde::{Deserialize, Serialize};

/// What matrices are multiplied in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits, as everything else.
    #[default]
    F32,
    /// 16 bits with the range of 32: what large models are trained in.
    Bf16,
    /// 16 bits with a finer step and a smaller range: gradients are scaled so that they do not vanish.
    F16,
}

impl std::str::FromStr for Precision {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = [Self::F32, Self::Bf16, Self::F16];
        known.into_iter().find(|precision| precision.name() == name).ok_or_else(|| {
            format!("there is no precision {name}; there are {}", known.map(Self::name).join(", "))
        })
    }
}

impl Precision {
    /// As a config file writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        }
    }

    #[must_use]
    pub fn dtype(self) -> FloatDType {
        match self {
            Self::F32 => FloatDType::F32,
            Self::Bf16 => FloatDType::BF16,
            Self::F16 => FloatDType::F16,
        }
    }

    /// Whether a device computes in it.
    #[must_use]
    pub fn is_supported_by(self, device: &Device) -> bool {
        self == Self::F32 || device.supports_dtype(self.dtype())
    }
}
