//! Where does the target stand among the others? Rank measures of one question, ties averaged.

/// How many candidates score higher than the target, and how many the same.
///
/// Ties count as if broken at random: every measure is its mean over all orders of the tied candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub better: usize,
    pub tied: usize,
}

impl Place {
    /// `None` when the target's score is not a number: that is never a hit. Others that are not numbers stand
    /// behind everything.
    #[must_use]
    pub fn of(target: f32, others: impl IntoIterator<Item = f32>) -> Option<Self> {
        if target.is_nan() {
            return None;
        }
        let mut place = Self { better: 0, tied: 0 };
        for other in others {
            place.better += usize::from(other > target);
            place.tied += usize::from(other == target);
        }
        Some(place)
    }

    /// Is the target among the first `cutoff`?
    #[must_use]
    pub fn hit_rate(self, cutoff: usize) -> f64 {
        self.mean(cutoff, |_| 1.0)
    }

    /// 1 / log₂(rank + 1), the whole of NDCG when one item is relevant.
    #[must_use]
    pub fn ndcg(self, cutoff: usize) -> f64 {
        self.mean(cutoff, |rank| 1.0 / (rank as f64 + 1.0).log2())
    }

    /// 1 / rank.
    #[must_use]
    pub fn reciprocal_rank(self, cutoff: usize) -> f64 {
        self.mean(cutoff, |rank| 1.0 / rank as f64)
    }

    /// Mean of `value` over the ranks that the target may have, 0 beyond the cutoff.
    fn mean(self, cutoff: usize, value: impl Fn(usize) -> f64) -> f64 {
        let last = (self.better + self.tied + 1).min(cutoff);
        // Folded, because the sum of nothing would be −0.
        (self.better + 1..=last).map(value).fold(0.0, |sum, value| sum + value) / (self.tied + 1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_by_hand() {
        let first = Place::of(3.0, [1.0, 2.0]).unwrap();
        assert_eq!((first.hit_rate(1), first.ndcg(10), first.reciprocal_rank(20)), (1.0, 1.0, 1.0));
        // Second of three: no hit at 1, a hit at 5, gain 1/log2(3) = 0.630929…, reciprocal rank 1/2.
        let second = Place::of(1.0, [3.0, 0.0]).unwrap();
        assert_eq!((second.hit_rate(1), second.hit_rate(5), second.reciprocal_rank(5)), (0.0, 1.0, 0.5));
        assert!((second.ndcg(10) - 0.630_929_753_571_457_4).abs() < 1e-12);
        // Beyond the cutoff nothing counts: rank 3 at cutoff 2.
        let third = Place { better: 2, tied: 0 };
        assert_eq!((third.hit_rate(2), third.ndcg(2), third.reciprocal_rank(2)), (0.0, 0.0, 0.0));
    }

    #[test]
    fn ties_are_averaged_over_their_orders() {
        // Two tied for first: half a hit; ranks 1 and 2: (1 + 1/2) / 2.
        let tied = Place::of(1.0, [1.0]).unwrap();
        assert_eq!((tied.hit_rate(1), tied.reciprocal_rank(20)), (0.5, 0.75));
        // One better and three tied: ranks 2 to 5, of which a cutoff of 3 holds two of four.
        let place = Place::of(1.0, [2.0, 1.0, 1.0, 1.0, 0.0]).unwrap();
        assert_eq!(place, Place { better: 1, tied: 3 });
        assert_eq!(place.hit_rate(3), 0.5);
        // (1/2 + 1/3) / 4
        assert!((place.reciprocal_rank(3) - 5.0 / 24.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_number_is_no_hit() {
        assert_eq!(Place::of(f32::NAN, [1.0]), None);
        assert_eq!(Place::of(0.0, [f32::NAN, f32::NEG_INFINITY]), Some(Place { better: 0, tied: 0 }));
    }
}
