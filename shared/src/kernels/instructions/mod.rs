//! Which vector instructions multiply small integers? One trait, and an implementation for each kind of processor.
//!
//! Everything is built on one instruction that all of them have: eight (or more) products of 16-bit numbers, added
//! in pairs to 32 bits. Eight-bit products would be twice as fast where a processor has them, but no WebAssembly
//! without relaxed SIMD reaches them, and they would need states of 7 bits.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;

use crate::quant::BLOCK;

/// Rows of states that meet a row of weights together.
pub(super) const TOGETHER: usize = 4;
/// Rows of weights in a panel.
pub(super) const PANEL: usize = 8;
/// A pair of columns of a panel: two neighbouring weights, of 16 bits, of each of its rows.
pub(super) type PanelPair = [[i32; PANEL / 2]; 2];
/// A pair of states, two 16-bit numbers in one of 32 bits, of each of the rows that go together.
pub(super) type StatePairs = [i32; TOGETHER];

/// Instructions on a block of 32 weights and on a panel of 8 rows of weights.
pub(super) trait Instructions: Copy {
    /// A block of weights as 16-bit numbers.
    type Wide: Copy;
    /// Partial sums in floats.
    type Floats: Copy;
    /// Integer sums, one for each row of a panel.
    type Sums: Copy;
    /// Floats, one for each row of a panel.
    type Eight: Copy;

    fn widen(self, block: &[i8; BLOCK]) -> Self::Wide;

    /// A block of [`halves`].
    #[inline(always)]
    fn widen_halves(self, block: &[u8; BLOCK / 2]) -> Self::Wide {
        self.widen(&halves(block))
    }

    /// Sums of floats that hold nothing yet.
    fn floats(self) -> Self::Floats;

    /// `floats` + scale · (weights · states), exact within the block.
    fn add_block(
        self,
        floats: Self::Floats,
        weights: Self::Wide,
        states: &[i16; BLOCK],
        scale: f32,
    ) -> Self::Floats;

    fn total(self, floats: Self::Floats) -> f32;

    /// Weights times 2^`shift`, times `factor` / 2^15, rounded.
    fn rescale(self, weights: Self::Wide, shift: u32, factor: i16) -> [[i16; 8]; 4];

    /// Sums of integers that hold nothing yet.
    fn sums(self) -> Self::Sums;

    /// Adds to each row's sum the product of its pair of weights with one pair of states.
    fn add_pairs(self, sums: Self::Sums, weights: &PanelPair, states: i32) -> Self::Sums;

    fn to_eight(self, sums: Self::Sums) -> Self::Eight;
    fn eight(self, numbers: &[f32; PANEL]) -> Self::Eight;
    fn numbers(self, eight: Self::Eight) -> [f32; PANEL];
    fn add(self, a: Self::Eight, b: Self::Eight) -> Self::Eight;
    fn multiply(self, a: Self::Eight, b: Self::Eight) -> Self::Eight;
    fn larger(self, a: Self::Eight, b: Self::Eight) -> Self::Eight;

    /// The same number eight times.
    #[inline(always)]
    fn same(self, number: f32) -> Self::Eight {
        self.eight(&[number; PANEL])
    }

    /// Eight states times `inverse`, rounded to 16 bits.
    #[inline(always)]
    fn round(self, states: &[f32; 8], inverse: f32) -> [i16; 8] {
        states.map(
            #[inline(always)]
            |state| (state * inverse).round_ties_even() as i16,
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

/// Two weights to a byte, each plus 8: the low halves first, as [`crate::quant::QuantisedMatrix`] lays them out.
#[inline(always)]
pub(super) fn halves(block: &[u8; BLOCK / 2]) -> [i8; BLOCK] {
    std::array::from_fn(
        #[inline(always)]
        |i| if i < BLOCK / 2 { (block[i] & 15) as i8 - 8 } else { (block[i - BLOCK / 2] >> 4) as i8 - 8 },
    )
}

/// Work that is the same on every processor but for its instructions.
pub(super) trait Work {
    fn run(self, instructions: impl Instructions);
}

/// Runs `work` with the best instructions of this processor.
pub(super) fn run(work: impl Work) {
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    work.run(simd128::Simd128);
    #[cfg(target_arch = "x86_64")]
    match pulp::x86::V3::try_new() {
        Some(simd) => avx2::run(simd, work),
        None => work.run(Plain),
    }
    #[cfg(not(any(target_arch = "x86_64", all(target_arch = "wasm32", target_feature = "simd128"))))]
    work.run(Plain);
}

/// Plain loops, for the compiler to make the best of.
#[derive(Clone, Copy)]
#[cfg_attr(all(target_arch = "wasm32", target_feature = "simd128"), expect(dead_code))]
pub(super) struct Plain;

impl Instructions for Plain {
    type Wide = [i16; BLOCK];
    type Floats = f32;
    type Sums = [i32; PANEL];
    type Eight = [f32; PANEL];

    fn widen(self, block: &[i8; BLOCK]) -> Self::Wide {
        block.map(i16::from)
    }

    fn floats(self) -> f32 {
        0.0
    }

    fn add_block(self, floats: f32, weights: Self::Wide, states: &[i16; BLOCK], scale: f32) -> f32 {
        let products = weights.iter().zip(states).map(|(&w, &s)| i32::from(w) * i32::from(s));
        floats + scale * products.sum::<i32>() as f32
    }

    fn total(self, floats: f32) -> f32 {
        floats
    }

    #[inline(always)]
    fn rescale(self, weights: Self::Wide, shift: u32, factor: i16) -> [[i16; 8]; 4] {
        let half = 1 << 14;
        bytemuck::cast(weights.map(
            #[inline(always)]
            |weight| (((i32::from(weight) << shift) * i32::from(factor) + half) >> 15) as i16,
        ))
    }

    fn sums(self) -> Self::Sums {
        [0; PANEL]
    }

    fn add_pairs(self, mut sums: Self::Sums, weights: &PanelPair, states: i32) -> Self::Sums {
        let [first, second]: [i16; 2] = bytemuck::cast(states);
        for (sum, &pair) in sums.iter_mut().zip(weights.as_flattened()) {
            let pair: [i16; 2] = bytemuck::cast(pair);
            *sum += i32::from(pair[0]) * i32::from(first) + i32::from(pair[1]) * i32::from(second);
        }
        sums
    }

    fn to_eight(self, sums: Self::Sums) -> Self::Eight {
        sums.map(|sum| sum as f32)
    }

    fn eight(self, numbers: &[f32; PANEL]) -> Self::Eight {
        *numbers
    }

    fn numbers(self, eight: Self::Eight) -> [f32; PANEL] {
        eight
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
