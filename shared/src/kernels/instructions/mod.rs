//! Which vector instructions multiply small integers? One trait, and an implementation for each kind of processor.
//!
//! Everything can be done with one instruction that all of them have: eight (or more) products of 16-bit numbers, added
//! in pairs to 32 bits. Products of bytes are about twice as fast where a processor has them: in WebAssembly they are
//! relaxed SIMD, which promises 7 bits of weights alone; what becomes of the eighth is found out ([`Bytes`]).

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;

use super::{exponential::ROUND, panel_order::ByteBlock};
use crate::quant::BLOCK;

/// Rows of states that meet a row of weights together.
pub(super) const TOGETHER: usize = 4;
/// Rows of weights in a panel.
pub(super) const PANEL: usize = 8;
/// A pair of columns of a panel: two neighbouring weights, of 16 bits, of each of its rows.
pub(super) type PanelPair = [[i32; PANEL / 2]; 2];
/// A pair of states, two 16-bit numbers in one of 32 bits, of each of the rows that go together.
pub(super) type StatePairs = [i32; TOGETHER];
/// Quads of columns in a block.
pub(super) const QUADS: usize = BLOCK / 4;

/// Bytes of states that meet a row of weights together, each row with a scale of its own.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StateBlock {
    /// Four neighbouring states in one number, of each row.
    pub quads: [[i32; TOGETHER]; QUADS],
    pub scales: [f32; TOGETHER],
    /// Where the sums of each row begin.
    pub starts: [i32; TOGETHER],
}

/// How a processor that multiplies bytes reads those of weights; those of states always have a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bytes {
    Signed,
    /// Weights of 8 bits are stored plus 128, and sums begin at what that adds to them.
    #[cfg_attr(
        not(target_arch = "wasm32"),
        allow(dead_code, reason = "WebAssembly's processors alone are asked")
    )]
    Unsigned,
}

impl Bytes {
    /// As the processor reads it.
    #[inline(always)]
    pub(super) fn read(self, weight: i8) -> i32 {
        if self == Self::Signed { i32::from(weight) } else { i32::from(weight as u8) }
    }
}

/// Instructions on panels of 8 rows of weights.
pub(super) trait Instructions: Copy {
    /// A [`PanelPair`] in registers.
    type Pair: Copy + bytemuck::AnyBitPattern;
    /// Integer sums, one for each row of a panel.
    type Sums: Copy;
    /// Floats, one for each row of a panel.
    type Eight: Copy + bytemuck::AnyBitPattern + bytemuck::NoUninit;

    /// A pair of columns of a panel as 16-bit numbers.
    fn widen(self, pair: &[i8; 2 * PANEL]) -> Self::Pair;

    /// The low halves of bytes, and the high ones.
    #[inline(always)]
    fn halves(self, bytes: &[u8; 2 * PANEL]) -> [[i8; 2 * PANEL]; 2] {
        let low = bytes.map(
            #[inline(always)]
            |byte| (byte & 15) as i8,
        );
        let high = bytes.map(
            #[inline(always)]
            |byte| (byte >> 4) as i8,
        );
        [low, high]
    }

    /// The same less 8.
    #[inline(always)]
    fn halves_with_sign(self, bytes: &[u8; 2 * PANEL]) -> [[i8; 2 * PANEL]; 2] {
        self.halves(bytes).map(
            #[inline(always)]
            |half| {
                half.map(
                    #[inline(always)]
                    |number| number - 8,
                )
            },
        )
    }

    #[inline(always)]
    fn pair(self, pair: &PanelPair) -> Self::Pair {
        bytemuck::cast(*pair)
    }

    /// Weights times 2^`shift`, times factors / 2^15, rounded.
    fn rescale(self, weights: Self::Pair, shift: u32, factors: Self::Pair) -> PanelPair;

    /// Sums of integers that hold nothing yet.
    fn sums(self) -> Self::Sums;

    /// Adds to each row's sum the product of its pair of weights with one pair of states.
    fn add_pairs(self, sums: Self::Sums, weights: Self::Pair, states: i32) -> Self::Sums;

    /// Adds eight numbers to the sums, each to any one of them.
    fn add_all(self, sums: Self::Sums, numbers: [i16; 8]) -> Self::Sums;

    fn to_eight(self, sums: Self::Sums) -> Self::Eight;

    #[inline(always)]
    fn eight(self, numbers: &[f32; PANEL]) -> Self::Eight {
        bytemuck::cast(*numbers)
    }

    #[inline(always)]
    fn numbers(self, eight: Self::Eight) -> [f32; PANEL] {
        bytemuck::cast(eight)
    }

    fn add(self, a: Self::Eight, b: Self::Eight) -> Self::Eight;
    fn multiply(self, a: Self::Eight, b: Self::Eight) -> Self::Eight;
    fn larger(self, a: Self::Eight, b: Self::Eight) -> Self::Eight;

    /// Whether and how bytes are multiplied four at a time, exactly and faster than pairs of 16 bits.
    #[inline(always)]
    fn bytes(self) -> Option<Bytes> {
        None
    }

    /// A block of four rows of states times the inverse of each, rounded to 8 bits, which they fit: quads of each row side by
    /// side, and the sum of each row.
    #[inline(always)]
    fn round_quads(
        self,
        rows: [&[f32; BLOCK]; TOGETHER],
        inverses: [f32; TOGETHER],
    ) -> ([[i32; TOGETHER]; QUADS], [i32; TOGETHER]) {
        let rounded: [[i8; BLOCK]; TOGETHER] = std::array::from_fn(
            #[inline(always)]
            |row| rows[row].map(|state| (state * inverses[row] + ROUND).to_bits() as i8),
        );
        let quads: [[i32; QUADS]; TOGETHER] = bytemuck::cast(rounded);
        let side_by_side = std::array::from_fn(
            #[inline(always)]
            |quad| quads.map(|row| row[quad]),
        );
        (side_by_side, rounded.map(|row| row.into_iter().map(i32::from).sum()))
    }

    /// The rows of a panel times the first R rows of bytes of states.
    #[inline(always)]
    fn multiply_bytes<const R: usize, B: ByteBlock>(
        self,
        bytes: Bytes,
        (blocks, scales): (&[B], &[[f32; PANEL]]),
        states: &[StateBlock],
    ) -> [Self::Eight; R] {
        let mut totals = [[0.0; PANEL]; R];
        for ((block, scales), states) in blocks.iter().zip(scales).zip(states) {
            for (row, totals) in totals.iter_mut().enumerate() {
                let mut sums = [states.starts[row]; PANEL];
                for (quad, states) in block.quads().iter().zip(&states.quads) {
                    let states: [i8; 4] = bytemuck::cast(states[row]);
                    let weights: [[i8; 4]; PANEL] = bytemuck::cast(B::bytes(self, quad));
                    for (sum, weights) in sums.iter_mut().zip(weights) {
                        let products = weights.iter().zip(states);
                        *sum += products
                            .map(|(&weight, state)| bytes.read(weight) * i32::from(state))
                            .sum::<i32>();
                    }
                }
                for ((total, sum), scale) in totals.iter_mut().zip(sums).zip(scales) {
                    *total += sum as f32 * (scale * states.scales[row]);
                }
            }
        }
        totals.map(|totals| self.eight(&totals))
    }

    /// The same number eight times.
    #[inline(always)]
    fn same(self, number: f32) -> Self::Eight {
        self.eight(&[number; PANEL])
    }

    /// Eight states times `inverse`, rounded to 16 bits, which they fit.
    #[inline(always)]
    fn round(self, states: &[f32; 8], inverse: f32) -> [i16; 8] {
        states.map(
            #[inline(always)]
            |state| (state * inverse + ROUND).to_bits() as i16,
        )
    }

    /// The numbers of two columns side by side, one pair for each of eight rows.
    #[inline(always)]
    fn zip(self, first: [i16; PANEL], second: [i16; PANEL]) -> PanelPair {
        let pairs: [[i16; 2]; PANEL] = std::array::from_fn(
            #[inline(always)]
            |row| [first[row], second[row]],
        );
        bytemuck::cast(pairs)
    }

    /// Rows of four pairs to columns of four pairs.
    #[inline(always)]
    fn transpose(self, rows: [[i16; 8]; 4]) -> [[i32; 4]; 4] {
        let rows: [[i32; 4]; 4] = bytemuck::cast(rows);
        std::array::from_fn(
            #[inline(always)]
            |column| {
                std::array::from_fn(
                    #[inline(always)]
                    |row| rows[row][column],
                )
            },
        )
    }
}

/// Work that is the same on every processor but for its instructions.
///
/// Natively all of it is compiled into one function, since instructions are chosen for functions as wholes. In WebAssembly its
/// parts are functions of their own: a browser begins with quickly made code and compiles what runs often once more, a
/// function at a time, and a short one is ready sooner.
pub(super) trait Work {
    fn run(self, instructions: impl Instructions);
}

/// Runs `work` with the best instructions of this processor.
pub(super) fn run(work: impl Work) {
    cfg_select! {
        all(target_arch = "wasm32", target_feature = "simd128") => work.run(simd128::Simd128::new()),
        target_arch = "aarch64" => match pulp::aarch64::Neon::try_new() {
            Some(simd) => neon::run(simd, work),
            None => work.run(Plain),
        },
        target_arch = "x86_64" => match pulp::x86::V3::try_new() {
            Some(simd) => avx2::run(simd, work),
            None => work.run(Plain),
        },
        _ => work.run(Plain),
    }
}

/// Whether and how this processor multiplies bytes.
pub(super) fn bytes() -> Option<Bytes> {
    struct Asked<'a>(&'a mut Option<Bytes>);
    impl Work for Asked<'_> {
        #[inline(always)]
        fn run(self, instructions: impl Instructions) {
            *self.0 = instructions.bytes();
        }
    }
    let mut bytes = None;
    run(Asked(&mut bytes));
    bytes
}

/// Plain loops, for the compiler to make the best of.
#[derive(Clone, Copy)]
#[cfg_attr(all(target_arch = "wasm32", target_feature = "simd128"), expect(dead_code))]
pub(super) struct Plain;

impl Instructions for Plain {
    type Pair = [i16; 2 * PANEL];
    type Sums = [i32; PANEL];
    type Eight = [f32; PANEL];

    #[inline(always)]
    fn widen(self, pair: &[i8; 2 * PANEL]) -> Self::Pair {
        pair.map(i16::from)
    }

    #[inline(always)]
    fn rescale(self, weights: Self::Pair, shift: u32, factors: Self::Pair) -> PanelPair {
        let half = 1 << 14;
        let rescaled: Self::Pair = std::array::from_fn(
            #[inline(always)]
            |i| (((i32::from(weights[i]) << shift) * i32::from(factors[i]) + half) >> 15) as i16,
        );
        bytemuck::cast(rescaled)
    }

    fn sums(self) -> Self::Sums {
        [0; PANEL]
    }

    fn add_pairs(self, sums: Self::Sums, weights: Self::Pair, states: i32) -> Self::Sums {
        let [first, second]: [i16; 2] = bytemuck::cast(states);
        std::array::from_fn(|row| {
            let products = [(weights[2 * row], first), (weights[2 * row + 1], second)];
            sums[row]
                + products.map(|(weight, state)| i32::from(weight) * i32::from(state)).iter().sum::<i32>()
        })
    }

    fn add_all(self, sums: Self::Sums, numbers: [i16; 8]) -> Self::Sums {
        std::array::from_fn(|row| sums[row] + i32::from(numbers[row]))
    }

    fn to_eight(self, sums: Self::Sums) -> Self::Eight {
        sums.map(|sum| sum as f32)
    }

    fn add(self, a: Self::Eight, b: Self::Eight) -> Self::Eight {
        std::array::from_fn(|i| a[i] + b[i])
    }

    fn multiply(self, a: Self::Eight, b: Self::Eight) -> Self::Eight {
        std::array::from_fn(|i| a[i] * b[i])
    }

    fn larger(self, a: Self::Eight, b: Self::Eight) -> Self::Eight {
        std::array::from_fn(|i| a[i].max(b[i]))
    }
}
