//! NEON, which every 64-bit ARM has: four products of 16-bit numbers at once, added to sums of 32 bits in the same instruction.

use std::arch::aarch64::{float32x4_t, int8x16_t, int16x8_t, int32x4_t};

use pulp::{aarch64::Neon, core_arch::aarch64::Neon as Intrinsics};

use super::{Instructions, PANEL, PanelPair, Work};

/// Compiles `work` for NEON and runs it.
pub(super) fn run(simd: Neon, work: impl Work) {
    simd.vectorize(
        #[inline(always)]
        || work.run(OnNeon(simd.neon)),
    );
}

#[derive(Clone, Copy)]
struct OnNeon(Intrinsics);

impl Instructions for OnNeon {
    type Pair = [int16x8_t; 2];
    /// Two numbers for each row, of the first and of the second weights of its pairs, until they are floats.
    type Sums = [int32x4_t; 4];
    type Eight = [float32x4_t; 2];

    #[inline(always)]
    fn widen(self, pair: &[i8; 2 * PANEL]) -> Self::Pair {
        let pair: int8x16_t = bytemuck::cast(*pair);
        [self.0.vmovl_s8(self.0.vget_low_s8(pair)), self.0.vmovl_high_s8(pair)]
    }

    #[inline(always)]
    fn rescale(self, weights: Self::Pair, shift: u32, factors: Self::Pair) -> PanelPair {
        let shift = self.0.vdupq_n_s16(shift as i16);
        let rescaled: Self::Pair = std::array::from_fn(
            #[inline(always)]
            |half| self.0.vqrdmulhq_s16(self.0.vshlq_s16(weights[half], shift), factors[half]),
        );
        bytemuck::cast(rescaled)
    }

    #[inline(always)]
    fn sums(self) -> Self::Sums {
        [self.0.vdupq_n_s32(0); 4]
    }

    #[inline(always)]
    fn add_pairs(self, sums: Self::Sums, weights: Self::Pair, states: i32) -> Self::Sums {
        let states: int16x8_t = bytemuck::cast(self.0.vdupq_n_s32(states));
        [
            self.0.vmlal_s16(sums[0], self.0.vget_low_s16(weights[0]), self.0.vget_low_s16(states)),
            self.0.vmlal_high_s16(sums[1], weights[0], states),
            self.0.vmlal_s16(sums[2], self.0.vget_low_s16(weights[1]), self.0.vget_low_s16(states)),
            self.0.vmlal_high_s16(sums[3], weights[1], states),
        ]
    }

    #[inline(always)]
    fn add_all(self, sums: Self::Sums, numbers: [i16; 8]) -> Self::Sums {
        let numbers: int16x8_t = bytemuck::cast(numbers);
        [
            self.0.vaddw_s16(sums[0], self.0.vget_low_s16(numbers)),
            self.0.vaddw_high_s16(sums[1], numbers),
            sums[2],
            sums[3],
        ]
    }

    #[inline(always)]
    fn to_eight(self, sums: Self::Sums) -> Self::Eight {
        [
            self.0.vcvtq_f32_s32(self.0.vpaddq_s32(sums[0], sums[1])),
            self.0.vcvtq_f32_s32(self.0.vpaddq_s32(sums[2], sums[3])),
        ]
    }

    #[inline(always)]
    fn add(self, a: Self::Eight, b: Self::Eight) -> Self::Eight {
        [self.0.vaddq_f32(a[0], b[0]), self.0.vaddq_f32(a[1], b[1])]
    }

    #[inline(always)]
    fn multiply(self, a: Self::Eight, b: Self::Eight) -> Self::Eight {
        [self.0.vmulq_f32(a[0], b[0]), self.0.vmulq_f32(a[1], b[1])]
    }

    #[inline(always)]
    fn larger(self, a: Self::Eight, b: Self::Eight) -> Self::Eight {
        [self.0.vmaxnmq_f32(a[0], b[0]), self.0.vmaxnmq_f32(a[1], b[1])]
    }
}
