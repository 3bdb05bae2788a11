//! The token vocabulary (recipe `text`): history and candidates as tokens of their titles.
//!
//! log π(item | history) is the sum over the title's tokens and the end token.

use burn::{
    module::Module,
    nn::{Embedding, EmbeddingConfig, Initializer, Linear, LinearConfig},
    tensor::{Device, Int, Tensor, activation},
};
use serde::{Deserialize, Serialize};

use super::index_tensor;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenVocabularyConfig {
    /// Number of tokens, special ones included.
    pub tokens: usize,
    /// Output weights are the input embeddings (Hugging Face's `tie_word_embeddings`).
    pub tie_word_embeddings: bool,
}

#[derive(Module, Debug)]
pub struct TokenVocabulary {
    embed_tokens: Embedding,
    lm_head: Option<Linear>,
}

impl TokenVocabularyConfig {
    #[must_use]
    pub fn init(&self, hidden_size: usize, device: &Device) -> TokenVocabulary {
        let initializer = Initializer::Normal { mean: 0.0, std: 0.02 };
        TokenVocabulary {
            embed_tokens: EmbeddingConfig::new(self.tokens, hidden_size)
                .with_initializer(initializer.clone())
                .init(device),
            lm_head: (!self.tie_word_embeddings).then(|| {
                LinearConfig::new(hidden_size, self.tokens)
                    .with_bias(false)
                    .with_initializer(initializer)
                    .init(device)
            }),
        }
    }
}

/// Rows of tokens as an index tensor, padded on the right with token 0.
#[must_use]
pub fn token_batch(rows: &[Vec<u32>], device: &Device) -> Tensor<2, Int> {
    let length = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut values = Vec::with_capacity(rows.len() * length);
    for row in rows {
        values.extend(row.iter().map(|&token| token as i32));
        values.resize(values.len() + length - row.len(), 0);
    }
    index_tensor(values, [rows.len(), length], device)
}

impl TokenVocabulary {
    /// `[B, T]` tokens → `[B, T, D]` embeddings.
    #[must_use]
    pub fn embed(&self, tokens: Tensor<2, Int>) -> Tensor<3> {
        self.embed_tokens.forward(tokens)
    }

    /// log π(next token | tokens up to each state).
    ///
    /// # Shapes
    /// states `[R, D]` → `[R, V]`
    #[must_use]
    pub fn log_probabilities(&self, states: Tensor<2>) -> Tensor<2> {
        let logits = match &self.lm_head {
            Some(head) => head.forward(states),
            None => states.matmul(self.embed_tokens.weight.val().transpose()),
        };
        activation::log_softmax(logits, 1)
    }
}
