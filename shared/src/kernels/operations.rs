//! How does burn call the kernels? As operations of its own, with an implementation for each backend.

use burn::{
    backend::{
        Backend, Dispatch, backend_extension,
        tensor::{FloatTensor, IntTensor},
    },
    tensor::{Int, Tensor},
};

/// The operations as the backends see them; call [`super::PackedMatrix`].
#[backend_extension(Flex: cfg(feature = "flex"), Cube: cfg(feature = "cube"))]
pub trait PackedOperations: Backend {
    /// states `[R, columns]`, values and scales of a matrix of `[N, columns]` → `[R, N]`
    fn q_linear(
        states: FloatTensor<Self>,
        values: IntTensor<Self>,
        scales: FloatTensor<Self>,
        rows: usize,
    ) -> FloatTensor<Self>;

    /// values and scales of a matrix of `dims`, rows `[R]` → `[R, columns]`
    fn q_embedding(
        scales: FloatTensor<Self>,
        values: IntTensor<Self>,
        rows: IntTensor<Self>,
        dims: [usize; 2],
    ) -> FloatTensor<Self>;

    /// See [`attend`].
    fn attend(
        queries: FloatTensor<Self>,
        keys: FloatTensor<Self>,
        values: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// See [`rms_norm`].
    fn rms_norm(states: FloatTensor<Self>, weights: FloatTensor<Self>, epsilon: f64) -> FloatTensor<Self>;

    /// See [`rotate`].
    fn rotate(
        heads: FloatTensor<Self>,
        cosines: FloatTensor<Self>,
        sines: FloatTensor<Self>,
        scale: f64,
    ) -> FloatTensor<Self>;

    /// See [`silu_times`].
    fn silu_times(gates: FloatTensor<Self>, ups: FloatTensor<Self>) -> FloatTensor<Self>;

    /// See [`log_softmax`].
    fn log_softmax(logits: FloatTensor<Self>) -> FloatTensor<Self>;
}

pub(super) fn q_linear(
    states: Tensor<2>,
    values: Tensor<2, Int>,
    scales: Tensor<2>,
    rows: usize,
) -> Tensor<2> {
    let product = <Dispatch as PackedOperations>::q_linear(
        states.into_dispatch(),
        values.into_dispatch(),
        scales.into_dispatch(),
        rows,
    );
    Tensor::from_dispatch(product)
}

pub(super) fn q_embedding(
    rows: Tensor<1, Int>,
    values: Tensor<2, Int>,
    scales: Tensor<2>,
    dims: [usize; 2],
) -> Tensor<2> {
    let selected = <Dispatch as PackedOperations>::q_embedding(
        scales.into_dispatch(),
        values.into_dispatch(),
        rows.into_dispatch(),
        dims,
    );
    Tensor::from_dispatch(selected)
}

/// softmax(queries·keysᵀ + bias)·values, heads side by side; groups of heads share keys and values.
///
/// # Shapes
/// queries `[B, H, T, d]`, keys and values `[B, K, S, d]`, bias `[B or 1, 1, T, S]` → `[B, T, H·d]`
#[must_use]
pub fn attend(queries: Tensor<4>, keys: Tensor<4>, values: Tensor<4>, bias: Tensor<4>) -> Tensor<3> {
    Tensor::from_dispatch(<Dispatch as PackedOperations>::attend(
        queries.into_dispatch(),
        keys.into_dispatch(),
        values.into_dispatch(),
        bias.into_dispatch(),
    ))
}

/// x / √(mean x² + ε) · weights over the last dimension (arXiv 1910.07467).
///
/// # Shapes
/// states `[…, D]`, weights `[D]` → `[…, D]`
#[must_use]
pub fn rms_norm<const D: usize>(states: Tensor<D>, weights: Tensor<1>, epsilon: f64) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as PackedOperations>::rms_norm(
        states.into_dispatch(),
        weights.into_dispatch(),
        epsilon,
    ))
}

/// Rotary positions over the two halves of each head, times `scale`.
///
/// # Shapes
/// heads `[B, H, T, d]`, cosines and sines `[B or 1, 1, T, d/2]` → `[B, H, T, d]`
#[must_use]
pub fn rotate(heads: Tensor<4>, cosines: Tensor<4>, sines: Tensor<4>, scale: f64) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as PackedOperations>::rotate(
        heads.into_dispatch(),
        cosines.into_dispatch(),
        sines.into_dispatch(),
        scale,
    ))
}

/// silu(gates)·ups.
#[must_use]
pub fn silu_times(gates: Tensor<3>, ups: Tensor<3>) -> Tensor<3> {
    let gated = <Dispatch as PackedOperations>::silu_times(gates.into_dispatch(), ups.into_dispatch());
    Tensor::from_dispatch(gated)
}

/// The logarithm of each row's softmax.
#[must_use]
pub fn log_softmax(logits: Tensor<2>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as PackedOperations>::log_softmax(logits.into_dispatch()))
}
