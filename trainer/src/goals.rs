//! What does the shop want beside what its visitors want? Business goals as values of items, and the margin
//! that they add.
//!
//! Values come from training data and from columns that never leave the trainer; nothing of them is exported.

use anyhow::{Context, Result, ensure};
use shared::catalog::Catalog;

use crate::preference_config::{GoalConfig, GoalKind, PreferenceConfig};

/// Goals of a run: what each item is worth to each of them.
#[derive(Clone, Debug, Default)]
pub struct Goals {
    /// Weight and one value per item.
    terms: Vec<(f32, Vec<f32>)>,
    /// Utilities that differ by less are of similar preference.
    similarity: f32,
}

impl Goals {
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Values of every item of a catalogue.
    ///
    /// `counts` says how often each item was met in training; `clearance` is the private column, larger for
    /// what is to go first.
    ///
    /// # Errors
    /// When a goal needs a column that is not there.
    pub fn new(
        config: &PreferenceConfig,
        catalog: &Catalog,
        counts: &[f32],
        clearance: Option<&[f32]>,
    ) -> Result<Self> {
        let values = |goal: &GoalConfig| -> Result<(f32, Vec<f32>)> {
            let known: Vec<Option<f32>> = match goal.kind {
                GoalKind::OrderValue => {
                    let price = |item: &shared::catalog::Item| item.price.filter(|&price| price > 0);
                    catalog.items().iter().map(|item| price(item).map(|price| (price as f32).ln())).collect()
                }
                GoalKind::Discovery => counts.iter().map(|count| Some(-count.ln_1p())).collect(),
                GoalKind::Clearance => clearance
                    .context(
                        "the goal clearance has no values\n\
                         hint: put a private.csv with the columns id and clearance beside catalog.jsonl; it is never exported",
                    )?
                    .iter()
                    .map(|value| Some(*value).filter(|value| value.is_finite()))
                    .collect(),
            };
            ensure!(
                known.len() == catalog.len() && known.iter().flatten().count() > 1,
                "the goal {:?} has too few values\nhint: order_value needs prices in the catalogue, clearance a line \
                 for each item in private.csv",
                goal.kind
            );
            Ok((goal.weight, standardised(&known)))
        };
        let terms = config.goals.iter().map(values).collect::<Result<_>>()?;
        Ok(Self { terms, similarity: config.goal_similarity })
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// What the goals add to the margin of a chosen over a rejected item whose stars are `difference` apart
    /// (an item that was not met has three): Σ w·clamp(g(chosen) − g(rejected), −1, 1), or nothing when one of them is clearly
    /// preferred.
    ///
    /// # Source
    /// Ours (design: "Business goals as margins").
    #[must_use]
    pub fn margin(&self, chosen: usize, rejected: usize, difference: f32) -> f32 {
        if difference.abs() > self.similarity {
            return 0.0;
        }
        let term = |(weight, values): &(f32, Vec<f32>)| {
            weight * (values[chosen] - values[rejected]).clamp(-1.0, 1.0)
        };
        self.terms.iter().map(term).sum()
    }

    /// Σ w·g(item), in standard deviations of the catalogue.
    #[must_use]
    pub fn value(&self, item: usize) -> f32 {
        self.terms.iter().map(|(weight, values)| weight * values[item]).sum()
    }

    /// Mean value of the items that come first in lists of candidates with their scores.
    #[must_use]
    pub fn mean_of_first(&self, candidates: &[Vec<usize>], scores: &[Vec<f32>]) -> f32 {
        let first = |(items, scores): (&Vec<usize>, &Vec<f32>)| {
            let best = (0..items.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(b.cmp(&a)));
            best.map_or(0.0, |best| self.value(items[best]))
        };
        candidates.iter().zip(scores).map(first).sum::<f32>() / candidates.len().max(1) as f32
    }
}

/// Mean 0 and standard deviation 1 over what is known; what is not known counts as the mean.
fn standardised(known: &[Option<f32>]) -> Vec<f32> {
    let values = || known.iter().flatten().map(|&value| f64::from(value));
    let count = values().count().max(1) as f64;
    let mean = values().sum::<f64>() / count;
    let deviation = (values().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
    // Equal values differ by rounding alone, which is no goal.
    if deviation < 1e-6 * mean.abs().max(1.0) {
        return vec![0.0; known.len()];
    }
    known
        .iter()
        .map(|value| value.map_or(0.0, |value| ((f64::from(value) - mean) / deviation) as f32))
        .collect()
}

#[cfg(test)]
mod tests {
    use shared::catalog::Item;

    use super::*;

    fn catalog(prices: &[Option<i64>]) -> Catalog {
        let item = |(index, price): (usize, &Option<i64>)| Item {
            id: format!("i{index}"),
            title: format!("Item {index}"),
            price: *price,
            ..Item::default()
        };
        Catalog::new(prices.iter().enumerate().map(item).collect()).unwrap()
    }

    fn config(kind: GoalKind) -> PreferenceConfig {
        let goals = vec![GoalConfig { kind, weight: 0.5 }];
        PreferenceConfig { goals, goal_similarity: 2.0, ..PreferenceConfig::default() }
    }

    #[test]
    fn order_value_by_hand() {
        // Prices a factor of e² apart: their logarithms are one deviation below and above the mean; no price is 0.
        let catalog = catalog(&[Some(100), Some(739), None]);
        let goals = Goals::new(&config(GoalKind::OrderValue), &catalog, &[0.0; 3], None).unwrap();
        assert!((goals.value(1) - 0.5).abs() < 1e-5 && (goals.value(0) + 0.5).abs() < 1e-5);
        assert_eq!(goals.value(2), 0.0);
        // Two deviations apart, clamped to one.
        assert!((goals.margin(1, 0, 1.0) - 0.5).abs() < 1e-5);
        assert!((goals.margin(0, 1, -1.0) + 0.5).abs() < 1e-5);
        assert!((goals.margin(1, 2, 0.0) - 0.5).abs() < 1e-5);
        assert_eq!(goals.margin(1, 0, 2.5), 0.0);
        let first = goals.mean_of_first(&[vec![0, 1], vec![0, 1]], &[vec![0.1, 0.9], vec![0.9, 0.1]]);
        assert!(first.abs() < 1e-5);
    }

    #[test]
    fn discovery_prefers_the_rare_and_clearance_needs_its_column() {
        let catalog = catalog(&[None, None]);
        // −ln 1 = 0 and −ln 9: the rare one is one deviation above, the other one below.
        let goals = Goals::new(&config(GoalKind::Discovery), &catalog, &[0.0, 8.0], None).unwrap();
        assert!((goals.value(0) - 0.5).abs() < 1e-5 && (goals.value(1) + 0.5).abs() < 1e-5);
        let clearance = config(GoalKind::Clearance);
        let message = Goals::new(&clearance, &catalog, &[0.0; 2], None).unwrap_err().to_string();
        assert!(message.contains("hint"), "{message}");
        let goals = Goals::new(&clearance, &catalog, &[0.0; 2], Some(&[1.0, 3.0])).unwrap();
        assert!((goals.value(1) - 0.5).abs() < 1e-5);
        assert!(Goals::new(&config(GoalKind::OrderValue), &catalog, &[0.0; 2], None).is_err());
        assert_eq!(Goals::none().margin(0, 1, 0.0), 0.0);
    }
}
