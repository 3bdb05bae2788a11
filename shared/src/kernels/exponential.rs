//! exp for long rows of f32 that the compiler can turn into vector instructions; libm's is called one number at
//! a time (16 % of a training step on MovieLens-100K, 28 % of an answer of a language model in a browser). Which
//! instructions, `pulp` finds out where the program runs: with those that every x86-64 processor has, this was a third
//! of a step on Last.fm.

/// Longest run of numbers that is summed in parallel lanes.
const LANES: usize = 16;
/// Adding it to a number of less than 2^22 rounds that number; the low bits of the sum then hold it.
pub(super) const ROUND: f32 = 12_582_912.0;

/// e^x with a relative error below 2e-7 for x in [-87, 88]; smaller x give e^-87, larger ones e^88.
///
/// # Source
/// Cody and Waite's range reduction x = n·ln 2 + r, |r| ≤ ln 2 / 2, and the Taylor polynomial of e^r to r⁷.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    // ln 2 in two parts, so that n·ln 2 loses no bit.
    let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
    put_together(r, rounded, 1.0 / 5040.0, [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0])
}

/// As [`exp`], of what is a share of a sum that is 1 or more: below e^-50, 2e-22, it is nothing.
///
/// What a mask hides would be e^-87 otherwise, and a part of that is subnormal: products with it take an Intel processor two
/// hundred times as long, and a step of a `text` model took eight times as long.
#[inline(always)]
fn share_of_sum(x: f32) -> f32 {
    let power = exp(x);
    if x < -50.0 { 0.0 } else { power }
}

/// e^x with a relative error below 4e-6 for x ≤ 0; x below -87 gives e^-87.
#[inline(always)]
pub fn exp_nearly(x: f32) -> f32 {
    let x = if x < -87.0 { -87.0 } else { x };
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let r = x - (rounded - ROUND) * std::f32::consts::LN_2;
    put_together(r, rounded, 1.0 / 120.0, [1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0])
}

/// e^r · 2^n: the polynomial of r, its factors from that of the highest power down, and n in the low bits of n + [`ROUND`].
#[inline(always)]
fn put_together<const N: usize>(r: f32, rounded: f32, highest: f32, factors: [f32; N]) -> f32 {
    let mut sum = highest;
    for factor in factors {
        sum = sum * r + factor;
    }
    // 2^n by its exponent bits.
    sum * f32::from_bits((rounded.to_bits() << 23).wrapping_add(1.0_f32.to_bits()))
}

/// The larger of two numbers in one instruction; `f32::max` also asks whether one is none, which WebAssembly does number by
/// number.
#[inline(always)]
pub(crate) fn larger(a: f32, b: f32) -> f32 {
    if a < b { b } else { a }
}

/// log Σ exp(logits + bias) of one row.
pub fn log_sum_exp(logits: &[f32], bias: &[f32]) -> f32 {
    vectorised(
        #[inline(always)]
        || log_sum_exp_with(logits, bias),
    )
}

/// log(e^a + e^b), with an error below 1e-6 beside that of f32.
///
/// # Source
/// ln(1 + x) = 2·artanh(x / (2 + x)) by its series, for x in [0, 1] to the 13th power.
#[inline(always)]
pub fn log_add(a: f32, b: f32) -> f32 {
    let (larger, smaller) = if a > b { (a, b) } else { (b, a) };
    let x = exp(smaller - larger);
    let s = x / (2.0 + x);
    let square = s * s;
    let mut sum = 1.0 / 13.0;
    for factor in [1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0, 1.0] {
        sum = sum * square + factor;
    }
    larger + 2.0 * s * sum
}

/// `scores` becomes log(e^(scores + share) + e^(others + other_share)), number by number.
pub fn mix(scores: &mut [f32], share: f32, others: &[f32], other_share: f32) {
    vectorised(
        #[inline(always)]
        || {
            for (score, other) in scores.iter_mut().zip(others) {
                *score = log_add(*score + share, other + other_share);
            }
        },
    );
}

/// softmax(scores + bias) of one row, in place.
pub fn masked_softmax(scores: &mut [f32], bias: &[f32]) {
    vectorised(
        #[inline(always)]
        || {
            for (score, bias) in scores.iter_mut().zip(bias) {
                *score += bias;
            }
            let mut lanes = [f32::NEG_INFINITY; LANES];
            fold(scores, &[], &mut lanes, larger);
            let largest = lanes.iter().copied().fold(f32::NEG_INFINITY, larger);
            for score in scores.iter_mut() {
                *score = share_of_sum(*score - largest);
            }
            let mut sums = [0.0_f32; LANES];
            fold(scores, &[], &mut sums, |sum, score| sum + score);
            let scale = sums.iter().sum::<f32>().recip();
            for score in scores {
                *score *= scale;
            }
        },
    );
}

/// The gradient of a softmax's input in the place of that of its output: p · (g − Σ p·g).
pub fn softmax_backward(gradient: &mut [f32], probabilities: &[f32]) {
    vectorised(
        #[inline(always)]
        || {
            let mut sums = [0.0_f32; LANES];
            let (chunks, rest) = (gradient.chunks_exact(LANES), gradient.len() / LANES * LANES);
            for (gradient, probabilities) in chunks.zip(probabilities.chunks_exact(LANES)) {
                for lane in 0..LANES {
                    sums[lane] += gradient[lane] * probabilities[lane];
                }
            }
            sums[0] += gradient[rest..].iter().zip(&probabilities[rest..]).map(|(g, p)| g * p).sum::<f32>();
            let mean: f32 = sums.iter().sum();
            for (gradient, p) in gradient.iter_mut().zip(probabilities) {
                *gradient = p * (*gradient - mean);
            }
        },
    );
}

/// logits − log Σ exp(logits) of one row, in place.
pub fn log_softmax(logits: &mut [f32]) {
    vectorised(
        #[inline(always)]
        || {
            let normaliser = log_sum_exp_with(logits, &[]);
            for logit in logits {
                *logit -= normaliser;
            }
        },
    );
}

/// silu(gate)·up = gate·up / (1 + exp(−gate)), in the place of the gates.
///
/// # Source
/// SwiGLU (arXiv 2002.05202).
pub fn silu_times(gates: &mut [f32], ups: &[f32]) {
    vectorised(
        #[inline(always)]
        || {
            for (gate, up) in gates.iter_mut().zip(ups) {
                *gate *= up / (1.0 + exp(-*gate));
            }
        },
    );
}

/// The gradients of gates and ups in their places, given that of silu(gate)·up.
pub fn silu_times_backward(gates: &mut [f32], ups: &mut [f32], gradient: &[f32]) {
    vectorised(
        #[inline(always)]
        || {
            for ((gate, up), gradient) in gates.iter_mut().zip(ups).zip(gradient) {
                let sigmoid = 1.0 / (1.0 + exp(-*gate));
                let silu = *gate * sigmoid;
                let slope = sigmoid + silu * (1.0 - sigmoid);
                (*gate, *up) = (gradient * *up * slope, gradient * silu);
            }
        },
    );
}

/// x / √(mean x² + ε) · weights of each row, in place.
pub fn rms_norm(states: &mut [f32], weights: &[f32], epsilon: f32) {
    vectorised(
        #[inline(always)]
        || {
            for row in states.chunks_exact_mut(weights.len()) {
                let scale = (dot(row, row) / weights.len() as f32 + epsilon).sqrt().recip();
                row.iter_mut().zip(weights).for_each(|(value, weight)| *value *= scale * weight);
            }
        },
    );
}

/// The gradient of what was normed in the place of that of the outcome; that of the weights is added to `of_weights`.
///
/// With s = 1/√(mean x² + ε) and n = x·s: s·(g·w − n·mean(g·w·n)), and Σ g·n over the rows.
pub fn rms_norm_backward(
    states: &[f32],
    weights: &[f32],
    gradient: &mut [f32],
    epsilon: f32,
    of_weights: &mut [f32],
) {
    let width = weights.len();
    vectorised(
        #[inline(always)]
        || {
            for (row, gradient) in states.chunks_exact(width).zip(gradient.chunks_exact_mut(width)) {
                let scale = (dot(row, row) / width as f32 + epsilon).sqrt().recip();
                for ((of_weight, gradient), x) in of_weights.iter_mut().zip(gradient.iter_mut()).zip(row) {
                    *of_weight += *gradient * x * scale;
                }
                for (gradient, weight) in gradient.iter_mut().zip(weights) {
                    *gradient *= weight;
                }
                let along = dot(gradient, row) * scale * scale / width as f32;
                for (gradient, x) in gradient.iter_mut().zip(row) {
                    *gradient = scale * (*gradient - x * along);
                }
            }
        },
    );
}

/// Each number becomes 0 with a probability, or larger, so that the mean stays. Which ones, seed and place say alone.
///
/// # Source
/// The hash is `lowbias32` (Wellons, "Prospecting for hash functions", 2018), with half of the seed before and half within.
pub fn dropout(states: &mut [f32], probability: f64, seed: u64) {
    let (low, high) = (seed as u32, (seed >> 32) as u32);
    let threshold = (probability * 4_294_967_296.0) as u32;
    let scale = (1.0 / (1.0 - probability)) as f32;
    vectorised(
        #[inline(always)]
        || {
            for (place, state) in states.iter_mut().enumerate() {
                let mut hash = (place as u32).wrapping_add(low);
                hash = (hash ^ (hash >> 16)).wrapping_mul(0x7feb_352d);
                hash = (hash ^ high ^ (hash >> 15)).wrapping_mul(0x846c_a68b);
                hash ^= hash >> 16;
                *state *= if hash >= threshold { scale } else { 0.0 };
            }
        },
    );
}

/// Σ a·b, in lanes.
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let ((a_blocks, a_rest), (b_blocks, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

/// Runs loops compiled for the instructions of this processor.
pub(super) fn vectorised<R>(loops: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    return pulp::Arch::new().dispatch(loops);
    #[cfg(not(target_arch = "x86_64"))]
    loops()
}

/// exp(logits + bias − normaliser)·scale of one row, in place.
pub fn scaled_softmax(logits: &mut [f32], bias: &[f32], normaliser: f32, scale: f32) {
    vectorised(
        #[inline(always)]
        || {
            for (logit, bias) in logits.iter_mut().zip(bias) {
                *logit = share_of_sum(*logit + bias - normaliser) * scale;
            }
        },
    );
}

#[inline(always)]
fn log_sum_exp_with(logits: &[f32], bias: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    fold(logits, bias, &mut lanes, larger);
    let largest = lanes.iter().copied().fold(f32::NEG_INFINITY, larger);
    let mut lanes = [0.0_f32; LANES];
    fold(logits, bias, &mut lanes, |sum, logit| sum + exp(logit - largest));
    largest + lanes.iter().sum::<f32>().ln()
}

/// Folds every number into the lane of its place; an empty bias adds nothing.
#[inline(always)]
fn fold(logits: &[f32], bias: &[f32], lanes: &mut [f32; LANES], step: impl Fn(f32, f32) -> f32) {
    let (logit_blocks, logit_rest) = logits.as_chunks::<LANES>();
    let (bias_blocks, bias_rest) = bias.as_chunks::<LANES>();
    let no_bias = std::iter::repeat(&[0.0; LANES]);
    for (block, bias) in logit_blocks.iter().zip(bias_blocks.iter().chain(no_bias)) {
        for lane in 0..LANES {
            lanes[lane] = step(lanes[lane], block[lane] + bias[lane]);
        }
    }
    let no_bias = std::iter::repeat(&0.0);
    for (lane, (logit, bias)) in logit_rest.iter().zip(bias_rest.iter().chain(no_bias)).enumerate() {
        lanes[lane] = step(lanes[lane], logit + bias);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_near_that_of_libm() {
        let mut x = -87.0_f64;
        while x < 88.0 {
            let expected = f64::from(x as f32).exp();
            let error = (f64::from(exp(x as f32)) - expected).abs() / expected;
            assert!(error < 2e-7, "e^{x}: off by {error}");
            x += 0.007;
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(-1e9) < 1.7e-38 && exp(f32::NEG_INFINITY) < 1.7e-38);
    }

    #[test]
    fn what_is_hidden_has_no_share_and_no_share_is_subnormal() {
        let mut scores: Vec<f32> = (0..40).map(|i| -3.0 * i as f32).collect();
        let bias: Vec<f32> = (0..40).map(|i| if i % 7 == 3 { -1e9 } else { 0.0 }).collect();
        let mut others = scores.clone();
        masked_softmax(&mut scores, &bias);
        scaled_softmax(&mut others, &bias, 0.1, 1e-7);
        for (i, (share, scaled)) in scores.into_iter().zip(others).enumerate() {
            let is_hidden = i % 7 == 3 || i > 16;
            assert_eq!((share > 0.0, scaled > 0.0), (!is_hidden, !is_hidden), "{i}");
            assert!(!share.is_subnormal() && !scaled.is_subnormal(), "{i}: {share:e} {scaled:e}");
        }
    }

    #[test]
    fn log_add_is_near_that_of_f64() {
        for difference in [0.0, 1e-3, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 100.0] {
            for level in [-40.0_f32, -3.0, 0.0, 7.0] {
                let (a, b) = (level, level - difference);
                let expected = f64::from(a) + (f64::from(b) - f64::from(a)).exp().ln_1p();
                for got in [log_add(a, b), log_add(b, a)] {
                    assert!(
                        (f64::from(got) - expected).abs() < 1e-6 + 1e-7 * expected.abs(),
                        "{a} {b} {got}"
                    );
                }
            }
        }
        let mut scores = [-1.0_f32, -20.0];
        mix(&mut scores, 0.25_f32.ln(), &[-2.0, -3.0], 0.75_f32.ln());
        let expected = (0.25 * (-1.0_f32).exp() + 0.75 * (-2.0_f32).exp()).ln();
        assert!((scores[0] - expected).abs() < 1e-6);
    }

    #[test]
    fn log_softmax_and_silu_by_hand() {
        let mut logits: Vec<f32> = (0..39).map(|i| (i % 5) as f32).collect();
        let normaliser = logits.iter().map(|x| f64::from(*x).exp()).sum::<f64>().ln();
        let expected: Vec<f64> = logits.iter().map(|x| f64::from(*x) - normaliser).collect();
        log_softmax(&mut logits);
        assert!(logits.iter().zip(expected).all(|(got, expected)| (f64::from(*got) - expected).abs() < 1e-6));
        let mut gates = vec![0.0, 1.0, -200.0, 200.0];
        silu_times(&mut gates, &[5.0, 2.0, 1.0, 3.0]);
        assert_eq!((gates[0], gates[3]), (0.0, 600.0));
        assert!((gates[1] - 2.0 / (1.0 + (-1.0_f32).exp())).abs() < 1e-6 && gates[2].abs() < 1e-30);
    }

    #[test]
    fn log_sum_exp_by_hand() {
        // 20 equal numbers: the number plus ln 20; one far above the rest: itself.
        assert!((log_sum_exp(&[2.0; 20], &[1.0; 20]) - (3.0 + 20.0_f32.ln())).abs() < 1e-6);
        let mut logits = vec![-500.0; 37];
        logits[36] = 900.0;
        assert_eq!(log_sum_exp(&logits, &[0.0; 37]), 900.0);
    }
}
