//! How is the UCI Online Retail set read? Invoice lines: purchases, and returns as negative quantities.

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
    report::Unused,
    table::{Rows, Separator, Table},
};

pub const LINES: &str = "online_retail.csv*";

/// Stock codes that are no goods: postage, carriage, discounts, samples, manual entries, fees, a charity, bad debt.
const NO_GOODS: [&str; 11] =
    ["POST", "DOT", "C2", "D", "S", "M", "BANK CHARGES", "AMAZONFEE", "CRUK", "B", "PADS"];

/// What the priced sales of one stock code call it and ask for it.
#[derive(Default)]
struct Goods {
    descriptions: BTreeMap<String, usize>,
    pence: BTreeMap<i64, usize>,
}

pub fn read(folder: &Path) -> Result<Dataset> {
    let mut report = ImportReport::default();
    let mut goods: HashMap<String, Goods> = HashMap::new();
    let mut visitors: ByVisitor<Event> = BTreeMap::new();
    let mut cancelled = 0;
    let path = super::one_matching(folder, LINES)?;
    Table::open(&path, Separator::Comma)?.each(
        ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"],
        Rows::Interactions,
        &mut report,
        |[invoice, code, description, quantity, date, price, customer]| {
            let code = code.filled("lines without a stock code")?.to_uppercase();
            let (pieces, pounds): (i32, f64) = (quantity.number()?, price.number()?);
            let ts = date.date()?;
            if NO_GOODS.contains(&code.as_str()) || code.starts_with("GIFT_") {
                return Err(Unused::LeftOut("lines of postage, fees, vouchers and other non-products"));
            }
            if pieces > 0 && pounds > 0.0 {
                let known = goods.entry(code.clone()).or_default();
                count(&mut known.descriptions, description.text.trim());
                *known.pence.entry((pounds * 100.0).round() as i64).or_default() += 1;
            }
            let customer = customer.filled("lines without a customer")?;
            let kind = if pieces < 0 { EventKind::Return } else { EventKind::Purchase };
            cancelled += usize::from(invoice.text.starts_with('C'));
            let qty = Some(pieces.unsigned_abs());
            let event = Event { qty, ..Event::new(code, kind, ts) };
            visitors.entry(customer.trim_end_matches(".0").to_owned()).or_default().push(event);
            Ok(())
        },
    )?;
    report.remark_count(cancelled, "accepted lines are of cancelling invoices (C...) and count as returns");
    let mut items: Vec<Item> = goods.into_iter().map(|(code, goods)| item(&code, &goods)).collect();
    items.sort_by(|a, b| a.id.cmp(&b.id));
    let catalog = gather::catalog(items, &path)?;
    gather::from_events("uci-online-retail", catalog, visitors, report)
}

fn count(counts: &mut BTreeMap<String, usize>, text: &str) {
    match counts.get_mut(text) {
        Some(count) => *count += 1,
        None => drop(counts.insert(text.to_owned(), 1)),
    }
}

fn item(code: &str, goods: &Goods) -> Item {
    let title = gather::most_frequent(&goods.descriptions).unwrap_or_default();
    let title = if title.is_empty() { format!("Product {code}") } else { title };
    let price = gather::most_frequent(&goods.pence);
    Item { price, currency: Some("GBP".to_owned()), ..gather::item(code, &title) }
}
