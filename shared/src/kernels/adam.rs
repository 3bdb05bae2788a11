//! What is a step of AdamW made of? The numbers that are the same for all weights.
//!
//! # Source
//! Loshchilov and Hutter, arXiv 1711.05101.

/// The numbers of one step.
#[derive(Clone, Copy, Debug)]
pub struct AdamStep {
    /// What a delta is multiplied with.
    pub rate: f32,
    /// What a weight is multiplied with: 1 − rate·decay.
    pub keep: f32,
    pub beta_1: f32,
    pub beta_2: f32,
    pub epsilon: f32,
    /// The largest norm that a gradient may have; it is scaled down to it.
    pub clip: f32,
    /// Counted from 1.
    pub time: i32,
}

impl AdamStep {
    /// What both moments are multiplied with because they began at 0.
    #[must_use]
    pub fn corrections(&self) -> [f32; 2] {
        [self.beta_1, self.beta_2].map(|beta| (1.0 - beta.powi(self.time)).recip())
    }
}
