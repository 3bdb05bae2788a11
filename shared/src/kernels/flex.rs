//! The operations on a processor: burn's tensors in and out, slices of numbers between.

use burn::{
    backend::{Flex, TensorMetadata, flex::FlexTensor},
    tensor::{DType, TensorData},
};

use super::{
    attention::{Attention, Shape},
    exponential,
    int8::Packed,
    operations::PackedOperations,
};

impl PackedOperations for Flex {
    fn q_linear(states: FlexTensor, values: FlexTensor, scales: FlexTensor) -> FlexTensor {
        let (states, values, scales) =
            (states.to_contiguous(), values.to_contiguous(), scales.to_contiguous());
        let shape = [states.shape()[0], scales.shape()[0]];
        let matrix = Packed::new(elements(&values), elements(&scales), states.shape()[1]);
        FlexTensor::from_data(TensorData::new(matrix.products(elements(&states)), shape))
    }

    fn q_embedding(scales: FlexTensor, values: FlexTensor, rows: FlexTensor, columns: usize) -> FlexTensor {
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
