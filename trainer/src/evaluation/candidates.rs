//! `candidates20`: is the liked item first among 20? By log-probability, and by the words a model writes.

use std::collections::BTreeMap;

use anyhow::Result;

use super::{Protocol, Report, Task, place::Place};
use crate::ranker::Ranker;

/// HR@1, NDCG@10 and MRR of the target, the first candidate of each question, among all of them.
///
/// # Errors
/// When the device fails.
pub fn report(task: &Task, ranker: &dyn Ranker) -> Result<Report> {
    let pairs: Vec<_> = task
        .questions
        .iter()
        .zip(task.candidates)
        .map(|(question, list)| (question.history.as_slice(), list.as_slice()))
        .collect();
    let scores = ranker.score_candidates(&pairs)?;
    let mut columns = [const { Vec::new() }; 3];
    for scores in &scores {
        for (column, value) in columns.iter_mut().zip(question(scores)) {
            column.push(value);
        }
    }
    let names = ["hit_rate_at_1", "ndcg_at_10", "mrr"].map(str::to_owned);
    let per_question = names.into_iter().zip(columns).collect();
    Ok(Report::new(ranker.name(), Protocol::Candidates20, task, per_question))
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
    let place = scores.split_first().and_then(|(&target, others)| Place::of(target, others.iter().copied()));
    place.map_or([0.0; 3], |place| [place.hit_rate(1), place.ndcg(10), place.reciprocal_rank(scores.len())])
}

/// Adds the paper's generative form: what a model wrote freely after each prompt.
///
/// A text is valid when exactly one candidate's title is part of it, and hits when that is the target; an
/// invalid text counts as a miss. A title within another candidate's title makes the longer one invalid, as
/// in the authors' code.
///
/// # Source
/// RecPO's `evaluate_batch.py`: HR@1 = hits / N, ValidRatio = valid / N. Our prompt does not list the
/// candidates, so that a model may well write a title outside them.
pub fn add_generative(report: &mut Report, task: &Task, texts: &[String], titles: &[String]) {
    let (mut hits, mut valid) = (Vec::new(), Vec::new());
    for (text, list) in texts.iter().zip(task.candidates) {
        let (is_valid, is_hit) = judge(text, list, titles);
        valid.push(f64::from(u8::from(is_valid)));
        hits.push(f64::from(u8::from(is_hit)));
    }
    let per_question = [("generative_hit_rate_at_1", hits), ("valid_ratio", valid)];
    let per_question: BTreeMap<_, _> = per_question.map(|(name, values)| (name.to_owned(), values)).into();
    report.add(per_question, task.seed);
}

/// Is the text valid, and does it hit the first candidate?
fn judge(text: &str, candidates: &[usize], titles: &[String]) -> (bool, bool) {
    let mut matched = candidates.iter().filter(|&&item| text.contains(&titles[item]));
    match (matched.next(), matched.next()) {
        (Some(item), None) => (true, candidates.first() == Some(item)),
        _ => (false, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_of_a_question_by_hand() {
        assert_eq!(question(&[3.0, 1.0, 2.0]), [1.0, 1.0, 1.0]);
        let [hit, ndcg, reciprocal] = question(&[1.0, 3.0, 0.0]);
        assert_eq!(hit, 0.0);
        assert!((ndcg - 1.0 / 3.0_f64.log2()).abs() < 1e-12);
        assert_eq!(reciprocal, 0.5);
        assert_eq!(question(&[1.0, 1.0])[0], 0.5);
        assert_eq!(question(&[f32::NAN, 1.0]), [0.0; 3]);
        assert_eq!(question(&[]), [0.0; 3]);
        // One first, one second: HR@1 1/2, NDCG (1 + 1/log2(3)) / 2.
        let (hits, gains) = means(&[vec![1.0, 0.0], vec![0.0, 1.0]]);
        assert_eq!(hits, 0.5);
        assert!((gains - 0.815_464_876_785_728_7).abs() < 1e-12);
    }

    #[test]
    fn a_written_answer_needs_exactly_one_title() {
        let titles = ["Heat (1995)", "Alien (1979)", "Aliens", "Alien"].map(str::to_owned);
        assert_eq!(judge("I say Heat (1995).", &[0, 1], &titles), (true, true));
        assert_eq!(judge("Alien (1979)", &[0, 1], &titles), (true, false));
        assert_eq!(judge("heat (1995)", &[0, 1], &titles), (false, false));
        assert_eq!(judge("Heat (1995) or Alien (1979)", &[0, 1], &titles), (false, false));
        // "Alien" lies within "Aliens": the longer title can never be valid.
        assert_eq!(judge("Aliens", &[2, 3], &titles), (false, false));
    }
}
