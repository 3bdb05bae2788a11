//! Batches of the item vocabulary: every position of a window is an example, in one pass.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
};

use anyhow::{Context, Result};
use burn::tensor::{Tensor, TensorData};
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use shared::{
    interaction::Interaction,
    noise::Noise,
    preference::{Preference, intensity_level},
    vocabulary::{
        Model,
        items::{ItemBatch, ItemPosition},
    },
};

pub use super::item_data::{Batch, ItemData};
use super::{
    bucket,
    item_data::{Kept, index_matrix, index_vector, items_of},
    margin_tensor, windows,
};
use crate::{
    checkpoint::epoch_generator,
    config::{PreferenceConfig, SftConfig},
    hardware::Hardware,
    loss::{self, Alternatives},
    negatives::{self, HARD_ITEMS, Sampler},
    reference::{Fingerprint, Reference},
    train::{self, Objective, StepOutcome},
};

/// Supervised stage: the next item at every position.
pub struct ItemSft {
    data: ItemData,
    batch_targets: usize,
    id_dropout: f64,
    unknown_share: f64,
    seed: u64,
}

impl ItemSft {
    #[must_use]
    pub fn new(data: ItemData, config: &SftConfig, seed: u64) -> Self {
        Self {
            data,
            batch_targets: config.batch_targets,
            id_dropout: config.id_dropout,
            unknown_share: config.unknown_share,
            seed,
        }
    }
}

impl Objective for ItemSft {
    type Part = Batch;

    fn epoch(&mut self, number: usize) -> Vec<Vec<Batch>> {
        let mut generator = epoch_generator(self.seed, number);
        let mut rows: Vec<SftRow> = Vec::new();
        for history in &self.data.histories {
            if let [only] = history.as_slice() {
                rows.push(SftRow {
                    positions: self.data.positions_of(std::slice::from_ref(only)),
                    targets: vec![(0, only.item)],
                });
            }
            for (start, end) in windows(history.len(), self.data.context, &mut generator) {
                let window = &history[start..end];
                let targets = window.iter().map(|next| next.item).enumerate();
                rows.push(SftRow {
                    positions: self.data.positions_of(window),
                    // In the middle of a history, nothing says what comes before the window.
                    targets: targets.skip(usize::from(start > 0)).collect(),
                });
            }
        }
        for position in rows.iter_mut().flat_map(|row| &mut row.positions) {
            if generator.random_bool(self.unknown_share) {
                position.asked = 0;
            }
        }
        let batches = {
            let length = |row: &SftRow| row.positions.len();
            let cost = |row: &SftRow| row.targets.len();
            bucket(rows, self.batch_targets, length, cost, &mut generator)
        };
        let items = self.data.items;
        let mut noisy = |rows: Vec<SftRow>| {
            let keep = (self.id_dropout > 0.0)
                .then(|| (0..items).map(|_| !generator.random_bool(self.id_dropout)).collect());
            sft_batch(&self.data, rows, keep, Noise::of(generator.random()))
        };
        let cut = |rows| super::parts(rows, &self.data.hardware, |row: &SftRow| row.positions.len());
        batches.into_iter().map(|rows| cut(rows).into_iter().map(&mut noisy).collect()).collect()
    }

    fn targets(&self, batch: &Batch) -> usize {
        batch.states.dims()[0]
    }

    fn hardware(&self) -> &Hardware {
        &self.data.hardware
    }

    fn positions(&self, batch: &Batch) -> usize {
        batch.rows.dims().iter().product()
    }

    fn loss(&self, model: &Model, batch: &Batch) -> StepOutcome {
        let picked = self.data.log_probabilities(model, batch);
        loss::negative_log_likelihood(picked).mean().into()
    }
}

/// A window, and what follows at which of its positions.
pub struct SftRow {
    pub positions: Vec<ItemPosition>,
    pub targets: Vec<(usize, usize)>,
}

/// Windows as one batch, in which some of the id vectors take part, or all.
#[must_use]
pub fn sft_batch(data: &ItemData, rows: Vec<SftRow>, id_keep: Option<Vec<bool>>, noise: Noise) -> Batch {
    let device = &data.hardware.device;
    let length = rows.iter().map(|row| row.positions.len()).max().unwrap_or(0);
    let (mut states, mut targets) = (Vec::new(), Vec::new());
    for (index, row) in rows.iter().enumerate() {
        states.extend(row.targets.iter().map(|(position, _)| (index * length + position) as i32));
        targets.extend(row.targets.iter().map(|(_, item)| *item as i32));
    }
    let positions: Vec<Vec<ItemPosition>> = rows.into_iter().map(|row| row.positions).collect();
    Batch {
        rows: ItemBatch::new(&positions, device),
        items: index_matrix(targets, states.len(), device),
        states: index_vector(states, device),
        id_keep: id_keep.map(|is_kept| Kept::new(&is_kept)),
        noise,
        margins: None,
        reference: None,
    }
}

/// Preference stage: at every liked position but the first, the chosen item against K rejected ones.
pub struct ItemPreference {
    data: ItemData,
    /// The same in every epoch, so that reference log-probabilities are computed once.
    rows: Vec<PreferenceRow>,
    config: PreferenceConfig,
    seed: u64,
}

/// A window, and what is preferred at which of its positions.
#[derive(Clone)]
pub struct PreferenceRow {
    positions: Vec<ItemPosition>,
    /// Position in the row and what is preferred there.
    preferences: Vec<(usize, Preference)>,
    /// log π of chosen and rejected under the reference, one row per preference.
    reference: Vec<f32>,
}

impl PreferenceRow {
    #[must_use]
    pub fn new(positions: Vec<ItemPosition>, preferences: Vec<(usize, Preference)>) -> Self {
        Self { positions, preferences, reference: Vec::new() }
    }

    /// 1 + K.
    fn alternatives(&self) -> usize {
        self.preferences.first().map_or(0, |(_, preference)| 1 + preference.rejected.len())
    }

    /// Everything that the reference is asked with.
    fn describe(&self, fingerprint: &mut Fingerprint) {
        for &ItemPosition { item, intensity, asked, gap, era } in &self.positions {
            fingerprint.add([item.map_or(0, |item| item + 1), intensity, asked, gap, era]);
        }
        for (position, preference) in &self.preferences {
            fingerprint
                .add([*position, preference.chosen].into_iter().chain(preference.rejected.iter().copied()));
        }
    }
}

impl ItemPreference {
    /// # Errors
    /// When the device fails while the reference is read.
    pub fn new(
        data: ItemData,
        reference: &Reference,
        config: &PreferenceConfig,
        sampler: &mut Sampler,
        seed: u64,
    ) -> Result<Self> {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        let mut hard = (config.negatives.hard > 0.0).then(|| HardItems::new(&data, reference.model()));
        let mut spans = Vec::new();
        for (visitor, history) in data.histories.iter().enumerate() {
            for (start, end) in windows(history.len(), data.context, &mut generator) {
                spans.push((visitor, start, end));
            }
        }
        // Places at random: a few preferences then still come from many visitors.
        let mut places: Vec<(usize, usize)> = spans
            .iter()
            .enumerate()
            .flat_map(|(span, (_, start, end))| (start + 1..*end).map(move |target| (span, target)))
            .collect();
        places.shuffle(&mut generator);
        let mut drawn: BTreeMap<usize, Vec<(usize, Preference)>> = BTreeMap::new();
        let mut left = config.max_examples;
        for (span, target) in places {
            if left == 0 {
                break;
            }
            let (visitor, start, end) = spans[span];
            let history = &data.histories[visitor];
            let hard = match &mut hard {
                Some(hard) => hard.at(span, &history[start..end], target - start, history)?,
                None => Vec::new(),
            };
            if let Some(preference) = sampler.preference(visitor, history, target, &hard, &mut generator) {
                drawn.entry(span).or_default().push((target, preference));
                left -= 1;
            }
        }
        let mut rows = Vec::with_capacity(drawn.len());
        for (span, mut preferences) in drawn {
            let (visitor, start, end) = spans[span];
            let history = &data.histories[visitor];
            preferences.sort_by_key(|(target, _)| *target);
            let positions = data.positions_of(&history[start..end]);
            // What was asked is part of what later positions read. Where the chosen item is not the next one, the
            // question differs from what followed, so that the preference has a row that ends with it.
            let (of_next, of_later): (Vec<_>, Vec<_>) =
                preferences.into_iter().partition(|(target, p)| p.chosen == history[*target].item);
            for (target, preference) in of_later {
                let last = target - start;
                let mut positions = positions[..=last].to_vec();
                positions[last].asked = intensity_level(preference.intensity) + 1;
                rows.push(PreferenceRow::new(positions, vec![(last, preference)]));
            }
            if !of_next.is_empty() {
                let of_next = of_next.into_iter().map(|(target, p)| (target - start, p)).collect();
                rows.push(PreferenceRow::new(positions, of_next));
            }
        }
        sampler
            .settle(rows.iter_mut().flat_map(|row| &mut row.preferences).map(|(_, preference)| preference));
        Self::of_rows(data, rows, reference, config, seed)
    }

    /// The stage of preferences that are drawn already.
    ///
    /// # Errors
    /// When the device fails while the reference is read.
    pub fn of_rows(
        data: ItemData,
        rows: Vec<PreferenceRow>,
        reference: &Reference,
        config: &PreferenceConfig,
        seed: u64,
    ) -> Result<Self> {
        let mut objective = Self { data, rows, config: config.clone(), seed };
        objective.precompute(reference)?;
        Ok(objective)
    }

    /// Some of the rows as one batch.
    #[must_use]
    pub fn batch(&self, rows: Range<usize>) -> Vec<Batch> {
        self.parts(self.rows[rows].to_vec())
    }

    fn parts(&self, rows: Vec<PreferenceRow>) -> Vec<Batch> {
        let parts = super::parts(rows, &self.data.hardware, |row| row.positions.len());
        parts.iter().map(|part| batch(&self.data, part)).collect()
    }

    /// Number of preferences.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.iter().map(|row| row.preferences.len()).sum()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Reference log-probabilities, once: the examples are the same in every epoch.
    fn precompute(&mut self, reference: &Reference) -> Result<()> {
        let data = self.data.without_gradients();
        let alternatives = self.rows.first().map_or(0, PreferenceRow::alternatives);
        let values = reference.log_probabilities(
            self.len() * alternatives,
            |fingerprint| self.rows.iter().for_each(|row| row.describe(fingerprint)),
            self.rows.chunks(self.config.batch_rows),
            |model, chunk| data.log_probabilities(model, &batch(&data, chunk)),
        )?;
        let mut rest = values.as_slice();
        for row in &mut self.rows {
            let (own, others) = rest.split_at(row.preferences.len() * alternatives);
            row.reference = own.to_vec();
            rest = others;
        }
        Ok(())
    }
}

impl Objective for ItemPreference {
    type Part = Batch;

    fn epoch(&mut self, number: usize) -> Vec<Vec<Batch>> {
        let rows: Vec<PreferenceRow> = self.rows.clone();
        let length = |row: &PreferenceRow| row.positions.len();
        let cost = |row: &PreferenceRow| row.preferences.len();
        let mut generator = epoch_generator(self.seed, number);
        let batches = bucket(rows, self.config.batch_rows, length, cost, &mut generator);
        batches.into_iter().map(|rows| self.parts(rows)).collect()
    }

    fn targets(&self, batch: &Batch) -> usize {
        batch.states.dims()[0]
    }

    fn hardware(&self) -> &Hardware {
        &self.data.hardware
    }

    fn positions(&self, batch: &Batch) -> usize {
        batch.rows.dims().iter().product()
    }

    fn metric_names(&self) -> &'static [&'static str] {
        &loss::METRICS
    }

    fn loss(&self, model: &Model, batch: &Batch) -> StepOutcome {
        let policy = self.data.log_probabilities(model, batch);
        let [examples, alternatives] = policy.dims();
        let lengths = Tensor::ones([examples, alternatives], &self.data.hardware.device);
        let margins = batch.margins.clone();
        let margins = margins
            .unwrap_or_else(|| Tensor::zeros([examples, alternatives - 1], &self.data.hardware.device));
        let reference = batch.reference.clone();
        super::preference_outcome(&self.config, &Alternatives { policy, reference, margins, lengths })
    }
}

/// Finds what a model ranks highest at every position of a window, of the items that are not met by the visitor.
struct HardItems {
    data: ItemData,
    model: Model,
    met_items: Vec<usize>,
    /// One list per position of each window that was asked about.
    of_windows: HashMap<usize, Vec<Vec<usize>>>,
}

impl HardItems {
    fn new(data: &ItemData, model: &Model) -> Self {
        let met_items = negatives::met_items(&data.histories);
        let (data, model) = (data.without_gradients(), train::frozen(model));
        Self { data, model, met_items, of_windows: HashMap::new() }
    }

    /// The hard items at a position of a window.
    fn at(
        &mut self,
        span: usize,
        window: &[Interaction],
        position: usize,
        history: &[Interaction],
    ) -> Result<Vec<usize>> {
        if !self.of_windows.contains_key(&span) {
            let lists = self.of_window(&self.data.positions_of(window), history)?;
            self.of_windows.insert(span, lists);
        }
        Ok(self.of_windows[&span][position].clone())
    }

    /// One list per position.
    fn of_window(&self, positions: &[ItemPosition], history: &[Interaction]) -> Result<Vec<Vec<usize>>> {
        let states: Vec<i32> = (0..positions.len() as i32).collect();
        let batch = Batch {
            rows: ItemBatch::new(&[positions.to_vec()], &self.data.hardware.device),
            items: index_matrix(vec![0; states.len()], states.len(), &self.data.hardware.device),
            states: index_vector(states, &self.data.hardware.device),
            id_keep: None,
            noise: Noise::default(),
            margins: None,
            reference: None,
        };
        let vocabulary = items_of(&self.model);
        let (table, states) = self.data.table_and_states(vocabulary, &self.model, &batch);
        let scores = vocabulary.log_probabilities(&table, states, Some(self.data.excluded.clone()));
        let scores = scores.try_into_vec_as::<f32>().context("the reference cannot be read")?;
        let of_position = |row| negatives::hardest(row, &self.met_items, history, HARD_ITEMS);
        Ok(scores.chunks(self.data.items).map(of_position).collect())
    }
}

/// Windows with their preferences as one batch; the reference takes part once it is known.
fn batch(data: &ItemData, rows: &[PreferenceRow]) -> Batch {
    let device = &data.hardware.device;
    let length = rows.iter().map(|row| row.positions.len()).max().unwrap_or(0);
    let positions: Vec<Vec<ItemPosition>> = rows.iter().map(|row| row.positions.clone()).collect();
    let mut states = Vec::new();
    let mut items = Vec::new();
    let mut preferences = Vec::new();
    let mut reference: Vec<f32> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        for (position, preference) in &row.preferences {
            states.push((index * length + position) as i32);
            items.push(preference.chosen as i32);
            items.extend(preference.rejected.iter().map(|&item| item as i32));
            preferences.push(preference);
        }
        reference.extend(&row.reference);
    }
    let count = states.len();
    let alternatives = items.len() / count.max(1);
    Batch {
        rows: ItemBatch::new(&positions, device),
        states: index_vector(states, device),
        items: index_matrix(items, count, device),
        id_keep: None,
        // The policy begins exactly at the reference.
        noise: Noise::default(),
        margins: Some(margin_tensor(&preferences, device)),
        reference: (!reference.is_empty())
            .then(|| Tensor::from_data(TensorData::new(reference, [count, alternatives]), device)),
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::{super::tests::check_recomputation, *};
    use crate::{
        config::{RunConfig, asked},
        goals::Goals,
    };

    fn met(item: usize, time_ms: i64) -> Interaction {
        Interaction { item, intensity: 1.0, time_ms }
    }

    fn data(histories: &[Vec<Interaction>], context: usize) -> (ItemData, RunConfig) {
        let config = RunConfig { hidden_size: 4, context, ..RunConfig::default() };
        let model = config.model(5, 3, vec![5, 10], asked(std::iter::empty()));
        (ItemData::new(histories, &vec![vec![]; 5], &model, &Device::flex()), config)
    }

    #[test]
    fn every_interaction_of_every_visitor_is_a_target_once() {
        let histories = [vec![met(3, 0)], vec![met(0, 0), met(1, 1), met(2, 2), met(4, 3)], vec![]];
        let (data, config) = data(&histories, 2);
        let mut objective = ItemSft::new(data, &config.sft, 1);
        for _ in 0..5 {
            let batches = objective.epoch(1);
            let read = |batch: &Batch| batch.items.clone().try_into_vec_as::<i32>().unwrap();
            let mut targets: Vec<i32> = batches.iter().flatten().flat_map(read).collect();
            targets.sort_unstable();
            assert_eq!(targets, [0, 1, 2, 3, 4]);
        }
    }

    #[test]
    fn a_target_stands_at_the_position_before_it() {
        let (data, config) = data(&[vec![met(0, 0), met(1, 1), met(2, 2)]], 50);
        let mut objective = ItemSft::new(data, &config.sft, 1);
        let parts: Vec<Batch> = objective.epoch(1).into_iter().flatten().collect();
        let [batch] = parts.try_into().unwrap_or_else(|_| panic!("one batch in one part"));
        // The start, item 0 and item 1; item 2 is a target only.
        assert_eq!(batch.rows.dims(), [1, 3]);
        assert_eq!(batch.states.try_into_vec_as::<i32>().unwrap(), [0, 1, 2]);
        assert_eq!(batch.items.try_into_vec_as::<i32>().unwrap(), [0, 1, 2]);
    }

    #[test]
    fn layers_that_are_computed_again_give_the_gradients_of_those_that_are_kept() {
        let run = RunConfig { hidden_size: 16, heads: 2, layers: 3, dropout: 0.3, ..RunConfig::default() };
        let config = run.model(12, 9, vec![5, 10], asked(std::iter::empty()));
        let device = Device::flex().autodiff();
        device.seed(3);
        // Numbered: burn's clones of what is still to be drawn would draw it for themselves.
        let model = crate::parameters::numbered(config.init(&device));
        let history = |visitor: usize| {
            let met = |i| Interaction {
                item: (visitor * 2 + i) % 12,
                intensity: if i % 2 == 0 { 1.0 } else { -0.5 },
                time_ms: 3 * i as i64,
            };
            (0..3 + visitor).map(met).collect::<Vec<_>>()
        };
        let histories: Vec<_> = (0..4).map(history).collect();
        let texts: Vec<Vec<u32>> = (0..12).map(|i| vec![i % 9, i % 4]).collect();
        let data = ItemData::new(&histories, &texts, &config, &device);
        let of = |is_recomputing| ItemData {
            hardware: data.hardware.clone().recomputing(is_recomputing),
            ..data.clone()
        };
        check_recomputation(&model, |is_recomputing| ItemSft::new(of(is_recomputing), &run.sft, 1));
        let (goals, reference) = (Goals::none(), Reference::uncached(&model));
        check_recomputation(&model, |is_recomputing| {
            let config = PreferenceConfig::default();
            let mut sampler = Sampler::new(&histories, &config, &goals, &[]).unwrap();
            ItemPreference::new(of(is_recomputing), &reference, &config, &mut sampler, 1).unwrap()
        });
    }

    #[test]
    fn a_start_is_of_the_era_of_what_follows() {
        let (data, _) = data(&[], 50);
        assert_eq!(data.positions_of(&[met(0, 7)]).iter().map(|p| p.era).collect::<Vec<_>>(), [1]);
        let two = data.positions_of(&[met(0, 2), met(1, 12)]);
        assert_eq!(two.iter().map(|p| (p.era, p.asked)).collect::<Vec<_>>(), [(0, 9), (0, 9)]);
        assert!(data.positions_of(&[]).is_empty());
    }
}
