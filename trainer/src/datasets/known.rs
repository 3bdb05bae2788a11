//! What was known of a visitor when an item was met first? Less than the whole log says of what came before it: the visitor
//! may have put something into the cart, or rated it, later in the same session.
//!
//! A history dates an item by its first event of a session and weighs it by all of them. That is what a browser knows once the
//! session is over; a question in the middle of it must not hear what came after.

use shared::{
    catalog::Catalog,
    interaction::{Event, History, Interaction},
    signals::SignalsConfig,
};

use crate::split;

/// What was known when an item was met first, where that is not what the history says before it: item and history.
pub type Known = Vec<(usize, Vec<Interaction>)>;

/// As many as questions may be asked about, and one more, for a catalogue that lacks the last.
const NEWEST: usize = 3;

/// Of the newest items that `history`, the fold of `events`, may be asked about.
#[must_use]
pub fn known(events: &[Event], history: &[Interaction], catalog: &Catalog, signals: &SignalsConfig) -> Known {
    let mut order: Vec<&Event> = events.iter().collect();
    order.sort_unstable_by(|a, b| a.order(b));
    let mut known = Known::new();
    for position in split::first_liked(history).take(NEWEST) {
        let target = history[position];
        let is_first =
            |event: &&Event| event.ts == target.time_ms && catalog.index(&event.item) == Some(target.item);
        let Some(first) = order.iter().position(is_first) else { continue };
        let before: Vec<Event> = order[..first].iter().map(|&event| event.clone()).collect();
        let (then, _) = History::from_events(&before, catalog, signals);
        if then.interactions() != &history[..position] {
            known.push((target.item, then.interactions().to_vec()));
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use shared::{catalog::Item, interaction::EventKind};

    use super::*;

    #[test]
    fn what_comes_later_in_the_session_is_not_known_yet() {
        let item = |id: &str| Item { id: id.to_owned(), title: id.to_owned(), ..Item::default() };
        let catalog = Catalog::new(["a", "b", "c"].map(item).to_vec()).unwrap();
        let signals = SignalsConfig::default();
        let day_ms = 86_400_000;
        let at = |item: &str, kind: EventKind, ts: i64| Event::new(item, kind, ts);
        let events = [
            at("c", EventKind::Purchase, 0),
            at("a", EventKind::View, day_ms),
            at("b", EventKind::CartAdd, day_ms + 1000),
            at("a", EventKind::Purchase, day_ms + 2000),
        ];
        let fold =
            |events: &[Event]| History::from_events(events, &catalog, &signals).0.interactions().to_vec();
        let history = fold(&events);
        let known = known(&events, &history, &catalog, &signals);
        // When a was met nothing more was known than the history says; when b was, a had only been looked at.
        assert_eq!(known, [(1, fold(&events[..2]))]);
        assert!(known[0].1[1].intensity < history[1].intensity);
    }
}
