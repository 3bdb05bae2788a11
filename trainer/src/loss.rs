//! Which number is minimised? Losses over log-probabilities; they never see the network.
//!
//! Notation: ℓθ and ℓref are log π(item | history) under the policy and the frozen reference, summed over the
//! tokens of a completion; ℓ̃ is their mean per token; p is the chosen item, k = 1..K the rejected ones; β
//! scales, γ_k is the margin. Every loss is built from d_k, by how much a rejected item is ahead: softmax
//! losses take log(1 + Σ_k exp d_k), pairwise ones the mean over k of log(1 + exp d_k).

use burn::tensor::{Tensor, activation::log_sigmoid};

use crate::preference_config::{LossKind, Pairs, PreferenceConfig};

/// What is known of E examples with one chosen and K rejected items each; the chosen one comes first.
#[derive(Clone)]
pub struct Alternatives {
    /// ℓθ, `[E, 1+K]`.
    pub policy: Tensor<2>,
    /// ℓref, `[E, 1+K]`; a loss that needs one takes zeros for none.
    pub reference: Option<Tensor<2>>,
    /// γ, `[E, K]`.
    pub margins: Tensor<2>,
    /// Tokens of each completion, `[E, 1+K]`; all ones in an item vocabulary.
    pub lengths: Tensor<2>,
}

/// Loss of each example, `[E]`: the preference term that the config names and its NLL term.
#[must_use]
pub fn total(config: &PreferenceConfig, of: &Alternatives) -> Tensor<1> {
    let preference = preference(config, of);
    if config.nll_weight == 0.0 {
        return preference;
    }
    preference + negative_log_likelihood(of.policy.clone()) * config.nll_weight
}

/// The preference term alone, `[E]`.
#[must_use]
pub fn preference(config: &PreferenceConfig, of: &Alternatives) -> Tensor<1> {
    let Alternatives { policy, margins, lengths, .. } = of.clone();
    let beta = config.beta;
    let pairs = config.pairs;
    match config.loss {
        LossKind::Nll => negative_log_likelihood(policy),
        LossKind::Dpo => pairwise(ahead(of.log_ratios(), beta) + margins, pairs),
        LossKind::Softmax => softmax(ahead(of.log_ratios(), beta) + margins),
        LossKind::SoftmaxReferenceFree => softmax(ahead(policy, beta) + margins),
        LossKind::Simpo => pairwise(ahead(policy / lengths, beta) + config.simpo_gamma, pairs),
        LossKind::Cpo => {
            let chosen = negative_log_likelihood(policy.clone());
            pairwise(ahead(policy, beta), pairs) + chosen * config.cpo_alpha
        }
        LossKind::Orpo => {
            let means = policy / lengths;
            let chosen = negative_log_likelihood(means.clone());
            chosen + pairwise(ahead(log_odds(means), 1.0), pairs) * beta
        }
    }
}

impl Alternatives {
    /// ℓθ − ℓref.
    fn log_ratios(&self) -> Tensor<2> {
        match &self.reference {
            Some(reference) => self.policy.clone() - reference.clone(),
            None => self.policy.clone(),
        }
    }

    /// The same without gradients.
    fn detached(&self) -> Self {
        Self { policy: self.policy.clone().detach(), ..self.clone() }
    }
}

/// Softmax preference loss with margins: S-DPO when every margin is 0, RecPO otherwise, DPO when K = 1.
///
/// d_k = β·([ℓθ−ℓref](y_k) − [ℓθ−ℓref](y_p)) + γ_k,  L = logsumexp([0, d_1..d_K]).
///
/// # Shapes
/// policy and reference `[E, 1+K]` (chosen first), margins `[E, K]` → one loss per example `[E]`
///
/// # Source
/// RecPO (arXiv 2506.02261); S-DPO (arXiv 2406.09215), eq. for λ = 0; DPO (arXiv 2305.18290) for K = 1.
/// The published code computes −log σ(−log Σ exp d_k) by exp and log, which overflows above 88; this is the
/// same number as a log-sum-exp. Without a reference it is the published `rec_cpo`.
#[must_use]
pub fn softmax_preference(
    policy: Tensor<2>,
    reference: Tensor<2>,
    margins: Tensor<2>,
    beta: f64,
) -> Tensor<1> {
    softmax(ahead(policy - reference, beta) + margins)
}

/// Negative log-likelihood of the chosen item.
///
/// # Shapes
/// policy `[E, 1+K]` → `[E]`
#[must_use]
pub fn negative_log_likelihood(policy: Tensor<2>) -> Tensor<1> {
    -first(policy).squeeze_dim(1)
}

fn first(values: Tensor<2>) -> Tensor<2> {
    values.narrow(1, 0, 1)
}

fn others(values: Tensor<2>) -> Tensor<2> {
    let alternatives = values.dims()[1];
    values.narrow(1, 1, alternatives - 1)
}

/// β·(x_k − x_p): by how much each rejected item is ahead of the chosen one, `[E, 1+K]` → `[E, K]`.
fn ahead(values: Tensor<2>, beta: f64) -> Tensor<2> {
    let values = values * beta;
    others(values.clone()) - first(values)
}

/// log(1 + Σ_k exp d_k), `[E, K]` → `[E]`.
fn softmax(differences: Tensor<2>) -> Tensor<1> {
    let zero = first(differences.zeros_like());
    log_sum_exp(Tensor::cat(vec![zero, differences], 1)).squeeze_dim(1)
}

/// Mean over k of log(1 + exp d_k) = −log σ(−d_k), `[E, K]` → `[E]`.
///
/// # Source
/// DPO (arXiv 2305.18290), eq. 7; SimPO (arXiv 2405.14734), eq. 6, with γ in d; CPO (arXiv 2401.08417), its
/// preference term; ORPO (arXiv 2403.07691), eq. 7. The papers have one rejected item; the mean over the
/// same K that the softmax losses see is ours, so that methods differ in nothing but the loss.
fn pairwise(differences: Tensor<2>, pairs: Pairs) -> Tensor<1> {
    let differences = match pairs {
        Pairs::All => differences,
        Pairs::First => first(differences),
    };
    -log_sigmoid(-differences).mean_dim(1).squeeze_dim(1)
}

/// log(π / (1 − π)) of probabilities given by their logarithm ℓ.
///
/// 1 − e^ℓ = (1 + e^ℓ)·tanh(−ℓ/2), so that neither a π near 1 loses its digits nor one near 0 overflows.
fn log_odds(log_probabilities: Tensor<2>) -> Tensor<2> {
    /// Nearer to 0 the odds are without bound.
    const LARGEST: f64 = -1e-6;
    let values = log_probabilities.clamp_max(LARGEST);
    let complement = values.clone().exp().log1p() + (values.clone() * -0.5).tanh().log();
    values - complement
}

fn log_sum_exp(values: Tensor<2>) -> Tensor<2> {
    let largest = values.clone().detach().max_dim(1);
    (values - largest.clone()).exp().sum_dim(1).log() + largest
}

/// Names of the [`metrics`] of a preference batch, in their order; TRL's names where TRL has them.
pub const METRICS: [&str; 11] = [
    "rewards/chosen",
    "rewards/rejected",
    "rewards/margins",
    "rewards/accuracies",
    "logps/chosen",
    "logps/rejected",
    "logps/chosen_change",
    "margin/target_mean",
    "margin/met",
    "loss/preference",
    "loss/at_reference",
];

/// Means over a batch, without gradients, in the order of [`METRICS`]: `[11]`.
///
/// The reward of an item is β·(ℓθ − ℓref), or β·ℓθ in a loss without reference (β·ℓ̃θ in SimPO and ORPO, as in
/// TRL). `logps/chosen_change`: ℓθ − ℓref of the chosen item. Accuracies: share of pairs whose chosen item has the larger reward; `margin/met`: share of pairs
/// whose rewards are further apart than their margin; `loss/at_reference`: what the loss would be if the
/// policy were the reference.
///
/// # Source
/// Names and definitions of TRL's preference trainers. The published RecPO code leaves the reference out of
/// its logged rewards (defect D15); here it is in.
#[must_use]
pub fn metrics(config: &PreferenceConfig, of: &Alternatives) -> Tensor<1> {
    let of = of.detached();
    let rewards = match config.loss {
        LossKind::Nll | LossKind::Dpo | LossKind::Softmax => of.log_ratios(),
        LossKind::Simpo | LossKind::Orpo => of.policy.clone() / of.lengths.clone(),
        LossKind::Cpo | LossKind::SoftmaxReferenceFree => of.policy.clone(),
    } * config.beta;
    let apart = -ahead(rewards.clone(), 1.0);
    let targets = match config.loss {
        LossKind::Simpo => of.margins.zeros_like() + config.simpo_gamma,
        _ => of.margins.clone(),
    };
    let start = of.reference.clone().unwrap_or_else(|| of.policy.clone());
    let at_reference = Alternatives { policy: start.clone(), ..of.clone() };
    Tensor::cat(
        vec![
            first(rewards.clone()).mean(),
            others(rewards).mean(),
            apart.clone().mean(),
            apart.clone().greater_elem(0.0).float().mean(),
            first(of.policy.clone()).mean(),
            others(of.policy.clone()).mean(),
            first(of.policy.clone() - start).mean(),
            targets.clone().mean(),
            apart.greater(targets).float().mean(),
            preference(config, &of).mean(),
            preference(config, &at_reference).mean(),
        ],
        0,
    )
}
#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use shared::preference::MarginKind;

    use super::*;
    use crate::preference_config::Arm;

    /// Vectors of the research, §1.6, computed by hand from the paper's formulas.
    const POLICY: [f64; 4] = [-10.0, -18.0, -15.5, -20.0];
    const REFERENCE: [f64; 4] = [-12.5, -14.0, -13.0, -13.5];
    const CHOSEN_UTILITY: f32 = 5.0;
    const REJECTED_UTILITIES: [f32; 3] = [0.9045, 2.8868, 0.3162];

    fn row(values: &[f64], device: &Device) -> Tensor<2> {
        let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
        Tensor::<1>::from_floats(values.as_slice(), device).unsqueeze()
    }

    fn arm(arm: Arm) -> PreferenceConfig {
        let mut config = PreferenceConfig { nll_weight: 0.0, ..PreferenceConfig::default() };
        arm.apply(&mut config);
        config
    }

    fn margins(kind: MarginKind, lambda: f32) -> Vec<f64> {
        let margin = |&utility| f64::from(kind.margin(lambda, CHOSEN_UTILITY, utility));
        REJECTED_UTILITIES.iter().map(margin).collect()
    }

    /// Loss and its gradient with respect to every ℓθ.
    fn loss(
        config: &PreferenceConfig,
        policy: &[f64],
        reference: &[f64],
        margins: &[f64],
        lengths: &[f64],
    ) -> (f64, Vec<f64>) {
        let device = Device::flex().autodiff();
        let policy = row(policy, &device).require_grad();
        let of = Alternatives {
            policy: policy.clone(),
            reference: Some(row(reference, &device)),
            margins: row(margins, &device),
            lengths: row(lengths, &device),
        };
        let loss = total(config, &of);
        let gradients = policy.grad(&loss.backward()).unwrap().try_into_vec_as::<f32>().unwrap();
        (f64::from(loss.into_scalar::<f32>()), gradients.into_iter().map(f64::from).collect())
    }

    /// Vectors: the loss, and dL/dℓθ(p).
    #[track_caller]
    fn assert_vector(config: &PreferenceConfig, margins: &[f64], expected: f64, gradient: f64) {
        let (got, gradients) = loss(config, &POLICY, &REFERENCE, margins, &[1.0; 4]);
        assert!((got - expected).abs() < 2e-6 * expected.max(1.0), "loss {got}, expected {expected}");
        assert!((gradients[0] - gradient).abs() < 2e-6, "gradient {}, expected {gradient}", gradients[0]);
    }

    #[test]
    fn published_vectors_with_reference() {
        let half = |arm_name| PreferenceConfig { beta: 0.5, ..arm(arm_name) };
        let ratio = margins(MarginKind::Ratio, 2.0);
        let difference = margins(MarginKind::Log1pDifference, 2.0);
        assert_vector(&arm(Arm::Sdpo), &[0.0; 3], 0.008_330, -0.008_295);
        assert_vector(&arm(Arm::Recpo), &ratio, 22.625_553, -1.0);
        assert_vector(&half(Arm::Recpo), &ratio, 27.125_553, -0.5);
        assert_vector(&arm(Arm::RecpoLogDifference), &difference, 0.102_851, -0.097_739);
        assert_vector(&half(Arm::RecpoLogDifference), &difference, 1.150_948, -0.341_832);
    }

    /// The published `rec_cpo` divides the difference by β inside the logarithm (defect D14), here by hand.
    #[test]
    fn published_vector_without_reference() {
        let margins: Vec<f64> =
            REJECTED_UTILITIES.iter().map(|&u| 2.0 * (f64::from(CHOSEN_UTILITY - u) / 0.5).ln_1p()).collect();
        let config = PreferenceConfig { beta: 0.5, ..arm(Arm::RecpoReferenceFree) };
        assert_vector(&config, &margins, 1.612_962, -0.400_352);
    }

    #[test]
    fn dpo_is_the_softmax_loss_of_one_rejected_item() {
        let one = |name| loss(&arm(name), &POLICY[..2], &REFERENCE[..2], &[0.0], &[1.0; 2]);
        let (dpo, of_dpo) = one(Arm::Dpo);
        let (softmax, of_softmax) = one(Arm::Sdpo);
        assert!((dpo - 0.001_502_3).abs() < 5e-7 && (softmax - dpo).abs() < 5e-7);
        assert!(of_dpo.iter().zip(&of_softmax).all(|(a, b)| (a - b).abs() < 1e-6));
        // The published DPO sees the first of K alone.
        let first = PreferenceConfig { pairs: Pairs::First, ..arm(Arm::Dpo) };
        assert!((loss(&first, &POLICY, &REFERENCE, &[0.0; 3], &[1.0; 4]).0 - dpo).abs() < 5e-7);
    }

    #[test]
    fn simpo_takes_the_mean_over_tokens() {
        // Sums −10 over 4 tokens and −18 over 6: means −2.5 and −3.0.
        let (value, _) = loss(&arm(Arm::Simpo), &POLICY[..2], &REFERENCE[..2], &[0.0], &[4.0, 6.0]);
        assert!((value - 1.701_413_3).abs() < 1e-6);
    }

    #[test]
    fn lambda_0_is_s_dpo_bit_for_bit() {
        let of = |arm_name, kind, lambda| {
            loss(&arm(arm_name), &POLICY, &REFERENCE, &margins(kind, lambda), &[1.0; 4])
        };
        let expected = of(Arm::Sdpo, MarginKind::None, 2.0);
        for kind in [MarginKind::Ratio, MarginKind::Log1pDifference, MarginKind::LogRatio] {
            assert_eq!(of(Arm::Recpo, kind, 0.0), expected);
        }
    }

    /// Every loss as the papers write it, in double precision, without care for overflow.
    fn by_the_book(config: &PreferenceConfig, policy: &[f64], margins: &[f64], lengths: &[f64]) -> f64 {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let rejected = 1..policy.len();
        let mean =
            |pair: &dyn Fn(usize) -> f64| rejected.clone().map(pair).sum::<f64>() / margins.len() as f64;
        let ratio = |i: usize| policy[i] - REFERENCE[i];
        let per_token = |i: usize| policy[i] / lengths[i];
        let odds = |i: usize| (per_token(i).exp() / (1.0 - per_token(i).exp())).ln();
        let softmax = |reward: &dyn Fn(usize) -> f64| {
            let sum: f64 = rejected
                .clone()
                .map(|k| (config.beta * (reward(k) - reward(0)) + margins[k - 1]).exp())
                .sum();
            -sigmoid(-sum.ln()).ln()
        };
        let nll = -policy[0];
        let term = match config.loss {
            LossKind::Nll => nll,
            LossKind::Dpo => mean(&|k| -sigmoid(config.beta * (ratio(0) - ratio(k)) - margins[k - 1]).ln()),
            LossKind::Softmax => softmax(&ratio),
            LossKind::SoftmaxReferenceFree => softmax(&|i| policy[i]),
            LossKind::Simpo => {
                mean(&|k| -sigmoid(config.beta * (per_token(0) - per_token(k)) - config.simpo_gamma).ln())
            }
            LossKind::Cpo => {
                mean(&|k| -sigmoid(config.beta * (policy[0] - policy[k])).ln()) + config.cpo_alpha * nll
            }
            LossKind::Orpo => -per_token(0) + config.beta * mean(&|k| -sigmoid(odds(0) - odds(k)).ln()),
        };
        term + config.nll_weight * nll
    }

    /// Values and gradients of every arm against the formulas and their central differences.
    #[test]
    fn every_loss_has_the_gradient_of_its_formula() {
        let policy = [-3.0, -3.5, -1.5, -6.0];
        let lengths = [3.0, 2.0, 4.0, 5.0];
        for &name in Arm::all() {
            for nll_weight in [0.0, 0.7] {
                let config = PreferenceConfig { nll_weight, beta: 0.8, ..arm(name) };
                let margins = margins(config.margin, 0.1);
                let (value, gradients) = loss(&config, &policy, &REFERENCE, &margins, &lengths);
                let expected = by_the_book(&config, &policy, &margins, &lengths);
                assert!(
                    (value - expected).abs() < 1e-5 * expected.abs().max(1.0),
                    "{name:?}: {value}, {expected}"
                );
                for (index, gradient) in gradients.iter().enumerate() {
                    let at = |step: f64| {
                        let mut moved = policy;
                        moved[index] += step;
                        by_the_book(&config, &moved, &margins, &lengths)
                    };
                    let expected = (at(1e-5) - at(-1e-5)) / 2e-5;
                    assert!((gradient - expected).abs() < 1e-4, "{name:?} {index}: {gradient}, {expected}");
                }
            }
        }
    }

    #[test]
    fn nothing_overflows() {
        let extremes = [[-1e4, 0.0, -1e4, -5.0], [0.0, -1e4, -1e4, -1e4], [-1e4, -1e-7, 0.0, -1e4]];
        for &name in Arm::all() {
            for policy in &extremes {
                let config = PreferenceConfig { nll_weight: 1.0, ..arm(name) };
                let (value, gradients) = loss(&config, policy, &REFERENCE, &[1000.0, 0.0, 1000.0], &[1.0; 4]);
                assert!(value.is_finite(), "{name:?} at {policy:?}: {value}");
                assert!(gradients.iter().all(|g| g.is_finite()), "{name:?} at {policy:?}: {gradients:?}");
            }
        }
    }

    #[test]
    fn metrics_by_hand() {
        let device = Device::flex();
        let config = PreferenceConfig { beta: 0.5, ..arm(Arm::Recpo) };
        let of = Alternatives {
            policy: row(&[-1.0, -2.0, -4.0], &device),
            reference: Some(row(&[-2.0, -2.0, -1.0], &device)),
            margins: row(&[1.0, 1.0], &device),
            lengths: row(&[1.0; 3], &device),
        };
        let values = metrics(&config, &of).try_into_vec_as::<f32>().unwrap();
        let of_name = |name: &str| values[METRICS.iter().position(|metric| *metric == name).unwrap()];
        // Rewards 0.5, 0 and −1.5: 0.5 and 2 apart, of which only the latter passes its margin of 1.
        for (name, expected) in [
            ("rewards/chosen", 0.5),
            ("rewards/rejected", -0.75),
            ("rewards/margins", 1.25),
            ("rewards/accuracies", 1.0),
            ("logps/chosen", -1.0),
            ("logps/rejected", -3.0),
            ("logps/chosen_change", 1.0),
            ("margin/target_mean", 1.0),
            ("margin/met", 0.5),
            // ln(1 + e^(−0.5+1) + e^(−2+1)) and ln(1 + 2e)
            ("loss/preference", 1.104_131),
            ("loss/at_reference", 1.861_995),
        ] {
            assert!((of_name(name) - expected).abs() < 1e-5, "{name}: {}", of_name(name));
        }
    }
}
