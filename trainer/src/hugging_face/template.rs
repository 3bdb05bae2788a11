//! Which words does an imported model read a history with? Lines of a rating and a product, after one that says so.

use anyhow::{Context, Result};
use shared::{preference::INTENSITY_LEVELS, prompt::Template, tokenizer::Tokenizer};

/// What stands before every history.
const START: &str = "Products that one customer met, each after a rating from 1 to 9.\n";
/// What ends a title, as tokenizers write a new line: in the letters of byte-level pieces, as itself, as a byte.
const NEW_LINES: [&str; 3] = ["Ċ", "\n", "<0x0A>"];

/// The template in the tokens of an imported tokenizer: levels are digits, and a title ends with its line. Each of them is
/// one token in every tokenizer of the Llama family.
///
/// # Errors
/// When a digit or a new line is no token of its own.
pub fn of(tokenizer: &Tokenizer) -> Result<Template> {
    let one = |spellings: &[String]| {
        spellings.iter().find_map(|spelling| tokenizer.id(spelling)).with_context(|| {
            format!(
                "{:?} is no token of this tokenizer\nhint: tokenizers of Llama, SmolLM2 and Qwen have it",
                spellings[0]
            )
        })
    };
    let mut levels = vec![0; INTENSITY_LEVELS];
    for (level, token) in levels.iter_mut().enumerate() {
        let digit = char::from(b'1' + level as u8);
        *token = one(&[digit.to_string(), format!("<0x{:02X}>", digit as u32)])?;
    }
    Ok(Template { start: tokenizer.encode_whole(START)?, levels, end: one(&NEW_LINES.map(str::to_owned))? })
}

/// Tokens of a title on its line: after the rating, as a word among others.
///
/// # Errors
/// With the reason of the `tokenizers` crate.
pub fn title(tokenizer: &Tokenizer, title: &str) -> Result<Vec<u32>> {
    // A new line would end it early.
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    // Byte-level pieces have the space before a word in it; SentencePiece puts one there by itself.
    let is_byte_level = tokenizer.id(NEW_LINES[0]).is_some();
    Ok(tokenizer.encode(&if is_byte_level { format!(" {title}") } else { title })?)
}
