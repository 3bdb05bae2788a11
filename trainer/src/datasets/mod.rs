//! Which files make up a data set? Raw files in, a catalogue and one time-ordered history per visitor out.
//!
//! The only place that knows file formats. A bad row is an error with file, line and remedy.

mod amazon_beauty;
mod beeradvocate;
mod catalog_lines;
pub mod check_event_log;
pub mod date;
pub mod event_log;
mod gather;
pub mod item_names;
mod json_lines;
mod known;
mod lastfm;
mod movielens;
mod online_retail;
mod private;
mod recbole;
mod rees46;
pub mod report;
mod shop_fields;
mod steam;
pub mod summary;
mod table;
#[cfg(test)]
pub mod tests;
pub mod times;

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use shared::{
    catalog::{Catalog, Item},
    interaction::Interaction,
    signals::SignalsConfig,
};

pub use event_log::{check as check_event, write as write_event_log};
pub use known::Known;
pub use report::ImportReport;

/// A shop's catalogue and what its visitors did.
pub struct Dataset {
    /// What kind of files it came from.
    pub format: &'static str,
    pub catalog: Catalog,
    /// What the data call each visitor; never exported.
    pub visitors: Vec<String>,
    /// One visitor's interactions each, oldest first, in that order.
    pub histories: Vec<Vec<Interaction>>,
    /// For each visitor, where less was known in the middle of a session than the history says; no rows where nothing was
    /// told twice of an item.
    pub known: Vec<Known>,
    /// Events left out because they name items that the catalogue lacks.
    pub unknown_events: usize,
    /// What became of the rows.
    pub report: ImportReport,
    /// What each visitor saw in a list, touched or not, oldest first; no rows where that was not recorded.
    pub seen: Vec<Vec<Seen>>,
    /// How urgently each item is to be sold off, where the shop says so; never exported.
    pub clearance: Option<Vec<f32>>,
    /// What events mean in this shop, with what was measured in its log; the package carries it to the browser.
    pub signals: SignalsConfig,
}

/// An item that was on a visitor's screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub item: usize,
    pub time_ms: i64,
}

impl Dataset {
    #[must_use]
    pub fn interactions(&self) -> usize {
        self.histories.iter().map(Vec::len).sum()
    }

    /// Whether a model that was trained on `catalog` reads the same of each item here: a price may have changed since.
    #[must_use]
    pub fn is_of(&self, catalog: &Catalog) -> bool {
        let is_same = |(one, other): (&Item, &Item)| {
            one.id == other.id && one.title == other.title && one.model_text() == other.model_text()
        };
        self.catalog.len() == catalog.len() && self.catalog.items().iter().zip(catalog.items()).all(is_same)
    }

    /// The same visitors with the items of an earlier catalogue: what it lacks is left out, and counted.
    #[must_use]
    pub fn on(self, catalog: &Catalog) -> (Self, LeftOut) {
        let numbers: Vec<Option<usize>> =
            self.catalog.items().iter().map(|item| catalog.index(&item.id)).collect();
        let before = self.interactions();
        let met = |met: Interaction| Some(Interaction { item: numbers[met.item]?, ..met });
        let saw = |seen: Seen| Some(Seen { item: numbers[seen.item]?, ..seen });
        let knew = |(item, history): (usize, Vec<Interaction>)| {
            Some((numbers[item]?, history.into_iter().filter_map(met).collect()))
        };
        let histories: Vec<Vec<Interaction>> =
            self.histories.into_iter().map(|history| history.into_iter().filter_map(met).collect()).collect();
        let seen = self.seen.into_iter().map(|list| list.into_iter().filter_map(saw).collect()).collect();
        let known = self.known.into_iter().map(|list| list.into_iter().filter_map(knew).collect()).collect();
        let is_left: Vec<bool> = histories.iter().map(|history| !history.is_empty()).collect();
        let dataset = Self {
            catalog: catalog.clone(),
            visitors: those(self.visitors, &is_left),
            histories: those(histories, &is_left),
            known: those(known, &is_left),
            seen: those(seen, &is_left),
            clearance: None,
            ..self
        };
        let left_out = LeftOut {
            items: numbers.iter().filter(|number| number.is_none()).count(),
            interactions: before - dataset.interactions(),
        };
        (dataset, left_out)
    }
}

/// The rows of the visitors that are left; none where there were none.
fn those<T>(rows: Vec<T>, is_left: &[bool]) -> Vec<T> {
    rows.into_iter().zip(is_left).filter_map(|(row, is_left)| is_left.then_some(row)).collect()
}

/// What an earlier catalogue knows nothing of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOut {
    pub items: usize,
    pub interactions: usize,
}

/// A format: a file that its folder holds, who reads it, and what it is called.
pub struct Format {
    /// A name, with at most one `*` for any text.
    file: &'static str,
    read: fn(&Path) -> Result<Dataset>,
    name: &'static str,
}

const FORMATS: [Format; 13] = [
    Format { file: "u.data", read: movielens::load_100k, name: "MovieLens 100K" },
    Format { file: "u.item", read: movielens::load_100k, name: "MovieLens 100K" },
    Format { file: "movies.dat", read: movielens::load_1m, name: "MovieLens 1M" },
    Format { file: "catalog.jsonl", read: event_log::load, name: EVENT_LOG },
    Format { file: "events.jsonl", read: event_log::load, name: EVENT_LOG },
    Format { file: steam::REVIEWS, read: steam::read_reviews, name: "Steam reviews" },
    Format { file: steam::HOURS, read: steam::read_hours_alone, name: "Steam play hours" },
    Format { file: lastfm::COUNTS, read: lastfm::read, name: "Last.fm, HetRec 2011" },
    Format { file: beeradvocate::BEERS, read: beeradvocate::read, name: "BeerAdvocate" },
    Format { file: amazon_beauty::REVIEWS, read: amazon_beauty::read, name: "Amazon Beauty 2014" },
    Format { file: online_retail::LINES, read: online_retail::read, name: "UCI Online Retail" },
    Format { file: rees46::MONTHS, read: rees46::read, name: "REES46" },
    Format { file: recbole::INTERACTIONS, read: recbole::read, name: "RecBole" },
];
const EVENT_LOG: &str = "Vitrine event log";

impl Format {
    /// The format of the files in `folder`.
    ///
    /// # Errors
    /// When the folder is missing or holds no known format.
    pub fn of(folder: &Path) -> Result<&'static Self> {
        ensure!(
            folder.is_dir(),
            "{} is not a folder\nhint: pass the folder that holds the data files with --data",
            folder.display()
        );
        for format in &FORMATS {
            if !matching(folder, format.file)?.is_empty() {
                return Ok(format);
            }
        }
        let known: Vec<String> =
            FORMATS.iter().map(|format| format!("{} ({})", format.file, format.name)).collect();
        bail!(
            "{} holds no data set that this build knows\nhint: expected {}",
            folder.display(),
            known.join(", or ")
        )
    }

    #[must_use]
    pub fn is_event_log(&self) -> bool {
        self.name == EVENT_LOG
    }

    /// Reads the files in `folder`; rows that break the format are left out and listed in the report.
    ///
    /// # Errors
    /// When a file is missing or cannot be read at all.
    pub fn read(&self, folder: &Path) -> Result<Dataset> {
        (self.read)(folder)
    }
}

/// Loads the data set in `folder`, in the format that its file names tell.
///
/// # Errors
/// When the folder holds no known format, or a file of it is missing, cut off or malformed.
pub fn load(folder: &Path) -> Result<Dataset> {
    let mut dataset = Format::of(folder)?.read(folder)?;
    if dataset.report.errors().next().is_none() {
        dataset.report.rejected.extend(times::impossible(folder, &dataset, times::now_ms()));
    }
    match dataset.report.refusal() {
        None => Ok(dataset),
        Some(refusal) => bail!(refusal),
    }
}

/// The files of `folder` whose names fit `pattern`, in the order of their names.
fn matching(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>> {
    let (start, end) = pattern.split_once('*').map_or((pattern, None), |(start, end)| (start, Some(end)));
    let fits = |name: &str| match end {
        None => name == start,
        Some(end) => name.strip_prefix(start).is_some_and(|rest| rest.ends_with(end)),
    };
    let listing = folder.read_dir().with_context(|| format!("cannot list {}", folder.display()))?;
    let mut files: Vec<PathBuf> = listing
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| fits(&path.file_name().unwrap_or_default().to_string_lossy()))
        .collect();
    files.sort();
    Ok(files)
}

fn one_matching(folder: &Path, pattern: &str) -> Result<PathBuf> {
    let mut files = matching(folder, pattern)?;
    match (files.pop(), files.len()) {
        (Some(file), 0) => Ok(file),
        (_, others) => bail!(
            "{} holds {} files {pattern}\nhint: exactly one tells what visitors did; keep that one",
            folder.display(),
            if others == 0 { 0 } else { others + 1 }
        ),
    }
}

fn open(path: &Path) -> Result<BufReader<File>> {
    let file = File::open(path).with_context(|| {
        let packed = PathBuf::from(format!("{}.gz", path.display()));
        let hint = match packed.exists() {
            true => format!("unpack it first: gunzip {}", packed.display()),
            false => "the file belongs to this format; check that it was copied".to_owned(),
        };
        format!("cannot read {}\nhint: {hint}", path.display())
    })?;
    Ok(BufReader::new(file))
}

/// Lines of a file in UTF-8; in Latin-1, where every byte is a character, if it is no UTF-8.
fn text_lines(path: &Path) -> Result<Vec<String>> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes).with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(!bytes.is_empty(), "{} is empty\nhint: copy the file again from its source", path.display());
    // Published files end their last line; one that does not may have lost the end of a number.
    ensure!(
        bytes.ends_with(b"\n"),
        "{}:{}: the last line is cut off\nhint: copy the file again from its source",
        path.display(),
        bytes.split(|&byte| byte == b'\n').count()
    );
    let text = String::from_utf8(bytes)
        .unwrap_or_else(|error| error.as_bytes().iter().map(|&byte| char::from(byte)).collect());
    // Some tools begin a file with a byte order mark.
    Ok(text.trim_start_matches('\u{feff}').lines().map(str::to_owned).collect())
}

fn gzip_lines(path: &Path) -> Result<Vec<String>> {
    BufReader::new(flate2::read::MultiGzDecoder::new(open(path)?))
        .lines()
        .collect::<Result<_, _>>()
        .with_context(|| {
            format!("cannot unpack {}\nhint: the archive seems cut off; copy it again", path.display())
        })
}
