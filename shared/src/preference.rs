//! What is a signed intensity worth, and how large is the margin between two?
//!
//! Pure arithmetic, the same in trainer and browser.
//! An intensity p lies in [-1, 1] ([`crate::signals`] makes it from events); stars are 3 + 2p; the utility φ
//! weighs stars by delay; the margin of a chosen item over a rejected one compares their utilities.

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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
