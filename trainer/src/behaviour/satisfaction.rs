//! Does a method rank what is met next above what is liked later (B1), even when that is liked more (B2)?

use anyhow::Result;

use super::{
    Subject,
    moment::{Ahead, Moment, above, ask, in_deviations, picked},
    number::{Better, Label, Number, Statistic, Trial},
};

/// The next item and one later item among 18 unseen ones.
struct Duel {
    visitor: usize,
    /// Of the later item.
    delay: usize,
    is_next_picked: f64,
    is_later_picked: f64,
    is_next_above: f64,
    /// Score of the next less that of the later item, in standard deviations of all 20.
    gap: f64,
}

fn duels(subject: &Subject, is_eligible: impl Fn(&Moment, &Ahead) -> bool) -> Result<Vec<Duel>> {
    let mut who = Vec::new();
    let mut questions = Vec::new();
    for moment in subject.moments.iter().filter(|moment| moment.next.is_liked()) {
        for later in moment.later.iter().filter(|later| is_eligible(moment, later)) {
            who.push((moment.visitor, later.delay));
            questions.push((moment.history, moment.candidates(&[moment.next, *later])));
        }
    }
    let scores = ask(subject.ranker, &questions)?;
    let duel = |((visitor, delay), scores): ((usize, usize), Vec<f64>)| Duel {
        visitor,
        delay,
        is_next_picked: picked(&scores, 0),
        is_later_picked: picked(&scores, 1),
        is_next_above: above(scores[0], scores[1]),
        gap: in_deviations(scores[0] - scores[1], &scores),
    };
    Ok(who.into_iter().zip(scores).map(duel).collect())
}

fn trials(duels: &[Duel], columns: impl Fn(&Duel) -> Vec<f64>) -> Vec<Trial> {
    duels.iter().map(|duel| (duel.visitor, columns(duel))).collect()
}

/// Later items count from this delay on: the fourth step.
const LATER: usize = 4;

/// B1: next liked item against each one liked 3 to 9 steps after it.
pub(super) fn immediate(subject: &Subject) -> Result<Vec<Number>> {
    const TEST: &str = "B1 immediate satisfaction";
    const MEANING: &str = "share of picks of the next item among picks of the next or a later liked one";
    let none = "no visitor likes the next item and a new one 3 to 9 steps after it";
    let seed = subject.config.seed;
    let duels = duels(subject, |_, later| later.is_liked() && later.delay >= LATER)?;
    let either = |duel: &Duel| vec![duel.is_next_picked, duel.is_next_picked + duel.is_later_picked];
    let ratio = |name: &str, trials: &[Trial]| {
        Label::new(TEST, name, Better::Higher, MEANING).measure(Statistic::Ratio, trials, none, seed)
    };
    let mut numbers = vec![ratio("next rather than later (ISR)", &trials(&duels, either))];
    for (first, last) in [(3, 4), (5, 6), (7, 9)] {
        let within: Vec<Trial> = duels
            .iter()
            .filter(|duel| (first..=last).contains(&(duel.delay - 1)))
            .map(|duel| (duel.visitor, either(duel)))
            .collect();
        numbers.push(ratio(&format!("ISR, later by {first} to {last} steps"), &within));
    }
    numbers.push(
        Label::new(
            TEST,
            "next above later",
            Better::Higher,
            "share of pairs in which the next item scores higher",
        )
        .measure(Statistic::Mean, &trials(&duels, |duel| vec![duel.is_next_above]), none, seed),
    );
    numbers.push(
        Label::new(
            TEST,
            "score gap",
            Better::Higher,
            "score of next less later, in deviations of the 20 scores",
        )
        .measure(Statistic::Mean, &trials(&duels, |duel| vec![duel.gap]), none, seed),
    );
    Ok(numbers)
}

/// B2: next liked item against each later one that is rated strictly higher but worth less by φ.
pub(super) fn temptation(subject: &Subject) -> Result<Vec<Number>> {
    const TEST: &str = "B2 temptation resistance";
    let none = subject.why("no visitor meets an item that is rated higher than the next one but worth less");
    let seed = subject.config.seed;
    let utility = subject.config.utility;
    let duels = duels(subject, |moment, later| {
        later.intensity > moment.next.intensity && later.utility(utility) < moment.next.utility(utility)
    })?;
    let mean = |name: &str, better, meaning, trials: &[Trial]| {
        Label::new(TEST, name, better, meaning).measure(Statistic::Mean, trials, none, seed)
    };
    let mut numbers = vec![
        mean(
            "resistance (TRR)",
            Better::Higher,
            "1 less the share of picks of the later, higher rated item",
            &trials(&duels, |duel| vec![1.0 - duel.is_later_picked]),
        ),
        mean(
            "next above the tempting",
            Better::Higher,
            "share of pairs in which the next item scores higher; picks of unseen items do not blur it",
            &trials(&duels, |duel| vec![duel.is_next_above]),
        ),
    ];
    for step in [1, 2, 4, 9] {
        let at: Vec<Trial> = duels
            .iter()
            .filter(|duel| duel.delay == step + 1)
            .map(|duel| (duel.visitor, vec![duel.is_later_picked]))
            .collect();
        let name = format!("picks the tempting {step} after the next");
        numbers.push(mean(&name, Better::Lower, "share of picks of the later, higher rated item", &at));
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Shop, found, why};

    #[test]
    fn an_oracle_prefers_now_and_resists() {
        // Next rated 4, then 5 at delay 2 and 5 at delay 5.
        let shop = Shop::new(&[0.5, 1.0, 0.0, 0.0, 1.0], 6);
        let report = shop.run(&shop.by_utility());
        // φ: next 4; later 5 / √2 = 3.54 and 5 / √5 = 2.24; unseen 0.90.
        for (test, name) in [
            ("B1", "next rather than later (ISR)"),
            ("B1", "ISR, later by 3 to 4 steps"),
            ("B1", "next above later"),
            ("B2", "resistance (TRR)"),
            ("B2", "next above the tempting"),
        ] {
            let measured = found(&report, test, name);
            assert_eq!((measured.estimate.mean, measured.visitors), (1.0, 6), "{name}");
        }
        assert_eq!(found(&report, "B2", "picks the tempting 1 after the next").estimate.mean, 0.0);
        assert_eq!(found(&report, "B2", "picks the tempting 4 after the next").estimate.mean, 0.0);
        assert!(why(&report, "B2", "picks the tempting 2 after the next").contains("no visitor"));
        assert!(why(&report, "B1", "ISR, later by 7 to 9 steps").contains("no visitor"));
        // 20 scores: 4, 2.2361 and 18 of 0.9045: mean 1.12588, deviation 0.72024; gap 1.76393.
        assert!((found(&report, "B1", "score gap").estimate.mean - 2.4491).abs() < 1e-3);
    }

    #[test]
    fn raw_stars_yield_to_temptation() {
        let shop = Shop::new(&[0.5, 1.0, 0.0, 0.0, 1.0], 6);
        let report = shop.run(&shop.by_stars());
        assert_eq!(found(&report, "B2", "resistance (TRR)").estimate.mean, 0.0);
        assert_eq!(found(&report, "B2", "picks the tempting 4 after the next").estimate.mean, 1.0);
        assert_eq!(found(&report, "B1", "next rather than later (ISR)").estimate.mean, 0.0);
    }

    #[test]
    fn undecided_methods_score_a_half() {
        // Both rated 5: raw stars cannot tell next from later, and nothing is rated higher than the next.
        let shop = Shop::new(&[1.0, 0.0, 0.0, 1.0], 4);
        let report = shop.run(&shop.by_stars());
        assert_eq!(found(&report, "B1", "next rather than later (ISR)").estimate.mean, 0.5);
        assert_eq!(found(&report, "B1", "next above later").estimate.mean, 0.5);
        assert!(why(&report, "B2", "resistance (TRR)").contains("rated higher"));
    }

    #[test]
    fn equal_intensities_have_no_temptation() {
        let shop = Shop::new(&[1.0; 5], 4);
        let report = shop.run(&shop.by_utility());
        assert!(why(&report, "B2", "resistance (TRR)").contains("same intensity"));
        assert_eq!(found(&report, "B1", "next rather than later (ISR)").estimate.mean, 1.0);
    }
}
