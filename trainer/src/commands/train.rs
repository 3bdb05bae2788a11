//! `trainer train`: a data set becomes a run.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::{cli, config::RunConfig, datasets, pipeline};

pub fn run(arguments: &cli::Train, is_json: bool, is_quiet: bool) -> Result<()> {
    ensure!(
        !arguments.out.join("run.json").exists(),
        "{} holds a finished run\nhint: choose another --out, or remove the folder",
        arguments.out.display()
    );
    let out = &arguments.out;
    // An unfinished run has its metrics; anything else in the folder is somebody's.
    let is_free = !out.exists()
        || out.join("metrics.jsonl").exists()
        || out.read_dir().with_context(|| format!("{} is no folder", out.display()))?.next().is_none();
    ensure!(is_free, "{} holds something that is no run\nhint: choose another --out", out.display());
    let mut config = RunConfig::load(arguments.config.as_deref(), arguments.recipe)?;
    config.seed = arguments.seed.unwrap_or(config.seed);
    config.validate()?;
    let dataset = datasets::load(&arguments.data)?;
    let device = super::device(arguments.device)?;
    // Kept absolute, so that `eval` finds the data from any folder.
    let data = std::path::absolute(&arguments.data)?;
    let run = pipeline::train(&dataset, &data, &config, &device, &arguments.out, is_quiet)?;
    if is_json {
        crate::output::print(&format!(
            "{}\n",
            json!({ "run": arguments.out, "stages": run.summary.stages, "seconds": run.summary.seconds })
        ))?;
    }
    Ok(())
}
