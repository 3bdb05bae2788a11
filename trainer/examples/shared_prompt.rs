//! How much does it save to compute the prompt once per preference? One epoch with shared prompts against one
//! with a sequence of its own for every title, on synthetic data.
//!
//! `cargo run -p trainer --example shared_prompt [-- runs]`; prints medians and their ratio.

use std::time::Instant;

use anyhow::{Context, Result};
use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shared::{
    interaction::Interaction,
    places::{Places, RowPlaces},
    preference::intensity_level,
    prompt::Template,
    vocabulary::{Model, ModelConfig, Vocabulary, tokens::token_batch},
};
use trainer::{
    config::{PreferenceConfig, Recipe, RunConfig, asked},
    examples::tokens::{TokenData, TokenPreference},
    goals::Goals,
    hardware::Hardware,
    loss::{self, Alternatives},
    negatives::Sampler,
    reference::Reference,
    train::{self, Objective, Part, StepOutcome},
};

const TOKENS: usize = 500;
const ITEMS: usize = 200;
/// Seven title tokens and the end.
const TITLE: usize = 7;
/// 22 interactions of nine tokens and the question for the next: 199 tokens.
const CONTEXT: usize = 22;
const EXAMPLES: usize = 32;
const BATCH: usize = 8;
const REJECTED: usize = 3;

fn main() -> Result<()> {
    let runs: usize = std::env::args().nth(1).map_or(Ok(5), |text| text.parse())?;
    let device = Device::flex().autodiff();
    device.seed(1);
    let run = RunConfig {
        hidden_size: 128,
        layers: 4,
        heads: 4,
        dropout: 0.0,
        context: CONTEXT,
        ..RunConfig::recipe(Recipe::Text)
    };
    let config = run.model(ITEMS, TOKENS, Vec::new(), asked(std::iter::empty()));
    let model = config.init(&device);
    let mut generator = ChaCha8Rng::seed_from_u64(1);
    let titles: Vec<Vec<u32>> =
        (0..ITEMS).map(|_| (0..TITLE).map(|_| generator.random_range(20..TOKENS as u32)).collect()).collect();
    // Only the last interaction is liked: one preference per visitor, after a full prompt.
    let mut met = |liked: bool| Interaction {
        item: generator.random_range(0..ITEMS),
        intensity: if liked { 1.0 } else { 0.25 },
        time_ms: 0,
    };
    let histories: Vec<Vec<Interaction>> =
        (0..EXAMPLES).map(|_| (0..=CONTEXT).map(|step| met(step == CONTEXT)).collect()).collect();

    let preference = PreferenceConfig {
        rejected: REJECTED,
        batch_rows: BATCH,
        nll_weight: 0.0,
        ..PreferenceConfig::default()
    };
    let goals = Goals::none();
    let mut sampler = Sampler::new(&histories, &preference, &goals, &[])?;
    let data = TokenData::new(&histories, &titles, &config, &device);
    let mut shared = TokenPreference::new(data, &Reference::uncached(&model), &preference, &mut sampler, 1)?;

    let mut sampler = Sampler::new(&histories, &preference, &goals, &[])?;
    let examples = histories.iter().enumerate().filter_map(|(visitor, history)| {
        let drawn = sampler.preference(visitor, history, CONTEXT, &[], &mut generator)?;
        let prompt =
            Template::default().prompt(&history[..CONTEXT], &titles, intensity_level(drawn.intensity));
        let items = std::iter::once(drawn.chosen).chain(drawn.rejected);
        let rows =
            items.map(|item| [prompt.as_slice(), &Template::default().completion(&titles[item])].concat());
        Some((rows.collect(), drawn.margins))
    });
    let mut separate =
        Separate { examples: examples.collect(), model: config, preference, hardware: (&device).into() };
    println!(
        "4 layers of 128, prompt {} tokens, K = {REJECTED}, completions of {} tokens, {EXAMPLES} examples",
        CONTEXT * (TITLE + 2) + 1,
        TITLE + 1
    );
    let [mut together, mut alone] = [Vec::new(), Vec::new()];
    for _ in 0..runs.max(1) {
        together.push(epoch(&mut shared, &model));
        alone.push(epoch(&mut separate, &model));
    }
    let (together, alone) = (median(together)?, median(alone)?);
    println!("shared prompt        {together:.3} s per epoch (median of {runs})");
    println!("separate sequences   {alone:.3} s per epoch");
    println!("ratio                {:.2}", alone / together);
    Ok(())
}

/// Seconds of forward and backward passes over an epoch.
fn epoch<O: Objective>(objective: &mut O, model: &Model) -> f64 {
    let began = Instant::now();
    for batch in objective.epoch(1) {
        let outcome = train::gradients(objective, model, std::slice::from_ref(&batch), 1.0);
        assert!(outcome.loss.is_finite());
    }
    began.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> Result<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().context("no run")
}

/// The same preferences with every title in a row of its own, which repeats the prompt.
struct Separate {
    /// 1+K rows of equal length, and K margins.
    examples: Vec<(Vec<Vec<u32>>, Vec<f32>)>,
    model: ModelConfig,
    preference: PreferenceConfig,
    hardware: Hardware,
}

struct Rows(Vec<(Vec<Vec<u32>>, Vec<f32>)>);

impl Part for Rows {
    fn on(&self, _: &Device) -> Self {
        unreachable!("there is one device")
    }
}

impl Objective for Separate {
    type Part = Rows;

    fn hardware(&self) -> &Hardware {
        &self.hardware
    }

    fn epoch(&mut self, _: usize) -> Vec<Vec<Self::Part>> {
        let parts = |examples: &[_]| {
            let cost = |(rows, _): &(Vec<Vec<u32>>, _)| rows.iter().map(Vec::len).sum();
            trainer::examples::parts(examples.to_vec(), &self.hardware, cost).into_iter().map(Rows).collect()
        };
        self.examples.chunks(BATCH).map(parts).collect()
    }

    fn targets(&self, batch: &Self::Part) -> usize {
        batch.0.len()
    }

    fn positions(&self, batch: &Self::Part) -> usize {
        batch.0.iter().flat_map(|(rows, _)| rows).map(|row| row.len() - 1).sum()
    }

    fn loss(&self, model: &Model, batch: &Self::Part) -> StepOutcome {
        let Vocabulary::Tokens(vocabulary) = &model.vocabulary else {
            unreachable!("the recipe text has a token vocabulary");
        };
        let Rows(batch) = batch;
        let rows: Vec<&Vec<u32>> = batch.iter().flat_map(|(rows, _)| rows).collect();
        let inputs: Vec<Vec<u32>> = rows.iter().map(|row| row[..row.len() - 1].to_vec()).collect();
        let length = inputs[0].len();
        let first = length - TITLE - 1;
        let states = (0..rows.len()).flat_map(|row| (first..length).map(move |i| (row * length + i) as i32));
        let states: Vec<i32> = states.collect();
        let targets: Vec<i32> =
            rows.iter().flat_map(|row| row[first + 1..].iter().map(|&token| token as i32)).collect();
        let count = states.len();
        let index = |values: Vec<i32>| {
            Tensor::<1, Int>::from_data(TensorData::new(values, [count]), &self.hardware.device)
        };
        let places = Places::new(
            &vec![RowPlaces::causal(length); rows.len()],
            0,
            &self.model.transformer,
            &self.hardware.device,
        );
        let hidden =
            model.model.forward(vocabulary.embed(token_batch(&inputs, &self.hardware.device)), &places, None);
        let hidden = hidden.reshape([rows.len() * length, self.model.transformer.hidden_size]);
        let log_probs = vocabulary.log_probabilities(hidden.select(0, index(states)));
        let of_targets = log_probs.gather(1, index(targets).unsqueeze_dim(1));
        let policy =
            of_targets.reshape([rows.len(), TITLE + 1]).sum_dim(1).reshape([batch.len(), 1 + REJECTED]);
        let margins: Vec<f32> = batch.iter().flat_map(|(_, margins)| margins.iter().copied()).collect();
        let margins =
            Tensor::from_data(TensorData::new(margins, [batch.len(), REJECTED]), &self.hardware.device);
        let lengths = policy.ones_like() * (TITLE + 1) as f64;
        let of = Alternatives { reference: Some(policy.clone().detach()), policy, margins, lengths };
        StepOutcome { loss: loss::total(&self.preference, &of).mean(), metrics: None }
    }
}
