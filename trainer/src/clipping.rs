//! How long may a gradient be? Weight by weight the optimizer sees to it; here, all of them together.

use burn::{
    module::{Module, ModuleVisitor, Param},
    optim::GradientsParams,
    tensor::Tensor,
};
use shared::vocabulary::Model;

use crate::health::squared_norm;

/// Gradients whose norm together is at most `most`: longer ones keep their direction. Nothing waits for the device.
///
/// # Source
/// `torch.nn.utils.clip_grad_norm_` over all parameters, as Hugging Face's Trainer does it.
#[must_use]
pub fn together(model: &Model, gradients: GradientsParams, most: f32) -> GradientsParams {
    let Some(squares) = squared_norm(model, &gradients) else { return gradients };
    scaled(model, gradients, (squares.sqrt() + 1e-6).recip().mul_scalar(most).clamp_max(1.0))
}

/// Every gradient times one number, which is on their device.
#[must_use]
pub fn scaled(model: &Model, gradients: GradientsParams, by: Tensor<1>) -> GradientsParams {
    let mut scaled = Scaled { given: gradients, scaled: GradientsParams::new(), by };
    model.visit(&mut scaled);
    scaled.scaled
}

struct Scaled {
    given: GradientsParams,
    scaled: GradientsParams,
    by: Tensor<1>,
}

impl ModuleVisitor for Scaled {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.given.remove::<D>(param.id) {
            self.scaled.register(param.id, gradient * self.by.clone().reshape([1; D]));
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use shared::vocabulary::Vocabulary;

    use super::*;
    use crate::{
        config::{Recipe, RunConfig},
        health::gradient_norm,
    };

    #[test]
    fn short_gradients_stay_and_long_ones_keep_their_direction() {
        let device = Device::flex().autodiff();
        let config = RunConfig { hidden_size: 8, heads: 2, ..RunConfig::recipe(Recipe::Compact) };
        let model = config.model(5, 20, Vec::new(), Vec::new()).init(&device);
        let Vocabulary::Items(items) = &model.vocabulary else { panic!() };
        let gradients = || {
            let loss = (items.token_vectors() * 3.0).sum();
            GradientsParams::from_grads(loss.backward(), &model)
        };
        // 20 tokens of 8 numbers, each with a gradient of 3.
        let length = 3.0 * 160_f64.sqrt();
        assert!((gradient_norm(&model, &gradients()).unwrap() - length).abs() < 1e-4);
        for (most, expected) in [(0.3, 0.3), (100.0, length)] {
            let clipped = together(&model, gradients(), most);
            let got = gradient_norm(&model, &clipped).unwrap();
            assert!((got - expected).abs() < 1e-4 * expected, "{got}, not {expected}");
        }
    }
}
