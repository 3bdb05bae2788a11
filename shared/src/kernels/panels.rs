//! How do four rows of states meet eight rows of weights? Side by side, so that one instruction multiplies a pair of
//! columns of four of them, and the inner loop is products and additions alone.

use super::instructions::{Instructions, PanelPair, StatePairs, TOGETHER};

/// Columns whose sums fit 32 bits: 256 · 4095 · 2047 < 2³¹.
const EXACT_COLUMNS: usize = 256;
/// Largest weight in a panel.
pub(super) const PANEL_WEIGHT: i32 = 4095;
/// Largest state beside a panel.
pub(super) const PANEL_STATE: f32 = 2047.0;

/// Rounds a group of at most four rows of states to whole numbers up to `largest` and lays their pairs side by side; gives
/// each row's scale.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
pub(super) fn lay_out_states(
    instructions: impl Instructions,
    group: &[f32],
    columns: usize,
    largest: f32,
    pairs: &mut [StatePairs],
) -> [f32; TOGETHER] {
    let mut rounded = vec![0_i16; TOGETHER * pairs.len() * 2];
    let mut scales = [0.0; TOGETHER];
    let rows = group.chunks_exact(columns).zip(rounded.chunks_exact_mut(pairs.len() * 2));
    for ((row, rounded), scale) in rows.zip(&mut scales) {
        *scale = scale_of(row, largest);
        round(instructions, row, *scale, rounded);
    }
    let (eights, _) = rounded.as_chunks::<8>();
    for (eight, pairs) in pairs.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let four = std::array::from_fn(|row| eights[row * (eights.len() / TOGETHER) + eight]);
        *pairs = instructions.transpose(four);
    }
    scales
}

/// Eight columns of a panel: four pairs of each of its rows, of which `row` gives the numbers.
#[inline(always)]
pub(super) fn side_by_side(
    instructions: impl Instructions,
    panel: &mut [PanelPair; 4],
    row: impl Fn(usize) -> [i16; 8],
) {
    for half in 0..2 {
        let four = std::array::from_fn(
            #[inline(always)]
            |next| row(half * 4 + next),
        );
        for (pair, column) in panel.iter_mut().zip(instructions.transpose(four)) {
            pair[half] = column;
        }
    }
}

/// Each of the rows of weights times each of the four rows of states, before their scales.
#[inline(always)]
pub(super) fn multiply_panel<I: Instructions>(
    instructions: I,
    panel: &[PanelPair],
    states: &[StatePairs],
) -> [I::Eight; TOGETHER] {
    let exact = EXACT_COLUMNS / 2;
    if panel.len() <= exact {
        return multiply_exactly(instructions, panel, states);
    }
    let mut totals = [instructions.same(0.0); TOGETHER];
    for (panel, states) in panel.chunks(exact).zip(states.chunks(exact)) {
        let products = multiply_exactly(instructions, panel, states);
        for (total, product) in totals.iter_mut().zip(products) {
            *total = instructions.add(*total, product);
        }
    }
    totals
}

#[inline(always)]
fn multiply_exactly<I: Instructions>(
    instructions: I,
    panel: &[PanelPair],
    states: &[StatePairs],
) -> [I::Eight; TOGETHER] {
    let sums = add_all_pairs(instructions, [instructions.sums(); TOGETHER], panel, states);
    sums.map(
        #[inline(always)]
        |sums| instructions.to_eight(sums),
    )
}

/// Adds the products of each pair of columns of a panel with its four pairs of states.
#[inline(always)]
pub(super) fn add_all_pairs<I: Instructions>(
    instructions: I,
    mut sums: [I::Sums; TOGETHER],
    mut panel: &[PanelPair],
    mut states: &[StatePairs],
) -> [I::Sums; TOGETHER] {
    // Walked by their beginnings, not by a common index, which would be multiplied at every step.
    while let ([weights, panels @ ..], [four, others @ ..]) = (panel, states) {
        for (sum, states) in sums.iter_mut().zip(four) {
            *sum = instructions.add_pairs(*sum, instructions.pair(weights), *states);
        }
        (panel, states) = (panels, others);
    }
    sums
}

/// What one unit stands for when the largest state becomes `largest_rounded`. Not a number when a state is none, so
/// that its products are none either.
#[inline(always)]
pub(super) fn scale_of(row: &[f32], largest_rounded: f32) -> f32 {
    // As bits, so that what is no number is the largest of all; the order of bits is that of positive floats.
    let (eights, rest) = row.as_chunks::<8>();
    let mut largest = [0_u32; 8];
    for eight in eights {
        for (largest, state) in largest.iter_mut().zip(eight) {
            *largest = (*largest).max(state.abs().to_bits());
        }
    }
    let largest =
        largest.into_iter().chain(rest.iter().map(|state| state.abs().to_bits())).max().unwrap_or(0);
    let largest = f32::from_bits(largest);
    if largest.is_finite() { largest / largest_rounded } else { f32::NAN }
}

/// 1 / `scale`, or 0 where states are too small to have one, or no numbers.
#[inline(always)]
pub(super) fn inverse_of(scale: f32) -> f32 {
    let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
    if inverse.is_finite() { inverse } else { 0.0 }
}

#[inline(always)]
pub(super) fn round(instructions: impl Instructions, row: &[f32], scale: f32, rounded: &mut [i16]) {
    let inverse = inverse_of(scale);
    let (eights, rest) = row.as_chunks::<8>();
    let (rounded_eights, _) = rounded.as_chunks_mut::<8>();
    for (eight, rounded) in eights.iter().zip(&mut *rounded_eights) {
        *rounded = instructions.round(eight, inverse);
    }
    if !rest.is_empty() {
        let mut padded = [0.0; 8];
        padded[..rest.len()].copy_from_slice(rest);
        rounded_eights[eights.len()] = instructions.round(&padded, inverse);
    }
}
