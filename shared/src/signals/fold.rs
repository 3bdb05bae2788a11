//! How does a visitor's log become a history? Sessions by time, one interaction per item and session.

use std::collections::{BTreeMap, HashMap};

use super::SignalsConfig;
use crate::{
    catalog::Catalog,
    interaction::{Event, History, Interaction},
};

/// What a log held that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoldReport {
    /// Events of items that the catalogue lacks.
    pub unknown_items: usize,
    /// Events whose type is neither in the signals' events nor an alias, counted by name.
    pub unknown_types: BTreeMap<String, usize>,
}

impl History {
    /// Folds a visitor's events, in whatever order they come: the events of one item within one session become one
    /// interaction, at the time of the first of them. A session ends when nothing happens for longer than the gap.
    ///
    /// An item that was merely on the screen was not met and has no interaction. An item that was looked at in an
    /// earlier session is revisited; a return in a later session is an interaction of its own. Events of one moment
    /// have the order of [`Event::order`]. What cannot be read is counted, not kept.
    #[must_use]
    pub fn from_events(events: &[Event], catalog: &Catalog, signals: &SignalsConfig) -> (Self, FoldReport) {
        let mut order: Vec<&Event> = events.iter().collect();
        order.sort_unstable_by(|a, b| a.order(b));
        let mut report = FoldReport::default();
        let mut interactions = Vec::new();
        let mut visits: HashMap<usize, usize> = HashMap::new();
        let gap_ms = signals.session_gap_ms();
        for session in order.chunk_by(|event, next| next.ts.saturating_sub(event.ts) <= gap_ms) {
            // The items of the session in the order in which they were met first.
            let mut items: Vec<(usize, Vec<&Event>)> = Vec::new();
            let mut places: HashMap<usize, usize> = HashMap::new();
            for &event in session {
                let is_known = signals.rule(&event.kind).is_some();
                if !is_known {
                    *report.unknown_types.entry(event.kind.name().to_owned()).or_default() += 1;
                }
                let Some(item) = catalog.index(&event.item) else {
                    report.unknown_items += 1;
                    continue;
                };
                if is_known {
                    let place = *places.entry(item).or_insert_with(|| {
                        items.push((item, Vec::new()));
                        items.len() - 1
                    });
                    items[place].1.push(event);
                }
            }
            for (item, events) in items {
                let earlier = visits.entry(item).or_default();
                let category = catalog.items()[item].category.first().map(String::as_str);
                let reading = signals.read(&events, category, *earlier);
                *earlier += usize::from(reading.is_visited);
                if reading.is_met {
                    interactions.push(Interaction {
                        item,
                        intensity: reading.intensity,
                        time_ms: events[0].ts,
                    });
                }
            }
        }
        (Self::new(interactions), report)
    }
}
