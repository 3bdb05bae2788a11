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
        ops::FloatTensorOps,
        tensor::{FloatTensor, IntTensor},
    },
    tensor::{FloatDType, IndexingUpdateOp, Int, Shape, Tensor},
};

#[cfg(feature = "flex")]
use super::operations::PackedOperations;
use crate::{noise::Noise, precision::Precision};

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

/// The vectors with these numbers, with gradients.
///
/// # Shapes
/// vectors `[N, D]`, numbers `[R]` → `[R, D]`
#[must_use]
pub fn look_up(vectors: Tensor<2>, numbers: Tensor<1, Int>) -> Tensor<2> {
    let looked_up =
        <Dispatch as LayerOperations>::looked_up(vectors.into_dispatch(), numbers.into_dispatch());
    Tensor::from_dispatch(looked_up)
}

/// As [`super::silu_times`], with gradients.
#[must_use]
pub fn silu_times(gates: Tensor<3>, ups: Tensor<3>) -> Tensor<3> {
    let gated = <Dispatch as LayerOperations>::gated(gates.into_dispatch(), ups.into_dispatch());
    Tensor::from_dispatch(gated)
}

/// As [`super::rms_norm`], with gradients, and written in a precision.
#[must_use]
pub fn rms_norm<const D: usize>(
    states: Tensor<D>,
    weights: Tensor<1>,
    epsilon: f64,
    precision: Precision,
) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as LayerOperations>::normed(
        states.into_dispatch(),
        weights.into_dispatch(),
        epsilon,
        precision.dtype(),
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
    fn looked_up(vectors: FloatTensor<Self>, numbers: IntTensor<Self>) -> FloatTensor<Self>;
    /// The same for the same seed, whatever else is drawn.
    fn dropped(states: FloatTensor<Self>, probability: f64, seed: u64) -> FloatTensor<Self>;
    fn gated(gates: FloatTensor<Self>, ups: FloatTensor<Self>) -> FloatTensor<Self>;
    /// States may be wider than what is written.
    fn normed(
        states: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        epsilon: f64,
        dtype: FloatDType,
    ) -> FloatTensor<Self>;
    fn rotated(
        heads: FloatTensor<Self>,
        cosines: FloatTensor<Self>,
        sines: FloatTensor<Self>,
        scale: f64,
    ) -> FloatTensor<Self>;
}

/// The gradients of the operations; that of dropout is dropout.
pub trait LayerGradients: LayerOperations {
    /// The gradient of all `rows` vectors: sums of those of the vectors that were looked up.
    fn look_up_backward(
        gradient: FloatTensor<Self>,
        numbers: IntTensor<Self>,
        rows: usize,
    ) -> FloatTensor<Self>;

    /// Gradients of gates and ups.
    fn silu_times_backward(
        gates: FloatTensor<Self>,
        ups: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 2];

    /// Gradients of states and, where they are asked for, of weights.
    fn rms_norm_backward(
        states: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        epsilon: f64,
        are_weights_asked: bool,
    ) -> (FloatTensor<Self>, Option<FloatTensor<Self>>);

    /// The gradient of the heads: turned back.
    fn rotate_backward(
        gradient: FloatTensor<Self>,
        cosines: FloatTensor<Self>,
        sines: FloatTensor<Self>,
        scale: f64,
    ) -> FloatTensor<Self>;
}

#[cfg(feature = "flex")]
impl LayerGradients for Flex {
    fn look_up_backward(gradient: FlexTensor, numbers: FlexTensor, rows: usize) -> FlexTensor {
        let width = gradient.shape()[1];
        let zeros =
            Self::float_zeros(Shape::from([rows, width]), &gradient.device(), gradient.dtype().into());
        Self::float_select_assign(zeros, 0, numbers, gradient, IndexingUpdateOp::Add)
    }

    fn silu_times_backward(gates: FlexTensor, ups: FlexTensor, gradient: FlexTensor) -> [FlexTensor; 2] {
        let gradient = super::flex::wide(gradient).to_contiguous();
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
        _are_weights_asked: bool,
    ) -> (FlexTensor, Option<FlexTensor>) {
        let (states, weights) = (states.to_contiguous(), weights.to_contiguous());
        let (states, weights) = (super::flex::elements::<f32>(&states), super::flex::elements(&weights));
        let mut of_weights = vec![0.0_f32; weights.len()];
        let of_states = super::flex::in_place(super::flex::wide(gradient), |gradient| {
            super::exponential::rms_norm_backward(states, weights, gradient, epsilon as f32, &mut of_weights);
        });
        let width = of_weights.len();
        (of_states, Some(FlexTensor::from_data(burn::tensor::TensorData::new(of_weights, [width]))))
    }

    /// By the opposite angles.
    fn rotate_backward(
        gradient: FlexTensor,
        cosines: FlexTensor,
        sines: FlexTensor,
        scale: f64,
    ) -> FlexTensor {
        Self::rotate(gradient, cosines, Self::float_neg(sines), scale)
    }
}

/// Without gradients they are the packed operations, and dropout.
#[cfg(feature = "flex")]
impl LayerOperations for Flex {
    fn looked_up(vectors: FlexTensor, numbers: FlexTensor) -> FlexTensor {
        Self::float_select(vectors, 0, numbers)
    }

    fn dropped(states: FlexTensor, probability: f64, seed: u64) -> FlexTensor {
        super::flex::in_place(states, |states| super::exponential::dropout(states, probability, seed))
    }

    fn gated(gates: FlexTensor, ups: FlexTensor) -> FlexTensor {
        Self::silu_times(gates, super::flex::wide(ups))
    }

    fn normed(states: FlexTensor, weights: FlexTensor, epsilon: f64, dtype: FloatDType) -> FlexTensor {
        let normed = Self::rms_norm(states, weights, epsilon);
        if dtype == FloatDType::F32 { normed } else { Self::float_cast(normed, dtype) }
    }

    fn rotated(heads: FlexTensor, cosines: FlexTensor, sines: FlexTensor, scale: f64) -> FlexTensor {
        Self::rotate(heads, cosines, sines, scale)
    }
}

impl<B: LayerGradients, C: CheckpointStrategy> LayerOperations for Autodiff<B, C> {
    fn looked_up(vectors: FloatTensor<Self>, numbers: IntTensor<Self>) -> FloatTensor<Self> {
        let node = vectors.node();
        let vectors = vectors.into_primitive();
        let rows = vectors.shape()[0];
        let looked_up = B::looked_up(vectors, numbers.clone());
        match LookedUp.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((numbers, rows), looked_up),
            OpsKind::UnTracked(prepared) => prepared.finish(looked_up),
        }
    }

    fn dropped(states: FloatTensor<Self>, probability: f64, seed: u64) -> FloatTensor<Self> {
        let node = states.node();
        let dropped = B::dropped(states.into_primitive(), probability, seed);
        match Dropped.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((probability, seed), dropped),
            OpsKind::UnTracked(prepared) => prepared.finish(dropped),
        }
    }

    fn gated(gates: FloatTensor<Self>, ups: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [gates.node(), ups.node()];
        let (gates, ups) = (gates.into_primitive(), ups.into_primitive());
        let gated = B::gated(gates.clone(), ups.clone());
        match Gated.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((gates, ups), gated),
            OpsKind::UnTracked(prepared) => prepared.finish(gated),
        }
    }

    fn normed(
        states: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        epsilon: f64,
        dtype: FloatDType,
    ) -> FloatTensor<Self> {
        let nodes = [states.node(), weights.node()];
        let (states, weights) = (states.into_primitive(), weights.into_primitive());
        let normed = B::normed(states.clone(), weights.clone(), epsilon, dtype);
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
        let rotated = B::rotated(heads.into_primitive(), cosines.clone(), sines.clone(), scale);
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
struct LookedUp;

impl<B: LayerGradients> Backward<B, 1> for LookedUp {
    type State = (IntTensor<B>, usize);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let (numbers, rows) = ops.state;
        unary::<B, _>(ops.parents, ops.node, gradients, |gradient| {
            B::look_up_backward(gradient, numbers, rows)
        });
    }
}

#[derive(Debug)]
struct Dropped;

impl<B: LayerGradients> Backward<B, 1> for Dropped {
    type State = (f64, u64);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let (probability, seed) = ops.state;
        unary::<B, _>(ops.parents, ops.node, gradients, |gradient| B::dropped(gradient, probability, seed));
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
        several::<B, _, 2>(ops, gradients, |(states, weights, epsilon), gradient, [_, are_weights_asked]| {
            let (of_states, of_weights) =
                B::rms_norm_backward(states, weights, gradient, epsilon, are_weights_asked);
            [Some(of_states), of_weights]
        });
    }
}

#[derive(Debug)]
struct Rotated;

impl<B: LayerGradients> Backward<B, 1> for Rotated {
    type State = (FloatTensor<B>, FloatTensor<B>, f64);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let (cosines, sines, scale) = ops.state;
        unary::<B, _>(ops.parents, ops.node, gradients, |gradient| {
            B::rotate_backward(gradient, cosines, sines, scale)
        });
    }
}

#[cfg(test)]
mod tests {
    use burn::{
        nn::{RmsNorm, RmsNormConfig},
        tensor::{Device, Distribution, activation},
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
            (rms_norm(a.clone(), weights.clone(), 0.3, Precision::F32), scaled(a.clone())),
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
    fn looked_up_vectors_add_their_gradients_up() {
        let device = Device::flex().autodiff();
        device.seed(8);
        let vectors = random([9, 5], &device).require_grad();
        let numbers = Tensor::<1, Int>::from_ints([4, 0, 4, 8, 4], &device);
        let upstream = random([5, 5], &device);
        let of =
            |looked_up: Tensor<2>| vectors.grad(&(looked_up * upstream.clone()).sum().backward()).unwrap();
        let (got, expected) = (look_up(vectors.clone(), numbers.clone()), vectors.clone().select(0, numbers));
        assert_near(got.clone(), expected.clone());
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
