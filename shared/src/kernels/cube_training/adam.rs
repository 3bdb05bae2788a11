//! A step of AdamW.

use burn::{
    backend::TensorMetadata,
    tensor::{DType, Shape},
};
use cubecl::prelude::*;

use super::{
    super::{adam::AdamStep, cube::CubeTensor},
    launches::{cubes_of, empty, empty_like, in_rows, sum_of_cube, width_of},
};

/// Units of a cube, and most cubes, that add up the squares of a gradient: a cube reads the sums of all of them at once.
const SQUARING: usize = 256;

/// The squares of some of a gradient's numbers to a cube.
#[cube(launch)]
fn add_squares(
    gradient: &Tensor<f32>,
    sums: &mut Tensor<f32>,
    width: usize,
    stride: usize,
    count: usize,
    cubes: usize,
) {
    let mut own = f32::new(0.0);
    let mut place = CUBE_POS as usize * SQUARING + UNIT_POS as usize;
    while place < count {
        let number = gradient[place / width * stride + place % width];
        own += number * number;
        place += cubes * SQUARING;
    }
    let sum = sum_of_cube(own, SQUARING);
    if UNIT_POS == 0 {
        sums[CUBE_POS as usize] = sum;
    }
}

/// A weight to a unit: AdamW, of gradients whose norm is at most what `clip` says.
#[cube(launch)]
#[allow(clippy::too_many_arguments, reason = "what a step of AdamW is made of")]
fn update(
    weights: &Tensor<f32>,
    gradient: &Tensor<f32>,
    moments: &Tensor<f32>,
    squares: &Tensor<f32>,
    squared_norms: &Tensor<f32>,
    new_weights: &mut Tensor<f32>,
    new_moments: &mut Tensor<f32>,
    new_squares: &mut Tensor<f32>,
    rate: f32,
    keep: f32,
    beta_1: f32,
    beta_2: f32,
    correction_1: f32,
    correction_2: f32,
    epsilon: f32,
    clip: f32,
    width: usize,
    weight_stride: usize,
    gradient_stride: usize,
    moment_stride: usize,
    square_stride: usize,
    count: usize,
    norms: usize,
) {
    let unit = UNIT_POS as usize;
    let mut own = f32::new(0.0);
    if unit < norms {
        own = squared_norms[unit];
    }
    let norm = sum_of_cube(own, SQUARING).sqrt() + f32::new(1e-30);
    let place = CUBE_POS as usize * SQUARING + unit;
    if place < count {
        let (row, column) = (place / width, place % width);
        let clipped = gradient[row * gradient_stride + column] * min(clip / norm, f32::new(1.0));
        let moment = moments[row * moment_stride + column] * beta_1 + clipped * (1.0 - beta_1);
        let square = squares[row * square_stride + column] * beta_2 + clipped * clipped * (1.0 - beta_2);
        let delta = moment * correction_1 / ((square * correction_2).sqrt() + epsilon);
        new_weights[place] = weights[row * weight_stride + column] * keep - delta * rate;
        new_moments[place] = moment;
        new_squares[place] = square;
    }
}

/// New weights, moments and squares, from the old ones and a gradient.
#[must_use]
pub fn adam_update(
    [weights, gradient, moments, squares]: [CubeTensor; 4],
    step: AdamStep,
) -> (CubeTensor, CubeTensor, CubeTensor) {
    let width = width_of(&weights);
    let [new_weights, new_moments, new_squares] = [&weights, &moments, &squares].map(empty_like);
    let count = weights.shape().num_elements();
    let client = new_weights.client.clone();
    let [
        (weights, weight_stride),
        (gradient, gradient_stride),
        (moments, moment_stride),
        (squares, square_stride),
    ] = [weights, gradient, moments, squares].map(in_rows);
    let norms = count.div_ceil(8 * SQUARING).clamp(1, SQUARING);
    let squared_norms = empty(&weights, Shape::from([norms]), DType::F32);
    let (cube_count, cube_dim) = cubes_of(norms, SQUARING);
    add_squares::launch(
        &client,
        cube_count,
        cube_dim,
        gradient.clone().into_tensor_arg(),
        squared_norms.clone().into_tensor_arg(),
        width,
        gradient_stride,
        count,
        norms,
    );
    let (cube_count, cube_dim) = cubes_of(count.div_ceil(SQUARING), SQUARING);
    let [correction_1, correction_2] = step.corrections();
    update::launch(
        &client,
        cube_count,
        cube_dim,
        weights.into_tensor_arg(),
        gradient.into_tensor_arg(),
        moments.into_tensor_arg(),
        squares.into_tensor_arg(),
        squared_norms.into_tensor_arg(),
        new_weights.clone().into_tensor_arg(),
        new_moments.clone().into_tensor_arg(),
        new_squares.clone().into_tensor_arg(),
        step.rate,
        step.keep,
        step.beta_1,
        step.beta_2,
        correction_1,
        correction_2,
        step.epsilon,
        step.clip,
        width,
        weight_stride,
        gradient_stride,
        moment_stride,
        square_stride,
        count,
        norms,
    );
    (new_weights, new_moments, new_squares)
}
