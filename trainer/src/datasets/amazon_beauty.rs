//! How is the Amazon Beauty 5-core read? Reviews without ratings, in the published order: each is a purchase.

use std::{collections::BTreeMap, path::Path};

use anyhow::Result;
use shared::{
    catalog::Item,
    interaction::{History, Interaction},
};

use super::{
    Dataset, ImportReport,
    gather::{self, ByVisitor},
    report::Unused,
    table::{Field, Rows, Separator, Table},
};

pub const REVIEWS: &str = "interactions.csv.gz";
/// Nobody reviews what they did not get.
const PURCHASE: f32 = 1.0;

struct Row {
    position: u32,
    item: String,
    time_ms: Option<i64>,
}

pub fn read(folder: &Path) -> Result<Dataset> {
    let path = folder.join(REVIEWS);
    let mut report = ImportReport::default();
    let mut items: BTreeMap<String, Item> = BTreeMap::new();
    let mut visitors: ByVisitor<Row> = BTreeMap::new();
    Table::open(&path, Separator::Comma)?.each(
        ["user_id", "asin", "position", "timestamp", "title"],
        Rows::Interactions,
        &mut report,
        |[user, asin, position, timestamp, title]| {
            let time_ms = time(timestamp)?;
            let row = Row { position: position.number()?, item: asin.text.to_owned(), time_ms };
            if !items.contains_key(asin.text) {
                items.insert(asin.text.to_owned(), gather::item(asin.text, &plain(title.text)));
            }
            visitors.entry(user.text.to_owned()).or_default().push(row);
            Ok(())
        },
    )?;
    let catalog = gather::catalog(items.into_values().collect(), &path)?;
    let mut times: Vec<i64> = visitors.values().flatten().filter_map(|row| row.time_ms).collect();
    times.sort_unstable();
    let middle_ms = times.get(times.len() / 2).copied().unwrap_or(0);
    let mut undated = 0;
    let histories = visitors.into_iter().map(|(user, mut rows)| {
        rows.sort_by_key(|row| row.position);
        undated += rows.iter().filter(|row| row.time_ms.is_none()).count();
        // The position is the order. A row without a time has that of the row before it, the first ones that of
        // the first row that has one, and a visitor without any the middle of all times.
        let mut time_ms = rows.iter().find_map(|row| row.time_ms).unwrap_or(middle_ms);
        let interactions = rows.iter().filter_map(|row| {
            time_ms = row.time_ms.map_or(time_ms, |own| own.max(time_ms));
            Some(Interaction { item: catalog.index(&row.item)?, intensity: PURCHASE, time_ms })
        });
        (user, History::new(interactions.collect()).interactions().to_vec())
    });
    let histories: ByVisitor<Interaction> = histories.collect();
    report
        .remark_count(undated, "rows without a time keep their position and have the time of the row before");
    report.remark(
        "the published order is by item id within a day (39 % of neighbouring rows), which favours methods that read order",
    );
    report.remark("there are no ratings: every review counts as a purchase (intensity 1)");
    gather::from_interactions("amazon-beauty-2014", catalog, histories, report)
}

fn time(field: Field) -> Result<Option<i64>, Unused> {
    if field.text.trim().is_empty() { Ok(None) } else { field.seconds().map(Some) }
}

/// A title as people read it: the set holds them as they stood in the page's source.
fn plain(title: &str) -> String {
    let mut plain = String::with_capacity(title.len());
    let mut rest = title;
    while let Some(start) = rest.find('&') {
        plain.push_str(&rest[..start]);
        rest = &rest[start..];
        match rest.find(';').and_then(|end| Some((character(&rest[1..end])?, end))) {
            Some((character, end)) => {
                plain.push(character);
                rest = &rest[end + 1..];
            }
            None => {
                plain.push('&');
                rest = &rest[1..];
            }
        }
    }
    plain + rest
}

/// The character that an HTML reference (without `&` and `;`) stands for.
fn character(reference: &str) -> Option<char> {
    if let Some(number) = reference.strip_prefix('#') {
        return match number.parse().ok()? {
            // Two of Windows' code page that this set holds.
            150 => Some('–'),
            153 => Some('™'),
            number => char::from_u32(number),
        };
    }
    const NAMED: [(&str, char); 20] = [
        ("amp", '&'),
        ("quot", '"'),
        ("apos", '\''),
        ("lt", '<'),
        ("gt", '>'),
        ("nbsp", ' '),
        ("reg", '®'),
        ("copy", '©'),
        ("trade", '™'),
        ("deg", '°'),
        ("ordm", 'º'),
        ("bull", '•'),
        ("hearts", '♥'),
        ("frac12", '½'),
        ("egrave", 'è'),
        ("eacute", 'é'),
        ("Eacute", 'É'),
        ("ccedil", 'ç'),
        ("agrave", 'à'),
        ("ntilde", 'ñ'),
    ];
    NAMED.iter().find(|(name, _)| *name == reference).map(|(_, character)| *character)
}

#[cfg(test)]
mod tests {
    #[test]
    fn references_become_characters() {
        for (source, read) in [
            ("Wash &amp; Go &#9733;", "Wash & Go ★"),
            ("1&frac12;&quot; &nosuch; & more", "1½\" &nosuch; & more"),
            ("A&B; no & end", "A&B; no & end"),
            ("5&#150;6&#153", "5–6&#153"),
        ] {
            assert_eq!(super::plain(source), read);
        }
    }
}
