//! WebAssembly's SIMD128: eight products of 16-bit numbers at once.

use std::arch::wasm32::{
    f32x4_add, f32x4_convert_i32x4, f32x4_extract_lane, f32x4_mul, f32x4_nearest, f32x4_pmax, f32x4_splat,
    i8x16_splat, i8x16_sub, i16x8_extend_high_i8x16, i16x8_extend_low_i8x16, i16x8_narrow_i32x4,
    i16x8_q15mulr_sat, i16x8_shl, i16x8_shuffle, i16x8_splat, i32x4_add, i32x4_dot_i16x8, i32x4_shuffle,
    i32x4_splat, i32x4_trunc_sat_f32x4, i64x2_shuffle, u8x16_shr, u8x16_splat, v128, v128_and,
};

use super::{Instructions, PANEL, PanelPair};
use crate::quant::BLOCK;

#[derive(Clone, Copy)]
pub(super) struct Simd128;

impl Instructions for Simd128 {
    type Wide = [v128; 4];
    type Floats = v128;
    type Sums = [v128; 2];
    type Eight = [v128; 2];

    #[inline(always)]
    fn widen(self, block: &[i8; BLOCK]) -> Self::Wide {
        let [first, second]: [v128; 2] = bytemuck::cast(*block);
        [
            i16x8_extend_low_i8x16(first),
            i16x8_extend_high_i8x16(first),
            i16x8_extend_low_i8x16(second),
            i16x8_extend_high_i8x16(second),
        ]
    }

    #[inline(always)]
    fn widen_halves(self, block: &[u8; BLOCK / 2]) -> Self::Wide {
        let block: v128 = bytemuck::cast(*block);
        let (low, high) = (v128_and(block, u8x16_splat(15)), u8x16_shr(block, 4));
        let eight = i8x16_splat(8);
        let (first, second) = (i8x16_sub(low, eight), i8x16_sub(high, eight));
        [
            i16x8_extend_low_i8x16(first),
            i16x8_extend_high_i8x16(first),
            i16x8_extend_low_i8x16(second),
            i16x8_extend_high_i8x16(second),
        ]
    }

    #[inline(always)]
    fn floats(self) -> v128 {
        f32x4_splat(0.0)
    }

    #[inline(always)]
    fn add_block(self, floats: v128, weights: Self::Wide, states: &[i16; BLOCK], scale: f32) -> v128 {
        let states: [v128; 4] = bytemuck::cast(*states);
        let [a, b, c, d]: [v128; 4] = std::array::from_fn(|i| i32x4_dot_i16x8(weights[i], states[i]));
        let whole = i32x4_add(i32x4_add(a, b), i32x4_add(c, d));
        f32x4_add(floats, f32x4_mul(f32x4_splat(scale), f32x4_convert_i32x4(whole)))
    }

    #[inline(always)]
    fn total(self, floats: v128) -> f32 {
        (f32x4_extract_lane::<0>(floats) + f32x4_extract_lane::<1>(floats))
            + (f32x4_extract_lane::<2>(floats) + f32x4_extract_lane::<3>(floats))
    }

    #[inline(always)]
    fn rescale(self, weights: Self::Wide, shift: u32, factor: i16) -> [[i16; 8]; 4] {
        let factor = i16x8_splat(factor);
        weights.map(|weights| bytemuck::cast(i16x8_q15mulr_sat(i16x8_shl(weights, shift), factor)))
    }

    #[inline(always)]
    fn sums(self) -> Self::Sums {
        [i32x4_splat(0); 2]
    }

    #[inline(always)]
    fn add_pairs(self, sums: Self::Sums, weights: &PanelPair, states: i32) -> Self::Sums {
        let [first, second]: [v128; 2] = bytemuck::cast(*weights);
        let states = i32x4_splat(states);
        [
            i32x4_add(sums[0], i32x4_dot_i16x8(first, states)),
            i32x4_add(sums[1], i32x4_dot_i16x8(second, states)),
        ]
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
        let [low, high] = states
            .map(|states| i32x4_trunc_sat_f32x4(f32x4_nearest(f32x4_mul(states, f32x4_splat(inverse)))));
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
