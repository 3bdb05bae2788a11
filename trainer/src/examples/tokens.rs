//! Batches of the token vocabulary: whole histories as token rows, and preferences as blocks after one prompt.

use std::ops::Range;

use anyhow::Result;
use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use shared::{
    interaction::Interaction,
    kernels::gradients::look_up,
    model::TransformerConfig,
    noise::Noise,
    places::{Places, RowPlaces},
    preference::{Preference, intensity_level},
    prompt::Template,
    vocabulary::{Model, ModelConfig, Vocabulary, tokens::token_batch},
};

use super::{bucket, margin_tensor};
use crate::{
    checkpoint::epoch_generator,
    config::{PreferenceConfig, SftConfig},
    hardware::Hardware,
    kernels::normaliser::log_normaliser,
    loss::{self, Alternatives},
    negatives::Sampler,
    reference::Reference,
    train::{Objective, Part, StepOutcome},
};

/// What both stages know about the catalogue.
#[derive(Clone)]
pub struct TokenData {
    histories: Vec<Vec<Interaction>>,
    titles: Vec<Vec<u32>>,
    transformer: TransformerConfig,
    template: Template,
    context: usize,
    hardware: Hardware,
}

impl TokenData {
    #[must_use]
    pub fn new(
        histories: &[Vec<Interaction>],
        titles: &[Vec<u32>],
        config: &ModelConfig,
        hardware: impl Into<Hardware>,
    ) -> Self {
        Self {
            histories: histories.to_vec(),
            titles: titles.to_vec(),
            transformer: config.transformer.clone(),
            template: config.vocabulary.template().cloned().unwrap_or_default(),
            context: config.context,
            hardware: hardware.into(),
        }
    }

    /// log π of the target token at each of `states`, which index the flattened `[B·T]` positions: `[R]`.
    fn token_log_probabilities(
        &self,
        model: &Model,
        rows: Tensor<2, Int>,
        places: &[RowPlaces],
        noise: Noise,
        states: Tensor<1, Int>,
        targets: Tensor<1, Int>,
    ) -> Tensor<1> {
        let Vocabulary::Tokens(vocabulary) = &model.vocabulary else {
            unreachable!("token batches are made for token vocabularies only");
        };
        // Made for this pass alone: the masks of all batches of an epoch would be gigabytes.
        let (device, precision) = (rows.device(), self.hardware.precision);
        let places = Places::new(places, 0, &self.transformer, &device);
        let places = places.with_noise(noise).in_precision(precision);
        let hidden_states = model.model.forward(vocabulary.embed(rows), &places, None);
        let [rows, length, hidden] = hidden_states.dims();
        let hidden_states = look_up(hidden_states.reshape([rows * length, hidden]), states);
        // Of all tokens the normaliser alone, of the targets their logits: the matrix of both is never there.
        let [hidden_states, vectors] =
            [hidden_states, vocabulary.output_vectors()].map(|tensor| tensor.cast(precision.dtype()));
        let zeros = Tensor::zeros([vectors.dims()[0]], &device);
        let normaliser = log_normaliser(hidden_states.clone(), vectors.clone(), zeros);
        let [hidden_states, vectors] =
            [hidden_states, look_up(vectors, targets)].map(|tensor| tensor.cast(FloatDType::F32));
        let logits = (hidden_states * vectors).sum_dim(1);
        (logits - normaliser).squeeze_dim(1)
    }
}

/// Supervised stage: every title in a window, token by token.
pub struct TokenSft {
    data: TokenData,
    batch_targets: usize,
    seed: u64,
}

#[derive(Clone)]
pub struct TokenBatch {
    rows: Tensor<2, Int>,
    /// Of every row, or one for all of them.
    places: Vec<RowPlaces>,
    states: Tensor<1, Int>,
    targets: Tensor<1, Int>,
    noise: Noise,
}

impl Part for TokenBatch {
    fn on(&self, device: &Device) -> Self {
        let Self { rows, places, states, targets, noise } = self.clone();
        Self {
            rows: rows.to_device(device),
            places,
            states: states.to_device(device),
            targets: targets.to_device(device),
            noise,
        }
    }
}

/// The tokens of a window, and which of them are predicted.
pub type TokenRow = (Vec<u32>, Vec<bool>);

/// Histories as one batch. Those that fit into a row together share it, as blocks that do not see each other; what a row
/// lacks at its end nobody looks at.
#[must_use]
pub fn sft_batch(data: &TokenData, histories: &[TokenRow], noise: Noise) -> TokenBatch {
    let lengths: Vec<usize> = histories.iter().map(|(tokens, _)| tokens.len() - 1).collect();
    let length = data.hardware.row_length(lengths.iter().copied().max().unwrap_or(0));
    let shared_rows = super::packed(&lengths, length);
    let (mut rows, mut places) = (Vec::new(), Vec::new());
    let (mut states, mut targets) = (Vec::new(), Vec::new());
    for shared_row in &shared_rows {
        let (mut row, mut place) = (Vec::with_capacity(length), RowPlaces::default());
        for (tokens, is_predicted) in shared_row.iter().map(|&history| &histories[history]) {
            let start = rows.len() * length + row.len();
            for (position, &target) in tokens[1..].iter().enumerate() {
                if is_predicted[position + 1] {
                    states.push((start + position) as i32);
                    targets.push(target as i32);
                }
            }
            row.extend_from_slice(&tokens[..tokens.len() - 1]);
            place.push_block(0, tokens.len() - 1);
        }
        place.push_block(0, length - row.len());
        row.resize(length, 0);
        rows.push(row);
        places.push(place);
    }
    // What is in no block of its own sees no padding before it: one mask for all rows.
    let is_packed = shared_rows.len() < histories.len();
    let places = if is_packed { places } else { vec![RowPlaces::causal(length)] };
    let count = states.len();
    TokenBatch {
        rows: token_batch(&rows, &data.hardware.device),
        places,
        states: Tensor::from_data(TensorData::new(states, [count]), &data.hardware.device),
        targets: Tensor::from_data(TensorData::new(targets, [count]), &data.hardware.device),
        noise,
    }
}

impl TokenSft {
    #[must_use]
    pub fn new(data: TokenData, config: &SftConfig, seed: u64) -> Self {
        Self { data, batch_targets: config.batch_targets, seed }
    }
}

impl Objective for TokenSft {
    type Part = TokenBatch;

    fn epoch(&mut self, number: usize) -> Vec<Vec<TokenBatch>> {
        let mut generator = epoch_generator(self.seed, number);
        // One more than a question shows: the last title of a window is only a target.
        let context = self.data.context + 1;
        let template = &self.data.template;
        let mut rows: Vec<TokenRow> = Vec::new();
        for history in &self.data.histories {
            let first = if history.len() > context { generator.random_range(1..=context) } else { context };
            let (head, tail) = history.split_at(first.min(history.len()));
            for window in
                std::iter::once(head).chain(tail.chunks(context)).filter(|window| !window.is_empty())
            {
                let titles = &self.data.titles;
                rows.push((template.history(window, titles), template.is_predicted(window, titles)));
            }
        }
        let length = |(tokens, _): &TokenRow| tokens.len();
        let batches = bucket(rows, self.batch_targets, length, length, &mut generator);
        let data = &self.data;
        let mut noisy = |rows: &Vec<TokenRow>| sft_batch(data, rows, Noise::of(generator.random()));
        let cut = |rows| super::parts(rows, &data.hardware, length);
        batches.into_iter().map(|rows| cut(rows).iter().map(&mut noisy).collect()).collect()
    }

    fn targets(&self, batch: &TokenBatch) -> usize {
        batch.states.dims()[0]
    }

    fn hardware(&self) -> &Hardware {
        &self.data.hardware
    }

    fn positions(&self, batch: &TokenBatch) -> usize {
        batch.rows.dims().iter().product()
    }

    fn loss(&self, model: &Model, batch: &TokenBatch) -> StepOutcome {
        let log_probs = self.data.token_log_probabilities(
            model,
            batch.rows.clone(),
            &batch.places,
            batch.noise,
            batch.states.clone(),
            batch.targets.clone(),
        );
        (-log_probs.mean()).into()
    }
}

/// Preference stage: the prompt is computed once, chosen and rejected titles follow it as blocks.
pub struct TokenPreference {
    data: TokenData,
    examples: Vec<Example>,
    config: PreferenceConfig,
    seed: u64,
}

/// A preference, and the prompt that it answers.
#[derive(Clone)]
pub struct Example {
    prompt: Vec<u32>,
    preference: Preference,
    /// log π of chosen and rejected under the reference.
    reference: Vec<f32>,
}

impl Example {
    #[must_use]
    pub fn new(prompt: Vec<u32>, preference: Preference) -> Self {
        Self { prompt, preference, reference: Vec::new() }
    }

    /// Chosen and rejected.
    fn items(&self) -> impl Iterator<Item = usize> {
        std::iter::once(self.preference.chosen).chain(self.preference.rejected.iter().copied())
    }
}

#[derive(Clone)]
pub struct PreferenceBatch {
    rows: Tensor<2, Int>,
    places: Vec<RowPlaces>,
    states: Tensor<1, Int>,
    targets: Tensor<1, Int>,
    /// Adds the tokens of a completion up: `[E·(1+K), R]` of zeros and ones.
    sums: Tensor<2>,
    examples: usize,
    margins: Tensor<2>,
    reference: Option<Tensor<2>>,
}

impl Part for PreferenceBatch {
    fn on(&self, device: &Device) -> Self {
        let Self { rows, places, states, targets, sums, examples, margins, reference } = self.clone();
        Self {
            rows: rows.to_device(device),
            places,
            states: states.to_device(device),
            targets: targets.to_device(device),
            sums: sums.to_device(device),
            examples,
            margins: margins.to_device(device),
            reference: reference.map(|reference| reference.to_device(device)),
        }
    }
}

impl TokenPreference {
    /// # Errors
    /// When the device fails while the reference is read.
    pub fn new(
        data: TokenData,
        reference: &Reference,
        config: &PreferenceConfig,
        sampler: &mut Sampler,
        seed: u64,
    ) -> Result<Self> {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        let mut places: Vec<(usize, usize)> = data
            .histories
            .iter()
            .enumerate()
            .flat_map(|(visitor, history)| (1..history.len()).map(move |position| (visitor, position)))
            .collect();
        places.shuffle(&mut generator);
        let mut examples = Vec::new();
        for (visitor, position) in places {
            if examples.len() == config.max_examples {
                break;
            }
            let history = &data.histories[visitor];
            let Some(preference) = sampler.preference(visitor, history, position, &[], &mut generator) else {
                continue;
            };
            let before = &history[position.saturating_sub(data.context)..position];
            let asked = intensity_level(preference.intensity);
            let prompt = data.template.prompt(before, &data.titles, asked);
            examples.push(Example::new(prompt, preference));
        }
        sampler.settle(examples.iter_mut().map(|example| &mut example.preference));
        Self::of_examples(data, examples, reference, config, seed)
    }

    /// The stage of preferences that are drawn already.
    ///
    /// # Errors
    /// When the device fails while the reference is read.
    pub fn of_examples(
        data: TokenData,
        examples: Vec<Example>,
        reference: &Reference,
        config: &PreferenceConfig,
        seed: u64,
    ) -> Result<Self> {
        let mut objective = Self { data, examples, config: config.clone(), seed };
        objective.precompute(reference)?;
        Ok(objective)
    }

    /// Some of the examples, which lie in the order of their prompts' lengths, as one batch.
    #[must_use]
    pub fn batch(&self, examples: Range<usize>) -> Vec<PreferenceBatch> {
        self.parts(self.examples[examples].to_vec())
    }

    fn parts(&self, examples: Vec<Example>) -> Vec<PreferenceBatch> {
        let tokens = |example: &Example| {
            example.prompt.len() + example.items().map(|item| self.data.titles[item].len()).sum::<usize>()
        };
        super::parts(examples, &self.data.hardware, tokens)
            .iter()
            .map(|part| batch(&self.data, part))
            .collect()
    }

    /// Number of preferences.
    #[must_use]
    pub fn len(&self) -> usize {
        self.examples.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.examples.is_empty()
    }

    /// Reference log-probabilities, once: the examples are the same in every epoch.
    fn precompute(&mut self, reference: &Reference) -> Result<()> {
        let data = TokenData { hardware: self.data.hardware.inner(), ..self.data.clone() };
        self.examples.sort_by_key(|example| example.prompt.len());
        let alternatives = self.examples.first().map_or(0, |example| example.items().count());
        let values = reference.log_probabilities(
            self.examples.len() * alternatives,
            |fingerprint| {
                for example in &self.examples {
                    let titles = example.items().map(|item| &data.titles[item]);
                    for tokens in std::iter::once(&example.prompt).chain(titles) {
                        fingerprint.add(tokens.iter().map(|&token| token as usize));
                    }
                }
            },
            self.examples.chunks(self.config.batch_rows),
            |model, chunk| completion_log_probabilities(&data, model, &batch(&data, chunk)),
        )?;
        for (example, own) in self.examples.iter_mut().zip(values.chunks(alternatives.max(1))) {
            example.reference = own.to_vec();
        }
        Ok(())
    }
}

impl Objective for TokenPreference {
    type Part = PreferenceBatch;

    fn epoch(&mut self, number: usize) -> Vec<Vec<PreferenceBatch>> {
        let mut generator = epoch_generator(self.seed, number);
        let examples = self.examples.clone();
        let batches =
            bucket(examples, self.config.batch_rows, |example| example.prompt.len(), |_| 1, &mut generator);
        batches.into_iter().map(|examples| self.parts(examples)).collect()
    }

    fn targets(&self, batch: &PreferenceBatch) -> usize {
        batch.examples
    }

    fn hardware(&self) -> &Hardware {
        &self.data.hardware
    }

    fn positions(&self, batch: &PreferenceBatch) -> usize {
        batch.rows.dims().iter().product()
    }

    fn metric_names(&self) -> &'static [&'static str] {
        &loss::METRICS
    }

    fn loss(&self, model: &Model, batch: &PreferenceBatch) -> StepOutcome {
        let policy = completion_log_probabilities(&self.data, model, batch);
        let lengths = batch.sums.clone().sum_dim(1).reshape(policy.dims());
        let (reference, margins) = (batch.reference.clone(), batch.margins.clone());
        super::preference_outcome(&self.config, &Alternatives { policy, reference, margins, lengths })
    }
}

/// One row per example: prompt, then the completions without their last token (it is only predicted).
fn batch(data: &TokenData, examples: &[Example]) -> PreferenceBatch {
    let device = &data.hardware.device;
    let mut rows: Vec<Vec<u32>> = Vec::new();
    let mut places: Vec<RowPlaces> = Vec::new();
    // Row, position in the row, target token, completion.
    let mut targets: Vec<(usize, usize, u32, usize)> = Vec::new();
    let mut completions = 0;
    for (row, example) in examples.iter().enumerate() {
        let prompt_length = example.prompt.len();
        let mut tokens = example.prompt.clone();
        let mut place = RowPlaces::causal(prompt_length);
        for item in example.items() {
            let completion = data.template.completion(&data.titles[item]);
            let (last, inputs) = completion.split_last().unwrap_or((&data.template.end, &[]));
            targets.push((row, prompt_length - 1, completion[0], completions));
            for (offset, _) in inputs.iter().enumerate() {
                let target = *completion.get(offset + 1).unwrap_or(last);
                targets.push((row, tokens.len() + offset, target, completions));
            }
            place.push_block(prompt_length, inputs.len());
            tokens.extend_from_slice(inputs);
            completions += 1;
        }
        rows.push(tokens);
        places.push(place);
    }
    let length = data.hardware.row_length(rows.iter().map(Vec::len).max().unwrap_or(0));
    for (row, place) in rows.iter_mut().zip(&mut places) {
        place.push_block(0, length - row.len());
        row.resize(length, 0);
    }
    let count = targets.len();
    let mut sums = vec![0.0_f32; completions * count];
    for (index, (.., completion)) in targets.iter().enumerate() {
        sums[completion * count + index] = 1.0;
    }
    let states: Vec<i32> =
        targets.iter().map(|(row, position, ..)| (row * length + position) as i32).collect();
    let tokens: Vec<i32> = targets.iter().map(|(_, _, token, _)| *token as i32).collect();
    let preferences: Vec<&Preference> = examples.iter().map(|example| &example.preference).collect();
    let reference: Vec<f32> = examples.iter().flat_map(|example| example.reference.iter().copied()).collect();
    let alternatives = completions / examples.len().max(1);
    PreferenceBatch {
        rows: token_batch(&rows, device),
        places,
        states: Tensor::from_data(TensorData::new(states, [count]), device),
        targets: Tensor::from_data(TensorData::new(tokens, [count]), device),
        sums: Tensor::from_data(TensorData::new(sums, [completions, count]), device),
        examples: examples.len(),
        margins: margin_tensor(&preferences, device),
        reference: (!reference.is_empty())
            .then(|| Tensor::from_data(TensorData::new(reference, [examples.len(), alternatives]), device)),
    }
}

/// log π of chosen and rejected completions, summed over their tokens and the end: `[E, 1+K]`.
fn completion_log_probabilities(data: &TokenData, model: &Model, batch: &PreferenceBatch) -> Tensor<2> {
    let log_probs = data.token_log_probabilities(
        model,
        batch.rows.clone(),
        &batch.places,
        // The policy begins exactly at the reference.
        Noise::default(),
        batch.states.clone(),
        batch.targets.clone(),
    );
    // No product of matrices: for one column a GPU's kernels would be timed first.
    let summed = (batch.sums.clone() * log_probs.unsqueeze_dim(0)).sum_dim(1);
    let completions = summed.dims()[0];
    summed.reshape([batch.examples, completions / batch.examples])
}

#[cfg(test)]
mod tests {
    use burn::{optim::GradientsParams, tensor::Tensor};

    use shared::precision::Precision;

    use super::{
        super::tests::{check_recomputation, list},
        *,
    };
    use crate::{
        config::{Recipe, RunConfig, asked},
        goals::Goals,
    };

    fn data() -> (TokenData, Model) {
        dropping(0.0)
    }

    fn dropping(dropout: f64) -> (TokenData, Model) {
        let titles: Vec<Vec<u32>> =
            (0..12).map(|i| (0..=i % 3).map(|j| 11 + (i * 3 + j) % 20).collect()).collect();
        let histories: Vec<Vec<Interaction>> = (0..4)
            .map(|visitor| {
                (0..3 + visitor)
                    .map(|i| Interaction {
                        item: (visitor * 2 + i) % 12,
                        intensity: if i % 2 == 0 { 1.0 } else { -0.5 },
                        time_ms: i as i64,
                    })
                    .collect()
            })
            .collect();
        let run =
            RunConfig { hidden_size: 16, heads: 2, layers: 3, dropout, ..RunConfig::recipe(Recipe::Text) };
        let config = run.model(12, 40, Vec::new(), asked(std::iter::empty()));
        let device = Device::flex().autodiff();
        device.seed(5);
        let model = config.init(&device);
        (TokenData::new(&histories, &titles, &config, &device), model)
    }

    fn objective(nll_weight: f64) -> (TokenPreference, Model) {
        let (data, model) = data();
        let config = PreferenceConfig { nll_weight, batch_rows: 3, ..PreferenceConfig::default() };
        let goals = Goals::none();
        let mut sampler = Sampler::new(&data.histories, &config, &goals, &[]).unwrap();
        (TokenPreference::new(data, &Reference::uncached(&model), &config, &mut sampler, 1).unwrap(), model)
    }

    /// log π of one title after a prompt, as a sequence of its own.
    fn alone(data: &TokenData, model: &Model, prompt: &[u32], item: usize) -> Tensor<1> {
        let completion = data.template.completion(&data.titles[item]);
        let row: Vec<u32> = [prompt, &completion].concat();
        let places = [RowPlaces::causal(row.len() - 1)];
        let first = prompt.len() - 1;
        let count = completion.len();
        let states: Vec<i32> = (first..first + count).map(|position| position as i32).collect();
        let targets: Vec<i32> = completion.iter().map(|&token| token as i32).collect();
        let log_probs = data.token_log_probabilities(
            model,
            token_batch(&[row[..row.len() - 1].to_vec()], &data.hardware.device),
            &places,
            Noise::default(),
            Tensor::from_data(TensorData::new(states, [count]), &data.hardware.device),
            Tensor::from_data(TensorData::new(targets, [count]), &data.hardware.device),
        );
        log_probs.sum()
    }

    /// Blocks after a shared prompt, in padded rows, give what each title gives in a sequence of its own.
    #[test]
    fn shared_prompt_equals_separate_sequences() {
        let (objective, model) = objective(0.0);
        assert!(objective.examples.len() > 3);
        for example in &objective.examples {
            for (item, got) in example.items().zip(&example.reference) {
                let expected = alone(&objective.data, &model, &example.prompt, item).into_scalar::<f32>();
                assert!((got - expected).abs() < 1e-4, "item {item}: {got}, alone {expected}");
            }
        }
    }

    fn weight_gradients(model: &Model, loss: &Tensor<1>) -> Vec<f32> {
        list(model, GradientsParams::from_grads(loss.backward(), model))
    }

    /// The same for what training follows: weighted so that no completion's part can hide another's.
    #[test]
    fn shared_prompt_has_the_gradients_of_separate_sequences() {
        let (objective, model) = objective(0.0);
        let data = &objective.data;
        let together = batch(data, &objective.examples);
        let picked = completion_log_probabilities(data, &model, &together);
        let [examples, alternatives] = picked.dims();
        let weight = |index: usize| (index as f32 * 0.7).sin();
        let weights: Vec<f32> = (0..examples * alternatives).map(weight).collect();
        let weights =
            Tensor::from_data(TensorData::new(weights, [examples, alternatives]), &data.hardware.device);
        let got = weight_gradients(&model, &(picked * weights).sum());

        let mut separate: Option<Tensor<1>> = None;
        for (row, example) in objective.examples.iter().enumerate() {
            for (column, item) in example.items().enumerate() {
                let term = alone(data, &model, &example.prompt, item) * weight(row * alternatives + column);
                separate = Some(separate.map_or(term.clone(), |sum| sum + term));
            }
        }
        let expected = weight_gradients(&model, &separate.unwrap());
        assert_eq!(got.len(), expected.len());
        assert!(expected.iter().any(|gradient| gradient.abs() > 1e-2));
        for (got, expected) in got.iter().zip(&expected) {
            assert!((got - expected).abs() < 1e-4 * expected.abs().max(1.0), "{got}, alone {expected}");
        }
    }

    /// Narrow products give the loss and the direction of f32: what rounding moves is small, and nothing is lost.
    #[test]
    fn narrow_precisions_train_in_the_direction_of_f32() {
        let (data, model) = data();
        let gradients = |precision: Precision| {
            let hardware = Hardware::new(&data.hardware.device, &[], precision);
            let mut objective =
                TokenSft::new(TokenData { hardware, ..data.clone() }, &SftConfig::default(), 1);
            let batches = objective.epoch(1);
            let loss = objective.loss(&model, &batches[0][0]).loss;
            (loss.clone().into_scalar::<f32>(), weight_gradients(&model, &loss))
        };
        let (expected_loss, expected) = gradients(Precision::F32);
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
        for precision in [Precision::Bf16, Precision::F16] {
            let (loss, got) = gradients(precision);
            assert_ne!(loss, expected_loss, "{precision:?} computes in f32");
            assert!((loss / expected_loss - 1.0).abs() < 5e-3, "{precision:?}: {loss}, not {expected_loss}");
            let cosine = dot(&got, &expected) / (dot(&got, &got) * dot(&expected, &expected)).sqrt();
            assert!(cosine > 0.999, "{precision:?}: cosine {cosine}");
        }
    }

    /// Devices that share a batch give what one gives.
    #[test]
    fn several_devices_give_the_gradients_of_one() {
        let (data, model) = data();
        let gradients = |others: &[Device]| {
            let hardware = Hardware::new(&data.hardware.device, others, Precision::F32);
            let mut objective =
                TokenSft::new(TokenData { hardware, ..data.clone() }, &SftConfig::default(), 1);
            let group = objective.epoch(1);
            assert_eq!(group[0].len(), 1 + others.len());
            let outcome = crate::train::gradients(&objective, &model, &group, 1.0);
            (outcome.loss, list(&model, outcome.gradients))
        };
        let (one, two) = (gradients(&[]), gradients(&[Device::flex().autodiff()]));
        assert!((one.0 - two.0).abs() < 1e-5, "{}, on two {}", one.0, two.0);
        assert_eq!(one.1.len(), two.1.len());
        for (one, two) in one.1.iter().zip(two.1) {
            assert!((one - two).abs() < 1e-5 * one.abs().max(1.0), "{one}, on two {two}");
        }
    }

    /// What a GPU adds at the end of a row nobody looks at, in both stages.
    #[test]
    fn longer_rows_give_the_same_gradients() {
        let (data, model) = data();
        let goals = Goals::none();
        let reference = Reference::uncached(&model);
        let gradients = |objective: &mut dyn FnMut(TokenData) -> (Vec<usize>, f64, GradientsParams)| {
            [1, 8].map(|row_multiple| {
                let hardware = data.hardware.clone().with_row_multiple(row_multiple);
                let (lengths, loss, gradients) = objective(TokenData { hardware, ..data.clone() });
                assert!(lengths.iter().all(|length| length % row_multiple == 0));
                (lengths, loss, list(&model, gradients))
            })
        };
        let sft = gradients(&mut |data| {
            let mut objective = TokenSft::new(data, &SftConfig::default(), 1);
            let group = objective.epoch(1);
            let outcome = crate::train::gradients(&objective, &model, &group, 1.0);
            let lengths = group.iter().flatten().map(|batch| batch.rows.dims()[1]).collect();
            (lengths, outcome.loss, outcome.gradients)
        });
        let preferences = gradients(&mut |data| {
            let config = PreferenceConfig { batch_rows: 3, ..PreferenceConfig::default() };
            let mut sampler = Sampler::new(&data.histories, &config, &goals, &[]).unwrap();
            let mut objective = TokenPreference::new(data, &reference, &config, &mut sampler, 1).unwrap();
            let group = objective.epoch(1);
            let outcome = crate::train::gradients(&objective, &model, &group, 1.0);
            let lengths = group.iter().flatten().map(|batch| batch.rows.dims()[1]).collect();
            (lengths, outcome.loss, outcome.gradients)
        });
        for [tight, longer] in [sft, preferences] {
            assert_ne!(tight.0, longer.0);
            assert!((tight.1 - longer.1).abs() < 1e-5, "{}, longer {}", tight.1, longer.1);
            for (tight, longer) in tight.2.iter().zip(longer.2) {
                assert!((tight - longer).abs() < 1e-5 * tight.abs().max(1.0), "{tight}, longer {longer}");
            }
        }
    }

    /// The same dropout and the same sums, of a whole model and of adapters, in both stages.
    #[test]
    fn layers_that_are_computed_again_give_the_gradients_of_those_that_are_kept() {
        let (data, model) = dropping(0.3);
        // Whose numbers are there: burn's clones of what is still to be drawn share whether it learns.
        let model = crate::parameters::numbered(model);
        let lora = shared::lora::LoraConfig { dropout: 0.3, ..Default::default() };
        let models = [model.clone(), model.clone().adapted(&lora, &data.hardware.device)];
        let of = |is_recomputing| TokenData {
            hardware: data.hardware.clone().recomputing(is_recomputing),
            ..data.clone()
        };
        for model in &models {
            check_recomputation(model, |is_recomputing| {
                TokenSft::new(of(is_recomputing), &SftConfig::default(), 1)
            });
        }
        let goals = Goals::none();
        let reference = Reference::uncached(&model);
        for model in &models {
            check_recomputation(model, |is_recomputing| {
                let config = PreferenceConfig { batch_rows: 3, ..PreferenceConfig::default() };
                let mut sampler = Sampler::new(&data.histories, &config, &goals, &[]).unwrap();
                TokenPreference::new(of(is_recomputing), &reference, &config, &mut sampler, 1).unwrap()
            });
        }

        // What comes after the first two layers, both of them, and the embeddings.
        let mut objective = TokenSft::new(of(true), &SftConfig::default(), 1);
        let part = &objective.epoch(1)[0][0];
        let pieces = |model: &Model| {
            let loss = objective.loss(model, part).loss;
            let mut pieces = 0;
            model.model.backward(&loss, |_| pieces += 1);
            pieces
        };
        let recomputing = |model: &Model| Model { model: model.model.clone().recomputing(), ..model.clone() };
        // Embeddings that are not trained have no gradients.
        assert_eq!(models.each_ref().map(|model| pieces(&recomputing(model))), [4, 3]);
        // A model is used more than once.
        let model = recomputing(&model);
        assert_eq!([pieces(&model), pieces(&model)], [4, 4]);
        assert_eq!(pieces(&models[0]), 1);
    }

    /// At the reference itself every reward is 0, so that the loss is the mean of logsumexp([0, γ]).
    #[test]
    fn loss_begins_at_the_margins() {
        let (mut objective, model) = objective(0.0);
        let margins: Vec<Vec<f32>> =
            objective.examples.iter().map(|e| e.preference.margins.clone()).collect();
        let expected: f32 =
            margins.iter().map(|m| (1.0 + m.iter().map(|g| g.exp()).sum::<f32>()).ln()).sum::<f32>()
                / margins.len() as f32;
        objective.config.batch_rows = margins.len();
        let batches = objective.epoch(1);
        assert_eq!(batches.len(), 1);
        let loss = objective.loss(&model, &batches[0][0]).loss.into_scalar::<f32>();
        assert!((loss - expected).abs() < 1e-4, "{loss}, expected {expected}");
    }
}
