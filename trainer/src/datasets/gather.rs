//! How do rows become a data set? Items and visitors by their ids, then one ordered history per visitor.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use anyhow::{Context, Result, ensure};
use rand::seq::SliceRandom;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use shared::{
    catalog::{Catalog, Item},
    interaction::{Event, History, Interaction},
    signals::SignalsConfig,
};

use super::{
    Dataset, ImportReport, Known, known,
    report::{Fault, UNKNOWN_ITEM, Unused},
    table::Field,
};

/// Rows of visitors, in the order of the file.
pub type ByVisitor<T> = BTreeMap<String, Vec<T>>;

/// An item of which nothing but id and title is known yet; space in titles is made plain.
#[must_use]
pub fn item(id: &str, title: &str) -> Item {
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    Item { id: id.to_owned(), title, ..Item::default() }
}

/// The items of a file that has a line for each.
#[derive(Default)]
pub struct Items {
    items: Vec<Item>,
    line_by_id: HashMap<String, usize>,
}

impl Items {
    /// Adds the item that the line of `id` tells of.
    ///
    /// # Errors
    /// Names the earlier line when the id occurred before, and a missing title.
    pub fn add(&mut self, id: Field, item: Item) -> Result<(), Unused> {
        if item.title.is_empty() {
            let reason = format!("item {:?} has no title", item.id);
            return Err(Unused::Broken(Fault::new("missing title", reason, TITLE_HINT)));
        }
        if let Some(line) = self.line_by_id.insert(item.id.clone(), id.line) {
            let reason = format!("item id {:?} is on line {line} already", item.id);
            let fault = Fault::new("duplicate item id", reason, "keep one of the two lines").at(id.column);
            return Err(Unused::Broken(fault));
        }
        self.items.push(item);
        Ok(())
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// # Errors
    /// When there are none.
    pub fn catalog(self, path: &Path) -> Result<Catalog> {
        catalog(self.items, path)
    }
}

pub const TITLE_HINT: &str = "give the item the title that the shop shows, or remove the line";

/// # Errors
/// When there are no items, or two with one id.
pub fn catalog(items: Vec<Item>, path: &Path) -> Result<Catalog> {
    Catalog::new(items).with_context(|| {
        format!(
            "{} is no catalogue\nhint: every item has one line, with an id of its own and a title",
            path.display()
        )
    })
}

/// Sorts each visitor's interactions by time.
///
/// # Errors
/// When nobody has any.
pub fn from_interactions<Visitor: Ord + ToString>(
    format: &'static str,
    catalog: Catalog,
    visitors: BTreeMap<Visitor, Vec<Interaction>>,
    report: ImportReport,
) -> Result<Dataset> {
    let histories = visitors.into_iter().map(|(visitor, list)| {
        (visitor.to_string(), History::new(list).interactions().to_vec(), Known::new())
    });
    finish(format, catalog, histories.collect(), 0, report)
}

/// Folds each visitor's events to interactions. Events of one moment stay in the order of the file: without a
/// running number they would be sorted by item, and a model could read off what comes next.
///
/// # Errors
/// When nobody has any.
pub fn from_events(
    format: &'static str,
    catalog: Catalog,
    visitors: ByVisitor<Event>,
    report: ImportReport,
) -> Result<Dataset> {
    let signals = SignalsConfig::default();
    let mut unknown_events = 0;
    let histories = visitors.into_iter().map(|(visitor, mut events)| {
        for (number, event) in events.iter_mut().enumerate() {
            event.n = Some(number as u64);
        }
        let (history, fold) = History::from_events(&events, &catalog, &signals);
        unknown_events += fold.unknown_items;
        let known = known::known(&events, history.interactions(), &catalog, &signals);
        (visitor, history.interactions().to_vec(), known)
    });
    let histories = histories.collect();
    finish(format, catalog, histories, unknown_events, report)
}

fn finish(
    format: &'static str,
    catalog: Catalog,
    mut visitors: Vec<(String, Vec<Interaction>, Known)>,
    unknown_events: usize,
    mut report: ImportReport,
) -> Result<Dataset> {
    report.withdraw(unknown_events, UNKNOWN_ITEM);
    visitors.retain(|(_, history, _)| !history.is_empty());
    let is_explained = report.errors().next().is_some();
    ensure!(
        is_explained || !visitors.is_empty(),
        "no row tells what a visitor did\nhint: {} rows were read; is this the right file?",
        report.rows
    );
    let signals = SignalsConfig::default();
    let (seen, clearance) = (Vec::new(), None);
    let (mut histories, mut known) = (Vec::new(), Vec::new());
    let names = visitors.into_iter().map(|(name, history, less)| {
        histories.push(history);
        known.push(less);
        name
    });
    let visitors = names.collect();
    Ok(Dataset {
        format,
        catalog,
        visitors,
        histories,
        known,
        unknown_events,
        report,
        seen,
        clearance,
        signals,
    })
}

/// Puts interactions of one time in a random order of their own seed.
///
/// For files that are sorted by item: their order within a day would be read as what the visitor did next, and
/// tells only how the file was written.
pub fn shuffle_within_days(visitors: &mut ByVisitor<Interaction>) {
    let mut random = ChaCha8Rng::seed_from_u64(0);
    for interactions in visitors.values_mut() {
        interactions.shuffle(&mut random);
        interactions.sort_by_key(|interaction| interaction.time_ms);
    }
}

/// The most frequent value; the least of several.
#[must_use]
pub fn most_frequent<T: Clone>(counts: &BTreeMap<T, usize>) -> Option<T> {
    let most = counts.values().max()?;
    counts.iter().find(|(_, count)| *count == most).map(|(value, _)| value.clone())
}
