//! What came out? The results of all steps as tables of Markdown, per data set and over all of them.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use super::plan::Comparison;
use crate::{
    baselines::BaselineName,
    evaluation::{Estimate, Protocol, Report},
};

/// Seed of every interval.
const SEED: u64 = 42;

/// The results of one data set.
pub struct Results {
    pub data: String,
    /// By method in the order of tables: the reports of both protocols, each the mean over seeds.
    pub methods: Vec<Method>,
    /// HR@1 along λ of the first seed, in words; empty with fewer than two λ.
    along_lambda: String,
    behaviour: Vec<BehaviourRow>,
}

pub struct Method {
    pub name: String,
    pub seeds: usize,
    /// By protocol.
    pub reports: BTreeMap<Protocol, Report>,
    /// HR@1 of each seed over the candidates.
    by_seed: Vec<f64>,
    /// HR@1 over the candidates of parts of the questions, mean over seeds: (by, name) → (value, questions).
    slices: BTreeMap<(String, String), (f64, usize)>,
}

#[derive(Deserialize)]
struct Evaluation {
    reports: Vec<Report>,
}

impl Results {
    /// Reads what the steps of a data set left.
    ///
    /// # Errors
    /// When a file is missing or damaged.
    pub fn read(comparison: &Comparison, data: &str) -> Result<Self> {
        let mut methods = Vec::new();
        for baseline in &comparison.baselines {
            let is_cheap = BaselineName::CHEAP.contains(baseline);
            let seeds = if is_cheap { 1 } else { comparison.baseline_seeds.min(comparison.seeds) };
            methods.push(Method::read(comparison, data, &baseline.name(), seeds)?);
        }
        for choice in &comparison.arms {
            methods.push(Method::read(comparison, data, &choice.name(), comparison.seeds)?);
        }
        let behaviour = behaviour(comparison, data)?;
        let first: Value = read(&comparison.behaviour_file(&comparison.folder(data, 1)))?;
        let along_lambda = first["lambda"]["statement"].as_str().unwrap_or_default().to_owned();
        Ok(Self { data: data.to_owned(), methods, along_lambda, behaviour })
    }

    fn method(&self, name: &str) -> Option<&Method> {
        self.methods.iter().find(|method| method.name == name)
    }

    /// HR@1 over the candidates of `a` less that of `b`, question by question.
    #[must_use]
    pub fn difference(&self, a: &str, b: &str) -> Option<Estimate> {
        let report = |name: &str| self.method(name)?.reports.get(&Protocol::Candidates20);
        report(a)?.difference(report(b)?, "hit_rate_at_1", SEED).ok()
    }
}

impl Method {
    fn read(comparison: &Comparison, data: &str, name: &str, seeds: u64) -> Result<Self> {
        let mut by_protocol: BTreeMap<Protocol, Vec<Report>> = BTreeMap::new();
        for seed in 1..=seeds {
            let path = comparison.folder(data, seed).join(format!("{name}.json"));
            let evaluation: Evaluation = read(&path)?;
            for report in evaluation.reports {
                by_protocol.entry(report.protocol).or_default().push(report);
            }
        }
        let candidates = by_protocol.get(&Protocol::Candidates20).map_or(&[][..], Vec::as_slice);
        let by_seed = candidates.iter().filter_map(|report| Some(report.metrics.get("hit_rate_at_1")?.mean));
        let by_seed = by_seed.collect();
        let mut slices: BTreeMap<(String, String), (f64, usize)> = BTreeMap::new();
        for slice in candidates.iter().flat_map(|report| &report.slices) {
            if let Some(estimate) = slice.metrics.get("hit_rate_at_1") {
                let entry =
                    slices.entry((slice.by.clone(), slice.name.clone())).or_insert((0.0, slice.questions));
                entry.0 += estimate.mean / candidates.len() as f64;
            }
        }
        let mut reports = BTreeMap::new();
        for (protocol, of_seeds) in &by_protocol {
            let mut mean = Report::mean_of(of_seeds, SEED)?;
            name.clone_into(&mut mean.method);
            reports.insert(*protocol, mean);
        }
        Ok(Self { name: name.to_owned(), seeds: seeds as usize, reports, by_seed, slices })
    }

    fn cell(&self, protocol: Protocol, metric: &str) -> String {
        self.reports.get(&protocol).map_or_else(|| "–".to_owned(), |report| report.cell(metric))
    }

    fn slice(&self, by: &str, name: &str) -> String {
        let slice = self.slices.get(&(by.to_owned(), name.to_owned()));
        slice.map_or_else(|| "–".to_owned(), |(value, _)| format!("{value:.3}"))
    }
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} is damaged\nhint: remove it and give the command again", path.display()))
}

/// A number of the behaviour suite.
struct BehaviourRow {
    label: String,
    /// How many visitors it rests on, the fewest of all arms and seeds.
    visitors: Option<u64>,
    /// The mean over seeds of each arm.
    cells: Vec<Option<f64>>,
}

/// Numbers of the behaviour suite by label, one column per arm.
fn behaviour(comparison: &Comparison, data: &str) -> Result<Vec<BehaviourRow>> {
    let mut rows: Vec<BehaviourRow> = Vec::new();
    for seed in 1..=comparison.seeds {
        let found: Value = read(&comparison.behaviour_file(&comparison.folder(data, seed)))?;
        let reports = found["reports"].as_array().map_or(&[][..], Vec::as_slice);
        for (arm, report) in reports.iter().enumerate() {
            for number in report["numbers"].as_array().map_or(&[][..], Vec::as_slice) {
                let label = format!(
                    "{}: {}",
                    number["test"].as_str().unwrap_or_default(),
                    number["name"].as_str().unwrap_or_default()
                );
                let value = number["estimate"]["mean"].as_f64();
                let place = rows.iter().position(|row| row.label == label).unwrap_or_else(|| {
                    let cells = vec![Some(0.0); comparison.arms.len()];
                    rows.push(BehaviourRow { label: label.clone(), visitors: None, cells });
                    rows.len() - 1
                });
                let visitors = number["visitors"].as_u64();
                rows[place].visitors = [rows[place].visitors, visitors].into_iter().flatten().min();
                if let Some(sum) = rows[place].cells.get_mut(arm) {
                    *sum = Some((*sum).unwrap_or(0.0) + value.unwrap_or(f64::NAN) / comparison.seeds as f64);
                }
            }
        }
    }
    for cell in rows.iter_mut().flat_map(|row| &mut row.cells) {
        *cell = cell.filter(|value| value.is_finite());
    }
    Ok(rows)
}

/// The report as Markdown.
///
/// # Errors
/// Never for a text in memory; the signature is that of `write!`.
pub fn markdown(comparison: &Comparison, all: &[Results], command: &str) -> Result<String> {
    let mut text = format!(
        "# Comparison of losses\n\n`{command}`\n\n\
         {} seeds per arm; a value is the mean over seeds of each question, its interval a 95 % bootstrap over \
         visitors; ± is the standard deviation of HR@1 over seeds.\n",
        comparison.seeds
    );
    for results in all {
        table_of_methods(&mut text, results)?;
        table_of_differences(&mut text, comparison, results)?;
        table_of_asked(&mut text, comparison, results)?;
        table_of_behaviour(&mut text, comparison, results)?;
    }
    if all.len() > 1 {
        overview(&mut text, comparison, all)?;
    }
    Ok(text)
}

fn table_of_methods(text: &mut String, results: &Results) -> Result<()> {
    writeln!(text, "\n## {}\n", results.data)?;
    let questions =
        results.methods.first().and_then(|m| m.reports.values().next()).map_or(0, |r| r.questions);
    writeln!(
        text,
        "{questions} questions. Warm and cold are HR@1 of items met and never met in training.\n"
    )?;
    text.push_str(
        "| method | seeds | HR@1 of 20 | ± | NDCG@10 of 20 | HR@10 full | NDCG@10 full | warm | cold |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for method in &results.methods {
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            method.name,
            method.seeds,
            method.cell(Protocol::Candidates20, "hit_rate_at_1"),
            deviation(&method.by_seed),
            method.cell(Protocol::Candidates20, "ndcg_at_10"),
            method.cell(Protocol::Full, "hit_rate_at_10"),
            method.cell(Protocol::Full, "ndcg_at_10"),
            method.slice("target", "met in training"),
            method.slice("target", "never met in training"),
        )?;
    }
    Ok(())
}

/// Sample standard deviation.
fn deviation(values: &[f64]) -> String {
    if values.len() < 2 {
        return "–".to_owned();
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    format!("{:.3}", (squares / (values.len() - 1) as f64).sqrt())
}

fn signed(estimate: Option<Estimate>) -> String {
    estimate.map_or_else(
        || "–".to_owned(),
        |e| {
            let is_clear = e.low > 0.0 || e.high < 0.0;
            let cell = format!("{:+.3} [{:+.3}, {:+.3}]", e.mean, e.low, e.high);
            if is_clear { format!("**{cell}**") } else { cell }
        },
    )
}

/// What each arm is compared with, pair by pair.
const REFERENCES: [&str; 3] = ["sft", "sdpo", "sdpo-const"];

fn table_of_differences(text: &mut String, comparison: &Comparison, results: &Results) -> Result<()> {
    let references: Vec<&str> =
        REFERENCES.into_iter().filter(|name| results.method(name).is_some()).collect();
    if references.is_empty() || comparison.arms.len() < 2 {
        return Ok(());
    }
    text.push_str(
        "\nHR@1 of 20 against other arms, paired bootstrap; bold where the interval leaves out 0:\n\n| arm |",
    );
    references.iter().try_for_each(|name| write!(text, " − {name} |"))?;
    write!(text, "\n|---|{}\n", "---|".repeat(references.len()))?;
    for choice in &comparison.arms {
        let name = choice.name();
        write!(text, "| {name} |")?;
        for reference in &references {
            let difference = (name != *reference).then(|| results.difference(&name, reference)).flatten();
            write!(text, " {} |", signed(difference))?;
        }
        text.push('\n');
    }
    Ok(())
}

fn table_of_asked(text: &mut String, comparison: &Comparison, results: &Results) -> Result<()> {
    let stars = ["1 star", "2 stars", "3 stars", "4 stars", "5 stars"];
    let by = crate::evaluation::slices::ASKED;
    let rows: Vec<(String, Vec<String>)> = comparison
        .arms
        .iter()
        .filter_map(|choice| {
            let method = results.method(&choice.name())?;
            let cells: Vec<String> = stars.iter().map(|stars| method.slice(by, stars)).collect();
            cells.iter().any(|cell| cell != "–").then_some((choice.name(), cells))
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    text.push_str(
        "\nHR@1 of 20 by the stars that are asked for (targets were liked, so asking for 1 should do worse):\n\n\
         | arm | 1 | 2 | 3 | 4 | 5 |\n|---|---|---|---|---|---|\n",
    );
    for (name, cells) in rows {
        writeln!(text, "| {name} | {} |", cells.join(" | "))?;
    }
    Ok(())
}

fn table_of_behaviour(text: &mut String, comparison: &Comparison, results: &Results) -> Result<()> {
    if results.behaviour.is_empty() {
        return Ok(());
    }
    text.push_str("\nBehaviour suite, mean over seeds (– where the data cannot tell), and the visitors that it rests on:\n\n| number | visitors |");
    comparison.arms.iter().try_for_each(|choice| write!(text, " {} |", choice.name()))?;
    write!(text, "\n|---|---|{}\n", "---|".repeat(comparison.arms.len()))?;
    for BehaviourRow { label, visitors, cells } in &results.behaviour {
        let visitors = visitors.map_or_else(|| "–".to_owned(), |count| count.to_string());
        write!(text, "| {label} | {visitors} |")?;
        for cell in cells {
            match cell {
                Some(value) => write!(text, " {value:.3} |")?,
                None => text.push_str(" – |"),
            }
        }
        text.push('\n');
    }
    if !results.along_lambda.is_empty() {
        writeln!(text, "\nB7 along λ, seed 1: {}", results.along_lambda)?;
    }
    Ok(())
}

/// The ordering that the paper reports (HR@1 of an 8 B model): its difference, and on how many of five data sets.
const PAPER: [(&str, &str, &str); 3] = [
    ("recpo-no-time", "sdpo", "higher on 5 of 5"),
    ("recpo", "recpo-no-time", "higher on 4 of 5"),
    ("recpo", "sdpo", "higher on 5 of 5, by 15 to 30 %"),
];

fn overview(text: &mut String, comparison: &Comparison, all: &[Results]) -> Result<()> {
    text.push_str("\n## Over all data sets\n\n| HR@1 of 20 |");
    all.iter().try_for_each(|results| write!(text, " {} |", results.data))?;
    write!(text, " paper |\n|---|{}---|\n", "---|".repeat(all.len()))?;
    for (a, b, paper) in PAPER {
        if all.iter().all(|results| results.difference(a, b).is_none()) {
            continue;
        }
        write!(text, "| {a} − {b} |")?;
        all.iter().try_for_each(|results| write!(text, " {} |", signed(results.difference(a, b))))?;
        writeln!(text, " {paper} |")?;
    }
    let Some(first) = comparison.arms.first().map(super::plan::ArmChoice::name) else { return Ok(()) };
    for baseline in &comparison.baselines {
        let name = baseline.name();
        write!(text, "| {first} − {name} |")?;
        all.iter()
            .try_for_each(|results| write!(text, " {} |", signed(results.difference(&first, &name))))?;
        text.push_str(" |\n");
    }
    Ok(())
}

/// The report for machines: every estimate, and the paired differences.
#[must_use]
pub fn json(all: &[Results], command: &str) -> Value {
    let of_method = |method: &Method| {
        let metrics: BTreeMap<&str, Value> = method
            .reports
            .iter()
            .map(|(protocol, r)| (protocol.name(), json!({ "metrics": r.metrics, "totals": r.totals })))
            .collect();
        let slices: Vec<Value> = method
            .slices
            .iter()
            .map(|((by, name), (value, questions))| {
                json!({ "by": by, "name": name, "hit_rate_at_1": value, "questions": questions })
            })
            .collect();
        json!({
            "name": method.name, "seeds": method.seeds, "hit_rate_at_1_by_seed": method.by_seed,
            "protocols": metrics, "slices": slices,
        })
    };
    let of_data = |results: &Results| {
        let behaviour: BTreeMap<&str, Value> = results
            .behaviour
            .iter()
            .map(|row| (row.label.as_str(), json!({ "visitors": row.visitors, "means": row.cells })))
            .collect();
        json!({
            "data": results.data,
            "methods": results.methods.iter().map(of_method).collect::<Vec<_>>(),
            "behaviour": behaviour,
            "along_lambda": results.along_lambda,
        })
    };
    json!({ "command": command, "data_sets": all.iter().map(of_data).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviation_by_hand() {
        // Mean 2, squares 1 + 0 + 1 over two degrees of freedom.
        assert_eq!(deviation(&[1.0, 2.0, 3.0]), "1.000");
        assert_eq!(deviation(&[1.0]), "–");
    }

    #[test]
    fn clear_differences_are_bold() {
        let estimate = |low, high| Some(Estimate { mean: 0.02, low, high });
        assert_eq!(signed(estimate(0.01, 0.03)), "**+0.020 [+0.010, +0.030]**");
        assert_eq!(signed(estimate(-0.01, 0.03)), "+0.020 [-0.010, +0.030]");
        assert_eq!(signed(None), "–");
    }
}
