//! What does each position take from those it sees? Attention of one pass over queries, without a matrix of weights.
//!
//! Only columns that a position sees are computed: of a causal prefix that is half, and of candidates in blocks that do
//! not see each other, little more than the prefix.
//!
//! # Source
//! Softmax and products row by row as in FlashAttention (arXiv 2205.14135), for rows that fit the nearest cache.

use super::exponential::{exp, vectorised};

/// Numbers that are computed together: columns of keys, and then numbers of a head.
const LANES: usize = 16;
type Block = [f32; LANES];

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
    pub keys: &'a [f32],
    /// As keys.
    pub values: &'a [f32],
    /// Added to the scores: `[rows or 1, positions, columns]`.
    pub bias: &'a [f32],
}

/// A bias under which nothing is seen.
const UNSEEN: f32 = -1e8;

impl Attention<'_> {
    /// `[rows, positions, heads · head]`
    pub(super) fn attend(&self) -> Vec<f32> {
        let Shape { rows, heads, positions, head, .. } = self.shape;
        let mut attended = vec![0.0; rows * positions * heads * head];
        vectorised(
            #[inline(always)]
            || self.fill(&mut attended),
        );
        attended
    }

    #[inline(always)]
    fn fill(&self, attended: &mut [f32]) {
        let Shape { rows, heads, key_value_heads, positions, columns, head } = self.shape;
        let blocks = columns.div_ceil(LANES);
        let group = heads / key_value_heads;
        let mut keys = vec![[0.0; LANES]; blocks * head];
        let mut values = vec![[0.0; LANES]; head.div_ceil(LANES) * blocks * LANES];
        let mut scores = vec![[0.0; LANES]; blocks];
        let seen = Seen::new(self, blocks);
        for row in 0..rows {
            for key_value_head in 0..key_value_heads {
                let start = (row * key_value_heads + key_value_head) * columns * head;
                let of_head = start..start + columns * head;
                lay_out_keys(&self.keys[of_head.clone()], head, &mut keys);
                lay_out_values(&self.values[of_head], head, blocks * LANES, &mut values);
                for query_head in key_value_head * group..(key_value_head + 1) * group {
                    for position in 0..positions {
                        let query = ((row * heads + query_head) * positions + position) * head;
                        let query = &self.queries[query..query + head];
                        let out = ((row * positions + position) * heads + query_head) * head;
                        let out = &mut attended[out..out + head];
                        let (blocks, bias) = seen.of(row, position);
                        attend_one(query, &keys, &values, blocks, bias, &mut scores, out);
                    }
                }
            }
        }
    }
}

/// Which blocks of columns each position sees, and the bias of all columns, padded with what hides them.
struct Seen {
    bias: Vec<Block>,
    blocks: Vec<Vec<usize>>,
    positions: usize,
    blocks_per_position: usize,
}

impl Seen {
    fn new(attention: &Attention, blocks_per_position: usize) -> Self {
        let Shape { positions, columns, .. } = attention.shape;
        let mut bias = Vec::new();
        let mut blocks = Vec::new();
        for of_position in attention.bias.chunks_exact(columns) {
            let start = bias.len();
            for block in of_position.chunks(LANES) {
                let mut padded = [f32::NEG_INFINITY; LANES];
                padded[..block.len()].copy_from_slice(block);
                bias.push(padded);
            }
            let is_seen = |block: &usize| bias[start + block].iter().any(|bias| *bias > UNSEEN);
            blocks.push((0..blocks_per_position).filter(is_seen).collect());
        }
        Self { bias, blocks, positions, blocks_per_position }
    }

    /// The same for every row when there is one bias for all.
    #[inline(always)]
    fn of(&self, row: usize, position: usize) -> (&[usize], &[Block]) {
        let of_all = self.blocks.len() == self.positions;
        let position = if of_all { position } else { row * self.positions + position };
        let start = position * self.blocks_per_position;
        (&self.blocks[position], &self.bias[start..start + self.blocks_per_position])
    }
}

/// Blocks of columns for one number of a head after the other: `[blocks, head]`.
#[inline(always)]
fn lay_out_keys(keys: &[f32], head: usize, laid_out: &mut [Block]) {
    for (laid_out, keys) in laid_out.chunks_exact_mut(head).zip(keys.chunks(LANES * head)) {
        for (column, key) in keys.chunks_exact(head).enumerate() {
            for (block, number) in laid_out.iter_mut().zip(key) {
                block[column] = *number;
            }
        }
    }
}

/// Blocks of numbers of a head for one column after the other: `[blocks of a head, columns]`.
#[inline(always)]
fn lay_out_values(values: &[f32], head: usize, columns: usize, laid_out: &mut [Block]) {
    for (part, laid_out) in laid_out.chunks_exact_mut(columns).enumerate() {
        for (block, value) in laid_out.iter_mut().zip(values.chunks_exact(head)) {
            let value = &value[part * LANES..head.min((part + 1) * LANES)];
            block[..value.len()].copy_from_slice(value);
        }
    }
}

#[inline(always)]
fn attend_one(
    query: &[f32],
    keys: &[Block],
    values: &[Block],
    blocks: &[usize],
    bias: &[Block],
    scores: &mut [Block],
    out: &mut [f32],
) {
    let head = query.len();
    let mut largest = [f32::NEG_INFINITY; LANES];
    for &block in blocks {
        let mut score = bias[block];
        for (number, keys) in query.iter().zip(&keys[block * head..(block + 1) * head]) {
            for (score, key) in score.iter_mut().zip(keys) {
                *score += number * key;
            }
        }
        for (largest, score) in largest.iter_mut().zip(score) {
            *largest = largest.max(score);
        }
        scores[block] = score;
    }
    let largest = largest.into_iter().fold(f32::NEG_INFINITY, f32::max);
    let mut sums = [0.0; LANES];
    for &block in blocks {
        for (score, sum) in scores[block].iter_mut().zip(&mut sums) {
            *score = exp(*score - largest);
            *sum += *score;
        }
    }
    let scale = 1.0 / sums.into_iter().sum::<f32>();
    for (out, values) in out.chunks_mut(LANES).zip(values.chunks_exact(scores.len() * LANES)) {
        let mut sums = [0.0; LANES];
        for &block in blocks {
            for (weight, values) in scores[block].iter().zip(&values[block * LANES..(block + 1) * LANES]) {
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum += weight * value;
                }
            }
        }
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = sum * scale;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 + seed * 104_729 + 13) % 2003) as f32 / 1001.0 - 1.0).collect()
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
                                * f64::from(attention.keys[key(column) + i])
                        });
                        let bias = attention.bias[(of_row * positions + position) * columns + column];
                        (pairs.sum::<f64>() + f64::from(bias)).exp()
                    };
                    let sum: f64 = (0..columns).map(score).sum();
                    for i in 0..head {
                        let value = |column| f64::from(attention.values[key(column) + i]);
                        attended[((row * positions + position) * heads + query_head) * head + i] =
                            (0..columns).map(|column| score(column) * value(column)).sum::<f64>() / sum;
                    }
                }
            }
        }
        attended
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
                let attention = Attention {
                    shape,
                    queries: &numbers(rows * heads * positions * head, 1),
                    keys: &numbers(rows * key_value_heads * columns * head, 2),
                    values: &numbers(rows * key_value_heads * columns * head, 3),
                    bias: &bias.collect::<Vec<_>>(),
                };
                for (got, expected) in attention.attend().iter().zip(plainly(&attention)) {
                    assert!((f64::from(*got) - expected).abs() < 1e-5, "{shape:?}: {got} {expected}");
                }
            }
        }
    }
}
