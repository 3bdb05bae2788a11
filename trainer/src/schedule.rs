//! How large is a step? A linear warm-up, then a cosine down to a floor.

use crate::config::StageConfig;

/// Share of the peak that is left at the end.
const FLOOR: f64 = 0.05;

/// Learning rate of `step` (from 0) out of `total`.
#[must_use]
pub fn learning_rate(step: usize, total: usize, config: &StageConfig) -> f64 {
    let warm_up = (total as f64 * config.warm_up).ceil();
    let step = step as f64;
    if step < warm_up {
        return config.learning_rate * (step + 1.0) / warm_up;
    }
    let progress = ((step - warm_up) / (total as f64 - warm_up).max(1.0)).min(1.0);
    let cosine = (1.0 + (std::f64::consts::PI * progress).cos()) / 2.0;
    config.learning_rate * (FLOOR + (1.0 - FLOOR) * cosine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_then_falls_to_the_floor() {
        let config = StageConfig { learning_rate: 1.0, warm_up: 0.1, ..StageConfig::default() };
        assert!((learning_rate(0, 100, &config) - 0.1).abs() < 1e-12);
        assert!((learning_rate(9, 100, &config) - 1.0).abs() < 1e-12);
        assert!((learning_rate(55, 100, &config) - 0.525).abs() < 1e-9);
        assert!((learning_rate(100, 100, &config) - FLOOR).abs() < 1e-12);
    }
}
