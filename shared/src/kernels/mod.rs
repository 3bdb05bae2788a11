//! What is computed on weights while they stay packed? Products and lookups, as operations of burn.
//!
//! A weight of a model is a tensor of floats or a [`PackedMatrix`]; both answer the same questions, so that there is
//! one forward pass. burn's own quantised products give the matrix back its floats at every call on a CPU.

#[cfg(feature = "train")]
pub mod adam;
#[cfg(feature = "flex")]
mod attention;
#[cfg(feature = "flex")]
mod bytes;
#[cfg(feature = "cube")]
mod cube;
#[cfg(all(feature = "cube", feature = "train"))]
pub mod cube_training;
#[cfg(feature = "train")]
mod dequantised;
pub mod exponential;
#[cfg(feature = "flex")]
mod flex;
#[cfg(feature = "train")]
pub mod gradients;
#[cfg(feature = "flex")]
mod instructions;
mod operations;
#[cfg(feature = "flex")]
mod packed;
#[cfg(feature = "flex")]
mod pairs;
#[cfg(feature = "flex")]
mod panel_matrix;
#[cfg(feature = "flex")]
mod panel_order;
#[cfg(feature = "flex")]
mod panels;
#[cfg(feature = "train")]
pub mod products;
#[cfg(feature = "train")]
pub mod softmax;

#[cfg(all(feature = "flex", feature = "train"))]
pub use flex::wide;
pub use operations::{attend, log_softmax, rms_norm, rotate, silu_times};

use burn::{
    module::Module,
    tensor::{DType, Device, Int, Tensor, TensorData},
};

use crate::quant::{BLOCK, QuantisedMatrix};

/// Whether this device has the kernels; on others, packed weights become floats when they are loaded.
#[must_use]
pub fn run_on(device: &Device) -> bool {
    // Where gradients are kept is asked by those alone who know that there are none here (`exact_products`).
    let device = device.clone().inner();
    #[allow(unreachable_patterns, reason = "there are other devices in some builds")]
    match device.as_dispatch() {
        #[cfg(feature = "flex")]
        burn::backend::DispatchDevice::Flex(_) => true,
        #[cfg(feature = "cube")]
        burn::backend::DispatchDevice::Cube(_) => true,
        _ => false,
    }
}

/// Whether products of many rows have states of 8 bits here (`bytes`), and are as wrong as weights in `q8`.
#[must_use]
pub fn multiplies_bytes() -> bool {
    #[cfg(feature = "flex")]
    return instructions::bytes().is_some();
    #[cfg(not(feature = "flex"))]
    false
}

/// A matrix of small integers with a scale for every block of 32 along the input, on a device.
///
/// It stays with devices of its kind: on a processor words and scales lie in another order (`panel_order`) than on a GPU.
#[derive(Module, Debug)]
pub struct PackedMatrix {
    /// Words of 32 bits, on a GPU as [`QuantisedMatrix::words`] lays them out: `[rows, words]`.
    values: Tensor<2, Int>,
    /// `[rows, blocks]`
    scales: Tensor<2>,
    rows: usize,
    columns: usize,
}

impl PackedMatrix {
    #[must_use]
    pub fn new(matrix: &QuantisedMatrix, device: &Device) -> Self {
        let (words, scales) = Self::laid_out(matrix, device);
        let blocks = matrix.columns.div_ceil(BLOCK);
        let rows = scales.len() / blocks.max(1);
        let values = TensorData::new(words, [rows, matrix.words_per_row()]);
        Self {
            values: Tensor::from_data(values, (device, DType::U32)),
            scales: Tensor::from_data(TensorData::new(scales, [rows, blocks]), device),
            rows: matrix.rows,
            columns: matrix.columns,
        }
    }

    /// `[rows, columns]`
    #[must_use]
    pub fn dims(&self) -> [usize; 2] {
        [self.rows, self.columns]
    }

    /// Words and scales in the order of the device's kernels.
    fn laid_out(matrix: &QuantisedMatrix, device: &Device) -> (Vec<u32>, Vec<f32>) {
        #[cfg(feature = "flex")]
        if matches!(device.clone().inner().as_dispatch(), burn::backend::DispatchDevice::Flex(_)) {
            return panel_order::in_panels(matrix, instructions::bytes());
        }
        let _ = device;
        (matrix.words(), matrix.scales().collect())
    }

    /// Every state times every row of the matrix: what a linear layer without a bias gives.
    ///
    /// # Shapes
    /// states `[R, columns]` → `[R, rows]`
    ///
    /// # Errors
    /// None, but products differ from those with the dequantised weights by as much as [`packed`] says.
    #[must_use]
    pub fn products(&self, states: Tensor<2>) -> Tensor<2> {
        operations::q_linear(states, self.values.clone(), self.scales.clone(), self.rows)
    }

    /// The same with the dequantised weights themselves, and with gradients for the states.
    #[cfg(feature = "train")]
    #[must_use]
    pub fn exact_products(&self, states: Tensor<2>) -> Tensor<2> {
        dequantised::products(states, self.values.clone(), self.scales.clone(), self.rows)
    }

    /// All rows as floats: `[rows, columns]`.
    #[must_use]
    pub fn floats(&self) -> Tensor<2> {
        self.select(Tensor::arange(0..self.rows as i64, &self.scales.device()))
    }

    /// The rows with these numbers, as floats.
    ///
    /// # Shapes
    /// numbers `[R]` → `[R, columns]`
    #[must_use]
    pub fn select(&self, rows: Tensor<1, Int>) -> Tensor<2> {
        operations::q_embedding(rows, self.values.clone(), self.scales.clone(), self.dims())
    }
}
