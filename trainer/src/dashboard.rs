//! What does training look like on a terminal? burn's own dashboard, told what the log is told.

use std::{
    collections::HashMap,
    io::{IsTerminal, stdout},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use burn_train::{
    Interrupter,
    logger::TrainingProgressLogger,
    metric::{
        MetricAttributes, MetricDefinition, MetricEntry, MetricId, NumericAttributes, NumericEntry,
        SerializedEntry,
    },
    renderer::{MetricState, MetricsRenderer, MetricsRendererTraining, tui::TuiMetricsRendererWrapper},
};
use crossterm::{cursor, event, execute, terminal};
use serde_json::Value;

/// Draws until it is dropped; then the terminal is as it was.
pub struct Dashboard {
    renderer: TuiMetricsRendererWrapper,
    /// Set by whoever presses q and then s.
    interrupter: Interrupter,
    /// What a stop is asked for with everywhere else.
    stop: Arc<AtomicBool>,
    known: HashMap<String, MetricId>,
    stage: String,
    steps: usize,
    /// Lines for people, for afterwards.
    lines: Mutex<Vec<String>>,
}

impl Dashboard {
    /// None where stdout is no terminal.
    #[must_use]
    pub fn open(stop: Arc<AtomicBool>) -> Option<Self> {
        if !(stdout().is_terminal() && std::io::stderr().is_terminal()) {
            return None;
        }
        let interrupter = Interrupter::new();
        let renderer = TuiMetricsRendererWrapper::new(interrupter.clone(), None);
        #[cfg(unix)]
        keep_interrupts();
        Some(Self {
            renderer,
            interrupter,
            stop,
            known: HashMap::new(),
            stage: String::new(),
            steps: 0,
            lines: Mutex::default(),
        })
    }

    pub fn say(&self, line: &str) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
    }

    pub fn begin_epoch(&mut self, stage: &str, epoch: usize, epochs: usize, steps: usize) {
        if self.stage != stage {
            stage.clone_into(&mut self.stage);
            self.renderer.start(epochs, epoch, None, Some(stage));
        }
        self.steps = 0;
        self.renderer.start_split("train", steps);
    }

    /// A step, and what is known of it.
    pub fn step(&mut self, values: &[(&str, f64)]) {
        self.steps += 1;
        for (name, value) in values {
            let state = self.state(name, *value);
            self.renderer.update_train(state);
        }
        self.renderer.update_split(self.steps);
        if self.interrupter.should_stop() {
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    /// The line of some steps, as the metrics file has it.
    pub fn record_step(&mut self, line: &Value) {
        for (name, value) in line.as_object().into_iter().flatten() {
            // Those of every step are there already.
            if !["loss", "learning_rate"].contains(&name.as_str())
                && let Some(value) = value.as_f64()
            {
                let state = self.state(name, value);
                self.renderer.update_train(state);
            }
        }
    }

    pub fn end_epoch(&mut self, epoch: usize, validation: &[(&str, f64)]) {
        self.renderer.end_split();
        for (name, value) in validation {
            let state = self.state(name, *value);
            self.renderer.update_valid(state);
        }
        self.renderer.update_epoch(epoch);
    }

    fn state(&mut self, name: &str, value: f64) -> MetricState {
        let id = match self.known.get(name) {
            Some(id) => id.clone(),
            None => self.register(name),
        };
        let entry = SerializedEntry::new(formatted(value), value.to_string());
        MetricState::Numeric(MetricEntry::new(id, entry), Some(NumericEntry::Value(value)))
    }

    fn register(&mut self, name: &str) -> MetricId {
        let id = MetricId::new(Arc::new(name.to_owned()));
        self.known.insert(name.to_owned(), id.clone());
        let higher_is_better = !(name.starts_with("loss") || name == "grad_norm");
        self.renderer.register_metric(MetricDefinition {
            metric_id: id.clone(),
            name: Arc::new(name.to_owned()),
            description: None,
            attributes: MetricAttributes::Numeric(NumericAttributes { unit: None, higher_is_better }),
        });
        id
    }

    /// What a stop is asked for with.
    #[must_use]
    pub fn stop(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// Closes it, and gives what was said meanwhile.
    #[must_use]
    pub fn close(self) -> Vec<String> {
        let Self { renderer, lines, .. } = self;
        drop(renderer);
        lines.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets Ctrl-C interrupt. The dashboard reads single keys, for which it switches the terminal to raw; then Ctrl-C is a key
/// like others, and one that it does not know.
#[cfg(unix)]
fn keep_interrupts() {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    use std::time::{Duration, Instant};

    // The thread that draws is the one that switches.
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        let Ok(mut modes) = tcgetattr(stdout()) else { return };
        if !modes.local_modes.contains(LocalModes::ISIG) {
            modes.local_modes.insert(LocalModes::ISIG);
            // Without it q and then s still stops.
            let _ = tcsetattr(stdout(), OptionalActions::Now, &modes);
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Leaves the terminal as it was, for a process that ends at once. Without a dashboard there is nothing to leave.
pub fn leave() {
    if terminal::is_raw_mode_enabled().unwrap_or(false) {
        let _ = terminal::disable_raw_mode();
        let _ = execute!(stdout(), event::DisableMouseCapture, terminal::LeaveAlternateScreen, cursor::Show);
    }
}

fn formatted(value: f64) -> String {
    match value.abs() {
        size if size != 0.0 && size < 1e-3 => format!("{value:.2e}"),
        size if size < 100.0 => format!("{value:.4}"),
        _ => format!("{value:.0}"),
    }
}
