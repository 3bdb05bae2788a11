//! The engine in a browser: a thin wasm-bindgen layer over [`shared::engine`] that converts and delegates.
//!
//! One crate gives two bundles: `cpu` (burn on Flex, SIMD128) and `gpu` (burn on WebGPU).

mod device;
mod download;
mod error;
mod recommender;
