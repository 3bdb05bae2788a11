//! Is this a package, and what is in it? Bytes in, validated parts or the first broken rule out; never a panic.

use std::collections::{BTreeMap, BTreeSet};

use half::f16;

use super::{
    CATALOG, CATALOG_BYTES, CatalogFile, FORMAT, FileEntry, HISTORY_TOKENS, ITEM_TOKENS, MANIFEST_BYTES,
    Manifest, PackageError, Quantisation, SHARD_BYTES, TOKENIZER, TOKENIZER_BYTES, TOTAL_BYTES, TensorEntry,
    rows_and_columns, sha256_hex, tensor_bytes,
};
use crate::{
    catalog::{Catalog, Item},
    prompt,
    quant::QuantisedMatrix,
    vocabulary::VocabularyConfig,
    weights::{Weight, Weights},
};

/// The validated parts of a package.
#[derive(Clone, Debug)]
pub struct Package {
    /// What pins model, template, catalogue and signals: the hash of the manifest, which holds those of the files.
    pub fingerprint: String,
    pub manifest: Manifest,
    pub catalog: Catalog,
    /// Tokens of every item's text, in catalogue order.
    pub texts: Vec<Vec<u32>>,
    /// Weights that are stored as floats.
    pub weights: Weights,
    /// Weights that are stored in blocks of small integers.
    pub matrices: BTreeMap<String, QuantisedMatrix>,
    pub tokenizer_json: Vec<u8>,
    /// Items that were added after the export.
    pub(super) arrivals: usize,
}

impl Manifest {
    /// Reads and checks a manifest alone, so that a download knows what to fetch.
    ///
    /// # Errors
    /// The first rule that the manifest breaks.
    pub fn read(bytes: &[u8]) -> Result<Self, PackageError> {
        limit("manifest.json", bytes.len(), MANIFEST_BYTES)?;
        // The version comes first: another version may well have other fields.
        #[derive(serde::Deserialize)]
        struct Version {
            format: u32,
        }
        let malformed =
            |error: serde_json::Error| PackageError::ManifestMalformed { reason: error.to_string() };
        let Version { format } = serde_json::from_slice(bytes).map_err(malformed)?;
        if format != FORMAT {
            return Err(PackageError::Version { got: format });
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(malformed)?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), PackageError> {
        self.model.validate().map_err(PackageError::Config)?;
        self.signals.validate().map_err(PackageError::Signals)?;
        if matches!(&self.model.vocabulary, VocabularyConfig::Items(items) if !items.is_complete) {
            return Err(PackageError::Incomplete);
        }
        if self.template != prompt::TEMPLATE {
            return Err(PackageError::UnknownTemplate { got: self.template.clone() });
        }
        if self.unmet_bias.is_some_and(|bias| !bias.is_finite()) {
            return Err(PackageError::NotFinite { tensor: "unmet_bias".to_owned() });
        }
        let mut paths = BTreeSet::new();
        let mut total = 0_usize;
        for file in &self.files {
            let is_plain = !file.path.is_empty()
                && !file.path.starts_with('.')
                && file.path.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
            if !is_plain {
                return Err(PackageError::BadPath { path: file.path.clone() });
            }
            if !paths.insert(file.path.as_str()) {
                return Err(PackageError::DuplicateFile { path: file.path.clone() });
            }
            let most = match file.path.as_str() {
                CATALOG => CATALOG_BYTES,
                TOKENIZER => TOKENIZER_BYTES,
                _ => SHARD_BYTES,
            };
            limit(&file.path, file.bytes, most)?;
            total = total.saturating_add(file.bytes);
        }
        limit("the package", total, TOTAL_BYTES)?;
        for path in [CATALOG, TOKENIZER] {
            if !paths.contains(path) {
                return Err(PackageError::FileMissing { path: path.to_owned() });
            }
        }
        // Before anything is built: each layer has nine weights at least.
        let (expected, tensors) = (self.model.transformer.num_hidden_layers, self.tensors.len());
        if tensors / 9 < expected {
            return Err(PackageError::LayerCount { expected, tensors });
        }
        let mut names = BTreeSet::new();
        let mut expected = 0_usize;
        for tensor in &self.tensors {
            if !names.insert(tensor.name.as_str()) {
                return Err(PackageError::DuplicateTensor { name: tensor.name.clone() });
            }
            let bytes = tensor_bytes(tensor)
                .ok_or_else(|| PackageError::TensorShape { name: tensor.name.clone() })?;
            expected = expected.saturating_add(bytes);
        }
        let got = self.shards().map(|file| file.bytes).sum();
        if expected != got {
            return Err(PackageError::WeightBytes { expected, got });
        }
        Ok(())
    }

    /// The weight files in the order of the stream.
    fn shards(&self) -> impl Iterator<Item = &FileEntry> {
        self.files.iter().filter(|file| file.path != CATALOG && file.path != TOKENIZER)
    }
}

impl Package {
    /// All weights as floats.
    #[must_use]
    pub fn floats(&self) -> Weights {
        let matrices = self.matrices.iter().map(|(name, matrix)| (name.clone(), Weight::from(matrix)));
        self.weights.clone().into_iter().chain(matrices).collect()
    }

    /// Reads a package from its files by name (the manifest included).
    ///
    /// # Errors
    /// As of [`Reader`], and [`PackageError::FileMissing`].
    ///
    /// # Example
    /// ```
    /// use shared::package::{Package, PackageError};
    /// let error = Package::read(&[("manifest.json".to_owned(), b"{}".to_vec())].into()).unwrap_err();
    /// assert!(matches!(error, PackageError::ManifestMalformed { .. }));
    /// ```
    pub fn read(files: &BTreeMap<String, Vec<u8>>) -> Result<Self, PackageError> {
        let file =
            |path: &str| files.get(path).ok_or_else(|| PackageError::FileMissing { path: path.to_owned() });
        let mut reader = Reader::new(file(super::MANIFEST)?)?;
        while let Some(wanted) = reader.wanted() {
            let bytes = file(&wanted.path)?;
            reader.take(bytes)?;
        }
        reader.finish()
    }
}

/// A package whose files come one after another: each is checked and taken apart before the next is there, so that a large
/// model is held once.
///
/// # Example
/// ```
/// use shared::package::{Package, PackageError, Reader};
/// fn open(download: impl Fn(&str) -> Vec<u8>) -> Result<Package, PackageError> {
///     let mut reader = Reader::new(&download("manifest.json"))?;
///     while let Some(file) = reader.wanted() {
///         let bytes = download(&file.path);
///         reader.take(&bytes)?;
///     }
///     reader.finish()
/// }
/// assert!(matches!(open(|_| b"{}".to_vec()), Err(PackageError::ManifestMalformed { .. })));
/// ```
#[derive(Debug)]
pub struct Reader {
    fingerprint: String,
    manifest: Manifest,
    /// How many files were taken.
    taken: usize,
    catalog: Option<(Catalog, Vec<Vec<u32>>)>,
    tokenizer_json: Vec<u8>,
    weights: Weights,
    matrices: BTreeMap<String, QuantisedMatrix>,
    /// How many tensors are whole, and what is there of the next.
    whole: usize,
    begun: Vec<u8>,
}

impl Reader {
    /// # Errors
    /// The first rule that the manifest breaks.
    pub fn new(manifest: &[u8]) -> Result<Self, PackageError> {
        Ok(Self {
            fingerprint: sha256_hex(manifest),
            manifest: Manifest::read(manifest)?,
            taken: 0,
            catalog: None,
            tokenizer_json: Vec::new(),
            weights: Weights::new(),
            matrices: BTreeMap::new(),
            whole: 0,
            begun: Vec::new(),
        })
    }

    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The file that has to come next; none when all are there.
    #[must_use]
    pub fn wanted(&self) -> Option<&FileEntry> {
        self.manifest.files.get(self.taken)
    }

    /// Takes the bytes of the file that is wanted; without one they are nobody's.
    ///
    /// # Errors
    /// The first rule that is broken; nothing is used before its hash is checked.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), PackageError> {
        let Some(file) = self.wanted() else { return Ok(()) };
        if bytes.len() != file.bytes {
            let path = file.path.clone();
            return Err(PackageError::FileSize { path, expected: file.bytes, got: bytes.len() });
        }
        if sha256_hex(bytes) != file.sha256 {
            return Err(PackageError::FileHash { path: file.path.clone() });
        }
        match file.path.as_str() {
            CATALOG => self.catalog = Some(read_catalog(bytes, &self.manifest)?),
            TOKENIZER => bytes.clone_into(&mut self.tokenizer_json),
            _ => self.take_weights(bytes)?,
        }
        self.taken += 1;
        Ok(())
    }

    /// Tensors lie one after another, whatever files they are in.
    fn take_weights(&mut self, mut bytes: &[u8]) -> Result<(), PackageError> {
        while let Some(tensor) = self.manifest.tensors.get(self.whole) {
            let shape = || PackageError::TensorShape { name: tensor.name.clone() };
            let missing = tensor_bytes(tensor).ok_or_else(shape)? - self.begun.len();
            let (own, others) = bytes.split_at(missing.min(bytes.len()));
            // In one piece, where there is room for it.
            self.begun.try_reserve_exact(missing).map_err(|_| shape())?;
            self.begun.extend_from_slice(own);
            if own.len() < missing {
                return Ok(());
            }
            bytes = others;
            self.whole += 1;
            let own = std::mem::take(&mut self.begun);
            let not_finite = || PackageError::NotFinite { tensor: tensor.name.clone() };
            if let Some(bits) = tensor.encoding.bits() {
                let (rows, columns) = rows_and_columns(&tensor.shape).ok_or_else(shape)?;
                // Its length was checked: what is left to be wrong is a scale.
                let matrix = QuantisedMatrix::from_bytes(own, rows, columns, bits);
                self.matrices.insert(tensor.name.clone(), matrix.ok_or_else(not_finite)?);
                continue;
            }
            let values = decode(tensor, &own);
            if values.iter().any(|value| !value.is_finite()) {
                return Err(not_finite());
            }
            self.weights.insert(tensor.name.clone(), Weight { shape: tensor.shape.clone(), values });
        }
        Ok(())
    }

    /// The package, when all files were taken.
    ///
    /// # Errors
    /// [`PackageError::FileMissing`] with the first that was not, [`PackageError::SelfTest`].
    pub fn finish(self) -> Result<Package, PackageError> {
        let missing = |path: &str| PackageError::FileMissing { path: path.to_owned() };
        if let Some(file) = self.wanted() {
            return Err(missing(&file.path));
        }
        let Self { fingerprint, manifest, catalog, tokenizer_json, weights, matrices, .. } = self;
        let (catalog, texts) = catalog.ok_or_else(|| missing(CATALOG))?;
        for (question, test) in manifest.self_test.iter().enumerate() {
            let items = test
                .history
                .iter()
                .map(|interaction| interaction.item)
                .chain(test.candidates.iter().copied());
            let is_known = items.max().is_none_or(|largest| largest < catalog.len());
            if !is_known || test.scores.len() != test.candidates.len() {
                return Err(PackageError::SelfTest { question: question + 1 });
            }
        }
        Ok(Package { fingerprint, manifest, catalog, texts, weights, matrices, tokenizer_json, arrivals: 0 })
    }
}

fn limit(what: &str, got: usize, limit: usize) -> Result<(), PackageError> {
    if got > limit {
        return Err(PackageError::TooLarge { what: what.to_owned(), got, limit });
    }
    Ok(())
}

/// `catalog.json` by itself: the items, and the tokens of each.
///
/// # Errors
/// [`PackageError::CatalogMalformed`], [`PackageError::Catalog`].
pub fn parse_catalog(bytes: &[u8]) -> Result<(Catalog, Vec<Vec<u32>>), PackageError> {
    let file: CatalogFile = serde_json::from_slice(bytes)
        .map_err(|error| PackageError::CatalogMalformed { reason: error.to_string() })?;
    let (items, texts) = file.items.into_iter().map(|entry| (entry.item, entry.tokens)).unzip();
    Ok((Catalog::new(items).map_err(PackageError::Catalog)?, texts))
}

fn read_catalog(bytes: &[u8], manifest: &Manifest) -> Result<(Catalog, Vec<Vec<u32>>), PackageError> {
    let (catalog, texts) = parse_catalog(bytes)?;
    let (expected, tokens) = match &manifest.model.vocabulary {
        VocabularyConfig::Items(config) => (config.items, config.tokens),
        VocabularyConfig::Tokens(config) => (catalog.len(), config.tokens),
    };
    if catalog.len() != expected {
        return Err(PackageError::ItemCount { expected, got: catalog.len() });
    }
    for (item, text) in catalog.items().iter().zip(&texts) {
        check_text(item, text, tokens)?;
    }
    check_titles(manifest, &texts)?;
    Ok((catalog, texts))
}

/// Tokens of an item's text are there, not too many, and of those that the model has.
pub(super) fn check_text(item: &Item, text: &[u32], tokens: usize) -> Result<(), PackageError> {
    if text.is_empty() {
        return Err(PackageError::NoTokens { item: item.id.clone() });
    }
    if text.len() > ITEM_TOKENS {
        return Err(PackageError::TooManyTokens { item: item.id.clone(), got: text.len() });
    }
    match text.iter().find(|&&token| token as usize >= tokens) {
        Some(&token) => Err(PackageError::UnknownToken { item: item.id.clone(), token }),
        None => Ok(()),
    }
}

/// A history of the longest titles is not too long to be read.
pub(super) fn check_titles(manifest: &Manifest, texts: &[Vec<u32>]) -> Result<(), PackageError> {
    let title = texts.iter().map(Vec::len).max().unwrap_or(0);
    let context = manifest.model.context;
    let is_read = matches!(manifest.model.vocabulary, VocabularyConfig::Tokens(_));
    // Every title has a level before it and an end after it.
    if is_read && context.saturating_mul(title + 2) > HISTORY_TOKENS {
        return Err(PackageError::LongHistory { context, title });
    }
    Ok(())
}

/// Floats of a tensor that is not in blocks.
fn decode(tensor: &TensorEntry, bytes: &[u8]) -> Vec<f32> {
    match tensor.encoding {
        Quantisation::F16 => bytes.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect(),
        _ => bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
    }
}
