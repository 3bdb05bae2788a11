//! Which files make up a data set? Raw files in, a catalogue and one time-ordered history per visitor out.
//!
//! The only place that knows file formats. A bad row is an error with file, line and remedy.

mod amazon_beauty;
mod beeradvocate;
pub mod date;
mod event_log;
mod gather;
mod lastfm;
mod movielens;
pub mod report;
mod steam;
pub mod summary;
mod table;

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use anyhow::{Context, Result, bail, ensure};
use shared::{catalog::Catalog, interaction::Interaction, signals::SignalsConfig};

pub use event_log::{check as check_event, write as write_event_log};
pub use report::ImportReport;

/// A shop's catalogue and what its visitors did.
pub struct Dataset {
    /// What kind of files it came from.
    pub format: &'static str,
    pub catalog: Catalog,
    /// One visitor's interactions each, oldest first.
    pub histories: Vec<Vec<Interaction>>,
    /// Events left out because they name items that the catalogue lacks.
    pub unknown_events: usize,
    /// What became of the rows.
    pub report: ImportReport,
    /// What events mean in this shop, with what was measured in its log; the package carries it to the browser.
    pub signals: SignalsConfig,
}

impl Dataset {
    #[must_use]
    pub fn interactions(&self) -> usize {
        self.histories.iter().map(Vec::len).sum()
    }
}

/// A format: a name that its folder holds, who reads it, and what it is called.
struct Format {
    file: &'static str,
    read: fn(&Path) -> Result<Dataset>,
    name: &'static str,
}

const FORMATS: [Format; 10] = [
    Format { file: "u.data", read: movielens::load_100k, name: "MovieLens 100K" },
    Format { file: "u.item", read: movielens::load_100k, name: "MovieLens 100K" },
    Format { file: "movies.dat", read: movielens::load_1m, name: "MovieLens 1M" },
    Format { file: "catalog.jsonl", read: event_log::load, name: "Vitrine event log" },
    Format { file: "events.jsonl", read: event_log::load, name: "Vitrine event log" },
    Format { file: steam::REVIEWS, read: steam::read_reviews, name: "Steam reviews" },
    Format { file: steam::HOURS, read: steam::read_hours_alone, name: "Steam play hours" },
    Format { file: lastfm::COUNTS, read: lastfm::read, name: "Last.fm, HetRec 2011" },
    Format { file: beeradvocate::BEERS, read: beeradvocate::read, name: "BeerAdvocate" },
    Format { file: amazon_beauty::REVIEWS, read: amazon_beauty::read, name: "Amazon Beauty 2014" },
];

/// Loads the data set in `folder`, in the format that its file names tell.
///
/// # Errors
/// When the folder holds no known format, or a file of it is missing, cut off or malformed.
pub fn load(folder: &Path) -> Result<Dataset> {
    let dataset = read(folder)?;
    if let Some(first) = dataset.report.errors().next() {
        let more = match dataset.report.errors().count() - 1 {
            0 => String::new(),
            more => format!("\nhint: {more} more such lines: trainer validate --data lists them"),
        };
        bail!("{first}{more}");
    }
    Ok(dataset)
}

/// As [`load`], but rows that break the format are left out and listed in the report.
///
/// # Errors
/// When the folder holds no known format, or a file of it is missing or cannot be read at all.
pub fn read(folder: &Path) -> Result<Dataset> {
    if !folder.is_dir() {
        bail!(
            "{} is not a folder\nhint: pass the folder that holds the data files with --data",
            folder.display()
        );
    }
    if let Some(format) = FORMATS.iter().find(|format| folder.join(format.file).exists()) {
        return (format.read)(folder);
    }
    let known: Vec<String> =
        FORMATS.iter().map(|format| format!("{} ({})", format.file, format.name)).collect();
    bail!(
        "{} holds no data set that this build knows\nhint: expected {}",
        folder.display(),
        known.join(", or ")
    )
}

fn open(path: &Path) -> Result<BufReader<File>> {
    let file = File::open(path).with_context(|| {
        format!(
            "cannot read {}\nhint: the file belongs to this format; check that it was copied",
            path.display()
        )
    })?;
    Ok(BufReader::new(file))
}

/// Lines of a file that may be in Latin-1: every byte is a character.
fn latin1_lines(path: &Path) -> Result<Vec<String>> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes).with_context(|| format!("cannot read {}", path.display()))?;
    // Published files end their last line; one that does not may have lost the end of a number.
    ensure!(
        bytes.ends_with(b"\n"),
        "{}:{}: the last line is cut off\nhint: copy the file again from its source",
        path.display(),
        bytes.split(|&byte| byte == b'\n').count()
    );
    let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
    Ok(text.lines().map(str::to_owned).collect())
}

fn gzip_lines(path: &Path) -> Result<Vec<String>> {
    BufReader::new(flate2::read::MultiGzDecoder::new(open(path)?))
        .lines()
        .collect::<Result<_, _>>()
        .with_context(|| {
            format!("cannot unpack {}\nhint: the archive seems cut off; copy it again", path.display())
        })
}
