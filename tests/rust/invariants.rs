//! Do different ways lead to the same result?

use std::collections::BTreeMap;

use burn::{
    module::{Module, ModuleVisitor, Param},
    optim::GradientsParams,
    tensor::{Device, Tensor},
};
use futures_lite::future::block_on;
use shared::{
    interaction::Interaction,
    model::KvCache,
    pass::Memory,
    places::{Places, RowPlaces},
    quant::{Bits, QuantisedMatrix},
    score::Scorer,
    vocabulary::{Asked, Model, ModelConfig, VocabularyConfig},
};
use trainer::{
    config::SftConfig,
    examples::items::{ItemData, ItemSft},
    train::{self, Objective},
};

use crate::golden;

fn values(tensor: Tensor<3>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

#[track_caller]
fn assert_close(a: &[f32], b: &[f32], tolerance: f32) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= tolerance, "{a} and {b}");
    }
}

#[test]
fn prefix_then_suffix_equals_both_at_once() {
    let device = Device::flex();
    for (_, config, _) in golden::cases() {
        let model = golden::model(&config, &device);
        let config = config.transformer;
        let embeddings = Tensor::<1>::from_floats(
            (0..7 * 16).map(|i| (i as f32 * 0.7).sin()).collect::<Vec<_>>().as_slice(),
            &device,
        )
        .reshape([1, 7, 16]);
        let all = Places::new(&[RowPlaces::causal(7)], 0, &config, &device);
        let together = values(model.model.forward(embeddings.clone(), &all, None));

        let mut cache = KvCache::default();
        let prefix = Places::new(&[RowPlaces::causal(4)], 0, &config, &device);
        let first = model.model.forward(embeddings.clone().narrow(1, 0, 4), &prefix, Some(&mut cache));
        let rest = RowPlaces { positions: vec![4, 5, 6], blocks: vec![0; 3] };
        let suffix = Places::new(&[rest], 4, &config, &device);
        let second = model.model.forward(embeddings.narrow(1, 4, 3), &suffix, Some(&mut cache));
        assert_close(&values(Tensor::cat(vec![first, second], 1)), &together, 1e-5);
    }
}

/// Room is made for some hundred positions at a time; what is taken back leaves its room to what comes.
#[test]
fn a_cache_that_outgrows_its_room_and_shrinks_changes_nothing() {
    let device = Device::flex();
    let (_, config, _) = golden::cases().remove(0);
    let model = golden::model(&config, &device);
    let config = config.transformer;
    let embeddings: Vec<f32> = (0..300 * 16).map(|i| (i as f32 * 0.7).sin()).collect();
    let embeddings = Tensor::<1>::from_floats(embeddings.as_slice(), &device).reshape([1, 300, 16]);
    let all = Places::new(&[RowPlaces::causal(300)], 0, &config, &device);
    let together = values(model.model.forward(embeddings.clone(), &all, None));
    let mut cache = KvCache::default();
    let mut read = |from: usize, count: usize| {
        cache.truncate(from);
        assert_eq!(cache.len(), from);
        let rows = RowPlaces { positions: (from..from + count).collect(), blocks: vec![0; count] };
        let places = Places::new(&[rows], from, &config, &device);
        let states =
            model.model.forward(embeddings.clone().narrow(1, from, count), &places, Some(&mut cache));
        assert_close(&values(states), &together[from * 16..(from + count) * 16], 1e-4);
    };
    for (from, count) in [(0, 250), (250, 6), (256, 1), (257, 43), (40, 3), (43, 257), (0, 300)] {
        read(from, count);
    }
}

#[test]
fn positions_that_answer_alone_answer_as_among_all() {
    let device = Device::flex();
    for (_, config, _) in golden::cases() {
        let model = golden::model(&config, &device);
        let config = config.transformer;
        let embeddings: Vec<f32> = (0..2 * 7 * 16).map(|i| (i as f32 * 0.7).sin()).collect();
        let embeddings = Tensor::<1>::from_floats(embeddings.as_slice(), &device).reshape([2, 7, 16]);
        let places = Places::new(&[RowPlaces::causal(7)], 0, &config, &device);
        let all = model.model.forward(embeddings.clone(), &places, None);
        for count in [1, 3, 7] {
            let answers = model.model.forward(embeddings.clone(), &places.clone().answering(count), None);
            assert_close(&values(answers), &values(all.clone().narrow(1, 7 - count, count)), 1e-5);
        }
    }
}

/// A visit in steps: events come one by one, one is taken back, and the window slides; with floats and packed.
#[test]
fn reading_on_equals_reading_anew() {
    let device = Device::flex();
    let candidates: Vec<usize> = (0..golden::texts().len()).collect();
    let met = |i: usize| Interaction {
        item: i * 5 % candidates.len(),
        intensity: [1.0, -0.5, 0.2][i % 3],
        time_ms: 86_400_000 * i as i64,
    };
    for (name, config, _) in golden::cases() {
        let model = golden::model(&config, &device);
        let config = ModelConfig {
            asked: vec![Asked { level: 8, weight: 0.7 }, Asked { level: 3, weight: 0.3 }],
            context: 10,
            ..config
        };
        let (mut floats, mut matrices) = (block_on(model.weights()).unwrap(), BTreeMap::new());
        floats.retain(|name, weight| {
            let [rows, columns] = weight.shape[..] else { return true };
            let matrix = QuantisedMatrix::new(&weight.values, rows, columns, Bits::Eight);
            matrices.insert(name.clone(), matrix);
            false
        });
        let packed = config.init(&device).with_packed_weights(floats, matrices, &device).unwrap();
        // Packed weights meet states of more bits in a pass over few of them.
        for (model, tolerance) in [(model, 2e-5), (packed, 2e-3)] {
            let scorer = Scorer::new(&model, config.clone(), golden::texts(), &device);
            let mut memory = Memory::default();
            let mut step = |history: &[Interaction], is_read_on: bool| {
                let before = memory.len();
                let on = block_on(scorer.score_with(&mut memory, history, &candidates)).unwrap();
                assert!(!is_read_on || memory.len() > before && before > 0, "{name}");
                let anew = block_on(scorer.score(history, &candidates)).unwrap();
                assert_close(&on, &anew, tolerance);
                let many = block_on(scorer.score_many(&[(history, &candidates)])).unwrap();
                assert_close(&on, &many[0], tolerance);
            };
            let all: Vec<Interaction> = (0..16).map(met).collect();
            for count in 1..=10 {
                step(&all[..count], count > 1);
            }
            step(&all[..3], false);
            step(&all[..4], true);
            // Of titles, two are left out every other time.
            step(&all[..11], false);
            step(&all[..12], scorer.is_by_tokens());
            step(&all[..13], false);
            step(&all[..14], scorer.is_by_tokens());
            step(&all[1..5], false);
        }
    }
}

/// All gradients of a model as one list.
struct Gradients<'a> {
    gradients: &'a GradientsParams,
    list: Vec<f32>,
}

impl ModuleVisitor for Gradients<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = self.gradients.get::<D>(param.id).expect("every weight has a gradient");
        self.list.extend(gradient.into_data().iter::<f32>());
    }
}

fn all_gradients(model: &Model, gradients: &GradientsParams) -> Vec<f32> {
    let mut visitor = Gradients { gradients, list: Vec::new() };
    model.visit(&mut visitor);
    visitor.list
}

#[test]
fn eight_batches_of_one_equal_one_batch_of_eight() {
    let device = Device::flex().autodiff();
    let (_, config, _) = golden::cases().swap_remove(0);
    assert!(matches!(config.vocabulary, VocabularyConfig::Items(_)));
    let model = golden::model(&config, &device);
    let histories: Vec<Vec<Interaction>> = (0..8)
        .map(|visitor| {
            // Of every length, so that batches hold different numbers of targets.
            (0..3 + visitor % 4)
                .map(|i| Interaction { item: (visitor * i + i) % 6, intensity: 0.5, time_ms: i as i64 })
                .collect()
        })
        .collect();
    let gradients = |batches_expected: usize| {
        let data = ItemData::new(&histories, &golden::texts(), &config, &device);
        // A budget of one target closes a batch after every window.
        let batch_targets = if batches_expected == 8 { 1 } else { 1000 };
        let settings =
            SftConfig { batch_targets, id_dropout: 0.0, unknown_share: 0.0, ..SftConfig::default() };
        let mut objective = ItemSft::new(data, &settings, 1);
        let batches = objective.epoch(1);
        assert_eq!(batches.len(), batches_expected);
        let outcome = train::gradients(&objective, &model, &batches, 1.0);
        (outcome.loss, all_gradients(&model, &outcome.gradients))
    };
    let (one_loss, one) = gradients(1);
    let (eight_loss, eight) = gradients(8);
    assert!((one_loss - eight_loss).abs() < 1e-5);
    assert!(one.iter().any(|gradient| gradient.abs() > 1e-3));
    assert_close(&one, &eight, 1e-5);
}
