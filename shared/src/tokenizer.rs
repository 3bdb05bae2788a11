//! How does a text become tokens? A byte-level BPE tokenizer in its serialised Hugging Face form.
//!
//! The catalogue of a package carries the tokens of every item, so that ranking needs no tokenizer;
//! it serves items that are added later.

use tokenizers::Tokenizer as HuggingFaceTokenizer;

/// A tokenizer that reads item texts.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    inner: HuggingFaceTokenizer,
}

/// Why a tokenizer could not be read or used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenizerError {
    Malformed { reason: String },
    Encode { reason: String },
    Decode { reason: String },
}

impl std::fmt::Display for TokenizerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Malformed { reason } => write!(f, "the tokenizer cannot be read: {reason}"),
            Self::Encode { reason } => write!(f, "the text cannot be tokenised: {reason}"),
            Self::Decode { reason } => write!(f, "the tokens are no text: {reason}"),
        }
    }
}

impl std::error::Error for TokenizerError {}

impl Tokenizer {
    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    /// [`TokenizerError::Malformed`] with the reason of the `tokenizers` crate.
    pub fn from_json(bytes: &[u8]) -> Result<Self, TokenizerError> {
        let malformed = |error: tokenizers::Error| TokenizerError::Malformed { reason: error.to_string() };
        let mut inner = HuggingFaceTokenizer::from_bytes(bytes).map_err(malformed)?;
        // Some are published as they were last used: cutting texts off, or filling them up.
        inner.with_padding(None);
        inner.with_truncation(None).map_err(malformed)?;
        Ok(Self { inner })
    }

    /// Tokens of `text`, without special tokens.
    ///
    /// # Errors
    /// [`TokenizerError::Encode`] with the reason of the `tokenizers` crate.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        self.inner
            .encode(text, false)
            .map(|encoding| encoding.get_ids().to_vec())
            .map_err(|error| TokenizerError::Encode { reason: error.to_string() })
    }

    /// Tokens of `text` as a whole text: with what the tokenizer puts before one.
    ///
    /// # Errors
    /// [`TokenizerError::Encode`] with the reason of the `tokenizers` crate.
    pub fn encode_whole(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        self.inner
            .encode(text, true)
            .map(|encoding| encoding.get_ids().to_vec())
            .map_err(|error| TokenizerError::Encode { reason: error.to_string() })
    }

    /// The token that is written so in the vocabulary.
    #[must_use]
    pub fn id(&self, spelling: &str) -> Option<u32> {
        self.inner.token_to_id(spelling)
    }

    /// The text of `tokens`, special ones left out and without space around it.
    ///
    /// # Errors
    /// [`TokenizerError::Decode`] with the reason of the `tokenizers` crate.
    pub fn decode(&self, tokens: &[u32]) -> Result<String, TokenizerError> {
        self.inner
            .decode(tokens, true)
            .map(|text| text.trim().to_owned())
            .map_err(|error| TokenizerError::Decode { reason: error.to_string() })
    }

    /// Number of tokens, special ones included.
    #[must_use]
    pub fn size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }
}
