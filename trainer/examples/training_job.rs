//! How fast does the trainer train, beside PyTorch on the same model and batches? Our half of `tests/peers/training.py`,
//! which describes the job and runs both.
//!
//! `python3 tests/peers/training.py --random --recipe compact --stage sft --vitrine`
//! runs `cargo run -p trainer --example training_job -- JOB WARM_UP REPETITIONS [DEVICE] [PRECISION]`, which prints one JSON
//! line.

use std::{fs, path::Path, slice, time::Instant};

use anyhow::{Context, Result, bail, ensure};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use serde_json::json;
use shared::{
    interaction::Interaction,
    model::TransformerConfig,
    noise::Noise,
    precision::Precision,
    preference::Preference,
    prompt::Template,
    vocabulary::{Model, ModelConfig, VocabularyConfig, items::ItemPosition, tokens::TokenVocabularyConfig},
};
use trainer::{
    config::{PreferenceConfig, SftConfig, StageConfig},
    device::DeviceName,
    examples::{
        self,
        items::{self, ItemData, ItemPreference, ItemSft, PreferenceRow, SftRow},
        tokens::{self, Example, TokenData, TokenPreference, TokenSft},
    },
    hardware::Hardware,
    hugging_face::{self, tensors},
    memory, parameters,
    reference::Reference,
    train::{self, Objective},
};

/// As the `trainer` command has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Deserialize)]
struct Job {
    recipe: String,
    stage: String,
    learning_rate: f64,
    weight_decay: f32,
    clip: f32,
    #[serde(default)]
    beta: f64,
    #[serde(default)]
    nll_weight: f64,
    #[serde(default)]
    texts: Vec<Vec<u32>>,
    #[serde(default)]
    excluded: Vec<usize>,
    batches: Vec<JobBatch>,
}

#[derive(Deserialize)]
struct JobBatch {
    rows: Vec<Row>,
    #[serde(default)]
    hidden: Vec<usize>,
}

/// Of all four kinds; a job's rows have the fields of theirs.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Row {
    tokens: Vec<u32>,
    is_predicted: Vec<bool>,
    prompt: Vec<u32>,
    chosen: Vec<u32>,
    rejected: Vec<Vec<u32>>,
    item: Vec<i64>,
    intensity: Vec<usize>,
    asked: Vec<usize>,
    gap: Vec<usize>,
    era: Vec<usize>,
    states: Vec<usize>,
    items: Vec<Vec<usize>>,
    margins: serde_json::Value,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, warm_up, repetitions, rest @ ..] = arguments.as_slice() else {
        bail!("expected JOB WARM_UP REPETITIONS [DEVICE] [PRECISION] [recompute]")
    };
    let (warm_up, repetitions): (usize, usize) = (warm_up.parse()?, repetitions.parse()?);
    ensure!(warm_up > 0 && repetitions > 0, "at least one pass to warm up and one that counts");
    let device_name: DeviceName =
        rest.first().map_or("cpu", String::as_str).parse().map_err(anyhow::Error::msg)?;
    let precision: Precision = serde_json::from_value(json!(rest.get(1).map_or("f32", String::as_str)))
        .context("no such precision")?;
    let device = device_name.open()?.autodiff();
    let is_recomputing = match rest.get(2).map(String::as_str) {
        None => false,
        Some("recompute") => true,
        Some(word) => bail!("{word:?} is not `recompute`"),
    };
    let hardware = Hardware::new(&device, &[], precision).recomputing(is_recomputing);
    device.seed(1);
    let idle = memory::peak_bytes();
    let folder = Path::new(folder);
    let job: Job = serde_json::from_slice(&fs::read(folder.join("batches.json"))?)?;
    let config = model_config(&job, &fs::read(folder.join("config.json"))?)?;
    let weights = tensors::read_file(&folder.join("model.safetensors"))?;
    let model = config.init(&device).with_weights(&weights, &device)?;
    drop(weights);

    let (sft, preference) = (
        SftConfig::default(),
        PreferenceConfig { beta: job.beta, nll_weight: job.nll_weight, ..PreferenceConfig::default() },
    );
    let rows = || job.batches.iter().flat_map(|batch| &batch.rows);
    // Which rows each batch has, when they lie one after another.
    let spans = || {
        job.batches.iter().scan(0, |end, batch| {
            let start = *end;
            *end += batch.rows.len();
            Some(start..*end)
        })
    };
    let mut generator = ChaCha8Rng::seed_from_u64(1);
    let mut noise = || Noise::of(generator.random());
    let (passes, loss) = match (job.recipe.as_str(), job.stage.as_str()) {
        ("text", "sft") => {
            let data = TokenData::new(&[], &[], &config, hardware.clone());
            let mut of_batch = |batch: &JobBatch| {
                let rows: Vec<_> =
                    batch.rows.iter().map(|row| (row.tokens.clone(), row.is_predicted.clone())).collect();
                let length = |(tokens, _): &(Vec<u32>, Vec<bool>)| tokens.len();
                let parts = examples::parts(rows, &hardware, length);
                parts.iter().map(|rows| tokens::sft_batch(&data, rows, noise())).collect()
            };
            let batches: Vec<Vec<_>> = job.batches.iter().map(&mut of_batch).collect();
            passes(&job, model, &TokenSft::new(data.clone(), &sft, 1), &batches, warm_up + repetitions)?
        }
        ("text", "preference") => {
            let mut titles: Vec<Vec<u32>> = Vec::new();
            let mut title = |completion: &Vec<u32>| {
                let (_, title) = completion.split_last().context("a completion is empty")?;
                titles.push(title.to_vec());
                Ok(titles.len() - 1)
            };
            let examples = rows().map(|row| {
                let chosen = title(&row.chosen)?;
                let rejected = row.rejected.iter().map(&mut title).collect::<Result<_>>()?;
                let margins = serde_json::from_value(row.margins.clone())?;
                Ok(Example::new(row.prompt.clone(), Preference { chosen, rejected, margins, intensity: 1.0 }))
            });
            let examples = examples.collect::<Result<_>>()?;
            let data = TokenData::new(&[], &titles, &config, hardware.clone());
            let objective =
                TokenPreference::of_examples(data, examples, &Reference::uncached(&model), &preference, 1)?;
            let batches: Vec<_> = spans().map(|span| objective.batch(span)).collect();
            passes(&job, model, &objective, &batches, warm_up + repetitions)?
        }
        ("compact", stage) => {
            let met = |item| Interaction { item, intensity: 1.0, time_ms: 0 };
            let histories =
                [(0..job.texts.len()).filter(|item| !job.excluded.contains(item)).map(met).collect()];
            let data = ItemData::new(&histories, &job.texts, &config, hardware.clone());
            if stage == "sft" {
                let mut of_batch = |batch: &JobBatch| {
                    let of_row = |row: &Row| SftRow {
                        positions: positions(row),
                        targets: row
                            .states
                            .iter()
                            .copied()
                            .zip(row.items.iter().map(|items| items[0]))
                            .collect(),
                    };
                    let keep: Option<Vec<bool>> = (!batch.hidden.is_empty())
                        .then(|| (0..job.texts.len()).map(|item| !batch.hidden.contains(&item)).collect());
                    let rows = batch.rows.iter().map(of_row).collect();
                    let parts = examples::parts(rows, &hardware, |row: &SftRow| row.positions.len());
                    let part = |rows| items::sft_batch(&data, rows, keep.clone(), noise());
                    parts.into_iter().map(part).collect()
                };
                let batches: Vec<Vec<_>> = job.batches.iter().map(&mut of_batch).collect();
                passes(&job, model, &ItemSft::new(data.clone(), &sft, 1), &batches, warm_up + repetitions)?
            } else {
                let rows = rows().map(|row| {
                    let margins: Vec<Vec<f32>> = serde_json::from_value(row.margins.clone())?;
                    let of_state = row.states.iter().zip(&row.items).zip(margins);
                    let preferences = of_state.map(|((&state, items), margins)| {
                        let (&chosen, rejected) = items.split_first().context("a state has no items")?;
                        let rejected = rejected.to_vec();
                        Ok((state, Preference { chosen, rejected, margins, intensity: 1.0 }))
                    });
                    Ok(PreferenceRow::new(positions(row), preferences.collect::<Result<_>>()?))
                });
                let rows = rows.collect::<Result<_>>()?;
                let objective =
                    ItemPreference::of_rows(data, rows, &Reference::uncached(&model), &preference, 1)?;
                let batches: Vec<_> = spans().map(|span| objective.batch(span)).collect();
                passes(&job, model, &objective, &batches, warm_up + repetitions)?
            }
        }
        (recipe, stage) => bail!("there is no job of recipe {recipe} and stage {stage}"),
    };

    let mut counted = passes[warm_up..].to_vec();
    counted.sort_by(f64::total_cmp);
    let (median, steps) = (counted[counted.len() / 2], job.batches.len() as f64);
    let is_sft = job.stage == "sft";
    let count: usize = match job.recipe.as_str() {
        "text" if is_sft => rows().map(|row| row.tokens.len()).sum(),
        "text" => rows().count(),
        _ if is_sft => rows().map(|row| row.item.len()).sum(),
        _ => rows().map(|row| row.states.len()).sum(),
    };
    let per_second = count as f64 / median;
    println!(
        "{}",
        json!({
            "tool": "vitrine", "stage": job.stage, "recipe": job.recipe, "variant": "vitrine",
            "device": device_name.to_string(), "precision": precision, "recompute": is_recomputing,
            "precomputed_reference": !is_sft, "threads": rayon::current_num_threads(),
            "repetitions": repetitions, "steps": job.batches.len(),
            "median_seconds_per_step": median / steps,
            "least_seconds_per_step": counted[0] / steps,
            "most_seconds_per_step": counted[counted.len() - 1] / steps,
            "tokens_per_second": is_sft.then_some(per_second),
            "examples_per_second": (!is_sft).then_some(per_second),
            "peak_bytes": memory::peak_bytes(), "idle_bytes": idle, "first_loss": loss,
        })
    );
    Ok(())
}

fn positions(row: &Row) -> Vec<ItemPosition> {
    let of = |index: usize| ItemPosition {
        item: usize::try_from(row.item[index]).ok(),
        intensity: row.intensity[index],
        asked: row.asked[index],
        gap: row.gap[index],
        era: row.era[index],
    };
    (0..row.item.len()).map(of).collect()
}

fn model_config(job: &Job, bytes: &[u8]) -> Result<ModelConfig> {
    if job.recipe == "compact" {
        return Ok(serde_json::from_slice(bytes)?);
    }
    let sizes = hugging_face::read_config(bytes)?;
    let vocabulary = TokenVocabularyConfig {
        tokens: sizes.tokens,
        tie_word_embeddings: sizes.tie_word_embeddings,
        template: Template::default(),
    };
    let transformer = TransformerConfig { dropout: 0.0, ..sizes.transformer };
    let vocabulary = VocabularyConfig::Tokens(vocabulary);
    Ok(ModelConfig { transformer, vocabulary, context: 50, asked: Vec::new() })
}

/// Seconds of every pass over all batches, and the loss before the first step.
fn passes<O: Objective>(
    job: &Job,
    model: Model,
    objective: &O,
    batches: &[Vec<O::Part>],
    count: usize,
) -> Result<(Vec<f64>, f64)> {
    let stage = StageConfig { weight_decay: job.weight_decay, clip: job.clip, ..StageConfig::default() };
    let mut optimizer = train::optimizer(&stage);
    let mut model = parameters::numbered(model);
    let (mut seconds, mut losses) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let began = Instant::now();
        for batch in batches {
            let outcome = train::gradients(objective, &model, slice::from_ref(batch), 1.0);
            model = optimizer.step(job.learning_rate, model, outcome.gradients);
            losses.push(outcome.loss);
        }
        seconds.push(began.elapsed().as_secs_f64());
    }
    Ok((seconds, losses.first().copied().context("the job has no batches")?))
}
