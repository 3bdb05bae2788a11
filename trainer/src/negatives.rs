//! What was not chosen? Seeded candidates for evaluation and rejected items for preference training.
//!
//! Sampling never sees the id of a target: a generator seeded with it makes candidate sets that give the
//! answer away (the flaw of the S-DPO data, research §3.2).

use std::collections::{BTreeMap, BTreeSet, HashSet};

use anyhow::{Context, Result};
use rand::{
    Rng, SeedableRng,
    distr::{Distribution, weighted::WeightedIndex},
    seq::IndexedRandom,
};
use rand_chacha::ChaCha8Rng;
use shared::{
    interaction::Interaction,
    preference::{MarginKind, Preference, UNSEEN_DELAY},
};

use crate::{
    datasets::Seen,
    goals::Goals,
    preference_config::{LossKind, PreferenceConfig},
    split::Question,
};

/// Unseen items beside the target in a question of `candidates20`.
pub const UNSEEN_CANDIDATES: usize = 19;

/// The target (first) and 19 items that the visitor never met, for each question.
///
/// The same visitor gets the same unseen items for the same seed, whichever of their items is the target.
#[must_use]
pub fn candidates(
    questions: &[Question],
    histories: &[Vec<Interaction>],
    items: usize,
    seed: u64,
) -> Vec<Vec<usize>> {
    questions
        .iter()
        .map(|question| {
            let met: HashSet<usize> = histories[question.visitor].iter().map(|i| i.item).collect();
            let mut generator = ChaCha8Rng::seed_from_u64(seed);
            generator.set_stream(question.visitor as u64);
            let mut list = vec![question.target];
            while list.len() <= UNSEEN_CANDIDATES && met.len() + list.len() <= items {
                let item = generator.random_range(0..items);
                if !met.contains(&item) && !list.contains(&item) {
                    list.push(item);
                }
            }
            list
        })
        .collect()
}

/// Questions that have something to choose from, with their candidates: a visitor who met everything but the target
/// can be asked nothing.
#[must_use]
pub fn with_a_choice(
    questions: Vec<Question>,
    candidates: Vec<Vec<usize>>,
) -> (Vec<Question>, Vec<Vec<usize>>) {
    questions.into_iter().zip(candidates).filter(|(_, list)| list.len() > 1).unzip()
}

/// How far ahead an observed item may lie: the paper's ten, the chosen one included.
pub const HORIZON: usize = 10;
/// Intensity of an item that was on the screen once and not touched (signal table).
const SEEN_INTENSITY: f32 = -0.05;
/// Popular items are drawn in proportion to their count to this power, as word2vec draws its negatives
/// (arXiv 1310.4546, §2.2).
const POPULARITY_POWER: f64 = 0.75;
/// How many of the highest-scored unmet items count as hard.
pub const HARD_ITEMS: usize = 20;

/// Where a rejected item can come from, in the order of [`crate::preference_config::NegativeShares::named`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pool {
    Disliked,
    ObservedOther,
    SeenNotClicked,
    Uniform,
    Popular,
    Hard,
}

impl Pool {
    const ALL: [Self; 6] =
        [Self::Disliked, Self::ObservedOther, Self::SeenNotClicked, Self::Uniform, Self::Popular, Self::Hard];

    /// Which pool serves when this one is empty.
    fn falls_back_on(self) -> Option<Self> {
        match self {
            Self::Disliked => Some(Self::ObservedOther),
            Self::ObservedOther => Some(Self::SeenNotClicked),
            Self::SeenNotClicked | Self::Popular | Self::Hard => Some(Self::Uniform),
            Self::Uniform => None,
        }
    }

    fn is_observed(self) -> bool {
        matches!(self, Self::Disliked | Self::ObservedOther)
    }
}

/// An item that may be rejected, with what its utility is made of.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    item: usize,
    intensity: f32,
    delay: f32,
}

impl Candidate {
    fn unseen(item: usize) -> Self {
        Self { item, intensity: 0.0, delay: UNSEEN_DELAY }
    }
}

/// What may be rejected at one position, beside the items of the whole catalogue.
struct Nearby<'a> {
    disliked: Vec<Candidate>,
    observed_other: Vec<Candidate>,
    seen: &'a [usize],
    hard: &'a [usize],
}

/// Draws preferences: which item is chosen at a position, which are rejected, and by what margin.
///
/// Unmet items come from those that some visitor met: a model that never met an item in training has nothing
/// to say of it yet, and would be taught never to.
pub struct Sampler<'a> {
    config: &'a PreferenceConfig,
    goals: &'a Goals,
    /// Items that were on a visitor's screen; no rows where that was not recorded.
    seen: &'a [Vec<usize>],
    met_items: Vec<usize>,
    popular: Option<WeightedIndex<f64>>,
    pools: WeightedIndex<f64>,
    drawn: [usize; Pool::ALL.len()],
    /// How many of the rejected items had been liked: later, or less than the chosen one.
    liked: usize,
    margin_sum: f64,
}

impl<'a> Sampler<'a> {
    /// # Errors
    /// When every share of the pools is 0.
    pub fn new(
        histories: &[Vec<Interaction>],
        config: &'a PreferenceConfig,
        goals: &'a Goals,
        seen: &'a [Vec<usize>],
    ) -> Result<Self> {
        let mut counts: BTreeMap<usize, f64> = BTreeMap::new();
        for interaction in histories.iter().flatten() {
            *counts.entry(interaction.item).or_default() += 1.0;
        }
        let pools = WeightedIndex::new(config.negatives.named().map(|(_, share)| share))
            .context("no share of preference.negatives is above 0")?;
        Ok(Self {
            config,
            goals,
            seen,
            met_items: counts.keys().copied().collect(),
            popular: WeightedIndex::new(counts.values().map(|count| count.powf(POPULARITY_POWER))).ok(),
            pools,
            drawn: [0; Pool::ALL.len()],
            liked: 0,
            margin_sum: 0.0,
        })
    }

    /// The preference of `visitor` at `position` of their history: the liked item there (or the best of the
    /// next few, by the config) over K rejected ones.
    ///
    /// An observed item is rejected at the utility of its own intensity and delay, an unmet one at neutral.
    /// `hard` is what [`hardest`] found for the position; empty where nobody looked.
    ///
    /// `None` when the item there was not liked or the catalogue has nothing left to reject.
    pub fn preference(
        &mut self,
        visitor: usize,
        history: &[Interaction],
        position: usize,
        hard: &[usize],
        generator: &mut ChaCha8Rng,
    ) -> Option<Preference> {
        let (config, worth) = (self.config, self.config.weighing_of_pairs());
        let ahead = &history[position..history.len().min(position + HORIZON)];
        let candidate = |step: usize| {
            let met = ahead[step];
            let delay = config.delay.of(step, met.time_ms.saturating_sub(ahead[0].time_ms));
            Candidate { item: met.item, intensity: met.intensity, delay }
        };
        let utility = |of: &Candidate| worth.of(of.intensity, of.delay);
        // The later of two equals, as the published code has it.
        let target = (0..ahead.len().min(config.target_window))
            .max_by(|&a, &b| utility(&candidate(a)).total_cmp(&utility(&candidate(b))))?;
        let chosen = candidate(target);
        if chosen.intensity < config.min_intensity {
            return None;
        }
        let (disliked, observed_other) = (0..ahead.len())
            .filter(|&step| step != target)
            .map(candidate)
            .filter(|other| other.item != chosen.item && utility(other) < utility(&chosen))
            .partition(|other| other.intensity < 0.0);
        let seen = self.seen.get(visitor).map_or(&[][..], Vec::as_slice);
        let nearby = Nearby { disliked, observed_other, seen, hard };

        let mut rejected = Vec::with_capacity(config.rejected);
        let mut margins = Vec::with_capacity(config.rejected);
        let mut pools = Vec::with_capacity(config.rejected);
        let mut liked = 0;
        let mut attempts = 0;
        while rejected.len() < config.rejected {
            attempts += 1;
            if attempts > 100 * config.rejected {
                return None;
            }
            // A pool that holds too few for K must not be asked for ever.
            let is_exhausted = attempts > 10 * config.rejected;
            let pool = if is_exhausted { Pool::Uniform } else { Pool::ALL[self.pools.sample(generator)] };
            let (pool, other) = self.draw(pool, &nearby, generator)?;
            let is_met = || history.iter().any(|met| met.item == other.item);
            if rejected.contains(&other.item) || (!pool.is_observed() && is_met()) {
                continue;
            }
            rejected.push(other.item);
            margins.push(self.margin(&chosen, &other));
            pools.push(pool);
            liked += usize::from(other.intensity >= config.min_intensity);
        }
        self.liked += liked;
        for pool in pools {
            self.drawn[pool as usize] += 1;
        }
        self.margin_sum += margins.iter().map(|&margin| f64::from(margin)).sum::<f64>();
        Some(Preference { chosen: chosen.item, intensity: chosen.intensity, rejected, margins })
    }

    fn draw(&self, pool: Pool, nearby: &Nearby, generator: &mut ChaCha8Rng) -> Option<(Pool, Candidate)> {
        let taken = match pool {
            Pool::Disliked => nearby.disliked.choose(generator).copied(),
            Pool::ObservedOther => nearby.observed_other.choose(generator).copied(),
            Pool::SeenNotClicked => nearby
                .seen
                .choose(generator)
                .map(|&item| Candidate { intensity: SEEN_INTENSITY, ..Candidate::unseen(item) }),
            Pool::Uniform => self.met_items.choose(generator).map(|&item| Candidate::unseen(item)),
            Pool::Popular => self
                .popular
                .as_ref()
                .map(|popular| Candidate::unseen(self.met_items[popular.sample(generator)])),
            Pool::Hard => nearby.hard.choose(generator).map(|&item| Candidate::unseen(item)),
        };
        match taken {
            Some(candidate) => Some((pool, candidate)),
            None => self.draw(pool.falls_back_on()?, nearby, generator),
        }
    }

    fn margin(&self, chosen: &Candidate, other: &Candidate) -> f32 {
        let weighing = self.config.weighing();
        let [chosen_utility, utility] = [chosen, other].map(|of| weighing.of(of.intensity, of.delay));
        let margin = self.config.margin.margin(self.config.lambda, chosen_utility, utility)
            + self.goals.margin(chosen.item, other.item, 2.0 * (chosen.intensity - other.intensity));
        match self.config.largest_margin {
            0.0 => margin,
            largest => margin.min(largest),
        }
    }

    /// Mean γ of all pairs drawn so far; that of SimPO is the same for all.
    #[must_use]
    pub fn mean_margin(&self) -> f32 {
        if self.config.loss == LossKind::Simpo {
            return self.config.simpo_gamma as f32;
        }
        (self.margin_sum / self.drawn.iter().sum::<usize>().max(1) as f64) as f32
    }

    /// Gives every pair the mean margin where the config asks for a constant one.
    pub fn settle<'p>(&self, preferences: impl Iterator<Item = &'p mut Preference>) {
        if self.config.margin == MarginKind::Constant {
            preferences.for_each(|preference| preference.margins.fill(self.mean_margin()));
        }
    }

    /// Something to think about where there is much of it.
    fn liked_although_rejected(&self) -> String {
        let share = self.liked as f64 / self.drawn.iter().sum::<usize>().max(1) as f64;
        if share < 0.05 {
            return String::new();
        }
        format!("; {:.0} % of the rejected were liked, later or less than the chosen", 100.0 * share)
    }

    /// One line: K, the shares asked for, what was drawn, and the mean margin.
    #[must_use]
    pub fn describe(&self) -> String {
        let percent = |of: [f64; Pool::ALL.len()]| {
            let total = of.iter().sum::<f64>().max(f64::MIN_POSITIVE);
            let named = self.config.negatives.named().into_iter().zip(of).filter(|(_, part)| *part > 0.0);
            let parts: Vec<String> =
                named.map(|((name, _), part)| format!("{name} {:.0} %", 100.0 * part / total)).collect();
            parts.join(", ")
        };
        format!(
            "{} rejected items each; asked for {}; drew {}; mean margin {:.2}",
            self.config.rejected,
            percent(self.config.negatives.named().map(|(_, share)| share)),
            percent(self.drawn.map(|count| count as f64)),
            self.mean_margin()
        ) + &self.liked_although_rejected()
    }
}

/// The `count` unmet items of highest score, highest first; ties go to the earlier item.
///
/// `scores` are a model's over the whole catalogue; only `met_items` come into question, and none of `history`.
#[must_use]
pub fn hardest(scores: &[f32], met_items: &[usize], history: &[Interaction], count: usize) -> Vec<usize> {
    let met: HashSet<usize> = history.iter().map(|interaction| interaction.item).collect();
    let mut items: Vec<usize> = met_items.iter().copied().filter(|item| !met.contains(item)).collect();
    let order = |a: &usize, b: &usize| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b));
    if items.len() > count && count > 0 {
        items.select_nth_unstable_by(count - 1, order);
    }
    items.truncate(count);
    items.sort_unstable_by(order);
    items
}

/// The items that each visitor saw before their training history ended (what came after belongs to the questions),
/// of those that training meets.
#[must_use]
pub fn seen_while_training(seen: &[Vec<Seen>], histories: &[Vec<Interaction>]) -> Vec<Vec<usize>> {
    let met: BTreeSet<usize> = met_items(histories).into_iter().collect();
    seen.iter()
        .zip(histories)
        .map(|(seen, history)| {
            let end_ms = history.last().map_or(i64::MIN, |last| last.time_ms);
            let in_time = seen.iter().take_while(|seen| seen.time_ms <= end_ms);
            in_time.map(|seen| seen.item).filter(|item| met.contains(item)).collect()
        })
        .collect()
}

/// The items that training meets, in order.
#[must_use]
pub fn met_items(histories: &[Vec<Interaction>]) -> Vec<usize> {
    let met: BTreeSet<usize> = histories.iter().flatten().map(|interaction| interaction.item).collect();
    met.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use shared::preference::Utility;

    use super::*;
    use crate::preference_config::{Arm, NegativeShares};

    fn met(item: usize, intensity: f32) -> Interaction {
        Interaction { item, intensity, time_ms: 0 }
    }

    #[test]
    fn what_was_seen_after_training_is_left_to_the_questions() {
        let seen = |item, time_ms| Seen { item, time_ms };
        let met = |item| Interaction { item, intensity: 1.0, time_ms: 10 };
        let histories = [vec![met(0)], vec![], (1..5).map(met).collect()];
        // Training never meets item 7.
        let rows = [vec![seen(1, 3), seen(7, 4), seen(2, 10), seen(3, 11)], vec![seen(4, 0)], vec![]];
        assert_eq!(seen_while_training(&rows, &histories), [vec![1, 2], vec![], vec![]]);
    }

    #[test]
    fn candidates_are_unseen_and_do_not_depend_on_the_target() {
        let histories = vec![(0..5).map(|item| met(item, 1.0)).collect::<Vec<_>>()];
        let question = |target| Question { visitor: 0, history: vec![], target };
        let first = candidates(&[question(3)], &histories, 50, 1);
        let second = candidates(&[question(4)], &histories, 50, 1);
        assert_eq!(first[0].len(), 20);
        assert_eq!(first[0][1..], second[0][1..]);
        assert!(first[0][1..].iter().all(|&item| item >= 5));
        assert_ne!(first[0], candidates(&[question(3)], &histories, 50, 2)[0]);
    }

    #[test]
    fn a_small_catalogue_gives_fewer_candidates() {
        let histories = vec![vec![met(0, 1.0), met(1, 1.0)]];
        let question = Question { visitor: 0, history: vec![], target: 1 };
        assert_eq!(candidates(&[question], &histories, 4, 1)[0].len(), 3);
    }

    fn only(pool: &str) -> NegativeShares {
        let share = |name: &str| f64::from(u8::from(name == pool));
        NegativeShares {
            disliked: share("disliked"),
            observed_other: share("observed_other"),
            seen_not_clicked: share("seen_not_clicked"),
            uniform: share("uniform"),
            popular: share("popular"),
            hard: share("hard"),
        }
    }

    fn config(pool: &str, rejected: usize) -> PreferenceConfig {
        PreferenceConfig { rejected, negatives: only(pool), ..PreferenceConfig::default() }
    }

    /// Items 0 to 99, each met once by somebody.
    fn everybody() -> Vec<Vec<Interaction>> {
        vec![(0..100).map(|item| met(item, 1.0)).collect()]
    }

    fn drawn(config: &PreferenceConfig, history: &[Interaction], position: usize) -> Option<Preference> {
        let (goals, seen) = (Goals::none(), [vec![70, 71, 72]]);
        let mut sampler = Sampler::new(&everybody(), config, &goals, &seen).unwrap();
        sampler.preference(0, history, position, &[80, 81], &mut ChaCha8Rng::seed_from_u64(1))
    }

    #[test]
    fn a_neutral_item_ahead_can_be_rejected() {
        let history = [met(0, 1.0), met(1, 1.0), met(2, 0.0)];
        for utility in [Utility::Paper, Utility::Neutral] {
            let config = PreferenceConfig { utility, ..config("disliked", 1) };
            assert_eq!(drawn(&config, &history, 1).unwrap().rejected, [2]);
        }
    }

    #[test]
    fn a_disliked_item_ahead_is_rejected_with_its_own_margin() {
        let history = [met(0, 1.0), met(1, 1.0), met(2, -1.0), met(3, 1.0)];
        let preference = drawn(&config("disliked", 1), &history, 1).unwrap();
        assert_eq!(preference.rejected, [2]);
        // Five stars at once over one star at delay 2: 2 · 5 / 0.7071.
        assert!((preference.margins[0] - 14.142).abs() < 1e-2);
        assert!(drawn(&config("disliked", 1), &history, 2).is_none());
    }

    #[test]
    fn every_pool_gives_its_own_and_an_empty_one_passes_on() {
        let history = [met(0, 1.0), met(1, 1.0), met(2, -1.0), met(3, 0.0)];
        let from =
            |pool: &str, position: usize| drawn(&config(pool, 2), &history, position).unwrap().rejected;
        // One disliked item for K = 2: the second comes from what was never met.
        assert!(from("disliked", 1).contains(&2) && from("disliked", 1).iter().any(|&item| item > 3));
        assert!(from("observed_other", 1).contains(&3));
        assert!(from("seen_not_clicked", 1).iter().all(|item| (70..73).contains(item)));
        assert!(from("hard", 1).iter().all(|item| (80..82).contains(item)));
        assert!(from("uniform", 1).iter().all(|&item| item > 3));
        // Nothing lies ahead of the last position: disliked → observed_other → seen_not_clicked.
        let liked = [met(0, 1.0), met(1, 1.0)];
        let rejected = drawn(&config("disliked", 2), &liked, 1).unwrap().rejected;
        assert!(rejected.iter().all(|item| (70..73).contains(item)));
    }

    #[test]
    fn popular_items_are_drawn_by_their_count_to_three_quarters() {
        // Item 1 was met 16 times, items 2 and 3 once: 16^0.75 = 8 against 1 and 1.
        let mut histories = vec![vec![met(1, 0.0); 16], vec![met(2, 0.0), met(3, 0.0)]];
        let history = vec![met(0, 1.0), met(0, 1.0)];
        histories.push(history.clone());
        let (goals, config) = (Goals::none(), config("popular", 1));
        let mut sampler = Sampler::new(&histories, &config, &goals, &[]).unwrap();
        let mut generator = ChaCha8Rng::seed_from_u64(5);
        let mut times = [0; 4];
        for _ in 0..2000 {
            let preference = sampler.preference(0, &history, 1, &[], &mut generator).unwrap();
            times[preference.rejected[0]] += 1;
        }
        assert_eq!(times[0], 0);
        assert!((times[1] as f64 / 2000.0 - 0.8).abs() < 0.04, "{times:?}");
        assert!(sampler.describe().contains("drew popular 100 %"), "{}", sampler.describe());
    }

    #[test]
    fn best_of_the_next_three_is_the_target_and_the_later_of_equals() {
        // φ at delays 1, 2, 3: 3, 5 / √2 = 3.54, 5 / √3 = 2.89.
        let history = [met(9, 1.0), met(1, 0.0), met(2, 1.0), met(3, 1.0)];
        let best_of = |target_window| PreferenceConfig { target_window, ..config("uniform", 1) };
        assert!(drawn(&best_of(1), &history, 1).is_none());
        let preference = drawn(&best_of(3), &history, 1).unwrap();
        assert_eq!((preference.chosen, preference.intensity), (2, 1.0));
        // Five stars at delay 2 over an unseen item: 2 · 3.5355 / 0.9045.
        assert!((preference.margins[0] - 7.8173).abs() < 1e-3);
        // Two stars at once and four at delay 4 are both worth 2.0; the four stars come later.
        let tied = [met(9, 1.0), met(1, -0.5), met(2, -1.0), met(3, -1.0), met(4, 0.5)];
        assert_eq!(drawn(&best_of(4), &tied, 1).unwrap().chosen, 4);
        let strict = PreferenceConfig { min_intensity: 0.6, ..best_of(4) };
        assert!(drawn(&strict, &tied, 1).is_none());
    }

    #[test]
    fn arms_draw_the_same_pairs() {
        let history: Vec<Interaction> =
            (0..12).map(|item| met(item, [1.0, -1.0, 0.5, 0.0][item % 4])).collect();
        let pairs = |arm: Arm| {
            let mut config = PreferenceConfig::default();
            arm.apply(&mut config);
            let drawn = drawn(&config, &history, 4).unwrap();
            (drawn.chosen, drawn.rejected)
        };
        for &arm in Arm::all() {
            assert_eq!(pairs(arm), pairs(Arm::Recpo), "{arm:?}");
        }
    }

    /// The sequence drawn is the same whichever item is the target; the target is merely left out of it.
    #[test]
    fn the_draw_does_not_depend_on_which_item_is_the_target() {
        let rejected = |target: usize| {
            let history = [met(0, 1.0), met(target, 1.0)];
            drawn(&config("uniform", 10), &history, 1).unwrap().rejected
        };
        let [one, other] = [(98, 99), (99, 98)].map(|(target, not)| {
            let list = rejected(target);
            assert!(!list.contains(&target));
            list.into_iter().filter(|&item| item != not).collect::<Vec<_>>()
        });
        let common = one.len().min(other.len());
        assert!(common >= 9);
        assert_eq!(one[..common], other[..common]);
    }

    #[test]
    fn a_constant_margin_is_the_mean_of_the_ratios() {
        let config = PreferenceConfig { margin: MarginKind::Constant, ..config("uniform", 1) };
        let goals = Goals::none();
        let mut sampler = Sampler::new(&everybody(), &config, &goals, &[]).unwrap();
        let mut generator = ChaCha8Rng::seed_from_u64(1);
        let mut preferences: Vec<Preference> = [1.0, 0.5]
            .map(|stars| [met(0, 1.0), met(1, stars)])
            .iter()
            .map(|history| sampler.preference(0, history, 1, &[], &mut generator).unwrap())
            .collect();
        sampler.settle(preferences.iter_mut());
        // Unseen at 0.9045 under five and four stars: (11.0555 + 8.8444) / 2.
        assert!(preferences.iter().all(|preference| (preference.margins[0] - 9.9499).abs() < 1e-3));
        assert!((sampler.mean_margin() - 9.9499).abs() < 1e-3);
    }

    #[test]
    fn margins_are_cut_to_the_largest() {
        let history = [met(0, 1.0), met(1, 1.0)];
        let config = PreferenceConfig { largest_margin: 4.0, ..config("uniform", 2) };
        assert_eq!(drawn(&config, &history, 1).unwrap().margins, [4.0, 4.0]);
    }

    #[test]
    fn hardest_are_unmet_and_in_order() {
        let scores = [9.0, 1.0, 5.0, 7.0, 5.0, 8.0];
        assert_eq!(hardest(&scores, &[0, 1, 2, 3, 4], &[met(0, 1.0)], 3), [3, 2, 4]);
        assert_eq!(hardest(&scores, &[0, 1], &[met(0, 1.0)], 3), [1]);
    }
}
