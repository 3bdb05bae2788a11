//! The one model and engine of Vitrine: from what a visitor did to what the shop should show next.
//!
//! Compiles natively and to WebAssembly. Nothing here does I/O, reads a clock, starts a thread or draws a
//! random number of its own (first weights come from the device's seeded generator, dropout from a seed that is passed in).
//!
//! Data flow, in reading order; a module uses only those above it:
//! [`catalog`] → [`interaction`] → [`preference`] → [`amount`], [`signals`] → [`prompt`] / [`tokenizer`] →
//! [`quant`], [`noise`], `precision` (training alone) → [`kernels`] → [`matrix`] → [`transformer_config`] → [`places`] → `recomputation` (training alone) → [`model`] inside [`vocabulary`] →
//! `lora` (training alone) → [`weights`] → [`pass`] → [`score`] → [`snapshot`] → [`rank`] → [`rules`] → [`trie`] → [`package`] → [`engine`] → [`rehearsal`].
//!
//! Dimension letters: B rows, T positions, D hidden size, H heads, V tokens, N items, C candidates,
//! K rejected items, R states.

pub mod amount;
pub mod catalog;
pub mod engine;
pub mod interaction;
pub mod kernels;
#[cfg(feature = "train")]
pub mod lora;
pub mod matrix;
pub mod model;
pub mod noise;
pub mod package;
pub mod pass;
pub mod places;
#[cfg(feature = "train")]
pub mod precision;
pub mod preference;
pub mod prompt;
pub mod quant;
pub mod rank;
#[cfg(feature = "train")]
mod recomputation;
pub mod rehearsal;
pub mod rules;
pub mod score;
pub mod signals;
pub mod snapshot;
#[cfg(feature = "tokenizer")]
pub mod tokenizer;
pub mod transformer_config;
pub mod trie;
pub mod vocabulary;
pub mod weights;
