//! What do a shop's `catalog.jsonl` and `events.jsonl` say, and what is wrong with them? Every bad line, not only the
//! first; `train` refuses by it what `validate` calls an error.

use std::{
    collections::{BTreeMap, HashSet, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    path::Path,
};

use anyhow::Result;
use shared::{
    catalog::Item,
    interaction::Event,
    signals::{SignalsConfig, rules::Rule},
};

pub use super::json_lines::without_place;
use super::{
    ImportReport,
    catalog_lines::{self, Listed},
    check_event,
    item_names::ItemNames,
    json_lines::{self, LINE_HINT},
    report::{Fault, Rejection, Unused, note},
    shop_fields::{self, EVENT, Object},
};
use crate::signals_file;

/// What stands in the files of a shop.
pub struct Log {
    pub items: Vec<Item>,
    /// Visitor and event, in the order of the lines; the item is named by its id.
    pub events: Vec<(String, Event)>,
    pub signals: SignalsConfig,
    /// What became of the lines of events, and what is wrong with any file: signals first, then catalogue, then events.
    pub report: ImportReport,
}

/// Reads the files of `folder` to their ends.
///
/// # Errors
/// When a file cannot be read.
pub fn read(folder: &Path, now_ms: i64) -> Result<Log> {
    let mut report = ImportReport::default();
    let signals = match signals_file::check(folder)? {
        Ok(signals) => signals.unwrap_or_default(),
        Err(problem) => {
            report.rejected.push(problem);
            SignalsConfig::default()
        }
    };
    let mut problems = Vec::new();
    let Listed { items, names } = catalog_lines::read(&folder.join("catalog.jsonl"), now_ms, &mut problems)?;
    let is_catalogue_whole = !items.is_empty() && problems.iter().all(|problem| problem.is_tolerated);
    report.rejected.extend(problems);
    let path = folder.join("events.jsonl");
    let mut reader = Reader {
        path: &path,
        signals: &signals,
        items: &items,
        names: &names,
        now_ms,
        is_catalogue_whole,
        events: Vec::new(),
        unknown: BTreeMap::new(),
        doubts: Doubts::default(),
    };
    json_lines::each(&path, |number, line| {
        let outcome =
            line.map_err(Unused::Broken).and_then(|(line, bytes)| reader.line(number, &line, bytes));
        report.count(&path, number, outcome);
    })?;
    let events = reader.finish(&mut report);
    Ok(Log { items, events, signals, report })
}

const WITHOUT_VISITOR: &str = "events without a visitor";
const WITHOUT_RATING: &str = "ratings without a number";
const UNKNOWN_ITEM: &str = "item that the catalogue lacks";

struct Reader<'a> {
    path: &'a Path,
    signals: &'a SignalsConfig,
    items: &'a [Item],
    names: &'a ItemNames,
    now_ms: i64,
    /// Without all its items, nothing is said of those that it lacks.
    is_catalogue_whole: bool,
    events: Vec<(String, Event)>,
    /// First line and number of events of each item that the catalogue lacks.
    unknown: BTreeMap<String, (usize, usize)>,
    doubts: Doubts,
}

/// What is left out or doubtful: first line and count of each.
#[derive(Default)]
struct Doubts {
    without_visitor: Option<(usize, usize)>,
    without_rating: Option<(usize, usize)>,
    repeated: Option<(usize, usize)>,
    /// Hashes of all lines: a number for each, where the lines themselves would be the file.
    lines: HashSet<u64>,
}

impl Reader<'_> {
    fn line(&mut self, number: usize, line: &Object, bytes: &[u8]) -> Result<(), Unused> {
        let (visitor, mut event) = self.event(line).map_err(Unused::Broken)?;
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        if !self.doubts.lines.insert(hasher.finish()) {
            note(&mut self.doubts.repeated, number);
        }
        // All of them together would be one person who bought everything.
        if visitor.is_empty() {
            note(&mut self.doubts.without_visitor, number);
            return Err(Unused::LeftOut(WITHOUT_VISITOR));
        }
        match self.names.find(&event.item) {
            Some(position) => event.item.clone_from(&self.items[position].id),
            None => self.unknown.entry(event.item.clone()).or_insert((number, 0)).1 += 1,
        }
        if let (Some((_, Rule::Rate(_))), None) = (self.signals.rule(&event.kind), event.rating) {
            note(&mut self.doubts.without_rating, number);
            return Err(Unused::LeftOut(WITHOUT_RATING));
        }
        self.events.push((visitor, event));
        Ok(())
    }

    fn event(&self, line: &Object) -> Result<(String, Event), Fault> {
        let visitor = EVENT.text(line, "visitor")?;
        EVENT.filled(line, "item")?;
        EVENT.filled(line, "type")?;
        EVENT.time(line, self.now_ms)?;
        let event: Event = shop_fields::read(line, r#"{"item": "a", "type": "view", "ts": 1}"#, "event")?;
        check_event(&event, self.signals).map_err(|error| {
            let message = crate::message(&error);
            let (reason, hint) = message.split_once("\nhint: ").unwrap_or((&message, LINE_HINT));
            let is_dwell = event.dwell_ms.is_some_and(|dwell_ms| dwell_ms < 0);
            match self.signals.rule(&event.kind) {
                None => Fault::new("unknown event name", reason, hint).at("type"),
                Some(_) if is_dwell => Fault::new("value out of range", reason, hint).at("dwell_ms"),
                Some(_) => Fault::new("value out of range", reason, hint).at("rating"),
            }
        })?;
        Ok((visitor.to_owned(), event))
    }

    /// What can be said only of all lines.
    fn finish(self, report: &mut ImportReport) -> Vec<(String, Event)> {
        let Doubts { without_visitor, without_rating, repeated, .. } = self.doubts;
        let mut told = Vec::new();
        let mut tell = |(number, count): (usize, usize), kind, column: &str, reason: String, hint: &str| {
            let fault = Fault::new(kind, reason, hint).at(column);
            told.push(Rejection {
                is_tolerated: count < report.rows,
                ..Rejection::new(self.path, number, fault)
            });
        };
        if let Some(doubt) = without_visitor {
            let reason = format!("{} of {} events have no visitor and are left out", doubt.1, report.rows);
            let hint = "nobody knows whose they are: give each buyer an id of their own, or remove the lines";
            tell(doubt, WITHOUT_VISITOR, "visitor", reason, hint);
        }
        if let Some(doubt) = without_rating {
            let reason = format!("{} events rate an item and have no rating; they say nothing", doubt.1);
            tell(doubt, WITHOUT_RATING, "rating", reason, "add \"rating\": 4 to the line, or remove it");
        }
        if let Some((number, count)) = repeated {
            told.push(Rejection::repeated(self.path, number, count, report.rows));
        }
        told.extend(self.unknown_items());
        report.rejected.extend(told);
        self.events
    }

    /// Items come and go: events of those that are gone are left out of training and harm nothing. When most are
    /// unknown, the log names items by something that the catalogue does not hold.
    fn unknown_items(&self) -> Vec<Rejection> {
        if !self.is_catalogue_whole {
            return Vec::new();
        }
        let unknown: usize = self.unknown.values().map(|(_, count)| count).sum();
        let known = self.events.iter().filter(|(_, event)| !self.unknown.contains_key(&event.item));
        let all = unknown + known.count();
        let mut by_line: Vec<(&String, &(usize, usize))> = self.unknown.iter().collect();
        by_line.sort_by_key(|(_, place)| **place);
        let mut told = Vec::new();
        if let (Some((_, (first, _))), true) = (by_line.first(), unknown * 2 > all) {
            let ids: Vec<String> = by_line.iter().take(3).map(|(id, _)| format!("{id:?}")).collect();
            let listed: Vec<String> =
                self.items.iter().take(3).map(|item| format!("{:?}", item.id)).collect();
            let ids =
                format!("the log has ids like {}, the catalogue like {}", ids.join(", "), listed.join(", "));
            let is_none = unknown == all;
            let reason = match is_none {
                true => format!("none of {all} events names an item of the catalogue; {ids}"),
                false => format!("{unknown} of {all} events name no item of the catalogue; {ids}"),
            };
            let hint =
                "put the id that the log has into the catalogue, as id, sku, gtin, group or under variants";
            let fault = Fault::new("log that does not fit the catalogue", reason, hint).at("item");
            told.push(Rejection { is_tolerated: !is_none, ..Rejection::new(self.path, *first, fault) });
            if is_none {
                return told;
            }
        }
        told.extend(by_line.into_iter().map(|(id, (number, count))| {
            let events = if *count == 1 { String::new() } else { format!(" ({count} events)") };
            let reason = format!("item {id:?} is not in catalog.jsonl{events}");
            let hint = "add the item to the catalogue, or remove the line";
            Rejection::tolerated(self.path, *number, Fault::new(UNKNOWN_ITEM, reason, hint).at("item"))
        }));
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-01.
    const NOW_MS: i64 = 1_767_225_600_000;

    fn found(name: &str, catalog: &str, events: &str) -> Vec<Rejection> {
        let folder =
            crate::datasets::tests::folder(name, &[("catalog.jsonl", catalog), ("events.jsonl", events)]);
        read(folder.path(), NOW_MS).unwrap().report.rejected
    }

    fn problems(name: &str, catalog: &str, events: &str) -> Vec<(String, usize, Option<String>)> {
        found(name, catalog, events).into_iter().map(|p| (p.kind.to_owned(), p.line, p.column)).collect()
    }

    const GOOD_ITEM: &str = r#"{"id":"a","title":"Coat","price":125000,"currency":"EUR"}"#;
    const GOOD_EVENT: &str = r#"{"visitor":"v","item":"a","type":"view","ts":1700000000000}"#;

    #[test]
    fn a_good_log_has_no_problems() {
        assert!(
            problems("good", &format!("\u{feff}{GOOD_ITEM}\n\n"), &format!("\u{feff}{GOOD_EVENT}\n"))
                .is_empty()
        );
        let named = GOOD_ITEM.replace("\"id\"", "\"sku\":\"S1\",\"id\"");
        assert!(problems("sku", &named, &GOOD_EVENT.replace("\"a\"", "\"s1\"")).is_empty());
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
            r#"{"id":7,"title":"Cap"}"#,
        ];
        let found = problems("items", &catalog.join("\n"), GOOD_EVENT);
        let at = |kind: &str, line, column: Option<&str>| (kind.to_owned(), line, column.map(str::to_owned));
        assert_eq!(
            found,
            [
                at("missing title", 2, Some("title")),
                at("missing field", 3, Some("title")),
                at("duplicate item id", 4, Some("id")),
                at("mixed currencies", 5, Some("currency")),
                at("missing field", 6, Some("id")),
                at("no item", 7, Some("price")),
                at("line that is no JSON object", 8, Some("18")),
                at("line that is no JSON object", 9, None),
                at("number for a text", 10, Some("id")),
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
            r#"{"visitor":12,"item":"a","type":"view","ts":1700000000000}"#,
            r#"{"visitor":"v","item":"a","type":"view","ts":1700000000000,"qty":"2"}"#,
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
                ("missing field", 9),
                ("missing field", 10),
                ("number for a text", 11),
                ("no event", 12),
                ("item that the catalogue lacks", 8),
            ]
        );
    }

    #[test]
    fn what_says_nothing_is_counted_with_its_first_place() {
        let events = [
            GOOD_EVENT.to_owned(),
            GOOD_EVENT.replace("\"v\"", "\"\""),
            GOOD_EVENT.replace("\"v\"", "null"),
            GOOD_EVENT.replace("view", "rate"),
            GOOD_EVENT.to_owned(),
        ];
        let files = crate::datasets::tests::folder(
            "nothing",
            &[("catalog.jsonl", GOOD_ITEM), ("events.jsonl", &events.join("\n"))],
        );
        let Log { events: kept, report, .. } = read(files.path(), NOW_MS).unwrap();
        assert_eq!((kept.len(), report.rows, report.accepted), (2, 5, 2));
        assert_eq!(report.left_out, [(WITHOUT_VISITOR, 2), (WITHOUT_RATING, 1)]);
        let said: Vec<String> = report.rejected.iter().map(ToString::to_string).collect();
        let words = [
            "events.jsonl:2:visitor: 2 of 5 events have no visitor and are left out",
            "events.jsonl:4:rating: 1 events rate an item and have no rating",
            "events.jsonl:5: 1 of 5 lines repeat an earlier line letter by letter",
        ];
        for (said, words) in said.iter().zip(words) {
            assert!(said.contains(words) && said.contains("\nhint: "), "{said}");
        }
        assert_eq!(said.len(), words.len());
        assert!(report.errors().next().is_none());
        // When nobody has a name, nothing is left to learn from.
        let nobody = found("nobody", GOOD_ITEM, &GOOD_EVENT.replace("\"v\"", "\"\""));
        assert!(nobody.len() == 1 && !nobody[0].is_tolerated);
    }

    #[test]
    fn a_log_of_other_items_is_an_error_when_none_fits_and_a_warning_when_most_do_not() {
        let other = GOOD_EVENT.replace("\"a\"", "\"DE_7\"");
        let none =
            found("other-none", GOOD_ITEM, &[other.as_str(), &other.replace("DE_7", "DE_8")].join("\n"));
        assert_eq!(none.len(), 1, "{none:?}");
        let said = none[0].to_string();
        let words = "events.jsonl:1:item: none of 2 events names an item of the catalogue; the log has ids like \"DE_7\", \
             \"DE_8\", the catalogue like \"a\"\nhint: ";
        assert!(said.contains(words) && !none[0].is_tolerated, "{said}");
        let twice = [GOOD_EVENT, &other, &other.replace("view", "click")].join("\n");
        let most = found("other-most", GOOD_ITEM, &twice);
        assert!(most.iter().all(|problem| problem.is_tolerated));
        assert!(most[0].reason.starts_with("2 of 3 events name no item of the catalogue"), "{}", most[0]);
        assert!(most[1].reason.ends_with("is not in catalog.jsonl (2 events)"), "{}", most[1]);
        let half = found("other-half", GOOD_ITEM, &[GOOD_EVENT, &other].join("\n"));
        assert_eq!((half.len(), half[0].kind), (1, UNKNOWN_ITEM));
    }
}
