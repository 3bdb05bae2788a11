//! How are MovieLens files read? 100K (`u.data`, `u.item` in Latin-1, or in UTF-8 when somebody converted it) and 1M (`ratings.dat`, `movies.dat`).

use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use shared::{
    catalog::{Catalog, Item},
    interaction::Interaction,
    preference::intensity_from_rating,
};

use super::{
    Dataset, ImportReport,
    gather::{self, Items},
    gzip_lines,
    report::{Fault, Rejection, Unused, note},
    table::{self, Field},
    text_lines,
    times::{self, Unit},
};

const GENRES_100K: [&str; 19] = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
];
const BEST_RATING: f32 = 5.0;

pub fn load_100k(folder: &Path) -> Result<Dataset> {
    let (films, ratings) = (folder.join("u.item"), folder.join("u.data"));
    let mut report = ImportReport::default();
    let mut items = Items::default();
    for (line, text) in numbered(text_lines(&films)?) {
        // id | title | release | video release | address | 19 genre flags
        let genres = |flags: &[&str]| {
            let genres = GENRES_100K.iter().zip(flags);
            let genres = genres.filter(|(genre, flag)| **flag == "1" && **genre != "unknown");
            genres.map(|(genre, _)| (*genre).to_owned()).collect()
        };
        let film = fields(&text, "|", 5 + GENRES_100K.len(), "24 fields separated by |")
            .and_then(|fields| add(&mut items, line, fields[0], fields[1], genres(&fields[5..])));
        report.reject(&films, line, film);
    }
    dataset("movielens-100k", items, &films, &ratings, &text_lines(&ratings)?, "\t", report)
}

pub fn load_1m(folder: &Path) -> Result<Dataset> {
    let films = folder.join("movies.dat");
    let mut report = ImportReport::default();
    let mut items = Items::default();
    for (line, text) in numbered(text_lines(&films)?) {
        let film = fields(&text, "::", 3, "id::title::genres").and_then(|fields| {
            let genres = fields[2].split('|').map(str::to_owned).collect();
            add(&mut items, line, fields[0], fields[1], genres)
        });
        report.reject(&films, line, film);
    }
    let ratings = ratings_file(folder)?;
    let is_packed = ratings.extension().is_some_and(|extension| extension == "gz");
    let lines = if is_packed { gzip_lines(&ratings)? } else { text_lines(&ratings)? };
    dataset("movielens-1m", items, &films, &ratings, &lines, "::", report)
}

const CUT_OFF: &str = "the line is cut off or in another format; copy the file again from its source";

fn numbered(lines: Vec<String>) -> impl Iterator<Item = (usize, String)> {
    lines.into_iter().enumerate().map(|(index, line)| (index + 1, line))
}

fn fields<'a>(line: &'a str, separator: &str, count: usize, expected: &str) -> Result<Vec<&'a str>, Unused> {
    let fields: Vec<&str> = line.split(separator).collect();
    if fields.len() == count {
        return Ok(fields);
    }
    let reason = format!("expected {expected}, got {} fields", fields.len());
    Err(Unused::Broken(Fault::new(table::CUT_OFF, reason, CUT_OFF)))
}

fn add(items: &mut Items, line: usize, id: &str, title: &str, category: Vec<String>) -> Result<(), Unused> {
    items.add(Field { column: "id", text: id, line }, Item { category, ..gather::item(id, title) })
}

/// `ratings.dat`, packed or not, or the one file `ratings*.dat.gz` of a cut.
fn ratings_file(folder: &Path) -> Result<PathBuf> {
    for name in ["ratings.dat", "ratings.dat.gz"] {
        let path = folder.join(name);
        if path.exists() {
            return Ok(path);
        }
    }
    super::one_matching(folder, "ratings*.dat.gz")
        .context("movies.dat has no ratings\nhint: put ratings.dat or ratings.dat.gz beside it")
}

/// User and interaction of a line of ratings.
fn rating(
    fields: &[&str],
    catalog: &Catalog,
    films: &Path,
    now_ms: i64,
) -> Result<(u32, Interaction), Unused> {
    let read = || -> Option<(u32, f32, i64)> {
        let rating: f32 = fields[2].parse().ok()?;
        (1.0..=BEST_RATING).contains(&rating).then_some(())?;
        Some((fields[0].parse().ok()?, rating, fields[3].trim().parse().ok()?))
    };
    let (user, rating, time) = read().ok_or_else(|| {
        let reason = format!("expected whole numbers and a rating from 1 to 5, got {}", fields.join(" "));
        Unused::Broken(Fault::new("value out of range", reason, CUT_OFF))
    })?;
    let item = catalog.index(fields[1]).ok_or_else(|| {
        let reason = format!("item {} is rated but missing in {}", fields[1], films.display());
        Unused::Broken(Fault::new("unknown item", reason, "both files must be of one release"))
    })?;
    let time_ms =
        times::check(time, Unit::Seconds, now_ms).map_err(|fault| Unused::Broken(fault.at("time")))?;
    Ok((user, Interaction { item, intensity: intensity_from_rating(rating, BEST_RATING), time_ms }))
}

fn dataset(
    format: &'static str,
    items: Items,
    films: &Path,
    ratings: &Path,
    lines: &[String],
    separator: &str,
    mut report: ImportReport,
) -> Result<Dataset> {
    // Why no line of films could be read says more than that there are no films.
    if let (true, Some(first)) = (items.is_empty(), report.rejected.first()) {
        bail!("{first}");
    }
    let catalog = items.catalog(films)?;
    // By number, as the set counts its users.
    let mut by_user: BTreeMap<u32, Vec<Interaction>> = BTreeMap::new();
    let now_ms = times::now_ms();
    let mut met: HashSet<&str> = HashSet::with_capacity(lines.len());
    let mut repeated = None;
    for (index, text) in lines.iter().enumerate() {
        let line = index + 1;
        let row = fields(text, separator, 4, "user, item, rating and time")
            .and_then(|fields| rating(&fields, &catalog, films, now_ms))
            .map(|(user, interaction)| by_user.entry(user).or_default().push(interaction));
        report.count(ratings, line, row);
        if !met.insert(text) {
            note(&mut repeated, line);
        }
    }
    if let Some((first, count)) = repeated {
        report.rejected.push(Rejection::repeated(ratings, first, count, lines.len()));
    }
    gather::from_interactions(format, catalog, by_user, report)
}
