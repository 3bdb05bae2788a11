//! What do both stages of the item vocabulary run on? The catalogue on the device, a batch, and log π of its items.

use std::sync::Arc;

use burn::tensor::{Device, Int, Tensor, TensorData};
use shared::{
    interaction::Interaction,
    kernels::gradients::look_up,
    model::TransformerConfig,
    noise::Noise,
    places::{Places, RowPlaces},
    vocabulary::{
        Model, ModelConfig, Vocabulary,
        items::{self, ItemBatch, ItemPosition, ItemTable, ItemTexts, ItemVocabulary},
    },
};

use crate::{
    hardware::Hardware,
    kernels::{
        normaliser::log_normaliser,
        text_bag::{TextBags, text_bags},
    },
    negatives,
    train::Part,
};

/// What both stages know about the catalogue.
#[derive(Clone)]
pub struct ItemData {
    pub(super) histories: Vec<Vec<Interaction>>,
    pub(super) texts: Texts,
    pub(super) items: usize,
    /// Takes items that training never meets out of the distribution: as mere negatives they would be taught
    /// never to be recommended (study §4.6).
    pub(super) excluded: Tensor<1>,
    pub(super) transformer: TransformerConfig,
    pub(super) context: usize,
    /// Where the calendar is cut.
    pub(super) eras: Vec<i64>,
    pub(super) hardware: Hardware,
}

impl ItemData {
    #[must_use]
    pub fn new(
        histories: &[Vec<Interaction>],
        texts: &[Vec<u32>],
        config: &ModelConfig,
        hardware: impl Into<Hardware>,
    ) -> Self {
        let hardware = hardware.into();
        let device = &hardware.device;
        let mut excluded = vec![-1e9_f32; texts.len()];
        for item in negatives::met_items(histories) {
            excluded[item] = 0.0;
        }
        Self {
            histories: histories.to_vec(),
            texts: Texts::new(texts, config.vocabulary.tokens(), device),
            items: texts.len(),
            excluded: Tensor::from_data(TensorData::new(excluded, [texts.len()]), device),
            transformer: config.transformer.clone(),
            context: config.context,
            eras: config.vocabulary.eras().to_vec(),
            hardware,
        }
    }

    /// Positions of a window, of which the last interaction is only a target.
    pub(super) fn positions_of(&self, window: &[Interaction]) -> Vec<ItemPosition> {
        // What is asked after the last interaction does not matter: its position is left out.
        let mut positions = items::positions(window, 0, &self.eras);
        positions.pop();
        positions
    }

    /// The same data for a model without gradients.
    pub(super) fn without_gradients(&self) -> Self {
        let data = self.clone();
        Self {
            texts: data.texts.without_gradients(),
            excluded: data.excluded.inner(),
            hardware: data.hardware.inner(),
            ..data
        }
    }

    /// log π of a batch's items at its chosen states: `[R, C]`.
    ///
    /// The distribution is over the whole catalogue, of which only the normaliser is computed.
    pub(super) fn log_probabilities(&self, model: &Model, batch: &Batch) -> Tensor<2> {
        let (table, states) = self.table_and_states(items_of(model), model, batch);
        let normaliser = log_normaliser(
            states.clone(),
            table.vectors(),
            table.bias() + self.excluded.clone().to_device(&states.device()),
        );
        table.logits_of(states, batch.items.clone()) - normaliser
    }

    /// Vectors of all items, and the hidden states that a batch asks: `[R, D]`.
    pub(super) fn table_and_states(
        &self,
        vocabulary: &ItemVocabulary,
        model: &Model,
        batch: &Batch,
    ) -> (ItemTable, Tensor<2>) {
        let device = batch.states.device();
        let id_keep = batch.id_keep.as_ref().map(|kept| kept.tensor(&device));
        let build = || match &self.texts {
            Texts::Bags(bags) => {
                let bags = text_bags(vocabulary.token_vectors(), Arc::clone(bags));
                vocabulary.table_of_bags(bags, id_keep.clone())
            }
            Texts::Padded(texts) => vocabulary.table(&texts.on(&device), id_keep.clone()),
        };
        let table = build();
        // What goes in and what comes out are differentiated apart then, and a graph is walked once.
        let entering = if self.hardware.is_recomputing { build() } else { table.clone() };
        let embeddings = vocabulary.embed(&entering, &batch.rows);
        let [rows, length, hidden] = embeddings.dims();
        let places = Places::new(&[RowPlaces::causal(length)], 0, &self.transformer, &device);
        let places = places.with_noise(batch.noise).in_precision(self.hardware.precision);
        let states = model.model.forward(embeddings, &places, None);
        (table, look_up(states.reshape([rows * length, hidden]), batch.states.clone()))
    }
}

pub(super) fn items_of(model: &Model) -> &ItemVocabulary {
    let Vocabulary::Items(vocabulary) = &model.vocabulary else {
        unreachable!("item batches are made for item vocabularies only");
    };
    vocabulary
}

/// Texts of all items in the form that the device sums fastest.
#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "there is one per stage")]
pub(super) enum Texts {
    /// On the processor: sparse.
    Bags(Arc<TextBags>),
    /// Elsewhere: padded to the longest.
    Padded(ItemTexts),
}

impl Texts {
    pub(super) fn new(texts: &[Vec<u32>], vocabulary: usize, device: &Device) -> Self {
        if device.clone().inner() == Device::flex() {
            Self::Bags(Arc::new(TextBags::new(texts, vocabulary)))
        } else {
            Self::Padded(ItemTexts::new(texts, device))
        }
    }

    pub(super) fn without_gradients(self) -> Self {
        match self {
            Self::Padded(texts) => Self::Padded(texts.without_gradients()),
            bags @ Self::Bags(_) => bags,
        }
    }
}

impl Part for Batch {
    fn on(&self, device: &Device) -> Self {
        let Self { rows, states, items, id_keep, noise, margins, reference } = self.clone();
        Self {
            rows: rows.on(device),
            states: states.to_device(device),
            items: items.to_device(device),
            id_keep,
            noise,
            margins: margins.map(|margins| margins.to_device(device)),
            reference: reference.map(|reference| reference.to_device(device)),
        }
    }
}

/// Rows, the states in them that are asked, and the items whose log-probability is read there.
#[derive(Clone)]
pub struct Batch {
    pub(super) rows: ItemBatch,
    /// Index into the flattened `[B·T]` states.
    pub(super) states: Tensor<1, Int>,
    /// `[R, 1]` targets, or `[R, 1+K]` chosen and rejected.
    pub(super) items: Tensor<2, Int>,
    /// Which id vectors take part; all where nothing is said.
    pub(super) id_keep: Option<Kept>,
    pub(super) noise: Noise,
    pub(super) margins: Option<Tensor<2>>,
    pub(super) reference: Option<Tensor<2>>,
}

/// Which of many take part, a bit each: there is one for every part of an epoch, and catalogues are large.
#[derive(Clone)]
pub(super) struct Kept {
    bits: Vec<u8>,
    count: usize,
}

impl Kept {
    pub(super) fn new(is_kept: &[bool]) -> Self {
        let byte = |eight: &[bool]| eight.iter().rev().fold(0, |byte, &bit| byte << 1 | u8::from(bit));
        Self { bits: is_kept.chunks(8).map(byte).collect(), count: is_kept.len() }
    }

    /// `[N, 1]`: 1 or 0.
    fn tensor(&self, device: &Device) -> Tensor<2> {
        let bit = |at: usize| f32::from(self.bits[at / 8] >> (at % 8) & 1);
        Tensor::from_data(
            TensorData::new((0..self.count).map(bit).collect::<Vec<_>>(), [self.count, 1]),
            device,
        )
    }
}

pub(super) fn index_vector(values: Vec<i32>, device: &Device) -> Tensor<1, Int> {
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count]), device)
}

pub(super) fn index_matrix(values: Vec<i32>, rows: usize, device: &Device) -> Tensor<2, Int> {
    let columns = values.len() / rows.max(1);
    Tensor::from_data(TensorData::new(values, [rows, columns]), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_told_again() {
        let is_kept: Vec<bool> = (0..21).map(|at| at % 3 == 0 || at > 17).collect();
        let tensor = Kept::new(&is_kept).tensor(&Device::flex());
        assert_eq!(tensor.dims(), [21, 1]);
        let told: Vec<bool> = tensor.into_data().iter::<f32>().map(|value| value == 1.0).collect();
        assert_eq!(told, is_kept);
    }
}
