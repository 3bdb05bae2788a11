//! Why does this item stand in the list? The item of the visitor's own history that is most alike, or no reason at all.
//!
//! True by construction: a reason names what the visitor did and what both items share. What was returned, dismissed or
//! disliked is never named, and neither are categories that the shop keeps to itself.

use serde::Serialize;

use super::arrange::Scene;
use crate::{
    catalog::Item,
    interaction::{Event, EventKind},
    preference::LIKED,
};

/// Items that are less alike are no reason for each other.
pub(super) const ALIKE: f32 = 0.5;

/// What the visitor did with the item that a reason names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonKind {
    Viewed,
    Saved,
    Cart,
    Bought,
    Liked,
}

/// An item of the history, and what was done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    pub kind: ReasonKind,
    /// Position in the catalogue.
    pub item: usize,
}

/// The reason for `item`, if there is one that may be said.
#[must_use]
pub fn reason(scene: &Scene, never_named: &[String], item: usize) -> Option<Reason> {
    let items = scene.catalog.items();
    let is_sensitive = |item: &Item| item.category.iter().any(|category| never_named.contains(category));
    // An item that was met again is what became of it last; the page's own is being looked at.
    let met = scene.met.iter().enumerate().filter(|&(at, met)| {
        met.intensity > 0.0 && !scene.met[at + 1..].iter().any(|later| later.item == met.item)
    });
    let met = met.map(|(_, met)| (met.item, met.intensity, met.time_ms));
    let candidates = met.chain(scene.seed.map(|seed| (seed, 0.0, scene.now_ms)));
    let (best, intensity, likeness, _) = candidates
        .filter(|&(other, ..)| other != item && !is_sensitive(&items[other]))
        .map(|(other, intensity, time_ms)| (other, intensity, likeness(&items[item], &items[other]), time_ms))
        .max_by(|a, b| a.2.total_cmp(&b.2).then(a.3.cmp(&b.3)))?;
    if likeness < ALIKE || is_sensitive(&items[item]) {
        return None;
    }
    kind(scene, &items[best].id, intensity).map(|kind| Reason { kind, item: best })
}

/// The strongest thing done with an item that still holds; nothing when it was sent back or away.
fn kind(scene: &Scene, id: &str, intensity: f32) -> Option<ReasonKind> {
    let mut events: Vec<&Event> = scene.events.iter().filter(|event| event.item == id).collect();
    events.sort_by(|a, b| a.order(b));
    let (mut strongest, mut is_saved, mut is_in_cart) = (ReasonKind::Viewed, false, false);
    for event in events {
        match &event.kind {
            EventKind::Return | EventKind::Dismiss => return None,
            EventKind::Purchase => strongest = ReasonKind::Bought,
            EventKind::CartAdd | EventKind::Checkout => is_in_cart = true,
            EventKind::CartRemove => is_in_cart = false,
            EventKind::WishlistAdd => is_saved = true,
            EventKind::WishlistRemove => is_saved = false,
            // However many stars a shop gives.
            EventKind::Rate if intensity >= LIKED => strongest = ReasonKind::Liked,
            _ => {}
        }
    }
    let still = [(is_saved, ReasonKind::Saved), (is_in_cart, ReasonKind::Cart)];
    Some(still.into_iter().filter(|(holds, _)| *holds).map(|(_, kind)| kind).fold(strongest, Ord::max))
}

/// How much two items have in common, 0 to 1: categories, brand, attributes and price, as far as both have them.
#[must_use]
pub fn likeness(a: &Item, b: &Item) -> f32 {
    let (mut weight, mut sum) = (0.0, 0.0);
    let mut add = |of: f32, share: f32| {
        weight += of;
        sum += of * share;
    };
    if !a.category.is_empty() && !b.category.is_empty() {
        let common = distinct(&a.category).filter(|category| b.category.contains(category)).count();
        let all = distinct(&a.category).count() + distinct(&b.category).count() - common;
        add(0.5, common as f32 / all as f32);
    }
    if let (Some(a), Some(b)) = (&a.brand, &b.brand) {
        add(0.2, f32::from(u8::from(a == b)));
    }
    let shared = || a.attrs.iter().filter_map(|(name, value)| Some((value, b.attrs.get(name)?)));
    let names = shared().count();
    if names > 0 {
        add(0.2, shared().filter(|(a, b)| a == b).count() as f32 / names as f32);
    }
    if let (Some(of_a), Some(of_b)) = (a.price.filter(|price| *price > 0), b.price.filter(|price| *price > 0))
        && a.currency == b.currency
    {
        // Half of the price or twice of it is half alike.
        add(0.1, (of_a.min(of_b) as f64 / of_a.max(of_b) as f64) as f32);
    }
    if weight > 0.0 { sum / weight } else { 0.0 }
}

/// Each name once.
fn distinct(names: &[String]) -> impl Iterator<Item = &String> {
    names.iter().enumerate().filter(|(at, name)| !names[..*at].contains(name)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::Catalog,
        interaction::{Event, Interaction},
    };

    fn item(id: &str, kind: &str, brand: &str) -> Item {
        Item {
            id: id.into(),
            title: id.into(),
            brand: Some(brand.into()),
            category: vec!["Women".into(), kind.into()],
            ..Item::default()
        }
    }

    #[test]
    fn likeness_by_hand() {
        let (a, b) = (item("a", "Coats", "X"), item("b", "Coats", "Y"));
        assert!((likeness(&a, &a) - 1.0).abs() < 1e-6);
        // 0.5 of 0.7: the brand differs.
        assert!((likeness(&a, &b) - 0.5 / 0.7).abs() < 1e-6);
        // One of three categories and the brand: (0.5/3 + 0.2) / 0.7.
        assert!((likeness(&a, &item("c", "Hats", "X")) - (0.5 / 3.0 + 0.2) / 0.7).abs() < 1e-6);
        assert_eq!(likeness(&Item::default(), &a), 0.0);
        // A name that is given twice counts once, and prices in two currencies say nothing.
        let of = |names: &[&str]| Item {
            category: names.iter().map(ToString::to_string).collect(),
            ..Item::default()
        };
        let (twice, once) = (of(&["Coats", "Coats"]), of(&["Coats", "Hats"]));
        assert_eq!((likeness(&twice, &once), likeness(&once, &twice)), (0.5, 0.5));
        assert_eq!(likeness(&twice, &of(&["Coats"])), 1.0);
        let priced = |currency: &str, price| Item {
            currency: Some(currency.into()),
            price: Some(price),
            ..item("p", "Coats", "X")
        };
        assert!((likeness(&priced("EUR", 100), &priced("EUR", 50)) - 0.75 / 0.8).abs() < 1e-6);
        assert_eq!(likeness(&priced("EUR", 100), &priced("JPY", 9000)), 1.0);
    }

    #[test]
    fn a_reason_names_the_likest_and_never_what_came_back() {
        let catalog = Catalog::new(vec![
            item("coat", "Coats", "X"),
            item("coat2", "Coats", "Y"),
            item("hat", "Hats", "Z"),
            item("bra", "Intimates", "X"),
        ])
        .unwrap();
        let met = [(1, 0.4), (2, 0.9)].map(|(item, intensity)| Interaction { item, intensity, time_ms: 0 });
        let mut events =
            vec![Event::new("coat2", EventKind::CartAdd, 1), Event::new("coat2", EventKind::View, 2)];
        let why = |events: &[Event], never_named: &[String], item| {
            reason(&Scene { met: &met, events, ..Scene::of(&catalog, 0) }, never_named, item)
        };
        assert_eq!(why(&events, &[], 0), Some(Reason { kind: ReasonKind::Cart, item: 1 }));
        assert_eq!(why(&events, &["Coats".into()], 0), None);
        assert_eq!(why(&events, &[], 3), None, "nothing is alike");
        events.push(Event::new("coat2", EventKind::Return, 3));
        assert_eq!(why(&events, &[], 0), None);
        let disliked = [Interaction { item: 1, intensity: -0.1, time_ms: 0 }];
        assert_eq!(reason(&Scene { met: &disliked, ..Scene::of(&catalog, 0) }, &[], 0), None);
        // What became of it last counts, and what was taken out of the cart is in it no more.
        let turned = [(1, 0.4, 0), (1, -1.0, 9)].map(|(item, intensity, time_ms)| Interaction {
            item,
            intensity,
            time_ms,
        });
        assert_eq!(reason(&Scene { met: &turned, ..Scene::of(&catalog, 0) }, &[], 0), None);
        let removed = [EventKind::CartAdd, EventKind::View, EventKind::CartRemove];
        let removed: Vec<Event> =
            (1..).zip(removed).map(|(ts, kind)| Event::new("coat2", kind, ts)).collect();
        assert_eq!(why(&removed, &[], 0), Some(Reason { kind: ReasonKind::Viewed, item: 1 }));
        let rated = [Event::new("coat2", EventKind::Rate, 1)];
        for (intensity, kind) in [(0.5, ReasonKind::Liked), (0.1, ReasonKind::Viewed)] {
            let met = [Interaction { item: 1, intensity, time_ms: 0 }];
            let scene = Scene { met: &met, events: &rated, ..Scene::of(&catalog, 0) };
            assert_eq!(reason(&scene, &[], 0), Some(Reason { kind, item: 1 }));
        }
        let on_page = Scene { seed: Some(1), ..Scene::of(&catalog, 0) };
        assert_eq!(reason(&on_page, &[], 0), Some(Reason { kind: ReasonKind::Viewed, item: 1 }));
    }
}
