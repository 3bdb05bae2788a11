//! Products of matrices while a model is trained: burn's own and, on a GPU with units for matrices, the kernel that was
//! fastest there.
//!
//! burn finds its kernels by timing all it has for every shape that it meets. On an H200 a step of 135 million parameters
//! was not over after six minutes of it, and one kernel was the fastest, or within a quarter of it, for every shape.

#[cfg(feature = "cube")]
use burn::backend::Cube;
#[cfg(feature = "flex")]
use burn::backend::Flex;
use burn::{
    backend::{
        Autodiff, Backend, Dispatch,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
        backend_extension,
        tensor::FloatTensor,
    },
    tensor::Tensor,
};

use super::gradients::several;

/// left·right, matrix by matrix, with gradients for both.
///
/// # Shapes
/// left `[…, M, K]`, right `[…, K, N]` → `[…, M, N]`, as many of all
#[must_use]
pub fn product<const D: usize>(left: Tensor<D>, right: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as Products>::product(left.into_dispatch(), right.into_dispatch()))
}

/// The operation as the backends see it; call [`product`].
#[backend_extension(Flex: cfg(feature = "flex"), Cube: cfg(feature = "cube"), Autodiff)]
pub trait Products: Backend {
    fn product(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// What a backend multiplies with.
pub trait ProductKernel: Backend {
    /// left·right.
    fn multiply(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self>;

    /// leftᵀ·right: the gradient of weights, where many rows make a matrix of few.
    fn multiply_rows(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::multiply(Self::float_transpose(left), right)
    }
}

#[cfg(feature = "flex")]
impl ProductKernel for Flex {
    fn multiply(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self> {
        <Self as burn::backend::ops::FloatTensorOps<Self>>::float_matmul(left, right)
    }
}

#[cfg(feature = "cube")]
impl ProductKernel for Cube {
    fn multiply(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self> {
        super::cube_training::multiply(left, right)
    }

    fn multiply_rows(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self> {
        super::cube_training::multiply_rows(left, right)
    }
}

/// Without gradients.
macro_rules! plain {
    ($backend:ty) => {
        impl Products for $backend {
            fn product(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self> {
                Self::multiply(left, right)
            }
        }
    };
}

#[cfg(feature = "flex")]
plain!(Flex);
#[cfg(feature = "cube")]
plain!(Cube);

impl<B: ProductKernel, C: CheckpointStrategy> Products for Autodiff<B, C> {
    fn product(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [left.node(), right.node()];
        // The gradient of each is made of the other.
        let [wants_left, wants_right] = [left.is_tracked(), right.is_tracked()];
        let (left, right) = (left.into_primitive(), right.into_primitive());
        let product = B::multiply(left.clone(), right.clone());
        match Factors.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                prepared.finish((wants_right.then_some(left), wants_left.then_some(right)), product)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(product),
        }
    }
}

#[derive(Debug)]
struct Factors;

impl<B: ProductKernel> Backward<B, 2> for Factors {
    type State = (Option<FloatTensor<B>>, Option<FloatTensor<B>>);

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        several::<B, _, 2>(ops, gradients, |(left, right), gradient, [wants_left, wants_right]| {
            let of_left = right
                .filter(|_| wants_left)
                .map(|right| B::multiply(gradient.clone(), B::float_transpose(right)));
            let of_right = left.filter(|_| wants_right).map(|left| B::multiply_rows(left, gradient));
            [of_left, of_right]
        });
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution};

    use super::*;

    /// burn's own product, which knows nothing of this file.
    #[test]
    fn values_and_gradients_are_those_of_burns_product() {
        let device = Device::flex().autodiff();
        device.seed(4);
        let random = |shape: [usize; 3]| Tensor::<3>::random(shape, Distribution::Normal(0.0, 1.0), &device);
        let (left, right) = (random([3, 5, 7]).require_grad(), random([3, 7, 4]).require_grad());
        let weights = random([3, 5, 4]).detach();
        let of = |product: Tensor<3>| {
            let found = (product.clone() * weights.clone()).sum().backward();
            [product.inner(), left.grad(&found).unwrap(), right.grad(&found).unwrap()]
        };
        let got = of(product(left.clone(), right.clone()));
        let expected = of(left.clone().matmul(right.clone()));
        for (got, expected) in got.into_iter().zip(expected) {
            assert!((got - expected).abs().max().into_scalar::<f32>() < 1e-6);
        }
    }

    #[test]
    fn what_is_frozen_gets_no_gradient() {
        let device = Device::flex().autodiff();
        let ones = |shape: [usize; 2]| Tensor::<2>::ones(shape, &device);
        for is_left_frozen in [true, false] {
            let (mut left, mut right) = (ones([2, 3]), ones([3, 4]));
            let learned = if is_left_frozen { &mut right } else { &mut left };
            *learned = learned.clone().require_grad();
            let found = product(left.clone(), right.clone()).sum().backward();
            assert_eq!(
                [left.grad(&found).is_none(), right.grad(&found).is_none()],
                [is_left_frozen, !is_left_frozen]
            );
        }
    }
}
