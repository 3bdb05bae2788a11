//! How are MovieLens files read? 100K (`u.data`, `u.item` in Latin-1) and 1M (`ratings.dat`, `movies.dat`).

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use shared::{
    catalog::{Catalog, Item},
    interaction::{History, Interaction},
    preference::intensity_from_rating,
    signals::SignalsConfig,
};

use super::{Dataset, gzip_lines, latin1_lines};

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
    let films = folder.join("u.item");
    let mut items = Vec::new();
    for (number, line) in numbered(latin1_lines(&films)?) {
        // id | title | release | video release | address | 19 genre flags
        let fields: Vec<&str> = line.split('|').collect();
        ensure!(
            fields.len() == 5 + GENRES_100K.len(),
            "{}:{number}: expected 24 fields separated by |, got {}\n{CUT_OFF}",
            films.display(),
            fields.len()
        );
        let genres = GENRES_100K
            .iter()
            .zip(&fields[5..])
            .filter(|(genre, flag)| **flag == "1" && **genre != "unknown");
        items.push(film(fields[0], fields[1], genres.map(|(genre, _)| (*genre).to_owned()).collect()));
    }
    let ratings = folder.join("u.data");
    let rows = numbered(latin1_lines(&ratings)?)
        .map(|(number, line)| rating(&ratings, number, &line.split('\t').collect::<Vec<_>>()))
        .collect::<Result<_>>()?;
    dataset("movielens-100k", items, &films, rows)
}

pub fn load_1m(folder: &Path) -> Result<Dataset> {
    let films = folder.join("movies.dat");
    let mut items = Vec::new();
    for (number, line) in numbered(latin1_lines(&films)?) {
        let fields: Vec<&str> = line.split("::").collect();
        ensure!(
            fields.len() == 3,
            "{}:{number}: expected id::title::genres, got {} fields\n{CUT_OFF}",
            films.display(),
            fields.len()
        );
        items.push(film(fields[0], fields[1], fields[2].split('|').map(str::to_owned).collect()));
    }
    let ratings = ratings_file(folder)?;
    let is_packed = ratings.extension().is_some_and(|extension| extension == "gz");
    let lines = if is_packed { gzip_lines(&ratings)? } else { latin1_lines(&ratings)? };
    let rows = numbered(lines)
        .map(|(number, line)| rating(&ratings, number, &line.split("::").collect::<Vec<_>>()))
        .collect::<Result<_>>()?;
    dataset("movielens-1m", items, &films, rows)
}

const CUT_OFF: &str = "hint: the line is cut off or in another format; copy the file again from its source";

fn numbered(lines: Vec<String>) -> impl Iterator<Item = (usize, String)> {
    lines.into_iter().enumerate().map(|(index, line)| (index + 1, line))
}

fn film(id: &str, title: &str, category: Vec<String>) -> Item {
    Item { id: id.to_owned(), title: title.trim().to_owned(), category, available: true, ..Item::default() }
}

/// `ratings.dat`, packed or not, or the one file `ratings*.dat.gz` of a cut.
fn ratings_file(folder: &Path) -> Result<PathBuf> {
    for name in ["ratings.dat", "ratings.dat.gz"] {
        let path = folder.join(name);
        if path.exists() {
            return Ok(path);
        }
    }
    let listing = folder.read_dir().with_context(|| format!("cannot list {}", folder.display()))?;
    let mut cuts: Vec<PathBuf> = listing
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("ratings") && name.ends_with(".dat.gz")
        })
        .collect();
    cuts.sort();
    match cuts.as_slice() {
        [one] => Ok(one.clone()),
        [] => bail!(
            "{} has movies.dat but no ratings\nhint: put ratings.dat or ratings.dat.gz beside it",
            folder.display()
        ),
        several => bail!(
            "{} holds {} files of ratings\nhint: keep one, or rename it to ratings.dat.gz",
            folder.display(),
            several.len()
        ),
    }
}

struct Rating {
    user: u32,
    film: String,
    rating: f32,
    time_ms: i64,
}

fn rating(path: &Path, number: usize, fields: &[&str]) -> Result<Rating> {
    let place = || format!("{}:{number}", path.display());
    ensure!(
        fields.len() == 4,
        "{}: expected user, item, rating and time, got {} fields\n{CUT_OFF}",
        place(),
        fields.len()
    );
    let read = || -> Option<Rating> {
        let rating: f32 = fields[2].parse().ok()?;
        (1.0..=BEST_RATING).contains(&rating).then_some(())?;
        Some(Rating {
            user: fields[0].parse().ok()?,
            film: fields[1].to_owned(),
            rating,
            time_ms: fields[3].trim().parse::<i64>().ok()?.checked_mul(1000)?,
        })
    };
    read().with_context(|| {
        format!(
            "{}: expected whole numbers and a rating from 1 to 5, got {}\n{CUT_OFF}",
            place(),
            fields.join(" ")
        )
    })
}

fn dataset(format: &'static str, items: Vec<Item>, films: &Path, rows: Vec<Rating>) -> Result<Dataset> {
    let catalog = Catalog::new(items).with_context(|| format!("{} is no catalogue", films.display()))?;
    ensure!(!rows.is_empty(), "the file of ratings is empty\n{CUT_OFF}");
    let mut by_user: BTreeMap<u32, Vec<Interaction>> = BTreeMap::new();
    for row in rows {
        let item = catalog.index(&row.film).with_context(|| {
            format!(
                "item {} is rated but missing in {}\nhint: both files must be of one release",
                row.film,
                films.display()
            )
        })?;
        let intensity = intensity_from_rating(row.rating, BEST_RATING);
        by_user.entry(row.user).or_default().push(Interaction { item, intensity, time_ms: row.time_ms });
    }
    let histories = by_user.into_values().map(|list| History::new(list).interactions().to_vec()).collect();
    let (report, signals) = (super::ImportReport::default(), SignalsConfig::default());
    Ok(Dataset { format, catalog, histories, unknown_events: 0, report, signals })
}
