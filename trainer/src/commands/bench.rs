//! `trainer bench`: how fast does a package answer on this machine, and what does the process hold in memory?

use std::{fmt::Write, time::Instant};

use anyhow::{Result, ensure};
use futures_lite::future::block_on;
use serde::Serialize;
use serde_json::json;
use shared::{
    engine::{Engine, Request},
    interaction::{Event, EventKind},
};

use crate::{cli, export, memory, output};

/// Candidates of the questions that name them.
const CANDIDATES: [usize; 3] = [20, 100, 1000];
/// Length of the lists.
const BEST: usize = 10;

/// One kind of question; medians, because a machine has other things to do too.
#[derive(Serialize)]
struct Row {
    question: String,
    median_ms: f64,
    least_ms: f64,
    most_ms: f64,
}

pub fn run(arguments: &cli::Bench, is_json: bool) -> Result<()> {
    ensure!(arguments.runs > 0, "nothing is timed in 0 runs\nhint: --runs 11 is the default");
    let device = arguments.device.open()?;
    let open = || -> Result<Engine> { Ok(Engine::new(export::open(&arguments.package)?, &device)?) };
    let engine = open()?;
    let (items, context) = (engine.catalog().len(), engine.manifest().model.context);
    let event = |at: usize| {
        let item = &engine.catalog().items()[at * 7 % items];
        Event::new(&item.id, EventKind::WishlistAdd, 60_000 * at as i64)
    };
    let events: Vec<Event> = (0..context.min(items)).map(event).collect();
    let ask = |events: &[Event], candidates: Option<usize>| -> Result<()> {
        let ids = |count| engine.catalog().items().iter().take(count).map(|item| item.id.clone()).collect();
        let request = Request { k: BEST, exclude: Vec::new(), candidates: candidates.map(ids) };
        // Reading the answer is what waits for the device.
        block_on(engine.recommend(&engine.history(events), &request))?;
        Ok(())
    };
    let nothing = || Ok(());
    let forget = || {
        engine.forget();
        Ok(())
    };
    let (all, before) = (&events[..], &events[..events.len() - 1]);
    let length = all.len();
    let time = |question: String, prepare: &dyn Fn() -> Result<()>, job: &dyn Fn() -> Result<()>| {
        timed(arguments.runs, question, prepare, job)
    };
    let mut rows = vec![
        time("read, check and build".to_owned(), &nothing, &|| open().map(|_| ()))?,
        time(format!("{BEST} best of {items}, {length} events anew"), &forget, &|| ask(all, None))?,
        time(format!("{BEST} best of {items}, {length} events known"), &nothing, &|| ask(all, None))?,
        time(format!("{BEST} best of {items}, one more event"), &|| ask(before, None), &|| ask(all, None))?,
    ];
    for candidates in CANDIDATES.into_iter().filter(|&count| count <= items) {
        rows.push(time(format!("{candidates} candidates, {length} events known"), &nothing, &|| {
            ask(all, Some(candidates))
        })?);
    }
    let memory_bytes = memory::peak_bytes();
    if is_json {
        return output::print_json(&json!({
            "parameters": engine.parameters(), "items": items, "runs": arguments.runs,
            "peak_memory_bytes": memory_bytes, "rows": rows,
        }));
    }
    let mut text = format!("{:.2} million parameters, {items} items\n", engine.parameters() as f64 / 1e6);
    for Row { question, median_ms, least_ms, most_ms } in rows {
        writeln!(text, "{question:<44} {median_ms:>9.2} ms  ({least_ms:.2} to {most_ms:.2})")?;
    }
    if let Some(bytes) = memory_bytes {
        writeln!(text, "peak memory of the process {:.0} MB", bytes as f64 / 1e6)?;
    }
    output::print(&text)
}

fn timed(
    runs: usize,
    question: String,
    prepare: &dyn Fn() -> Result<()>,
    job: &dyn Fn() -> Result<()>,
) -> Result<Row> {
    let mut times = Vec::with_capacity(runs);
    // One more than counts: the first finds caches cold.
    for _ in 0..=runs {
        prepare()?;
        let began = Instant::now();
        job()?;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    let counted = &mut times[1..];
    counted.sort_by(f64::total_cmp);
    Ok(Row { question, median_ms: counted[runs / 2], least_ms: counted[0], most_ms: counted[runs - 1] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_of_the_job_alone() {
        let nap = |ms| std::thread::sleep(std::time::Duration::from_millis(ms));
        let row = timed(
            3,
            "naps".to_owned(),
            &|| {
                nap(30);
                Ok(())
            },
            &|| {
                nap(2);
                Ok(())
            },
        );
        let row = row.unwrap();
        assert!(row.least_ms >= 2.0 && row.least_ms <= row.median_ms && row.median_ms <= row.most_ms);
        assert!(row.least_ms < 30.0);
    }
}
