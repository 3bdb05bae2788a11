//! The operations on a processor: burn's tensors in and out, slices of numbers between.

#[cfg(feature = "train")]
use burn::{backend::ops::FloatTensorOps, tensor::FloatDType};
use burn::{
    backend::{Flex, TensorMetadata, flex::FlexTensor},
    tensor::{DType, TensorData},
};

use super::{
    attention::{Attention, Heads, Shape},
    exponential, instructions,
    operations::PackedOperations,
    packed::Packed,
};

impl PackedOperations for Flex {
    fn q_linear(states: FlexTensor, values: FlexTensor, scales: FlexTensor, rows: usize) -> FlexTensor {
        let (states, values, scales) =
            (states.to_contiguous(), values.to_contiguous(), scales.to_contiguous());
        let [count, columns] = states.shape().dims();
        let matrix =
            Packed::new(elements(&values), elements(&scales), [rows, columns], instructions::bytes());
        FlexTensor::from_data(TensorData::new(matrix.products(elements(&states)), [count, rows]))
    }

    fn q_embedding(scales: FlexTensor, values: FlexTensor, rows: FlexTensor, dims: [usize; 2]) -> FlexTensor {
        let (values, scales) = (values.to_contiguous(), scales.to_contiguous());
        let rows = rows.to_contiguous();
        let rows: Vec<usize> = match rows.dtype() {
            DType::I32 => elements::<i32>(&rows).iter().map(|&row| row as usize).collect(),
            _ => elements::<i64>(&rows).iter().map(|&row| row as usize).collect(),
        };
        let shape = [rows.len(), dims[1]];
        let matrix = Packed::new(elements(&values), elements(&scales), dims, instructions::bytes());
        FlexTensor::from_data(TensorData::new(matrix.select(&rows), shape))
    }

    fn attend(queries: FlexTensor, keys: FlexTensor, values: FlexTensor, bias: FlexTensor) -> FlexTensor {
        let [rows, heads, positions, head] = queries.shape().dims();
        let [_, key_value_heads, columns, _] = keys.shape().dims();
        let shape = Shape { rows, heads, key_value_heads, positions, columns, head };
        let [queries, bias] = [queries, bias].map(|tensor| tensor.to_contiguous());
        let [keys, values] = [keys, values].map(with_heads_in_one_piece);
        let attention = Attention {
            shape,
            queries: elements(&queries),
            keys: Heads::new(&keys),
            values: Heads::new(&values),
            bias: elements(&bias),
        };
        FlexTensor::from_data(TensorData::new(attention.attend(), [rows, positions, heads * head]))
    }

    fn rms_norm(states: FlexTensor, weights: FlexTensor, epsilon: f64) -> FlexTensor {
        let weights = weights.to_contiguous();
        in_place(states, |states| exponential::rms_norm(states, elements(&weights), epsilon as f32))
    }

    fn rotate(heads: FlexTensor, cosines: FlexTensor, sines: FlexTensor, scale: f64) -> FlexTensor {
        let (cosines, sines) = (cosines.to_contiguous(), sines.to_contiguous());
        let [_, count, positions, head] = heads.shape().dims();
        let half = head / 2;
        in_place(heads, |heads| {
            let angles =
                elements::<f32>(&cosines).chunks_exact(half).zip(elements(&sines).chunks_exact(half));
            let angles: Vec<(&[f32], &[f32])> = angles.collect();
            for (index, head) in heads.chunks_exact_mut(head).enumerate() {
                let row = index / (count * positions);
                let (cosines, sines) = angles[(row * positions + index % positions) % angles.len()];
                let (first, second) = head.split_at_mut(half);
                for (((first, second), cosine), sine) in first.iter_mut().zip(second).zip(cosines).zip(sines)
                {
                    let (cosine, sine) = (cosine * scale as f32, sine * scale as f32);
                    (*first, *second) = (*first * cosine - *second * sine, *second * cosine + *first * sine);
                }
            }
        })
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

/// As it is, when the columns of each head lie one after another, as in a cache with room for more.
fn with_heads_in_one_piece(tensor: FlexTensor) -> FlexTensor {
    let is_fit = match *tensor.layout().strides() {
        [row, heads, columns, 1] => row >= 0 && heads >= 0 && columns == tensor.shape()[3] as isize,
        _ => false,
    };
    if is_fit { tensor } else { tensor.to_contiguous() }
}

impl<'a> Heads<'a> {
    /// `tensor` has its heads in one piece.
    fn new(tensor: &'a FlexTensor) -> Self {
        let strides = tensor.layout().strides();
        let numbers = &tensor.storage()[tensor.layout().start_offset()..];
        Self { numbers, row: strides[0].unsigned_abs(), head: strides[1].unsigned_abs() }
    }
}

/// Changes the numbers of a tensor, in its own storage when nobody else holds it and it holds nothing else.
pub(super) fn in_place(tensor: FlexTensor, change: impl FnOnce(&mut [f32])) -> FlexTensor {
    in_place_with(tensor, change).0
}

/// The same numbers as f32.
#[cfg(feature = "train")]
#[must_use]
pub fn wide(tensor: FlexTensor) -> FlexTensor {
    if tensor.dtype() == DType::F32 { tensor } else { Flex::float_cast(tensor, FloatDType::F32) }
}

/// The same, with what the change gives beside. Narrower numbers are f32 while they change.
pub(super) fn in_place_with<R>(tensor: FlexTensor, change: impl FnOnce(&mut [f32]) -> R) -> (FlexTensor, R) {
    #[cfg(feature = "train")]
    if tensor.dtype() != DType::F32 {
        let dtype = tensor.dtype().into();
        let (changed, given) = in_place_with(wide(tensor), change);
        return (Flex::float_cast(changed, dtype), given);
    }
    let mut tensor = if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() };
    let count = tensor.layout().num_elements();
    if tensor.storage::<f32>().len() == count {
        let given = change(tensor.storage_mut());
        return (tensor, given);
    }
    let mut numbers = elements(&tensor).to_vec();
    let given = change(&mut numbers);
    (FlexTensor::from_data(TensorData::new(numbers, tensor.shape())), given)
}

/// The numbers of a contiguous tensor, which may be a part of a longer storage.
pub(super) fn elements<E: burn::tensor::Element + bytemuck::Pod>(tensor: &FlexTensor) -> &[E] {
    let start = tensor.layout().start_offset();
    &tensor.storage()[start..start + tensor.layout().num_elements()]
}
