//! Do the promises hold under any rules? Lists of a real engine by rules that a merchandiser might write, and worse.

use std::collections::HashSet;

use burn::tensor::Device;
use futures_lite::future::block_on;
use proptest::prelude::*;
use shared::{
    engine::{Answer, Engine, Page, Request},
    interaction::{Event, EventKind},
    package::{Package, Quantisation},
    rules::{Rules, expression::Expression},
};

use crate::{golden, package};

fn engine(case: usize) -> Engine {
    Engine::new(Package::read(&package::package(case, Quantisation::Q8)).unwrap(), &Device::flex()).unwrap()
}

/// Of the items p0, p1, …; p5 is not available.
fn event(item: usize, kind: EventKind) -> Event {
    Event::new(format!("p{item}"), kind, 1_000)
}

fn answer(engine: &Engine, events: &[Event], request: &Request, page: &Page) -> Answer {
    block_on(engine.recommend_by_rules(events, request, page)).unwrap()
}

#[test]
fn without_rules_it_is_the_ranking_of_scores() {
    for case in 0..golden::cases().len() {
        let engine = engine(case);
        let events = [event(0, EventKind::View), event(1, EventKind::Purchase)];
        let request = Request { k: 4, ..Request::default() };
        let plain = block_on(engine.recommend(&engine.history(&events), &request)).unwrap();
        let ruled = answer(&engine, &events, &request, &Page::default());
        assert!(!plain.is_empty());
        let ruled: Vec<_> = ruled.list.iter().map(|placed| (placed.item, placed.score)).collect();
        assert_eq!(
            ruled,
            plain.iter().map(|best| (best.item, best.score)).collect::<Vec<_>>(),
            "case {case}"
        );
    }
}

#[test]
fn of_nothing_known_nothing_is_shown_not_even_pins() {
    let mut engine = engine(0);
    let rules = r#"{"version": 1, "placements": {"*": {"pin": [{"item": "p2", "pos": 1}]}}}"#;
    engine.set_rules(Rules::parse(rules).unwrap());
    let request = Request { k: 4, ..Request::default() };
    assert_eq!(answer(&engine, &[], &request, &Page::default()), Answer::default());
    let seen = answer(&engine, &[event(0, EventKind::View)], &request, &Page::default());
    assert_eq!((seen.list[0].item, seen.list[0].rules.as_slice()), (2, &["pin".to_owned()][..]));
}

/// Shops that record under other names: `checkout_completed` is a purchase by the default signals.
#[test]
fn rules_know_events_by_the_names_that_signals_know() {
    let mut package = Package::read(&package::package(0, Quantisation::Q8)).unwrap();
    package.manifest.exclude_seen = false;
    let mut engine = Engine::new(package, &Device::flex()).unwrap();
    let rules = r#"{"version": 1, "always": ["not_recently_bought:30d"]}"#;
    engine.set_rules(Rules::parse(rules).unwrap());
    let request = Request { k: 9, ..Request::default() };
    let page = Page { now_ms: 2_000, ..Page::default() };
    let bought = |kind: EventKind| {
        let events = [event(0, EventKind::View), event(1, kind)];
        answer(&engine, &events, &request, &page).list.iter().any(|placed| placed.item == 1)
    };
    let alias = EventKind::from("checkout_completed".to_owned());
    assert_eq!((bought(EventKind::Purchase), bought(alias), bought(EventKind::View)), (false, false, true));
}

fn rules() -> impl Strategy<Value = String> {
    let condition = prop_oneof![
        Just("true"),
        Just("false"),
        Just("title != seed.title"),
        Just("id == 'p1' or id == 'p3'"),
        Just("available == false"),
        Just("not (price > 3)"),
    ];
    let boost = (condition.clone(), 0.01_f32..0.5)
        .prop_map(|(condition, by)| format!(r#"{{"if": "{condition}", "by": {by}}}"#));
    let pin =
        (0_usize..9, 1_usize..6).prop_map(|(item, pos)| format!(r#"{{"item": "p{item}", "pos": {pos}}}"#));
    let lists = (
        prop::collection::vec(boost.clone(), 0..3),
        prop::collection::vec(boost, 0..3),
        prop::collection::vec(pin, 0..4),
    );
    (condition, lists, 0.0_f32..0.4, prop::option::of(0.0_f32..1.0)).prop_map(
        |(filter, (boost, bury, pin), least, lambda)| {
            let lambda = lambda.map_or("null".to_owned(), |lambda| lambda.to_string());
            let (boost, bury, pin) = (boost.join(","), bury.join(","), pin.join(","));
            format!(
                r#"{{"version": 1, "always": ["one_per_group", "not_recently_bought:30d"], "placements": {{"*": {{
                    "filter": "{filter}", "boost": [{boost}], "bury": [{bury}], "pin": [{pin}], "min_score": {least},
                    "diversity": {{"mmr_lambda": {lambda}}}}}}}}}"#
            )
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_rule_breaks_a_promise(
        rules in rules(), k in 0_usize..8, cart in 0_usize..6, shown in 0_usize..6, dismissed in 0_usize..6, seed in 0_usize..6,
    ) {
        let mut engine = engine(0);
        engine.set_rules(Rules::parse(&rules).unwrap());
        let events = [event(0, EventKind::View), event(dismissed, EventKind::Dismiss), event(1, EventKind::Purchase)];
        let id = |item: usize| format!("p{item}");
        let page = Page {
            seed: Some(id(seed)), cart: vec![id(cart)], shown: vec![id(shown)], now_ms: 2_000, ..Page::default()
        };
        let request = Request { k, exclude: vec![id(2)], candidates: None };
        let answer = answer(&engine, &events, &request, &page);
        let items: Vec<usize> = answer.list.iter().map(|placed| placed.item).collect();
        prop_assert!(items.len() <= k && items.len() == answer.reasons.len());
        prop_assert_eq!(items.iter().collect::<HashSet<_>>().len(), items.len());
        // 5 is not available, 2 is excluded, 1 was bought.
        for away in [5, 2, 1, cart, shown, dismissed, seed] {
            prop_assert!(!items.contains(&away), "{} in {:?} by {}", away, items, rules);
        }
        for why in answer.reasons.into_iter().flatten() {
            prop_assert!(why.item != dismissed);
        }
    }

    #[test]
    fn any_text_is_an_expression_or_an_error(text in "[a-z0-9 .'\"()<>=!&|+*/\\[\\]-]{0,60}|\\PC{0,40}") {
        if let Err(error) = Expression::parse(&text) {
            prop_assert!(error.column <= text.chars().count() + 1);
            prop_assert!(!error.reason.is_empty());
        }
    }

    #[test]
    fn any_text_is_rules_or_an_error(text in "\\PC{0,80}") {
        prop_assert!(Rules::parse(&text).is_err());
    }
}
