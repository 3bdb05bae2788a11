//! Do the baselines reach published numbers? Amazon Beauty 2014, whole catalogue, on the split of S3-Rec
//! (arXiv 2008.07873), which TIGER (arXiv 2305.05065) and later papers report on.
//!
//! Published there: SASRec HR@10 0.0605, NDCG@10 0.0318, with a loss on one sampled negative.
//!
//! `cargo run -p trainer --example sasrec_beauty -- ../shared/data/amazon-beauty-2014/interactions.csv.gz`
//! A second argument sets the number of epochs, a third the dropout, a fourth the learning rate.

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result, ensure};
use burn::tensor::Device;
use shared::{
    catalog::{Catalog, Item},
    interaction::Interaction,
};
use trainer::{
    baselines::{
        Exam,
        sasrec::Sasrec,
        sequence_training::{SequenceConfig, train},
    },
    evaluation::Protocol,
    negatives,
    output::Reporter,
    pipeline::CANDIDATE_SEED,
    ranker::Ranker,
    split::{self, Question},
};

/// As the `trainer` command has it, so that the seconds per epoch are those of the command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().context("expected the path of interactions.csv.gz")?;
    let mut setting = |default: f64| arguments.next().map_or(Ok(default), |value| value.parse::<f64>());
    let mut config = SequenceConfig::default();
    config.stage.epochs = setting(config.stage.epochs as f64)? as usize;
    config.dropout = setting(config.dropout)?;
    config.stage.learning_rate = setting(config.stage.learning_rate)?;
    let (catalog, histories) = load(&path)?;
    // Every interaction counts as liked and none is repeated: this is leave-one-out.
    let split = split::leave_last_liked_out(&histories);
    println!(
        "{} items, {} visitors, {} interactions to train on",
        catalog.len(),
        histories.len(),
        split.train.iter().map(Vec::len).sum::<usize>()
    );
    let candidates = negatives::candidates(&split.valid, &histories, catalog.len(), CANDIDATE_SEED);
    let mut reporter = Reporter::new(None, false)?;
    let exam = Exam { questions: &split.valid, candidates: &candidates, protocol: Protocol::Candidates20 };
    let (items, device) = (catalog.len(), Device::flex());
    let ranker = train::<Sasrec>(&config, &split.train, items, &exam, 1, &device, &mut reporter)?;
    let (hit_rate, ndcg) = at_10(&ranker, &split.test)?;
    println!("{}: HR@10 {hit_rate:.4}, NDCG@10 {ndcg:.4}", ranker.name());
    Ok(())
}

/// HR@10 and NDCG@10 of the target among all items that the visitor has not met.
fn at_10(ranker: &impl Ranker, questions: &[Question]) -> Result<(f64, f64)> {
    let (mut hits, mut gains) = (0.0, 0.0);
    for chunk in questions.chunks(256) {
        let histories: Vec<&[Interaction]> =
            chunk.iter().map(|question| question.history.as_slice()).collect();
        for (question, scores) in chunk.iter().zip(ranker.score_catalog(&histories)?) {
            let met: HashSet<usize> = question.history.iter().map(|interaction| interaction.item).collect();
            let target = scores[question.target];
            let before = (0..scores.len())
                .filter(|item| !met.contains(item))
                .filter(|&item| scores[item] > target || (scores[item] == target && item < question.target))
                .count();
            if before < 10 {
                hits += 1.0;
                gains += 1.0 / (before as f64 + 2.0).log2();
            }
        }
    }
    let count = questions.len() as f64;
    Ok((hits / count, gains / count))
}

/// Reads `user_id,asin,position,timestamp,title`; only the title is quoted, and it may hold line breaks.
fn load(path: &str) -> Result<(Catalog, Vec<Vec<Interaction>>)> {
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {path}"))?;
    let text = std::io::read_to_string(flate2::read::MultiGzDecoder::new(file))?;
    let mut items: Vec<Item> = Vec::new();
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let mut histories: Vec<Vec<Interaction>> = Vec::new();
    let mut visitor = "";
    let mut is_inside_title = false;
    for line in text.lines().skip(1) {
        let goes_on = is_inside_title;
        is_inside_title ^= line.matches('"').count() % 2 == 1;
        if goes_on {
            continue;
        }
        let fields: Vec<&str> = line.splitn(5, ',').collect();
        ensure!(fields.len() == 5, "expected five columns: {line}");
        if fields[0] != visitor {
            visitor = fields[0];
            histories.push(Vec::new());
        }
        let item = *numbers.entry(fields[1]).or_insert_with(|| {
            let title = format!("{} {}", fields[1], fields[4]);
            items.push(Item { id: fields[1].to_owned(), title, ..Item::default() });
            items.len() - 1
        });
        let time_ms = fields[3].parse::<i64>().unwrap_or(0) * 1000;
        if let Some(history) = histories.last_mut() {
            history.push(Interaction { item, intensity: 1.0, time_ms });
        }
    }
    Ok((Catalog::new(items)?, histories))
}
