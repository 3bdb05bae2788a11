//! What must the model beat? Other people's methods, tuned on the same validation questions, behind the one
//! interface of everything that ranks.

pub mod content;
pub mod gru4rec;
pub mod item_neighbours;
pub mod popular;
pub mod recent;
pub mod sasrec;
pub mod sequence_training;

use anyhow::Result;
use burn::tensor::Device;
use gru4rec::Gru4rec;
use sasrec::Sasrec;
use sequence_training::SequenceConfig;
use serde::{Deserialize, Serialize};
use shared::{catalog::Catalog, interaction::Interaction};

use crate::{
    config::RunConfig,
    evaluation::{self, Protocol},
    output::Reporter,
    ranker::Ranker,
    split::Question,
    train::Validation,
};

/// How many of the newest interactions every baseline reads: as many as the model of the recipe `compact`.
const CONTEXT: usize = 50;

/// A method to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum BaselineName {
    /// What is met most, whoever asks.
    Popular,
    /// What is met most of late.
    Recent,
    /// What is met together with the history.
    ItemKnn,
    /// What reads like the history.
    Content,
    /// A transformer over item ids.
    Sasrec,
    /// A recurrent network over item ids.
    Gru4rec,
}

impl BaselineName {
    pub const ALL: [Self; 6] =
        [Self::Popular, Self::Recent, Self::ItemKnn, Self::Content, Self::Sasrec, Self::Gru4rec];
    /// The name on the command line, with dashes.
    #[must_use]
    pub fn name(self) -> String {
        clap::ValueEnum::to_possible_value(&self)
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Those that take seconds and need no seed.
    pub const CHEAP: [Self; 4] = [Self::Popular, Self::Recent, Self::ItemKnn, Self::Content];
}

/// A chosen baseline that is counted and tuned: on the validation questions of the protocol that will be asked, as whoever
/// used it for that would; none where it is a network ([`trained`]).
///
/// # Errors
/// None of its own; a ranker may fail.
pub fn tuned(
    name: BaselineName,
    train: &[Vec<Interaction>],
    catalog: &Catalog,
    exam: &Exam,
) -> Result<Option<Box<dyn Ranker>>> {
    let items = catalog.len();
    Ok(Some(match name {
        BaselineName::Popular => Box::new(popular::new(train, items)),
        BaselineName::Recent => Box::new(recent::tuned(train, items, exam)?),
        BaselineName::ItemKnn => Box::new(item_neighbours::ItemNeighbours::tuned(train, items, exam)),
        BaselineName::Content => Box::new(content::Content::tuned(catalog, exam)?),
        BaselineName::Sasrec | BaselineName::Gru4rec => return Ok(None),
    }))
}

/// A chosen baseline that is a network, trained as the model is, once for all protocols, and tuned among the settings of
/// `run`, that of the model that it is compared with, and a few of its own ([`SequenceConfig::grid`]); none where it is no
/// network ([`tuned`]).
///
/// # Errors
/// When the device fails, a loss stops being a number or the metrics file cannot be written.
pub fn trained(
    name: BaselineName,
    train: &[Vec<Interaction>],
    items: usize,
    exam: &Exam,
    run: &RunConfig,
    device: &Device,
    reporter: &mut Reporter,
) -> Result<Option<Box<dyn Ranker>>> {
    let grid = SequenceConfig::grid(run);
    Ok(Some(match name {
        BaselineName::Sasrec => Box::new(sequence_training::tuned::<Sasrec>(
            &grid, train, items, exam, run.seed, device, reporter,
        )?),
        BaselineName::Gru4rec => Box::new(sequence_training::tuned::<Gru4rec>(
            &grid, train, items, exam, run.seed, device, reporter,
        )?),
        BaselineName::Popular | BaselineName::Recent | BaselineName::ItemKnn | BaselineName::Content => {
            return Ok(None);
        }
    }))
}

/// The validation questions and the candidates of each, the target first.
#[derive(Clone, Copy)]
pub struct Exam<'a> {
    pub questions: &'a [Question],
    pub candidates: &'a [Vec<usize>],
    /// What decides: HR@1 of twenty, or NDCG@10 of the whole catalogue.
    pub protocol: Protocol,
}

impl Exam<'_> {
    /// How well a ranker answers.
    ///
    /// # Errors
    /// When the device fails.
    pub fn validate(&self, ranker: &(impl Ranker + ?Sized)) -> Result<Validation> {
        let pairs: Vec<(&[Interaction], &[usize])> = self
            .questions
            .iter()
            .zip(self.candidates)
            .map(|(question, list)| (question.history.as_slice(), list.as_slice()))
            .collect();
        let (hit_rate_at_1, ndcg_at_10) = evaluation::means(&ranker.score_candidates(&pairs)?);
        Ok(Validation { hit_rate_at_1, ndcg_at_10 })
    }

    /// Whether the first of two outcomes is the better one.
    #[must_use]
    pub fn is_better(&self, one: &Validation, other: &Validation) -> bool {
        match self.protocol {
            Protocol::Candidates20 => one.is_better_than(other),
            Protocol::Full => one.ndcg_at_10 > other.ndcg_at_10,
        }
    }

    /// The ranker that answers best, the first of several.
    fn best<R: Ranker>(&self, first: R, others: impl Iterator<Item = R>) -> Result<R> {
        let mut best = (self.validate(&first)?, first);
        for ranker in others {
            let validation = self.validate(&ranker)?;
            if self.is_better(&validation, &best.0) {
                best = (validation, ranker);
            }
        }
        Ok(best.1)
    }
}

/// The newest interactions that a baseline reads.
fn newest(history: &[Interaction]) -> &[Interaction] {
    &history[history.len().saturating_sub(CONTEXT)..]
}
