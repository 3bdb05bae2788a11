//! How do networks over item ids learn and answer? What SASRec and GRU4Rec share.
//!
//! Both learn by the cross-entropy of the next item over the whole catalogue: trained so, they are far stronger
//! than with the sampled losses that they were published with, and as strong as what came later.
//!
//! # Source
//! Full cross-entropy: arXiv 2308.07192, 2309.07602.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use burn::{
    grad_clipping::GradientClippingConfig,
    module::Module,
    optim::{AdamWConfig, GradientsParams},
    tensor::{Device, Int, Tensor, TensorData},
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, json};
use shared::interaction::Interaction;

use super::{CONTEXT, Exam, newest, popular};
use crate::{
    config::{RunConfig, StageConfig},
    examples::{bucket, windows},
    kernels::normaliser::log_normaliser,
    output::Reporter,
    ranker::Ranker,
    schedule::learning_rate,
    train::Validation,
};

/// A network that reads item ids from left to right.
pub trait Network: Module {
    /// Name in tables.
    const NAME: &'static str;

    /// Random weights, and a bias for every item.
    fn new(bias: Tensor<1>, config: &SequenceConfig, device: &Device) -> Self;

    /// What is known after each position, of it and those before it only.
    ///
    /// # Shapes
    /// items `[B, T]` → states `[B, T, D]`
    fn states(&self, items: Tensor<2, Int>) -> Tensor<3>;

    /// The vector and the bias of every item: its score is the product with a state, plus the bias.
    ///
    /// # Shapes
    /// `[N, D]`, `[N]`
    fn item_vectors(&self) -> (Tensor<2>, Tensor<1>);
}

/// Settings of a network; the default is for runs of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct SequenceConfig {
    pub hidden_size: usize,
    pub dropout: f64,
    /// Targets in a batch; rows are cut by it, because histories are long on one data set and short on the next.
    pub batch_targets: usize,
    pub stage: StageConfig,
}

impl Default for SequenceConfig {
    fn default() -> Self {
        Self {
            hidden_size: 64,
            dropout: 0.3,
            batch_targets: 1500,
            stage: StageConfig { learning_rate: 3e-3, weight_decay: 0.0, ..StageConfig::default() },
        }
    }
}

impl SequenceConfig {
    /// What a network is tuned among: the settings of the model that it is compared with, and beside its dropout and its rate,
    /// which were found for the model, those that suit such networks on most data. Those that the model has for itself are left
    /// out: weight decay and the moving average.
    #[must_use]
    pub fn grid(run: &RunConfig) -> Vec<Self> {
        /// A model that begins pretrained, or reads titles, may need fewer epochs than a network from scratch.
        const LEAST_EPOCHS: usize = 12;
        const DROPOUT: f64 = 0.2;
        const RATE: f64 = 3e-3;
        let mut grid = Vec::new();
        for dropout in [run.dropout, DROPOUT] {
            for learning_rate in [run.sft.stage.learning_rate, RATE] {
                let epochs = run.sft.stage.epochs.max(LEAST_EPOCHS);
                let stage = StageConfig { epochs, learning_rate, weight_decay: 0.0, ..run.sft.stage.clone() };
                let config = Self { dropout, batch_targets: run.sft.batch_targets, stage, ..Self::default() };
                if !grid.contains(&config) {
                    grid.push(config);
                }
            }
        }
        grid
    }
}

/// Positions, padding included, that are scored at once.
const POSITIONS_AT_ONCE: usize = 8192;

/// The network of a grid that answers the validation questions best.
///
/// # Errors
/// As [`train`].
pub fn tuned<N: Network>(
    grid: &[SequenceConfig],
    histories: &[Vec<Interaction>],
    items: usize,
    exam: &Exam,
    seed: u64,
    device: &Device,
    reporter: &mut Reporter,
) -> Result<SequenceRanker<N>> {
    let mut best: Option<(Validation, SequenceRanker<N>)> = None;
    for config in grid {
        let ranker = train::<N>(config, histories, items, exam, seed, device, reporter)?;
        let validation = exam.validate(&ranker)?;
        if best.as_ref().is_none_or(|(best, _)| validation.is_better_than(best)) {
            let SequenceConfig { dropout, stage, .. } = config;
            let settings = format!("dropout {dropout}, learning rate {}", stage.learning_rate);
            best = Some((validation, SequenceRanker { settings, ..ranker }));
        }
    }
    best.map(|(_, ranker)| ranker).context("no settings to try")
}

/// Trains a network and keeps its best epoch by the validation questions.
///
/// # Errors
/// When the loss stops being a number, no history has two interactions, or the device fails.
pub fn train<N: Network>(
    config: &SequenceConfig,
    histories: &[Vec<Interaction>],
    items: usize,
    exam: &Exam,
    seed: u64,
    device: &Device,
    reporter: &mut Reporter,
) -> Result<SequenceRanker<N>> {
    let (name, stage) = (N::NAME, &config.stage);
    let training_device = device.clone().autodiff();
    training_device.seed(seed);
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut network = N::new(popularity(histories, items, &training_device), config, &training_device);
    let mut optimizer = AdamWConfig::new()
        .with_beta_2(0.98)
        .with_epsilon(1e-8)
        .with_weight_decay(stage.weight_decay)
        .with_grad_clipping(Some(GradientClippingConfig::Norm(stage.clip)))
        .init();
    let mut best: Option<(Validation, SequenceRanker<N>)> = None;
    let (mut step, mut epochs_without_gain) = (0, 0);
    let began = Instant::now();
    for epoch in 1..=stage.epochs {
        let batches = batches(histories, config.batch_targets, &mut generator);
        ensure!(
            !batches.is_empty(),
            "{name} has no examples\nhint: visitors need two interactions before those that are held out"
        );
        let total_steps = batches.len() * stage.epochs;
        reporter.begin_epoch(name, epoch, stage.epochs, batches.len());
        let mut losses = 0.0;
        for rows in &batches {
            let rate = learning_rate(step, total_steps, stage);
            let (loss, gradients) = gradients(&network, rows, &training_device);
            ensure!(
                loss.is_finite(),
                "the loss of {name} is not a number at epoch {epoch}, step {step}\nhint: leave this baseline out"
            );
            network = optimizer.step(rate, network, gradients);
            losses += loss;
            step += 1;
            reporter.step(loss, rate, rows.iter().map(|row| row.len()).sum());
        }
        let ranker = SequenceRanker::new(&network, device);
        let validation = exam.validate(&ranker)?;
        let is_best = best.as_ref().is_none_or(|(best, _)| validation.is_better_than(best));
        let means = Map::from_iter([("loss".to_owned(), json!(losses / batches.len() as f64))]);
        reporter.end_epoch(name, epoch, &means, &validation, is_best, began.elapsed().as_secs_f64())?;
        if is_best {
            best = Some((validation, ranker));
            epochs_without_gain = 0;
        } else {
            epochs_without_gain += 1;
            if epochs_without_gain >= stage.patience {
                break;
            }
        }
    }
    Ok(best.map_or_else(|| SequenceRanker::new(&network, device), |(_, ranker)| ranker))
}

/// ln(1 + how often each item was met): the networks begin at popularity, as the model does. They were published
/// without it, and are the better for it.
fn popularity(histories: &[Vec<Interaction>], items: usize, device: &Device) -> Tensor<1> {
    let bias: Vec<f32> = popular::counts(histories, items).iter().map(|count| count.ln_1p()).collect();
    Tensor::from_data(TensorData::new(bias, [items]), device)
}

/// Windows of all histories, in batches of about equal length and number of targets, in random order.
fn batches<'a>(
    histories: &'a [Vec<Interaction>],
    batch_targets: usize,
    generator: &mut ChaCha8Rng,
) -> Vec<Vec<&'a [Interaction]>> {
    let mut rows: Vec<&[Interaction]> = Vec::new();
    for history in histories {
        rows.extend(
            windows(history.len(), CONTEXT, generator).into_iter().map(|(start, end)| &history[start..end]),
        );
    }
    let targets = |row: &&[Interaction]| row.len() - 1;
    bucket(rows, batch_targets, targets, targets, generator)
}

/// Mean loss of the next item at every position of every row, and its gradients.
fn gradients<N: Network>(network: &N, rows: &[&[Interaction]], device: &Device) -> (f64, GradientsParams) {
    let inputs: Vec<&[Interaction]> = rows.iter().map(|row| &row[..row.len() - 1]).collect();
    let states = network.states(item_rows(&inputs, device));
    let [count, length, hidden] = states.dims();
    let (mut places, mut targets) = (Vec::new(), Vec::new());
    for (number, row) in rows.iter().enumerate() {
        places.extend((0..row.len() - 1).map(|position| (number * length + position) as i32));
        targets.extend(row[1..].iter().map(|next| next.item as i32));
    }
    let states = states.reshape([count * length, hidden]).select(0, index(places, device));
    let (vectors, bias) = network.item_vectors();
    let loss = cross_entropy(states, vectors, bias, index(targets, device));
    let value = f64::from(loss.clone().into_scalar::<f32>());
    (value, GradientsParams::from_grads(loss.backward(), network))
}

/// Mean cross-entropy of the targets under a softmax over all items.
///
/// # Shapes
/// states `[R, D]`, vectors `[N, D]`, bias `[N]`, targets `[R]`
fn cross_entropy(
    states: Tensor<2>,
    vectors: Tensor<2>,
    bias: Tensor<1>,
    targets: Tensor<1, Int>,
) -> Tensor<1> {
    let products = (states.clone() * vectors.clone().select(0, targets.clone())).sum_dim(1);
    let chosen = products + bias.clone().select(0, targets).unsqueeze_dim(1);
    (log_normaliser(states, vectors, bias) - chosen).mean()
}

/// Item ids of rows, padded on the right with item 0 (what comes later is never looked at): `[B, T]`.
fn item_rows(rows: &[&[Interaction]], device: &Device) -> Tensor<2, Int> {
    let length = rows.iter().map(|row| row.len()).max().unwrap_or(0);
    let mut items = Vec::with_capacity(rows.len() * length);
    for row in rows {
        items.extend(row.iter().map(|interaction| interaction.item as i32));
        items.resize(items.len() + length - row.len(), 0);
    }
    Tensor::from_data(TensorData::new(items, [rows.len(), length]), device)
}

fn index(values: Vec<i32>, device: &Device) -> Tensor<1, Int> {
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count]), device)
}

/// A network without gradients, ready to answer.
#[derive(Debug)]
pub struct SequenceRanker<N> {
    network: N,
    /// `[N, D]`
    vectors: Tensor<2>,
    /// `[N]`
    bias: Tensor<1>,
    device: Device,
    /// What tuning chose; empty where nothing was tuned.
    settings: String,
}

impl<N: Network> SequenceRanker<N> {
    #[must_use]
    pub fn new(network: &N, device: &Device) -> Self {
        let network = network.valid();
        let (vectors, bias) = network.item_vectors();
        Self { vectors, bias, network, device: device.clone(), settings: String::new() }
    }

    /// The state after each history, a batch at a time: which histories, and their states `[B, D]`.
    /// A history without interactions has none.
    fn last_states(&self, histories: &[&[Interaction]]) -> Vec<(Vec<usize>, Tensor<2>)> {
        let mut order: Vec<usize> = (0..histories.len()).filter(|&row| !histories[row].is_empty()).collect();
        order.sort_by_key(|&row| newest(histories[row]).len());
        let mut rest = order.as_slice();
        let mut answers = Vec::new();
        while let Some(&shortest) = rest.first() {
            // Lengths rise slowly: the shortest says well enough how many rows fit.
            let count = (POSITIONS_AT_ONCE / newest(histories[shortest]).len()).clamp(1, rest.len());
            let (now, later) = rest.split_at(count);
            let rows: Vec<&[Interaction]> = now.iter().map(|&row| newest(histories[row])).collect();
            let states = self.network.states(item_rows(&rows, &self.device));
            let [count, length, hidden] = states.dims();
            let last = rows.iter().enumerate().map(|(i, row)| (i * length + row.len() - 1) as i32).collect();
            let states = states.reshape([count * length, hidden]).select(0, index(last, &self.device));
            answers.push((now.to_vec(), states));
            rest = later;
        }
        answers
    }
}

/// A visitor without interactions gets the same score for every item.
impl<N: Network> Ranker for SequenceRanker<N> {
    fn name(&self) -> String {
        N::NAME.to_owned()
    }

    fn settings(&self) -> Option<String> {
        (!self.settings.is_empty()).then(|| self.settings.clone())
    }

    fn score_catalog(&self, histories: &[&[Interaction]]) -> Result<Vec<Vec<f32>>> {
        let items = self.vectors.dims()[0];
        let mut scores = vec![vec![0.0; items]; histories.len()];
        for (rows, states) in self.last_states(histories) {
            let of_items =
                values(states.matmul(self.vectors.clone().transpose()) + self.bias.clone().unsqueeze())?;
            for (row, of_items) in rows.into_iter().zip(of_items.chunks(items)) {
                scores[row].copy_from_slice(of_items);
            }
        }
        Ok(scores)
    }

    fn score_candidates(&self, questions: &[(&[Interaction], &[usize])]) -> Result<Vec<Vec<f32>>> {
        let hidden = self.vectors.dims()[1];
        let vectors = values(self.vectors.clone())?;
        let bias = values(self.bias.clone())?;
        let histories: Vec<&[Interaction]> = questions.iter().map(|(history, _)| *history).collect();
        let mut scores: Vec<Vec<f32>> = questions.iter().map(|(_, list)| vec![0.0; list.len()]).collect();
        for (rows, states) in self.last_states(&histories) {
            for (row, state) in rows.into_iter().zip(values(states)?.chunks(hidden)) {
                for (score, &item) in scores[row].iter_mut().zip(questions[row].1) {
                    let vector = &vectors[item * hidden..(item + 1) * hidden];
                    *score = state.iter().zip(vector).map(|(a, b)| a * b).sum::<f32>() + bias[item];
                }
            }
        }
        Ok(scores)
    }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    tensor.try_into_vec_as::<f32>().context("the device cannot be read")
}

#[cfg(test)]
mod tests {
    use super::{
        super::{gru4rec::Gru4rec, sasrec::Sasrec},
        *,
    };
    use crate::{evaluation::Protocol, split::Question};

    fn met(item: usize) -> Interaction {
        Interaction { item, intensity: 1.0, time_ms: 0 }
    }

    /// `length` items from `start`, each followed by the next in a circle of ten.
    fn circle(start: usize, length: usize) -> Vec<Interaction> {
        (start..start + length).map(|item| met(item % 10)).collect()
    }

    /// What follows four items of the circle, among all ten: from every start.
    fn asked_of_the_circle() -> (Vec<Question>, Vec<Vec<usize>>) {
        let question = |start| Question { visitor: 0, history: circle(start, 4), target: (start + 4) % 10 };
        let candidates = |start: usize| (start + 4..start + 14).map(|item| item % 10).collect();
        ((0..10).map(question).collect(), (0..10).map(candidates).collect())
    }

    fn small() -> SequenceConfig {
        let stage = StageConfig { epochs: 60, learning_rate: 2e-2, patience: 60, ..StageConfig::default() };
        SequenceConfig { hidden_size: 16, dropout: 0.0, batch_targets: 1500, stage }
    }

    fn learns_a_circle<N: Network>() {
        // Every start with every length from 2 to 8.
        let histories: Vec<Vec<Interaction>> = (0..70).map(|row| circle(row, 2 + row % 7)).collect();
        let (questions, candidates) = asked_of_the_circle();
        let exam = Exam { questions: &questions, candidates: &candidates, protocol: Protocol::Candidates20 };
        let mut reporter = Reporter::new(None, true).unwrap();
        let device = Device::flex();
        let ranker: SequenceRanker<N> =
            train(&small(), &histories, 10, &exam, 1, &device, &mut reporter).unwrap();
        assert_eq!(exam.validate(&ranker).unwrap().hit_rate_at_1, 1.0);

        // A history has the same scores alone, beside longer ones, and among candidates; an empty one has none.
        let (short, long) = (circle(3, 2), circle(5, 60));
        let alone = ranker.score_catalog(&[&short]).unwrap();
        let rows = ranker.score_catalog(&[&long, &short, &[]]).unwrap();
        let picked = ranker.score_candidates(&[(&long, &[1]), (&short, &[5, 2]), (&[], &[0, 1])]).unwrap();
        for (item, score) in alone[0].iter().enumerate() {
            assert!((score - rows[1][item]).abs() < 1e-4);
        }
        assert!((picked[1][0] - alone[0][5]).abs() < 1e-4 && (picked[1][1] - alone[0][2]).abs() < 1e-4);
        assert!((picked[0][0] - rows[0][1]).abs() < 1e-4);
        assert_eq!((rows[2].as_slice(), picked[2].as_slice()), (&[0.0; 10][..], &[0.0; 2][..]));
    }

    #[test]
    fn sasrec_learns_a_circle() {
        learns_a_circle::<Sasrec>();
    }

    #[test]
    fn gru4rec_learns_a_circle() {
        learns_a_circle::<Gru4rec>();
    }

    fn sees_no_future<N: Network>() {
        let device = Device::flex();
        let network = N::new(Tensor::zeros([10], &device), &small(), &device);
        let states = |items: [i32; 5]| {
            let items = Tensor::from_data(TensorData::new(items.to_vec(), [1, 5]), &device);
            network.states(items).try_into_vec_as::<f32>().unwrap()
        };
        let (one, other) = (states([1, 2, 3, 4, 5]), states([1, 2, 3, 9, 0]));
        let seen = 3 * small().hidden_size;
        assert!(one[..seen].iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-6));
        assert!(one[seen..].iter().zip(&other[seen..]).any(|(a, b)| (a - b).abs() > 1e-3));
    }

    #[test]
    fn networks_see_no_future() {
        sees_no_future::<Sasrec>();
        sees_no_future::<Gru4rec>();
    }

    #[test]
    fn cross_entropy_is_that_of_a_log_softmax() {
        let device = Device::flex().autodiff();
        let leaves = || {
            let states = Tensor::<2>::from_floats([[0.5, -1.0], [2.0, 0.3], [-0.7, 0.1]], &device);
            let vectors =
                Tensor::<2>::from_floats([[1.0, 0.2], [-0.4, 0.9], [0.3, -1.5], [0.0, 0.6]], &device);
            let bias = Tensor::<1>::from_floats([0.5, 0.0, 1.5, -1.0], &device);
            let targets = index(vec![2, 0, 2], &device);
            (states.require_grad(), vectors.require_grad(), bias.require_grad(), targets)
        };
        let (states, vectors, bias, targets) = leaves();
        let loss = cross_entropy(states.clone(), vectors.clone(), bias.clone(), targets);
        let gradients = loss.backward();
        let (plain_states, plain_vectors, plain_bias, targets) = leaves();
        let products = plain_states.clone().matmul(plain_vectors.clone().transpose());
        let logits = products + plain_bias.clone().unsqueeze();
        let plain =
            -burn::tensor::activation::log_softmax(logits, 1).gather(1, targets.unsqueeze_dim(1)).mean();
        assert!((loss.into_scalar::<f32>() - plain.clone().into_scalar::<f32>()).abs() < 1e-6);
        let plain_gradients = plain.backward();
        let rows = |bias: Tensor<1>, gradients| values(bias.grad(gradients).unwrap()).unwrap();
        let matrix = |leaf: Tensor<2>, gradients| values(leaf.grad(gradients).unwrap()).unwrap();
        for (ours, plain) in [
            (rows(bias, &gradients), rows(plain_bias, &plain_gradients)),
            (matrix(states, &gradients), matrix(plain_states, &plain_gradients)),
            (matrix(vectors, &gradients), matrix(plain_vectors, &plain_gradients)),
        ] {
            assert!(ours.iter().zip(plain).all(|(a, b)| (a - b).abs() < 1e-6), "{ours:?}");
        }
    }

    #[test]
    fn networks_are_tuned_among_the_settings_of_the_model_and_those_of_their_own() {
        let run = RunConfig { dropout: 0.5, ..RunConfig::default() };
        let tried: Vec<(f64, f64)> =
            SequenceConfig::grid(&run).iter().map(|each| (each.dropout, each.stage.learning_rate)).collect();
        assert_eq!(tried, [(0.5, 2e-3), (0.5, 3e-3), (0.2, 2e-3), (0.2, 3e-3)]);
        let alike = RunConfig { dropout: 0.2, ..RunConfig::default() };
        assert_eq!(SequenceConfig::grid(&alike).len(), 2);
        // One that cannot learn is not the one that is kept.
        let histories: Vec<Vec<Interaction>> = (0..40).map(|row| circle(row, 6)).collect();
        let (questions, candidates) = asked_of_the_circle();
        let exam = Exam { questions: &questions, candidates: &candidates, protocol: Protocol::Candidates20 };
        let mut hopeless = small();
        hopeless.stage.learning_rate = 1e-9;
        let mut reporter = Reporter::new(None, true).unwrap();
        let grid = [hopeless, small()];
        let ranker =
            tuned::<Gru4rec>(&grid, &histories, 10, &exam, 1, &Device::flex(), &mut reporter).unwrap();
        assert_eq!(ranker.settings().unwrap(), "dropout 0, learning rate 0.02");
    }

    #[test]
    fn batches_hold_every_target_once_and_are_cut_by_targets() {
        let histories: Vec<Vec<Interaction>> =
            (0..400).map(|row| (0..row % 130).map(met).collect()).collect();
        let targets: usize = histories.iter().map(|history| history.len().saturating_sub(1)).sum();
        const BATCH_TARGETS: usize = 1500;
        let batches = batches(&histories, BATCH_TARGETS, &mut ChaCha8Rng::seed_from_u64(1));
        let sizes: Vec<usize> =
            batches.iter().map(|rows| rows.iter().map(|row| row.len() - 1).sum()).collect();
        assert_eq!(sizes.iter().sum::<usize>(), targets);
        assert!(sizes.iter().all(|&size| size < BATCH_TARGETS + CONTEXT));
        // 25 000 targets: not many more batches than 1 500 at a time make.
        assert!(sizes.len() <= targets / BATCH_TARGETS + 3, "{sizes:?}");
    }
}
