//! AdamW with clipped gradients, in one pass over a weight and its two moments.
//!
//! Composed of burn's operations a step is some twenty passes over memory, and on a GPU as many launches for every weight
//! of a model: more than its whole forward pass.

use burn::{
    backend::{Backend, Dispatch, Flex, TensorMetadata, backend_extension, tensor::FloatTensor},
    optim::{AdamWState, AdaptiveMomentumState, Optimizer},
    tensor::{Device, Tensor},
};
use rayon::prelude::*;
use shared::kernels::adam::AdamStep;

/// As [`burn::optim::AdamW`], whose state it keeps, with the gradient of each weight clipped by its norm.
#[derive(Clone, Debug)]
pub struct ClippedAdamW {
    pub beta_1: f32,
    pub beta_2: f32,
    pub epsilon: f32,
    pub weight_decay: f32,
    /// Largest norm of a weight's gradient.
    pub clip: f32,
}

impl Optimizer for ClippedAdamW {
    type State<const D: usize> = AdamWState<D>;

    fn step<const D: usize>(
        &self,
        rate: f64,
        weights: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let AdaptiveMomentumState { time, moment_1, moment_2, .. } = match state {
            Some(state) => state.momentum,
            None => AdaptiveMomentumState::new(0, gradient.zeros_like(), gradient.zeros_like()),
        };
        let time = time + 1;
        let step = AdamStep {
            rate: rate as f32,
            keep: (1.0 - rate * f64::from(self.weight_decay)) as f32,
            beta_1: self.beta_1,
            beta_2: self.beta_2,
            epsilon: self.epsilon,
            clip: self.clip,
            time: i32::try_from(time).unwrap_or(i32::MAX),
        };
        let (weights, moment_1, moment_2) = <Dispatch as AdamUpdate>::adam_update(
            weights.into_dispatch(),
            gradient.into_dispatch(),
            moment_1.into_dispatch(),
            moment_2.into_dispatch(),
            step,
        );
        let [weights, moment_1, moment_2] = [weights, moment_1, moment_2].map(Tensor::from_dispatch);
        (weights, Some(AdamWState::new(AdaptiveMomentumState::new(time, moment_1, moment_2))))
    }

    fn to_device<const D: usize>(mut state: Self::State<D>, device: &Device) -> Self::State<D> {
        state.momentum = state.momentum.to_device(device);
        state
    }
}

/// The operation as the backends see it.
#[backend_extension(Flex, Cube: cfg(feature = "cube"))]
pub trait AdamUpdate: Backend {
    /// New weights, moments and squares.
    fn adam_update(
        weights: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        moments: FloatTensor<Self>,
        squares: FloatTensor<Self>,
        step: AdamStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

/// Numbers that a thread takes at once.
const CHUNK: usize = 1 << 14;

impl AdamUpdate for Flex {
    fn adam_update(
        weights: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        moments: FloatTensor<Self>,
        squares: FloatTensor<Self>,
        step: AdamStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let [mut weights, gradient, mut moments, mut squares] = [weights, gradient, moments, squares]
            .map(|tensor| if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() })
            .map(alone);
        let numbers: &[f32] = gradient.storage();
        // Chunk by chunk and then their sums in order: the same for any number of threads.
        let of_chunk = |chunk: &[f32]| chunk.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>();
        let sums: Vec<f64> = numbers.par_chunks(CHUNK).map(of_chunk).collect();
        let norm = sums.iter().sum::<f64>().sqrt();
        let scale = (f64::from(step.clip) / norm.max(1e-30)).min(1.0) as f32;
        // What is not a number stays visible.
        let scale = if norm.is_nan() { f32::NAN } else { scale };
        let [correction_1, correction_2] = step.corrections();
        let (weights_, moments_, squares_) =
            (weights.storage_mut::<f32>(), moments.storage_mut::<f32>(), squares.storage_mut::<f32>());
        weights_
            .par_chunks_mut(CHUNK)
            .zip(moments_.par_chunks_mut(CHUNK))
            .zip(squares_.par_chunks_mut(CHUNK))
            .zip(numbers.par_chunks(CHUNK))
            .for_each(|(((weights, moments), squares), gradient)| {
                for (((weight, moment), square), gradient) in
                    weights.iter_mut().zip(moments).zip(squares).zip(gradient)
                {
                    let clipped = gradient * scale;
                    *moment = felt(*moment * step.beta_1 + clipped * (1.0 - step.beta_1));
                    *square = felt(*square * step.beta_2 + clipped * clipped * (1.0 - step.beta_2));
                    let delta = *moment * correction_1 / ((*square * correction_2).sqrt() + step.epsilon);
                    *weight = *weight * step.keep - delta * step.rate;
                }
            });
        (weights, moments, squares)
    }
}

/// A moment, or nothing where no step feels it, beside an epsilon of 1e-8: what has no gradient for some hundred steps would
/// become subnormal, which takes an Intel processor many times as long.
#[inline(always)]
fn felt(moment: f32) -> f32 {
    if moment.abs() < 1e-30 { 0.0 } else { moment }
}

/// The tensor in a storage that holds nothing else.
fn alone(tensor: FloatTensor<Flex>) -> FloatTensor<Flex> {
    let count = tensor.layout().num_elements();
    if tensor.storage::<f32>().len() == count {
        return tensor;
    }
    let start = tensor.layout().start_offset();
    let numbers = tensor.storage::<f32>()[start..start + count].to_vec();
    FloatTensor::<Flex>::from_data(burn::tensor::TensorData::new(numbers, tensor.shape()))
}

#[cfg(feature = "cube")]
impl AdamUpdate for burn::backend::Cube {
    fn adam_update(
        weights: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        moments: FloatTensor<Self>,
        squares: FloatTensor<Self>,
        step: AdamStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        shared::kernels::cube_training::adam_update([weights, gradient, moments, squares], step)
    }
}

#[cfg(test)]
mod tests {
    use burn::{grad_clipping::GradientClipping, optim::AdamWConfig, tensor::Distribution};

    use super::*;

    /// burn's own AdamW after burn's own clipping.
    #[test]
    fn steps_are_those_of_burns_optimizer() {
        let device = Device::flex();
        device.seed(9);
        let random = || Tensor::<2>::random([150, 130], Distribution::Normal(0.0, 1.0), &device);
        let (rate, clip) = (3e-3, 1.5);
        let theirs = AdamWConfig::new().with_beta_2(0.98).with_epsilon(1e-8).with_weight_decay(0.1).build();
        let ours = ClippedAdamW { beta_1: 0.9, beta_2: 0.98, epsilon: 1e-8, weight_decay: 0.1, clip };
        let start = random();
        let (mut expected, mut got) = ((start.clone(), None), (start, None));
        for scale in [1.0, 1e-4, 30.0, 0.0] {
            // Another order of the same numbers in memory is the same gradient.
            let gradient = (random() * scale).transpose().reshape([130, 150]).transpose();
            let clipped = GradientClipping::Norm(clip).clip_gradient(gradient.clone());
            expected = theirs.step(rate, expected.0, clipped, expected.1);
            got = ours.step(rate, got.0, gradient, got.1);
            let apart = (expected.0.clone() - got.0.clone()).abs().max().into_scalar::<f32>();
            assert!(apart < 1e-6, "{apart} apart");
        }
        let (expected, got) = (expected.1.unwrap().momentum, got.1.unwrap().momentum);
        assert_eq!(expected.time, got.time);
        let apart = (expected.moment_2 - got.moment_2).abs().max().into_scalar::<f32>();
        assert!(apart < 1e-6, "{apart} apart");
    }

    #[test]
    fn moments_without_gradients_fade_to_nothing_and_are_never_subnormal() {
        let device = Device::flex();
        let ours = ClippedAdamW { beta_1: 0.9, beta_2: 0.98, epsilon: 1e-8, weight_decay: 0.0, clip: 1.0 };
        let (mut weights, mut state) = (Tensor::<1>::ones([20], &device), None);
        for step in 0..3500 {
            let gradient = weights.ones_like() * if step == 0 { 1e-3 } else { 0.0 };
            (weights, state) = ours.step(1e-3, weights, gradient, state);
            let momentum = &state.as_ref().unwrap().momentum;
            let moments = [&momentum.moment_1, &momentum.moment_2]
                .map(|moment| moment.clone().narrow(0, 0, 1).into_scalar::<f32>());
            assert!(!moments.iter().any(|moment| moment.is_subnormal()), "{moments:?} at step {step}");
            // The second loses a fiftieth at a step: 1e-30 is reached after some 2,542.
            assert!(step > 2500 || moments[1] > 0.0, "{moments:?} at step {step}");
            assert!(step < 2600 || moments == [0.0, 0.0], "{moments:?} at step {step}");
        }
    }
}
