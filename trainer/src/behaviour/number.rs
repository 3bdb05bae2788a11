//! What is a behaviour number? A statistic of per-visitor values, its bootstrap interval, and the paired
//! difference between two methods.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::BehaviourReport;
use crate::evaluation::{Estimate, estimate};

/// Which direction is the wished-for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    Higher,
    Lower,
    /// Neither: it describes, or it is the chance level of the number above it.
    Neither,
}

/// How the means m of the columns of per-visitor values become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// m₀
    Mean,
    /// m₀ / m₁, for conditional shares
    Ratio,
    /// m₀ / m₁ − m₂ / m₃, for two groups of visitors
    DifferenceOfRatios,
    /// (max − min) / mean of all m
    RelativeRange,
    /// Standard deviation / mean of all m
    Variation,
}

impl Statistic {
    /// Not finite where a denominator is 0.
    fn of(self, means: &[f64]) -> f64 {
        let mean = means.iter().sum::<f64>() / means.len() as f64;
        match self {
            Self::Mean => means[0],
            Self::Ratio => means[0] / means[1],
            Self::DifferenceOfRatios => means[0] / means[1] - means[2] / means[3],
            Self::RelativeRange => {
                let high = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let low = means.iter().copied().fold(f64::INFINITY, f64::min);
                (high - low) / mean
            }
            Self::Variation => {
                (means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / means.len() as f64).sqrt() / mean
            }
        }
    }
}

/// One number of one test for one method.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Number {
    #[serde(flatten)]
    pub label: Label,
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Which number it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Label {
    pub test: &'static str,
    pub name: String,
    pub better: Better,
    pub meaning: &'static str,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    Measured(Measured),
    NotApplicable { why: String },
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    pub estimate: Estimate,
    /// Visitors with a value.
    pub visitors: usize,
    pub statistic: Statistic,
    /// The columns of the statistic by visitor; they depend on the method, the set of visitors does not.
    #[serde(skip)]
    pub per_visitor: BTreeMap<usize, Vec<f64>>,
}

impl Label {
    pub(super) fn new(test: &'static str, name: &str, better: Better, meaning: &'static str) -> Self {
        Self { test, name: name.to_owned(), better, meaning }
    }

    /// Trials are averaged within a visitor first: the visitor is the unit of the bootstrap.
    pub(super) fn measure(self, statistic: Statistic, trials: &[Trial], none: &str, seed: u64) -> Number {
        let mut sums: BTreeMap<usize, (f64, Vec<f64>)> = BTreeMap::new();
        for (visitor, columns) in trials {
            let (count, sum) = sums.entry(*visitor).or_insert_with(|| (0.0, vec![0.0; columns.len()]));
            *count += 1.0;
            sum.iter_mut().zip(columns).for_each(|(sum, value)| *sum += value);
        }
        let per_visitor: BTreeMap<usize, Vec<f64>> = sums
            .into_iter()
            .map(|(visitor, (count, sum))| (visitor, sum.into_iter().map(|sum| sum / count).collect()))
            .collect();
        let rows: Vec<&[f64]> = per_visitor.values().map(Vec::as_slice).collect();
        let estimate = match statistic {
            Statistic::Mean if !rows.is_empty() => {
                Some(estimate(&rows.iter().map(|row| row[0]).collect::<Vec<_>>(), seed))
            }
            _ => resample(&rows, |means| statistic.of(means), seed),
        };
        match estimate {
            Some(estimate) => {
                let visitors = per_visitor.len();
                let measured = Measured { estimate, visitors, statistic, per_visitor };
                Number { label: self, outcome: Outcome::Measured(measured) }
            }
            None => self.not_applicable(if rows.is_empty() { none } else { "no visitor decides it" }),
        }
    }

    pub(super) fn not_applicable(self, why: &str) -> Number {
        Number { label: self, outcome: Outcome::NotApplicable { why: why.to_owned() } }
    }
}

/// One visitor and one trial's columns.
pub(super) type Trial = (usize, Vec<f64>);

const RESAMPLES: usize = 2000;

/// Percentile bootstrap over rows of a statistic of the column means; resamples in which it is not finite are
/// left out. `None` when it is not finite on the rows themselves.
fn resample(rows: &[&[f64]], statistic: impl Fn(&[f64]) -> f64, seed: u64) -> Option<Estimate> {
    let width = rows.first()?.len();
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut of = |draw: &mut dyn FnMut(usize, &mut ChaCha8Rng) -> usize| {
        let mut means = vec![0.0; width];
        for position in 0..rows.len() {
            let row = rows[draw(position, &mut generator)];
            means.iter_mut().zip(row).for_each(|(mean, value)| *mean += value / rows.len() as f64);
        }
        Some(statistic(&means)).filter(|value| value.is_finite())
    };
    let mean = of(&mut |position, _| position)?;
    let mut draws: Vec<f64> = (0..RESAMPLES)
        .filter_map(|_| of(&mut |_, generator| generator.random_range(0..rows.len())))
        .collect();
    draws.sort_by(f64::total_cmp);
    let tail = draws.len() / 40;
    let low = *draws.get(tail)?;
    Some(Estimate { mean, low, high: draws[draws.len() - 1 - tail] })
}

/// How much one number of method A exceeds that of method B, over the visitors that both answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    #[serde(flatten)]
    pub label: Label,
    pub visitors: usize,
    pub a: f64,
    pub b: f64,
    /// A − B, paired: both see the same resampled visitors.
    pub difference: Estimate,
    /// The interval excludes 0. Of many numbers compared, one in twenty does so by chance.
    pub is_clear: bool,
}

/// Paired differences of every number that both reports measured.
#[must_use]
pub fn compare(a: &BehaviourReport, b: &BehaviourReport, seed: u64) -> Vec<Difference> {
    let measured = |number: &'_ Number| match &number.outcome {
        Outcome::Measured(measured) => Some(measured.clone()),
        Outcome::NotApplicable { .. } => None,
    };
    let pair = |first: &Number| {
        let is_same =
            |other: &&Number| (other.label.test, &other.label.name) == (first.label.test, &first.label.name);
        let (of_a, of_b) = (measured(first)?, measured(b.numbers.iter().find(is_same)?)?);
        let both: Vec<Vec<f64>> = of_a
            .per_visitor
            .iter()
            .filter_map(|(visitor, row)| Some([row.as_slice(), of_b.per_visitor.get(visitor)?].concat()))
            .collect();
        let rows: Vec<&[f64]> = both.iter().map(Vec::as_slice).collect();
        let width = rows.first()?.len() / 2;
        let gap = |means: &[f64]| of_a.statistic.of(&means[..width]) - of_b.statistic.of(&means[width..]);
        let difference = resample(&rows, gap, seed)?;
        Some(Difference {
            label: first.label.clone(),
            visitors: rows.len(),
            a: of_a.estimate.mean,
            b: of_b.estimate.mean,
            difference,
            is_clear: difference.low > 0.0 || difference.high < 0.0,
        })
    };
    a.numbers.iter().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_by_hand() {
        assert_eq!(Statistic::Mean.of(&[0.25]), 0.25);
        assert_eq!(Statistic::Ratio.of(&[0.3, 0.4]), 0.3 / 0.4);
        assert_eq!(Statistic::DifferenceOfRatios.of(&[1.0, 2.0, 1.0, 4.0]), 0.25);
        // Of 2, 4, 6: range 4 over mean 4; variance 8 / 3.
        assert_eq!(Statistic::RelativeRange.of(&[2.0, 4.0, 6.0]), 1.0);
        assert!((Statistic::Variation.of(&[2.0, 4.0, 6.0]) - (8.0_f64 / 3.0).sqrt() / 4.0).abs() < 1e-12);
    }

    #[test]
    fn a_visitor_with_many_trials_counts_once() {
        let trials = [(7, vec![1.0]), (7, vec![0.0]), (9, vec![1.0])];
        let label = Label::new("B1", "share", Better::Higher, "");
        let Outcome::Measured(measured) = label.measure(Statistic::Mean, &trials, "", 1).outcome else {
            panic!("measured");
        };
        assert_eq!((measured.estimate.mean, measured.visitors), (0.75, 2));
        assert_eq!(measured.per_visitor[&7], [0.5]);
    }

    #[test]
    fn a_ratio_weighs_visitors_by_its_denominator() {
        let rows: [&[f64]; 3] = [&[1.0, 1.0], &[0.0, 1.0], &[0.0, 0.0]];
        let interval = resample(&rows, |means| Statistic::Ratio.of(means), 3).unwrap();
        assert_eq!(interval.mean, 0.5);
        assert_eq!((interval.low, interval.high), (0.0, 1.0));
        assert!(resample(&[&[0.0, 0.0]], |means| Statistic::Ratio.of(means), 3).is_none());
    }

    #[test]
    fn the_bootstrap_of_a_mean_is_that_of_the_metrics() {
        let values: Vec<f64> = (0..50).map(|i| f64::from(i % 3)).collect();
        let rows: Vec<&[f64]> = values.chunks(1).collect();
        let (ours, theirs) = (resample(&rows, |means| means[0], 5).unwrap(), estimate(&values, 5));
        assert!((ours.mean - theirs.mean).abs() < 1e-9);
        assert!((ours.low - theirs.low).abs() < 1e-9 && (ours.high - theirs.high).abs() < 1e-9);
    }

    fn report(values: &[f64]) -> BehaviourReport {
        let trials: Vec<Trial> = values.iter().enumerate().map(|(visitor, &v)| (visitor, vec![v])).collect();
        let label = |name| Label::new("B0", name, Better::Higher, "");
        let numbers = vec![
            label("share").measure(Statistic::Mean, &trials, "", 1),
            label("none").not_applicable("no data"),
        ];
        BehaviourReport { method: String::new(), questions: values.len(), numbers }
    }

    #[test]
    fn pairing_takes_the_spread_between_visitors_out() {
        // B is A less 0.1 for every visitor: the difference has no spread although the values do.
        let values: Vec<f64> = (0..40).map(|i| f64::from(i) / 10.0).collect();
        let lower: Vec<f64> = values.iter().map(|value| value - 0.1).collect();
        let differences = compare(&report(&values), &report(&lower), 1);
        assert_eq!(differences.len(), 1);
        let Estimate { mean, low, high } = differences[0].difference;
        assert!([mean, low, high].iter().all(|value| (value - 0.1).abs() < 1e-9));
        assert!(differences[0].is_clear);
        let same = compare(&report(&values), &report(&values), 1);
        assert!(!same[0].is_clear && same[0].difference.mean == 0.0);
    }
}
