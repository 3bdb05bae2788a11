//! How is a table of text read? CSV or tab-separated, packed or not, row by row, each error with its place.

use std::{
    io::{BufReader, Read},
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context, Result};
use csv::{ByteRecord, ReaderBuilder, Terminator};

use super::{
    date, open,
    report::{Fault, ImportReport, Unused},
};

/// How the columns of a file are separated.
#[derive(Clone, Copy)]
pub enum Separator {
    /// Commas, and quotes around what holds one.
    Comma,
    /// Tabs; quotes are ordinary characters.
    Tab,
}

/// Which rows a file holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// What visitors did: the rows that the report counts.
    Interactions,
    /// The same, of a file whose end is known to be cut: a last line without all its columns is tolerated.
    InteractionsWithCutEnd,
    /// Anything else; only what is wrong is reported.
    Others,
}

/// The kind of a line that lacks columns.
pub const CUT_OFF: &str = "line with another number of columns";

pub struct Table {
    path: PathBuf,
    columns: Vec<String>,
    reader: csv::Reader<Box<dyn Read>>,
}

/// One value of a row.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    pub column: &'a str,
    pub text: &'a str,
    /// Line of the file, counted from 1.
    pub line: usize,
}

impl Table {
    /// Opens a table whose first line names its columns; unpacks names that end in `.gz`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open(path: &Path, separator: Separator) -> Result<Self> {
        let mut table = Self::open_bare(path, separator, &[])?;
        let mut first = ByteRecord::new();
        table.reader.read_byte_record(&mut first).with_context(|| cannot_read(path))?;
        // Some tools begin a file with a byte order mark.
        let name =
            |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_start_matches('\u{feff}').trim().to_owned();
        table.columns = first.iter().map(name).collect();
        Ok(table)
    }

    /// Opens a table without a first line of names.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open_bare(path: &Path, separator: Separator, columns: &[&str]) -> Result<Self> {
        let file = open(path)?;
        let is_packed = path.extension().is_some_and(|extension| extension == "gz");
        let bytes: Box<dyn Read> = if is_packed {
            Box::new(BufReader::new(flate2::read::MultiGzDecoder::new(file)))
        } else {
            Box::new(file)
        };
        let mut builder = ReaderBuilder::new();
        // Only a line feed ends a line, as editors count them; what Windows puts before it is trimmed in `row`.
        builder.has_headers(false).flexible(true).terminator(Terminator::Any(b'\n'));
        if let Separator::Tab = separator {
            builder.delimiter(b'\t').quoting(false);
        }
        let columns = columns.iter().map(|&name| name.to_owned()).collect();
        Ok(Self { path: path.to_owned(), columns, reader: builder.from_reader(bytes) })
    }

    /// Gives the columns other names.
    pub fn rename(&mut self, name: impl Fn(&str) -> String) {
        for column in &mut self.columns {
            *column = name(column);
        }
    }

    /// Position of the first of `names` that the table has.
    #[must_use]
    pub fn find(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.columns.iter().position(|column| column == name))
    }

    /// # Errors
    /// Says which column is missing, and which there are.
    pub fn need(&self, name: &str) -> Result<usize> {
        self.find(&[name]).with_context(|| {
            format!(
                "{}:1: the column {name} is missing\nhint: the first line names the columns {}; rename one of them \
                 to {name}, or copy the file again from its source",
                self.path.display(),
                self.columns.join(", ")
            )
        })
    }

    /// Hands every row to `read`, as the values of the columns `names`, and notes in `report` what became of it.
    ///
    /// # Errors
    /// When a column is missing or the file cannot be read to its end.
    pub fn each<const N: usize>(
        self,
        names: [&str; N],
        rows: Rows,
        report: &mut ImportReport,
        read: impl FnMut([Field; N]) -> Result<(), Unused>,
    ) -> Result<()> {
        let mut positions = [0; N];
        for (position, name) in positions.iter_mut().zip(names) {
            *position = self.need(name)?;
        }
        self.each_at(positions, rows, report, read)
    }

    /// As [`Table::each`], with the columns at `positions`.
    ///
    /// # Errors
    /// When the file cannot be read to its end.
    pub fn each_at<const N: usize>(
        mut self,
        positions: [usize; N],
        rows: Rows,
        report: &mut ImportReport,
        mut read: impl FnMut([Field; N]) -> Result<(), Unused>,
    ) -> Result<()> {
        let mut record = ByteRecord::new();
        let mut is_last_cut = false;
        while self.reader.read_byte_record(&mut record).with_context(|| cannot_read(&self.path))? {
            let is_blank = record.len() == 1 && record[0].iter().all(u8::is_ascii_whitespace);
            if is_blank && self.columns.len() > 1 {
                continue;
            }
            let line = record.position().map_or(0, |position| position.line() as usize);
            let outcome = self.row(&record).and_then(|values| {
                read(positions.map(|at| Field { column: &self.columns[at], text: values[at], line }))
            });
            is_last_cut = record.len() < self.columns.len();
            match outcome {
                outcome if rows != Rows::Others => report.count(&self.path, line, outcome),
                outcome => report.reject(&self.path, line, outcome),
            }
        }
        let can_be_cut = rows == Rows::InteractionsWithCutEnd;
        if let (true, true, Some(last)) = (can_be_cut, is_last_cut, report.rejected.last_mut()) {
            last.is_tolerated = true;
        }
        Ok(())
    }

    fn row<'a>(&self, record: &'a ByteRecord) -> Result<Vec<&'a str>, Unused> {
        let copy_again = "the line is cut off or in another format; copy the file again from its source";
        if record.len() != self.columns.len() {
            let reason = format!("expected {} columns, got {}", self.columns.len(), record.len());
            return Err(Unused::Broken(Fault::new(CUT_OFF, reason, copy_again)));
        }
        let text = |(at, bytes): (usize, &'a [u8])| {
            let is_last = at + 1 == self.columns.len();
            let bytes = if is_last { bytes.strip_suffix(b"\r").unwrap_or(bytes) } else { bytes };
            std::str::from_utf8(bytes).map_err(|_| {
                Unused::Broken(
                    Fault::new("text that is not UTF-8", "the text is not UTF-8", "save the file as UTF-8")
                        .at(&self.columns[at]),
                )
            })
        };
        record.iter().enumerate().map(text).collect()
    }
}

impl<'a> Field<'a> {
    /// The text without surrounding space, unless nothing is left: then the row is left out for `reason`.
    ///
    /// # Errors
    /// When the value is empty.
    pub fn filled(self, reason: &'static str) -> Result<&'a str, Unused> {
        let text = self.text.trim();
        if text.is_empty() { Err(Unused::LeftOut(reason)) } else { Ok(text) }
    }

    /// A finite number.
    ///
    /// # Errors
    /// When the value is none.
    pub fn number<T: FromStr + Into<f64> + Copy>(self) -> Result<T, Unused> {
        let number: Option<T> = self.text.trim().parse().ok();
        number.filter(|&number| number.into().is_finite()).ok_or_else(|| {
            self.broken("value that is no number", "a number", "mend the value or remove the line")
        })
    }

    /// A number from `low` to `high`.
    ///
    /// # Errors
    /// When the value is none.
    pub fn within(self, low: f32, high: f32) -> Result<f32, Unused> {
        let number: f32 = self.number()?;
        if (low..=high).contains(&number) {
            return Ok(number);
        }
        let hint = "is the right column read, and is the scale the one that the data set is published with?";
        Err(self.broken("value out of range", &format!("a number from {low} to {high}"), hint))
    }

    /// A date, in milliseconds.
    ///
    /// # Errors
    /// When the value is none.
    pub fn date(self) -> Result<i64, Unused> {
        date::parse(self.text).ok_or_else(|| {
            self.broken(
                "value that is no date",
                "a date such as 2015-12-31",
                "mend the date or remove the line",
            )
        })
    }

    /// Seconds since 1970, in milliseconds.
    ///
    /// # Errors
    /// When the value is no number.
    pub fn seconds(self) -> Result<i64, Unused> {
        Ok((self.number::<f64>()? * 1000.0).round() as i64)
    }

    #[must_use]
    pub fn broken(self, kind: &'static str, expected: &str, hint: &str) -> Unused {
        Unused::Broken(
            Fault::new(kind, format!("expected {expected}, got {:?}", self.text), hint).at(self.column),
        )
    }
}

fn cannot_read(path: &Path) -> String {
    format!(
        "cannot read {} to its end\nhint: the file seems cut off; copy it again from its source",
        path.display()
    )
}
