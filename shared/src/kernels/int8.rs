//! How is a matrix of small integers multiplied without unpacking it? Integer products, floats only for the scales.
//!
//! Three ways, one for a few rows of states and two for many, all on weights in the order of [`super::panel_order`]:
//! * **block by block**: weights are widened to 16 bits where they are met; states have 16 bits, sums are exact within a
//!   block, one float product per block.
//! * **by panels**: eight rows of weights are brought to one scale for each row, with 12 bits beside the sign, once for
//!   all states; states have 11, and sums are exact over 256 columns. The inner loop is products and additions alone.
//! * **by bytes**, where a processor multiplies them: states and weights have 8 bits and a scale for each block
//!   ([`super::bytes`]).
//!
//! # Error
//! Against the product with the dequantised weights ŵ, apart from f32 rounding, where s is the largest state of the
//! row and w the largest weight of the row:
//! * block by block |y − ŷ| ≤ s/65534 · Σ|ŵ|
//! * by panels |y − ŷ| ≤ s/4094 · Σ|ŵ| + w/4095 · Σ(|x| + s/4094)
//! * by bytes |y − ŷ| ≤ Σ over blocks (s of the block/254 · Σ|ŵ| of the block)

use std::ops::Range;

use super::{
    bytes,
    instructions::{
        Bytes, Instructions, PANEL, PanelBlock, PanelPair, StateBlock, StatePairs, TOGETHER, Work, run,
    },
    panel_order::{Block, PAIRS},
    panels::{PANEL_STATE, PANEL_WEIGHT, lay_out_states, multiply_panel},
};
use crate::quant::BLOCK;

/// A packed matrix of either kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum Packed<'a> {
    Eight(Int8Matrix<'a, [[i8; 2 * PANEL]; PAIRS]>),
    Four(Int8Matrix<'a, [[u8; 2 * PANEL]; PAIRS / 2]>),
}

impl<'a> Packed<'a> {
    /// Words and scales as [`super::panel_order::in_panels`] lays them out; their number says how many bits a weight has.
    ///
    /// # Panics
    /// When the numbers do not fit each other, as every operation of burn does.
    pub(super) fn new(words: &'a [u32], scales: &'a [f32], [rows, columns]: [usize; 2]) -> Self {
        let matrix = match words.len().checked_div(scales.len()) {
            Some(words_per_block) if words_per_block == BLOCK / 4 => {
                Int8Matrix::new(bytemuck::cast_slice(words), scales, rows, columns).map(Self::Eight)
            }
            _ => Int8Matrix::new(bytemuck::cast_slice(words), scales, rows, columns).map(Self::Four),
        };
        let Some(matrix) = matrix else {
            panic!(
                "{} words, {} scales and {columns} columns make no {rows} rows",
                words.len(),
                scales.len()
            );
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

/// A matrix in panels of eight rows, with zeros behind the last row and the last column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Int8Matrix<'a, B> {
    /// `[panels, blocks of a row]`
    blocks: &'a [B],
    /// As blocks.
    scales: &'a [[f32; PANEL]],
    rows: usize,
    columns: usize,
    blocks_per_row: usize,
}

impl<'a, B: Block> Int8Matrix<'a, B> {
    /// `None` when the numbers of blocks and scales do not fit rows and columns.
    fn new(blocks: &'a [B], scales: &'a [f32], rows: usize, columns: usize) -> Option<Self> {
        let blocks_per_row = columns.div_ceil(BLOCK);
        let (scales, rest) = scales.as_chunks();
        let fits = blocks_per_row > 0
            && rest.is_empty()
            && blocks.len() == scales.len()
            && rows.div_ceil(PANEL).checked_mul(blocks_per_row) == Some(blocks.len());
        fits.then_some(Self { blocks, scales, rows, columns, blocks_per_row })
    }

    fn products(&self, states: &[f32]) -> Vec<f32> {
        let mut products = vec![0.0; states.len() / self.columns * self.rows];
        run(Products { matrix: *self, states, products: &mut products });
        products
    }

    fn select(&self, rows: &[usize]) -> Vec<f32> {
        let mut selected = Vec::with_capacity(rows.len() * self.columns);
        for &row in rows {
            let (blocks, scales) = self.panel(row / PANEL);
            let end = selected.len() + self.columns;
            for (block, scales) in blocks.iter().zip(scales) {
                let scale = scales[row % PANEL];
                selected.extend((0..BLOCK).map(|column| f32::from(block.value(row % PANEL, column)) * scale));
            }
            selected.truncate(end);
        }
        selected
    }

    #[inline(always)]
    fn panel(&self, panel: usize) -> (&'a [B], &'a [[f32; PANEL]]) {
        let range = panel * self.blocks_per_row..(panel + 1) * self.blocks_per_row;
        (&self.blocks[range.clone()], &self.scales[range])
    }

    /// Panels, so many at a time that `bytes` for each of their blocks stay in the nearest cache while states pass by.
    #[inline(always)]
    fn tiles(&self, bytes: usize) -> impl Iterator<Item = Range<usize>> {
        let panels = self.blocks.len() / self.blocks_per_row;
        let at_once = (CACHE / (self.blocks_per_row * bytes)).max(1);
        (0..panels).step_by(at_once).map(move |first| first..panels.min(first + at_once))
    }
}

/// From so many rows of states on, panels are faster: below, bringing weights to one scale costs more than it saves.
const PANELS_FROM: usize = 32;
/// The same of bytes.
const BYTES_FROM: usize = 4;
/// Bytes of weights that states pass by: half of a nearest cache.
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
        if products.is_empty() {
            return;
        }
        let count = states.len() / matrix.columns;
        if let Some(bytes) = instructions.bytes()
            && count >= BYTES_FROM
        {
            by_bytes(instructions, bytes, &matrix, states, &mut Output { rows: matrix.rows, products });
            return;
        }
        let largest = if count < PANELS_FROM { f32::from(i16::MAX) } else { PANEL_STATE };
        let states = States::new(instructions, states, &matrix, largest);
        let mut products = Output { rows: matrix.rows, products };
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
    fn new<B>(instructions: impl Instructions, states: &[f32], matrix: &Int8Matrix<B>, largest: f32) -> Self {
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

/// Where products go: `[rows of states, rows of weights]`.
struct Output<'a> {
    products: &'a mut [f32],
    rows: usize,
}

impl Output<'_> {
    /// What a panel gave for one row of states; the last panel may have fewer rows than that.
    #[inline(always)]
    fn put(&mut self, state: usize, panel: usize, products: [f32; PANEL]) {
        let (start, end) = (panel * PANEL, self.rows.min((panel + 1) * PANEL));
        let place = &mut self.products[state * self.rows + start..state * self.rows + end];
        match place.first_chunk_mut() {
            Some(whole) => *whole = products,
            None => place.copy_from_slice(&products[..place.len()]),
        }
    }
}

#[inline(always)]
fn block_by_block<B: Block>(
    instructions: impl Instructions,
    matrix: &Int8Matrix<B>,
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
    matrix: &Int8Matrix<B>,
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

/// States are laid out once, weights for each tile.
#[inline(always)]
fn by_bytes<B: Block>(
    instructions: impl Instructions,
    bytes: Bytes,
    matrix: &Int8Matrix<B>,
    states: &[f32],
    products: &mut Output,
) {
    let (count, blocks) = (states.len() / matrix.columns, matrix.blocks_per_row);
    let mut laid_out = vec![StateBlock::default(); count.div_ceil(TOGETHER) * blocks];
    for (group, laid_out) in states.chunks(TOGETHER * matrix.columns).zip(laid_out.chunks_exact_mut(blocks)) {
        bytes::lay_out_states(instructions, bytes, group, matrix.columns, laid_out);
    }
    let mut panels = Vec::new();
    for tile in matrix.tiles(size_of::<PanelBlock>()) {
        panels.resize(tile.len() * blocks, PanelBlock::default());
        for (panel, laid_out) in tile.clone().zip(panels.chunks_exact_mut(blocks)) {
            bytes::lay_out_weights(instructions, bytes, matrix.panel(panel), laid_out);
        }
        for (first, states) in (0..count).step_by(TOGETHER).zip(laid_out.chunks_exact(blocks)) {
            multiply_tile_of_bytes(
                instructions,
                bytes,
                (tile.start, &panels),
                (first..count, states),
                products,
            );
        }
    }
}

/// Some panels, of which the first is number `first`, times a group of states, which are the first of these numbers.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
fn multiply_tile_of_bytes(
    instructions: impl Instructions,
    bytes: Bytes,
    (first, panels): (usize, &[PanelBlock]),
    (numbers, states): (Range<usize>, &[StateBlock]),
    products: &mut Output,
) {
    for (panel, weights) in panels.chunks_exact(states.len()).enumerate() {
        let totals = instructions.multiply_bytes(bytes, weights, states);
        for (state, total) in numbers.clone().zip(totals) {
            products.put(state, first + panel, instructions.numbers(total));
        }
    }
}

#[inline(always)]
fn by_panels<B: Block>(
    instructions: impl Instructions,
    matrix: &Int8Matrix<B>,
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

/// As [`multiply_tile_of_bytes`].
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

#[cfg(test)]
mod tests {
    use half::f16;

    use super::{
        super::{instructions::Plain, panel_order::in_panels},
        *,
    };
    use crate::quant::{Bits, QuantisedMatrix};

    /// Fixed pseudo-random numbers from -1 to 1.
    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 + seed * 104_729 + 13) % 2003) as f32 / 1001.0 - 1.0).collect()
    }

    /// A matrix, and states to multiply it with.
    struct Case {
        words: Vec<u32>,
        scales: Vec<f32>,
        dims: [usize; 2],
        /// The largest scale of each row times the largest value.
        largest: Vec<f64>,
        /// Row-major.
        weights: Vec<f32>,
        states: Vec<f32>,
    }

    impl Case {
        /// Values of every size, and a scale of its own for every block.
        fn new(bits: Bits, rows: usize, columns: usize, count: usize) -> Self {
            let largest = if bits == Bits::Eight { 127.0 } else { 7.0 };
            let mut values = numbers(rows * columns, 1);
            let blocks = columns.div_ceil(BLOCK);
            let scales: Vec<f32> = numbers(rows * blocks, 3).into_iter().map(|s| 0.01 + s.abs()).collect();
            for (place, value) in values.iter_mut().enumerate() {
                *value *= largest * scales[place / columns * blocks + place % columns / BLOCK];
            }
            Self::of(&QuantisedMatrix::new(&values, rows, columns, bits), count)
        }

        fn of(matrix: &QuantisedMatrix, count: usize) -> Self {
            let (words, scales) = in_panels(matrix);
            let largest = if matrix.bits == Bits::Eight { 127.0 } else { 7.0 };
            let of_rows: Vec<f32> = matrix.scales().collect();
            Self {
                words,
                scales,
                dims: [matrix.rows, matrix.columns],
                largest: of_rows
                    .chunks(matrix.columns.div_ceil(BLOCK))
                    .map(|scales| largest * f64::from(scales.iter().copied().fold(0.0, f32::max)))
                    .collect(),
                weights: matrix.dequantise(),
                states: numbers(count * matrix.columns, 5).iter().map(|s| s * 40.0).collect(),
            }
        }

        fn matrix(&self) -> Packed<'_> {
            Packed::new(&self.words, &self.scales, self.dims)
        }
    }

    const SHAPES: [(usize, usize, usize); 14] = [
        (1, 1, 1),
        (3, 31, 2),
        (7, 32, 4),
        (65, 33, 5),
        (130, 64, 9),
        (5, 176, 3),
        (64, 257, 8),
        (17, 96, 31),
        (16, 257, 32),
        (23, 600, 41),
        (8, 1, 33),
        (9, 40, 35),
        (300, 64, 40),
        (2, 64, 0),
    ];

    fn sizes(values: &[f32]) -> Vec<f64> {
        values.iter().map(|value| f64::from(value.abs())).collect()
    }

    fn largest(values: &[f32]) -> f64 {
        sizes(values).into_iter().fold(0.0, f64::max)
    }

    /// Block by block or by panels; `of_row` is the largest weight.
    fn bound_of_pairs(weights: &[f32], of_row: f64, states: &[f32], count: usize) -> f64 {
        if count < PANELS_FROM {
            return largest(states) / 65534.0 * sizes(weights).iter().sum::<f64>();
        }
        let rounding = largest(states) / 4094.0;
        rounding * sizes(weights).iter().sum::<f64>()
            + of_row / 4094.0 * sizes(states).iter().map(|state| state + rounding).sum::<f64>()
    }

    fn bound_of_bytes(weights: &[f32], _: f64, states: &[f32], _: usize) -> f64 {
        let blocks = weights.chunks(BLOCK).zip(states.chunks(BLOCK));
        blocks.map(|(weights, states)| largest(states) / 254.0 * sizes(weights).iter().sum::<f64>()).sum()
    }

    fn stays_within(
        bound_of: impl Fn(&[f32], f64, &[f32], usize) -> f64,
        products_of: impl Fn(&Packed, &[f32]) -> Vec<f32>,
    ) {
        let kinds = [Bits::Eight, Bits::Four];
        for ((rows, columns, count), bits) in
            SHAPES.into_iter().flat_map(|shape| kinds.map(|bits| (shape, bits)))
        {
            let case = Case::new(bits, rows, columns, count);
            let matrix = case.matrix();
            let products = products_of(&matrix, &case.states);
            assert_eq!(products.len(), rows * count);
            assert_eq!(matrix.select(&(0..rows).collect::<Vec<_>>()), case.weights);
            for (states, products) in case.states.chunks(columns).zip(products.chunks(rows)) {
                let of_rows = case.weights.chunks(columns).zip(&case.largest).zip(products).enumerate();
                for (row, ((weights, largest), product)) in of_rows {
                    let pairs = || weights.iter().zip(states).map(|(&w, &s)| f64::from(w) * f64::from(s));
                    let bound = bound_of(weights, *largest, states, count);
                    let float_rounding = 1e-5 * pairs().map(f64::abs).sum::<f64>() + 1e-6;
                    let error = (f64::from(*product) - pairs().sum::<f64>()).abs();
                    assert!(
                        error <= bound + float_rounding,
                        "{bits:?}: {rows}x{columns}, {count}, row {row}: {error} of {bound}"
                    );
                }
            }
        }
    }

    fn fast(matrix: &Packed, states: &[f32]) -> Vec<f32> {
        matrix.products(states)
    }

    #[test]
    fn products_stay_within_the_bound() {
        stays_within(bound_of_pairs, fast);
    }

    fn plain(matrix: &Packed, states: &[f32]) -> Vec<f32> {
        fn products<B: Block>(matrix: &Int8Matrix<B>, states: &[f32]) -> Vec<f32> {
            let mut products = vec![0.0; states.len() / matrix.columns * matrix.rows];
            Products { matrix: *matrix, states, products: &mut products }.run(Plain);
            products
        }
        match matrix {
            Packed::Eight(matrix) => products(matrix, states),
            Packed::Four(matrix) => products(matrix, states),
        }
    }

    #[test]
    fn plain_loops_stay_within_the_bound() {
        stays_within(bound_of_pairs, plain);
    }

    /// As the kernels of a processor that multiplies bytes.
    fn of_bytes(bytes: Bytes, matrix: &Packed, states: &[f32]) -> Vec<f32> {
        fn products<B: Block>(bytes: Bytes, matrix: &Int8Matrix<B>, states: &[f32]) -> Vec<f32> {
            let mut products = vec![0.0; states.len() / matrix.columns * matrix.rows];
            let mut output = Output { rows: matrix.rows, products: &mut products };
            by_bytes(Plain, bytes, matrix, states, &mut output);
            products
        }
        match matrix {
            Packed::Eight(matrix) => products(bytes, matrix, states),
            Packed::Four(matrix) => products(bytes, matrix, states),
        }
    }

    #[test]
    fn bytes_stay_within_their_bound_however_weights_are_read() {
        for bytes in [Bytes::Signed, Bytes::Unsigned] {
            stays_within(bound_of_bytes, |matrix, states| of_bytes(bytes, matrix, states));
        }
        for bits in [Bits::Eight, Bits::Four] {
            let case = Case::new(bits, 30, 300, 9);
            let [signed, unsigned] =
                [Bytes::Signed, Bytes::Unsigned].map(|bytes| of_bytes(bytes, &case.matrix(), &case.states));
            assert_eq!(signed, unsigned, "{bits:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_numbers_spoil_their_own_row_alone() {
        let mut case = Case::new(Bits::Eight, 9, 40, 6);
        let before = of_bytes(Bytes::Unsigned, &case.matrix(), &case.states);
        for bad in [f32::NAN, f32::INFINITY] {
            case.states[2 * 40 + 7] = bad;
            let products = of_bytes(Bytes::Unsigned, &case.matrix(), &case.states);
            for (row, (now, before)) in products.chunks(9).zip(before.chunks(9)).enumerate() {
                assert!(if row == 2 { now.iter().all(|p| p.is_nan()) } else { now == before });
            }
        }
        case.states.fill(1e-42);
        for bytes in [Bytes::Signed, Bytes::Unsigned] {
            assert_eq!(of_bytes(bytes, &case.matrix(), &case.states), [0.0; 9 * 6]);
        }
    }

    #[test]
    fn every_set_of_instructions_gives_the_same() {
        for (count, bits) in [(3, Bits::Eight), (34, Bits::Eight), (5, Bits::Four), (33, Bits::Four)] {
            let case = Case::new(bits, 21, 300, count);
            let matrix = case.matrix();
            for (fast, plain) in matrix.products(&case.states).into_iter().zip(plain(&matrix, &case.states)) {
                assert!((fast - plain).abs() <= 1e-4 * plain.abs().max(1.0), "{fast} {plain}");
            }
        }
    }

    #[test]
    fn extreme_numbers_do_not_overflow() {
        // Every product has the largest size and the same sign, over more columns than one exact sum holds.
        const COLUMNS: usize = 16 * BLOCK;
        for (weight, sign) in [(127_i8, 1.0), (-127, 1.0), (-127, -1.0)] {
            let values = vec![weight as u8; 9 * COLUMNS];
            let scales = vec![f16::ONE.to_le_bytes(); 9 * 16];
            let bytes = [values, scales.into_flattened()].concat();
            let matrix = QuantisedMatrix::from_bytes(bytes, 9, COLUMNS, Bits::Eight).unwrap();
            let case = Case::of(&matrix, 0);
            let exact = f32::from(weight) * sign * 3e30 * COLUMNS as f32;
            for count in [1, PANELS_FROM] {
                let states = vec![sign * 3e30; count * COLUMNS];
                let of_bytes = [Bytes::Signed, Bytes::Unsigned].map(|b| of_bytes(b, &case.matrix(), &states));
                for product in of_bytes.into_iter().flatten().chain(case.matrix().products(&states)) {
                    assert!((product / exact - 1.0).abs() < 1e-3, "{product} {exact}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_number_spoils_its_own_row_alone() {
        for count in [5, PANELS_FROM + 1] {
            let mut case = Case::new(Bits::Eight, 9, 40, count);
            let before = case.matrix().products(&case.states);
            for bad in [f32::NAN, f32::INFINITY] {
                case.states[2 * 40 + 7] = bad;
                let products = case.matrix().products(&case.states);
                for (row, (now, before)) in products.chunks(9).zip(before.chunks(9)).enumerate() {
                    assert!(if row == 2 { now.iter().all(|p| p.is_nan()) } else { now == before });
                }
            }
        }
    }

    #[test]
    fn lengths_that_do_not_fit_are_refused_and_zeros_give_zeros() {
        let matrix = |blocks: usize, scales: usize, rows, columns| {
            Int8Matrix::new(&vec![[[1_i8; 16]; 16]; blocks], &vec![1.0; scales], rows, columns).is_some()
        };
        assert!(matrix(2, 16, 1, 64) && matrix(2, 16, 8, 64) && matrix(4, 32, 9, 64));
        for (blocks, scales, rows, columns) in
            [(2, 8, 8, 64), (3, 24, 8, 64), (0, 0, 0, 0), (2, 16, 9, 64), (2, 15, 8, 64)]
        {
            assert!(!matrix(blocks, scales, rows, columns));
        }
        let case = Case::of(&QuantisedMatrix::new(&[1.0; 64], 1, 64, Bits::Eight), 0);
        assert_eq!(case.matrix().products(&[0.0; 64]), [0.0]);
        assert_eq!(case.matrix().products(&[1e-42; 64]), [0.0]);
    }
}
