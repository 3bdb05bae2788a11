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

/// One product of a row of states with a row of weights to a unit.
#[cube(launch)]
fn multiply(
    states: &Tensor<f32>,
    values: &Tensor<u32>,
    scales: &Tensor<f32>,
    products: &mut Tensor<f32>,
    #[comptime] bits: u32,
) {
    let (rows, blocks) = (scales.shape(0), scales.shape(1));
    if ABSOLUTE_POS < products.shape(0) * rows {
        let columns = states.shape(1);
        let state = ABSOLUTE_POS / rows * columns;
        let row = ABSOLUTE_POS % rows * blocks;
        let words = comptime!(bits as usize * BLOCK / 32);
        let mut sum = f32::new(0.0);
        for block in 0..blocks {
            let first = state + block * BLOCK;
            let present = min(BLOCK, columns - block * BLOCK);
            let mut of_block = f32::new(0.0);
            for number in 0..present {
                let value = if comptime!(bits == 8) {
                    weight(values[(row + block) * words + number / 4], (number % 4) as u32, bits)
                } else {
                    // Sixteen bytes: the first half of a block in their low halves, the other in their high.
                    let byte = number % 16;
                    let place = (byte % 4) * 2 + number / 16;
                    weight(values[(row + block) * words + byte / 4], place as u32, bits)
                };
                of_block += value * states[first + number];
            }
            sum += of_block * scales[row + block];
        }
        products[ABSOLUTE_POS] = sum;
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
        let units = shape[0] * shape[1];
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
