//! Do the signals contradict themselves? Ranges, the order of the funnel, and names that must exist.

use std::collections::BTreeMap;

use super::{SignalsConfig, rules::Rule};

/// Which rule a set of signals breaks; `key` is where, as in `events.cart_add.p`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SignalsError {
    Version {
        got: u32,
    },
    Range {
        key: String,
        got: f32,
        least: f32,
        most: f32,
    },
    /// A pair of values of which the first must lie below the second.
    Order {
        key: String,
        low: f32,
        high: f32,
    },
    /// A cap or floor between zero and what it limits, or on the other side of zero.
    Cap {
        key: String,
        limit: f32,
        step: f32,
    },
    /// Two bonuses of one group with different caps.
    GroupCaps {
        key: String,
        other: String,
        got: f32,
        expected: f32,
    },
    /// `bounce` with a rule of another kind, or a bounce rule under another name.
    Bounce {
        key: String,
    },
    Funnel {
        key: String,
        got: f32,
        lower: String,
        lower_p: f32,
    },
    UnknownEvent {
        key: String,
        name: String,
        /// None where no event has a name like it.
        nearest: Option<String>,
    },
    AliasOfEvent {
        key: String,
        name: String,
    },
}

impl SignalsError {
    /// The key that is wrong, from the top of the file, then the one that it contradicts.
    #[must_use]
    pub fn keys(&self) -> Vec<&str> {
        match self {
            Self::Version { .. } => vec!["version"],
            Self::GroupCaps { key, other, .. } => vec![key, other],
            Self::Funnel { key, lower, .. } => vec![key, lower],
            Self::Range { key, .. }
            | Self::Order { key, .. }
            | Self::Cap { key, .. }
            | Self::Bounce { key }
            | Self::UnknownEvent { key, .. }
            | Self::AliasOfEvent { key, .. } => vec![key],
        }
    }
}

impl std::fmt::Display for SignalsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Version { got } => write!(f, "version {got} of the signals, this build knows version 1"),
            Self::Range { key, got, least, most } => {
                write!(f, "{key} is {got}, it lies between {least} and {most}")
            }
            Self::Order { key, low, high } => write!(f, "{key}: {low} must lie below {high}"),
            Self::Cap { key, limit, step } => {
                write!(f, "{key} is {limit}: it has the sign of {step} and is at least as far from 0")
            }
            Self::GroupCaps { key, other, got, expected } => {
                write!(f, "{key} is {got}, but {other} of the same group is {expected}")
            }
            Self::Bounce { key } => {
                write!(f, "{key}: `bounce`, and nothing else, has p and below_s (or neutral = true)")
            }
            Self::Funnel { key, got, lower, lower_p } => write!(
                f,
                "{key} is {got}, below {lower} with {lower_p}: \
                 view ≤ wishlist_add ≤ cart_add ≤ checkout ≤ purchase"
            ),
            Self::UnknownEvent { key, name, nearest } => {
                write!(f, "{key}: {name:?} is no event")?;
                match nearest {
                    Some(nearest) => write!(f, "; did you mean {nearest:?}?"),
                    None => Ok(()),
                }
            }
            Self::AliasOfEvent { key, name } => {
                write!(f, "{key}: {name:?} is an event of its own; give it a rule in [events] instead")
            }
        }
    }
}

impl std::error::Error for SignalsError {}

/// The stages of a purchase, in the order in which they cannot weigh less.
const FUNNEL: [&str; 5] = ["view", "wishlist_add", "cart_add", "checkout", "purchase"];
/// Longest session gap: a week.
const GAP_MINUTES: f32 = 7.0 * 24.0 * 60.0;
/// Longest time on a scale, in seconds.
const DAY_S: f32 = 86_400.0;
/// The smallest number that a logarithmic scale may begin with.
const SMALLEST: f32 = 1e-6;

impl SignalsConfig {
    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// The first broken rule, in the order of the file's parts.
    ///
    /// # Example
    /// ```
    /// use shared::signals::SignalsConfig;
    /// let text = r#"{"events": {"cart_add": {"p": 0.5}}}"#;
    /// let signals: SignalsConfig = serde_json::from_str(text)?;
    /// let error = signals.validate().unwrap_err().to_string();
    /// assert!(error.contains("cart_add") && error.contains("wishlist_add"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn validate(&self) -> Result<(), SignalsError> {
        if self.version != 1 {
            return Err(SignalsError::Version { got: self.version });
        }
        range("session_gap_minutes", self.session_gap_minutes as f32, 1.0, GAP_MINUTES)?;
        range("clamp", self.clamp[0], -1.0, 0.0)?;
        range("clamp", self.clamp[1], 0.0, 1.0)?;
        order("clamp", self.clamp[0], self.clamp[1])?;
        let mut group_caps = BTreeMap::new();
        for (name, rule) in &self.events {
            let key = format!("events.{name}");
            if !matches!(rule, Rule::Neutral(_)) && matches!(rule, Rule::Bounce(_)) != (name == "bounce") {
                return Err(SignalsError::Bounce { key });
            }
            self.check_rule(&key, rule)?;
            if let Rule::Bonus(bonus) = rule
                && let Some(group) = &bonus.group
            {
                let (other, expected) = group_caps.entry(group).or_insert_with(|| (name.clone(), bonus.cap));
                if *expected != bonus.cap {
                    let (other, expected) = (format!("events.{other}.cap"), *expected);
                    return Err(SignalsError::GroupCaps {
                        key: format!("{key}.cap"),
                        other,
                        got: bonus.cap,
                        expected,
                    });
                }
            }
        }
        self.check_funnel()?;
        for (alias, name) in &self.aliases {
            let key = format!("aliases.{alias}");
            self.known(&key, name)?;
            if self.events.contains_key(alias) {
                return Err(SignalsError::AliasOfEvent { key, name: alias.clone() });
            }
        }
        Ok(())
    }

    fn check_rule(&self, key: &str, rule: &Rule) -> Result<(), SignalsError> {
        let at = |field: &str| format!("{key}.{field}");
        match rule {
            Rule::Neutral(_) => Ok(()),
            Rule::Fixed(fixed) => {
                intensity(&at("p"), fixed.p)?;
                range(&at("per_doubling"), fixed.per_doubling, 0.0, 1.0)
            }
            Rule::Bonus(bonus) => {
                intensity(&at("add"), bonus.add)?;
                intensity(&at("cap"), bonus.cap)?;
                cap(&at("cap"), bonus.cap, bonus.add)
            }
            Rule::Dwell(dwell) => {
                intensity(&at("from"), dwell.from)?;
                intensity(&at("to"), dwell.to)?;
                log_scale(&at("t50_s"), dwell.t50_s, dwell.t90_s, DAY_S)?;
                dwell.categories.iter().try_for_each(|(category, times)| {
                    log_scale(&at(&format!("categories.{category}.t50_s")), times.t50_s, times.t90_s, DAY_S)
                })
            }
            Rule::Bounce(bounce) => {
                intensity(&at("p"), bounce.p)?;
                range(&at("below_s"), bounce.below_s, 0.0, DAY_S)
            }
            Rule::Impression(impression) => {
                range(&at("p"), impression.p, -1.0, 0.0)?;
                range(&at("floor"), impression.floor, -1.0, 0.0)?;
                cap(&at("floor"), impression.floor, impression.p)
            }
            Rule::Undo(undo) => {
                intensity(&at("p"), undo.p)?;
                self.known(&at("undoes"), &undo.undoes)?;
                undo.unless.iter().try_for_each(|name| self.known(&at("unless"), name))
            }
            Rule::Verdict(verdict) => {
                intensity(&at("p"), verdict.p)?;
                range(&at("filter_days"), verdict.filter_days.unwrap_or(0) as f32, 0.0, 3650.0)?;
                let mut reasons = verdict.reasons.iter();
                reasons.try_for_each(|(reason, p)| intensity(&at(&format!("reasons.{reason}")), *p))
            }
            Rule::Rate(rate) => {
                range(&at("min"), rate.min, -1e6, 1e6)?;
                range(&at("max"), rate.max, -1e6, 1e6)?;
                order(&at("min"), rate.min, rate.max)
            }
            Rule::Scale(scale) => {
                intensity(&at("from"), scale.from)?;
                intensity(&at("to"), scale.to)?;
                log_scale(&at("low"), scale.low, scale.high, 1e12)
            }
        }
    }

    /// Stages that the shop gave a rule of another kind are left out of the comparison.
    fn check_funnel(&self) -> Result<(), SignalsError> {
        let stages = FUNNEL.iter().filter_map(|&name| match self.events.get(name) {
            Some(Rule::Fixed(fixed)) => Some((name, fixed.p)),
            _ => None,
        });
        let mut before: Option<(&str, f32)> = None;
        for (name, p) in stages {
            if let Some((lower, lower_p)) = before
                && p < lower_p
            {
                let (key, lower) = (format!("events.{name}.p"), format!("events.{lower}.p"));
                return Err(SignalsError::Funnel { key, got: p, lower, lower_p });
            }
            before = Some((name, p));
        }
        Ok(())
    }

    fn known(&self, key: &str, name: &str) -> Result<(), SignalsError> {
        if self.events.contains_key(name) {
            return Ok(());
        }
        let nearest = nearest(name, self.events.keys().map(String::as_str)).map(str::to_owned);
        Err(SignalsError::UnknownEvent { key: key.to_owned(), name: name.to_owned(), nearest })
    }
}

fn intensity(key: &str, p: f32) -> Result<(), SignalsError> {
    range(key, p, -1.0, 1.0)
}

fn range(key: &str, got: f32, least: f32, most: f32) -> Result<(), SignalsError> {
    // A value that is not a number lies in no range.
    if (least..=most).contains(&got) {
        return Ok(());
    }
    Err(SignalsError::Range { key: key.to_owned(), got, least, most })
}

fn order(key: &str, low: f32, high: f32) -> Result<(), SignalsError> {
    if low < high {
        return Ok(());
    }
    Err(SignalsError::Order { key: key.to_owned(), low, high })
}

fn log_scale(key: &str, low: f32, high: f32, most: f32) -> Result<(), SignalsError> {
    range(key, low, SMALLEST, most)?;
    range(key, high, SMALLEST, most)?;
    order(key, low, high)
}

fn cap(key: &str, limit: f32, step: f32) -> Result<(), SignalsError> {
    if limit * step >= 0.0 && limit.abs() >= step.abs() {
        return Ok(());
    }
    Err(SignalsError::Cap { key: key.to_owned(), limit, step })
}

/// The name with the fewest letters to change; the first of several. `None` when none is near: with more than half of
/// the letters changed, any word is any other.
#[must_use]
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let best = names.map(|candidate| (changes(name, candidate), candidate)).min_by_key(|(count, _)| *count);
    let is_near =
        |(count, candidate): &(usize, &str)| count * 2 <= name.chars().count().max(candidate.chars().count());
    best.filter(is_near).map(|(_, candidate)| candidate)
}

/// Letters to insert, delete or replace (Levenshtein), regardless of case.
fn changes(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.to_lowercase().chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signals(text: &str) -> SignalsConfig {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn the_signal_table_is_sound() {
        SignalsConfig::default().validate().unwrap();
        assert_eq!(SignalsConfig::default().filter_days(), BTreeMap::from([("dismiss", 90)]));
    }

    #[test]
    fn every_broken_rule_is_named() {
        // What is wrong, where, and a word of the message.
        let rows = [
            (r#"{"version": 2}"#, "version", "version 2"),
            (r#"{"session_gap_minutes": 0}"#, "session_gap_minutes", "between 1 and 10080"),
            (r#"{"clamp": [-2.0, 1.0]}"#, "clamp", "-2"),
            (r#"{"clamp": [0.0, 0.0]}"#, "clamp", "below"),
            (r#"{"events": {"view": {"p": 1.5}}}"#, "events.view.p", "between -1 and 1"),
            (r#"{"events": {"zoom": {"add": 0.1, "cap": 0.05}}}"#, "events.zoom.cap", "0.1"),
            (r#"{"events": {"zoom": {"add": 0.1, "cap": -0.2}}}"#, "events.zoom.cap", "sign"),
            (
                r#"{"events": {"zoom": {"add": 0.1, "cap": 0.3, "group": "attention"}}}"#,
                "events.zoom.cap",
                "events.review.cap",
            ),
            (r#"{"events": {"bounce": {"p": -0.1}}}"#, "events.bounce", "below_s"),
            (r#"{"events": {"glance": {"p": -0.1, "below_s": 2}}}"#, "events.glance", "bounce"),
            (r#"{"events": {"dwell": {"t50_s": 90, "t90_s": 15}}}"#, "events.dwell.t50_s", "below 15"),
            (
                r#"{"events": {"dwell": {"categories": {"Coats": {"t50_s": 0, "t90_s": 15}}}}}"#,
                "events.dwell.categories.Coats.t50_s",
                "0",
            ),
            (r#"{"events": {"impression": {"p": 0.1, "floor": 0.2}}}"#, "events.impression.p", "0.1"),
            (r#"{"events": {"rate": {"min": 5, "max": 1}}}"#, "events.rate.min", "below 1"),
            (
                r#"{"events": {"return": {"p": -0.6, "reasons": {"size": -3}}}}"#,
                "events.return.reasons.size",
                "-3",
            ),
            (
                r#"{"events": {"cart_remove": {"p": -0.3, "undoes": "cart_ad"}}}"#,
                "events.cart_remove.undoes",
                "\"cart_add\"",
            ),
            (
                r#"{"events": {"stay": {"field": "dwell_ms", "low": 9, "high": 9, "from": 0, "to": 1}}}"#,
                "events.stay.low",
                "below 9",
            ),
            (r#"{"events": {"checkout": {"p": 0.65}}}"#, "events.checkout.p", "events.cart_add.p with 0.7"),
            (r#"{"aliases": {"Seen": "veiw"}}"#, "aliases.Seen", "\"view\""),
            (r#"{"aliases": {"click": "view"}}"#, "aliases.click", "of its own"),
        ];
        for (text, key, word) in rows {
            let error = signals(text).validate().unwrap_err();
            assert_eq!(error.keys()[0], key, "{text}");
            assert!(error.to_string().contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn a_wrong_key_of_a_rule_is_named() {
        let rows = [
            (r#"{"zoom": {"add": 0.1}}"#, "missing field `cap`"),
            (r#"{"view": {"q": 0.1}}"#, "unknown field `q`"),
            (r#"{"view": {"p": 0.1, "cap": 0.3}}"#, "unknown field `p`, expected one of `add`"),
            (r#"{"return": {"p": -0.6, "reason": {}}}"#, "unknown field `reason`"),
        ];
        for (events, word) in rows {
            let text = format!(r#"{{"events": {events}}}"#);
            let error = serde_json::from_str::<SignalsConfig>(&text).unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
        assert!(serde_json::from_str::<SignalsConfig>(r#"{"event": {}}"#).is_err());
    }

    #[test]
    fn an_entry_replaces_its_default_and_the_others_stay() {
        let signals = signals(r#"{"events": {"cart_add": {"p": 0.75}}, "aliases": {"Basket": "cart_add"}}"#);
        signals.validate().unwrap();
        let default = SignalsConfig::default();
        assert_eq!(signals.events.len(), default.events.len());
        assert_eq!(signals.events["view"], default.events["view"]);
        assert_ne!(signals.events["cart_add"], default.events["cart_add"]);
        assert_eq!(signals.aliases.len(), default.aliases.len() + 1);
        // What a manifest holds comes back the same.
        let text = serde_json::to_string(&signals).unwrap();
        assert_eq!(serde_json::from_str::<SignalsConfig>(&text).unwrap(), signals);
    }

    /// By hand: cart_ad → cart_add one letter, veiw → view two.
    #[test]
    fn letters_are_counted() {
        for (a, b, expected) in [
            ("cart_ad", "cart_add", 1),
            ("veiw", "view", 2),
            ("", "abc", 3),
            ("View", "view", 0),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(changes(a, b), expected, "{a} {b}");
        }
        assert_eq!(nearest("whishlist", ["view", "wishlist_add"].into_iter()), Some("wishlist_add"));
        assert_eq!(nearest("x", [].into_iter()), None);
        assert_eq!(nearest("buy", ["add", "view"].into_iter()), None);
    }
}
