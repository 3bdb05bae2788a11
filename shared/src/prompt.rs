//! How does a history read as tokens? The one template of the token vocabulary, for trainer and browser.
//!
//! After a start, every interaction is `level title end`: one token that is the intensity, the title's, and one that ends
//! it. The prompt ends with the level that is asked for. A model trained from scratch has special tokens for both and no
//! start; an imported one reads words of its own ([`Template`]). Titles are tokenised on their own, in training and in the
//! browser, so that prompt and completion always meet between two tokens. Tokenised as one text the same words may have other
//! tokens where a title ends in a sign: those of Llama 3 and Qwen make one of `)` and the new line after it.

use serde::{Deserialize, Serialize};

use crate::{
    interaction::Interaction,
    preference::{INTENSITY_LEVELS, intensity_level},
};

/// Name of this template in a package's manifest.
pub const TEMPLATE: &str = "level-title-end/1";

/// Padding; never seen by the model.
pub const PAD: u32 = 0;
/// Ends a title.
pub const END: u32 = 1;
const FIRST_LEVEL: u32 = 2;

/// The special tokens in the order of their ids; a tokenizer for this template begins with them.
#[must_use]
pub fn special_tokens() -> Vec<String> {
    let levels = (0..INTENSITY_LEVELS).map(|level| format!("<level-{level}>"));
    ["<pad>".to_owned(), "<end>".to_owned()].into_iter().chain(levels).collect()
}

/// Which tokens a history is written with. As JSON it is one list: the end, the levels, the start; a browser has code for
/// such a list already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<u32>", into = "Vec<u32>")]
pub struct Template {
    /// What stands before every history.
    pub start: Vec<u32>,
    /// One token for each level of intensity, from -1 to 1: nine.
    pub levels: Vec<u32>,
    /// Ends a title.
    pub end: u32,
}

impl From<Vec<u32>> for Template {
    /// A list that is too short gives too few levels, which a model's config refuses.
    fn from(tokens: Vec<u32>) -> Self {
        let mut tokens = tokens.into_iter();
        let end = tokens.next().unwrap_or(END);
        let levels = tokens.by_ref().take(INTENSITY_LEVELS).collect();
        Self { start: tokens.collect(), levels, end }
    }
}

impl From<Template> for Vec<u32> {
    fn from(template: Template) -> Self {
        std::iter::once(template.end).chain(template.levels).chain(template.start).collect()
    }
}

impl Default for Template {
    /// The special tokens of a tokenizer that was trained for this.
    fn default() -> Self {
        Self {
            start: Vec::new(),
            levels: (0..INTENSITY_LEVELS).map(|level| FIRST_LEVEL + level as u32).collect(),
            end: END,
        }
    }
}

impl Template {
    /// Whether it is that of the special tokens.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The largest token of it.
    #[must_use]
    pub fn largest(&self) -> u32 {
        let all = self.start.iter().chain(&self.levels);
        all.copied().fold(self.end, u32::max)
    }

    /// Tokens of a completion: the title and its end.
    #[must_use]
    pub fn completion(&self, title: &[u32]) -> Vec<u32> {
        let mut tokens = title.to_vec();
        tokens.push(self.end);
        tokens
    }

    /// Tokens of interactions in time order, without the question for the next.
    #[must_use]
    pub fn history(&self, interactions: &[Interaction], titles: &[Vec<u32>]) -> Vec<u32> {
        let mut tokens = self.start.clone();
        for interaction in interactions {
            tokens.push(self.levels[intensity_level(interaction.intensity)]);
            tokens.extend_from_slice(&titles[interaction.item]);
            tokens.push(self.end);
        }
        tokens
    }

    /// Which tokens of [`Template::history`] are predicted: titles and their ends. Start and levels are given.
    #[must_use]
    pub fn is_predicted(&self, interactions: &[Interaction], titles: &[Vec<u32>]) -> Vec<bool> {
        let mut predicted = vec![false; self.start.len()];
        for interaction in interactions {
            predicted.push(false);
            predicted.resize(predicted.len() + titles[interaction.item].len() + 1, true);
        }
        predicted
    }

    /// Tokens of the prompt: the history, then the level that is asked for.
    #[must_use]
    pub fn prompt(&self, interactions: &[Interaction], titles: &[Vec<u32>], asked_level: usize) -> Vec<u32> {
        let mut tokens = self.history(interactions, titles);
        tokens.push(self.levels[asked_level]);
        tokens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_the_history_and_a_question() {
        let met = Interaction { item: 1, intensity: -1.0, time_ms: 0 };
        let titles = [vec![20, 21], vec![30]];
        let template = Template::default();
        assert_eq!(template.prompt(&[met], &titles, 8), [2, 30, 1, 10]);
        assert_eq!(template.completion(&titles[0]), [20, 21, 1]);
        assert_eq!(special_tokens().len(), 11);
        assert_eq!(special_tokens()[template.levels[8] as usize], "<level-8>");
        assert_eq!(template.largest(), 10);
    }

    #[test]
    fn a_template_is_one_list_and_a_short_one_has_too_few_levels() {
        let template = Template { start: vec![40, 41], levels: (2..11).collect(), end: 9 };
        let list = serde_json::to_string(&template).unwrap();
        assert_eq!(list, "[9,2,3,4,5,6,7,8,9,10,40,41]");
        assert_eq!(serde_json::from_str::<Template>(&list).unwrap(), template);
        assert_eq!(Template::from(vec![9, 2]).levels, [2]);
    }

    #[test]
    fn start_and_levels_are_given_and_titles_predicted() {
        let template = Template { start: vec![40, 41], levels: vec![7; 9], end: 9 };
        let met = |item| Interaction { item, intensity: 0.0, time_ms: 0 };
        let (history, titles) = ([met(1), met(0)], [vec![20, 21], vec![7]]);
        assert_eq!(template.history(&history, &titles), [40, 41, 7, 7, 9, 7, 20, 21, 9]);
        let predicted = [false, false, false, true, true, false, true, true, true];
        assert_eq!(template.is_predicted(&history, &titles), predicted);
    }
}
