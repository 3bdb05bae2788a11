//! What is a signed intensity worth, and how large is the margin between two?
//!
//! Pure arithmetic, the same in trainer and browser.
//! An intensity p lies in [-1, 1] ([`crate::signals`] makes it from events); stars are 3 + 2p; the utility φ
//! weighs stars by delay; the margin of a chosen item over a rejected one is a ratio of utilities.

use serde::{Deserialize, Serialize};

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

/// How delay turns stars into utility φ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Utility {
    /// φ = s / Δt^0.5, as in the paper: an unseen item has s = 3 and Δt = 11.
    Paper,
    /// s decays toward neutral: φ = max(0.25, 3 + 2p / Δt^0.5); an unseen item has φ = 3.
    Neutral,
}

/// Exponent of the delay (γ in the paper).
const DECAY: f32 = 0.5;
/// Delay of an item that was never consumed: one step past a horizon of ten.
const UNSEEN_DELAY: f32 = 11.0;
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

/// What the model should prefer, and by how much: one chosen item over K rejected ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Preference {
    pub chosen: usize,
    pub rejected: Vec<usize>,
    /// λ·φ(chosen) / φ(rejected k), one for each rejected item.
    pub margins: Vec<f32>,
}

/// The margin of RecPO in its ratio form: λ·φ_p / φ_k.
///
/// # Source
/// RecPO (arXiv 2506.02261), the default margin; λ = 0 turns the loss into S-DPO.
///
/// # Example
/// ```
/// use shared::preference::{ratio_margin, Utility};
/// let loved = Utility::Paper.of(1.0, 1.0); // five stars, next
/// assert!((ratio_margin(2.0, loved, Utility::Paper.of_unseen()) - 11.0555).abs() < 1e-3);
/// ```
#[must_use]
pub fn ratio_margin(lambda: f32, chosen: f32, rejected: f32) -> f32 {
    lambda * chosen / rejected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_close(got: f32, expected: f32) {
        assert!((got - expected).abs() < 1e-4, "got {got}, expected {expected}");
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
}
