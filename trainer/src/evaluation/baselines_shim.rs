//! SHIM until the branch `baselines` is merged: its `baselines::all` with popularity and item-kNN only.
//! Then delete this file and its line in `mod.rs`, and let `commands/eval.rs` and `cli.rs` use `crate::baselines`.

use anyhow::Result;
use burn::tensor::Device;
use shared::{catalog::Catalog, interaction::Interaction};

use crate::{
    baselines::{ItemNeighbours, popularity},
    output::Reporter,
    ranker::Ranker,
    split::Question,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum BaselineName {
    Popular,
    ItemKnn,
}

impl BaselineName {
    pub const CHEAP: [Self; 2] = [Self::Popular, Self::ItemKnn];
}

struct Popular(Vec<f32>);

impl Ranker for Popular {
    fn name(&self) -> String {
        "popular".to_owned()
    }

    fn score_catalog(&self, histories: &[&[Interaction]]) -> Result<Vec<Vec<f32>>> {
        Ok(vec![self.0.clone(); histories.len()])
    }
}

struct Neighbours(ItemNeighbours, usize);

impl Ranker for Neighbours {
    fn name(&self) -> String {
        "item-kNN".to_owned()
    }

    fn score_catalog(&self, histories: &[&[Interaction]]) -> Result<Vec<Vec<f32>>> {
        let row = |history: &&[Interaction]| (0..self.1).map(|item| self.0.score(history, item)).collect();
        Ok(histories.iter().map(row).collect())
    }

    fn score_candidates(&self, questions: &[(&[Interaction], &[usize])]) -> Result<Vec<Vec<f32>>> {
        let row = |(history, list): &(&[Interaction], &[usize])| {
            list.iter().map(|&item| self.0.score(history, item)).collect()
        };
        Ok(questions.iter().map(row).collect())
    }
}

#[expect(clippy::too_many_arguments, reason = "the signature of the branch `baselines`")]
pub fn all(
    train: &[Vec<Interaction>],
    catalog: &Catalog,
    _texts: &[Vec<u32>],
    valid: &[Question],
    valid_candidates: &[Vec<usize>],
    chosen: &[BaselineName],
    _seed: u64,
    _device: &Device,
    _reporter: &mut Reporter,
) -> Result<Vec<Box<dyn Ranker>>> {
    let items = catalog.len();
    let ranker = |name: &BaselineName| -> Box<dyn Ranker> {
        match name {
            BaselineName::Popular => Box::new(Popular(popularity(train, items))),
            BaselineName::ItemKnn => {
                Box::new(Neighbours(ItemNeighbours::tuned(train, items, valid, valid_candidates), items))
            }
        }
    };
    Ok(chosen.iter().map(ranker).collect())
}
