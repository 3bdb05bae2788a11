//! What was not chosen? Seeded candidates for evaluation and rejected items for preference training.
//!
//! Sampling never sees the id of a target: a generator seeded with it makes candidate sets that give the
//! answer away (the flaw of the S-DPO data, research §3.2).

use std::collections::{BTreeSet, HashSet};

use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use shared::{
    interaction::Interaction,
    preference::{LIKED, Preference, Utility, ratio_margin},
};

use crate::split::Question;

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

/// How rejected items are drawn and what the margin weighs.
#[derive(Clone, Copy, Debug)]
pub struct PreferenceSettings {
    /// K: rejected items per chosen one.
    pub rejected: usize,
    /// Share of rejected items taken from what the visitor met in the next [`HORIZON`] steps.
    pub observed_share: f64,
    pub lambda: f32,
    pub utility: Utility,
}

/// How far ahead an observed item may lie: the paper's ten, the chosen one included.
const HORIZON: usize = 10;

/// The preference of one visitor at `position`: the liked item there over K rejected ones.
///
/// An observed item is rejected at the utility of its own intensity and delay, an unseen one at neutral.
/// Unseen items come from `met_items`, those that some visitor met: a model that never met an item in training
/// has nothing to say of it yet, and would be taught never to.
///
/// `None` when the item there was not liked or the catalogue has nothing left to reject.
pub fn preference(
    history: &[Interaction],
    position: usize,
    met_items: &[usize],
    settings: &PreferenceSettings,
    generator: &mut ChaCha8Rng,
) -> Option<Preference> {
    let chosen = history[position];
    if chosen.intensity < LIKED {
        return None;
    }
    let utility = settings.utility;
    let chosen_utility = utility.of(chosen.intensity, 1.0);
    let ahead = &history[position + 1..history.len().min(position + HORIZON)];
    // Disliked first; without any, whatever the visitor met later and liked less.
    let is_worse = |other: &(usize, Interaction)| {
        other.1.item != chosen.item && utility.of(other.1.intensity, other.0 as f32) < chosen_utility
    };
    let observed: Vec<(usize, Interaction)> =
        ahead.iter().enumerate().map(|(step, met)| (step + 2, *met)).filter(is_worse).collect();
    let disliked: Vec<(usize, Interaction)> =
        observed.iter().filter(|(_, met)| met.intensity < 0.0).copied().collect();

    let mut rejected = Vec::with_capacity(settings.rejected);
    let mut margins = Vec::with_capacity(settings.rejected);
    let mut attempts = 0;
    while rejected.len() < settings.rejected {
        attempts += 1;
        if attempts > 100 * settings.rejected {
            return None;
        }
        let pool = if disliked.is_empty() { &observed } else { &disliked };
        let from_observed = generator.random_bool(settings.observed_share);
        let (item, its_utility, is_unseen) = match pool.choose(generator) {
            Some((delay, met)) if from_observed => {
                (met.item, utility.of(met.intensity, *delay as f32), false)
            }
            _ => (*met_items.choose(generator)?, utility.of_unseen(), true),
        };
        if rejected.contains(&item) || (is_unseen && history.iter().any(|met| met.item == item)) {
            continue;
        }
        rejected.push(item);
        margins.push(ratio_margin(settings.lambda, chosen_utility, its_utility));
    }
    Some(Preference { chosen: chosen.item, rejected, margins })
}

/// The items that training meets, in order.
#[must_use]
pub fn met_items(histories: &[Vec<Interaction>]) -> Vec<usize> {
    let met: BTreeSet<usize> = histories.iter().flatten().map(|interaction| interaction.item).collect();
    met.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(item: usize, intensity: f32) -> Interaction {
        Interaction { item, intensity, time_ms: 0 }
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
    fn a_neutral_item_ahead_can_be_rejected() {
        let history = [met(0, 1.0), met(1, 1.0), met(2, 0.0)];
        for utility in [Utility::Paper, Utility::Neutral] {
            let settings = PreferenceSettings { rejected: 1, observed_share: 1.0, lambda: 2.0, utility };
            let mut generator = ChaCha8Rng::seed_from_u64(1);
            let preference = preference(&history, 1, &[0, 1, 2, 3], &settings, &mut generator).unwrap();
            assert_eq!(preference.rejected, [2]);
        }
    }

    #[test]
    fn a_small_catalogue_gives_fewer_candidates() {
        let histories = vec![vec![met(0, 1.0), met(1, 1.0)]];
        let question = Question { visitor: 0, history: vec![], target: 1 };
        assert_eq!(candidates(&[question], &histories, 4, 1)[0].len(), 3);
    }

    #[test]
    fn a_disliked_item_ahead_is_rejected_with_its_own_margin() {
        let history = [met(0, 1.0), met(1, 1.0), met(2, -1.0), met(3, 1.0)];
        let settings =
            PreferenceSettings { rejected: 1, observed_share: 1.0, lambda: 2.0, utility: Utility::Paper };
        let items: Vec<usize> = (0..100).collect();
        let mut generator = ChaCha8Rng::seed_from_u64(1);
        let preference = preference(&history, 1, &items, &settings, &mut generator).unwrap();
        assert_eq!(preference.rejected, [2]);
        // Five stars at once over one star at delay 2: 2 · 5 / 0.7071.
        assert!((preference.margins[0] - 14.142).abs() < 1e-2);
        assert!(super::preference(&history, 2, &items, &settings, &mut generator).is_none());
    }
}
