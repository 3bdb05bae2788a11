//! Does `rules.json` fit the shop? Read with its remedy, and counted against the catalogue: which items each rule touches.

use std::{fmt::Write, fs, path::Path};

use anyhow::{Context, Result};
use serde::Serialize;
use shared::{
    catalog::Catalog,
    rules::{
        ANY_PLACEMENT, Fallback, Pin, Placement, Rules,
        expression::{Expression, Scope},
    },
};

use crate::datasets::report::{Fault, Rejection};

/// # Errors
/// When there is no such file, or it breaks a rule of rules.
pub fn read(path: &Path) -> Result<Rules> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("cannot read {}\nhint: pass a rules.json", path.display()))?;
    // Some editors begin a file with a byte order mark, and browsers take it away.
    Rules::parse(text.trim_start_matches('\u{feff}')).with_context(|| {
        format!("{}\nhint: `trainer schema --of rules` prints what may stand there", path.display())
    })
}

/// What rules do to a catalogue.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Effects {
    pub rules: Vec<Effect>,
    /// Pinned ids that the catalogue lacks, with their places.
    pub unknown_pins: Vec<String>,
    /// What stands there and does nothing.
    pub idle: Vec<String>,
}

/// What one condition does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Effect {
    /// For example `home.boost[0]`.
    pub place: String,
    pub condition: String,
    /// Items for which it holds; of one that speaks of the page's own item nothing can be said.
    pub items: Option<usize>,
}

impl Effects {
    #[must_use]
    pub fn of(rules: &Rules, catalog: &Catalog, now_ms: i64) -> Self {
        let mut effects = Self::default();
        for (name, placement) in &rules.placements {
            let mut count = |place: &str, expression: &Expression| {
                let holds = |item| expression.is_true(Scope { item, seed: None, now_ms });
                let items = catalog.items().iter().filter(|item| holds(item)).count();
                effects.rules.push(Effect {
                    place: format!("{name}.{place}"),
                    condition: expression.text().to_owned(),
                    items: (!expression.needs_seed()).then_some(items),
                });
            };
            if let Some(filter) = &placement.filter {
                count("filter", filter.expression());
            }
            for (at, when) in placement.when.iter().enumerate() {
                count(&format!("when[{at}].if"), when.r#if.expression());
                count(&format!("when[{at}].filter"), when.filter.expression());
            }
            for (list, boosts) in [("boost", &placement.boost), ("bury", &placement.bury)] {
                for (at, boost) in boosts.iter().enumerate() {
                    if let Some(condition) = &boost.r#if {
                        count(&format!("{list}[{at}]"), condition.expression());
                    }
                }
            }
            let unknown =
                placement.pin.iter().enumerate().filter(|(_, pin)| catalog.index(&pin.item).is_none());
            effects.unknown_pins.extend(unknown.map(|(at, pin)| format!("{name}.pin[{at}]: {}", pin.item)));
            effects.idle.extend(idle_in(placement, now_ms).map(|idle| format!("{name}.{idle}")));
        }
        let has =
            |name: &str| catalog.items().iter().any(|item| item.category.iter().any(|step| step == name));
        for name in rules.never_named.iter().filter(|name| !has(name)) {
            effects.idle.push(format!("never_named: no item is in the category {name:?}"));
        }
        for (name, experiment) in &rules.experiments {
            if experiment.placement == ANY_PLACEMENT {
                effects.idle.push(format!(
                    "experiments.{name}: no row has the placement {ANY_PLACEMENT:?}; name the row's own"
                ));
            }
        }
        effects
    }

    /// One line for each rule.
    ///
    /// # Errors
    /// When `text` cannot be written to.
    pub fn describe(&self, text: &mut String) -> Result<()> {
        writeln!(text, "\nrules:")?;
        for Effect { place, condition, items } in &self.rules {
            match items {
                Some(0) => writeln!(
                    text,
                    "  {place}: no item, {condition}\n  hint: a value or a field may be misspelt"
                )?,
                Some(1) => writeln!(text, "  {place}: 1 item, {condition}")?,
                Some(items) => writeln!(text, "  {place}: {items} items, {condition}")?,
                None => writeln!(text, "  {place}: depends on the page, {condition}")?,
            }
        }
        self.idle.iter().try_for_each(|idle| writeln!(text, "  warning: {idle}"))?;
        Ok(())
    }

    /// What is wrong with the rules of the file at `path`.
    ///
    /// # Errors
    /// When the file cannot be read again.
    pub fn problems(&self, path: &Path) -> Result<Vec<Rejection>> {
        if self.unknown_pins.is_empty() {
            return Ok(Vec::new());
        }
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let problem = |pin: &String| {
            let id = pin.split_once(": ").map_or("", |(_, id)| id);
            let quoted = serde_json::Value::from(id).to_string();
            let line = text.lines().position(|line| line.contains(&quoted)).unwrap_or(0) + 1;
            let hint = "a pin names an item by its id: mend it, or remove the pin";
            let reason = format!("{pin} is not in the catalogue");
            Rejection::new(path, line, Fault::new("pin of an item that the catalogue lacks", reason, hint))
        };
        Ok(self.unknown_pins.iter().map(problem).collect())
    }
}

/// What stands in the rules of a placement and does nothing.
fn idle_in(placement: &Placement, now_ms: i64) -> impl Iterator<Item = String> {
    let pins = &placement.pin;
    let of_pin = move |(at, pin): (usize, &Pin)| {
        if pin.is_over(now_ms) {
            return Some(format!("pin[{at}] of {} is over", pin.item));
        }
        // Of two pins of one place the first holds, as long as its item may be shown.
        let before = pins[..at]
            .iter()
            .position(|other| other.pos == pin.pos && other.from == pin.from && other.to == pin.to);
        before.map(|other| {
            format!("pin[{at}] of {} has the position of pin[{other}] and stands there only where that item may not", pin.item)
        })
    };
    let content = placement.fallback.iter().position(|fallback| *fallback == Fallback::Content);
    let late = content
        .filter(|&at| at > 0)
        .map(|_| "fallback: content does nothing unless it is the first".to_owned());
    pins.iter().enumerate().filter_map(of_pin).chain(late)
}

#[cfg(test)]
mod tests {
    use shared::catalog::Item;

    use super::*;

    #[test]
    fn each_rule_says_how_many_items_it_touches() {
        let item =
            |id: &str, price| Item { id: id.into(), title: id.into(), price: Some(price), ..Item::default() };
        let catalog = Catalog::new(vec![item("a", 100), item("b", 200)]).unwrap();
        let written = r#"{"version": 1, "placements": {"home": {
                "filter": "price < seed.price", "boost": [{"if": "price > 150", "by": 0.1}],
                "bury": [{"if": "'old' in tags", "by": 0.1}], "pin": [{"item": "a", "pos": 1}, {"item": "c", "pos": 2}]}}}"#;
        let rules = Rules::parse(written).unwrap();
        let effects = Effects::of(&rules, &catalog, 0);
        let mut text = String::new();
        effects.describe(&mut text).unwrap();
        assert_eq!(
            text,
            "\nrules:\n  home.filter: depends on the page, price < seed.price\n  home.boost[0]: 1 item, price > 150\n  \
             home.bury[0]: no item, 'old' in tags\n  hint: a value or a field may be misspelt\n"
        );
        let file = crate::datasets::tests::folder("rules-pins", &[("rules.json", written)]);
        let problems = effects.problems(&file.path().join("rules.json")).unwrap();
        assert_eq!(problems.len(), 1);
        let said = problems[0].to_string();
        assert!(said.contains("rules.json:3: home.pin[1]: c is not in the catalogue\nhint: "), "{said}");
    }

    #[test]
    fn what_does_nothing_is_said() {
        let item =
            Item { id: "a".into(), title: "a".into(), category: vec!["Coats".into()], ..Item::default() };
        let catalog = Catalog::new(vec![item]).unwrap();
        let written = "\u{feff}{\"version\": 1, \"never_named\": [\"Coats\", \"Intimate\"], \"placements\": {\"home\": {
            \"pin\": [{\"item\": \"a\", \"pos\": 1, \"to\": \"2026-01-01\"}, {\"item\": \"a\", \"pos\": 2}, {\"item\": \"a\", \"pos\": 2}],
            \"fallback\": [\"shop\", \"content\"]}}, \"experiments\": {\"x\": {\"placement\": \"*\", \"uses\": \"home\", \"share\": 50}}}";
        let file = crate::datasets::tests::folder("rules-idle", &[("rules.json", written)]);
        let rules = read(&file.path().join("rules.json")).unwrap();
        let effects = Effects::of(&rules, &catalog, 1_767_312_000_000);
        let mut text = String::new();
        effects.describe(&mut text).unwrap();
        let expected = [
            "home.pin[0] of a is over",
            "home.pin[2] of a has the position of pin[1] and stands there only where that item may not",
            "home.fallback: content does nothing unless it is the first",
            "never_named: no item is in the category \"Intimate\"",
            "experiments.x: no row has the placement \"*\"; name the row's own",
        ];
        assert_eq!(effects.idle, expected);
        assert!(text.contains("\n  warning: home.pin[0] of a is over\n"), "{text}");
    }

    #[test]
    fn a_mistake_is_said_with_file_and_remedy() {
        let file =
            crate::datasets::tests::folder("rules", &[("rules.json", r#"{"version": 1, "placement": {}}"#)]);
        let message = crate::message(&read(&file.path().join("rules.json")).unwrap_err());
        assert!(message.contains("rules.json") && message.contains("unknown field `placement`"), "{message}");
        assert!(message.contains("hint: `trainer schema --of rules`"), "{message}");
    }
}
