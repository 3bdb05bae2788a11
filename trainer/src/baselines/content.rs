//! What reads like what the visitor liked? TF-IDF over the words of the items' texts.
//!
//! # Source
//! Salton and Buckley 1988 (tf-idf, cosine); the profile is Rocchio's: liked vectors added, disliked ones
//! subtracted, weighted by recency.

use std::{
    collections::{BTreeMap, HashMap},
    rc::Rc,
};

use anyhow::Result;
use shared::{catalog::Catalog, interaction::Interaction};

use super::{Exam, newest};
use crate::ranker::Ranker;

/// What an interaction of neutral intensity weighs beside one that is liked fully.
const NEUTRAL_WEIGHT: f32 = 0.2;

#[derive(Clone, Debug)]
pub struct Content {
    index: Rc<WordIndex>,
    settings: ContentSettings,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ContentSettings {
    /// Weight e⁻¹ at this many interactions back.
    pub recency: f32,
    /// What a dislike weighs beside a like of the same intensity.
    pub dislike: f32,
}

/// Unit vectors of all items, by item and by word.
#[derive(Debug)]
struct WordIndex {
    /// Per item: its words and their weights.
    items: Vec<Vec<(u32, f32)>>,
    /// Per word: the items that have it, and its weight there.
    words: Vec<Vec<(u32, f32)>>,
}

impl WordIndex {
    /// Weight of a word in an item: count · ln(N / items that have it), divided by the item's length.
    fn new(texts: impl Iterator<Item = String>) -> Self {
        let mut numbers: HashMap<String, u32> = HashMap::new();
        let mut items: Vec<Vec<(u32, f32)>> = Vec::new();
        for text in texts {
            let mut counts: BTreeMap<u32, f32> = BTreeMap::new();
            let text = text.to_lowercase();
            for word in text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
                let next = numbers.len() as u32;
                *counts.entry(*numbers.entry(word.to_owned()).or_insert(next)).or_default() += 1.0;
            }
            items.push(counts.into_iter().collect());
        }
        let mut having = vec![0_u32; numbers.len()];
        for &(word, _) in items.iter().flatten() {
            having[word as usize] += 1;
        }
        let count = items.len() as f32;
        let mut words = vec![Vec::new(); numbers.len()];
        for (item, vector) in items.iter_mut().enumerate() {
            for (word, weight) in vector.iter_mut() {
                *weight *= (count / having[*word as usize] as f32).ln();
            }
            let length = vector.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt();
            // A word that every item has says nothing; an item of such words alone is like no other.
            vector.retain(|(_, weight)| *weight > 0.0);
            for (word, weight) in vector.iter_mut() {
                *weight /= length;
                words[*word as usize].push((item as u32, *weight));
            }
        }
        Self { items, words }
    }
}

impl Content {
    #[must_use]
    pub fn new(catalog: &Catalog, settings: ContentSettings) -> Self {
        let texts = catalog.items().iter().map(shared::catalog::Item::model_text);
        Self { index: Rc::new(WordIndex::new(texts)), settings }
    }

    /// The setting of a small grid that does best on the validation questions.
    ///
    /// # Errors
    /// None of its own; a ranker may fail.
    pub fn tuned(catalog: &Catalog, exam: &Exam) -> Result<Self> {
        let first = Self::new(catalog, ContentSettings { recency: 10.0, dislike: 0.0 });
        let grid = [3.0, 10.0, 30.0].map(|recency| [0.0, 0.5].map(|dislike| (recency, dislike)));
        let variants = grid.as_flattened().iter().map(|&(recency, dislike)| Self {
            settings: ContentSettings { recency, dislike },
            ..first.clone()
        });
        exam.best(first.clone(), variants)
    }

    /// Weight of every word for a visitor. Its length is left out: it is the same for every item.
    fn profile(&self, history: &[Interaction]) -> Vec<f32> {
        let mut profile = vec![0.0; self.index.words.len()];
        for (back, interaction) in newest(history).iter().rev().enumerate() {
            let liking = if interaction.intensity < 0.0 {
                self.settings.dislike * interaction.intensity
            } else {
                NEUTRAL_WEIGHT + (1.0 - NEUTRAL_WEIGHT) * interaction.intensity
            };
            let weight = (-(back as f32) / self.settings.recency).exp() * liking;
            for &(word, value) in &self.index.items[interaction.item] {
                profile[word as usize] += weight * value;
            }
        }
        profile
    }
}

impl Ranker for Content {
    fn name(&self) -> String {
        "content".to_owned()
    }

    fn settings(&self) -> Option<String> {
        let ContentSettings { recency, dislike } = self.settings;
        Some(format!("weights of e^(-n/{recency}), {dislike} of what was disliked"))
    }

    fn score_catalog(&self, histories: &[&[Interaction]]) -> Result<Vec<Vec<f32>>> {
        let score = |history: &&[Interaction]| {
            let mut scores = vec![0.0; self.index.items.len()];
            for (weight, items) in self.profile(history).iter().zip(&self.index.words) {
                if *weight != 0.0 {
                    for &(item, value) in items {
                        scores[item as usize] += weight * value;
                    }
                }
            }
            scores
        };
        Ok(histories.iter().map(score).collect())
    }

    fn score_candidates(&self, questions: &[(&[Interaction], &[usize])]) -> Result<Vec<Vec<f32>>> {
        let score = |(history, candidates): &(&[Interaction], &[usize])| {
            let profile = self.profile(history);
            let of_item = |&item: &usize| {
                self.index.items[item].iter().map(|&(word, value)| profile[word as usize] * value).sum()
            };
            candidates.iter().map(of_item).collect()
        };
        Ok(questions.iter().map(score).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::f32::consts::LN_2;

    use shared::catalog::Item;

    use super::*;

    fn catalog(titles: &[&str]) -> Catalog {
        let item = |title: &&str| Item { id: (*title).into(), title: (*title).into(), ..Item::default() };
        Catalog::new(titles.iter().map(item).collect()).unwrap()
    }

    fn met(item: usize, intensity: f32) -> Interaction {
        Interaction { item, intensity, time_ms: 0 }
    }

    #[track_caller]
    fn assert_scores(content: &Content, history: &[Interaction], expected: [f32; 4]) {
        let of_all = content.score_catalog(&[history]).unwrap();
        let of_candidates = content.score_candidates(&[(history, &[0, 1, 2, 3])]).unwrap();
        for scores in [of_all, of_candidates] {
            for (got, expected) in scores[0].iter().zip(expected) {
                assert!((got - expected).abs() < 1e-6, "{scores:?} expected {expected}");
            }
        }
    }

    #[test]
    fn similarity_by_hand() {
        let catalog = catalog(&["Red coat", "red, COAT!", "blue coat", "blue shoe"]);
        let settings = ContentSettings { recency: 2.0, dislike: 0.5 };
        let content = Content::new(&catalog, settings);
        // ln(4/2), ln(4/3), ln(4/2), ln(4/1) for red, coat, blue, shoe.
        let [red, coat, blue, shoe] = [LN_2, 0.287_682_1, LN_2, 2.0 * LN_2];
        let (first, third, fourth) = (red.hypot(coat), blue.hypot(coat), blue.hypot(shoe));
        let shared_coat = coat * coat / (first * third);
        let shared_blue = blue * blue / (third * fourth);
        assert_scores(&content, &[met(0, 1.0)], [1.0, 1.0, shared_coat, 0.0]);
        // A dislike counts half and the other way round, neutral a fifth; one step back weighs e^-0.5.
        assert_scores(
            &content,
            &[met(2, -1.0)],
            [-0.5 * shared_coat, -0.5 * shared_coat, -0.5, -0.5 * shared_blue],
        );
        let back = (-0.5_f32).exp();
        let expected =
            [0.2 * shared_coat + back, 0.2 * shared_coat + back, 0.2 + back * shared_coat, 0.2 * shared_blue];
        assert_scores(&content, &[met(0, 1.0), met(2, 0.0)], expected);
    }

    #[test]
    fn a_word_that_all_have_says_nothing() {
        let content = Content::new(
            &catalog(&["shop a", "shop b", "shop", "shop a a"]),
            ContentSettings { recency: 2.0, dislike: 0.0 },
        );
        assert_scores(&content, &[met(0, 1.0)], [1.0, 0.0, 0.0, 1.0]);
    }
}
