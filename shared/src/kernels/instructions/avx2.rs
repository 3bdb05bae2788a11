//! AVX2: sixteen products of 16-bit numbers at once.

use pulp::{f32x8, i8x16, i16x16, i32x8, x86::V3};

use super::{Instructions, PANEL, PanelPair, Plain, Work};

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
    type Pair = i16x16;
    type Sums = i32x8;
    type Eight = f32x8;

    #[inline(always)]
    fn widen(self, pair: &[i8; 2 * PANEL]) -> i16x16 {
        let pair: i8x16 = bytemuck::cast(*pair);
        self.0.convert_i8x16_to_i16x16(pair)
    }

    #[inline(always)]
    fn rescale(self, weights: i16x16, shift: u32, factors: i16x16) -> PanelPair {
        Plain.rescale(bytemuck::cast(weights), shift, bytemuck::cast(factors))
    }

    #[inline(always)]
    fn sums(self) -> i32x8 {
        self.0.splat_i32x8(0)
    }

    #[inline(always)]
    fn add_pairs(self, sums: i32x8, weights: i16x16, states: i32) -> i32x8 {
        let simd = self.0;
        let states: i16x16 = bytemuck::cast(simd.splat_i32x8(states));
        simd.wrapping_add_i32x8(sums, simd.multiply_wrapping_add_adjacent_i16x16(weights, states))
    }

    #[inline(always)]
    fn add_all(self, sums: i32x8, numbers: [i16; 8]) -> i32x8 {
        let numbers: i32x8 = bytemuck::cast(numbers.map(i32::from));
        self.0.wrapping_add_i32x8(sums, numbers)
    }

    #[inline(always)]
    fn to_eight(self, sums: i32x8) -> f32x8 {
        self.0.convert_i32x8_to_f32x8(sums)
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
