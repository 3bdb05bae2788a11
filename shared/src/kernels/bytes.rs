//! How is a packed matrix multiplied where a processor multiplies bytes, four pairs of them at once? Weights as they are,
//! states with a scale for each block of 32 columns, too; sums are exact within a block.
//!
//! * **Many rows of states** have 8 bits: about twice as fast as pairs of 16 bits, and the error of states is then as large as
//!   that of weights in `q8`.
//! * **A few rows** have 16 bits, in two rows of bytes, the high ones and the low ones: weights are read once for both.
//!
//! Who does it that way says so: [`Instructions::bytes`].
//!
//! # Error
//! As [`super::packed`] has it: |y − ŷ| ≤ Σ over blocks (s of the block/254 · Σ|ŵ| of the block), and for a few rows s/65278 in
//! place of s/254.

use std::ops::Range;

use super::{
    instructions::{Bytes, Instructions, QUADS, StateBlock, TOGETHER, Work},
    panel_matrix::{Output, PanelMatrix},
    panel_order::ByteBlock,
    panels::{inverse_of, scale_of},
};
use crate::quant::BLOCK;

/// From so many rows of states on, they have 8 bits.
pub(super) const BYTES_FROM: usize = 4;
/// The largest state of 8 bits.
const STATE: f32 = 127.0;
/// The largest of 16, whose high and low bytes have a sign each.
const STATE_IN_HALVES: f32 = (127 * HIGH + 127) as f32;
/// What one of the high bytes stands for.
const HIGH: i32 = 256;

/// Each row of states times each row of a matrix.
pub(super) struct Products<'a, B> {
    pub(super) bytes: Bytes,
    pub(super) matrix: PanelMatrix<'a, B>,
    pub(super) states: &'a [f32],
    pub(super) products: Output<'a>,
}

impl<B: ByteBlock> Work for Products<'_, B> {
    #[inline(always)]
    fn run(self, instructions: impl Instructions) {
        let Self { bytes, matrix, states, mut products } = self;
        if states.len() / matrix.columns < BYTES_FROM {
            by_halves(instructions, bytes, &matrix, states, &mut products);
        } else {
            by_bytes(instructions, bytes, &matrix, states, &mut products);
        }
    }
}

/// Two rows of bytes for each row of states.
#[inline(always)]
fn by_halves<B: ByteBlock>(
    instructions: impl Instructions,
    bytes: Bytes,
    matrix: &PanelMatrix<B>,
    states: &[f32],
    products: &mut Output,
) {
    let mut laid_out = vec![StateBlock::default(); matrix.blocks_per_row];
    for (two, group) in states.chunks(2 * matrix.columns).enumerate() {
        lay_out_halves(instructions, B::excess(bytes), group, matrix.columns, &mut laid_out);
        let (first, panels) = (2 * two, matrix.panels());
        if group.len() == matrix.columns {
            multiply_tile::<2, 2, B>(instructions, bytes, matrix, panels, (first, &laid_out), products);
        } else {
            multiply_tile::<4, 2, B>(instructions, bytes, matrix, panels, (first, &laid_out), products);
        }
    }
}

/// A row of bytes for each row of states, of which every four pass by a tile of weights.
#[inline(always)]
fn by_bytes<B: ByteBlock>(
    instructions: impl Instructions,
    bytes: Bytes,
    matrix: &PanelMatrix<B>,
    states: &[f32],
    products: &mut Output,
) {
    let (count, blocks) = (states.len() / matrix.columns, matrix.blocks_per_row);
    let mut laid_out = vec![StateBlock::default(); count.div_ceil(TOGETHER) * blocks];
    for (group, laid_out) in states.chunks(TOGETHER * matrix.columns).zip(laid_out.chunks_exact_mut(blocks)) {
        lay_out_states(instructions, B::excess(bytes), group, matrix.columns, laid_out);
    }
    for tile in matrix.tiles(size_of::<B>()) {
        for (first, states) in (0..count).step_by(TOGETHER).zip(laid_out.chunks_exact(blocks)) {
            multiply_tile::<TOGETHER, 1, B>(
                instructions,
                bytes,
                matrix,
                tile.clone(),
                (first, states),
                products,
            );
        }
    }
}

/// Some panels times R rows of bytes, H of which are a row of states; that of the first is number `first`.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
fn multiply_tile<const R: usize, const H: usize, B: ByteBlock>(
    instructions: impl Instructions,
    bytes: Bytes,
    matrix: &PanelMatrix<B>,
    tile: Range<usize>,
    (first, states): (usize, &[StateBlock]),
    products: &mut Output,
) {
    let last = products.products.len() / products.rows;
    for panel in tile {
        let totals = instructions.multiply_bytes::<R, B>(bytes, matrix.panel(panel), states);
        for (state, halves) in (first..last).zip(totals.as_chunks::<H>().0) {
            let mut total = halves[0];
            for half in &halves[1..] {
                total = instructions.add(total, *half);
            }
            products.put(state, panel, instructions.numbers(total));
        }
    }
}

/// Rounds a group of at most four rows of states to 8 bits and lays them side by side, four columns after another. `excess`
/// is by how much weights are read larger than they are.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
fn lay_out_states(
    instructions: impl Instructions,
    excess: i32,
    group: &[f32],
    columns: usize,
    laid_out: &mut [StateBlock],
) {
    let mut padded = [[0.0; BLOCK]; TOGETHER];
    for (block, laid_out) in laid_out.iter_mut().enumerate() {
        let rows = rows_of_block(group, columns, block, &mut padded);
        let mut inverses = [0.0; TOGETHER];
        for ((scale, inverse), row) in laid_out.scales.iter_mut().zip(&mut inverses).zip(rows) {
            *scale = scale_of(row, STATE);
            *inverse = inverse_of(*scale);
        }
        let (quads, sums) = instructions.round_quads(rows, inverses);
        laid_out.quads = quads;
        laid_out.starts = sums.map(|sum| -excess * sum);
    }
}

/// The same of at most two rows, each as two rows of bytes: high, low.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
fn lay_out_halves(
    instructions: impl Instructions,
    excess: i32,
    group: &[f32],
    columns: usize,
    laid_out: &mut [StateBlock],
) {
    let mut padded = [[0.0; BLOCK]; TOGETHER];
    for (block, laid_out) in laid_out.iter_mut().enumerate() {
        let rows = rows_of_block(group, columns, block, &mut padded);
        for (row, states) in rows.into_iter().take(group.len() / columns).enumerate() {
            let scale = scale_of(states, STATE_IN_HALVES);
            let inverse = inverse_of(scale);
            let (mut high, mut low) = ([[0_i8; 8]; BLOCK / 8], [[0_i8; 8]; BLOCK / 8]);
            for ((eight, high), low) in states.as_chunks::<8>().0.iter().zip(&mut high).zip(&mut low) {
                let rounded = instructions.round(eight, inverse);
                *low = rounded.map(|number| number as i8);
                // What the low byte's sign took away is added here.
                *high = rounded.map(|number| ((i32::from(number) - i32::from(number as i8)) / HIGH) as i8);
            }
            for (half, (bytes, unit)) in [(high, HIGH as f32), (low, 1.0)].into_iter().enumerate() {
                let row = 2 * row + half;
                let quads: [i32; QUADS] = bytemuck::cast(bytes);
                laid_out.quads.iter_mut().zip(quads).for_each(|(rows, quad)| rows[row] = quad);
                laid_out.scales[row] = scale * unit;
                laid_out.starts[row] =
                    -excess * bytes.as_flattened().iter().map(|&byte| i32::from(byte)).sum::<i32>();
            }
        }
    }
}

/// A block of each row of a group; of zeros where there is no row, and behind the last column, of which `padded` holds the
/// last block.
#[inline(always)]
fn rows_of_block<'a>(
    group: &'a [f32],
    columns: usize,
    block: usize,
    padded: &'a mut [[f32; BLOCK]; TOGETHER],
) -> [&'a [f32; BLOCK]; TOGETHER] {
    let (start, end) = (block * BLOCK, columns.min((block + 1) * BLOCK));
    let mut rows = [&[0.0; BLOCK]; TOGETHER];
    for ((row, padded), states) in rows.iter_mut().zip(padded).zip(group.chunks_exact(columns)) {
        let states = &states[start..end];
        *row = match states.as_array() {
            Some(whole) => whole,
            None => {
                padded[..states.len()].copy_from_slice(states);
                padded
            }
        };
    }
    rows
}
