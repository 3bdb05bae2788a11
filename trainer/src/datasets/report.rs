//! What happened to the rows of a data set? How many were read, which were rejected and why, what was left out.

use std::{fmt, path::Path};

use serde::Serialize;

/// A row (or a whole file) that could not be used as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rejection {
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// Name of the column or field; in JSON that cannot be read, the number of the character.
    pub column: Option<String>,
    /// What kind of problem it is: problems are counted by kind.
    pub kind: &'static str,
    /// What is wrong, with what was got and what was expected.
    pub reason: String,
    /// How to mend it.
    pub hint: String,
    /// Whether the data can be trusted without this row (the last line of a file known to be cut).
    pub is_tolerated: bool,
}

impl Rejection {
    #[must_use]
    pub fn new(path: &Path, line: usize, fault: Fault) -> Self {
        let Fault { column, kind, reason, hint } = fault;
        Self { file: path.display().to_string(), line, column, kind, reason, hint, is_tolerated: false }
    }

    /// Something to know that harms nothing, or that was made up for.
    #[must_use]
    pub fn tolerated(path: &Path, line: usize, fault: Fault) -> Self {
        Self { is_tolerated: true, ..Self::new(path, line, fault) }
    }

    /// That `count` of `all` lines stood in the file before; `first` is the first of them.
    #[must_use]
    pub fn repeated(path: &Path, first: usize, count: usize, all: usize) -> Self {
        let reason = format!("{count} of {all} lines repeat an earlier line letter by letter");
        let hint = "each is counted: an export may have been appended to itself; keep one of each";
        Self::tolerated(path, first, Fault::new("repeated line", reason, hint))
    }
}

/// Counts the line `number` among those of one kind, of which the first and their number are told.
pub fn note(doubt: &mut Option<(usize, usize)>, number: usize) {
    doubt.get_or_insert((number, 0)).1 += 1;
}

impl fmt::Display for Rejection {
    /// `file:line:column: reason`, and the hint on a line of its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.file, self.line)?;
        if let Some(column) = &self.column {
            write!(f, "{column}:")?;
        }
        write!(f, " {}\nhint: {}", self.reason, self.hint)
    }
}

/// What is wrong with a row, before its place is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub column: Option<String>,
    pub kind: &'static str,
    pub reason: String,
    pub hint: String,
}

impl Fault {
    pub fn new(kind: &'static str, reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { column: None, kind, reason: reason.into(), hint: hint.into() }
    }

    #[must_use]
    pub fn at(self, column: &str) -> Self {
        Self { column: Some(column.to_owned()), ..self }
    }
}

/// Why rows are left out that name an item without a line of its own.
pub const UNKNOWN_ITEM: &str = "events of items that the catalogue lacks";

/// Why a row did not become an interaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unused {
    /// A known imperfection of the data set: the rows of a reason are counted.
    LeftOut(&'static str),
    /// The row breaks the format.
    Broken(Fault),
}

/// What a loader did with the rows that tell of interactions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// Rows read: those accepted, rejected and left out.
    pub rows: usize,
    pub accepted: usize,
    /// Rows of all files that break the format, in the order met.
    #[serde(skip)]
    pub rejected: Vec<Rejection>,
    /// Rows left out for a known reason, and how many.
    pub left_out: Vec<(&'static str, usize)>,
    /// What else to know: how the data was read, and how often something was made up for.
    pub remarks: Vec<String>,
}

impl ImportReport {
    /// Counts a row and notes what became of it.
    pub fn count(&mut self, path: &Path, line: usize, outcome: Result<(), Unused>) {
        self.rows += 1;
        match outcome {
            Ok(()) => self.accepted += 1,
            Err(Unused::LeftOut(reason)) => self.leave_out(1, reason),
            broken => self.reject(path, line, broken),
        }
    }

    /// Notes a line of a file that is not counted: any reason not to use it is a rejection.
    pub fn reject(&mut self, path: &Path, line: usize, outcome: Result<(), Unused>) {
        let fault = match outcome {
            Ok(()) => return,
            Err(Unused::LeftOut(reason)) => Fault::new(reason, reason, "mend the line or remove it"),
            Err(Unused::Broken(fault)) => fault,
        };
        self.rejected.push(Rejection::new(path, line, fault));
    }

    /// Takes back rows that were accepted at first and turned out to be of no use.
    pub fn withdraw(&mut self, count: usize, reason: &'static str) {
        self.accepted = self.accepted.saturating_sub(count);
        if count > 0 {
            self.leave_out(count, reason);
        }
    }

    fn leave_out(&mut self, count: usize, reason: &'static str) {
        match self.left_out.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, known)) => *known += count,
            None => self.left_out.push((reason, count)),
        }
    }

    /// The report for people, one line for each thing to know, and what is tolerated: each kind with its first place.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = self.counts();
        let tolerated: Vec<&Rejection> =
            self.rejected.iter().filter(|problem| problem.is_tolerated).collect();
        let mut kinds: Vec<&str> = Vec::new();
        for first in &tolerated {
            if kinds.contains(&first.kind) {
                continue;
            }
            kinds.push(first.kind);
            let more = match tolerated.iter().filter(|problem| problem.kind == first.kind).count() {
                1 => String::new(),
                of_kind => format!("; {} more ({}) are listed by trainer validate", of_kind - 1, first.kind),
            };
            lines.push(format!(
                "  warning: {}",
                first.to_string().replace("\nhint: ", &format!("{more}\n    hint: "))
            ));
        }
        lines
    }

    /// What became of the rows, without problems.
    #[must_use]
    pub fn counts(&self) -> Vec<String> {
        let left_out: usize = self.left_out.iter().map(|(_, count)| count).sum();
        let rejected = self.rows.saturating_sub(self.accepted + left_out);
        let rows = format!(
            "rows: {} read, {} accepted, {rejected} rejected, {left_out} left out",
            self.rows, self.accepted
        );
        let reasons = self.left_out.iter().map(|(reason, count)| format!("  left out: {count} {reason}"));
        let remarks = self.remarks.iter().map(|remark| format!("  note: {remark}"));
        std::iter::once(rows).chain(reasons).chain(remarks).collect()
    }

    pub fn remark(&mut self, remark: impl Into<String>) {
        self.remarks.push(remark.into());
    }

    /// Says how often something was so, unless it never was.
    pub fn remark_count(&mut self, count: usize, what: &str) {
        if count > 0 {
            self.remark(format!("{count} {what}"));
        }
    }

    /// Why the data are refused: the first error, and how many more there are. `None` without errors.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        let mut errors = self.errors();
        let first = errors.next()?.to_string();
        Some(match errors.count() {
            0 => first,
            more => first.replace(
                "\nhint: ",
                &format!("; {more} more such lines are listed by trainer validate\nhint: "),
            ),
        })
    }

    /// The rejections because of which the data cannot be trusted.
    pub fn errors(&self) -> impl Iterator<Item = &Rejection> {
        self.rejected.iter().filter(|rejection| !rejection.is_tolerated)
    }
}
