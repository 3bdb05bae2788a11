//! Which operations of training are too slow as a composition of burn's own? Three, as burn backend extensions:
//! the normaliser of a softmax over a whole catalogue, the bags of text tokens that item vectors contain, and a step of
//! AdamW.

pub mod adam;
pub mod normaliser;
pub mod text_bag;
