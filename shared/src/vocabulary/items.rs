//! The item vocabulary (recipe `compact`): one position per interaction, every item scored in one product.
//!
//! An item's vector is a learned id vector plus a bag of its text tokens, so that an item never seen in
//! training is ranked from its text at once. A position is the item met, how strongly, after which pause, when
//! in the calendar, and the intensity that is asked for next. A start that has met nothing comes first: what
//! visitors begin with is then a target too, and most visitors of a shop leave nothing else.
//!
//! # Source
//! Compact-model study (representation A, fused and conditioned); tied input and output as in SASRec.

use burn::{
    module::{Module, Param},
    nn::{Embedding, EmbeddingConfig, Initializer},
    tensor::{Device, Int, Tensor, TensorData, activation},
};
use serde::{Deserialize, Serialize};

use super::index_tensor;
use crate::{
    interaction::Interaction,
    kernels,
    matrix::{Slot, Table, Vectors},
    preference::{INTENSITY_LEVELS, intensity_level},
};

/// Pauses between two interactions are rounded to powers of four seconds.
const GAPS: usize = 16;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemVocabularyConfig {
    /// Number of items in the catalogue.
    pub items: usize,
    /// Number of tokens of the tokenizer that reads item texts.
    pub tokens: usize,
    /// Where the calendar of the training data was cut, in milliseconds since 1970, ascending: what was met
    /// before the first cut is of the first era, what was met after the last cut of the last. Empty: the model
    /// knows no calendar.
    pub eras: Vec<i64>,
    /// Whether an item's vector holds its text already, as in a package: nothing is added to it.
    #[serde(default)]
    pub is_complete: bool,
}

#[derive(Module, Debug)]
pub struct ItemVocabulary {
    /// `[N, D]`
    item: Table,
    /// `[V, D]`
    text: Table,
    /// Intensity of the interaction: 0 unknown, then the levels.
    intensity: Embedding,
    /// Intensity asked for next: 0 unknown, then the levels.
    asked: Embedding,
    gap: Embedding,
    /// When in the calendar of the training data; none where that has no times.
    era: Option<Embedding>,
    /// How often an item is met whatever the history, `[N]`.
    bias: Param<Tensor<1>>,
    is_complete: bool,
}

impl ItemVocabularyConfig {
    #[must_use]
    pub fn init(&self, hidden_size: usize, device: &Device) -> ItemVocabulary {
        let embedding = |count: usize| {
            EmbeddingConfig::new(count, hidden_size)
                .with_initializer(Initializer::Normal { mean: 0.0, std: 0.02 })
                .init(device)
        };
        ItemVocabulary {
            item: Table::init(self.items, hidden_size, device),
            text: Table::init(self.tokens, hidden_size, device),
            intensity: embedding(INTENSITY_LEVELS + 1),
            asked: embedding(INTENSITY_LEVELS + 1),
            gap: embedding(GAPS),
            era: (!self.eras.is_empty()).then(|| embedding(self.eras.len() + 1)),
            bias: Initializer::Zeros.init([self.items], device),
            is_complete: self.is_complete,
        }
    }
}

/// One position of a row as the vocabulary reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemPosition {
    /// The item met; none at the start of a row.
    pub item: Option<usize>,
    /// 0 unknown, level + 1 otherwise.
    pub intensity: usize,
    /// 0 unknown, level + 1 otherwise.
    pub asked: usize,
    /// Pause before it; 0 where nothing came before.
    pub gap: usize,
    /// Number of cuts of the calendar before it.
    pub era: usize,
}

/// Positions of interactions in time order, after a start that has met nothing yet: one more than interactions.
///
/// What is asked for next is the intensity of the interaction that follows, and `asked_level` after the last.
/// The start is of the era of the first interaction; without any, of the newest.
#[must_use]
pub fn positions(interactions: &[Interaction], asked_level: usize, eras: &[i64]) -> Vec<ItemPosition> {
    let asked_after =
        |i: usize| interactions.get(i).map_or(asked_level, |next| intensity_level(next.intensity)) + 1;
    let era = |time_ms: i64| eras.partition_point(|&cut| cut <= time_ms);
    let start = ItemPosition {
        item: None,
        intensity: 0,
        asked: asked_after(0),
        gap: 0,
        era: interactions.first().map_or(eras.len(), |first| era(first.time_ms)),
    };
    let met = interactions.iter().enumerate().map(|(i, met)| ItemPosition {
        item: Some(met.item),
        intensity: intensity_level(met.intensity) + 1,
        asked: asked_after(i + 1),
        gap: match i.checked_sub(1) {
            None => 0,
            Some(before) => gap_bucket(met.time_ms.saturating_sub(interactions[before].time_ms)),
        },
        era: era(met.time_ms),
    });
    std::iter::once(start).chain(met).collect()
}

/// 1 for less than a second, then one more for every power of four seconds, at most 15 (half a year and more).
fn gap_bucket(gap_ms: i64) -> usize {
    let secs = (gap_ms.max(0) / 1000) as u64;
    let bits = (u64::BITS - secs.leading_zeros()) as usize;
    (1 + bits.div_ceil(2)).min(GAPS - 1)
}

/// Rows of positions as index tensors, padded on the right (causal attention never looks there).
#[derive(Clone, Debug)]
pub struct ItemBatch {
    item: Tensor<2, Int>,
    /// 1 where an item was met, 0 at starts: `[B, T, 1]`.
    is_met: Tensor<3>,
    intensity: Tensor<2, Int>,
    asked: Tensor<2, Int>,
    gap: Tensor<2, Int>,
    era: Tensor<2, Int>,
}

impl ItemBatch {
    /// The same on another device.
    #[cfg(feature = "train")]
    #[must_use]
    pub fn on(self, device: &Device) -> Self {
        let [item, intensity, asked, gap, era] = [self.item, self.intensity, self.asked, self.gap, self.era]
            .map(|numbers| numbers.to_device(device));
        Self { item, is_met: self.is_met.to_device(device), intensity, asked, gap, era }
    }

    #[must_use]
    pub fn new(rows: &[Vec<ItemPosition>], device: &Device) -> Self {
        let length = rows.iter().map(Vec::len).max().unwrap_or(0);
        let tensor = |value: fn(&ItemPosition) -> usize| {
            let values = padded(rows, length, |position| value(position) as i32);
            index_tensor(values, [rows.len(), length], device)
        };
        let is_met: Vec<f32> = padded(rows, length, |position| f32::from(u8::from(position.item.is_some())));
        Self {
            item: tensor(|position| position.item.unwrap_or(0)),
            is_met: Tensor::from_data(TensorData::new(is_met, [rows.len(), length, 1]), device),
            intensity: tensor(|position| position.intensity),
            asked: tensor(|position| position.asked),
            gap: tensor(|position| position.gap),
            era: tensor(|position| position.era),
        }
    }

    /// `[B, T]`
    #[must_use]
    pub fn dims(&self) -> [usize; 2] {
        self.item.dims()
    }
}

/// A number for every position of every row, zeros behind the shorter ones.
fn padded<T: Clone + Default>(
    rows: &[Vec<ItemPosition>],
    length: usize,
    value: impl Fn(&ItemPosition) -> T,
) -> Vec<T> {
    let mut values = Vec::with_capacity(rows.len() * length);
    for row in rows {
        values.extend(row.iter().map(&value));
        values.resize(values.len() + length - row.len(), T::default());
    }
    values
}

/// Text tokens of every item, padded, as the bag that [`ItemVocabulary::table`] sums.
#[derive(Clone, Debug)]
pub struct ItemTexts {
    tokens: Tensor<1, Int>,
    /// 1/√n for each of an item's n tokens, 0 for padding: `[N, L, 1]`.
    weights: Tensor<3>,
}

impl ItemTexts {
    /// The same on another device.
    #[cfg(feature = "train")]
    #[must_use]
    pub fn on(&self, device: &Device) -> Self {
        let Self { tokens, weights } = self.clone();
        Self { tokens: tokens.to_device(device), weights: weights.to_device(device) }
    }

    #[must_use]
    pub fn new(texts: &[Vec<u32>], device: &Device) -> Self {
        let longest = texts.iter().map(Vec::len).max().unwrap_or(0).max(1);
        let mut tokens = Vec::with_capacity(texts.len() * longest);
        let mut weights = Vec::with_capacity(texts.len() * longest);
        for text in texts {
            let weight = 1.0 / (text.len().max(1) as f32).sqrt();
            tokens.extend(text.iter().map(|&token| token as i32));
            weights.extend(std::iter::repeat_n(weight, text.len()));
            tokens.resize(tokens.len() + longest - text.len(), 0);
            weights.resize(tokens.len(), 0.0);
        }
        Self {
            tokens: index_tensor(tokens, [texts.len() * longest], device),
            weights: Tensor::from_data(TensorData::new(weights, [texts.len(), longest, 1]), device),
        }
    }
}

impl ItemTexts {
    /// The same texts for a model without gradients.
    #[must_use]
    pub fn without_gradients(self) -> Self {
        Self { tokens: self.tokens.inner(), weights: self.weights.inner() }
    }
}

/// The vectors of all items, computed once for a pass (training) or for good (recommending).
#[derive(Clone, Debug)]
pub struct ItemTable {
    vectors: Vectors,
    bias: Tensor<1>,
}

impl ItemTable {
    /// `[N, D]`
    #[must_use]
    pub fn vectors(&self) -> Tensor<2> {
        self.vectors.floats()
    }

    /// `[N]`
    #[must_use]
    pub fn bias(&self) -> Tensor<1> {
        self.bias.clone()
    }

    /// Logits of some items at each state.
    ///
    /// # Shapes
    /// states `[R, D]`, items `[R, C]` → `[R, C]`
    #[must_use]
    pub fn logits_of(&self, states: Tensor<2>, items: Tensor<2, Int>) -> Tensor<2> {
        let [rows, count] = items.dims();
        let hidden = self.vectors.dims()[1];
        let flat = items.reshape([rows * count]);
        let vectors = self.vectors.select(flat.clone()).reshape([rows, count, hidden]);
        let products = (vectors * states.unsqueeze_dim::<3>(1)).sum_dim(2).reshape([rows, count]);
        products + self.bias.clone().select(0, flat).reshape([rows, count])
    }
}

impl ItemVocabulary {
    /// Where the weights are.
    #[must_use]
    pub fn device(&self) -> Device {
        self.bias.val().device()
    }

    /// Vectors of all items: id vector plus text bag, unless that was added once and for all.
    ///
    /// `id_keep` scales each id vector (`[N, 1]`): 0 hides the id, so that text alone must do.
    #[must_use]
    pub fn table(&self, texts: &ItemTexts, id_keep: Option<Tensor<2>>) -> ItemTable {
        // Packages are complete: a browser needs no code for the rest.
        if self.is_complete || !cfg!(feature = "train") {
            return ItemTable { vectors: self.item.vectors(), bias: self.bias.val() };
        }
        let [items, longest, _] = texts.weights.dims();
        let hidden = self.text.vectors().dims()[1];
        let tokens = self.text.vectors().select(texts.tokens.clone()).reshape([items, longest, hidden]);
        let bags = (tokens * texts.weights.clone()).sum_dim(1).reshape([items, hidden]);
        self.table_of_bags(bags, id_keep)
    }

    /// Whether an item's vector holds its text already.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// The same vocabulary with the text in every item's vector, so that whoever opens it has nothing to add.
    #[must_use]
    pub fn complete(mut self, texts: &ItemTexts) -> Self {
        let ItemTable { vectors, .. } = self.table(texts, None);
        self.item = Table::of(vectors.floats());
        self.is_complete = true;
        self
    }

    /// [`ItemVocabulary::table`] for text bags `[N, D]` that were summed elsewhere from [`ItemVocabulary::token_vectors`].
    #[must_use]
    pub fn table_of_bags(&self, bags: Tensor<2>, id_keep: Option<Tensor<2>>) -> ItemTable {
        let ids = match id_keep {
            Some(keep) => self.item.vectors().floats() * keep,
            None => self.item.vectors().floats(),
        };
        ItemTable { vectors: Vectors::Float(ids + bags), bias: self.bias.val() }
    }

    /// Vectors of the tokens that texts are made of, `[V, D]`.
    #[must_use]
    pub fn token_vectors(&self) -> Tensor<2> {
        self.text.vectors().floats()
    }

    /// `[B, T]` positions → `[B, T, D]` embeddings.
    #[must_use]
    pub fn embed(&self, table: &ItemTable, batch: &ItemBatch) -> Tensor<3> {
        let items = table.vectors.look_up(batch.item.clone());
        let embeddings = items * batch.is_met.clone()
            + self.intensity.forward(batch.intensity.clone())
            + self.asked.forward(batch.asked.clone())
            + self.gap.forward(batch.gap.clone());
        match &self.era {
            Some(era) => embeddings + era.forward(batch.era.clone()),
            None => embeddings,
        }
    }

    /// log π(item | history up to each state) over the whole catalogue.
    ///
    /// `excluded` is added to the logits: a large negative number takes an item out of the distribution.
    ///
    /// # Shapes
    /// states `[R, D]`, excluded `[N]` → `[R, N]`
    #[must_use]
    pub fn log_probabilities(
        &self,
        table: &ItemTable,
        states: Tensor<2>,
        excluded: Option<Tensor<1>>,
    ) -> Tensor<2> {
        let mut bias = table.bias.clone();
        if let Some(excluded) = excluded {
            bias = bias + excluded;
        }
        let logits = table.vectors.products(states) + bias.unsqueeze();
        if self.item.is_fused() {
            return kernels::log_softmax(logits);
        }
        activation::log_softmax(logits, 1)
    }

    /// Sets the bias of every item, `[N]`: where training begins.
    #[must_use]
    pub fn with_bias(mut self, bias: Tensor<1>) -> Self {
        self.bias = self.bias.map(|_| bias.require_grad());
        self
    }

    /// Takes the id vectors of items that training never met out of the model, so that text alone speaks, and
    /// gives all of them the same bias. `keep` is 1 for items that were met, 0 for the others: `[N]`.
    #[must_use]
    pub fn keep_ids(mut self, keep: Tensor<1>, bias_of_others: f32) -> Self {
        let ids = self.item.vectors().floats().detach();
        self.item = Table::of((ids * keep.clone().unsqueeze_dim(1)).detach());
        let others = (keep.clone().neg() + 1.0) * bias_of_others;
        self.bias = self.bias.map(|bias| (bias.detach() * keep + others).detach());
        self
    }

    /// The matrices that pay to be packed, with the names that weights give them.
    pub(crate) fn matrices_mut(&mut self) -> Vec<(String, Slot<'_>)> {
        vec![
            ("items.item.weight".to_owned(), Slot::Table(&mut self.item)),
            ("items.text.weight".to_owned(), Slot::Table(&mut self.text)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_grow_with_the_pause() {
        let minute = 60_000;
        assert_eq!(gap_bucket(-5), 1);
        assert_eq!(gap_bucket(999), 1);
        assert_eq!(gap_bucket(1_000), 2);
        assert!(gap_bucket(minute) < gap_bucket(60 * minute));
        assert!(gap_bucket(60 * minute) < gap_bucket(24 * 60 * minute));
        assert_eq!(gap_bucket(i64::MAX), GAPS - 1);
    }

    #[test]
    fn what_is_asked_is_the_next_intensity() {
        let met = |item, intensity, time_ms| Interaction { item, intensity, time_ms };
        let eras = [1_000, 2_000, 3_000];
        let row = positions(&[met(3, 1.0, 0), met(1, -1.0, 2_000)], 8, &eras);
        assert_eq!(
            row,
            [
                ItemPosition { item: None, intensity: 0, asked: 9, gap: 0, era: 0 },
                ItemPosition { item: Some(3), intensity: 9, asked: 1, gap: 0, era: 0 },
                ItemPosition { item: Some(1), intensity: 1, asked: 9, gap: 2, era: 2 },
            ]
        );
        let nothing = positions(&[], 4, &eras);
        assert_eq!(nothing, [ItemPosition { item: None, intensity: 0, asked: 5, gap: 0, era: 3 }]);
    }
}
