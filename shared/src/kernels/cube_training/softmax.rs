//! Softmax of attention and of a catalogue.

use burn::{
    backend::{Cube, TensorMetadata, tensor::FloatTensor},
    tensor::{DType, Shape},
};
use cubecl::{ir::ElemType, prelude::*};

use super::{
    super::{
        cube::{CubeTensor, contiguous, units},
        softmax::{MaskedSoftmax, SoftmaxKernel},
    },
    launches::{cubes, element_of, empty, empty_like, in_rows, largest_of_cube, sum_of_cube},
};

/// A row to a cube: softmax(scores + bias).
#[cube(launch)]
fn soften<F: Float>(
    scores: &Tensor<F>,
    bias: &Tensor<f32>,
    probabilities: &mut Tensor<F>,
    rows: usize,
    rows_per_batch: usize,
    biases: usize,
    stride: usize,
    bias_stride: usize,
    #[comptime] units: usize,
    #[define(F)] _dtype: ElemType,
) {
    let row = CUBE_POS as usize;
    if row < rows {
        let (positions, columns) = (bias.shape(2), bias.shape(3));
        let (first, written) = (row * stride, row * columns);
        let of_bias = (row / rows_per_batch % biases * positions + row % positions) * bias_stride;
        let mut own = f32::new(-1e30);
        let mut column = UNIT_POS as usize;
        while column < columns {
            own = max(own, f32::cast_from(scores[first + column]) + bias[of_bias + column]);
            column += units;
        }
        let largest = largest_of_cube(own, units);
        let mut sum = f32::new(0.0);
        let mut column = UNIT_POS as usize;
        while column < columns {
            sum += (f32::cast_from(scores[first + column]) + bias[of_bias + column] - largest).exp();
            column += units;
        }
        let share = f32::new(1.0) / sum_of_cube(sum, units);
        let mut column = UNIT_POS as usize;
        while column < columns {
            let score = f32::cast_from(scores[first + column]) + bias[of_bias + column];
            probabilities[written + column] = F::cast_from((score - largest).exp() * share);
            column += units;
        }
    }
}

/// A row to a cube: p · (g − Σ p·g).
#[cube(launch)]
fn soften_backward<F: Float>(
    probabilities: &Tensor<F>,
    gradient: &Tensor<F>,
    of_scores: &mut Tensor<F>,
    rows: usize,
    columns: usize,
    stride: usize,
    gradient_stride: usize,
    #[comptime] units: usize,
    #[define(F)] _dtype: ElemType,
) {
    let row = CUBE_POS as usize;
    if row < rows {
        let (first, upstream_first, written) = (row * stride, row * gradient_stride, row * columns);
        let mut own = f32::new(0.0);
        let mut column = UNIT_POS as usize;
        while column < columns {
            let upstream = f32::cast_from(gradient[upstream_first + column]);
            own += f32::cast_from(probabilities[first + column]) * upstream;
            column += units;
        }
        let mean = sum_of_cube(own, units);
        let mut column = UNIT_POS as usize;
        while column < columns {
            let upstream = f32::cast_from(gradient[upstream_first + column]);
            let slope = f32::cast_from(probabilities[first + column]) * (upstream - mean);
            of_scores[written + column] = F::cast_from(slope);
            column += units;
        }
    }
}

/// A row to a cube: log Σ exp(logits + bias).
#[cube(launch)]
fn log_sum<F: Float>(
    logits: &Tensor<F>,
    bias: &Tensor<f32>,
    sums: &mut Tensor<f32>,
    rows: usize,
    columns: usize,
    stride: usize,
    #[comptime] units: usize,
    #[define(F)] _dtype: ElemType,
) {
    let row = CUBE_POS as usize;
    if row < rows {
        let first = row * stride;
        let mut own = f32::new(-1e30);
        let mut column = UNIT_POS as usize;
        while column < columns {
            own = max(own, f32::cast_from(logits[first + column]) + bias[column]);
            column += units;
        }
        let largest = largest_of_cube(own, units);
        let mut sum = f32::new(0.0);
        let mut column = UNIT_POS as usize;
        while column < columns {
            sum += (f32::cast_from(logits[first + column]) + bias[column] - largest).exp();
            column += units;
        }
        let sum = sum_of_cube(sum, units);
        if UNIT_POS == 0 {
            sums[row] = largest + sum.ln();
        }
    }
}

/// A logit to a unit: exp(logit + bias − normaliser)·scale.
#[cube(launch)]
fn scale_softmax<F: Float>(
    logits: &Tensor<F>,
    bias: &Tensor<f32>,
    normaliser: &Tensor<f32>,
    scale: &Tensor<f32>,
    scaled: &mut Tensor<F>,
    columns: usize,
    stride: usize,
    count: usize,
    #[define(F)] _dtype: ElemType,
) {
    if ABSOLUTE_POS < count {
        let (row, column) = (ABSOLUTE_POS / columns, ABSOLUTE_POS % columns);
        let shifted = f32::cast_from(logits[row * stride + column]) + bias[column] - normaliser[row];
        scaled[ABSOLUTE_POS] = F::cast_from(shifted.exp() * scale[row]);
    }
}

impl SoftmaxKernel for Cube {
    fn forward(scores: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        let ((scores, stride), (bias, bias_stride)) = (in_rows(scores), in_rows(bias));
        let [batch, heads, positions, columns] = scores.shape().dims();
        let (rows, biases) = (batch * heads * positions, bias.shape()[0]);
        let probabilities = empty_like(&scores);
        let (cube_count, cube_dim, units) = cubes(rows, columns);
        let dtype = element_of(&scores);
        soften::launch(
            &scores.client.clone(),
            cube_count,
            cube_dim,
            scores.into_tensor_arg(),
            bias.into_tensor_arg(),
            probabilities.clone().into_tensor_arg(),
            rows,
            heads * positions,
            biases,
            stride,
            bias_stride,
            units,
            dtype,
        );
        probabilities
    }

    fn backward(probabilities: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        let ((probabilities, stride), (gradient, gradient_stride)) =
            (in_rows(probabilities), in_rows(gradient));
        let shape = probabilities.shape();
        let columns = shape[shape.num_dims() - 1];
        let rows = shape.num_elements() / columns;
        let of_scores = empty_like(&probabilities);
        let (cube_count, cube_dim, units) = cubes(rows, columns);
        let dtype = element_of(&probabilities);
        soften_backward::launch(
            &probabilities.client.clone(),
            cube_count,
            cube_dim,
            probabilities.into_tensor_arg(),
            gradient.into_tensor_arg(),
            of_scores.clone().into_tensor_arg(),
            rows,
            columns,
            stride,
            gradient_stride,
            units,
            dtype,
        );
        of_scores
    }
}

impl MaskedSoftmax for Cube {
    fn masked_softmax(scores: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::forward(scores, bias)
    }
}

/// log Σ exp(logits + bias) of each row, in f32.
///
/// # Shapes
/// logits `[R, N]`, bias `[N]` → `[R, 1]`
#[must_use]
pub fn log_sum_exp(logits: CubeTensor, bias: CubeTensor) -> CubeTensor {
    let (logits, stride) = in_rows(logits);
    let [rows, columns] = logits.shape().dims();
    let sums = empty(&logits, Shape::from([rows, 1]), DType::F32);
    let (cube_count, cube_dim, units) = cubes(rows, columns);
    let dtype = element_of(&logits);
    log_sum::launch(
        &logits.client.clone(),
        cube_count,
        cube_dim,
        logits.into_tensor_arg(),
        contiguous(bias).into_tensor_arg(),
        sums.clone().into_tensor_arg(),
        rows,
        columns,
        stride,
        units,
        dtype,
    );
    sums
}

/// exp(logits + bias − normaliser)·scale, of logits `[R, N]`, bias `[N]`, and normaliser and scale `[R, 1]`.
#[must_use]
pub fn scaled_softmax([logits, bias, normaliser, scale]: [CubeTensor; 4]) -> CubeTensor {
    let (logits, stride) = in_rows(logits);
    let [rows, columns] = logits.shape().dims();
    let (scaled, count) = (empty_like(&logits), rows * columns);
    let (client, cube_count, cube_dim) = units(&scaled, count);
    let dtype = element_of(&logits);
    scale_softmax::launch(
        &client,
        cube_count,
        cube_dim,
        logits.into_tensor_arg(),
        contiguous(bias).into_tensor_arg(),
        contiguous(normaliser).into_tensor_arg(),
        contiguous(scale).into_tensor_arg(),
        scaled.clone().into_tensor_arg(),
        columns,
        stride,
        count,
        dtype,
    );
    scaled
}
