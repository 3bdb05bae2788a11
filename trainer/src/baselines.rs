//! What must the model beat? Popularity and item-kNN, on the same questions.

use std::collections::HashMap;

use shared::{interaction::Interaction, preference::LIKED};

use crate::{metrics, split::Question};

/// How often each item was met in training.
#[must_use]
pub fn popularity(train: &[Vec<Interaction>], items: usize) -> Vec<f32> {
    let mut counts = vec![0.0; items];
    for interaction in train.iter().flatten() {
        counts[interaction.item] += 1.0;
    }
    counts
}

/// Item-to-item neighbours, after Sarwar et al. 2001, with recency twice: items count as met together when few
/// interactions lie between them, and what was met last weighs most.
pub struct ItemNeighbours {
    /// Similarity of co-met items, by (smaller, larger) item.
    together: HashMap<(usize, usize), f32>,
    counts: Vec<f32>,
    settings: NeighbourSettings,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NeighbourSettings {
    /// Items at most this many interactions apart were met together.
    pub window: usize,
    /// Weight e⁻¹ at this many interactions back.
    pub recency: f32,
    /// Count only what was liked as evidence, in training and history.
    pub is_liked_only: bool,
    /// Exponent of the candidate's count in the denominator: 0.5 is the cosine, less lets popularity in.
    pub normalisation: f32,
}

impl NeighbourSettings {
    const START: Self = Self { window: 10, recency: 5.0, is_liked_only: false, normalisation: 0.5 };
}

impl ItemNeighbours {
    #[must_use]
    pub fn new(train: &[Vec<Interaction>], items: usize, settings: NeighbourSettings) -> Self {
        let mut together: HashMap<(usize, usize), f32> = HashMap::new();
        let mut counts = vec![0.0; items];
        for history in train {
            let met: Vec<usize> =
                history.iter().filter(|i| settings.counts(i)).map(|interaction| interaction.item).collect();
            for (position, &item) in met.iter().enumerate() {
                counts[item] += 1.0;
                for &before in &met[position.saturating_sub(settings.window)..position] {
                    if before != item {
                        *together.entry((before.min(item), before.max(item))).or_default() += 1.0;
                    }
                }
            }
        }
        Self { together, counts, settings }
    }

    #[must_use]
    pub fn score(&self, history: &[Interaction], candidate: usize) -> f32 {
        let NeighbourSettings { recency, normalisation, .. } = self.settings;
        // Beyond this weights are below e⁻⁵.
        let reach = (5.0 * recency) as usize;
        let of_candidate = self.counts[candidate].max(1.0).powf(normalisation);
        let evidence = history.iter().rev().filter(|i| self.settings.counts(i)).take(reach).enumerate();
        evidence
            .map(|(back, interaction)| {
                let key = (interaction.item.min(candidate), interaction.item.max(candidate));
                let together = self.together.get(&key).copied().unwrap_or(0.0);
                let of_item = self.counts[interaction.item].max(1.0).sqrt();
                (-(back as f32) / recency).exp() * together / (of_item * of_candidate)
            })
            .sum()
    }

    /// The setting of a small grid that does best on the validation questions.
    #[must_use]
    pub fn tuned(
        train: &[Vec<Interaction>],
        items: usize,
        valid: &[Question],
        candidates: &[Vec<usize>],
    ) -> Self {
        let mut best = (f64::NEG_INFINITY, NeighbourSettings::START);
        for (window, is_liked_only) in [(10, false), (10, true), (30, false), (30, true), (usize::MAX, false)]
        {
            let start = NeighbourSettings { window, is_liked_only, ..NeighbourSettings::START };
            let mut neighbours = Self::new(train, items, start);
            for normalisation in [0.35, 0.5] {
                for recency in [3.0, 5.0, 10.0, 20.0] {
                    neighbours.settings = NeighbourSettings { normalisation, recency, ..start };
                    let scores = neighbours.score_all(valid, candidates);
                    let (hits, _) = metrics::means(&scores);
                    if hits > best.0 {
                        best = (hits, neighbours.settings);
                    }
                }
            }
        }
        Self::new(train, items, best.1)
    }

    #[must_use]
    pub fn score_all(&self, questions: &[Question], candidates: &[Vec<usize>]) -> Vec<Vec<f32>> {
        questions
            .iter()
            .zip(candidates)
            .map(|(question, list)| list.iter().map(|&item| self.score(&question.history, item)).collect())
            .collect()
    }

    #[must_use]
    pub fn settings(&self) -> NeighbourSettings {
        self.settings
    }
}

impl NeighbourSettings {
    fn counts(&self, interaction: &Interaction) -> bool {
        !self.is_liked_only || interaction.intensity >= LIKED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_by_hand() {
        let met = |item| Interaction { item, intensity: 1.0, time_ms: 0 };
        let train = vec![vec![met(0), met(1)], vec![met(0), met(1)], vec![met(0), met(2)]];
        let settings = NeighbourSettings { recency: 10.0, ..NeighbourSettings::START };
        let neighbours = ItemNeighbours::new(&train, 4, settings);
        // 0 was met 3 times, 1 twice, together twice: 2 / √6.
        assert!((neighbours.score(&[met(0)], 1) - 2.0 / 6.0_f32.sqrt()).abs() < 1e-6);
        assert_eq!(neighbours.score(&[met(0)], 3), 0.0);
        // Older evidence weighs less.
        let old_first = neighbours.score(&[met(0), met(3)], 1);
        assert!((old_first - (-0.1_f32).exp() * 2.0 / 6.0_f32.sqrt()).abs() < 1e-6);
        assert_eq!(popularity(&train, 4), [3.0, 2.0, 1.0, 0.0]);
    }
}
