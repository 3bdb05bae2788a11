//! Does a package come back as it was written, and is every damage named? One small package, broken in every way.

use std::collections::BTreeMap;

use burn::tensor::Device;
use futures_lite::future::block_on;
use proptest::prelude::*;
use shared::{
    catalog::{Catalog, Item},
    engine::{EXACT_TITLES, Engine, EngineError, Request},
    interaction::{Event, EventKind},
    package::{
        FileEntry, MANIFEST, Manifest, Package, PackageError, PackageParts, Quantisation, Reader, SelfTest,
    },
    rehearsal::rehearse,
    score::Scorer,
    signals::SignalsConfig,
    vocabulary::{Model, ModelConfig, VocabularyConfig},
    weights::Weights,
};

use crate::golden;

pub fn catalog() -> Catalog {
    let item = |index: usize| Item {
        id: format!("p{index}"),
        title: format!("Item {index}"),
        available: index != 5,
        ..Item::default()
    };
    Catalog::new((0..golden::texts().len()).map(item).collect()).unwrap()
}

/// A case of the token vocabulary.
pub const TOKENS_CASE: usize = 3;

pub fn config(case: usize) -> ModelConfig {
    golden::cases().swap_remove(case).1
}

/// Both vocabularies, packed and not; what is asked of zeros has an answer, and needs no weights.
#[test]
fn a_rehearsal_needs_the_manifest_alone() {
    for case in [0, TOKENS_CASE] {
        for quantisation in [Quantisation::Q8, Quantisation::Q4, Quantisation::F16] {
            let manifest = Manifest::read(&package(case, quantisation)[MANIFEST]).unwrap();
            block_on(rehearse(&manifest, &Device::flex())).unwrap();
            let mut other = manifest.clone();
            other.tensors.retain(|tensor| !tensor.name.ends_with("layers.0.mlp.up_proj.weight"));
            assert_eq!(block_on(rehearse(&other, &Device::flex())).is_err(), case == TOKENS_CASE);
        }
    }
}

type Files = BTreeMap<String, Vec<u8>>;

/// The model of a case as a package holds it: with complete vectors.
fn complete(case: usize) -> (ModelConfig, Weights) {
    let (config, device) = (config(case), Device::flex());
    let (model, config) = golden::model(&config, &device).complete(config, &golden::texts(), &device);
    (config, block_on(model.weights()).unwrap())
}

pub fn package(case: usize, quantisation: Quantisation) -> Files {
    let (model, weights) = complete(case);
    let expected = golden::cases().swap_remove(case).2;
    let self_test = SelfTest {
        history: golden::history(),
        candidates: (0..expected.len()).collect(),
        scores: expected.iter().map(|&score| score as f32).collect(),
    };
    write(&model, &weights, golden::texts().len(), quantisation, vec![self_test])
}

/// A package of the first `items` items, in which what training never met has a bias of 0.25.
pub fn write(
    model: &ModelConfig,
    weights: &Weights,
    items: usize,
    quantisation: Quantisation,
    self_test: Vec<SelfTest>,
) -> Files {
    PackageParts {
        recipe: "compact",
        model,
        weights,
        catalog: &Catalog::new(catalog().items()[..items].to_vec()).unwrap(),
        texts: &golden::texts()[..items],
        tokenizer_json: b"{}",
        quantisation,
        unmet_bias: Some(0.25),
        exclude_seen: true,
        signals: &SignalsConfig::default(),
        self_test,
        evaluation: BTreeMap::new(),
        provenance: BTreeMap::new(),
    }
    .write()
    .unwrap()
}

#[test]
fn round_trip_gives_the_same_weights_and_passes_its_self_test() {
    for case in 0..golden::cases().len() {
        let files = package(case, Quantisation::F32);
        let read = Package::read(&files).unwrap();
        assert_eq!(read.weights, complete(case).1);
        assert_eq!(read.catalog, catalog());
        let engine = Engine::new(read, &Device::flex()).unwrap();
        let report = block_on(engine.self_test()).unwrap();
        assert!(report.is_passed && report.largest_error < 1e-4, "case {case}: {report:?}");
    }
}

#[test]
fn writing_is_deterministic() {
    assert_eq!(package(0, Quantisation::Q8), package(0, Quantisation::Q8));
}

#[test]
fn q8_is_near_and_a_quarter_of_the_size() {
    let bytes = |files: &Files| {
        files.iter().filter(|(n, _)| n.ends_with(".bin")).map(|(_, b)| b.len()).sum::<usize>()
    };
    let (full, q8) = (package(0, Quantisation::F32), package(0, Quantisation::Q8));
    assert!(bytes(&q8) * 3 < bytes(&full), "{} of {}", bytes(&q8), bytes(&full));
    let weights = Package::read(&q8).unwrap().floats();
    for (name, weight) in Package::read(&full).unwrap().floats() {
        // Half a step of the largest value / 127, and the rounding of the f16 scale.
        let largest = weight.values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        for (a, b) in weight.values.iter().zip(&weights[&name].values) {
            assert!((a - b).abs() <= largest / 127.0 * 0.55, "{name}: {a} {b}");
        }
    }
}

/// Packed weights answer as the floats that they stand for, through kernels of their own from end to end.
#[test]
fn packed_weights_answer_like_their_floats() {
    for case in 0..golden::cases().len() {
        for quantisation in [Quantisation::Q8, Quantisation::Q4] {
            let package = Package::read(&package(case, quantisation)).unwrap();
            let device = Device::flex();
            let config = &package.manifest.model;
            let plain = config.init(&device).with_weights(&package.floats(), &device).unwrap();
            let (weights, matrices) = (package.weights.clone(), package.matrices.clone());
            let packed = config.init(&device).with_packed_weights(weights, matrices, &device).unwrap();
            let scores = |model: &Model| {
                let scorer = Scorer::new(model, config.clone(), golden::texts(), &device);
                let candidates: Vec<usize> = (0..golden::texts().len()).collect();
                block_on(scorer.score(&golden::history(), &candidates)).unwrap()
            };
            for (packed, plain) in scores(&packed).iter().zip(scores(&plain)) {
                assert!((packed - plain).abs() < 4e-3, "case {case}, {quantisation:?}: {packed} {plain}");
            }
        }
    }
}

/// More titles than are read one and all: a beam finds them, with the scores of reading them, and never what may not
/// be shown.
#[test]
fn a_large_catalogue_of_titles_is_searched() {
    let is_text = |config: &ModelConfig| matches!(config.vocabulary, VocabularyConfig::Tokens(_));
    let (_, config, _) = golden::cases().into_iter().find(|(_, config, _)| is_text(config)).unwrap();
    let device = Device::flex();
    let weights = block_on(golden::model(&config, &device).weights()).unwrap();
    let tokens = config.vocabulary.tokens() as u32;
    let texts: Vec<Vec<u32>> = (0..EXACT_TITLES as u32 + 50)
        .map(|item| (0..2 + item % 3).map(|i| 11 + (item * 7 + i * i * 3) % (tokens - 11)).collect())
        .collect();
    let item = |index: usize| Item {
        id: format!("p{index}"),
        title: format!("Item {index}"),
        available: !index.is_multiple_of(5),
        ..Item::default()
    };
    let catalog = Catalog::new((0..texts.len()).map(item).collect()).unwrap();
    let files = PackageParts {
        recipe: "text",
        model: &config,
        weights: &weights,
        catalog: &catalog,
        texts: &texts,
        tokenizer_json: b"{}",
        quantisation: Quantisation::F32,
        unmet_bias: None,
        exclude_seen: true,
        signals: &SignalsConfig::default(),
        self_test: Vec::new(),
        evaluation: BTreeMap::new(),
        provenance: BTreeMap::new(),
    };
    let engine = Engine::new(Package::read(&files.write().unwrap()).unwrap(), &device).unwrap();
    let met = |item: &str| Event::new(item, EventKind::Purchase, 1);
    let history = engine.history(&[met("p1"), met("p7")]);
    let request = Request { k: 10, exclude: vec!["p2".into()], candidates: None };
    let found = block_on(engine.recommend(&history, &request)).unwrap();
    assert_eq!(found.len(), 10);
    let scorer =
        Scorer::new(&config.init(&device).with_weights(&weights, &device).unwrap(), config, texts, &device);
    let all: Vec<usize> = found.iter().map(|found| found.item).collect();
    let exact = block_on(scorer.score(history.interactions(), &all)).unwrap();
    for (found, exact) in found.iter().zip(exact) {
        assert!((found.score - exact).abs() < 1e-4);
        assert!(found.item % 5 > 0 && ![1, 2, 7].contains(&found.item));
    }
    assert!(found.is_sorted_by(|a, b| a.score >= b.score));
}

#[test]
fn a_wrong_answer_fails_the_self_test() {
    let mut files = package(0, Quantisation::F32);
    edit(&mut files, |manifest| manifest.self_test[0].scores[0] += 1.0);
    let engine = Engine::new(Package::read(&files).unwrap(), &Device::flex()).unwrap();
    assert!(!block_on(engine.self_test()).unwrap().is_passed);
}

fn edit(files: &mut Files, change: impl FnOnce(&mut Manifest)) {
    let mut manifest: Manifest = serde_json::from_slice(&files[MANIFEST]).unwrap();
    change(&mut manifest);
    files.insert(MANIFEST.into(), serde_json::to_vec(&manifest).unwrap());
}

/// Breaks a sound package and returns what the reader says.
fn broken(change: impl FnOnce(&mut Files)) -> PackageError {
    let mut files = package(0, Quantisation::F32);
    change(&mut files);
    match Package::read(&files) {
        Ok(_) => panic!("the damage was not seen"),
        Err(error) => error,
    }
}

fn broken_manifest(change: impl FnOnce(&mut Manifest)) -> PackageError {
    broken(|files| edit(files, change))
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Replaces a file and pins it again, so that only its content is wrong.
fn replace(files: &mut Files, path: &str, bytes: Vec<u8>) {
    let sha256 = sha256(&bytes);
    edit(files, |manifest| {
        let file = manifest.files.iter_mut().find(|file| file.path == path).unwrap();
        file.bytes = bytes.len();
        file.sha256 = sha256;
    });
    files.insert(path.into(), bytes);
}

#[test]
fn every_broken_rule_is_named() {
    use PackageError as E;
    assert!(matches!(broken(|f| drop(f.remove(MANIFEST))), E::FileMissing { path } if path == MANIFEST));
    assert!(matches!(broken(|f| f.get_mut(MANIFEST).unwrap().truncate(99)), E::ManifestMalformed { .. }));
    assert!(matches!(broken_manifest(|m| m.format = 9), E::Version { got: 9 }));
    assert!(matches!(broken_manifest(|m| m.template = "x".into()), E::UnknownTemplate { .. }));
    assert!(matches!(broken_manifest(|m| m.model.transformer.hidden_size = 0), E::Config(_)));
    assert!(matches!(broken_manifest(|m| m.model.transformer.num_attention_heads = 3), E::Config(_)));
    assert!(matches!(broken_manifest(|m| m.model.asked.clear()), E::Config(_)));
    let layers = |m: &mut Manifest| m.model.transformer.num_hidden_layers = 1 << 20;
    assert!(matches!(broken_manifest(layers), E::LayerCount { .. }));
    assert!(matches!(broken_manifest(|m| m.signals.clamp = [0.0, 7.0]), E::Signals(_)));
    assert!(matches!(broken_manifest(|m| m.files[0].path = "../x".into()), E::BadPath { .. }));
    assert!(matches!(broken_manifest(|m| m.files[0].path = ".x".into()), E::BadPath { .. }));
    assert!(matches!(broken_manifest(|m| m.files[1] = m.files[0].clone()), E::DuplicateFile { .. }));
    assert!(matches!(broken_manifest(|m| m.files[0].bytes = usize::MAX), E::TooLarge { .. }));
    assert!(matches!(broken_manifest(|m| m.files.truncate(2)), E::WeightBytes { .. }));
    assert!(matches!(broken(|f| drop(f.remove("catalog.json"))), E::FileMissing { .. }));
    assert!(matches!(broken(|f| f.get_mut("weights-000.bin").unwrap().truncate(9)), E::FileSize { .. }));
    assert!(matches!(broken(|f| f.get_mut("weights-000.bin").unwrap()[7] ^= 1), E::FileHash { .. }));
    assert!(matches!(broken_manifest(|m| m.tensors[0].shape = vec![usize::MAX, 9]), E::TensorShape { .. }));
    assert!(matches!(broken_manifest(|m| m.tensors[0].shape = vec![]), E::TensorShape { .. }));
    assert!(matches!(broken_manifest(|m| m.tensors[1] = m.tensors[0].clone()), E::DuplicateTensor { .. }));
    assert!(matches!(broken_manifest(|m| m.self_test[0].candidates[0] = 99), E::SelfTest { question: 1 }));
    let catalog = |text: &str| broken(|f| replace(f, "catalog.json", text.as_bytes().to_vec()));
    assert!(matches!(catalog("{"), E::CatalogMalformed { .. }));
    assert!(matches!(catalog(r#"{"items":[]}"#), E::Catalog(_)));
    let item = |tokens: &str| format!(r#"{{"items":[{{"id":"a","title":"t","tokens":{tokens}}}]}}"#);
    assert!(matches!(catalog(&item("[11]")), E::ItemCount { expected: 6, got: 1 }));
    let six = |tokens: &str| {
        let items: Vec<_> =
            (0..6).map(|i| format!(r#"{{"id":"{i}","title":"t","tokens":{tokens}}}"#)).collect();
        format!(r#"{{"items":[{}]}}"#, items.join(","))
    };
    assert!(matches!(catalog(&six("[]")), E::NoTokens { .. }));
    let long = format!("[{}11]", "11,".repeat(2000));
    assert!(matches!(catalog(&six(&long)), E::TooManyTokens { got: 2001, .. }));
    assert!(matches!(catalog(&six("[24]")), E::UnknownToken { token: 24, .. }));
    let mut endless = package(TOKENS_CASE, Quantisation::Q8);
    edit(&mut endless, |manifest| manifest.model.context = 4000);
    let long_history = Package::read(&endless).unwrap_err();
    assert!(matches!(long_history, E::LongHistory { context: 4000, .. }), "{long_history}");
    let not_a_number = broken(|files| {
        let mut bytes = files["weights-000.bin"].clone();
        bytes[..4].copy_from_slice(&f32::NAN.to_le_bytes());
        replace(files, "weights-000.bin", bytes);
    });
    assert!(matches!(not_a_number, E::NotFinite { tensor } if tensor == "items.asked.weight"));
}

#[test]
fn a_package_without_signals_has_the_default_ones() {
    let mut files = package(0, Quantisation::F32);
    let mut manifest: serde_json::Value = serde_json::from_slice(&files[MANIFEST]).unwrap();
    assert!(manifest.as_object_mut().unwrap().remove("signals").is_some());
    files.insert(MANIFEST.into(), serde_json::to_vec(&manifest).unwrap());
    assert_eq!(Package::read(&files).unwrap().manifest.signals, SignalsConfig::default());
}

#[test]
fn an_engine_folds_events_by_the_signals_of_its_package() {
    let mut files = package(0, Quantisation::F32);
    edit(&mut files, |manifest| {
        let signals = r#"{"events": {"fitting": {"p": 0.65}}, "aliases": {"Anprobe": "fitting"}}"#;
        manifest.signals = serde_json::from_str(signals).unwrap();
    });
    let engine = Engine::new(Package::read(&files).unwrap(), &Device::flex()).unwrap();
    let event = |name: &str| Event::new("p1", EventKind::from(name.to_owned()), 0);
    let (history, report) = engine.fold(&[event("Anprobe"), event("lookbook")]);
    assert_eq!(history.interactions()[0].intensity, 0.65);
    assert_eq!(report.unknown_types, BTreeMap::from([("lookbook".to_owned(), 1)]));
}

#[test]
fn vectors_that_lack_their_texts_are_refused() {
    let config = config(0);
    let weights = block_on(golden::model(&config, &Device::flex()).weights()).unwrap();
    let files = write(&config, &weights, golden::texts().len(), Quantisation::Q8, Vec::new());
    assert_eq!(Package::read(&files).unwrap_err(), PackageError::Incomplete);
}

#[test]
fn weights_of_another_model_are_refused() {
    let mut files = package(0, Quantisation::F32);
    edit(&mut files, |manifest| manifest.tensors[0].name = "items.other".into());
    let error = Engine::new(Package::read(&files).unwrap(), &Device::flex()).unwrap_err();
    assert!(matches!(error, EngineError::Weights(_)));
    assert!(error.to_string().contains("items.asked.weight"), "{error}");
}

#[test]
fn a_list_holds_only_what_may_be_shown() {
    let engine = Engine::new(Package::read(&package(0, Quantisation::Q8)).unwrap(), &Device::flex()).unwrap();
    let event = |item: &str, kind| Event::new(item, kind, 0);
    let list = |events: &[Event], request: Request| -> Vec<usize> {
        let list = block_on(engine.recommend(&engine.history(events), &request)).unwrap();
        list.iter().map(|recommendation| recommendation.item).collect()
    };
    let all = Request { k: 10, ..Request::default() };
    // p5 is not available, p0 was met, p3 lies in the cart.
    let mut shown =
        list(&[event("p0", EventKind::View)], Request { exclude: vec!["p3".into()], ..all.clone() });
    shown.sort_unstable();
    assert_eq!(shown, [1, 2, 4]);
    assert!(list(&[], all.clone()).is_empty());
    assert!(list(&[event("unknown", EventKind::View)], all.clone()).is_empty());
    let candidates = Some(vec!["p2".into(), "p5".into()]);
    assert_eq!(list(&[event("p0", EventKind::View)], Request { candidates, ..all.clone() }), [2]);
    let unknown = Request { candidates: Some(vec!["nope".into()]), ..all };
    let error = block_on(engine.recommend(&engine.history(&[event("p0", EventKind::View)]), &unknown));
    assert!(matches!(error, Err(EngineError::UnknownItem { id }) if id == "nope"));
}

#[test]
fn a_reader_takes_one_file_after_another_and_names_the_one_that_is_missing() {
    let files = package(0, Quantisation::Q8);
    let mut reader = Reader::new(&files[MANIFEST]).unwrap();
    let mut order = Vec::new();
    while let Some(file) = reader.wanted() {
        order.push(file.path.clone());
        let path = file.path.clone();
        // What comes out of its turn is not what is wanted, and the right file may still come.
        assert!(reader.take(&files[MANIFEST]).is_err());
        reader.take(&files[&path]).unwrap();
    }
    assert_eq!(order, ["catalog.json", "tokenizer.json", "weights-000.bin"]);
    reader.take(b"nobody wants this").unwrap();
    assert_eq!(reader.finish().unwrap().floats(), Package::read(&files).unwrap().floats());

    let mut reader = Reader::new(&files[MANIFEST]).unwrap();
    reader.take(&files["catalog.json"]).unwrap();
    let error = reader.finish().unwrap_err();
    assert!(matches!(error, PackageError::FileMissing { path } if path == "tokenizer.json"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Tensors are the same, in whichever files they begin and end.
    #[test]
    fn weights_may_be_cut_anywhere(cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..9), case in 0..3_usize) {
        let quantisation = [Quantisation::F32, Quantisation::Q8, Quantisation::Q4][case];
        let whole = package(0, quantisation);
        let stream = &whole["weights-000.bin"];
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
        ends.push(stream.len());
        ends.sort_unstable();
        let mut files = whole.clone();
        files.remove("weights-000.bin");
        let mut begin = 0;
        let mut pieces = Vec::new();
        for (number, end) in ends.into_iter().enumerate() {
            let bytes = stream[begin..end].to_vec();
            let path = format!("part-{number}");
            pieces.push(FileEntry { path: path.clone(), bytes: bytes.len(), sha256: sha256(&bytes) });
            files.insert(path, bytes);
            begin = end;
        }
        edit(&mut files, |manifest| {
            manifest.files.truncate(2);
            manifest.files.extend(pieces);
        });
        prop_assert_eq!(Package::read(&files).unwrap().floats(), Package::read(&whole).unwrap().floats());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The reader never panics, whatever the bytes.
    #[test]
    fn any_bytes_give_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut files = package(0, Quantisation::Q8);
        files.insert(MANIFEST.into(), bytes);
        prop_assert!(Package::read(&files).is_err());
    }

    /// Nor does it when one byte of a sound manifest is another.
    #[test]
    fn any_changed_byte_is_survived(position in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut files = package(0, Quantisation::Q8);
        let manifest = files.get_mut(MANIFEST).unwrap();
        let position = position.index(manifest.len());
        manifest[position] = byte;
        if let Ok(package) = Package::read(&files) {
            // The change hit a free text or a number of the self-test: the package may still be used.
            let _ = Engine::new(package, &Device::flex());
        }
    }
}
