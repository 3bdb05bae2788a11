//! How does a weight fit in a byte, or in half of one? Small integers in blocks of 32 along the input, with an f16
//! scale each.
//!
//! `q8` holds −127 to 127, `q4` −7 to 7: symmetric, so that zero stays zero.
//!
//! # Source
//! Blocks as in llama.cpp's Q8_0 and Q4_0, but for three things: values come first and scales after them; the scale
//! is rounded to f16 before the values are, so that |x − x̂| ≤ scale / 2 holds for the scale that is stored; and `q4`
//! leaves −8 out.

use half::f16;

/// Values that share one scale.
pub const BLOCK: usize = 32;

/// How many bits a weight of a matrix has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bits {
    Eight,
    Four,
}

impl Bits {
    /// The largest value of a weight, before its scale.
    fn largest(self) -> f32 {
        match self {
            Self::Eight => 127.0,
            Self::Four => 7.0,
        }
    }
}

/// A matrix in blocks, as a file holds it.
///
/// # Layout
/// All values row by row, then one little-endian f16 scale per block. With eight bits a value is a byte, and the last
/// block of a row may be short. With four, a block is 16 bytes whatever the row's length: value i in the low half of
/// byte i and value i + 16 in the high half, each plus 8.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantisedMatrix {
    pub rows: usize,
    pub columns: usize,
    pub bits: Bits,
    bytes: Vec<u8>,
}

impl QuantisedMatrix {
    /// Quantises a row-major matrix.
    ///
    /// # Shapes
    /// values `[rows, columns]`
    #[must_use]
    pub fn new(values: &[f32], rows: usize, columns: usize, bits: Bits) -> Self {
        debug_assert_eq!(values.len(), rows * columns);
        let mut bytes = Vec::with_capacity(Self::byte_count(rows, columns, bits).unwrap_or(0));
        let mut scales = Vec::with_capacity(rows * columns.div_ceil(BLOCK));
        for row in values.chunks(columns.max(1)) {
            for block in row.chunks(BLOCK) {
                let largest = block.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
                // What is no number must not become a zero: no reader accepts such a scale.
                let is_finite = block.iter().all(|value| value.is_finite());
                let scale = if is_finite { scale_for(largest, bits) } else { f16::NAN };
                scales.push(scale);
                let inverse = if scale == f16::ZERO { 0.0 } else { 1.0 / scale.to_f32() };
                let rounded =
                    |value: &f32| (value * inverse).round().clamp(-bits.largest(), bits.largest()) as i8;
                match bits {
                    Bits::Eight => bytes.extend(block.iter().map(|value| rounded(value) as u8)),
                    Bits::Four => {
                        let nibble = |i: usize| (block.get(i).map_or(0, rounded) + 8) as u8;
                        bytes.extend((0..BLOCK / 2).map(|i| nibble(i) | (nibble(i + BLOCK / 2) << 4)));
                    }
                }
            }
        }
        bytes.extend(scales.iter().flat_map(|scale| scale.to_le_bytes()));
        Self { rows, columns, bits, bytes }
    }

    /// A matrix of zeros.
    #[must_use]
    pub fn zeros(rows: usize, columns: usize, bits: Bits) -> Self {
        let mut bytes = vec![0; Self::byte_count(rows, columns, bits).unwrap_or(0)];
        if bits == Bits::Four {
            let scales = 2 * rows * columns.div_ceil(BLOCK);
            let values = bytes.len().saturating_sub(scales);
            bytes[..values].fill(0x88);
        }
        Self { rows, columns, bits, bytes }
    }

    /// A matrix from the bytes of a file; `None` when their number is wrong, a scale is negative or no number, or a value
    /// is what symmetric rounding never gives (−128, or −8 in four bits): products count on it.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>, rows: usize, columns: usize, bits: Bits) -> Option<Self> {
        if rows.checked_mul(columns)? == 0 || Self::byte_count(rows, columns, bits) != Some(bytes.len()) {
            return None;
        }
        let matrix = Self { rows, columns, bits, bytes };
        let is_value = |byte: &u8| match bits {
            Bits::Eight => *byte != 0x80,
            Bits::Four => byte & 15 > 0 && byte >> 4 > 0,
        };
        let is_sound = matrix.scales().all(|scale| scale.is_finite() && scale.is_sign_positive())
            && matrix.value_bytes().iter().all(is_value);
        is_sound.then_some(matrix)
    }

    /// Number of bytes of a matrix; `None` when it does not fit a `usize`, which has 32 bits in a browser.
    #[must_use]
    pub fn byte_count(rows: usize, columns: usize, bits: Bits) -> Option<usize> {
        let blocks = rows.checked_mul(columns.div_ceil(BLOCK))?;
        let values = match bits {
            Bits::Eight => rows.checked_mul(columns)?,
            Bits::Four => blocks.checked_mul(BLOCK / 2)?,
        };
        values.checked_add(blocks.checked_mul(2)?)
    }

    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Puts the rows of another matrix of the same width and bits behind its own.
    pub(crate) fn append(&mut self, other: &Self) {
        debug_assert_eq!((self.columns, self.bits), (other.columns, other.bits));
        let values = self.value_bytes().len();
        self.bytes.splice(values..values, other.value_bytes().iter().copied());
        self.bytes.extend(&other.bytes[other.value_bytes().len()..]);
        self.rows += other.rows;
    }

    fn value_bytes(&self) -> &[u8] {
        &self.bytes[..self.bytes.len() - 2 * self.rows * self.columns.div_ceil(BLOCK)]
    }

    /// One per block, row by row.
    pub fn scales(&self) -> impl Iterator<Item = f32> {
        let (pairs, _) = self.bytes[self.value_bytes().len()..].as_chunks::<2>();
        pairs.iter().map(|pair| f16::from_le_bytes(*pair).to_f32())
    }

    /// The values in words of 32 bits, little-endian, every row padded to whole blocks with values of zero.
    ///
    /// # Shapes
    /// `[rows, words of a row]`: eight words to a block of `q8`, four to one of `q4`
    #[must_use]
    pub fn words(&self) -> Vec<u32> {
        let bytes_per_row = match self.bits {
            Bits::Eight => self.columns,
            Bits::Four => self.columns.div_ceil(BLOCK) * BLOCK / 2,
        };
        let words_per_row = self.words_per_row();
        let mut words = Vec::with_capacity(self.rows * words_per_row);
        for row in self.value_bytes().chunks(bytes_per_row.max(1)) {
            let (whole, rest) = row.as_chunks::<4>();
            words.extend(whole.iter().map(|word| u32::from_le_bytes(*word)));
            if !rest.is_empty() {
                let mut word = [0; 4];
                word[..rest.len()].copy_from_slice(rest);
                words.push(u32::from_le_bytes(word));
            }
            words.resize(words.len().next_multiple_of(words_per_row), 0);
        }
        words
    }

    /// Words of 32 bits to a padded row.
    #[must_use]
    pub fn words_per_row(&self) -> usize {
        self.columns.div_ceil(BLOCK)
            * match self.bits {
                Bits::Eight => BLOCK / 4,
                Bits::Four => BLOCK / 8,
            }
    }

    /// The values as floats, row-major.
    #[must_use]
    pub fn dequantise(&self) -> Vec<f32> {
        let mut scales = self.scales();
        let mut values = Vec::with_capacity(self.rows * self.columns);
        match self.bits {
            Bits::Eight => {
                for row in self.value_bytes().chunks(self.columns.max(1)) {
                    for block in row.chunks(BLOCK) {
                        let scale = scales.next().unwrap_or(0.0);
                        values.extend(block.iter().map(|&value| f32::from(value as i8) * scale));
                    }
                }
            }
            Bits::Four => {
                let (blocks, _) = self.value_bytes().as_chunks::<{ BLOCK / 2 }>();
                for row in blocks.chunks(self.columns.div_ceil(BLOCK).max(1)) {
                    let end = values.len() + self.columns;
                    for block in row {
                        let scale = scales.next().unwrap_or(0.0);
                        let value = |nibble: u8| f32::from(nibble as i8 - 8) * scale;
                        values.extend(block.iter().map(|byte| value(byte & 15)));
                        values.extend(block.iter().map(|byte| value(byte >> 4)));
                    }
                    values.truncate(end);
                }
            }
        }
        values
    }
}

/// The smallest f16 that maps the largest value into the range of integers, so that rounding the scale never clips it.
fn scale_for(largest: f32, bits: Bits) -> f16 {
    let wanted = largest / bits.largest();
    let scale = f16::from_f32(wanted);
    if scale.to_f32() < wanted && scale.is_finite() { f16::from_bits(scale.to_bits() + 1) } else { scale }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fixed pseudo-random sequence, so that the test needs no generator.
    fn values(count: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 + 13) % 1000) as f32 / 250.0 - 2.0).collect()
    }

    #[test]
    fn error_is_at_most_half_a_scale() {
        for bits in [Bits::Eight, Bits::Four] {
            for (rows, columns) in [(3, 64), (5, 33), (1, 1), (2, 31), (4, 96)] {
                let original = values(rows * columns);
                let matrix = QuantisedMatrix::new(&original, rows, columns, bits);
                let read = QuantisedMatrix::from_bytes(matrix.bytes().to_vec(), rows, columns, bits);
                assert_eq!(read.as_ref(), Some(&matrix));
                let back = matrix.dequantise();
                assert_eq!(back.len(), original.len());
                for (row, back_row) in original.chunks(columns).zip(back.chunks(columns)) {
                    for (block, back_block) in row.chunks(BLOCK).zip(back_row.chunks(BLOCK)) {
                        let largest = block.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
                        let bound = scale_for(largest, bits).to_f32() / 2.0 + 1e-7;
                        for (a, b) in block.iter().zip(back_block) {
                            assert!((a - b).abs() <= bound, "{a} {b} bound {bound}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn words_are_the_values_with_every_row_padded() {
        let matrix = QuantisedMatrix::new(&[127.0, -127.0, 0.0, 1.0, 2.0, 127.0], 2, 3, Bits::Eight);
        let row = |first: u32| [vec![first], vec![0; 7]].concat();
        assert_eq!(matrix.words(), [row(0x0000_817f), row(0x007f_0201)].concat());
        let matrix = QuantisedMatrix::new(&[7.0, -7.0, 1.0], 1, 3, Bits::Four);
        assert_eq!(matrix.words(), [0x8889_818f, 0x8888_8888, 0x8888_8888, 0x8888_8888]);
    }

    #[test]
    fn zeros_stay_zero_and_bad_bytes_are_refused() {
        for bits in [Bits::Eight, Bits::Four] {
            let matrix = QuantisedMatrix::new(&[0.0; 64], 2, 32, bits);
            assert_eq!(matrix.dequantise(), vec![0.0; 64]);
            assert_eq!(QuantisedMatrix::zeros(2, 32, bits), matrix);
            let from = |bytes: &[u8], rows| QuantisedMatrix::from_bytes(bytes.to_vec(), rows, 32, bits);
            assert!(from(matrix.bytes(), 2).is_some());
            assert!(from(&matrix.bytes()[1..], 2).is_none());
            assert!(from(matrix.bytes(), usize::MAX).is_none());
            assert!(from(&[], 0).is_none());
            let mut bytes = matrix.bytes().to_vec();
            let last = bytes.len() - 2;
            for scale in [f16::INFINITY, f16::NAN, f16::NEG_ONE] {
                bytes[last..].copy_from_slice(&scale.to_le_bytes());
                assert!(from(&bytes, 2).is_none());
            }
            let mut bytes = matrix.bytes().to_vec();
            bytes[3] = if bits == Bits::Eight { 0x80 } else { 0x08 };
            assert!(from(&bytes, 2).is_none());
            // Nor does what is no number pass as a zero.
            let spoiled = QuantisedMatrix::new(&[1.0, f32::NAN], 1, 2, bits);
            assert!(QuantisedMatrix::from_bytes(spoiled.bytes().to_vec(), 1, 2, bits).is_none());
        }
    }
}
