//! For whom does it work? Measures over parts of the questions: long and short histories, cold items, categories.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::{Estimate, Protocol, Report, Task, interval::estimates};

/// Part of the questions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// What the questions are told apart by.
    pub by: String,
    pub name: String,
    pub questions: usize,
    pub metrics: BTreeMap<String, Estimate>,
}

/// Least length of each bucket of histories.
const LENGTHS: [usize; 5] = [1, 5, 10, 20, 50];
/// What slices by the intensity that was asked for are told apart by.
pub const ASKED: &str = "stars asked for";
/// Most categories.
const CATEGORIES: usize = 8;

/// The parts of a task's questions, in the order in which they are shown; empty ones are left out.
#[must_use]
pub fn parts(task: &Task) -> Vec<(String, String, Vec<usize>)> {
    let mut parts = Vec::new();
    let mut add = |by: &str, name: String, is_in: &dyn Fn(usize) -> bool| {
        let members: Vec<usize> = (0..task.questions.len()).filter(|&q| is_in(q)).collect();
        if !members.is_empty() {
            parts.push((by.to_owned(), name, members));
        }
    };
    for (bucket, &least) in LENGTHS.iter().enumerate() {
        let most = LENGTHS.get(bucket + 1).map_or(usize::MAX, |next| next - 1);
        let name = if most == usize::MAX { format!("{least}+") } else { format!("{least}–{most}") };
        add("history length", name, &|q| (least..=most).contains(&task.questions[q].history.len()));
    }
    let is_warm = |q: usize| task.counts[task.questions[q].target] > 0.0;
    add("target", "met in training".to_owned(), &is_warm);
    add("target", "never met in training".to_owned(), &|q| !is_warm(q));

    let categories = |q: usize| &task.catalog.items()[task.questions[q].target].category;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for category in (0..task.questions.len()).flat_map(categories) {
        *counts.entry(category).or_default() += 1;
    }
    let mut largest: Vec<(&str, usize)> = counts.into_iter().collect();
    largest.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    for (category, _) in largest.into_iter().take(CATEGORIES) {
        add("category of the target", category.to_owned(), &|q| categories(q).iter().any(|c| c == category));
    }
    parts
}

/// Adds every measure over every part of the questions.
pub fn add(report: &mut Report, task: &Task) {
    for (by, name, members) in parts(task) {
        let columns: Vec<Vec<f64>> = report
            .per_question
            .values()
            .map(|values| members.iter().filter_map(|&q| values.get(q).copied()).collect())
            .collect();
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let metrics = report.per_question.keys().cloned().zip(estimates(&columns, task.seed)).collect();
        report.slices.push(Slice { by, name, questions: members.len(), metrics });
    }
}

/// Adds what the method reaches when it is asked for 1, 2, 3, 4 and 5 stars instead of what it asks for itself.
///
/// Targets were liked: a model that understands the question does best when asked for many stars.
///
/// # Errors
/// When the device fails.
pub fn add_asked(report: &mut Report, mut ask: impl FnMut(usize) -> Result<Report>) -> Result<()> {
    for stars in 1..=5 {
        let asked = ask(stars)?;
        let name = if stars == 1 { "1 star".to_owned() } else { format!("{stars} stars") };
        let slice = Slice { by: ASKED.to_owned(), name, questions: asked.questions, metrics: asked.metrics };
        report.slices.push(slice);
    }
    Ok(())
}

/// The measure that slices are shown by.
#[must_use]
pub fn headline(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Candidates20 => "hit_rate_at_1",
        Protocol::Full => "hit_rate_at_10",
    }
}

/// What the slices of the reports are told apart by, in order.
#[must_use]
pub fn names(reports: &[&Report]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for slice in reports.iter().flat_map(|report| &report.slices) {
        if !names.contains(&slice.by) {
            names.push(slice.by.clone());
        }
    }
    names
}

/// Name and number of questions of each slice of one kind.
#[must_use]
pub fn rows(reports: &[&Report], by: &str) -> Vec<(String, usize)> {
    let mut rows: Vec<(String, usize)> = Vec::new();
    for slice in reports.iter().flat_map(|report| &report.slices).filter(|slice| slice.by == by) {
        if !rows.iter().any(|(name, _)| *name == slice.name) {
            rows.push((slice.name.clone(), slice.questions));
        }
    }
    rows
}

/// One measure of a report over one slice.
#[must_use]
pub fn find(report: &Report, by: &str, name: &str, metric: &str) -> Option<Estimate> {
    let slice = report.slices.iter().find(|slice| slice.by == by && slice.name == name)?;
    slice.metrics.get(metric).copied()
}

pub(super) fn cell(report: &Report, by: &str, name: &str, metric: &str) -> String {
    find(report, by, name, metric)
        .map_or("–".to_owned(), |e| format!("{:.3} [{:.3}, {:.3}]", e.mean, e.low, e.high))
}

#[cfg(test)]
mod tests {
    use shared::{
        catalog::{Catalog, Item},
        interaction::Interaction,
    };

    use super::*;
    use crate::split::Question;

    #[test]
    fn every_question_falls_where_it_belongs() {
        let item = |id: &str, category: &[&str]| Item {
            id: id.into(),
            title: id.into(),
            category: category.iter().map(|&c| c.to_owned()).collect(),
            ..Item::default()
        };
        let items = vec![item("a", &["Drama"]), item("b", &["Drama", "War"]), item("c", &[])];
        let catalog = Catalog::new(items).unwrap();
        let met = Interaction { item: 0, intensity: 1.0, time_ms: 0 };
        let question = |visitor, length, target| Question { visitor, history: vec![met; length], target };
        let questions = [question(0, 4, 0), question(1, 5, 1), question(2, 50, 2)];
        let task = Task::new(&catalog, &[vec![met, Interaction { item: 1, ..met }]], &questions, &[], 1);
        let values = vec![1.0, 0.0, 0.5];
        let per_question = [("hit_rate_at_1".to_owned(), values)].into();
        let mut report = Report::new("m".to_owned(), Protocol::Candidates20, &task, per_question);
        add(&mut report, &task);
        let got: Vec<_> = report
            .slices
            .iter()
            .map(|s| (s.by.as_str(), s.name.as_str(), s.questions, s.metrics["hit_rate_at_1"].mean))
            .collect();
        assert_eq!(
            got,
            [
                ("history length", "1–4", 1, 1.0),
                ("history length", "5–9", 1, 0.0),
                ("history length", "50+", 1, 0.5),
                ("target", "met in training", 2, 0.5),
                ("target", "never met in training", 1, 0.5),
                ("category of the target", "Drama", 2, 0.5),
                ("category of the target", "War", 1, 0.0),
            ]
        );
        assert_eq!(find(&report, "target", "met in training", "hit_rate_at_1").map(|e| e.mean), Some(0.5));
    }
}
