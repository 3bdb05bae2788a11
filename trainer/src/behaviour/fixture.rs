//! Which visitors and methods do the tests of the suite know by heart?

use std::collections::HashMap;

use anyhow::Result;
use shared::{
    catalog::{Catalog, Item},
    interaction::Interaction,
};

use super::{BehaviourConfig, BehaviourReport, Measured, Outcome, run};
use crate::{ranker::Ranker, split::Question};

/// Items that each visitor has to themselves; the others' are unseen to them.
const OWN: usize = 40;

/// Visitors whose `time_ms` is their number, with a known past and future. Categories: even and odd items.
pub struct Shop {
    pub histories: Vec<Vec<Interaction>>,
    pub questions: Vec<Question>,
    pub catalog: Catalog,
    /// Stars and delay of what each visitor meets, by visitor and item.
    ahead: HashMap<(i64, usize), (f32, f32)>,
}

impl Shop {
    /// Visitors with the same future (intensities, next first) after three liked items.
    pub fn new(future: &[f32], visitors: usize) -> Self {
        Self::after(&[1.0; 3], future, visitors)
    }

    /// Visitors with the same past and future.
    pub fn after(past: &[f32], future: &[f32], visitors: usize) -> Self {
        Self::each(&vec![(past, future); visitors])
    }

    pub fn each(visitors: &[(&[f32], &[f32])]) -> Self {
        let mut shop_ahead = HashMap::new();
        let mut histories = Vec::new();
        let mut questions = Vec::new();
        for (visitor, (past, future)) in visitors.iter().enumerate() {
            let first = visitor * OWN;
            let time_ms = visitor as i64;
            let met = |(position, &intensity): (usize, &f32)| Interaction {
                item: first + position,
                intensity,
                time_ms,
            };
            let history: Vec<Interaction> = past.iter().chain(*future).enumerate().map(met).collect();
            for (step, met) in history[past.len()..].iter().enumerate() {
                shop_ahead.insert((time_ms, met.item), (3.0 + 2.0 * met.intensity, (step + 1) as f32));
            }
            let (before, target) = (history[..past.len()].to_vec(), first + past.len());
            questions.push(Question { visitor, history: before, target });
            histories.push(history);
        }
        // Room for 19 unseen items even with one visitor.
        let items = (0..(visitors.len() + 1) * OWN).map(|item| Item {
            id: item.to_string(),
            title: format!("item {item}"),
            category: vec!["goods".into(), if item % 2 == 0 { "even".into() } else { "odd".into() }],
            ..Item::default()
        });
        let catalog = Catalog::new(items.collect()).unwrap();
        Self { histories, questions, catalog, ahead: shop_ahead }
    }

    pub fn run(&self, ranker: &dyn Ranker) -> BehaviourReport {
        run(ranker, &self.histories, &self.questions, &self.catalog, &BehaviourConfig::default()).unwrap()
    }

    /// Scores by stars and delay of what is to come; an unseen item has 3 stars and delay 11.
    pub fn by_rule(&self, name: &'static str, rule: impl Fn(f32, f32) -> f32 + 'static) -> ByRule<'_> {
        self.by_history(name, move |_, stars, delay| rule(stars, delay))
    }

    pub fn by_history(
        &self,
        name: &'static str,
        rule: impl Fn(&[Interaction], f32, f32) -> f32 + 'static,
    ) -> ByRule<'_> {
        self.by_item(name, move |history, item| {
            let (stars, delay) = self.ahead.get(&(history[0].time_ms, item)).copied().unwrap_or((3.0, 11.0));
            rule(history, stars, delay)
        })
    }

    pub fn by_item<'a>(
        &self,
        name: &'static str,
        rule: impl Fn(&[Interaction], usize) -> f32 + 'a,
    ) -> ByRule<'a> {
        ByRule { name, items: self.catalog.len(), rule: Box::new(rule) }
    }

    /// The utility of the paper, s / √Δt.
    pub fn by_utility(&self) -> ByRule<'_> {
        self.by_rule("oracle", |stars, delay| stars / delay.sqrt())
    }

    pub fn by_stars(&self) -> ByRule<'_> {
        self.by_rule("stars", |stars, _| stars)
    }

    /// Scores without meaning, by visitor and item.
    pub fn by_hash(&self) -> ByRule<'_> {
        self.by_item("hash", |history, item| {
            let mut bits = (history[0].time_ms as u64) << 32 | item as u64;
            // SplitMix64.
            bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
            bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((bits ^ (bits >> 31)) >> 40) as f32
        })
    }
}

/// The score of an item after a history.
type Rule<'a> = dyn Fn(&[Interaction], usize) -> f32 + 'a;

pub struct ByRule<'a> {
    name: &'static str,
    items: usize,
    rule: Box<Rule<'a>>,
}

impl Ranker for ByRule<'_> {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn score_catalog(&self, histories: &[&[Interaction]]) -> Result<Vec<Vec<f32>>> {
        let row = |history: &&[Interaction]| (0..self.items).map(|item| (self.rule)(history, item)).collect();
        Ok(histories.iter().map(row).collect())
    }

    fn score_candidates(&self, questions: &[(&[Interaction], &[usize])]) -> Result<Vec<Vec<f32>>> {
        let row = |(history, list): &(&[Interaction], &[usize])| {
            list.iter().map(|&item| (self.rule)(history, item)).collect()
        };
        Ok(questions.iter().map(row).collect())
    }
}

/// Scores a candidate by its place in the list, as a careless prompt would.
pub struct ByPosition;

impl Ranker for ByPosition {
    fn name(&self) -> String {
        "position".to_owned()
    }

    fn score_catalog(&self, _: &[&[Interaction]]) -> Result<Vec<Vec<f32>>> {
        anyhow::bail!("there is no place in a whole catalogue")
    }

    fn score_candidates(&self, questions: &[(&[Interaction], &[usize])]) -> Result<Vec<Vec<f32>>> {
        Ok(questions.iter().map(|(_, list)| (0..list.len()).map(|place| place as f32).collect()).collect())
    }
}

fn outcome<'a>(report: &'a BehaviourReport, test: &str, name: &str) -> &'a Outcome {
    let is_wanted = |label: &super::Label| label.test.starts_with(test) && label.name == name;
    &report.numbers.iter().find(|number| is_wanted(&number.label)).unwrap().outcome
}

pub fn found<'a>(report: &'a BehaviourReport, test: &str, name: &str) -> &'a Measured {
    match outcome(report, test, name) {
        Outcome::Measured(measured) => measured,
        Outcome::NotApplicable { why } => panic!("{test} {name}: {why}"),
    }
}

pub fn why<'a>(report: &'a BehaviourReport, test: &str, name: &str) -> &'a str {
    match outcome(report, test, name) {
        Outcome::NotApplicable { why } => why,
        Outcome::Measured(measured) => panic!("{test} {name}: {measured:?}"),
    }
}
