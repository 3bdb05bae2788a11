//! `trainer demo`: the built-in shop, from nothing to a page.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result, ensure};
use burn::tensor::Device;
use serde_json::json;
use shared::preference::Utility;

use super::serve;
use crate::{
    checkpoint,
    cli::{self, Quant},
    config::{Recipe, RunConfig},
    datasets, demo_shop, export, output, pipeline, server,
};

pub fn run(arguments: &cli::Demo, is_json: bool, is_quiet: bool) -> Result<()> {
    let out = &arguments.out;
    let shop_folder = out.join("shop");
    let package = out.join("package");
    // First of all, so that neither an earlier demo nor minutes of training are lost to a missing bundle or a
    // port that is taken.
    let door = if arguments.shop_only || arguments.no_serve {
        None
    } else {
        let mut site = arguments.site.clone();
        if site.www.is_empty() {
            site.www.extend(serve::project_folder("www"));
        }
        // The shop's pictures stand beside its pages.
        site.www.push(shop_folder.clone());
        Some((server::bind(arguments.port)?, serve::mounts(&package, &site)?))
    };
    clear(out)?;
    let shop = demo_shop::generate(arguments.seed);
    datasets::write_event_log(&shop_folder, &shop.catalog, &shop.logs)?;
    for (name, svg) in &shop.images {
        output::write_file(&shop_folder.join(name), svg.as_bytes())?;
    }
    let told = |made: serde_json::Value| if is_json { output::print_json(&made) } else { Ok(()) };
    if arguments.shop_only {
        return told(json!({ "shop": shop_folder }));
    }
    let dataset = datasets::load(&shop_folder)?;
    let config = RunConfig { seed: arguments.seed, ..demo_config() };
    let data = std::path::absolute(&shop_folder)?;
    let run = pipeline::train(&pipeline::Job {
        dataset: &dataset,
        data: &data,
        fingerprint: &checkpoint::fingerprint(&dataset),
        config: &config,
        device: &Device::flex(),
        others: &[],
        from: None,
        out: &out.join("run"),
        is_quiet,
        is_plain: true,
        is_resumed: false,
        stop: Arc::default(),
    })?;
    export::write(&export::package(&run, Quant::Q8)?, &package)?;
    told(json!({ "shop": shop_folder, "run": out.join("run"), "package": package }))?;
    if let Some((listener, mounts)) = door {
        if !is_quiet {
            eprintln!("the shop is open at the address below; Ctrl-C closes it");
        }
        server::serve(&listener, &mounts)?;
    }
    Ok(())
}

/// Says that a folder was made here, so that the next demo may replace its parts.
const MARK: &str = ".vitrine-demo";

fn clear(out: &Path) -> Result<()> {
    let is_free = output::is_free(out)? || out.join(MARK).exists();
    ensure!(is_free, "{} holds something that is no demo\nhint: choose another --out", out.display());
    for part in ["shop", "run", "package"] {
        let part = out.join(part);
        if part.exists() {
            std::fs::remove_dir_all(&part).with_context(|| format!("cannot replace {}", part.display()))?;
        }
    }
    output::write_file(&out.join(MARK), b"")
}

/// The compact recipe, cut to the few minutes that a first evening has.
fn demo_config() -> RunConfig {
    let mut config = RunConfig::recipe(Recipe::Compact);
    config.sft.stage.epochs = 12;
    config.sft.stage.patience = 4;
    // Retail: a dismissed item must not stand above one never seen.
    config.preference.utility = Utility::Neutral;
    config
}
