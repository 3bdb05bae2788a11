//! Do events give the intensities that were worked out by hand? The table that the browser's test reads, too, and
//! what must hold for any log.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;
use shared::{
    catalog::{Catalog, Item},
    interaction::{Event, EventKind, History},
    signals::{FoldReport, SignalsConfig},
};

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/signals.json")).unwrap()
}

fn catalog() -> Catalog {
    let items: Vec<Item> = serde_json::from_value(fixture()["catalog"].clone()).unwrap();
    Catalog::new(items).unwrap()
}

#[test]
fn table_of_signals() {
    let (fixture, catalog) = (fixture(), catalog());
    let cases = fixture["cases"].as_array().unwrap();
    assert!(cases.len() >= 100);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let signals: SignalsConfig = case
            .get("signals")
            .map_or_else(SignalsConfig::default, |it| serde_json::from_value(it.clone()).unwrap());
        signals.validate().unwrap();
        let events: Vec<Event> = serde_json::from_value(case["events"].clone()).unwrap();
        let (history, report) = History::from_events(&events, &catalog, &signals);
        let got: Vec<_> = history
            .interactions()
            .iter()
            .map(|met| (catalog.items()[met.item].id.as_str(), met.time_ms, f64::from(met.intensity)))
            .collect();
        let rows = case["expected"].as_array().unwrap();
        let expected: Vec<_> = rows
            .iter()
            .map(|row| {
                let item = row["item"].as_str().unwrap();
                (item, row["time_ms"].as_i64().unwrap(), row["intensity"].as_f64().unwrap())
            })
            .collect();
        let is_close = got.len() == expected.len()
            && got.iter().zip(&expected).all(|(a, b)| a.0 == b.0 && a.1 == b.1 && (a.2 - b.2).abs() < 1e-5);
        assert!(is_close, "{name}: got {got:?}, expected {expected:?}");
        let expected = FoldReport {
            unknown_items: case.get("unknown_items").map_or(0, |count| count.as_u64().unwrap() as usize),
            unknown_types: case
                .get("unknown_types")
                .map_or_else(BTreeMap::new, |counts| serde_json::from_value(counts.clone()).unwrap()),
        };
        assert_eq!(report, expected, "{name}");
    }
}

#[test]
fn every_event_of_the_default_table_is_in_the_fixture() {
    let signals = SignalsConfig::default();
    let events = fixture()["cases"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|case| serde_json::from_value::<Vec<Event>>(case["events"].clone()).unwrap())
        .collect::<Vec<_>>();
    for name in signals.events.keys() {
        let is_there = |event: &Event| signals.rule(&event.kind).is_some_and(|(known, _)| known == name);
        assert!(name == "bounce" || events.iter().any(is_there), "{name} is in no case");
    }
}

/// What impressions alone are worth, which the history leaves out.
#[test]
fn impressions_alone_have_a_floor() {
    let impression = Event::new("a", EventKind::Impression, 0);
    for (count, expected) in [(1, -0.05), (3, -0.15), (4, -0.20), (9, -0.20)] {
        let reading = SignalsConfig::default().read(&vec![&impression; count], None, 0);
        assert!((reading.intensity - expected).abs() < 1e-6 && !reading.is_met);
    }
}

/// Names of every kind of rule, aliases and nonsense.
fn kind() -> impl Strategy<Value = EventKind> {
    let names: Vec<String> = SignalsConfig::default()
        .events
        .into_keys()
        .chain(
            ["add_to_cart", "Order Refunded", "in_store", "sigh", "advice", "nonsense", ""].map(String::from),
        )
        .collect();
    prop::sample::select(names).prop_map(EventKind::from)
}

fn event() -> impl Strategy<Value = Event> {
    let hour = 3_600_000;
    let time = prop_oneof![8 => (0..40_i64).prop_map(move |step| step * hour / 8), 1 => any::<i64>()];
    let number = prop_oneof![4 => (-1.0_f32..12.0).boxed(), 1 => any::<f32>().boxed()];
    (
        (prop::sample::select(vec!["a", "b", "c", "gone"]), kind(), time),
        (prop::option::of(any::<i64>()), prop::option::of(0..9_i64), prop::option::of(any::<u32>())),
        (prop::option::of(number), prop::option::of(prop::sample::select(vec!["size", "dislike", "?"]))),
        prop::option::of(0..4_u64),
    )
        .prop_map(|((item, kind, ts), (wild_ms, seconds, qty), (rating, reason), n)| Event {
            dwell_ms: seconds.map(|seconds| seconds * 2_000).or(wild_ms),
            qty,
            rating,
            reason: reason.map(str::to_owned),
            n,
            ..Event::new(item, kind, ts)
        })
}

fn signals() -> impl Strategy<Value = SignalsConfig> {
    prop::sample::select(vec!["max", "sum", "log_sum"]).prop_map(|aggregation| {
        let text = format!(
            r#"{{"aggregation": "{aggregation}", "events": {{
                "in_store": {{"field": "dwell_ms", "low": 60000, "high": 960000, "from": 0.1, "to": 0.5}},
                "sigh": {{"add": -0.1, "cap": -0.15}},
                "advice": {{"min": 1, "max": 11, "overrides": false}}}}}}"#
        );
        serde_json::from_str(&text).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_log_gives_bounded_intensities_in_any_order(
        (events, shuffled) in prop::collection::vec(event(), 0..30)
            .prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle())),
        signals in signals(),
    ) {
        let catalog = catalog();
        let (history, report) = History::from_events(&events, &catalog, &signals);
        for met in history.interactions() {
            prop_assert!((-1.0..=1.0).contains(&met.intensity), "{met:?}");
        }
        prop_assert!(history.len() <= events.len());
        prop_assert_eq!(report.unknown_items, events.iter().filter(|event| event.item == "gone").count());
        // Compared as text, because a wild NaN is never equal to itself.
        let (again, report_again) = History::from_events(&shuffled, &catalog, &signals);
        prop_assert_eq!(format!("{history:?}"), format!("{again:?}"));
        prop_assert_eq!(report, report_again);
    }
}
