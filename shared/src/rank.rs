//! Which items come first? Scores to a list: what may not be shown is left out, ties go to the earlier item.

use std::cmp::Ordering;

/// An item of the catalogue with its score, log π(item | history).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recommendation {
    /// Position of the item in the catalogue.
    pub item: usize,
    pub score: f32,
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
    let all = numbers.map(|(item, score)| Recommendation { item, score });
    best_by(all, k, |a, b| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item)))
}

/// The first `k` of what a full sort by `order` gives.
pub(crate) fn best_by<T: Copy>(
    candidates: impl Iterator<Item = T>,
    k: usize,
    order: impl Fn(&T, &T) -> Ordering,
) -> Vec<T> {
    if k == 0 {
        return Vec::new();
    }
    // Most candidates are worse than the k best so far: one comparison each. The others are sorted out now and then.
    let room = k.saturating_mul(2).max(SORTED_OUT_FROM);
    let mut list = Vec::new();
    let mut worst = None;
    for candidate in candidates {
        if worst.is_some_and(|worst| order(&candidate, &worst) == Ordering::Greater) {
            continue;
        }
        list.push(candidate);
        if list.len() >= room {
            worst = Some(*list.select_nth_unstable_by(k - 1, &order).1);
            list.truncate(k);
        }
    }
    list.sort_unstable_by(&order);
    list.truncate(k);
    list
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
}
