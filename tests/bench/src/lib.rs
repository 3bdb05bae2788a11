//! How fast are the kernels by themselves? Products with packed weights beside burn's own with floats, for a page to
//! time.

use burn::tensor::{Device, Tensor, TensorData};
use shared::{
    kernels::PackedMatrix,
    matrix::Vectors,
    quant::{Bits, QuantisedMatrix},
    score::read,
};
use wasm_bindgen::prelude::*;

/// A linear layer of fixed numbers and the states that it is asked about.
#[wasm_bindgen]
pub struct Product {
    weights: Vectors,
    states: Tensor<2>,
}

#[wasm_bindgen]
impl Product {
    /// `bits` is 32 (floats), 8 or 4.
    #[wasm_bindgen(constructor)]
    pub fn new(rows: usize, columns: usize, batch: usize, bits: u32) -> Self {
        let device = Device::flex();
        let values = numbers(rows * columns);
        let weights = match bits {
            8 | 4 => {
                let bits = if bits == 8 { Bits::Eight } else { Bits::Four };
                Vectors::Packed(PackedMatrix::new(
                    &QuantisedMatrix::new(&values, rows, columns, bits),
                    &device,
                ))
            }
            _ => Vectors::Float(Tensor::from_data(TensorData::new(values, [rows, columns]), &device)),
        };
        let states = TensorData::new(numbers(batch * columns), [batch, columns]);
        Self { weights, states: Tensor::from_data(states, &device) }
    }

    /// Multiplies so many times; gives a number of the last product.
    pub async fn run(&self, times: usize) -> f32 {
        let mut last = Tensor::zeros([1], &Device::flex());
        for _ in 0..times {
            last = self.weights.products(self.states.clone()).slice([0..1, 0..1]).reshape([1]);
        }
        read(last).await.map_or(f32::NAN, |values| values[0])
    }
}

/// Fixed pseudo-random numbers from -1 to 1.
fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7919 + 13) % 2003) as f32 / 1001.0 - 1.0).collect()
}
