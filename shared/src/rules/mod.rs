//! What does the merchandiser want of a list? `rules.json`: filters, pins, boosts, diversity and reasons, after scoring.
//!
//! The same code in the browser's worker and in `trainer eval --rules`, so that what is measured is what visitors see.
//! [`expression`] is the language of conditions, [`arrange`] applies the rules to scores, [`reason`] says why an item
//! stands in a list. Prices are in minor units, as in the catalogue.
//!
//! # Source
//! Design, product study §5.

pub mod arrange;
mod day;
pub mod expression;
mod names;
pub mod reason;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use day::Day;
use expression::{Expression, ExpressionError, Kind};

/// Rules of this version are read.
pub const VERSION: u32 = 1;
/// The placement whose rules hold where a page's own name has none.
pub const ANY_PLACEMENT: &str = "*";
/// Most that boosts and buries together may do.
pub const MOST_BOOST: f32 = 0.5;

const DAY_MS: i64 = 86_400_000;

/// `rules.json`, read and checked.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rules {
    /// Version of the file, 1.
    pub version: u32,
    /// What holds on every placement.
    #[serde(default)]
    pub always: Vec<Always>,
    /// Items in these categories are never named in a reason, for example health or intimacy.
    #[serde(default)]
    pub never_named: Vec<String>,
    /// Rules by the name of the placement; `*` for all others.
    #[serde(default, deserialize_with = "names::each_once")]
    pub placements: BTreeMap<String, Placement>,
    /// Comparisons of two sets of rules, by name.
    #[serde(default, deserialize_with = "names::each_once")]
    pub experiments: BTreeMap<String, Experiment>,
}

/// Why a text is no rules.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RulesError {
    /// With line and column.
    Malformed {
        reason: String,
    },
    Version {
        got: u32,
    },
    /// A value outside what it may be.
    Range {
        what: String,
        expected: &'static str,
    },
    /// An experiment that names no placement of the file.
    UnknownPlacement {
        experiment: String,
        placement: String,
    },
}

impl std::fmt::Display for RulesError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Malformed { reason } => write!(f, "the rules cannot be read: {reason}"),
            Self::Version { got } => write!(f, "rules of version {got}, this build reads version {VERSION}"),
            Self::Range { what, expected } => write!(f, "{what} must be {expected}"),
            Self::UnknownPlacement { experiment, placement } => {
                write!(f, "experiments.{experiment} uses placement {placement:?}, which the rules lack")
            }
        }
    }
}

impl std::error::Error for RulesError {}

/// What holds everywhere. In stock, not in the cart, not dismissed and once on a page hold without being named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Always {
    InStock,
    NotInCart,
    NotDismissed,
    UniqueOnPage,
    /// One variant of a product.
    OnePerGroup,
    /// Not for so many days after the purchase.
    NotRecentlyBought {
        days: u16,
    },
}

impl TryFrom<String> for Always {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match name.as_str() {
            "in_stock" => Ok(Self::InStock),
            "not_in_cart" => Ok(Self::NotInCart),
            "not_dismissed" => Ok(Self::NotDismissed),
            "unique_on_page" => Ok(Self::UniqueOnPage),
            "one_per_group" => Ok(Self::OnePerGroup),
            _ => {
                let days = name.strip_prefix("not_recently_bought:").and_then(|days| days.strip_suffix('d'));
                days.and_then(|days| days.parse().ok()).map(|days| Self::NotRecentlyBought { days }).ok_or_else(|| {
                    format!(
                        "{name:?} is none of in_stock, not_in_cart, not_dismissed, unique_on_page, one_per_group, \
                         not_recently_bought:30d"
                    )
                })
            }
        }
    }
}

/// The rules of one place on the shop's pages.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Placement {
    /// Which items may be shown. One that speaks of `seed` says nothing on pages without a seed.
    pub filter: Option<Condition>,
    /// Filters for the items for which `if` holds.
    pub when: Vec<When>,
    /// Items at fixed positions.
    pub pin: Vec<Pin>,
    /// What comes further up.
    pub boost: Vec<Boost>,
    /// What comes further down.
    pub bury: Vec<Boost>,
    pub diversity: Diversity,
    /// Lets what was shown lately and not clicked make room.
    pub rotation: Option<Rotation>,
    /// Least strength, 0 to 1: rather fewer items than worse ones.
    pub min_score: f32,
    /// `content`, which counts when it is the first, fills a list that is too short; then what stands in the place of an empty
    /// one.
    pub fallback: Vec<Fallback>,
    /// Whether items carry a reason.
    pub explain: bool,
}

impl Default for Placement {
    /// No rule, and reasons.
    fn default() -> Self {
        Self {
            filter: None,
            when: Vec::new(),
            pin: Vec::new(),
            boost: Vec::new(),
            bury: Vec::new(),
            diversity: Diversity::default(),
            rotation: None,
            min_score: 0.0,
            fallback: Vec::new(),
            explain: true,
        }
    }
}

/// An expression that is true or false.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Condition(Expression);

impl Condition {
    #[must_use]
    pub fn expression(&self) -> &Expression {
        &self.0
    }
}

impl TryFrom<String> for Condition {
    type Error = ExpressionError;

    fn try_from(text: String) -> Result<Self, ExpressionError> {
        Expression::parse(&text)
            .and_then(|expression| of_kind(expression, Kind::Truth, "true or false"))
            .map(Self)
    }
}

/// An expression that is a number.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Amount(Expression);

impl Amount {
    #[must_use]
    pub fn expression(&self) -> &Expression {
        &self.0
    }
}

impl TryFrom<String> for Amount {
    type Error = ExpressionError;

    fn try_from(text: String) -> Result<Self, ExpressionError> {
        Expression::parse(&text)
            .and_then(|expression| of_kind(expression, Kind::Number, "a number"))
            .map(Self)
    }
}

fn of_kind(expression: Expression, kind: Kind, name: &str) -> Result<Expression, ExpressionError> {
    if expression.kind() == kind {
        return Ok(expression);
    }
    Err(ExpressionError {
        text: expression.text().to_owned(),
        column: 0,
        reason: format!("{name} is wanted here"),
    })
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct When {
    pub r#if: Condition,
    pub filter: Condition,
}

/// An item at a fixed position, for a time.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Pin {
    pub item: String,
    /// Counted from 1.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 100)))]
    pub pos: usize,
    /// First day, `2026-11-01` (UTC).
    #[serde(default)]
    pub from: Option<Day>,
    /// Last day.
    #[serde(default)]
    pub to: Option<Day>,
}

impl Pin {
    /// Is the last day over?
    #[must_use]
    pub fn is_over(&self, now_ms: i64) -> bool {
        self.to.is_some_and(|to| now_ms >= to.starts_ms + DAY_MS)
    }

    /// Is it a day of the pin?
    #[must_use]
    pub fn holds(&self, now_ms: i64) -> bool {
        self.from.is_none_or(|from| now_ms >= from.starts_ms) && !self.is_over(now_ms)
    }
}

/// Moves the items for which `if` holds by `by`, or each item by `by` times the value of `field` (−1 to 1).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Boost {
    /// What the debug overlay and the report call it.
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub r#if: Option<Condition>,
    #[serde(default)]
    pub field: Option<Amount>,
    /// On the scale of strengths: 1 is as far as from chance to the best item.
    pub by: f32,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Diversity {
    pub max_per_brand: Option<usize>,
    /// Of an item's most special category.
    pub max_per_category: Option<usize>,
    /// Maximal marginal relevance: 1 is strength alone, 0 is nothing but difference.
    pub mmr_lambda: Option<f32>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rotation {
    /// Taken off the strength of what was seen lately.
    pub rate: f32,
    /// How long ago is lately.
    pub seconds: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Fallback {
    /// Items alike to those met, without the model.
    Content,
    /// The shop's own list.
    Shop,
    /// Nothing is shown.
    Hide,
}

/// Some visitors get the rules of another placement.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Experiment {
    /// Where it takes place.
    pub placement: String,
    /// The placement whose rules hold instead.
    pub uses: String,
    /// Percent of visitors.
    #[cfg_attr(feature = "schema", schemars(range(max = 100)))]
    pub share: u8,
}

impl Rules {
    /// Reads and checks `rules.json`.
    ///
    /// # Errors
    /// [`RulesError`]: the first broken rule, with its place.
    ///
    /// # Example
    /// ```
    /// use shared::rules::Rules;
    /// let text = r#"{"version": 1, "placements": {"*": {"filter": "price < 10000"}}}"#;
    /// assert!(Rules::parse(text).is_ok());
    /// ```
    pub fn parse(text: &str) -> Result<Self, RulesError> {
        // Of bytes, as packages are read: a reader of texts would be a second parser in the browser's bundle.
        let rules: Self = serde_json::from_slice(text.as_bytes())
            .map_err(|error| RulesError::Malformed { reason: error.to_string() })?;
        rules.check()?;
        Ok(rules)
    }

    fn check(&self) -> Result<(), RulesError> {
        if self.version != VERSION {
            return Err(RulesError::Version { got: self.version });
        }
        for (name, placement) in &self.placements {
            placement.check(&format!("placements.{name}"))?;
        }
        let mut taken = BTreeMap::new();
        for (name, experiment) in &self.experiments {
            let range = |what: &str, expected| RulesError::Range {
                what: format!("experiments.{name}.{what}"),
                expected,
            };
            if experiment.share > 100 {
                return Err(range("share", "0 to 100"));
            }
            let taken = taken.entry(&experiment.placement).or_insert(0);
            *taken += u32::from(experiment.share);
            if *taken > 100 {
                return Err(range("share", "at most 100 with the other experiments of its placement"));
            }
            if !self.placements.contains_key(&experiment.uses) {
                let (experiment, placement) = (name.clone(), experiment.uses.clone());
                return Err(RulesError::UnknownPlacement { experiment, placement });
            }
        }
        Ok(())
    }

    /// The rules of a placement for a visitor of `bucket` (0 to 99), and the experiment that chose them.
    ///
    /// Experiments of one placement share the buckets in the order of their names, each as many as its share from where the
    /// one before ends.
    #[must_use]
    pub fn placement(&self, name: &str, bucket: u8) -> (Option<&Placement>, Option<&str>) {
        let mut end = 0;
        for (experiment, Experiment { placement, uses, share }) in &self.experiments {
            if placement == name {
                end += u32::from(*share);
                if u32::from(bucket) < end {
                    return (self.placements.get(uses), Some(experiment));
                }
            }
        }
        (self.placements.get(name).or_else(|| self.placements.get(ANY_PLACEMENT)), None)
    }
}

impl Boost {
    /// Does it speak of the page's own item?
    fn needs_seed(&self) -> bool {
        self.r#if.as_ref().is_some_and(|condition| condition.0.needs_seed())
            || self.field.as_ref().is_some_and(|field| field.0.needs_seed())
    }
}

impl Placement {
    /// Does any of its rules speak of the page's own item?
    #[must_use]
    pub fn needs_seed(&self) -> bool {
        let mut conditions =
            self.filter.iter().chain(self.when.iter().flat_map(|when| [&when.r#if, &when.filter]));
        conditions.any(|condition| condition.0.needs_seed())
            || self.boost.iter().chain(&self.bury).any(Boost::needs_seed)
    }

    fn check(&self, place: &str) -> Result<(), RulesError> {
        let range =
            |what: String, expected| Err(RulesError::Range { what: format!("{place}.{what}"), expected });
        for (at, pin) in self.pin.iter().enumerate() {
            if !(1..=100).contains(&pin.pos) {
                return range(format!("pin[{at}].pos"), "1 to 100");
            }
            if pin.from.zip(pin.to).is_some_and(|(from, to)| from > to) {
                return range(format!("pin[{at}].to"), "no earlier than from");
            }
        }
        for (list, boosts) in [("boost", &self.boost), ("bury", &self.bury)] {
            for (at, boost) in boosts.iter().enumerate() {
                if !(boost.by > 0.0 && boost.by <= MOST_BOOST) {
                    return range(format!("{list}[{at}].by"), "above 0 and at most 0.5");
                }
                if boost.r#if.is_some() == boost.field.is_some() {
                    return range(format!("{list}[{at}]"), "one of if and field");
                }
            }
        }
        if self.diversity.mmr_lambda.is_some_and(|lambda| !(0.0..=1.0).contains(&lambda)) {
            return range("diversity.mmr_lambda".to_owned(), "0 to 1");
        }
        if [self.diversity.max_per_brand, self.diversity.max_per_category].contains(&Some(0)) {
            return range("diversity".to_owned(), "at least 1 per brand and category");
        }
        if self.rotation.as_ref().is_some_and(|rotation| !(0.0..=1.0).contains(&rotation.rate)) {
            return range("rotation.rate".to_owned(), "0 to 1");
        }
        if !(0.0..=1.0).contains(&self.min_score) {
            return range("min_score".to_owned(), "0 to 1");
        }
        Ok(())
    }
}

/// Written as text, read by [`TryFrom`].
#[cfg(feature = "schema")]
macro_rules! schema_of_text {
    ($($kind:ty: $about:literal,)+) => {
        $(impl schemars::JsonSchema for $kind {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($kind).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "description": $about })
            }
        })+
    };
}

#[cfg(feature = "schema")]
schema_of_text! {
    Condition: "True or false of an item, for example: price <= 2 * seed.price and not ('outlet' in tags)",
    Amount: "A number of an item, for example: boost / 2",
    Day: "A day, for example 2026-11-01",
    Always: "in_stock, not_in_cart, not_dismissed, unique_on_page, one_per_group or not_recently_bought:30d",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_design_is_read() {
        let rules = Rules::parse(include_str!("example.json")).unwrap();
        let (placement, experiment) = rules.placement("pdp-related", 60);
        let placement = placement.unwrap();
        assert_eq!((placement.pin.len(), placement.boost.len(), experiment), (1, 2, None));
        assert_eq!(rules.always.len(), 6);
        assert_eq!(rules.placement("pdp-related", 10).1, Some("calm-related"));
        assert_eq!(rules.placement("elsewhere", 10), (None, None));
    }

    #[test]
    fn each_mistake_is_named_with_its_place() {
        let message = |placement: &str| {
            let text = format!("{{\"version\": 1,\n \"placements\": {{\"home\": {placement}}}}}");
            Rules::parse(&text).unwrap_err().to_string()
        };
        assert!(message(r#"{"filtre": "true"}"#).contains("unknown field `filtre`"));
        let twice = message(r#"{}, "home": {"filter": "price < 3"}"#);
        assert!(twice.contains("\"home\" stands there twice") && twice.contains("line 2"), "{twice}");
        let unknown = message(r#"{"filter": "prize < 3"}"#);
        assert!(
            unknown.contains("\"prize < 3\" cannot stand here") && unknown.contains("line 2"),
            "{unknown}"
        );
        assert!(message(r#"{"filter": "price"}"#).contains("true or false is wanted here"));
        assert!(message(r#"{"boost": [{"field": "brand", "by": 0.1}]}"#).contains("a number is wanted here"));
        assert_eq!(
            message(r#"{"boost": [{"if": "true", "by": 0.6}]}"#),
            "placements.home.boost[0].by must be above 0 and at most 0.5"
        );
        assert_eq!(
            message(r#"{"bury": [{"by": 0.5}]}"#),
            "placements.home.bury[0] must be one of if and field"
        );
        assert_eq!(
            message(r#"{"pin": [{"item": "a", "pos": 0}]}"#),
            "placements.home.pin[0].pos must be 1 to 100"
        );
        assert!(message(r#"{"pin": [{"item": "a", "pos": 1, "from": "2026-02-30"}]}"#).contains("no day"));
        assert_eq!(
            message(r#"{"pin": [{"item": "a", "pos": 1, "from": "2026-03-02", "to": "2026-03-01"}]}"#),
            "placements.home.pin[0].to must be no earlier than from"
        );
        assert_eq!(message(r#"{"min_score": 2}"#), "placements.home.min_score must be 0 to 1");
        assert_eq!(
            message(r#"{"diversity": {"mmr_lambda": -1}}"#),
            "placements.home.diversity.mmr_lambda must be 0 to 1"
        );
        assert_eq!(
            message(r#"{"rotation": {"rate": 1.5, "seconds": 1}}"#),
            "placements.home.rotation.rate must be 0 to 1"
        );
        assert_eq!(Rules::parse(r#"{"version": 2}"#), Err(RulesError::Version { got: 2 }));
        assert!(
            Rules::parse(r#"{"version": 1, "always": ["bought:3d"]}"#)
                .unwrap_err()
                .to_string()
                .contains("none of in_stock")
        );
        let unknown = r#"{"version": 1, "experiments": {"x": {"placement": "a", "uses": "b", "share": 5}}}"#;
        assert_eq!(
            Rules::parse(unknown).unwrap_err().to_string(),
            "experiments.x uses placement \"b\", which the rules lack"
        );
    }

    #[test]
    fn experiments_of_one_placement_share_its_visitors() {
        let rules = |second: u8| {
            Rules::parse(&format!(
                r#"{{"version": 1, "placements": {{"home": {{}}, "a": {{}}, "b": {{}}}}, "experiments": {{
                    "one": {{"placement": "home", "uses": "a", "share": 30}},
                    "two": {{"placement": "home", "uses": "b", "share": {second}}},
                    "other": {{"placement": "cart", "uses": "a", "share": 90}}}}}}"#
            ))
        };
        let rules_of_both = rules(50).unwrap();
        let told = [0, 29, 30, 79, 80, 99].map(|bucket| rules_of_both.placement("home", bucket).1);
        assert_eq!(told, [Some("one"), Some("one"), Some("two"), Some("two"), None, None]);
        let error = rules(71).unwrap_err().to_string();
        assert!(error.contains("experiments.two.share must be at most 100"), "{error}");
    }

    #[test]
    fn a_pin_holds_from_its_first_to_the_end_of_its_last_day() {
        let pin: Pin =
            serde_json::from_str(r#"{"item": "a", "pos": 1, "from": "2026-11-01", "to": "2026-11-14"}"#)
                .unwrap();
        // date -u -d 2026-11-01 +%s
        let first_ms = 1_793_491_200_000;
        let holds = |at_ms: i64| pin.holds(at_ms);
        assert!(!holds(first_ms - 1) && holds(first_ms));
        assert!(holds(first_ms + 14 * DAY_MS - 1) && !holds(first_ms + 14 * DAY_MS));
    }
}
