//! How does training outlive its process? Everything that decides the next step, in a folder that is whole or not there.
//!
//! ```text
//! RUN/job.json                what was asked for: data, where the weights begin
//! RUN/.lock                   held by the process that trains
//! RUN/checkpoints/
//!   sft-0002-00000120/        a place in a stage: state.json, parameters, optimizer, average, best
//!   sft-done/                 what a stage ended with
//!   last -> sft-0002-00000120
//!   best -> sft-0002-00000100 the end of the best epoch so far; kept beside the newest
//! ```
//!
//! Batches and the seeds of their dropout are drawn from a generator that begins anew with every epoch
//! ([`epoch_generator`]), so that a place in the data is two numbers and no generator need be kept.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};
use burn::tensor::Bytes;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::weights::Weights;

use crate::{
    health::Sums,
    hugging_face::tensors,
    output::{hexadecimal, settle, write_file},
    parameters::{numbered, parameters},
    train::{Trained, Validation},
};

/// Name of the stage that comes before all others.
pub const SUPERVISED: &str = "sft";

/// When training is written down on its way.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointConfig {
    /// Minutes between two checkpoints, beside those at the end of each epoch; 0 for none.
    pub minutes: f64,
    /// Steps between two checkpoints; 0 for none.
    pub steps: usize,
    /// How many are kept, the newest.
    pub keep: usize,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self { minutes: 10.0, steps: 0, keep: 2 }
    }
}

/// Random choices of one epoch, the same whenever it is begun.
#[must_use]
pub fn epoch_generator(seed: u64, epoch: usize) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(epoch as u64);
    generator
}

/// Where a stage stands: before the group of batches `group` (from 0) of `epoch` (from 1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    pub stage: String,
    pub epoch: usize,
    pub group: usize,
    pub step: usize,
    pub epochs_without_gain: usize,
    /// Epoch and validation of the best model so far.
    pub best: Option<(usize, Validation)>,
    /// Steps that the weight average has seen.
    pub averaged: usize,
    /// Length of metrics.jsonl: what was written later is written again.
    pub metrics_bytes: u64,
    /// What the steps of this epoch reported so far.
    #[serde(default)]
    pub sums: Option<Sums>,
    /// How long all processes of the run have trained so far.
    #[serde(default)]
    pub seconds: f64,
    /// What losses are multiplied with in f16, and the steps since it was found.
    #[serde(default)]
    pub loss_scale: Option<(f64, usize)>,
}

impl Place {
    /// Before the first step of a stage.
    #[must_use]
    pub fn beginning(stage: &str) -> Self {
        Self {
            stage: stage.to_owned(),
            epoch: 1,
            group: 0,
            step: 0,
            epochs_without_gain: 0,
            best: None,
            averaged: 0,
            metrics_bytes: 0,
            sums: None,
            seconds: 0.0,
            loss_scale: None,
        }
    }

    /// Did the best epoch so far end just here?
    fn is_end_of_best(&self) -> bool {
        self.group == 0 && self.best.is_some_and(|(epoch, _)| epoch + 1 == self.epoch)
    }
}

/// A place with all its numbers.
pub struct Saved {
    pub place: Place,
    pub parameters: Weights,
    pub optimizer: Vec<u8>,
    pub average: Weights,
    pub best: Weights,
}

/// What a run was asked for, for whoever goes on with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFile {
    pub data: PathBuf,
    pub from: Option<PathBuf>,
    /// SHA-256 of catalogue and histories.
    pub fingerprint: String,
    /// SHA-256 of what an earlier run or a published model gave to begin with.
    #[serde(default)]
    pub start: Option<String>,
}

impl JobFile {
    /// In the folder of a run.
    pub const NAME: &str = "job.json";
}

/// Keeps the places that training passes through.
pub struct Keeper {
    /// Folder of the run; without one nothing is kept.
    run: Option<PathBuf>,
    config: CheckpointConfig,
    /// Set when the process is asked to end.
    stop: Arc<AtomicBool>,
    saved_at: Instant,
    began: Instant,
    /// How long earlier processes trained.
    earlier_seconds: f64,
    /// Where to go on, until its stage takes it.
    resume: Option<Saved>,
}

impl Keeper {
    /// Keeps nothing.
    #[must_use]
    pub fn none() -> Self {
        Self {
            run: None,
            config: CheckpointConfig::default(),
            stop: Arc::default(),
            saved_at: Instant::now(),
            began: Instant::now(),
            earlier_seconds: 0.0,
            resume: None,
        }
    }

    /// Keeps what a run passes through in its folder, and goes on from the last place when asked to `resume`.
    ///
    /// # Errors
    /// When the last place cannot be read.
    pub fn new(
        run: &Path,
        config: CheckpointConfig,
        stop: Arc<AtomicBool>,
        is_resumed: bool,
    ) -> Result<Self> {
        let mut keeper = Self { run: Some(run.to_owned()), config, stop, ..Self::none() };
        if is_resumed && let Some(last) = keeper.places()?.pop() {
            let damaged = || {
                format!("{} is damaged\nhint: remove it, and the one before is gone on from", last.display())
            };
            let last = read(&last).with_context(damaged)?;
            keeper.earlier_seconds = last.place.seconds;
            keeper.resume = Some(last);
        }
        Ok(keeper)
    }

    /// The place in `stage` to go on from; told once.
    pub fn take(&mut self, stage: &str) -> Option<Saved> {
        self.resume.take_if(|saved| saved.place.stage == stage)
    }

    /// Length of metrics.jsonl where training goes on.
    #[must_use]
    pub fn metrics_bytes(&self) -> u64 {
        self.resume.as_ref().map_or(0, |saved| saved.place.metrics_bytes)
    }

    /// How long all processes of the run have trained so far.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.earlier_seconds + self.began.elapsed().as_secs_f64()
    }

    /// Is it time to write a place down?
    #[must_use]
    pub fn is_due(&self, step: usize) -> bool {
        let CheckpointConfig { minutes, steps, .. } = self.config;
        let is_late = minutes > 0.0 && self.saved_at.elapsed() > Duration::from_secs_f64(minutes * 60.0);
        self.run.is_some() && (self.is_stopped() || is_late || (steps > 0 && step.is_multiple_of(steps)))
    }

    /// Was the process asked to end?
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// What a run ends with that was asked to stop.
    #[must_use]
    pub fn stopped(&self, place: &Place) -> anyhow::Error {
        let run = self.run.as_deref().unwrap_or(Path::new("RUN"));
        anyhow!(
            "stopped in {} at epoch {}, step {}; everything is kept\nhint: `trainer train --resume {}` goes on from there",
            place.stage,
            place.epoch,
            place.step,
            run.display()
        )
    }

    /// What a run ends with whose numbers are none any more.
    #[must_use]
    pub fn no_numbers(&self, what: &str, place: &Place, learning_rate: f64) -> String {
        let Place { stage, epoch, step, .. } = place;
        let run = self.run.as_deref().unwrap_or(Path::new("RUN"));
        format!(
            "{what} not a number in {stage} at epoch {epoch}, step {step}; what was kept before is as it was\n\
             hint: lower learning_rate (now {learning_rate}) of this stage in {config}; `trainer train --resume {run}` goes on \
             from the last checkpoint, and from the one before where the last in {checkpoints} is removed",
            config = run.join("config.toml").display(),
            checkpoints = folder_of(run).display(),
            run = run.display(),
        )
    }

    /// Is anything kept at all?
    #[must_use]
    pub fn is_keeping(&self) -> bool {
        self.run.is_some()
    }

    /// Writes a place down; older ones go.
    ///
    /// # Errors
    /// When it cannot be written: the places before are as they were.
    pub fn save(&mut self, saved: &Saved) -> Result<()> {
        let Some(folder) = self.folder() else { return Ok(()) };
        // The end of an epoch and its last step are two places of one step.
        let Place { stage, epoch, step, .. } = &saved.place;
        let name = format!("{stage}-{epoch:04}-{step:08}");
        self.write(&name, saved)?;
        self.saved_at = Instant::now();
        let best = folder.join("best");
        if saved.place.is_end_of_best() {
            link(&best, Path::new(&name))?;
        }
        let best = fs::read_link(&best).map(|name| folder.join(name)).ok();
        let mut places = self.places()?;
        for old in places.drain(..places.len().saturating_sub(self.config.keep.max(1))) {
            if best.as_ref() != Some(&old) {
                fs::remove_dir_all(&old).with_context(|| format!("cannot remove {}", old.display()))?;
            }
        }
        if let Some(last) = places.last().and_then(|last| last.file_name()) {
            link(&folder.join("last"), Path::new(last))?;
        }
        Ok(())
    }

    /// Writes down what a stage ended with.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(&self, stage: &str, ended: &Trained, which: &BTreeSet<String>) -> Result<()> {
        let Trained { model, validation, epoch } = ended;
        let best = Some((*epoch, *validation));
        let place = Place { epoch: *epoch, best, seconds: self.seconds(), ..Place::beginning(stage) };
        let parameters = parameters(&numbered(model.clone()), which);
        let saved =
            Saved { place, parameters, optimizer: Vec::new(), average: Weights::new(), best: Weights::new() };
        self.write(&format!("{stage}-done"), &saved)
    }

    /// What a stage ended with, when it did and training goes on after it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn finished(&self, stage: &str, is_resumed: bool) -> Result<Option<Saved>> {
        let Some(folder) = self.folder().map(|folder| folder.join(format!("{stage}-done"))) else {
            return Ok(None);
        };
        if !is_resumed || !folder.exists() {
            return Ok(None);
        }
        read(&folder).map(Some).with_context(|| format!("{} is damaged", folder.display()))
    }

    /// A finished run needs none of it.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn clear(&self) -> Result<()> {
        self.run.as_deref().map_or(Ok(()), remove_all)
    }

    fn folder(&self) -> Option<PathBuf> {
        self.run.as_deref().map(folder_of)
    }

    /// Whole places, the last that training came to at the end. Clocks step back, and copies have times of their own.
    fn places(&self) -> Result<Vec<PathBuf>> {
        let Some(folder) = self.folder().filter(|folder| folder.exists()) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_place = !name.starts_with('.')
                && !["last", "best"].contains(&name.as_str())
                && !name.ends_with("-done");
            let Some(state) = is_place.then(|| fs::read(path.join("state.json")).ok()).flatten() else {
                continue;
            };
            // One that cannot be read comes last, so that whoever goes on from it is told.
            let at = serde_json::from_slice(&state)
                .map_or((true, usize::MAX, usize::MAX), |Place { stage, epoch, step, .. }| {
                    (stage != SUPERVISED, epoch, step)
                });
            found.push((at, path));
        }
        found.sort();
        Ok(found.into_iter().map(|(_, path)| path).collect())
    }

    /// A folder under a name that nobody reads, then under its own: whoever looks finds all of it or nothing.
    fn write(&self, name: &str, saved: &Saved) -> Result<()> {
        let Some(folder) = self.folder() else { return Ok(()) };
        let partial = folder.join(format!(".{name}.partial"));
        let _ = fs::remove_dir_all(&partial);
        let written = || -> Result<()> {
            for (file, weights) in
                [("parameters", &saved.parameters), ("average", &saved.average), ("best", &saved.best)]
            {
                tensors::write_file(&partial.join(format!("{file}.safetensors")), weights)?;
            }
            write_file(&partial.join("optimizer.bpk"), &saved.optimizer)?;
            write_file(&partial.join("state.json"), &serde_json::to_vec_pretty(&saved.place)?)?;
            let whole = folder.join(name);
            if whole.exists() {
                fs::remove_dir_all(&whole)?;
            }
            fs::rename(&partial, &whole)?;
            settle(&folder);
            Ok(())
        };
        written().inspect_err(|_| drop(fs::remove_dir_all(&partial))).with_context(|| {
            format!("a checkpoint cannot be written to {}\nhint: what was written before is whole: make room, and `trainer train --resume` goes on from there", folder.display())
        })
    }
}

fn folder_of(run: &Path) -> PathBuf {
    run.join("checkpoints")
}

fn remove_all(run: &Path) -> Result<()> {
    let folder = folder_of(run);
    if !folder.exists() {
        return Ok(());
    }
    fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))
}

/// Removes what a process that was killed left: in the run and its checkpoints what is half written, and of a finished run
/// its checkpoints. Nobody else may write there.
///
/// # Errors
/// When something cannot be removed.
pub fn tidy(run: &Path, is_finished: bool) -> Result<()> {
    if is_finished {
        remove_all(run)?;
    }
    for folder in [run.to_owned(), folder_of(run)] {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with('.') && name.ends_with(".partial") {
                let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
                removed.with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
    }
    Ok(())
}

fn read(folder: &Path) -> Result<Saved> {
    let state = fs::read(folder.join("state.json"))?;
    let weights = |name: &str| tensors::read_file(&folder.join(format!("{name}.safetensors")));
    Ok(Saved {
        place: serde_json::from_slice(&state)?,
        parameters: weights("parameters")?,
        optimizer: fs::read(folder.join("optimizer.bpk"))?,
        average: weights("average")?,
        best: weights("best")?,
    })
}

#[cfg(unix)]
fn link(path: &Path, target: &Path) -> Result<()> {
    let new = path.with_extension("new");
    let _ = fs::remove_file(&new);
    std::os::unix::fs::symlink(target, &new)
        .and_then(|()| fs::rename(&new, path))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Where links need rights of their own, the folders' names say which is the newest.
#[cfg(not(unix))]
fn link(_: &Path, _: &Path) -> Result<()> {
    Ok(())
}

/// Bytes as the optimizer reads them.
#[must_use]
pub fn optimizer_bytes(bytes: Vec<u8>) -> Bytes {
    Bytes::from_bytes_vec(bytes)
}

/// SHA-256 of what training reads, so that a run does not go on with other data.
#[must_use]
pub fn fingerprint(dataset: &crate::datasets::Dataset) -> String {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    for item in dataset.catalog.items() {
        hash.update(item.id.as_bytes());
        hash.update([0]);
        hash.update(item.model_text().as_bytes());
        hash.update([0]);
        // What goals look at.
        hash.update(item.price.unwrap_or(i64::MIN).to_le_bytes());
    }
    for history in &dataset.histories {
        hash.update((history.len() as u64).to_le_bytes());
        for met in history {
            hash.update((met.item as u64).to_le_bytes());
            hash.update(met.intensity.to_le_bytes());
            hash.update(met.time_ms.to_le_bytes());
        }
    }
    for seen in &dataset.seen {
        hash.update((seen.len() as u64).to_le_bytes());
        for each in seen {
            hash.update((each.item as u64).to_le_bytes());
            hash.update(each.time_ms.to_le_bytes());
        }
    }
    for urgency in dataset.clearance.iter().flatten() {
        hash.update(urgency.to_le_bytes());
    }
    hexadecimal(&hash.finalize())
}
