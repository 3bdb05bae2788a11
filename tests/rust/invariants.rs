//! Do different ways lead to the same result?

use burn::{
    module::{Module, ModuleVisitor, Param},
    optim::GradientsParams,
    tensor::{Device, Tensor},
};
use shared::{
    interaction::Interaction,
    model::{KvCache, Places, RowPlaces},
    vocabulary::{Model, VocabularyConfig},
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
        let batches = objective.epoch();
        assert_eq!(batches.len(), batches_expected);
        let outcome = train::gradients(&objective, &model, &batches);
        (outcome.loss, all_gradients(&model, &outcome.gradients))
    };
    let (one_loss, one) = gradients(1);
    let (eight_loss, eight) = gradients(8);
    assert!((one_loss - eight_loss).abs() < 1e-5);
    assert!(one.iter().any(|gradient| gradient.abs() > 1e-3));
    assert_close(&one, &eight, 1e-5);
}
