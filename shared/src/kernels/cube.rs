//! The operations on a GPU: CubeCL kernels that unpack weights where they multiply, and burn's own for the rest.
//!
//! In f32 and without subgroups: what every WebGPU has.

use burn::{
    backend::{
        Cube, TensorMetadata,
        ops::{ActivationOps, FloatTensorOps, IntTensorOps},
        tensor::FloatTensor,
    },
    tensor::{FloatDType, Shape},
};
use cubecl::{CubeDim, calculate_cube_count_elemwise, prelude::*};

use super::operations::PackedOperations;
use crate::quant::BLOCK;

pub(super) type CubeTensor = FloatTensor<Cube>;

/// Numbers that a unit loads at once.
type Four = Vector<f32, Const<4>>;

/// Rows of states and rows of weights whose products a unit computes, so that each load serves several.
const TILE: usize = 4;
/// Units that a device needs to be busy: below, a unit takes one row of weights and more of them run.
const BUSY: usize = 1024;

/// Biases below hide a key.
const SEEN: f32 = -1e8;
/// Below every product of a query and a key.
const LEAST: f32 = -1e30;

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

/// The sum of a vector's numbers.
#[cube]
fn sum<N: Size>(vector: Vector<f32, N>, #[comptime] size: usize) -> f32 {
    let mut total = f32::new(0.0);
    #[unroll]
    for number in 0..size {
        total += vector.extract(number);
    }
    total
}

/// Products of a tile of states with a tile of weights to a unit. Neighbours take neighbouring weights.
#[cube(launch)]
fn multiply(
    states: &Tensor<Four>,
    values: &Tensor<u32>,
    scales: &Tensor<f32>,
    products: &mut Tensor<f32>,
    #[comptime] bits: u32,
    #[comptime] tile_states: usize,
    #[comptime] tile_rows: usize,
) {
    let (rows, blocks) = (scales.shape(0), scales.shape(1));
    let count = products.shape(0);
    let row_tiles = (rows + comptime!(tile_rows - 1)) / tile_rows;
    let first_state = ABSOLUTE_POS / row_tiles * tile_states;
    let first_row = ABSOLUTE_POS % row_tiles * tile_rows;
    if first_state < count {
        let words = comptime!(bits as usize * BLOCK / 32);
        let fours_of_word = comptime!(8 / bits as usize);
        let mut sums = Array::<f32>::new(comptime!(tile_states * tile_rows));
        #[unroll]
        for sum in 0..comptime!(tile_states * tile_rows) {
            sums[sum] = f32::new(0.0);
        }
        for block in 0..blocks {
            for word in 0..words {
                #[unroll]
                for half in 0..fours_of_word {
                    // Behind the last row the last again: its products are not kept.
                    let mut loaded = Array::<Four>::new(tile_states);
                    #[unroll]
                    for state in 0..tile_states {
                        let of_state = min(first_state + state, count - 1);
                        // Four bits: the first half of a block in the low halves of its bytes, the other in the high.
                        loaded[state] = states[(of_state * blocks + block) * 8 + word + half * 4];
                    }
                    #[unroll]
                    for row in 0..tile_rows {
                        let of_row = min(first_row + row, rows - 1) * blocks + block;
                        let packed = values[of_row * words + word];
                        let scale = scales[of_row];
                        #[unroll]
                        for place in 0..4usize {
                            let of_word =
                                comptime!((if bits == 8 { place } else { place * 2 + half }) as u32);
                            let value = weight(packed, of_word, bits) * scale;
                            #[unroll]
                            for state in 0..tile_states {
                                sums[comptime!(state * tile_rows + row)] +=
                                    value * loaded[state].extract(place);
                            }
                        }
                    }
                }
            }
        }
        #[unroll]
        for state in 0..tile_states {
            #[unroll]
            for row in 0..tile_rows {
                if first_state + state < count && first_row + row < rows {
                    products[(first_state + state) * rows + first_row + row] =
                        sums[comptime!(state * tile_rows + row)];
                }
            }
        }
    }
}

/// A query's answer to a unit: the softmax of its products with all keys that it sees is taken in one go, with what was
/// summed up before scaled down whenever a larger product comes (Milakov and Gimelshein, arXiv 1805.02867).
#[cube(launch)]
fn attend_online<N: Size>(
    queries: &Tensor<Vector<f32, N>>,
    keys: &Tensor<Vector<f32, N>>,
    values: &Tensor<Vector<f32, N>>,
    bias: &Tensor<f32>,
    attended: &mut Tensor<Vector<f32, N>>,
    #[comptime] parts: usize,
    #[comptime] size: usize,
) {
    let (heads, positions, columns) = (queries.shape(1), queries.shape(2), keys.shape(2));
    let position = ABSOLUTE_POS % positions;
    let head = ABSOLUTE_POS / positions % heads;
    let row = ABSOLUTE_POS / positions / heads;
    if row < queries.shape(0) {
        let of_keys = head / (heads / keys.shape(1));
        let query =
            (row * queries.stride(0) + head * queries.stride(1) + position * queries.stride(2)) / size;
        let first_key = (row * keys.stride(0) + of_keys * keys.stride(1)) / size;
        let first_value = (row * values.stride(0) + of_keys * values.stride(1)) / size;
        let first_bias = (row % bias.shape(0) * positions + position) * columns;
        let mut sums = Array::<Vector<f32, N>>::new(parts);
        let mut asked = Array::<Vector<f32, N>>::new(parts);
        #[unroll]
        for part in 0..parts {
            sums[part] = Vector::new(f32::new(0.0));
            asked[part] = queries[query + part];
        }
        let mut largest = f32::new(LEAST);
        let mut total = f32::new(0.0);
        for column in 0..columns {
            let seen = bias[first_bias + column];
            // What is hidden weighs exactly nothing.
            if seen > f32::new(SEEN) {
                let key = first_key + column * keys.stride(2) / size;
                let mut products = Vector::<f32, N>::new(f32::new(0.0));
                #[unroll]
                for part in 0..parts {
                    products += asked[part] * keys[key + part];
                }
                let score = seen + sum(products, size);
                if score > largest {
                    let smaller = (largest - score).exp();
                    total *= smaller;
                    #[unroll]
                    for part in 0..parts {
                        sums[part] *= Vector::new(smaller);
                    }
                    largest = score;
                }
                let weight = (score - largest).exp();
                total += weight;
                let value = first_value + column * values.stride(2) / size;
                #[unroll]
                for part in 0..parts {
                    sums[part] += values[value + part] * Vector::new(weight);
                }
            }
        }
        let share = Vector::new(f32::new(1.0) / total);
        let answer = ((row * positions + position) * heads + head) * parts;
        #[unroll]
        for part in 0..parts {
            attended[answer + part] = sums[part] * share;
        }
    }
}

/// A row to a unit: x / √(mean x² + ε) · weights.
#[cube(launch)]
fn normalise<N: Size>(
    states: &Tensor<Vector<f32, N>>,
    weights: &Tensor<Vector<f32, N>>,
    normed: &mut Tensor<Vector<f32, N>>,
    epsilon: f32,
    rows: usize,
    width: usize,
    #[comptime] size: usize,
) {
    if ABSOLUTE_POS < rows {
        let parts = width / size;
        let first = ABSOLUTE_POS * parts;
        let mut squares = Vector::<f32, N>::new(f32::new(0.0));
        for part in 0..parts {
            let values = states[first + part];
            squares += values * values;
        }
        let mean = sum(squares, size) / f32::cast_from(width);
        let scale = Vector::new(f32::new(1.0) / (mean + epsilon).sqrt());
        for part in 0..parts {
            normed[first + part] = states[first + part] * scale * weights[part];
        }
    }
}

/// A pair of numbers to a unit, turned by the angle of its position and scaled.
#[cube(launch)]
fn turn(
    heads: &Tensor<f32>,
    cosines: &Tensor<f32>,
    sines: &Tensor<f32>,
    turned: &mut Tensor<f32>,
    scale: f32,
) {
    let (count, positions, half) = (turned.shape(1), turned.shape(2), turned.shape(3) / 2);
    let number = ABSOLUTE_POS % half;
    let position = ABSOLUTE_POS / half % positions;
    let head = ABSOLUTE_POS / half / positions % count;
    let row = ABSOLUTE_POS / half / positions / count;
    if row < turned.shape(0) {
        let from = row * heads.stride(0) + head * heads.stride(1) + position * heads.stride(2) + number;
        let angle = row % cosines.shape(0) * cosines.stride(0) + position * half + number;
        let (first, second) = (heads[from], heads[from + half]);
        let (cosine, sine) = (cosines[angle] * scale, sines[angle] * scale);
        let to = ((row * count + head) * positions + position) * half * 2 + number;
        turned[to] = first * cosine - second * sine;
        turned[to + half] = second * cosine + first * sine;
    }
}

/// A number to a unit.
#[cube(launch)]
fn gate(gates: &Tensor<f32>, ups: &Tensor<f32>, gated: &mut Tensor<f32>, count: usize) {
    if ABSOLUTE_POS < count {
        let value = gates[ABSOLUTE_POS];
        gated[ABSOLUTE_POS] = value / (1.0 + (-value).exp()) * ups[ABSOLUTE_POS];
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

fn empty<const D: usize>(like: &CubeTensor, shape: [usize; D]) -> CubeTensor {
    empty_rows(like, Shape::from(shape), FloatDType::F32)
}

/// Room for a tensor without gaps: on some devices burn lets every row begin at a rounded address.
pub(super) fn empty_rows(like: &CubeTensor, shape: Shape, dtype: FloatDType) -> CubeTensor {
    let flat = Cube::float_empty(Shape::from([shape.num_elements()]), &like.device, dtype);
    Cube::float_reshape(flat, shape)
}

/// The tensor without gaps.
pub(super) fn contiguous(tensor: CubeTensor) -> CubeTensor {
    if tensor.is_contiguous() {
        return tensor;
    }
    // In one dimension there are none.
    let shape = tensor.shape();
    let flat = Cube::float_reshape(tensor, Shape::from([shape.num_elements()]));
    Cube::float_reshape(flat, shape)
}

/// As [`contiguous`], of integers.
pub(super) fn contiguous_numbers(tensor: CubeTensor) -> CubeTensor {
    if tensor.is_contiguous() {
        return tensor;
    }
    let shape = tensor.shape();
    let flat = Cube::int_reshape(tensor, Shape::from([shape.num_elements()]));
    Cube::int_reshape(flat, shape)
}

/// The same, with the numbers of a head side by side: the other dimensions may lie as they like.
pub(super) fn side_by_side(tensor: CubeTensor) -> CubeTensor {
    if tensor.meta.strides()[3] == 1 { tensor } else { contiguous(tensor) }
}

/// How many numbers of a row are loaded at once.
fn vector_size(width: usize) -> usize {
    [4, 2].into_iter().find(|size| width.is_multiple_of(*size)).unwrap_or(1)
}

/// Zeros behind the columns, up to whole blocks.
fn padded(states: CubeTensor, columns: usize) -> CubeTensor {
    let [rows, own] = states.shape().dims();
    if own == columns {
        return contiguous(states);
    }
    let zeros = Cube::float_zeros(Shape::from([rows, columns - own]), &states.device, FloatDType::F32);
    contiguous(Cube::float_cat(vec![states, zeros], 1))
}

/// Where a result is made, and how a launch of so many units is divided there.
pub(super) fn units(result: &CubeTensor, count: usize) -> (Client, CubeCount, CubeDim) {
    let client = result.client.clone();
    let cube_dim = CubeDim::new(&client, count);
    let cube_count = calculate_cube_count_elemwise(&client, count, cube_dim);
    (client, cube_count, cube_dim)
}

impl PackedOperations for Cube {
    fn q_linear(states: CubeTensor, values: CubeTensor, scales: CubeTensor, rows: usize) -> CubeTensor {
        let blocks = scales.shape()[1];
        let (values, scales) = (contiguous_numbers(values), contiguous(scales));
        let states = padded(states, blocks * BLOCK);
        let count = states.shape()[0];
        let products = empty(&states, [count, rows]);
        let tile_states = if count < TILE { 1 } else { TILE };
        let state_tiles = count.div_ceil(tile_states);
        let tile_rows = if state_tiles * rows.div_ceil(TILE) < BUSY { 1 } else { TILE };
        let (client, cube_count, cube_dim) = units(&products, state_tiles * rows.div_ceil(tile_rows));
        multiply::launch(
            &client,
            cube_count,
            cube_dim,
            states.into_tensor_arg(),
            values.clone().into_tensor_arg(),
            scales.clone().into_tensor_arg(),
            products.clone().into_tensor_arg(),
            bits(&values, &scales),
            tile_states,
            tile_rows,
        );
        products
    }

    fn q_embedding(scales: CubeTensor, values: CubeTensor, rows: CubeTensor, dims: [usize; 2]) -> CubeTensor {
        let (values, scales) = (contiguous_numbers(values), contiguous(scales));
        let shape = [rows.shape()[0], dims[1]];
        let selected = empty(&scales, shape);
        let (client, cube_count, cube_dim) = units(&selected, shape[0] * shape[1]);
        select::launch(
            &client,
            cube_count,
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
        let attended = empty(&queries, [rows, positions, heads * head]);
        let (client, cube_count, cube_dim) = units(&attended, rows * heads * positions);
        let size = vector_size(head);
        attend_online::launch(
            &client,
            cube_count,
            cube_dim,
            size,
            side_by_side(queries).into_tensor_arg(),
            side_by_side(keys).into_tensor_arg(),
            side_by_side(values).into_tensor_arg(),
            contiguous(bias).into_tensor_arg(),
            attended.clone().into_tensor_arg(),
            head / size,
            size,
        );
        attended
    }

    fn rms_norm(states: CubeTensor, weights: CubeTensor, epsilon: f64) -> CubeTensor {
        let states = contiguous(states);
        let shape = states.shape();
        let width = weights.shape()[0];
        let (rows, size) = (shape.num_elements() / width, vector_size(width));
        let normed = empty_rows(&states, shape, FloatDType::F32);
        let (client, cube_count, cube_dim) = units(&normed, rows);
        normalise::launch(
            &client,
            cube_count,
            cube_dim,
            size,
            states.into_tensor_arg(),
            weights.into_tensor_arg(),
            normed.clone().into_tensor_arg(),
            epsilon as f32,
            rows,
            width,
            size,
        );
        normed
    }

    fn rotate(heads: CubeTensor, cosines: CubeTensor, sines: CubeTensor, scale: f64) -> CubeTensor {
        let shape: [usize; 4] = heads.shape().dims();
        let turned = empty(&heads, shape);
        let (client, cube_count, cube_dim) = units(&turned, shape.iter().product::<usize>() / 2);
        turn::launch(
            &client,
            cube_count,
            cube_dim,
            side_by_side(heads).into_tensor_arg(),
            contiguous(cosines).into_tensor_arg(),
            contiguous(sines).into_tensor_arg(),
            turned.clone().into_tensor_arg(),
            scale as f32,
        );
        turned
    }

    fn silu_times(gates: CubeTensor, ups: CubeTensor) -> CubeTensor {
        let shape = gates.shape();
        let count = shape.num_elements();
        let gated = empty_rows(&gates, shape, FloatDType::F32);
        let (client, cube_count, cube_dim) = units(&gated, count);
        gate::launch(
            &client,
            cube_count,
            cube_dim,
            contiguous(gates).into_tensor_arg(),
            contiguous(ups).into_tensor_arg(),
            gated.clone().into_tensor_arg(),
            count,
        );
        gated
    }

    fn log_softmax(logits: CubeTensor) -> CubeTensor {
        <Cube as ActivationOps<Cube>>::log_softmax(logits, 1)
    }
}
