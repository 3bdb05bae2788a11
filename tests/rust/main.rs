//! Cross-crate tests, one binary.
//!
//! [`arrivals`] come after the export; [`golden`] pins the forward pass and the losses to numpy; [`package`] breaks packages in every way;
//! [`invariants`] compares ways to the same result; [`signals`] reads events by a table worked out by hand;
//! [`checkpoints`] holds imported models against transformers and PyTorch; [`rules`] tries to break promises; [`snapshot`] lets a history outlive the page; [`command_line`] uses the real binary; [`data_checks`] gives it data that somebody got wrong; [`fine_tuning`] does so with a published model; [`tidy`] keeps the house rules.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod arrivals;
mod checkpoints;
mod command_line;
mod data_checks;
mod fine_tuning;
mod golden;
mod invariants;
mod package;
mod rules;
mod signals;
mod snapshot;
mod tidy;
