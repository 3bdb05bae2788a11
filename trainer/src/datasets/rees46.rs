//! How is a REES46 log read? View, cart and purchase events of a shop, with brand, category and price.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use anyhow::Result;
use shared::{
    catalog::Item,
    interaction::{Event, EventKind},
};

use super::{
    Dataset, ImportReport,
    gather::{self, ByVisitor},
    table::{Field, Rows, Separator, Table},
};

/// The official names are `2019-Oct.csv` and so on.
pub const MONTHS: &str = "20*.csv";

pub fn read(folder: &Path) -> Result<Dataset> {
    let mut report = ImportReport::default();
    let mut items: HashMap<String, Item> = HashMap::new();
    let mut visitors: ByVisitor<Event> = BTreeMap::new();
    for path in super::matching(folder, MONTHS)? {
        Table::open(&path, Separator::Comma)?.each(
            ["event_time", "event_type", "product_id", "category_code", "brand", "price", "user_id"],
            Rows::InteractionsWithCutEnd,
            &mut report,
            |[time, kind, product, category, brand, price, user]| {
                let kind = match kind.text {
                    "view" => EventKind::View,
                    "cart" => EventKind::CartAdd,
                    "remove_from_cart" => EventKind::CartRemove,
                    "purchase" => EventKind::Purchase,
                    _ => {
                        let names = "view, cart, remove_from_cart or purchase";
                        return Err(kind.broken(
                            "unknown event name",
                            names,
                            "rename the event or remove the line",
                        ));
                    }
                };
                let ts = time.date()?;
                let cents = (price.number::<f64>()? * 100.0).round() as i64;
                let user = user.filled("events without a visitor")?;
                let id = product.filled("events without a product")?;
                let known = items.entry(id.to_owned()).or_insert_with(|| item(id, category, brand));
                // The newest price; zero stands for none.
                known.price = Some(cents).filter(|&cents| cents > 0).or(known.price);
                let item = id.to_owned();
                let event = Event::new(item, kind, ts);
                visitors.entry(user.to_owned()).or_default().push(event);
                Ok(())
            },
        )?;
    }
    let mut items: Vec<Item> = items.into_values().collect();
    items.sort_by(|a, b| a.id.cmp(&b.id));
    let bare = items.iter().filter(|item| item.brand.is_none() && item.category.is_empty()).count();
    report.remark_count(bare, "products have neither brand nor category: their number is their only name");
    report.remark("there are no product names: titles are brand, category and number");
    let catalog = gather::catalog(items, folder)?;
    gather::from_events("rees46", catalog, visitors, report)
}

/// A product named by brand, the two most special parts of its category, and its number.
fn item(id: &str, category: Field, brand: Field) -> Item {
    let parts: Vec<String> =
        category.text.split('.').filter(|part| !part.is_empty()).map(|part| part.replace('_', " ")).collect();
    let special = &parts[parts.len().saturating_sub(2)..];
    let words: Vec<&str> =
        std::iter::once(brand.text.trim()).chain(special.iter().map(String::as_str)).collect();
    let name = words.join(" ");
    let title = if name.trim().is_empty() { format!("Product {id}") } else { format!("{name} {id}") };
    Item {
        brand: Some(brand.text.trim().to_owned()).filter(|brand| !brand.is_empty()),
        category: parts,
        currency: Some("USD".to_owned()),
        ..gather::item(id, &title)
    }
}
