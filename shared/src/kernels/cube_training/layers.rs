//! Gate, rotation and dropout of a layer, and what the layers of a GPU are made of altogether.

use burn::{
    backend::{
        Cube, TensorMetadata,
        ops::FloatTensorOps,
        tensor::{FloatTensor, IntTensor},
    },
    tensor::FloatDType,
};
use cubecl::{ir::ElemType, prelude::*};

use super::{
    super::{
        cube::{CubeTensor, side_by_side, units},
        gradients::{LayerGradients, LayerOperations},
    },
    launches::{element_of, empty, empty_like, in_rows, width_of},
    look_up, norm,
};

/// A number to a unit: silu(gate)·up.
#[cube(launch)]
fn gate<F: Float>(
    gates: &Tensor<F>,
    ups: &Tensor<F>,
    gated: &mut Tensor<F>,
    width: usize,
    gate_stride: usize,
    up_stride: usize,
    count: usize,
    #[define(F)] _dtype: ElemType,
) {
    if ABSOLUTE_POS < count {
        let (row, column) = (ABSOLUTE_POS / width, ABSOLUTE_POS % width);
        let value = f32::cast_from(gates[row * gate_stride + column]);
        let silu = value / (1.0 + (-value).exp());
        gated[ABSOLUTE_POS] = F::cast_from(silu * f32::cast_from(ups[row * up_stride + column]));
    }
}

/// A number to a unit: gradients of its gate and of its up.
#[cube(launch)]
fn gate_backward<F: Float>(
    gates: &Tensor<F>,
    ups: &Tensor<F>,
    gradient: &Tensor<F>,
    of_gates: &mut Tensor<F>,
    of_ups: &mut Tensor<F>,
    width: usize,
    gate_stride: usize,
    up_stride: usize,
    gradient_stride: usize,
    count: usize,
    #[define(F)] _dtype: ElemType,
) {
    if ABSOLUTE_POS < count {
        let (row, column) = (ABSOLUTE_POS / width, ABSOLUTE_POS % width);
        let value = f32::cast_from(gates[row * gate_stride + column]);
        let up = f32::cast_from(ups[row * up_stride + column]);
        let upstream = f32::cast_from(gradient[row * gradient_stride + column]);
        let sigmoid = f32::new(1.0) / (1.0 + (-value).exp());
        let silu = value * sigmoid;
        let slope = sigmoid + silu * (1.0 - sigmoid);
        of_gates[ABSOLUTE_POS] = F::cast_from(upstream * up * slope);
        of_ups[ABSOLUTE_POS] = F::cast_from(upstream * silu);
    }
}

/// A pair of numbers to a unit, turned by the angle of its position (or back by it) and scaled.
#[cube(launch)]
fn turn<F: Float>(
    heads: &Tensor<F>,
    cosines: &Tensor<f32>,
    sines: &Tensor<f32>,
    turned: &mut Tensor<F>,
    scale: f32,
    direction: f32,
    #[define(F)] _dtype: ElemType,
) {
    let (count, positions, half) = (turned.shape(1), turned.shape(2), turned.shape(3) / 2);
    let number = ABSOLUTE_POS % half;
    let position = ABSOLUTE_POS / half % positions;
    let head = ABSOLUTE_POS / half / positions % count;
    let row = ABSOLUTE_POS / half / positions / count;
    if row < turned.shape(0) {
        let from = row * heads.stride(0) + head * heads.stride(1) + position * heads.stride(2) + number;
        let angle = row % cosines.shape(0) * cosines.stride(0) + position * cosines.stride(2) + number;
        let (first, second) = (f32::cast_from(heads[from]), f32::cast_from(heads[from + half]));
        let (cosine, sine) = (cosines[angle] * scale, sines[angle] * scale * direction);
        let to = ((row * count + head) * positions + position) * half * 2 + number;
        turned[to] = F::cast_from(first * cosine - second * sine);
        turned[to + half] = F::cast_from(second * cosine + first * sine);
    }
}

/// A number to a unit: as `exponential::dropout` drops it.
#[cube(launch)]
fn drop_some<F: Float>(
    states: &Tensor<F>,
    kept: &mut Tensor<F>,
    threshold: u32,
    scale: f32,
    low: u32,
    high: u32,
    width: usize,
    stride: usize,
    count: usize,
    #[define(F)] _dtype: ElemType,
) {
    if ABSOLUTE_POS < count {
        let mut hash = ABSOLUTE_POS as u32 + low;
        hash = (hash ^ (hash >> 16)) * 0x7feb_352d;
        hash = (hash ^ high ^ (hash >> 15)) * 0x846c_a68b;
        hash ^= hash >> 16;
        let (row, column) = (ABSOLUTE_POS / width, ABSOLUTE_POS % width);
        let state = f32::cast_from(states[row * stride + column]);
        kept[ABSOLUTE_POS] = F::cast_from(select(hash >= threshold, state * scale, 0.0));
    }
}

fn rotated(
    heads: CubeTensor,
    cosines: CubeTensor,
    sines: CubeTensor,
    scale: f64,
    direction: f32,
) -> CubeTensor {
    let shape = heads.shape();
    let turned = empty(&heads, shape.clone(), heads.dtype);
    let (client, cube_count, cube_dim) = units(&turned, shape.num_elements() / 2);
    let dtype = element_of(&heads);
    turn::launch(
        &client,
        cube_count,
        cube_dim,
        side_by_side(heads).into_tensor_arg(),
        side_by_side(cosines).into_tensor_arg(),
        side_by_side(sines).into_tensor_arg(),
        turned.clone().into_tensor_arg(),
        scale as f32,
        direction,
        dtype,
    );
    turned
}

impl LayerOperations for Cube {
    fn looked_up(vectors: FloatTensor<Self>, numbers: IntTensor<Self>) -> FloatTensor<Self> {
        Self::float_select(vectors, 0, numbers)
    }

    fn dropped(states: FloatTensor<Self>, probability: f64, seed: u64) -> FloatTensor<Self> {
        let (states, stride) = in_rows(states);
        let kept = empty_like(&states);
        let (count, width, dtype) = (states.shape().num_elements(), width_of(&states), element_of(&states));
        let (client, cube_count, cube_dim) = units(&kept, count);
        drop_some::launch(
            &client,
            cube_count,
            cube_dim,
            states.into_tensor_arg(),
            kept.clone().into_tensor_arg(),
            (probability * 4_294_967_296.0) as u32,
            (1.0 / (1.0 - probability)) as f32,
            seed as u32,
            (seed >> 32) as u32,
            width,
            stride,
            count,
            dtype,
        );
        kept
    }

    fn gated(gates: FloatTensor<Self>, ups: FloatTensor<Self>) -> FloatTensor<Self> {
        let gated = empty_like(&gates);
        let (count, width, dtype) = (gates.shape().num_elements(), width_of(&gates), element_of(&gates));
        let (client, cube_count, cube_dim) = units(&gated, count);
        let ((gates, gate_stride), (ups, up_stride)) = (in_rows(gates), in_rows(ups));
        gate::launch(
            &client,
            cube_count,
            cube_dim,
            gates.into_tensor_arg(),
            ups.into_tensor_arg(),
            gated.clone().into_tensor_arg(),
            width,
            gate_stride,
            up_stride,
            count,
            dtype,
        );
        gated
    }

    fn normed(
        states: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        epsilon: f64,
        dtype: FloatDType,
    ) -> FloatTensor<Self> {
        norm::normed(states, weights, epsilon, dtype)
    }

    fn rotated(
        heads: FloatTensor<Self>,
        cosines: FloatTensor<Self>,
        sines: FloatTensor<Self>,
        scale: f64,
    ) -> FloatTensor<Self> {
        rotated(heads, cosines, sines, scale, 1.0)
    }
}

impl LayerGradients for Cube {
    fn look_up_backward(
        gradient: FloatTensor<Self>,
        numbers: IntTensor<Self>,
        rows: usize,
    ) -> FloatTensor<Self> {
        look_up::backward(gradient, numbers, rows)
    }

    fn silu_times_backward(
        gates: FloatTensor<Self>,
        ups: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 2] {
        let (of_gates, of_ups) = (empty_like(&gates), empty_like(&ups));
        let (count, width, dtype) = (gates.shape().num_elements(), width_of(&gates), element_of(&gates));
        let (client, cube_count, cube_dim) = units(&of_gates, count);
        let ((gates, gate_stride), (ups, up_stride)) = (in_rows(gates), in_rows(ups));
        let (gradient, gradient_stride) = in_rows(gradient);
        gate_backward::launch(
            &client,
            cube_count,
            cube_dim,
            gates.into_tensor_arg(),
            ups.into_tensor_arg(),
            gradient.into_tensor_arg(),
            of_gates.clone().into_tensor_arg(),
            of_ups.clone().into_tensor_arg(),
            width,
            gate_stride,
            up_stride,
            gradient_stride,
            count,
            dtype,
        );
        [of_gates, of_ups]
    }

    fn rms_norm_backward(
        states: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        epsilon: f64,
        are_weights_asked: bool,
    ) -> (FloatTensor<Self>, Option<FloatTensor<Self>>) {
        norm::backward(states, weights, gradient, epsilon, are_weights_asked)
    }

    fn rotate_backward(
        gradient: FloatTensor<Self>,
        cosines: FloatTensor<Self>,
        sines: FloatTensor<Self>,
        scale: f64,
    ) -> FloatTensor<Self> {
        rotated(gradient, cosines, sines, scale, -1.0)
    }
}
