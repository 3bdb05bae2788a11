//! What can an event mean? The kinds of rules of `signals.toml`, told apart by their keys.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de::Error};

use crate::interaction::Event;

/// What one event says about its item.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Rule {
    Neutral(Neutral),
    Bonus(Bonus),
    Dwell(Dwell),
    Bounce(Bounce),
    Impression(Impression),
    Undo(Undo),
    Verdict(Verdict),
    Rate(Rate),
    Scale(Scale),
    Fixed(Fixed),
}

/// The event says nothing about the item.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Neutral {
    pub neutral: bool,
}

/// A stage of the way to a purchase (p > 0), or something that speaks against the item (p < 0).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Fixed {
    pub p: f32,
    /// Added for each doubling of `qty`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub per_doubling: f32,
}

/// Comes on top of the stage, for each event, up to a cap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Bonus {
    pub add: f32,
    pub cap: f32,
    /// Bonuses of one group have one cap together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// Active time on the item's page: from `from` at `t50_s` to `to` at `t90_s` seconds, on a logarithmic scale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Dwell {
    pub from: f32,
    pub to: f32,
    pub t50_s: f32,
    pub t90_s: f32,
    /// Whether the trainer measures the times of each category in the event log.
    pub fit: Fit,
    /// The times of an item's first category, where they are not those above.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub categories: BTreeMap<String, DwellTimes>,
}

/// Where the times of a dwell rule come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Fit {
    /// Measured for each first category that has enough dwells.
    Category,
    /// As they stand in the file.
    Fixed,
}

/// Median and 90 % quantile of active time, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DwellTimes {
    pub t50_s: f32,
    pub t90_s: f32,
}

impl Default for Dwell {
    /// Priors of the signal table: 15 s and 90 s.
    fn default() -> Self {
        Self {
            from: 0.10,
            to: 0.40,
            t50_s: 15.0,
            t90_s: 90.0,
            fit: Fit::Category,
            categories: BTreeMap::new(),
        }
    }
}

impl Dwell {
    /// Intensity of `dwell_ms` milliseconds on an item of this category.
    #[must_use]
    pub fn intensity(&self, dwell_ms: i64, category: Option<&str>) -> f32 {
        let priors = DwellTimes { t50_s: self.t50_s, t90_s: self.t90_s };
        let times = category.and_then(|category| self.categories.get(category)).unwrap_or(&priors);
        let seconds = dwell_ms.max(1) as f32 / 1000.0;
        self.from + (self.to - self.from) * log_share(seconds, times.t50_s, times.t90_s)
    }
}

/// What a view becomes that ended at once: the longest dwell is below `below_s` and nothing else was done.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Bounce {
    pub p: f32,
    pub below_s: f32,
}

/// Seen in a list and not opened: `p` each, not below `floor`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Impression {
    pub p: f32,
    pub floor: f32,
}

/// Takes another event back: the item has `p` and nothing else counts, unless `undoes` came again later or
/// one of `unless` lies in the same session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Undo {
    pub p: f32,
    pub undoes: String,
    #[serde(default)]
    pub unless: Vec<String>,
}

/// Decides alone, whatever else was done in the session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Verdict {
    pub p: f32,
    #[serde(default = "yes")]
    pub decides: bool,
    /// Other values of p by the event's `reason`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reasons: BTreeMap<String, f32>,
    /// Days for which the item is not shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter_days: Option<u32>,
}

/// An explicit rating, linear from -1 at `min` to 1 at `max`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rate {
    pub min: f32,
    pub max: f32,
    /// Whether the newest rating decides alone; else it counts beside the other events.
    pub overrides: bool,
}

impl Default for Rate {
    fn default() -> Self {
        Self { min: 1.0, max: 5.0, overrides: true }
    }
}

/// A number of the event on a logarithmic scale: from `from` at `low` to `to` at `high`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Scale {
    pub field: Field,
    pub low: f32,
    pub high: f32,
    pub from: f32,
    pub to: f32,
}

/// The numbers of an event that a scale can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Field {
    Qty,
    DwellMs,
    Depth,
    Zoom,
    Rating,
}

impl Scale {
    /// `from` when the event lacks the number: it did happen.
    #[must_use]
    pub fn intensity(&self, event: &Event) -> f32 {
        let number = match self.field {
            Field::Qty => event.qty.map(|qty| qty as f32),
            Field::DwellMs => event.dwell_ms.map(|dwell_ms| dwell_ms as f32),
            Field::Depth => event.depth,
            Field::Zoom => event.zoom,
            Field::Rating => event.rating,
        };
        // max() takes the other side of what is not a number.
        let number = number.unwrap_or(self.low).max(f32::MIN_POSITIVE);
        self.from + (self.to - self.from) * log_share(number, self.low, self.high)
    }
}

/// Where `value` lies between `low` (0) and `high` (1) on a logarithmic scale.
fn log_share(value: f32, low: f32, high: f32) -> f32 {
    ((value / low).ln() / (high / low).ln()).clamp(0.0, 1.0)
}

fn yes() -> bool {
    true
}

fn is_zero(value: &f32) -> bool {
    *value == 0.0
}

impl<'de> Deserialize<'de> for Rule {
    /// By hand, because serde's untagged enums cannot say which key of which kind is wrong.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        fn kind<T: serde::de::DeserializeOwned, E: Error>(
            fields: serde_json::Map<String, serde_json::Value>,
            rule: impl FnOnce(T) -> Rule,
        ) -> Result<Rule, E> {
            serde_json::from_value(fields.into()).map(rule).map_err(E::custom)
        }
        let fields = serde_json::Map::deserialize(deserializer)?;
        let has = |keys: &[&str]| keys.iter().any(|&key| fields.contains_key(key));
        if has(&["neutral"]) {
            kind(fields, Self::Neutral)
        } else if has(&["add", "cap", "group"]) {
            kind(fields, Self::Bonus)
        } else if has(&["t50_s", "t90_s", "fit", "categories"]) {
            kind(fields, Self::Dwell)
        } else if has(&["below_s"]) {
            kind(fields, Self::Bounce)
        } else if has(&["floor"]) {
            kind(fields, Self::Impression)
        } else if has(&["undoes", "unless"]) {
            kind(fields, Self::Undo)
        } else if has(&["decides", "reasons", "filter_days"]) {
            kind(fields, Self::Verdict)
        } else if has(&["min", "max", "overrides"]) {
            kind(fields, Self::Rate)
        } else if has(&["field", "low", "high"]) {
            kind(fields, Self::Scale)
        } else {
            kind(fields, Self::Fixed)
        }
    }
}
