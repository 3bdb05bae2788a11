//! What can rank a catalogue after a history? The one interface of the model and of every baseline, so that
//! evaluation never asks which of them it is looking at.

use anyhow::Result;
use shared::interaction::Interaction;

/// A method that scores items for a visitor; higher is better, and only the order within one answer counts.
pub trait Ranker {
    /// Name in tables.
    fn name(&self) -> String;

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
