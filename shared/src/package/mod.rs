//! What does the browser download? A folder of files that a manifest describes and pins.
//!
//! ```text
//! manifest.json      format, recipe, model config, tensors, self-test, and path + bytes + SHA-256 of:
//! weights-000.bin    one stream of tensors in the manifest's order, cut every 4 MiB
//! weights-001.bin    …
//! catalog.json       public items, each with the tokens of its text: ranking needs no tokenizer
//! tokenizer.json     for items that are added later
//! ```
//!
//! Writing is deterministic: the same input gives the same bytes. The reader trusts nothing: every length is
//! checked before it is used, every file is hashed, and the first broken rule is named.
//!
//! Limits: manifest 4 MiB, shard 4 MiB, catalogue 256 MiB, tokenizer 64 MiB, all files together 2 GiB.

mod arrivals;
mod reader;
mod writer;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    catalog::{CatalogError, Item},
    interaction::Interaction,
    model::ConfigError,
    quant::{Bits, QuantisedMatrix},
    signals::{SignalsConfig, SignalsError},
    vocabulary::ModelConfig,
};

pub use reader::{Package, Reader, parse_catalog};
pub use writer::PackageParts;

/// Version of the format that this build writes and reads.
pub const FORMAT: u32 = 3;
pub const MANIFEST: &str = "manifest.json";
pub const CATALOG: &str = "catalog.json";
pub const TOKENIZER: &str = "tokenizer.json";
pub const SHARD_BYTES: usize = 4 << 20;
/// A manifest that is longer is none.
pub const MANIFEST_BYTES: usize = 4 << 20;
const CATALOG_BYTES: usize = 256 << 20;
const TOKENIZER_BYTES: usize = 64 << 20;
const TOTAL_BYTES: usize = 2 << 30;
/// Tokens of the longest history that the token vocabulary may have to read: what sees what is their square.
const HISTORY_TOKENS: usize = 8192;
/// Most tokens of one item's text: every item is padded to the longest.
const ITEM_TOKENS: usize = 1024;
/// Tokens of an item that a model of ours reads: one endless attribute must not cost all the others.
pub const TEXT_TOKENS: usize = 64;

/// How matrices are stored; vectors (norms, biases) are always f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantisation {
    F32,
    F16,
    Q8,
    Q4,
}

impl Quantisation {
    /// How many bits a weight has where matrices are packed in blocks.
    #[must_use]
    pub fn bits(self) -> Option<Bits> {
        match self {
            Self::Q8 => Some(Bits::Eight),
            Self::Q4 => Some(Bits::Four),
            Self::F32 | Self::F16 => None,
        }
    }
}

/// Everything about a package but the bytes of its other files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: u32,
    /// `compact` or `text`.
    pub recipe: String,
    /// Prompt template of the token vocabulary.
    pub template: String,
    pub model: ModelConfig,
    /// The bias of items that training never met, where some were measured: that of items that are added later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmet_bias: Option<f32>,
    pub quantisation: Quantisation,
    /// Whether items of the history are left out of recommendations.
    pub exclude_seen: bool,
    /// What the visitor's events mean; packages from before they could be chosen have the defaults.
    #[serde(default)]
    pub signals: SignalsConfig,
    pub tensors: Vec<TensorEntry>,
    pub files: Vec<FileEntry>,
    /// Questions with the answers that the exporting machine gave.
    pub self_test: Vec<SelfTest>,
    /// What the model reached on held-out data, by metric name.
    pub evaluation: BTreeMap<String, f64>,
    /// What it was made from and by what.
    pub provenance: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorEntry {
    pub name: String,
    pub shape: Vec<usize>,
    pub encoding: Quantisation,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    pub path: String,
    pub bytes: usize,
    /// Lower-case hexadecimal.
    pub sha256: String,
}

/// One question of the numerical self-test that a device must pass before it may answer visitors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfTest {
    pub history: Vec<Interaction>,
    pub candidates: Vec<usize>,
    /// log π of each candidate.
    pub scores: Vec<f32>,
}

/// The catalogue as a file: items with the tokens that the model reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CatalogFile {
    items: Vec<CatalogEntry>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct CatalogEntry {
    #[serde(flatten)]
    item: Item,
    #[serde(default)]
    tokens: Vec<u32>,
}

/// Which rule a package breaks.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PackageError {
    ManifestMalformed { reason: String },
    Version { got: u32 },
    Config(ConfigError),
    Signals(SignalsError),
    Incomplete,
    TooLarge { what: String, got: usize, limit: usize },
    BadPath { path: String },
    DuplicateFile { path: String },
    FileMissing { path: String },
    FileSize { path: String, expected: usize, got: usize },
    FileHash { path: String },
    CatalogMalformed { reason: String },
    Catalog(CatalogError),
    ItemCount { expected: usize, got: usize },
    NoTokens { item: String },
    UnknownToken { item: String, token: u32 },
    TooManyTokens { item: String, got: usize },
    LongHistory { context: usize, title: usize },
    LayerCount { expected: usize, tensors: usize },
    UnknownTemplate { got: String },
    TensorShape { name: String },
    DuplicateTensor { name: String },
    WeightBytes { expected: usize, got: usize },
    NotFinite { tensor: String },
    SelfTest { question: usize },
    NoArrivals,
}

impl std::fmt::Display for PackageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ManifestMalformed { reason } => write!(f, "manifest.json cannot be read: {reason}"),
            Self::Version { got } => write!(f, "package format {got}, this build reads format {FORMAT}"),
            Self::Config(error) => write!(f, "manifest.json: {error}"),
            Self::Signals(error) => write!(f, "manifest.json: signals: {error}"),
            Self::TooLarge { what, got, limit } => write!(f, "{what} has {got} bytes, the limit is {limit}"),
            Self::BadPath { path } => write!(f, "file name {path:?} is not a plain name"),
            Self::DuplicateFile { path } => write!(f, "file {path} is listed twice"),
            Self::FileMissing { path } => write!(f, "file {path} is missing"),
            Self::FileSize { path, expected, got } => {
                write!(f, "file {path} has {got} bytes, expected {expected}")
            }
            Self::FileHash { path } => {
                write!(f, "file {path} does not have the SHA-256 that the manifest names")
            }
            Self::CatalogMalformed { reason } => write!(f, "catalog.json cannot be read: {reason}"),
            Self::Catalog(error) => write!(f, "catalog.json: {error}"),
            Self::ItemCount { expected, got } => {
                write!(f, "catalog.json has {got} items, the model has {expected}")
            }
            Self::NoTokens { item } => write!(f, "catalog.json: item {item:?} has no tokens"),
            Self::UnknownToken { item, token } => {
                write!(f, "catalog.json: item {item:?} has token {token}, which the model lacks")
            }
            Self::TooManyTokens { item, got } => {
                write!(f, "catalog.json: item {item:?} has {got} tokens, the limit is {ITEM_TOKENS}")
            }
            Self::LongHistory { context, title } => write!(
                f,
                "{context} interactions with titles of up to {title} tokens make a history of more than \
                 {HISTORY_TOKENS}: shorten the titles or the context"
            ),
            Self::LayerCount { expected, tensors } => {
                write!(f, "{tensors} tensors cannot make {expected} layers")
            }
            Self::UnknownTemplate { got } => write!(f, "prompt template {got:?} is unknown to this build"),
            Self::TensorShape { name } => write!(f, "tensor {name} has an impossible shape"),
            Self::DuplicateTensor { name } => write!(f, "tensor {name} is listed twice"),
            Self::WeightBytes { expected, got } => {
                write!(f, "the weight shards hold {got} bytes, the tensors need {expected}")
            }
            Self::NotFinite { tensor } => {
                write!(f, "tensor {tensor} holds a value that is not a number, or none of its encoding")
            }
            Self::SelfTest { question } => {
                write!(
                    f,
                    "question {question} of the self-test names items that the catalogue lacks, or lacks their scores"
                )
            }
            Self::Incomplete => write!(f, "the items' vectors lack their texts; export the model anew"),
            Self::NoArrivals => {
                write!(
                    f,
                    "a model that was published elsewhere takes no new items in a browser; export it anew"
                )
            }
        }
    }
}

impl std::error::Error for PackageError {}

/// Number of bytes a tensor takes, `None` when the shape is impossible.
fn tensor_bytes(entry: &TensorEntry) -> Option<usize> {
    let (rows, columns) = rows_and_columns(&entry.shape)?;
    let count = rows.checked_mul(columns)?;
    let bytes = match entry.encoding {
        Quantisation::F32 => count.checked_mul(4)?,
        Quantisation::F16 => count.checked_mul(2)?,
        Quantisation::Q8 => QuantisedMatrix::byte_count(rows, columns, Bits::Eight)?,
        Quantisation::Q4 => QuantisedMatrix::byte_count(rows, columns, Bits::Four)?,
    };
    (bytes <= TOTAL_BYTES).then_some(bytes)
}

fn rows_and_columns(shape: &[usize]) -> Option<(usize, usize)> {
    match *shape {
        [columns] if columns > 0 => Some((1, columns)),
        [rows, columns] if rows > 0 && columns > 0 => Some((rows, columns)),
        _ => None,
    }
}

fn sha256_hex(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    use std::fmt::Write;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
