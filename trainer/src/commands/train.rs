//! `trainer train`: a data set becomes a run, at once or in several goes.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use shared::preference::MarginKind;

use crate::{
    base_config::BaseConfig,
    checkpoint::{self, JobFile},
    cli,
    config::RunConfig,
    datasets::{self, Dataset},
    device::DeviceName,
    hardware,
    hold::{self, Held},
    hugging_face, pipeline,
    preference_config::Arm,
    run::{self, Run},
    stop,
};

pub fn run(arguments: &cli::Train, is_json: bool, is_quiet: bool) -> Result<()> {
    let asked = match (&arguments.resume, &arguments.out, &arguments.data) {
        (Some(run), ..) => resumed(run)?,
        (None, Some(out), Some(data)) => begun(arguments, out, data)?,
        // clap asks for both.
        (None, ..) => anyhow::bail!("--data and --out are missing\nhint: or --resume a run"),
    };
    let Asked { out, config, job, is_resumed, _held } = asked;
    let dataset = datasets::load(&job.data)?;
    if !is_quiet {
        dataset.report.lines().iter().for_each(|line| eprintln!("{line}"));
    }
    let fingerprint = checkpoint::fingerprint(&dataset);
    ensure!(
        // Half a run on one catalogue and half on another would be of neither.
        !is_resumed || job.fingerprint == fingerprint,
        "the data in {} are no longer those that {} began with\nhint: train anew with another --out",
        job.data.display(),
        out.display()
    );
    let start = start(&job, &config)?;
    ensure!(
        // Runs from before it was written down say nothing.
        !is_resumed || job.start.is_none() || job.start == start,
        "{} is no longer what {} began with\nhint: bring it back, or train anew with another --out",
        job.from
            .as_deref()
            .or(config.base.as_ref().map(|base| base.path.as_path()))
            .unwrap_or(&out)
            .display(),
        out.display()
    );
    let job = JobFile { fingerprint, start, ..job };
    let devices = arguments.devices.iter().map(DeviceName::open).collect::<Result<Vec<_>>>()?;
    // Before anything is written.
    devices.iter().try_for_each(|device| hardware::ensure_computes_in(config.precision, device))?;
    if config.base.as_ref().is_some_and(|base| base.packing().is_some()) {
        hardware::ensure_share_packed(&devices)?;
    }
    let (device, others) = devices.split_first().context("no device is named")?;
    let from = job.from.as_deref().map(Run::load).transpose()?;
    if let Some(from) = &from {
        check_from(from, &config, &dataset, job.from.as_deref().unwrap_or(&out))?;
    }
    crate::output::write_file(&out.join(JobFile::NAME), &serde_json::to_vec_pretty(&job)?)?;
    let run = pipeline::train(&pipeline::Job {
        dataset: &dataset,
        data: &job.data,
        fingerprint: &job.fingerprint,
        config: &config,
        device,
        others,
        from: from.as_ref().zip(job.from.as_deref()),
        out: &out,
        is_quiet,
        is_plain: arguments.plain,
        is_resumed,
        stop: stop::on_request()?,
    })?;
    if is_json {
        crate::output::print_json(
            &json!({ "run": out, "stages": run.summary.stages, "seconds": run.summary.seconds }),
        )?;
    }
    Ok(())
}

struct Asked {
    out: PathBuf,
    config: RunConfig,
    job: JobFile,
    is_resumed: bool,
    /// Nobody else trains in the folder meanwhile.
    _held: Held,
}

/// SHA-256 of the weights that training begins with, where it does not draw them.
fn start(job: &JobFile, config: &RunConfig) -> Result<Option<String>> {
    let of_base = |base: &BaseConfig| {
        ensure!(
            base.path.exists(),
            "the published model is no longer at {}\nhint: bring it back, or write its new place into config.toml of {}",
            base.path.display(),
            job.from.as_deref().map_or_else(|| "the run".to_owned(), |run| run.display().to_string())
        );
        hugging_face::fingerprint(&base.path)
    };
    let base = config.base.as_ref().map(of_base).transpose()?;
    let from = job.from.as_deref().map(hugging_face::fingerprint).transpose()?;
    Ok(base.into_iter().chain(from).reduce(|base, from| format!("{base} {from}")))
}

/// Settings of a new run.
fn begun(arguments: &cli::Train, out: &Path, data: &Path) -> Result<Asked> {
    ensure!(
        !out.join("run.json").exists(),
        "{} holds a finished run\nhint: choose another --out, or remove the folder",
        out.display()
    );
    ensure!(
        !out.join("checkpoints").exists(),
        "{} holds a run that was not finished\nhint: `trainer train --resume {}` goes on with it; remove the folder to begin anew",
        out.display(),
        out.display()
    );
    // What was asked for is the first that a run writes; without it what the folder holds is somebody's.
    let is_free = crate::output::is_free(out)? || out.join(JobFile::NAME).exists() || hold::is_only_held(out);
    ensure!(is_free, "{} holds something that is no run\nhint: choose another --out", out.display());
    let from = arguments.from.as_deref().map(Run::load).transpose()?;
    let recipe = arguments.recipe.or(from.as_ref().map(|run| run.config.recipe));
    let base_of_from = from.as_ref().and_then(|run| run.config.base.as_ref());
    // A further stage of a published model is trained as its first one was, not as a model from nothing.
    let base = arguments.base.as_deref().or(base_of_from.map(|base| base.path.as_path()));
    let mut config = RunConfig::load(arguments.config.as_deref(), recipe, base)?;
    match &mut config.base {
        Some(base) => {
            base.path = std::path::absolute(&base.path)?;
            base.lora.rank = arguments.lora_rank.unwrap_or(base.lora.rank);
            base.bits = arguments.base_bits.unwrap_or(base.bits);
        }
        None => ensure!(
            arguments.lora_rank.is_none() && arguments.base_bits.is_none(),
            "--lora-rank and --base-bits are settings of a published model, and none is named\nhint: --base DIR"
        ),
    }
    if let Some(from) = &from {
        if let Some(named) = arguments.config.as_deref().map(RunConfig::base_named).transpose()?.flatten() {
            ensure!(
                base_of_from.is_some_and(|base| *base == BaseConfig { path: base.path.clone(), ..named }),
                "[base] of the config is not that of the earlier run, whose model this stage goes on with\n\
                 hint: remove [base]"
            );
        }
        // The model is that of the earlier run, whatever a config says of new ones.
        let RunConfig { tokens, context, hidden_size, layers, heads, .. } = from.config;
        let base = from.config.base.clone();
        config = RunConfig { tokens, context, hidden_size, layers, heads, base, ..config };
    }
    config.seed = arguments.seed.unwrap_or(config.seed);
    if let Some(arm) = arguments.loss {
        arm.apply(&mut config.preference);
    }
    if let Some(lambda) = arguments.lambda {
        ensure!(
            config.preference.is_enabled && config.preference.margin != MarginKind::None,
            "--lambda scales a margin, and {} has none\nhint: leave it out, or take --loss recpo",
            if config.preference.is_enabled { config.preference.name() } else { Arm::Sft.name() }
        );
        config.preference.lambda = lambda;
    }
    ensure!(
        from.is_none() || config.preference.is_enabled,
        "--from goes on with a preference stage, and there is none: nothing would be trained\n\
         hint: --loss recpo, or --loss sft-continued for more of what the earlier run was trained with"
    );
    config.preference.keep = arguments.keep.unwrap_or(config.preference.keep);
    config.precision = arguments.precision.unwrap_or(config.precision);
    config.validate()?;
    // Kept absolute, so that `eval` finds the data from any folder.
    let job = JobFile {
        data: std::path::absolute(data)?,
        from: arguments.from.as_ref().map(std::path::absolute).transpose()?,
        fingerprint: String::new(),
        start: None,
    };
    Ok(Asked { out: out.to_owned(), config, job, is_resumed: false, _held: hold::hold(out)? })
}

/// Settings of a run that is gone on with: its own.
fn resumed(out: &Path) -> Result<Asked> {
    run::check_folder(out)?;
    let held = hold::hold(out)?;
    let is_finished = out.join("run.json").exists();
    checkpoint::tidy(out, is_finished)?;
    ensure!(
        !is_finished,
        "{} is finished\nhint: `trainer eval {}` says how good it is",
        out.display(),
        out.display()
    );
    let read = |name: &str| {
        std::fs::read_to_string(out.join(name)).with_context(|| {
            let hint = if out.join(JobFile::NAME).exists() || hold::is_only_held(out) {
                "it ended before training began: give the command again that began it"
            } else {
                "pass the folder given to `trainer train --out`"
            };
            format!("{} is no run that could go on\nhint: {hint}", out.display())
        })
    };
    let damaged = |name: &str| format!("{} is damaged\nhint: train again", out.join(name).display());
    let job = serde_json::from_str(&read(JobFile::NAME)?).with_context(|| damaged(JobFile::NAME))?;
    let config: RunConfig = toml::from_str(&read("config.toml")?).with_context(|| damaged("config.toml"))?;
    config.validate()?;
    Ok(Asked { out: out.to_owned(), config, job, is_resumed: true, _held: held })
}

fn check_from(from: &Run, config: &RunConfig, dataset: &Dataset, path: &Path) -> Result<()> {
    ensure!(
        from.config.recipe == config.recipe && dataset.is_of(&from.catalog),
        "{} was trained with another recipe or catalogue\nhint: pass its own data and recipe, or leave out --from",
        path.display()
    );
    Ok(())
}
