//! How are gradients kept from vanishing in 16 bits? The loss is scaled up before them, and they are scaled down after.
//!
//! # Source
//! Micikevicius et al., arXiv 1710.03740, §3.2, with a factor that finds itself as in PyTorch's `GradScaler`: halved when
//! something overflows, doubled after many steps in which nothing did.

use anyhow::{Result, ensure};
use burn::{module::Module, optim::GradientsParams, tensor::Tensor};
use shared::{precision::Precision, vocabulary::Model};

use crate::{clipping, health::gradient_norm};

/// What a loss in f16 is multiplied with at first.
const FIRST: f64 = 65_536.0;
/// Steps without an overflow after which the factor is doubled.
const PATIENCE: usize = 2000;

/// What losses are multiplied with.
#[derive(Clone, Debug)]
pub struct LossScale {
    /// None where numbers have the range of f32.
    factor: Option<f64>,
    steps: usize,
}

impl LossScale {
    /// As a precision needs it, or where an earlier process left it.
    #[must_use]
    pub fn new(precision: Precision, earlier: Option<(f64, usize)>) -> Self {
        let (factor, steps) = earlier.unwrap_or((FIRST, 0));
        Self { factor: (precision == Precision::F16).then_some(factor), steps }
    }

    /// What the next loss is multiplied with.
    #[must_use]
    pub fn factor(&self) -> f64 {
        self.factor.unwrap_or(1.0)
    }

    /// What has to be kept to go on: the factor, and the steps since the last overflow.
    #[must_use]
    pub fn state(&self) -> Option<(f64, usize)> {
        self.factor.map(|factor| (factor, self.steps))
    }

    /// The gradients of the loss itself, or none when they overflowed: then there is no step, and the next loss is scaled
    /// up by less.
    ///
    /// # Errors
    /// When the device fails, or they overflow without having been scaled.
    pub fn settle(&mut self, model: &Model, gradients: GradientsParams) -> Result<Option<GradientsParams>> {
        let Some(factor) = self.factor else { return Ok(Some(gradients)) };
        if !gradient_norm(model, &gradients)?.is_finite() {
            ensure!(
                factor > 1.0,
                "gradients leave the range of f16\nhint: precision = \"bf16\" or \"f32\"; the last checkpoint is as it was"
            );
            (self.factor, self.steps) = (Some(factor / 2.0), 0);
            return Ok(None);
        }
        self.steps += 1;
        if self.steps == PATIENCE {
            (self.factor, self.steps) = (Some(factor * 2.0), 0);
        }
        let device = model.devices().into_iter().next().unwrap_or_default().inner();
        let by = Tensor::from_data([factor.recip() as f32], &device);
        Ok(Some(clipping::scaled(model, gradients, by)))
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use shared::vocabulary::{ModelConfig, Vocabulary};

    use super::*;
    use crate::config::{Recipe, RunConfig};

    fn model() -> (Model, ModelConfig) {
        let config = RunConfig { hidden_size: 8, heads: 2, ..RunConfig::recipe(Recipe::Compact) };
        let config = config.model(5, 20, Vec::new(), Vec::new());
        (config.init(&Device::flex().autodiff()), config)
    }

    /// Of a sum of all item biases, times what the loss is multiplied with.
    fn gradients(model: &Model, factor: f64) -> GradientsParams {
        let Vocabulary::Items(items) = &model.vocabulary else { panic!() };
        let loss = items.token_vectors().sum() * factor;
        GradientsParams::from_grads(loss.backward(), model)
    }

    #[test]
    fn overflow_halves_and_what_is_finite_is_scaled_back() {
        let (model, _) = model();
        let mut scale = LossScale::new(Precision::F16, None);
        assert!(scale.settle(&model, gradients(&model, f64::INFINITY)).unwrap().is_none());
        assert_eq!(scale.state(), Some((FIRST / 2.0, 0)));
        let given = gradients(&model, scale.factor());
        let settled = scale.settle(&model, given).unwrap().unwrap();
        let (got, expected) = (
            gradient_norm(&model, &settled).unwrap(),
            gradient_norm(&model, &gradients(&model, 1.0)).unwrap(),
        );
        assert!((got - expected).abs() < 1e-6 * expected && expected > 0.0, "{got}, not {expected}");
        for _ in 1..PATIENCE - 1 {
            scale.settle(&model, GradientsParams::new()).unwrap();
        }
        // Another process goes on counting.
        assert_eq!(scale.state(), Some((FIRST / 2.0, PATIENCE - 1)));
        let mut scale = LossScale::new(Precision::F16, scale.state());
        scale.settle(&model, GradientsParams::new()).unwrap();
        assert_eq!(scale.state(), Some((FIRST, 0)));

        let mut smallest = LossScale::new(Precision::F16, Some((1.0, 0)));
        let error = smallest.settle(&model, gradients(&model, f64::NAN)).unwrap_err().to_string();
        assert!(error.contains("hint: precision"), "{error}");
        let mut wide = LossScale::new(Precision::Bf16, None);
        assert_eq!((wide.factor(), wide.state()), (1.0, None));
        assert!(wide.settle(&model, gradients(&model, f64::INFINITY)).unwrap().is_some());
    }
}
