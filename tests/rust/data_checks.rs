//! Does the real binary say the same of wrong data in every command, and never "no problems" beside a failure?

use std::{fs, path::Path};

use crate::command_line::{Folder, fails, trainer};

const ITEM: &str = r#"{"id":"a","title":"Coat"}"#;
const EVENT: &str = r#"{"visitor":"v","item":"a","type":"purchase","ts":1700000000000}"#;

fn write(folder: &Folder, name: &str, text: &str) {
    fs::write(folder.path(name), text).unwrap();
}

#[test]
fn train_and_inspect_refuse_what_validate_calls_an_error() {
    let folder = Folder::new("refused");
    let (data, out) = (folder.path(""), folder.path("run"));
    write(&folder, "catalog.jsonl", ITEM);
    for (events, words) in [
        (
            EVENT.replace("1700000000000", "1700000000"),
            "events.jsonl:1:ts: the time 1700000000 is on 1970-01-20, before 1990",
        ),
        (EVENT.replace("\"a\"", "\"b\""), "none of 1 events names an item of the catalogue"),
        (EVENT.replace("\"v\"", "\"\""), "1 of 1 events have no visitor"),
    ] {
        write(&folder, "events.jsonl", &events);
        fails(&trainer(&["train", "--data", &data, "--out", &out]), &[words, "hint: "]);
        fails(&trainer(&["inspect", "--data", &data]), &[words, "hint: "]);
        let output = trainer(&["validate", "--data", &data]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.code() == Some(1) && said.contains(words), "{said}");
        assert!(!Path::new(&out).join("run.json").exists());
    }
}

#[test]
fn a_pin_of_nothing_is_a_problem() {
    let folder = Folder::new("pins");
    write(&folder, "catalog.jsonl", ITEM);
    write(&folder, "events.jsonl", EVENT);
    let pins =
        "{\"version\": 1, \"placements\": {\"home\": {\"pin\": [\n{\"item\": \"gone\", \"pos\": 1}]}}}";
    write(&folder, "rules.json", pins);
    let rules = folder.path("rules.json");
    let output = trainer(&["validate", "--data", &folder.path(""), "--rules", &rules]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("rules.json:2: home.pin[0]: gone is not in the catalogue"), "{said}");
    assert!(!said.contains("no problems"), "{said}");
}
