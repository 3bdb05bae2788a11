//! log Σ exp over a whole catalogue at each state, without ever holding states × items numbers.
//!
//! A softmax over the catalogue needs only its normaliser and the logits of the few items that a loss asks
//! for. Composed of tensor operations it makes some ten passes over `[R, N]` matrices; here blocks of rows stay
//! in the processor's cache, forward and backward, and the blocks are computed again in the backward pass.
//!
//! # Source
//! The recomputation of FlashAttention (arXiv 2205.14135) applied to the output layer, as in
//! "Cut your losses in large-vocabulary language models" (arXiv 2411.09009).

use burn::{
    backend::{
        Autodiff, Backend, Flex, TensorMetadata,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
        backend_extension,
        ops::FloatTensorOps,
        tensor::FloatTensor,
    },
    tensor::{DType, FloatDType, Shape, Slice, Tensor},
};
use rayon::prelude::*;

#[cfg(feature = "cube")]
use shared::kernels::cube_training;
use shared::kernels::{exponential, gradients::several, products::ProductKernel, wide};

/// log Σₙ exp(states·vectorsₙ + biasₙ), with gradients for all three.
///
/// # Shapes
/// states `[R, D]`, vectors `[N, D]`, bias `[N]` → `[R, 1]`, in f32 even where states and vectors are narrower
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// let device = Device::flex();
/// let states = Tensor::<2>::from_floats([[1.0, 0.0]], &device);
/// let vectors = Tensor::<2>::from_floats([[0.0, 5.0], [0.0, -5.0]], &device);
/// let normaliser = trainer::kernels::normaliser::log_normaliser(states, vectors, Tensor::zeros([2], &device));
/// assert!((normaliser.into_scalar::<f32>() - 2.0_f32.ln()).abs() < 1e-6);
/// ```
#[must_use]
pub fn log_normaliser(states: Tensor<2>, vectors: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
    Tensor::from_dispatch(<burn::backend::Dispatch as CatalogNormaliser>::log_normaliser(
        states.into_dispatch(),
        vectors.into_dispatch(),
        bias.into_dispatch(),
    ))
}

/// The operation as the backends see it; call [`log_normaliser`].
#[backend_extension(Flex, Cube: cfg(feature = "cube"), Autodiff)]
pub trait CatalogNormaliser: Backend {
    fn log_normaliser(
        states: FloatTensor<Self>,
        vectors: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

/// What a backend does with a block of logits `[r, N]`, which may be narrower than f32; the rest is matrix products.
pub trait BlockKernel: ProductKernel {
    /// Logits held at once.
    const BLOCK_NUMBERS: usize;
    /// Most rows of a block.
    const BLOCK_ROWS: usize;

    /// log Σ exp(logits + bias) of each row, in f32: `[r, 1]`.
    fn log_sum_exp(logits: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self>;

    /// exp(logits + bias − normaliser)·scale: the softmax of each row, scaled, as narrow as the logits.
    fn scaled_softmax(
        logits: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        normaliser: FloatTensor<Self>,
        scale: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

impl BlockKernel for Flex {
    /// About 4 MiB, near enough to a processor's own cache.
    const BLOCK_NUMBERS: usize = 1 << 20;
    const BLOCK_ROWS: usize = 1024;

    fn log_sum_exp(logits: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        let [rows, items] = logits.shape().dims();
        let (logits, bias) = (wide(logits).to_contiguous(), bias.to_contiguous());
        let bias: &[f32] = bias.storage();
        let sums: Vec<f32> = logits
            .storage::<f32>()
            .par_chunks(items)
            .map(|row| exponential::log_sum_exp(row, bias))
            .collect();
        flex_tensor(sums, [rows, 1])
    }

    fn scaled_softmax(
        logits: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        normaliser: FloatTensor<Self>,
        scale: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let items = logits.shape()[1];
        let (bias, normaliser, scale) =
            (bias.to_contiguous(), normaliser.to_contiguous(), scale.to_contiguous());
        let bias: &[f32] = bias.storage();
        let (normaliser, scale): (&[f32], &[f32]) = (normaliser.storage(), scale.storage());
        let dtype = logits.dtype();
        let mut probabilities = wide(logits).to_contiguous();
        probabilities.storage_mut::<f32>().par_chunks_mut(items).enumerate().for_each(|(row, logits)| {
            exponential::scaled_softmax(logits, bias, normaliser[row], scale[row]);
        });
        if dtype == DType::F32 { probabilities } else { Flex::float_cast(probabilities, dtype.into()) }
    }
}

#[cfg(feature = "cube")]
impl BlockKernel for burn::backend::Cube {
    /// Half a gigabyte: what a GPU has to spare, and enough to keep it busy.
    const BLOCK_NUMBERS: usize = 1 << 27;
    const BLOCK_ROWS: usize = 1 << 20;

    fn log_sum_exp(logits: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        cube_training::log_sum_exp(logits, bias)
    }

    fn scaled_softmax(
        logits: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        normaliser: FloatTensor<Self>,
        scale: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        cube_training::scaled_softmax([logits, bias, normaliser, scale])
    }
}

pub(super) fn flex_tensor<const N: usize>(values: Vec<f32>, shape: [usize; N]) -> FloatTensor<Flex> {
    burn::backend::flex::FlexTensor::from_data(burn::tensor::TensorData::new(values, shape))
}

impl CatalogNormaliser for Flex {
    fn log_normaliser(
        states: FloatTensor<Self>,
        vectors: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        normalise::<Self>(&states, &vectors, &bias)
    }
}

#[cfg(feature = "cube")]
impl CatalogNormaliser for burn::backend::Cube {
    fn log_normaliser(
        states: FloatTensor<Self>,
        vectors: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        normalise::<Self>(&states, &vectors, &bias)
    }
}

impl<B: BlockKernel, C: CheckpointStrategy> CatalogNormaliser for Autodiff<B, C> {
    fn log_normaliser(
        states: FloatTensor<Self>,
        vectors: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let inputs = [states.node(), vectors.node(), bias.node()];
        let (states, vectors, bias) =
            (states.into_primitive(), vectors.into_primitive(), bias.into_primitive());
        let normaliser = normalise::<B>(&states, &vectors, &bias);
        match LogNormaliser.prepare::<C>(inputs).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                prepared.finish((states, vectors, bias, normaliser.clone()), normaliser)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(normaliser),
        }
    }
}

#[derive(Debug)]
struct LogNormaliser;

impl<B: BlockKernel> Backward<B, 3> for LogNormaliser {
    type State = (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        // Of a frozen output nobody asks the gradient.
        several::<B, _, 3>(ops, gradients, |(states, vectors, bias, normaliser), gradient, is_wanted| {
            differentiate::<B>(&states, &vectors, &bias, &normaliser, &gradient, is_wanted)
        });
    }
}

/// First row and number of rows of each block.
fn blocks<B: BlockKernel>(rows: usize, items: usize) -> impl Iterator<Item = (usize, usize)> {
    let per_block = (B::BLOCK_NUMBERS / items.max(1)).clamp(16, B::BLOCK_ROWS);
    (0..rows).step_by(per_block).map(move |first| (first, per_block.min(rows - first)))
}

fn narrow<B: Backend>(tensor: &FloatTensor<B>, (first, count): (usize, usize)) -> FloatTensor<B> {
    if count == tensor.shape()[0] {
        return tensor.clone();
    }
    let rest = tensor.shape().iter().skip(1).map(|&size| Slice::from(0..size)).collect::<Vec<_>>();
    let slices: Vec<Slice> = std::iter::once(Slice::from(first..first + count)).chain(rest).collect();
    B::float_slice(tensor.clone(), &slices)
}

fn normalise<B: BlockKernel>(
    states: &FloatTensor<B>,
    vectors: &FloatTensor<B>,
    bias: &FloatTensor<B>,
) -> FloatTensor<B> {
    let (rows, items) = (states.shape()[0], vectors.shape()[0]);
    let transposed = B::float_transpose(vectors.clone());
    let normalisers = blocks::<B>(rows, items)
        .map(|block| {
            let logits = B::multiply(narrow::<B>(states, block), transposed.clone());
            B::log_sum_exp(logits, bias.clone())
        })
        .collect();
    joined::<B>(normalisers)
        .unwrap_or_else(|| B::float_zeros(Shape::from([0, 1]), &states.device(), FloatDType::F32))
}

/// One after another; of one there is nothing to copy.
fn joined<B: Backend>(mut parts: Vec<FloatTensor<B>>) -> Option<FloatTensor<B>> {
    if parts.len() > 1 { Some(B::float_cat(parts, 0)) } else { parts.pop() }
}

/// ∂/∂states = p·vectors, ∂/∂vectors = pᵀ·states, ∂/∂bias = Σ p with p the softmax scaled by the gradient; those that
/// are wanted.
fn differentiate<B: BlockKernel>(
    states: &FloatTensor<B>,
    vectors: &FloatTensor<B>,
    bias: &FloatTensor<B>,
    normaliser: &FloatTensor<B>,
    gradient: &FloatTensor<B>,
    [wants_states, wants_vectors, wants_bias]: [bool; 3],
) -> [Option<FloatTensor<B>>; 3] {
    let (rows, items) = (states.shape()[0], vectors.shape()[0]);
    let transposed = B::float_transpose(vectors.clone());
    let mut of_states = Vec::new();
    let mut of_vectors: Option<FloatTensor<B>> = None;
    let mut of_bias: Option<FloatTensor<B>> = None;
    let add = |sum: Option<FloatTensor<B>>, part: FloatTensor<B>| match sum {
        Some(sum) => B::float_add(sum, part),
        None => part,
    };
    for block in blocks::<B>(rows, items) {
        let states = narrow::<B>(states, block);
        let logits = B::multiply(states.clone(), transposed.clone());
        let scaled = B::scaled_softmax(
            logits,
            bias.clone(),
            narrow::<B>(normaliser, block),
            narrow::<B>(gradient, block),
        );
        if wants_states {
            of_states.push(B::multiply(scaled.clone(), vectors.clone()));
        }
        if wants_vectors {
            let part = B::multiply(B::float_transpose(scaled.clone()), states);
            of_vectors = Some(add(of_vectors, part));
        }
        if wants_bias {
            let scaled =
                if scaled.dtype() == DType::F32 { scaled } else { B::float_cast(scaled, FloatDType::F32) };
            of_bias = Some(add(of_bias, B::float_sum_dim(scaled, 0)));
        }
    }
    // Of no rows there is no gradient.
    let of_states = joined::<B>(of_states);
    let of_bias = of_bias.map(|of_bias| B::float_reshape(of_bias, Shape::from([items])));
    [of_states, of_vectors, of_bias]
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution, activation};

    use super::*;

    fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().iter::<f32>().collect()
    }

    #[track_caller]
    fn assert_close(a: &[f32], b: &[f32]) {
        assert_eq!(a.len(), b.len());
        for (a, b) in a.iter().zip(b) {
            assert!((a - b).abs() <= 1e-4 * b.abs().max(1.0), "{a} and {b}");
        }
    }

    /// More rows than one block holds, one item shut out, gradients that differ by row.
    #[test]
    fn equals_burns_log_softmax_with_its_gradients() {
        let device = Device::flex().autodiff();
        device.seed(3);
        let (rows, items, hidden) = (70, 40_000, 8);
        assert!(blocks::<Flex>(rows, items).count() > 1);
        let random = |shape: [usize; 2]| Tensor::<2>::random(shape, Distribution::Normal(0.0, 1.0), &device);
        let inputs = (random([rows, hidden]), random([items, hidden]), random([1, items]).reshape([items]));
        let weights = random([rows, 1]);
        let gradients = |is_composed: bool| {
            let states = inputs.0.clone().require_grad();
            let vectors = inputs.1.clone().require_grad();
            let item = Tensor::arange(0..items as i64, &device).equal_elem(7);
            let bias = inputs.2.clone().detach().mask_fill(item, -1e9).require_grad();
            let normaliser = if is_composed {
                let logits = states.clone().matmul(vectors.clone().transpose()) + bias.clone().unsqueeze();
                let first = logits.clone().narrow(1, 0, 1);
                first - activation::log_softmax(logits, 1).narrow(1, 0, 1)
            } else {
                log_normaliser(states.clone(), vectors.clone(), bias.clone())
            };
            let value = normaliser.clone() * weights.clone();
            let gradients = value.sum().backward();
            [
                values(normaliser),
                values(states.grad(&gradients).unwrap()),
                values(vectors.grad(&gradients).unwrap()),
                values(bias.grad(&gradients).unwrap()),
            ]
        };
        for (kernel, composed) in gradients(false).iter().zip(&gradients(true)) {
            assert_close(kernel, composed);
        }
    }

    #[test]
    fn of_no_states_there_is_no_normaliser() {
        let device = Device::flex();
        let (states, vectors) = (Tensor::<2>::zeros([0, 2], &device), Tensor::<2>::zeros([3, 2], &device));
        assert_eq!(log_normaliser(states, vectors, Tensor::zeros([3], &device)).dims(), [0, 1]);
    }

    #[test]
    fn what_is_not_a_number_stays_visible() {
        let device = Device::flex();
        let states = Tensor::<2>::from_floats([[f32::NAN, 0.0]], &device);
        let vectors = Tensor::<2>::from_floats([[1.0, 0.0], [2.0, 0.0]], &device);
        let normaliser = log_normaliser(states, vectors, Tensor::zeros([2], &device));
        assert!(!values(normaliser)[0].is_finite());
    }
}
