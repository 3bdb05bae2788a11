//! How long will a stage take, and how much memory? Its largest batch is tried before the first step: what does not fit
//! should fail now, not in the night.

use std::time::Instant;

use anyhow::Result;
use burn::{module::Module, tensor::Device};
use shared::vocabulary::Model;

use crate::{
    checkpoint::Place,
    config::StageConfig,
    memory,
    output::Reporter,
    parameters,
    train::{self, Objective},
};

/// A stage of fewer steps is over before a trial would have said much.
const WORTH_A_TRIAL: usize = 100;

/// Says what a stage with such `batches` will take; nothing of the model changes.
///
/// # Errors
/// When there is no memory for its largest batch.
pub fn announce<O: Objective>(
    place: &Place,
    config: &StageConfig,
    model: &Model,
    objective: &O,
    batches: &[Vec<O::Part>],
    reporter: &Reporter,
) -> Result<()> {
    let positions = |batch: &Vec<O::Part>| batch.iter().map(|part| objective.positions(part)).sum::<usize>();
    let Some(largest) = batches.iter().max_by_key(|batch| positions(batch)) else { return Ok(()) };
    let steps = batches.len().div_ceil(config.accumulate) * config.epochs;
    if steps.saturating_sub(place.step) < WORTH_A_TRIAL {
        return Ok(());
    }
    let try_it = || {
        memory::answered(|| train::gradients(objective, model, std::slice::from_ref(largest), 1.0)).map(drop)
    };
    let device = model.devices().into_iter().next().unwrap_or_default();
    if device.clone().inner() != Device::flex() {
        // A GPU compiles its kernels and looks for the fastest of them.
        try_it()?;
    }
    let began = Instant::now();
    try_it()?;
    let seconds = began.elapsed().as_secs_f64();
    let of_largest = positions(largest);
    let all: usize = batches.iter().map(positions).sum();
    let share = 1.0 - place.step as f64 / steps as f64;
    let expected = seconds / of_largest.max(1) as f64 * (all * config.epochs) as f64 * share;
    // Of a GPU what it has set aside by now; of a processor what the process held at most. What is not there yet before the
    // first step comes to it: two moments of each trained number, and beside a processor's the best model and a checkpoint.
    let kept =
        |copies: u64| if place.step == 0 { 4 * copies * parameters::count(model).trained as u64 } else { 0 };
    let memory = match device.memory_pool_usage() {
        Some(usage) => Some(("all else on the device", usage.bytes_reserved + kept(2))),
        None => memory::peak_bytes().map(|bytes| ("all else", bytes + kept(4))),
    };
    let memory = memory.map(|(what, bytes)| format!(" and, with {what}, {}", size(bytes)));
    reporter.say(&format!(
        "{}: {steps} steps; the largest batch of {of_largest} positions takes {seconds:.2} s{}, so that {} about {}, \
         beside validation",
        place.stage,
        memory.unwrap_or_default(),
        if config.epochs == 1 { "the epoch takes".to_owned() } else { format!("{} epochs take", config.epochs) },
        words(expected)
    ));
    Ok(())
}

/// A duration as people say it.
pub fn words(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 90.0 => format!("{seconds:.0} s"),
        seconds if seconds < 5400.0 => format!("{:.0} minutes", seconds / 60.0),
        seconds => format!("{:.1} hours", seconds / 3600.0),
    }
}

/// An amount of memory as people say it.
fn size(bytes: u64) -> String {
    match bytes as f64 {
        bytes if bytes < 0.95e9 => format!("{:.0} MB", bytes / 1e6),
        bytes => format!("{:.1} GB", bytes / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_said_in_its_own_unit() {
        assert_eq!([31_400_000, 999_000_000, 7_250_000_000].map(size), ["31 MB", "1.0 GB", "7.2 GB"]);
    }

    #[test]
    fn durations_are_said_in_their_own_unit() {
        assert_eq!([2.2, 600.0, 9000.0].map(words), ["2 s", "10 minutes", "2.5 hours"]);
    }
}
