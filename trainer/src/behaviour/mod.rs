//! Does a method behave as preferences say it should? The behaviour suite over any [`Ranker`].
//!
//! Tests B1 to B6 and B8 look at one moment per visitor: just before the target of their question, with what
//! they met in the ten steps from it on known and never trained on. B7 compares models along λ
//! ([`lambda_trade_off`]). A number is a mean or ratio over visitors with a 95 % bootstrap interval and keeps
//! the values of each visitor, so that [`compare`] can pair two methods. Scores are compared in standard
//! deviations of the scores beside them, because methods score on different scales.
//!
//! Source: operational definitions of our own for the behaviour analyses of RecPO (arXiv 2506.02261), whose
//! procedures are not published.

mod aversion;
mod coherence;
mod context;
mod counterfactual;
mod lambda;
mod moment;
mod number;
mod satisfaction;
mod table;

use anyhow::Result;
use serde::Serialize;
use shared::{catalog::Catalog, interaction::Interaction, preference::Utility};

use crate::{ranker::Ranker, split::Question};
use moment::{Moment, ask, moments, picked};

pub use lambda::{LambdaModel, LambdaPoint, LambdaReport, LambdaStep, Trend, lambda_trade_off};
pub use moment::{DISLIKED, HORIZON, split_for_behaviour};
pub use number::{Better, Difference, Label, Measured, Number, Outcome, Statistic, compare};
pub use table::table;

/// What the tests need beside data and method.
#[derive(Clone, Copy, Debug)]
pub struct BehaviourConfig {
    /// Seed of unseen candidates, orders of candidates and bootstrap.
    pub seed: u64,
    /// Interactions per visitor that [`split_for_behaviour`] keeps from a training run dedicated to behaviour.
    pub holdout: usize,
    /// The φ by which a later item is a temptation (B2) and scores are coherent (B4).
    pub utility: Utility,
}

impl Default for BehaviourConfig {
    fn default() -> Self {
        Self { seed: 2024, holdout: HORIZON, utility: Utility::Paper }
    }
}

/// How one method did in every test.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BehaviourReport {
    pub method: String,
    /// Moments looked at; each number says how many visitors could give it a value.
    pub questions: usize,
    pub numbers: Vec<Number>,
}

/// A method and the moments at which it is asked.
struct Subject<'a> {
    ranker: &'a dyn Ranker,
    catalog: &'a Catalog,
    moments: Vec<Moment<'a>>,
    config: BehaviourConfig,
    /// Whether any two interactions of the data differ in intensity.
    is_graded: bool,
    /// Scores of the next item (first) and 19 unseen ones, for each moment.
    plain: Vec<Vec<f64>>,
    /// Scores of everything observed from the moment on, filled up to 20 with unseen items.
    observed: Vec<Vec<f64>>,
}

const UNGRADED: &str = "every interaction of the data has the same intensity";

impl<'a> Subject<'a> {
    fn new(
        ranker: &'a dyn Ranker,
        histories: &'a [Vec<Interaction>],
        questions: &[Question],
        catalog: &'a Catalog,
        config: BehaviourConfig,
    ) -> Result<Self> {
        let moments = moments(histories, questions, catalog.len(), config.seed)?;
        let mut intensities = histories.iter().flatten().map(|interaction| interaction.intensity);
        let first = intensities.next();
        let is_graded = intensities.any(|intensity| Some(intensity) != first);
        let plain: Vec<_> = moments.iter().map(|m| (m.history, m.candidates(&[m.next]))).collect();
        let observed: Vec<_> = moments.iter().map(|m| (m.history, m.candidates(&m.observed()))).collect();
        let (plain, observed) = (ask(ranker, &plain)?, ask(ranker, &observed)?);
        Ok(Self { ranker, catalog, moments, config, is_graded, plain, observed })
    }

    /// Whether the next item is picked among unseen ones, for each moment (HR@1).
    fn hits(&self) -> Vec<f64> {
        self.plain.iter().map(|scores| picked(scores, 0)).collect()
    }

    /// Why a test has no visitors.
    fn why<'b>(&self, none: &'b str) -> &'b str {
        if self.is_graded { none } else { UNGRADED }
    }
}

/// Runs B1 to B6 and B8.
///
/// `histories` are the whole ones of the data set, `questions` (at most one per visitor) the validation
/// questions of a split of them: nothing from a question's target on may have been trained on.
///
/// # Errors
/// When a question does not lie in its visitor's history, or the method fails or gives no finite score.
pub fn run(
    ranker: &dyn Ranker,
    histories: &[Vec<Interaction>],
    questions: &[Question],
    catalog: &Catalog,
    config: &BehaviourConfig,
) -> Result<BehaviourReport> {
    let subject = Subject::new(ranker, histories, questions, catalog, *config)?;
    let numbers = [
        satisfaction::immediate(&subject)?,
        satisfaction::temptation(&subject)?,
        aversion::aversion(&subject)?,
        coherence::coherence(&subject)?,
        context::length(&subject)?,
        context::volatility(&subject),
        counterfactual::counterfactual(&subject)?,
    ]
    .concat();
    Ok(BehaviourReport { method: ranker.name(), questions: subject.moments.len(), numbers })
}

#[cfg(test)]
mod fixture;
