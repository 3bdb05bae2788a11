//! Training on a GPU: what is no matrix product in one launch where compositions of burn's operations take ten, and the choice
//! of the kernel that multiplies. A step of a language model is thousands of launches, and each costs the host about as much
//! as the device.
//!
//! Numbers may be narrower than f32 where they are read and written; what is computed between is f32. On some devices rows
//! of a tensor begin at rounded addresses: what is read has the stride of its rows beside it, what is written has none.

mod adam;
mod launches;
mod layers;
mod look_up;
mod norm;
mod product;
mod softmax;

pub use adam::adam_update;
pub use product::{multiply, multiply_rows};
pub use softmax::{log_sum_exp, scaled_softmax};
