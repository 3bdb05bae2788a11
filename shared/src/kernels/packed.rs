//! How is a matrix of small integers multiplied without unpacking it? Integer products, floats only for the scales.
//!
//! By [`super::pairs`] of 16-bit numbers or by [`super::bytes`], where a processor multiplies those; weights lie in the order
//! that suits it ([`super::panel_order`]).
//!
//! # Error
//! Against the product y of states x with the dequantised weights ŵ, apart from f32 rounding, and with s the largest state of
//! the row: as each of the two says.

use super::{
    bytes,
    instructions::{Bytes, PANEL, QUADS, run},
    pairs,
    panel_matrix::PanelMatrix,
    panel_order::{Block, ByteBlock, PAIRS},
};
use crate::quant::BLOCK;

/// A packed matrix of either kind, in either order.
#[derive(Clone, Copy, Debug)]
pub(super) enum Packed<'a> {
    Eight(PanelMatrix<'a, [[i8; 2 * PANEL]; PAIRS]>),
    Four(PanelMatrix<'a, [[u8; 2 * PANEL]; PAIRS / 2]>),
    EightInQuads(Bytes, PanelMatrix<'a, [[[i8; 2 * PANEL]; 2]; QUADS]>),
    FourInQuads(Bytes, PanelMatrix<'a, [[u8; 2 * PANEL]; QUADS]>),
}

impl<'a> Packed<'a> {
    /// Words and scales as [`super::panel_order::in_panels`] lays them out for `bytes`; their number says how many bits a
    /// weight has.
    ///
    /// # Panics
    /// When the numbers do not fit each other, as every operation of burn does.
    pub(super) fn new(words: &'a [u32], scales: &'a [f32], dims: [usize; 2], bytes: Option<Bytes>) -> Self {
        let is_of_eight = words.len().checked_div(scales.len()) == Some(BLOCK / 4);
        let matrix = match (is_of_eight, bytes) {
            (true, None) => PanelMatrix::of_words(words, scales, dims).map(Self::Eight),
            (false, None) => PanelMatrix::of_words(words, scales, dims).map(Self::Four),
            (true, Some(bytes)) => {
                PanelMatrix::of_words(words, scales, dims).map(|matrix| Self::EightInQuads(bytes, matrix))
            }
            (false, Some(bytes)) => {
                PanelMatrix::of_words(words, scales, dims).map(|matrix| Self::FourInQuads(bytes, matrix))
            }
        };
        let Some(matrix) = matrix else {
            let [rows, columns] = dims;
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
        match *self {
            Self::Eight(matrix) => {
                matrix.filled(states, |products| run(pairs::Products { matrix, states, products }))
            }
            Self::Four(matrix) => {
                matrix.filled(states, |products| run(pairs::Products { matrix, states, products }))
            }
            Self::EightInQuads(bytes, matrix) => {
                matrix.filled(states, |products| run(bytes::Products { bytes, matrix, states, products }))
            }
            Self::FourInQuads(bytes, matrix) => {
                matrix.filled(states, |products| run(bytes::Products { bytes, matrix, states, products }))
            }
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
            Self::Eight(matrix) => matrix.select(rows, Block::value),
            Self::Four(matrix) => matrix.select(rows, Block::value),
            Self::EightInQuads(bytes, matrix) => {
                matrix.select(rows, |block, row, column| block.value(*bytes, row, column))
            }
            Self::FourInQuads(bytes, matrix) => {
                matrix.select(rows, |block, row, column| ByteBlock::value(block, *bytes, row, column))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use half::f16;

    use super::{
        super::{
            bytes::BYTES_FROM,
            instructions::{Plain, Work},
            pairs::PANELS_FROM,
            panel_order::in_panels,
        },
        *,
    };
    use crate::quant::{Bits, QuantisedMatrix};

    /// Fixed pseudo-random numbers from -1 to 1.
    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 + seed * 104_729 + 13) % 2003) as f32 / 1001.0 - 1.0).collect()
    }

    /// A matrix, and states to multiply it with.
    struct Case {
        quantised: QuantisedMatrix,
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
            Self::of(QuantisedMatrix::new(&values, rows, columns, bits), count)
        }

        fn of(matrix: QuantisedMatrix, count: usize) -> Self {
            let largest = if matrix.bits == Bits::Eight { 127.0 } else { 7.0 };
            let of_rows: Vec<f32> = matrix.scales().collect();
            Self {
                largest: of_rows
                    .chunks(matrix.columns.div_ceil(BLOCK))
                    .map(|scales| largest * f64::from(scales.iter().copied().fold(0.0, f32::max)))
                    .collect(),
                weights: matrix.dequantise(),
                states: numbers(count * matrix.columns, 5).iter().map(|s| s * 40.0).collect(),
                quantised: matrix,
            }
        }

        /// What `of` says of the matrix as it lies for a processor that multiplies `bytes`, or pairs.
        fn in_order<R>(&self, bytes: Option<Bytes>, of: impl FnOnce(&Packed) -> R) -> R {
            let (words, scales) = in_panels(&self.quantised, bytes);
            of(&Packed::new(&words, &scales, [self.quantised.rows, self.quantised.columns], bytes))
        }

        fn products(&self) -> Vec<f32> {
            self.in_order(None, |matrix| matrix.products(&self.states))
        }

        /// By plain loops.
        fn plain(&self, bytes: Option<Bytes>) -> Vec<f32> {
            let states = self.states.as_slice();
            self.in_order(bytes, |matrix| match *matrix {
                Packed::Eight(matrix) => {
                    matrix.filled(states, |products| pairs::Products { matrix, states, products }.run(Plain))
                }
                Packed::Four(matrix) => {
                    matrix.filled(states, |products| pairs::Products { matrix, states, products }.run(Plain))
                }
                Packed::EightInQuads(bytes, matrix) => matrix.filled(states, |products| {
                    bytes::Products { bytes, matrix, states, products }.run(Plain);
                }),
                Packed::FourInQuads(bytes, matrix) => matrix.filled(states, |products| {
                    bytes::Products { bytes, matrix, states, products }.run(Plain);
                }),
            })
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

    fn bound_of_bytes(weights: &[f32], _: f64, states: &[f32], count: usize) -> f64 {
        let units = if count < BYTES_FROM { 65278.0 } else { 254.0 };
        let blocks = weights.chunks(BLOCK).zip(states.chunks(BLOCK));
        blocks.map(|(weights, states)| largest(states) / units * sizes(weights).iter().sum::<f64>()).sum()
    }

    fn stays_within(
        bound_of: impl Fn(&[f32], f64, &[f32], usize) -> f64,
        bytes: Option<Bytes>,
        products_of: impl Fn(&Case) -> Vec<f32>,
    ) {
        let kinds = [Bits::Eight, Bits::Four];
        for ((rows, columns, count), bits) in
            SHAPES.into_iter().flat_map(|shape| kinds.map(|bits| (shape, bits)))
        {
            let case = Case::new(bits, rows, columns, count);
            let products = products_of(&case);
            assert_eq!(products.len(), rows * count);
            let all: Vec<usize> = (0..rows).collect();
            assert_eq!(case.in_order(bytes, |matrix| matrix.select(&all)), case.weights);
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

    #[test]
    fn products_stay_within_the_bound() {
        stays_within(bound_of_pairs, None, Case::products);
    }

    #[test]
    fn plain_loops_stay_within_the_bound() {
        stays_within(bound_of_pairs, None, |case| case.plain(None));
    }

    #[test]
    fn bytes_stay_within_their_bound_however_weights_are_read() {
        for bytes in [Bytes::Signed, Bytes::Unsigned] {
            stays_within(bound_of_bytes, Some(bytes), |case| case.plain(Some(bytes)));
        }
        for (bits, count) in [(Bits::Eight, 9), (Bits::Four, 9), (Bits::Eight, 3), (Bits::Four, 3)] {
            let case = Case::new(bits, 30, 300, count);
            let [signed, unsigned] = [Bytes::Signed, Bytes::Unsigned].map(|bytes| case.plain(Some(bytes)));
            assert_eq!(signed, unsigned, "{bits:?}");
        }
    }

    #[test]
    fn every_set_of_instructions_gives_the_same() {
        for (count, bits) in [(3, Bits::Eight), (34, Bits::Eight), (5, Bits::Four), (33, Bits::Four)] {
            let case = Case::new(bits, 21, 300, count);
            for (fast, plain) in case.products().into_iter().zip(case.plain(None)) {
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
            let mut case = Case::of(matrix, 0);
            let exact = f32::from(weight) * sign * 3e30 * COLUMNS as f32;
            for count in [1, PANELS_FROM] {
                case.states = vec![sign * 3e30; count * COLUMNS];
                let of_bytes = [Bytes::Signed, Bytes::Unsigned].map(|bytes| case.plain(Some(bytes)));
                for product in of_bytes.into_iter().flatten().chain(case.products()) {
                    assert!((product / exact - 1.0).abs() < 1e-3, "{product} {exact}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_number_spoils_its_own_row_alone() {
        let ways: [fn(&Case) -> Vec<f32>; 2] = [Case::products, |case| case.plain(Some(Bytes::Unsigned))];
        for (count, products_of) in
            [3, 6, PANELS_FROM + 1].into_iter().flat_map(|count| ways.map(|way| (count, way)))
        {
            let mut case = Case::new(Bits::Eight, 9, 40, count);
            let before = products_of(&case);
            for bad in [f32::NAN, f32::INFINITY] {
                case.states[2 * 40 + 7] = bad;
                let products = products_of(&case);
                for (row, (now, before)) in products.chunks(9).zip(before.chunks(9)).enumerate() {
                    assert!(if row == 2 { now.iter().all(|p| p.is_nan()) } else { now == before });
                }
            }
            case.states.fill(1e-42);
            assert_eq!(products_of(&case), vec![0.0; 9 * count]);
        }
    }

    #[test]
    fn lengths_that_do_not_fit_are_refused_and_zeros_give_zeros() {
        let matrix = |blocks: usize, scales: usize, rows, columns| {
            PanelMatrix::new(&vec![[[1_i8; 16]; 16]; blocks], &vec![1.0; scales], rows, columns).is_some()
        };
        assert!(matrix(2, 16, 1, 64) && matrix(2, 16, 8, 64) && matrix(4, 32, 9, 64));
        for (blocks, scales, rows, columns) in
            [(2, 8, 8, 64), (3, 24, 8, 64), (0, 0, 0, 0), (2, 16, 9, 64), (2, 15, 8, 64)]
        {
            assert!(!matrix(blocks, scales, rows, columns));
        }
        let mut case = Case::of(QuantisedMatrix::new(&[1.0; 64], 1, 64, Bits::Eight), 0);
        case.states = vec![0.0; 64];
        assert_eq!(case.products(), [0.0]);
    }
}
