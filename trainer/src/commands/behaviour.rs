//! `trainer eval RUN --behaviour`: the eight tests of what preferences promise, for one run or several side by
//! side, each against the first.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::{
    behaviour::{self, BehaviourConfig, BehaviourReport, LambdaModel},
    cli, datasets, output,
    preference_config::Arm,
    ranker::{ModelRanker, Ranker},
    run::Run,
    split,
};

/// Visitors who are looked at without `--questions`: enough for intervals of two points, minutes for ten runs.
const MOMENTS: usize = 2000;

pub fn run(arguments: &cli::Eval, is_json: bool) -> Result<()> {
    let first = Run::load(&arguments.run)?;
    let mut notes = Vec::new();
    let dataset = datasets::load(arguments.data.as_ref().unwrap_or(&first.summary.data))?;
    let dataset = super::eval::on_catalogue_of(&first, dataset, &mut notes)?;
    let device = arguments.device.open()?;
    let mut runs = vec![first];
    for folder in &arguments.beside {
        runs.push(Run::load(folder)?);
    }
    let folders = || std::iter::once(&arguments.run).chain(&arguments.beside);
    for (run, folder) in runs.iter().zip(folders()) {
        ensure!(
            dataset.is_of(&run.catalog),
            "{} has another catalogue than the first run\nhint: all runs must be trained on one data set",
            folder.display()
        );
    }
    // Nothing from the validation target on was trained on.
    let questions = split::of(&dataset).valid;
    let questions = split::sample(&questions, arguments.questions.unwrap_or(MOMENTS));
    let config = BehaviourConfig { utility: runs[0].config.preference.utility, ..BehaviourConfig::default() };
    let arms: Vec<String> = runs.iter().map(Run::arm).collect();
    let mut models = Vec::new();
    for ((run, arm), folder) in runs.iter().zip(&arms).zip(folders()) {
        let is_alone = arms.iter().filter(|other| *other == arm).count() == 1;
        let name = if is_alone { arm.clone() } else { format!("{arm} of {}", folder.display()) };
        models.push(ModelRanker::new(name, run.scorer(&device)?));
    }
    let mut reports: Vec<(String, BehaviourReport)> = Vec::new();
    for model in &models {
        let report = behaviour::run(model, &dataset.histories, &questions, &dataset.catalog, &config)?;
        reports.push((model.name(), report));
    }
    let along_lambda = along_lambda(&runs, &models);
    let trade_off = match along_lambda.len() {
        0 | 1 => None,
        _ => Some(behaviour::lambda_trade_off(
            &along_lambda,
            &dataset.histories,
            &questions,
            &dataset.catalog,
            &config,
        )?),
    };
    let differences: Vec<_> = reports
        .iter()
        .skip(1)
        .map(|(name, report)| json!({ "of": name, "to": reports[0].0, "numbers": behaviour::compare(report, &reports[0].1, config.seed) }))
        .collect();
    if is_json {
        let (names, reports): (Vec<_>, Vec<_>) = reports.into_iter().unzip();
        return output::print_json(&json!({
            "data": dataset.format, "runs": folders().collect::<Vec<_>>(), "names": names, "reports": reports,
            "differences": differences, "lambda": trade_off, "notes": notes,
        }));
    }
    let mut text = behaviour::table(&reports);
    if let Some(trade_off) = trade_off {
        text += &format!("\nB7 along λ: {}\n", trade_off.statement);
        for point in &trade_off.points {
            text += &format!(
                "  λ = {:<6} HR@1 {:.3} [{:.3}, {:.3}]\n",
                point.lambda, point.hit_rate_at_1.mean, point.hit_rate_at_1.low, point.hit_rate_at_1.high
            );
        }
    }
    for note in notes {
        text += &format!("\n{note}\n");
    }
    output::print(&text)
}

/// RecPO by λ, of which S-DPO is the case λ = 0.
fn along_lambda<'a>(runs: &[Run], models: &'a [ModelRanker]) -> Vec<LambdaModel<'a>> {
    let mut list: Vec<LambdaModel> = runs
        .iter()
        .zip(models)
        .filter_map(|(run, ranker)| {
            let preference = &run.config.preference;
            let lambda = match Arm::of(preference) {
                Some(Arm::Sdpo) => 0.0,
                Some(Arm::Recpo) => f64::from(preference.lambda),
                _ => return None,
            };
            run.has_preference_stage().then_some(LambdaModel { lambda, ranker, valid_ratio: None })
        })
        .collect();
    list.sort_by(|a, b| a.lambda.total_cmp(&b.lambda));
    list.dedup_by(|a, b| a.lambda == b.lambda);
    list
}
