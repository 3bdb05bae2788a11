//! What do adapters learn beside? Products with packed weights, given their floats for the time of one product.
//!
//! The floats are made again in the backward pass: kept from the forward pass, a model would hold all of them at once, and
//! packing would have saved nothing.

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, TensorMetadata,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind, unary},
        },
        backend_extension,
        tensor::{FloatTensor, IntTensor},
    },
    tensor::{DType, Int, IntDType, Tensor},
};

use super::{operations::PackedOperations, products::ProductKernel};

/// states · Wᵀ, with gradients for the states alone.
///
/// # Shapes
/// states `[R, columns]`, values and scales of a matrix of `[N, columns]` → `[R, N]`
#[must_use]
pub fn products(states: Tensor<2>, values: Tensor<2, Int>, scales: Tensor<2>, rows: usize) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as DequantisedProducts>::dequantised_products(
        states.into_dispatch(),
        values.into_dispatch(),
        scales.into_dispatch(),
        rows,
    ))
}

/// The operation as the backends see it; call [`products`].
#[backend_extension(Flex: cfg(feature = "flex"), Cube: cfg(feature = "cube"), Autodiff)]
pub trait DequantisedProducts: Backend {
    fn dequantised_products(
        states: FloatTensor<Self>,
        values: IntTensor<Self>,
        scales: FloatTensor<Self>,
        rows: usize,
    ) -> FloatTensor<Self>;
}

/// All rows of a packed matrix as floats, as narrow as those they are multiplied with: `[N, columns]`.
fn floats<B: PackedOperations>(packed: Packed<B>, dtype: DType) -> FloatTensor<B> {
    let rows = B::int_arange(0..packed.dims[0] as i64, &packed.values.device(), IntDType::I32);
    let floats = B::q_embedding(packed.scales, packed.values, rows, packed.dims);
    if dtype == DType::F32 { floats } else { B::float_cast(floats, dtype.into()) }
}

fn forward<B: PackedOperations + ProductKernel>(states: FloatTensor<B>, packed: Packed<B>) -> FloatTensor<B> {
    let dtype = states.dtype();
    B::multiply(states, B::float_transpose(floats::<B>(packed, dtype)))
}

/// Without gradients.
macro_rules! plain {
    ($backend:ty) => {
        impl DequantisedProducts for $backend {
            fn dequantised_products(
                states: FloatTensor<Self>,
                values: IntTensor<Self>,
                scales: FloatTensor<Self>,
                rows: usize,
            ) -> FloatTensor<Self> {
                let dims = [rows, states.shape()[1]];
                forward::<Self>(states, Packed { values, scales, dims })
            }
        }
    };
}

#[cfg(feature = "flex")]
plain!(burn::backend::Flex);
#[cfg(feature = "cube")]
plain!(burn::backend::Cube);

impl<B: PackedOperations + ProductKernel, C: CheckpointStrategy> DequantisedProducts for Autodiff<B, C> {
    fn dequantised_products(
        states: FloatTensor<Self>,
        values: IntTensor<Self>,
        scales: FloatTensor<Self>,
        rows: usize,
    ) -> FloatTensor<Self> {
        let node = states.node();
        let dims = [rows, states.shape()[1]];
        let packed = Packed { values, scales: scales.into_primitive(), dims };
        let products = forward::<B>(states.into_primitive(), packed.clone());
        match Slope.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(packed, products),
            OpsKind::UnTracked(prepared) => prepared.finish(products),
        }
    }
}

/// A matrix as the backends hold it.
#[derive(Clone, Debug)]
struct Packed<B: Backend> {
    values: IntTensor<B>,
    scales: FloatTensor<B>,
    dims: [usize; 2],
}

#[derive(Debug)]
struct Slope;

impl<B: PackedOperations + ProductKernel> Backward<B, 1> for Slope {
    type State = Packed<B>;

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let packed = ops.state;
        unary::<B, _>(ops.parents, ops.node, gradients, |gradient| {
            let dtype = gradient.dtype();
            B::multiply(gradient, floats::<B>(packed, dtype))
        });
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution};

    use super::*;
    use crate::{
        kernels::PackedMatrix,
        quant::{Bits, QuantisedMatrix},
    };

    /// burn's own product with the matrix that `quant` dequantises.
    #[test]
    fn products_and_gradients_are_those_of_the_floats() {
        let device = Device::flex().autodiff();
        device.seed(4);
        for (bits, [rows, columns]) in [(Bits::Eight, [7, 33]), (Bits::Four, [40, 64]), (Bits::Four, [3, 20])]
        {
            let random =
                |shape: [usize; 2]| Tensor::<2>::random(shape, Distribution::Normal(0.0, 1.0), &device);
            let values = random([rows, columns]).into_data().iter::<f32>().collect::<Vec<_>>();
            let matrix = QuantisedMatrix::new(&values, rows, columns, bits);
            let packed = PackedMatrix::new(&matrix, &device);
            let floats = burn::tensor::TensorData::new(matrix.dequantise(), [rows, columns]);
            let floats = Tensor::<2>::from_data(floats, &device);
            let states = random([5, columns]).require_grad();
            let weights = random([5, rows]);
            let got = packed.exact_products(states.clone());
            let expected = states.clone().matmul(floats.transpose());
            let gradient =
                |output: Tensor<2>| states.grad(&(output * weights.clone()).sum().backward()).unwrap();
            for (got, expected) in
                [(got.clone().inner(), expected.clone().inner()), (gradient(got), gradient(expected))]
            {
                let largest = (got - expected).abs().max().into_scalar::<f32>();
                assert!(largest < 1e-5, "off by {largest}");
            }
        }
    }
}
