//! The norm of a layer, and its gradients.

use burn::{
    backend::TensorMetadata,
    tensor::{DType, FloatDType, Shape},
};
use cubecl::{ir::ElemType, prelude::*};

use super::{
    super::cube::CubeTensor,
    launches::{cubes, cubes_of, element_of, empty, empty_like, in_rows, sum_of_cube},
};

/// Cubes that share the rows of a norm in the backward pass.
const ROW_SUMS: usize = 1024;

/// A row to a cube: x / √(mean x² + ε) · weights.
#[cube(launch)]
fn normalise<F: Float, G: Float>(
    states: &Tensor<F>,
    weights: &Tensor<f32>,
    normed: &mut Tensor<G>,
    epsilon: f32,
    rows: usize,
    width: usize,
    stride: usize,
    #[comptime] units: usize,
    #[define(F)] _from: ElemType,
    #[define(G)] _to: ElemType,
) {
    let row = CUBE_POS as usize;
    if row < rows {
        let (first, written) = (row * stride, row * width);
        let mut squares = f32::new(0.0);
        let mut place = UNIT_POS as usize;
        while place < width {
            let value = f32::cast_from(states[first + place]);
            squares += value * value;
            place += units;
        }
        let mean = sum_of_cube(squares, units) / f32::cast_from(width);
        let scale = f32::new(1.0) / (mean + epsilon).sqrt();
        let mut place = UNIT_POS as usize;
        while place < width {
            let value = f32::cast_from(states[first + place]);
            normed[written + place] = G::cast_from(value * scale * weights[place]);
            place += units;
        }
    }
}

/// Rows to a cube, one after another: gradient of the states, and of the weights what these rows add to it.
#[cube(launch)]
#[allow(clippy::too_many_arguments, reason = "tensors, and how they lie")]
fn normalise_backward<F: Float, G: Float>(
    states: &Tensor<F>,
    weights: &Tensor<f32>,
    gradient: &Tensor<G>,
    of_states: &mut Tensor<F>,
    of_weights: &mut Tensor<f32>,
    epsilon: f32,
    rows: usize,
    width: usize,
    stride: usize,
    gradient_stride: usize,
    cubes: usize,
    #[comptime] are_weights_asked: bool,
    #[comptime] parts: usize,
    #[comptime] units: usize,
    #[define(F)] _from: ElemType,
    #[define(G)] _to: ElemType,
) {
    let unit = UNIT_POS as usize;
    let mut own = Array::<f32>::new(parts);
    #[unroll]
    for part in 0..parts {
        own[part] = f32::new(0.0);
    }
    let mut row = CUBE_POS as usize;
    while row < rows {
        let (first, upstream_first, written) = (row * stride, row * gradient_stride, row * width);
        let mut squares = f32::new(0.0);
        let mut along = f32::new(0.0);
        let mut place = unit;
        while place < width {
            let value = f32::cast_from(states[first + place]);
            squares += value * value;
            along += value * weights[place] * f32::cast_from(gradient[upstream_first + place]);
            place += units;
        }
        let count = f32::cast_from(width);
        let scale = f32::new(1.0) / (sum_of_cube(squares, units) / count + epsilon).sqrt();
        let along = sum_of_cube(along, units) / count * scale * scale;
        #[unroll]
        for part in 0..parts {
            let place = part * units + unit;
            if place < width {
                let value = f32::cast_from(states[first + place]);
                let upstream = f32::cast_from(gradient[upstream_first + place]);
                of_states[written + place] =
                    F::cast_from((upstream * weights[place] - value * along) * scale);
                own[part] += upstream * value * scale;
            }
        }
        row += cubes;
    }
    if comptime!(are_weights_asked) {
        #[unroll]
        for part in 0..parts {
            let place = part * units + unit;
            if place < width {
                of_weights[CUBE_POS as usize * width + place] = own[part];
            }
        }
    }
}

/// Columns that a cube adds up, and rows of them that it reads at once.
const COLUMNS: usize = 32;
const ROWS_AT_ONCE: usize = 8;

/// Neighbouring columns to a cube: the sum of each.
#[cube(launch)]
fn add_columns(numbers: &Tensor<f32>, sums: &mut Tensor<f32>, rows: usize, width: usize) {
    let unit = UNIT_POS as usize;
    let (column, lane) = (CUBE_POS as usize * COLUMNS + unit % COLUMNS, unit / COLUMNS);
    let mut parts = Shared::<[f32]>::new_slice(comptime!(COLUMNS * ROWS_AT_ONCE));
    let mut own = f32::new(0.0);
    if column < width {
        let mut row = lane;
        while row < rows {
            own += numbers[row * width + column];
            row += ROWS_AT_ONCE;
        }
    }
    parts[unit] = own;
    sync_cube();
    if lane == 0 && column < width {
        let mut sum = f32::new(0.0);
        #[unroll]
        for lane in 0..ROWS_AT_ONCE {
            sum += parts[lane * COLUMNS + unit];
        }
        sums[column] = sum;
    }
}

/// x / √(mean x² + ε) · weights, written as `dtype`.
pub(super) fn normed(states: CubeTensor, weights: CubeTensor, epsilon: f64, dtype: FloatDType) -> CubeTensor {
    let (states, stride) = in_rows(states);
    let (shape, width) = (states.shape(), weights.shape()[0]);
    let rows = shape.num_elements() / width;
    let normed = empty(&states, shape, dtype.into());
    let (cube_count, cube_dim, units) = cubes(rows, width);
    let (from, to) = (element_of(&states), element_of(&normed));
    normalise::launch(
        &states.client.clone(),
        cube_count,
        cube_dim,
        states.into_tensor_arg(),
        weights.into_tensor_arg(),
        normed.clone().into_tensor_arg(),
        epsilon as f32,
        rows,
        width,
        stride,
        units,
        from,
        to,
    );
    normed
}

/// Gradients of states and, where they are asked for, of weights.
pub(super) fn backward(
    states: CubeTensor,
    weights: CubeTensor,
    gradient: CubeTensor,
    epsilon: f64,
    are_weights_asked: bool,
) -> (CubeTensor, Option<CubeTensor>) {
    let ((states, stride), (gradient, gradient_stride)) = (in_rows(states), in_rows(gradient));
    let (shape, width) = (states.shape(), weights.shape()[0]);
    let rows = shape.num_elements() / width;
    let of_states = empty_like(&states);
    // Enough to keep a GPU busy, few enough to be added up quickly.
    let count = rows.min(ROW_SUMS);
    // Where nobody asks, a place that nothing is written to.
    let sums = empty(&states, Shape::from([if are_weights_asked { count } else { 1 }, width]), DType::F32);
    let (_, _, units) = cubes(rows, width);
    let (cube_count, cube_dim) = cubes_of(count, units);
    let (from, to) = (element_of(&states), element_of(&gradient));
    let client = states.client.clone();
    normalise_backward::launch(
        &client,
        cube_count,
        cube_dim,
        states.into_tensor_arg(),
        weights.into_tensor_arg(),
        gradient.into_tensor_arg(),
        of_states.clone().into_tensor_arg(),
        sums.clone().into_tensor_arg(),
        epsilon as f32,
        rows,
        width,
        stride,
        gradient_stride,
        count,
        are_weights_asked,
        width.div_ceil(units),
        units,
        from,
        to,
    );
    let of_weights = are_weights_asked.then(|| {
        let of_weights = empty(&sums, Shape::from([width]), DType::F32);
        let (cube_count, cube_dim) = cubes_of(width.div_ceil(COLUMNS), COLUMNS * ROWS_AT_ONCE);
        let sums = sums.into_tensor_arg();
        add_columns::launch(
            &client,
            cube_count,
            cube_dim,
            sums,
            of_weights.clone().into_tensor_arg(),
            count,
            width,
        );
        of_weights
    });
    (of_states, of_weights)
}
