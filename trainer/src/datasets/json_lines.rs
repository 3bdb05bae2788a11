//! How is a file of JSON lines read? One object a line; what is none is told with its place, and files of another
//! kind by what they are.

use std::{io::BufRead, path::Path};

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use super::{open, report::Fault};

pub const LINE_HINT: &str =
    "write one JSON object a line, as in the folder that `trainer demo --shop-only` makes";
const NO_OBJECT: &str = "line that is no JSON object";
const OTHER_FILE: &str = "file of another kind";

/// A line that is an object, and its bytes.
pub type Line<'a> = (Map<String, Value>, &'a [u8]);

/// Hands every line that is not blank to `read`, with its number.
///
/// A file that is something else altogether (CSV, packed, UTF-16, one array) has one fault, at its first line.
///
/// # Errors
/// When the file cannot be read.
pub fn each(path: &Path, mut read: impl FnMut(usize, Result<Line, Fault>)) -> Result<()> {
    let mut is_first = true;
    for (index, bytes) in open(path)?.split(b'\n').enumerate() {
        let bytes = bytes.with_context(|| format!("cannot read {}", path.display()))?;
        // Some tools begin a file with a byte order mark.
        let bytes = if index == 0 { bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes) } else { &bytes };
        // What stands before the object is kept, so that columns are those of the file.
        let bytes = bytes.trim_ascii_end();
        if bytes.is_empty() {
            continue;
        }
        let line = object(bytes);
        if let (true, Err(_), Some(fault)) = (is_first, &line, other_file(bytes.trim_ascii_start())) {
            read(index + 1, Err(fault));
            return Ok(());
        }
        is_first = false;
        read(index + 1, line.map(|line| (line, bytes)));
    }
    Ok(())
}

fn object(bytes: &[u8]) -> Result<Map<String, Value>, Fault> {
    if let Err(error) = std::str::from_utf8(bytes) {
        let byte = error.valid_up_to() + 1;
        let hint = "save the file as UTF-8 (it seems to be in Latin-1 or Windows-1252)";
        return Err(Fault::new("text that is not UTF-8", "the text is not UTF-8", hint).at(&byte.to_string()));
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Fault::new(NO_OBJECT, "the line is no JSON object", LINE_HINT)),
        Err(error) => {
            Err(Fault::new(NO_OBJECT, without_place(&error), LINE_HINT).at(&error.column().to_string()))
        }
    }
}

/// What a file is whose first line is no object.
fn other_file(first: &[u8]) -> Option<Fault> {
    let fault = |what: &str, hint: &str| Some(Fault::new(OTHER_FILE, format!("the file {what}"), hint));
    match first {
        [0x1f, 0x8b, ..] => return fault("is packed (gzip)", "unpack it: gunzip keeps the lines"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return fault("is in UTF-16", "save the file as UTF-8"),
        // An object in an array may stand on one line or on many.
        [b'[', ..] => {
            return fault(
                "is one JSON array",
                "write its objects one a line: `jq -c '.[]' FILE` does so where `jq` is installed",
            );
        }
        [b'{', ..] => return None,
        _ => {}
    }
    let text = String::from_utf8_lossy(first);
    let columns = [',', ';', '\t'].map(|separator| text.matches(separator).count());
    columns.iter().any(|&count| count > 0).then(|| {
        let hint = format!("convert it: {LINE_HINT}");
        Fault::new(OTHER_FILE, "the file looks like CSV, and its name says JSON lines", hint)
    })
}

/// The message without serde's own line and column, which count within the line.
#[must_use]
pub fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::tests::folder;

    fn read(bytes: &[u8]) -> Vec<String> {
        let files = folder("lines", &[("a.jsonl", "")]);
        let path = files.path().join("a.jsonl");
        std::fs::write(&path, bytes).unwrap();
        let mut said = Vec::new();
        each(&path, |number, line| {
            said.push(match line {
                Ok((object, _)) => format!("{number}: {} keys", object.len()),
                Err(fault) => {
                    format!(
                        "{number}:{}: {} | {}",
                        fault.column.unwrap_or_default(),
                        fault.reason,
                        fault.hint
                    )
                }
            });
        })
        .unwrap();
        said
    }

    #[test]
    fn a_mark_at_the_beginning_and_line_ends_of_windows_are_no_matter() {
        assert_eq!(read(b"\xef\xbb\xbf{\"a\":1}\r\n\r\n{}\n"), ["1: 1 keys", "3: 0 keys"]);
    }

    #[test]
    fn a_file_of_another_kind_is_told_once() {
        let packed: &[u8] = &[0x1f, 0x8b, 8, 0, b'\n', 3, b'\n'];
        let files: [(&[u8], &str); 6] = [
            (b"id,title\n1,Coat\n2,Hat\n", "1:: the file looks like CSV"),
            (b"id;title\n1;Coat\n", "1:: the file looks like CSV"),
            (b"\xff\xfe{\0\"\0\n\0", "1:: the file is in UTF-16 | save the file as UTF-8"),
            (b"[\n{\"a\":1},\n{}]\n", "1:: the file is one JSON array | write its objects one a line"),
            (packed, "1:: the file is packed (gzip) | unpack it"),
            (b"[{\"a\":1}]", "1:: the file is one JSON array"),
        ];
        for (bytes, words) in files {
            let said = read(bytes);
            assert!(said.len() == 1 && said[0].starts_with(words), "{said:?}");
        }
    }

    #[test]
    fn a_bad_line_is_told_with_its_place() {
        let said = read(b"{}\n{\"a\":\"caf\xe9\"}\n{\"a\":\n7\n");
        assert!(said[1].starts_with("2:10: the text is not UTF-8 | save the file as UTF-8"), "{said:?}");
        assert!(said[2].starts_with("3:5: EOF while parsing"), "{said:?}");
        assert!(said[3].starts_with("4:: the line is no JSON object"), "{said:?}");
    }
}
