//! What did one visitor do, and when? Raw events, and the time-ordered history folded from them.
//!
//! How strongly an event speaks for an item is decided in [`crate::preference`], not here.

use serde::{Deserialize, Serialize};

use crate::{catalog::Catalog, preference};

/// Events further apart than this belong to different sessions (30 minutes).
pub const SESSION_GAP_MS: i64 = 30 * 60 * 1000;

/// What happened, in the words of the canonical event line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    Impression,
    Click,
    View,
    Dwell,
    Zoom,
    Share,
    WishlistAdd,
    WishlistRemove,
    CartAdd,
    CartRemove,
    Checkout,
    Purchase,
    Return,
    Rate,
    Dismiss,
    Revisit,
}

/// One line of an event log: the recorder in the browser writes it, the trainer reads it as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Id of the item in the catalogue.
    pub item: String,
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// Milliseconds since 1970-01-01 UTC.
    pub ts: i64,
    /// Active dwell in milliseconds, for `dwell`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dwell_ms: Option<i64>,
    /// Number of pieces, for `cart_add` and `purchase`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qty: Option<u32>,
    /// Stars from 1 to 5, for `rate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<f32>,
    /// Why an item came back, for `return`: `size`, `late`, `defect` or `dislike`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One item met once: what the model sees as one position.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interaction {
    /// Position of the item in the catalogue.
    pub item: usize,
    /// Signed intensity in [-1, 1]; 0 is neutral.
    pub intensity: f32,
    /// Milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
}

/// A visitor's interactions, oldest first; ties keep the order in which they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    interactions: Vec<Interaction>,
}

impl History {
    /// Sorts by time. Intensities are clamped to [-1, 1]; one that is not a number becomes neutral.
    #[must_use]
    pub fn new(mut interactions: Vec<Interaction>) -> Self {
        for interaction in &mut interactions {
            interaction.intensity =
                if interaction.intensity.is_nan() { 0.0 } else { interaction.intensity.clamp(-1.0, 1.0) };
        }
        interactions.sort_by_key(|interaction| interaction.time_ms);
        Self { interactions }
    }

    /// Folds a visitor's events: the events of one item within one session become one interaction,
    /// at the time of the first of them. Events of items that the catalogue lacks are counted, not kept; an
    /// item that was merely on the screen (impressions alone) was not met and has no interaction.
    #[must_use]
    pub fn from_events(events: &[Event], catalog: &Catalog) -> (Self, usize) {
        let mut order: Vec<(i64, usize)> =
            events.iter().enumerate().map(|(i, event)| (event.ts, i)).collect();
        order.sort_unstable();
        let mut unknown = 0;
        let mut interactions = Vec::new();
        // One entry per item in the running session: its first time and its events so far.
        let mut session: Vec<(usize, i64, Vec<&Event>)> = Vec::new();
        let mut previous_ms = i64::MIN;
        for (time_ms, position) in order {
            if time_ms.saturating_sub(previous_ms) > SESSION_GAP_MS {
                close(&mut session, &mut interactions);
            }
            previous_ms = time_ms;
            let event = &events[position];
            let Some(item) = catalog.index(&event.item) else {
                unknown += 1;
                continue;
            };
            match session.iter_mut().find(|(known, ..)| *known == item) {
                Some((_, _, of_item)) => of_item.push(event),
                None => session.push((item, time_ms, vec![event])),
            }
        }
        close(&mut session, &mut interactions);
        (Self::new(interactions), unknown)
    }

    #[must_use]
    pub fn interactions(&self) -> &[Interaction] {
        &self.interactions
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.interactions.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.interactions.is_empty()
    }

    /// The newest `count` interactions.
    #[must_use]
    pub fn last(&self, count: usize) -> &[Interaction] {
        &self.interactions[self.interactions.len().saturating_sub(count)..]
    }
}

fn close(session: &mut Vec<(usize, i64, Vec<&Event>)>, interactions: &mut Vec<Interaction>) {
    for (item, time_ms, events) in session.drain(..) {
        if events.iter().all(|event| event.kind == EventKind::Impression) {
            continue;
        }
        let intensity = preference::intensity_from_events(&events);
        interactions.push(Interaction { item, intensity, time_ms });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Item;

    fn catalog() -> Catalog {
        let item = |id: &str| Item { id: id.into(), title: id.into(), available: true, ..Item::default() };
        Catalog::new(vec![item("a"), item("b")]).unwrap()
    }

    fn event(item: &str, kind: EventKind, ts: i64) -> Event {
        Event { item: item.into(), kind, ts, dwell_ms: None, qty: None, rating: None, reason: None }
    }

    #[test]
    fn history_is_sorted_and_bounded() {
        let history = History::new(vec![
            Interaction { item: 1, intensity: 7.0, time_ms: 20 },
            Interaction { item: 0, intensity: f32::NAN, time_ms: 10 },
        ]);
        assert_eq!(history.interactions()[0].item, 0);
        assert_eq!(history.interactions()[0].intensity, 0.0);
        assert_eq!(history.interactions()[1].intensity, 1.0);
        assert_eq!(history.last(1)[0].item, 1);
    }

    #[test]
    fn events_of_one_item_in_one_session_become_one_interaction() {
        let events = [
            event("a", EventKind::View, 0),
            event("b", EventKind::View, 1_000),
            event("a", EventKind::CartAdd, 2_000),
            event("a", EventKind::View, 2_000 + SESSION_GAP_MS + 1),
            event("gone", EventKind::View, 5),
            event("b", EventKind::Impression, 90 * SESSION_GAP_MS),
        ];
        let (history, unknown) = History::from_events(&events, &catalog());
        assert_eq!(unknown, 1);
        let items: Vec<usize> = history.interactions().iter().map(|i| i.item).collect();
        assert_eq!(items, [0, 1, 0]);
        assert!((history.interactions()[0].intensity - 0.7).abs() < 1e-6);
        assert!((history.interactions()[2].intensity - 0.1).abs() < 1e-6);
    }

    #[test]
    fn a_gap_is_measured_from_the_last_event_of_the_session() {
        let events = [
            event("a", EventKind::View, 0),
            event("b", EventKind::View, SESSION_GAP_MS),
            event("a", EventKind::CartAdd, 2 * SESSION_GAP_MS),
        ];
        assert_eq!(History::from_events(&events, &catalog()).0.len(), 2);
    }
}
