//! How is a shop's own log read? `catalog.jsonl` (one item a line) and `events.jsonl` (one canonical event a
//! line, with the field `visitor`).

use std::{collections::BTreeMap, io::Write, path::Path};

use anyhow::{Context, Result, bail, ensure};
use schemars::JsonSchema;
use serde::Serialize;
use shared::{
    catalog::Catalog,
    interaction::{Event, History},
    signals::{SignalsConfig, nearest, rules::Rule},
};

use super::{
    Dataset, Seen,
    check_event_log::{self, Log},
    known, private,
    report::UNKNOWN_ITEM,
    times,
};
use crate::signals_file;

/// One line of `events.jsonl`: an event, and whose it is.
#[derive(Serialize, JsonSchema)]
pub struct VisitorEvent {
    /// Who did it: an id of the visitor or customer, the same in all of their events. Lines where it is empty are left
    /// out.
    visitor: String,
    #[serde(flatten)]
    event: Event,
}

pub fn load(folder: &Path) -> Result<Dataset> {
    dataset(folder, check_event_log::read(folder, times::now_ms())?)
}

/// The data set of a log; lines that break the format are left out and listed in its report.
///
/// # Errors
/// When nothing is left, or the shop's other files cannot be read.
pub fn dataset(folder: &Path, log: Log) -> Result<Dataset> {
    let Log { items, events, mut signals, mut report } = log;
    // Why nothing could be read says more than that there is nothing.
    if let (true, Some(refusal)) = (items.is_empty() || events.is_empty(), report.refusal()) {
        bail!(refusal);
    }
    let path = folder.join("catalog.jsonl");
    ensure!(!items.is_empty(), "{} is empty\nhint: export the shop's items first", path.display());
    let catalog = Catalog::new(items).with_context(|| format!("{} is no catalogue", path.display()))?;
    let path = folder.join("events.jsonl");
    ensure!(!events.is_empty(), "{} is empty\nhint: export the shop's events first", path.display());
    let mut by_visitor: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for (visitor, event) in events {
        by_visitor.entry(visitor).or_default().push(event);
    }
    signals.fit_dwell(by_visitor.values().flatten(), &catalog);
    signals.validate().with_context(|| {
        format!(
            "the dwell times in {} give signals that cannot be used\n\
             hint: dwell_ms is in milliseconds of active time; or say fit = \"fixed\" under [events.dwell] of signals.toml",
            path.display()
        )
    })?;
    let mut unknown = 0;
    let (mut visitors, mut histories, mut seen, mut known) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (visitor, events) in by_visitor {
        let (history, report) = History::from_events(&events, &catalog, &signals);
        unknown += report.unknown_items;
        if !history.interactions().is_empty() {
            visitors.push(visitor);
            known.push(known::known(&events, history.interactions(), &catalog, &signals));
            histories.push(history.interactions().to_vec());
            seen.push(impressions(&events, &catalog, &signals));
        }
    }
    report.withdraw(unknown, UNKNOWN_ITEM);
    let clearance = private::clearance(folder, &catalog, &mut report)?;
    let (format, unknown_events) = ("vitrine-events", unknown);
    Ok(Dataset {
        format,
        catalog,
        visitors,
        histories,
        known,
        unknown_events,
        report,
        seen,
        clearance,
        signals,
    })
}

/// What was on the screen, oldest first: whoever samples leaves out what was met.
fn impressions(events: &[Event], catalog: &Catalog, signals: &SignalsConfig) -> Vec<Seen> {
    let is_impression = |event: &&Event| matches!(signals.rule(&event.kind), Some((_, Rule::Impression(_))));
    let seen = |event: &Event| Some(Seen { item: catalog.index(&event.item)?, time_ms: event.ts });
    let mut list: Vec<Seen> = events.iter().filter(is_impression).filter_map(seen).collect();
    list.sort_by_key(|seen| seen.time_ms);
    list
}

/// Values that the line format allows but no event can have, and types that nobody gave a meaning.
///
/// # Errors
/// Names the value and its range, or the type and what to do about it.
pub fn check(event: &Event, signals: &SignalsConfig) -> Result<()> {
    let Some((_, rule)) = signals.rule(&event.kind) else { bail!(unknown_type(event.kind.name(), signals)) };
    if let (Rule::Rate(rate), Some(rating)) = (rule, event.rating) {
        let (min, max) = (rate.min, rate.max);
        ensure!((min..=max).contains(&rating), "a rating of {rating}\nhint: ratings go from {min} to {max}");
    }
    if let Some(dwell_ms) = event.dwell_ms {
        ensure!(dwell_ms >= 0, "a dwell of {dwell_ms} ms\nhint: active time is never negative");
    }
    Ok(())
}

fn unknown_type(name: &str, signals: &SignalsConfig) -> String {
    let names = signals.events.keys().filter(|name| *name != "bounce").chain(signals.aliases.keys());
    let meant = nearest(name, names.map(String::as_str));
    let meant = meant.map_or_else(String::new, |meant| format!("did you mean {meant:?}? Otherwise "));
    format!(
        "{name:?} is no event and no alias of one\n\
         hint: {meant}say in {} beside the events what it means: \
         {name:?} = \"view\" under [aliases], or {name:?} = {{ p = 0.3 }} under [events]",
        signals_file::FILE
    )
}

/// Writes a catalogue and the events of its visitors in the format that [`load`] reads.
///
/// # Errors
/// When a file cannot be written.
pub fn write(folder: &Path, catalog: &Catalog, logs: &[Vec<Event>]) -> Result<()> {
    let mut lines = Vec::new();
    for item in catalog.items() {
        serde_json::to_writer(&mut lines, item)?;
        lines.push(b'\n');
    }
    crate::output::write_file(&folder.join("catalog.jsonl"), &lines)?;
    lines.clear();
    for (visitor, events) in logs.iter().enumerate() {
        for event in events {
            let row = VisitorEvent { visitor: format!("visitor-{visitor:05}"), event: event.clone() };
            serde_json::to_writer(&mut lines, &row)?;
            lines.write_all(b"\n")?;
        }
    }
    crate::output::write_file(&folder.join("events.jsonl"), &lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::write_file;

    /// Loads a folder with one coat and these events and signals.
    fn load_with(name: &str, events: &[&str], signals: Option<&str>) -> Result<Dataset> {
        let folder = std::env::temp_dir().join(format!("vitrine-event-log-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        write_file(
            &folder.join("catalog.jsonl"),
            br#"{"id":"c1","title":"Wool coat","category":["Coats"],"sku":"WC-1"}"#,
        )?;
        write_file(&folder.join("events.jsonl"), events.join("\n").as_bytes())?;
        if let Some(signals) = signals {
            write_file(&folder.join(signals_file::FILE), signals.as_bytes())?;
        }
        let dataset = crate::datasets::load(&folder);
        std::fs::remove_dir_all(&folder)?;
        dataset
    }

    #[test]
    fn a_type_that_nobody_knows_is_named_with_what_to_do() {
        let events = [
            r#"{"visitor":"v","item":"c1","type":"view","ts":1700000000000}"#,
            r#"{"visitor":"v","item":"c1","type":"cart_ad","ts":1700000000001}"#,
        ];
        let Err(error) = load_with("unknown", &events, None) else { panic!("it was accepted") };
        let message = crate::message(&error);
        for word in [
            "events.jsonl:2:type: ",
            "\"cart_ad\"",
            "did you mean \"cart_add\"?",
            "signals.toml",
            "[aliases]",
        ] {
            assert!(message.contains(word), "{word:?} is not in: {message}");
        }
        let dataset = load_with("alias", &events, Some("[aliases]\ncart_ad = \"cart_add\"\n")).unwrap();
        assert_eq!(dataset.histories[0][0].intensity, 0.7);
    }

    #[test]
    fn what_was_on_the_screen_is_kept_beside_the_history() {
        let events = [
            r#"{"visitor":"v","item":"c1","type":"view","ts":1700000000009}"#,
            r#"{"visitor":"v","item":"c1","type":"impression","ts":1700000000007}"#,
            r#"{"visitor":"w","item":"c1","type":"impression","ts":1700000000007}"#,
        ];
        let dataset = load_with("seen", &events, None).unwrap();
        // The second visitor met nothing.
        assert_eq!(dataset.histories.len(), 1);
        assert_eq!(dataset.seen, [[Seen { item: 0, time_ms: 1_700_000_000_007 }]]);
        assert_eq!(dataset.clearance, None);
    }

    #[test]
    fn an_event_may_name_an_item_by_its_sku() {
        let events = [
            r#"{"visitor":"v","item":"WC-1","type":"impression","ts":1700000000001}"#,
            r#"{"visitor":"v","item":"WC-1","type":"cart_add","ts":1700000000002}"#,
            r#"{"visitor":"v","item":"WC-2","type":"view","ts":1700000000003}"#,
        ];
        let dataset = load_with("sku", &events, None).unwrap();
        assert_eq!((dataset.histories[0].len(), dataset.unknown_events), (1, 1));
        assert_eq!(dataset.seen, [[Seen { item: 0, time_ms: 1_700_000_000_001 }]]);
    }

    #[test]
    fn a_rating_is_checked_against_its_scale() {
        let events = [r#"{"visitor":"v","item":"c1","type":"rate","rating":9.1,"ts":1700000000000}"#];
        let Err(error) = load_with("stars", &events, None) else { panic!("it was accepted") };
        assert!(crate::message(&error).contains("from 1 to 5"));
        let dataset = load_with("tens", &events, Some("[events]\nrate = { max = 10 }\n")).unwrap();
        // 2·8.1/9 - 1.
        assert!((dataset.histories[0][0].intensity - 0.8).abs() < 1e-6);
    }

    #[test]
    fn dwell_times_are_measured_in_the_log() {
        // 4 s to 63 s: the median is 33 s, the 90 % quantile 57 s.
        let lines: Vec<String> = (0..60)
            .map(|i| {
                format!(
                    r#"{{"visitor":"v{i}","item":"c1","type":"dwell","dwell_ms":{},"ts":1700000000000}}"#,
                    4000 + 1000 * i
                )
            })
            .collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let dataset = load_with("dwell", &lines, None).unwrap();
        let Rule::Dwell(dwell) = &dataset.signals.events["dwell"] else { panic!("no dwell rule") };
        assert_eq!((dwell.categories["Coats"].t50_s, dwell.categories["Coats"].t90_s), (33.0, 57.0));
        let intensities: Vec<f32> = dataset.histories.iter().map(|history| history[0].intensity).collect();
        let count = |expected: f32| intensities.iter().filter(|&&p| (p - expected).abs() < 1e-6).count();
        assert_eq!((count(0.10), count(0.40)), (30, 7));
        // Nanoseconds: signals that the run could not be read with afterwards.
        let lines: Vec<String> = lines.iter().map(|line| line.replace("000,", "000000000,")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let Err(error) = load_with("nanoseconds", &lines, None) else { panic!("it was accepted") };
        let message = crate::message(&error);
        assert!(
            message.contains("events.jsonl") && message.contains("hint: dwell_ms is in milliseconds"),
            "{message}"
        );
    }
}
