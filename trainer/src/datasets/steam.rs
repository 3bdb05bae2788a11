//! How are Steam's files read? Dated reviews (`reviews.csv.gz`), and play hours without times (`steam-200k.csv`).

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::Result;
use shared::{amount, interaction::Interaction};

use super::{
    Dataset, ImportReport,
    gather::{self, ByVisitor},
    report::{Fault, Rejection, Unused},
    table::{Rows, Separator, Table},
};

/// A recommendation is more than liked and less than the best: four and a half stars, and its mirror image.
const RECOMMENDED: f32 = 0.75;

pub const REVIEWS: &str = "reviews.csv.gz";
pub const HOURS: &str = "steam-200k.csv";

/// Reviews of the UCSD Australian set: a day, and whether the game is recommended (p = 0.75 or -0.75).
pub fn read_reviews(folder: &Path) -> Result<Dataset> {
    let path = folder.join(REVIEWS);
    let mut report = ImportReport::default();
    let mut titles: BTreeMap<String, String> = BTreeMap::new();
    let mut rows = Vec::new();
    let mut known = BTreeSet::new();
    Table::open(&path, Separator::Comma)?.each(
        ["user_id", "item_id", "recommend", "posted", "title"],
        Rows::Interactions,
        &mut report,
        |[user, game, recommend, posted, title]| {
            titles.entry(game.text.to_owned()).or_insert_with(|| title.text.trim().to_owned());
            let intensity = match recommend.text {
                "True" => RECOMMENDED,
                "False" => -RECOMMENDED,
                _ => return Err(recommend.broken("unknown value", "True or False", "mend the value")),
            };
            posted.filled("reviews without a day")?;
            let time_ms = posted.date()?;
            if !known.insert((user.text.to_owned(), game.text.to_owned())) {
                return Err(Unused::LeftOut("further reviews of one game by one visitor"));
            }
            rows.push((user.text.to_owned(), game.text.to_owned(), intensity, time_ms));
            Ok(())
        },
    )?;
    let untitled = titles.values().filter(|title| title.is_empty()).count();
    report.remark_count(untitled, "games without a title are named by their number, as in \"App 43110\"");
    if folder.join(HOURS).exists() {
        let hours = read_hours(&folder.join(HOURS), &mut ImportReport::default())?;
        let named: BTreeSet<&String> = titles.values().collect();
        let played: BTreeSet<&String> = hours.values().flatten().map(|(title, _)| title).collect();
        report.remark(format!(
            "{HOURS} tells the hours of {} of these games, of other players; they change no intensity",
            named.intersection(&played).count()
        ));
    }
    let items = titles.iter().map(|(id, title)| match title.is_empty() {
        true => gather::item(id, &format!("App {id}")),
        false => gather::item(id, title),
    });
    let catalog = gather::catalog(items.collect(), &path)?;
    let mut visitors: ByVisitor<Interaction> = BTreeMap::new();
    for (user, game, intensity, time_ms) in rows {
        if let Some(item) = catalog.index(&game) {
            visitors.entry(user).or_default().push(Interaction { item, intensity, time_ms });
        }
    }
    gather::from_interactions("steam-reviews", catalog, visitors, report)
}

/// The Kaggle file alone: intensities without an order, to look at and not to train on.
pub fn read_hours_alone(folder: &Path) -> Result<Dataset> {
    let path = folder.join(HOURS);
    let mut report = ImportReport::default();
    let visitors = read_hours(&path, &mut report)?;
    let no_order = Fault::new(
        "data without times",
        "these play hours have no times, and the order of the lines is no history",
        "train on dated data, for example the reviews in reviews.csv.gz; this file can only be validated",
    );
    report.rejected.push(Rejection::new(&path, 1, no_order));
    let titles: BTreeSet<&String> = visitors.values().flatten().map(|(title, _)| title).collect();
    let catalog = gather::catalog(titles.iter().map(|title| gather::item(title, title)).collect(), &path)?;
    let hours: Vec<Vec<f32>> =
        visitors.values().map(|games| games.iter().map(|(_, hours)| *hours).collect()).collect();
    let mut histories: ByVisitor<Interaction> = BTreeMap::new();
    for ((user, games), intensities) in visitors.iter().zip(amount::intensities(&hours)) {
        let interactions = games.iter().zip(intensities).filter_map(|((title, _), intensity)| {
            Some(Interaction { item: catalog.index(title)?, intensity, time_ms: 0 })
        });
        histories.insert(user.clone(), interactions.collect());
    }
    gather::from_interactions("steam-200k", catalog, histories, report)
}

/// Title and hours of the games that each visitor bought; a game that was never played has none.
fn read_hours(path: &Path, report: &mut ImportReport) -> Result<ByVisitor<(String, f32)>> {
    let mut hours: BTreeMap<(String, String), f32> = BTreeMap::new();
    Table::open_bare(path, Separator::Comma, &["user", "game", "behaviour", "value", "zero"])?.each(
        ["user", "game", "behaviour", "value"],
        Rows::Interactions,
        report,
        |[user, game, behaviour, value]| {
            let title = game.text.split_whitespace().collect::<Vec<_>>().join(" ");
            let known = hours.entry((user.text.to_owned(), title)).or_default();
            match behaviour.text {
                "purchase" => {}
                "play" => *known += value.number::<f32>()?,
                _ => return Err(behaviour.broken("unknown event name", "purchase or play", "mend the name")),
            }
            Ok(())
        },
    )?;
    let mut visitors: ByVisitor<(String, f32)> = BTreeMap::new();
    for ((user, title), hours) in hours {
        visitors.entry(user).or_default().push((title, hours));
    }
    Ok(visitors)
}
