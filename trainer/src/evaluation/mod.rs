//! How good is a ranking? The same questions for the model and every baseline, under one protocol at a time.
//!
//! [`candidates`] and [`full`] ask the questions, [`place`] and [`lists`] measure the answers, [`slices`]
//! looks at parts of them, [`interval`] says how sure the means are; [`report`] and [`html`] show them.

pub mod answers;
pub mod candidates;
pub mod full;
pub mod html;
pub mod interval;
pub mod lists;
pub mod place;
pub(crate) mod plots;
pub mod report;
pub mod slices;

use serde::{Deserialize, Serialize};
use shared::{catalog::Catalog, interaction::Interaction, rules::Rules};

pub use candidates::means;
pub use interval::{Estimate, estimate, paired};
pub use report::Report;

use crate::{baselines::popular, split::Question};

/// How the questions are asked. Figures of one are never compared with those of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// The paper's: the next liked item among 19 that the visitor never met.
    Candidates20,
    /// The next liked item among the whole catalogue.
    Full,
}

impl Protocol {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Candidates20 => "candidates20",
            Self::Full => "full",
        }
    }
}

/// The rules by which a shop shows what a model ranks.
#[derive(Clone, Debug)]
pub struct Ruled {
    pub rules: Rules,
    /// Where on the shop's pages the list would stand.
    pub placement: String,
}

/// The questions of one split, and what the measures must know of the shop.
#[derive(Clone)]
pub struct Task<'a> {
    pub catalog: &'a Catalog,
    pub questions: &'a [Question],
    /// The target (first) and the unseen items of each question.
    pub candidates: &'a [Vec<usize>],
    /// How often each item was met in training.
    pub counts: Vec<f32>,
    /// May the whole-catalogue protocol rank items that the visitor met already?
    pub is_met_kept: bool,
    /// Rules that the whole-catalogue protocol makes its lists by.
    pub ruled: Option<&'a Ruled>,
    /// Seed of the bootstrap.
    pub seed: u64,
}

impl<'a> Task<'a> {
    #[must_use]
    pub fn new(
        catalog: &'a Catalog,
        train: &[Vec<Interaction>],
        questions: &'a [Question],
        candidates: &'a [Vec<usize>],
        seed: u64,
    ) -> Self {
        let counts = popular::counts(train, catalog.len());
        Self { catalog, questions, candidates, counts, is_met_kept: false, ruled: None, seed }
    }
}
