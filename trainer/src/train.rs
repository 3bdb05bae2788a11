//! How does a model learn? The loop, readable top to bottom, for both stages and both vocabularies.

use std::{
    collections::{BTreeSet, HashSet},
    time::Instant,
};

use anyhow::{Result, anyhow, ensure};
use burn::{
    module::Module,
    optim::{GradientsAccumulator, GradientsParams, ModuleOptimizer},
    tensor::{Device, Tensor},
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use shared::vocabulary::Model;

use crate::{
    average::WeightAverage,
    checkpoint::{self, Keeper, Place, Saved},
    clipping,
    config::StageConfig,
    hardware::Hardware,
    health::{Gauges, are_numbers, gradient_norm, hints},
    kernels::adam::ClippedAdamW,
    loss_scale::LossScale,
    memory,
    output::Reporter,
    parameters,
    schedule::learning_rate,
    trial,
};

/// What a stage minimises: batches and their loss.
pub trait Objective: Sync {
    /// Of a batch, what is computed at once.
    type Part: Part;

    /// The batches of an epoch, counted from 1, each in the parts that are computed side by side: the same whenever it is
    /// asked for.
    fn epoch(&mut self, number: usize) -> Vec<Vec<Self::Part>>;

    /// Number of targets that the loss of a part is the mean of.
    fn targets(&self, part: &Self::Part) -> usize;

    /// Number of positions that a part makes the model compute, padding included: what time and memory grow with.
    fn positions(&self, part: &Self::Part) -> usize;

    /// What it is computed on.
    fn hardware(&self) -> &Hardware;

    /// Names of what a part reports beside its loss.
    fn metric_names(&self) -> &'static [&'static str] {
        &[]
    }

    fn loss(&self, model: &Model, part: &Self::Part) -> StepOutcome;
}

/// Of a batch, what is computed at once.
pub trait Part: Sync {
    /// The same on another device.
    #[must_use]
    fn on(&self, device: &Device) -> Self;
}

/// What the model makes of one part.
pub struct StepOutcome {
    /// Mean loss, a scalar with gradients.
    pub loss: Tensor<1>,
    /// Means over the part in the order of [`Objective::metric_names`], without gradients.
    pub metrics: Option<Tensor<1>>,
}

impl From<Tensor<1>> for StepOutcome {
    fn from(loss: Tensor<1>) -> Self {
        Self { loss, metrics: None }
    }
}

/// What a stage asks after every epoch.
pub trait Judge {
    /// The model as it will be used, without gradients.
    ///
    /// # Errors
    /// When the device fails.
    fn ready(&self, model: &Model) -> Result<Model>;

    /// How good a ready model is on the validation questions.
    ///
    /// # Errors
    /// When the device fails.
    fn validate(&self, model: &Model) -> Result<Validation>;

    /// Keeps the best ready model so far where a crash cannot take it.
    ///
    /// # Errors
    /// When it cannot be written.
    fn checkpoint(&self, model: &Model) -> Result<()>;
}

/// How good a model is on the validation questions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    pub hit_rate_at_1: f64,
    pub ndcg_at_10: f64,
}

impl Validation {
    /// HR@1 decides; NDCG@10 settles what HR@1 leaves open.
    #[must_use]
    pub fn is_better_than(&self, other: &Self) -> bool {
        (self.hit_rate_at_1, self.ndcg_at_10) > (other.hit_rate_at_1, other.ndcg_at_10)
    }
}

/// The best model of a stage by validation, ready, and when it was reached.
pub struct Trained {
    pub model: Model,
    pub validation: Validation,
    /// Counted from 1; 0 is the model that the stage began with.
    pub epoch: usize,
}

/// Runs one stage and returns the model of its best epoch.
///
/// With `start`, that model counts as epoch 0: it is kept unless an epoch is better. What the `keeper` was asked to resume
/// goes on to the same weights, bit by bit on a processor.
///
/// # Errors
/// When the loss stops being a number, the judge fails, or training was asked to stop.
#[expect(clippy::too_many_arguments, reason = "what a stage is made of, each said once")]
pub fn run<O: Objective>(
    stage: &str,
    config: &StageConfig,
    model: Model,
    objective: &mut O,
    start: Option<(Model, Validation)>,
    judge: &impl Judge,
    reporter: &mut Reporter,
    keeper: &mut Keeper,
) -> Result<Trained> {
    let mut optimizer = optimizer(config);
    let mut model = parameters::numbered(model);
    let trained = parameters::trained(&model);
    let mut average = WeightAverage::new(config.weight_average);
    let mut best: Option<Trained> = start.map(|(model, validation)| Trained { model, validation, epoch: 0 });
    let mut place = Place::beginning(stage);
    if let Some(saved) = keeper.take(stage) {
        model = parameters::restored(model, &saved.parameters)?;
        optimizer = optimizer
            .from_bytes(checkpoint::optimizer_bytes(saved.optimizer))
            .map_err(|error| anyhow!("the optimizer's state cannot be read: {error}"))?;
        let device = model.devices().into_iter().next().unwrap_or_default().inner();
        average =
            WeightAverage::of_state(config.weight_average, saved.place.averaged, &saved.average, &device);
        if let Some((epoch, validation)) = saved.place.best.filter(|&(epoch, _)| epoch > 0) {
            let ready = parameters::numbered(judge.ready(&model)?);
            best = Some(Trained { model: parameters::restored(ready, &saved.best)?, validation, epoch });
        }
        place = saved.place;
        reporter.say(&format!("{stage}: going on at epoch {}, step {}", place.epoch, place.step));
    }
    let mut scale = LossScale::new(objective.hardware().precision, place.loss_scale);
    let began = Instant::now();
    let mut said = HashSet::new();
    let mut is_announced = false;

    while place.epoch <= config.epochs {
        // Before the epoch that would be the next, so that a stage that was stopped at its end ends again.
        if place.epochs_without_gain >= config.patience && place.group == 0 {
            break;
        }
        let epoch = place.epoch;
        let batches = objective.epoch(epoch);
        // A stage that begins with a finished model may find nothing to prefer; the first one may not.
        ensure!(
            !batches.is_empty() || best.is_some(),
            "{stage} has no examples\nhint: something must come before what is held out"
        );
        if !is_announced {
            trial::announce(&place, config, &model, objective, &batches, reporter)?;
            is_announced = true;
        }
        let steps_per_epoch = batches.len().div_ceil(config.accumulate);
        let total_steps = steps_per_epoch * config.epochs;
        reporter.begin_epoch(stage, epoch, config.epochs, steps_per_epoch);
        let device = model.devices().into_iter().next().unwrap_or_default().inner();
        let mut gauges = Gauges::new(objective.metric_names(), place.sums.take(), &device);
        for group in batches.chunks(config.accumulate).skip(place.group) {
            let step = place.step;
            memory::ensure_enough(memory::available_bytes())?;
            let outcome = memory::answered(|| gradients(objective, &model, group, scale.factor()))?;
            ensure!(outcome.loss.is_finite(), keeper.no_numbers("the loss is", &place, config.learning_rate));
            let rate = learning_rate(step, total_steps, config);
            gauges.step(outcome.loss, outcome.metrics);
            // Overflowed gradients are no step.
            if let Some(gradients) = scale.settle(&model, outcome.gradients)? {
                if step.is_multiple_of(config.log_every) {
                    let norm = gradient_norm(&model, &gradients)?;
                    reporter.record_step(stage, epoch, step, gauges.line(norm, rate)?)?;
                }
                let gradients = if config.clip_together {
                    clipping::together(&model, gradients, config.clip)
                } else {
                    gradients
                };
                model = optimizer.step(rate, model, gradients);
                average.update(&model);
            }
            place.loss_scale = scale.state();
            place.step += 1;
            place.group += 1;
            let positions = group.iter().flatten().map(|part| objective.positions(part)).sum();
            reporter.step(outcome.loss, rate, positions);
            if keeper.is_due(place.step) {
                ensure_numbers(&model, &place, config, keeper)?;
                place.sums = Some(gauges.sums()?);
                save(keeper, &mut place, &model, &trained, &optimizer, &average, best.as_ref(), reporter)?;
                if keeper.is_stopped() {
                    return Err(keeper.stopped(&place));
                }
            }
        }
        let means = gauges.epoch()?;
        // Before anything of it is kept.
        ensure_numbers(&model, &place, config, keeper)?;

        let candidate = judge.ready(&average.apply(&model))?;
        let validation = judge.validate(&candidate)?;
        let is_best = best.as_ref().is_none_or(|best| validation.is_better_than(&best.validation));
        reporter.end_epoch(stage, epoch, &means, &validation, is_best, began.elapsed().as_secs_f64())?;
        for (name, hint) in hints(&means) {
            if said.insert(name) {
                reporter.say(&format!("warning: {stage}: {hint}"));
            }
        }
        if is_best {
            judge.checkpoint(&candidate)?;
            best = Some(Trained { model: candidate, validation, epoch });
            place.epochs_without_gain = 0;
        } else {
            place.epochs_without_gain += 1;
        }
        place.epoch += 1;
        place.group = 0;
        place.sums = None;
        save(keeper, &mut place, &model, &trained, &optimizer, &average, best.as_ref(), reporter)?;
    }
    reporter.end_stage();
    match best {
        Some(best) => Ok(best),
        None => {
            let model = judge.ready(&model)?;
            Ok(Trained { validation: judge.validate(&model)?, model, epoch: 0 })
        }
    }
}

/// Infinite gradients of a finite loss are seen in the weights.
fn ensure_numbers(model: &Model, place: &Place, config: &StageConfig, keeper: &Keeper) -> Result<()> {
    ensure!(are_numbers(model)?, keeper.no_numbers("weights are", place, config.learning_rate));
    Ok(())
}

/// What turns gradients into steps.
#[must_use]
pub fn optimizer(config: &StageConfig) -> ModuleOptimizer {
    ModuleOptimizer::from(ClippedAdamW {
        beta_1: 0.9,
        beta_2: 0.98,
        epsilon: 1e-8,
        weight_decay: config.weight_decay,
        clip: if config.clip_together { f32::MAX } else { config.clip },
    })
}

#[expect(clippy::too_many_arguments, reason = "everything that decides the next step")]
fn save(
    keeper: &mut Keeper,
    place: &mut Place,
    model: &Model,
    trained: &BTreeSet<String>,
    optimizer: &ModuleOptimizer,
    average: &WeightAverage,
    best: Option<&Trained>,
    reporter: &mut Reporter,
) -> Result<()> {
    if !keeper.is_keeping() {
        return Ok(());
    }
    let (averaged, average) = average.state();
    place.averaged = averaged;
    place.best = best.map(|best| (best.epoch, best.validation));
    place.metrics_bytes = reporter.metrics_bytes()?;
    place.seconds = keeper.seconds();
    // The model that the stage began with is where it came from.
    let best = best.filter(|best| best.epoch > 0);
    let best = best.map(|best| parameters::parameters(&parameters::numbered(best.model.clone()), trained));
    keeper.save(&Saved {
        place: place.clone(),
        parameters: parameters::parameters(model, trained),
        optimizer: optimizer.into_bytes().map_err(|error| anyhow!("{error}"))?.to_vec(),
        average,
        best: best.unwrap_or_default(),
    })
}

/// What a group of batches gives together.
pub struct GroupOutcome {
    pub loss: f64,
    pub gradients: GradientsParams,
    pub metrics: Option<Tensor<1>>,
}

/// Mean loss of a group of batches and its gradients times `scale`: many small batches give what one large batch would.
pub fn gradients<O: Objective>(
    objective: &O,
    model: &Model,
    group: &[Vec<O::Part>],
    scale: f64,
) -> GroupOutcome {
    let total: usize = group.iter().flatten().map(|part| objective.targets(part)).sum();
    let mut accumulator = GradientsAccumulator::new();
    let mut loss = 0.0;
    let mut metrics: Option<Tensor<1>> = None;
    for outcome in group.iter().flat_map(|parts| side_by_side(objective, model, parts, total, scale)) {
        loss += outcome.loss;
        // In the order of the parts, whichever was ready first: sums of floats depend on it.
        accumulator.accumulate(model, outcome.gradients);
        metrics = match (metrics, outcome.metrics) {
            (Some(sum), Some(own)) => Some(sum + own),
            (sum, own) => sum.or(own),
        };
    }
    GroupOutcome { loss, gradients: accumulator.grads(), metrics }
}

/// What each part adds to a step of `total` targets.
fn side_by_side<O: Objective>(
    objective: &O,
    model: &Model,
    parts: &[O::Part],
    total: usize,
    scale: f64,
) -> Vec<GroupOutcome> {
    let outcome = |model: &Model, part: &O::Part| {
        let share = objective.targets(part) as f64 / total.max(1) as f64;
        let mut model = model.clone();
        if objective.hardware().is_recomputing {
            model.model = model.model.recomputing();
        }
        let outcome = objective.loss(&model, part);
        let weighted = outcome.loss * share;
        let scaled = if scale == 1.0 { weighted.clone() } else { weighted.clone() * scale };
        let mut accumulator = GradientsAccumulator::new();
        model.model.backward(&scaled, |gradients| {
            accumulator.accumulate(&model, GradientsParams::from_grads(gradients, &model));
        });
        // Read last: a GPU is given all of its work before anything is waited for.
        let loss = f64::from(weighted.into_scalar::<f32>());
        let metrics = outcome.metrics.map(|own| own * share);
        GroupOutcome { loss, gradients: accumulator.grads(), metrics }
    };
    if let [part] = parts {
        return vec![outcome(model, part)];
    }
    // Each has its own leaves: passes that share some would wait for one another.
    let hardware = objective.hardware();
    let devices = (0..parts.len()).map(|part| hardware.device_of(part));
    let copies: Vec<(&Device, Model)> = devices.map(|device| (device, model.clone().fork(device))).collect();
    let home = hardware.device.clone().inner();
    parts
        .par_iter()
        .zip(copies)
        .map(|(part, (device, copy))| {
            let GroupOutcome { loss, gradients, metrics } = outcome(&copy, &part.on(device));
            GroupOutcome {
                loss,
                gradients: gradients.to_device(&home, &copy),
                metrics: metrics.map(|metrics| metrics.to_device(&home)),
            }
        })
        .collect()
}

/// The model without gradients, for validation and as a frozen reference.
#[must_use]
pub fn frozen(model: &Model) -> Model {
    model.valid()
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        path::Path,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use shared::vocabulary::Vocabulary;

    use super::*;
    use crate::{
        checkpoint::CheckpointConfig,
        config::{Recipe, RunConfig},
        hugging_face::tensors,
    };

    #[derive(Clone)]
    struct Nothing;

    impl Part for Nothing {
        fn on(&self, _: &Device) -> Self {
            self.clone()
        }
    }

    /// The sum of some weights; from one step on with gradients that are no numbers.
    struct Poisoned {
        hardware: Hardware,
        steps: AtomicUsize,
        at: usize,
    }

    impl Objective for Poisoned {
        type Part = Nothing;

        fn epoch(&mut self, _: usize) -> Vec<Vec<Nothing>> {
            vec![vec![Nothing]; 3]
        }

        fn targets(&self, _: &Nothing) -> usize {
            1
        }

        fn positions(&self, _: &Nothing) -> usize {
            1
        }

        fn hardware(&self) -> &Hardware {
            &self.hardware
        }

        fn loss(&self, model: &Model, _: &Nothing) -> StepOutcome {
            let Vocabulary::Items(items) = &model.vocabulary else { panic!() };
            let sum = items.token_vectors().sum();
            let step = self.steps.fetch_add(1, Ordering::Relaxed);
            // √0 is 0, and steeper than any number.
            let poison = if step < self.at { sum.clone() * 0.0 } else { (sum.clone() * 0.0).sqrt() };
            (sum + poison).into()
        }
    }

    struct Lenient;

    impl Judge for Lenient {
        fn ready(&self, model: &Model) -> Result<Model> {
            Ok(frozen(model))
        }

        fn validate(&self, _: &Model) -> Result<Validation> {
            Ok(Validation { hit_rate_at_1: 1.0, ndcg_at_10: 1.0 })
        }

        fn checkpoint(&self, model: &Model) -> Result<()> {
            assert!(are_numbers(&model.clone().train())?, "the best model is of numbers");
            Ok(())
        }
    }

    /// A loss that is a number may have gradients that are none.
    #[test]
    fn weights_that_are_no_numbers_are_never_kept() {
        let device = Device::flex().autodiff();
        let config = RunConfig { hidden_size: 8, heads: 2, ..RunConfig::recipe(Recipe::Compact) };
        let stage = StageConfig { epochs: 3, ..config.sft.stage.clone() };
        let model = config.model(5, 20, Vec::new(), Vec::new()).init(&device);
        // In the middle of an epoch, and with its last step.
        for (at, steps, last) in [(4, 1, "sft-0002-00000004"), (5, 0, "sft-0002-00000003")] {
            let run = std::env::temp_dir().join(format!("vitrine-poisoned-{at}-{}", std::process::id()));
            let checkpoints = CheckpointConfig { steps, minutes: 0.0, keep: 2 };
            let mut keeper = Keeper::new(&run, checkpoints, Arc::default(), false).unwrap();
            let mut objective =
                Poisoned { hardware: Hardware::from(&device), steps: AtomicUsize::new(0), at };
            let mut reporter = Reporter::new(None, true).unwrap();
            let model = model.clone();
            let error =
                super::run("sft", &stage, model, &mut objective, None, &Lenient, &mut reporter, &mut keeper);
            let said = error.err().unwrap().to_string();
            for words in
                ["weights are not a number in sft at epoch 2", "hint: lower learning_rate", "--resume"]
            {
                assert!(said.contains(words), "{said}");
            }
            let places = run.join("checkpoints");
            assert_eq!(fs::read_link(places.join("last")).unwrap(), Path::new(last));
            for place in fs::read_dir(&places).unwrap() {
                let kept = tensors::read_file(&place.unwrap().path().join("parameters.safetensors")).unwrap();
                assert!(kept.values().flat_map(|weight| &weight.values).all(|value| value.is_finite()));
            }
            fs::remove_dir_all(&run).unwrap();
        }
    }
}
