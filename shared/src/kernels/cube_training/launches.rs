//! What do the kernels of training share? Sums of a cube, rows of a tensor, and how a launch is divided.

use burn::{
    backend::TensorMetadata,
    tensor::{DType, Shape},
};
use cubecl::{
    CubeCount, CubeDim,
    ir::{ElemType, FloatKind, IntKind},
    prelude::*,
};

use super::super::cube::{CubeTensor, contiguous, empty_rows};

/// Units that share a row of at least as many numbers.
const UNITS_PER_ROW: usize = 128;
/// Rows in one dimension of a launch: WebGPU allows 65,535.
const ROWS_PER_LINE: usize = 32_768;

/// The sum of what every unit of a cube has.
#[cube]
pub(super) fn sum_of_cube(own: f32, #[comptime] units: usize) -> f32 {
    let mut sums = Shared::<[f32]>::new_slice(units);
    sums[UNIT_POS as usize] = own;
    sync_cube();
    let mut active = comptime!(units as u32).runtime();
    while active > 1 {
        active /= 2;
        if UNIT_POS < active {
            let other = sums[(UNIT_POS + active) as usize];
            sums[UNIT_POS as usize] += other;
        }
        sync_cube();
    }
    let sum = sums[0];
    // Nobody writes what another still reads.
    sync_cube();
    sum
}

/// The largest that a unit of a cube has.
#[cube]
pub(super) fn largest_of_cube(own: f32, #[comptime] units: usize) -> f32 {
    let mut values = Shared::<[f32]>::new_slice(units);
    values[UNIT_POS as usize] = own;
    sync_cube();
    let mut active = comptime!(units as u32).runtime();
    while active > 1 {
        active /= 2;
        if UNIT_POS < active {
            let other = values[(UNIT_POS + active) as usize];
            values[UNIT_POS as usize] = max(values[UNIT_POS as usize], other);
        }
        sync_cube();
    }
    let largest = values[0];
    sync_cube();
    largest
}

/// As a kernel names the type of a tensor's numbers.
pub(super) fn element_of(tensor: &CubeTensor) -> ElemType {
    match tensor.dtype {
        DType::F16 => ElemType::Float(FloatKind::F16),
        DType::BF16 => ElemType::Float(FloatKind::BF16),
        DType::I32 => ElemType::Int(IntKind::I32),
        DType::I64 => ElemType::Int(IntKind::I64),
        _ => ElemType::Float(FloatKind::F32),
    }
}

pub(super) fn empty(like: &CubeTensor, shape: Shape, dtype: DType) -> CubeTensor {
    empty_rows(like, shape, dtype.into())
}

/// Rows of numbers that lie side by side, at one distance from another: the tensor, copied where they do not, and that
/// distance.
pub(super) fn in_rows(tensor: CubeTensor) -> (CubeTensor, usize) {
    let (shape, strides) = (tensor.meta.shape(), tensor.meta.strides());
    let rank = shape.num_dims();
    if rank < 2 {
        let tensor = contiguous(tensor);
        let width = tensor.shape().num_elements();
        return (tensor, width);
    }
    let is_in_rows = (shape[rank - 1] == 1 || strides[rank - 1] == 1)
        && (0..rank - 2).all(|dim| shape[dim] == 1 || strides[dim] == strides[dim + 1] * shape[dim + 1]);
    if is_in_rows && (shape[rank - 2] > 1 || shape.num_elements() == shape[rank - 1]) {
        let stride = strides[rank - 2];
        return (tensor, stride);
    }
    let width = shape[rank - 1];
    (contiguous(tensor), width)
}

/// Numbers of a row.
pub(super) fn width_of(tensor: &CubeTensor) -> usize {
    let shape = tensor.meta.shape();
    shape[shape.num_dims() - 1]
}

pub(super) fn empty_like(tensor: &CubeTensor) -> CubeTensor {
    empty(tensor, tensor.shape(), tensor.dtype)
}

/// How a launch of a cube for each row is divided: cubes, units of each, and their number as the kernel knows it.
pub(super) fn cubes(rows: usize, columns: usize) -> (CubeCount, CubeDim, usize) {
    // A power of two, so that halves add up.
    let units = columns.next_power_of_two().min(UNITS_PER_ROW);
    let (count, dim) = cubes_of(rows, units);
    (count, dim, units)
}

/// So many cubes of so many units.
pub(super) fn cubes_of(rows: usize, units: usize) -> (CubeCount, CubeDim) {
    let count =
        CubeCount::Static(rows.min(ROWS_PER_LINE) as u32, rows.div_ceil(ROWS_PER_LINE).max(1) as u32, 1);
    (count, CubeDim::new_1d(units as u32))
}
