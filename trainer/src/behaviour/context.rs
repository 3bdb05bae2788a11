//! Does a method hold up with short histories (B5) and with moody visitors (B6)?

use anyhow::Result;
use shared::interaction::Interaction;

use super::{
    Subject, UNGRADED,
    moment::{RECENT, ask, mean, picked},
    number::{Better, Label, Number, Statistic, Trial},
};

/// Interactions that a method may see; the last is what a visitor must have to take part.
const LENGTHS: [usize; 5] = [3, 5, 10, 15, 20];

/// B5: the same targets and candidates after the newest 3, 5, 10, 15 and 20 interactions.
pub(super) fn length(subject: &Subject) -> Result<Vec<Number>> {
    const TEST: &str = "B5 context length";
    const NONE: &str = "no visitor has 20 interactions before the question";
    let longest = LENGTHS[LENGTHS.len() - 1];
    let long: Vec<_> = subject.moments.iter().filter(|moment| moment.history.len() >= longest).collect();
    let mut trials: Vec<Trial> = long.iter().map(|moment| (moment.visitor, Vec::new())).collect();
    for length in LENGTHS {
        let newest = |history: &'_ [Interaction]| history.len() - length;
        let questions: Vec<_> =
            long.iter().map(|m| (&m.history[newest(m.history)..], m.candidates(&[m.next]))).collect();
        for ((_, hits), scores) in trials.iter_mut().zip(ask(subject.ranker, &questions)?) {
            hits.push(picked(&scores, 0));
        }
    }
    let number = |name: &str, better, meaning, statistic, trials: &[Trial]| {
        Label::new(TEST, name, better, meaning).measure(statistic, trials, NONE, subject.config.seed)
    };
    let mut numbers: Vec<Number> = LENGTHS
        .iter()
        .enumerate()
        .map(|(column, length)| {
            let hits: Vec<Trial> =
                trials.iter().map(|(visitor, hits)| (*visitor, vec![hits[column]])).collect();
            let meaning = "share of questions whose target is picked among 20";
            number(&format!("HR@1 after {length}"), Better::Higher, meaning, Statistic::Mean, &hits)
        })
        .collect();
    let range = "(highest − lowest) / mean of the five HR@1; sampling alone makes it positive";
    numbers.push(number("relative range", Better::Lower, range, Statistic::RelativeRange, &trials));
    let variation = "standard deviation / mean of the five HR@1";
    numbers.push(number("coefficient of variation", Better::Lower, variation, Statistic::Variation, &trials));
    Ok(numbers)
}

/// Interactions from which a variance is worth the name: the paper's shortest history.
const FEWEST: usize = 5;

/// B6: visitors in four equal groups by the variance of their recent intensities, calmest first.
pub(super) fn volatility(subject: &Subject) -> Vec<Number> {
    const TEST: &str = "B6 rating volatility";
    const NAMES: [&str; 4] =
        ["HR@1, calmest quarter", "HR@1, second", "HR@1, third", "HR@1, most volatile quarter"];
    const MEANING: &str =
        "share of targets picked among 20, visitors by variance of their last 20 intensities";
    let mut visitors: Vec<(f64, usize, f64)> = subject
        .moments
        .iter()
        .zip(subject.hits())
        .filter(|(moment, _)| moment.history.len() >= FEWEST)
        .map(|(moment, hit)| {
            let start = moment.history.len().saturating_sub(RECENT);
            (variance(&moment.history[start..]), moment.visitor, hit)
        })
        .collect();
    visitors.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let none = if subject.is_graded { "fewer than four visitors have five interactions" } else { UNGRADED };
    if !subject.is_graded {
        visitors.clear();
    }
    let count = visitors.len();
    let of_quarter = |quarter: usize| &visitors[count * quarter / 4..count * (quarter + 1) / 4];
    let number = |name: &str, better, meaning, statistic, trials: &[Trial]| {
        Label::new(TEST, name, better, meaning).measure(statistic, trials, none, subject.config.seed)
    };
    let mut numbers: Vec<Number> = NAMES
        .iter()
        .enumerate()
        .map(|(quarter, name)| {
            let trials: Vec<Trial> =
                of_quarter(quarter).iter().map(|(_, who, hit)| (*who, vec![*hit])).collect();
            number(name, Better::Higher, MEANING, Statistic::Mean, &trials)
        })
        .collect();
    let calm = of_quarter(0).iter().map(|(_, who, hit)| (*who, vec![*hit, 1.0, 0.0, 0.0]));
    let moody = of_quarter(3).iter().map(|(_, who, hit)| (*who, vec![0.0, 0.0, *hit, 1.0]));
    let ends: Vec<Trial> = calm.chain(moody).collect();
    let meaning = "HR@1 of the calmest quarter of visitors less that of the most volatile";
    numbers.push(number(
        "calmest less most volatile",
        Better::Neither,
        meaning,
        Statistic::DifferenceOfRatios,
        &ends,
    ));
    numbers
}

fn variance(history: &[Interaction]) -> f64 {
    let values: Vec<f64> = history.iter().map(|interaction| interaction.intensity.into()).collect();
    let mean = mean(&values);
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Shop, found, why};

    #[test]
    fn a_method_that_needs_ten_interactions_fails_below() {
        let shop = Shop::after(&[1.0; 20], &[0.5], 6);
        // Knows the target (score 4) from ten interactions on, before that the reverse.
        let patient =
            shop.by_history("patient", |history, stars, _| if history.len() < 10 { -stars } else { stars });
        let report = shop.run(&patient);
        let mean = |name: &str| found(&report, "B5", name).estimate.mean;
        assert_eq!([3, 5, 10, 15, 20].map(|n| mean(&format!("HR@1 after {n}"))), [0.0, 0.0, 1.0, 1.0, 1.0]);
        // Of 0, 0, 1, 1, 1: mean 0.6, range 1, variance 0.24.
        assert!((mean("relative range") - 1.0 / 0.6).abs() < 1e-12);
        assert!((mean("coefficient of variation") - 0.24_f64.sqrt() / 0.6).abs() < 1e-12);
        // A method that does not mind has none of it.
        let steady = shop.run(&shop.by_stars());
        assert_eq!(found(&steady, "B5", "relative range").estimate.mean, 0.0);
    }

    #[test]
    fn short_histories_take_no_part() {
        let shop = Shop::after(&[1.0; 19], &[0.5], 6);
        assert!(why(&shop.run(&shop.by_stars()), "B5", "relative range").contains("20 interactions"));
        // Nothing hit at any length has no relative range.
        let shop = Shop::after(&[1.0; 20], &[0.5], 6);
        let never = shop.run(&shop.by_rule("never", |stars, _| -stars));
        assert!(why(&never, "B5", "relative range").contains("decides"));
    }

    #[test]
    fn volatile_visitors_are_the_last_quarter() {
        // Eight visitors with five interactions each, the later the more volatile: ± 0.1, 0.2 …
        let pasts: Vec<Vec<f32>> = (1..=8)
            .map(|v| (0..5).map(|i| if i % 2 == 0 { 0.1 } else { -0.1 } * v as f32).collect())
            .collect();
        let shop =
            Shop::each(&pasts.iter().map(|past| (past.as_slice(), &[1.0_f32][..])).collect::<Vec<_>>());
        // Knows the targets of calm visitors only.
        let calm = shop.by_history(
            "calm",
            |history, stars, _| {
                if history[0].intensity < 0.45 { stars } else { -stars }
            },
        );
        let report = shop.run(&calm);
        let of = |name: &str| {
            let measured = found(&report, "B6", name);
            (measured.estimate.mean, measured.visitors)
        };
        assert_eq!(of("HR@1, calmest quarter"), (1.0, 2));
        assert_eq!(of("HR@1, second"), (1.0, 2));
        assert_eq!(of("HR@1, third"), (0.0, 2));
        assert_eq!(of("HR@1, most volatile quarter"), (0.0, 2));
        assert_eq!(of("calmest less most volatile"), (1.0, 4));
    }

    #[test]
    fn equal_intensities_have_no_volatility() {
        let shop = Shop::after(&[1.0; 20], &[1.0], 6);
        assert!(why(&shop.run(&shop.by_stars()), "B6", "HR@1, calmest quarter").contains("same intensity"));
    }
}
