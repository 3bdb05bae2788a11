//! How likely is an item that training never met? Its text says how well it fits, the validation questions how often
//! such an item comes next at all.
//!
//! Training leaves these items out of the softmax (as mere negatives they would be taught never to be recommended),
//! so that nothing has learned their bias. With the bias of the least popular item they would never be first.

use anyhow::Result;
use burn::tensor::{Tensor, TensorData};
use shared::{
    interaction::Interaction,
    vocabulary::{Model, Vocabulary},
};

use crate::{
    negatives,
    split::{self, Question},
    train,
};

/// Questions by which the bias is found.
const QUESTIONS: usize = 1000;

/// Which items training never met, and the questions that say how often they come next.
pub struct Unmet {
    /// 1 for items that training meets, 0 for the others.
    is_met: Vec<f32>,
    items: Vec<usize>,
    questions: Vec<Question>,
    /// Share of the questions whose target was never met.
    share: f64,
}

impl Unmet {
    #[must_use]
    pub fn new(histories: &[Vec<Interaction>], valid: &[Question], items: usize) -> Self {
        let mut is_met = vec![0.0; items];
        for item in negatives::met_items(histories) {
            is_met[item] = 1.0;
        }
        let count = valid.iter().filter(|question| is_met[question.target] == 0.0).count();
        Self {
            items: (0..items).filter(|&item| is_met[item] == 0.0).collect(),
            is_met,
            questions: split::sample(valid, QUESTIONS),
            // Half a question more of each kind: a share of nothing has no bias.
            share: (count as f64 + 0.5) / (valid.len() as f64 + 1.0),
        }
    }

    /// The model without gradients, in which items that were never met speak by their text alone, with the one bias
    /// under which they are expected as often as the validation questions want them.
    ///
    /// `scores` are log π of some items after each question's history.
    ///
    /// # Errors
    /// When the device fails.
    pub fn ready(
        &self,
        model: &Model,
        scores: impl Fn(&Model, &[Question], &[usize]) -> Result<Vec<Vec<f32>>>,
    ) -> Result<Model> {
        let plain = train::frozen(model);
        let Vocabulary::Items(_) = &plain.vocabulary else {
            return Ok(plain);
        };
        let unbiased = self.with_bias(plain.clone(), 0.0);
        if self.items.is_empty() || self.questions.is_empty() {
            return Ok(unbiased);
        }
        let expected = scores(&unbiased, &self.questions, &self.items)?
            .iter()
            .map(|row| row.iter().map(|&score| f64::from(score).exp()).sum())
            .collect::<Vec<f64>>();
        Ok(self.with_bias(plain, bias(&expected, self.share) as f32))
    }

    fn with_bias(&self, mut model: Model, bias: f32) -> Model {
        if let Vocabulary::Items(items) = model.vocabulary {
            let keep = TensorData::new(self.is_met.clone(), [self.is_met.len()]);
            let keep = Tensor::from_data(keep, &items.device());
            model.vocabulary = Vocabulary::Items(items.keep_ids(keep, bias));
        }
        model
    }
}

/// The bias of some items that makes their expected share of all answers `share`, where `expected` is their part of
/// each answer without a bias.
///
/// The mean of σ(logit(part) + bias) rises with the bias, so that halving an interval finds it.
fn bias(expected: &[f64], share: f64) -> f64 {
    const WIDEST: f64 = 30.0;
    let mean = |bias: f64| {
        let of_one =
            |&part: &f64| part * bias.exp() / (part * bias.exp() + 1.0 - part).max(f64::MIN_POSITIVE);
        expected.iter().map(of_one).sum::<f64>() / expected.len() as f64
    };
    let (mut low, mut high) = (-WIDEST, WIDEST);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if mean(middle) < share { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bias_by_hand() {
        // Odds of 1/9 must become odds of 1.
        assert!((bias(&[0.1, 0.1], 0.5) - 9.0_f64.ln()).abs() < 1e-9);
        // Odds of 1 and 1/9 times 3 are 3 and 1/3: shares 3/4 and 1/4, in the mean one half.
        assert!((bias(&[0.5, 0.1], 0.5) - 3.0_f64.ln()).abs() < 1e-9);
        assert!((bias(&[0.2], 0.2)).abs() < 1e-9);
        // No bias helps items that cannot come: the edge, not a NaN.
        assert!(bias(&[0.0], 0.5).is_finite() && bias(&[1.0], 0.5).is_finite());
    }
}
