//! `full`: where does the liked item stand in the whole catalogue, and what would the visitor have been shown?

use std::collections::BTreeMap;

use anyhow::Result;
use shared::{
    interaction::Interaction,
    rank::{Scores, top_k},
    rules::{
        Placement,
        arrange::{Scene, rule_share},
    },
};

use super::{
    Protocol, Report, Ruled, Task,
    lists::{LIST, Shelf, coverage_and_gini},
    place::Place,
    report::CUTOFFS,
};
use crate::{
    ranker::{ModelRanker, Ranker},
    split::{self, Question},
};

/// Scores held at once: rows of the whole catalogue are looked at and dropped, chunk by chunk.
const SCORES_AT_ONCE: usize = 1 << 22;
/// Most questions of a chunk.
const QUESTIONS_AT_ONCE: usize = 256;

/// What this protocol ranks at each question, the target first, for whoever tunes on it; of many questions over a large
/// catalogue, as many as memory has room for.
#[must_use]
pub fn candidates(
    questions: &[Question],
    items: usize,
    is_met_kept: bool,
) -> (Vec<Question>, Vec<Vec<usize>>) {
    /// Candidates held at once.
    const MOST: usize = 1 << 24;
    let questions = split::sample(questions, (MOST / items.max(1)).max(1));
    let all = |question: &Question| {
        let mut is_ranked = vec![true; items];
        if !is_met_kept {
            question.history.iter().for_each(|met| is_ranked[met.item] = false);
        }
        is_ranked[question.target] = false;
        let others = (0..items).filter(|&item| is_ranked[item]);
        std::iter::once(question.target).chain(others).collect()
    };
    let lists = questions.iter().map(all).collect();
    (questions, lists)
}

/// HR, NDCG and MRR at 1, 5, 10 and 20, the look of the first ten, and revenue where items have prices.
///
/// Items that the visitor met stand in no list unless the task keeps them; the target is always in.
///
/// # Errors
/// When the device fails.
pub fn report(task: &Task, ranker: &dyn Ranker) -> Result<Report> {
    let items = task.catalog.len();
    let shelf = Shelf::new(task.catalog, &task.counts);
    let mut exposures = vec![0_u32; items];
    let mut columns: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut push = |name: String, value: f64| columns.entry(name).or_default().push(value);
    let is_priced = task.catalog.items().iter().any(|item| item.price.is_some());

    for chunk in task.questions.chunks((SCORES_AT_ONCE / items).clamp(1, QUESTIONS_AT_ONCE)) {
        let histories: Vec<&[Interaction]> =
            chunk.iter().map(|question| question.history.as_slice()).collect();
        let rows = ranker.score_catalog(&histories)?;
        for (question, mut row) in chunk.iter().zip(rows) {
            let (mut place, mut list) =
                answer(&mut row, &question.history, question.target, task.is_met_kept);
            if let Some(ruled) = task.ruled {
                let (placed, shown, share) = by_rules(ruled, task, question, &row);
                (place, list) = (placed, shown);
                push(format!("rule_share_at_{LIST}"), share);
            }
            let price = task.catalog.items()[question.target].price.unwrap_or(0) as f64;
            for cutoff in CUTOFFS {
                let hit = place.map_or(0.0, |place| place.hit_rate(cutoff));
                push(format!("hit_rate_at_{cutoff}"), hit);
                push(format!("ndcg_at_{cutoff}"), place.map_or(0.0, |place| place.ndcg(cutoff)));
                push(format!("mrr_at_{cutoff}"), place.map_or(0.0, |place| place.reciprocal_rank(cutoff)));
                if is_priced {
                    push(format!("revenue_at_{cutoff}"), hit * price);
                }
            }
            push(format!("popularity_at_{LIST}"), shelf.popularity(&list));
            push(format!("tail_share_at_{LIST}"), shelf.tail_share(&list));
            push(format!("diversity_at_{LIST}"), shelf.diversity(&list));
            for item in list {
                exposures[item] += 1;
            }
        }
    }
    let mut report = Report::new(ranker.name(), Protocol::Full, task, columns);
    let (coverage, gini) = coverage_and_gini(&exposures);
    report.totals = [(format!("coverage_at_{LIST}"), coverage), (format!("gini_at_{LIST}"), gini)].into();
    Ok(report)
}

/// Place of the target and the list that would have been shown. What may not be ranked becomes NaN, which
/// neither counts nor is listed.
pub(super) fn answer(
    row: &mut [f32],
    history: &[Interaction],
    target: usize,
    is_met_kept: bool,
) -> (Option<Place>, Vec<usize>) {
    if !is_met_kept {
        for met in history.iter().filter(|met| met.item != target) {
            row[met.item] = f32::NAN;
        }
    }
    let others = row.iter().enumerate().filter(|(item, _)| *item != target).map(|(_, &score)| score);
    let place = Place::of(row[target], others);
    // What a search did not reach (−∞) is not shown either.
    let found = row.iter().copied().enumerate().filter(|(_, score)| *score > f32::NEG_INFINITY);
    (place, top_k(found, LIST).into_iter().map(|best| best.item).collect())
}

/// The same by the shop's rules, and the share of the list that is there because of them.
///
/// The page is that of the item met last, where the rules speak of one. A target that is not in the list has no place.
fn by_rules(
    ruled: &Ruled,
    task: &Task,
    question: &Question,
    row: &[f32],
) -> (Option<Place>, Vec<usize>, f64) {
    let last = question.history.last();
    let is_about_a_page =
        ruled.rules.placement(&ruled.placement, NO_EXPERIMENT).0.is_some_and(Placement::needs_seed);
    let scene = Scene {
        placement: &ruled.placement,
        seed: last.map(|met| met.item).filter(|_| is_about_a_page),
        met: &question.history,
        bucket: NO_EXPERIMENT,
        ..Scene::of(task.catalog, last.map_or(0, |met| met.time_ms))
    };
    let mut is_allowed: Vec<bool> = row.iter().map(|score| *score > f32::NEG_INFINITY).collect();
    ruled.rules.forbid(&scene, &mut is_allowed);
    let mut is_shown = is_allowed.clone();
    ruled.rules.filter(&scene, &mut is_shown);
    let shown = row.iter().copied().enumerate().filter(|(item, _)| is_shown[*item]);
    let scores: Scores = shown.collect();
    let longest = CUTOFFS.into_iter().max().unwrap_or(LIST).max(LIST);
    let mut list = ruled.rules.arrange(&scene, &is_allowed, &scores, longest).list;
    let place = list.iter().position(|placed| placed.item == question.target);
    list.truncate(LIST);
    let share = rule_share(&list, &scores);
    (
        place.map(|better| Place { better, tied: 0 }),
        list.into_iter().map(|placed| placed.item).collect(),
        share,
    )
}

/// Buckets go from 0 to 99, and experiments take the first.
pub const NO_EXPERIMENT: u8 = 100;

/// Share of the exact first ten that the search of a model finds, mean over the questions.
///
/// # Errors
/// When the device fails.
pub fn beam_recall(model: &ModelRanker, questions: &[Question], is_met_kept: bool) -> Result<f64> {
    let exact = ModelRanker::new(String::new(), model.scorer().clone());
    let mut sum = 0.0;
    for question in questions {
        let list = |ranker: &ModelRanker| -> Result<Vec<usize>> {
            let mut rows = ranker.score_catalog(&[&question.history])?;
            let mut row = rows.pop().unwrap_or_default();
            Ok(answer(&mut row, &question.history, question.target, is_met_kept).1)
        };
        let (wanted, found) = (list(&exact)?, list(model)?);
        let hits = wanted.iter().filter(|item| found.contains(item)).count();
        sum += hits as f64 / wanted.len().max(1) as f64;
    }
    Ok(sum / questions.len().max(1) as f64)
}

#[cfg(test)]
mod tests {
    use shared::catalog::{Catalog, Item};

    use super::*;

    /// Scores items by number: the last is best.
    struct ByNumber(usize);

    impl Ranker for ByNumber {
        fn name(&self) -> String {
            "by number".to_owned()
        }

        fn score_catalog(&self, histories: &[&[Interaction]]) -> Result<Vec<Vec<f32>>> {
            Ok(vec![(0..self.0).map(|item| item as f32).collect(); histories.len()])
        }
    }

    fn met(item: usize) -> Interaction {
        Interaction { item, intensity: 1.0, time_ms: 0 }
    }

    #[test]
    fn what_was_met_stands_in_no_list() {
        let mut row = vec![1.0, 4.0, 3.0, 2.0];
        assert_eq!(
            answer(&mut row.clone(), &[met(1)], 3, false),
            (Some(Place { better: 1, tied: 0 }), vec![2, 3, 0])
        );
        assert_eq!(answer(&mut row, &[met(1)], 3, true).0, Some(Place { better: 2, tied: 0 }));
        // Not a number: no hit, not listed, ahead of nobody.
        let mut row = vec![f32::NAN, 1.0, 0.0];
        assert_eq!(answer(&mut row.clone(), &[], 0, false), (None, vec![1, 2]));
        assert_eq!(answer(&mut row, &[], 2, false).0, Some(Place { better: 1, tied: 0 }));
    }

    #[test]
    fn a_report_by_hand() {
        let item = |id: usize, price| Item {
            id: id.to_string(),
            title: format!("Item {id}"),
            price,
            ..Item::default()
        };
        let items = (0..30).map(|id| item(id, (id == 29).then_some(500))).collect();
        let catalog = Catalog::new(items).unwrap();
        let question = |visitor, history: Vec<Interaction>, target| Question { visitor, history, target };
        // First of 30; then 29 is met, so that 27 is second after 28.
        let questions = [question(0, vec![met(0)], 29), question(4, vec![met(29)], 27)];
        let task = Task::new(&catalog, &[vec![met(0)]], &questions, &[], 1);
        let report = report(&task, &ByNumber(30)).unwrap();
        let value = |name: &str| report.metrics[name].mean;
        assert_eq!((value("hit_rate_at_1"), value("hit_rate_at_5")), (0.5, 1.0));
        assert_eq!(value("mrr_at_10"), 0.75);
        assert!((value("ndcg_at_20") - (1.0 + 1.0 / 3.0_f64.log2()) / 2.0).abs() < 1e-12);
        // Only the first target has a price.
        assert_eq!(report.per_question["revenue_at_1"], [500.0, 0.0]);
        assert_eq!(report.visitors, [0, 4]);
        // Lists 20..=29 and 19..=28: 11 of 30 items.
        assert!((report.totals["coverage_at_10"] - 11.0 / 30.0).abs() < 1e-12);
        // Item 0 alone was met in training: everything shown is tail.
        assert_eq!(value("tail_share_at_10"), 1.0);
    }

    #[test]
    fn a_report_by_rules_by_hand() {
        let item = |id: usize| Item {
            id: id.to_string(),
            title: format!("Item {id}"),
            price: Some(id as i64),
            ..Item::default()
        };
        let catalog = Catalog::new((0..30).map(item).collect()).unwrap();
        let question = |history: Vec<Interaction>, target| Question { visitor: 0, history, target };
        // Of what costs at most twice the item met last (10): 20 is best; 25 may not be shown; 3 is pinned.
        let questions = [question(vec![met(10)], 19), question(vec![met(10)], 25), question(vec![met(2)], 3)];
        let rules = r#"{"version": 1, "placements": {"related": {
            "filter": "price <= 2 * seed.price", "pin": [{"item": "3", "pos": 1}]}}}"#;
        let ruled = Ruled { rules: shared::rules::Rules::parse(rules).unwrap(), placement: "related".into() };
        let task = Task { ruled: Some(&ruled), ..Task::new(&catalog, &[], &questions, &[], 1) };
        let report = report(&task, &ByNumber(30)).unwrap();
        assert_eq!(report.per_question["mrr_at_10"], [1.0 / 3.0, 0.0, 1.0]);
        assert_eq!(report.per_question["rule_share_at_10"][..2], [0.1, 0.1]);
    }
}
