//! How is a packed matrix multiplied by pairs of 16-bit numbers, which every processor does? There are two ways, for a few
//! rows of states and for many:
//! * **block by block**: weights are widened to 16 bits where they are met; states have 16 bits, sums are exact within a
//!   block, one float product per block.
//! * **by panels**: eight rows of weights are brought to one scale for each row, with 12 bits beside the sign, once for
//!   all states; states have 11, and sums are exact over 256 columns. The inner loop is products and additions alone.
//!
//! # Error
//! As [`super::packed`] has it, where w is the largest weight of the row:
//! * block by block |y − ŷ| ≤ s/65534 · Σ|ŵ|
//! * by panels |y − ŷ| ≤ s/4094 · Σ|ŵ| + w/4095 · Σ(|x| + s/4094)

use std::ops::Range;

use super::{
    instructions::{Instructions, PANEL, PanelPair, StatePairs, TOGETHER, Work},
    panel_matrix::{Output, PanelMatrix},
    panel_order::{Block, PAIRS},
    panels::{PANEL_STATE, PANEL_WEIGHT, lay_out_states, multiply_panel},
};

/// From so many rows of states on, panels are faster: below, bringing weights to one scale costs more than it saves.
pub(super) const PANELS_FROM: usize = 32;

/// Each row of states times each row of a matrix.
pub(super) struct Products<'a, B> {
    pub(super) matrix: PanelMatrix<'a, B>,
    pub(super) states: &'a [f32],
    pub(super) products: Output<'a>,
}

impl<B: Block> Work for Products<'_, B> {
    #[inline(always)]
    fn run(self, instructions: impl Instructions) {
        let Self { matrix, states, mut products } = self;
        let count = states.len() / matrix.columns;
        let largest = if count < PANELS_FROM { f32::from(i16::MAX) } else { PANEL_STATE };
        let states = States::new(instructions, states, &matrix, largest);
        if count < PANELS_FROM {
            block_by_block(instructions, &matrix, &states, &mut products);
        } else {
            by_panels(instructions, &matrix, &states, &mut products);
        }
    }
}

/// Rounded states, four rows side by side.
struct States {
    count: usize,
    /// Pairs of a row, padded to whole blocks.
    pairs: usize,
    /// `[groups of four, pairs]`
    grouped: Vec<StatePairs>,
    scales: Vec<[f32; TOGETHER]>,
}

impl States {
    #[inline(always)]
    fn new<B>(
        instructions: impl Instructions,
        states: &[f32],
        matrix: &PanelMatrix<B>,
        largest: f32,
    ) -> Self {
        let (count, pairs) = (states.len() / matrix.columns, matrix.blocks_per_row * PAIRS);
        let mut grouped = vec![[0; TOGETHER]; count.div_ceil(TOGETHER) * pairs];
        let mut scales = Vec::with_capacity(count.div_ceil(TOGETHER));
        for (group, pairs) in states.chunks(TOGETHER * matrix.columns).zip(grouped.chunks_exact_mut(pairs)) {
            scales.push(lay_out_states(instructions, group, matrix.columns, largest, pairs));
        }
        Self { count, pairs, grouped, scales }
    }

    /// First row, pairs and scales of each four.
    #[inline(always)]
    fn groups(&self) -> impl Iterator<Item = (usize, &[StatePairs], &[f32; TOGETHER])> {
        let groups = self.grouped.chunks_exact(self.pairs).zip(&self.scales).enumerate();
        groups.map(|(group, (states, scales))| (group * TOGETHER, states, scales))
    }
}

#[inline(always)]
fn block_by_block<B: Block>(
    instructions: impl Instructions,
    matrix: &PanelMatrix<B>,
    states: &States,
    products: &mut Output,
) {
    for tile in matrix.tiles(size_of::<B>()) {
        for (first, group, scales) in states.groups() {
            let tile = tile.clone();
            match states.count - first {
                1 => multiply_tile::<1, B>(instructions, matrix, tile, group, scales, first, products),
                2 => multiply_tile::<2, B>(instructions, matrix, tile, group, scales, first, products),
                3 => multiply_tile::<3, B>(instructions, matrix, tile, group, scales, first, products),
                _ => multiply_tile::<TOGETHER, B>(instructions, matrix, tile, group, scales, first, products),
            }
        }
    }
}

/// Some panels times the first R rows of a group of states, of which the first is number `first`.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
fn multiply_tile<const R: usize, B: Block>(
    instructions: impl Instructions,
    matrix: &PanelMatrix<B>,
    tile: Range<usize>,
    states: &[StatePairs],
    scales: &[f32; TOGETHER],
    first: usize,
    products: &mut Output,
) {
    for panel in tile {
        let totals = multiply_blocks::<R, B, _>(instructions, matrix.panel(panel), states);
        for (state, (total, scale)) in totals.into_iter().zip(scales).enumerate() {
            let product = instructions.multiply(total, instructions.same(*scale));
            products.put(first + state, panel, instructions.numbers(product));
        }
    }
}

/// The rows of a panel times the first R rows of a group of states, before the scales of the states.
#[inline(always)]
fn multiply_blocks<const R: usize, B: Block, I: Instructions>(
    instructions: I,
    (blocks, scales): (&[B], &[[f32; PANEL]]),
    states: &[StatePairs],
) -> [I::Eight; R] {
    let mut totals = [instructions.same(0.0); R];
    for ((block, scales), states) in blocks.iter().zip(scales).zip(states.as_chunks::<PAIRS>().0) {
        let mut sums = [instructions.sums(); R];
        let (mut parts, mut states) = (block.parts(), states.as_chunks::<2>().0);
        // As in `add_all_pairs`.
        while let ([part, other_parts @ ..], [of_part, others @ ..]) = (parts, states) {
            for (weights, states) in B::widen(instructions, part).into_iter().zip(of_part) {
                for (sum, state) in sums.iter_mut().zip(states) {
                    *sum = instructions.add_pairs(*sum, weights, *state);
                }
            }
            (parts, states) = (other_parts, others);
        }
        let scales = instructions.eight(scales);
        for (total, sum) in totals.iter_mut().zip(sums) {
            *total = instructions.add(*total, instructions.multiply(instructions.to_eight(sum), scales));
        }
    }
    totals
}

#[inline(always)]
fn by_panels<B: Block>(
    instructions: impl Instructions,
    matrix: &PanelMatrix<B>,
    states: &States,
    products: &mut Output,
) {
    let mut panels = Vec::new();
    let mut weight_scales = Vec::new();
    for tile in matrix.tiles(PAIRS * size_of::<PanelPair>()) {
        panels.resize(tile.len() * states.pairs, PanelPair::default());
        weight_scales.clear();
        for (panel, pairs) in tile.clone().zip(panels.chunks_exact_mut(states.pairs)) {
            weight_scales.push(bring_to_one_scale(instructions, matrix.panel(panel), pairs));
        }
        for (first, group, scales) in states.groups() {
            let tile = (tile.start, panels.as_slice(), weight_scales.as_slice());
            multiply_tile_of_panels(instructions, tile, (first..states.count, group, scales), products);
        }
    }
}

/// Some panels, of which the first is number `first`, times a group of states, which are the first of these numbers.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
fn multiply_tile_of_panels(
    instructions: impl Instructions,
    (first, panels, weight_scales): (usize, &[PanelPair], &[[f32; PANEL]]),
    (numbers, states, scales): (Range<usize>, &[StatePairs], &[f32; TOGETHER]),
    products: &mut Output,
) {
    for (panel, (pairs, weight_scales)) in panels.chunks_exact(states.len()).zip(weight_scales).enumerate() {
        let totals = multiply_panel(instructions, pairs, states);
        let weight_scales = instructions.eight(weight_scales);
        for (state, (total, scale)) in numbers.clone().zip(totals.into_iter().zip(scales)) {
            let scale = instructions.multiply(weight_scales, instructions.same(*scale));
            let product = instructions.multiply(total, scale);
            products.put(state, first + panel, instructions.numbers(product));
        }
    }
}

/// Brings each row of a panel to one scale; gives what one unit of each row stands for.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
fn bring_to_one_scale<B: Block>(
    instructions: impl Instructions,
    (blocks, scales): (&[B], &[[f32; PANEL]]),
    pairs: &mut [PanelPair],
) -> [f32; PANEL] {
    // The largest factor, of 2^15, under which no weight exceeds the panel's largest.
    let most = ((PANEL_WEIGHT << 15) / (i32::from(B::LARGEST) << B::SHIFT)) as f32;
    let mut largest = instructions.same(0.0);
    for scales in scales {
        largest = instructions.larger(largest, instructions.eight(scales));
    }
    let largest = instructions.numbers(largest);
    let inverse = largest.map(|largest| if largest > 0.0 { most / largest } else { 0.0 });
    for ((block, scales), pairs) in blocks.iter().zip(scales).zip(pairs.as_chunks_mut::<PAIRS>().0) {
        let factors: [[i16; 2]; PANEL] = std::array::from_fn(
            #[inline(always)]
            |row| [(scales[row] * inverse[row]).round_ties_even() as i16; 2],
        );
        let factors = instructions.pair(&bytemuck::cast(factors));
        for (part, pairs) in block.parts().iter().zip(pairs.as_chunks_mut::<2>().0) {
            for (pair, weights) in pairs.iter_mut().zip(B::widen(instructions, part)) {
                *pair = instructions.rescale(weights, B::SHIFT, factors);
            }
        }
    }
    largest.map(|largest| largest * (1_i32 << 15) as f32 / (most * (1_i32 << B::SHIFT) as f32))
}
