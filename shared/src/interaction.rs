//! What did one visitor do, and when? Raw events, and the time-ordered history of interactions.
//!
//! How strongly an event speaks for an item, and how events fold into a history, is decided in
//! [`crate::signals`], not here.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// The types of the canonical event line; their order is the order of events of one moment.
macro_rules! event_kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)+) => {
        /// What happened, in the words of the canonical event line.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum EventKind {
            $($(#[$doc])* $kind,)+
            /// Any other name: `signals.toml` says what it means, or to which event it is an alias.
            Custom(String),
        }

        impl EventKind {
            /// All names but those of custom events.
            pub const NAMES: &[&str] = &[$($name),+];

            #[must_use]
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$kind => $name,)+
                    Self::Custom(name) => name,
                }
            }
        }

        impl From<String> for EventKind {
            fn from(name: String) -> Self {
                match name.as_str() {
                    $($name => Self::$kind,)+
                    _ => Self::Custom(name),
                }
            }
        }
    };
}

event_kinds! {
    /// The item was visible in a list.
    Impression = "impression",
    Click = "click",
    View = "view",
    Revisit = "revisit",
    Dwell = "dwell",
    Zoom = "zoom",
    /// Reviews of the item were opened.
    Review = "review",
    Compare = "compare",
    Share = "share",
    Search = "search",
    ListView = "list_view",
    WishlistAdd = "wishlist_add",
    WishlistRemove = "wishlist_remove",
    CartAdd = "cart_add",
    CartView = "cart_view",
    CartRemove = "cart_remove",
    Checkout = "checkout",
    Purchase = "purchase",
    Return = "return",
    Rate = "rate",
    Dismiss = "dismiss",
}

impl From<EventKind> for String {
    fn from(kind: EventKind) -> Self {
        match kind {
            EventKind::Custom(name) => name,
            known => known.name().to_owned(),
        }
    }
}

/// One line of an event log: the recorder in the browser writes it, the trainer reads it as it is.
///
/// Only `item`, `type` and `ts` are required.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Event {
    /// Id of the item in the catalogue.
    pub item: String,
    /// `view`, `cart_add`, … or any name that `signals.toml` knows.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub kind: EventKind,
    /// Milliseconds since 1970-01-01 UTC.
    pub ts: i64,
    /// Active dwell in milliseconds, for `dwell`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dwell_ms: Option<i64>,
    /// Number of pieces, for `cart_add` and `purchase`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qty: Option<u32>,
    /// Stars, for `rate`: from 1 to 5 unless `signals.toml` says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<f32>,
    /// Why an item came back, for `return`: `size`, `late`, `defect` or `dislike`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Version of the line, 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub v: Option<u32>,
    /// The event's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Price of one piece in minor units (cents).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<i64>,
    /// ISO 4217 code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// How far the page was scrolled, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<f32>,
    /// Largest magnification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zoom: Option<f32>,
    /// The list that the item was seen in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
    /// Position in that list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pos: Option<u32>,
    /// The answer of the recommender that the item was seen in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rec_id: Option<String>,
    /// The recorder's name for the session; sessions are told by time, not by this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Running number within the log: decides between events of the same millisecond.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    /// Where the event was caught, for example `ga4` or `dom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub src: Option<String>,
}

impl Event {
    /// An event with nothing but what every event has.
    #[must_use]
    pub fn new(item: impl Into<String>, kind: EventKind, ts: i64) -> Self {
        Self {
            item: item.into(),
            kind,
            ts,
            dwell_ms: None,
            qty: None,
            rating: None,
            reason: None,
            v: None,
            id: None,
            variant: None,
            price: None,
            currency: None,
            depth: None,
            zoom: None,
            list: None,
            pos: None,
            rec_id: None,
            session: None,
            n: None,
            src: None,
        }
    }

    /// The order of a log, whatever order it was read in: by time, then `n`, then type (in the order of
    /// [`EventKind`]: a click before a view before a purchase), then item; what is still equal is ordered by
    /// everything else, so that the order is total.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        (self.ts, self.n, &self.kind, &self.item)
            .cmp(&(other.ts, other.n, &other.kind, &other.item))
            .then_with(|| self.rest().cmp(&other.rest()))
    }

    /// What distinguishes events of one moment, type and item.
    fn rest(&self) -> impl Ord {
        // All fields, so that a new one is not forgotten.
        #[rustfmt::skip]
        let Self {
            item: _, kind: _, ts: _, n: _, dwell_ms, qty, rating, reason, v, id, variant, price, currency, depth, zoom, list,
            pos, rec_id, session, src,
        } = self;
        let bits = |number: &Option<f32>| number.map(f32::to_bits);
        (
            (dwell_ms, qty, bits(rating), reason, v, id, variant, price),
            (currency, bits(depth), bits(zoom), list, pos, rec_id, session, src),
        )
    }
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_is_sorted_and_bounded() {
        let history = History::new(vec![
            Interaction { item: 1, intensity: 7.0, time_ms: 20 },
            Interaction { item: 0, intensity: f32::NAN, time_ms: 10 },
        ]);
        assert_eq!(history.interactions()[0].item, 0);
        assert_eq!(history.interactions()[0].intensity, 0.0);
        assert_eq!(history.interactions()[1].intensity, 1.0);
    }

    #[test]
    fn a_line_is_read_and_written_as_it_is() {
        for line in [
            r#"{"item":"p1","type":"view","ts":5}"#,
            r#"{"item":"p1","type":"fitting_room","ts":-5,"dwell_ms":60000}"#,
            r#"{"item":"p1","type":"return","ts":5,"qty":2,"rating":4.5,"reason":"size","v":1,"id":"e1","variant":"38","price":129900,"currency":"EUR","depth":0.5,"zoom":2.0,"list":"home","pos":3,"rec_id":"r1","session":"s1","n":7,"src":"ga4"}"#,
        ] {
            let event: Event = serde_json::from_str(line).unwrap();
            assert_eq!(serde_json::to_string(&event).unwrap(), line);
        }
        let custom: EventKind = serde_json::from_str("\"fitting_room\"").unwrap();
        assert_eq!(custom, EventKind::Custom("fitting_room".into()));
        assert!(serde_json::from_str::<Event>(r#"{"item":"p1","type":"view"}"#).is_err());
    }

    #[test]
    fn the_types_are_those_of_the_design() {
        let design = "impression click view dwell zoom compare share search list_view wishlist_add \
                      wishlist_remove cart_add cart_remove cart_view checkout purchase return rate review \
                      dismiss revisit";
        let mut expected: Vec<&str> = design.split_whitespace().collect();
        let mut names = EventKind::NAMES.to_vec();
        expected.sort_unstable();
        names.sort_unstable();
        assert_eq!(names, expected);
    }

    #[test]
    fn events_of_one_moment_are_ordered_by_number_then_by_type() {
        let add = Event::new("a", EventKind::CartAdd, 1);
        let remove = Event::new("a", EventKind::CartRemove, 1);
        assert_eq!(add.order(&remove), Ordering::Less);
        let (add, remove) = (Event { n: Some(2), ..add }, Event { n: Some(1), ..remove });
        assert_eq!(add.order(&remove), Ordering::Greater);
        assert_eq!(add.order(&add.clone()), Ordering::Equal);
        let rated = |rating| Event { rating: Some(rating), ..Event::new("a", EventKind::Rate, 1) };
        assert_eq!(rated(2.0).order(&rated(10.0)), Ordering::Less);
        let named = |src: &str| Event { src: Some(src.into()), ..add.clone() };
        assert_eq!(named("dom").order(&named("ga4")), Ordering::Less);
    }
}
