//! What did the reference say? Its log-probabilities, computed once and kept under a fingerprint of everything that they
//! depend on: a run that goes on, and the next loss that is tried on the same supervised model, read them instead.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context, Result, ensure};
use burn::{
    module::{Module, ModuleVisitor, Param},
    tensor::Tensor,
};
use sha2::{Digest, Sha256};
use shared::{
    vocabulary::Model,
    weights::{Weight, Weights},
};

use crate::{hugging_face::tensors, output::hexadecimal, train};

/// Raise it when the same model and examples would give other numbers.
const VERSION: &[u8] = b"vitrine reference 1";
const NAME: &str = "log_probabilities";

/// The model that a stage begins with, and where its answers are kept.
pub struct Reference<'a> {
    model: &'a Model,
    cache: ReferenceCache,
    is_asked: bool,
}

impl<'a> Reference<'a> {
    #[must_use]
    pub fn new(model: &'a Model, cache: ReferenceCache) -> Self {
        Self { model, cache, is_asked: true }
    }

    /// Answers nothing but zeros: for a trial, whose time and memory do not depend on them.
    #[must_use]
    pub fn unasked(model: &'a Model) -> Self {
        Self { is_asked: false, ..Self::uncached(model) }
    }

    /// Asked anew every time.
    #[must_use]
    pub fn uncached(model: &'a Model) -> Self {
        Self::new(model, ReferenceCache::none())
    }

    #[must_use]
    pub fn model(&self) -> &Model {
        self.model
    }

    /// The `count` answers of the reference to questions that `describe` tells apart, `ask`ed chunk by chunk of the model
    /// without gradients: a graph that no backward pass ever walks is kept for good.
    ///
    /// # Errors
    /// When they cannot be computed, or not be written.
    pub fn log_probabilities<C>(
        &self,
        count: usize,
        describe: impl FnOnce(&mut Fingerprint),
        chunks: impl Iterator<Item = C>,
        ask: impl Fn(&Model, C) -> Tensor<2>,
    ) -> Result<Vec<f32>> {
        if !self.is_asked {
            return Ok(vec![0.0; count]);
        }
        let frozen = train::frozen(self.model);
        self.cache.get(&frozen, count, describe, || {
            let mut values = Vec::with_capacity(count);
            for chunk in chunks {
                ensure!(
                    !self.cache.stop.load(Ordering::Relaxed),
                    "stopped while the reference was read; what was trained is kept\n\
                     hint: `trainer train --resume` with this run goes on"
                );
                let answers = ask(&frozen, chunk).try_into_vec_as::<f32>();
                values.extend(answers.context("the reference cannot be read")?);
            }
            Ok(values)
        })
    }
}

/// Where log-probabilities of references are kept.
#[derive(Clone, Debug, Default)]
pub struct ReferenceCache {
    folder: Option<PathBuf>,
    /// What the model's own numbers do not say: its config, its base and how that is packed, the catalogue.
    context: String,
    /// Set when training is to stop.
    stop: Arc<AtomicBool>,
}

impl ReferenceCache {
    /// Keeps nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn new(folder: &Path, context: String) -> Self {
        Self { folder: Some(folder.to_owned()), context, ..Self::default() }
    }

    /// The same that ends when it is asked to.
    #[must_use]
    pub fn stopped_by(self, stop: &Arc<AtomicBool>) -> Self {
        Self { stop: Arc::clone(stop), ..self }
    }

    /// What is kept for a model and its questions, or else what `compute` gives: one number for each of `count`.
    ///
    /// # Errors
    /// When they cannot be computed, or not be written.
    pub fn get(
        &self,
        model: &Model,
        count: usize,
        describe: impl FnOnce(&mut Fingerprint),
        compute: impl FnOnce() -> Result<Vec<f32>>,
    ) -> Result<Vec<f32>> {
        let Some(folder) = &self.folder else { return compute() };
        let mut fingerprint = Fingerprint(Sha256::new());
        fingerprint.0.update(VERSION);
        fingerprint.0.update(self.context.as_bytes());
        model.visit(&mut fingerprint);
        describe(&mut fingerprint);
        let file = folder.join(format!("{}.safetensors", hexadecimal(&fingerprint.0.finalize()[..16])));
        // What cannot be read is computed again.
        let kept = tensors::read_file(&file).ok().and_then(|mut weights| weights.remove(NAME));
        if let Some(kept) = kept.filter(|kept| kept.values.len() == count) {
            return Ok(kept.values);
        }
        let values = compute()?;
        ensure!(values.len() == count, "the reference answered {} of {count} questions", values.len());
        let weight = Weight { shape: vec![count], values: values.clone() };
        tensors::write_file(&file, &Weights::from([(NAME.to_owned(), weight)]))?;
        Ok(values)
    }
}

/// Everything that an answer depends on.
pub struct Fingerprint(Sha256);

impl Fingerprint {
    /// Numbers, and how many they are.
    pub fn add(&mut self, numbers: impl IntoIterator<Item = usize>) {
        let mut count = 0_u64;
        for number in numbers {
            self.0.update((number as u64).to_le_bytes());
            count += 1;
        }
        self.0.update(count.to_le_bytes());
    }
}

impl ModuleVisitor for Fingerprint {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let data = param.val().into_data();
        self.add(data.shape().iter().copied());
        self.0.update(data.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::config::{RunConfig, asked};

    fn model(seed: u64) -> Model {
        let device = Device::flex();
        device.seed(seed);
        let config = RunConfig { hidden_size: 4, heads: 2, ..RunConfig::default() };
        config.model(5, 3, Vec::new(), asked(std::iter::empty())).init(&device)
    }

    #[test]
    fn an_answer_is_read_again_for_the_same_model_and_questions_alone() {
        let folder = std::env::temp_dir().join(format!("vitrine-reference-{}", std::process::id()));
        let cache = ReferenceCache::new(&folder, "template".to_owned());
        let ask = |cache: &ReferenceCache, model: &Model, question: usize, answer: f32| {
            let values = cache.get(model, 1, |print| print.add([question]), || Ok(vec![answer]));
            values.unwrap()[0]
        };
        let (one, other) = (model(1), model(2));
        assert_eq!(ask(&cache, &one, 7, 1.0), 1.0);
        assert_eq!(ask(&cache, &one, 7, 2.0), 1.0);
        assert_eq!(ask(&cache, &one, 8, 3.0), 3.0);
        assert_eq!(ask(&cache, &other, 7, 4.0), 4.0);
        assert_eq!(ask(&ReferenceCache::new(&folder, "other".to_owned()), &one, 7, 5.0), 5.0);
        assert_eq!(ask(&ReferenceCache::none(), &one, 7, 6.0), 6.0);
        // A file that is cut off is as none.
        for file in std::fs::read_dir(&folder).unwrap() {
            std::fs::write(file.unwrap().path(), b"{").unwrap();
        }
        assert_eq!(ask(&cache, &one, 7, 8.0), 8.0);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
