//! Which interactions train, which validate, which test? By time, per visitor.
//!
//! The last liked interaction is the test question, the liked one before it the validation question;
//! training sees only what came before the latter. A visitor with fewer than two liked interactions (or
//! nothing before them) trains and is never asked about.

use shared::{interaction::Interaction, preference::LIKED};

use crate::datasets::Dataset;

/// One question: what came before, and the item that was met and liked next.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Position of the visitor in the data set.
    pub visitor: usize,
    /// Everything before the target, oldest first.
    pub history: Vec<Interaction>,
    pub target: usize,
}

pub struct Split {
    /// One visitor's training interactions each, in the order of the data set.
    pub train: Vec<Vec<Interaction>>,
    pub valid: Vec<Question>,
    pub test: Vec<Question>,
}

/// The split of a data set, with histories as they were known when each question could have been asked.
#[must_use]
pub fn of(dataset: &Dataset) -> Split {
    let mut split = leave_last_liked_out(&dataset.histories);
    for questions in [&mut split.valid, &mut split.test] {
        for question in questions.iter_mut() {
            let known = dataset.known.get(question.visitor).into_iter().flatten();
            if let Some((_, history)) = known.clone().find(|(item, _)| *item == question.target) {
                question.history.clone_from(history);
            }
        }
        // Nobody asks for a visitor of whom nothing was known yet.
        questions.retain(|question| !question.history.is_empty());
    }
    split
}

/// Positions of what was liked and met for the first time, newest first: a repeat is no recommendation.
pub fn first_liked(history: &[Interaction]) -> impl Iterator<Item = usize> {
    let is_first =
        |position: usize| history[..position].iter().all(|before| before.item != history[position].item);
    (0..history.len()).rev().filter(move |&i| history[i].intensity >= LIKED && is_first(i))
}

#[must_use]
pub fn leave_last_liked_out(histories: &[Vec<Interaction>]) -> Split {
    let mut split = Split { train: Vec::with_capacity(histories.len()), valid: Vec::new(), test: Vec::new() };
    for (visitor, history) in histories.iter().enumerate() {
        let mut liked = first_liked(history);
        match (liked.next(), liked.next()) {
            (Some(test), Some(valid)) if valid > 0 => {
                let question = |position: usize| Question {
                    visitor,
                    history: history[..position].to_vec(),
                    target: history[position].item,
                };
                split.test.push(question(test));
                split.valid.push(question(valid));
                split.train.push(history[..valid].to_vec());
            }
            _ => split.train.push(history.clone()),
        }
    }
    split
}

/// At most `most` of the questions, spread evenly over the visitors: enough to choose an epoch by.
#[must_use]
pub fn sample(questions: &[Question], most: usize) -> Vec<Question> {
    let count = questions.len().min(most);
    (0..count).map(|index| questions[index * questions.len() / count].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(item: usize, intensity: f32) -> Interaction {
        Interaction { item, intensity, time_ms: item as i64 }
    }

    #[test]
    fn last_two_liked_are_held_out() {
        let history = vec![met(0, 1.0), met(1, -1.0), met(2, 0.5), met(3, 0.0), met(4, 1.0), met(5, -0.5)];
        let split = leave_last_liked_out(std::slice::from_ref(&history));
        assert_eq!(split.test[0].target, 4);
        assert_eq!(split.test[0].history, history[..4]);
        assert_eq!(split.valid[0].target, 2);
        assert_eq!(split.train[0], history[..2]);
    }

    #[test]
    fn too_little_liked_only_trains() {
        let history = vec![met(0, 1.0), met(1, 0.0)];
        let split = leave_last_liked_out(std::slice::from_ref(&history));
        assert!(split.test.is_empty() && split.valid.is_empty());
        assert_eq!(split.train[0], history);
    }

    #[test]
    fn a_repeat_is_no_target() {
        let history = vec![met(9, 0.0), met(0, 1.0), met(1, 1.0), met(0, 1.0)];
        let split = leave_last_liked_out(&[history]);
        assert_eq!((split.test[0].target, split.valid[0].target), (1, 0));
    }

    #[test]
    fn a_sample_is_spread_over_the_visitors() {
        let question = |visitor| Question { visitor, history: vec![], target: 0 };
        let questions: Vec<Question> = (0..10).map(question).collect();
        let visitors = |most| sample(&questions, most).iter().map(|q| q.visitor).collect::<Vec<_>>();
        assert_eq!(visitors(4), [0, 2, 5, 7]);
        assert_eq!(visitors(99).len(), 10);
        assert!(sample(&[], 5).is_empty());
    }
}
