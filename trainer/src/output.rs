//! Where do words and files go? Results to stdout, progress to stderr, files in one piece.

use std::{
    collections::BTreeMap,
    fs,
    io::{Seek, SeekFrom, Write},
    path::Path,
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value, json};

use crate::{dashboard::Dashboard, train::Validation};

/// Prints a result. A reader that has seen enough (`| head`) is no failure.
///
/// # Errors
/// When stdout cannot be written for another reason.
pub fn print(text: &str) -> Result<()> {
    match std::io::stdout().write_all(text.as_bytes()).and_then(|()| std::io::stdout().flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to stdout")
        }
        _ => Ok(()),
    }
}

/// Prints a result for machines: one JSON document on a line.
///
/// # Errors
/// When stdout cannot be written.
pub fn print_json(result: &Value) -> Result<()> {
    print(&format!("{result}\n"))
}

/// Bytes in two digits each.
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether nothing of anybody's is in the way: the folder is absent or empty.
///
/// # Errors
/// When the path is no folder.
pub fn is_free(folder: &Path) -> Result<bool> {
    if !folder.exists() {
        return Ok(true);
    }
    let mut listing = folder.read_dir().with_context(|| format!("{} is no folder", folder.display()))?;
    Ok(listing.next().is_none())
}

/// Writes a file in one piece: a reader sees the old one or the new one, never half of it.
///
/// # Errors
/// When the folder cannot be made or the file cannot be written.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    in_one_piece(path, |partial| fs::write(partial, bytes))
}

/// The same for what writes into a file by itself.
///
/// # Errors
/// When the folder cannot be made or the file cannot be written.
pub fn in_one_piece(path: &Path, write: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Another process may write the same file at the same time: losses of one comparison keep the same answers.
    let partial = folder.join(format!(".{name}.{}.partial", std::process::id()));
    let written = || -> std::io::Result<()> {
        write(&partial)?;
        fs::OpenOptions::new().append(true).open(&partial)?.sync_all()?;
        fs::rename(&partial, path)?;
        settle(folder);
        Ok(())
    };
    written().inspect_err(|_| drop(fs::remove_file(&partial))).with_context(|| cannot_write(path))
}

/// Has the system write down which names a folder has, so that what was renamed in it outlives a loss of power. Where a folder
/// cannot be opened as a file, the system sees to it by itself.
pub fn settle(folder: &Path) {
    let _ = fs::File::open(folder).and_then(|folder| folder.sync_all());
}

/// Writes a folder in one piece: beside its place first, so that an old one stays until the new one is whole.
///
/// # Errors
/// When it cannot be written; then nothing is left of it.
pub fn write_folder(files: &BTreeMap<String, Vec<u8>>, folder: &Path) -> Result<()> {
    let name = folder.file_name().context("--out names no folder\nhint: pkg/shop is one")?;
    // A name that nobody else gives a folder: what a killed process left under it is replaced.
    let fresh = folder.with_file_name(format!(".{}.partial", name.to_string_lossy()));
    let written = || -> Result<()> {
        if fresh.exists() {
            fs::remove_dir_all(&fresh).with_context(|| format!("cannot replace {}", fresh.display()))?;
        }
        files.iter().try_for_each(|(name, bytes)| write_file(&fresh.join(name), bytes))?;
        if folder.exists() {
            fs::remove_dir_all(folder).with_context(|| format!("cannot replace {}", folder.display()))?;
        }
        fs::rename(&fresh, folder).with_context(|| format!("cannot move {} into place", fresh.display()))
    };
    written().inspect_err(|_| drop(fs::remove_dir_all(&fresh)))
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}\nhint: check the free space and the rights of the folder", path.display())
}

/// Progress of a training run: a dashboard or a bar with the time left on a terminal, a line per epoch elsewhere, and
/// JSON lines in the run's folder.
pub struct Reporter {
    is_quiet: bool,
    dashboard: Option<Dashboard>,
    /// Opens a dashboard with the first epoch, so that what is said before stands where it can be read.
    opener: Option<Arc<AtomicBool>>,
    log: Option<fs::File>,
    bar: Option<ProgressBar>,
    metrics: Option<fs::File>,
    epoch: Progress,
}

/// What was done of an epoch.
struct Progress {
    began: Instant,
    positions: usize,
}

impl Progress {
    fn new() -> Self {
        Self { began: Instant::now(), positions: 0 }
    }

    fn positions_per_second(&self) -> f64 {
        self.positions as f64 / self.began.elapsed().as_secs_f64().max(1e-9)
    }
}

impl Reporter {
    /// # Errors
    /// When the metrics file cannot be made.
    pub fn new(metrics: Option<&Path>, is_quiet: bool) -> Result<Self> {
        Self::going_on(metrics, 0, is_quiet)
    }

    /// The same after the first `bytes` of the metrics file.
    ///
    /// # Errors
    /// When the metrics file cannot be written.
    pub fn going_on(metrics: Option<&Path>, bytes: u64, is_quiet: bool) -> Result<Self> {
        let open = |path: &Path| -> std::io::Result<fs::File> {
            let mut file = fs::OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
            // After a loss of power it may be shorter than it was; longer it must not become.
            file.set_len(bytes.min(file.metadata()?.len()))?;
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        };
        let metrics = metrics.map(|path| open(path).with_context(|| cannot_write(path))).transpose()?;
        let epoch = Progress::new();
        Ok(Self { is_quiet, dashboard: None, opener: None, log: None, bar: None, metrics, epoch })
    }

    /// The same with a dashboard, where there is a terminal; who stops training there sets `stop`.
    #[must_use]
    pub fn with_dashboard(mut self, stop: &Arc<AtomicBool>) -> Self {
        self.opener = (!self.is_quiet).then(|| Arc::clone(stop));
        self
    }

    /// The same with a file to which every line for people is added, whatever becomes of the terminal.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn with_log(mut self, path: &Path) -> Result<Self> {
        let log = fs::OpenOptions::new().append(true).create(true).open(path);
        self.log = Some(log.with_context(|| cannot_write(path))?);
        Ok(self)
    }

    /// Length of the metrics file, all of which is on the disk then.
    ///
    /// # Errors
    /// When it cannot be written there.
    pub fn metrics_bytes(&self) -> Result<u64> {
        let Some(file) = &self.metrics else { return Ok(0) };
        file.sync_data().context("metrics.jsonl of the run cannot be written\nhint: check the free space")?;
        Ok(file.metadata()?.len())
    }

    /// One line for people.
    pub fn say(&self, line: &str) {
        if let Some(mut log) = self.log.as_ref() {
            // A disk that is full ends training where more is lost than a line.
            let _ = writeln!(log, "{line}");
        }
        match &self.dashboard {
            Some(dashboard) => dashboard.say(line),
            None => self.show(line),
        }
    }

    fn show(&self, line: &str) {
        if !self.is_quiet {
            // A terminal that is gone is no reason to end.
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }

    pub fn begin_epoch(&mut self, stage: &str, epoch: usize, epochs: usize, steps: usize) {
        self.epoch = Progress::new();
        if let Some(stop) = self.opener.take() {
            self.dashboard = Dashboard::open(stop);
        }
        if let Some(dashboard) = &mut self.dashboard {
            return dashboard.begin_epoch(stage, epoch, epochs, steps);
        }
        if self.is_quiet {
            return;
        }
        let bar = ProgressBar::with_draw_target(Some(steps as u64), ProgressDrawTarget::stderr());
        let style = "{prefix} [{bar:24}] {pos}/{len}  {msg}  {eta} left in epoch";
        // The template is a constant that indicatif accepts.
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(format!("{stage} {epoch}/{epochs}"));
        self.bar = Some(bar);
    }

    /// One step on so many positions (tokens; interactions where the model reads those).
    pub fn step(&mut self, loss: f64, learning_rate: f64, positions: usize) {
        self.epoch.positions += positions;
        let speed = self.epoch.positions_per_second();
        if let Some(dashboard) = &mut self.dashboard {
            dashboard.step(&[
                ("loss", loss),
                ("learning_rate", learning_rate),
                ("positions_per_second", speed),
            ]);
        }
        if let Some(bar) = &self.bar {
            bar.set_message(format!("loss {loss:.3}  lr {learning_rate:.1e}  {speed:.0} positions/s"));
            bar.inc(1);
        }
    }

    /// One line of the metrics file on the steps since the last.
    ///
    /// # Errors
    /// When the metrics file cannot be written.
    pub fn record_step(&mut self, stage: &str, epoch: usize, step: usize, mut line: Value) -> Result<()> {
        if let Some(dashboard) = &mut self.dashboard {
            dashboard.record_step(&line);
        }
        line["stage"] = json!(stage);
        line["epoch"] = json!(epoch);
        line["step"] = json!(step);
        self.record(&line)
    }

    /// # Errors
    /// When the metrics file cannot be written.
    pub fn end_epoch(
        &mut self,
        stage: &str,
        epoch: usize,
        means: &Map<String, Value>,
        validation: &Validation,
        is_best: bool,
        secs: f64,
    ) -> Result<()> {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        let speed = self.epoch.positions_per_second();
        if let Some(dashboard) = &mut self.dashboard {
            let Validation { hit_rate_at_1, ndcg_at_10 } = *validation;
            dashboard.end_epoch(
                epoch,
                &[("valid/hit_rate_at_1", hit_rate_at_1), ("valid/ndcg_at_10", ndcg_at_10)],
            );
        }
        let mark = if is_best { "  best" } else { "" };
        let loss = means.get("loss").and_then(Value::as_f64).map(|loss| format!("loss {loss:.4}, "));
        self.say(&format!(
            "{stage} epoch {epoch}: {}validation HR@1 {:.4}, NDCG@10 {:.4}, {secs:.0} s{mark}",
            loss.unwrap_or_default(),
            validation.hit_rate_at_1,
            validation.ndcg_at_10
        ));
        let mut line = json!({
            "stage": stage, "epoch": epoch, "seconds": secs, "best": is_best,
            "positions_per_second": speed.round(),
            "valid/hit_rate_at_1": validation.hit_rate_at_1, "valid/ndcg_at_10": validation.ndcg_at_10,
        });
        for (name, mean) in means {
            line[name] = mean.clone();
        }
        self.record(&line)
    }

    /// Closes the dashboard until the next epoch begins: what was said meanwhile, and is said until then, can be read.
    pub fn end_stage(&mut self) {
        let Some(dashboard) = self.dashboard.take() else { return };
        self.opener = Some(dashboard.stop());
        for line in dashboard.close() {
            self.show(&line);
        }
    }

    /// Adds a line to the metrics file.
    ///
    /// # Errors
    /// When the metrics file cannot be written.
    pub fn record(&mut self, line: &Value) -> Result<()> {
        if let Some(file) = &mut self.metrics {
            writeln!(file, "{line}").context(
                "cannot write metrics.jsonl of the run\nhint: check the free space; `trainer train --resume` goes on from the \
                 last checkpoint",
            )?;
        }
        Ok(())
    }
}

impl Drop for Reporter {
    /// Whatever happened, the terminal is left as it was, and nothing that was said is lost.
    fn drop(&mut self) {
        self.end_stage();
    }
}
