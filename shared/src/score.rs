//! How likely is an item, given the history? log π(item | history) under the model, for ranking and evaluation.
//!
//! The one place that runs the model without gradients. What is asked for is a mixture over intensities:
//! log Σ w·π(item | history, asked), so that "strongly liked" need not mean one exact level.

use std::sync::Arc;

use burn::{
    module::Module,
    tensor::{Device, ExecutionError, Tensor, TensorData},
};

use crate::{
    interaction::Interaction,
    model::{KvCache, Places, RowPlaces},
    prompt,
    vocabulary::{
        Asked, Model, ModelConfig, Vocabulary,
        items::{self, ItemBatch, ItemTable, ItemTexts},
        tokens::{TokenVocabulary, token_batch},
    },
};

/// Reads a vector of numbers back from a device.
///
/// # Errors
/// When the device failed; on a GPU also when it was lost.
pub async fn read(tensor: Tensor<1>) -> Result<Vec<f32>, ExecutionError> {
    let data: TensorData = tensor.into_data_async().await?;
    Ok(data.iter::<f32>().collect())
}

/// Completion tokens scored in one pass of the token vocabulary: bounds the memory of the attention bias.
const PASS_TOKENS: usize = 256;
/// Histories scored in one pass of the item vocabulary.
const PASS_ROWS: usize = 64;

/// A model made ready for a catalogue; a clone shares weights and texts.
#[derive(Clone, Debug)]
pub struct Scorer {
    pub(crate) model: Model,
    pub(crate) config: ModelConfig,
    texts: Arc<[Vec<u32>]>,
    /// Vectors of all items (item vocabulary only).
    table: Option<ItemTable>,
    pub(crate) device: Device,
}

impl Scorer {
    /// `texts` are the tokens of every item: title and attributes for the item vocabulary, the title alone
    /// for the token vocabulary. Gradients are left behind.
    #[must_use]
    pub fn new(model: &Model, config: ModelConfig, texts: Vec<Vec<u32>>, device: &Device) -> Self {
        let model = model.valid();
        let device = device.clone().inner();
        let table = match &model.vocabulary {
            Vocabulary::Items(items) => Some(items.table(&ItemTexts::new(&texts, &device), None)),
            Vocabulary::Tokens(_) => None,
        };
        Self { model, config, texts: texts.into(), table, device }
    }

    /// The same model that asks for another mixture of intensities; shares weights and texts.
    #[must_use]
    pub fn asking(&self, asked: Vec<Asked>) -> Self {
        let mut other = self.clone();
        other.config.asked = asked;
        other
    }

    /// log π of each candidate after `history` (oldest first; only the newest that fit the context count).
    ///
    /// An empty history has no answer: the result is empty.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn score(
        &self,
        history: &[Interaction],
        candidates: &[usize],
    ) -> Result<Vec<f32>, ExecutionError> {
        let mut scores = self.score_many(&[(history, candidates)]).await?;
        Ok(scores.pop().unwrap_or_default())
    }

    /// [`Scorer::score`] for many histories, in passes as large as the vocabulary allows.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn score_many(
        &self,
        questions: &[(&[Interaction], &[usize])],
    ) -> Result<Vec<Vec<f32>>, ExecutionError> {
        let mut per_asked = Vec::with_capacity(self.config.asked.len());
        for asked in &self.config.asked {
            per_asked.push(self.score_asked(questions, asked.level).await?);
        }
        let weights: Vec<f32> = self.config.asked.iter().map(|asked| asked.weight.ln()).collect();
        Ok((0..questions.len())
            .map(|question| {
                (0..per_asked[0][question].len())
                    .map(|candidate| {
                        log_sum_exp(per_asked.iter().zip(&weights).map(|(s, w)| s[question][candidate] + w))
                    })
                    .collect()
            })
            .collect())
    }

    async fn score_asked(
        &self,
        questions: &[(&[Interaction], &[usize])],
        level: usize,
    ) -> Result<Vec<Vec<f32>>, ExecutionError> {
        match &self.model.vocabulary {
            Vocabulary::Items(_) => self.score_items(questions, level).await,
            Vocabulary::Tokens(_) => {
                let mut scores = Vec::with_capacity(questions.len());
                for (history, candidates) in questions {
                    scores.push(self.score_titles(history, candidates, level).await?);
                }
                Ok(scores)
            }
        }
    }

    async fn score_items(
        &self,
        questions: &[(&[Interaction], &[usize])],
        level: usize,
    ) -> Result<Vec<Vec<f32>>, ExecutionError> {
        let (Vocabulary::Items(vocabulary), Some(table)) = (&self.model.vocabulary, &self.table) else {
            return Ok(vec![Vec::new(); questions.len()]);
        };
        let eras = self.config.vocabulary.eras();
        let mut scores = Vec::with_capacity(questions.len());
        for chunk in questions.chunks(PASS_ROWS) {
            let rows: Vec<_> = chunk
                .iter()
                .map(|(history, _)| items::positions(self.newest(history), level, eras))
                .collect();
            let batch = ItemBatch::new(&rows, &self.device);
            let [count, length] = batch.dims();
            let places = Places::new(&[RowPlaces::causal(length)], 0, &self.config.transformer, &self.device);
            let states = self.model.model.forward(vocabulary.embed(table, &batch), &places, None);
            let hidden = states.dims()[2];
            let last = rows.iter().enumerate().map(|(row, r)| (row * length + r.len() - 1) as i32);
            let last = crate::vocabulary::index_tensor(last.collect(), [count], &self.device);
            let states = states.reshape([count * length, hidden]).select(0, last);
            let log_probs = vocabulary.log_probabilities(table, states, None);
            let items = log_probs.dims()[1];
            let all = read(log_probs.reshape([count * items])).await?;
            scores.extend(chunk.iter().zip(all.chunks(items)).map(|((history, candidates), of_row)| {
                if history.is_empty() {
                    return Vec::new();
                }
                candidates.iter().map(|&candidate| of_row[candidate]).collect()
            }));
        }
        Ok(scores)
    }

    /// The prompt is computed once; candidates follow it as blocks that do not see each other.
    async fn score_titles(
        &self,
        history: &[Interaction],
        candidates: &[usize],
        level: usize,
    ) -> Result<Vec<f32>, ExecutionError> {
        let Vocabulary::Tokens(vocabulary) = &self.model.vocabulary else {
            return Ok(Vec::new());
        };
        if history.is_empty() {
            return Ok(Vec::new());
        }
        // log π of every token as the first of a title.
        let (prefix, cache, first) = self.read_prompt(vocabulary, history, level).await?;

        let mut scores = Vec::with_capacity(candidates.len());
        let mut pending = Vec::new();
        let mut pending_tokens = 0;
        for (position, &candidate) in candidates.iter().enumerate() {
            let completion = prompt::completion(&self.texts[candidate]);
            pending_tokens += completion.len();
            pending.push(completion);
            if pending_tokens >= PASS_TOKENS || position + 1 == candidates.len() {
                scores.extend(self.score_blocks(&pending, prefix, &cache, &first).await?);
                pending.clear();
                pending_tokens = 0;
            }
        }
        Ok(scores)
    }

    /// Length of the prompt, its keys and values, and log π of every token after it.
    pub(crate) async fn read_prompt(
        &self,
        vocabulary: &TokenVocabulary,
        history: &[Interaction],
        level: usize,
    ) -> Result<(usize, KvCache, Vec<f32>), ExecutionError> {
        let prefix = prompt::prompt(self.newest(history), &self.texts, level);
        let mut cache = KvCache::default();
        let config = &self.config.transformer;
        let places = Places::new(&[RowPlaces::causal(prefix.len())], 0, config, &self.device);
        let embeddings = vocabulary.embed(token_batch(std::slice::from_ref(&prefix), &self.device));
        let states = self.model.model.forward(embeddings, &places, Some(&mut cache));
        let [_, length, hidden] = states.dims();
        let after_prompt = states.narrow(1, length - 1, 1).reshape([1, hidden]);
        let first = read(vocabulary.log_probabilities(after_prompt).squeeze_dim::<1>(0)).await?;
        Ok((prefix.len(), cache, first))
    }

    async fn score_blocks(
        &self,
        completions: &[Vec<u32>],
        prefix: usize,
        cache: &KvCache,
        first: &[f32],
    ) -> Result<Vec<f32>, ExecutionError> {
        let Vocabulary::Tokens(vocabulary) = &self.model.vocabulary else {
            return Ok(Vec::new());
        };
        // The last token of a completion is predicted, never read: leave it out of the pass.
        let inputs: Vec<u32> =
            completions.iter().flat_map(|tokens| &tokens[..tokens.len() - 1]).copied().collect();
        let mut scores: Vec<f32> = completions.iter().map(|tokens| first[tokens[0] as usize]).collect();
        if inputs.is_empty() {
            return Ok(scores);
        }
        let mut row = RowPlaces::default();
        for tokens in completions {
            row.push_block(prefix, tokens.len() - 1);
        }
        let places = Places::new(&[row], prefix, &self.config.transformer, &self.device);
        let embeddings = vocabulary.embed(token_batch(std::slice::from_ref(&inputs), &self.device));
        let states = self.model.model.forward(embeddings, &places, Some(&mut cache.clone()));
        let [_, length, hidden] = states.dims();
        let log_probs = vocabulary.log_probabilities(states.reshape([length, hidden]));
        let targets = completions.iter().flat_map(|tokens| &tokens[1..]).map(|&token| token as i32);
        let targets = crate::vocabulary::index_tensor(targets.collect(), [length, 1], &self.device);
        let picked = read(log_probs.gather(1, targets).squeeze_dim::<1>(1)).await?;
        let mut rest = picked.as_slice();
        for (score, tokens) in scores.iter_mut().zip(completions) {
            let (own, others) = rest.split_at(tokens.len() - 1);
            *score += own.iter().sum::<f32>();
            rest = others;
        }
        Ok(scores)
    }

    fn newest<'a>(&self, history: &'a [Interaction]) -> &'a [Interaction] {
        &history[history.len().saturating_sub(self.config.context)..]
    }

    /// Tokens of every item.
    #[must_use]
    pub fn texts(&self) -> &[Vec<u32>] {
        &self.texts
    }

    /// Is an item's likelihood that of the tokens of its title?
    #[must_use]
    pub fn is_by_tokens(&self) -> bool {
        matches!(self.model.vocabulary, Vocabulary::Tokens(_))
    }

    /// Number of items that can be scored.
    #[must_use]
    pub fn items(&self) -> usize {
        self.texts.len()
    }
}

/// log Σ exp, without overflow.
pub(crate) fn log_sum_exp(values: impl Iterator<Item = f32> + Clone) -> f32 {
    let largest = values.clone().fold(f32::NEG_INFINITY, f32::max);
    if !largest.is_finite() {
        return largest;
    }
    largest + values.map(|value| (value - largest).exp()).sum::<f32>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_sum_exp_survives_large_numbers() {
        assert!((log_sum_exp([-1000.0, -1000.0].into_iter()) - (-1000.0 + 2.0_f32.ln())).abs() < 1e-3);
        assert_eq!(log_sum_exp([f32::NEG_INFINITY; 2].into_iter()), f32::NEG_INFINITY);
    }
}
