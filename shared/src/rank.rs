//! Which items come first? Scores to a list: what may not be shown is left out, ties go to the earlier item.

use std::cmp::Ordering;

use crate::kernels::exponential::{exp, log_sum_exp};

/// An item of the catalogue with its score, log π(item | history).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recommendation {
    /// Position of the item in the catalogue.
    pub item: usize,
    pub score: f32,
}

/// log π(item | history) of what may be shown.
///
/// # Example
/// ```
/// use shared::rank::Scores;
/// let scores = Scores::of_catalogue(vec![0.5_f32.ln(), 0.3_f32.ln(), 0.2_f32.ln()], &[false, true, true]);
/// assert_eq!(scores.best(1)[0].item, 1);
/// assert!((scores.log_total() - 0.5_f32.ln()).abs() < 1e-6);
/// ```
#[derive(Clone, Debug)]
pub struct Scores {
    /// Positions in the catalogue; none when every item of it has its place.
    items: Option<Vec<usize>>,
    /// −∞ where an item has no score or may not be shown.
    values: Vec<f32>,
    /// How many have one.
    count: usize,
    /// log Σ π of all that have one.
    log_total: f32,
}

impl Scores {
    /// From log π of a whole catalogue, whose sum is 1, what `is_shown`.
    ///
    /// Passes over a catalogue are what an answer of 100,000 items takes beside reading the weights: here is one, without a
    /// branch for each item, where most are shown.
    #[must_use]
    pub fn of_catalogue(mut values: Vec<f32>, is_shown: &[bool]) -> Self {
        let shown = is_shown.iter().filter(|shown| **shown).count();
        if shown < values.len() / 16 * 15 {
            let all = values.into_iter().enumerate().zip(is_shown);
            return all.filter(|(_, shown)| **shown).map(|(scored, _)| scored).collect();
        }
        let mut hidden = Vec::new();
        for (values, is_shown) in values.chunks_mut(AT_ONCE).zip(is_shown.chunks(AT_ONCE)) {
            if all(is_shown, |shown| *shown) && all(values, |value| value.is_finite()) {
                continue;
            }
            for (value, shown) in values.iter_mut().zip(is_shown) {
                if !shown || !value.is_finite() {
                    hidden.push(std::mem::replace(value, f32::NEG_INFINITY));
                }
            }
        }
        let count = values.len() - hidden.len();
        let share: f32 = hidden.iter().filter(|value| value.is_finite()).map(|value| exp(*value)).sum();
        // Where little is left, the difference from 1 would be mostly rounding.
        let log_total = if share < 0.5 { (-share).ln_1p() } else { log_total(&values, count) };
        Self { items: None, values, count, log_total }
    }

    /// How many items have a score.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// log Σ π of all that have a score.
    #[must_use]
    pub fn log_total(&self) -> f32 {
        self.log_total
    }

    /// Items and scores.
    pub fn iter(&self) -> impl Iterator<Item = (usize, f32)> {
        let all = self.values.iter().enumerate().filter(|(_, value)| value.is_finite());
        all.map(|(place, value)| (self.item(place), *value))
    }

    /// The item whose score stands there.
    fn item(&self, place: usize) -> usize {
        self.items.as_ref().map_or(place, |items| items[place])
    }

    /// The score of an item, if it has one.
    #[must_use]
    pub fn get(&self, item: usize) -> Option<f32> {
        let place = match &self.items {
            Some(items) => items.iter().position(|scored| *scored == item)?,
            None => item,
        };
        self.values.get(place).copied().filter(|value| value.is_finite())
    }

    /// The `k` best.
    #[must_use]
    pub fn best(&self, k: usize) -> Vec<Recommendation> {
        let mut best = Best::new(k, better);
        for (chunk, values) in self.values.chunks(AT_ONCE).enumerate() {
            let worst = best.worst.map_or(f32::NEG_INFINITY, |worst| worst.score);
            if all(values, |value| *value < worst) {
                continue;
            }
            for (place, &score) in (chunk * AT_ONCE..).zip(values).filter(|(_, score)| score.is_finite()) {
                best.push(Recommendation { item: self.item(place), score });
            }
        }
        best.sorted()
    }
}

impl FromIterator<(usize, f32)> for Scores {
    fn from_iter<T: IntoIterator<Item = (usize, f32)>>(scores: T) -> Self {
        let (items, mut values): (_, Vec<f32>) = scores.into_iter().unzip();
        values.iter_mut().filter(|value| !value.is_finite()).for_each(|value| *value = f32::NEG_INFINITY);
        let count = values.iter().filter(|value| value.is_finite()).count();
        let log_total = log_total(&values, count);
        Self { items: Some(items), values, count, log_total }
    }
}

/// log Σ π, where `count` numbers are not −∞.
fn log_total(values: &[f32], count: usize) -> f32 {
    if count == 0 { f32::NEG_INFINITY } else { log_sum_exp(values, &[]) }
}

/// Numbers that are asked together whether they matter, which most do not.
const AT_ONCE: usize = 32;

/// Whether `is_so` of all, every one of which is asked.
fn all<T>(values: &[T], is_so: impl Fn(&T) -> bool) -> bool {
    values.iter().fold(true, |all, value| all & is_so(value))
}

/// The likelier of two first, the earlier one of equals.
fn better(a: &Recommendation, b: &Recommendation) -> Ordering {
    b.score.total_cmp(&a.score).then(a.item.cmp(&b.item))
}

/// The `k` best of `candidates` (item, score); candidates that are not numbers are left out.
///
/// # Example
/// ```
/// use shared::rank::top_k;
/// let best = top_k([(7, -2.0), (3, -1.0), (5, -1.0)], 2);
/// assert_eq!(best.iter().map(|r| r.item).collect::<Vec<_>>(), [3, 5]);
/// ```
#[must_use]
pub fn top_k(candidates: impl IntoIterator<Item = (usize, f32)>, k: usize) -> Vec<Recommendation> {
    let numbers = candidates.into_iter().filter(|(_, score)| !score.is_nan());
    best_by(numbers.map(|(item, score)| Recommendation { item, score }), k, better)
}

/// The first `k` of what a full sort by `order` gives.
pub(crate) fn best_by<T: Copy>(
    candidates: impl Iterator<Item = T>,
    k: usize,
    order: impl Fn(&T, &T) -> Ordering,
) -> Vec<T> {
    let mut best = Best::new(k, order);
    candidates.for_each(|candidate| best.push(candidate));
    best.sorted()
}

/// The first `k` so far of what a full sort by `order` gives.
struct Best<T, O> {
    k: usize,
    order: O,
    list: Vec<T>,
    /// Nothing behind it is among the first.
    worst: Option<T>,
}

impl<T: Copy, O: Fn(&T, &T) -> Ordering> Best<T, O> {
    fn new(k: usize, order: O) -> Self {
        Self { k, order, list: Vec::new(), worst: None }
    }

    fn push(&mut self, candidate: T) {
        // Most candidates are worse than the k best so far: one comparison each. The others are sorted out now and then.
        if self.k == 0
            || self.worst.is_some_and(|worst| (self.order)(&candidate, &worst) == Ordering::Greater)
        {
            return;
        }
        self.list.push(candidate);
        if self.list.len() >= self.k.saturating_mul(2).max(SORTED_OUT_FROM) {
            self.worst = Some(*self.list.select_nth_unstable_by(self.k - 1, &self.order).1);
            self.list.truncate(self.k);
        }
    }

    fn sorted(mut self) -> Vec<T> {
        self.list.sort_unstable_by(&self.order);
        self.list.truncate(self.k);
        self.list
    }
}

/// Candidates that are kept before all but the best are sorted out.
const SORTED_OUT_FROM: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_a_full_sort() {
        let scores: Vec<(usize, f32)> = (0..997).map(|i| (i, ((i * 31) % 177) as f32)).collect();
        for k in [0, 1, 5, 63, 64, 65, 500, 996, 997, 2000] {
            let mut sorted = scores.clone();
            sorted.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            let expected: Vec<usize> = sorted.iter().take(k).map(|s| s.0).collect();
            let got: Vec<usize> = top_k(scores.clone(), k).iter().map(|r| r.item).collect();
            assert_eq!(got, expected);
        }
        assert!(top_k([(0, f32::NAN)], 3).is_empty());
    }

    /// Numbers that repeat, so that there are ties, with some that are none.
    fn log_probabilities(count: usize) -> Vec<f32> {
        let logits = |i: usize| if i % 29 == 7 { f64::NEG_INFINITY } else { ((i * 31) % 177) as f64 / 20.0 };
        let total = (0..count).map(|i| logits(i).exp()).sum::<f64>().ln();
        let value = |i: usize| if i % 53 == 11 { f32::NAN } else { (logits(i) - total) as f32 };
        (0..count).map(value).collect()
    }

    #[test]
    fn scores_of_a_catalogue_are_those_of_a_list() {
        for count in [0, 1, 31, 32, 33, 997, 2_000] {
            // All are shown, some, and so few that their sum is no difference from 1.
            for shown in [1, 2, 10, 500] {
                let values = log_probabilities(count);
                let is_shown: Vec<bool> = (0..count).map(|i| shown == 1 || (i / 3) % shown == 1).collect();
                let list: Vec<(usize, f32)> = (0..count)
                    .filter(|i| is_shown[*i] && values[*i].is_finite())
                    .map(|i| (i, values[i]))
                    .collect();
                let scores = Scores::of_catalogue(values.clone(), &is_shown);
                let as_list: Scores = list.iter().copied().collect();
                assert_eq!((scores.len(), scores.is_empty()), (list.len(), list.is_empty()));
                assert_eq!(scores.iter().collect::<Vec<_>>(), list);
                for k in [0, 1, 10, 63, 300] {
                    let expected = top_k(list.iter().copied(), k);
                    assert_eq!(
                        (scores.best(k), as_list.best(k)),
                        (expected.clone(), expected),
                        "{k} of {count}"
                    );
                }
                for item in [0, 7, 11, 40, 5_000] {
                    let expected = list.iter().find(|scored| scored.0 == item).map(|scored| scored.1);
                    assert_eq!((scores.get(item), as_list.get(item)), (expected, expected));
                }
                // What is no number has no share, and its own share is not that of others.
                if shown > 1 && !list.is_empty() {
                    let expected = list.iter().map(|scored| f64::from(scored.1).exp()).sum::<f64>().ln();
                    assert!((f64::from(as_list.log_total()) - expected).abs() < 1e-5);
                }
            }
        }
    }

    #[test]
    fn what_is_shown_has_the_share_that_is_left() {
        let values: Vec<f32> = (1..=999).map(|i| (i as f32 / 499_500.0).ln()).collect();
        for last in [999, 950, 500, 3, 0] {
            let is_shown: Vec<bool> = (1..=999).map(|i| i <= last).collect();
            let expected = ((last * (last + 1)) as f64 / 999_000.0).ln();
            let got = Scores::of_catalogue(values.clone(), &is_shown).log_total();
            assert!(
                (f64::from(got) - expected).abs() < 1e-4 || (last == 0 && got == f32::NEG_INFINITY),
                "{last}: {got}"
            );
        }
        // Nearly all of it was of one that is hidden.
        let values: Vec<f32> = (0..100).map(|i| if i == 0 { 0.999_f32 } else { 0.001 / 99.0 }.ln()).collect();
        let got = Scores::of_catalogue(values, &std::array::from_fn::<_, 100, _>(|i| i > 0)).log_total();
        assert!((got - 0.001_f32.ln()).abs() < 1e-5, "{got}");
    }
}
