//! The operations on a GPU: CubeCL kernels that unpack weights where they multiply, and burn's own for the rest.
//!
//! In f32 and without subgroups: what every WebGPU has.

use burn::{
    backend::{
        Cube, TensorMetadata,
        ops::{ActivationOps, FloatTensorOps},
        tensor::FloatTensor,
    },
    tensor::{FloatDType, Shape},
};
use cubecl::{CubeDim, calculate_cube_count_elemwise, prelude::*};

use super::operations::PackedOperations;
use crate::quant::BLOCK;

type CubeTensor = FloatTensor<Cube>;

/// Rows of states that share a word of weights.
const STATES: usize = 4;

/// The weight at a place of a word that holds several.
#[cube]
fn weight(word: u32, place: u32, #[comptime] bits: u32) -> f32 {
    if comptime!(bits == 8) {
        let byte = (word >> (place * 8)) & 255;
        // Two's complement: a set sign takes 256 away.
        f32::cast_from(byte) - 256.0 * f32::cast_from(byte >> 7)
    } else {
        f32::cast_from((word >> (place * 4)) & 15) - 8.0
    }
}

/// A state, or zero behind the last column.
#[cube]
fn state(states: &Tensor<f32>, row: usize, column: usize, #[comptime] is_whole: bool) -> f32 {
    let columns = states.shape(1);
    if comptime!(is_whole) {
        states[row * columns + column]
    } else {
        let mut value = f32::new(0.0);
        if column < columns {
            value = states[row * columns + column];
        }
        value
    }
}

/// Products of four rows of states with a row of weights to a unit: a word of weights is unpacked once for all of them.
#[cube(launch)]
fn multiply(
    states: &Tensor<f32>,
    values: &Tensor<u32>,
    scales: &Tensor<f32>,
    products: &mut Tensor<f32>,
    #[comptime] bits: u32,
    #[comptime] is_whole: bool,
) {
    let (rows, blocks) = (scales.shape(0), scales.shape(1));
    let count = products.shape(0);
    let (first, row) = (ABSOLUTE_POS / rows * STATES, ABSOLUTE_POS % rows);
    if first < count {
        let words = comptime!(bits as usize * BLOCK / 32);
        let weights_of_word = comptime!(32 / bits as usize);
        let mut sums = Array::<f32>::new(STATES);
        #[unroll]
        for next in 0..STATES {
            sums[next] = f32::new(0.0);
        }
        for block in 0..blocks {
            let scale = scales[row * blocks + block];
            for word in 0..words {
                let packed = values[(row * blocks + block) * words + word];
                #[unroll]
                for place in 0..weights_of_word {
                    let value = weight(packed, place as u32, bits) * scale;
                    // Four bits: the first half of a block in the low halves of its bytes, the other in the high.
                    let number = if comptime!(bits == 8) {
                        word * 4 + place
                    } else {
                        word * 4 + comptime!(place / 2 + place % 2 * 16)
                    };
                    #[unroll]
                    for next in 0..STATES {
                        // Behind the last row the last again: its product is not kept.
                        let of_state = min(first + next, count - 1);
                        sums[next] += value * state(states, of_state, block * BLOCK + number, is_whole);
                    }
                }
            }
        }
        #[unroll]
        for next in 0..STATES {
            if first + next < count {
                products[(first + next) * rows + row] = sums[next];
            }
        }
    }
}

/// One number of a selected row to a unit.
#[cube(launch)]
fn select(
    rows: &Tensor<i32>,
    values: &Tensor<u32>,
    scales: &Tensor<f32>,
    selected: &mut Tensor<f32>,
    #[comptime] bits: u32,
) {
    let columns = selected.shape(1);
    if ABSOLUTE_POS < selected.shape(0) * columns {
        let blocks = scales.shape(1);
        let words = comptime!(bits as usize * BLOCK / 32);
        let column = ABSOLUTE_POS % columns;
        let block = rows[ABSOLUTE_POS / columns] as usize * blocks + column / BLOCK;
        let number = column % BLOCK;
        let value = if comptime!(bits == 8) {
            weight(values[block * words + number / 4], (number % 4) as u32, bits)
        } else {
            let byte = number % 16;
            weight(values[block * words + byte / 4], ((byte % 4) * 2 + number / 16) as u32, bits)
        };
        selected[ABSOLUTE_POS] = value * scales[block];
    }
}

/// How many bits a weight has, by how many words there are.
fn bits(values: &CubeTensor, scales: &CubeTensor) -> u32 {
    (values.shape()[1] / scales.shape()[1]) as u32
}

fn empty(like: &CubeTensor, shape: [usize; 2]) -> CubeTensor {
    Cube::float_empty(Shape::from(shape), &like.device, FloatDType::F32)
}

fn contiguous(tensor: CubeTensor) -> CubeTensor {
    let shape = tensor.shape();
    if tensor.is_contiguous() { tensor } else { Cube::float_reshape(tensor, shape) }
}

impl PackedOperations for Cube {
    fn q_linear(states: CubeTensor, values: CubeTensor, scales: CubeTensor) -> CubeTensor {
        let states = contiguous(states);
        let shape = [states.shape()[0], scales.shape()[0]];
        let products = empty(&states, shape);
        let units = shape[0].div_ceil(STATES) * shape[1];
        let is_whole = states.shape()[1].is_multiple_of(BLOCK);
        let client = products.client.clone();
        let cube_dim = CubeDim::new(&client, units);
        multiply::launch(
            &client,
            calculate_cube_count_elemwise(&client, units, cube_dim),
            cube_dim,
            states.into_tensor_arg(),
            values.clone().into_tensor_arg(),
            scales.clone().into_tensor_arg(),
            products.clone().into_tensor_arg(),
            bits(&values, &scales),
            is_whole,
        );
        products
    }

    fn q_embedding(scales: CubeTensor, values: CubeTensor, rows: CubeTensor, columns: usize) -> CubeTensor {
        let shape = [rows.shape()[0], columns];
        let selected = empty(&scales, shape);
        let units = shape[0] * shape[1];
        let client = selected.client.clone();
        let cube_dim = CubeDim::new(&client, units);
        select::launch(
            &client,
            calculate_cube_count_elemwise(&client, units, cube_dim),
            cube_dim,
            rows.into_tensor_arg(),
            values.clone().into_tensor_arg(),
            scales.clone().into_tensor_arg(),
            selected.clone().into_tensor_arg(),
            bits(&values, &scales),
        );
        selected
    }

    fn attend(queries: CubeTensor, keys: CubeTensor, values: CubeTensor, bias: CubeTensor) -> CubeTensor {
        let [rows, heads, positions, head] = queries.shape().dims();
        let [_, key_value_heads, columns, _] = keys.shape().dims();
        let repeat = |tensor: CubeTensor| {
            let group = heads / key_value_heads;
            let tensor = Cube::float_reshape(tensor, Shape::from([rows, key_value_heads, 1, columns, head]));
            let tensor =
                Cube::float_expand(tensor, Shape::from([rows, key_value_heads, group, columns, head]));
            Cube::float_reshape(tensor, Shape::from([rows, heads, columns, head]))
        };
        let scores = Cube::float_matmul(queries, Cube::float_transpose(repeat(keys)));
        let weights = Cube::softmax(Cube::float_add(scores, bias), 3);
        let attended = Cube::float_swap_dims(Cube::float_matmul(weights, repeat(values)), 1, 2);
        Cube::float_reshape(attended, Shape::from([rows, positions, heads * head]))
    }

    fn silu_times(gates: CubeTensor, ups: CubeTensor) -> CubeTensor {
        let open = Cube::sigmoid(gates.clone());
        Cube::float_mul(Cube::float_mul(gates, open), ups)
    }

    fn log_softmax(logits: CubeTensor) -> CubeTensor {
        <Cube as ActivationOps<Cube>>::log_softmax(logits, 1)
    }
}
