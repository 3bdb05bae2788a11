//! What did a method answer to each question? A line each, so that every figure can be computed again by somebody else.

use anyhow::Result;
use serde::Serialize;
use shared::interaction::Interaction;

use super::{Protocol, Task, full, place::Place};
use crate::ranker::Ranker;

#[derive(Serialize)]
struct Answer<'a> {
    method: &'a str,
    protocol: Protocol,
    visitor: &'a str,
    target: &'a str,
    /// Of `candidates20` all that were asked about, the target first; of `full` the first of the list.
    items: Vec<&'a str>,
    scores: Vec<f32>,
    target_score: f32,
    /// How many others score higher than the target, and how many the same.
    better: usize,
    tied: usize,
}

/// The answers as JSON lines.
///
/// `visitors` are their names in the data, in the order of the histories.
///
/// # Errors
/// When the device fails.
pub fn lines(task: &Task, ranker: &dyn Ranker, protocol: Protocol, visitors: &[String]) -> Result<String> {
    /// Questions whose whole catalogue is held at once.
    const AT_ONCE: usize = 64;
    let (items, method) = (task.catalog.items(), ranker.name());
    let mut text = String::new();
    for (questions, lists) in task.questions.chunks(AT_ONCE).zip(task.candidates.chunks(AT_ONCE)) {
        let histories: Vec<&[Interaction]> =
            questions.iter().map(|question| question.history.as_slice()).collect();
        let rows = match protocol {
            Protocol::Candidates20 => {
                let pairs: Vec<_> = histories.iter().copied().zip(lists.iter().map(Vec::as_slice)).collect();
                ranker.score_candidates(&pairs)?
            }
            Protocol::Full => ranker.score_catalog(&histories)?,
        };
        for ((question, list), mut row) in questions.iter().zip(lists).zip(rows) {
            let (target_score, place, listed) = match protocol {
                Protocol::Candidates20 => (row[0], Place::of(row[0], row[1..].iter().copied()), list.clone()),
                Protocol::Full => {
                    let target_score = row[question.target];
                    let (place, listed) =
                        full::answer(&mut row, &question.history, question.target, task.is_met_kept);
                    (target_score, place, listed)
                }
            };
            let place = place.unwrap_or(Place { better: items.len(), tied: 0 });
            let scores = match protocol {
                Protocol::Candidates20 => row,
                Protocol::Full => listed.iter().map(|&item| row[item]).collect(),
            };
            let answer = Answer {
                method: &method,
                protocol,
                visitor: visitors.get(question.visitor).map_or("", String::as_str),
                target: &items[question.target].id,
                items: listed.into_iter().map(|item| items[item].id.as_str()).collect(),
                scores,
                target_score,
                better: place.better,
                tied: place.tied,
            };
            text += &serde_json::to_string(&answer)?;
            text.push('\n');
        }
    }
    Ok(text)
}
