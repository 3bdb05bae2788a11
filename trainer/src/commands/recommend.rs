//! `trainer recommend`: a history in words, a list of items out, by the engine that the browser runs.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use futures_lite::future::block_on;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    catalog::Catalog,
    engine::{Engine, Request},
    interaction::{Event, EventKind},
    package::{MANIFEST, Package},
    signals::SignalsConfig,
};

use crate::{
    cli::{self, Quant},
    export,
    run::Run,
};

pub fn run(arguments: &cli::Recommend, is_json: bool, is_quiet: bool) -> Result<()> {
    let package = if arguments.run.join(MANIFEST).exists() {
        export::open(&arguments.run)?
    } else {
        Package::read(&export::package(&Run::load(&arguments.run)?, Quant::F32)?)?
    };
    let engine = Engine::new(package, &arguments.device.open()?)?;
    let signals = &engine.manifest().signals;
    let events = if Path::new(&arguments.history).is_file() {
        read_events(Path::new(&arguments.history), arguments.visitor.as_deref(), signals)?
    } else {
        ensure!(
            arguments.visitor.is_none(),
            "--visitor chooses among the visitors of a file, and --history names none\nhint: leave --visitor out"
        );
        let newest_era_ms = engine.manifest().model.vocabulary.eras().last().copied().unwrap_or(0);
        parse(&arguments.history, engine.catalog(), signals, newest_era_ms)?
    };
    let (history, report) = engine.fold(&events);
    if report.unknown_items > 0 && !is_quiet {
        eprintln!(
            "warning: {} events name items that the catalogue lacks; they were left out",
            report.unknown_items
        );
    }
    ensure!(
        !history.is_empty(),
        "the history is empty\nhint: name at least one item, as in \"Toy Story (1995):5\""
    );
    let request = Request { k: arguments.k, ..Request::default() };
    let list = block_on(engine.recommend(&history, &request))?;
    let items = engine.catalog().items();
    if is_json {
        let rows: Vec<_> = list
            .iter()
            .map(|r| json!({ "item": items[r.item].id, "title": items[r.item].title, "score": r.score }))
            .collect();
        crate::output::print_json(&json!({ "events": events, "recommendations": rows }))?;
    } else {
        let mut text = String::new();
        for (place, r) in list.iter().enumerate() {
            text += &format!("{:>3}  {:>8.3}  {}\n", place + 1, r.score, items[r.item].title);
        }
        crate::output::print(&text)?;
    }
    Ok(())
}

/// The events of a file: of `visitor`, or of the only one that it has.
fn read_events(path: &Path, visitor: Option<&str>, signals: &SignalsConfig) -> Result<Vec<Event>> {
    let text = fs::read_to_string(path).with_context(|| {
        format!("cannot read {}\nhint: pass a file in UTF-8 with one event in each line", path.display())
    })?;
    let (mut events, mut visitors) = (Vec::new(), BTreeSet::new());
    let lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    for (index, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let place = || format!("{}:{}", path.display(), index + 1);
        let no_event =
            || format!("{}: no event\nhint: {{\"item\":\"p1\",\"type\":\"view\",\"ts\":0}} is one", place());
        let value: Value = serde_json::from_str(line).with_context(no_event)?;
        let event = Event::deserialize(&value).with_context(no_event)?;
        crate::datasets::check_event(&event, signals).with_context(place)?;
        let whose = value.get("visitor").and_then(Value::as_str).unwrap_or_default().to_owned();
        if visitor.is_none_or(|visitor| visitor == whose) {
            events.push(event);
        }
        visitors.insert(whose);
    }
    let known = |most: usize| visitors.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    match visitor {
        None => ensure!(
            visitors.len() <= 1,
            "{} holds events of {} visitors, and a history is that of one\nhint: choose one with --visitor NAME, \
             for example one of {}",
            path.display(),
            visitors.len(),
            known(3)
        ),
        Some(visitor) => ensure!(
            !events.is_empty(),
            "{} holds no event of the visitor {visitor:?}\nhint: there are {}, for example {}",
            path.display(),
            visitors.len(),
            known(3)
        ),
    }
    Ok(events)
}

/// Time between two entries of a history given in words.
const STEP_MS: i64 = 60_000;

/// Reads "Title:4, Other, The (1994):purchase": a title may hold commas and colons, since an entry ends only
/// where what stands before the last colon is an item and what follows it is a rating or an event.
///
/// Events happen from `after_ms` on: a visitor of today, not of the year in which the training data began.
fn parse(text: &str, catalog: &Catalog, signals: &SignalsConfig, after_ms: i64) -> Result<Vec<Event>> {
    let mut events = Vec::new();
    let mut pending = String::new();
    for piece in text.split(',') {
        if !pending.is_empty() {
            pending.push(',');
        }
        pending.push_str(piece);
        let Some((title, word)) = pending.rsplit_once(':') else { continue };
        let Some(index) = catalog.index_by_title(title).or_else(|| catalog.index(title.trim())) else {
            continue;
        };
        let word = word.trim();
        let (kind, rating) = match word.parse::<f32>() {
            Ok(rating) if (1.0..=5.0).contains(&rating) => (EventKind::Rate, Some(rating)),
            Ok(rating) => bail!("{}: a rating of {rating}\nhint: ratings go from 1 to 5", title.trim()),
            Err(_) => {
                let kind = EventKind::from(word.to_owned());
                ensure!(
                    signals.rule(&kind).is_some(),
                    "{}: {word:?} is no rating and no event\n\
                     hint: 1 to 5, or view, cart_add, purchase, return, dismiss, ...",
                    title.trim()
                );
                (kind, None)
            }
        };
        let ts = after_ms.saturating_add(STEP_MS * events.len() as i64);
        events.push(Event { rating, ..Event::new(&catalog.items()[index].id, kind, ts) });
        pending.clear();
    }
    if !pending.trim().is_empty() {
        let wanted = pending.trim().to_owned();
        let is_file_name =
            [".jsonl", ".ndjson", ".json", ".csv", ".txt"].iter().any(|end| wanted.ends_with(end));
        ensure!(
            !is_file_name,
            "{wanted}: no such file\nhint: pass a file of events, or a history in words: \"Toy Story (1995):5\""
        );
        if let Some(title) = named(&wanted, catalog) {
            bail!(
                "{title:?}: a rating or an event is missing\nhint: write {:?}, or {:?}",
                format!("{title}:5"),
                format!("{title}:view")
            );
        }
        let close = closest_title(&wanted, catalog);
        bail!(
            "{wanted:?} names no item of the catalogue\nhint: entries are \"Title:rating\"; did you mean {close:?}?"
        );
    }
    Ok(events)
}

/// The title or id that `text` begins with, up to its end or one of its commas; the longest.
fn named<'a>(text: &'a str, catalog: &Catalog) -> Option<&'a str> {
    let commas = text.match_indices(',').map(|(at, _)| at);
    let ends = commas.chain([text.len()]).collect::<Vec<_>>().into_iter().rev();
    ends.map(|end| text[..end].trim())
        .find(|part| catalog.index_by_title(part).is_some() || catalog.index(part).is_some())
}

/// The title that shares most pairs of letters with `wanted`.
fn closest_title<'a>(wanted: &str, catalog: &'a Catalog) -> &'a str {
    let pairs = |text: &str| -> Vec<(char, char)> {
        let letters: Vec<char> = text.to_lowercase().chars().collect();
        letters.windows(2).map(|pair| (pair[0], pair[1])).collect()
    };
    let title = wanted.rsplit_once(':').map_or(wanted, |(title, _)| title);
    let of_wanted = pairs(title);
    let likeness = |title: &str| {
        let of_title = pairs(title);
        let common = of_wanted.iter().filter(|pair| of_title.contains(pair)).count();
        2000 * common / (of_wanted.len() + of_title.len()).max(1)
    };
    catalog
        .items()
        .iter()
        .map(|item| item.title.as_str())
        .max_by_key(|title| likeness(title))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use shared::catalog::Item;

    use super::*;

    fn catalog() -> Catalog {
        let item = |id: &str, title: &str| Item {
            id: id.into(),
            title: title.into(),
            available: true,
            ..Item::default()
        };
        Catalog::new(vec![
            item("1", "Toy Story (1995)"),
            item("2", "Piano, The (1993)"),
            item("3", "Star Wars: A"),
        ])
        .unwrap()
    }

    #[test]
    fn titles_may_hold_commas_and_colons() {
        let signals = SignalsConfig::default();
        let events =
            parse("Toy Story (1995):5, Piano, The (1993):1,Star Wars: A:purchase", &catalog(), &signals, 0)
                .unwrap();
        let items: Vec<&str> = events.iter().map(|event| event.item.as_str()).collect();
        assert_eq!(items, ["1", "2", "3"]);
        assert_eq!(events[1].rating, Some(1.0));
        assert_eq!(events[2].kind, EventKind::Purchase);
    }

    #[test]
    fn mistakes_are_named_with_a_remedy() {
        let signals = SignalsConfig::default();
        let message = |text: &str| format!("{:#}", parse(text, &catalog(), &signals, 0).unwrap_err());
        assert!(message("Toy Storey (1995):5").contains("did you mean \"Toy Story (1995)\""));
        assert!(message("Toy Story (1995):9").contains("from 1 to 5"));
        assert!(message("Toy Story (1995):bought").contains("purchase"));
        assert!(message("nofile.jsonl").contains("nofile.jsonl: no such file\nhint: "));
        let bare = "a rating or an event is missing\nhint: write \"Toy Story (1995):5\"";
        assert!(message("Toy Story (1995)").contains(bare));
        assert!(message("Toy Story (1995), Piano, The (1993):4").contains(bare));
        assert!(message("Piano, The (1993)").contains("\"Piano, The (1993):5\""));
    }

    #[test]
    fn a_file_is_the_history_of_one_visitor() {
        let line = r#"{"visitor":"v","item":"1","type":"view","ts":0}"#;
        let text = [line, &line.replace("\"v\"", "\"w\""), line].join("\n");
        let nameless = r#"{"item":"1","type":"view","ts":0}"#;
        let files = crate::datasets::tests::folder(
            "history",
            &[("two.jsonl", &format!("\u{feff}{text}")), ("one.jsonl", line), ("nameless.jsonl", nameless)],
        );
        let signals = SignalsConfig::default();
        let read = |name: &str, visitor| read_events(&files.path().join(name), visitor, &signals);
        let message = |visitor| crate::message(&read("two.jsonl", visitor).unwrap_err());
        assert!(message(None).contains("holds events of 2 visitors"), "{}", message(None));
        assert!(message(None).contains("hint: choose one with --visitor NAME, for example one of v, w"));
        assert!(message(Some("x")).contains("no event of the visitor \"x\""), "{}", message(Some("x")));
        assert_eq!(read("two.jsonl", Some("v")).unwrap().len(), 2);
        assert_eq!(read("one.jsonl", None).unwrap().len(), 1);
        assert_eq!(read("nameless.jsonl", None).unwrap().len(), 1);
    }
}
