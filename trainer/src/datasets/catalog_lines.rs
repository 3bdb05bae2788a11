//! What does a shop's `catalog.jsonl` say, and what is wrong with it? Faults of single lines, and what is probably not
//! meant: keys that nobody reads, currencies and article numbers that are none.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use anyhow::Result;
use shared::{catalog::Item, signals::nearest};

use super::{
    gather::{self, Items},
    item_names::{self, ItemNames},
    json_lines,
    report::{Fault, Rejection, Unused},
    shop_fields::{self, Object},
    table::Field,
    times::{self, Unit},
};

/// How far ahead a shop may know when an item will come.
const AHEAD_MS: i64 = 10 * 365 * 86_400_000;

/// What other systems call the fields, in small letters and without marks between words.
const ELSEWHERE: [(&str, &[&str]); 13] = [
    ("available", &["availability", "instock", "stock", "stockstatus", "isavailable", "inventory"]),
    ("brand", &["vendor", "manufacturer", "maker"]),
    ("category", &["categories", "producttype", "googleproductcategory", "categorypath", "genres"]),
    ("url", &["producturl", "link", "permalink", "itemurl", "pageurl"]),
    ("image", &["imageurl", "imagelink", "images", "imagesrc", "picture", "thumbnail", "img"]),
    ("text", &["description", "body", "bodyhtml", "longdescription", "shortdescription"]),
    ("list_price", &["compareatprice", "regularprice", "oldprice", "msrp", "rrp"]),
    ("price", &["saleprice", "unitprice", "currentprice"]),
    ("currency", &["pricecurrency", "currencycode"]),
    ("created", &["createdat", "publishedat", "datecreated", "added"]),
    ("rating_n", &["ratingcount", "reviewcount", "numreviews", "reviews"]),
    ("attrs", &["attributes", "properties", "options", "specs"]),
    ("tags", &["labels", "keywords"]),
];

/// The items of a shop, and all their names.
#[derive(Default)]
pub struct Listed {
    pub items: Vec<Item>,
    pub names: ItemNames,
}

/// Reads the lines; what is wrong with them goes into `problems`.
///
/// # Errors
/// When the file cannot be read.
pub fn read(path: &Path, now_ms: i64, problems: &mut Vec<Rejection>) -> Result<Listed> {
    let (mut listed, mut ids, mut doubts) = (Listed::default(), Items::default(), Doubts::default());
    let mut currency = None;
    json_lines::each(path, |number, line| {
        let outcome = line.and_then(|(line, _)| {
            let item = item(&line, number, &mut ids, &mut currency)?;
            doubts.note(&item, &line, number, now_ms);
            listed.names.add(&item.id, &line, listed.items.len());
            listed.items.push(item);
            Ok(())
        });
        if let Err(fault) = outcome {
            problems.push(Rejection::new(path, number, fault));
        }
    })?;
    problems.extend(doubts.told(path));
    Ok(listed)
}

fn item(
    line: &Object,
    number: usize,
    ids: &mut Items,
    currency: &mut Option<(String, usize)>,
) -> Result<Item, Fault> {
    let id = shop_fields::ITEM.filled(line, "id")?;
    let item: Item = match shop_fields::ITEM.filled(line, "title") {
        Ok(_) => shop_fields::read(line, r#"{"id": "a", "title": "a"}"#, "item")?,
        Err(fault) if fault.kind == shop_fields::EMPTY => {
            let reason = format!("item {id:?} has no title");
            return Err(Fault::new("missing title", reason, gather::TITLE_HINT).at("title"));
        }
        Err(fault) => return Err(fault),
    };
    ids.add(Field { column: "id", text: id, line: number }, gather::item(&item.id, &item.title)).map_err(
        |unused| match unused {
            Unused::Broken(fault) => fault,
            Unused::LeftOut(reason) => Fault::new(reason, reason, json_lines::LINE_HINT),
        },
    )?;
    if let Some(of_item) = &item.currency {
        let (first, first_line) = currency.get_or_insert_with(|| (of_item.clone(), number));
        if first != of_item {
            let reason = format!("the price is in {of_item}, that of line {first_line} in {first}");
            let hint =
                "a catalogue has one currency: convert the prices, or make one data set for each currency";
            return Err(Fault::new("mixed currencies", reason, hint).at("currency"));
        }
    }
    Ok(item)
}

/// What is probably not meant, each kind and value told of once: first line, count, fault.
#[derive(Default)]
struct Doubts {
    found: BTreeMap<(&'static str, String), (usize, usize, Fault)>,
    line_by_sku: HashMap<String, usize>,
}

impl Doubts {
    fn note(&mut self, item: &Item, line: &Object, number: usize, now_ms: i64) {
        for key in line.keys().filter(|key| !is_known(key)) {
            let reason = format!("the key {key:?} is not read");
            self.doubt(number, key, Fault::new("key that is not read", reason, key_hint(key)).at(key));
        }
        if let Some(currency) = &item.currency
            && !(currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase()))
        {
            let reason = format!("the currency {currency:?} is no code of three capital letters");
            let hint = "write the code of ISO 4217: EUR, USD, GBP";
            self.doubt(number, currency, Fault::new("unknown currency", reason, hint).at("currency"));
        }
        if let Some(gtin) = item.gtin.as_deref().filter(|gtin| item_names::gtin(gtin).is_empty()) {
            let is_rounded = gtin.parse::<f64>().is_ok() && gtin.contains(['e', 'E']);
            let (reason, hint) = if is_rounded {
                let reason = format!("the GTIN {gtin:?} was rounded by a spreadsheet");
                (reason, "export it again with the column as text: the digits are lost in this file")
            } else {
                let reason = format!("the GTIN {gtin:?} is no number of 8 to 14 digits");
                (reason, "write the digits under the bar code, or leave the field out")
            };
            // Each shop has many of them: the first stands for all.
            let name = if is_rounded { "rounded" } else { "other" };
            self.doubt(number, name, Fault::new("GTIN that is none", reason, hint).at("gtin"));
        }
        if let Some(sku) = item.sku.as_deref().map(str::trim).filter(|sku| !sku.is_empty()) {
            let key = sku.to_lowercase();
            match self.line_by_sku.get(&key) {
                Some(first) => {
                    let reason = format!("the SKU {sku:?} is that of line {first}, too");
                    let hint = "an event that names this SKU is of neither item: give each its own, or name items by id";
                    self.doubt(number, &key, Fault::new("SKU of several items", reason, hint).at("sku"));
                }
                None => drop(self.line_by_sku.insert(key, number)),
            }
        }
        if let Some(created) = item.created
            && let Err(fault) = times::check(created, Unit::Milliseconds, now_ms.saturating_add(AHEAD_MS))
        {
            let fault = Fault { kind: "impossible time of an item", ..fault };
            self.doubt(number, fault.kind, fault.at("created"));
        }
    }

    fn doubt(&mut self, number: usize, what: &str, fault: Fault) {
        let key = (fault.kind, what.to_owned());
        self.found.entry(key).or_insert((number, 0, fault)).1 += 1;
    }

    fn told(self, path: &Path) -> impl Iterator<Item = Rejection> {
        self.found.into_values().map(move |(number, count, fault)| {
            let reason = match count {
                1 => fault.reason,
                count => format!("{} ({count} lines)", fault.reason),
            };
            Rejection::tolerated(path, number, Fault { reason, ..fault })
        })
    }
}

fn is_known(key: &str) -> bool {
    fields().contains(&key) || ItemNames::has_key(key)
}

/// The fields that an item has, as `trainer schema --of item` lists them.
fn fields() -> &'static [&'static str] {
    &[
        "id",
        "title",
        "brand",
        "category",
        "price",
        "currency",
        "available",
        "image",
        "url",
        "attrs",
        "text",
        "group",
        "sku",
        "gtin",
        "mpn",
        "list_price",
        "rating",
        "rating_n",
        "created",
        "tags",
        "boost",
    ]
}

fn key_hint(key: &str) -> String {
    let plain: String = key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let elsewhere =
        ELSEWHERE.iter().find(|(_, names)| names.contains(&plain.as_str())).map(|(field, _)| *field);
    let meant = elsewhere.or_else(|| nearest(key, fields().iter().copied()));
    match meant {
        Some(meant) => format!("did you mean {meant:?}? `trainer schema --of item` lists the fields"),
        None => {
            "nothing is wrong if it is meant for others; `trainer schema --of item` lists the fields, and \
             what the model should read goes into attrs"
                .to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::catalog::Catalog;

    use super::*;
    use crate::datasets::tests::folder;

    /// 2026-01-01.
    const NOW_MS: i64 = 1_767_225_600_000;

    fn problems(lines: &[&str]) -> Vec<Rejection> {
        let files = folder("catalog-lines", &[("catalog.jsonl", &lines.join("\n"))]);
        let mut problems = Vec::new();
        read(&files.path().join("catalog.jsonl"), NOW_MS, &mut problems).unwrap();
        problems
    }

    #[test]
    fn every_field_of_an_item_is_known() {
        let schema = serde_json::to_value(schemars::schema_for!(Item)).unwrap();
        let mut documented: Vec<&str> =
            schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        let mut known = fields().to_vec();
        documented.sort_unstable();
        known.sort_unstable();
        assert_eq!(known, documented);
    }

    #[test]
    fn what_is_probably_not_meant_is_told_once_with_its_count() {
        let line = r#"{"id":"ID","title":"Coat","availability":"in stock","Brand":"B","categories":["C"],"product_url":"/p","shelf":3,"variants":[],"ean":"96385074","currency":"€","gtin":"4.00638E+12","sku":"S","created":1700000000}"#;
        let lines = ["1", "2", "3"].map(|id| line.replace("ID", id));
        let said: Vec<String> =
            problems(&lines.each_ref().map(String::as_str)).iter().map(ToString::to_string).collect();
        let expected = [
            (
                "catalog.jsonl:1:gtin: the GTIN \"4.00638E+12\" was rounded by a spreadsheet (3 lines)",
                "as text",
            ),
            ("catalog.jsonl:2:sku: the SKU \"S\" is that of line 1, too (2 lines)", "of neither item"),
            (
                "catalog.jsonl:1:created: the time 1700000000 is on 1970-01-20, before 1990 (3 lines)",
                "seconds",
            ),
            ("catalog.jsonl:1:Brand: the key \"Brand\" is not read (3 lines)", "did you mean \"brand\"?"),
            ("availability: the key \"availability\" is not read (3 lines)", "did you mean \"available\"?"),
            ("categories: the key \"categories\" is not read (3 lines)", "did you mean \"category\"?"),
            ("product_url: the key \"product_url\" is not read (3 lines)", "did you mean \"url\"?"),
            ("shelf: the key \"shelf\" is not read (3 lines)", "`trainer schema --of item`"),
            ("currency: the currency \"€\" is no code of three capital letters (3 lines)", "ISO 4217"),
        ];
        assert_eq!(said.len(), expected.len(), "{said:#?}");
        for (said, (what, hint)) in said.iter().zip(expected) {
            assert!(said.contains(what) && said.contains(hint), "{said}");
        }
        assert!(problems(&lines.each_ref().map(String::as_str)).iter().all(|problem| problem.is_tolerated));
    }

    #[test]
    fn names_of_variants_are_learnt_and_never_kept() {
        let line = r#"{"id":"a","title":"Coat","variants":[{"id":"v1","cost":3}]}"#;
        let files = folder("catalog-variants", &[("catalog.jsonl", line)]);
        let listed = read(&files.path().join("catalog.jsonl"), NOW_MS, &mut Vec::new()).unwrap();
        assert_eq!(listed.names.find("V1"), Some(0));
        let catalog = Catalog::new(listed.items).unwrap();
        assert!(!serde_json::to_string(&catalog.items()).unwrap().contains("cost"));
    }
}
