//! The token vocabulary (recipe `text`): history and candidates as tokens of their titles.
//!
//! log π(item | history) is the sum over the title's tokens and the end token.

use burn::{
    module::Module,
    tensor::{Device, Int, Tensor, activation},
};
use serde::{Deserialize, Serialize};

use super::index_tensor;
use crate::{
    kernels,
    matrix::{Projection, Slot, Table},
    noise::Noise,
    prompt::Template,
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenVocabularyConfig {
    /// Number of tokens, special ones included.
    pub tokens: usize,
    /// Output weights are the input embeddings (Hugging Face's `tie_word_embeddings`).
    pub tie_word_embeddings: bool,
    /// What histories are written with.
    #[serde(default, skip_serializing_if = "Template::is_default")]
    pub template: Template,
}

#[derive(Module, Debug)]
pub struct TokenVocabulary {
    embed_tokens: Table,
    lm_head: Option<Projection>,
}

impl TokenVocabularyConfig {
    #[must_use]
    pub fn init(&self, hidden_size: usize, device: &Device) -> TokenVocabulary {
        TokenVocabulary {
            embed_tokens: Table::init(self.tokens, hidden_size, device),
            lm_head: (!self.tie_word_embeddings)
                .then(|| Projection::init(hidden_size, self.tokens, false, device)),
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
        self.embed_tokens.vectors().look_up(tokens)
    }

    /// log π(next token | tokens up to each state).
    ///
    /// # Shapes
    /// states `[R, D]` → `[R, V]`
    #[must_use]
    pub fn log_probabilities(&self, states: Tensor<2>) -> Tensor<2> {
        let logits = match &self.lm_head {
            Some(head) => head.forward(states.unsqueeze_dim(0), Noise::default()).squeeze_dim(0),
            None => self.embed_tokens.vectors().products(states),
        };
        if self.embed_tokens.is_fused() {
            return kernels::log_softmax(logits);
        }
        activation::log_softmax(logits, 1)
    }

    /// Vectors whose products with a state are the logits of all tokens, of a model that is trained: `[V, D]`.
    #[cfg(feature = "train")]
    #[must_use]
    pub fn output_vectors(&self) -> Tensor<2> {
        match &self.lm_head {
            Some(Projection::Float(head)) => head.weight.val().transpose(),
            // What is packed or adapted is never the output.
            _ => self.embed_tokens.vectors().floats(),
        }
    }

    /// Every matrix with its Hugging Face name.
    pub(crate) fn matrices_mut(&mut self) -> Vec<(String, Slot<'_>)> {
        let table = ("model.embed_tokens.weight".to_owned(), Slot::Table(&mut self.embed_tokens));
        let head = self.lm_head.as_mut().map(|head| ("lm_head.weight".to_owned(), Slot::Projection(head)));
        [table].into_iter().chain(head).collect()
    }
}
