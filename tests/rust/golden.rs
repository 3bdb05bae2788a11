//! Do the numbers agree with an implementation we did not write in Rust? `tests/golden/reference.py`, numpy.

use burn::tensor::{Device, Tensor};
use futures_lite::future::block_on;
use shared::{
    interaction::Interaction,
    score::Scorer,
    vocabulary::{Model, ModelConfig},
    weights::{Weight, Weights},
};

/// `tests/golden/golden.json`.
pub fn golden() -> serde_json::Value {
    serde_json::from_str(include_str!("../golden/golden.json")).unwrap()
}

/// The model of a case with the wave of `reference.py` for weights.
pub fn model(config: &ModelConfig, device: &Device) -> Model {
    let model = config.init(device);
    let names: Vec<(String, Vec<usize>)> =
        block_on(model.weights()).unwrap().into_iter().map(|(name, weight)| (name, weight.shape)).collect();
    let weights: Weights = names
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
        .collect();
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
    for case in golden()["losses"].as_array().unwrap() {
        let row = |key: &str| -> Tensor<2> {
            let values: Vec<f32> = serde_json::from_value(case[key].clone()).unwrap();
            Tensor::<1>::from_floats(values.as_slice(), &device).unsqueeze()
        };
        let beta = case["beta"].as_f64().unwrap();
        let loss = trainer::loss::softmax_preference(row("policy"), row("reference"), row("margins"), beta);
        let expected = case["loss"].as_f64().unwrap();
        assert!((f64::from(loss.into_scalar::<f32>()) - expected).abs() < 1e-4 * expected.max(1.0));
    }
}
