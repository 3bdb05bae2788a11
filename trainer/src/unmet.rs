//! How likely is an item that training never met? Its text says how well it fits, the validation questions how often
//! such an item comes next at all.
//!
//! Training leaves these items out of the softmax (as mere negatives they would be taught never to be recommended),
//! so that nothing has learned their bias. With the bias of the least popular item they would never be first.

use std::collections::HashSet;

use anyhow::{Result, ensure};
use burn::tensor::{Tensor, TensorData};
use futures_lite::future::block_on;
use shared::{
    interaction::Interaction,
    score::Scorer,
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
        let questions = split::sample(valid, QUESTIONS);
        let count = questions.iter().filter(|question| is_met[question.target] == 0.0).count();
        Self {
            is_met,
            // Half a question more of each kind: a share of nothing has no bias.
            share: (count as f64 + 0.5) / (questions.len() as f64 + 1.0),
            questions,
        }
    }

    /// The model without gradients, in which items that were never met speak by their text alone, with the one bias
    /// under which they are expected about as often as the validation questions want them.
    ///
    /// About: where several intensities are asked for, their mixture is taken for one distribution.
    ///
    /// # Errors
    /// When the device fails.
    pub fn ready(&self, model: &Model, scorer: impl Fn(&Model) -> Scorer) -> Result<Model> {
        /// Scores held at once.
        const SCORES: usize = 1 << 22;
        let plain = train::frozen(model);
        let Vocabulary::Items(_) = &plain.vocabulary else {
            return Ok(plain);
        };
        let unbiased = self.with_bias(plain.clone(), 0.0);
        let has_unmet = self.is_met.contains(&0.0);
        if !has_unmet || self.questions.is_empty() {
            return Ok(unbiased);
        }
        let scorer = scorer(&unbiased);
        let items: Vec<usize> = (0..self.is_met.len()).collect();
        let mut log_odds = Vec::with_capacity(self.questions.len());
        for chunk in self.questions.chunks((SCORES / items.len()).max(1)) {
            let pairs: Vec<_> = chunk.iter().map(|q| (q.history.as_slice(), items.as_slice())).collect();
            for (question, row) in chunk.iter().zip(block_on(scorer.score_many(&pairs))?) {
                log_odds.push(self.log_odds(&question.history, &row));
            }
        }
        ensure!(
            log_odds.iter().all(|odds| !odds.is_nan()),
            "the model's scores are not numbers\nhint: lower the stage's learning_rate in a config file"
        );
        Ok(self.with_bias(plain, bias(&log_odds, self.share) as f32))
    }

    /// ln of how much likelier an item that training never met is than one that it met, of those that the visitor has
    /// not met yet: targets are always first meetings.
    fn log_odds(&self, history: &[Interaction], scores: &[f32]) -> f64 {
        let (mut met, mut unmet) = (0.0_f64, 0.0_f64);
        let own: HashSet<usize> = history.iter().map(|interaction| interaction.item).collect();
        for (item, &score) in scores.iter().enumerate().filter(|(item, _)| !own.contains(item)) {
            let probability = f64::from(score).exp();
            *(if self.is_met[item] == 0.0 { &mut unmet } else { &mut met }) += probability;
        }
        unmet.ln() - met.ln()
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

/// The bias of some items that makes their expected share of all answers `share`, where `log_odds` are theirs against
/// the others without a bias, one per answer.
///
/// The mean of σ(log odds + bias) rises with the bias, so that halving an interval finds it.
fn bias(log_odds: &[f64], share: f64) -> f64 {
    const WIDEST: f64 = 30.0;
    let expected = |bias: f64| {
        log_odds.iter().map(|odds| 1.0 / (1.0 + (-odds - bias).exp())).sum::<f64>() / log_odds.len() as f64
    };
    let (mut low, mut high) = (-WIDEST, WIDEST);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if expected(middle) < share { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::config::{RunConfig, asked};

    #[test]
    fn bias_by_hand() {
        let odds = |odds: f64| odds.ln();
        // Odds of 1/9 must become odds of 1.
        assert!((bias(&[odds(1.0 / 9.0); 2], 0.5) - 9.0_f64.ln()).abs() < 1e-9);
        // Odds of 1 and 1/9 times 3 are 3 and 1/3: shares 3/4 and 1/4, in the mean one half.
        assert!((bias(&[odds(1.0), odds(1.0 / 9.0)], 0.5) - 3.0_f64.ln()).abs() < 1e-9);
        assert!(bias(&[odds(0.25)], 0.2).abs() < 1e-9);
        // Items that cannot come, or cannot but come, end at an edge.
        assert!((bias(&[f64::NEG_INFINITY], 0.5) - 30.0).abs() < 1e-6);
        assert!((bias(&[f64::INFINITY], 0.5) + 30.0).abs() < 1e-6);
    }

    #[test]
    fn unmet_items_are_expected_as_often_as_wanted() {
        let met = |item| Interaction { item, intensity: 1.0, time_ms: 0 };
        // Items 4 and 5 are never met; one question of four wants one of them.
        let histories = [vec![met(0), met(1)], vec![met(2), met(3)]];
        let questions: Vec<Question> = (0..4)
            .map(|visitor| Question { visitor, history: vec![met(visitor)], target: (visitor + 2) % 5 })
            .collect();
        let unmet = Unmet::new(&histories, &questions, 6);
        assert!((unmet.share - 1.5 / 5.0).abs() < 1e-9);
        let device = Device::flex();
        let config = RunConfig { hidden_size: 4, dropout: 0.0, ..RunConfig::default() };
        let config = config.model(6, 3, Vec::new(), asked(std::iter::empty()));
        let texts: Vec<Vec<u32>> = (0..6).map(|item| vec![item % 3]).collect();
        let scorer = |model: &Model| Scorer::new(model, config.clone(), texts.clone(), &device);
        let model = config.init(&device.clone().autodiff());
        let ready = unmet.ready(&model, scorer).unwrap();
        let all: Vec<usize> = (0..6).collect();
        let expected: f64 = questions
            .iter()
            .map(|question| {
                let scores = block_on(scorer(&ready).score(&question.history, &all)).unwrap();
                1.0 / (1.0 + (-unmet.log_odds(&question.history, &scores)).exp())
            })
            .sum();
        assert!((expected / 4.0 - 0.3).abs() < 1e-4, "{expected}");
        let bias = |model: &Model| {
            let Vocabulary::Items(items) = &model.vocabulary else { panic!("no items") };
            let bags = shared::vocabulary::items::ItemTexts::new(&texts, &device);
            items.table(&bags, None).bias().try_into_vec_as::<f32>().unwrap()
        };
        let twice = unmet.ready(&ready, scorer).unwrap();
        for (item, (once, twice)) in bias(&ready).into_iter().zip(bias(&twice)).enumerate() {
            assert!((once - twice).abs() < 1e-4 && (item > 3 || once == 0.0));
        }
    }
}
