//! Which items does the shop have? The validated table from item id to title and public fields.
//!
//! It holds nothing that may not reach a browser: cost, margin and stock depth have no field here.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

/// One item of a shop, as the browser may see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Item {
    /// The shop's own id, unique in the catalogue.
    pub id: String,
    /// What the shop calls the item.
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// From general to special, for example `["Women", "Coats"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub category: Vec<String>,
    /// Price in minor units (cents).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<i64>,
    /// ISO 4217 code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Items that are not available are never recommended.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub available: bool,
    /// Address of a picture, relative to the shop's page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Address of the item's page, relative to the shop's page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Further attributes, for example colour and material.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attrs: BTreeMap<String, String>,
    /// A description for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What variants of one product have in common, for example the product's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Other names of the item in the shop's events; the trainer and the recorder in a page know them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gtin: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mpn: Option<String>,
    /// Price before a reduction, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_price: Option<i64>,
    /// Mean of the stars that others gave, and how many did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating_n: Option<u32>,
    /// Since when the shop has it, in milliseconds since 1970-01-01 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<i64>,
    /// For the shop's rules, for example `new`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// How much the shop wants it seen, coarsely: −2 to 2.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub boost: i8,
}

fn is_zero(value: &i8) -> bool {
    *value == 0
}

fn yes() -> bool {
    true
}

fn is_true(value: &bool) -> bool {
    *value
}

/// An available item without id and title.
impl Default for Item {
    fn default() -> Self {
        Self {
            id: String::new(),
            title: String::new(),
            brand: None,
            category: Vec::new(),
            price: None,
            currency: None,
            available: true,
            image: None,
            url: None,
            attrs: BTreeMap::new(),
            text: None,
            group: None,
            sku: None,
            gtin: None,
            mpn: None,
            list_price: None,
            rating: None,
            rating_n: None,
            created: None,
            tags: Vec::new(),
            boost: 0,
        }
    }
}

impl Item {
    /// The text that the model reads: title, brand, categories and attributes, in that order.
    #[must_use]
    pub fn model_text(&self) -> String {
        let mut text = self.title.clone();
        let rest = self.brand.iter().chain(&self.category).chain(self.attrs.values());
        for part in rest {
            text.push(' ');
            text.push_str(part);
        }
        text
    }
}

/// Why a list of items is no catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CatalogError {
    Empty,
    EmptyId { row: usize },
    EmptyTitle { id: String },
    DuplicateId { id: String },
}

impl std::fmt::Display for CatalogError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => write!(f, "the catalogue has no items"),
            Self::EmptyId { row } => write!(f, "item {row} (counted from 1) has an empty id"),
            Self::EmptyTitle { id } => write!(f, "item {id:?} has an empty title"),
            Self::DuplicateId { id } => write!(f, "item id {id:?} occurs twice"),
        }
    }
}

impl std::error::Error for CatalogError {}

/// The items of a shop in a fixed order; a position in it is what the model calls an item index.
#[derive(Clone, Debug, PartialEq)]
pub struct Catalog {
    items: Vec<Item>,
    index_by_id: HashMap<String, usize>,
}

impl Catalog {
    /// # Errors
    /// Names the first empty id or title and the first id that occurs twice.
    ///
    /// # Example
    /// ```
    /// use shared::catalog::{Catalog, Item};
    /// let scarf = Item { id: "s1".into(), title: "Silk scarf".into(), ..Item::default() };
    /// let catalog = Catalog::new(vec![scarf])?;
    /// assert_eq!(catalog.index("s1"), Some(0));
    /// # Ok::<(), shared::catalog::CatalogError>(())
    /// ```
    pub fn new(items: Vec<Item>) -> Result<Self, CatalogError> {
        if items.is_empty() {
            return Err(CatalogError::Empty);
        }
        let mut index_by_id = HashMap::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            if item.id.is_empty() {
                return Err(CatalogError::EmptyId { row: index + 1 });
            }
            if item.title.trim().is_empty() {
                return Err(CatalogError::EmptyTitle { id: item.id.clone() });
            }
            if index_by_id.insert(item.id.clone(), index).is_some() {
                return Err(CatalogError::DuplicateId { id: item.id.clone() });
            }
        }
        Ok(Self { items, index_by_id })
    }

    /// Takes over the items of another catalogue: in the place of those with the same id, else behind all others.
    pub(crate) fn update(&mut self, newer: Self) {
        for item in newer.items {
            if let Some(&index) = self.index_by_id.get(&item.id) {
                self.items[index] = item;
            } else {
                self.index_by_id.insert(item.id.clone(), self.items.len());
                self.items.push(item);
            }
        }
    }

    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a catalogue is never empty")]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    #[must_use]
    pub fn index(&self, id: &str) -> Option<usize> {
        self.index_by_id.get(id).copied()
    }

    /// The item whose title equals `title` but for case and surrounding space; the first of several.
    #[must_use]
    pub fn index_by_title(&self, title: &str) -> Option<usize> {
        let wanted = title.trim().to_lowercase();
        self.items.iter().position(|item| item.title.trim().to_lowercase() == wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(id: &str, title: &str) -> Item {
        Item { id: id.into(), title: title.into(), available: true, ..Item::default() }
    }

    #[test]
    fn each_broken_rule_has_its_own_error() {
        assert_eq!(Catalog::new(vec![]), Err(CatalogError::Empty));
        assert_eq!(Catalog::new(vec![item("", "t")]), Err(CatalogError::EmptyId { row: 1 }));
        assert_eq!(Catalog::new(vec![item("a", " ")]), Err(CatalogError::EmptyTitle { id: "a".into() }));
        assert_eq!(
            Catalog::new(vec![item("a", "t"), item("a", "u")]),
            Err(CatalogError::DuplicateId { id: "a".into() })
        );
    }

    #[test]
    fn model_text_holds_title_brand_category_and_attributes() {
        let mut coat = item("c", "Wool coat");
        coat.brand = Some("Aurelle".into());
        coat.category = vec!["Women".into(), "Coats".into()];
        coat.attrs.insert("colour".into(), "camel".into());
        assert_eq!(coat.model_text(), "Wool coat Aurelle Women Coats camel");
    }

    #[test]
    fn an_item_needs_only_id_and_title() {
        let item: Item = serde_json::from_str(r#"{"id":"1","title":"Heat (1995)"}"#).unwrap();
        assert!(item.available);
    }
}
