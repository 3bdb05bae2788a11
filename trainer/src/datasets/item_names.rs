//! Which item of the catalogue does an event mean? Shops name one thing by product, variant, SKU, GTIN, part number or
//! handle; this is what `web/js/catalogue-ids.js` does in a page, and `tests/fixtures/item-names.json` holds for both.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

/// Under which keys a line, or its `attrs`, or one of its variants, may hold each kind of name; the surest kind first.
const KINDS: [&[&str]; 6] = [
    &["sku", "merchant_sku"],
    &["gtin", "gtin8", "gtin12", "gtin13", "gtin14", "ean", "upc", "isbn", "barcode"],
    &["mpn"],
    &["variant", "variant_id"],
    &["group", "item_group_id", "product_id"],
    &["handle"],
];
const GTIN: usize = 1;
const VARIANT: usize = 3;
/// Kinds that several lines of a catalogue of variants share: the first of them stands for all.
const GROUP: usize = 4;
const HANDLE: usize = KINDS.len() - 1;
/// Products that a shop sells in several sizes and colours have a list of them.
const VARIANTS: &str = "variants";

/// The names of all items; an item is its position among those added.
#[derive(Default)]
pub struct ItemNames {
    ids: HashMap<String, usize>,
    /// One map for each kind; `None`: of several items, so that nobody knows.
    others: [HashMap<String, Option<usize>>; KINDS.len()],
}

impl ItemNames {
    /// Whether a key of a line holds names of the item.
    #[must_use]
    pub fn has_key(key: &str) -> bool {
        key == VARIANTS || KINDS.iter().any(|names| names.contains(&key))
    }

    /// Learns the names in the line of the item `id`, at `position` of the catalogue.
    pub fn add(&mut self, id: &str, line: &Map<String, Value>, position: usize) {
        self.ids.insert(id.to_owned(), position);
        let attrs = line.get("attrs").and_then(Value::as_object);
        let variants = line.get(VARIANTS).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let holders = [Some(line), attrs].into_iter().chain(variants.iter().map(Value::as_object));
        for holder in holders.flatten() {
            for (kind, keys) in KINDS.iter().enumerate() {
                for name in keys.iter().filter_map(|&key| holder.get(key)) {
                    self.learn(kind, name, position);
                }
            }
        }
        for variant in variants {
            self.learn(VARIANT, variant.get("id").unwrap_or(variant), position);
        }
        if let Some(handle) = line.get("url").and_then(Value::as_str).and_then(handle) {
            self.learn(HANDLE, &Value::from(handle), position);
        }
    }

    /// Position of the item that an event names.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        // An id of the catalogue is never anything else, whatever else it may be, too.
        if let Some(&position) = self.ids.get(name) {
            return Some(position);
        }
        let spellings = spellings(name);
        if let Some(&position) = spellings.iter().find_map(|each| self.ids.get(each)) {
            return Some(position);
        }
        self.others.iter().enumerate().find_map(|(kind, others)| match kind {
            GTIN => others.get(&gtin(name)).copied().flatten(),
            _ => spellings.iter().find_map(|each| others.get(each).copied().flatten()),
        })
    }

    fn learn(&mut self, kind: usize, name: &Value, position: usize) {
        let name = match name {
            Value::String(name) => name.clone(),
            // As JavaScript writes it, which has one kind of number.
            Value::Number(number) => number.to_string().trim_end_matches(".0").to_owned(),
            _ => return,
        };
        let name = if kind == GTIN { gtin(&name) } else { name.trim().to_lowercase() };
        if name.is_empty() {
            return;
        }
        let known = self.others[kind].entry(name).or_insert(Some(position));
        if kind < GROUP {
            *known = known.filter(|&of| of == position);
        }
    }
}

/// How else the same name is written, the surest first.
fn spellings(name: &str) -> Vec<String> {
    let plain = name.trim();
    let mut found = vec![plain.to_owned(), plain.to_lowercase()];
    found.extend(global(plain));
    found.extend(shopify(plain).into_iter().flatten());
    let mut met = HashSet::new();
    found.retain(|each| met.insert(each.clone()));
    found
}

/// What `gid://shopify/Product/123` ends with.
fn global(name: &str) -> Option<String> {
    let path = name.strip_prefix("gid://")?;
    // The last part that has a beginning.
    let (_, last) = path.rmatch_indices('/').find_map(|(at, _)| {
        let part = path[at + 1..].split(['/', '?']).next().filter(|part| !part.is_empty())?;
        Some((at, part))
    })?;
    Some(last.to_owned())
}

/// The variant, then the product, of `shopify_DE_123_456`, as Google's channel names items.
fn shopify(name: &str) -> Option<[String; 2]> {
    let parts: Vec<&str> = name.split('_').collect();
    let [channel, country, product, variant] = parts.as_slice() else { return None };
    let is_country = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_shopify = channel.eq_ignore_ascii_case("shopify") && is_country;
    (is_shopify && is_number(product) && is_number(variant))
        .then(|| [(*variant).to_owned(), (*product).to_owned()])
}

/// A number of 8 to 14 digits without the zeros before it: GTINs of all lengths are one number. Empty if it is none.
#[must_use]
pub fn gtin(name: &str) -> String {
    let digits: String = name.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let is_gtin = (8..=14).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_gtin { digits.trim_start_matches('0').to_owned() } else { String::new() }
}

/// The last part of a page's address.
fn handle(url: &str) -> Option<&str> {
    url.split(['?', '#']).next()?.rsplit('/').find(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table that `tests/browser/sources.test.mjs` reads, too.
    #[test]
    fn names_mean_what_they_mean_in_a_page() {
        let table: Value =
            serde_json::from_str(include_str!("../../../tests/fixtures/item-names.json")).unwrap();
        let rows = table["rows"].as_array().unwrap();
        let mut names = ItemNames::default();
        for (position, row) in rows.iter().enumerate() {
            names.add(row["id"].as_str().unwrap(), row.as_object().unwrap(), position);
        }
        for case in table["cases"].as_array().unwrap() {
            let name = case["name"].as_str().unwrap();
            let found = names.find(name).map(|position| rows[position]["id"].clone());
            assert_eq!(found.unwrap_or_default(), case["item"], "{name:?}");
        }
    }

    /// Ten names each: what a catalogue of 100,000 items costs is its names, each held once.
    #[test]
    fn a_large_catalogue_is_learnt_at_once() {
        let mut names = ItemNames::default();
        let start = std::time::Instant::now();
        for position in 0..100_000 {
            let line = serde_json::json!({
                "sku": format!("S-{position}"), "gtin": format!("{:013}", 4_000_000_000_000_u64 + position),
                "group": format!("g{}", position / 4), "url": format!("/products/p-{position}"),
                "variants": [{"id": 10_000_000 + position}, {"id": 20_000_000 + position}],
            });
            names.add(&position.to_string(), line.as_object().unwrap(), position as usize);
        }
        assert_eq!(names.find("s-99999"), Some(99_999));
        assert_eq!(names.find("shopify_DE_1_20000007"), Some(1));
        assert_eq!(names.find("20000007"), Some(7));
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    }
}
