//! How are RecBole's atomic files read? `NAME.inter`, and `NAME.item` for titles; the header types the columns.
//!
//! # Source
//! RecBole, "Atomic Files": tab-separated, the first line holds `name:type`, timestamps are in seconds.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::{Context, Result};
use shared::{amount, catalog::Catalog, interaction::Interaction, preference::intensity_from_rating};

use super::{
    Dataset, ImportReport,
    gather::{self, ByVisitor, Items},
    report::UNKNOWN_ITEM,
    table::{Rows, Separator, Table},
};

pub const INTERACTIONS: &str = "*.inter";

const ITEM: [&str; 6] = ["item_id", "product_id", "movie_id", "artist_id", "business_id", "id"];
const TITLE: [&str; 7] =
    ["title", "movie_title", "name", "app_name", "product_name", "artist_name", "item_name"];
const CATEGORY: [&str; 5] = ["genres", "genre", "class", "categories", "category"];
/// Columns of counts and durations, which are ranked per visitor.
const AMOUNT: [&str; 4] = ["weight", "play_hours", "listen_count", "count"];
/// Seconds beyond this (the year 5138) are milliseconds.
const MOST_SECONDS: i64 = 100_000_000_000;

/// What the numbers beside an interaction say.
enum Strength {
    Rating(f32),
    Amount(f32),
    Nothing,
}

struct Row {
    item: String,
    strength: Strength,
    time: i64,
}

pub fn read(folder: &Path) -> Result<Dataset> {
    let path = super::one_matching(folder, INTERACTIONS)?;
    let mut report = ImportReport::default();
    let table = open(&path)?;
    let user = table.need("user_id")?;
    let item = need(&table, &ITEM, &path, "item_id:token")?;
    let time = table.find(&["timestamp"]).with_context(|| {
        format!(
            "{}:1: the column timestamp is missing, and without it no history has an order\n\
             hint: add a column timestamp:float with seconds since 1970, or convert the set with its timestamps",
            path.display()
        )
    })?;
    let (rating, amount) = (table.find(&["rating"]), table.find(&AMOUNT));
    let mut visitors: ByVisitor<Row> = BTreeMap::new();
    table.each_at(
        [user, item, time, rating.or(amount).unwrap_or(user)],
        Rows::Interactions,
        &mut report,
        |[user, item, time, strength]| {
            let strength = match (rating, amount) {
                (Some(_), _) => Strength::Rating(strength.number()?),
                (None, Some(_)) => Strength::Amount(strength.number()?),
                (None, None) => Strength::Nothing,
            };
            time.filled("rows without a timestamp")?;
            let (item, time) =
                (item.filled("rows without an item")?.to_owned(), time.number::<f64>()? as i64);
            visitors.entry(user.filled("rows without a visitor")?.to_owned()).or_default().push(Row {
                item,
                strength,
                time,
            });
            Ok(())
        },
    )?;
    let catalog = match path.with_extension("item") {
        items if items.exists() => read_items(&items, &mut report)?,
        _ => {
            report.remark("there is no .item file: items are named by their ids");
            let ids: BTreeSet<&str> = visitors.values().flatten().map(|row| row.item.as_str()).collect();
            gather::catalog(ids.iter().map(|id| gather::item(id, &format!("Item {id}"))).collect(), &path)?
        }
    };
    let unit_ms = unit_ms(&visitors, &mut report);
    let intensities = intensities(&visitors, &mut report);
    let mut histories: ByVisitor<Interaction> = BTreeMap::new();
    let mut unknown_events = 0;
    for ((user, rows), intensities) in visitors.into_iter().zip(intensities) {
        for (row, intensity) in rows.into_iter().zip(intensities) {
            let Some(item) = catalog.index(&row.item) else {
                unknown_events += 1;
                continue;
            };
            let interaction = Interaction { item, intensity, time_ms: row.time.saturating_mul(unit_ms) };
            histories.entry(user.clone()).or_default().push(interaction);
        }
    }
    report.withdraw(unknown_events, UNKNOWN_ITEM);
    let dataset = gather::from_interactions("recbole", catalog, histories, report)?;
    Ok(Dataset { unknown_events, ..dataset })
}

/// A table whose columns are named without their types.
fn open(path: &Path) -> Result<Table> {
    let mut table = Table::open(path, Separator::Tab)?;
    table.rename(|column| column.split(':').next().unwrap_or(column).to_owned());
    Ok(table)
}

fn need(table: &Table, names: &[&str], path: &Path, wanted: &str) -> Result<usize> {
    table.find(names).with_context(|| {
        format!(
            "{}:1: no column names the item\nhint: name it {wanted} (also understood: {})",
            path.display(),
            names.join(", ")
        )
    })
}

fn read_items(path: &Path, report: &mut ImportReport) -> Result<Catalog> {
    let table = open(path)?;
    let id = need(&table, &ITEM, path, "item_id:token")?;
    let title = table.find(&TITLE);
    let (category, brand) = (table.find(&CATEGORY), table.find(&["brand"]));
    if title.is_none() {
        report.remark("the .item file has no column of titles: items are named by their ids");
    }
    let (mut items, mut untitled) = (Items::default(), 0);
    table.each_at(
        [id, title.unwrap_or(id), category.unwrap_or(id), brand.unwrap_or(id)],
        Rows::Others,
        report,
        |[id, name, genres, maker]| {
            let mut item = gather::item(id.text, name.text);
            if title.is_none() || item.title.is_empty() {
                untitled += usize::from(title.is_some());
                item.title = format!("Item {}", id.text);
            }
            if category.is_some() && !genres.text.trim().is_empty() {
                item.category = vec![genres.text.trim().to_owned()];
            }
            item.brand =
                Some(maker.text.trim().to_owned()).filter(|name| brand.is_some() && !name.is_empty());
            items.add(id, item)
        },
    )?;
    report.remark_count(untitled, "items without a title are named by their ids");
    items.catalog(path)
}

/// Milliseconds in one unit of the timestamps.
fn unit_ms(visitors: &ByVisitor<Row>, report: &mut ImportReport) -> i64 {
    let largest = visitors.values().flatten().map(|row| row.time).max().unwrap_or(0);
    if largest > MOST_SECONDS {
        report.remark("timestamps are too large for seconds and were read as milliseconds");
        return 1;
    }
    1000
}

/// Intensities in the shape of `visitors`: from ratings on the scale that their maximum tells, from amounts by
/// rank, else 1 for every interaction.
fn intensities(visitors: &ByVisitor<Row>, report: &mut ImportReport) -> Vec<Vec<f32>> {
    let ratings = visitors.values().flatten().filter_map(|row| match row.strength {
        Strength::Rating(rating) => Some(rating),
        _ => None,
    });
    let most = ratings.fold(0.0, f32::max);
    let best = [1.0, 5.0, 10.0].into_iter().find(|&best| most <= best).unwrap_or(100.0);
    let rated = |rating: f32| match best {
        // Zero and one: disliked and liked.
        1.0 => 2.0 * rating - 1.0,
        _ => intensity_from_rating(rating, best),
    };
    let amounts: Vec<Vec<f32>> = visitors
        .values()
        .map(|rows| {
            rows.iter().map(|row| if let Strength::Amount(x) = row.strength { x } else { 0.0 }).collect()
        })
        .collect();
    report.remark(match visitors.values().flatten().next().map(|row| &row.strength) {
        Some(Strength::Rating(_)) => format!("ratings go up to {most}: read on a scale up to {best}"),
        Some(Strength::Amount(_)) => "amounts were ranked per visitor".to_owned(),
        _ => "there are no ratings: every row counts fully (intensity 1)".to_owned(),
    });
    let ranked = amount::intensities(&amounts);
    let of_row = |(row, ranked): (&Row, f32)| match row.strength {
        Strength::Rating(rating) => rated(rating),
        Strength::Amount(_) => ranked,
        Strength::Nothing => 1.0,
    };
    visitors
        .values()
        .zip(ranked)
        .map(|(rows, ranked)| rows.iter().zip(ranked).map(of_row).collect())
        .collect()
}
