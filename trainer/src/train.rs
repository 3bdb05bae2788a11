//! How does a model learn? The loop, readable top to bottom, for both stages and both vocabularies.

use std::{collections::HashSet, time::Instant};

use anyhow::{Result, ensure};
use burn::{
    grad_clipping::GradientClippingConfig,
    module::Module,
    optim::{AdamWConfig, GradientsAccumulator, GradientsParams},
    tensor::Tensor,
};
use shared::vocabulary::Model;

use crate::{
    average::WeightAverage,
    config::StageConfig,
    health::{Gauges, gradient_norm, hints},
    output::Reporter,
    schedule::learning_rate,
};

/// What a stage minimises: batches and their loss.
pub trait Objective {
    type Batch;

    /// The batches of the next epoch.
    fn epoch(&mut self) -> Vec<Self::Batch>;

    /// Number of targets that the loss of a batch is the mean of.
    fn targets(&self, batch: &Self::Batch) -> usize;

    /// Names of what a batch reports beside its loss.
    fn metric_names(&self) -> &'static [&'static str] {
        &[]
    }

    fn loss(&self, model: &Model, batch: &Self::Batch) -> StepOutcome;
}

/// What the model makes of one batch.
pub struct StepOutcome {
    /// Mean loss, a scalar with gradients.
    pub loss: Tensor<1>,
    /// Means over the batch in the order of [`Objective::metric_names`], without gradients.
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
#[derive(Clone, Copy, Debug, PartialEq)]
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
/// With `start`, that model counts as epoch 0: it is kept unless an epoch is better.
///
/// # Errors
/// When the loss stops being a number, or the judge fails.
pub fn run<O: Objective>(
    stage: &str,
    config: &StageConfig,
    mut model: Model,
    objective: &mut O,
    start: Option<(Model, Validation)>,
    judge: &impl Judge,
    reporter: &mut Reporter,
) -> Result<Trained> {
    let mut optimizer = AdamWConfig::new()
        .with_beta_1(0.9)
        .with_beta_2(0.98)
        .with_epsilon(1e-8)
        .with_weight_decay(config.weight_decay)
        .with_grad_clipping(Some(GradientClippingConfig::Norm(config.clip)))
        .init();
    let mut average = WeightAverage::new(config.weight_average);
    let mut best: Option<Trained> = start.map(|(model, validation)| Trained { model, validation, epoch: 0 });
    let mut step = 0;
    let mut epochs_without_gain = 0;
    let began = Instant::now();
    let mut said = HashSet::new();

    for epoch in 1..=config.epochs {
        let batches = objective.epoch();
        // A stage that begins with a finished model may find nothing to prefer; the first one may not.
        ensure!(
            !batches.is_empty() || best.is_some(),
            "{stage} has no examples\nhint: something must come before what is held out"
        );
        let steps_per_epoch = batches.len().div_ceil(config.accumulate);
        let total_steps = steps_per_epoch * config.epochs;
        reporter.begin_epoch(stage, epoch, config.epochs, steps_per_epoch);
        let mut gauges = Gauges::new(objective.metric_names());
        for group in batches.chunks(config.accumulate) {
            let outcome = gradients(objective, &model, group);
            ensure!(
                outcome.loss.is_finite(),
                "the loss of {stage} is not a number at epoch {epoch}, step {step}\n\
                 hint: lower the stage's learning_rate (now {}) in a config file",
                config.learning_rate
            );
            let rate = learning_rate(step, total_steps, config);
            gauges.step(outcome.loss, outcome.metrics);
            if step % config.log_every == 0 {
                let norm = gradient_norm(&model, &outcome.gradients)?;
                reporter.record_step(stage, epoch, step, gauges.line(norm, rate)?)?;
            }
            model = optimizer.step(rate, model, outcome.gradients);
            average.update(&model);
            step += 1;
            reporter.step(outcome.loss, rate);
        }
        let means = gauges.epoch()?;

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
            epochs_without_gain = 0;
        } else {
            epochs_without_gain += 1;
            if epochs_without_gain >= config.patience {
                break;
            }
        }
    }
    match best {
        Some(best) => Ok(best),
        None => {
            let model = judge.ready(&model)?;
            Ok(Trained { validation: judge.validate(&model)?, model, epoch: 0 })
        }
    }
}

/// What a group of batches gives together.
pub struct GroupOutcome {
    pub loss: f64,
    pub gradients: GradientsParams,
    pub metrics: Option<Tensor<1>>,
}

/// Mean loss of a group of batches and its gradients: many small batches give what one large batch would.
pub fn gradients<O: Objective>(objective: &O, model: &Model, group: &[O::Batch]) -> GroupOutcome {
    let mut accumulator = GradientsAccumulator::new();
    let mut loss = 0.0;
    let mut metrics: Option<Tensor<1>> = None;
    let total: usize = group.iter().map(|batch| objective.targets(batch)).sum();
    for batch in group {
        let share = objective.targets(batch) as f64 / total.max(1) as f64;
        let outcome = objective.loss(model, batch);
        let weighted = outcome.loss * share;
        loss += f64::from(weighted.clone().into_scalar::<f32>());
        accumulator.accumulate(model, GradientsParams::from_grads(weighted.backward(), model));
        if let Some(own) = outcome.metrics.map(|own| own * share) {
            metrics = Some(match metrics {
                Some(sum) => sum + own,
                None => own,
            });
        }
    }
    GroupOutcome { loss, gradients: accumulator.grads(), metrics }
}

/// The model without gradients, for validation and as a frozen reference.
#[must_use]
pub fn frozen(model: &Model) -> Model {
    model.valid()
}
