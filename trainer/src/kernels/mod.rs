//! Which operations of training are too slow as a composition of burn's own? Two, as burn backend extensions:
//! the normaliser of a softmax over a whole catalogue, and the bags of text tokens that item vectors contain.
//!
//! Each has a plain composition (any backend, and the reference of its tests) and a kernel for the CPU.

pub mod normaliser;
pub mod text_bag;
