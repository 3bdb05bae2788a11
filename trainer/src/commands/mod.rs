//! One verb, one file.

pub mod behaviour;
pub mod bench;
pub mod compare;
pub mod demo;
pub mod eval;
pub mod export;
pub mod inspect;
pub mod plot;
pub mod recommend;
pub mod schema;
pub mod serve;
pub mod train;
pub mod validate;
