//! Which model is the best? The one that answers the validation questions best, as it will be used.

use anyhow::Result;
use burn::tensor::Device;
use futures_lite::future::block_on;
use shared::{
    score::Scorer,
    vocabulary::{Model, ModelConfig},
};

use crate::{
    base_config::BaseConfig,
    evaluation,
    goals::Goals,
    hugging_face::{adapter, tensors},
    split::Question,
    train::{Judge, Validation},
    unmet::Unmet,
};

/// Asks the validation questions and keeps the best model.
pub struct Validator<'a> {
    pub questions: &'a [Question],
    pub candidates: Vec<Vec<usize>>,
    pub config: &'a ModelConfig,
    pub texts: &'a [Vec<u32>],
    pub unmet: Unmet,
    pub device: &'a Device,
    /// Folder in which the best model so far is kept.
    pub checkpoint: std::path::PathBuf,
    /// The published model that is fine-tuned.
    pub base: Option<&'a BaseConfig>,
}

impl Validator<'_> {
    /// Mean value to the shop of what a ready model puts first.
    ///
    /// # Errors
    /// When the device fails.
    pub fn goal_value(&self, model: &Model, goals: &Goals) -> Result<f32> {
        Ok(goals.mean_of_first(&self.candidates, &self.scores(model)?))
    }

    /// Scores of each question's candidates.
    fn scores(&self, model: &Model) -> Result<Vec<Vec<f32>>> {
        let pairs: Vec<_> = self
            .questions
            .iter()
            .zip(&self.candidates)
            .map(|(question, list)| (question.history.as_slice(), list.as_slice()))
            .collect();
        Ok(block_on(self.scorer(model).score_many(&pairs))?)
    }

    fn scorer(&self, model: &Model) -> Scorer {
        Scorer::new(model, self.config.clone(), self.texts.to_vec(), self.device)
    }
}

impl Judge for Validator<'_> {
    /// Items that training never met get the place that validation says they have.
    fn ready(&self, model: &Model) -> Result<Model> {
        self.unmet.ready(model, |model| self.scorer(model))
    }

    fn validate(&self, model: &Model) -> Result<Validation> {
        let (hit_rate_at_1, ndcg_at_10) = evaluation::means(&self.scores(model)?);
        Ok(Validation { hit_rate_at_1, ndcg_at_10 })
    }

    fn checkpoint(&self, model: &Model) -> Result<()> {
        // Of a model with adapters, those are what training changes; the rest is where it came from.
        match self.base.filter(|base| base.lora.rank > 0) {
            Some(base) => {
                let adapters = block_on(model.adapters())?;
                adapter::write(&self.checkpoint.join(adapter::FOLDER), base, adapters)
            }
            None => {
                let weights = block_on(model.weights())?;
                tensors::write_file(&self.checkpoint.join("model.safetensors"), &weights)
            }
        }
    }
}
