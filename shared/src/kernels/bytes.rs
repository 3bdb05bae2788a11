//! How are many rows of states multiplied where a processor multiplies bytes, four pairs of them at once? States have 8
//! bits and a scale for each block of 32 columns, as weights have, and sums are exact within a block.
//!
//! About twice as fast as pairs of 16 bits, and the error of states is then as large as that of weights in `q8`. Who does it
//! that way says so: [`Instructions::bytes`].

use super::{
    instructions::{Bytes, Instructions, PANEL, PanelBlock, StateBlock, TOGETHER},
    panel_order::Block,
    panels::{inverse_of, scale_of},
};
use crate::quant::BLOCK;

/// The largest state.
const STATE: f32 = 127.0;

/// Weights of a panel as bytes, four columns after another.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
pub(super) fn lay_out_weights<B: Block>(
    instructions: impl Instructions,
    bytes: Bytes,
    (blocks, scales): (&[B], &[[f32; PANEL]]),
    laid_out: &mut [PanelBlock],
) {
    for ((block, scales), laid_out) in blocks.iter().zip(scales).zip(laid_out) {
        laid_out.scales = *scales;
        for (part, quad) in block.parts().iter().zip(&mut laid_out.quads) {
            *quad = instructions.quad(B::bytes(instructions, part), bytes.flipped());
        }
    }
}

/// Rounds a group of at most four rows of states and lays them side by side, four columns after another.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
pub(super) fn lay_out_states(
    instructions: impl Instructions,
    bytes: Bytes,
    group: &[f32],
    columns: usize,
    laid_out: &mut [StateBlock],
) {
    // Of the last block, when the columns end within it.
    let mut padded = [[0.0; BLOCK]; TOGETHER];
    for (block, laid_out) in laid_out.iter_mut().enumerate() {
        let (start, end) = (block * BLOCK, columns.min((block + 1) * BLOCK));
        let mut rows = [&[0.0; BLOCK]; TOGETHER];
        for ((row, padded), states) in rows.iter_mut().zip(&mut padded).zip(group.chunks_exact(columns)) {
            let states = &states[start..end];
            *row = match states.as_array() {
                Some(whole) => whole,
                None => {
                    padded[..states.len()].copy_from_slice(states);
                    padded
                }
            };
        }
        let mut inverses = [0.0; TOGETHER];
        for ((scale, inverse), row) in laid_out.scales.iter_mut().zip(&mut inverses).zip(rows) {
            *scale = scale_of(row, STATE);
            *inverse = inverse_of(*scale);
        }
        let (quads, sums) = instructions.round_quads(rows, inverses);
        laid_out.quads = quads;
        for (start, sum) in laid_out.starts.iter_mut().zip(sums) {
            *start = bytes.start(sum);
        }
    }
}
