//! Are imported checkpoints the models that they were, and are they trained as they should be?
//!
//! `tests/golden/checkpoints.py`: Hugging Face's transformers and PyTorch.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Result;
use burn::{
    module::{Module, ModuleMapper, Param},
    optim::GradientsParams,
    tensor::{Device, Tensor, TensorData},
};
use serde_json::{Value, json};
use shared::{
    interaction::Interaction,
    places::{Places, RowPlaces},
    preference::MarginKind,
    prompt::Template,
    tokenizer::Tokenizer,
    vocabulary::{
        Asked, Model, ModelConfig, Vocabulary, VocabularyConfig,
        tokens::{TokenVocabularyConfig, token_batch},
    },
    weights::{Weight, Weights},
};
use trainer::{
    checkpoint::Keeper,
    config::{SftConfig, StageConfig},
    examples::tokens::{TokenData, TokenPreference, TokenSft},
    goals::Goals,
    hardware::Hardware,
    hugging_face::{self, Checkpoint, tensors},
    negatives::Sampler,
    output::Reporter,
    preference_config::{LossKind, NegativeShares, PreferenceConfig},
    reference::Reference,
    train::{self, Judge, Objective, Validation},
};

use crate::{command_line::Folder, golden::wave};

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/checkpoints.json")).unwrap()
}

/// The model of a case as its config.json says it.
fn model_config(checkpoint: &Checkpoint) -> ModelConfig {
    ModelConfig {
        transformer: checkpoint.sizes.transformer.clone(),
        vocabulary: VocabularyConfig::Tokens(TokenVocabularyConfig {
            tokens: checkpoint.sizes.tokens,
            tie_word_embeddings: checkpoint.sizes.tie_word_embeddings,
            template: Template::default(),
        }),
        context: 30,
        asked: vec![Asked { level: 8, weight: 1.0 }],
    }
}

/// Shapes of all weights of a config, so that the wave can fill them.
fn weights_of(config: &ModelConfig) -> Weights {
    wave(&config.init(&Device::flex()))
}

/// The case as a folder of files, as transformers writes it.
fn checkpoint_of(case: &Value, folder: &Folder) -> Checkpoint {
    let path = folder.0.join(case["name"].as_str().unwrap());
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("config.json"), case["config"].to_string()).unwrap();
    fs::write(path.join("tokenizer.json"), "{}").unwrap();
    fs::write(path.join("model.safetensors"), tensors::bytes(&Weights::new()).unwrap()).unwrap();
    let sizes = Checkpoint::load(&path).unwrap();
    let weights = weights_of(&model_config(&sizes));
    fs::write(path.join("model.safetensors"), tensors::bytes(&weights).unwrap()).unwrap();
    Checkpoint::load(&path).unwrap()
}

/// Logits up to a constant of each position: log π of every token after each, `[T, V]`.
fn log_probabilities(model: &Model, config: &ModelConfig, tokens: &[u32], device: &Device) -> Tensor<2> {
    let Vocabulary::Tokens(vocabulary) = &model.vocabulary else { panic!("a model of tokens") };
    let places = Places::new(&[RowPlaces::causal(tokens.len())], 0, &config.transformer, device);
    let embeddings = vocabulary.embed(token_batch(&[tokens.to_vec()], device));
    let states = model.model.forward(embeddings, &places, None);
    vocabulary.log_probabilities(states.squeeze_dim(0))
}

fn log_softmax(logits: &[f64]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|logit| (logit - largest).exp()).sum();
    logits.iter().map(|logit| logit - largest - sum.ln()).collect()
}

fn assert_log_probabilities(got: &[f32], logits: &[Vec<f64>], tolerance: f64, what: &str) {
    let expected: Vec<f64> = logits.iter().flat_map(|row| log_softmax(row)).collect();
    assert_eq!(got.len(), expected.len());
    let worst = got.iter().zip(&expected).map(|(got, expected)| (f64::from(*got) - expected).abs());
    let worst = worst.fold(0.0, f64::max);
    assert!(worst < tolerance, "{what}: off by {worst}");
}

fn tokens() -> Vec<u32> {
    serde_json::from_value(golden()["tokens"].clone()).unwrap()
}

fn floats(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

#[test]
fn logits_of_every_family_equal_those_of_transformers() {
    let (folder, device) = (Folder::new("checkpoints-families"), Device::flex());
    let cases = golden()["cases"].as_array().unwrap().clone();
    assert_eq!(cases.len(), 5);
    for case in cases {
        let checkpoint = checkpoint_of(&case, &folder);
        let config = model_config(&checkpoint);
        let model = checkpoint.model(&config, &device).unwrap();
        let got = floats(log_probabilities(&model, &config, &tokens(), &device));
        let logits: Vec<Vec<f64>> = serde_json::from_value(case["logits"].clone()).unwrap();
        assert_log_probabilities(&got, &logits, 1e-4, &case["name"].to_string());
    }
}

/// w − rate · gradient, for every weight.
struct Descent {
    gradients: GradientsParams,
    rate: f64,
}

impl ModuleMapper for Descent {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let gradient = self.gradients.get::<D>(param.id).unwrap();
        let rate = self.rate;
        param.map(|weight| Tensor::from_inner(weight.inner() - gradient * rate).require_grad())
    }
}

#[test]
fn a_step_of_every_family_equals_that_of_pytorch() {
    let (folder, device) = (Folder::new("checkpoints-steps"), Device::flex().autodiff());
    for case in golden()["cases"].as_array().unwrap() {
        let checkpoint = checkpoint_of(case, &folder);
        let config = model_config(&checkpoint);
        let model = checkpoint.model(&config, &device).unwrap();
        let tokens = tokens();
        let targets: Vec<i32> = tokens[1..].iter().map(|&token| token as i32).collect();
        let count = targets.len();
        let targets = Tensor::from_data(TensorData::new(targets, [count, 1]), &device);
        let log_probs = log_probabilities(&model, &config, &tokens, &device).narrow(0, 0, count);
        let loss = -log_probs.gather(1, targets).mean();
        let got = f64::from(loss.clone().into_scalar::<f32>());
        let expected = case["loss"].as_f64().unwrap();
        assert!((got - expected).abs() < 1e-5, "{}: {got}, expected {expected}", case["name"]);
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        let model = model.map(&mut Descent { gradients, rate: 0.1 });
        let after = floats(log_probabilities(&model, &config, &tokens, &device).narrow(0, count, 1));
        let logits: Vec<f64> = serde_json::from_value(case["after_step"].clone()).unwrap();
        assert_log_probabilities(&after, &[logits], 1e-4, &case["name"].to_string());
    }
}

/// Every epoch is better than the one before: the last model is the best.
#[derive(Default)]
struct Rising(AtomicUsize);

impl Judge for Rising {
    fn ready(&self, model: &Model) -> Result<Model> {
        Ok(train::frozen(model))
    }

    fn validate(&self, _: &Model) -> Result<Validation> {
        let epoch = self.0.fetch_add(1, Ordering::Relaxed) as f64;
        Ok(Validation { hit_rate_at_1: epoch, ndcg_at_10: 0.0 })
    }

    fn checkpoint(&self, _: &Model) -> Result<()> {
        Ok(())
    }
}

/// An objective that writes its losses down.
struct Recorded<O> {
    inner: O,
    losses: Mutex<Vec<f64>>,
}

impl<O: Objective> Objective for Recorded<O> {
    type Part = O::Part;

    fn epoch(&mut self, number: usize) -> Vec<Vec<O::Part>> {
        self.inner.epoch(number)
    }

    fn hardware(&self) -> &Hardware {
        self.inner.hardware()
    }

    fn targets(&self, batch: &O::Part) -> usize {
        self.inner.targets(batch)
    }

    fn positions(&self, batch: &O::Part) -> usize {
        self.inner.positions(batch)
    }

    fn metric_names(&self) -> &'static [&'static str] {
        self.inner.metric_names()
    }

    fn loss(&self, model: &Model, batch: &O::Part) -> train::StepOutcome {
        let outcome = self.inner.loss(model, batch);
        self.losses.lock().unwrap().push(f64::from(outcome.loss.clone().into_scalar::<f32>()));
        outcome
    }
}

/// The losses before each of twenty steps and after the last, and the model that they made.
fn trained<O: Objective>(model: Model, objective: O, stage: &StageConfig) -> (Vec<f64>, Model) {
    let mut recorded = Recorded { inner: objective, losses: Mutex::default() };
    let mut reporter = Reporter::new(None, true).unwrap();
    let keeper = &mut Keeper::none();
    let judge = Rising::default();
    let trained =
        train::run("golden", stage, model, &mut recorded, None, &judge, &mut reporter, keeper).unwrap();
    let [batch] = &recorded.epoch(1)[..] else { panic!("one step an epoch") };
    let [part] = &batch[..] else { panic!("one part") };
    let outcome = recorded.inner.loss(&trained.model.clone().train(), part);
    recorded.losses.lock().unwrap().push(f64::from(outcome.loss.into_scalar::<f32>()));
    (recorded.losses.into_inner().unwrap(), trained.model)
}

#[test]
fn twenty_steps_of_sft_and_of_preferences_follow_those_of_pytorch() {
    let golden = golden();
    let folder = Folder::new("checkpoints-training");
    let device = Device::flex().autodiff();
    let titles: Vec<Vec<u32>> = serde_json::from_value(golden["titles"].clone()).unwrap();
    let histories: Vec<Vec<(usize, f32)>> = serde_json::from_value(golden["histories"].clone()).unwrap();
    let met = |(place, &(item, intensity)): (usize, &(usize, f32))| Interaction {
        item,
        intensity,
        time_ms: place as i64,
    };
    let histories: Vec<Vec<Interaction>> =
        histories.iter().map(|history| history.iter().enumerate().map(met).collect()).collect();
    let runs = golden["training"].as_array().unwrap();
    assert_eq!(runs.len(), 8);
    for run in runs {
        let stage = StageConfig {
            epochs: 20,
            patience: 100,
            learning_rate: run["rate"].as_f64().unwrap(),
            weight_decay: golden["weight_decay"].as_f64().unwrap() as f32,
            clip: run["clip"].as_f64().unwrap() as f32,
            clip_together: run["clip_together"].as_bool().unwrap(),
            ..StageConfig::default()
        };
        let case =
            golden["cases"].as_array().unwrap().iter().find(|case| case["name"] == run["name"]).unwrap();
        let checkpoint = checkpoint_of(case, &folder);
        let config = model_config(&checkpoint);
        let model = checkpoint.model(&config, &device).unwrap();
        let data = TokenData::new(&histories, &titles, &config, &device);
        let (got, after) = if run["stage"] == "sft" {
            trained(model, TokenSft::new(data, &SftConfig::default(), 1), &stage)
        } else {
            let preference = PreferenceConfig {
                loss: if run["stage"] == "dpo" { LossKind::Dpo } else { LossKind::Softmax },
                margin: MarginKind::None,
                nll_weight: 0.0,
                beta: golden["beta"].as_f64().unwrap(),
                negatives: NegativeShares { disliked: 0.0, uniform: 1.0, ..NegativeShares::default() },
                ..PreferenceConfig::default()
            };
            let goals = Goals::none();
            let mut sampler = Sampler::new(&histories, &preference, &goals, &[]).unwrap();
            let objective =
                TokenPreference::new(data, &Reference::uncached(&model), &preference, &mut sampler, 1)
                    .unwrap();
            assert_eq!(objective.len(), 3);
            trained(model, objective, &stage)
        };
        let expected: Vec<f64> = serde_json::from_value(run["losses"].clone()).unwrap();
        let what = format!("{} {}, clipped to {}", run["name"], run["stage"], run["clip"]);
        assert_eq!((got.len(), expected.len()), (21, 21));
        for (step, (got, expected)) in got.iter().zip(&expected).enumerate() {
            assert!(
                (got - expected).abs() < 2e-4 * expected,
                "{what}, before step {step}: {got}, expected {expected}"
            );
        }
        // Without decay, clipping or the correction of AdamW's moments, and with another schedule, it is off by 5e-3 and more.
        let last =
            log_probabilities(&after, &config, &tokens(), &Device::flex()).narrow(0, tokens().len() - 1, 1);
        let logits: Vec<f64> = serde_json::from_value(run["after"].clone()).unwrap();
        assert_log_probabilities(&floats(last), &[logits], 1e-3, &what);
    }
}

/// `config.json` as published Llama 3.x has it: theta on its own, beside `rope_scaling`.
#[test]
fn the_older_form_of_scaled_rotations_is_the_same_model() {
    let (folder, device) = (Folder::new("checkpoints-older"), Device::flex());
    let mut case = golden()["cases"][1].clone();
    let (new, published) = (case["config"].clone(), case["published_config"].clone());
    assert!(new["rope_parameters"].is_object() && published["rope_parameters"].is_null());
    case["config"] = published;
    let checkpoint = checkpoint_of(&case, &folder);
    let config = model_config(&checkpoint);
    let model = checkpoint.model(&config, &device).unwrap();
    let got = floats(log_probabilities(&model, &config, &tokens(), &device));
    let logits: Vec<Vec<f64>> = serde_json::from_value(case["logits"].clone()).unwrap();
    assert_log_probabilities(&got, &logits, 1e-4, "llama-3 as it is published");
}

/// The same weights in two files of half precision, as large checkpoints come.
#[test]
fn shards_of_half_precision_are_one_model() {
    let folder = Folder::new("checkpoints-shards");
    let case = golden()["cases"][1].clone();
    let checkpoint = checkpoint_of(&case, &folder);
    let path = folder.0.join("llama-3");
    fs::remove_file(path.join("model.safetensors")).unwrap();
    let mut map = serde_json::Map::new();
    for (shard, kind) in [(0, safetensors::Dtype::BF16), (1, safetensors::Dtype::F16)] {
        let file = format!("model-{shard}.safetensors");
        let part: Vec<(&String, &Weight)> = checkpoint
            .weights
            .iter()
            .enumerate()
            .filter(|(i, _)| i % 2 == shard)
            .map(|(_, each)| each)
            .collect();
        let bytes: Vec<Vec<u8>> = part
            .iter()
            .map(|(_, weight)| {
                let half = |&value: &f32| match kind {
                    safetensors::Dtype::BF16 => half::bf16::from_f32(value).to_bits(),
                    _ => half::f16::from_f32(value).to_bits(),
                };
                weight.values.iter().flat_map(|value| half(value).to_le_bytes()).collect()
            })
            .collect();
        let views = part.iter().zip(&bytes).map(|((name, weight), bytes)| {
            map.insert((*name).clone(), json!(file));
            (
                (*name).clone(),
                safetensors::tensor::TensorView::new(kind, weight.shape.clone(), bytes).unwrap(),
            )
        });
        fs::write(path.join(&file), safetensors::serialize(views.collect::<Vec<_>>(), None).unwrap())
            .unwrap();
    }
    let index = path.join("model.safetensors.index.json");
    fs::write(&index, json!({ "weight_map": map }).to_string()).unwrap();
    let read = Checkpoint::load(&path).unwrap();
    assert_eq!(read.weights.len(), checkpoint.weights.len());
    for (name, weight) in &read.weights {
        let largest = weight.values.iter().zip(&checkpoint.weights[name].values).map(|(a, b)| (a - b).abs());
        assert!(largest.fold(0.0, f32::max) < 5e-3, "{name}");
    }

    map.insert("model.layers.9.mlp.up_proj.weight".to_owned(), json!("model-0.safetensors"));
    fs::write(&index, json!({ "weight_map": map }).to_string()).unwrap();
    let error = Checkpoint::load(&path).err().unwrap();
    assert!(format!("{error:#}").contains("model.layers.9.mlp.up_proj.weight"), "{error:#}");
    map.insert("model.norm.weight".to_owned(), json!("../model-0.safetensors"));
    fs::write(&index, json!({ "weight_map": map }).to_string()).unwrap();
    let error = Checkpoint::load(&path).err().unwrap();
    assert!(format!("{error:#}").contains("no file beside it"), "{error:#}");
}

#[test]
fn every_tensor_that_does_not_fit_is_named() {
    let folder = Folder::new("checkpoints-misfit");
    let mut checkpoint = checkpoint_of(&golden()["cases"][3], &folder);
    let config = model_config(&checkpoint);
    for layer in 0..2 {
        checkpoint.weights.remove(&format!("model.layers.{layer}.self_attn.q_proj.bias"));
    }
    let one = Weight { shape: vec![1], values: vec![0.0] };
    checkpoint.weights.insert("model.layers.2.input_layernorm.weight".to_owned(), one.clone());
    checkpoint.weights.insert("model.norm.weight".to_owned(), one);
    let error = format!("{:#}", checkpoint.model(&config, &Device::flex()).unwrap_err());
    for word in [
        "missing: model.layers.0.self_attn.q_proj.bias, model.layers.1.self_attn.q_proj.bias",
        "lacks: model.layers.2.input_layernorm.weight",
        "model.norm.weight [1], expected [32]",
    ] {
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn what_is_written_is_read_again() {
    let folder = Folder::new("checkpoints-written");
    for case in golden()["cases"].as_array().unwrap() {
        let checkpoint = checkpoint_of(case, &folder);
        let config = model_config(&checkpoint);
        let template = ("chat_template.jinja".to_owned(), b"{{ x }}".to_vec());
        let carried = checkpoint.carried.clone().into_iter().chain([template]).collect();
        let files = hugging_face::files(&config, &checkpoint.weights, b"{}", &carried).unwrap();
        let path = folder.0.join("out").join(case["name"].as_str().unwrap());
        hugging_face::write(&files, &path).unwrap();
        let again = Checkpoint::load(&path).unwrap();
        assert_eq!(again.sizes, checkpoint.sizes);
        assert_eq!(again.weights, checkpoint.weights);
        assert!(again.carried.keys().eq(["chat_template.jinja", "config.json", "generation_config.json"]));
        assert_eq!(again.carried["chat_template.jinja"], b"{{ x }}");
        assert!(hugging_face::write(&files, &path).is_err(), "a folder in use is left alone");
    }
}

/// A pretrained model writes what `run.c` of llama2.c wrote; the files lie beside the project, not in it.
#[test]
fn stories_go_on_as_they_did() {
    let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap());
    let data = here.join("../../shared/data/tiny-llm");
    let Ok(told) = fs::read_to_string(data.join("stories260K.md")) else {
        return eprintln!("skipped: {} is not there", data.display());
    };
    let checkpoint = Checkpoint::load(&data.join("stories260K.bin")).unwrap();
    let config = model_config(&checkpoint);
    let device = Device::flex();
    let model = checkpoint.model(&config, &device).unwrap();
    let tokenizer = checkpoint.tokenizer().unwrap();
    let expected = told.split("-t 0.0\n").nth(1).unwrap().split("\n```").next().unwrap();
    let mut tokens = vec![1];
    for _ in 0..256 {
        let log_probs = log_probabilities(&model, &config, &tokens, &device);
        let last = floats(log_probs.narrow(0, tokens.len() - 1, 1));
        let best = (0..last.len()).max_by(|&a, &b| last[a].total_cmp(&last[b])).unwrap();
        tokens.push(best as u32);
    }
    let text = tokenizer.decode(&tokens).unwrap();
    assert!(text.starts_with(expected.trim()), "{text}\n\nexpected\n{expected}");
    // Its own words, read back: the tokens are those that were written.
    assert_eq!(tokenizer.encode(&text).unwrap(), tokens[1..]);
}

/// A history in the words of GPT-2's tokenizer: its parts, tokenised one by one, are what the whole text gives.
#[test]
fn joint_and_separate_tokenisation_agree() {
    let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap());
    let path = here.join("../../shared/data/tiny-llm/gpt2/hf_tokenizer.json");
    let Ok(json) = fs::read(&path) else { return eprintln!("skipped: {} is not there", path.display()) };
    let tokenizer = Tokenizer::from_json(&json).unwrap();
    let template = hugging_face::template::of(&tokenizer).unwrap();
    let titles = [
        "Linen coat, ink",
        "Mug XL 250 ml",
        "7 Up",
        "Crème brûlée (set of 4)",
        "\"Quoted\" – dashed",
        "two  spaces\n",
    ];
    let tokens: Vec<Vec<u32>> =
        titles.iter().map(|title| hugging_face::template::title(&tokenizer, title).unwrap()).collect();
    let met = |(item, intensity)| Interaction { item, intensity, time_ms: 0 };
    let history = [(0, 1.0), (1, -1.0), (2, 0.0), (3, 0.5), (4, 1.0), (5, 1.0)].map(met);
    let text = "Products that one customer met, each after a rating from 1 to 9.\n\
        9 Linen coat, ink\n1 Mug XL 250 ml\n5 7 Up\n7 Crème brûlée (set of 4)\n9 \"Quoted\" – dashed\n9 two spaces\n9";
    assert_eq!(template.prompt(&history, &tokens, 8), tokenizer.encode_whole(text).unwrap());
}
