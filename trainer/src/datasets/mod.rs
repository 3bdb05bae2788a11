//! Which files make up a data set? Raw files in, a catalogue and one time-ordered history per visitor out.
//!
//! The only place that knows file formats. A bad row is an error with file, line and remedy.

mod event_log;
mod movielens;

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use anyhow::{Context, Result, bail, ensure};
use shared::{catalog::Catalog, interaction::Interaction, signals::SignalsConfig};

pub use event_log::{check as check_event, write as write_event_log};

/// A shop's catalogue and what its visitors did.
pub struct Dataset {
    /// What kind of files it came from.
    pub format: &'static str,
    pub catalog: Catalog,
    /// One visitor's interactions each, oldest first.
    pub histories: Vec<Vec<Interaction>>,
    /// Events left out because they name items that the catalogue lacks.
    pub unknown_events: usize,
    /// What events mean in this shop, with what was measured in its log; the package carries it to the browser.
    pub signals: SignalsConfig,
}

impl Dataset {
    #[must_use]
    pub fn interactions(&self) -> usize {
        self.histories.iter().map(Vec::len).sum()
    }
}

/// Loads the data set in `folder`, in the format that its file names tell.
///
/// # Errors
/// When the folder holds no known format, or a file of it is missing, cut off or malformed.
pub fn load(folder: &Path) -> Result<Dataset> {
    if !folder.is_dir() {
        bail!(
            "{} is not a folder\nhint: pass the folder that holds the data files with --data",
            folder.display()
        );
    }
    if folder.join("u.data").exists() || folder.join("u.item").exists() {
        return movielens::load_100k(folder);
    }
    if folder.join("movies.dat").exists() {
        return movielens::load_1m(folder);
    }
    if folder.join("events.jsonl").exists() || folder.join("catalog.jsonl").exists() {
        return event_log::load(folder);
    }
    bail!(
        "{} holds no data set that this build knows\n\
         hint: expected u.data and u.item (MovieLens 100K), ratings.dat or ratings*.dat.gz and movies.dat \
         (MovieLens 1M), or catalog.jsonl and events.jsonl (Vitrine event log)",
        folder.display()
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
