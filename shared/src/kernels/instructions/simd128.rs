//! WebAssembly's SIMD128: eight products of 16-bit numbers at once.

use std::arch::wasm32::{
    f32x4_add, f32x4_convert_i32x4, f32x4_mul, f32x4_pmax, f32x4_splat, i8x16_splat, i8x16_sub,
    i16x8_extend_high_i8x16, i16x8_extend_low_i8x16, i16x8_narrow_i32x4, i16x8_q15mulr_sat, i16x8_shl,
    i16x8_shuffle, i16x8_splat, i32x4_add, i32x4_dot_i16x8, i32x4_shuffle, i32x4_splat, i32x4_sub,
    i64x2_shuffle, u8x16_shr, u8x16_splat, v128, v128_and,
};

use super::{Instructions, PANEL, PanelPair};
use crate::kernels::exponential::ROUND;

#[derive(Clone, Copy)]
pub(super) struct Simd128;

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
    fn widen_halves(self, pairs: &[u8; 2 * PANEL]) -> [Self::Pair; 2] {
        let pairs: v128 = bytemuck::cast(*pairs);
        let (low, high) = (v128_and(pairs, u8x16_splat(15)), u8x16_shr(pairs, 4));
        let eight = i8x16_splat(8);
        [low, high].map(
            #[inline(always)]
            |half| self.widen(&bytemuck::cast(i8x16_sub(half, eight))),
        )
    }

    #[inline(always)]
    fn pair(self, pair: &PanelPair) -> Self::Pair {
        bytemuck::cast(*pair)
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
    fn eight(self, numbers: &[f32; PANEL]) -> Self::Eight {
        bytemuck::cast(*numbers)
    }

    #[inline(always)]
    fn numbers(self, eight: Self::Eight) -> [f32; PANEL] {
        bytemuck::cast(eight)
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
