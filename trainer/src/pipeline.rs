//! How does a data set become a run? Split, tokenise, SFT, then RecPO; what does not help is dropped and said.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use anyhow::{Context, Result, ensure};
use burn::{module::Module, tensor::Device};
use futures_lite::future::block_on;
use shared::{
    interaction::Interaction,
    vocabulary::{Model, ModelConfig, VocabularyConfig},
};

use crate::{
    baselines::popular,
    beginning::{Beginning, adapted_as_before, begin_at_popularity, longest_row, popularity_of_late},
    checkpoint::{Keeper, Place, SUPERVISED},
    config::{Recipe, RunConfig},
    datasets::Dataset,
    examples::{
        items::{ItemData, ItemPreference, ItemSft},
        tokens::{TokenData, TokenPreference, TokenSft},
    },
    goals::Goals,
    hardware::{self, Hardware},
    negatives::{self, Sampler},
    output::{Reporter, write_file},
    parameters::{self, Counts},
    preference_config::Keep,
    reference::{Reference, ReferenceCache},
    run::{Run, StageSummary, Summary, cut_texts, ensure_known, texts},
    split::{self, Split},
    train::{self, Judge, Objective, Trained},
    trial,
    unmet::Unmet,
    validator::Validator,
};

/// Seed of evaluation candidates: the same for every run, so that runs can be compared.
pub const CANDIDATE_SEED: u64 = 42;

/// What a run is made from.
pub struct Job<'a> {
    pub dataset: &'a Dataset,
    /// The folder that the data set was read from.
    pub data: &'a Path,
    /// [`crate::checkpoint::fingerprint`] of the data set.
    pub fingerprint: &'a str,
    pub config: &'a RunConfig,
    pub device: &'a Device,
    /// What shares every batch with it.
    pub others: &'a [Device],
    /// A run whose model the preference stage begins with, and its folder; without one, the supervised stage makes it.
    pub from: Option<(&'a Run, &'a Path)>,
    /// Folder of the new run.
    pub out: &'a Path,
    pub is_quiet: bool,
    /// Whether a terminal, too, gets lines instead of a dashboard.
    pub is_plain: bool,
    /// Whether the run goes on where an earlier process left it.
    pub is_resumed: bool,
    /// Set when training is to stop.
    pub stop: Arc<AtomicBool>,
}

/// Trains on a data set and writes the run.
///
/// # Errors
/// When a setting is out of range, the data is too small, or a file cannot be written.
pub fn train(job: &Job) -> Result<Run> {
    let Job { dataset, config, device, out, .. } = *job;
    config.validate()?;
    let split = split::of(dataset);
    ensure!(
        !split.valid.is_empty(),
        "no visitor has two liked interactions, so nothing can be validated\n\
         hint: liked means four stars of five, a wish list, a cart or a purchase; is the right column read?"
    );
    let Beginning { tokenizer_json, model_config, carried, weights, positions } =
        match (job.from, &config.base) {
            (Some((run, _)), _) => Beginning::of_run(run),
            (None, Some(base)) => Beginning::of_base(base, config, &split)?,
            (None, None) => Beginning::new(dataset, config, &split)?,
        };
    let texts = texts(&dataset.catalog, &tokenizer_json, config)?;
    ensure_known(&texts, &model_config)?;

    // Before any training: a goal that lacks its column should say so at once.
    let counts = popular::counts(&split.train, texts.len());
    let goals = Goals::new(&config.preference, &dataset.catalog, &counts, dataset.clearance.as_deref())?;
    let seen = negatives::seen_while_training(&dataset.seen, &split.train);

    std::fs::create_dir_all(out).with_context(|| format!("cannot make the folder {}", out.display()))?;
    let training_device = |device: &Device| {
        hardware::ensure_computes_in(config.precision, device)?;
        Ok(device.clone().autodiff())
    };
    let others = job.others.iter().map(&training_device).collect::<Result<Vec<_>>>()?;
    let training_device = training_device(device)?;
    let mut keeper = Keeper::new(out, config.checkpoints, Arc::clone(&job.stop), job.is_resumed)?;
    let mut reporter =
        Reporter::going_on(Some(&out.join("metrics.jsonl")), keeper.metrics_bytes(), job.is_quiet)?
            .with_log(&out.join("train.log"))?;
    if !job.is_plain {
        reporter = reporter.with_dashboard(&job.stop);
    }
    write_file(&out.join("config.toml"), toml::to_string(config)?.as_bytes())?;
    let items = dataset.catalog.len();
    let sampled = split::sample(&split.valid, config.valid_questions);
    let lists = negatives::candidates(&sampled, &dataset.histories, items, CANDIDATE_SEED);
    let (valid_questions, candidates) = negatives::with_a_choice(sampled, lists);
    say_what_is_there(dataset, &split, valid_questions.len(), &reporter);
    if let (Recipe::Text, Some(warning)) = (config.recipe, cut_texts(&texts)) {
        reporter.say(&warning);
    }
    if let (Some(positions), VocabularyConfig::Tokens(tokens)) = (positions, &model_config.vocabulary) {
        let longest = tokens.template.start.len() + longest_row(&dataset.histories, &texts, config.context);
        if longest > positions {
            reporter.say(&format!(
                "warning: histories are up to {longest} tokens long, and the model was made to read {positions}; it may \
                 read the rest badly\nhint: lower context (now {}) in a config file",
                config.context
            ));
        }
    }

    let judge = Validator {
        candidates,
        questions: &valid_questions,
        config: &model_config,
        texts: &texts,
        unmet: Unmet::new(&split.train, &valid_questions, items),
        device,
        checkpoint: out.to_owned(),
        base: config.base.as_ref(),
    };
    training_device.seed(config.seed);
    let context = Stages {
        config,
        model_config: &model_config,
        texts: &texts,
        train: &split.train,
        seen: &seen,
        training_device: &training_device,
        hardware: Hardware::new(&training_device, &others, config.precision).recomputing(config.recompute),
        // Beside the model that answers: the next stage on the same model asks the same.
        cache: ReferenceCache::new(
            &job.from
                .map_or_else(|| out.join("checkpoints"), |(_, folder)| folder.to_owned())
                .join("reference"),
            serde_json::to_string(&(&model_config, &config.base, config.precision, job.fingerprint))?,
        )
        .stopped_by(&job.stop),
    };

    let (sft, mut stages) = match job.from {
        Some((run, folder)) => {
            // A run's model is ready.
            let model = match &config.base {
                Some(base) if base.lora.rank > 0 => {
                    let model = adapted_as_before(run, folder, base, &training_device)?;
                    reporter.say(&format!("{}: {}", config.recipe.name(), count(&model)));
                    train::frozen(&model)
                }
                _ => run.model(device)?,
            };
            let validation = judge.validate(&model)?;
            (Trained { model, validation, epoch: 0 }, run.summary.stages.clone())
        }
        None => {
            let model = model_config.init(&training_device);
            let model = match (weights, &config.base) {
                (Some(weights), Some(base)) => base.begin(model, weights, &training_device)?,
                _ => {
                    let prior = popularity_of_late(&split.train, &counts, &judge)?;
                    begin_at_popularity(model, &prior)
                }
            };
            reporter.say(&format!("{}: {}", config.recipe.name(), count(&model)));
            let model = parameters::numbered(model);
            let trained = parameters::trained(&model);
            let sft = match keeper.finished(SUPERVISED, job.is_resumed)? {
                Some(saved) => {
                    let (epoch, validation) =
                        saved.place.best.context("a finished stage has a validation")?;
                    let ready = parameters::numbered(judge.ready(&model)?);
                    Trained { model: parameters::restored(ready, &saved.parameters)?, validation, epoch }
                }
                None => {
                    if config.preference.is_enabled {
                        context.try_preferences(&model, &goals, &reporter)?;
                    }
                    let sft = context.sft(model, &judge, &mut reporter, &mut keeper)?;
                    keeper.finish(SUPERVISED, &sft, &trained)?;
                    sft
                }
            };
            let stages = vec![summary(SUPERVISED, &sft, true)];
            (sft, stages)
        }
    };
    let mut model = sft.model.clone();
    if config.preference.is_enabled {
        let trained = context.prefer(&sft, &goals, &judge, &mut reporter, &mut keeper)?;
        let is_kept = trained.epoch > 0;
        let is_better = trained.validation.is_better_than(&sft.validation);
        reporter.say(&if is_kept {
            format!(
                "preference stage kept{}: validation HR@1 {:.4} → {:.4}",
                if is_better || !goals.is_empty() { "" } else { ", though it is no better, as `keep` says" },
                sft.validation.hit_rate_at_1,
                trained.validation.hit_rate_at_1
            )
        } else {
            format!(
                "preference stage dropped: no epoch beat validation HR@1 {:.4}",
                sft.validation.hit_rate_at_1 - if goals.is_empty() { 0.0 } else { config.preference.guard }
            )
        });
        if !goals.is_empty() {
            reporter.say(&format!(
                "goals: mean value of the first of each list {:.4} → {:.4}, at validation HR@1 {:.4} → {:.4} \
                 (a loss beyond {} drops the stage)",
                judge.goal_value(&sft.model, &goals)?,
                judge.goal_value(&trained.model, &goals)?,
                sft.validation.hit_rate_at_1,
                trained.validation.hit_rate_at_1,
                config.preference.guard
            ));
        }
        stages.push(summary(&config.preference.name(), &trained, is_kept));
        model = trained.model;
    }

    // A stage that was dropped, too, leaves the adapters of the model that is kept.
    if model.clone().is_adapted() {
        judge.checkpoint(&model)?;
    }
    // Of a large model there is never more than one while it is written down.
    drop(sft);
    let weights = block_on(model.merged().into_weights())?;
    let run = Run {
        carried,
        config: config.clone(),
        summary: Summary {
            model: model_config.clone(),
            data: job.data.to_path_buf(),
            format: dataset.format.to_owned(),
            stages,
            signals: dataset.signals.clone(),
            seconds: keeper.seconds(),
        },
        catalog: dataset.catalog.clone(),
        tokenizer_json,
        weights,
    };
    run.save(out)?;
    keeper.clear()?;
    reporter.say(&format!("run written to {} after {:.0} s", out.display(), run.summary.seconds));
    Ok(run)
}

/// How many numbers a model has, and how many of them are trained.
fn count(model: &Model) -> String {
    let Counts { all, trained } = parameters::count(model);
    if all == trained {
        format!("{all} parameters")
    } else {
        format!("{all} parameters, of which {trained} in adapters are trained")
    }
}

fn say_what_is_there(dataset: &Dataset, split: &Split, valid_questions: usize, reporter: &Reporter) {
    reporter.say(&format!(
        "{}: {} items, {} visitors, {} interactions; {} to train on, {valid_questions} validation questions of {}",
        dataset.format,
        dataset.catalog.len(),
        dataset.histories.len(),
        dataset.interactions(),
        split.train.iter().map(Vec::len).sum::<usize>(),
        split.valid.len()
    ));
    if dataset.unknown_events > 0 {
        reporter.say(&format!(
            "warning: {} events name items that the catalogue lacks; they were left out",
            dataset.unknown_events
        ));
    }
}

fn summary(stage: &str, trained: &Trained, is_kept: bool) -> StageSummary {
    StageSummary {
        stage: stage.to_owned(),
        epoch: trained.epoch,
        valid_hit_rate_at_1: trained.validation.hit_rate_at_1,
        valid_ndcg_at_10: trained.validation.ndcg_at_10,
        is_kept,
    }
}

/// What both stages share.
struct Stages<'a> {
    config: &'a RunConfig,
    model_config: &'a ModelConfig,
    texts: &'a [Vec<u32>],
    train: &'a [Vec<Interaction>],
    /// What each visitor saw meanwhile.
    seen: &'a [Vec<usize>],
    training_device: &'a Device,
    hardware: Hardware,
    cache: ReferenceCache,
}

impl Stages<'_> {
    fn items(&self) -> ItemData {
        ItemData::new(self.train, self.texts, self.model_config, self.hardware.clone())
    }

    fn tokens(&self) -> TokenData {
        TokenData::new(self.train, self.texts, self.model_config, self.hardware.clone())
    }

    fn sft(
        &self,
        model: Model,
        judge: &Validator,
        reporter: &mut Reporter,
        keeper: &mut Keeper,
    ) -> Result<Trained> {
        let (config, seed) = (&self.config.sft, self.config.seed);
        match self.config.recipe {
            Recipe::Compact => {
                let mut objective = ItemSft::new(self.items(), config, seed);
                train::run(SUPERVISED, &config.stage, model, &mut objective, None, judge, reporter, keeper)
            }
            Recipe::Text => {
                let mut objective = TokenSft::new(self.tokens(), config, seed);
                train::run(SUPERVISED, &config.stage, model, &mut objective, None, judge, reporter, keeper)
            }
        }
    }

    /// Tries the largest batch of the preference stage before anything is trained: what does not fit should fail now, and
    /// not when the supervised stage is over. The model is as large as the one that will be there then.
    fn try_preferences(&self, model: &Model, goals: &Goals, reporter: &Reporter) -> Result<()> {
        let (config, seed) = (self.config.preference.without_hard_negatives(), self.config.seed);
        let mut sampler = Sampler::new(self.train, &config, goals, self.seen)?;
        let (reference, place) = (Reference::unasked(model), Place::beginning(&config.name()));
        match self.config.recipe {
            Recipe::Compact => {
                let mut objective =
                    ItemPreference::new(self.items(), &reference, &config, &mut sampler, seed)?;
                let batches = objective.epoch(1);
                trial::announce(&place, &config.stage, model, &objective, &batches, reporter)
            }
            Recipe::Text => {
                let mut objective =
                    TokenPreference::new(self.tokens(), &reference, &config, &mut sampler, seed)?;
                let batches = objective.epoch(1);
                trial::announce(&place, &config.stage, model, &objective, &batches, reporter)
            }
        }
    }

    fn prefer(
        &self,
        sft: &Trained,
        goals: &Goals,
        judge: &Validator,
        reporter: &mut Reporter,
        keeper: &mut Keeper,
    ) -> Result<Trained> {
        let (config, seed) = (&self.config.preference, self.config.seed);
        let stage = &config.name();
        let mut sampler = Sampler::new(self.train, config, goals, self.seen)?;
        let model = if sft.model.clone().is_adapted() {
            sft.model.clone().train()
        } else {
            let weights = block_on(sft.model.weights())?;
            self.model_config.init(self.training_device).with_weights(&weights, self.training_device)?
        };
        // Goals may cost some hits, up to the guard.
        let mut start = sft.validation;
        if !goals.is_empty() {
            start.hit_rate_at_1 -= config.guard;
        }
        // Goals are never kept at any price: the guard holds whatever `keep` says.
        let start =
            (config.keep == Keep::WhenBetter || !goals.is_empty()).then(|| (sft.model.clone(), start));
        let nothing = Trained { model: sft.model.clone(), validation: sft.validation, epoch: 0 };
        let say = |count: usize, sampler: &Sampler| {
            format!("{stage}: {count} preferences with {}", sampler.describe())
        };
        let begun = model.clone();
        let reference = Reference::new(&begun, self.cache.clone());
        let mut trained = match self.config.recipe {
            Recipe::Compact => {
                let mut objective =
                    ItemPreference::new(self.items(), &reference, config, &mut sampler, seed)?;
                reporter.say(&say(objective.len(), &sampler));
                if objective.is_empty() {
                    return Ok(nothing);
                }
                train::run(stage, &config.stage, model, &mut objective, start, judge, reporter, keeper)?
            }
            Recipe::Text => {
                let mut objective =
                    TokenPreference::new(self.tokens(), &reference, config, &mut sampler, seed)?;
                reporter.say(&say(objective.len(), &sampler));
                if objective.is_empty() {
                    return Ok(nothing);
                }
                train::run(stage, &config.stage, model, &mut objective, start, judge, reporter, keeper)?
            }
        };
        if trained.epoch == 0 {
            trained.validation = sft.validation;
        }
        Ok(trained)
    }
}
