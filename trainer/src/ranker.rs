//! What can rank a catalogue after a history? The one interface of the model and of every baseline, so that
//! evaluation never asks which of them it is looking at.

use std::sync::Arc;

use anyhow::Result;
use futures_lite::future::block_on;
use shared::{
    interaction::Interaction, pass::Memory, preference::intensity_level, score::Scorer, trie::Trie,
    vocabulary::Asked,
};

/// A method that scores items for a visitor; higher is better, and only the order within one answer counts.
pub trait Ranker {
    /// Name in tables.
    fn name(&self) -> String;

    /// What tuning chose, in words.
    fn settings(&self) -> Option<String> {
        None
    }

    /// Scores of every item of the catalogue after each history (oldest first).
    ///
    /// # Shapes
    /// B histories → B rows of N scores, in the order of the catalogue
    ///
    /// # Errors
    /// When the device fails.
    fn score_catalog(&self, histories: &[&[Interaction]]) -> Result<Vec<Vec<f32>>>;

    /// Scores of the given candidates after each history; a method that has a cheaper way than scoring the
    /// whole catalogue overrides it.
    ///
    /// # Errors
    /// When the device fails.
    fn score_candidates(&self, questions: &[(&[Interaction], &[usize])]) -> Result<Vec<Vec<f32>>> {
        /// Questions whose whole catalogue is held at once.
        const AT_ONCE: usize = 256;
        let mut scores = Vec::with_capacity(questions.len());
        for chunk in questions.chunks(AT_ONCE) {
            let histories: Vec<&[Interaction]> = chunk.iter().map(|(history, _)| *history).collect();
            let rows = self.score_catalog(&histories)?;
            scores.extend(
                rows.iter().zip(chunk).map(|(row, (_, list))| list.iter().map(|&item| row[item]).collect()),
            );
        }
        Ok(scores)
    }
}

/// A trained model on its catalogue.
pub struct ModelRanker {
    scorer: Scorer,
    name: String,
    all: Vec<usize>,
    /// Titles as a trie, when the catalogue is searched instead of scored item by item.
    search: Option<Arc<Search>>,
}

struct Search {
    trie: Trie,
    width: usize,
    is_met_kept: bool,
}

impl ModelRanker {
    #[must_use]
    pub fn new(name: String, scorer: Scorer) -> Self {
        let all = (0..scorer.items()).collect();
        Self { scorer, name, all, search: None }
    }

    /// Lets a token vocabulary search the catalogue with a beam of `width` titles: what it does not reach
    /// scores −∞. Unless they are kept, items that the visitor met take no place in the beam.
    #[must_use]
    pub fn searching(mut self, width: usize, is_met_kept: bool) -> Self {
        if self.scorer.is_by_tokens() {
            let trie = Trie::new(self.scorer.texts(), self.scorer.end());
            self.search = Some(Arc::new(Search { trie, width, is_met_kept }));
        }
        self
    }

    /// The same model asked for one number of stars (1 to 5) instead of its mixture.
    #[must_use]
    pub fn asking(&self, stars: usize) -> Self {
        let level = intensity_level((stars as f32 - 3.0) / 2.0);
        let scorer = self.scorer.asking(vec![Asked { level, weight: 1.0 }]);
        Self { search: self.search.clone(), ..Self::new(self.name.clone(), scorer) }
    }

    #[must_use]
    pub fn scorer(&self) -> &Scorer {
        &self.scorer
    }
}

impl Ranker for ModelRanker {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn score_catalog(&self, histories: &[&[Interaction]]) -> Result<Vec<Vec<f32>>> {
        let Some(search) = &self.search else {
            let questions: Vec<_> = histories.iter().map(|history| (*history, self.all.as_slice())).collect();
            return self.score_candidates(&questions);
        };
        let row = |history: &&[Interaction]| {
            let mut is_allowed = vec![true; self.all.len()];
            for met in history.iter().filter(|_| !search.is_met_kept) {
                is_allowed[met.item] = false;
            }
            let mut row = vec![f32::NEG_INFINITY; self.all.len()];
            let mut memory = Memory::default();
            let found = self.scorer.search(&search.trie, &mut memory, history, search.width, &is_allowed);
            for (item, score) in block_on(found)? {
                row[item] = score;
            }
            Ok(row)
        };
        histories.iter().map(row).collect()
    }

    fn score_candidates(&self, questions: &[(&[Interaction], &[usize])]) -> Result<Vec<Vec<f32>>> {
        Ok(block_on(self.scorer.score_many(questions))?)
    }
}
