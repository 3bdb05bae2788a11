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
    kernels::exponential::mix,
    model::KvCache,
    pass::{Element, Memory, Pass},
    places::{Places, RowPlaces},
    vocabulary::{
        Asked, Model, ModelConfig, Vocabulary, index_tensor,
        items::{self, ItemBatch, ItemPosition, ItemTable, ItemTexts, ItemVocabulary},
        tokens::{TokenVocabulary, token_batch},
    },
};

/// Reads a vector of numbers back from a device.
///
/// # Errors
/// When the device failed; on a GPU also when it was lost.
pub async fn read(tensor: Tensor<1>) -> Result<Vec<f32>, ExecutionError> {
    let data: TensorData = tensor.into_data_async().await?;
    // Not number by number: the iterator asks each for its type.
    data.try_into_vec_as().map_err(|error| ExecutionError::WithContext { reason: error.to_string() })
}

/// The distribution over the first `count` of what `scores` are the log-probabilities of.
fn keep_first(scores: &mut Vec<f32>, count: usize) {
    scores.truncate(count);
    let total = log_sum_exp(scores.iter().copied());
    scores.iter_mut().for_each(|score| *score -= total);
}

/// Completion tokens scored in one pass of the token vocabulary: bounds the memory of the attention bias.
const PASS_TOKENS: usize = 256;
/// Histories scored in one pass of the item vocabulary.
const PASS_ROWS: usize = 64;
/// Where a history is longer than the context, titles are read from one of so many steps of it on: were the oldest title left
/// out for each new event, everything behind it would be read again each time.
const STEPS: usize = 5;

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
            // Complete vectors need no texts, which padded may be larger than everything else.
            Vocabulary::Items(items) if items.is_complete() => {
                Some(items.table(&ItemTexts::new(&[], &device), None))
            }
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

    /// log π of each candidate after `history` (oldest first; only the newest that fit the context count, of titles at least
    /// four fifths of them: [`STEPS`]).
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
        self.score_with(&mut Memory::default(), history, candidates).await
    }

    /// [`Scorer::score`], where `memory` holds what this scorer read before: what a history begins with is not read
    /// again. Answers are the same. Without candidates the history is read all the same, for the next question.
    ///
    /// # Errors
    /// When the device fails; the memory is still good.
    pub async fn score_with(
        &self,
        memory: &mut Memory,
        history: &[Interaction],
        candidates: &[usize],
    ) -> Result<Vec<f32>, ExecutionError> {
        self.score_among(memory, history, candidates, self.items()).await
    }

    /// [`Scorer::score_with`] as if the catalogue had its first `items` alone.
    pub(crate) async fn score_among(
        &self,
        memory: &mut Memory,
        history: &[Interaction],
        candidates: &[usize],
        items: usize,
    ) -> Result<Vec<f32>, ExecutionError> {
        if history.is_empty() {
            return Ok(Vec::new());
        }
        match &self.model.vocabulary {
            Vocabulary::Items(_) => {
                let all = self.score_first(memory, history, items).await?;
                Ok(candidates.iter().map(|&item| all[item]).collect())
            }
            Vocabulary::Tokens(tokens) => {
                Ok(self.mixture(self.ask_titles(tokens, memory, history, candidates).await?))
            }
        }
    }

    /// log π of every item, by number, as [`Scorer::score_with`] reads a history.
    ///
    /// # Errors
    /// When the device fails; the memory is still good.
    pub async fn score_catalogue(
        &self,
        memory: &mut Memory,
        history: &[Interaction],
    ) -> Result<Vec<f32>, ExecutionError> {
        self.score_first(memory, history, self.items()).await
    }

    /// [`Scorer::score_catalogue`] as if the catalogue had its first `count` items alone.
    async fn score_first(
        &self,
        memory: &mut Memory,
        history: &[Interaction],
        count: usize,
    ) -> Result<Vec<f32>, ExecutionError> {
        if history.is_empty() {
            return Ok(Vec::new());
        }
        match (&self.model.vocabulary, &self.table) {
            (Vocabulary::Items(items), Some(table)) => {
                let mut per_asked = self.ask_items(items, table, memory, history).await?;
                if count < self.items() {
                    per_asked.iter_mut().for_each(|scores| keep_first(scores, count));
                }
                Ok(self.mixture(per_asked))
            }
            (Vocabulary::Tokens(tokens), _) => {
                let all: Vec<usize> = (0..self.items()).collect();
                Ok(self.mixture(self.ask_titles(tokens, memory, history, &all).await?))
            }
            (Vocabulary::Items(_), None) => Ok(Vec::new()),
        }
    }

    /// [`Scorer::score`] for many histories, in passes as large as the vocabulary allows.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn score_many(
        &self,
        questions: &[(&[Interaction], &[usize])],
    ) -> Result<Vec<Vec<f32>>, ExecutionError> {
        if self.is_by_tokens() {
            let mut scores = Vec::with_capacity(questions.len());
            for (history, candidates) in questions {
                scores.push(self.score(history, candidates).await?);
            }
            return Ok(scores);
        }
        let mut per_asked = Vec::with_capacity(self.config.asked.len());
        for asked in &self.config.asked {
            per_asked.push(self.score_items(questions, asked.level).await?);
        }
        let of_question = |question: usize| -> Vec<Vec<f32>> {
            per_asked.iter_mut().map(|scores| std::mem::take(&mut scores[question])).collect()
        };
        Ok((0..questions.len()).map(of_question).map(|scores| self.mixture(scores)).collect())
    }

    /// The mixture of what is asked for, from log π of every candidate for each: `[A][C]` → `[C]`.
    fn mixture(&self, per_asked: Vec<Vec<f32>>) -> Vec<f32> {
        let shares = self.config.asked.iter().map(|asked| asked.weight.ln());
        let mut parts = per_asked.into_iter().zip(shares);
        let Some((mut mixed, mut share)) = parts.next() else { return Vec::new() };
        if parts.len() == 0 && share != 0.0 {
            mixed.iter_mut().for_each(|score| *score += share);
        }
        for (scores, share_of_scores) in parts {
            mix(&mut mixed, share, &scores, share_of_scores);
            // What is mixed has its shares in it.
            share = 0.0;
        }
        mixed
    }

    /// log π of the whole catalogue for each of what is asked, from one pass over what is new.
    async fn ask_items(
        &self,
        vocabulary: &ItemVocabulary,
        table: &ItemTable,
        memory: &mut Memory,
        history: &[Interaction],
    ) -> Result<Vec<Vec<f32>>, ExecutionError> {
        let mut row = items::positions(self.newest(history), 0, self.config.vocabulary.eras());
        let Some(question) = row.pop() else { return Ok(Vec::new()) };
        let elements: Vec<Element> = row.iter().map(|&position| Element::Position(position)).collect();
        let known = memory.recall(&elements);
        let asked = &self.config.asked;
        let mut inputs = row.split_off(known);
        inputs.extend(asked.iter().map(|asked| ItemPosition { asked: asked.level + 1, ..question }));

        let pass = Pass::new(known, elements.len() - known, asked.len());
        let places = pass.places(&self.config.transformer, &self.device);
        let embeddings = vocabulary.embed(table, &ItemBatch::new(&[inputs], &self.device));
        let states = self.model.model.forward(embeddings, &places, Some(&mut memory.cache));
        memory.remember(&elements);
        let [_, answers, hidden] = states.dims();
        let log_probs = vocabulary.log_probabilities(table, states.reshape([answers, hidden]), None);
        let items = log_probs.dims()[1];
        let mut all = read(log_probs.reshape([answers * items])).await?;
        // The first question's are the beginning of what was read: nothing is copied when there is only one.
        let others: Vec<Vec<f32>> = all.chunks_exact(items).skip(1).map(<[f32]>::to_vec).collect();
        all.truncate(items);
        Ok(std::iter::once(all).chain(others).collect())
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
            let last = index_tensor(last.collect(), [count], &self.device);
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

    /// log π of the candidates' titles for each of what is asked. The history is read once, and candidates follow their
    /// question as blocks that do not see each other; the first of them are read in the same pass.
    async fn ask_titles(
        &self,
        vocabulary: &TokenVocabulary,
        memory: &mut Memory,
        history: &[Interaction],
        candidates: &[usize],
    ) -> Result<Vec<Vec<f32>>, ExecutionError> {
        let Some(template) = self.config.vocabulary.template() else { return Ok(Vec::new()) };
        let tokens = template.history(self.newest(history), &self.texts);
        let elements: Vec<Element> = tokens.iter().map(|&token| Element::Token(token)).collect();
        let levels: Vec<u32> = self.config.asked.iter().map(|asked| template.levels[asked.level]).collect();
        let completions: Vec<Vec<u32>> =
            candidates.iter().map(|&candidate| template.completion(&self.texts[candidate])).collect();
        let mut scores = vec![Vec::with_capacity(candidates.len()); levels.len()];
        for chunk in chunks(&completions, PASS_TOKENS / levels.len()) {
            let known = memory.recall(&elements);
            let mut pass = Pass::new(known, tokens.len() - known, levels.len());
            let mut inputs = [&tokens[known..], &levels].concat();
            for question in 0..levels.len() {
                for completion in chunk {
                    // The last token of a completion is predicted, never read.
                    pass.push_candidate(question, completion.len() - 1);
                    inputs.extend(&completion[..completion.len() - 1]);
                }
            }
            let places = pass.places(&self.config.transformer, &self.device);
            let embeddings = vocabulary.embed(token_batch(&[inputs], &self.device));
            let states = self.model.model.forward(embeddings, &places, Some(&mut memory.cache));
            memory.remember(&elements);
            let [_, answers, hidden] = states.dims();
            let log_probs = vocabulary.log_probabilities(states.reshape([answers, hidden]));

            // The question predicts a title's first token, and each of its tokens the next.
            let width = log_probs.dims()[1];
            let mut picks = Vec::with_capacity(answers);
            let mut row = levels.len();
            for question in 0..levels.len() {
                for completion in chunk {
                    for (place, &token) in completion.iter().enumerate() {
                        let predictor = if place == 0 { question } else { row + place - 1 };
                        picks.push((predictor * width) as i32 + token as i32);
                    }
                    row += completion.len() - 1;
                }
            }
            let count = picks.len();
            let picks = index_tensor(picks, [count], &self.device);
            let picked = read(log_probs.reshape([answers * width]).select(0, picks)).await?;
            let mut rest = picked.as_slice();
            for scores in &mut scores {
                for completion in chunk {
                    let (own, others) = rest.split_at(completion.len());
                    scores.push(own.iter().sum());
                    rest = others;
                }
            }
        }
        Ok(scores)
    }

    /// Length of the prompt, its keys and values, and log π of every token after it; the history is read on.
    pub(crate) async fn read_prompt(
        &self,
        vocabulary: &TokenVocabulary,
        memory: &mut Memory,
        history: &[Interaction],
        level: usize,
    ) -> Result<(usize, KvCache, Vec<f32>), ExecutionError> {
        let Some(template) = self.config.vocabulary.template() else {
            return Ok((0, KvCache::default(), Vec::new()));
        };
        let tokens = template.history(self.newest(history), &self.texts);
        let elements: Vec<Element> = tokens.iter().map(|&token| Element::Token(token)).collect();
        let known = memory.recall(&elements);
        let pass = Pass::new(known, tokens.len() - known, 1);
        let inputs = [&tokens[known..], &[template.levels[level]]].concat();
        let places = pass.places(&self.config.transformer, &self.device);
        let embeddings = vocabulary.embed(token_batch(&[inputs], &self.device));
        let states = self.model.model.forward(embeddings, &places, Some(&mut memory.cache));
        let cache = memory.cache.clone();
        memory.remember(&elements);
        let after_prompt = states.squeeze_dim::<2>(1);
        let first = read(vocabulary.log_probabilities(after_prompt).squeeze_dim::<1>(0)).await?;
        Ok((tokens.len() + 1, cache, first))
    }

    fn newest<'a>(&self, history: &'a [Interaction]) -> &'a [Interaction] {
        let step = if self.is_by_tokens() { self.config.context / STEPS } else { 1 };
        &history[first_read(history.len(), self.config.context, step)..]
    }

    /// Tokens of every item.
    #[must_use]
    pub fn texts(&self) -> &[Vec<u32>] {
        &self.texts
    }

    /// The token that ends a title.
    #[must_use]
    pub fn end(&self) -> u32 {
        self.config.vocabulary.template().map_or(crate::prompt::END, |template| template.end)
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

/// The first of `count` interactions that is read: at most `context` are, and of histories that differ by less than a step
/// the same is first.
fn first_read(count: usize, context: usize, step: usize) -> usize {
    count.saturating_sub(context).next_multiple_of(step.max(1)).min(count)
}

/// Completions in groups of at most so many tokens, but of one completion at least; without any, one empty group.
fn chunks(completions: &[Vec<u32>], most: usize) -> impl Iterator<Item = &[Vec<u32>]> {
    let mut rest = completions;
    let mut is_first = true;
    std::iter::from_fn(move || {
        let mut tokens = 0;
        let fits = |completion: &&Vec<u32>| {
            tokens += completion.len();
            tokens <= most
        };
        let count = rest.iter().take_while(fits).count().max(1).min(rest.len());
        let (chunk, others) = rest.split_at(count);
        rest = others;
        (std::mem::take(&mut is_first) || !chunk.is_empty()).then_some(chunk)
    })
}

/// log Σ exp, without overflow.
pub(crate) fn log_sum_exp(values: impl Iterator<Item = f32> + Clone) -> f32 {
    let largest = values.clone().fold(f32::NEG_INFINITY, f32::max);
    // f32::max drops what is no number, and a sum does not.
    if !largest.is_finite() {
        return if values.clone().any(f32::is_nan) { f32::NAN } else { largest };
    }
    largest + values.map(|value| (value - largest).exp()).sum::<f32>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_hold_everything_once() {
        let completions: Vec<Vec<u32>> = [3, 1, 9, 2, 2, 4].map(|length| vec![7; length]).to_vec();
        let lengths = |most| chunks(&completions, most).map(<[_]>::len).collect::<Vec<_>>();
        assert_eq!(lengths(5), [2, 1, 2, 1]);
        assert_eq!(lengths(0), [1; 6]);
        assert_eq!(lengths(100), [6]);
        assert_eq!(chunks(&[], 5).collect::<Vec<_>>(), [&[] as &[Vec<u32>]]);
    }

    #[test]
    fn what_is_read_first_moves_in_steps() {
        let first = |step, counts: std::ops::Range<usize>| -> Vec<usize> {
            counts.map(|count| first_read(count, 6, step)).collect()
        };
        assert_eq!(first(1, 5..10), [0, 0, 1, 2, 3]);
        assert_eq!(first(3, 5..14), [0, 0, 3, 3, 3, 6, 6, 6, 9]);
        assert_eq!(first(0, 6..8), [0, 1]);
        for (count, context, step) in [(0, 1, 1), (2, 1, 1), (9, 2, 2), (90, 50, 10), (51, 50, 10)] {
            let read = count - first_read(count, context, step);
            assert!(read <= context && read + step > context.min(count));
        }
    }

    #[test]
    fn log_sum_exp_survives_large_numbers() {
        assert!((log_sum_exp([-1000.0, -1000.0].into_iter()) - (-1000.0 + 2.0_f32.ln())).abs() < 1e-3);
        assert_eq!(log_sum_exp([f32::NEG_INFINITY; 2].into_iter()), f32::NEG_INFINITY);
    }
}
