//! What is wrong with a field of a shop's line? Missing, under another name, of another type: each with what to write.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{
    json_lines::{LINE_HINT, without_place},
    report::Fault,
    times::{self, Unit},
};

pub type Object = Map<String, Value>;

pub const EMPTY: &str = "empty field";

/// The fields that every line of a file has, each with names that other systems give it.
pub struct Needed(pub &'static [(&'static str, &'static [&'static str])]);

pub const EVENT: Needed = Needed(&[
    (
        "visitor",
        &[
            "user_id",
            "user",
            "userId",
            "visitor_id",
            "visitorId",
            "customer_id",
            "client_id",
            "anonymous_id",
            "user_pseudo_id",
        ],
    ),
    ("item", &["item_id", "itemId", "product_id", "productId", "product", "sku", "variant_id", "asin"]),
    ("type", &["event", "event_type", "event_name", "eventType", "eventName", "action", "kind"]),
    ("ts", &["timestamp", "time", "event_time", "event_timestamp", "created_at", "datetime", "date"]),
]);

pub const ITEM: Needed = Needed(&[
    ("id", &["item_id", "itemId", "product_id", "productId", "item", "Handle", "handle", "sku"]),
    ("title", &["name", "Title", "Name", "product_name", "productName", "item_name"]),
]);

impl Needed {
    /// That a field is missing: which there are, and which of them is meant most likely.
    fn missing(&self, field: &str, line: &Object) -> Fault {
        let named = |key: &&&str| line.contains_key(**key);
        let renamed: Vec<String> = self
            .0
            .iter()
            .filter(|(name, _)| !line.contains_key(*name))
            .filter_map(|(name, others)| Some(format!("{} to {name}", others.iter().find(named)?)))
            .collect();
        let needed: Vec<&str> = self.0.iter().map(|(name, _)| *name).collect();
        let needed = format!("every line needs {}", needed.join(", "));
        let hint = match renamed.as_slice() {
            [] => format!("{needed}; {LINE_HINT}"),
            renamed => format!("{needed}; rename {}", renamed.join(", ")),
        };
        let keys: Vec<&str> = line.keys().take(12).map(String::as_str).collect();
        let has = if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") };
        let kind = if field == "ts" { "missing time" } else { "missing field" };
        Fault::new(kind, format!("{field} is missing; the line has {has}"), hint).at(field)
    }

    /// A text without the space around it; empty where it is empty or null.
    pub fn text<'a>(&self, line: &'a Object, field: &str) -> Result<&'a str, Fault> {
        match line.get(field) {
            Some(Value::String(text)) => Ok(text.trim()),
            Some(Value::Null) => Ok(""),
            Some(Value::Number(number)) => {
                let reason = format!("{field} is the number {number}, and a text is needed");
                Err(Fault::new("number for a text", reason, format!("put it in quotes: \"{number}\""))
                    .at(field))
            }
            Some(other) => {
                let reason = format!("{field} is {other}, and a text is needed");
                Err(Fault::new("field of another type", reason, LINE_HINT).at(field))
            }
            None => Err(self.missing(field, line)),
        }
    }

    /// A text that is not empty.
    pub fn filled<'a>(&self, line: &'a Object, field: &str) -> Result<&'a str, Fault> {
        match self.text(line, field)? {
            "" => Err(Fault::new(EMPTY, format!("{field} is empty"), LINE_HINT).at(field)),
            text => Ok(text),
        }
    }

    /// The time `ts`, in milliseconds.
    pub fn time(&self, line: &Object, now_ms: i64) -> Result<i64, Fault> {
        let hint =
            "give every event a ts: milliseconds since 1970-01-01 UTC, as a whole number without quotes";
        let ts = line.get("ts").ok_or_else(|| self.missing("ts", line))?;
        let number = ts.as_i64().ok_or_else(|| {
            Fault::new("missing time", format!("ts is {ts}, no whole number"), hint).at("ts")
        })?;
        times::check(number, Unit::Milliseconds, now_ms).map_err(|fault| fault.at("ts"))
    }
}

/// A line as what it should be. `smallest` is the JSON of one, by which the field is found that is not as it should be.
///
/// # Errors
/// Names the field and how it is written.
pub fn read<T: DeserializeOwned>(line: &Object, smallest: &str, of: &'static str) -> Result<T, Fault> {
    let error = match T::deserialize(line) {
        Ok(read) => return Ok(read),
        Err(error) => error,
    };
    let kind = if of == "item" { "no item" } else { "no event" };
    let fails = |(key, value): &(&String, &Value)| {
        let mut alone: Value = serde_json::from_str(smallest).unwrap_or_default();
        alone[key.as_str()] = (*value).clone();
        serde_json::from_value::<T>(alone).is_err()
    };
    let schema = format!("`trainer schema --of {of}` lists the fields");
    let Some((key, value)) = line.iter().find(fails) else {
        return Err(Fault::new(kind, without_place(&error), schema));
    };
    let reason = format!("{key} is {}: {}", short(value), without_place(&error));
    let hint = match how(key, value) {
        Some(how) => format!("{how}; {schema}"),
        None => schema,
    };
    Err(Fault::new(kind, reason, hint).at(key))
}

/// How a field is written.
fn how(field: &str, value: &Value) -> Option<String> {
    let plain = match field {
        "price" | "list_price" => "prices are whole numbers of minor units, without quotes (1250 for 12.50)",
        "category" => "a list of texts, from general to special: [\"Women\", \"Coats\"]",
        "tags" => "a list of texts: [\"new\", \"sale\"]",
        "available" => "true or false, without quotes",
        "attrs" => "an object of texts: {\"colour\": \"red\", \"grams\": \"12\"}, numbers in quotes",
        "rating" => "a number without quotes, 4.5 for example",
        "created" => "a whole number without quotes: milliseconds since 1970-01-01 UTC",
        "boost" => "a whole number from -2 to 2, without quotes",
        "rating_n" | "qty" | "pos" | "n" | "v" => "a whole number that is not negative, without quotes",
        "dwell_ms" => "a whole number of milliseconds, without quotes",
        "depth" | "zoom" => "a number without quotes",
        _ if value.is_number() => return Some(format!("put it in quotes: \"{value}\"")),
        _ => "a text in quotes",
    };
    Some(plain.to_owned())
}

/// The beginning of a value.
fn short(value: &Value) -> String {
    let text = value.to_string();
    let cut: String = text.chars().take(60).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { text }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::{catalog::Item, interaction::Event};

    use super::*;

    #[track_caller]
    fn said<T>(outcome: Result<T, Fault>) -> String {
        let fault = outcome.err().unwrap();
        format!("{}: {} | {}", fault.column.unwrap_or_default(), fault.reason, fault.hint)
    }

    #[test]
    fn columns_of_another_system_are_named_with_what_they_are_here() {
        let line = json!({"user_id": "v", "item_id": "a", "event": "view", "timestamp": 1});
        let said = said(EVENT.filled(line.as_object().unwrap(), "visitor"));
        let words = "visitor: visitor is missing; the line has event, item_id, timestamp, user_id | every line needs \
             visitor, item, type, ts; rename user_id to visitor, item_id to item, event to type, timestamp to ts";
        assert_eq!(said, words);
    }

    #[test]
    fn a_number_for_a_text_is_to_be_put_in_quotes() {
        let line = json!({"id": 7_230_008_990_719_i64, "title": "Coat"});
        let said = said(ITEM.filled(line.as_object().unwrap(), "id"));
        let words =
            "id: id is the number 7230008990719, and a text is needed | put it in quotes: \"7230008990719\"";
        assert_eq!(said, words);
    }

    #[test]
    fn a_field_of_another_type_has_its_own_remedy() {
        let smallest = r#"{"id": "a", "title": "Coat"}"#;
        for (key, value, words) in [
            ("price", json!(19.99), &["price: price is 19.99", "minor units"][..]),
            ("price", json!("19,99 EUR"), &["price is \"19,99 EUR\"", "minor units"]),
            ("category", json!("W > C"), &["category: ", "[\"Women\", \"Coats\"]"]),
            ("available", json!("in_stock"), &["available: ", "true or false"]),
            ("attrs", json!({"grams": 12}), &["attrs: ", "numbers in quotes"]),
            ("tags", json!("new, sale"), &["tags: ", "a list of texts"]),
            ("created", json!("2026-01-01"), &["created: ", "milliseconds"]),
            ("gtin", json!(4_006_381_333_931_i64), &["gtin: ", "put it in quotes: \"4006381333931\""]),
            ("brand", json!(["A"]), &["brand: ", "a text in quotes"]),
        ] {
            let mut line: Value = serde_json::from_str(smallest).unwrap();
            line[key] = value;
            let said = said(read::<Item>(line.as_object().unwrap(), smallest, "item"));
            for word in words.iter().chain(&["trainer schema --of item"]) {
                assert!(said.contains(word), "{word:?} is not in: {said}");
            }
            assert!(key.ends_with("price") || !said.contains("minor units"), "{said}");
        }
        let smallest = r#"{"item": "a", "type": "view", "ts": 1}"#;
        let mut line: Value = serde_json::from_str(smallest).unwrap();
        line["qty"] = json!("two");
        let said = said(read::<Event>(line.as_object().unwrap(), smallest, "event"));
        assert!(said.starts_with("qty: qty is \"two\"") && said.contains("schema --of event"), "{said}");
    }
}
