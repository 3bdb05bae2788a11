//! Do the numbers agree with an implementation we did not write in Rust? `tests/golden/reference.py`, numpy.

use burn::tensor::{Device, Tensor};
use futures_lite::future::block_on;
use shared::{
    interaction::Interaction,
    score::Scorer,
    vocabulary::{Model, ModelConfig},
    weights::{Weight, Weights},
};
use trainer::{
    loss::{self, Alternatives},
    preference_config::PreferenceConfig,
};

/// `tests/golden/golden.json`.
pub fn golden() -> serde_json::Value {
    serde_json::from_str(include_str!("../golden/golden.json")).unwrap()
}

/// The wave of `reference.py` for all weights of a model.
pub fn wave(model: &Model) -> Weights {
    let names: Vec<(String, Vec<usize>)> =
        block_on(model.weights()).unwrap().into_iter().map(|(name, weight)| (name, weight.shape)).collect();
    names
        .into_iter()
        .enumerate()
        .map(|(index, (name, shape))| {
            let count = shape.iter().product::<usize>();
            let is_norm = name.contains("norm");
            let values = (0..count)
                .map(|j| {
                    let wave = (1.3 * index as f64 + 0.37 * j as f64).sin();
                    (if is_norm { 1.0 + 0.1 * wave } else { 0.3 * wave }) as f32
                })
                .collect();
            (name, Weight { shape, values })
        })
        .collect()
}

/// The model of a case with the wave for weights.
pub fn model(config: &ModelConfig, device: &Device) -> Model {
    let model = config.init(device);
    let weights = wave(&model);
    model.with_weights(&weights, device).unwrap()
}

pub fn texts() -> Vec<Vec<u32>> {
    serde_json::from_value(golden()["texts"].clone()).unwrap()
}

pub fn history() -> Vec<Interaction> {
    serde_json::from_value(golden()["history"].clone()).unwrap()
}

/// Name, config and expected scores of every case.
pub fn cases() -> Vec<(String, ModelConfig, Vec<f64>)> {
    let golden = golden();
    let cases = golden["cases"].as_array().unwrap();
    cases
        .iter()
        .map(|case| {
            let config = serde_json::from_value(case["model"].clone()).unwrap();
            let scores = serde_json::from_value(case["scores"].clone()).unwrap();
            (case["name"].as_str().unwrap().to_owned(), config, scores)
        })
        .collect()
}

#[test]
fn scores_equal_those_of_numpy() {
    let device = Device::flex();
    for (name, config, expected) in cases() {
        let scorer = Scorer::new(&model(&config, &device), config, texts(), &device);
        let candidates: Vec<usize> = (0..texts().len()).collect();
        let scores = block_on(scorer.score(&history(), &candidates)).unwrap();
        assert_eq!(scores.len(), expected.len());
        for (score, expected) in scores.iter().zip(&expected) {
            assert!((f64::from(*score) - expected).abs() < 1e-4, "{name}: {scores:?}, expected {expected:?}");
        }
    }
}

#[test]
fn losses_equal_those_of_numpy() {
    let device = Device::flex();
    let losses = golden()["losses"].as_array().unwrap().clone();
    assert!(losses.len() > 70);
    for case in losses {
        let numbers = |key: &str| -> Vec<f32> { serde_json::from_value(case[key].clone()).unwrap() };
        let number = |key: &str| case[key].as_f64().unwrap();
        let row = |values: &[f32]| -> Tensor<2> { Tensor::<1>::from_floats(values, &device).unsqueeze() };
        let config = PreferenceConfig {
            loss: serde_json::from_value(case["loss"].clone()).unwrap(),
            margin: serde_json::from_value(case["margin"].clone()).unwrap(),
            beta: number("beta"),
            lambda: number("lambda") as f32,
            simpo_gamma: number("simpo_gamma"),
            cpo_alpha: number("cpo_alpha"),
            nll_weight: 0.0,
            ..PreferenceConfig::default()
        };
        let margin = |&utility| config.margin.margin(config.lambda, number("chosen_utility") as f32, utility);
        let margins: Vec<f32> = numbers("rejected_utilities").iter().map(margin).collect();
        let of = Alternatives {
            policy: row(&numbers("policy")),
            reference: Some(row(&numbers("reference"))),
            margins: row(&margins),
            lengths: row(&numbers("lengths")),
        };
        let got = f64::from(loss::total(&config, &of).into_scalar::<f32>());
        let expected = number("value");
        assert!((got - expected).abs() < 1e-4 * expected.max(1.0), "{got}: {case}");
    }
}
