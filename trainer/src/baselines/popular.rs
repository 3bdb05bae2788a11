//! What does everybody meet most? Scores that are the same whoever asks.

use anyhow::Result;
use shared::interaction::Interaction;

use crate::ranker::Ranker;

/// One score per item, whatever the history.
#[derive(Clone, Debug, PartialEq)]
pub struct SameForAll {
    pub name: &'static str,
    pub scores: Vec<f32>,
}

impl Ranker for SameForAll {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn score_catalog(&self, histories: &[&[Interaction]]) -> Result<Vec<Vec<f32>>> {
        Ok(vec![self.scores.clone(); histories.len()])
    }

    fn score_candidates(&self, questions: &[(&[Interaction], &[usize])]) -> Result<Vec<Vec<f32>>> {
        Ok(questions
            .iter()
            .map(|(_, candidates)| candidates.iter().map(|&item| self.scores[item]).collect())
            .collect())
    }
}

/// How often each item was met in training.
#[must_use]
pub fn counts(train: &[Vec<Interaction>], items: usize) -> Vec<f32> {
    let mut counts = vec![0.0; items];
    for interaction in train.iter().flatten() {
        counts[interaction.item] += 1.0;
    }
    counts
}

/// The most met first.
#[must_use]
pub fn new(train: &[Vec<Interaction>], items: usize) -> SameForAll {
    SameForAll { name: "popular", scores: counts(train, items) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_hand() {
        let met = |item| Interaction { item, intensity: 1.0, time_ms: 0 };
        let train = vec![vec![met(0), met(1)], vec![met(0), met(1)], vec![met(0), met(2)]];
        let popular = new(&train, 4);
        assert_eq!(popular.score_catalog(&[&[], &[met(3)]]).unwrap(), vec![vec![3.0, 2.0, 1.0, 0.0]; 2]);
        assert_eq!(popular.score_candidates(&[(&[], &[2, 0])]).unwrap(), [[1.0, 3.0]]);
    }
}
