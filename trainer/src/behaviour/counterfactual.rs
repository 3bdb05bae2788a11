//! Would a method answer otherwise if the visitor had felt otherwise (B8)?

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::Result;
use rand::{SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use shared::{catalog::Catalog, interaction::Interaction, preference::LIKED};

use super::{
    Subject, UNGRADED,
    moment::{Moment, RECENT, ask, in_deviations, mean, picked},
    number::{Better, Label, Number, Statistic, Trial},
};

/// Candidates of the category, and as many of others.
const OF_EACH: usize = 10;
/// Liked items of a category that make it worth turning around.
const FEWEST: usize = 2;
/// Less than this (in deviations) is rounding, not a fall.
const NOISE: f64 = 1e-4;

/// B8: what was liked of one category becomes disliked as strongly (5 stars ↔ 1 star); all becomes neutral.
pub(super) fn counterfactual(subject: &Subject) -> Result<Vec<Number>> {
    const TEST: &str = "B8 counterfactual intensity";
    let seed = subject.config.seed;
    let (mut falls, mut changes, mut hit_changes) = (Vec::new(), Vec::new(), Vec::new());
    let (mut shown, mut hidden): (Vec<Trial>, Vec<Trial>) = (Vec::new(), Vec::new());
    // Hiding and turning mean nothing where nothing was said.
    let none = if subject.is_graded { "no visitor likes two items of one category" } else { UNGRADED };
    if subject.is_graded {
        for (visitor, change) in turned(subject)? {
            falls.push((visitor, vec![f64::from(u8::from(change < -NOISE))]));
            changes.push((visitor, vec![change]));
        }
        let told = |moment: &&Moment| moment.history.iter().any(|interaction| interaction.intensity != 0.0);
        let asked: Vec<(&Moment, f64)> =
            subject.moments.iter().zip(subject.hits()).filter(|(moment, _)| told(moment)).collect();
        let neutral: Vec<Vec<Interaction>> = asked
            .iter()
            .map(|(moment, _)| moment.history.iter().map(|i| Interaction { intensity: 0.0, ..*i }).collect())
            .collect();
        let questions: Vec<_> = neutral
            .iter()
            .zip(&asked)
            .map(|(history, (moment, _))| (history.as_slice(), moment.candidates(&[moment.next])))
            .collect();
        for ((moment, hit), scores) in asked.iter().zip(ask(subject.ranker, &questions)?) {
            let without = picked(&scores, 0);
            shown.push((moment.visitor, vec![*hit]));
            hidden.push((moment.visitor, vec![without]));
            hit_changes.push((moment.visitor, vec![without - hit]));
        }
    }
    let number = |name: &str, better, meaning, trials: &[Trial]| {
        Label::new(TEST, name, better, meaning).measure(Statistic::Mean, trials, none, seed)
    };
    Ok(vec![
        number(
            "category falls when disliked",
            Better::Higher,
            "share of visitors whose scores of a category fall against others once its liked items are disliked",
            &falls,
        ),
        number(
            "change when disliked",
            Better::Lower,
            "mean score of the category less that of others: after less before, in deviations of the scores",
            &changes,
        ),
        number("HR@1 with intensities", Better::Higher, "share of targets picked among 20", &shown),
        number(
            "HR@1, intensities hidden",
            Better::Neither,
            "the same with every past intensity neutral",
            &hidden,
        ),
        number(
            "change of HR@1 when hidden",
            Better::Lower,
            "below 0 when the method makes use of intensities",
            &hit_changes,
        ),
    ])
}

/// By how much each visitor's category falls against others when its liked items turn disliked.
fn turned(subject: &Subject) -> Result<Vec<(usize, f64)>> {
    let mut carriers: HashMap<&str, usize> = HashMap::new();
    for item in subject.catalog.items() {
        for label in labels(item.category.iter()) {
            *carriers.entry(label).or_default() += 1;
        }
    }
    let has =
        |item: usize, label: &str| subject.catalog.items()[item].category.iter().any(|own| own == label);
    let mut cases = Vec::new();
    for moment in &subject.moments {
        let Some(label) = favourite(moment, subject.catalog, &carriers) else { continue };
        let turn = |i: &Interaction| {
            let is_turned = i.intensity >= LIKED && has(i.item, label);
            Interaction { intensity: if is_turned { -i.intensity } else { i.intensity }, ..*i }
        };
        let met: HashSet<usize> = moment.history.iter().map(|i| i.item).collect();
        let ahead: HashSet<usize> = moment.observed().iter().map(|ahead| ahead.item).collect();
        let (own, others): (Vec<usize>, Vec<usize>) = (0..subject.catalog.len())
            .filter(|item| !met.contains(item) && !ahead.contains(item))
            .partition(|&item| has(item, label));
        let mut generator = ChaCha8Rng::seed_from_u64(subject.config.seed);
        generator.set_stream(moment.visitor as u64);
        let mut candidates: Vec<usize> = own.choose_multiple(&mut generator, OF_EACH).copied().collect();
        let owned = candidates.len();
        candidates.extend(others.choose_multiple(&mut generator, OF_EACH));
        if owned > 0 && candidates.len() > owned {
            let history: Vec<Interaction> = moment.history.iter().map(turn).collect();
            cases.push((moment, history, candidates, owned));
        }
    }
    let before: Vec<_> = cases.iter().map(|(moment, _, list, _)| (moment.history, list.clone())).collect();
    let after: Vec<_> =
        cases.iter().map(|(_, history, list, _)| (history.as_slice(), list.clone())).collect();
    let lead = |scores: &[f64], owned: usize| mean(&scores[..owned]) - mean(&scores[owned..]);
    let answers = ask(subject.ranker, &before)?.into_iter().zip(ask(subject.ranker, &after)?);
    let mut changes = Vec::with_capacity(cases.len());
    for ((moment, _, _, owned), (before, after)) in cases.iter().zip(answers) {
        let change = lead(&after, *owned) - lead(&before, *owned);
        changes.push((moment.visitor, in_deviations(change, &[before, after].concat())));
    }
    Ok(changes)
}

fn labels<'a>(category: impl Iterator<Item = &'a String>) -> HashSet<&'a str> {
    category.map(String::as_str).collect()
}

/// The category that tells most of what the visitor likes: liked items of it among the recent ones, weighed by
/// how few items of the catalogue carry it (as tf·idf does for words); ties go to the first by name.
fn favourite<'a>(moment: &Moment, catalog: &'a Catalog, carriers: &HashMap<&str, usize>) -> Option<&'a str> {
    let recent = &moment.history[moment.history.len().saturating_sub(RECENT)..];
    let mut liked: BTreeMap<&str, usize> = BTreeMap::new();
    for interaction in recent.iter().filter(|interaction| interaction.intensity >= LIKED) {
        for label in labels(catalog.items()[interaction.item].category.iter()) {
            *liked.entry(label).or_default() += 1;
        }
    }
    let weight =
        |label: &str, count: usize| count as f64 * (catalog.len() as f64 / carriers[label] as f64).ln();
    let weighed = liked
        .into_iter()
        .filter(|&(label, count)| count >= FEWEST && carriers[label] < catalog.len())
        .map(|(label, count)| (label, weight(label, count)));
    // The last of equals is the greatest to `max_by`, hence the reversal.
    weighed.rev().max_by(|a, b| a.1.total_cmp(&b.1)).map(|(label, _)| label)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Shop, found, why};

    /// Visitors who like items 0, 1, 2 of theirs; the fixture's categories are even and odd items.
    fn shop() -> Shop {
        Shop::after(&[1.0, 1.0, 1.0], &[1.0, -1.0], 4)
    }

    #[test]
    fn a_method_that_heeds_intensity_lets_the_category_fall() {
        let shop = shop();
        // Sum of the intensities of the history's items of the candidate's category.
        let heedful = shop.by_item("heedful", |history, item| {
            history.iter().filter(|i| i.item % 2 == item % 2).map(|i| i.intensity).sum()
        });
        let report = shop.run(&heedful);
        let of = |name: &str| found(&report, "B8", name).estimate.mean;
        assert_eq!(of("category falls when disliked"), 1.0);
        // Even items: 2 → −2, odd ones 1 → 1; lead 1 → −3. Ten each, twice: mean 0.5, variance 2.25.
        assert!((of("change when disliked") + 4.0 / 1.5).abs() < 1e-9);
    }

    #[test]
    fn a_method_deaf_to_intensity_does_not_move() {
        let shop = shop();
        let report = shop.run(&shop.by_hash());
        let of = |name: &str| found(&report, "B8", name).estimate.mean;
        assert_eq!(of("category falls when disliked"), 0.0);
        assert_eq!(of("change when disliked"), 0.0);
        assert_eq!(of("change of HR@1 when hidden"), 0.0);
    }

    #[test]
    fn hiding_intensities_costs_what_they_were_worth() {
        let shop = shop();
        let reader =
            shop.by_history(
                "reader",
                |history, stars, _| {
                    if history.iter().any(|i| i.intensity > 0.0) { stars } else { -stars }
                },
            );
        let report = shop.run(&reader);
        let of = |name: &str| found(&report, "B8", name).estimate.mean;
        assert_eq!(of("HR@1 with intensities"), 1.0);
        assert_eq!(of("HR@1, intensities hidden"), 0.0);
        assert_eq!(of("change of HR@1 when hidden"), -1.0);
    }

    #[test]
    fn without_grades_or_liked_categories_it_does_not_apply() {
        let equal = Shop::after(&[1.0; 3], &[1.0, 1.0], 4);
        assert!(why(&equal.run(&equal.by_hash()), "B8", "change when disliked").contains("same intensity"));
        let one = Shop::after(&[1.0, 0.0, 0.0], &[1.0, -1.0], 4);
        assert!(why(&one.run(&one.by_hash()), "B8", "change when disliked").contains("two items"));
    }
}
