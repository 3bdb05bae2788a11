//! Which number is minimised? Losses over log-probabilities; they never see the model.
//!
//! Notation: ℓθ and ℓref are log π(item | history) under the policy and the frozen reference; p is the chosen
//! item, k = 1..K the rejected ones; β scales, γ_k is the margin.

use burn::tensor::Tensor;

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
/// same number as a log-sum-exp.
#[must_use]
pub fn softmax_preference(
    policy: Tensor<2>,
    reference: Tensor<2>,
    margins: Tensor<2>,
    beta: f64,
) -> Tensor<1> {
    let rewards = (policy - reference) * beta;
    let [examples, alternatives] = rewards.dims();
    let chosen = rewards.clone().narrow(1, 0, 1);
    let rejected = rewards.narrow(1, 1, alternatives - 1);
    let differences = rejected - chosen + margins;
    let zero = differences.zeros_like().narrow(1, 0, 1);
    log_sum_exp(Tensor::cat(vec![zero, differences], 1)).reshape([examples])
}

/// Negative log-likelihood of the chosen item, for mixing into a preference loss.
///
/// # Shapes
/// policy `[E, 1+K]` → `[E]`
#[must_use]
pub fn negative_log_likelihood(policy: Tensor<2>) -> Tensor<1> {
    let examples = policy.dims()[0];
    -policy.narrow(1, 0, 1).reshape([examples])
}

fn log_sum_exp(values: Tensor<2>) -> Tensor<2> {
    let largest = values.clone().detach().max_dim(1);
    (values - largest.clone()).exp().sum_dim(1).log() + largest
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    /// Vectors of the method's §1.6, computed by hand from the paper's formulas.
    const POLICY: [f32; 4] = [-10.0, -18.0, -15.5, -20.0];
    const REFERENCE: [f32; 4] = [-12.5, -14.0, -13.0, -13.5];
    const CHOSEN_UTILITY: f32 = 5.0;
    const REJECTED_UTILITIES: [f32; 3] = [0.9045, 2.8868, 0.3162];

    /// Loss and dL/dℓθ(p).
    fn loss(beta: f64, lambda: f32) -> (f32, f32) {
        let device = Device::flex().autodiff();
        let row = |values: &[f32]| Tensor::<1>::from_floats(values, &device).unsqueeze::<2>();
        let margins = REJECTED_UTILITIES.map(|u| shared::preference::ratio_margin(lambda, CHOSEN_UTILITY, u));
        let policy = row(&POLICY).require_grad();
        let loss = softmax_preference(policy.clone(), row(&REFERENCE), row(&margins), beta);
        let gradients = loss.backward();
        let gradient = policy.grad(&gradients).unwrap().try_into_vec_as::<f32>().unwrap();
        (loss.into_scalar::<f32>(), gradient[0])
    }

    #[track_caller]
    fn assert_vector(got: (f32, f32), expected: (f32, f32)) {
        assert!((got.0 - expected.0).abs() < 2e-4, "loss {} expected {}", got.0, expected.0);
        assert!((got.1 - expected.1).abs() < 2e-5, "gradient {} expected {}", got.1, expected.1);
    }

    #[test]
    fn s_dpo_vector() {
        assert_vector(loss(1.0, 0.0), (0.008_330, -0.008_295));
    }

    #[test]
    fn recpo_vectors() {
        assert_vector(loss(1.0, 2.0), (22.625_553, -1.0));
        assert_vector(loss(0.5, 2.0), (27.125_553, -0.5));
    }

    #[test]
    fn dpo_is_the_case_of_one_rejected_item() {
        let device = Device::flex();
        let row = |values: &[f32]| Tensor::<1>::from_floats(values, &device).unsqueeze::<2>();
        let loss = softmax_preference(row(&POLICY[..2]), row(&REFERENCE[..2]), row(&[0.0]), 1.0);
        assert!((loss.into_scalar::<f32>() - 0.001_502_3).abs() < 1e-6);
    }

    #[test]
    fn large_margins_do_not_overflow() {
        let (value, gradient) = loss(1.0, 1000.0);
        assert!(value.is_finite() && gradient.is_finite());
    }
}
