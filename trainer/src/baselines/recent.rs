//! What does everybody meet now? Popularity in which an interaction counts less the longer ago it was.

use anyhow::Result;
use shared::interaction::Interaction;

use super::{Exam, popular::SameForAll};

/// Half-lives that are tried, as shares of the time that training spans: data sets span hours or years.
const HALF_LIVES: [f64; 5] = [1.0, 0.3, 0.1, 0.03, 0.01];

/// Popularity with the half-life that does best on the validation questions.
///
/// # Errors
/// None of its own; a ranker may fail.
pub fn tuned(train: &[Vec<Interaction>], items: usize, exam: &Exam) -> Result<SameForAll> {
    let times = || train.iter().flatten().map(|interaction| interaction.time_ms);
    let span_ms = times().max().unwrap_or(0).saturating_sub(times().min().unwrap_or(0)) as f64;
    let [longest, shorter @ ..] =
        HALF_LIVES.map(|share| move || new(train, items, (span_ms * share).max(1.0)));
    exam.best(longest(), shorter.iter().map(|make| make()))
}

/// Σ 2^(−age / half-life) over the interactions of each item, age counted back from the last in training.
#[must_use]
pub fn new(train: &[Vec<Interaction>], items: usize, half_life_ms: f64) -> SameForAll {
    let last_ms = train.iter().flatten().map(|interaction| interaction.time_ms).max().unwrap_or(0);
    let mut scores = vec![0.0_f64; items];
    for interaction in train.iter().flatten() {
        let age_ms = last_ms.saturating_sub(interaction.time_ms) as f64;
        scores[interaction.item] += (-age_ms / half_life_ms).exp2();
    }
    SameForAll { name: "recent", scores: scores.into_iter().map(|score| score as f32).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::Question;

    fn met(item: usize, time_ms: i64) -> Interaction {
        Interaction { item, intensity: 1.0, time_ms }
    }

    #[test]
    fn age_halves_by_hand() {
        let train = vec![vec![met(0, 0), met(1, 100)], vec![met(0, 50), met(2, 200)]];
        // Ages 200, 100, 150 and 0 at a half-life of 100: 1/4 + 2^-1.5, 1/2, 1.
        let scores = new(&train, 4, 100.0).scores;
        for (got, expected) in scores.iter().zip([0.25 + 0.353_553_4, 0.5, 1.0, 0.0]) {
            assert!((got - expected).abs() < 1e-6, "{got} expected {expected}");
        }
    }

    #[test]
    fn tuning_finds_that_fashion_changed() {
        // Item 0 was met often, long ago; item 1 once, just now; the question wants item 1.
        let train = vec![(0..10).map(|time| met(0, time)).collect(), vec![met(1, 1000)]];
        let questions = [Question { visitor: 0, history: vec![], target: 1 }];
        let exam = Exam {
            questions: &questions,
            candidates: &[vec![1, 0]],
            protocol: crate::evaluation::Protocol::Candidates20,
        };
        let recent = tuned(&train, 2, &exam).unwrap();
        assert!(recent.scores[1] > recent.scores[0]);
    }
}
