//! `trainer train`: a data set becomes a run.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::{cli, config::RunConfig, datasets, pipeline, run::Run};

pub fn run(arguments: &cli::Train, is_json: bool, is_quiet: bool) -> Result<()> {
    let out = &arguments.out;
    ensure!(
        !out.join("run.json").exists(),
        "{} holds a finished run\nhint: choose another --out, or remove the folder",
        out.display()
    );
    // An unfinished run has its metrics; anything else in the folder is somebody's.
    let is_free = crate::output::is_free(out)? || out.join("metrics.jsonl").exists();
    ensure!(is_free, "{} holds something that is no run\nhint: choose another --out", out.display());
    let from = arguments.from.as_deref().map(Run::load).transpose()?;
    let recipe = arguments.recipe.or(from.as_ref().map(|run| run.config.recipe));
    let mut config = RunConfig::load(arguments.config.as_deref(), recipe, arguments.base.as_deref())?;
    if let Some(base) = &mut config.base {
        base.path = std::path::absolute(&base.path)?;
        base.lora.rank = arguments.lora_rank.unwrap_or(base.lora.rank);
    }
    if let Some(from) = &from {
        // The model is that of the earlier run, whatever a config says of new ones.
        let RunConfig { tokens, context, hidden_size, layers, heads, .. } = from.config;
        config = RunConfig {
            tokens,
            context,
            hidden_size,
            layers,
            heads,
            base: from.config.base.clone(),
            ..config
        };
    }
    config.seed = arguments.seed.unwrap_or(config.seed);
    if let Some(arm) = arguments.loss {
        arm.apply(&mut config.preference);
    }
    config.preference.lambda = arguments.lambda.unwrap_or(config.preference.lambda);
    config.preference.keep = arguments.keep.unwrap_or(config.preference.keep);
    config.validate()?;
    let dataset = datasets::load(&arguments.data)?;
    if !is_quiet {
        dataset.report.lines().iter().for_each(|line| eprintln!("{line}"));
    }
    let device = super::device(arguments.device)?;
    // Kept absolute, so that `eval` finds the data from any folder.
    let data = std::path::absolute(&arguments.data)?;
    if let Some(from) = &from {
        ensure!(
            from.config.recipe == config.recipe && from.catalog.items() == dataset.catalog.items(),
            "{} was trained with another recipe or catalogue\nhint: pass its own data and recipe, or leave out --from",
            arguments.from.as_deref().unwrap_or(out).display()
        );
    }
    let job = pipeline::Job {
        dataset: &dataset,
        data: &data,
        config: &config,
        device: &device,
        from: from.as_ref(),
        out,
        is_quiet,
    };
    let run = pipeline::train(&job)?;
    if is_json {
        crate::output::print_json(
            &json!({ "run": out, "stages": run.summary.stages, "seconds": run.summary.seconds }),
        )?;
    }
    Ok(())
}
