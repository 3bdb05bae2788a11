//! In which order do packed weights lie on a processor? Eight rows side by side, so that no product has to turn them.
//!
//! Panels of eight rows come one after another, in a panel blocks of 32 columns, in a block pairs of columns, and in a
//! pair the two weights of each row; where the processor multiplies bytes, quads of columns and the four weights of each
//! row. One load is then what one instruction multiplies. The last panel is filled up with rows of zeros. Scales lie as
//! their blocks do, eight to a block.

use std::array::from_fn;

use super::instructions::{Bytes, Instructions, PANEL, QUADS};
use crate::quant::{BLOCK, Bits, QuantisedMatrix};

/// Pairs of columns in a block.
pub(super) const PAIRS: usize = BLOCK / 2;

/// 32 columns of eight rows, before they are widened.
pub(super) trait Block: Copy + bytemuck::AnyBitPattern {
    /// The largest value a weight can have.
    const LARGEST: i16;
    /// By so many bits the largest may be shifted and still have 16.
    const SHIFT: u32;

    /// Two pairs of columns.
    type Part;

    /// All of them.
    fn parts(&self) -> &[Self::Part];

    /// As bytes, with a sign.
    fn bytes(instructions: impl Instructions, part: &Self::Part) -> [[i8; 2 * PANEL]; 2];

    /// As 16-bit numbers.
    #[inline(always)]
    fn widen<I: Instructions>(instructions: I, part: &Self::Part) -> [I::Pair; 2] {
        let [first, second] = Self::bytes(instructions, part);
        [instructions.widen(&first), instructions.widen(&second)]
    }

    /// One weight, for whoever is in no hurry.
    fn value(&self, row: usize, column: usize) -> i8;
}

/// A byte for each weight.
impl Block for [[i8; 2 * PANEL]; PAIRS] {
    const LARGEST: i16 = 127;
    const SHIFT: u32 = 8;

    type Part = [[i8; 2 * PANEL]; 2];

    #[inline(always)]
    fn parts(&self) -> &[Self::Part] {
        self.as_chunks().0
    }

    #[inline(always)]
    fn bytes(_: impl Instructions, part: &Self::Part) -> [[i8; 2 * PANEL]; 2] {
        *part
    }

    fn value(&self, row: usize, column: usize) -> i8 {
        self[column / 2][2 * row + column % 2]
    }
}

/// Two weights to a byte, each plus 8: those of an even pair low, those of the next pair high.
impl Block for [[u8; 2 * PANEL]; PAIRS / 2] {
    const LARGEST: i16 = 7;
    const SHIFT: u32 = 12;

    type Part = [u8; 2 * PANEL];

    #[inline(always)]
    fn parts(&self) -> &[Self::Part] {
        self
    }

    #[inline(always)]
    fn bytes(instructions: impl Instructions, part: &Self::Part) -> [[i8; 2 * PANEL]; 2] {
        instructions.halves_with_sign(part)
    }

    fn value(&self, row: usize, column: usize) -> i8 {
        let byte = self[column / 4][2 * row + column % 2];
        (if column % 4 < 2 { byte & 15 } else { byte >> 4 }) as i8 - 8
    }
}

/// 32 columns of eight rows, for a processor that multiplies bytes.
pub(super) trait ByteBlock: Copy + bytemuck::AnyBitPattern {
    /// Four columns.
    type Quad;

    /// All of them.
    fn quads(&self) -> &[Self::Quad; QUADS];

    /// As bytes for [`Instructions::multiply_bytes`]: four columns of the first four rows, and of the others.
    fn bytes(instructions: impl Instructions, quad: &Self::Quad) -> [[i8; 2 * PANEL]; 2];

    /// By so much a byte, as it is read, is more than its weight.
    fn excess(bytes: Bytes) -> i32;

    /// One weight, for whoever is in no hurry.
    fn value(&self, bytes: Bytes, row: usize, column: usize) -> i8;
}

/// Where a weight lies in a quad, beside other rows: which half it is in, and at which byte.
fn place(row: usize, column: usize) -> (usize, usize) {
    (row / 4, row % 4 * 4 + column % 4)
}

/// A byte for each weight.
impl ByteBlock for [[[i8; 2 * PANEL]; 2]; QUADS] {
    type Quad = [[i8; 2 * PANEL]; 2];

    #[inline(always)]
    fn quads(&self) -> &[Self::Quad; QUADS] {
        self
    }

    #[inline(always)]
    fn bytes(_: impl Instructions, quad: &Self::Quad) -> [[i8; 2 * PANEL]; 2] {
        *quad
    }

    #[inline(always)]
    fn excess(bytes: Bytes) -> i32 {
        if bytes == Bytes::Signed { 0 } else { 128 }
    }

    fn value(&self, bytes: Bytes, row: usize, column: usize) -> i8 {
        let (half, byte) = place(row, column);
        (bytes.read(self[column / 4][half][byte]) - Self::excess(bytes)) as i8
    }
}

/// Two weights to a byte, each plus 8: those of the first four rows low, those of the others high.
impl ByteBlock for [[u8; 2 * PANEL]; QUADS] {
    type Quad = [u8; 2 * PANEL];

    #[inline(always)]
    fn quads(&self) -> &[Self::Quad; QUADS] {
        self
    }

    #[inline(always)]
    fn bytes(instructions: impl Instructions, quad: &Self::Quad) -> [[i8; 2 * PANEL]; 2] {
        instructions.halves(quad)
    }

    #[inline(always)]
    fn excess(_: Bytes) -> i32 {
        8
    }

    fn value(&self, bytes: Bytes, row: usize, column: usize) -> i8 {
        let (half, byte) = place(row, column);
        (i32::from((self[column / 4][byte] >> (4 * half)) & 15) - Self::excess(bytes)) as i8
    }
}

/// The words and scales of a matrix in the order for a processor that multiplies `bytes`, or pairs.
///
/// # Shapes
/// words `[rows, words of a row]` and scales `[rows, blocks]`, with `rows` a whole number of panels
pub(super) fn in_panels(matrix: &QuantisedMatrix, bytes: Option<Bytes>) -> (Vec<u32>, Vec<f32>) {
    let blocks = matrix.columns.div_ceil(BLOCK);
    let (words, scales): (Vec<u32>, Vec<f32>) = (matrix.words(), matrix.scales().collect());
    let values: &[u8] = bytemuck::cast_slice(&words);
    let padded = matrix.rows.next_multiple_of(PANEL);
    let mut ordered = Vec::with_capacity(padded * matrix.words_per_row());
    let mut ordered_scales = Vec::with_capacity(padded * blocks);
    for first in (0..matrix.rows).step_by(PANEL) {
        for block in 0..blocks {
            let number = |row: usize| (first + row) * blocks + block;
            ordered_scales.extend((0..PANEL).map(|row| scales.get(number(row)).copied().unwrap_or(0.0)));
            match matrix.bits {
                Bits::Eight => {
                    let rows = rows_of(values.as_chunks::<BLOCK>().0, number, 0);
                    let words: [u32; PANEL * BLOCK / 4] = match bytes {
                        None => bytemuck::cast(pairs_of_bytes(&rows)),
                        Some(bytes) => bytemuck::cast(quads_of_bytes(&rows, bytes)),
                    };
                    ordered.extend(words);
                }
                Bits::Four => {
                    let rows = rows_of(values.as_chunks::<{ BLOCK / 2 }>().0, number, 0x88);
                    let words: [u32; PANEL * BLOCK / 8] = match bytes {
                        None => bytemuck::cast(pairs_of_halves(&rows)),
                        Some(_) => bytemuck::cast(quads_of_halves(&rows)),
                    };
                    ordered.extend(words);
                }
            }
        }
    }
    (ordered, ordered_scales)
}

fn pairs_of_bytes(rows: &[[u8; BLOCK]; PANEL]) -> [[u8; 2 * PANEL]; PAIRS] {
    from_fn(|pair| from_fn(|i| rows[i / 2][2 * pair + i % 2]))
}

fn quads_of_bytes(rows: &[[u8; BLOCK]; PANEL], bytes: Bytes) -> [[[u8; 2 * PANEL]; 2]; QUADS] {
    let excess = <[[[i8; 2 * PANEL]; 2]; QUADS]>::excess(bytes) as u8;
    from_fn(|quad| from_fn(|half| from_fn(|i| rows[4 * half + i / 4][4 * quad + i % 4].wrapping_add(excess))))
}

fn pairs_of_halves(rows: &[[u8; BLOCK / 2]; PANEL]) -> [[u8; 2 * PANEL]; PAIRS / 2] {
    from_fn(|two| {
        from_fn(|i| {
            let column = 4 * two + i % 2;
            half(&rows[i / 2], column) | (half(&rows[i / 2], column + 2) << 4)
        })
    })
}

fn quads_of_halves(rows: &[[u8; BLOCK / 2]; PANEL]) -> [[u8; 2 * PANEL]; QUADS] {
    from_fn(|quad| {
        from_fn(|i| {
            let column = 4 * quad + i % 4;
            half(&rows[i / 4], column) | (half(&rows[4 + i / 4], column) << 4)
        })
    })
}

/// A weight of four bits in a package: those of the first half of a block are low.
fn half(row: &[u8; BLOCK / 2], column: usize) -> u8 {
    let byte = row[column % (BLOCK / 2)];
    if column < BLOCK / 2 { byte & 15 } else { byte >> 4 }
}

/// The same block of eight rows, of zeros where there is no row.
fn rows_of<const N: usize>(
    blocks: &[[u8; N]],
    number: impl Fn(usize) -> usize,
    zeros: u8,
) -> [[u8; N]; PANEL] {
    from_fn(|row| blocks.get(number(row)).copied().unwrap_or([zeros; N]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `value` of a block, by row and column.
    fn check<B: bytemuck::AnyBitPattern>(
        bits: Bits,
        bytes: Option<Bytes>,
        [rows, columns]: [usize; 2],
        value: impl Fn(&B, usize, usize) -> i8,
    ) {
        let values: Vec<f32> =
            (0..rows * columns).map(|i| ((i * 7919 + 13) % 1000) as f32 / 250.0 - 2.0).collect();
        let matrix = QuantisedMatrix::new(&values, rows, columns, bits);
        let (words, scales) = in_panels(&matrix, bytes);
        let per_panel = columns.div_ceil(BLOCK);
        assert_eq!(scales.len(), rows.div_ceil(PANEL) * PANEL * per_panel);
        assert_eq!(words.len(), rows.div_ceil(PANEL) * PANEL * matrix.words_per_row());
        let blocks: &[B] = bytemuck::cast_slice(&words);
        let weight = |row: usize, column: usize| {
            let block = row / PANEL * per_panel + column / BLOCK;
            f32::from(value(&blocks[block], row % PANEL, column % BLOCK))
                * scales[block * PANEL + row % PANEL]
        };
        for (place, expected) in matrix.dequantise().into_iter().enumerate() {
            assert_eq!(weight(place / columns, place % columns), expected);
        }
        for place in 0..rows.next_multiple_of(PANEL) * per_panel * BLOCK {
            let (row, column) = (place / (per_panel * BLOCK), place % (per_panel * BLOCK));
            assert!((row < rows && column < columns) || weight(row, column) == 0.0);
        }
    }

    #[test]
    fn every_weight_is_at_its_place_and_zeros_elsewhere() {
        for dims in [[1, 1], [8, 32], [9, 33], [23, 70], [16, 64]] {
            check::<[[i8; 16]; 16]>(Bits::Eight, None, dims, Block::value);
            check::<[[u8; 16]; 8]>(Bits::Four, None, dims, Block::value);
            for bytes in [Bytes::Signed, Bytes::Unsigned] {
                check::<[[[i8; 16]; 2]; 8]>(Bits::Eight, Some(bytes), dims, |block, row, column| {
                    block.value(bytes, row, column)
                });
                check::<[[u8; 16]; 8]>(Bits::Four, Some(bytes), dims, |block, row, column| {
                    ByteBlock::value(block, bytes, row, column)
                });
            }
        }
    }
}
