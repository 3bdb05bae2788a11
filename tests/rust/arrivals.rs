//! Is an item that came after the export ranked as it would have been before? Against packages that had it from the start.

use burn::tensor::Device;
use futures_lite::future::block_on;
use shared::{
    catalog::CatalogError,
    engine::{Engine, Request},
    interaction::{Event, EventKind},
    package::{Package, PackageError, Quantisation, SelfTest},
    quant::{Bits, QuantisedMatrix},
    score::Scorer,
    vocabulary::{ModelConfig, VocabularyConfig},
    weights::{Weight, Weights},
};

use crate::{
    golden,
    package::{self, TOKENS_CASE},
};

/// A case of the item vocabulary.
const ITEMS_CASE: usize = 0;
/// Items that come later.
const LATER: usize = 2;

/// Tokens of the item with that title, as the tokenizer of the tests would read it.
fn encode(text: &str) -> Vec<u32> {
    let index: usize = text.trim_start_matches("Item ").parse().unwrap();
    golden::texts().swap_remove(index)
}

/// `catalog.json` of a shop that has all items, the first of them dearer than it was.
fn catalog_json() -> Vec<u8> {
    let mut items: Vec<_> = package::catalog().items().to_vec();
    items[0].price = Some(9900);
    serde_json::to_vec(&serde_json::json!({ "items": items })).unwrap()
}

/// A complete model whose last items have no id vector, as after a training that never met them.
fn whole() -> (ModelConfig, Weights) {
    let config = package::config(ITEMS_CASE);
    let device = Device::flex();
    let mut weights = block_on(golden::model(&config, &device).weights()).unwrap();
    let width = config.transformer.hidden_size;
    let from = golden::texts().len() - LATER;
    weights.get_mut("items.item.weight").unwrap().values[from * width..].fill(0.0);
    weights.get_mut("items.bias").unwrap().values[from..].fill(0.25);
    let model = config.init(&device).with_weights(&weights, &device).unwrap();
    let (model, config) = model.complete(config, &golden::texts(), &device);
    (config, block_on(model.weights()).unwrap())
}

/// The same before the last items came.
fn earlier() -> (ModelConfig, Weights) {
    let (mut config, mut weights) = whole();
    let (width, known) = (config.transformer.hidden_size, golden::texts().len() - LATER);
    for (name, width) in [("items.item.weight", width), ("items.bias", 1)] {
        let weight = weights.get_mut(name).unwrap();
        weight.values.truncate(known * width);
        weight.shape[0] = known;
    }
    if let VocabularyConfig::Items(items) = &mut config.vocabulary {
        items.items = known;
    }
    (config, weights)
}

fn read(config: &ModelConfig, weights: &Weights, items: usize, quantisation: Quantisation) -> Package {
    Package::read(&package::write(config, weights, items, quantisation, Vec::new())).unwrap()
}

fn scores(package: Package) -> Vec<f32> {
    let items = package.catalog.len();
    let engine = Engine::new(package, &Device::flex()).unwrap();
    let history = golden::history();
    let view = |met: &shared::interaction::Interaction| {
        Event::new(format!("p{}", met.item), EventKind::View, met.time_ms)
    };
    let events: Vec<_> = history.iter().filter(|met| met.item < items - LATER).map(view).collect();
    let request = Request { k: items, candidates: None, exclude: vec![] };
    let list = block_on(engine.recommend(&engine.history(&events), &request)).unwrap();
    let mut scores = vec![f32::NEG_INFINITY; items];
    list.iter().for_each(|chosen| scores[chosen.item] = chosen.score);
    // The last is sold out.
    assert!(scores[items - LATER].is_finite(), "{scores:?}");
    scores
}

#[test]
fn a_later_item_is_ranked_as_if_it_had_been_there() {
    let all = golden::texts().len();
    for (quantisation, tolerance) in [(Quantisation::F32, 1e-5), (Quantisation::Q8, 2e-2)] {
        let (config, weights) = whole();
        let expected = scores(read(&config, &weights, all, quantisation));
        let (config, weights) = earlier();
        let before = read(&config, &weights, all - LATER, quantisation);
        let mut after = before.clone();
        after.take_in(&catalog_json(), encode).unwrap();
        assert_eq!(after.catalog.len(), all);
        assert_eq!(after.catalog.items()[0].price, Some(9900));
        assert_ne!(after.fingerprint, before.fingerprint);
        for (score, expected) in scores(after).into_iter().zip(expected) {
            let is_near = score == expected || (score - expected).abs() <= tolerance;
            assert!(is_near, "{quantisation:?}: {score} {expected}");
        }
    }
}

/// Nobody has built a model yet when a newer catalogue is taken in.
#[test]
fn tables_that_do_not_fit_each_other_take_nothing_in() {
    let (config, weights) = earlier();
    let known = golden::texts().len() - LATER;
    for (name, shape) in [
        ("items.text.weight", [20, 1]),
        ("items.item.weight", [known + 1, 4]),
        ("items.bias", [known + 2, 0]),
    ] {
        for quantisation in [Quantisation::Q8, Quantisation::F32] {
            let mut package = read(&config, &weights, known, quantisation);
            let shape: Vec<usize> = shape.into_iter().filter(|&size| size > 0).collect();
            let values = vec![0.5; shape.iter().product()];
            if let [rows, columns] = shape[..]
                && package.matrices.remove(name).is_some()
            {
                let matrix = QuantisedMatrix::new(&values, rows, columns, Bits::Eight);
                package.matrices.insert(name.to_owned(), matrix);
            } else {
                package.weights.insert(name.to_owned(), Weight { shape, values });
            }
            let error = package.take_in(&catalog_json(), encode).unwrap_err();
            assert!(matches!(error, PackageError::TensorShape { .. }), "{name}: {error}");
            assert_eq!((package.catalog.len(), package.arrivals()), (known, 0));
        }
    }
}

#[test]
fn the_self_test_passes_beside_later_items() {
    let (config, weights) = earlier();
    let known = golden::texts().len() - LATER;
    let mut package = read(&config, &weights, known, Quantisation::F32);
    let device = Device::flex();
    let model = config.init(&device).with_weights(&package.floats(), &device).unwrap();
    let scorer = Scorer::new(&model, config, package.texts.clone(), &device);
    let (history, candidates) = (golden::history()[..1].to_vec(), (0..known).collect::<Vec<_>>());
    let scores = block_on(scorer.score(&history, &candidates)).unwrap();
    package.manifest.self_test.push(SelfTest { history, candidates, scores });
    package.take_in(&catalog_json(), encode).unwrap();
    let after = package;
    let report = block_on(Engine::new(after.clone(), &Device::flex()).unwrap().self_test()).unwrap();
    assert!(report.is_passed && report.largest_error < 1e-4, "{report:?}");
    // One score alone that is wrong is still found.
    let mut wrong = after;
    wrong.manifest.self_test[0].scores[0] += 0.5;
    assert!(!block_on(Engine::new(wrong, &Device::flex()).unwrap().self_test()).unwrap().is_passed);
}

#[test]
fn titles_of_later_items_are_read_by_a_model_of_tokens() {
    let mut package = Package::read(&package::package(TOKENS_CASE, Quantisation::Q8)).unwrap();
    let known = package.catalog.len();
    let json = br#"{"items": [{"id": "new", "title": "Item 1", "available": true}]}"#;
    package.take_in(json, encode).unwrap();
    assert_eq!(package.texts[known], golden::texts()[1]);
    let engine = Engine::new(package, &Device::flex()).unwrap();
    let history = engine.history(&[Event::new("p0".to_owned(), EventKind::Purchase, 0)]);
    let request = Request { k: known + 1, candidates: None, exclude: vec![] };
    let list = block_on(engine.recommend(&history, &request)).unwrap();
    let score = |item: usize| list.iter().find(|chosen| chosen.item == item).map(|chosen| chosen.score);
    // The same title is as likely, wherever it stands.
    assert!((score(known).unwrap() - score(1).unwrap()).abs() < 1e-4, "{list:?}");
}

#[test]
fn what_is_no_newer_catalogue_is_named() {
    let (config, weights) = earlier();
    let package = read(&config, &weights, golden::texts().len() - LATER, Quantisation::Q8);
    let before = || (package.catalog.clone(), package.texts.clone(), package.weights.clone());
    let broken = |json: &str, tokens: Vec<u32>| {
        let mut newer = package.clone();
        let error = newer.take_in(json.as_bytes(), |_| tokens.clone()).unwrap_err();
        assert_eq!((newer.catalog, newer.texts, newer.weights), before());
        error
    };
    let item = r#"{"items": [{"id": "new", "title": "New"}]}"#;
    assert!(matches!(broken("[]", vec![1]), PackageError::CatalogMalformed { .. }));
    assert!(matches!(broken("{\"items\": []}", vec![1]), PackageError::Catalog(CatalogError::Empty)));
    assert_eq!(broken(item, vec![]), PackageError::NoTokens { item: "new".to_owned() });
    assert_eq!(broken(item, vec![9999]), PackageError::UnknownToken { item: "new".to_owned(), token: 9999 });
}
