//! `trainer demo`: the built-in shop, from nothing to a page.

use anyhow::{Context, Result, ensure};
use burn::tensor::Device;
use shared::preference::Utility;

use super::serve;
use crate::{
    cli::{self, Quant},
    config::{Recipe, RunConfig},
    datasets, demo_shop, export, output, pipeline, server,
};

pub fn run(arguments: &cli::Demo, is_quiet: bool) -> Result<()> {
    let out = &arguments.out;
    let shop_folder = out.join("shop");
    ensure!(
        !out.exists() || shop_folder.join("catalog.jsonl").exists() || out.read_dir()?.next().is_none(),
        "{} holds something that is no demo\nhint: choose another --out",
        out.display()
    );
    if out.exists() {
        std::fs::remove_dir_all(out).with_context(|| format!("cannot replace {}", out.display()))?;
    }
    let shop = demo_shop::generate(arguments.seed);
    datasets::write_event_log(&shop_folder, &shop.catalog, &shop.logs)?;
    for (name, svg) in &shop.images {
        output::write_file(&shop_folder.join(name), svg.as_bytes())?;
    }
    if arguments.shop_only {
        return Ok(());
    }
    let dataset = datasets::load(&shop_folder)?;
    let config = RunConfig { seed: arguments.seed, ..demo_config() };
    let data = std::path::absolute(&shop_folder)?;
    let run = pipeline::train(&dataset, &data, &config, &Device::flex(), &out.join("run"), is_quiet)?;
    let package = out.join("package");
    export::write(&export::package(&run, Quant::Q8)?, &package)?;
    if arguments.no_serve {
        return Ok(());
    }
    let mut site = arguments.site.clone();
    if site.www.is_empty() {
        site.www.extend(serve::project_folder("www"));
    }
    // The shop's pictures stand beside its pages.
    site.www.push(shop_folder);
    server::serve(&serve::mounts(&package, &site)?, arguments.port)
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
