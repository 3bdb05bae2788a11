//! How do losses compare, on several data sets and with several seeds? Every step is the `trainer` command that a
//! user could type, in a process of its own, and leaves a file: a comparison that was interrupted goes on where
//! it stopped.
//!
//! ```text
//! OUT/DATA/seed-1/sft/           a run: the supervised stage
//! OUT/DATA/seed-1/recpo/         a run of each arm, begun from it
//! OUT/DATA/seed-1/recpo.json     what `trainer eval` says of it, under both protocols
//! OUT/DATA/seed-1/sasrec.json    the same of each of other people's methods
//! OUT/DATA/seed-1/behaviour.json the behaviour suite of all arms
//! OUT/report.md, report.json, DATA.html
//! ```

pub mod plan;
pub mod steps;
pub mod tables;
