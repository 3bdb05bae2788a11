//! How fast are the kernels by themselves, and models of any size that nobody trained? For a page to time.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use shared::{
    interaction::Interaction,
    kernels::PackedMatrix,
    matrix::Vectors,
    model::TransformerConfig,
    pass::Memory,
    quant::{Bits, QuantisedMatrix},
    score::{Scorer, read},
    vocabulary::{
        Asked, ModelConfig, VocabularyConfig, items::ItemVocabularyConfig, tokens::TokenVocabularyConfig,
    },
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

/// A model with random weights at work on a catalogue that nobody sells.
#[wasm_bindgen]
pub struct RandomModel {
    scorer: Scorer,
    memory: Memory,
}

#[wasm_bindgen]
impl RandomModel {
    /// `sizes` are the hidden size, layers, heads, key-value heads, inner size, tokens and items; `recipe` is
    /// `compact` or `text`; `bits` 32 (floats), 8 or 4. Titles have 4 to 10 tokens.
    pub async fn create(recipe: String, sizes: Vec<usize>, bits: u32) -> Self {
        let [hidden_size, layers, heads, key_value_heads, inner, tokens, items] = sizes[..] else {
            wasm_bindgen::throw_str("seven sizes are needed");
        };
        let vocabulary = if recipe == "compact" {
            VocabularyConfig::Items(ItemVocabularyConfig {
                items,
                tokens,
                eras: Vec::new(),
                is_complete: true,
            })
        } else {
            VocabularyConfig::Tokens(TokenVocabularyConfig { tokens, tie_word_embeddings: true })
        };
        let config = ModelConfig {
            transformer: TransformerConfig {
                hidden_size,
                num_hidden_layers: layers,
                num_attention_heads: heads,
                num_key_value_heads: key_value_heads,
                intermediate_size: inner,
                rms_norm_eps: 1e-5,
                rope_theta: 10_000.0,
                attention_bias: false,
                qk_norm: false,
                dropout: 0.0,
            },
            vocabulary,
            context: 50,
            asked: vec![Asked { level: 8, weight: 1.0 }],
        };
        let device = Device::flex();
        let mut weights = config.init(&device).weights().await.unwrap_throw();
        let mut matrices = BTreeMap::new();
        if bits < 32 {
            let bits = if bits == 8 { Bits::Eight } else { Bits::Four };
            weights.retain(|name, weight| {
                let [rows, columns] = weight.shape[..] else { return true };
                matrices.insert(name.clone(), QuantisedMatrix::new(&weight.values, rows, columns, bits));
                false
            });
        }
        let model = config.init(&device).with_packed_weights(weights, matrices, &device).unwrap_throw();
        let texts = (0..items)
            .map(|item| {
                (0..4 + item % 7).map(|i| (11 + (item * 31 + i * 97) % (tokens - 11)) as u32).collect()
            })
            .collect();
        Self { scorer: Scorer::new(&model, config, texts, &device), memory: Memory::default() }
    }

    /// Forgets what was read.
    pub fn forget(&mut self) {
        self.memory = Memory::default();
    }

    /// Scores the first `candidates` items after a history of `met` interactions; gives the sum.
    pub async fn score(&mut self, met: usize, candidates: usize) -> f32 {
        let history: Vec<Interaction> = (0..met)
            .map(|i| Interaction {
                item: i * 3 % self.scorer.items(),
                intensity: 1.0,
                time_ms: i as i64 * 60_000,
            })
            .collect();
        let candidates: Vec<usize> = (0..candidates).collect();
        let scores = self.scorer.score_with(&mut self.memory, &history, &candidates).await;
        scores.map_or(f32::NAN, |scores| scores.iter().sum())
    }
}

/// Fixed pseudo-random numbers from -1 to 1.
fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7919 + 13) % 2003) as f32 / 1001.0 - 1.0).collect()
}
