//! The operations of a layer while a model is trained: dropout, gate, norm and rotation, in one pass each way.
//!
//! Composed of burn's operations, a gate alone took two exponentials and a logarithm of libm for each number and ten
//! passes over memory, and dropout drew its numbers from a cryptographic generator: half of a step of a small model.

#[cfg(feature = "flex")]
use burn::backend::{Flex, flex::FlexTensor};
use burn::{
    backend::{
        Autodiff, Backend, Dispatch, TensorMetadata,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind, unary},
        },
        backend_extension,
        tensor::FloatTensor,
    },
    tensor::{Distribution, Shape, Tensor},
};

use super::operations::PackedOperations;
use crate::noise::Noise;

/// Each number is 0 with a probability, and otherwise as much larger as keeps its mean.
///
/// # Source
/// Srivastava et al., 2014, in the inverted form of PyTorch.
#[must_use]
pub fn dropout<const D: usize>(states: Tensor<D>, probability: f64, noise: Noise) -> Tensor<D> {
    let Some(seed) = noise.seed().filter(|_| probability > 0.0) else { return states };
    let dropped = <Dispatch as LayerOperations>::dropped(states.into_dispatch(), probability, seed);
    Tensor::from_dispatch(dropped)
}

/// As [`super::silu_times`], with gradients.
#[must_use]
pub fn silu_times(gates: Tensor<3>, ups: Tensor<3>) -> Tensor<3> {
    let gated = <Dispatch as LayerOperations>::gated(gates.into_dispatch(), ups.into_dispatch());
    Tensor::from_dispatch(gated)
}

/// As [`super::rms_norm`], with gradients.
#[must_use]
pub fn rms_norm<const D: usize>(states: Tensor<D>, weights: Tensor<1>, epsilon: f64) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as LayerOperations>::normed(
        states.into_dispatch(),
        weights.into_dispatch(),
        epsilon,
    ))
}

/// As [`super::rotate`], with gradients for the heads.
#[must_use]
pub fn rotate(heads: Tensor<4>, cosines: Tensor<4>, sines: Tensor<4>, scale: f64) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as LayerOperations>::rotated(
        heads.into_dispatch(),
        cosines.into_dispatch(),
        sines.into_dispatch(),
        scale,
    ))
}

/// The operations as the backends see them; call the functions above.
#[backend_extension(Flex: cfg(feature = "flex"), Cube: cfg(feature = "cube"), Autodiff)]
pub trait LayerOperations: Backend {
    fn dropped(states: FloatTensor<Self>, probability: f64, seed: u64) -> FloatTensor<Self>;
    fn gated(gates: FloatTensor<Self>, ups: FloatTensor<Self>) -> FloatTensor<Self>;
    fn normed(states: FloatTensor<Self>, weights: FloatTensor<Self>, epsilon: f64) -> FloatTensor<Self>;
    fn rotated(
        heads: FloatTensor<Self>,
        cosines: FloatTensor<Self>,
        sines: FloatTensor<Self>,
        scale: f64,
    ) -> FloatTensor<Self>;
}

/// What the packed operations leave open, as compositions that every backend has.
pub trait LayerGradients: PackedOperations {
    /// The same for the same seed, whatever else is drawn.
    fn drop_out(states: FloatTensor<Self>, probability: f64, seed: u64) -> FloatTensor<Self> {
        let (device, dtype) = (states.device(), states.dtype().into());
        Self::seed(&device, seed);
        let keep = Distribution::Bernoulli(1.0 - probability);
        let kept = Self::float_random(states.shape(), keep, &device, dtype);
        Self::float_mul_scalar(Self::float_mul(states, kept), (1.0 / (1.0 - probability)).into())
    }

    /// Gradients of gates and ups.
    fn silu_times_backward(
        gates: FloatTensor<Self>,
        ups: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 2] {
        let sigmoid = Self::sigmoid(gates.clone());
        let silu = Self::float_mul(gates, sigmoid.clone());
        let of_ups = Self::float_mul(gradient.clone(), silu.clone());
        let rest = Self::float_add_scalar(Self::float_neg(sigmoid.clone()), 1.0.into());
        let slope = Self::float_add(sigmoid, Self::float_mul(silu, rest));
        [Self::float_mul(Self::float_mul(gradient, ups), slope), of_ups]
    }

    /// Gradients of states and weights.
    fn rms_norm_backward(
        states: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        epsilon: f64,
    ) -> [FloatTensor<Self>; 2] {
        let shape = states.shape();
        let width = weights.shape()[0];
        let rows = Shape::from([shape.num_elements() / width, width]);
        let (states, gradient) =
            (Self::float_reshape(states, rows.clone()), Self::float_reshape(gradient, rows));
        let mean_of =
            |tensor| Self::float_mul_scalar(Self::float_sum_dim(tensor, 1), (1.0 / width as f64).into());
        let squares = mean_of(Self::float_mul(states.clone(), states.clone()));
        let scale = Self::float_recip(Self::float_sqrt(Self::float_add_scalar(squares, epsilon.into())));
        let normed = Self::float_mul(states, scale.clone());
        let of_weights = Self::float_sum_dim(Self::float_mul(gradient.clone(), normed.clone()), 0);
        let weighted = Self::float_mul(gradient, Self::float_reshape(weights, Shape::from([1, width])));
        let along = mean_of(Self::float_mul(weighted.clone(), normed.clone()));
        let of_states = Self::float_sub(weighted, Self::float_mul(normed, along));
        [
            Self::float_reshape(Self::float_mul(of_states, scale), shape),
            Self::float_reshape(of_weights, Shape::from([width])),
        ]
    }
}

#[cfg(feature = "cube")]
impl LayerGradients for burn::backend::Cube {}

#[cfg(feature = "flex")]
impl LayerGradients for Flex {
    fn drop_out(states: FlexTensor, probability: f64, seed: u64) -> FlexTensor {
        super::flex::in_place(states, |states| super::exponential::dropout(states, probability, seed))
    }

    fn silu_times_backward(gates: FlexTensor, ups: FlexTensor, gradient: FlexTensor) -> [FlexTensor; 2] {
        let gradient = gradient.to_contiguous();
        let gradient = super::flex::elements::<f32>(&gradient);
        let (of_gates, of_ups) = super::flex::in_place_with(gates, |gates| {
            super::flex::in_place(ups, |ups| {
                super::exponential::silu_times_backward(gates, ups, gradient);
            })
        });
        [of_gates, of_ups]
    }

    fn rms_norm_backward(
        states: FlexTensor,
        weights: FlexTensor,
        gradient: FlexTensor,
        epsilon: f64,
    ) -> [FlexTensor; 2] {
        let (states, weights) = (states.to_contiguous(), weights.to_contiguous());
        let (states, weights) = (super::flex::elements::<f32>(&states), super::flex::elements(&weights));
        let mut of_weights = vec![0.0_f32; weights.len()];
        let of_states = super::flex::in_place(gradient, |gradient| {
            super::exponential::rms_norm_backward(states, weights, gradient, epsilon as f32, &mut of_weights);
        });
        let width = of_weights.len();
        [of_states, FlexTensor::from_data(burn::tensor::TensorData::new(of_weights, [width]))]
    }
}

/// Without gradients they are the packed operations, and dropout.
macro_rules! plain {
    ($backend:ty) => {
        impl LayerOperations for $backend {
            fn dropped(states: FloatTensor<Self>, probability: f64, seed: u64) -> FloatTensor<Self> {
                Self::drop_out(states, probability, seed)
            }

            fn gated(gates: FloatTensor<Self>, ups: FloatTensor<Self>) -> FloatTensor<Self> {
                Self::silu_times(gates, ups)
            }

            fn normed(
                states: FloatTensor<Self>,
                weights: FloatTensor<Self>,
                epsilon: f64,
            ) -> FloatTensor<Self> {
                Self::rms_norm(states, weights, epsilon)
            }

            fn rotated(
                heads: FloatTensor<Self>,
                cosines: FloatTensor<Self>,
                sines: FloatTensor<Self>,
                scale: f64,
            ) -> FloatTensor<Self> {
                Self::rotate(heads, cosines, sines, scale)
            }
        }
    };
}

#[cfg(feature = "flex")]
plain!(Flex);
#[cfg(feature = "cube")]
plain!(burn::backend::Cube);

impl<B: LayerGradients, C: CheckpointStrategy> LayerOperations for Autodiff<B, C> {
    fn dropped(states: FloatTensor<Self>, probability: f64, seed: u64) -> FloatTensor<Self> {
        let node = states.node();
        let dropped = B::drop_out(states.into_primitive(), probability, seed);
        match Dropped.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((probability, seed), dropped),
            OpsKind::UnTracked(prepared) => prepared.finish(dropped),
        }
    }

    fn gated(gates: FloatTensor<Self>, ups: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [gates.node(), ups.node()];
        let (gates, ups) = (gates.into_primitive(), ups.into_primitive());
        let gated = B::silu_times(gates.clone(), ups.clone());
        match Gated.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((gates, ups), gated),
            OpsKind::UnTracked(prepared) => prepared.finish(gated),
        }
    }

    fn normed(states: FloatTensor<Self>, weights: FloatTensor<Self>, epsilon: f64) -> FloatTensor<Self> {
        let nodes = [states.node(), weights.node()];
        let (states, weights) = (states.into_primitive(), weights.into_primitive());
        let normed = B::rms_norm(states.clone(), weights.clone(), epsilon);
        match Normed.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((states, weights, epsilon), normed),
            OpsKind::UnTracked(prepared) => prepared.finish(normed),
        }
    }

    fn rotated(
        heads: FloatTensor<Self>,
        cosines: FloatTensor<Self>,
        sines: FloatTensor<Self>,
        scale: f64,
    ) -> FloatTensor<Self> {
        let node = heads.node();
        let (cosines, sines) = (cosines.into_primitive(), sines.into_primitive());
        let rotated = B::rotate(heads.into_primitive(), cosines.clone(), sines.clone(), scale);
        match Rotated.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((cosines, sines, scale), rotated),
            OpsKind::UnTracked(prepared) => prepared.finish(rotated),
        }
    }
}

/// A backward pass with several parents: `differentiate` is given the state, the gradient of the outcome and which parents
/// want one, and what it finds is handed on. As burn's `unary`, which has one parent.
pub fn several<B: Backend, S, const N: usize>(
    ops: Ops<S, N>,
    gradients: &mut Gradients,
    differentiate: impl FnOnce(S, FloatTensor<B>, [bool; N]) -> [Option<FloatTensor<B>>; N],
) {
    let gradient = gradients.consume::<B>(&ops.node);
    let is_wanted = ops.parents.each_ref().map(Option::is_some);
    let found = differentiate(ops.state, gradient, is_wanted);
    for (parent, gradient) in ops.parents.into_iter().zip(found) {
        if let (Some(node), Some(gradient)) = (parent, gradient) {
            gradients.register::<B>(node.id, gradient);
        }
    }
}

#[derive(Debug)]
struct Dropped;

impl<B: LayerGradients> Backward<B, 1> for Dropped {
    type State = (f64, u64);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let (probability, seed) = ops.state;
        unary::<B, _>(ops.parents, ops.node, gradients, |gradient| B::drop_out(gradient, probability, seed));
    }
}

#[derive(Debug)]
struct Gated;

impl<B: LayerGradients> Backward<B, 2> for Gated {
    type State = (FloatTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        several::<B, _, 2>(ops, gradients, |(gates, ups), gradient, _| {
            B::silu_times_backward(gates, ups, gradient).map(Some)
        });
    }
}

#[derive(Debug)]
struct Normed;

impl<B: LayerGradients> Backward<B, 2> for Normed {
    type State = (FloatTensor<B>, FloatTensor<B>, f64);

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        several::<B, _, 2>(ops, gradients, |(states, weights, epsilon), gradient, _| {
            B::rms_norm_backward(states, weights, gradient, epsilon).map(Some)
        });
    }
}

#[derive(Debug)]
struct Rotated;

impl<B: LayerGradients> Backward<B, 1> for Rotated {
    type State = (FloatTensor<B>, FloatTensor<B>, f64);

    /// By the opposite angles.
    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let (cosines, sines, scale) = ops.state;
        unary::<B, _>(ops.parents, ops.node, gradients, |gradient| {
            B::rotate(gradient, cosines, B::float_neg(sines), scale)
        });
    }
}

#[cfg(test)]
mod tests {
    use burn::{
        nn::{RmsNorm, RmsNormConfig},
        tensor::{Device, activation},
    };

    use super::*;

    fn random<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
        Tensor::random(shape, Distribution::Normal(0.0, 1.5), device)
    }

    #[track_caller]
    fn assert_near<const D: usize>(got: Tensor<D>, expected: Tensor<D>) {
        let largest = (got - expected).abs().max().into_scalar::<f32>();
        assert!(largest < 2e-5, "off by {largest}");
    }

    /// Each against burn's own composition, with a number of columns that fills no vector.
    #[test]
    fn gate_norm_and_rotation_are_those_of_the_compositions() {
        let device = Device::flex().autodiff();
        device.seed(6);
        let (a, b) = (random([2, 3, 37], &device).require_grad(), random([2, 3, 37], &device).require_grad());
        let upstream = random([2, 3, 37], &device);
        let norm = RmsNorm { epsilon: 0.3, ..RmsNormConfig::new(37).init(&device) };
        let weights = random([37], &device).require_grad();
        let scaled = |states: Tensor<3>| {
            let norm = RmsNorm { gamma: burn::module::Param::from_tensor(weights.clone()), ..norm.clone() };
            norm.forward(states)
        };
        for (got, expected) in [
            (silu_times(a.clone(), b.clone()), activation::silu(a.clone()) * b.clone()),
            (rms_norm(a.clone(), weights.clone(), 0.3), scaled(a.clone())),
        ] {
            assert_near(got.clone(), expected.clone());
            let of = |output: Tensor<3>| (output * upstream.clone()).sum().backward();
            let (of_got, of_expected) = (of(got), of(expected));
            assert_near(a.grad(&of_got).unwrap(), a.grad(&of_expected).unwrap());
            if let (Some(got), Some(expected)) = (b.grad(&of_got), b.grad(&of_expected)) {
                assert_near(got, expected);
            }
            if let (Some(got), Some(expected)) = (weights.grad(&of_got), weights.grad(&of_expected)) {
                assert_near(got, expected);
            }
        }

        let heads = random([2, 3, 4, 6], &device).require_grad();
        let (cosines, sines) = (random([1, 1, 4, 3], &device), random([1, 1, 4, 3], &device));
        let (first, second) = (heads.clone().narrow(3, 0, 3), heads.clone().narrow(3, 3, 3));
        let turned = vec![
            first.clone() * cosines.clone() - second.clone() * sines.clone(),
            second * cosines.clone() + first * sines.clone(),
        ];
        let expected = Tensor::cat(turned, 3) * 0.7;
        let got = rotate(heads.clone(), cosines, sines, 0.7);
        assert_near(got.clone(), expected.clone());
        let upstream = random([2, 3, 4, 6], &device);
        let of = |output: Tensor<4>| heads.grad(&(output * upstream.clone()).sum().backward()).unwrap();
        assert_near(of(got), of(expected));
    }

    #[test]
    fn dropout_keeps_the_mean_is_the_same_for_a_seed_and_hides_the_same_gradients() {
        let device = Device::flex().autodiff();
        let ones = Tensor::<2>::ones([300, 100], &device).require_grad();
        let dropped = dropout(ones.clone(), 0.2, Noise::of(5));
        let values: Vec<f32> = dropped.clone().into_data().iter::<f32>().collect();
        let zeros = values.iter().filter(|&&value| value == 0.0).count();
        assert!((zeros as f64 / 30_000.0 - 0.2).abs() < 0.01, "{zeros} of 30,000");
        assert!(values.iter().all(|&value| value == 0.0 || (value - 1.25).abs() < 1e-6));
        // Neighbours know nothing of each other.
        let both = values.windows(2).filter(|pair| pair[0] == 0.0 && pair[1] == 0.0).count();
        assert!((both as f64 / 30_000.0 - 0.04).abs() < 0.006, "{both} of 30,000");
        let gradient = ones.grad(&dropped.sum().backward()).unwrap();
        let gradient: Vec<f32> = gradient.into_data().iter::<f32>().collect();
        assert_eq!(gradient, values);
        let again = |noise| dropout(ones.clone(), 0.2, noise).into_data().iter::<f32>().collect::<Vec<_>>();
        assert_eq!(again(Noise::of(5)), values);
        assert_ne!(again(Noise::of(6)), values);
        assert!(again(Noise::default()).iter().all(|&value| value == 1.0));
    }
}
