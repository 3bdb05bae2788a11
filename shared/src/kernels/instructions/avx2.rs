//! AVX2: sixteen products of 16-bit numbers at once.

use pulp::{f32x8, i8x16, i16x16, i32x8, x86::V3};

use super::{Instructions, PANEL, PanelPair, Plain, Work};
use crate::quant::BLOCK;

/// Compiles `work` for AVX2 and runs it.
pub(super) fn run(simd: V3, work: impl Work) {
    simd.vectorize(
        #[inline(always)]
        || work.run(Avx2(simd)),
    );
}

#[derive(Clone, Copy)]
struct Avx2(V3);

impl Instructions for Avx2 {
    type Wide = [i16x16; 2];
    type Floats = f32x8;
    type Sums = i32x8;
    type Eight = f32x8;

    #[inline(always)]
    fn widen(self, block: &[i8; BLOCK]) -> Self::Wide {
        let halves: [i8x16; 2] = bytemuck::cast(*block);
        halves.map(
            #[inline(always)]
            |half| self.0.convert_i8x16_to_i16x16(half),
        )
    }

    #[inline(always)]
    fn floats(self) -> f32x8 {
        self.0.splat_f32x8(0.0)
    }

    #[inline(always)]
    fn add_block(self, floats: f32x8, weights: Self::Wide, states: &[i16; BLOCK], scale: f32) -> f32x8 {
        let simd = self.0;
        let [first, second]: [i16x16; 2] = bytemuck::cast(*states);
        let whole = simd.wrapping_add_i32x8(
            simd.multiply_wrapping_add_adjacent_i16x16(weights[0], first),
            simd.multiply_wrapping_add_adjacent_i16x16(weights[1], second),
        );
        simd.mul_add_f32x8(simd.splat_f32x8(scale), simd.convert_i32x8_to_f32x8(whole), floats)
    }

    #[inline(always)]
    fn total(self, floats: f32x8) -> f32 {
        let lanes: [f32; 8] = bytemuck::cast(floats);
        ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]))
    }

    #[inline(always)]
    fn rescale(self, weights: Self::Wide, shift: u32, factor: i16) -> [[i16; 8]; 4] {
        Plain.rescale(bytemuck::cast(weights), shift, factor)
    }

    #[inline(always)]
    fn sums(self) -> i32x8 {
        self.0.splat_i32x8(0)
    }

    #[inline(always)]
    fn add_pairs(self, sums: i32x8, weights: &PanelPair, states: i32) -> i32x8 {
        let simd = self.0;
        let states: i16x16 = bytemuck::cast(simd.splat_i32x8(states));
        let products = simd.multiply_wrapping_add_adjacent_i16x16(bytemuck::cast(*weights), states);
        simd.wrapping_add_i32x8(sums, products)
    }

    #[inline(always)]
    fn to_eight(self, sums: i32x8) -> f32x8 {
        self.0.convert_i32x8_to_f32x8(sums)
    }

    #[inline(always)]
    fn eight(self, numbers: &[f32; PANEL]) -> f32x8 {
        bytemuck::cast(*numbers)
    }

    #[inline(always)]
    fn numbers(self, eight: f32x8) -> [f32; PANEL] {
        bytemuck::cast(eight)
    }

    #[inline(always)]
    fn add(self, a: f32x8, b: f32x8) -> f32x8 {
        self.0.add_f32x8(a, b)
    }

    #[inline(always)]
    fn multiply(self, a: f32x8, b: f32x8) -> f32x8 {
        self.0.mul_f32x8(a, b)
    }

    #[inline(always)]
    fn larger(self, a: f32x8, b: f32x8) -> f32x8 {
        self.0.max_f32x8(a, b)
    }
}
