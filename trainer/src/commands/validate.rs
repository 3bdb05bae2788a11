//! `trainer validate`: what a data set holds, what is wrong with it, and how to mend it.

use std::{fmt::Write, path::Path, process::ExitCode};

use anyhow::Result;
use serde_json::json;

use crate::{
    cli,
    datasets::{
        Dataset, Format, check_event_log, event_log,
        report::{Fault, Rejection},
        summary::Summary,
        times,
    },
    output,
    rules_file::{self, Effects},
};

/// Problems of one kind that are printed in full.
const SHOWN: usize = 10;

/// Prints the summary and every problem; the exit code is 1 if the data cannot be trusted.
pub fn run(arguments: &cli::Validate, is_json: bool, is_quiet: bool) -> Result<ExitCode> {
    let folder = &arguments.data;
    let now_ms = times::now_ms();
    let Findings { dataset, mut problems } = examine(folder, Format::of(folder)?, now_ms)?;
    let rules = arguments.rules.as_deref().map(rules_file::read).transpose()?;
    let effects =
        rules.as_ref().zip(dataset.as_ref()).map(|(rules, data)| Effects::of(rules, &data.catalog, now_ms));
    if let Some((effects, path)) = effects.as_ref().zip(arguments.rules.as_deref()) {
        problems.extend(effects.problems(path)?);
    }
    let is_valid = problems.iter().all(|problem| problem.is_tolerated);
    let summary = dataset.as_ref().map(Summary::of);
    if is_json {
        let report = dataset.map(|dataset| dataset.report);
        output::print_json(
            &json!({ "is_valid": is_valid, "summary": summary, "report": report, "problems": problems, "rules": effects }),
        )?;
    } else {
        let mut text = String::new();
        if let (Some(dataset), Some(summary), false) = (&dataset, &summary, is_quiet) {
            describe(&mut text, summary)?;
            for line in dataset.report.counts() {
                writeln!(text, "{line}")?;
            }
        }
        if let Some(effects) = &effects {
            effects.describe(&mut text)?;
        }
        list(&mut text, &problems)?;
        output::print(&text)?;
    }
    Ok(if is_valid { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

struct Findings {
    /// The data set, if it could be read at all.
    dataset: Option<Dataset>,
    problems: Vec<Rejection>,
}

fn examine(folder: &Path, format: &Format, now_ms: i64) -> Result<Findings> {
    // A log of which not one line can be used has more to tell than its first problem.
    let (problems, read) = match format.is_event_log() {
        true => {
            let log = check_event_log::read(folder, now_ms)?;
            (log.report.rejected.clone(), event_log::dataset(folder, log))
        }
        false => (Vec::new(), format.read(folder)),
    };
    let (mut problems, dataset) = match read {
        Ok(dataset) => (dataset.report.rejected.clone(), Ok(dataset)),
        Err(error) => (problems, Err(error)),
    };
    let is_trusted = problems.iter().all(|problem| problem.is_tolerated);
    let dataset = match dataset {
        Ok(dataset) => {
            if is_trusted {
                problems.extend(times::impossible(folder, &dataset, now_ms));
            }
            Some(dataset)
        }
        Err(error) => {
            // What the lines say is the better explanation.
            if is_trusted {
                let message = crate::message(&error);
                let (reason, hint) = message.split_once("\nhint: ").unwrap_or((&message, "mend the file"));
                let fault = Fault::new("files that cannot be read", reason, hint);
                problems.push(Rejection::new(folder, 1, fault));
            }
            None
        }
    };
    Ok(Findings { dataset, problems })
}

/// What a data set holds, in words.
pub fn describe(text: &mut String, summary: &Summary) -> Result<()> {
    let s = summary;
    writeln!(
        text,
        "{}: {} items, {} visitors, {} interactions from {} to {}",
        s.format, s.items, s.visitors, s.interactions, s.first_day, s.last_day
    )?;
    writeln!(text, "intensities:")?;
    for (level, count) in s.levels.iter().enumerate() {
        let share = *count as f64 / s.interactions.max(1) as f64;
        let bar = "#".repeat((share * 50.0).round() as usize);
        writeln!(text, "  {:+.2} {count:>9} {:>5.1} % {bar}", level as f64 / 4.0 - 1.0, share * 100.0)?;
    }
    writeln!(
        text,
        "liked: {:.1} % of interactions; {} visitors can be asked about",
        s.liked_share * 100.0,
        s.questions
    )?;
    writeln!(
        text,
        "histories: half have at most {} interactions, nine of ten at most {}; {:.1} % come at the same time as the one \
         before",
        s.median_length,
        s.p90_length,
        s.same_time_share * 100.0
    )?;
    writeln!(
        text,
        "items: {} with a title that an earlier one has, {} never met",
        s.duplicate_titles, s.items_never_met
    )?;
    Ok(())
}

/// Problems by kind, in the order in which the kinds first occur.
fn list(text: &mut String, problems: &[Rejection]) -> Result<()> {
    let mut kinds: Vec<&str> = Vec::new();
    for problem in problems {
        if !kinds.contains(&problem.kind) {
            kinds.push(problem.kind);
        }
    }
    for kind in kinds {
        let of_kind: Vec<&Rejection> = problems.iter().filter(|problem| problem.kind == kind).collect();
        let tolerated = if of_kind.iter().all(|problem| problem.is_tolerated) { ", tolerated" } else { "" };
        writeln!(text, "\n{kind}: {}{tolerated}", of_kind.len())?;
        for problem in of_kind.iter().take(SHOWN) {
            writeln!(text, "{}", problem.to_string().replace("\nhint: ", "\n  hint: "))?;
        }
        if of_kind.len() > SHOWN {
            writeln!(text, "and {} more", of_kind.len() - SHOWN)?;
        }
    }
    if problems.is_empty() {
        writeln!(text, "no problems")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::tests::folder;

    /// 2026-01-01.
    const NOW_MS: i64 = 1_767_225_600_000;

    #[test]
    fn the_first_ten_of_a_kind_are_listed_with_place_and_hint() {
        let rows: String = (0..12).map(|_| "1\tHeat\n").collect();
        let files = folder("list", &[("u.item", "1|Heat\n"), ("u.data", &rows)]);
        let problems = examine(files.path(), Format::of(files.path()).unwrap(), NOW_MS).unwrap().problems;
        assert_eq!(problems.len(), 1, "without films there is no catalogue");

        let event = r#"{"visitor":"v","item":"a","type":"sniff","ts":1700000000000}"#;
        let events = [event; 12].join("\n");
        let files =
            folder("list", &[("catalog.jsonl", r#"{"id":"a","title":"Coat"}"#), ("events.jsonl", &events)]);
        let findings = examine(files.path(), Format::of(files.path()).unwrap(), NOW_MS).unwrap();
        assert!(findings.dataset.is_none());
        let mut text = String::new();
        list(&mut text, &findings.problems).unwrap();
        assert!(text.starts_with("\nunknown event name: 12\n"), "{text}");
        assert!(text.contains("events.jsonl:10:type: ") && !text.contains("events.jsonl:11:"), "{text}");
        assert!(text.contains("\n  hint: ") && text.ends_with("\nand 2 more\n"), "{text}");
    }

    #[test]
    fn impossible_times_are_found_in_every_format() {
        let rows = "user_id:token\titem_id:token\ttimestamp:float\nu\t1\t880000\nu\t2\t880001\n";
        let files = folder("times", &[("shop.inter", rows)]);
        let problems = examine(files.path(), Format::of(files.path()).unwrap(), NOW_MS).unwrap().problems;
        assert_eq!(problems.len(), 1);
        let said = problems[0].to_string();
        assert!(said.contains("on 1970-01-11, before 1990, and 1 more interactions like it"), "{said}");
        assert!(!problems[0].is_tolerated);
    }
}
