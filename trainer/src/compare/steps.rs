//! How are the steps of a comparison run? Several at a time, each in a process of its own; what is done stays done.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context, Result, bail};

use super::plan::Step;
use crate::output::{self, Reporter};

/// What the workers share.
struct Board {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    waiting: Vec<Step>,
    running: usize,
    failed: Vec<String>,
    done: usize,
}

/// Runs all steps that are not done yet, `jobs` at a time; a step whose needs failed is left out.
///
/// # Errors
/// Names the steps that failed and where their words are.
pub fn run(program: &Path, steps: Vec<Step>, jobs: usize, out: &Path, reporter: &Reporter) -> Result<()> {
    let total = steps.len();
    let waiting: Vec<Step> = steps.into_iter().filter(|step| !step.made.exists()).collect();
    let done = total - waiting.len();
    if done > 0 {
        reporter.say(&format!("{done} of {total} steps are done already"));
    }
    let board = Board {
        state: Mutex::new(State { waiting, running: 0, failed: Vec::new(), done }),
        changed: Condvar::new(),
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| work(&board, program, out, (threads / jobs.max(1)).max(1), total, reporter));
        }
    });
    let state = board.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    if state.failed.is_empty() && state.waiting.is_empty() {
        return Ok(());
    }
    bail!(
        "{} of {total} steps failed, {} were left out because of them:\n  {}\nhint: read the logs, mend it and give \
         the same command again; what is done stays done",
        state.failed.len(),
        state.waiting.len(),
        state.failed.join("\n  ")
    )
}

fn lock(board: &Board) -> MutexGuard<'_, State> {
    board.state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn work(board: &Board, program: &Path, out: &Path, threads: usize, total: usize, reporter: &Reporter) {
    let mut state = lock(board);
    loop {
        let ready = state.waiting.iter().position(|step| step.needs.iter().all(|file| file.exists()));
        let Some(ready) = ready else {
            if state.running == 0 || state.waiting.is_empty() {
                board.changed.notify_all();
                return;
            }
            state = board.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        let step = state.waiting.remove(ready);
        state.running += 1;
        drop(state);
        let outcome = execute(&step, program, out, threads);
        state = lock(board);
        state.running -= 1;
        match outcome {
            Ok(seconds) => {
                state.done += 1;
                reporter.say(&format!("[{}/{total}] {} ({seconds:.0} s)", state.done, step.name));
            }
            Err(error) => {
                let line = format!("{}: {}", step.name, crate::message(&error));
                reporter.say(&format!("failed: {line}"));
                state.failed.push(line);
            }
        }
        board.changed.notify_all();
    }
}

/// Runs one step to its end and returns its seconds.
fn execute(step: &Step, program: &Path, out: &Path, threads: usize) -> Result<f64> {
    let began = std::time::Instant::now();
    let log = log_file(out, step);
    fs::create_dir_all(log.parent().unwrap_or(out)).context("cannot make the folder of logs")?;
    let words = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let mut command = Command::new(program);
    command.args(arguments(step)).stdin(Stdio::null()).stderr(Stdio::from(words));
    // One process per core is faster than threads within each: most of a step is not parallel.
    command.env("RAYON_NUM_THREADS", threads.to_string());
    let finished = command.output().with_context(|| format!("cannot start {}", program.display()))?;
    if !finished.status.success() {
        bail!("{}; its words are in {}", finished.status, log.display());
    }
    if step.is_output_kept {
        output::write_file(&step.made, &finished.stdout)?;
    }
    Ok(began.elapsed().as_secs_f64())
}

/// A training that was interrupted goes on where it stopped.
fn arguments(step: &Step) -> Vec<String> {
    let run = step.made.parent().filter(|run| run.join("checkpoints").exists());
    match run.filter(|_| step.arguments.first().is_some_and(|verb| verb == "train")) {
        Some(run) => vec!["train".to_owned(), "--resume".to_owned(), run.to_string_lossy().into_owned()],
        None => step.arguments.clone(),
    }
}

fn log_file(out: &Path, step: &Step) -> PathBuf {
    let name: String = step.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    out.join("logs").join(format!("{name}.log"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(folder: &Path, name: &str, words: &str, needs: &[&str]) -> Step {
        Step {
            name: name.to_owned(),
            arguments: vec!["-c".to_owned(), words.to_owned()],
            made: folder.join(name),
            is_output_kept: true,
            needs: needs.iter().map(|name| folder.join(name)).collect(),
        }
    }

    #[test]
    fn steps_wait_for_their_needs_and_what_is_done_is_not_done_again() {
        let folder = std::env::temp_dir().join(format!("vitrine-steps-{}", std::process::id()));
        let reporter = Reporter::new(None, true).unwrap();
        let shell = Path::new("/bin/sh");
        let list = |last: &str| {
            let first = folder.join("first");
            vec![
                step(&folder, "second", &format!("cat {}", first.display()), &["first"]),
                step(&folder, "first", "sleep 0.1; echo one", &[]),
                step(&folder, "third", last, &["second"]),
                step(&folder, "fourth", "echo four", &["third"]),
            ]
        };
        let error = run(shell, list("echo oh >&2; exit 3"), 2, &folder, &reporter).unwrap_err().to_string();
        assert!(error.contains("1 of 4 steps failed, 1 were left out") && error.contains("third"), "{error}");
        assert_eq!(fs::read_to_string(folder.join("second")).unwrap(), "one\n");
        assert_eq!(fs::read_to_string(folder.join("logs/third.log")).unwrap(), "oh\n");
        fs::write(folder.join("first"), "changed\n").unwrap();
        run(shell, list("echo three"), 2, &folder, &reporter).unwrap();
        assert_eq!(fs::read_to_string(folder.join("second")).unwrap(), "one\n");
        assert_eq!(fs::read_to_string(folder.join("fourth")).unwrap(), "four\n");
        fs::remove_dir_all(&folder).unwrap();
    }
}
