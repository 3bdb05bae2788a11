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
