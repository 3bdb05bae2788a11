//! How does what a shop took in after training come into a package that was made before? By its text: an item that no
//! training met is ranked from the tokens it is made of, so that the vectors of new items need no trainer.

use super::{
    PackageError, QuantisedMatrix, TEXT_TOKENS, parse_catalog,
    reader::{check_text, check_titles},
    sha256_hex,
};
use crate::{catalog::Item, package::Package, vocabulary::VocabularyConfig, weights::Weight};

const ITEMS: &str = "items.item.weight";
const TEXTS: &str = "items.text.weight";
const BIAS: &str = "items.bias";

impl Package {
    /// Takes in the items of a newer catalogue: those that it knows with their new fields, those that it does not know
    /// behind them, with vectors made from their texts. Nothing is taken out: `available` says what the shop has.
    ///
    /// `catalog_json` is written as a package's `catalog.json` is, tokens apart, which are not read. `encode` is the
    /// package's tokenizer. A new item's vector is `Σ token vectors / √n`, as that of an item that training never met, with
    /// the bias that such items were given ([`super::Manifest::unmet_bias`]).
    ///
    /// # Errors
    /// [`PackageError::CatalogMalformed`], [`PackageError::Catalog`], and what a text may break; the package is as it was.
    pub fn take_in(
        &mut self,
        catalog_json: &[u8],
        mut encode: impl FnMut(&str) -> Vec<u32>,
    ) -> Result<(), PackageError> {
        let (newer, _) = parse_catalog(catalog_json)?;
        let mut texts = Vec::new();
        for item in newer.items().iter().filter(|item| self.catalog.index(&item.id).is_none()) {
            let mut tokens = encode(&self.text_of(item)?);
            tokens.truncate(TEXT_TOKENS);
            check_text(item, &tokens, self.manifest.model.vocabulary.tokens())?;
            texts.push(tokens);
        }
        check_titles(&self.manifest, &texts)?;
        // Without new items all that the model knows is as before, and so is what was read of a history.
        if !texts.is_empty() {
            if matches!(self.manifest.model.vocabulary, VocabularyConfig::Items(_)) {
                self.add_vectors(&texts)?;
            }
            self.arrivals += texts.len();
            self.texts.extend(texts);
            self.fingerprint = sha256_hex(&[self.fingerprint.as_bytes(), catalog_json].concat());
        }
        self.catalog.update(newer);
        Ok(())
    }

    /// How many items the package was not exported with.
    #[must_use]
    pub fn arrivals(&self) -> usize {
        self.arrivals
    }

    /// What the model reads of an item.
    fn text_of(&self, item: &Item) -> Result<String, PackageError> {
        match &self.manifest.model.vocabulary {
            VocabularyConfig::Items(_) => Ok(item.model_text()),
            VocabularyConfig::Tokens(tokens) if tokens.template.is_default() => Ok(item.title.clone()),
            // Its tokenizer is its own, and so is how a title is written.
            VocabularyConfig::Tokens(_) => Err(PackageError::NoArrivals),
        }
    }

    /// Rows of the item table and of the bias for new texts.
    fn add_vectors(&mut self, texts: &[Vec<u32>]) -> Result<(), PackageError> {
        let missing = |name: &str| PackageError::TensorShape { name: name.to_owned() };
        let vectors = match self.matrices.get(TEXTS) {
            Some(matrix) => Weight::from(matrix),
            None => self.weights.get(TEXTS).cloned().ok_or_else(|| missing(TEXTS))?,
        };
        let [_, width] = vectors.shape[..] else { return Err(missing(TEXTS)) };
        // Nobody has looked yet whether the tensors are those of a model.
        let known = self.texts.len();
        let table = self.matrices.get(ITEMS).map(|matrix| vec![matrix.rows, matrix.columns]);
        let table = table.or_else(|| Some(self.weights.get(ITEMS)?.shape.clone()));
        if table.is_none_or(|shape| shape != [known, width]) {
            return Err(missing(ITEMS));
        }
        let mut rows = Vec::with_capacity(texts.len() * width);
        for text in texts {
            let mut bag = vec![0.0; width];
            for &token in text {
                let start = token as usize * width;
                let vector = vectors.values.get(start..start + width).ok_or_else(|| missing(TEXTS))?;
                bag.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
            }
            let weight = 1.0 / (text.len() as f32).sqrt();
            rows.extend(bag.into_iter().map(|sum| sum * weight));
        }
        let bias =
            self.weights.get(BIAS).filter(|bias| bias.shape == [known]).ok_or_else(|| missing(BIAS))?;
        // Where none was measured: as the least popular item that training met.
        let least = bias.values.iter().copied().fold(f32::INFINITY, f32::min);
        let unmet = self.manifest.unmet_bias.unwrap_or(least);
        let items = known + texts.len();
        if let Some(matrix) = self.matrices.get_mut(ITEMS) {
            matrix.append(&QuantisedMatrix::new(&rows, texts.len(), width, matrix.bits));
        } else {
            let table = self.weights.get_mut(ITEMS).ok_or_else(|| missing(ITEMS))?;
            table.values.extend(rows);
            table.shape[0] = items;
        }
        // Nothing fails from here on.
        if let Some(bias) = self.weights.get_mut(BIAS) {
            bias.values.resize(items, unmet);
            bias.shape[0] = items;
        }
        if let VocabularyConfig::Items(config) = &mut self.manifest.model.vocabulary {
            config.items = items;
        }
        Ok(())
    }
}
