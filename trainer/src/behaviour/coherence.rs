//! Do a method's scores follow utility, and only the question (B4)?

use anyhow::Result;
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::{
    Subject,
    moment::{ask, in_deviations, mean},
    number::{Better, Label, Number, Statistic, Trial},
};

/// Differences in stars between two observed items: above the first, up to the second.
const BUCKETS: [(f64, f64, &str); 3] =
    [(0.0, 1.0, "gap of up to 1 star"), (1.0, 2.0, "gap of 1 to 2 stars"), (2.0, 4.0, "gap of 2 to 4 stars")];

/// B4: order of observed items by score against φ, score gap by rating gap, and other orders of the candidates.
pub(super) fn coherence(subject: &Subject) -> Result<Vec<Number>> {
    const TEST: &str = "B4 coherence";
    const GAP: &str =
        "score of the better rated less the worse rated observed item, in deviations of the scores";
    let seed = subject.config.seed;
    let mut orders: Vec<Trial> = Vec::new();
    let mut buckets: [Vec<Trial>; BUCKETS.len()] = Default::default();
    let mut widening: Vec<Trial> = Vec::new();
    for (moment, scores) in subject.moments.iter().zip(&subject.observed) {
        let observed = moment.observed();
        let utilities: Vec<f64> =
            observed.iter().map(|ahead| ahead.utility(subject.config.utility)).collect();
        if utilities.iter().any(|&utility| utility != utilities[0]) {
            // A method that ties them all says nothing of their order.
            let tau = kendall_tau_b(&utilities, &scores[..observed.len()]).unwrap_or(0.0);
            orders.push((moment.visitor, vec![tau]));
        }
        let mut gaps: [Vec<f64>; BUCKETS.len()] = Default::default();
        for (better, better_score) in observed.iter().zip(scores) {
            for (worse, worse_score) in observed.iter().zip(scores) {
                let stars = 2.0 * f64::from(better.intensity - worse.intensity);
                if let Some(bucket) = BUCKETS.iter().position(|(low, high, _)| stars > *low && stars <= *high)
                {
                    gaps[bucket].push(in_deviations(better_score - worse_score, scores));
                }
            }
        }
        for (trials, gaps) in buckets.iter_mut().zip(&gaps).filter(|(_, gaps)| !gaps.is_empty()) {
            trials.push((moment.visitor, vec![mean(gaps)]));
        }
        let columns = |gaps: &[f64]| if gaps.is_empty() { [0.0, 0.0] } else { [mean(gaps), 1.0] };
        let ends = [columns(&gaps[BUCKETS.len() - 1]), columns(&gaps[0])].concat();
        if ends[1] + ends[3] > 0.0 {
            widening.push((moment.visitor, ends));
        }
    }
    let number = |name: &str, better, meaning, statistic, trials: &[Trial], none: &str| {
        Label::new(TEST, name, better, meaning).measure(statistic, trials, none, seed)
    };
    let mut numbers = vec![number(
        "order of scores and φ (Kendall τ-b)",
        Better::Higher,
        "rank correlation over the observed items of each visitor: 1 same order, 0 none, -1 reversed",
        Statistic::Mean,
        &orders,
        "no visitor meets two new items within ten steps",
    )];
    let none = subject.why("no visitor meets two items so far apart in rating within ten steps");
    for ((_, _, name), trials) in BUCKETS.iter().zip(&buckets) {
        numbers.push(number(name, Better::Higher, GAP, Statistic::Mean, trials, none));
    }
    numbers.push(number(
        "widest gap less narrowest",
        Better::Higher,
        "the score gap of 2 to 4 stars less that of up to 1 star: above 0 when larger differences count more",
        Statistic::DifferenceOfRatios,
        &widening,
        none,
    ));
    numbers.push(number(
        "change under another order of candidates",
        Better::Lower,
        "largest change of a score when the same candidates come reversed or shuffled, in deviations of the scores",
        Statistic::Mean,
        &reordered(subject)?,
        "there are no questions",
    ));
    Ok(numbers)
}

/// The largest change of any candidate's score when the candidates are reversed, and when they are shuffled.
fn reordered(subject: &Subject) -> Result<Vec<Trial>> {
    let mut orders = Vec::new();
    let mut questions = Vec::new();
    for moment in &subject.moments {
        let candidates = moment.candidates(&moment.observed());
        let mut shuffled: Vec<usize> = (0..candidates.len()).collect();
        let reversed = shuffled.iter().rev().copied().collect();
        let mut generator = ChaCha8Rng::seed_from_u64(subject.config.seed);
        generator.set_stream(moment.visitor as u64);
        shuffled.shuffle(&mut generator);
        for order in [reversed, shuffled] {
            questions.push((moment.history, order.iter().map(|&position| candidates[position]).collect()));
            orders.push(order);
        }
    }
    let answers = ask(subject.ranker, &questions)?;
    let largest = |plain: &[f64], asked: std::ops::Range<usize>| {
        let changes = asked.flat_map(|question| {
            let answer = answers[question].iter();
            orders[question].iter().zip(answer).map(|(&position, score)| (score - plain[position]).abs())
        });
        changes.fold(0.0, f64::max)
    };
    let trial = |(index, plain): (usize, &Vec<f64>)| {
        let asked = 2 * index..2 * index + 2;
        let beside = [plain.as_slice(), answers[asked.clone()].concat().as_slice()].concat();
        (subject.moments[index].visitor, vec![in_deviations(largest(plain, asked), &beside)])
    };
    Ok(subject.observed.iter().enumerate().map(trial).collect())
}

/// Kendall's rank correlation with correction for ties; `None` when either side is all ties.
///
/// # Source
/// Kendall 1945, τ-b = (concordant − discordant) / √((n₀ − ties in a)(n₀ − ties in b)), n₀ pairs in all.
fn kendall_tau_b(a: &[f64], b: &[f64]) -> Option<f64> {
    let sign = |first: f64, second: f64| f64::from(i8::from(first > second) - i8::from(first < second));
    let (mut agreement, mut untied_a, mut untied_b) = (0.0, 0.0, 0.0);
    for first in 0..a.len() {
        for second in 0..first {
            let (of_a, of_b) = (sign(a[first], a[second]), sign(b[first], b[second]));
            agreement += of_a * of_b;
            untied_a += of_a.abs();
            untied_b += of_b.abs();
        }
    }
    (untied_a > 0.0 && untied_b > 0.0).then(|| agreement / f64::sqrt(untied_a * untied_b))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ByPosition, Shop, found, why};
    use super::*;

    /// scipy 1.17.1, `scipy.stats.kendalltau(a, b, variant="b").statistic`:
    /// 1.0, -0.4714045207910316, 0.39999999999999997, 0.39999999999999997, nan.
    #[test]
    fn tau_as_scipy_has_it() {
        let close = |a: &[f64], b: &[f64], expected: f64| {
            let got = kendall_tau_b(a, b).unwrap();
            assert!((got - expected).abs() < 1e-12, "got {got}, expected {expected}");
        };
        close(&[1., 2., 3., 4.], &[1., 2., 3., 4.], 1.0);
        close(&[12., 2., 1., 12., 2.], &[1., 4., 7., 1., 0.], -0.471_404_520_791_031_6);
        close(&[1., 2., 2., 3.], &[1., 3., 2., 2.], 0.4);
        close(&[3., 1., 2., 5., 4.], &[1., 2., 3., 4., 5.], 0.4);
        assert_eq!(kendall_tau_b(&[1., 1., 1.], &[1., 2., 3.]), None);
    }

    #[test]
    fn an_oracle_is_coherent() {
        let shop = Shop::new(&[1.0, -1.0, 0.5, 0.0], 4);
        let report = shop.run(&shop.by_utility());
        let mean = |name: &str| found(&report, "B4", name).estimate.mean;
        assert!((mean("order of scores and φ (Kendall τ-b)") - 1.0).abs() < 1e-12);
        assert_eq!(mean("change under another order of candidates"), 0.0);
        // Against raw stars 5, 1, 4, 3 the utilities 5, 0.707, 2.309, 1.5 are in the same order.
        let stars = shop.run(&shop.by_stars());
        let found_stars = |name: &str| found(&stars, "B4", name).estimate.mean;
        assert!((found_stars("order of scores and φ (Kendall τ-b)") - 1.0).abs() < 1e-12);
        // 20 star scores: 5, 1, 4, 3 and 16 of 3: mean 3.05, variance 0.4475, deviation 0.668954.
        // Pairs by gap: 5-4 and 4-3: 1 star; 5-3 and 3-1: 2 stars; 5-1 and 4-1: 3.5 on average.
        assert!((found_stars("gap of up to 1 star") - 1.0 / 0.668_954).abs() < 1e-4);
        assert!((found_stars("gap of 1 to 2 stars") - 2.0 / 0.668_954).abs() < 1e-4);
        assert!((found_stars("gap of 2 to 4 stars") - 3.5 / 0.668_954).abs() < 1e-4);
        assert!((found_stars("widest gap less narrowest") - 2.5 / 0.668_954).abs() < 1e-4);
    }

    #[test]
    fn ties_and_reversals_are_told_apart() {
        let shop = Shop::new(&[1.0, -1.0, 0.5, 0.0], 4);
        let name = "order of scores and φ (Kendall τ-b)";
        let tied = shop.run(&shop.by_rule("tied", |_, _| 1.0));
        assert_eq!(found(&tied, "B4", name).estimate.mean, 0.0);
        let reversed = shop.run(&shop.by_rule("reversed", |stars, _| -stars));
        assert!((found(&reversed, "B4", name).estimate.mean + 1.0).abs() < 1e-12);
        assert!(found(&reversed, "B4", "widest gap less narrowest").estimate.mean < 0.0);
    }

    #[test]
    fn a_method_that_reads_positions_is_caught() {
        let shop = Shop::new(&[1.0, 0.5], 4);
        let report = shop.run(&ByPosition);
        // Scores 0 … 19: the reversed list moves the first by 19; deviation of 0 … 19 is √((400 − 1) / 12).
        let change = found(&report, "B4", "change under another order of candidates").estimate.mean;
        assert!((change - 19.0 / (399.0_f64 / 12.0).sqrt()).abs() < 1e-9);
    }

    #[test]
    fn equal_intensities_still_have_an_order_by_delay() {
        let shop = Shop::new(&[1.0; 4], 4);
        let report = shop.run(&shop.by_utility());
        assert!(
            (found(&report, "B4", "order of scores and φ (Kendall τ-b)").estimate.mean - 1.0).abs() < 1e-12
        );
        assert!(why(&report, "B4", "gap of up to 1 star").contains("same intensity"));
        let alone = Shop::new(&[1.0], 4);
        let report = alone.run(&alone.by_utility());
        assert!(why(&report, "B4", "order of scores and φ (Kendall τ-b)").contains("two new items"));
    }
}
