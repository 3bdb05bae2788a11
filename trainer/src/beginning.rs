//! What does a run begin with? A tokenizer and a model of its own, an earlier run's, or a published one.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result};
use burn::tensor::{Device, Tensor, TensorData};
use shared::{
    interaction::Interaction,
    tokenizer::Tokenizer,
    vocabulary::{Asked, Model, ModelConfig, Vocabulary},
    weights::Weights,
};

use crate::{
    base_config::BaseConfig,
    baselines::{Exam, recent},
    config::{RunConfig, asked, eras},
    datasets::Dataset,
    evaluation::Protocol,
    hugging_face::{self, Checkpoint},
    run::Run,
    split::Split,
    tokenizer_training,
    validator::Validator,
};

/// What a run begins with, beside its data.
pub struct Beginning {
    pub tokenizer_json: Vec<u8>,
    pub model_config: ModelConfig,
    /// What a published model came with.
    pub carried: BTreeMap<String, Vec<u8>>,
    /// Those of a published model.
    pub weights: Option<Weights>,
    /// How long a text it was trained to read.
    pub positions: Option<usize>,
}

impl Beginning {
    /// A tokenizer for the catalogue, and the sizes of the model that reads it.
    pub fn new(dataset: &Dataset, config: &RunConfig, split: &Split) -> Result<Self> {
        let tokenizer_json = tokenizer_training::train(&dataset.catalog, config.tokens)?;
        let tokens = Tokenizer::from_json(&tokenizer_json)?.size();
        let model_config = config.model(dataset.catalog.len(), tokens, eras(&split.train), liked(split));
        model_config.validate().context("the model's sizes do not fit")?;
        Ok(Self { tokenizer_json, model_config, carried: BTreeMap::new(), weights: None, positions: None })
    }

    pub fn of_run(run: &Run) -> Self {
        Self {
            tokenizer_json: run.tokenizer_json.clone(),
            model_config: run.summary.model.clone(),
            carried: run.carried.clone(),
            weights: None,
            positions: None,
        }
    }

    pub fn of_base(base: &BaseConfig, config: &RunConfig, split: &Split) -> Result<Self> {
        let checkpoint = Checkpoint::load(&base.path)?;
        let template = hugging_face::template::of(&checkpoint.tokenizer()?)?;
        let model_config = checkpoint.config(template, config.context, liked(split));
        model_config.validate().with_context(|| format!("{} cannot be used", base.path.display()))?;
        let Checkpoint { sizes, weights, tokenizer_json, carried } = checkpoint;
        Ok(Self { tokenizer_json, model_config, carried, weights: Some(weights), positions: sizes.positions })
    }
}

/// What to ask for: what training liked most.
fn liked(split: &Split) -> Vec<Asked> {
    asked(split.train.iter().flatten().map(|interaction| interaction.intensity))
}

/// The model of a run as it was trained: its base, and the adapters beside it. What the run keeps otherwise is their sum,
/// of which a further stage would train every number.
pub fn adapted_as_before(run: &Run, folder: &Path, base: &BaseConfig, device: &Device) -> Result<Model> {
    let of_run = || format!("the adapters of {} cannot be gone on with", folder.display());
    let checkpoint = Checkpoint::load(&base.path).with_context(of_run)?;
    let model = base.begin(run.summary.model.init(device), checkpoint.weights, device)?;
    let adapters =
        hugging_face::adapter::read(&folder.join(hugging_face::adapter::FOLDER)).with_context(of_run)?;
    model.with_adapters(adapters, device).with_context(of_run)
}

/// The model with ln(popularity) as the bias of every item that training meets.
///
/// An item never met begins where the least popular does; what it ends with, [`Unmet`] says.
pub fn begin_at_popularity(mut model: Model, popularity: &[f32]) -> Model {
    if let Vocabulary::Items(items) = model.vocabulary {
        let device = items.device();
        let least = popularity.iter().copied().filter(|&p| p > 0.0).fold(f32::INFINITY, f32::min);
        let bias: Vec<f32> = popularity.iter().map(|p| (p / least).max(1.0).ln()).collect();
        let count = bias.len();
        let bias = Tensor::from_data(TensorData::new(bias, [count]), &device);
        model.vocabulary = Vocabulary::Items(items.with_bias(bias));
    }
    model
}

/// How popular each item is now: its interactions, those of late most.
///
/// What the validation questions say is the half-life; a share of all interactions ever keeps old items apart.
pub fn popularity_of_late(train: &[Vec<Interaction>], counts: &[f32], judge: &Validator) -> Result<Vec<f32>> {
    /// Weight of an old interaction, beside 1 of one just now.
    const OLD: f32 = 0.02;
    let protocol = Protocol::Candidates20;
    let exam = Exam { questions: judge.questions, candidates: &judge.candidates, protocol };
    let recent = recent::tuned(train, counts.len(), &exam)?;
    Ok(recent.scores.iter().zip(counts).map(|(recent, count)| recent + OLD * count).collect())
}

/// Tokens of the longest history of `context` interactions and of the longest title after it, each with its level and end.
pub fn longest_row(histories: &[Vec<Interaction>], texts: &[Vec<u32>], context: usize) -> usize {
    let of = |title: &Vec<u32>| title.len() + 2;
    let row = |history: &Vec<Interaction>| {
        let lengths: Vec<usize> = history.iter().map(|met| of(&texts[met.item])).collect();
        lengths.windows(context.clamp(1, lengths.len().max(1))).map(|row| row.iter().sum()).max().unwrap_or(0)
    };
    histories.iter().map(row).max().unwrap_or(0) + texts.iter().map(of).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn training_begins_at_popularity_and_the_unmet_with_the_least_popular() {
        let config = RunConfig { hidden_size: 4, ..RunConfig::default() };
        let device = Device::flex().autodiff();
        let model = config.model(4, 3, Vec::new(), asked(std::iter::empty())).init(&device);
        let model = begin_at_popularity(model, &[8.0, 2.0, 0.0, 4.0]);
        let Vocabulary::Items(items) = &model.vocabulary else { panic!("no items") };
        let table = items.table(&shared::vocabulary::items::ItemTexts::new(&vec![vec![]; 4], &device), None);
        let bias = table.bias().try_into_vec_as::<f32>().unwrap();
        for (got, times) in bias.iter().zip([4.0_f32, 1.0, 1.0, 2.0]) {
            assert!((got - times.ln()).abs() < 1e-6, "{bias:?}");
        }
    }
}
