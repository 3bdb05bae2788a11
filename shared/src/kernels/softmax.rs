//! The softmax of attention while a model is trained: one pass over the scores in each direction.
//!
//! Composed of burn's operations, `exp` of libm was a quarter of a step (most of it on what the mask hides, whose exp
//! underflows), and a dozen matrices of positions × positions were allocated for every layer.

#[cfg(feature = "flex")]
use burn::backend::{Flex, TensorMetadata, flex::FlexTensor};
use burn::{
    backend::{
        Autodiff, Backend, Dispatch,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind, unary},
        },
        backend_extension,
        tensor::FloatTensor,
    },
    tensor::Tensor,
};

/// softmax(scores + bias) over the last dimension, with gradients for the scores alone. Heads may lie below one another.
///
/// # Shapes
/// scores `[B, G, n·T, S]`, bias `[B or 1, 1, T, S]`, begun anew after T rows → `[B, G, n·T, S]`
#[must_use]
pub fn masked_softmax(scores: Tensor<4>, bias: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as MaskedSoftmax>::masked_softmax(
        scores.into_dispatch(),
        bias.into_dispatch(),
    ))
}

/// The operation as the backends see it; call [`masked_softmax`].
#[backend_extension(Flex: cfg(feature = "flex"), Cube: cfg(feature = "cube"), Autodiff)]
pub trait MaskedSoftmax: Backend {
    fn masked_softmax(scores: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// Both directions without gradients; numbers may be narrower than f32 where they are read and written.
pub trait SoftmaxKernel: Backend {
    fn forward(scores: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self>;

    /// p · (g − Σ p·g), where p is what the forward pass gave.
    fn backward(probabilities: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self>;
}

#[cfg(feature = "flex")]
impl SoftmaxKernel for Flex {
    fn forward(scores: FlexTensor, bias: FlexTensor) -> FlexTensor {
        let [rows, groups, of_group, columns] = scores.shape().dims();
        let positions = bias.shape()[2];
        let bias = bias.to_contiguous();
        let bias = super::flex::elements(&bias);
        // One bias for all rows, or one for each.
        let per_row = if bias.len() == positions * columns { 0 } else { positions * columns };
        super::flex::in_place(scores, |scores| {
            for (index, row) in scores.chunks_exact_mut(columns).enumerate() {
                let (row_of_batch, position) = (index / (groups * of_group), index % positions);
                let start = row_of_batch % rows * per_row + position * columns;
                super::exponential::masked_softmax(row, &bias[start..start + columns]);
            }
        })
    }

    fn backward(probabilities: FlexTensor, gradient: FlexTensor) -> FlexTensor {
        let columns = probabilities.shape()[3];
        let probabilities = super::flex::wide(probabilities).to_contiguous();
        let probabilities = super::flex::elements::<f32>(&probabilities);
        super::flex::in_place(gradient, |gradient| {
            for (gradient, p) in gradient.chunks_exact_mut(columns).zip(probabilities.chunks_exact(columns)) {
                super::exponential::softmax_backward(gradient, p);
            }
        })
    }
}

#[cfg(feature = "flex")]
impl MaskedSoftmax for Flex {
    fn masked_softmax(scores: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::forward(scores, bias)
    }
}

impl<B: SoftmaxKernel, C: CheckpointStrategy> MaskedSoftmax for Autodiff<B, C> {
    fn masked_softmax(scores: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        let node = scores.node();
        let probabilities = B::forward(scores.into_primitive(), bias.into_primitive());
        match Slope.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(probabilities.clone(), probabilities),
            OpsKind::UnTracked(prepared) => prepared.finish(probabilities),
        }
    }
}

#[derive(Debug)]
struct Slope;

impl<B: SoftmaxKernel> Backward<B, 1> for Slope {
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let probabilities = ops.state;
        unary::<B, _>(ops.parents, ops.node, gradients, |gradient| B::backward(probabilities, gradient));
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution, activation};

    use super::*;

    /// The composition of burn's operations, which knows nothing of this file.
    #[test]
    fn values_and_gradients_are_those_of_the_composition() {
        let device = Device::flex().autodiff();
        device.seed(2);
        for bias_rows in [1, 3] {
            let random =
                |shape: [usize; 4]| Tensor::<4>::random(shape, Distribution::Normal(0.0, 3.0), &device);
            // A causal mask, and numbers beside it.
            let hidden = Tensor::<2>::ones([5, 5], &device).triu(1) * -1e9;
            let bias = random([bias_rows, 1, 5, 5]) + hidden.reshape([1, 1, 5, 5]);
            let scores = random([3, 2, 5, 5]).require_grad();
            let weights = random([3, 2, 5, 5]);
            // Two heads of one group, one below the other.
            let below = scores.clone().reshape([3, 1, 10, 5]);
            let got = masked_softmax(below, bias.clone()).reshape([3, 2, 5, 5]);
            let expected = activation::softmax(scores.clone() + bias, 3);
            let gradient =
                |output: Tensor<4>| scores.grad(&(output * weights.clone()).sum().backward()).unwrap();
            for (got, expected) in
                [(got.clone().inner(), expected.clone().inner()), (gradient(got), gradient(expected))]
            {
                // Gradients are as large as what is multiplied with, some tens of roundings of f32 in all.
                let scale = expected.clone().abs().max().into_scalar::<f32>().max(1.0);
                let largest = (got - expected).abs().max().into_scalar::<f32>();
                assert!(largest < 1e-6 * scale, "off by {largest} of {scale}");
            }
        }
    }
}
