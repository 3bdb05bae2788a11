//! Which preference loss, on which pairs, with which margin? The settings of the stage after SFT, and the
//! named arms that comparisons are made of.

use anyhow::{Result, ensure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::preference::{Delay, LIKED, MarginKind, Utility, Weighing};

use crate::config::StageConfig;

/// Preference stage; the defaults are RecPO with the paper's margin, λ, β and K.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PreferenceConfig {
    pub is_enabled: bool,
    pub keep: Keep,
    /// Preferences per batch, about.
    #[schemars(range(min = 1))]
    pub batch_rows: usize,
    pub loss: LossKind,
    pub margin: MarginKind,
    /// K.
    #[schemars(range(min = 1))]
    pub rejected: usize,
    /// λ: weight of the margin.
    pub lambda: f32,
    /// β: scale of the rewards; in ORPO the weight of the odds ratio.
    pub beta: f64,
    /// γ of SimPO, the same for every pair.
    pub simpo_gamma: f64,
    /// Weight of CPO's own NLL term.
    pub cpo_alpha: f64,
    /// Which pairs the pairwise losses (DPO, SimPO, CPO, ORPO) see of an example's K.
    pub pairs: Pairs,
    /// Margins above are cut to this; 0 leaves them as they are.
    pub largest_margin: f32,
    /// Weight of the chosen item's NLL beside the preference loss.
    pub nll_weight: f64,
    pub utility: Utility,
    /// Whether delay counts in the margin.
    pub use_time: bool,
    /// Whether intensity counts in the margin.
    pub use_intensity: bool,
    /// Most preferences; the paper trains on 10,000.
    #[schemars(range(min = 1))]
    pub max_examples: usize,
    /// The chosen item is the one of largest utility among this many next interactions: 1 is the next item,
    /// 10 the paper's "best of the next ten".
    #[schemars(range(min = 1))]
    pub target_window: usize,
    /// A chosen item was met at least this strongly.
    pub min_intensity: f32,
    /// Goals raise the margin only between items whose stars differ by at most this (one not met has three).
    pub goal_similarity: f32,
    /// Validation HR@1 that goals may cost; a stage with goals that loses more is dropped.
    pub guard: f64,
    pub delay: Delay,
    pub negatives: NegativeShares,
    /// Business goals, as further terms of the margin.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub goals: Vec<GoalConfig>,
    pub stage: StageConfig,
}

impl Default for PreferenceConfig {
    fn default() -> Self {
        Self {
            is_enabled: true,
            keep: Keep::WhenBetter,
            batch_rows: 128,
            loss: LossKind::Softmax,
            margin: MarginKind::Ratio,
            rejected: 3,
            lambda: 2.0,
            beta: 1.0,
            simpo_gamma: 2.0,
            cpo_alpha: 1.0,
            pairs: Pairs::All,
            largest_margin: 0.0,
            nll_weight: 1.0,
            utility: Utility::Paper,
            use_time: true,
            use_intensity: true,
            max_examples: 10_000,
            target_window: 1,
            min_intensity: LIKED,
            goal_similarity: 2.0,
            guard: 0.01,
            delay: Delay::Steps,
            negatives: NegativeShares::default(),
            goals: Vec::new(),
            stage: StageConfig { epochs: 2, learning_rate: 1e-4, patience: 2, ..StageConfig::default() },
        }
    }
}

/// Which model a run ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// That of the stage's best epoch, if validation beats the model that the stage began with; else the latter.
    WhenBetter,
    /// That of the stage's best epoch, even if it is worse than the start: what a comparison of losses needs.
    Always,
}

/// The preference term; equations and sources are in [`crate::loss`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LossKind {
    /// −ℓ(chosen): SFT goes on with the chosen items of the pairs.
    Nll,
    /// −log σ of each pair's reward difference.
    Dpo,
    /// One softmax over chosen and rejected: RecPO, or S-DPO without margin.
    Softmax,
    /// The same without a reference model.
    SoftmaxReferenceFree,
    /// Pairwise on mean log-probabilities per token, with a constant γ, without reference.
    Simpo,
    /// Pairwise on log-probabilities without reference, plus NLL.
    Cpo,
    /// NLL plus pairwise on log odds, without reference.
    Orpo,
}

/// What a pairwise loss makes of K rejected items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pairs {
    /// The mean over all K: every method of a comparison sees the same items.
    All,
    /// The first rejected item alone, as the methods were published.
    First,
}

/// Where rejected items come from, in proportion; the numbers need not add up to 1.
///
/// An empty pool passes its share on: `disliked` → `observed_other` → `seen_not_clicked` → `uniform`, and
/// `popular` and `hard` to `uniform`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NegativeShares {
    /// Met soon after and disliked.
    pub disliked: f64,
    /// Met soon after, and worth less than the chosen item.
    pub observed_other: f64,
    /// Was on the screen and not touched: impressions, which a shop's own log has.
    pub seen_not_clicked: f64,
    /// Any item that somebody met in training and this visitor did not.
    pub uniform: f64,
    /// The same, in proportion to (times met)^0.75.
    pub popular: f64,
    /// The same, among those that the reference model scores highest (item vocabulary).
    pub hard: f64,
}

impl Default for NegativeShares {
    fn default() -> Self {
        Self {
            disliked: 0.5,
            observed_other: 0.0,
            seen_not_clicked: 0.0,
            uniform: 0.5,
            popular: 0.0,
            hard: 0.0,
        }
    }
}

impl NegativeShares {
    /// Name and share of each pool, in the order in which one falls back on the next.
    #[must_use]
    pub fn named(&self) -> [(&'static str, f64); 6] {
        [
            ("disliked", self.disliked),
            ("observed_other", self.observed_other),
            ("seen_not_clicked", self.seen_not_clicked),
            ("uniform", self.uniform),
            ("popular", self.popular),
            ("hard", self.hard),
        ]
    }
}

/// One term Σ w·clamp(g(chosen) − g(rejected), −1, 1) of the margin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GoalConfig {
    pub kind: GoalKind,
    pub weight: f32,
}

/// What a shop wants beside what its visitors want.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GoalKind {
    /// Dear items first.
    OrderValue,
    /// Rarely met items first.
    Discovery,
    /// Items that are to be cleared first; needs the column `clearance` of `private.csv`.
    Clearance,
}

/// A method of a comparison, by the name that tables give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Arm {
    /// No preference stage.
    Sft,
    /// SFT goes on with the chosen items: the control for "more steps help".
    SftContinued,
    Dpo,
    Simpo,
    Cpo,
    Orpo,
    /// Softmax-DPO: RecPO without margin.
    Sdpo,
    /// Softmax-DPO with one margin, the mean of RecPO's.
    SdpoConst,
    Recpo,
    /// Without delay: φ = s.
    RecpoNoTime,
    /// Without intensity: φ = 1 / √Δt.
    RecpoNoIntensity,
    RecpoReferenceFree,
    RecpoLogDifference,
    RecpoLogRatio,
}

impl Arm {
    /// Those of the paper, and the control that it lacks.
    pub const COMPARED: [Self; 7] =
        [Self::Sft, Self::Dpo, Self::Simpo, Self::Sdpo, Self::SdpoConst, Self::RecpoNoTime, Self::Recpo];

    /// Every arm, in the order of tables.
    #[must_use]
    pub fn all() -> &'static [Self] {
        clap::ValueEnum::value_variants()
    }

    /// The name on the command line, with dashes.
    #[must_use]
    pub fn name(self) -> String {
        clap::ValueEnum::to_possible_value(&self)
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Sets what defines the arm and leaves the rest (K, β, λ, learning rate, pairs) as it is, so that arms
    /// applied to one config differ in nothing else.
    ///
    /// CPO and ORPO bring an NLL term of their own: they go without the common `nll_weight`.
    pub fn apply(self, config: &mut PreferenceConfig) {
        use LossKind as L;
        use MarginKind as M;
        let (loss, margin) = match self {
            Self::Sft | Self::SftContinued => (L::Nll, M::None),
            Self::Dpo => (L::Dpo, M::None),
            Self::Simpo => (L::Simpo, M::None),
            Self::Cpo => (L::Cpo, M::None),
            Self::Orpo => (L::Orpo, M::None),
            Self::Sdpo => (L::Softmax, M::None),
            Self::SdpoConst => (L::Softmax, M::Constant),
            Self::Recpo | Self::RecpoNoTime | Self::RecpoNoIntensity => (L::Softmax, M::Ratio),
            Self::RecpoReferenceFree => (L::SoftmaxReferenceFree, M::Ratio),
            Self::RecpoLogDifference => (L::Softmax, M::Log1pDifference),
            Self::RecpoLogRatio => (L::Softmax, M::LogRatio),
        };
        config.is_enabled = self != Self::Sft;
        config.loss = loss;
        config.margin = margin;
        config.use_time = self != Self::RecpoNoTime;
        config.use_intensity = self != Self::RecpoNoIntensity;
        if matches!(loss, L::Nll | L::Cpo | L::Orpo) {
            config.nll_weight = 0.0;
        }
    }

    /// The arm that a config amounts to; none where a config file mixes its own.
    #[must_use]
    pub fn of(config: &PreferenceConfig) -> Option<Self> {
        let candidates = Self::all().iter().copied();
        let is_same = |arm: &Self| {
            let mut applied = config.clone();
            arm.apply(&mut applied);
            // An own NLL weight makes no other method of it.
            applied.nll_weight = config.nll_weight;
            applied == *config
        };
        candidates.into_iter().find(is_same)
    }
}

impl PreferenceConfig {
    /// Name of the stage in metrics and tables.
    #[must_use]
    pub fn name(&self) -> String {
        Arm::of(self).map_or_else(|| "custom".to_owned(), Arm::name)
    }

    /// The same with `uniform` in the place of `hard`, for whoever draws before there is a model to ask.
    #[must_use]
    pub fn without_hard_negatives(&self) -> Self {
        let NegativeShares { uniform, hard, .. } = self.negatives;
        let negatives = NegativeShares { uniform: uniform + hard, hard: 0.0, ..self.negatives };
        Self { negatives, ..self.clone() }
    }

    /// How the margin weighs an item.
    #[must_use]
    pub fn weighing(&self) -> Weighing {
        Weighing { utility: self.utility, uses_time: self.use_time, uses_intensity: self.use_intensity }
    }

    /// How items are told apart when pairs are drawn: with the whole signal in every arm, so that ablations
    /// of the margin train on the same pairs.
    #[must_use]
    pub fn weighing_of_pairs(&self) -> Weighing {
        Weighing { utility: self.utility, uses_time: true, uses_intensity: true }
    }

    /// # Errors
    /// The first value out of range, of those that belong to this stage alone.
    pub fn validate(&self) -> Result<()> {
        let half_life = match self.delay {
            Delay::Steps => 1.0,
            Delay::Days { half_life } => f64::from(half_life),
        };
        let mut numbers = vec![
            ("lambda", f64::from(self.lambda), 0.0, 100.0),
            ("beta", self.beta, 0.0, 100.0),
            ("simpo_gamma", self.simpo_gamma, 0.0, 1000.0),
            ("cpo_alpha", self.cpo_alpha, 0.0, 100.0),
            ("largest_margin", f64::from(self.largest_margin), 0.0, 1e6),
            ("nll_weight", self.nll_weight, 0.0, 100.0),
            ("min_intensity", f64::from(self.min_intensity), -1.0, 1.0),
            ("goal_similarity", f64::from(self.goal_similarity), 0.0, 1e6),
            ("guard", self.guard, 0.0, 1.0),
            ("delay.days.half_life", half_life, 1e-3, 1e6),
            ("batch_rows", self.batch_rows as f64, 1.0, 65_536.0),
            ("rejected", self.rejected as f64, 1.0, 64.0),
            ("target_window", self.target_window as f64, 1.0, 10.0),
        ];
        numbers.extend(self.goals.iter().map(|goal| ("goals.weight", f64::from(goal.weight), 0.0, 100.0)));
        let shares = self.negatives.named();
        numbers.extend(shares.iter().map(|(name, share)| (*name, *share, 0.0, 1e6)));
        for (key, value, least, most) in numbers {
            // A value that is not a number lies in no range.
            ensure!(
                (least..=most).contains(&value),
                "preference.{key} is {value}\nhint: it lies between {least} and {most}"
            );
        }
        ensure!(
            shares.iter().any(|(_, share)| *share > 0.0),
            "every share of preference.negatives is 0\nhint: uniform = 1.0 rejects items that were never met"
        );
        let has_margin =
            matches!(self.loss, LossKind::Dpo | LossKind::Softmax | LossKind::SoftmaxReferenceFree);
        ensure!(
            has_margin || (self.margin == MarginKind::None && self.goals.is_empty()),
            "preference.loss has no margin, and preference.margin or preference.goals ask for one\n\
             hint: write margin = \"none\" and no goals, or take another loss"
        );
        ensure!(
            has_margin || self.loss == LossKind::Simpo || self.nll_weight == 0.0,
            "preference.loss has an NLL term of its own, and preference.nll_weight is {}\n\
             hint: write nll_weight = 0.0",
            self.nll_weight
        );
        ensure!(
            self.goals.is_empty() || self.margin != MarginKind::Constant,
            "preference.goals add to a margin of each pair, and preference.margin is constant\n\
             hint: remove the goals, or take another margin"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arms_are_told_apart_and_keep_what_is_common() {
        let own = PreferenceConfig { rejected: 5, lambda: 0.5, beta: 0.3, ..PreferenceConfig::default() };
        for &arm in Arm::all() {
            let mut config = own.clone();
            arm.apply(&mut config);
            assert_eq!(Arm::of(&config), Some(arm));
            assert_eq!((config.rejected, config.lambda, config.beta), (5, 0.5, 0.3));
            config.validate().unwrap();
            let text = toml::to_string(&config).unwrap();
            assert_eq!(toml::from_str::<PreferenceConfig>(&text).unwrap(), config);
        }
        assert_eq!(Arm::of(&own), Some(Arm::Recpo));
        assert_eq!(Arm::RecpoNoTime.name(), "recpo-no-time");
        assert_eq!(Arm::SdpoConst.name(), "sdpo-const");
    }

    #[test]
    fn a_config_file_names_delay_negatives_and_goals() {
        let text = "loss = \"dpo\"\nmargin = \"log1p_difference\"\npairs = \"first\"\n\
                    delay = { days = { half_life = 30 } }\n[negatives]\nhard = 0.2\n\
                    [[goals]]\nkind = \"order_value\"\nweight = 0.5\n";
        let config: PreferenceConfig = toml::from_str(text).unwrap();
        assert_eq!(config.loss, LossKind::Dpo);
        assert_eq!(config.delay, Delay::Days { half_life: 30.0 });
        assert_eq!(config.negatives.hard, 0.2);
        assert_eq!(config.goals, [GoalConfig { kind: GoalKind::OrderValue, weight: 0.5 }]);
        let again: PreferenceConfig = toml::from_str(&toml::to_string(&config).unwrap()).unwrap();
        assert_eq!(again, config);
        let none = NegativeShares { disliked: 0.0, uniform: 0.0, ..NegativeShares::default() };
        assert!(PreferenceConfig { negatives: none, ..config }.validate().is_err());
    }
}
