//! `trainer compare`: losses × data sets × seeds beside other people's methods, resumable, in one report.

use anyhow::{Context, Result, ensure};

use crate::{
    cli,
    compare::{
        plan::{ArmChoice, Comparison},
        steps,
        tables::{self, Results},
    },
    evaluation::{Report, html},
    output::{self, Reporter},
    preference_config::Arm,
};

pub fn run(arguments: &cli::Compare, is_json: bool, is_quiet: bool) -> Result<()> {
    ensure!(arguments.seeds > 0, "--seeds is 0\nhint: one seed is the least");
    // The supervised stage is what all others begin with.
    let others = arguments.losses.iter().copied().filter(|arm| *arm != Arm::Sft);
    let mut arms: Vec<ArmChoice> =
        std::iter::once(Arm::Sft).chain(others).map(|arm| ArmChoice { arm, lambda: None }).collect();
    arms.extend(arguments.lambdas.iter().map(|&lambda| ArmChoice { arm: Arm::Recpo, lambda: Some(lambda) }));
    let mut data = Vec::new();
    for folder in &arguments.data {
        data.push(std::path::absolute(folder)?);
    }
    let comparison = Comparison {
        config: arguments.config.clone(),
        data,
        arms,
        baselines: once(arguments.baselines.iter().copied()),
        seeds: arguments.seeds,
        baseline_seeds: arguments.baseline_seeds,
        recipe: arguments.recipe,
        questions: arguments.questions,
        out: arguments.out.clone(),
    };
    let reporter = Reporter::new(None, is_quiet)?;
    keep_settings(&comparison)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let program = std::env::current_exe().context("cannot find the trainer's own file")?;
    let jobs = arguments.jobs.unwrap_or(cores);
    steps::run(&program, comparison.steps()?, jobs, &comparison.out, &reporter)?;

    let command = command(arguments);
    let mut all = Vec::new();
    for name in comparison.names()? {
        all.push(Results::read(&comparison, &name)?);
    }
    let text = tables::markdown(&comparison, &all, &command)?;
    let result = tables::json(&all, &command);
    output::write_file(&comparison.out.join("report.md"), text.as_bytes())?;
    output::write_file(
        &comparison.out.join("report.json"),
        serde_json::to_string_pretty(&result)?.as_bytes(),
    )?;
    for results in &all {
        let facts = html::Facts {
            title: format!("Losses on {}", results.data),
            about: vec![
                (
                    "seeds".to_owned(),
                    format!("{} per arm; questions count with their mean", comparison.seeds),
                ),
                ("command".to_owned(), command.clone()),
            ],
            notes: Vec::new(),
            is_met_kept: false,
        };
        let mut reports: Vec<Report> =
            results.methods.iter().flat_map(|method| method.reports.values().cloned()).collect();
        reports.sort_by_key(|report| report.protocol);
        let page = html::page(&facts, &reports);
        output::write_file(&comparison.out.join(format!("{}.html", results.data)), page.as_bytes())?;
    }
    reporter.say(&format!("report written to {}", comparison.out.join("report.md").display()));
    if is_json { output::print_json(&result) } else { output::print(&text) }
}

/// Each of the values once, in the order in which they were named.
fn once<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut list = Vec::new();
    for value in values {
        if !list.contains(&value) {
            list.push(value);
        }
    }
    list
}

/// Steps that are done were done with these settings; others belong in another folder.
fn keep_settings(comparison: &Comparison) -> Result<()> {
    for (name, source) in comparison.sources()? {
        let path = comparison.out.join(&name).join("settings.txt");
        let settings = comparison.settings_of(&name)?;
        match std::fs::read_to_string(&path) {
            Ok(earlier) => ensure!(
                earlier == settings,
                "{} was begun with other settings\nhint: choose another --out, or give the config, recipe and \
                 questions of {}",
                comparison.out.display(),
                path.display()
            ),
            Err(_) => output::write_file(&path, settings.as_bytes())?,
        }
        let path = comparison.out.join(name).join("source.txt");
        match std::fs::read_to_string(&path) {
            Ok(earlier) => ensure!(
                earlier == source,
                "the data of {} are not those that the comparison was begun with\nhint: choose another --out",
                path.display()
            ),
            Err(_) => output::write_file(&path, source.as_bytes())?,
        }
    }
    Ok(())
}

/// The command again, for the report; what was not given is left out.
fn command(arguments: &cli::Compare) -> String {
    let mut words = vec!["trainer compare".to_owned()];
    words.extend(arguments.config.iter().map(|path| path.display().to_string()));
    words.extend(arguments.data.iter().map(|path| format!("--data {}", path.display())));
    words.push(format!(
        "--losses {}",
        arguments.losses.iter().map(|a| a.name()).collect::<Vec<_>>().join(",")
    ));
    if !arguments.lambdas.is_empty() {
        let lambdas: Vec<String> = arguments.lambdas.iter().map(f32::to_string).collect();
        words.push(format!("--lambdas {}", lambdas.join(",")));
    }
    let baselines: Vec<String> = arguments.baselines.iter().map(|baseline| baseline.name()).collect();
    words.push(format!("--baselines {}", baselines.join(",")));
    words.extend(arguments.recipe.map(|recipe| format!("--recipe {}", recipe.name())));
    words.push(format!("--seeds {}", arguments.seeds));
    words.push(format!("--baseline-seeds {}", arguments.baseline_seeds));
    words.extend(arguments.questions.map(|questions| format!("--questions {questions}")));
    words.push(format!("--out {}", arguments.out.display()));
    words.join(" ")
}
