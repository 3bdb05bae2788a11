//! How does a history read as tokens? The one template of the token vocabulary, for trainer and browser.
//!
//! Every interaction is `<level> title tokens <end>`; the level token is the intensity, and the prompt ends
//! with the level that is asked for. Titles are tokenised on their own, so that prompt and completion meet at
//! a special token and joint and separate tokenisation cannot differ.

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

/// The token that stands for an intensity level.
#[must_use]
pub fn level_token(level: usize) -> u32 {
    FIRST_LEVEL + level as u32
}

/// Tokens of a completion: the title and its end.
#[must_use]
pub fn completion(title: &[u32]) -> Vec<u32> {
    let mut tokens = title.to_vec();
    tokens.push(END);
    tokens
}

/// Tokens of interactions in time order, without the question for the next.
#[must_use]
pub fn history(interactions: &[Interaction], titles: &[Vec<u32>]) -> Vec<u32> {
    let mut tokens = Vec::new();
    for interaction in interactions {
        tokens.push(level_token(intensity_level(interaction.intensity)));
        tokens.extend_from_slice(&titles[interaction.item]);
        tokens.push(END);
    }
    tokens
}

/// Tokens of the prompt: the history, then the level that is asked for.
#[must_use]
pub fn prompt(interactions: &[Interaction], titles: &[Vec<u32>], asked_level: usize) -> Vec<u32> {
    let mut tokens = history(interactions, titles);
    tokens.push(level_token(asked_level));
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_the_history_and_a_question() {
        let met = Interaction { item: 1, intensity: -1.0, time_ms: 0 };
        let titles = [vec![20, 21], vec![30]];
        assert_eq!(prompt(&[met], &titles, 8), [2, 30, 1, 10]);
        assert_eq!(completion(&titles[0]), [20, 21, 1]);
        assert_eq!(special_tokens().len(), 11);
        assert_eq!(special_tokens()[level_token(8) as usize], "<level-8>");
    }
}
