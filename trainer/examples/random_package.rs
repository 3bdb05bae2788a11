//! A package of any size with random weights, for benches, and the same weights for other runtimes.
//!
//! `cargo run -p trainer --example random_package -- text 256,6,8,4,768,4096 2000 OUT`: recipe; hidden size, layers,
//! heads, key-value heads, inner size, tokens; items. Writes OUT/package and OUT/hf (Hugging Face's names:
//! `config.json`, `model.safetensors`). Items have titles of 4 to 10 tokens.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Context, Result, bail};
use burn::tensor::Device;
use futures_lite::future::block_on;
use shared::{
    catalog::{Catalog, Item},
    interaction::Interaction,
    model::TransformerConfig,
    package::{Package, PackageParts, Quantisation, SelfTest},
    prompt::Template,
    score::Scorer,
    signals::SignalsConfig,
    vocabulary::{
        Asked, ModelConfig, VocabularyConfig, items::ItemVocabularyConfig, tokens::TokenVocabularyConfig,
    },
};
use trainer::{
    export,
    hugging_face::{tensors, trunk},
    output,
};

/// Some 4 to 10 tokens, hardly two titles alike; `tests/peers/page.mjs` has the same.
fn title(item: usize, tokens: usize) -> Vec<u32> {
    let mixed = item * 48_271 % 2_147_483_647;
    let (low, high) = (mixed % 4_099, mixed / 4_099);
    let token = |i: usize| 11 + (low * (i + 1) * 31 + high * (i * i + 7)) % (tokens - 11);
    (0..4 + item % 7).map(|i| token(i) as u32).collect()
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [recipe, sizes, items, out] = arguments.as_slice() else {
        bail!(
            "usage: random_package compact|text HIDDEN,LAYERS,HEADS,KEY_VALUE_HEADS,INNER,TOKENS ITEMS OUT"
        );
    };
    let sizes = sizes.split(',').map(str::parse).collect::<Result<Vec<usize>, _>>()?;
    let [hidden_size, layers, heads, key_value_heads, inner, tokens] = sizes[..] else {
        bail!("six sizes are needed");
    };
    let (items, out) = (items.parse::<usize>()?, PathBuf::from(out));
    let vocabulary = match recipe.as_str() {
        "compact" => VocabularyConfig::Items(ItemVocabularyConfig {
            items,
            tokens,
            eras: Vec::new(),
            is_complete: true,
        }),
        "text" => VocabularyConfig::Tokens(TokenVocabularyConfig {
            tokens,
            tie_word_embeddings: true,
            template: Template::default(),
        }),
        _ => bail!("the recipe is compact or text"),
    };
    let config = ModelConfig {
        transformer: TransformerConfig {
            hidden_size,
            num_hidden_layers: layers,
            num_attention_heads: heads,
            num_key_value_heads: key_value_heads,
            intermediate_size: inner,
            ..TransformerConfig::default()
        },
        vocabulary,
        context: 50,
        asked: vec![Asked { level: 8, weight: 1.0 }],
    };
    config.validate().context("these sizes make no model")?;
    let device = Device::flex();
    device.seed(1);
    let model = config.init(&device);
    let weights = block_on(model.weights())?;
    let texts: Vec<Vec<u32>> = (0..items).map(|item| title(item, tokens)).collect();
    let catalog: Vec<Item> = (0..items)
        .map(|item| Item {
            id: format!("i{item}"),
            title: format!("Item {item}"),
            available: true,
            ..Item::default()
        })
        .collect();
    let (catalog, signals) = (Catalog::new(catalog)?, SignalsConfig::default());

    let history: Vec<Interaction> =
        (0..5).map(|i| Interaction { item: i * 3, intensity: 1.0, time_ms: 60_000 * i as i64 }).collect();
    let candidates: Vec<usize> = (0..20.min(items)).collect();
    let parts = |self_test| PackageParts {
        recipe,
        model: &config,
        weights: &weights,
        catalog: &catalog,
        texts: &texts,
        tokenizer_json: b"{}",
        quantisation: Quantisation::Q8,
        unmet_bias: None,
        exclude_seen: false,
        signals: &signals,
        self_test,
        evaluation: BTreeMap::new(),
        provenance: BTreeMap::from([("made_by".to_owned(), "random_package".to_owned())]),
    };
    // As an export does: the answers are those of the quantised weights, by plain products.
    let quantised = Package::read(&parts(Vec::new()).write()?)?.floats();
    let model = config.init(&device).with_weights(&quantised, &device)?;
    let scorer = Scorer::new(&model, config.clone(), texts.clone(), &device);
    let scores = block_on(scorer.score(&history, &candidates))?;
    let files = parts(vec![SelfTest { history, candidates, scores }]).write()?;
    export::write(&files, &out.join("package"))?;
    let mut hugging_face = trunk(&config);
    hugging_face["vocab_size"] = tokens.into();
    output::write_file(&out.join("hf/config.json"), hugging_face.to_string().as_bytes())?;
    output::write_file(&out.join("hf/model.safetensors"), &tensors::bytes(&weights)?)?;
    println!("{}: {} weights", out.display(), weights.values().map(|w| w.values.len()).sum::<usize>());
    Ok(())
}
