//! Why does this item stand in the list? The item of the visitor's own history that is most alike, or no reason at all.
//!
//! True by construction: a reason names what the visitor did and what both items share. What was returned, dismissed or
//! disliked is never named, and neither are categories that the shop keeps to itself.

use serde::Serialize;

use super::arrange::Scene;
use crate::{catalog::Item, interaction::EventKind};

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
    let met = scene.met.iter().filter(|met| met.intensity > 0.0).map(|met| (met.item, met.time_ms));
    let candidates = met.chain(scene.seed.map(|seed| (seed, scene.now_ms)));
    let (best, likeness, _) = candidates
        .filter(|&(other, _)| other != item && !is_sensitive(&items[other]))
        .map(|(other, time_ms)| (other, likeness(&items[item], &items[other]), time_ms))
        .max_by(|a, b| a.1.total_cmp(&b.1).then(a.2.cmp(&b.2)))?;
    if likeness < ALIKE || is_sensitive(&items[item]) {
        return None;
    }
    kind(scene, &items[best].id).map(|kind| Reason { kind, item: best })
}

/// The strongest thing done with an item; nothing when it was sent back or away.
fn kind(scene: &Scene, id: &str) -> Option<ReasonKind> {
    let mut strongest = ReasonKind::Viewed;
    for event in scene.events.iter().filter(|event| event.item == id) {
        let kind = match &event.kind {
            EventKind::Return | EventKind::Dismiss => return None,
            EventKind::Purchase => ReasonKind::Bought,
            EventKind::CartAdd | EventKind::Checkout => ReasonKind::Cart,
            EventKind::WishlistAdd => ReasonKind::Saved,
            EventKind::Rate => ReasonKind::Liked,
            _ => ReasonKind::Viewed,
        };
        strongest = strongest.max(kind);
    }
    Some(strongest)
}

/// How much two items have in common, 0 to 1: categories, brand, attributes and price, as far as both have them.
#[must_use]
pub fn likeness(a: &Item, b: &Item) -> f32 {
    let mut parts = Vec::with_capacity(4);
    if !a.category.is_empty() && !b.category.is_empty() {
        let common = a.category.iter().filter(|category| b.category.contains(category)).count();
        parts.push((0.5, common as f32 / (a.category.len() + b.category.len() - common) as f32));
    }
    if let (Some(a), Some(b)) = (&a.brand, &b.brand) {
        parts.push((0.2, f32::from(u8::from(a == b))));
    }
    let names: Vec<&String> = a.attrs.keys().filter(|name| b.attrs.contains_key(*name)).collect();
    if !names.is_empty() {
        let equal = names.iter().filter(|name| a.attrs[**name] == b.attrs[**name]).count();
        parts.push((0.2, equal as f32 / names.len() as f32));
    }
    if let (Some(a), Some(b)) = (a.price.filter(|price| *price > 0), b.price.filter(|price| *price > 0)) {
        // Half of the price or twice of it is half alike.
        parts.push((0.1, (a.min(b) as f64 / a.max(b) as f64) as f32));
    }
    let weight: f32 = parts.iter().map(|(weight, _)| weight).sum();
    let sum: f32 = parts.iter().map(|(weight, value)| weight * value).sum();
    if weight > 0.0 { sum / weight } else { 0.0 }
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
        let on_page = Scene { seed: Some(1), ..Scene::of(&catalog, 0) };
        assert_eq!(reason(&on_page, &[], 0), Some(Reason { kind: ReasonKind::Viewed, item: 1 }));
    }
}
