//! What does a shop's `signals.toml` say, and where is it wrong? Read with line and column, checked as a whole.

use std::{fs, io::ErrorKind, path::Path};

use anyhow::{Context, Result, anyhow};
use shared::signals::{SignalsConfig, SignalsError};
use toml::de::DeTable;

use crate::datasets::report::{Fault, Rejection};

/// Name of the file, beside the data.
pub const FILE: &str = "signals.toml";

/// The signals of a data folder; `None` when it has no `signals.toml` (then the defaults hold).
///
/// # Errors
/// With line, column and what to write instead, when the file is no TOML, has an unknown key, a value out of
/// range, an alias of nothing, or a funnel in which a later stage weighs less than an earlier one.
pub fn load(folder: &Path) -> Result<Option<SignalsConfig>> {
    check(folder)?.map_err(|problem| anyhow!("{problem}"))
}

/// As [`load`], with what is wrong in the file as a problem among others.
///
/// # Errors
/// When the file cannot be read.
pub fn check(folder: &Path) -> Result<Result<Option<SignalsConfig>, Rejection>> {
    let path = folder.join(FILE);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Ok(None)),
        text => text.with_context(|| {
            format!("cannot read {}\nhint: it is a text in UTF-8, readable for you", path.display())
        })?,
    };
    Ok(parse(&text).map(Some).map_err(|Misfit { place, reason, hint }| {
        let (line, column) = position(&text, place);
        let fault = Fault::new("signals that do not fit", reason, hint);
        Rejection::new(&path, line, fault.at(&column.to_string()))
    }))
}

/// What is wrong with the text, and at which byte.
#[derive(Debug)]
struct Misfit {
    place: usize,
    reason: String,
    hint: &'static str,
}

fn parse(text: &str) -> Result<SignalsConfig, Misfit> {
    let signals: SignalsConfig = toml::from_str(text).map_err(|error| Misfit {
        place: error.span().map_or(0, |span| span.start),
        reason: error.message().trim_end().to_owned(),
        hint: "docs/SIGNALS.md explains every key, `trainer schema` prints them",
    })?;
    let Err(error) = signals.validate() else { return Ok(signals) };
    // A contradiction of two keys is shown at the one that stands in the file.
    let keys = error.keys();
    let (_, place) =
        keys.iter().rev().map(|key| locate(text, key)).max_by_key(|(depth, _)| *depth).unwrap_or_default();
    Err(Misfit { place, reason: error.to_string(), hint: remedy(&error) })
}

fn remedy(error: &SignalsError) -> &'static str {
    match error {
        SignalsError::Funnel { .. } => "raise the later stage or lower the earlier one",
        SignalsError::GroupCaps { .. } => {
            "bonuses of one group share one cap; write the same, or leave `group` out"
        }
        SignalsError::UnknownEvent { .. } => {
            "events are those of docs/SIGNALS.md and of this file's [events]"
        }
        SignalsError::AliasOfEvent { .. } => "an alias is a name from another recorder",
        _ => "docs/SIGNALS.md shows the default of every event",
    }
}

/// How many parts of a dotted path the text has, and where the last of them stands, in bytes.
fn locate(text: &str, path: &str) -> (usize, usize) {
    let Ok(document) = DeTable::parse(text) else { return (0, 0) };
    let mut table = document.get_ref();
    let (mut rest, mut depth, mut place) = (path, 0, 0);
    loop {
        // Names may hold dots themselves: the longest that fits is the one.
        let fits = |key: &str| rest.strip_prefix(key).filter(|rest| rest.is_empty() || rest.starts_with('.'));
        let found = table.iter().filter_map(|(key, value)| Some((key, value, fits(key.get_ref())?)));
        let Some((key, value, after)) = found.min_by_key(|(.., after)| after.len()) else { break };
        (depth, place, rest) = (depth + 1, key.span().start, after.trim_start_matches('.'));
        let Some(inner) = value.get_ref().as_table() else { break };
        table = inner;
    }
    (depth, place)
}

/// Line and column of a byte, both counted from 1.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;
    use shared::{
        interaction::{Event, EventKind},
        signals::rules::Rule,
    };

    use super::*;

    /// What is said of a file with this text, without the folder.
    #[track_caller]
    fn said(text: &str) -> String {
        let files = crate::datasets::tests::folder("signals-said", &[(FILE, text)]);
        let message = crate::message(&load(files.path()).unwrap_err());
        message.rsplit_once(FILE).unwrap().1.to_owned()
    }

    #[track_caller]
    fn says(text: &str, words: &[&str]) {
        let message = said(text);
        for word in words {
            assert!(message.contains(word), "{word:?} is not in: {message}");
        }
        assert!(message.contains("\nhint: "), "{message}");
    }

    #[test]
    fn mistakes_are_named_with_place_and_remedy() {
        says("version = 1\nevent = {}\n", &[":2:1:", "`event`", "`events`"]);
        says("[events]\nview = { q = 0.1 }\n", &[":2:8:", "`q`"]);
        says("[events]\n\nview = { p = \"much\" }\n", &[":3:8:", "much"]);
        says("[events]\nview = 0.1\n", &[":2:8:"]);
        says("version = 1\n[events]\nview = { p = 3 }\n", &[":3:10: events.view.p is 3", "-1 and 1"]);
        says("[aliases]\n\"ec.seen\" = \"veiw\"\n", &[":2:1:", "\"veiw\"", "did you mean \"view\"?"]);
        says("[events.checkout]\np = 0.65\n", &[":2:1:", "0.65", "events.cart_add.p", "0.7", "raise"]);
        // The wish list is not in the file: the view is what was written.
        says("[events]\nview = { p = 0.65 }\n", &[":2:10:", "wishlist_add", "0.6,", "view", "0.65"]);
        says("a = [", &[":1:"]);
    }

    #[test]
    fn a_folder_without_the_file_has_no_signals() {
        let folder = std::env::temp_dir().join(format!("vitrine-signals-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        assert!(load(&folder).unwrap().is_none());
        fs::write(folder.join(FILE), "session_gap_minutes = 45\n[events]\ncart_add = { p = 0.75 }\n")
            .unwrap();
        let signals = load(&folder).unwrap().unwrap();
        assert_eq!(signals.session_gap_ms(), 2_700_000);
        fs::write(folder.join(FILE), "[events]\ncart_add = { p = 0.85 }\n").unwrap();
        let message = crate::message(&load(&folder).unwrap_err());
        assert!(message.contains("signals.toml:2:14: ") && message.contains("checkout"), "{message}");
        fs::remove_dir_all(&folder).unwrap();
    }

    /// The TOML blocks of docs/SIGNALS.md: the defaults, and a boutique's example.
    fn documented() -> Vec<String> {
        let text = include_str!("../../docs/SIGNALS.md");
        text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_documented_defaults_are_the_defaults() {
        let table: toml::Table = toml::from_str(&documented()[0]).unwrap();
        let events: BTreeMap<String, Rule> = table["events"].clone().try_into().unwrap();
        assert_eq!(events, SignalsConfig::default().events);
        assert_eq!(parse(&documented()[0]).unwrap(), SignalsConfig::default());
    }

    #[test]
    fn the_documented_example_is_sound() {
        let signals = parse(&documented()[1]).unwrap();
        let event =
            Event { dwell_ms: Some(1_800_000), ..Event::new("a", EventKind::Custom("Anprobe".into()), 0) };
        assert!((signals.read(&[&event], None, 0).intensity - 0.55).abs() < 1e-6);
    }

    /// Does a rule have the keys of one of the kinds that the schema lists?
    fn fits(schema: &Value, rule: &toml::Value) -> bool {
        let kinds = schema["$defs"]["Rule"]["anyOf"].as_array().unwrap();
        kinds.iter().any(|kind| {
            let name = kind["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
            let kind = &schema["$defs"][name];
            assert_eq!(kind["additionalProperties"], false, "{name}");
            let required = kind["required"].as_array().into_iter().flatten();
            let given = rule.as_table().unwrap();
            given.keys().all(|key| kind["properties"].get(key).is_some())
                && required.into_iter().all(|key| given.contains_key(key.as_str().unwrap()))
        })
    }

    #[test]
    fn the_documented_files_fit_the_schema() {
        let schema = serde_json::to_value(schemars::schema_for!(SignalsConfig)).unwrap();
        assert_eq!(schema["additionalProperties"], false);
        assert!(schema["properties"]["events"]["description"].as_str().unwrap().contains("by name"));
        for text in documented() {
            let table: toml::Table = toml::from_str(&text).unwrap();
            assert!(table.keys().all(|key| schema["properties"].get(key).is_some()));
            for key in schema["required"].as_array().into_iter().flatten() {
                assert!(table.contains_key(key.as_str().unwrap()), "{key}");
            }
            for (name, rule) in table["events"].as_table().unwrap() {
                assert!(fits(&schema, rule), "{name}");
            }
        }
        for wrong in ["{ add = 0.1 }", "{ p = 0.1, caps = 0.2 }", "{ p = 0.1, cap = 0.2 }"] {
            let table: toml::Table = toml::from_str(&format!("rule = {wrong}")).unwrap();
            assert!(!fits(&schema, &table["rule"]), "{wrong}");
        }
    }
}
