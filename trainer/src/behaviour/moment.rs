//! At which moment of a visitor's history is behaviour looked at, and what came after it?

use std::collections::HashSet;

use anyhow::{Result, ensure};
use shared::{
    interaction::Interaction,
    preference::{LIKED, Utility},
};

use crate::{
    negatives,
    ranker::Ranker,
    split::{Question, Split},
};

pub use crate::negatives::HORIZON;

/// Two stars of five or fewer.
pub const DISLIKED: f32 = -0.5;

/// The newest interactions of a history that count where a test looks into it: what the paper's prompts show.
pub(super) const RECENT: usize = 20;

/// An item that the visitor met after the moment, for the first time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ahead {
    pub item: usize,
    pub intensity: f32,
    /// Steps until it was met: 1 = next.
    pub delay: usize,
}

impl Ahead {
    pub fn is_liked(&self) -> bool {
        self.intensity >= LIKED
    }

    pub fn is_disliked(&self) -> bool {
        self.intensity <= DISLIKED
    }

    pub fn utility(&self, utility: Utility) -> f64 {
        utility.of(self.intensity, self.delay as f32).into()
    }
}

/// A visitor about to meet the next item.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Moment<'a> {
    pub visitor: usize,
    /// Everything before, oldest first.
    pub history: &'a [Interaction],
    /// What is met at the next step.
    pub next: Ahead,
    /// What is met for the first time within the horizon after it, in order.
    pub later: Vec<Ahead>,
    /// Items that the visitor never meets, the same whichever method is asked.
    pub unseen: Vec<usize>,
}

impl Moment<'_> {
    /// The next item and the later ones.
    pub fn observed(&self) -> Vec<Ahead> {
        [&[self.next], self.later.as_slice()].concat()
    }

    /// The paper's twenty: `observed` first, then unseen ones.
    pub fn candidates(&self, observed: &[Ahead]) -> Vec<usize> {
        let fill = (1 + negatives::UNSEEN_CANDIDATES).saturating_sub(observed.len());
        observed.iter().map(|ahead| ahead.item).chain(self.unseen.iter().copied().take(fill)).collect()
    }
}

/// The moments just before the targets of `questions`.
///
/// # Errors
/// When a question does not lie in the visitor's history, or a visitor has two.
pub(super) fn moments<'a>(
    histories: &'a [Vec<Interaction>],
    questions: &[Question],
    items: usize,
    seed: u64,
) -> Result<Vec<Moment<'a>>> {
    let mut visitors = HashSet::new();
    let moment = |question: &Question| {
        let visitor = question.visitor;
        let position = question.history.len();
        let met = histories.get(visitor).map_or(&[][..], Vec::as_slice);
        ensure!(
            met.get(position).is_some_and(|next| next.item == question.target),
            "the question of visitor {visitor} does not lie in their history\n\
             hint: pass the whole histories that the split was made from"
        );
        ensure!(
            visitors.insert(visitor),
            "visitor {visitor} has two questions\nhint: pass one question per visitor"
        );
        let (history, ahead) = met.split_at(position);
        // A repeat of something already met is no recommendation.
        let mut known: HashSet<usize> = history.iter().map(|before| before.item).collect();
        let first_met = |(step, met): (usize, &Interaction)| {
            let ahead = Ahead { item: met.item, intensity: met.intensity, delay: step + 1 };
            known.insert(met.item).then_some(ahead)
        };
        let mut observed: Vec<Ahead> = ahead.iter().take(HORIZON).enumerate().filter_map(first_met).collect();
        ensure!(
            observed.first().is_some_and(|next| next.delay == 1),
            "visitor {visitor} had met the target before\nhint: ask about first meetings only"
        );
        let next = observed.remove(0);
        Ok(Moment { visitor, history, next, later: observed, unseen: Vec::new() })
    };
    let mut moments = questions.iter().map(moment).collect::<Result<Vec<_>>>()?;
    // Only now: the draw relies on targets that were met.
    let candidates = negatives::candidates(questions, histories, items, seed);
    for (moment, list) in moments.iter_mut().zip(candidates) {
        moment.unseen = list[1..].to_vec();
    }
    Ok(moments)
}

/// A split that keeps the last `holdout` interactions of every visitor from training, so that there is a future
/// to look at: visitors with at least twice as many.
///
/// `valid` asks about the first liked item of the held-out part that is new to the visitor (pass it to
/// [`super::run`]), `test` about the last such item after it. Who has none, or a shorter history, only trains.
#[must_use]
pub fn split_for_behaviour(histories: &[Vec<Interaction>], holdout: usize) -> Split {
    let mut split = Split { train: Vec::with_capacity(histories.len()), valid: Vec::new(), test: Vec::new() };
    for (visitor, history) in histories.iter().enumerate() {
        let start = history.len().saturating_sub(holdout);
        let is_new_and_liked = |&position: &usize| {
            let (before, rest) = history.split_at(position);
            rest[0].intensity >= LIKED && before.iter().all(|met| met.item != rest[0].item)
        };
        let is_long_enough = holdout > 0 && history.len() >= 2 * holdout;
        let mut targets = (start..history.len()).filter(|_| is_long_enough).filter(is_new_and_liked);
        let question = |position: usize| Question {
            visitor,
            history: history[..position].to_vec(),
            target: history[position].item,
        };
        match targets.next() {
            Some(first) => {
                split.train.push(history[..start].to_vec());
                split.valid.push(question(first));
                split.test.extend(targets.next_back().map(question));
            }
            None => split.train.push(history.clone()),
        }
    }
    split
}

/// Scores of each question's candidates, as they come: one call, so that a method may batch them.
///
/// # Errors
/// When the method fails, answers another number of scores than asked, or one that is not finite.
pub(super) fn ask(ranker: &dyn Ranker, questions: &[(&[Interaction], Vec<usize>)]) -> Result<Vec<Vec<f64>>> {
    let borrowed: Vec<(&[Interaction], &[usize])> =
        questions.iter().map(|(history, candidates)| (*history, candidates.as_slice())).collect();
    let scores = ranker.score_candidates(&borrowed)?;
    let is_whole = scores.len() == questions.len()
        && scores.iter().zip(questions).all(|(row, (_, candidates))| {
            row.len() == candidates.len() && row.iter().all(|score| score.is_finite())
        });
    ensure!(
        is_whole,
        "{} gave a score that is missing or not finite\nhint: a method must score every candidate",
        ranker.name()
    );
    Ok(scores.into_iter().map(|row| row.into_iter().map(f64::from).collect()).collect())
}

/// The share of picks that candidate `which` gets: 1 when it alone is best, split among ties.
pub(super) fn picked(scores: &[f64], which: usize) -> f64 {
    let best = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if scores[which] < best {
        return 0.0;
    }
    1.0 / scores.iter().filter(|&&score| score == best).count() as f64
}

/// 1 when `first` ranks above `second`, a half when they tie.
pub(super) fn above(first: f64, second: f64) -> f64 {
    if first == second { 0.5 } else { f64::from(u8::from(first > second)) }
}

/// A difference of scores in standard deviations of the scores beside it: methods score on different scales.
pub(super) fn in_deviations(difference: f64, scores: &[f64]) -> f64 {
    let mean = mean(scores);
    let deviation = (scores.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / scores.len() as f64).sqrt();
    if difference == 0.0 { 0.0 } else { difference / deviation }
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(item: usize, intensity: f32) -> Interaction {
        Interaction { item, intensity, time_ms: item as i64 }
    }

    #[test]
    fn a_moment_knows_what_came_after_it() {
        // 0 before; then 1, a repeat of 0, 2, a repeat of 2, 3 … 12.
        let mut history = vec![met(0, 1.0), met(1, 1.0), met(0, -1.0), met(2, -0.5), met(2, 1.0)];
        history.extend((3..13).map(|item| met(item, 0.0)));
        let question = Question { visitor: 0, history: history[..1].to_vec(), target: 1 };
        let histories = [history];
        let moments = moments(&histories, &[question], 40, 1).unwrap();
        let moment = &moments[0];
        assert_eq!(moment.next, Ahead { item: 1, intensity: 1.0, delay: 1 });
        let later: Vec<(usize, usize)> = moment.later.iter().map(|ahead| (ahead.item, ahead.delay)).collect();
        assert_eq!(later, [(2, 3), (3, 5), (4, 6), (5, 7), (6, 8), (7, 9), (8, 10)]);
        assert!(moment.later[0].is_disliked());
        // Unseen means never, not merely not yet.
        assert!(moment.unseen.len() == 19 && moment.unseen.iter().all(|&item| item > 12));
        let candidates = moment.candidates(&[moment.next, moment.later[0]]);
        assert_eq!((candidates.len(), &candidates[..2]), (20, &[1, 2][..]));
    }

    #[test]
    fn questions_that_do_not_fit_are_refused() {
        let histories = [vec![met(0, 1.0), met(1, 1.0), met(0, 1.0)]];
        let question = |position: usize, target| Question {
            visitor: 0,
            history: histories[0][..position].to_vec(),
            target,
        };
        let message = |questions: &[Question]| moments(&histories, questions, 9, 1).unwrap_err().to_string();
        assert!(message(&[question(1, 2)]).contains("does not lie"));
        assert!(message(&[question(1, 1), question(1, 1)]).contains("two questions"));
        assert!(message(&[question(2, 0)]).contains("met the target before"));
    }

    #[test]
    fn the_last_interactions_are_held_out() {
        let liked = |liked: &[usize], count: usize| -> Vec<Interaction> {
            (0..count).map(|item| met(item, if liked.contains(&item) { 1.0 } else { 0.0 })).collect()
        };
        let long = liked(&[0, 4, 6, 7], 8);
        let histories = [long.clone(), liked(&[5], 6), liked(&[1], 5), liked(&[0], 8)];
        let split = split_for_behaviour(&histories, 3);
        assert_eq!(split.train[0], long[..5]);
        assert_eq!((split.valid[0].target, split.valid[0].history.len()), (6, 6));
        assert_eq!(split.test, [Question { visitor: 0, history: long[..7].to_vec(), target: 7 }]);
        // One liked item is a question for behaviour alone; too short or nothing liked: all of it trains.
        assert_eq!((split.valid[1].visitor, split.valid.len()), (1, 2));
        assert_eq!(split.train[2..], histories[2..]);
    }

    #[test]
    fn picks_and_deviations_by_hand() {
        assert_eq!(picked(&[1.0, 3.0, 3.0], 1), 0.5);
        assert_eq!(picked(&[1.0, 3.0, 3.0], 0), 0.0);
        assert_eq!([above(2.0, 1.0), above(1.0, 1.0), above(0.0, 1.0)], [1.0, 0.5, 0.0]);
        // 1, 3: mean 2, deviation 1.
        assert_eq!(in_deviations(4.0, &[1.0, 3.0]), 4.0);
        assert_eq!(in_deviations(0.0, &[1.0, 1.0]), 0.0);
    }
}
