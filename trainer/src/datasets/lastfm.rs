//! How is the HetRec 2011 Last.fm set read? Order from the first tag day of user and artist, intensity from
//! the listen count.

use std::{collections::BTreeMap, path::Path};

use anyhow::Result;
use shared::{amount, interaction::Interaction};

use super::{
    Dataset, ImportReport, date,
    gather::{self, ByVisitor, Items},
    report::Unused,
    table::{Rows, Separator, Table},
};

pub const COUNTS: &str = "user_artists.dat";

/// Intensity of an artist that was tagged and is not among the visitor's listen counts: to tag is to care, so a
/// little above neutral (three and a half stars); the counts hold only the fifty artists heard most, so nothing
/// is known about more.
const TAGGED: f32 = 0.25;
/// Last.fm's tags began in 2005, and the set was taken in May 2011: other years are errors of the source.
const YEARS: std::ops::RangeInclusive<i64> = 2005..=2011;

pub fn read(folder: &Path) -> Result<Dataset> {
    let mut report = ImportReport::default();
    let artists = folder.join("artists.dat");
    let mut items = Items::default();
    Table::open(&artists, Separator::Tab)?.each(
        ["id", "name"],
        Rows::Others,
        &mut report,
        |[id, name]| items.add(id, gather::item(id.text, name.text)),
    )?;
    let catalog = items.catalog(&artists)?;

    let mut counts: ByVisitor<(usize, f32)> = BTreeMap::new();
    Table::open(&folder.join(COUNTS), Separator::Tab)?.each(
        ["userID", "artistID", "weight"],
        Rows::Others,
        &mut report,
        |[user, artist, weight]| {
            let hint = "artists.dat and user_artists.dat must be of one release";
            let item = catalog
                .index(artist.text)
                .ok_or_else(|| artist.broken("unknown item", "an artist of artists.dat", hint))?;
            counts.entry(user.text.to_owned()).or_default().push((item, weight.number()?));
            Ok(())
        },
    )?;
    let amounts: Vec<Vec<f32>> =
        counts.values().map(|list| list.iter().map(|(_, count)| *count).collect()).collect();
    let intensities = amount::intensities(&amounts);
    let mut heard: BTreeMap<(&str, usize), f32> = BTreeMap::new();
    for ((user, list), intensities) in counts.iter().zip(&intensities) {
        heard.extend(list.iter().zip(intensities).map(|((item, _), p)| ((user.as_str(), *item), *p)));
    }

    // First tag day of every user and artist.
    let mut first: BTreeMap<(String, usize), i64> = BTreeMap::new();
    Table::open(&folder.join("user_taggedartists.dat"), Separator::Tab)?.each(
        ["userID", "artistID", "day", "month", "year"],
        Rows::Interactions,
        &mut report,
        |[user, artist, day, month, year]| {
            let [day, month, at] = [day, month, year].map(|field| field.number::<i32>().map(i64::from));
            let (day, month, at) = (day?, month?, at?);
            if !YEARS.contains(&at) {
                return Err(Unused::LeftOut("tags dated outside 2005 to 2011"));
            }
            let time_ms = date::day_ms(at, month, day).ok_or_else(|| {
                year.broken("value that is no date", "a day, month and year", "mend the date")
            })?;
            let Some(item) = catalog.index(artist.text) else {
                return Err(Unused::LeftOut("tags of artists that artists.dat lacks"));
            };
            let known = first.entry((user.text.to_owned(), item)).or_insert(time_ms);
            *known = time_ms.min(*known);
            Ok(())
        },
    )?;

    let undated =
        heard.keys().filter(|(user, item)| !first.contains_key(&((*user).to_owned(), *item))).count();
    report.remark_count(
        undated,
        "listen counts have no tag and so no day: they only rank the visitor's others",
    );
    let (mut visitors, mut uncounted): (ByVisitor<Interaction>, _) = (BTreeMap::new(), 0);
    for ((user, item), time_ms) in first {
        let count = heard.get(&(user.as_str(), item)).copied();
        uncounted += usize::from(count.is_none());
        let intensity = count.unwrap_or(TAGGED);
        visitors.entry(user).or_default().push(Interaction { item, intensity, time_ms });
    }
    let dated: usize = visitors.values().map(Vec::len).sum();
    report.remark(format!(
        "the accepted tags are of {dated} pairs of visitor and artist, dated by their first tag"
    ));
    report.remark_count(
        uncounted,
        &format!("tagged artists without a listen count have the intensity {TAGGED}"),
    );
    // The file is sorted by artist, and most tags are dated by the first of a month.
    gather::shuffle_within_days(&mut visitors);
    report.remark("artists first tagged on one day (mostly: in one month) are in a random order");
    gather::from_interactions("lastfm-hetrec2011", catalog, visitors, report)
}
