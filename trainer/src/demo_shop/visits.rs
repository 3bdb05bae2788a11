//! Which events does one look at a piece leave in the log, and what follows a purchase?

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use shared::interaction::{Event, EventKind};

use super::wardrobe::{Kind, Piece, draw_weighted};

/// Midnight (UTC) of Monday, 5 January 2026: the logs never look at the clock.
pub const FIRST_DAY_MS: i64 = 1_767_571_200_000;
const HOUR_MS: i64 = 60 * 60 * 1000;
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// How far a look goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Closed within three seconds.
    Bounce,
    Glance,
    /// The page is read.
    Read,
    /// Read at length and zoomed into, but not kept.
    Absorbed,
    Wish,
    Cart,
    /// Put into the cart and taken out again.
    ThinkBetter,
    Dismiss,
}

/// Writes one visitor's log.
pub struct Recorder<'a> {
    pieces: &'a [Piece],
    events: Vec<Event>,
    now_ms: i64,
    /// For each piece: in how many visits it was looked at before this one, and whether in this one.
    visits_before: Vec<(u32, bool)>,
    cart: Vec<usize>,
    looks: usize,
    likes: usize,
}

impl<'a> Recorder<'a> {
    pub fn new(pieces: &'a [Piece]) -> Self {
        Self {
            pieces,
            events: Vec::new(),
            now_ms: FIRST_DAY_MS,
            visits_before: vec![(0, false); pieces.len()],
            cart: Vec::new(),
            looks: 0,
            likes: 0,
        }
    }

    /// Pieces looked at so far, counted once per visit.
    pub fn looks(&self) -> usize {
        self.looks
    }

    /// Looks that ended in liking.
    pub fn likes(&self) -> usize {
        self.likes
    }

    /// Weight of looking at a piece (again): never twice in a visit, and seldom once it is known.
    pub fn freshness(&self, position: usize) -> f64 {
        match self.visits_before[position] {
            (_, true) => 0.0,
            (0, _) => 1.0,
            _ => 0.12,
        }
    }

    pub fn begin_visit(&mut self, random: &mut ChaCha8Rng, day: i64, hour: i64) {
        let within_hour: i64 = random.random_range(0..HOUR_MS);
        self.now_ms = FIRST_DAY_MS + day * DAY_MS + hour * HOUR_MS + within_hour;
        self.cart.clear();
        for (before, is_now) in &mut self.visits_before {
            *before += u32::from(*is_now);
            *is_now = false;
        }
    }

    /// A piece is shown in a list and not opened.
    pub fn pass(&mut self, random: &mut ChaCha8Rng, position: usize) {
        self.wait(random, 1, 6);
        self.push(position, EventKind::Impression);
    }

    pub fn look(&mut self, random: &mut ChaCha8Rng, position: usize, interest: Interest, from_page: bool) {
        self.looks += 1;
        self.wait(random, 3, 25);
        // A companion is opened from the page of the piece before; everything else from a list.
        if !from_page && random.random_bool(0.5) {
            self.push(position, EventKind::Impression);
            self.wait(random, 1, 5);
            self.push(position, EventKind::Click);
            self.now_ms += 300;
        }
        self.push(position, EventKind::View);
        if self.visits_before[position].0 > 0 {
            self.push(position, EventKind::Revisit);
        }
        self.visits_before[position].1 = true;
        match interest {
            Interest::Bounce => self.dwell(random, position, 800, 2_900),
            Interest::Glance => {
                if random.random_bool(0.5) {
                    self.dwell(random, position, 5_000, 20_000);
                }
            }
            Interest::Read => {
                if random.random_bool(0.35) {
                    self.push(position, EventKind::Zoom);
                }
                self.dwell(random, position, 15_000, 80_000);
            }
            Interest::Absorbed => {
                self.push(position, EventKind::Zoom);
                self.wait(random, 4, 12);
                self.push(position, EventKind::Zoom);
                self.dwell(random, position, 60_000, 240_000);
            }
            Interest::Wish => {
                self.read_before_acting(random, position);
                self.push(position, EventKind::WishlistAdd);
            }
            Interest::Cart => {
                self.read_before_acting(random, position);
                self.push_quantity(random, position, EventKind::CartAdd);
                self.cart.push(position);
            }
            Interest::ThinkBetter => {
                self.push_quantity(random, position, EventKind::CartAdd);
                self.wait(random, 20, 120);
                self.push(position, EventKind::CartRemove);
            }
            Interest::Dismiss => {
                self.wait(random, 2, 6);
                self.push(position, EventKind::Dismiss);
            }
        }
        self.likes += usize::from(matches!(interest, Interest::Wish | Interest::Cart | Interest::Absorbed));
    }

    /// The visit ends, at times at the till; presents are bought more readily than things for oneself.
    pub fn end_visit(&mut self, random: &mut ChaCha8Rng, is_for_a_friend: bool) {
        let readiness = if is_for_a_friend { 0.5 } else { 0.27 };
        if self.cart.is_empty() || !random.random_bool(readiness) {
            return;
        }
        let cart = std::mem::take(&mut self.cart);
        self.wait(random, 20, 90);
        for &position in &cart {
            self.push(position, EventKind::Checkout);
        }
        if random.random_bool(0.4) {
            return;
        }
        self.wait(random, 60, 200);
        for position in cart {
            self.push_quantity(random, position, EventKind::Purchase);
            let bought_ms = self.now_ms;
            self.after_purchase(random, position, bought_ms);
            self.now_ms = bought_ms;
        }
    }

    /// A week later some pieces come back and some are rated; a wrong size is often exchanged for another.
    fn after_purchase(&mut self, random: &mut ChaCha8Rng, position: usize, bought_ms: i64) {
        self.now_ms = bought_ms + random.random_range(4..=12) * DAY_MS + random.random_range(0..3 * HOUR_MS);
        if !random.random_bool(0.15) {
            if random.random_bool(0.3) {
                let stars = [3.0, 4.0, 5.0][draw_weighted(random, &[0.12, 0.38, 0.5]).unwrap_or(2)];
                self.push_with(position, EventKind::Rate, |event| event.rating = Some(stars));
            }
            return;
        }
        let has_size = !matches!(
            self.pieces[position].kind,
            Kind::Bag | Kind::Leather | Kind::Scarf | Kind::Watch | Kind::Fragrance | Kind::Home
        );
        let weights = [if has_size { 0.65 } else { 0.0 }, 0.08, 0.08, 0.19];
        let reason = ["size", "late", "defect", "dislike"][draw_weighted(random, &weights).unwrap_or(3)];
        self.push_with(position, EventKind::Return, |event| event.reason = Some(reason.to_owned()));
        if reason == "size" && random.random_bool(0.4) {
            self.now_ms += DAY_MS;
            self.push_quantity(random, position, EventKind::Purchase);
        }
    }

    /// The log in time order; events of the same moment keep the order in which they happened.
    pub fn into_events(mut self) -> Vec<Event> {
        self.events.sort_by_key(|event| event.ts);
        self.events
    }

    fn read_before_acting(&mut self, random: &mut ChaCha8Rng, position: usize) {
        if random.random_bool(0.3) {
            self.push(position, EventKind::Zoom);
        }
        if random.random_bool(0.6) {
            self.dwell(random, position, 12_000, 120_000);
        } else {
            self.wait(random, 8, 40);
        }
    }

    fn dwell(&mut self, random: &mut ChaCha8Rng, position: usize, shortest_ms: i64, longest_ms: i64) {
        // The square leans toward short stays, as real dwell times do.
        let share: f64 = random.random();
        let dwell_ms = shortest_ms + ((longest_ms - shortest_ms) as f64 * share * share) as i64;
        self.now_ms += dwell_ms;
        self.push_with(position, EventKind::Dwell, |event| event.dwell_ms = Some(dwell_ms));
    }

    fn wait(&mut self, random: &mut ChaCha8Rng, shortest_secs: i64, longest_secs: i64) {
        self.now_ms += random.random_range(shortest_secs * 1000..=longest_secs * 1000);
    }

    fn push(&mut self, position: usize, kind: EventKind) {
        self.push_with(position, kind, |_| {});
    }

    /// One piece, or now and then two of what is easily bought twice.
    fn push_quantity(&mut self, random: &mut ChaCha8Rng, position: usize, kind: EventKind) {
        let comes_in_pairs =
            matches!(self.pieces[position].kind, Kind::Shirt | Kind::Home | Kind::Fragrance | Kind::Scarf);
        let quantity = if comes_in_pairs && random.random_bool(0.12) { 2 } else { 1 };
        self.push_with(position, kind, |event| event.qty = Some(quantity));
    }

    fn push_with(&mut self, position: usize, kind: EventKind, complete: impl FnOnce(&mut Event)) {
        let mut event = Event::new(&self.pieces[position].item.id, kind, self.now_ms);
        complete(&mut event);
        self.events.push(event);
    }
}
