//! What do the events of one item in one session say? The arithmetic from events to one signed intensity.

use std::collections::BTreeMap;

use super::{Aggregation, SignalsConfig, rules::Rule};
use crate::{interaction::Event, preference::intensity_from_rating};

/// What the events of one item in one session say about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// Signed intensity within the configured bounds.
    pub intensity: f32,
    /// False when the item was merely on the screen (impressions and neutral events alone).
    pub is_met: bool,
    /// Whether the item was looked at: what a later session revisits.
    pub is_visited: bool,
}

/// An event with our name for it and its meaning.
type Known<'a> = (&'a str, &'a Rule, &'a Event);

impl SignalsConfig {
    /// Reads the events of one item in one session, in [`Event::order`]; names that are not known are skipped.
    ///
    /// `category` is the item's first; `earlier_visits` counts the sessions before this one in which the item was
    /// looked at. What decides, first rule first:
    /// 1. the newest rating that overrides;
    /// 2. the first verdict (return, cancelled order, dismissal);
    /// 3. the lowest of what was taken back and not done again (wish list, cart);
    /// 4. impressions alone;
    /// 5. a bounce: the longest dwell is very short, nothing but looking was done, now and before;
    /// 6. stages by the aggregation, plus bonuses up to their caps, plus what speaks against the item.
    ///
    /// Later sessions never change an earlier one: an intensity says what could be known when its session ended.
    ///
    /// # Example
    /// ```
    /// use shared::{interaction::{Event, EventKind}, signals::SignalsConfig};
    /// let (view, add) = (Event::new("p1", EventKind::View, 0), Event::new("p1", EventKind::CartAdd, 1));
    /// assert_eq!(SignalsConfig::default().read(&[&view, &add], None, 0).intensity, 0.7);
    /// ```
    #[must_use]
    pub fn read(&self, events: &[&Event], category: Option<&str>, earlier_visits: usize) -> Reading {
        let known: Vec<Known> = events
            .iter()
            .filter_map(|&event| self.rule(&event.kind).map(|(name, rule)| (name, rule, event)))
            // A rating without stars is no rating.
            .filter(|(_, rule, event)| !matches!(rule, Rule::Rate(_)) || is_number(event.rating))
            .collect();
        let is_met = known.iter().any(|(_, rule, _)| !matches!(rule, Rule::Impression(_) | Rule::Neutral(_)));
        let is_visited = known.iter().any(|(name, rule, _)| {
            is_look(name) || matches!(rule, Rule::Dwell(_) | Rule::Bonus(_) | Rule::Scale(_))
        });
        let visits = if is_visited { earlier_visits } else { 0 };
        let intensity = decided(&known)
            .or_else(|| taken_back(&known))
            .or_else(|| (!is_met).then(|| impressions(&known)))
            .or_else(|| self.bounced(&known, visits))
            .unwrap_or_else(|| self.added_up(&known, category, visits));
        // Unlike clamp(), max and min survive bounds that were never validated; adding zero turns -0 into 0.
        let intensity = intensity.max(self.clamp[0]).min(self.clamp[1]) + 0.0;
        Reading { intensity, is_met, is_visited }
    }

    fn bounced(&self, known: &[Known], visits: usize) -> Option<f32> {
        let Some(Rule::Bounce(bounce)) = self.events.get("bounce") else { return None };
        let only_looked = visits == 0
            && known.iter().all(|(name, rule, _)| {
                is_look(name) || matches!(rule, Rule::Dwell(_) | Rule::Impression(_) | Rule::Neutral(_))
            });
        let longest_ms = longest_dwell(known)?.1;
        (only_looked && longest_ms < (bounce.below_s * 1000.0) as i64).then_some(bounce.p)
    }

    fn added_up(&self, known: &[Known], category: Option<&str>, visits: usize) -> f32 {
        let mut stages: Vec<(&str, f32)> = Vec::new();
        let mut bonuses: BTreeMap<&str, (f32, f32)> = BTreeMap::new();
        let mut revisits = 0;
        for &(name, rule, event) in known {
            match rule {
                Rule::Fixed(fixed) => {
                    let pieces = event.qty.unwrap_or(1).max(1) as f32;
                    stages.push((name, fixed.p + fixed.per_doubling * pieces.log2()));
                }
                Rule::Scale(scale) => stages.push((name, scale.intensity(event))),
                Rule::Rate(_) => stages.extend(rated(rule, event).map(|p| (name, p))),
                Rule::Bonus(_) if name == REVISIT => revisits += 1,
                Rule::Bonus(bonus) => {
                    let group =
                        bonuses.entry(bonus.group.as_deref().unwrap_or(name)).or_insert((0.0, bonus.cap));
                    group.0 += bonus.add;
                }
                // What decides alone has decided already, or was done again; dwell comes below.
                Rule::Dwell(_) | Rule::Undo(_) | Rule::Verdict(_) => {}
                Rule::Bounce(_) | Rule::Impression(_) | Rule::Neutral(_) => {}
            }
        }
        if let Some((name, dwell_ms, dwell)) = longest_dwell(known) {
            stages.push((name, dwell.intensity(dwell_ms, category)));
        }
        // A recorder that reports revisits reports at most what the sessions say anyway: never both.
        let revisits = revisits.max(visits);
        if let Some(Rule::Bonus(bonus)) = self.events.get(REVISIT) {
            let group = bonuses.entry(bonus.group.as_deref().unwrap_or(REVISIT)).or_insert((0.0, bonus.cap));
            group.0 += bonus.add * revisits as f32;
        }
        let bonus: f32 =
            bonuses.values().map(|&(sum, cap)| if cap < 0.0 { sum.max(cap) } else { sum.min(cap) }).sum();
        let speaking_for = self.aggregation.of(stages.iter().copied().filter(|(_, p)| *p > 0.0));
        let against =
            self.aggregation.of(stages.iter().map(|&(name, p)| (name, -p)).filter(|(_, p)| *p > 0.0));
        speaking_for + bonus - against
    }
}

impl Aggregation {
    /// One number for the positive values of named events.
    fn of<'a>(self, values: impl Iterator<Item = (&'a str, f32)>) -> f32 {
        match self {
            Self::Max => values.map(|(_, p)| p).fold(0.0, f32::max),
            Self::Sum => values.map(|(_, p)| p).sum(),
            Self::LogSum => {
                let mut by_name: BTreeMap<&str, (f32, f32)> = BTreeMap::new();
                for (name, p) in values {
                    let (largest, count) = by_name.entry(name).or_default();
                    *largest = largest.max(p);
                    *count += 1.0;
                }
                by_name.values().map(|&(largest, count)| largest * (1.0 + count).log2()).sum()
            }
        }
    }
}

const REVISIT: &str = "revisit";

fn is_look(name: &str) -> bool {
    matches!(name, "click" | "view")
}

fn is_number(rating: Option<f32>) -> bool {
    rating.is_some_and(|rating| !rating.is_nan())
}

fn rated(rule: &Rule, event: &Event) -> Option<f32> {
    let (Rule::Rate(rate), Some(rating)) = (rule, event.rating) else { return None };
    Some(intensity_from_rating(rating - rate.min + 1.0, rate.max - rate.min + 1.0))
}

fn decided(known: &[Known]) -> Option<f32> {
    let newest_rating = known.iter().rev().find_map(|(_, rule, event)| match rule {
        Rule::Rate(rate) if rate.overrides => rated(rule, event),
        _ => None,
    });
    newest_rating.or_else(|| {
        known.iter().find_map(|(_, rule, event)| match rule {
            Rule::Verdict(verdict) => {
                let of_reason = event.reason.as_deref().and_then(|reason| verdict.reasons.get(reason));
                Some(*of_reason.unwrap_or(&verdict.p))
            }
            _ => None,
        })
    })
}

fn taken_back(known: &[Known]) -> Option<f32> {
    let has = |events: &[Known], wanted: &str| events.iter().any(|(name, ..)| *name == wanted);
    let open = known.iter().enumerate().filter_map(|(index, (_, rule, _))| match rule {
        Rule::Undo(undo) => {
            let is_redone =
                has(&known[index + 1..], &undo.undoes) || undo.unless.iter().any(|name| has(known, name));
            (!is_redone).then_some(undo.p)
        }
        _ => None,
    });
    open.reduce(f32::min)
}

fn impressions(known: &[Known]) -> f32 {
    let mut sum: f32 = 0.0;
    for (_, rule, _) in known {
        if let Rule::Impression(impression) = rule {
            sum = (sum + impression.p).max(impression.floor);
        }
    }
    sum
}

fn longest_dwell<'a>(known: &[Known<'a>]) -> Option<(&'a str, i64, &'a super::rules::Dwell)> {
    let dwells = known.iter().filter_map(|&(name, rule, event)| match rule {
        Rule::Dwell(dwell) => Some((name, event.dwell_ms?, dwell)),
        _ => None,
    });
    dwells.max_by_key(|&(_, dwell_ms, _)| dwell_ms)
}
