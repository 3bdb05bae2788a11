//! What does each position take from those it sees? Attention of one pass over queries, without a matrix of weights.
//!
//! Only columns that a position sees are computed, in panels of eight: of a causal prefix that is half, and of
//! candidates in blocks that do not see each other, little more than the prefix. Products are of integers, as those of
//! weights are: keys are panels and queries states, then values are panels and the softmax's weights states.
//!
//! # Error
//! Queries have 11 bits beside the sign, keys 12 and values 15; weights are rounded to 1/16384.
//!
//! # Source
//! Softmax and products row by row as in FlashAttention (arXiv 2205.14135), for rows that fit the nearest cache.

use std::ops::Range;

use super::{
    exponential::exp_nearly,
    instructions::{Instructions, PANEL, PanelPair, StatePairs, TOGETHER, Work, run},
    panels::{
        PANEL_STATE, PANEL_WEIGHT, add_all_pairs, lay_out_states, multiply_panel, round, scale_of,
        side_by_side,
    },
};

/// Pairs of columns in a panel of columns.
const PAIRS: usize = PANEL / 2;
/// What a weight of 1 is rounded to. The weights of a position sum to little more, so that no sum overflows.
const WHOLE: f32 = 16384.0;

/// Sizes of an attention.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub rows: usize,
    pub heads: usize,
    pub key_value_heads: usize,
    /// Positions that ask.
    pub positions: usize,
    /// Positions that may be seen.
    pub columns: usize,
    /// Numbers of a head.
    pub head: usize,
}

/// Numbers of an attention, row-major.
pub(super) struct Attention<'a> {
    pub shape: Shape,
    /// Scaled: `[rows, heads, positions, head]`.
    pub queries: &'a [f32],
    /// `[rows, key_value_heads, columns, head]`
    pub keys: Heads<'a>,
    /// As keys.
    pub values: Heads<'a>,
    /// Added to the scores: `[rows or 1, positions, columns]`.
    pub bias: &'a [f32],
}

/// Numbers of heads, each in one piece, and where they begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heads<'a> {
    pub numbers: &'a [f32],
    /// Numbers from a row to the next.
    pub row: usize,
    /// Numbers from a head to the next.
    pub head: usize,
}

impl<'a> Heads<'a> {
    #[inline(always)]
    fn of(&self, row: usize, head: usize, count: usize) -> &'a [f32] {
        let start = row * self.row + head * self.head;
        &self.numbers[start..start + count]
    }
}

/// A bias under which nothing is seen.
const UNSEEN: f32 = -1e8;

impl Attention<'_> {
    /// `[rows, positions, heads · head]`
    pub(super) fn attend(&self) -> Vec<f32> {
        let Shape { rows, heads, positions, head, .. } = self.shape;
        let mut attended = vec![0.0; rows * positions * heads * head];
        run(Fill { attention: self, attended: &mut attended });
        attended
    }
}

struct Fill<'a> {
    attention: &'a Attention<'a>,
    attended: &'a mut [f32],
}

impl Work for Fill<'_> {
    #[inline(always)]
    fn run(self, instructions: impl Instructions) {
        let Self { attention, attended } = self;
        let Shape { rows, heads, key_value_heads, positions, columns, head } = attention.shape;
        let group = heads / key_value_heads;
        let seen = Seen::new(attention);
        let mut scratch = Scratch::new(columns.div_ceil(PANEL), head);
        for row in 0..rows {
            for key_value_head in 0..key_value_heads {
                let count = columns * head;
                scratch.lay_out_keys(instructions, attention.keys.of(row, key_value_head, count));
                scratch.lay_out_values(instructions, attention.values.of(row, key_value_head, count));
                for query_head in key_value_head * group..(key_value_head + 1) * group {
                    let start = (row * heads + query_head) * positions * head;
                    let queries = &attention.queries[start..start + positions * head];
                    for (number, four) in queries.chunks(TOGETHER * head).enumerate() {
                        let first = number * TOGETHER;
                        scratch.attend(instructions, four, &seen, row, first);
                        for (position, values) in (first..positions).zip(&scratch.out) {
                            let start = ((row * positions + position) * heads + query_head) * head;
                            attended[start..start + head].copy_from_slice(&values[..head]);
                        }
                    }
                }
            }
        }
    }
}

/// Which panels of columns every four positions see, and the bias of all columns, padded with what hides them.
struct Seen {
    /// `[rows or 1, positions, panels]`
    bias: Vec<[f32; PANEL]>,
    /// For each of the rows, or for all, and each four positions.
    runs: Vec<Vec<Range<usize>>>,
    positions: usize,
    fours: usize,
    panels_per_position: usize,
    is_for_all_rows: bool,
}

impl Seen {
    fn new(attention: &Attention) -> Self {
        let Shape { positions, columns, .. } = attention.shape;
        let panels_per_position = columns.div_ceil(PANEL);
        let mut bias = Vec::new();
        for panel in attention.bias.chunks_exact(columns).flat_map(|of_position| of_position.chunks(PANEL)) {
            let mut padded = [f32::NEG_INFINITY; PANEL];
            padded[..panel.len()].copy_from_slice(panel);
            bias.push(padded);
        }
        let is_seen: Vec<bool> =
            bias.iter().map(|panel| panel.iter().fold(false, |seen, bias| seen | (*bias > UNSEEN))).collect();
        let mut runs = Vec::new();
        for of_row in is_seen.chunks_exact(positions * panels_per_position) {
            for of_four in of_row.chunks(TOGETHER * panels_per_position) {
                let is_seen_by_any =
                    |panel: usize| of_four[panel..].iter().step_by(panels_per_position).any(|seen| *seen);
                let mut runs_of_four: Vec<Range<usize>> = Vec::new();
                for panel in (0..panels_per_position).filter(|&panel| is_seen_by_any(panel)) {
                    match runs_of_four.last_mut() {
                        Some(run) if run.end == panel => run.end += 1,
                        _ => runs_of_four.push(panel..panel + 1),
                    }
                }
                runs.push(runs_of_four);
            }
        }
        let is_for_all_rows = attention.bias.len() == positions * columns;
        let fours = positions.div_ceil(TOGETHER);
        Self { bias, runs, positions, fours, panels_per_position, is_for_all_rows }
    }

    fn runs(&self, row: usize, first: usize) -> &[Range<usize>] {
        let row = if self.is_for_all_rows { 0 } else { row };
        &self.runs[row * self.fours + first / TOGETHER]
    }

    /// The bias of a position, of the last one where there is none.
    fn bias(&self, row: usize, position: usize) -> &[[f32; PANEL]] {
        let row = if self.is_for_all_rows { 0 } else { row };
        let start = (row * self.positions + position.min(self.positions - 1)) * self.panels_per_position;
        &self.bias[start..start + self.panels_per_position]
    }
}

/// What one head of keys and values needs, used again for the next.
struct Scratch {
    head: usize,
    /// Keys, eight columns to a panel, with a scale for each: `[panels, pairs of a head]`.
    keys: Vec<PanelPair>,
    key_scales: Vec<[f32; PANEL]>,
    /// Values, eight numbers of a head to a panel, with a scale for each: `[panels of a head, pairs of columns]`.
    values: Vec<PanelPair>,
    value_scales: Vec<[f32; PANEL]>,
    queries: Vec<StatePairs>,
    /// Scores, then weights, of the panels that are seen, of four queries.
    scores: [Vec<[f32; PANEL]>; TOGETHER],
    /// The weights rounded, of the panels that are seen.
    weights: Vec<StatePairs>,
    /// Of four queries, a head padded to whole panels.
    out: [Vec<f32>; TOGETHER],
}

impl Scratch {
    fn new(panels: usize, head: usize) -> Self {
        let padded = head.next_multiple_of(PANEL);
        Self {
            head,
            keys: vec![[[0; 4]; 2]; panels * padded / 2],
            key_scales: vec![[0.0; PANEL]; panels],
            values: vec![[[0; 4]; 2]; padded / PANEL * panels * PAIRS],
            value_scales: vec![[0.0; PANEL]; padded / PANEL],
            queries: vec![[0; TOGETHER]; padded / 2],
            scores: std::array::from_fn(|_| vec![[0.0; PANEL]; panels]),
            weights: vec![[0; TOGETHER]; panels * PAIRS],
            out: std::array::from_fn(|_| vec![0.0; padded]),
        }
    }

    #[cfg_attr(target_arch = "wasm32", inline(never))]
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn lay_out_keys(&mut self, instructions: impl Instructions, keys: &[f32]) {
        let pairs = self.queries.len();
        let mut rounded = vec![0_i16; PANEL * pairs * 2];
        let of_panels = self.keys.chunks_exact_mut(pairs).zip(&mut self.key_scales);
        for ((panel, scales), keys) in of_panels.zip(keys.chunks(PANEL * self.head)) {
            rounded.fill(0);
            *scales = [0.0; PANEL];
            let of_columns = keys.chunks_exact(self.head).zip(rounded.chunks_exact_mut(pairs * 2));
            for ((key, rounded), scale) in of_columns.zip(scales) {
                *scale = scale_of(key, PANEL_WEIGHT as f32);
                round(instructions, key, *scale, rounded);
            }
            let (eights, _) = rounded.as_chunks::<8>();
            let eights_per_key = eights.len() / PANEL;
            for (eight, panel) in panel.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                side_by_side(
                    instructions,
                    panel,
                    #[inline(always)]
                    |key| eights[key * eights_per_key + eight],
                );
            }
        }
    }

    #[cfg_attr(target_arch = "wasm32", inline(never))]
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn lay_out_values(&mut self, instructions: impl Instructions, values: &[f32]) {
        let (head, pairs) = (self.head, self.weights.len());
        for (part, panel) in self.values.chunks_exact_mut(pairs).enumerate() {
            let column = |column: usize| {
                let value = &values[(column * head + part * PANEL).min(values.len())..];
                match value.first_chunk::<PANEL>() {
                    Some(eight) if (part + 1) * PANEL <= head => instructions.eight(eight),
                    _ => {
                        let mut padded = [0.0; PANEL];
                        let count = value.len().min(head - part * PANEL).min(PANEL);
                        padded[..count].copy_from_slice(&value[..count]);
                        instructions.eight(&padded)
                    }
                }
            };
            let columns = values.len() / head;
            let mut largest = instructions.same(0.0);
            // What is no number is not compared but adds up.
            let mut nothing = instructions.same(0.0);
            for number in 0..columns {
                let value = column(number);
                let opposite = instructions.multiply(value, instructions.same(-1.0));
                largest = instructions.larger(largest, instructions.larger(value, opposite));
                nothing = instructions.add(nothing, instructions.multiply(value, instructions.same(0.0)));
            }
            let largest = instructions.numbers(instructions.add(largest, nothing));
            let scales = largest.map(|largest| scale_of(&[largest], f32::from(i16::MAX)));
            let inverse = scales.map(|scale| if scale > 0.0 { 1.0 / scale } else { 0.0 });
            let inverse = instructions.eight(&inverse);
            self.value_scales[part] = scales;
            let round = |number: usize| {
                let value = instructions.multiply(column(number), inverse);
                instructions.round(&instructions.numbers(value), 1.0)
            };
            for (number, pair) in panel.iter_mut().enumerate() {
                *pair = instructions.zip(round(2 * number), round(2 * number + 1));
            }
        }
    }

    /// What four queries take, the first of them at position `first`.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn attend(
        &mut self,
        instructions: impl Instructions,
        queries: &[f32],
        seen: &Seen,
        row: usize,
        first: usize,
    ) {
        let pairs = self.queries.len();
        let scales = lay_out_states(instructions, queries, self.head, PANEL_STATE, &mut self.queries);
        let runs = seen.runs(row, first);
        let count: usize = runs.iter().map(ExactSizeIterator::len).sum();
        let biases: [_; TOGETHER] = std::array::from_fn(|query| seen.bias(row, first + query));
        let mut largest = [instructions.same(f32::NEG_INFINITY); TOGETHER];
        for (seen, panel) in runs.iter().cloned().flatten().enumerate() {
            let keys = &self.keys[panel * pairs..(panel + 1) * pairs];
            let products = multiply_panel(instructions, keys, &self.queries);
            let key_scales = instructions.eight(&self.key_scales[panel]);
            for (query, product) in products.into_iter().enumerate() {
                let scale = instructions.multiply(key_scales, instructions.same(scales[query]));
                let bias = instructions.eight(&biases[query][panel]);
                let score = instructions.add(instructions.multiply(product, scale), bias);
                largest[query] = instructions.larger(largest[query], score);
                self.scores[query][seen] = instructions.numbers(score);
            }
        }
        let mut inverse = [0.0; TOGETHER];
        for ((scores, largest), inverse) in self.scores.iter_mut().zip(largest).zip(&mut inverse) {
            let scores = &mut scores[..count];
            let largest = instructions.numbers(largest).into_iter().fold(f32::NEG_INFINITY, f32::max);
            // One long loop, which the compiler makes vector instructions of.
            for score in scores.as_flattened_mut() {
                *score = exp_nearly(*score - largest);
            }
            let mut sums = instructions.same(0.0);
            for scores in scores {
                sums = instructions.add(sums, instructions.eight(scores));
            }
            *inverse = WHOLE / instructions.numbers(sums).into_iter().sum::<f32>();
        }
        // Divided by what the rounded weights sum to: their rounding would add up where many columns are alike.
        let mut wholes = [instructions.sums(); TOGETHER];
        for (seen, weights) in self.weights.as_chunks_mut::<PAIRS>().0[..count].iter_mut().enumerate() {
            let rounded = std::array::from_fn(
                #[inline(always)]
                |query| instructions.round(&self.scores[query][seen], inverse[query]),
            );
            for (whole, rounded) in wholes.iter_mut().zip(&rounded) {
                *whole = instructions.add_all(*whole, *rounded);
            }
            *weights = instructions.transpose(rounded);
        }
        let wholes = wholes.map(
            #[inline(always)]
            |whole| instructions.numbers(instructions.to_eight(whole)).into_iter().sum::<f32>().max(1.0),
        );
        for (part, scales) in self.value_scales.iter().enumerate() {
            let values = &self.values[part * self.weights.len()..(part + 1) * self.weights.len()];
            let mut sums = [instructions.sums(); TOGETHER];
            let mut weights = self.weights.as_slice();
            for run in runs {
                let (of_run, rest) = weights.split_at(run.len() * PAIRS);
                weights = rest;
                let values = &values[run.start * PAIRS..run.end * PAIRS];
                sums = add_all_pairs(instructions, sums, values, of_run);
            }
            let scales = instructions.eight(scales);
            for (((out, sums), inverse), whole) in self.out.iter_mut().zip(sums).zip(inverse).zip(wholes) {
                // Rounded, what is no number would be 0: it must not pass for an answer.
                let nothing = instructions.same(inverse * 0.0);
                let taken = instructions.add(instructions.to_eight(sums), nothing);
                let scale = instructions.multiply(scales, instructions.same(1.0 / whole));
                let taken = instructions.multiply(taken, scale);
                out[part * PANEL..(part + 1) * PANEL].copy_from_slice(&instructions.numbers(taken));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 + seed * 104_729 + 13) % 2003) as f32 / 1001.0 - 1.0).collect()
    }

    /// One head after another.
    fn dense(numbers: &[f32], shape: Shape) -> Heads<'_> {
        let head = shape.columns * shape.head;
        Heads { numbers, row: shape.key_value_heads * head, head }
    }

    /// Position by position in f64.
    fn plainly(attention: &Attention) -> Vec<f64> {
        let Shape { rows, heads, key_value_heads, positions, columns, head } = attention.shape;
        let mut attended = vec![0.0; rows * positions * heads * head];
        for row in 0..rows {
            for query_head in 0..heads {
                let key_value_head = row * key_value_heads + query_head / (heads / key_value_heads);
                for position in 0..positions {
                    let of_row = if attention.bias.len() == positions * columns { 0 } else { row };
                    let query = ((row * heads + query_head) * positions + position) * head;
                    let key = |column: usize| (key_value_head * columns + column) * head;
                    let score = |column: usize| {
                        let pairs = (0..head).map(|i| {
                            f64::from(attention.queries[query + i])
                                * f64::from(attention.keys.numbers[key(column) + i])
                        });
                        let bias = attention.bias[(of_row * positions + position) * columns + column];
                        (pairs.sum::<f64>() + f64::from(bias)).exp()
                    };
                    let sum: f64 = (0..columns).map(score).sum();
                    for i in 0..head {
                        let value = |column| f64::from(attention.values.numbers[key(column) + i]);
                        attended[((row * positions + position) * heads + query_head) * head + i] =
                            (0..columns).map(|column| score(column) * value(column)).sum::<f64>() / sum;
                    }
                }
            }
        }
        attended
    }

    #[test]
    fn many_columns_alike_give_their_mean() {
        for columns in [300, 450, 1000, 6560] {
            let shape = Shape { rows: 1, heads: 1, key_value_heads: 1, positions: 1, columns, head: 8 };
            let (keys, values) = (numbers(columns * 8, 4), vec![1.0; columns * 8]);
            let bias = vec![0.0; columns];
            let (keys, values) = (dense(&keys, shape), dense(&values, shape));
            let attention = Attention { shape, queries: &[0.0; 8], keys, values, bias: &bias };
            for number in attention.attend() {
                assert!((number - 1.0).abs() < 1e-4, "{columns}: {number}");
            }
        }
    }

    #[test]
    fn room_between_heads_changes_nothing() {
        let shape = Shape { rows: 2, heads: 4, key_value_heads: 2, positions: 3, columns: 11, head: 8 };
        let (queries, bias) = (numbers(2 * 4 * 3 * 8, 1), vec![0.0; 3 * 11]);
        let roomy = [numbers(2 * 2 * 16 * 8, 2), numbers(2 * 2 * 16 * 8, 3)];
        let close: Vec<Vec<f32>> = roomy
            .iter()
            .map(|all| all.chunks(16 * 8).flat_map(|head| head[..11 * 8].to_vec()).collect())
            .collect();
        let with_room = |numbers| Heads { numbers, row: 2 * 16 * 8, head: 16 * 8 };
        let (keys, values) = (with_room(&roomy[0]), with_room(&roomy[1]));
        let attended = Attention { shape, queries: &queries, keys, values, bias: &bias }.attend();
        let (keys, values) = (dense(&close[0], shape), dense(&close[1], shape));
        assert_eq!(attended, Attention { shape, queries: &queries, keys, values, bias: &bias }.attend());
    }

    #[test]
    fn what_is_no_number_stays_none() {
        let shape = Shape { rows: 1, heads: 1, key_value_heads: 1, positions: 5, columns: 5, head: 4 };
        let (clean, bias) = (vec![0.5; 20], vec![0.0; 25]);
        for spoiled in 0..3 {
            let mut parts = [clean.clone(), clean.clone(), clean.clone()];
            parts[spoiled][6] = f32::NAN;
            let [queries, keys, values] = &parts;
            let (keys, values) = (dense(keys, shape), dense(values, shape));
            let attended = Attention { shape, queries, keys, values, bias: &bias }.attend();
            assert!(attended[4..8].iter().any(|number| number.is_nan()), "{spoiled}: {attended:?}");
        }
    }

    #[test]
    fn is_what_each_position_by_itself_would_take() {
        let shapes = [(1, 2, 1, 5, 5, 4), (3, 4, 2, 7, 40, 16), (1, 8, 4, 3, 33, 20), (2, 1, 1, 1, 16, 64)];
        for (rows, heads, key_value_heads, positions, columns, head) in shapes {
            let shape = Shape { rows, heads, key_value_heads, positions, columns, head };
            let cached = columns - positions;
            for biases in [1, rows] {
                // A prefix that all see, then each position itself and every third before it.
                let hidden = |position: usize, column: usize| {
                    column > cached + position
                        || (column > cached && !(cached + position - column).is_multiple_of(3))
                };
                let bias = (0..biases * positions * columns)
                    .map(|i| if hidden(i / columns % positions, i % columns) { -1e9 } else { 0.0 });
                let count = rows * key_value_heads * columns * head;
                let (keys, values) = (numbers(count, 2), numbers(count, 3));
                let attention = Attention {
                    shape,
                    queries: &numbers(rows * heads * positions * head, 1),
                    keys: dense(&keys, shape),
                    values: dense(&values, shape),
                    bias: &bias.collect::<Vec<_>>(),
                };
                for (got, expected) in attention.attend().iter().zip(plainly(&attention)) {
                    assert!((f64::from(*got) - expected).abs() < 2e-3, "{shape:?}: {got} {expected}");
                }
            }
        }
    }
}
