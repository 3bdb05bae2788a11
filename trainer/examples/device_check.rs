//! Does a GPU compute what the processor computes? Every operation of ours and a whole step of training, on both.
//!
//! `cargo run -p trainer --features vulkan --example device_check -- vulkan`
//! prints how far the numbers are apart and fails where that is more than rounding explains.

use anyhow::{Context, Result, ensure};
use burn::{
    module::Module,
    optim::{GradientsParams, Optimizer},
    tensor::{Device, Distribution, FloatDType, Tensor, TensorData},
};
use shared::{
    interaction::Interaction,
    kernels::{self, PackedMatrix, gradients, products, softmax::masked_softmax},
    lora::LoraConfig,
    model::TransformerConfig,
    noise::Noise,
    precision::Precision,
    prompt::Template,
    quant::{Bits, QuantisedMatrix},
    vocabulary::{Model, ModelConfig, VocabularyConfig, tokens::TokenVocabularyConfig},
};
use trainer::{
    config::SftConfig,
    device::DeviceName,
    examples::tokens::{TokenData, TokenSft, sft_batch},
    hardware::Hardware,
    kernels::{adam::ClippedAdamW, normaliser::log_normaliser},
    train,
};

/// Of the largest number: products of TF32 or sums in another order.
const F32: f64 = 2e-3;
/// Of the largest number, where a sum of many is as narrow as bf16.
const NARROW: f64 = 4e-2;

struct Check<'a> {
    processor: &'a Device,
    gpu: &'a Device,
    failed: usize,
}

impl Check<'_> {
    /// Numbers of both, in the same order.
    fn compare(&mut self, name: &str, bound: f64, numbers: impl Fn(&Device) -> Vec<Vec<f32>>) {
        let (expected, got) = (numbers(self.processor), numbers(self.gpu));
        let apart = expected.iter().zip(&got).map(|(expected, got)| relative(expected, got));
        let apart = apart.fold(0.0, f64::max);
        let is_right = expected.len() == got.len() && apart <= bound;
        self.failed += usize::from(!is_right);
        println!("{name:48} {apart:9.1e} apart  {}", if is_right { "ok" } else { "WRONG" });
    }
}

/// The largest difference, of the largest number; infinite where something is no number.
fn relative(expected: &[f32], got: &[f32]) -> f64 {
    let largest = expected.iter().fold(1e-9_f64, |largest, value| largest.max(f64::from(value.abs())));
    let apart = expected.iter().zip(got).map(|(a, b)| f64::from((a - b).abs()) / largest);
    let is_whole = expected.len() == got.len() && got.iter().all(|value| value.is_finite());
    if is_whole { apart.fold(0.0, f64::max) } else { f64::INFINITY }
}

fn main() -> Result<()> {
    let name = std::env::args().nth(1).context("expected a DEVICE, as --device takes it")?;
    let gpu = name.parse::<DeviceName>().map_err(anyhow::Error::msg)?.open()?.autodiff();
    let processor = Device::flex().autodiff();
    let mut check = Check { processor: &processor, gpu: &gpu, failed: 0 };
    println!(
        "{name}: f32, bf16 {}, f16 {}",
        Precision::Bf16.is_supported_by(&gpu),
        Precision::F16.is_supported_by(&gpu)
    );

    check.compare("norm and its gradients", F32, |device| {
        let (states, weights) = (random([3, 37, 96], 1, device), random([96], 2, device));
        let normed = gradients::rms_norm(states.clone(), weights.clone(), 1e-5, Precision::F32);
        of(normed, [&states], Some(&weights))
    });
    check.compare("gate and its gradients", F32, |device| {
        let (gates, ups) = (random([3, 37, 96], 3, device), random([3, 37, 96], 4, device));
        of(gradients::silu_times(gates.clone(), ups.clone()), [&gates, &ups], None)
    });
    check.compare("rotation of strided heads and its gradient", F32, |device| {
        let heads = random([2, 9, 4, 16], 5, device);
        let (cosines, sines) =
            (random([1, 1, 9, 8], 6, device).detach(), random([1, 1, 9, 8], 7, device).detach());
        let turned = gradients::rotate(heads.clone().swap_dims(1, 2), cosines, sines, 0.3);
        of(turned, [&heads], None)
    });
    check.compare("vectors looked up, and their gradient", F32, |device| {
        let vectors = random([300, 200], 30, device);
        let numbers: Vec<i32> = (0..900).map(|at| at * at % 211).collect();
        let numbers = Tensor::from_data(TensorData::new(numbers, [900]), device);
        of(gradients::look_up(vectors.clone(), numbers), [&vectors], None)
    });
    check.compare("dropout, and what it hides of a gradient", F32, |device| {
        let states = random([3, 40, 64], 8, device);
        of(gradients::dropout(states.clone(), 0.3, Noise::of(77)), [&states], None)
    });
    check.compare("masked softmax and its gradient", F32, |device| {
        let scores = random([3, 2, 20, 300], 9, device);
        let bias = random([3, 1, 20, 300], 10, device).detach();
        let hidden = Tensor::<2>::ones([20, 300], device).triu(3) * -1e9;
        of(masked_softmax(scores.clone(), bias + hidden.reshape([1, 1, 20, 300])), [&scores], None)
    });
    check.compare("normaliser of a catalogue and its gradients", F32, |device| {
        let (states, vectors) = (random([33, 64], 11, device), random([5000, 64], 12, device));
        let bias = random([5000], 13, device);
        of(log_normaliser(states.clone(), vectors.clone(), bias.clone()), [&states, &vectors], Some(&bias))
    });
    let mut precisions = vec![(Precision::F32, F32), (Precision::Bf16, NARROW), (Precision::F16, NARROW)];
    precisions.retain(|(precision, _)| precision.is_supported_by(&gpu));
    for &(precision, bound) in &precisions {
        // Rows enough to be added up in parts, and heads that lie between each other.
        let precision_on = |device: &Device| if *device == gpu { precision } else { Precision::F32 };
        check.compare(&format!("products, {}", precision.name()), bound, |device| {
            let narrow = |tensor: Tensor<2>| tensor.cast(precision_on(device).dtype());
            let (states, weights) = (random([4800, 96], 41, device), random([96, 80], 42, device));
            let product = products::product(narrow(states.clone()), narrow(weights.clone()));
            of(product.cast(FloatDType::F32), [&states, &weights], None)
        });
        check.compare(&format!("products of heads, {}", precision.name()), bound, |device| {
            let narrow = |tensor: Tensor<4>| tensor.cast(precision_on(device).dtype());
            let (queries, keys) = (random([3, 2, 120, 32], 43, device), random([3, 40, 2, 32], 44, device));
            let keys_below = narrow(keys.clone()).swap_dims(1, 2).transpose();
            let product = products::product(narrow(queries.clone()), keys_below);
            of(product.cast(FloatDType::F32), [&queries, &keys], None)
        });
    }
    check.compare("three steps of AdamW", F32, |device| {
        let device = device.clone().inner();
        let optimizer =
            ClippedAdamW { beta_1: 0.9, beta_2: 0.98, epsilon: 1e-8, weight_decay: 0.1, clip: 1.0 };
        let (mut weights, mut state) = (numbers([70, 50], 14, &device), None);
        for seed in 15..18 {
            (weights, state) = optimizer.step(0.01, weights, numbers([70, 50], seed, &device), state);
        }
        vec![values(weights)]
    });
    for (name, bits) in [("q8", Bits::Eight), ("q4", Bits::Four)] {
        // Without gradients: what a browser computes. The processor's q8 products round the states to 8 bits.
        check.compare(&format!("packed products, {name}"), 2e-2, |device| {
            let device = device.clone().inner();
            let rows = values(numbers([100, 96], 20, &Device::flex()));
            let matrix = PackedMatrix::new(&QuantisedMatrix::new(&rows, 100, 96, bits), &device);
            vec![values(matrix.products(numbers([7, 96], 21, &device))), values(matrix.floats())]
        });
    }
    check.compare("fused attention", F32, |device| {
        let device = device.clone().inner();
        let of = |heads: usize, seed: u64| numbers([2, heads, 30, 16], seed, &device);
        let bias = Tensor::<2>::ones([30, 30], &device).triu(1) * -1e9;
        vec![values(kernels::attend(of(4, 22), of(2, 23), of(2, 24), bias.reshape([1, 1, 30, 30])))]
    });

    for (precision, bound) in precisions {
        for (way, lora, is_recomputing) in
            [("", false, false), (", adapters", true, false), (", layers computed again", false, true)]
        {
            // The processor in f32 and with all that it keeps: what every precision stands for.
            check.compare(&format!("a step of a model, {}{way}", precision.name()), bound, |device| {
                let hardware = if *device == processor {
                    // As long rows as on the GPU, so that dropout takes the same.
                    Hardware::from(device).with_row_multiple(Hardware::from(&gpu).row_multiple)
                } else {
                    Hardware::new(device, &[], precision).recomputing(is_recomputing)
                };
                step(hardware, lora)
            });
        }
    }
    ensure!(check.failed == 0, "{} of the operations are wrong on {name}", check.failed);
    Ok(())
}

/// Loss and the norm of every weight's gradient.
fn step(hardware: Hardware, lora: bool) -> Vec<Vec<f32>> {
    let (config, device) = (config(), &hardware.device.clone());
    // The same weights on both: drawn on the processor.
    let drawn = Device::flex();
    drawn.seed(4);
    let weights = futures_lite::future::block_on(config.init(&drawn).weights()).unwrap_or_default();
    let model = config.init(device).with_weights(&weights, device);
    let Ok(model) = model else { return Vec::new() };
    let model = if lora { with_adapters(model, device) } else { model };
    let titles: Vec<Vec<u32>> =
        (0..40).map(|title| (0..5).map(|at| 11 + (title * 7 + at * 3) % 480).collect()).collect();
    let met = |item| Interaction { item, intensity: 1.0, time_ms: 0 };
    let history: Vec<Interaction> = (0..12).map(met).collect();
    let data = TokenData::new(std::slice::from_ref(&history), &titles, &config, hardware);
    let template = Template::default();
    let row = |history: &[Interaction]| {
        (template.history(history, &titles), template.is_predicted(history, &titles))
    };
    let batch = sft_batch(&data, &[row(&history), row(&history[..5]), row(&history[3..9])], Noise::of(3));
    let objective = TokenSft::new(data, &SftConfig::default(), 1);
    let group = [vec![batch]];
    let outcome = train::gradients(&objective, &model, &group, 1.0);
    let mut norms = Norms { gradients: outcome.gradients, found: Vec::new() };
    model.visit(&mut norms);
    vec![vec![outcome.loss as f32], norms.found]
}

struct Norms {
    gradients: GradientsParams,
    found: Vec<f32>,
}

impl burn::module::ModuleVisitor for Norms {
    fn visit_float<const D: usize>(&mut self, param: &burn::module::Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            self.found.push(gradient.square().sum().sqrt().into_scalar::<f32>());
        }
    }
}

/// With numbers in both thin matrices, as after training.
fn with_adapters(model: Model, device: &Device) -> Model {
    let model = model.adapted(&LoraConfig { rank: 4, ..LoraConfig::default() }, device);
    let mut weights = futures_lite::future::block_on(model.weights()).unwrap_or_default();
    for (index, (_, weight)) in weights.iter_mut().filter(|(name, _)| name.contains("lora")).enumerate() {
        for (place, value) in weight.values.iter_mut().enumerate() {
            *value = (index as f32 + 0.3 * place as f32).sin() * 0.05;
        }
    }
    model.clone().with_weights(&weights, device).unwrap_or(model)
}

fn config() -> ModelConfig {
    ModelConfig {
        transformer: TransformerConfig {
            hidden_size: 96,
            num_hidden_layers: 2,
            num_attention_heads: 6,
            num_key_value_heads: 2,
            intermediate_size: 200,
            attention_bias: true,
            qk_norm: true,
            dropout: 0.1,
            ..TransformerConfig::default()
        },
        vocabulary: VocabularyConfig::Tokens(TokenVocabularyConfig {
            tokens: 500,
            tie_word_embeddings: true,
            template: Template::default(),
        }),
        context: 12,
        asked: Vec::new(),
    }
}

/// The same on every device.
fn numbers<const D: usize>(shape: [usize; D], seed: u64, device: &Device) -> Tensor<D> {
    let drawn = Device::flex();
    drawn.seed(seed);
    let numbers = Tensor::<D>::random(shape, Distribution::Normal(0.0, 1.0), &drawn);
    Tensor::from_data(TensorData::new(values(numbers), shape), device)
}

fn random<const D: usize>(shape: [usize; D], seed: u64, device: &Device) -> Tensor<D> {
    numbers(shape, seed, device).require_grad()
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// An outcome, and the gradients of its sum times given numbers.
fn of<const D: usize, const E: usize, const N: usize>(
    outcome: Tensor<D>,
    inputs: [&Tensor<E>; N],
    vector: Option<&Tensor<1>>,
) -> Vec<Vec<f32>> {
    let upstream = numbers(outcome.dims(), 99, &outcome.device());
    let gradients = (outcome.clone() * upstream).sum().backward();
    let of_inputs = inputs.into_iter().filter_map(|input| input.grad(&gradients)).map(values);
    let of_vector = vector.and_then(|vector| vector.grad(&gradients)).map(values);
    std::iter::once(values(outcome)).chain(of_inputs).chain(of_vector).collect()
}
