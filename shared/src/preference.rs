//! How strongly does an interaction speak for an item, and how large is the margin between two?
//!
//! Pure arithmetic, the same in trainer and browser.
//! Events become a signed intensity p in [-1, 1]; stars are 3 + 2p; the utility φ weighs stars by delay;
//! the margin of a chosen item over a rejected one compares their utilities.

use serde::{Deserialize, Serialize};

use crate::interaction::{Event, EventKind};

/// Number of levels an intensity is rounded to before the model sees it.
pub const INTENSITY_LEVELS: usize = 9;
/// Intensity from which an interaction counts as liked (four stars of five).
pub const LIKED: f32 = 0.5;

/// Intensity of a rating: linear from -1 (worst) to 1 (best).
///
/// # Source
/// `rating r of R` in the signal table: 2(r-1)/(R-1) - 1.
#[must_use]
pub fn intensity_from_rating(rating: f32, best: f32) -> f32 {
    (2.0 * (rating - 1.0) / (best - 1.0) - 1.0).clamp(-1.0, 1.0)
}

/// The level from 0 (p = -1) to 8 (p = 1) that stands for an intensity.
#[must_use]
pub fn intensity_level(intensity: f32) -> usize {
    let levels = (INTENSITY_LEVELS - 1) as f32;
    // The cast saturates, so that even a value out of range stays a level.
    (((intensity.clamp(-1.0, 1.0) + 1.0) / 2.0 * levels).round() as usize).min(INTENSITY_LEVELS - 1)
}

/// Signed intensity of all events of one item in one session.
///
/// An explicit rating (the newest) decides alone; else the furthest funnel stage, plus bonuses for
/// attention (capped), plus what speaks against the item, clamped to [-1, 1].
///
/// # Source
/// The signal table of the design (events → intensity). `revisit` is a bonus of 0.15 each, at most 0.30.
#[must_use]
pub fn intensity_from_events(events: &[&Event]) -> f32 {
    let newest_rating = events.iter().rev().find_map(|e| match e.kind {
        EventKind::Rate => e.rating,
        _ => None,
    });
    if let Some(rating) = newest_rating {
        return intensity_from_rating(rating, 5.0);
    }
    let mut stage: f32 = 0.0;
    let mut attention: f32 = 0.0;
    let mut revisits: f32 = 0.0;
    let mut impressions: f32 = 0.0;
    let mut against: f32 = 0.0;
    let mut has_purchase = false;
    let mut has_cart_remove = false;
    let mut has_visit = false;
    let mut longest_dwell_ms = None;
    for event in events {
        match event.kind {
            EventKind::Impression => impressions += 0.05,
            EventKind::Click | EventKind::View => {
                has_visit = true;
                stage = stage.max(0.10);
            }
            EventKind::Dwell => {
                has_visit = true;
                longest_dwell_ms = longest_dwell_ms.max(event.dwell_ms);
            }
            EventKind::Zoom | EventKind::Share => {
                has_visit = true;
                attention += 0.10;
            }
            EventKind::Revisit => {
                has_visit = true;
                revisits += 0.15;
            }
            EventKind::WishlistAdd => stage = stage.max(0.60),
            EventKind::WishlistRemove => against -= 0.20,
            EventKind::CartAdd => {
                has_cart_remove = false;
                let pieces = event.qty.unwrap_or(1).max(1) as f32;
                stage = stage.max(0.70 + 0.05 * pieces.log2());
            }
            EventKind::CartRemove => has_cart_remove = true,
            EventKind::Checkout => stage = stage.max(0.80),
            EventKind::Purchase => {
                has_purchase = true;
                stage = 1.0;
            }
            EventKind::Return => {
                // A return says what the purchase turned out to be worth.
                return match event.reason.as_deref() {
                    Some("size" | "late") => -0.10,
                    Some("defect") => -0.50,
                    Some("dislike") => -0.90,
                    _ => -0.60,
                };
            }
            EventKind::Dismiss => return -0.80,
            EventKind::Rate => {}
        }
    }
    if has_cart_remove && !has_purchase {
        return -0.30;
    }
    let was_touched = has_visit || stage > 0.0 || against < 0.0;
    if !was_touched {
        return -impressions.min(0.20);
    }
    if let Some(dwell_ms) = longest_dwell_ms {
        let only_looked = stage <= 0.10 && attention == 0.0 && revisits == 0.0 && against == 0.0;
        if dwell_ms < BOUNCE_MS && only_looked {
            return -0.10;
        }
        stage = stage.max(intensity_from_dwell(dwell_ms));
    }
    (stage + attention.min(0.20) + revisits.min(0.30) + against).clamp(-1.0, 1.0)
}

/// Active dwell below this, with nothing else done, is a bounce.
const BOUNCE_MS: i64 = 3_000;

/// Active dwell: from 0.10 at 15 s to 0.40 at 90 s on a logarithmic scale.
fn intensity_from_dwell(dwell_ms: i64) -> f32 {
    const MEDIAN_SECS: f32 = 15.0;
    const LONG_SECS: f32 = 90.0;
    let secs = dwell_ms.max(1) as f32 / 1000.0;
    let share = ((secs / MEDIAN_SECS).ln() / (LONG_SECS / MEDIAN_SECS).ln()).clamp(0.0, 1.0);
    0.10 + 0.30 * share
}

/// How delay turns stars into utility φ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Utility {
    /// φ = s / Δt^0.5, as in the paper: an unseen item has s = 3 and Δt = 11.
    Paper,
    /// s decays toward neutral: φ = max(0.25, 3 + 2p / Δt^0.5); an unseen item has φ = 3.
    Neutral,
}

/// Exponent of the delay (γ in the paper).
const DECAY: f32 = 0.5;
/// Delay of an item that was never consumed: one step past a horizon of ten.
pub const UNSEEN_DELAY: f32 = 11.0;
const NEUTRAL_STARS: f32 = 3.0;

impl Utility {
    /// φ of an item with signed `intensity`, consumed `delay` steps ahead (1 = next).
    ///
    /// # Source
    /// RecPO §3 (φ = s / Δt^γ); `Neutral` is ours: in the paper's form an item dismissed at once
    /// (1 / 1) scores above one never seen (3 / √11 = 0.9045).
    #[must_use]
    pub fn of(self, intensity: f32, delay: f32) -> f32 {
        let discount = delay.max(1.0).powf(DECAY);
        match self {
            Self::Paper => (NEUTRAL_STARS + 2.0 * intensity).max(0.25) / discount,
            Self::Neutral => (NEUTRAL_STARS + 2.0 * intensity / discount).max(0.25),
        }
    }

    /// φ of an item that the visitor never met.
    #[must_use]
    pub fn of_unseen(self) -> f32 {
        self.of(0.0, UNSEEN_DELAY)
    }
}

/// A utility with parts of the signal left out: what the ablations of the paper compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weighing {
    pub utility: Utility,
    /// Whether delay counts; without it Δt = 1 for every item, met or not, so that φ = s.
    pub uses_time: bool,
    /// Whether intensity counts; without it φ = 1 / √Δt.
    pub uses_intensity: bool,
}

impl Weighing {
    /// φ of an item with signed `intensity`, consumed after `delay` (1 = next).
    ///
    /// # Source
    /// RecPO's ablations "–T" and "–I"; φ = 1 / √Δt for the latter is the reading of the research, §6 (v).
    #[must_use]
    pub fn of(self, intensity: f32, delay: f32) -> f32 {
        let delay = if self.uses_time { delay.max(1.0) } else { 1.0 };
        if self.uses_intensity { self.utility.of(intensity, delay) } else { delay.powf(-DECAY) }
    }

    /// φ of an item that the visitor never met.
    #[must_use]
    pub fn of_unseen(self) -> f32 {
        self.of(0.0, UNSEEN_DELAY)
    }
}

/// What one step of delay is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delay {
    /// Positions, as in the paper's code: the next item has Δt = 1, the one after it 2.
    #[default]
    Steps,
    /// Days since the next interaction; φ of the paper's form halves in `half_life` days.
    Days { half_life: f32 },
}

impl Delay {
    /// Δt of the item `steps_after` interactions and `elapsed_ms` after the next one.
    ///
    /// By days Δt = 1 + 3·elapsed / half-life, so that √Δt = 2 after one half-life; never more than the
    /// delay of an item that was never met.
    ///
    /// # Source
    /// Steps: the paper's code (1 + position). Days: ours; the paper speaks of time but counts positions.
    #[must_use]
    pub fn of(self, steps_after: usize, elapsed_ms: i64) -> f32 {
        const MS_PER_DAY: f32 = 86_400_000.0;
        match self {
            Self::Steps => 1.0 + steps_after as f32,
            Self::Days { half_life } => {
                let days = elapsed_ms.max(0) as f32 / MS_PER_DAY;
                (1.0 + 3.0 * days / half_life).min(UNSEEN_DELAY)
            }
        }
    }
}

/// What the model should prefer, and by how much: one chosen item over K rejected ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Preference {
    pub chosen: usize,
    /// How strongly the chosen item was met; what the model is asked for.
    pub intensity: f32,
    pub rejected: Vec<usize>,
    /// γ_k: by how much each rejected item should stay behind.
    pub margins: Vec<f32>,
}

/// How two utilities become a margin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarginKind {
    /// γ = λ·φ_p / φ_k, the paper's default.
    #[default]
    Ratio,
    /// γ = λ·ln(1 + φ_p − φ_k), the published code's "log difference".
    Log1pDifference,
    /// γ = λ·ln(φ_p / φ_k), the paper's "log ratio", which the published code lacks.
    LogRatio,
    /// The same γ for every pair: the mean of the ratio margins of the run. The control for "a large margin
    /// helps, an adaptive one does not".
    Constant,
    /// γ = 0.
    None,
}

impl MarginKind {
    /// γ of a chosen item with utility `chosen` over a rejected one with utility `rejected`; both above 0.
    ///
    /// [`MarginKind::Constant`] answers the ratio: the mean can only be taken once every pair is drawn.
    /// A rejected item that is worth more than the chosen one gets no log1p margin instead of one below
    /// zero, where the logarithm ends.
    ///
    /// # Source
    /// RecPO (arXiv 2506.02261) and its published code (research §1.3); λ = 0 turns the loss into S-DPO.
    ///
    /// # Example
    /// ```
    /// use shared::preference::{MarginKind, Utility};
    /// let loved = Utility::Paper.of(1.0, 1.0); // five stars, next
    /// let margin = MarginKind::Ratio.margin(2.0, loved, Utility::Paper.of_unseen());
    /// assert!((margin - 11.0555).abs() < 1e-3);
    /// ```
    #[must_use]
    pub fn margin(self, lambda: f32, chosen: f32, rejected: f32) -> f32 {
        match self {
            Self::Ratio | Self::Constant => lambda * chosen / rejected,
            Self::Log1pDifference => lambda * (chosen - rejected).max(0.0).ln_1p(),
            Self::LogRatio => lambda * (chosen / rejected).ln(),
            Self::None => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind) -> Event {
        Event { item: "a".into(), kind, ts: 0, dwell_ms: None, qty: None, rating: None, reason: None }
    }

    fn intensity(events: &[Event]) -> f32 {
        intensity_from_events(&events.iter().collect::<Vec<_>>())
    }

    #[track_caller]
    fn assert_close(got: f32, expected: f32) {
        assert!((got - expected).abs() < 1e-4, "got {got}, expected {expected}");
    }

    #[test]
    fn table_of_signals() {
        use EventKind as K;
        let dwell = |secs: i64| Event { dwell_ms: Some(secs * 1000), ..event(K::Dwell) };
        let reason = |why: &str| Event { reason: Some(why.into()), ..event(K::Return) };
        let rows: Vec<(Vec<Event>, f32)> = vec![
            (vec![event(K::Impression)], -0.05),
            (vec![event(K::Impression); 9], -0.20),
            (vec![event(K::Impression), event(K::Click)], 0.10),
            (vec![event(K::View)], 0.10),
            (vec![event(K::View), dwell(1)], -0.10),
            (vec![event(K::View), dwell(1), event(K::CartAdd)], 0.70),
            (vec![dwell(15)], 0.10),
            (vec![dwell(90)], 0.40),
            (vec![dwell(900)], 0.40),
            (vec![event(K::View), event(K::Zoom), event(K::Zoom), event(K::Zoom)], 0.30),
            (vec![event(K::View), event(K::Revisit)], 0.25),
            (vec![event(K::WishlistAdd)], 0.60),
            (vec![event(K::View), event(K::CartAdd)], 0.70),
            (vec![Event { qty: Some(2), ..event(K::CartAdd) }], 0.75),
            (vec![event(K::CartAdd), event(K::CartRemove)], -0.30),
            (vec![event(K::CartAdd), event(K::CartRemove), event(K::CartAdd)], 0.70),
            (vec![event(K::CartAdd), event(K::CartRemove), event(K::Purchase)], 1.0),
            (vec![event(K::Checkout)], 0.80),
            (vec![event(K::Purchase)], 1.0),
            (vec![event(K::Purchase), reason("size")], -0.10),
            (vec![event(K::Purchase), reason("dislike")], -0.90),
            (vec![event(K::Purchase), event(K::Return)], -0.60),
            (vec![event(K::View), event(K::Dismiss)], -0.80),
            (vec![event(K::Purchase), Event { rating: Some(2.0), ..event(K::Rate) }], -0.50),
        ];
        for (events, expected) in rows {
            let got = intensity(&events);
            assert!((got - expected).abs() < 1e-4, "{events:?}: got {got}, expected {expected}");
        }
    }

    #[test]
    fn ratings_map_linearly_and_to_every_second_level() {
        for (rating, p, level) in
            [(1.0, -1.0, 0), (2.0, -0.5, 2), (3.0, 0.0, 4), (4.0, 0.5, 6), (5.0, 1.0, 8)]
        {
            assert_close(intensity_from_rating(rating, 5.0), p);
            assert_eq!(intensity_level(p), level);
        }
    }

    /// Table of φ from the paper's code (research, §2.1).
    #[test]
    #[expect(clippy::approx_constant, reason = "copied from the table, which rounds")]
    fn paper_utility() {
        assert_close(Utility::Paper.of(1.0, 1.0), 5.0);
        assert_close(Utility::Paper.of(1.0, 3.0), 2.8868);
        assert_close(Utility::Paper.of(0.5, 6.0), 1.6330);
        assert_close(Utility::Paper.of(-1.0, 2.0), 0.707_11);
        assert_close(Utility::Paper.of_unseen(), 0.9045);
    }

    #[test]
    fn neutral_utility_orders_dismissed_below_unseen_below_viewed() {
        let neutral = Utility::Neutral;
        assert_close(neutral.of_unseen(), 3.0);
        assert!(neutral.of(-0.8, 1.0) < neutral.of(-0.1, 1.0));
        assert!(neutral.of(-0.1, 1.0) < neutral.of_unseen());
        assert!(neutral.of_unseen() < neutral.of(0.1, 9.0));
        assert!(neutral.of(-1.0, 1.0) > 0.0);
    }

    const PAPER: Weighing = Weighing { utility: Utility::Paper, uses_time: true, uses_intensity: true };

    #[test]
    fn ablations_leave_out_their_part() {
        let no_time = Weighing { uses_time: false, ..PAPER };
        assert_close(no_time.of(0.5, 9.0), 4.0);
        assert_close(no_time.of_unseen(), 3.0);
        let no_intensity = Weighing { uses_intensity: false, ..PAPER };
        assert_close(no_intensity.of(1.0, 4.0), 0.5);
        assert_close(no_intensity.of(-1.0, 4.0), 0.5);
        // 1 / √11
        assert_close(no_intensity.of_unseen(), 0.301_511);
        assert_close(PAPER.of_unseen(), 0.9045);
    }

    #[test]
    fn a_half_life_halves_and_days_never_pass_the_unseen() {
        const DAY: i64 = 86_400_000;
        let delay = Delay::Days { half_life: 30.0 };
        assert_close(PAPER.of(1.0, delay.of(3, 0)), 5.0);
        assert_close(PAPER.of(1.0, delay.of(3, 30 * DAY)), 2.5);
        assert_close(delay.of(3, 10 * DAY), 2.0);
        assert_close(delay.of(3, 5000 * DAY), 11.0);
        assert_close(delay.of(3, -DAY), 1.0);
        assert_close(Delay::Steps.of(3, 30 * DAY), 4.0);
    }

    /// d − β·Δ of the published vectors (research §1.6): λ = 2, φ_p = 5, φ_k = 0.9045, 2.8868, 0.3162.
    #[test]
    fn margins_of_the_published_vectors() {
        for (kind, rejected, expected) in [
            (MarginKind::Ratio, 0.9045, 11.055_832),
            (MarginKind::Ratio, 2.8868, 3.464_043),
            (MarginKind::Ratio, 0.3162, 31.625_553),
            (MarginKind::Log1pDifference, 0.9045, 3.256_716),
            (MarginKind::Log1pDifference, 2.8868, 2.271_302),
            (MarginKind::Log1pDifference, 0.3162, 3.475_24),
            // 2·ln(5 / 0.9045)
            (MarginKind::LogRatio, 0.9045, 3.419_624),
            (MarginKind::None, 0.9045, 0.0),
        ] {
            assert_close(kind.margin(2.0, 5.0, rejected), expected);
        }
        assert_close(MarginKind::Log1pDifference.margin(2.0, 1.0, 4.0), 0.0);
        assert_close(MarginKind::Ratio.margin(0.0, 5.0, 0.9045), 0.0);
    }
}
