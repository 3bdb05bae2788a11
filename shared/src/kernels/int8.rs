//! How is a matrix of small integers multiplied without unpacking it? Integer products, floats only for the scales.
//!
//! Two ways, for a few rows of states and for many:
//! * **row by row**: a row of weights is widened to 16 bits once for four rows of states; states have 16 bits, sums
//!   are exact within a block, one float product per block.
//! * **by panels**: eight rows of weights are brought to one scale for each row and laid out side by side, with 12
//!   bits beside the sign, once for all states; states have 11, and sums are exact over 256 columns. The inner loop
//!   is products and additions alone.
//!
//! # Error
//! Against the product with the dequantised weights ŵ, apart from f32 rounding, where s is the largest state of the
//! row and w the largest weight of the row:
//! * row by row |y − ŷ| ≤ s/65534 · Σ|ŵ|
//! * by panels |y − ŷ| ≤ s/4094 · Σ|ŵ| + w/4095 · Σ(|x| + s/4094)
//!
//! Rounding states to 8 bits, as others do, costs s/254 · Σ|ŵ|.

use std::ops::Range;

use super::{
    instructions::{Instructions, PANEL, PanelPair, TOGETHER, Work, halves, run},
    panels::{PANEL_WEIGHT, lay_out_states, multiply_panel, round, scale_of, side_by_side},
};
use crate::quant::BLOCK;

/// Weights of a block, before they are widened.
pub(super) trait Block: Copy {
    /// The largest value a weight can have.
    const LARGEST: i16;
    /// By so many bits the largest may be shifted and still have 16.
    const SHIFT: u32;

    /// As 16-bit numbers.
    fn widen<I: Instructions>(&self, instructions: I) -> I::Wide;

    /// As they are, for whoever is in no hurry.
    fn values(&self) -> [i8; BLOCK];
}

impl Block for [i8; BLOCK] {
    const LARGEST: i16 = 127;
    const SHIFT: u32 = 8;

    #[inline(always)]
    fn widen<I: Instructions>(&self, instructions: I) -> I::Wide {
        instructions.widen(self)
    }

    fn values(&self) -> [i8; BLOCK] {
        *self
    }
}

/// Two weights to a byte, as [`crate::quant::QuantisedMatrix`] lays them out.
impl Block for [u8; BLOCK / 2] {
    const LARGEST: i16 = 7;
    const SHIFT: u32 = 12;

    #[inline(always)]
    fn widen<I: Instructions>(&self, instructions: I) -> I::Wide {
        instructions.widen_halves(self)
    }

    fn values(&self) -> [i8; BLOCK] {
        halves(self)
    }
}

/// A packed matrix of either kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum Packed<'a> {
    Eight(Int8Matrix<'a, [i8; BLOCK]>),
    Four(Int8Matrix<'a, [u8; BLOCK / 2]>),
}

impl<'a> Packed<'a> {
    /// Words as [`crate::quant::QuantisedMatrix::words`] lays them out; their number says how many bits a weight has.
    ///
    /// # Panics
    /// When the numbers do not fit each other, as every operation of burn does.
    pub(super) fn new(words: &'a [u32], scales: &'a [f32], columns: usize) -> Self {
        let matrix = match words.len().checked_div(scales.len()) {
            Some(words_per_block) if words_per_block == BLOCK / 4 => {
                Int8Matrix::new(bytemuck::cast_slice(words), scales, columns).map(Self::Eight)
            }
            _ => Int8Matrix::new(bytemuck::cast_slice(words), scales, columns).map(Self::Four),
        };
        let Some(matrix) = matrix else {
            panic!("{} words, {} scales and {columns} columns make no matrix", words.len(), scales.len());
        };
        matrix
    }

    /// Each row of `states` times each row of this matrix.
    ///
    /// # Shapes
    /// states `[R, columns]` → `[R, rows]`, both row-major
    pub(super) fn products(&self, states: &[f32]) -> Vec<f32> {
        match self {
            Self::Eight(matrix) => matrix.products(states),
            Self::Four(matrix) => matrix.products(states),
        }
    }

    /// The rows with these numbers, dequantised.
    ///
    /// # Shapes
    /// numbers `[R]` → `[R, columns]`
    ///
    /// # Panics
    /// When there is no such row, as burn's own lookup does.
    pub(super) fn select(&self, rows: &[usize]) -> Vec<f32> {
        match self {
            Self::Eight(matrix) => matrix.select(rows),
            Self::Four(matrix) => matrix.select(rows),
        }
    }
}

/// A row-major matrix whose rows are padded with zeros to whole blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Int8Matrix<'a, B> {
    blocks: &'a [B],
    scales: &'a [f32],
    columns: usize,
    blocks_per_row: usize,
}

impl<'a, B: Block> Int8Matrix<'a, B> {
    /// `blocks` are whole rows, `scales` one per block; `None` when their numbers do not fit `columns`.
    fn new(blocks: &'a [B], scales: &'a [f32], columns: usize) -> Option<Self> {
        let blocks_per_row = columns.div_ceil(BLOCK);
        let fits =
            blocks_per_row > 0 && blocks.len() == scales.len() && blocks.len().is_multiple_of(blocks_per_row);
        fits.then_some(Self { blocks, scales, columns, blocks_per_row })
    }

    fn rows(&self) -> usize {
        self.blocks.len() / self.blocks_per_row
    }

    fn products(&self, states: &[f32]) -> Vec<f32> {
        let rows = self.rows();
        let mut products = vec![0.0; states.len() / self.columns * rows];
        run(Products { matrix: *self, states, products: &mut products });
        products
    }

    fn select(&self, rows: &[usize]) -> Vec<f32> {
        let mut selected = Vec::with_capacity(rows.len() * self.columns);
        for &row in rows {
            let (blocks, scales) = self.row(row);
            let end = selected.len() + self.columns;
            for (block, scale) in blocks.iter().zip(scales) {
                selected.extend(block.values().map(|value| f32::from(value) * scale));
            }
            selected.truncate(end);
        }
        selected
    }

    #[inline(always)]
    fn row(&self, row: usize) -> (&'a [B], &'a [f32]) {
        let range = row * self.blocks_per_row..(row + 1) * self.blocks_per_row;
        (&self.blocks[range.clone()], &self.scales[range])
    }
}

/// From so many rows of states on, panels are faster: below, bringing weights to one scale costs more than it saves.
const PANELS_FROM: usize = 12;
/// Rows of weights that all states meet before the next ones, row by row: they stay in the nearest cache.
const TILE: usize = 64;

/// Bytes of weights in panels that states pass by: half of a nearest cache.
const CACHE: usize = 16 << 10;

struct Products<'a, B> {
    matrix: Int8Matrix<'a, B>,
    states: &'a [f32],
    products: &'a mut [f32],
}

impl<B: Block> Work for Products<'_, B> {
    #[inline(always)]
    fn run(self, instructions: impl Instructions) {
        let Self { matrix, states, products } = self;
        let (rows, columns) = (matrix.rows(), matrix.columns);
        let count = states.len() / columns;
        let in_panels = if count < PANELS_FROM { 0 } else { rows / PANEL * PANEL };
        by_panels(instructions, &matrix, 0..in_panels, states, products);
        row_by_row(instructions, &matrix, in_panels..rows, states, products);
    }
}

#[inline(always)]
fn row_by_row<B: Block>(
    instructions: impl Instructions,
    matrix: &Int8Matrix<B>,
    weights: Range<usize>,
    states: &[f32],
    products: &mut [f32],
) {
    let (rows, columns, blocks) = (matrix.rows(), matrix.columns, matrix.blocks_per_row);
    if weights.is_empty() || states.is_empty() {
        return;
    }
    let mut rounded = vec![[0_i16; BLOCK]; states.len() / columns * blocks];
    let mut scales = Vec::with_capacity(states.len() / columns);
    for (row, rounded) in states.chunks_exact(columns).zip(rounded.chunks_exact_mut(blocks)) {
        let scale = scale_of(row, f32::from(i16::MAX));
        round(instructions, row, scale, rounded.as_flattened_mut());
        scales.push(scale);
    }
    for tile in weights.clone().step_by(TILE) {
        let tile = tile..weights.end.min(tile + TILE);
        for first in (0..scales.len()).step_by(TOGETHER) {
            let (states, scales) = (&rounded[first * blocks..], &scales[first..]);
            let products = &mut products[first * rows..];
            match scales.len() {
                1 => multiply_tile::<1, B>(instructions, matrix, tile.clone(), states, scales, products),
                2 => multiply_tile::<2, B>(instructions, matrix, tile.clone(), states, scales, products),
                3 => multiply_tile::<3, B>(instructions, matrix, tile.clone(), states, scales, products),
                _ => {
                    multiply_tile::<TOGETHER, B>(
                        instructions,
                        matrix,
                        tile.clone(),
                        states,
                        scales,
                        products,
                    );
                }
            }
        }
    }
}

/// A tile of rows of weights times the first R rows of states.
#[inline(always)]
fn multiply_tile<const R: usize, B: Block>(
    instructions: impl Instructions,
    matrix: &Int8Matrix<B>,
    tile: Range<usize>,
    states: &[[i16; BLOCK]],
    scales: &[f32],
    products: &mut [f32],
) {
    let blocks = matrix.blocks_per_row;
    let together: [_; R] = std::array::from_fn(|state| &states[state * blocks..(state + 1) * blocks]);
    for row in tile {
        let sums = multiply_row(instructions, matrix.row(row), together);
        for (state, (sum, scale)) in sums.into_iter().zip(scales).enumerate() {
            products[state * matrix.rows() + row] = sum * scale;
        }
    }
}

#[inline(always)]
fn multiply_row<const R: usize, B: Block>(
    instructions: impl Instructions,
    (blocks, scales): (&[B], &[f32]),
    states: [&[[i16; BLOCK]]; R],
) -> [f32; R] {
    let mut sums = [instructions.floats(); R];
    for (block, (weights, &scale)) in blocks.iter().zip(scales).enumerate() {
        let weights = weights.widen(instructions);
        for (sum, states) in sums.iter_mut().zip(states) {
            *sum = instructions.add_block(*sum, weights, &states[block], scale);
        }
    }
    sums.map(
        #[inline(always)]
        |sum| instructions.total(sum),
    )
}

/// `weights` are whole panels.
#[inline(always)]
fn by_panels<B: Block>(
    instructions: impl Instructions,
    matrix: &Int8Matrix<B>,
    weights: Range<usize>,
    states: &[f32],
    products: &mut [f32],
) {
    if weights.is_empty() || states.is_empty() {
        return;
    }
    let (rows, columns) = (matrix.rows(), matrix.columns);
    let count = states.len() / columns;
    let pairs = matrix.blocks_per_row * BLOCK / 2;
    let mut grouped = vec![[0; TOGETHER]; count.div_ceil(TOGETHER) * pairs];
    let mut scales = Vec::with_capacity(count.div_ceil(TOGETHER));
    for (group, pairs) in states.chunks(TOGETHER * columns).zip(grouped.chunks_exact_mut(pairs)) {
        scales.push(lay_out_states(instructions, group, columns, pairs));
    }
    // As many panels at a time as stay in the nearest cache while the states pass by.
    let at_once = (CACHE / (pairs * size_of::<PanelPair>())).max(1);
    let mut panels = vec![[[0; 4]; 2]; at_once * pairs];
    let mut weight_scales = vec![[0.0; PANEL]; at_once];
    for first in weights.clone().step_by(at_once * PANEL) {
        let rows_of_panels = (first..weights.end.min(first + at_once * PANEL)).step_by(PANEL);
        let laid_out = panels.chunks_exact_mut(pairs).zip(&mut weight_scales);
        for (row, (panel, scales)) in rows_of_panels.clone().zip(laid_out) {
            *scales = lay_out_weights(instructions, matrix, row, panel);
        }
        for (group, (states, scales)) in grouped.chunks_exact(pairs).zip(&scales).enumerate() {
            let laid_out = panels.chunks_exact(pairs).zip(&weight_scales);
            for (row, (panel, weight_scales)) in rows_of_panels.clone().zip(laid_out) {
                let totals = multiply_panel(instructions, panel, states);
                let weight_scales = instructions.eight(weight_scales);
                for (state, (total, scale)) in (group * TOGETHER..count).zip(totals.into_iter().zip(scales)) {
                    let scale = instructions.multiply(weight_scales, instructions.same(*scale));
                    let product = instructions.numbers(instructions.multiply(total, scale));
                    let start = state * rows + row;
                    products[start..start + PANEL].copy_from_slice(&product);
                }
            }
        }
    }
}

/// Brings rows `first` to `first` + 8 to one scale each and lays their pairs of columns side by side.
/// Gives what one unit of each row stands for.
#[inline(always)]
fn lay_out_weights<B: Block>(
    instructions: impl Instructions,
    matrix: &Int8Matrix<B>,
    first: usize,
    panel: &mut [PanelPair],
) -> [f32; PANEL] {
    // The largest factor, of 2^15, under which no weight exceeds the panel's largest.
    let most = ((PANEL_WEIGHT << 15) / (i32::from(B::LARGEST) << B::SHIFT)) as f32;
    let rows: [(&[B], &[f32]); PANEL] = std::array::from_fn(|row| matrix.row(first + row));
    let largest = rows.map(|(_, scales)| scales.iter().fold(0.0_f32, |largest, scale| largest.max(*scale)));
    let inverse = largest.map(|largest| if largest > 0.0 { most / largest } else { 0.0 });
    for (block, panel) in panel.as_chunks_mut::<{ BLOCK / 2 }>().0.iter_mut().enumerate() {
        let rescaled: [[[i16; 8]; 4]; PANEL] = std::array::from_fn(
            #[inline(always)]
            |row| {
                let (blocks, scales) = rows[row];
                let factor = (scales[block] * inverse[row]).round_ties_even() as i16;
                instructions.rescale(blocks[block].widen(instructions), B::SHIFT, factor)
            },
        );
        for (eight, panel) in panel.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            side_by_side(
                instructions,
                panel,
                #[inline(always)]
                |row| rescaled[row][eight],
            );
        }
    }
    largest.map(|largest| largest * (1_i32 << 15) as f32 / (most * (1_i32 << B::SHIFT) as f32))
}

#[cfg(test)]
mod tests {
    use super::{super::instructions::Plain, *};

    /// Fixed pseudo-random numbers from -1 to 1.
    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 + seed * 104_729 + 13) % 2003) as f32 / 1001.0 - 1.0).collect()
    }

    struct Case<B> {
        blocks: Vec<B>,
        scales: Vec<f32>,
        states: Vec<f32>,
    }

    /// A matrix of small integers in −`largest` to `largest`, zeros behind the last column.
    fn integers(rows: usize, columns: usize, largest: f32) -> Vec<i8> {
        let padded = columns.div_ceil(BLOCK) * BLOCK;
        let mut values = vec![0; rows * padded];
        for (row, values) in values.chunks_mut(padded).enumerate() {
            for (value, number) in values.iter_mut().zip(numbers(columns, row)) {
                *value = (number * largest).round() as i8;
            }
        }
        values
    }

    fn case<B>(rows: usize, columns: usize, count: usize, blocks: Vec<B>) -> Case<B> {
        let scales = numbers(rows * columns.div_ceil(BLOCK), 3).into_iter().map(|s| 0.01 + s.abs()).collect();
        Case { blocks, scales, states: numbers(count * columns, 5).iter().map(|s| s * 40.0).collect() }
    }

    fn bytes(rows: usize, columns: usize, count: usize) -> Case<[i8; BLOCK]> {
        case(rows, columns, count, integers(rows, columns, 127.0).as_chunks().0.to_vec())
    }

    fn nibbles(rows: usize, columns: usize, count: usize) -> Case<[u8; BLOCK / 2]> {
        let integers = integers(rows, columns, 7.0);
        let half = |value: i8| (value + 8) as u8;
        let pack =
            |block: &[i8; BLOCK]| std::array::from_fn(|i| half(block[i]) | (half(block[i + BLOCK / 2]) << 4));
        case(rows, columns, count, integers.as_chunks().0.iter().map(pack).collect())
    }

    const SHAPES: [(usize, usize, usize); 13] = [
        (1, 1, 1),
        (3, 31, 2),
        (7, 32, 4),
        (65, 33, 5),
        (130, 64, 9),
        (5, 176, 3),
        (64, 257, 8),
        (17, 96, 12),
        (16, 257, 12),
        (23, 600, 21),
        (8, 1, 12),
        (9, 40, 15),
        (2, 64, 0),
    ];

    fn stays_within_its_bound<B: Block>(
        case: impl Fn(usize, usize, usize) -> Case<B>,
        products_of: impl Fn(&Int8Matrix<B>, &[f32]) -> Vec<f32>,
    ) {
        for (rows, columns, count) in SHAPES {
            let Case { blocks, scales, states } = case(rows, columns, count);
            let matrix = Int8Matrix::new(&blocks, &scales, columns).unwrap();
            assert_eq!(matrix.rows(), rows);
            let products = products_of(&matrix, &states);
            assert_eq!(products.len(), rows * count);
            let weights = matrix.select(&(0..rows).collect::<Vec<_>>());
            for (states, products) in states.chunks(columns).zip(products.chunks(rows)) {
                let sizes = |values: &[f32]| values.iter().map(|v| f64::from(v.abs())).collect::<Vec<_>>();
                let largest_state = sizes(states).into_iter().fold(0.0, f64::max);
                for (row, (weights, product)) in weights.chunks(columns).zip(products).enumerate() {
                    let pairs = || weights.iter().zip(states).map(|(&w, &s)| f64::from(w) * f64::from(s));
                    let scale = matrix.row(row).1.iter().fold(0.0_f32, |m, s| m.max(*s));
                    let unit = f64::from(scale) * f64::from(B::LARGEST) / 4094.0;
                    let bound = if count < PANELS_FROM {
                        largest_state / 65534.0 * sizes(weights).iter().sum::<f64>()
                    } else {
                        let rounding = largest_state / 4094.0;
                        rounding * sizes(weights).iter().sum::<f64>()
                            + unit * sizes(states).iter().map(|state| state + rounding).sum::<f64>()
                    };
                    let float_rounding = 1e-5 * pairs().map(f64::abs).sum::<f64>() + 1e-6;
                    let error = (f64::from(*product) - pairs().sum::<f64>()).abs();
                    assert!(
                        error <= bound + float_rounding,
                        "{rows}x{columns}, {count}, row {row}: {error} of {bound}"
                    );
                }
            }
        }
    }

    fn fast<B: Block>(matrix: &Int8Matrix<B>, states: &[f32]) -> Vec<f32> {
        matrix.products(states)
    }

    #[test]
    fn products_stay_within_the_bound() {
        stays_within_its_bound(bytes, fast);
        stays_within_its_bound(nibbles, fast);
    }

    fn plain<B: Block>(matrix: &Int8Matrix<B>, states: &[f32]) -> Vec<f32> {
        let mut products = vec![0.0; states.len() / matrix.columns * matrix.rows()];
        Products { matrix: *matrix, states, products: &mut products }.run(Plain);
        products
    }

    #[test]
    fn plain_loops_stay_within_the_bound() {
        stays_within_its_bound(bytes, plain);
        stays_within_its_bound(nibbles, plain);
    }

    #[test]
    fn every_set_of_instructions_gives_the_same() {
        for count in [3, 14] {
            let Case { blocks, scales, states } = bytes(21, 300, count);
            let matrix = Int8Matrix::new(&blocks, &scales, 300).unwrap();
            for (fast, plain) in matrix.products(&states).into_iter().zip(plain(&matrix, &states)) {
                assert!((fast - plain).abs() <= 1e-4 * plain.abs().max(1.0), "{fast} {plain}");
            }
        }
    }

    #[test]
    fn extreme_numbers_do_not_overflow() {
        // Every product has the largest size and the same sign, over more columns than one exact sum holds.
        for (weight, sign) in [(127, 1.0), (-127, 1.0), (-127, -1.0)] {
            let blocks = [[weight; BLOCK]; 16 * 9];
            let matrix = Int8Matrix::new(&blocks, &[1.0; 16 * 9], 16 * BLOCK).unwrap();
            let exact = f32::from(weight) * sign * 3e30 * (16 * BLOCK) as f32;
            for count in [1, 12] {
                for product in matrix.products(&vec![sign * 3e30; count * 16 * BLOCK]) {
                    assert!((product / exact - 1.0).abs() < 1e-3, "{product} {exact}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_number_spoils_its_own_row_alone() {
        let Case { blocks, scales, mut states } = bytes(9, 40, 13);
        let matrix = Int8Matrix::new(&blocks, &scales, 40).unwrap();
        let before = matrix.products(&states);
        for bad in [f32::NAN, f32::INFINITY] {
            states[2 * 40 + 7] = bad;
            for (row, (now, before)) in matrix.products(&states).chunks(9).zip(before.chunks(9)).enumerate() {
                assert!(if row == 2 { now.iter().all(|p| p.is_nan()) } else { now == before });
            }
        }
    }

    #[test]
    fn lengths_that_do_not_fit_are_refused_and_zeros_give_zeros() {
        let matrix = |blocks: usize, scales: usize, columns| {
            Int8Matrix::new(&vec![[1_i8; BLOCK]; blocks], &vec![1.0; scales], columns).map(|m| m.rows())
        };
        assert_eq!(matrix(2, 2, 64), Some(1));
        for (blocks, scales, columns) in [(2, 1, 64), (3, 3, 64), (0, 0, 0)] {
            assert_eq!(matrix(blocks, scales, columns), None);
        }
        let blocks = [[1_i8; BLOCK]; 2];
        let matrix = Int8Matrix::new(&blocks, &[1.0; 2], 64).unwrap();
        assert_eq!(matrix.products(&[0.0; 64]), [0.0]);
        assert_eq!(matrix.products(&[1e-42; 64]), [0.0]);
    }
}
