//! Does a method keep away from what a visitor is going to dislike (B3)?

use anyhow::Result;

use super::{
    Subject,
    moment::{Ahead, above, ask, mean, picked},
    number::{Better, Label, Number, Statistic, Trial},
};

/// B3: each disliked item ahead beside the liked next one and 18 unseen ones, and all observed items in pairs.
pub(super) fn aversion(subject: &Subject) -> Result<Vec<Number>> {
    const TEST: &str = "B3 aversion";
    let none = subject.why("no visitor likes the next item and dislikes one within ten steps");
    let mut visitors = Vec::new();
    let mut questions = Vec::new();
    let (mut liked_first, mut least, mut chance) = (Vec::new(), Vec::new(), Vec::new());
    for (moment, scores) in subject.moments.iter().zip(&subject.observed) {
        let disliked: Vec<Ahead> = moment.later.iter().filter(|later| later.is_disliked()).copied().collect();
        if !moment.next.is_liked() || disliked.is_empty() {
            continue;
        }
        for item in disliked {
            visitors.push(moment.visitor);
            questions.push((moment.history, moment.candidates(&[moment.next, item])));
        }
        let observed = moment.observed();
        let of = |is_wanted: fn(&Ahead) -> bool| {
            observed.iter().zip(scores).filter(move |(ahead, _)| is_wanted(ahead)).map(|(_, score)| *score)
        };
        let pairs: Vec<f64> = of(Ahead::is_liked)
            .flat_map(|liked| of(Ahead::is_disliked).map(move |disliked| above(liked, disliked)))
            .collect();
        liked_first.push((moment.visitor, vec![mean(&pairs)]));
        let (hit, by_chance) = least_hit(&observed, &scores[..observed.len()]);
        least.push((moment.visitor, vec![hit]));
        chance.push((moment.visitor, vec![by_chance]));
    }
    let asked: Vec<(usize, Vec<f64>)> = visitors.into_iter().zip(ask(subject.ranker, &questions)?).collect();
    let picks: Vec<Trial> =
        asked.iter().map(|(visitor, scores)| (*visitor, vec![picked(scores, 1)])).collect();
    // A tiny catalogue has no unseen items left.
    let below_unseen: Vec<Trial> = asked
        .iter()
        .filter(|(_, scores)| scores.len() > 2)
        .map(|(visitor, scores)| {
            let wins: Vec<f64> = scores[2..].iter().map(|&unseen| above(unseen, scores[1])).collect();
            (*visitor, vec![mean(&wins)])
        })
        .collect();
    let number = |name: &str, better, meaning, trials: &[Trial]| {
        Label::new(TEST, name, better, meaning).measure(Statistic::Mean, trials, none, subject.config.seed)
    };
    Ok(vec![
        number(
            "picks the disliked (DSR)",
            Better::Lower,
            "share of picks of an item that will be rated two stars or fewer, among 20",
            &picks,
        ),
        number(
            "liked above disliked (AUC)",
            Better::Higher,
            "share of pairs of observed items, one liked and one disliked, in the right order",
            &liked_first,
        ),
        number(
            "lowest score is lowest rated (LeastHit@1)",
            Better::Higher,
            "whether the observed item with the lowest score has the lowest rating",
            &least,
        ),
        number(
            "LeastHit@1 by chance",
            Better::Neither,
            "LeastHit@1 of random scores over the same items",
            &chance,
        ),
        number(
            "unseen above disliked (AUC)",
            Better::Neither,
            "share of unseen items above the disliked one; the paper's φ asks for 0.5 or less",
            &below_unseen,
        ),
    ])
}

/// Whether the lowest score belongs to an item of the lowest rating (ties shared), and how often a random one does.
fn least_hit(observed: &[Ahead], scores: &[f64]) -> (f64, f64) {
    let lowest = observed.iter().map(|ahead| ahead.intensity).fold(f32::INFINITY, f32::min);
    let negated: Vec<f64> = scores.iter().map(|score| -score).collect();
    let is_lowest = |position: &usize| observed[*position].intensity == lowest;
    let hit = (0..observed.len()).filter(is_lowest).map(|position| picked(&negated, position)).sum();
    let count = (0..observed.len()).filter(is_lowest).count();
    (hit, count as f64 / observed.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Shop, found, why};

    #[test]
    fn raw_stars_shun_what_is_disliked() {
        // One star next but one, two stars after it, four stars last.
        let shop = Shop::new(&[1.0, -1.0, -0.5, 0.5], 5);
        let report = shop.run(&shop.by_stars());
        let mean = |name: &str| found(&report, "B3", name).estimate.mean;
        assert_eq!(mean("picks the disliked (DSR)"), 0.0);
        assert_eq!(mean("liked above disliked (AUC)"), 1.0);
        assert_eq!(mean("lowest score is lowest rated (LeastHit@1)"), 1.0);
        assert_eq!(mean("LeastHit@1 by chance"), 0.25);
        // Stars 1 and 2 lie below the 3 of an unseen item.
        assert_eq!(mean("unseen above disliked (AUC)"), 1.0);
    }

    #[test]
    fn a_reversed_method_picks_what_is_disliked() {
        let shop = Shop::new(&[1.0, -1.0, -0.5, 0.5], 5);
        let report = shop.run(&shop.by_rule("reversed", |stars, _| -stars));
        let mean = |name: &str| found(&report, "B3", name).estimate.mean;
        assert_eq!(mean("picks the disliked (DSR)"), 1.0);
        assert_eq!(mean("liked above disliked (AUC)"), 0.0);
        assert_eq!(mean("lowest score is lowest rated (LeastHit@1)"), 0.0);
        assert_eq!(mean("unseen above disliked (AUC)"), 0.0);
    }

    #[test]
    fn utility_of_the_paper_does_not_put_the_disliked_below_the_unseen() {
        // φ: one star at delay 2 is 0.707, two stars at delay 3 1.155, unseen 0.905: the AUC is a half.
        let shop = Shop::new(&[1.0, -1.0, -0.5], 5);
        let report = shop.run(&shop.by_utility());
        assert_eq!(found(&report, "B3", "unseen above disliked (AUC)").estimate.mean, 0.5);
    }

    #[test]
    fn random_scores_stay_at_chance() {
        let shop = Shop::new(&[1.0, -1.0, 0.0], 400);
        let report = shop.run(&shop.by_hash());
        let mean = |name: &str| found(&report, "B3", name).estimate.mean;
        // Standard errors over 400 visitors: 0.011, 0.025, 0.024, 0.014.
        assert!((mean("picks the disliked (DSR)") - 0.05).abs() < 0.04);
        assert!((mean("liked above disliked (AUC)") - 0.5).abs() < 0.08);
        assert!((mean("lowest score is lowest rated (LeastHit@1)") - 1.0 / 3.0).abs() < 0.08);
        assert!((mean("unseen above disliked (AUC)") - 0.5).abs() < 0.05);
    }

    #[test]
    fn without_dislikes_there_is_no_aversion() {
        let graded = Shop::new(&[1.0, 0.0, 0.5], 3);
        assert!(why(&graded.run(&graded.by_stars()), "B3", "picks the disliked (DSR)").contains("dislikes"));
        let equal = Shop::new(&[1.0; 3], 3);
        assert!(why(&equal.run(&equal.by_stars()), "B3", "picks the disliked (DSR)").contains("same"));
    }
}
