//! How good is a ranking? HR@1, NDCG@10 and MRR over candidates, with bootstrap intervals over visitors.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// A mean over visitors with its 95 % bootstrap interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    pub mean: f64,
    pub low: f64,
    pub high: f64,
}

/// What one method reached on one set of questions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    pub method: String,
    pub questions: usize,
    pub hit_rate_at_1: Estimate,
    pub ndcg_at_10: Estimate,
    pub mrr: Estimate,
}

/// Ranks the first candidate of each question (the target) among all of them.
///
/// Ties count as if broken at random: the value is the mean over all orders of the tied candidates.
#[must_use]
pub fn report(method: &str, scores: &[Vec<f32>], seed: u64) -> Report {
    let per_question: Vec<[f64; 3]> = scores.iter().map(|scores| question(scores)).collect();
    let column =
        |metric: usize| estimate(&per_question.iter().map(|values| values[metric]).collect::<Vec<_>>(), seed);
    Report {
        method: method.to_owned(),
        questions: scores.len(),
        hit_rate_at_1: column(0),
        ndcg_at_10: column(1),
        mrr: column(2),
    }
}

/// HR@1 and NDCG@10 alone, for tuning and validation: no interval is drawn.
#[must_use]
pub fn means(scores: &[Vec<f32>]) -> (f64, f64) {
    let count = scores.len().max(1) as f64;
    let sums = scores
        .iter()
        .map(|scores| question(scores))
        .fold((0.0, 0.0), |(hits, gains), [hit, gain, _]| (hits + hit, gains + gain));
    (sums.0 / count, sums.1 / count)
}

/// HR@1, NDCG@10 and reciprocal rank of the first score among all.
fn question(scores: &[f32]) -> [f64; 3] {
    let Some((&target, others)) = scores.split_first() else {
        return [0.0; 3];
    };
    if target.is_nan() {
        return [0.0; 3];
    }
    let better = others.iter().filter(|&&other| other > target).count();
    let tied = others.iter().filter(|&&other| other == target).count();
    let mut sums = [0.0; 3];
    for rank in better + 1..=better + tied + 1 {
        sums[0] += f64::from(u8::from(rank == 1));
        sums[1] += if rank <= 10 { 1.0 / (rank as f64 + 1.0).log2() } else { 0.0 };
        sums[2] += 1.0 / rank as f64;
    }
    sums.map(|sum| sum / (tied + 1) as f64)
}

const RESAMPLES: usize = 2000;

/// Percentile bootstrap over questions.
#[must_use]
pub fn estimate(values: &[f64], seed: u64) -> Estimate {
    let count = values.len();
    if count == 0 {
        return Estimate { mean: 0.0, low: 0.0, high: 0.0 };
    }
    let mean = values.iter().sum::<f64>() / count as f64;
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| (0..count).map(|_| values[generator.random_range(0..count)]).sum::<f64>() / count as f64)
        .collect();
    means.sort_by(f64::total_cmp);
    Estimate { mean, low: means[RESAMPLES / 40], high: means[RESAMPLES - RESAMPLES / 40 - 1] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_by_hand() {
        assert_eq!(question(&[3.0, 1.0, 2.0]), [1.0, 1.0, 1.0]);
        let [hit, ndcg, reciprocal] = question(&[1.0, 3.0, 0.0]);
        assert_eq!(hit, 0.0);
        assert!((ndcg - 1.0 / 3.0_f64.log2()).abs() < 1e-12);
        assert_eq!(reciprocal, 0.5);
        // Two tied for first: half a hit.
        assert_eq!(question(&[1.0, 1.0])[0], 0.5);
        assert_eq!(question(&[f32::NAN, 1.0]), [0.0; 3]);
    }

    #[test]
    fn interval_holds_the_mean_and_shrinks() {
        let few = estimate(&[0.0, 1.0, 1.0, 0.0], 1);
        let many = estimate(&[0.0, 1.0].repeat(500), 1);
        assert!(few.low <= few.mean && few.mean <= few.high);
        assert!(many.high - many.low < few.high - few.low);
        // Standard error of a fair coin over 1000 questions: 1.96 · 0.0158.
        assert!((many.high - many.low - 0.062).abs() < 0.01);
    }
}
