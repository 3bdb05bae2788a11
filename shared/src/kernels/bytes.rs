//! How are many rows of states multiplied where a processor multiplies bytes, four pairs of them at once? States have 8
//! bits and a scale for each block of 32 columns, as weights have, and sums are exact within a block.
//!
//! Twice as fast as pairs of 16 bits, and the error of states is then as large as that of weights in `q8`; for whom
//! that is too much there are no such processors: [`super::instructions::Instructions::bytes`].

use super::{
    instructions::{Bytes, Instructions, PANEL, PanelBlock, StateBlock, TOGETHER},
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
    for (block, laid_out) in laid_out.iter_mut().enumerate() {
        let (start, end) = (block * BLOCK, columns.min((block + 1) * BLOCK));
        let mut padded = [[0.0; BLOCK]; TOGETHER];
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
            *inverse = if *scale > 0.0 { 1.0 / *scale } else { 0.0 };
        }
        let (quads, sums) = instructions.round_quads(rows, inverses);
        laid_out.quads = quads;
        for (start, sum) in laid_out.starts.iter_mut().zip(sums) {
            *start = bytes.start(sum);
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
