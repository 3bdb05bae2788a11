//! How are BeerAdvocate's British beers read? Ratings by day, names and styles of beers.

use std::{collections::BTreeMap, path::Path};

use anyhow::Result;
use shared::{interaction::Interaction, preference::intensity_from_rating};

use super::{
    Dataset, ImportReport,
    gather::{self, ByVisitor, Items},
    table::{Rows, Separator, Table},
};

pub const BEERS: &str = "beers.csv";
const BEST_RATING: f32 = 5.0;

pub fn read(folder: &Path) -> Result<Dataset> {
    let mut report = ImportReport::default();
    let mut strength: BTreeMap<String, String> = BTreeMap::new();
    let measured = folder.join("gb_beers.csv");
    if measured.exists() {
        Table::open(&measured, Separator::Comma)?.each(
            ["beer", "abv"],
            Rows::Others,
            &mut report,
            |[beer, abv]| {
                if !abv.text.trim().is_empty() {
                    strength.insert(beer.text.to_owned(), format!("{}%", abv.within(0.0, 100.0)?));
                }
                Ok(())
            },
        )?;
    }
    let beers = folder.join(BEERS);
    let mut items = Items::default();
    Table::open(&beers, Separator::Comma)?.each(
        ["beer", "name", "place", "style_genre", "style_name"],
        Rows::Others,
        &mut report,
        |[beer, name, place, genre, style]| {
            let mut item = gather::item(beer.text, name.text);
            // The set tells breweries apart by number only.
            item.brand = Some(format!("Brewery {}", place.text));
            item.category = vec![genre.text.to_owned(), style.text.to_owned()];
            item.attrs.extend(strength.get(beer.text).map(|abv| ("abv".to_owned(), abv.clone())));
            items.add(beer, item)
        },
    )?;
    let catalog = items.catalog(&beers)?;
    let mut visitors: ByVisitor<Interaction> = BTreeMap::new();
    Table::open(&folder.join("ratings.csv"), Separator::Comma)?.each(
        ["usr", "beer", "date", "rating"],
        Rows::Interactions,
        &mut report,
        |[user, beer, day, rating]| {
            let rating = rating.within(1.0, BEST_RATING)?;
            let item = catalog.index(beer.text).ok_or_else(|| {
                beer.broken("unknown item", "a beer of beers.csv", "both files must be of one release")
            })?;
            let user = user.filled("ratings without a visitor")?;
            day.filled("ratings without a day")?;
            let intensity = intensity_from_rating(rating, BEST_RATING);
            let interaction = Interaction { item, intensity, time_ms: day.date()? };
            visitors.entry(user.to_owned()).or_default().push(interaction);
            Ok(())
        },
    )?;
    // The file is sorted by brewery and beer.
    gather::shuffle_within_days(&mut visitors);
    report.remark("beers rated on one day are in a random order");
    gather::from_interactions("beeradvocate", catalog, visitors, report)
}
