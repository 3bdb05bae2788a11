//! How strongly does what a visitor did speak for an item? From raw events to a signed intensity.
//!
//! The rules are data: `signals.toml` in the shop's data folder, saved with the run and exported in the package,
//! so that trainer and browser map alike. [`rules`] are the kinds of rules, `defaults` the signal table,
//! `check` refuses what contradicts itself, `reading` is the arithmetic, `fold` makes histories of logs and
//! `fit` measures dwell times.
//!
//! # Source
//! Design, signals and events; product study §4.

mod check;
mod defaults;
mod fit;
mod fold;
mod reading;
pub mod rules;

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Deserializer, Serialize};

use crate::interaction::{Event, EventKind};
use rules::Rule;

pub use check::{SignalsError, nearest};
pub use fold::FoldReport;
pub use reading::Reading;

/// What each event means. A file names only what differs from the defaults of its version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SignalsConfig {
    /// Version of the file and of the defaults, 1.
    pub version: u32,
    /// Events further apart than this belong to different sessions.
    pub session_gap_minutes: u32,
    /// How the stages of one session become one number.
    pub aggregation: Aggregation,
    /// Least and largest intensity.
    pub clamp: [f32; 2],
    /// What each event means, by name. An entry replaces the default of its name; the others stay.
    #[serde(deserialize_with = "events_over_defaults")]
    pub events: BTreeMap<String, Rule>,
    /// Names in other recorders' logs for our events; they come beside the default names.
    #[serde(deserialize_with = "aliases_over_defaults")]
    pub aliases: BTreeMap<String, String>,
}

/// How the stages of one item in one session become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Aggregation {
    /// The furthest stage: ten views are no purchase.
    #[default]
    Max,
    /// Every event counts in full.
    Sum,
    /// p·log₂(1 + count) of every type of event, added up.
    LogSum,
}

impl Default for SignalsConfig {
    /// The signal table of the design.
    fn default() -> Self {
        Self {
            version: 1,
            session_gap_minutes: 30,
            aggregation: Aggregation::Max,
            clamp: [-1.0, 1.0],
            events: defaults::events(),
            aliases: defaults::aliases(),
        }
    }
}

impl SignalsConfig {
    /// Reads signals as a package holds them, unchecked. Here, so that a browser has the code once.
    ///
    /// # Errors
    /// When it is not JSON or has other fields.
    pub fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }

    /// Events under our own names: those that came by another have the one that it stands for.
    #[must_use]
    pub fn canonical<'a>(&self, events: &'a [Event]) -> Cow<'a, [Event]> {
        let is_alias = |event: &Event| matches!(&event.kind, EventKind::Custom(_));
        if !events.iter().any(is_alias) {
            return Cow::Borrowed(events);
        }
        let named = |event: &Event| {
            let name = self.rule(&event.kind).filter(|_| is_alias(event)).map(|(name, _)| name.to_owned());
            Event { kind: name.map_or_else(|| event.kind.clone(), EventKind::from), ..event.clone() }
        };
        Cow::Owned(events.iter().map(named).collect())
    }

    /// Our name of an event and what it means; `None` for a name that is neither an event nor an alias.
    #[must_use]
    pub fn rule(&self, kind: &EventKind) -> Option<(&str, &Rule)> {
        let entry = |name: &str| self.events.get_key_value(name);
        let (name, rule) = entry(kind.name()).or_else(|| entry(self.aliases.get(kind.name())?))?;
        // A bounce is what a view turns out to be, not what a log says.
        (!matches!(rule, Rule::Bounce(_))).then_some((name.as_str(), rule))
    }

    #[must_use]
    pub fn session_gap_ms(&self) -> i64 {
        i64::from(self.session_gap_minutes) * 60_000
    }

    /// For how many days an item is not shown after an event, by the event's name.
    #[must_use]
    pub fn filter_days(&self) -> BTreeMap<&str, u32> {
        let entries = self.events.iter();
        entries
            .filter_map(|(name, rule)| match rule {
                Rule::Verdict(verdict) => Some((name.as_str(), verdict.filter_days?)),
                _ => None,
            })
            .collect()
    }
}

fn events_over_defaults<'de, D: Deserializer<'de>>(given: D) -> Result<BTreeMap<String, Rule>, D::Error> {
    let mut events = defaults::events();
    events.extend(BTreeMap::<String, Rule>::deserialize(given)?);
    Ok(events)
}

fn aliases_over_defaults<'de, D: Deserializer<'de>>(given: D) -> Result<BTreeMap<String, String>, D::Error> {
    let mut aliases = defaults::aliases();
    aliases.extend(BTreeMap::<String, String>::deserialize(given)?);
    Ok(aliases)
}
