//! Who comes to the demo shop, and which pieces do they look at, in what order?
//!
//! Every visitor has a taste that drifts. A visit follows one of several threads: it completes a look, compares
//! similar pieces, wanders, or looks for a present. What a single look leaves in the log is told in `visits`.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use shared::interaction::Event;

use super::{
    visits::{Interest, Recorder},
    wardrobe::{AUTUMN_WINTER, Department, Kind, Palette, Piece, SPRING_SUMMER, Style, draw_weighted},
};

const VISITORS: usize = 1500;
/// Days that the logs cover, from the first Monday of 2026 on.
const DAYS: i64 = 112;

/// What a visitor is drawn to. It is compared with pieces, never shown to the model.
#[derive(Clone)]
struct Taste {
    department: Department,
    /// Position in `Style::ALL`.
    style: usize,
    /// The palette worn most, and the one worn next to it.
    palettes: [Palette; 2],
    level: usize,
    brand: usize,
    /// One weight for each kind, in the order of `Kind::ALL`.
    kinds: [f64; 16],
}

/// The kinds that complete a look which starts with `kind`, the most natural one first.
fn goes_with(kind: Kind) -> [Kind; 3] {
    match kind {
        Kind::Coat => [Kind::Scarf, Kind::Boot, Kind::Knit],
        Kind::Jacket => [Kind::Trousers, Kind::Shirt, Kind::Shoe],
        Kind::Knit => [Kind::Trousers, Kind::Skirt, Kind::Scarf],
        Kind::Dress => [Kind::Shoe, Kind::Jewel, Kind::Bag],
        Kind::Shirt => [Kind::Trousers, Kind::Jacket, Kind::Watch],
        Kind::Trousers => [Kind::Shoe, Kind::Knit, Kind::Shirt],
        Kind::Skirt => [Kind::Boot, Kind::Knit, Kind::Shirt],
        Kind::Shoe => [Kind::Bag, Kind::Trousers, Kind::Dress],
        Kind::Boot => [Kind::Bag, Kind::Coat, Kind::Skirt],
        Kind::Bag => [Kind::Leather, Kind::Scarf, Kind::Shoe],
        Kind::Leather => [Kind::Bag, Kind::Watch, Kind::Fragrance],
        Kind::Scarf => [Kind::Bag, Kind::Coat, Kind::Jewel],
        Kind::Jewel => [Kind::Dress, Kind::Watch, Kind::Jewel],
        Kind::Watch => [Kind::Leather, Kind::Jewel, Kind::Shirt],
        Kind::Fragrance => [Kind::Home, Kind::Fragrance, Kind::Scarf],
        Kind::Home => [Kind::Home, Kind::Fragrance, Kind::Home],
    }
}

fn position_of(style: Style) -> usize {
    Style::ALL.iter().position(|&known| known == style).unwrap_or(0)
}

/// How well two pieces or a taste and a piece agree, from the distances of style and level.
fn agreement(styles: [usize; 2], levels: [usize; 2]) -> f64 {
    const OF_STYLE: [f64; 5] = [1.0, 0.18, 0.06, 0.03, 0.02];
    const OF_LEVEL: [f64; 4] = [1.0, 0.4, 0.09, 0.03];
    OF_STYLE[styles[0].abs_diff(styles[1]).min(4)] * OF_LEVEL[levels[0].abs_diff(levels[1]).min(3)]
}

impl Taste {
    fn draw(random: &mut ChaCha8Rng, brands: usize) -> Self {
        let department =
            [Department::Women, Department::Men][draw_weighted(random, &[0.62, 0.38]).unwrap_or(0)];
        let kinds = std::array::from_fn(|_| {
            let fondness: f64 = random.random();
            0.25 + 1.75 * fondness * fondness
        });
        Self {
            department,
            style: draw_weighted(random, &[0.2, 0.22, 0.26, 0.17, 0.15]).unwrap_or(2),
            palettes: [0, 1].map(|_| Palette::WORN[random.random_range(0..Palette::WORN.len())]),
            level: 1 + draw_weighted(random, &[0.24, 0.36, 0.27, 0.13]).unwrap_or(1),
            brand: random.random_range(0..brands),
            kinds,
        }
    }

    /// Tastes wander: to a neighbouring style, to another palette, now and then up a level.
    fn drift(&mut self, random: &mut ChaCha8Rng) {
        if random.random_bool(0.14) {
            let up = random.random_bool(0.5);
            self.style = if up { (self.style + 1).min(4) } else { self.style.saturating_sub(1) };
        }
        if random.random_bool(0.12) {
            self.palettes = [self.palettes[1], Palette::WORN[random.random_range(0..Palette::WORN.len())]];
        }
        if random.random_bool(0.04) {
            self.level = (self.level + 1).min(4);
        }
    }

    /// Someone else's taste, for whom a present is sought: small things, perhaps of the other department.
    fn of_a_friend(&self, random: &mut ChaCha8Rng, brands: usize) -> Self {
        let mut friend = Self::draw(random, brands);
        friend.level = self.level;
        for (weight, kind) in friend.kinds.iter_mut().zip(Kind::ALL) {
            let is_gift = matches!(
                kind,
                Kind::Leather | Kind::Scarf | Kind::Jewel | Kind::Watch | Kind::Fragrance | Kind::Home
            );
            *weight = if is_gift { 2.0 } else { 0.1 };
        }
        friend
    }

    /// How strongly a piece draws this visitor on a day.
    fn pull(&self, piece: &Piece, day: i64) -> f64 {
        let of_department = if piece.department == self.department {
            1.0
        } else if piece.department == Department::House {
            0.6
        } else {
            0.02
        };
        let of_palette = if piece.colour.palette == self.palettes[0] {
            1.0
        } else if piece.colour.palette == self.palettes[1] || piece.colour.palette == Palette::Metal {
            0.5
        } else {
            0.06
        };
        // The season turns in steps over the days: wool fades while linen comes up.
        let passed = day.clamp(0, DAYS) as f64 / DAYS as f64;
        let of_season = match piece.item.attrs.get("season").map(String::as_str) {
            Some(AUTUMN_WINTER) => 1.3 - passed,
            Some(SPRING_SUMMER) => 0.15 + 1.6 * passed,
            _ => 1.0,
        };
        let of_brand = if piece.brand == self.brand { 2.2 } else { 1.0 };
        let of_stock = if piece.item.available { 1.0 } else { 0.15 };
        let of_kind = self.kinds[piece.kind as usize];
        of_department
            * of_palette
            * of_season
            * of_brand
            * of_stock
            * of_kind
            * piece.appeal
            * agreement([self.style, position_of(piece.style)], [self.level, piece.level])
    }

    /// Share from 0 to 1 of this visitor's wishes that a piece meets.
    fn fit(&self, piece: &Piece) -> f64 {
        let wishes = [
            (position_of(piece.style) == self.style, 0.3),
            (self.palettes.contains(&piece.colour.palette) || piece.colour.palette == Palette::Metal, 0.3),
            (piece.level.abs_diff(self.level) <= 1, 0.15),
            (piece.brand == self.brand, 0.1),
            (self.kinds[piece.kind as usize] > 1.0, 0.15),
        ];
        wishes.iter().filter(|(is_met, _)| *is_met).map(|(_, weight)| weight).sum()
    }
}

/// How naturally `other` completes a look with `piece`.
fn belongs_to_look(piece: &Piece, other: &Piece) -> f64 {
    let Some(rank) = goes_with(piece.kind).iter().position(|&kind| kind == other.kind) else { return 0.0 };
    let is_shared_department = piece.department == other.department
        || [piece.department, other.department].contains(&Department::House);
    if !is_shared_department || !other.item.available {
        return 0.0;
    }
    let is_metal = [piece.colour.palette, other.colour.palette].contains(&Palette::Metal);
    let of_palette = if piece.colour.palette == other.colour.palette {
        1.0
    } else if is_metal {
        0.5
    } else {
        0.06
    };
    let styles = [position_of(piece.style), position_of(other.style)];
    [1.0, 0.7, 0.45][rank] * of_palette * agreement(styles, [piece.level, other.level])
}

/// For every piece the few others that the house's stylists show with it: the shop's lookbook.
fn lookbook(random: &mut ChaCha8Rng, pieces: &[Piece]) -> Vec<Vec<usize>> {
    pieces
        .iter()
        .enumerate()
        .map(|(position, piece)| {
            let mut weights: Vec<f64> = pieces.iter().map(|other| belongs_to_look(piece, other)).collect();
            weights[position] = 0.0;
            let mut partners = Vec::new();
            for _ in 0..3 {
                let Some(partner) = draw_weighted(random, &weights) else { break };
                weights[partner] = 0.0;
                partners.push(partner);
            }
            partners
        })
        .collect()
}

/// The events of every visitor, each in time order.
pub fn logs(random: &mut ChaCha8Rng, pieces: &[Piece]) -> Vec<Vec<Event>> {
    let lookbook = lookbook(random, pieces);
    let brands = 1 + pieces.iter().map(|piece| piece.brand).max().unwrap_or(0);
    (0..VISITORS)
        .map(|_| {
            let taste = Taste::draw(random, brands);
            let recorder = Recorder::new(pieces);
            Visitor { random, pieces, lookbook: &lookbook, taste, brands, recorder, thread: None }.live()
        })
        .collect()
}

struct Visitor<'a> {
    random: &'a mut ChaCha8Rng,
    pieces: &'a [Piece],
    lookbook: &'a [Vec<usize>],
    taste: Taste,
    brands: usize,
    recorder: Recorder<'a>,
    /// The last piece that was liked: the next visit may start from it.
    thread: Option<usize>,
}

impl Visitor<'_> {
    fn live(mut self) -> Vec<Event> {
        let wanted: f64 = self.random.random();
        // Most come five to seven times; a few are regulars.
        let visits = 5 + (6.0 * wanted * wanted * wanted) as usize;
        let mut days: Vec<i64> = (0..visits).map(|_| self.random.random_range(0..DAYS)).collect();
        days.sort_unstable();
        days.dedup();
        for &day in &days {
            self.visit(day);
        }
        // The logs show engaged clientele: whoever has hardly begun comes again until something was liked.
        let mut day = days.last().copied().unwrap_or(0);
        for _ in 0..5 {
            if self.recorder.looks() >= 8 && self.recorder.likes() >= 4 {
                break;
            }
            day += self.random.random_range(1..=2);
            self.visit(day);
        }
        self.recorder.into_events()
    }

    fn visit(&mut self, day: i64) {
        self.taste.drift(self.random);
        let own_taste = self.taste.clone();
        let is_for_a_friend = self.random.random_bool(0.07);
        if is_for_a_friend {
            self.taste = own_taste.of_a_friend(self.random, self.brands);
        }
        // Evenings are busier than mornings: the later of two hours.
        let hour = 8 + self.random.random_range(0..14).max(self.random.random_range(0..14));
        self.recorder.begin_visit(self.random, day, hour);
        let steps = if is_for_a_friend {
            2
        } else {
            2 + draw_weighted(self.random, &[0.3, 0.35, 0.25, 0.1]).unwrap_or(0)
        };
        let mut current = if is_for_a_friend || self.random.random_bool(0.4) { None } else { self.thread };
        for _ in 0..steps {
            let (next, completes_look) = self.next(current, day);
            let Some(next) = next else { break };
            self.scroll_past(next, day);
            let interest = self.interest(next, completes_look, is_for_a_friend);
            self.recorder.look(self.random, next, interest, completes_look);
            let is_liked = matches!(interest, Interest::Wish | Interest::Cart | Interest::Absorbed);
            if is_liked && !is_for_a_friend {
                self.thread = Some(next);
            }
            // One follows a piece further if it held the eye; else the visit starts afresh.
            let held_the_eye = is_liked || self.random.random_bool(0.6);
            current = if held_the_eye { Some(next) } else { self.thread };
        }
        self.recorder.end_visit(self.random, is_for_a_friend);
        self.taste = own_taste;
    }

    /// The next piece to look at, and whether the lookbook led there.
    fn next(&mut self, current: Option<usize>, day: i64) -> (Option<usize>, bool) {
        let way: f64 = self.random.random();
        let recorder = &self.recorder;
        let freshness = |position: usize| recorder.freshness(position);
        if let Some(current) = current {
            if way < 0.46 {
                let partners = &self.lookbook[current];
                let weights: Vec<f64> = partners
                    .iter()
                    .enumerate()
                    .map(|(rank, &partner)| freshness(partner) * [1.0, 0.5, 0.3][rank.min(2)])
                    .collect();
                if let Some(choice) = draw_weighted(self.random, &weights) {
                    return (Some(partners[choice]), true);
                }
            } else if way < 0.66 {
                let weights: Vec<f64> = (0..self.pieces.len())
                    .map(|position| {
                        let piece = &self.pieces[position];
                        let is_same_kind = piece.kind == self.pieces[current].kind;
                        if is_same_kind { freshness(position) * self.taste.pull(piece, day) } else { 0.0 }
                    })
                    .collect();
                if let Some(similar) = draw_weighted(self.random, &weights) {
                    return (Some(similar), false);
                }
            }
        }
        (self.wander(day), false)
    }

    /// A piece that suits the taste; now and then simply one that suits everybody.
    fn wander(&mut self, day: i64) -> Option<usize> {
        let follows_the_crowd = self.random.random_bool(0.08);
        let weights: Vec<f64> = (0..self.pieces.len())
            .map(|position| {
                let piece = &self.pieces[position];
                let pull =
                    if follows_the_crowd { piece.appeal * piece.appeal } else { self.taste.pull(piece, day) };
                self.recorder.freshness(position) * pull
            })
            .collect();
        draw_weighted(self.random, &weights)
    }

    /// Pieces shown on the way to `next` and not opened.
    fn scroll_past(&mut self, next: usize, day: i64) {
        let count = draw_weighted(self.random, &[0.5, 0.3, 0.2]).unwrap_or(0);
        for _ in 0..count {
            if let Some(passed) = self.wander(day).filter(|&passed| passed != next) {
                self.recorder.pass(self.random, passed);
            }
        }
    }

    fn interest(&mut self, position: usize, completes_look: bool, is_for_a_friend: bool) -> Interest {
        let piece = &self.pieces[position];
        let fit = if is_for_a_friend { 0.6 } else { self.taste.fit(piece) };
        let warmth = if completes_look { 0.2 } else { 0.0 };
        let like = if piece.item.available { 0.06 + 0.3 * fit + warmth } else { 0.0 };
        let dislike = 0.3 * (1.0 - fit);
        let roll: f64 = self.random.random();
        if roll < like {
            return [Interest::Wish, Interest::Cart, Interest::Absorbed]
                [draw_weighted(self.random, &[0.5, 0.36, 0.14]).unwrap_or(0)];
        }
        if roll > 1.0 - dislike {
            return [Interest::Bounce, Interest::Dismiss, Interest::ThinkBetter]
                [draw_weighted(self.random, &[0.78, 0.12, 0.1]).unwrap_or(0)];
        }
        [Interest::Glance, Interest::Read][draw_weighted(self.random, &[0.5, 0.5]).unwrap_or(0)]
    }
}
