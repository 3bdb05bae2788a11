//! How does burn call the kernels? As operations of its own, with an implementation for each backend.

use burn::{
    backend::{
        Backend, Dispatch, backend_extension,
        tensor::{FloatTensor, IntTensor},
    },
    tensor::{Int, Tensor},
};

/// The operations as the backends see them; call [`super::PackedMatrix`].
#[backend_extension(Flex: cfg(feature = "flex"))]
pub trait PackedOperations: Backend {
    /// states `[R, columns]`, values `[N, words]`, scales `[N, blocks]` → `[R, N]`
    fn q_linear(
        states: FloatTensor<Self>,
        values: IntTensor<Self>,
        scales: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// scales `[N, blocks]`, values `[N, words]`, rows `[R]` → `[R, columns]`
    fn q_embedding(
        scales: FloatTensor<Self>,
        values: IntTensor<Self>,
        rows: IntTensor<Self>,
        columns: usize,
    ) -> FloatTensor<Self>;

    /// See [`attend`].
    fn attend(
        queries: FloatTensor<Self>,
        keys: FloatTensor<Self>,
        values: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// See [`silu_times`].
    fn silu_times(gates: FloatTensor<Self>, ups: FloatTensor<Self>) -> FloatTensor<Self>;

    /// See [`log_softmax`].
    fn log_softmax(logits: FloatTensor<Self>) -> FloatTensor<Self>;
}

pub(super) fn q_linear(states: Tensor<2>, values: Tensor<2, Int>, scales: Tensor<2>) -> Tensor<2> {
    let product = <Dispatch as PackedOperations>::q_linear(
        states.into_dispatch(),
        values.into_dispatch(),
        scales.into_dispatch(),
    );
    Tensor::from_dispatch(product)
}

pub(super) fn q_embedding(
    rows: Tensor<1, Int>,
    values: Tensor<2, Int>,
    scales: Tensor<2>,
    columns: usize,
) -> Tensor<2> {
    let selected = <Dispatch as PackedOperations>::q_embedding(
        scales.into_dispatch(),
        values.into_dispatch(),
        rows.into_dispatch(),
        columns,
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

#[cfg(feature = "flex")]
mod flex {
    use burn::{
        backend::{Flex, TensorMetadata, flex::FlexTensor},
        tensor::{DType, TensorData},
    };

    use super::{
        super::{
            attention::{Attention, Shape},
            exponential,
            int8::Packed,
        },
        PackedOperations,
    };

    impl PackedOperations for Flex {
        fn q_linear(states: FlexTensor, values: FlexTensor, scales: FlexTensor) -> FlexTensor {
            let (states, values, scales) =
                (states.to_contiguous(), values.to_contiguous(), scales.to_contiguous());
            let shape = [states.shape()[0], scales.shape()[0]];
            let matrix = Packed::new(elements(&values), elements(&scales), states.shape()[1]);
            FlexTensor::from_data(TensorData::new(matrix.products(elements(&states)), shape))
        }

        fn q_embedding(
            scales: FlexTensor,
            values: FlexTensor,
            rows: FlexTensor,
            columns: usize,
        ) -> FlexTensor {
            let (values, scales) = (values.to_contiguous(), scales.to_contiguous());
            let rows = rows.to_contiguous();
            let rows: Vec<usize> = match rows.dtype() {
                DType::I32 => elements::<i32>(&rows).iter().map(|&row| row as usize).collect(),
                _ => elements::<i64>(&rows).iter().map(|&row| row as usize).collect(),
            };
            let shape = [rows.len(), columns];
            let matrix = Packed::new(elements(&values), elements(&scales), columns);
            FlexTensor::from_data(TensorData::new(matrix.select(&rows), shape))
        }

        fn attend(queries: FlexTensor, keys: FlexTensor, values: FlexTensor, bias: FlexTensor) -> FlexTensor {
            let [rows, heads, positions, head] = queries.shape().dims();
            let [_, key_value_heads, columns, _] = keys.shape().dims();
            let shape = Shape { rows, heads, key_value_heads, positions, columns, head };
            let [queries, keys, values, bias] =
                [queries, keys, values, bias].map(|tensor| tensor.to_contiguous());
            let attention = Attention {
                shape,
                queries: elements(&queries),
                keys: elements(&keys),
                values: elements(&values),
                bias: elements(&bias),
            };
            FlexTensor::from_data(TensorData::new(attention.attend(), [rows, positions, heads * head]))
        }

        fn silu_times(gates: FlexTensor, ups: FlexTensor) -> FlexTensor {
            let ups = ups.to_contiguous();
            in_place(gates, |gates| exponential::silu_times(gates, elements(&ups)))
        }

        fn log_softmax(logits: FlexTensor) -> FlexTensor {
            let width = logits.shape()[1];
            in_place(logits, |logits| logits.chunks_mut(width).for_each(exponential::log_softmax))
        }
    }

    /// Changes the numbers of a tensor, in its own storage when nobody else holds it and it holds nothing else.
    fn in_place(tensor: FlexTensor, change: impl FnOnce(&mut [f32])) -> FlexTensor {
        let mut tensor = if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() };
        let count = tensor.layout().num_elements();
        if tensor.storage::<f32>().len() == count {
            change(tensor.storage_mut());
            return tensor;
        }
        let mut numbers = elements(&tensor).to_vec();
        change(&mut numbers);
        FlexTensor::from_data(TensorData::new(numbers, tensor.shape()))
    }

    /// The numbers of a contiguous tensor, which may be a part of a longer storage.
    fn elements<E: burn::tensor::Element + bytemuck::Pod>(tensor: &FlexTensor) -> &[E] {
        let start = tensor.layout().start_offset();
        &tensor.storage()[start..start + tensor.layout().num_elements()]
    }
}
