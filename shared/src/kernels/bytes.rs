//! How are many rows of states multiplied where a processor multiplies bytes, four pairs of them at once? States have 8
//! bits and a scale for each block of 32 columns, as weights have, and sums are exact within a block.
//!
//! Twice as fast as pairs of 16 bits, and the error of states is then as large as that of weights in `q8`; for whom
//! that is too much there are no such processors: [`super::instructions::Instructions::bytes`].

use super::{
    instructions::{Bytes, Instructions, PANEL, PanelBlock, QUADS, StateBlock, TOGETHER},
    panel_order::Block,
    panels::scale_of,
};
use crate::quant::BLOCK;

/// The largest state.
const STATE: f32 = 127.0;

/// Weights of a panel as bytes, four columns after another.
#[inline(always)]
pub(super) fn lay_out_weights<B: Block>(
    instructions: impl Instructions,
    bytes: Bytes,
    (blocks, scales): (&[B], &[[f32; PANEL]]),
    laid_out: &mut [PanelBlock],
) {
    for ((block, scales), laid_out) in blocks.iter().zip(scales).zip(laid_out) {
        laid_out.scales = *scales;
        for (part, quad) in block.parts().iter().zip(&mut laid_out.quads) {
            let [first, second] = B::bytes(instructions, part);
            *quad = instructions.quad(first, second, bytes.flipped());
        }
    }
}

/// Rounds a group of at most four rows of states and lays them side by side, four columns after another.
#[inline(always)]
pub(super) fn lay_out_states(
    instructions: impl Instructions,
    bytes: Bytes,
    group: &[f32],
    columns: usize,
    laid_out: &mut [StateBlock],
) {
    for (row, states) in group.chunks_exact(columns).enumerate() {
        let (blocks, rest) = states.as_chunks::<BLOCK>();
        let mut last = [0.0; BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        for (block, laid_out) in blocks.iter().chain([&last]).zip(&mut *laid_out) {
            let scale = scale_of(block, STATE);
            let rounded = instructions.round_block(block, if scale > 0.0 { 1.0 / scale } else { 0.0 });
            let sum: i32 = rounded.iter().map(|&state| i32::from(state)).sum();
            laid_out.scales[row] = scale;
            laid_out.starts[row] = bytes.start(sum);
            let quads: [i32; QUADS] = bytemuck::cast(rounded);
            for (quads, quad) in laid_out.quads.iter_mut().zip(quads) {
                quads[row] = quad;
            }
        }
    }
}

/// The rows of a panel times four rows of states.
#[inline(always)]
pub(super) fn multiply_plainly<I: Instructions>(
    instructions: I,
    bytes: Bytes,
    panel: &[PanelBlock],
    states: &[StateBlock],
) -> [I::Eight; TOGETHER] {
    let mut totals = [[0.0; PANEL]; TOGETHER];
    for (panel, states) in panel.iter().zip(states) {
        for (row, totals) in totals.iter_mut().enumerate() {
            let mut sums = [states.starts[row]; PANEL];
            for (weights, states) in panel.quads.iter().zip(&states.quads) {
                let states: [i8; 4] = bytemuck::cast(states[row]);
                let weights: &[[i8; 4]; PANEL] = bytemuck::cast_ref(weights);
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    let products = weights.iter().zip(states);
                    *sum +=
                        products.map(|(&weight, state)| bytes.read(weight) * i32::from(state)).sum::<i32>();
                }
            }
            for ((total, sum), scale) in totals.iter_mut().zip(sums).zip(panel.scales) {
                *total += sum as f32 * (scale * states.scales[row]);
            }
        }
    }
    totals.map(|totals| instructions.eight(&totals))
}
