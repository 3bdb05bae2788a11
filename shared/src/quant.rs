//! How does a weight fit in a byte? Symmetric int8 in blocks of 32 along the input, with an f16 scale each.
//!
//! # Source
//! Block layout as llama.cpp's Q8_0; the scale is rounded to f16 before the values are, so that
//! |x − x̂| ≤ scale / 2 holds for the scale that is stored.

use half::f16;

/// Values that share one scale.
pub const BLOCK: usize = 32;
const LARGEST: f32 = 127.0;

/// Number of bytes of a `q8` matrix: its values, then its scales. `None` when it does not fit a `usize`, which has
/// 32 bits in a browser.
#[must_use]
pub fn q8_bytes(rows: usize, columns: usize) -> Option<usize> {
    let scales = rows.checked_mul(columns.div_ceil(BLOCK))?.checked_mul(2)?;
    rows.checked_mul(columns)?.checked_add(scales)
}

/// Quantises a row-major matrix; the last block of a row may be short.
///
/// # Shapes
/// values `[rows, columns]` → `rows·columns` int8, then one little-endian f16 scale per block.
#[must_use]
pub fn quantise_q8(values: &[f32], rows: usize, columns: usize) -> Vec<u8> {
    debug_assert_eq!(values.len(), rows * columns);
    let mut bytes = Vec::with_capacity(q8_bytes(rows, columns).unwrap_or(0));
    let mut scales = Vec::with_capacity(rows * columns.div_ceil(BLOCK));
    for row in values.chunks(columns.max(1)) {
        for block in row.chunks(BLOCK) {
            let largest = block.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
            let scale = scale_for(largest);
            scales.push(scale);
            let inverse = if scale == f16::ZERO { 0.0 } else { 1.0 / scale.to_f32() };
            bytes.extend(
                block.iter().map(|value| (value * inverse).round().clamp(-LARGEST, LARGEST) as i8 as u8),
            );
        }
    }
    bytes.extend(scales.iter().flat_map(|scale| scale.to_le_bytes()));
    bytes
}

/// The smallest f16 that maps the largest value into ±127, so that rounding the scale never clips it.
fn scale_for(largest: f32) -> f16 {
    let wanted = largest / LARGEST;
    let scale = f16::from_f32(wanted);
    if scale.to_f32() < wanted && scale.is_finite() { f16::from_bits(scale.to_bits() + 1) } else { scale }
}

/// The inverse of [`quantise_q8`]; `None` when the number of bytes is wrong.
#[must_use]
pub fn dequantise_q8(bytes: &[u8], rows: usize, columns: usize) -> Option<Vec<f32>> {
    let count = rows.checked_mul(columns)?;
    if Some(bytes.len()) != q8_bytes(rows, columns) {
        return None;
    }
    let (values, scales) = bytes.split_at(count);
    let mut scales = scales.chunks_exact(2).map(|pair| f16::from_le_bytes([pair[0], pair[1]]).to_f32());
    let mut out = Vec::with_capacity(count);
    for row in values.chunks(columns.max(1)) {
        for block in row.chunks(BLOCK) {
            let scale = scales.next()?;
            out.extend(block.iter().map(|&value| f32::from(value as i8) * scale));
        }
    }
    Some(out)
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
        for (rows, columns) in [(3, 64), (5, 33), (1, 1), (2, 31), (4, 96)] {
            let original = values(rows * columns);
            let bytes = quantise_q8(&original, rows, columns);
            assert_eq!(Some(bytes.len()), q8_bytes(rows, columns));
            let back = dequantise_q8(&bytes, rows, columns).unwrap();
            for (row, back_row) in original.chunks(columns).zip(back.chunks(columns)) {
                for (block, back_block) in row.chunks(BLOCK).zip(back_row.chunks(BLOCK)) {
                    let largest = block.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
                    let bound = scale_for(largest).to_f32() / 2.0 + 1e-7;
                    for (a, b) in block.iter().zip(back_block) {
                        assert!((a - b).abs() <= bound, "{a} {b} bound {bound}");
                    }
                }
            }
        }
    }

    #[test]
    fn zeros_stay_zero_and_short_input_is_refused() {
        let bytes = quantise_q8(&[0.0; 64], 2, 32);
        assert_eq!(dequantise_q8(&bytes, 2, 32).unwrap(), vec![0.0; 64]);
        assert!(dequantise_q8(&bytes[1..], 2, 32).is_none());
        assert!(dequantise_q8(&bytes, usize::MAX, 2).is_none());
    }
}
