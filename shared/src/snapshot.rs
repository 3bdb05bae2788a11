//! How does a [`Memory`] outlive the page? As bytes that only the same model and catalogue take back.
//!
//! Version, fingerprint and elements as words of 32 bits, then keys and values of every layer as f16: half the room of
//! f32, and finer than the integers that the attention of packed models rounds them to.

use burn::tensor::{Device, ExecutionError, Tensor, TensorData};
use half::f16;

use crate::{
    model::{KvCache, TransformerConfig},
    pass::{Element, Memory},
    score::read,
    vocabulary::items::ItemPosition,
};

/// Raise it when the layout changes: older snapshots are then refused.
const VERSION: u32 = 1;

/// Why bytes are no snapshot of what this engine reads; it then reads the history anew.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotError {
    /// Cut off, or never a snapshot.
    Malformed { reason: String },
    /// Of another package, model or build.
    Foreign,
}

impl std::fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Malformed { reason } => write!(f, "the snapshot is damaged: {reason}"),
            Self::Foreign => write!(f, "the snapshot is of another package or build"),
        }
    }
}

impl std::error::Error for SnapshotError {}

/// Words of an element.
const WORDS: usize = 5;

fn words(element: Element) -> [u32; WORDS] {
    match element {
        Element::Token(token) => [token, 0, 0, 0, 0],
        Element::Position(ItemPosition { item, intensity, asked, gap, era }) => {
            [item.map_or(0, |item| item + 1), intensity, asked, gap, era].map(|number| number as u32)
        }
    }
}

fn element(words: [u32; WORDS], is_token: bool) -> Element {
    if is_token {
        return Element::Token(words[0]);
    }
    let [item, intensity, asked, gap, era] = words.map(|word| word as usize);
    Element::Position(ItemPosition { item: item.checked_sub(1), intensity, asked, gap, era })
}

/// What `memory` holds, as bytes; nothing when it is empty. `fingerprint` pins model, template and catalogue.
///
/// # Errors
/// When the device fails.
pub async fn save(memory: &Memory, fingerprint: &str) -> Result<Option<Vec<u8>>, ExecutionError> {
    if memory.is_empty() {
        return Ok(None);
    }
    let is_token = matches!(memory.read().first(), Some(Element::Token(_)));
    let mut bytes = fingerprint.as_bytes().to_vec();
    let elements = memory.read().iter().flat_map(|&element| words(element));
    for word in [VERSION, u32::from(is_token), memory.len() as u32].into_iter().chain(elements) {
        bytes.extend(word.to_le_bytes());
    }
    for tensor in memory.cache.tensors() {
        let count = tensor.dims().iter().product::<usize>();
        for number in read(tensor.reshape([count])).await? {
            bytes.extend(f16::from_f32(number).to_le_bytes());
        }
    }
    Ok(Some(bytes))
}

/// The memory that [`save`] wrote for the same package.
///
/// # Errors
/// [`SnapshotError`]; no bytes make it panic.
pub fn restore(
    bytes: &[u8],
    fingerprint: &str,
    config: &TransformerConfig,
    device: &Device,
) -> Result<Memory, SnapshotError> {
    let malformed = |reason: &str| SnapshotError::Malformed { reason: reason.to_owned() };
    let rest = bytes.strip_prefix(fingerprint.as_bytes()).ok_or(SnapshotError::Foreign)?;
    let (head, rest) = rest.split_first_chunk::<12>().ok_or_else(|| malformed("no header"))?;
    let [version, is_token, length] = words_of(head);
    if version != VERSION {
        return Err(SnapshotError::Foreign);
    }
    let length = length as usize;
    let (elements, numbers) = length
        .checked_mul(WORDS * 4)
        .and_then(|bytes| rest.split_at_checked(bytes))
        .ok_or_else(|| malformed("a cut-off history"))?;
    let read = elements.as_chunks().0.iter();
    let read: Vec<Element> =
        read.map(|bytes: &[u8; WORDS * 4]| element(words_of(bytes), is_token != 0)).collect();
    let shape = [1, config.num_key_value_heads, length, config.head_size()];
    let count: usize = shape.iter().product();
    if count == 0 || numbers.len() != config.num_hidden_layers * 2 * count * 2 {
        return Err(malformed("keys and values of another length"));
    }
    let mut tensors = Vec::with_capacity(config.num_hidden_layers * 2);
    for part in numbers.chunks_exact(count * 2) {
        let values: Vec<f32> =
            part.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect();
        if !values.iter().all(|value| value.is_finite()) {
            return Err(malformed("a key or value that is no number"));
        }
        tensors.push(Tensor::<4>::from_data(TensorData::new(values, shape), device));
    }
    Ok(Memory::of(read, KvCache::from_tensors(tensors)))
}

fn words_of<const N: usize>(bytes: &[u8]) -> [u32; N] {
    let mut words = bytes.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word));
    std::array::from_fn(|_| words.next().unwrap_or_default())
}
