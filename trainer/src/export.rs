//! How does a run become a package? Quantised weights, public catalogue, questions for the self-test.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use burn::tensor::Device;
use futures_lite::future::block_on;
use shared::{
    interaction::Interaction,
    package::{MANIFEST, Package, PackageError, PackageParts, Quantisation, Reader, SelfTest},
    score::Scorer,
    vocabulary::ModelConfig,
    weights::Weights,
};

use crate::{cli::Quant, run::Run};

impl From<Quant> for Quantisation {
    fn from(quant: Quant) -> Self {
        match quant {
            Quant::Q8 => Self::Q8,
            Quant::Q4 => Self::Q4,
            Quant::F16 => Self::F16,
            Quant::F32 => Self::F32,
        }
    }
}

/// The files of the package, by name.
///
/// # Errors
/// When the run is damaged.
pub fn package(run: &Run, quant: Quant) -> Result<BTreeMap<String, Vec<u8>>> {
    let texts = run.texts()?;
    if let Some((name, _)) =
        run.weights.iter().find(|(_, weight)| weight.values.iter().any(|v| !v.is_finite()))
    {
        bail!(
            "weight {name} holds a value that is not a number\nhint: train again with a lower learning rate"
        );
    }
    let complete = complete(run, &texts)?;
    // The answers of the self-test are those of the quantised weights, read back as the browser reads them, but with
    // plain products of floats: they are the reference for every kernel.
    let read_back = Package::read(&parts(run, &texts, quant, &complete, Vec::new()).write()?)?;
    let device = Device::flex();
    let model = complete.config.init(&device).with_weights(&read_back.floats(), &device)?;
    let scorer = Scorer::new(&model, complete.config.clone(), texts.clone(), &device);
    let self_test = questions(run.catalog.len(), run.summary.model.vocabulary.eras())
        .into_iter()
        .map(|(history, candidates)| {
            let scores = block_on(scorer.score(&history, &candidates))?;
            Ok(SelfTest { history, candidates, scores })
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(parts(run, &texts, quant, &complete, self_test).write()?)
}

/// A model as a package holds it: nothing is left to be computed from texts.
struct Complete {
    config: ModelConfig,
    weights: Weights,
}

fn complete(run: &Run, texts: &[Vec<u32>]) -> Result<Complete> {
    let device = Device::flex();
    let model = run.summary.model.init(&device).with_weights(&run.weights, &device)?;
    let (model, config) = model.complete(run.summary.model.clone(), texts, &device);
    Ok(Complete { config, weights: block_on(model.weights())? })
}

fn parts<'a>(
    run: &'a Run,
    texts: &'a [Vec<u32>],
    quant: Quant,
    complete: &'a Complete,
    self_test: Vec<SelfTest>,
) -> PackageParts<'a> {
    let last = run.summary.stages.iter().rfind(|stage| stage.is_kept);
    let evaluation = last
        .map(|stage| {
            BTreeMap::from([
                ("valid/hit_rate_at_1".to_owned(), stage.valid_hit_rate_at_1),
                ("valid/ndcg_at_10".to_owned(), stage.valid_ndcg_at_10),
            ])
        })
        .unwrap_or_default();
    let provenance = BTreeMap::from([
        ("made_by".to_owned(), format!("vitrine trainer {}", env!("CARGO_PKG_VERSION"))),
        ("data".to_owned(), run.summary.format.clone()),
        ("seed".to_owned(), run.config.seed.to_string()),
    ]);
    PackageParts {
        recipe: run.config.recipe.name(),
        model: &complete.config,
        weights: &complete.weights,
        catalog: &run.catalog,
        texts,
        tokenizer_json: &run.tokenizer_json,
        quantisation: quant.into(),
        unmet_bias: unmet_bias(&run.weights),
        exclude_seen: true,
        signals: &run.summary.signals,
        self_test,
        evaluation,
        provenance,
    }
}

/// What training said of the items that it never met: they have no id vector, and all of them the same bias.
fn unmet_bias(weights: &Weights) -> Option<f32> {
    let (ids, bias) = (weights.get("items.item.weight")?, weights.get("items.bias")?);
    let is_unmet = |row: &[f32]| row.iter().all(|&value| value == 0.0);
    let mut rows = ids.values.chunks(*ids.shape.get(1)?).zip(&bias.values);
    rows.find(|(row, _)| is_unmet(row)).map(|(_, &bias)| bias)
}

/// Three short histories and some candidates, spread over the catalogue.
fn questions(items: usize, eras: &[i64]) -> Vec<(Vec<Interaction>, Vec<usize>)> {
    let spread = |count: usize, offset: usize| -> Vec<usize> {
        (0..count.min(items)).map(|i| (i * items / count.min(items) + offset) % items).collect()
    };
    let intensities = [1.0, -1.0, 0.5, 0.1, -0.5];
    // Across the calendar, and at last in its newest era, as visitors are.
    let era = |place: usize, length: usize| {
        eras.get((eras.len() * place / length).wrapping_sub(1)).map_or(0, |&cut| cut)
    };
    [1, 4, 9]
        .into_iter()
        .map(|length| {
            let met = spread(length, length).into_iter().enumerate().map(|(i, item)| Interaction {
                item,
                intensity: intensities[i % intensities.len()],
                time_ms: era(i + 1, length) + 60_000 * (i * i) as i64,
            });
            (met.collect(), spread(12, 3))
        })
        .collect()
}

/// A scorer with the weights as a package holds them.
///
/// # Errors
/// When the run is damaged.
pub fn scorer(run: &Run, quant: Quant, device: &Device) -> Result<Scorer> {
    let texts = run.texts()?;
    let package = Package::read(&parts(run, &texts, quant, &complete(run, &texts)?, Vec::new()).write()?)?;
    let Package { weights, matrices, .. } = package;
    let model = package.manifest.model.init(device).with_packed_weights(weights, matrices, device)?;
    Ok(Scorer::new(&model, package.manifest.model, texts, device))
}

/// Writes the package in one piece: an old one stays until the new one is whole.
///
/// # Errors
/// When the folder holds something else or cannot be written.
pub fn write(files: &BTreeMap<String, Vec<u8>>, out: &Path) -> Result<()> {
    ensure!(
        crate::output::is_free(out)? || is_package(out),
        "{} holds something that is no package\nhint: choose another --out",
        out.display()
    );
    crate::output::write_folder(files, out)
}

/// Other programs have a manifest.json too; one of ours names its format and tensors.
fn is_package(folder: &Path) -> bool {
    let manifest = fs::read(folder.join(MANIFEST)).ok();
    let manifest = manifest.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    manifest.is_some_and(|manifest| manifest.get("format").is_some() && manifest.get("tensors").is_some())
}

/// A package on disk.
///
/// # Errors
/// When the folder is no package.
pub fn open(folder: &Path) -> Result<Package> {
    let invalid =
        || format!("{} is no valid package\nhint: make one with `trainer export`", folder.display());
    ensure!(
        folder.is_dir(),
        "cannot read {}\nhint: pass the folder given to `trainer export --out`",
        folder.display()
    );
    let read = |name: &str| match fs::read(folder.join(name)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(PackageError::FileMissing { path: name.to_owned() }).with_context(invalid)
        }
        read => read.with_context(|| format!("cannot read {}", folder.join(name).display())),
    };
    let mut reader = Reader::new(&read(MANIFEST)?).with_context(invalid)?;
    while let Some(file) = reader.wanted() {
        let bytes = read(&file.path)?;
        reader.take(&bytes).with_context(invalid)?;
    }
    reader.finish().with_context(invalid)
}
