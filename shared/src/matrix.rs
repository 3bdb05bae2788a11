//! What is a matrix of a model? Floats while it is trained, packed integers where it answers.
//!
//! The forward pass asks for products and rows and never for which of both it is.

use burn::{
    module::{Module, Param},
    nn::{Embedding, EmbeddingConfig, Initializer, Linear, LinearConfig},
    tensor::{Device, Int, Tensor},
};

#[cfg(feature = "train")]
use crate::lora::{AdaptedProjection, Frozen};
use crate::{kernels::PackedMatrix, noise::Noise};

/// Normal with standard deviation 0.02, as Llama and GPT-2 start.
const INITIALIZER: Initializer = Initializer::Normal { mean: 0.0, std: 0.02 };

/// y = x·Wᵀ + b.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a model has few of them, each before megabytes of weights")]
pub enum Projection {
    Float(Linear),
    Packed(PackedProjection),
    #[cfg(feature = "train")]
    Adapted(AdaptedProjection),
}

#[derive(Module, Debug)]
pub struct PackedProjection {
    pub(crate) matrix: PackedMatrix,
    pub(crate) bias: Option<Param<Tensor<1>>>,
}

impl PackedProjection {
    /// `[B, T, from]` → `[B, T, to]`, by one of the ways in which the matrix multiplies.
    pub(crate) fn forward(
        &self,
        states: Tensor<3>,
        products: impl Fn(&PackedMatrix, Tensor<2>) -> Tensor<2>,
    ) -> Tensor<3> {
        affine(states, self.bias.as_ref(), |states| products(&self.matrix, states))
    }
}

/// All positions as the rows of one product, and a bias as narrow as that: `[B, T, from]` → `[B, T, to]`.
fn affine(
    states: Tensor<3>,
    bias: Option<&Param<Tensor<1>>>,
    products: impl FnOnce(Tensor<2>) -> Tensor<2>,
) -> Tensor<3> {
    let [rows, positions, width] = states.dims();
    // T of them at a time fill no whole tile of a GPU.
    let products = products(states.reshape([rows * positions, width]));
    let to = products.dims()[1];
    let products = products.reshape([rows, positions, to]);
    match bias {
        Some(bias) => {
            let bias = bias.val();
            #[cfg(feature = "train")]
            let bias = bias.cast(burn::tensor::FloatDType::from(products.dtype()));
            products + bias.unsqueeze()
        }
        None => products,
    }
}

impl Projection {
    /// Random weights, no bias yet that says anything.
    #[must_use]
    pub fn init(from: usize, to: usize, bias: bool, device: &Device) -> Self {
        let config = LinearConfig::new(from, to).with_bias(bias).with_initializer(INITIALIZER);
        Self::Float(config.init(device))
    }

    /// `[B, T, from]` → `[B, T, to]`; the noise is for an adapter.
    #[must_use]
    pub fn forward(&self, states: Tensor<3>, noise: Noise) -> Tensor<3> {
        #[cfg(not(feature = "train"))]
        let _ = noise;
        match self {
            Self::Float(linear) => multiplied(linear, states),
            #[cfg(feature = "train")]
            Self::Adapted(adapted) => adapted.forward(states, noise),
            Self::Packed(packed) => packed.forward(states, PackedMatrix::products),
        }
    }

    /// Whether its layer is computed by the fused operations, which have no gradients: where its weights are packed, and in a
    /// build that does not train. A browser has no code for the others.
    #[must_use]
    pub fn is_fused(&self) -> bool {
        matches!(self, Self::Packed(_)) || !cfg!(feature = "train")
    }

    /// The same with packed weights; its bias stays.
    fn pack(&mut self, matrix: PackedMatrix) {
        let bias = match self {
            Self::Float(linear) => linear.bias.take(),
            Self::Packed(packed) => packed.bias.take(),
            #[cfg(feature = "train")]
            Self::Adapted(adapted) => adapted.base().bias(),
        };
        *self = Self::Packed(PackedProjection { matrix, bias });
    }
}

/// What a linear layer gives, its weights as narrow as the states: `[B, T, from]` → `[B, T, to]`.
pub(crate) fn multiplied(linear: &Linear, states: Tensor<3>) -> Tensor<3> {
    #[cfg(feature = "train")]
    return affine(states, linear.bias.as_ref(), |states| {
        let weight = linear.weight.val().cast(burn::tensor::FloatDType::from(states.dtype()));
        crate::kernels::products::product(states, weight)
    });
    #[cfg(not(feature = "train"))]
    linear.forward(states)
}

/// Vectors by number: looked up going in, multiplied with coming out.
#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "a model has few of them, each before megabytes of weights")]
pub enum Table {
    Float(Embedding),
    Packed(PackedMatrix),
}

impl Table {
    /// Random vectors.
    #[must_use]
    pub fn init(count: usize, width: usize, device: &Device) -> Self {
        Self::Float(EmbeddingConfig::new(count, width).with_initializer(INITIALIZER).init(device))
    }

    /// Given vectors, `[count, width]`.
    #[must_use]
    pub fn of(vectors: Tensor<2>) -> Self {
        Self::Float(Embedding { weight: Param::from_tensor(vectors) })
    }

    /// As [`Projection::is_fused`], for what is computed of its products.
    #[must_use]
    pub fn is_fused(&self) -> bool {
        matches!(self, Self::Packed(_)) || !cfg!(feature = "train")
    }

    /// All vectors, `[count, width]`, as they are kept.
    #[must_use]
    pub fn vectors(&self) -> Vectors {
        match self {
            Self::Float(embedding) => Vectors::Float(embedding.weight.val()),
            Self::Packed(matrix) => Vectors::Packed(matrix.clone()),
        }
    }

    fn pack(&mut self, matrix: PackedMatrix) {
        *self = Self::Packed(matrix);
    }
}

/// A place in a model where a matrix may be packed.
pub(crate) enum Slot<'a> {
    Projection(&'a mut Projection),
    Table(&'a mut Table),
}

impl Slot<'_> {
    /// `[output, input]`
    pub(crate) fn dims(&self) -> [usize; 2] {
        match self {
            Self::Projection(Projection::Float(linear)) => {
                let [from, to] = linear.weight.lazy_shape().dims();
                [to, from]
            }
            Self::Projection(Projection::Packed(packed)) => packed.matrix.dims(),
            #[cfg(feature = "train")]
            Self::Projection(Projection::Adapted(adapted)) => {
                let [from, to] = adapted.base().dims();
                [to, from]
            }
            Self::Table(Table::Float(embedding)) => embedding.weight.lazy_shape().dims(),
            Self::Table(Table::Packed(matrix)) => matrix.dims(),
        }
    }

    pub(crate) fn pack(self, matrix: PackedMatrix) {
        match self {
            Self::Projection(projection) => projection.pack(matrix),
            Self::Table(table) => table.pack(matrix),
        }
    }
}

#[cfg(feature = "train")]
impl<'a> Slot<'a> {
    /// Puts an adapter beside a matrix.
    pub(crate) fn adapt(self, adapt: impl FnOnce(Frozen) -> AdaptedProjection) {
        let Self::Projection(projection) = self else { return };
        let base = match projection {
            Projection::Float(linear) => Frozen::Float(linear.clone()),
            Projection::Packed(packed) => Frozen::Packed(packed.clone()),
            Projection::Adapted(_) => return,
        };
        *projection = Projection::Adapted(adapt(base));
    }

    /// Makes one matrix of an adapted one.
    pub(crate) fn merge(self, merge: impl FnOnce(AdaptedProjection) -> Linear) {
        if let Self::Projection(projection) = self
            && let Projection::Adapted(adapted) = projection
        {
            *projection = Projection::Float(merge(adapted.clone()));
        }
    }

    pub(crate) fn adapted_mut(self) -> Option<&'a mut AdaptedProjection> {
        match self {
            Self::Projection(Projection::Adapted(adapted)) => Some(adapted),
            _ => None,
        }
    }
}

/// The vectors of a table, or what was computed from them.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a model has few of them, each before megabytes of weights")]
pub enum Vectors {
    Float(Tensor<2>),
    Packed(PackedMatrix),
}

impl Vectors {
    /// `[count, width]`
    #[must_use]
    pub fn dims(&self) -> [usize; 2] {
        match self {
            Self::Float(vectors) => vectors.dims(),
            Self::Packed(matrix) => matrix.dims(),
        }
    }

    /// The vectors with these numbers.
    ///
    /// # Shapes
    /// numbers `[R]` → `[R, width]`
    #[must_use]
    pub fn select(&self, numbers: Tensor<1, Int>) -> Tensor<2> {
        match self {
            #[cfg(feature = "train")]
            Self::Float(vectors) => crate::kernels::gradients::look_up(vectors.clone(), numbers),
            #[cfg(not(feature = "train"))]
            Self::Float(vectors) => vectors.clone().select(0, numbers),
            Self::Packed(matrix) => matrix.select(numbers),
        }
    }

    /// The vectors with the numbers of a batch: `[B, T]` → `[B, T, width]`.
    #[must_use]
    pub fn look_up(&self, numbers: Tensor<2, Int>) -> Tensor<3> {
        let [rows, positions] = numbers.dims();
        let vectors = self.select(numbers.reshape([rows * positions]));
        vectors.reshape([rows, positions, self.dims()[1]])
    }

    /// All of them as floats: `[count, width]`.
    #[must_use]
    pub fn floats(&self) -> Tensor<2> {
        match self {
            Self::Float(vectors) => vectors.clone(),
            Self::Packed(matrix) => matrix.floats(),
        }
    }

    /// Every state times every vector.
    ///
    /// # Shapes
    /// states `[R, width]` → `[R, count]`
    #[must_use]
    pub fn products(&self, states: Tensor<2>) -> Tensor<2> {
        match self {
            #[cfg(feature = "train")]
            Self::Float(vectors) => crate::kernels::products::product(states, vectors.clone().transpose()),
            #[cfg(not(feature = "train"))]
            Self::Float(vectors) => states.matmul(vectors.clone().transpose()),
            Self::Packed(matrix) => matrix.products(states),
        }
    }
}
