//! `trainer eval`: the held-out questions, for the model and its baselines, in one table.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::{
    baselines::{Exam, item_neighbours::ItemNeighbours, popular},
    cli::{self, SplitName},
    datasets, export, metrics,
    metrics::{Estimate, Report},
    negatives, pipeline,
    ranker::Ranker,
    run::Run,
    split,
};

pub fn run(arguments: &cli::Eval, is_json: bool) -> Result<()> {
    let run = Run::load(&arguments.run)?;
    let dataset = datasets::load(arguments.data.as_ref().unwrap_or(&run.summary.data))?;
    ensure!(
        dataset.catalog.items() == run.catalog.items(),
        "the data has another catalogue than the run\nhint: pass the folder it was trained on with --data"
    );
    let device = super::device(arguments.device)?;
    let split = split::leave_last_liked_out(&dataset.histories);
    let items = dataset.catalog.len();
    let lists =
        |questions| negatives::candidates(questions, &dataset.histories, items, pipeline::CANDIDATE_SEED);
    let questions = match arguments.split {
        SplitName::Test => &split.test,
        SplitName::Valid => &split.valid,
    };
    let candidates = lists(questions);
    let short = candidates.iter().filter(|list| list.len() <= negatives::UNSEEN_CANDIDATES).count();
    let seed = pipeline::CANDIDATE_SEED;

    let pairs: Vec<_> =
        questions.iter().zip(&candidates).map(|(q, list)| (q.history.as_slice(), list.as_slice())).collect();
    let popular = popular::new(&split.train, items).score_candidates(&pairs)?;
    let valid_candidates = lists(&split.valid);
    let exam = Exam { questions: &split.valid, candidates: &valid_candidates };
    let neighbours = ItemNeighbours::tuned(&split.train, items, &exam);
    let scorer = match arguments.quant {
        None => run.scorer(&device)?,
        Some(quant) => export::scorer(&run, quant, &device)?,
    };
    let name = run.config.recipe.name();
    let name = arguments.quant.map_or(name.to_owned(), |quant| format!("{name} ({quant:?})").to_lowercase());
    let reports = [
        metrics::report("popular", &popular, seed),
        metrics::report("item-kNN", &neighbours.score_candidates(&pairs)?, seed),
        metrics::report(&name, &pipeline::scores(&scorer, questions, &candidates)?, seed),
    ];
    if is_json {
        let settings = format!("{:?}", neighbours.settings());
        crate::output::print_json(
            &json!({ "protocol": "candidates20", "seed": seed, "item_knn": settings, "short_questions": short, "reports": reports }),
        )?;
    } else {
        crate::output::print(&table(&reports, short))?;
    }
    Ok(())
}

fn table(reports: &[Report], short: usize) -> String {
    let mut text = format!(
        "candidates20: the next liked item among {} unseen ones, {} questions, 95 % bootstrap intervals\n\n{:<16}{:<24}{:<24}{}\n",
        negatives::UNSEEN_CANDIDATES,
        reports.first().map_or(0, |report| report.questions),
        "method",
        "HR@1",
        "NDCG@10",
        "MRR"
    );
    let cell = |e: &Estimate| format!("{:.3} [{:.3}, {:.3}]", e.mean, e.low, e.high);
    for report in reports {
        text += &format!(
            "{:<16}{:<24}{:<24}{}\n",
            report.method,
            cell(&report.hit_rate_at_1),
            cell(&report.ndcg_at_10),
            cell(&report.mrr)
        );
    }
    if short > 0 {
        text += &format!(
            "\n{short} questions have fewer unseen items: their visitors met most of the catalogue\n"
        );
    }
    text
}
