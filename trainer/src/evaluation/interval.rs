//! How sure is a mean over visitors? Percentile bootstrap, of one method and of the difference between two.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// A mean over visitors with its 95 % bootstrap interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    pub mean: f64,
    pub low: f64,
    pub high: f64,
}

const RESAMPLES: usize = 2000;

/// Percentile bootstrap of several columns over the same questions (one question is one visitor).
///
/// Visitors are drawn once for all columns, as how many times each occurs: one resample costs a pass over
/// the questions that it drew, whatever the number of columns, and columns of one call stay paired.
///
/// # Shapes
/// M columns of Q values → M estimates
#[must_use]
pub fn estimates(columns: &[&[f64]], seed: u64) -> Vec<Estimate> {
    let count = columns.iter().map(|column| column.len()).min().unwrap_or(0);
    if count == 0 {
        return vec![Estimate::default(); columns.len()];
    }
    let width = columns.len();
    // One question's values side by side.
    let rows: Vec<f64> = (0..count).flat_map(|q| columns.iter().map(move |column| column[q])).collect();
    let mut means = vec![Vec::with_capacity(RESAMPLES); width];
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut times = vec![0_u32; count];
    let mut sums = vec![0.0; width];
    for _ in 0..RESAMPLES {
        times.fill(0);
        for _ in 0..count {
            times[generator.random_range(0..count as u32) as usize] += 1;
        }
        sums.fill(0.0);
        for (row, &times) in rows.chunks_exact(width).zip(&times) {
            if times > 0 {
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum += f64::from(times) * value;
                }
            }
        }
        for (means, sum) in means.iter_mut().zip(&sums) {
            means.push(sum / count as f64);
        }
    }
    let estimate = |(column, mut means): (&&[f64], Vec<f64>)| {
        means.sort_by(f64::total_cmp);
        let mean = column[..count].iter().sum::<f64>() / count as f64;
        Estimate { mean, low: means[RESAMPLES / 40], high: means[RESAMPLES - RESAMPLES / 40 - 1] }
    };
    columns.iter().zip(means).map(estimate).collect()
}

/// [`estimates`] of one column.
#[must_use]
pub fn estimate(values: &[f64], seed: u64) -> Estimate {
    estimates(&[values], seed)[0]
}

/// By how much `a` is better than `b` on the same questions: the bootstrap of the differences.
///
/// What both methods find hard cancels out, so that the interval is far narrower than the two of the means;
/// one that does not hold 0 is a difference. `a[q]` and `b[q]` must belong to the same question.
#[must_use]
pub fn paired(a: &[f64], b: &[f64], seed: u64) -> Estimate {
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    estimate(&differences, seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interval_holds_the_mean_and_shrinks() {
        let few = estimate(&[0.0, 1.0, 1.0, 0.0], 1);
        let many = estimate(&[0.0, 1.0].repeat(500), 1);
        assert!(few.low <= few.mean && few.mean <= few.high);
        assert!(many.high - many.low < few.high - few.low);
        // Standard error of a fair coin over 1000 questions: 1.96 · 0.0158.
        assert!((many.high - many.low - 0.062).abs() < 0.01);
    }

    #[test]
    fn columns_are_resampled_together_and_alone_alike() {
        let (a, b) = ([0.0, 1.0, 0.5, 0.25], [1.0, 2.0, 1.5, 1.25]);
        let both = estimates(&[&a, &b], 3);
        assert_eq!(both[0], estimate(&a, 3));
        // b = a + 1 question by question: every resampled mean is 1 higher.
        assert!((both[1].low - both[0].low - 1.0).abs() < 1e-12);
        assert!(estimates(&[&[], &[]], 3).iter().all(|e| *e == Estimate::default()));
    }

    #[test]
    fn a_constant_difference_is_certain_however_wide_the_means() {
        let a: Vec<f64> = (0..50).map(|q| f64::from(q % 2)).collect();
        let b: Vec<f64> = a.iter().map(|value| value - 0.125).collect();
        // Differences are all 1/8, exact in binary, so that the interval is the point itself.
        assert_eq!(paired(&a, &b, 1), Estimate { mean: 0.125, low: 0.125, high: 0.125 });
        assert!(estimate(&a, 1).high - estimate(&a, 1).low > 0.2);
    }
}
