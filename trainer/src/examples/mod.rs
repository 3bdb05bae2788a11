//! How do histories become batches? One vocabulary at a time; both stages, supervised and preference.

mod item_data;
pub mod items;
pub mod tokens;

use burn::tensor::{Device, Tensor, TensorData};
use rand::{Rng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use shared::preference::Preference;

use crate::{
    hardware::Hardware,
    loss::{self, Alternatives},
    preference_config::PreferenceConfig,
    train::StepOutcome,
};

/// Windows of a history: positions `start..end`, each ending in the position before the next one begins,
/// so that every interaction but the very first is a target exactly once (a vocabulary with a start adds that one).
///
/// The first window has a random length: targets meet histories of every length over the epochs.
pub(crate) fn windows(length: usize, context: usize, generator: &mut ChaCha8Rng) -> Vec<(usize, usize)> {
    let mut list = Vec::new();
    if length < 2 {
        return list;
    }
    let mut start = 0;
    let mut inputs = if length - 1 > context { generator.random_range(1..=context) } else { context };
    while start + 1 < length {
        let end = (start + inputs + 1).min(length);
        list.push((start, end));
        start = end - 1;
        inputs = context;
    }
    list
}

/// Groups `rows` into batches of about equal lengths, in random order. A batch takes rows until their costs
/// reach `budget`; one row alone may cost more.
pub(crate) fn bucket<R>(
    mut rows: Vec<R>,
    budget: usize,
    length: impl Fn(&R) -> usize,
    cost: impl Fn(&R) -> usize,
    generator: &mut ChaCha8Rng,
) -> Vec<Vec<R>> {
    /// Batches whose rows are sorted together: enough to save padding, few enough to stay random.
    const SORTED_TOGETHER: usize = 8;
    rows.shuffle(generator);
    let mut batches = Vec::new();
    for mut group in within(rows, budget.saturating_mul(SORTED_TOGETHER), &cost) {
        group.sort_by_key(&length);
        batches.extend(within(group, budget, &cost));
    }
    batches.shuffle(generator);
    batches
}

/// Cuts `rows` into runs of which each reaches `budget`, but for the last.
fn within<R>(rows: Vec<R>, budget: usize, cost: impl Fn(&R) -> usize) -> Vec<Vec<R>> {
    let mut runs: Vec<Vec<R>> = Vec::new();
    let mut spent = budget;
    for row in rows {
        if spent >= budget {
            runs.push(Vec::new());
            spent = 0;
        }
        spent += cost(&row).max(1);
        if let Some(run) = runs.last_mut() {
            run.push(row);
        }
    }
    runs
}

/// Cuts the rows of a batch into parts of about equal costs (positions), as many as the hardware computes side by side.
#[must_use]
pub fn parts<R>(rows: Vec<R>, hardware: &Hardware, cost: impl Fn(&R) -> usize) -> Vec<Vec<R>> {
    let total: usize = rows.iter().map(&cost).sum();
    within(rows, total.div_ceil(hardware.parts(total)), cost)
}

/// Which sequences share a row with `room` for the longest of them, by their numbers: the longest first, each in the first
/// row that has room for it.
pub(crate) fn packed(lengths: &[usize], room: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&sequence| std::cmp::Reverse(lengths[sequence]));
    let mut rows: Vec<(usize, Vec<usize>)> = Vec::new();
    for sequence in order {
        let length = lengths[sequence];
        match rows.iter_mut().find(|(filled, _)| filled + length <= room) {
            Some((filled, row)) => {
                *filled += length;
                row.push(sequence);
            }
            None => rows.push((length, vec![sequence])),
        }
    }
    rows.into_iter().map(|(_, row)| row).collect()
}

/// Margins of preferences as a tensor `[E, K]`.
fn margin_tensor(preferences: &[&Preference], device: &Device) -> Tensor<2> {
    let rejected = preferences.first().map_or(0, |preference| preference.margins.len());
    let values: Vec<f32> =
        preferences.iter().flat_map(|preference| preference.margins.iter().copied()).collect();
    Tensor::from_data(TensorData::new(values, [preferences.len(), rejected]), device)
}

/// Mean loss of a preference batch, and its metrics.
fn preference_outcome(config: &PreferenceConfig, of: &Alternatives) -> StepOutcome {
    StepOutcome { loss: loss::total(config, of).mean(), metrics: Some(loss::metrics(config, of).inner()) }
}

#[cfg(test)]
mod tests {
    use burn::{
        module::{Module, ModuleVisitor, Param},
        optim::GradientsParams,
    };
    use rand::SeedableRng;
    use shared::vocabulary::Model;

    use super::*;
    use crate::train::{self, Objective};

    /// The gradient of every weight that is trained, in the order of the model.
    pub fn list(model: &Model, gradients: GradientsParams) -> Vec<f32> {
        struct List(GradientsParams, Vec<f32>);
        impl ModuleVisitor for List {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                if param.is_require_grad() {
                    let gradient = self.0.get::<D>(param.id).unwrap();
                    self.1.extend(gradient.into_data().iter::<f32>());
                }
            }
        }
        let mut list = List(gradients, Vec::new());
        model.visit(&mut list);
        list.1
    }

    /// Layers that are computed again give the loss and the gradients of those that are kept.
    pub fn check_recomputation<O: Objective>(model: &Model, objective: impl Fn(bool) -> O) {
        let gradients = |is_recomputing| {
            let mut objective = objective(is_recomputing);
            assert_eq!(objective.hardware().is_recomputing, is_recomputing);
            let group = objective.epoch(1);
            let outcome = train::gradients(&objective, model, &group[..1], 1.0);
            (outcome.loss, list(model, outcome.gradients))
        };
        let (kept, again) = (gradients(false), gradients(true));
        assert_eq!(kept.0, again.0);
        assert!(kept.1.iter().filter(|gradient| gradient.abs() > 1e-5).count() > 100);
        // Vectors that go in and come out are used several times; what those give is added up in another order.
        for (kept, again) in kept.1.iter().zip(again.1) {
            assert!((kept - again).abs() < 1e-6 * kept.abs().max(0.1), "{kept}, again {again}");
        }
    }

    #[test]
    fn every_interaction_but_the_first_is_a_target_once() {
        let mut generator = ChaCha8Rng::seed_from_u64(3);
        for length in [0, 1, 2, 7, 50, 51, 52, 173] {
            let mut targets = vec![0; length];
            for (start, end) in windows(length, 50, &mut generator) {
                assert!(end - start <= 51);
                (start + 1..end).for_each(|position| targets[position] += 1);
            }
            assert!(targets.iter().skip(1).all(|&count| count == 1));
        }
    }

    #[test]
    fn parts_are_of_about_equal_cost_and_hold_every_row() {
        let cost = |&row: &usize| row;
        assert!(parts(Vec::new(), &(&Device::flex()).into(), cost).is_empty());
        assert_eq!(parts(vec![200, 200], &(&Device::flex()).into(), cost), [[200, 200]]);
        let rows: Vec<usize> = (0..40).collect();
        let cut = parts(rows.clone(), &(&Device::flex()).into(), cost);
        assert_eq!(cut.len(), 3);
        assert!(cut.iter().all(|part| (200..300).contains(&part.iter().sum::<usize>())));
        assert_eq!(cut.concat(), rows);
        assert_eq!(parts(vec![300; 40], &(&Device::flex().autodiff()).into(), cost).len(), 4);
    }

    #[test]
    fn packed_rows_hold_every_sequence_and_none_is_longer_than_its_room() {
        let mut generator = ChaCha8Rng::seed_from_u64(3);
        assert!(packed(&[], 0).is_empty());
        assert_eq!(packed(&[5, 9, 4, 9, 1], 9), [vec![1], vec![3], vec![0, 2], vec![4]]);
        assert_eq!(packed(&[5, 9, 4, 9, 1], 10), [vec![1, 4], vec![3], vec![0, 2]]);
        for _ in 0..100 {
            let lengths: Vec<usize> = (0..30).map(|_| generator.random_range(1..100)).collect();
            let of_row = |row: &Vec<usize>| row.iter().map(|&sequence| lengths[sequence]).sum::<usize>();
            let room = lengths.iter().copied().max().unwrap() + generator.random_range(0..8);
            let rows = packed(&lengths, room);
            assert!(rows.iter().all(|row| of_row(row) <= room));
            // Two rows that would fit into one are never both there.
            let two: usize = rows.iter().map(of_row).sum();
            assert!(rows.len() <= 1 + 2 * two / room);
            let mut all: Vec<usize> = rows.into_iter().flatten().collect();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..30));
        }
    }

    #[test]
    fn buckets_hold_every_row() {
        let mut generator = ChaCha8Rng::seed_from_u64(3);
        let batches = bucket((0..103).collect(), 4, |row| *row, |_| 1, &mut generator);
        assert_eq!(batches.len(), 26);
        let mut rows: Vec<usize> = batches.into_iter().flatten().collect();
        rows.sort_unstable();
        assert_eq!(rows, (0..103).collect::<Vec<_>>());
    }
}
