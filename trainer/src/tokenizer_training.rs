//! Where does a tokenizer come from? A byte-level BPE trained on the texts of a catalogue.

use anyhow::{Result, anyhow};
use shared::{catalog::Catalog, prompt};
use tokenizers::{
    AddedToken, Model as _, TokenizerBuilder,
    decoders::byte_level::ByteLevel as ByteLevelDecoder,
    models::bpe::{BPE, BpeTrainer},
    normalizers::NFC,
    pre_tokenizers::byte_level::ByteLevel,
    processors::byte_level::ByteLevel as ByteLevelProcessor,
};

/// Trains a tokenizer of at most `size` tokens and returns its `tokenizer.json`.
///
/// Every byte is a token, so that no text is unreadable; ids begin with the special tokens of the prompt.
///
/// # Errors
/// When the tokenizers crate refuses the texts.
pub fn train(catalog: &Catalog, size: usize) -> Result<Vec<u8>> {
    let specials = prompt::special_tokens().into_iter().map(|token| AddedToken::from(token, true)).collect();
    let mut trainer = BpeTrainer::builder()
        .vocab_size(size)
        .min_frequency(2)
        .show_progress(false)
        .special_tokens(specials)
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build();
    let mut tokenizer = TokenizerBuilder::new()
        .with_model(BPE::default())
        .with_normalizer(Some(NFC))
        .with_pre_tokenizer(Some(ByteLevel::new(true, true, true)))
        .with_post_processor(Some(ByteLevelProcessor::default()))
        .with_decoder(Some(ByteLevelDecoder::default()))
        .build()
        .map_err(|error| anyhow!("cannot build a tokenizer: {error}"))?;
    let texts = catalog.items().iter().map(shared::catalog::Item::model_text);
    tokenizer.train(&mut trainer, texts).map_err(|error| anyhow!("cannot train the tokenizer: {error}"))?;
    debug_assert!(tokenizer.get_model().get_vocab_size() <= size.max(300));
    Ok(tokenizer
        .to_string(false)
        .map_err(|error| anyhow!("cannot write the tokenizer: {error}"))?
        .into_bytes())
}
