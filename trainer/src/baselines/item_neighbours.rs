//! What is met together with what the visitor met? Item-kNN over the whole catalogue.
//!
//! # Source
//! Item-to-item neighbours after Sarwar et al. 2001, with recency twice: items count as met together when few
//! interactions lie between them, and what was met last weighs most.

use std::rc::Rc;

use anyhow::Result;
use shared::{interaction::Interaction, preference::LIKED};

use super::{CONTEXT, Exam};
use crate::{evaluation, ranker::Ranker, train::Validation};

#[derive(Clone, Debug)]
pub struct ItemNeighbours {
    lists: Rc<NeighbourLists>,
    settings: NeighbourSettings,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NeighbourSettings {
    /// Items at most this many interactions apart were met together.
    pub window: usize,
    /// Weight e⁻¹ at this many interactions back.
    pub recency: f32,
    /// Count only what was liked as evidence, in training and history.
    pub is_liked_only: bool,
    /// Exponent of the candidate's count in the denominator: 0.5 is the cosine, less lets popularity in, 0 most of all.
    pub normalisation: f32,
}

impl NeighbourSettings {
    const START: Self = Self { window: 10, recency: 5.0, is_liked_only: false, normalisation: 0.5 };

    fn counts(&self, interaction: &Interaction) -> bool {
        !self.is_liked_only || interaction.intensity >= LIKED
    }
}

/// How often each pair of items was met together: one list of neighbours per item.
#[derive(Debug)]
struct NeighbourLists {
    /// Neighbours of item i: `starts[i]..starts[i + 1]`, in the order of the catalogue.
    starts: Vec<usize>,
    neighbours: Vec<u32>,
    together: Vec<f32>,
    counts: Vec<f32>,
}

impl NeighbourLists {
    /// Work and memory grow with interactions · window, plus one pass over N per item that was met.
    fn new(train: &[Vec<Interaction>], items: usize, settings: NeighbourSettings) -> Self {
        let histories: Vec<Vec<u32>> = train
            .iter()
            .map(|history| history.iter().filter(|i| settings.counts(i)).map(|i| i.item as u32).collect())
            .collect();
        let mut places: Vec<Vec<(u32, u32)>> = vec![Vec::new(); items];
        for (row, history) in histories.iter().enumerate() {
            for (position, &item) in history.iter().enumerate() {
                places[item as usize].push((row as u32, position as u32));
            }
        }
        let mut lists =
            Self { starts: vec![0], neighbours: Vec::new(), together: Vec::new(), counts: Vec::new() };
        let mut of_item = vec![0.0_f32; items];
        for (item, places) in places.iter().enumerate() {
            for &(row, position) in places {
                let (history, position) = (&histories[row as usize], position as usize);
                let end = position.saturating_add(settings.window).saturating_add(1).min(history.len());
                for &near in &history[position.saturating_sub(settings.window)..end] {
                    of_item[near as usize] += 1.0;
                }
            }
            of_item[item] = 0.0;
            if !places.is_empty() {
                for (neighbour, count) in of_item.iter_mut().enumerate().filter(|(_, count)| **count > 0.0) {
                    lists.neighbours.push(neighbour as u32);
                    lists.together.push(std::mem::take(count));
                }
            }
            lists.starts.push(lists.neighbours.len());
            lists.counts.push(places.len() as f32);
        }
        lists
    }

    fn of(&self, item: usize) -> (&[u32], &[f32]) {
        let range = self.starts[item]..self.starts[item + 1];
        (&self.neighbours[range.clone()], &self.together[range])
    }

    /// How often two items were met together.
    fn together(&self, item: usize, other: usize) -> f32 {
        let (neighbours, together) = self.of(item);
        neighbours.binary_search(&(other as u32)).map_or(0.0, |place| together[place])
    }

    fn count(&self, item: usize) -> f32 {
        self.counts[item].max(1.0)
    }
}

impl ItemNeighbours {
    #[must_use]
    pub fn new(train: &[Vec<Interaction>], items: usize, settings: NeighbourSettings) -> Self {
        Self { lists: Rc::new(NeighbourLists::new(train, items, settings)), settings }
    }

    /// The setting of a small grid that does best on the validation questions.
    #[must_use]
    pub fn tuned(train: &[Vec<Interaction>], items: usize, exam: &Exam) -> Self {
        let weights: Vec<(f32, f32)> = [0.35, 0.5, 0.2, 0.0]
            .into_iter()
            .flat_map(|normalisation| [3.0, 5.0, 10.0, 20.0].map(|recency| (normalisation, recency)))
            .collect();
        let mut best: Option<(Validation, Self)> = None;
        for (window, is_liked_only) in
            [(10, false), (10, true), (30, false), (30, true), (2 * CONTEXT, false), (2 * CONTEXT, true)]
        {
            let start = NeighbourSettings { window, is_liked_only, ..NeighbourSettings::START };
            let neighbours = Self::new(train, items, start);
            let variants: Vec<Self> = weights
                .iter()
                .map(|&(normalisation, recency)| Self {
                    settings: NeighbourSettings { normalisation, recency, ..start },
                    ..neighbours.clone()
                })
                .collect();
            // The look-ups are most of the work and the same for every weighting.
            let mut sums = vec![(0.0, 0.0); variants.len()];
            for (question, candidates) in exam.questions.iter().zip(exam.candidates) {
                let found = neighbours.look_up(&question.history, candidates);
                for (variant, sums) in variants.iter().zip(&mut sums) {
                    let (hit, ndcg) = evaluation::means(&[variant.weigh(&found, candidates)]);
                    *sums = (sums.0 + hit, sums.1 + ndcg);
                }
            }
            let count = exam.questions.len().max(1) as f64;
            for (variant, (hits, ndcg)) in variants.into_iter().zip(sums) {
                let validation = Validation { hit_rate_at_1: hits / count, ndcg_at_10: ndcg / count };
                if best.as_ref().is_none_or(|(so_far, _)| exam.is_better(&validation, so_far)) {
                    best = Some((validation, variant));
                }
            }
        }
        best.map_or_else(|| Self::new(train, items, NeighbourSettings::START), |(_, neighbours)| neighbours)
    }

    /// The items of a history that count, newest first.
    fn evidence(&self, history: &[Interaction]) -> impl Iterator<Item = usize> {
        history.iter().rev().filter(|i| self.settings.counts(i)).take(CONTEXT).map(|i| i.item)
    }

    /// Per item of the evidence (newest first): how often each candidate was met with it, over √count.
    fn look_up(&self, history: &[Interaction], candidates: &[usize]) -> Vec<Vec<f32>> {
        self.evidence(history)
            .map(|item| {
                let scale = 1.0 / self.lists.count(item).sqrt();
                candidates.iter().map(|&candidate| self.lists.together(item, candidate) * scale).collect()
            })
            .collect()
    }

    fn weigh(&self, found: &[Vec<f32>], candidates: &[usize]) -> Vec<f32> {
        let mut scores = vec![0.0; candidates.len()];
        for (back, row) in found.iter().enumerate() {
            let weight = self.weight(back);
            for (score, value) in scores.iter_mut().zip(row) {
                *score += weight * value;
            }
        }
        for (score, &candidate) in scores.iter_mut().zip(candidates) {
            *score = *score * self.scale(candidate) + self.alone(candidate);
        }
        scores
    }

    /// Weight of what was met `back` interactions ago.
    fn weight(&self, back: usize) -> f32 {
        (-(back as f32) / self.settings.recency).exp()
    }

    fn scale(&self, candidate: usize) -> f32 {
        self.lists.count(candidate).powf(-self.settings.normalisation)
    }

    /// What an item has that was met with nothing of the history: on sparse data most have, and popularity tells them apart. Too
    /// little to weigh anything beside evidence.
    fn alone(&self, candidate: usize) -> f32 {
        1e-12 * self.lists.counts[candidate]
    }
}

impl Ranker for ItemNeighbours {
    fn name(&self) -> String {
        "item-kNN".to_owned()
    }

    fn settings(&self) -> Option<String> {
        let NeighbourSettings { window, recency, is_liked_only, normalisation } = self.settings;
        let what = if is_liked_only { "liked" } else { "all" };
        Some(format!(
            "{what} interactions at most {window} apart, weights of e^(-n/{recency}), counts to the power of {normalisation}"
        ))
    }

    fn score_catalog(&self, histories: &[&[Interaction]]) -> Result<Vec<Vec<f32>>> {
        let scales: Vec<f32> = (0..self.lists.counts.len()).map(|item| self.scale(item)).collect();
        let score = |history: &&[Interaction]| {
            let mut scores = vec![0.0; scales.len()];
            for (back, item) in self.evidence(history).enumerate() {
                let weight = self.weight(back) / self.lists.count(item).sqrt();
                let (neighbours, together) = self.lists.of(item);
                for (&neighbour, count) in neighbours.iter().zip(together) {
                    scores[neighbour as usize] += weight * count;
                }
            }
            for (item, (score, scale)) in scores.iter_mut().zip(&scales).enumerate() {
                *score = *score * scale + self.alone(item);
            }
            scores
        };
        Ok(histories.iter().map(score).collect())
    }

    fn score_candidates(&self, questions: &[(&[Interaction], &[usize])]) -> Result<Vec<Vec<f32>>> {
        let score = |(history, candidates): &(&[Interaction], &[usize])| {
            self.weigh(&self.look_up(history, candidates), candidates)
        };
        Ok(questions.iter().map(score).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::Question;

    fn met(item: usize) -> Interaction {
        Interaction { item, intensity: 1.0, time_ms: 0 }
    }

    fn score(neighbours: &ItemNeighbours, history: &[Interaction], candidate: usize) -> f32 {
        let alone = neighbours.score_candidates(&[(history, &[candidate])]).unwrap()[0][0];
        let of_all = neighbours.score_catalog(&[history]).unwrap()[0][candidate];
        assert!((alone - of_all).abs() < 1e-6);
        alone
    }

    #[test]
    fn neighbours_by_hand() {
        let train = vec![vec![met(0), met(1)], vec![met(0), met(1)], vec![met(0), met(2)]];
        let settings = NeighbourSettings { recency: 10.0, ..NeighbourSettings::START };
        let neighbours = ItemNeighbours::new(&train, 4, settings);
        // 0 was met 3 times, 1 twice, together twice: 2 / √6.
        assert!((score(&neighbours, &[met(0)], 1) - 2.0 / 6.0_f32.sqrt()).abs() < 1e-6);
        assert_eq!(score(&neighbours, &[met(0)], 3), 0.0);
        // Of what was never met with the history, the popular comes first.
        let (popular, rare) = (score(&neighbours, &[met(3)], 0), score(&neighbours, &[met(3)], 2));
        assert!(popular > rare && popular < 1e-9);
        // Older evidence weighs less.
        let old_first = score(&neighbours, &[met(0), met(3)], 1);
        assert!((old_first - (-0.1_f32).exp() * 2.0 / 6.0_f32.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn only_what_lies_within_the_window_was_met_together() {
        let train = vec![vec![met(0), met(1), met(2), met(0)]];
        let neighbours =
            ItemNeighbours::new(&train, 3, NeighbourSettings { window: 1, ..NeighbourSettings::START });
        assert_eq!(neighbours.lists.of(0), (&[1, 2][..], &[1.0, 1.0][..]));
        let wide =
            ItemNeighbours::new(&train, 3, NeighbourSettings { window: 2, ..NeighbourSettings::START });
        assert_eq!(wide.lists.of(0), (&[1, 2][..], &[2.0, 2.0][..]));
        assert_eq!(wide.lists.of(1), (&[0, 2][..], &[2.0, 1.0][..]));
    }

    #[test]
    fn tuning_leaves_out_what_was_not_liked_when_that_helps() {
        // 1 follows 0 where 0 was liked; 2 follows it more often where it was not.
        let bad = |item| Interaction { item, intensity: -1.0, time_ms: 0 };
        let mut train = vec![vec![met(0), met(1)]; 2];
        train.extend(vec![vec![bad(0), met(2)]; 9]);
        let questions = [Question { visitor: 0, history: vec![met(0)], target: 1 }];
        let exam = Exam {
            questions: &questions,
            candidates: &[vec![1, 2]],
            protocol: evaluation::Protocol::Candidates20,
        };
        assert!(ItemNeighbours::tuned(&train, 3, &exam).settings.is_liked_only);
    }
}
