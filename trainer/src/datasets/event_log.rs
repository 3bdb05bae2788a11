//! How is a shop's own log read? `catalog.jsonl` (one item a line) and `events.jsonl` (one canonical event a
//! line, with the field `visitor`).

use std::{collections::BTreeMap, io::Write, path::Path};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use shared::{
    catalog::{Catalog, Item},
    interaction::{Event, History},
};

use super::{Dataset, ImportReport, open, report::UNKNOWN_ITEM};

#[derive(Serialize, Deserialize)]
struct VisitorEvent {
    visitor: String,
    #[serde(flatten)]
    event: Event,
}

pub fn load(folder: &Path) -> Result<Dataset> {
    let items: Vec<Item> = read_lines(&folder.join("catalog.jsonl"))?;
    let catalog = Catalog::new(items)
        .with_context(|| format!("{} is no catalogue", folder.join("catalog.jsonl").display()))?;
    let events: Vec<VisitorEvent> = read_lines(&folder.join("events.jsonl"))?;
    ensure!(
        !events.is_empty(),
        "{} is empty\nhint: export the shop's events first",
        folder.join("events.jsonl").display()
    );
    let mut report = ImportReport { rows: events.len(), accepted: events.len(), ..ImportReport::default() };
    let mut by_visitor: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for (row, VisitorEvent { visitor, event }) in events.into_iter().enumerate() {
        check(&event)
            .with_context(|| format!("{}: event {}", folder.join("events.jsonl").display(), row + 1))?;
        by_visitor.entry(visitor).or_default().push(event);
    }
    let mut unknown = 0;
    let histories = by_visitor
        .into_values()
        .map(|events| {
            let (history, lost) = History::from_events(&events, &catalog);
            unknown += lost;
            history.interactions().to_vec()
        })
        .filter(|history| !history.is_empty())
        .collect();
    report.withdraw(unknown, UNKNOWN_ITEM);
    Ok(Dataset { format: "vitrine-events", catalog, histories, unknown_events: unknown, report })
}

/// Values that the line format allows but no event can have.
///
/// # Errors
/// Names the value and its range.
pub fn check(event: &Event) -> Result<()> {
    if let Some(rating) = event.rating {
        ensure!((1.0..=5.0).contains(&rating), "a rating of {rating}\nhint: ratings go from 1 to 5");
    }
    if let Some(dwell_ms) = event.dwell_ms {
        ensure!(dwell_ms >= 0, "a dwell of {dwell_ms} ms\nhint: active time is never negative");
    }
    Ok(())
}

fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    use std::io::BufRead;
    let mut rows = Vec::new();
    for (index, line) in open(path)?.lines().enumerate() {
        let line = line.with_context(|| format!("{}:{}: not UTF-8", path.display(), index + 1))?;
        if line.trim().is_empty() {
            continue;
        }
        let row = serde_json::from_str(&line).with_context(|| {
            format!(
                "{}:{}: not a line of this format\nhint: one JSON object a line, as in `trainer demo`'s shop folder",
                path.display(),
                index + 1
            )
        })?;
        rows.push(row);
    }
    Ok(rows)
}

/// Writes a catalogue and the events of its visitors in the format that [`load`] reads.
///
/// # Errors
/// When a file cannot be written.
pub fn write(folder: &Path, catalog: &Catalog, logs: &[Vec<Event>]) -> Result<()> {
    let mut lines = Vec::new();
    for item in catalog.items() {
        serde_json::to_writer(&mut lines, item)?;
        lines.push(b'\n');
    }
    crate::output::write_file(&folder.join("catalog.jsonl"), &lines)?;
    lines.clear();
    for (visitor, events) in logs.iter().enumerate() {
        for event in events {
            let row = VisitorEvent { visitor: format!("visitor-{visitor:05}"), event: event.clone() };
            serde_json::to_writer(&mut lines, &row)?;
            lines.write_all(b"\n")?;
        }
    }
    crate::output::write_file(&folder.join("events.jsonl"), &lines)
}
