//! What did one method reach? Figures with intervals, the values behind them, and how a terminal shows them.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::{
    Estimate, Protocol, Task,
    interval::{estimates, paired},
    slices::Slice,
};

/// One method under one protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub method: String,
    pub protocol: Protocol,
    pub questions: usize,
    /// Means over visitors by measure, for example `hit_rate_at_1`.
    pub metrics: BTreeMap<String, Estimate>,
    /// Measures of all lists together, which have no interval: `coverage_at_10`, `gini_at_10`.
    pub totals: BTreeMap<String, f64>,
    /// Parts of the questions.
    pub slices: Vec<Slice>,
    /// Whose question each value is of.
    pub visitors: Vec<usize>,
    /// The values behind `metrics`, question by question.
    pub per_question: BTreeMap<String, Vec<f64>>,
}

impl Report {
    pub(super) fn new(
        method: String,
        protocol: Protocol,
        task: &Task,
        per_question: BTreeMap<String, Vec<f64>>,
    ) -> Self {
        let mut report = Self {
            method,
            protocol,
            questions: task.questions.len(),
            metrics: BTreeMap::new(),
            totals: BTreeMap::new(),
            slices: Vec::new(),
            visitors: task.questions.iter().map(|question| question.visitor).collect(),
            per_question: BTreeMap::new(),
        };
        report.add(per_question, task.seed);
        report
    }

    /// Adds measures of the same questions.
    pub(super) fn add(&mut self, per_question: BTreeMap<String, Vec<f64>>, seed: u64) {
        let columns: Vec<&[f64]> = per_question.values().map(Vec::as_slice).collect();
        self.metrics.extend(per_question.keys().cloned().zip(estimates(&columns, seed)));
        self.per_question.extend(per_question);
    }

    /// The same method trained with several seeds: every question counts with its mean over them.
    ///
    /// # Errors
    /// When there is none, or they were asked different questions.
    pub fn mean_of(reports: &[Self], seed: u64) -> Result<Self> {
        let [first, others @ ..] = reports else { anyhow::bail!("there is no report to take the mean of") };
        for other in others {
            first.ensure_same_questions(other)?;
        }
        let count = reports.len() as f64;
        let mean = |values: &[&[f64]]| {
            let questions = values.iter().map(|values| values.len()).min().unwrap_or(0);
            (0..questions).map(|q| values.iter().map(|values| values[q]).sum::<f64>() / count).collect()
        };
        let per_question = first.per_question.keys().filter_map(|metric| {
            let of_seeds: Option<Vec<&[f64]>> =
                reports.iter().map(|report| report.per_question.get(metric).map(Vec::as_slice)).collect();
            Some((metric.clone(), mean(&of_seeds?)))
        });
        let totals = first.totals.keys().filter_map(|metric| {
            let sum: Option<f64> = reports.iter().map(|report| report.totals.get(metric)).sum();
            Some((metric.clone(), sum? / count))
        });
        let mut merged = Self {
            metrics: BTreeMap::new(),
            totals: totals.collect(),
            slices: Vec::new(),
            per_question: BTreeMap::new(),
            method: first.method.clone(),
            visitors: first.visitors.clone(),
            ..*first
        };
        merged.add(per_question.collect(), seed);
        Ok(merged)
    }

    fn ensure_same_questions(&self, other: &Self) -> Result<()> {
        ensure!(
            self.protocol == other.protocol && self.visitors == other.visitors,
            "{} and {} answered different questions\nhint: evaluate both on the same data, split and protocol",
            self.method,
            other.method
        );
        Ok(())
    }

    /// By how much this method is better than `other` in `metric`, over the same questions.
    ///
    /// # Errors
    /// When the two were not asked the same questions, or one lacks the measure.
    pub fn difference(&self, other: &Self, metric: &str, seed: u64) -> Result<Estimate> {
        self.ensure_same_questions(other)?;
        let (Some(own), Some(others)) = (self.per_question.get(metric), other.per_question.get(metric))
        else {
            anyhow::bail!("{} and {} do not both have {metric}", self.method, other.method);
        };
        Ok(paired(own, others, seed))
    }

    /// A figure and, where it has one, its interval.
    #[must_use]
    pub fn cell(&self, metric: &str) -> String {
        match (self.metrics.get(metric), self.totals.get(metric)) {
            (Some(e), _) if is_money(metric) => format!("{:.0} [{:.0}, {:.0}]", e.mean, e.low, e.high),
            (Some(e), _) => format!("{:.3} [{:.3}, {:.3}]", e.mean, e.low, e.high),
            (None, Some(total)) => format!("{total:.3}"),
            (None, None) => "–".to_owned(),
        }
    }
}

/// Figures of the whole-catalogue protocol are given at these lengths of the list.
pub const CUTOFFS: [usize; 4] = [1, 5, 10, 20];

/// What people call a measure.
#[must_use]
pub fn label(metric: &str) -> String {
    let (name, cutoff) = match metric.rsplit_once("_at_") {
        Some((name, cutoff)) => (name, format!("@{cutoff}")),
        None => (metric, String::new()),
    };
    let name = match name {
        "hit_rate" => "HR",
        "ndcg" => "NDCG",
        "mrr" => "MRR",
        "generative_hit_rate" => "generative HR",
        "valid_ratio" => "valid ratio",
        "popularity" => "popularity",
        "tail_share" => "tail share",
        "diversity" => "diversity",
        // In minor units, as prices are.
        "revenue" => "cents",
        "coverage" => "coverage",
        "gini" => "Gini",
        other => other,
    };
    format!("{name}{cutoff}")
}

fn is_money(metric: &str) -> bool {
    metric.starts_with("revenue")
}

/// The measures of a protocol's tables: how near the target was, then what the lists are like.
#[must_use]
pub fn columns(protocol: Protocol, reports: &[&Report]) -> Vec<Vec<String>> {
    let groups: &[&[&str]] = match protocol {
        Protocol::Candidates20 => {
            &[&["hit_rate_at_1", "ndcg_at_10", "mrr", "generative_hit_rate_at_1", "valid_ratio"]]
        }
        Protocol::Full => &[
            &["hit_rate_at_1", "hit_rate_at_5", "hit_rate_at_10", "hit_rate_at_20"],
            &["ndcg_at_5", "ndcg_at_10", "ndcg_at_20", "mrr_at_20"],
            &[
                "popularity_at_10",
                "tail_share_at_10",
                "diversity_at_10",
                "coverage_at_10",
                "gini_at_10",
                "rule_share_at_10",
            ],
            &["revenue_at_1", "revenue_at_5", "revenue_at_10", "revenue_at_20"],
        ],
    };
    let is_known = |metric: &&str| {
        reports.iter().any(|r| r.metrics.contains_key(*metric) || r.totals.contains_key(*metric))
    };
    let known = groups.iter().map(|group| group.iter().copied().filter(|m| is_known(m)));
    known.map(|group| group.map(str::to_owned).collect::<Vec<_>>()).filter(|g| !g.is_empty()).collect()
}

/// What a protocol asks, in one sentence.
#[must_use]
pub fn sentence(protocol: Protocol, is_met_kept: bool) -> String {
    match protocol {
        Protocol::Candidates20 => {
            "candidates20: the next liked item among 19 that the visitor never met".to_owned()
        }
        Protocol::Full if is_met_kept => "full: the next liked item among the whole catalogue".to_owned(),
        Protocol::Full => {
            "full: the next liked item among the whole catalogue without what the visitor met already"
                .to_owned()
        }
    }
}

/// The last report against each of the others in one measure, in words: the paired bootstrap over visitors.
#[must_use]
pub fn differences(metric: &str, reports: &[&Report]) -> Vec<String> {
    /// The intervals of the differences are drawn by this seed.
    const SEED: u64 = 42;
    let Some((model, others)) = reports.split_last() else {
        return Vec::new();
    };
    let words = |other: &&Report| {
        let e = model.difference(other, metric, SEED).ok()?;
        let verdict = match (e.low > 0.0, e.high < 0.0) {
            (true, _) => "is better than",
            (_, true) => "is worse than",
            _ => "is not clearly different from",
        };
        let by = format!("{:.3} [{:.3}, {:.3}]", e.mean, e.low, e.high);
        Some(format!("{} {verdict} {}: {} by {by}", model.method, other.method, label(metric)))
    };
    others.iter().filter_map(words).collect()
}

/// All tables of one protocol, as a terminal shows them.
#[must_use]
pub fn text(sentence: &str, protocol: Protocol, reports: &[&Report]) -> String {
    let questions = reports.first().map_or(0, |report| report.questions);
    let mut text = format!("{sentence}; {questions} questions, 95 % bootstrap intervals\n");
    for group in columns(protocol, reports) {
        let head = std::iter::once("method".to_owned()).chain(group.iter().map(|m| label(m))).collect();
        let rows = reports
            .iter()
            .map(|r| std::iter::once(r.method.clone()).chain(group.iter().map(|m| r.cell(m))).collect());
        text += &format!("\n{}", aligned(std::iter::once(head).chain(rows).collect()));
    }
    let metric = super::slices::headline(protocol);
    let verdicts = differences(metric, reports);
    if !verdicts.is_empty() {
        text += &format!("\n{}\n", verdicts.join("\n"));
    }
    let names = super::slices::names(reports);
    for by in names {
        let head = ["".to_owned(), "questions".to_owned()];
        let head = head.into_iter().chain(reports.iter().map(|r| r.method.clone())).collect();
        let rows = super::slices::rows(reports, &by).into_iter().map(|(name, questions)| {
            let cells = reports.iter().map(|r| super::slices::cell(r, &by, &name, metric));
            [name.clone(), questions.to_string()].into_iter().chain(cells).collect()
        });
        text +=
            &format!("\n{} by {by}\n{}", label(metric), aligned(std::iter::once(head).chain(rows).collect()));
    }
    text
}

/// Rows of cells as lines with columns of equal width.
#[must_use]
pub fn aligned(rows: Vec<Vec<String>>) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widest = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(widest).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(method: &str, visitors: &[usize], hits: &[f64]) -> Report {
        Report {
            method: method.to_owned(),
            protocol: Protocol::Candidates20,
            questions: hits.len(),
            metrics: BTreeMap::new(),
            totals: BTreeMap::new(),
            slices: Vec::new(),
            visitors: visitors.to_vec(),
            per_question: [("hit_rate_at_1".to_owned(), hits.to_vec())].into(),
        }
    }

    #[test]
    fn a_difference_needs_the_same_questions_and_is_put_in_words() {
        let (a, b) = (report("a", &[0, 1], &[0.0, 0.0]), report("b", &[0, 1], &[1.0, 1.0]));
        let other = report("c", &[0, 2], &[1.0, 1.0]);
        assert!(b.difference(&other, "hit_rate_at_1", 1).is_err());
        assert!(b.difference(&a, "mrr", 1).is_err());
        assert_eq!(b.difference(&a, "hit_rate_at_1", 1).unwrap().mean, 1.0);
        let words = |reports: &[&Report]| differences("hit_rate_at_1", reports).join("\n");
        assert_eq!(words(&[&a, &b]), "b is better than a: HR@1 by 1.000 [1.000, 1.000]");
        assert_eq!(words(&[&b, &a]), "a is worse than b: HR@1 by -1.000 [-1.000, -1.000]");
        assert!(words(&[&b, &b]).contains("b is not clearly different from b"));
    }

    #[test]
    fn labels_and_columns_line_up() {
        assert_eq!(label("hit_rate_at_10"), "HR@10");
        assert_eq!(label("mrr"), "MRR");
        let rows = vec![vec!["ä".to_owned(), "b".to_owned()], vec!["ccc".to_owned(), "d".to_owned()]];
        assert_eq!(aligned(rows), "ä    b\nccc  d\n");
    }
}
