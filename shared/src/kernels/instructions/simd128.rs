//! WebAssembly's SIMD128: eight products of 16-bit numbers at once, and sixteen of 8 bits where relaxed SIMD has them.

use std::{
    arch::wasm32::{
        f32x4_add, f32x4_convert_i32x4, f32x4_mul, f32x4_pmax, f32x4_splat, i8x16_narrow_i16x8, i8x16_splat,
        i8x16_sub, i16x8_add, i16x8_extend_high_i8x16, i16x8_extend_low_i8x16, i16x8_narrow_i32x4,
        i16x8_q15mulr_sat, i16x8_shl, i16x8_shuffle, i16x8_splat, i32x4_add, i32x4_dot_i16x8,
        i32x4_extract_lane, i32x4_shuffle, i32x4_splat, i32x4_sub, i64x2_shuffle, u8x16_shr, u8x16_splat,
        v128, v128_and, v128_xor,
    },
    hint::black_box,
};

use super::{Bytes, Instructions, PANEL, PanelPair, QUADS, StateBlock, TOGETHER};
use crate::{
    kernels::{exponential::ROUND, panel_order::ByteBlock},
    quant::BLOCK,
};

/// What all WebAssembly has, and how it multiplies bytes.
#[derive(Clone, Copy)]
pub(super) struct Simd128 {
    bytes: Option<Bytes>,
}

impl Simd128 {
    #[inline(always)]
    pub(super) fn new() -> Self {
        let bytes = match largest_product() {
            EXACT_UNSIGNED => Some(Bytes::Unsigned),
            EXACT_SIGNED => Some(Bytes::Signed),
            _ => None,
        };
        Self { bytes }
    }
}

/// Multiplies the smallest state with a weight of ones: what promises 7 bits of weights alone reads the eighth as a sign
/// (ARM), as more of the number (Intel and AMD since AVX-VNNI), or adds up in 16 bits, which do not hold the sum.
#[inline(never)]
fn largest_product() -> i32 {
    let (states, weights) = (i8x16_splat(black_box(-127)), i8x16_splat(black_box(-1)));
    i32x4_extract_lane::<0>(add_quads(states, weights, i32x4_splat(0)))
}

const EXACT_UNSIGNED: i32 = 4 * -127 * 255;
const EXACT_SIGNED: i32 = 4 * -127 * -1;

/// Adds to each of four sums four products of bytes, in the module for browsers that can: there, calls of this function are
/// the instruction `i32x4.relaxed_dot_i8x16_i7x16_add_s` (`tests/xtask/relaxed.rs`). In the module for all others it gives
/// nothing of use, and [`Simd128::new`] finds out. By the C convention, so that vectors are handed over as they are.
///
/// # Source
/// WebAssembly's relaxed SIMD
#[expect(
    improper_ctypes_definitions,
    reason = "nobody else calls it, and its shape is that of the instruction"
)]
#[inline(never)]
extern "C" fn add_quads(states: v128, weights: v128, sums: v128) -> v128 {
    // By a number of its own, so that no other function is the same and becomes one with it.
    v128_xor(v128_xor(states, weights), v128_xor(sums, i32x4_splat(0x2306_0226)))
}

impl Instructions for Simd128 {
    type Pair = [v128; 2];
    type Sums = [v128; 2];
    type Eight = [v128; 2];

    #[inline(always)]
    fn widen(self, pair: &[i8; 2 * PANEL]) -> Self::Pair {
        let pair: v128 = bytemuck::cast(*pair);
        [i16x8_extend_low_i8x16(pair), i16x8_extend_high_i8x16(pair)]
    }

    #[inline(always)]
    fn halves(self, bytes: &[u8; 2 * PANEL]) -> [[i8; 2 * PANEL]; 2] {
        let bytes: v128 = bytemuck::cast(*bytes);
        bytemuck::cast([v128_and(bytes, u8x16_splat(15)), u8x16_shr(bytes, 4)])
    }

    #[inline(always)]
    fn halves_with_sign(self, bytes: &[u8; 2 * PANEL]) -> [[i8; 2 * PANEL]; 2] {
        let [low, high]: [v128; 2] = bytemuck::cast(self.halves(bytes));
        let eight = i8x16_splat(8);
        bytemuck::cast([i8x16_sub(low, eight), i8x16_sub(high, eight)])
    }

    #[inline(always)]
    fn rescale(self, weights: Self::Pair, shift: u32, factors: Self::Pair) -> PanelPair {
        let rescaled: Self::Pair = std::array::from_fn(
            #[inline(always)]
            |half| i16x8_q15mulr_sat(i16x8_shl(weights[half], shift), factors[half]),
        );
        bytemuck::cast(rescaled)
    }

    #[inline(always)]
    fn sums(self) -> Self::Sums {
        [i32x4_splat(0); 2]
    }

    #[inline(always)]
    fn add_pairs(self, sums: Self::Sums, weights: Self::Pair, states: i32) -> Self::Sums {
        let states = i32x4_splat(states);
        [
            i32x4_add(sums[0], i32x4_dot_i16x8(weights[0], states)),
            i32x4_add(sums[1], i32x4_dot_i16x8(weights[1], states)),
        ]
    }

    #[inline(always)]
    fn add_all(self, sums: Self::Sums, numbers: [i16; 8]) -> Self::Sums {
        [i32x4_add(sums[0], i32x4_dot_i16x8(bytemuck::cast(numbers), i16x8_splat(1))), sums[1]]
    }

    #[inline(always)]
    fn to_eight(self, sums: Self::Sums) -> Self::Eight {
        [f32x4_convert_i32x4(sums[0]), f32x4_convert_i32x4(sums[1])]
    }

    #[inline(always)]
    fn add(self, a: Self::Eight, b: Self::Eight) -> Self::Eight {
        [f32x4_add(a[0], b[0]), f32x4_add(a[1], b[1])]
    }

    #[inline(always)]
    fn multiply(self, a: Self::Eight, b: Self::Eight) -> Self::Eight {
        [f32x4_mul(a[0], b[0]), f32x4_mul(a[1], b[1])]
    }

    #[inline(always)]
    fn larger(self, a: Self::Eight, b: Self::Eight) -> Self::Eight {
        [f32x4_pmax(a[0], b[0]), f32x4_pmax(a[1], b[1])]
    }

    #[inline(always)]
    fn round(self, states: &[f32; 8], inverse: f32) -> [i16; 8] {
        let states: [v128; 2] = bytemuck::cast(*states);
        let [low, high] = states.map(
            #[inline(always)]
            |states| {
                let rounded = f32x4_add(f32x4_mul(states, f32x4_splat(inverse)), f32x4_splat(ROUND));
                i32x4_sub(rounded, f32x4_splat(ROUND))
            },
        );
        bytemuck::cast(i16x8_narrow_i32x4(low, high))
    }

    #[inline(always)]
    fn bytes(self) -> Option<Bytes> {
        self.bytes
    }

    #[inline(always)]
    fn round_quads(
        self,
        rows: [&[f32; BLOCK]; TOGETHER],
        inverses: [f32; TOGETHER],
    ) -> ([[i32; TOGETHER]; QUADS], [i32; TOGETHER]) {
        let mut sums = [0; TOGETHER];
        let mut quads = [[[0_i16; 8]; TOGETHER]; 2];
        for (row, states) in rows.into_iter().enumerate() {
            let eights = states.as_chunks::<8>().0;
            let rounded: [v128; 4] = std::array::from_fn(
                #[inline(always)]
                |eight| bytemuck::cast(self.round(&eights[eight], inverses[row])),
            );
            let sum = i16x8_add(i16x8_add(rounded[0], rounded[1]), i16x8_add(rounded[2], rounded[3]));
            let four = i32x4_dot_i16x8(sum, i16x8_splat(1));
            sums[row] = bytemuck::cast::<_, [i32; 4]>(four).iter().sum();
            for half in 0..2 {
                quads[half][row] =
                    bytemuck::cast(i8x16_narrow_i16x8(rounded[2 * half], rounded[2 * half + 1]));
            }
        }
        let quads = quads.map(
            #[inline(always)]
            |half| self.transpose(half),
        );
        (bytemuck::cast(quads), sums)
    }

    #[inline(always)]
    fn multiply_bytes<const R: usize, B: ByteBlock>(
        self,
        _: Bytes,
        (mut blocks, mut scales): (&[B], &[[f32; PANEL]]),
        mut states: &[StateBlock],
    ) -> [Self::Eight; R] {
        let mut totals = [[f32x4_splat(0.0); 2]; R];
        while let ([block, other_blocks @ ..], [of_rows, other_scales @ ..], [of_block, others @ ..]) =
            (blocks, scales, states)
        {
            let mut sums: [Self::Sums; R] = std::array::from_fn(
                #[inline(always)]
                |row| [i32x4_splat(of_block.starts[row]); 2],
            );
            // One at a time: of two, V8 sometimes made code half as fast, for as long as the page stood.
            for (quad, states) in block.quads().iter().zip(&of_block.quads) {
                let weights: [v128; 2] = bytemuck::cast(B::bytes(self, quad));
                for (sums, states) in sums.iter_mut().zip(states) {
                    let states = i32x4_splat(*states);
                    for (sum, weights) in sums.iter_mut().zip(weights) {
                        *sum = add_quads(states, weights, *sum);
                    }
                }
            }
            let of_rows: [v128; 2] = bytemuck::cast(*of_rows);
            for ((totals, sums), scale) in totals.iter_mut().zip(sums).zip(of_block.scales) {
                let scale = f32x4_splat(scale);
                for ((total, sum), of_rows) in totals.iter_mut().zip(sums).zip(of_rows) {
                    *total =
                        f32x4_add(*total, f32x4_mul(f32x4_convert_i32x4(sum), f32x4_mul(of_rows, scale)));
                }
            }
            (blocks, scales, states) = (other_blocks, other_scales, others);
        }
        totals
    }

    #[inline(always)]
    fn zip(self, first: [i16; PANEL], second: [i16; PANEL]) -> PanelPair {
        let (first, second): (v128, v128) = (bytemuck::cast(first), bytemuck::cast(second));
        bytemuck::cast([
            i16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(first, second),
            i16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(first, second),
        ])
    }

    #[inline(always)]
    fn transpose(self, rows: [[i16; 8]; 4]) -> [[i32; 4]; 4] {
        let [a, b, c, d]: [v128; 4] = bytemuck::cast(rows);
        let (ab, cd) = (i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<0, 4, 1, 5>(c, d));
        let (ab_high, cd_high) = (i32x4_shuffle::<2, 6, 3, 7>(a, b), i32x4_shuffle::<2, 6, 3, 7>(c, d));
        bytemuck::cast([
            i64x2_shuffle::<0, 2>(ab, cd),
            i64x2_shuffle::<1, 3>(ab, cd),
            i64x2_shuffle::<0, 2>(ab_high, cd_high),
            i64x2_shuffle::<1, 3>(ab_high, cd_high),
        ])
    }
}
