//! Which items come first? Scores to a list: what may not be shown is left out, ties go to the earlier item.

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
    let mut list: Vec<Recommendation> = candidates
        .into_iter()
        .filter(|(_, score)| !score.is_nan())
        .map(|(item, score)| Recommendation { item, score })
        .collect();
    let order =
        |a: &Recommendation, b: &Recommendation| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item));
    if k == 0 {
        return Vec::new();
    }
    if k < list.len() {
        list.select_nth_unstable_by(k - 1, order);
        list.truncate(k);
    }
    list.sort_unstable_by(order);
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_a_full_sort() {
        let scores: Vec<(usize, f32)> = (0..97).map(|i| (i, ((i * 31) % 17) as f32)).collect();
        for k in [0, 1, 5, 96, 97, 200] {
            let mut sorted = scores.clone();
            sorted.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            let expected: Vec<usize> = sorted.iter().take(k).map(|s| s.0).collect();
            let got: Vec<usize> = top_k(scores.clone(), k).iter().map(|r| r.item).collect();
            assert_eq!(got, expected);
        }
        assert!(top_k([(0, f32::NAN)], 3).is_empty());
    }
}
