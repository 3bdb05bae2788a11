//! Does what was read of a history outlive the page? Both vocabularies, and bytes that something happened to.

use burn::tensor::Device;
use futures_lite::future::block_on;
use proptest::prelude::*;
use shared::{
    engine::{Engine, Request},
    interaction::{Event, EventKind, History},
    package::{Package, Quantisation},
    snapshot::SnapshotError,
};

use crate::{golden, package};

fn engine(case: usize, quantisation: Quantisation) -> Engine {
    let files = package::package(case, quantisation);
    Engine::new(Package::read(&files).unwrap(), &Device::flex()).unwrap()
}

fn history(engine: &Engine, items: &[usize]) -> History {
    let event = |(index, item): (usize, &usize)| {
        Event::new(format!("p{item}"), EventKind::View, 60_000 * index as i64)
    };
    engine.history(&items.iter().enumerate().map(event).collect::<Vec<_>>())
}

fn scores(engine: &Engine, items: &[usize]) -> Vec<(usize, f32)> {
    let request = Request { k: 10, ..Request::default() };
    let list = block_on(engine.recommend(&history(engine, items), &request)).unwrap();
    list.iter().map(|recommendation| (recommendation.item, recommendation.score)).collect()
}

/// A snapshot after the history 0, 1.
fn snapshot(engine: &Engine) -> Vec<u8> {
    scores(engine, &[0, 1]);
    block_on(engine.snapshot()).unwrap().unwrap()
}

#[test]
fn a_history_is_read_on_after_a_snapshot() {
    for case in 0..golden::cases().len() {
        for quantisation in [Quantisation::F32, Quantisation::Q8] {
            let saved = snapshot(&engine(case, quantisation));
            let fresh = engine(case, quantisation);
            assert!(fresh.restore(&saved).unwrap() > 0);
            for items in [&[0, 1][..], &[0, 1, 2], &[0], &[3, 1]] {
                let (read_on, read_anew) =
                    (scores(&fresh, items), scores(&engine(case, quantisation), items));
                assert_eq!(read_on.len(), read_anew.len());
                for ((_, score), (_, expected)) in read_on.iter().zip(&read_anew) {
                    assert!((score - expected).abs() < 5e-3, "case {case}, {items:?}: {score}, {expected}");
                }
            }
        }
    }
}

#[test]
fn nothing_read_gives_no_snapshot_and_forgetting_is_that() {
    let engine = engine(0, Quantisation::Q8);
    assert_eq!(block_on(engine.snapshot()).unwrap(), None);
    assert!(!snapshot(&engine).is_empty());
    engine.forget();
    assert_eq!(block_on(engine.snapshot()).unwrap(), None);
}

#[test]
fn snapshots_of_another_package_are_refused() {
    let saved = snapshot(&engine(0, Quantisation::Q8));
    assert_eq!(engine(0, Quantisation::F32).restore(&saved), Err(SnapshotError::Foreign));
    let cut_off = engine(0, Quantisation::Q8).restore(&saved[..saved.len() - 1]).unwrap_err();
    assert!(cut_off.to_string().contains("another length"), "{cut_off}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happened to the bytes, the engine answers: with an error, or with a memory of something.
    #[test]
    fn any_bytes_are_survived(
        bytes in proptest::collection::vec(any::<u8>(), 0..40),
        position in any::<prop::sample::Index>(),
    ) {
        let engine = engine(0, Quantisation::Q8);
        prop_assert!(engine.restore(&bytes).is_err());
        let mut saved = snapshot(&engine);
        let position = position.index(saved.len());
        saved[position] ^= bytes.first().copied().unwrap_or(255);
        let _ = engine.restore(&saved);
        prop_assert_eq!(scores(&engine, &[0, 1]).len(), scores(&self::engine(0, Quantisation::Q8), &[0, 1]).len());
    }
}
