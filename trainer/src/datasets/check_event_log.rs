//! What is wrong with a shop's own log? Every bad line of `catalog.jsonl` and `events.jsonl`, not only the first.

use std::{
    io::BufRead,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde_json::Value;
use shared::{
    catalog::{Item, other_names},
    interaction::Event,
    signals::SignalsConfig,
};

use super::{
    check_event, date,
    gather::{Items, item},
    open,
    report::{Fault, Rejection, Unused},
    table::Field,
};
use crate::signals_file;

/// Before this a time is most likely given in seconds.
pub const EARLIEST_YEAR: i64 = 1990;
/// How far clocks may be ahead of each other.
const CLOCKS_MS: i64 = 86_400_000;

const LINE_HINT: &str =
    "write one JSON object a line, as in the folder that `trainer demo --shop-only` makes";

/// All problems of the files: signals first, then the catalogue, then the events in the order of their lines.
///
/// # Errors
/// When a file cannot be read.
pub fn check(folder: &Path, now_ms: i64) -> Result<Vec<Rejection>> {
    let catalog = folder.join("catalog.jsonl");
    let mut problems = Problems { path: catalog.clone(), found: Vec::new() };
    let signals = match signals_file::load(folder) {
        Ok(signals) => signals.unwrap_or_default(),
        Err(error) => {
            let message = crate::message(&error);
            let (reason, hint) = message.split_once("\nhint: ").unwrap_or((&message, LINE_HINT));
            let fault = Fault::new("signals that contradict themselves", reason, hint);
            problems.found.push(Rejection::new(&folder.join(signals_file::FILE), 1, fault));
            SignalsConfig::default()
        }
    };
    let mut items = Items::default();
    let mut currencies = Currencies::default();
    let mut listed = Vec::new();
    for_each_line(&catalog, &mut problems, |line, value| {
        let id = text(value, "id")?;
        currencies.check(value, line)?;
        let title = text(value, "title").map_err(|_| missing_title(&id))?;
        items.add(Field { column: "id", text: &id, line }, item(&id, &title)).map_err(fault)?;
        let hint =
            "prices are whole numbers of minor units (1250 for 12.50); `trainer schema` lists the fields";
        let item = serde_json::from_value::<Item>(value.clone());
        listed.push(item.map_err(|error| malformed("no item", &error, hint))?);
        Ok(())
    })?;
    let (known, names) = (items.ids(), other_names(&listed));
    let events = folder.join("events.jsonl");
    let mut problems = Problems { path: events.clone(), found: problems.found };
    for_each_line(&events, &mut problems, |_, value| {
        text(value, "visitor")?;
        let item = text(value, "item")?;
        time(value, now_ms)?;
        let event: Event = serde_json::from_value(value.clone()).map_err(|error| {
            malformed("no event", &error, "`trainer schema` lists the fields of an event")
        })?;
        check_event(&event, &signals).map_err(|error| {
            let message = crate::message(&error);
            let (reason, hint) = message.split_once("\nhint: ").unwrap_or((&message, LINE_HINT));
            match signals.rule(&event.kind) {
                Some(_) => Fault::new("value out of range", reason, hint),
                None => Fault::new("unknown event name", reason, hint).at("type"),
            }
        })?;
        if !known.contains_key(&item) && !names.contains_key(item.as_str()) {
            let reason = format!("item {item:?} is not in catalog.jsonl");
            return Err(Fault::new(
                UNKNOWN_ITEM,
                reason,
                "add the item to the catalogue, or remove the line",
            )
            .at("item"));
        }
        Ok(())
    })?;
    // Items come and go: events of those that are gone are left out of training and harm nothing.
    for problem in problems.found.iter_mut().filter(|problem| problem.kind == UNKNOWN_ITEM) {
        problem.is_tolerated = true;
    }
    Ok(problems.found)
}

const UNKNOWN_ITEM: &str = "item that the catalogue lacks";

struct Problems {
    path: PathBuf,
    found: Vec<Rejection>,
}

fn for_each_line(
    path: &Path,
    problems: &mut Problems,
    mut check: impl FnMut(usize, &Value) -> Result<(), Fault>,
) -> Result<()> {
    for (index, bytes) in open(path)?.split(b'\n').enumerate() {
        let bytes = bytes.with_context(|| format!("cannot read {}", path.display()))?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let outcome = match serde_json::from_slice::<Value>(&bytes) {
            Ok(value) if value.is_object() => check(index + 1, &value),
            Ok(_) => Err(Fault::new("line that is no JSON object", "the line is no JSON object", LINE_HINT)),
            Err(error) => {
                let fault = Fault::new("line that is no JSON object", without_place(&error), LINE_HINT);
                Err(fault.at(&error.column().to_string()))
            }
        };
        if let Err(fault) = outcome {
            problems.found.push(Rejection::new(&problems.path, index + 1, fault));
        }
    }
    Ok(())
}

/// The message without serde's own line and column, which count within the line.
pub fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

fn malformed(kind: &'static str, error: &serde_json::Error, hint: &str) -> Fault {
    Fault::new(kind, without_place(error), hint)
}

fn missing_title(id: &str) -> Fault {
    Fault::new("missing title", format!("item {id:?} has no title"), super::gather::TITLE_HINT).at("title")
}

fn fault(unused: Unused) -> Fault {
    match unused {
        Unused::Broken(fault) => fault,
        Unused::LeftOut(reason) => Fault::new(reason, reason, LINE_HINT),
    }
}

/// A text that is not empty.
fn text(value: &Value, field: &str) -> Result<String, Fault> {
    match value.get(field).and_then(Value::as_str).map(str::trim) {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        Some(_) => Err(Fault::new("empty field", format!("{field} is empty"), LINE_HINT).at(field)),
        None => {
            Err(Fault::new("missing field", format!("{field} is missing or no text"), LINE_HINT).at(field))
        }
    }
}

fn time(value: &Value, now_ms: i64) -> Result<i64, Fault> {
    let hint = "give every event a ts: milliseconds since 1970-01-01 UTC, as a whole number";
    let Some(ts) = value.get("ts") else {
        return Err(Fault::new("missing time", "ts is missing", hint).at("ts"));
    };
    let time_ms = ts
        .as_i64()
        .ok_or_else(|| Fault::new("missing time", format!("ts is {ts}, no whole number"), hint).at("ts"))?;
    check_time(time_ms, now_ms).map_err(|fault| fault.at("ts"))?;
    Ok(time_ms)
}

/// A time that a shop's log can have: from [`EARLIEST_YEAR`] on, and not after tomorrow.
///
/// # Errors
/// Says the day that the number stands for, and which unit it is in most likely.
pub fn check_time(time_ms: i64, now_ms: i64) -> Result<(), Fault> {
    let earliest_ms = date::day_ms(EARLIEST_YEAR, 1, 1).unwrap_or(0);
    if time_ms < earliest_ms {
        let reason = format!("the time {time_ms} is on {}, before {EARLIEST_YEAR}", date::day(time_ms));
        let hint = "times are in milliseconds since 1970-01-01 UTC; multiply seconds by 1000";
        return Err(Fault::new("time too early", reason, hint));
    }
    if time_ms > now_ms.saturating_add(CLOCKS_MS) {
        let reason = format!("the time {time_ms} is in the future");
        let hint = "times are in milliseconds since 1970-01-01 UTC; divide microseconds by 1000";
        return Err(Fault::new("time in the future", reason, hint));
    }
    Ok(())
}

/// Which currencies occur; the first is the catalogue's.
#[derive(Default)]
struct Currencies {
    first: Option<(String, usize)>,
}

impl Currencies {
    fn check(&mut self, value: &Value, line: usize) -> Result<(), Fault> {
        let Some(currency) = value.get("currency").and_then(Value::as_str) else { return Ok(()) };
        let (first, first_line) = self.first.get_or_insert_with(|| (currency.to_owned(), line));
        if first == currency {
            return Ok(());
        }
        let reason = format!("the price is in {currency}, that of line {first_line} in {first}");
        let hint = "a catalogue has one currency: convert the prices, or make one data set for each currency";
        Err(Fault::new("mixed currencies", reason, hint).at("currency"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-01.
    const NOW_MS: i64 = 1_767_225_600_000;

    fn problems(name: &str, catalog: &str, events: &str) -> Vec<(String, usize, Option<String>)> {
        let folder =
            crate::datasets::tests::folder(name, &[("catalog.jsonl", catalog), ("events.jsonl", events)]);
        let found = check(folder.path(), NOW_MS).unwrap();
        found.into_iter().map(|p| (p.kind.to_owned(), p.line, p.column)).collect()
    }

    const GOOD_ITEM: &str = r#"{"id":"a","title":"Coat","price":125000,"currency":"EUR"}"#;
    const GOOD_EVENT: &str = r#"{"visitor":"v","item":"a","type":"view","ts":1700000000000}"#;

    #[test]
    fn a_good_log_has_no_problems() {
        assert!(problems("good", &format!("{GOOD_ITEM}\n\n"), &format!("{GOOD_EVENT}\n")).is_empty());
        let named = GOOD_ITEM.replace("\"id\"", "\"sku\":\"S1\",\"id\"");
        assert!(problems("sku", &named, &GOOD_EVENT.replace("\"a\"", "\"S1\"")).is_empty());
    }

    #[test]
    fn every_bad_item_is_found() {
        let catalog = [
            GOOD_ITEM,
            r#"{"id":"b","title":" "}"#,
            r#"{"id":"c"}"#,
            r#"{"id":"a","title":"Coat again"}"#,
            r#"{"id":"d","title":"Scarf","currency":"GBP"}"#,
            r#"{"title":"no id"}"#,
            r#"{"id":"e","title":"Hat","price":12.5}"#,
            r#"{"id":"f","title":"#,
            r#"["g"]"#,
        ];
        let found = problems("items", &catalog.join("\n"), GOOD_EVENT);
        let at = |kind: &str, line, column: Option<&str>| (kind.to_owned(), line, column.map(str::to_owned));
        assert_eq!(
            found,
            [
                at("missing title", 2, Some("title")),
                at("missing title", 3, Some("title")),
                at("duplicate item id", 4, Some("id")),
                at("mixed currencies", 5, Some("currency")),
                at("missing field", 6, Some("id")),
                at("no item", 7, None),
                at("line that is no JSON object", 8, Some("18")),
                at("line that is no JSON object", 9, None),
            ]
        );
    }

    #[test]
    fn every_bad_event_is_found() {
        let events = [
            GOOD_EVENT,
            r#"{"visitor":"v","item":"a","type":"sniff","ts":1700000000000}"#,
            r#"{"visitor":"v","item":"a","type":"view"}"#,
            r#"{"visitor":"v","item":"a","type":"view","ts":1700000000}"#,
            r#"{"visitor":"v","item":"a","type":"view","ts":1700000000000000}"#,
            r#"{"visitor":"v","item":"a","type":"view","ts":"2023-11-14"}"#,
            r#"{"visitor":"v","item":"a","type":"rate","rating":9,"ts":1700000000000}"#,
            r#"{"visitor":"v","item":"gone","type":"view","ts":1700000000000}"#,
            r#"{"item":"a","type":"view","ts":1700000000000}"#,
            r#"{"visitor":"v","item":"a","ts":1700000000000}"#,
        ];
        let found = problems("events", GOOD_ITEM, &events.join("\n"));
        let kinds: Vec<_> = found.iter().map(|(kind, line, _)| (kind.as_str(), *line)).collect();
        assert_eq!(
            kinds,
            [
                ("unknown event name", 2),
                ("missing time", 3),
                ("time too early", 4),
                ("time in the future", 5),
                ("missing time", 6),
                ("value out of range", 7),
                ("item that the catalogue lacks", 8),
                ("missing field", 9),
                ("no event", 10),
            ]
        );
    }
}
