//! How are the browser tests run? A small package is trained, then node --test drives headless Chromium.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::shell::{answers, cargo, command, install, root, run, step, trainer};

pub fn test() -> Result<()> {
    prepare()?;
    step("browser tests");
    node(&["--test", "--test-concurrency=1"])
}

pub fn bench() -> Result<()> {
    prepare()?;
    node(&["kernels.bench.mjs"])?;
    node(&["first-answer.bench.mjs"])?;
    let folder = root().join("runs/sizes");
    cargo(&["build", "--quiet", "--package", "trainer"])?;
    for model in SIZES {
        let package = random_package(&folder, model)?.join("package");
        step(&format!("{} on this machine", model.0));
        let mut bench = command(&trainer().to_string_lossy(), &["bench"]);
        bench.arg(package);
        run(bench)?;
    }
    step("the same in Chromium");
    let folder = folder.to_string_lossy();
    node(&[&["sizes.bench.mjs", &folder], SIZES.map(|(name, ..)| name).as_slice()].concat())
}

/// Name, recipe, sizes and items.
type RandomModel = (&'static str, &'static str, &'static str, &'static str);

/// From a shop's own model to a language model of the size of SmolLM2-135M.
const SIZES: [RandomModel; 6] = [
    ("compact-10k", "compact", "128,2,4,4,352,2000", "10000"),
    ("compact-100k", "compact", "128,2,4,4,352,2000", "100000"),
    ("text-1M", "text", "128,4,4,4,352,1024", "2000"),
    ("text-6M", "text", "256,6,8,4,768,4096", "2000"),
    ("text-31M", "text", "512,5,8,4,1408,32000", "2000"),
    ("text-135M", "text", "576,30,9,3,1536,49152", "2000"),
];

/// The folder of a model with random weights, made when it is not there.
fn random_package(folder: &Path, (name, recipe, sizes, items): RandomModel) -> Result<PathBuf> {
    let out = folder.join(name);
    if !out.join("package/manifest.json").exists() {
        step(&format!("model {name}"));
        let example = ["run", "--quiet", "--package", "trainer", "--example", "random_package", "--"];
        cargo(&[example.as_slice(), &[recipe, sizes, items, &out.to_string_lossy()]].concat())?;
    }
    Ok(out)
}

/// Models with random weights, and what other runtimes make of them.
const PEER_MODELS: [RandomModel; 6] = [
    ("t1", "text", "128,4,4,4,352,1024", "2000"),
    ("t5", "text", "256,6,8,4,768,4096", "2000"),
    ("t5-1k", "text", "256,6,8,4,768,4096", "1000"),
    ("t5-100k", "text", "256,6,8,4,768,4096", "100000"),
    ("c10k", "compact", "128,2,4,4,352,2000", "10000"),
    ("c100k", "compact", "128,2,4,4,352,2000", "100000"),
];

/// The same jobs in other runtimes, in one page on the same weights.
pub fn peers() -> Result<()> {
    prepare()?;
    let (folder, here) = (root().join("runs/peers"), root().join("tests/peers"));
    ensure!(
        answers("python3", &["-c", "import onnx, onnxruntime, gguf"]),
        "Python's packages onnx, onnxruntime and gguf are missing\nhint: pip install onnx onnxruntime gguf"
    );
    for model in PEER_MODELS {
        let name = model.0;
        let out = random_package(&folder, model)?;
        // All the runtimes are asked about these two.
        let is_for_all = ["t1", "t5"].contains(&name);
        let last = if is_for_all { "q8_0.gguf" } else { "onnx/q8.onnx" };
        if out.join(last).exists() {
            continue;
        }
        let mut exports = vec![("export_onnx.py", "onnx")];
        if is_for_all {
            exports.extend([("export_transformers.py", "transformers"), ("export_gguf.py", "q8_0.gguf")]);
        }
        for (script, target) in exports {
            let mut export = command("python3", &[&format!("tests/peers/{script}")]);
            export.args([out.join("hf"), out.join(target)]);
            run(export)?;
        }
    }
    install_packages(&here)?;
    let mut node = command("node", &["peers.bench.mjs"]);
    node.arg(folder).current_dir(here);
    run(node)
}

fn node(arguments: &[&str]) -> Result<()> {
    let mut node = command("node", arguments);
    node.current_dir(root().join("tests/browser")).env("VITRINE_TRAINER", trainer());
    run(node)
}

pub fn prepare() -> Result<()> {
    ensure!(answers("node", &["--version"]), "Node.js is missing\nhint: install Node 20 or later with npm");
    if !answers("chromium", &["--version"]) {
        install(&["chromium"], "Chromium")?;
    }
    install_packages(&root().join("tests/browser"))
}

pub fn install_packages(folder: &Path) -> Result<()> {
    if !folder.join("node_modules").exists() {
        step("npm ci");
        let mut npm = command("npm", &["ci", "--silent", "--no-audit", "--no-fund"]);
        npm.current_dir(folder);
        run(npm)?;
    }
    Ok(())
}
