//! How are the browser tests run? A small package is trained, then node --test drives headless Chromium.

use std::path::Path;

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
    node(&["first-answer.bench.mjs"])
}

/// Models with random weights, and what other runtimes make of them.
const PEER_MODELS: [(&str, &str, &str, &str); 6] = [
    ("t1", "text", "128,4,4,4,352,1024", "500"),
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
    for (name, recipe, sizes, items) in PEER_MODELS {
        let out = folder.join(name);
        // All the runtimes are asked about these two.
        let is_for_all = ["t1", "t5"].contains(&name);
        let last = if is_for_all { "q8_0.gguf" } else { "onnx/q8.onnx" };
        if out.join(last).exists() {
            continue;
        }
        step(&format!("model {name}"));
        let example = ["run", "--quiet", "--package", "trainer", "--example", "random_package", "--"];
        let out_name = out.to_string_lossy();
        cargo(&[example.as_slice(), &[recipe, sizes, items, &out_name]].concat())?;
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

fn prepare() -> Result<()> {
    ensure!(answers("node", &["--version"]), "Node.js is missing\nhint: install Node 20 or later with npm");
    if !answers("chromium", &["--version"]) {
        install(&["chromium"], "Chromium")?;
    }
    install_packages(&root().join("tests/browser"))
}

fn install_packages(folder: &Path) -> Result<()> {
    if !folder.join("node_modules").exists() {
        step("npm ci");
        let mut npm = command("npm", &["ci", "--silent", "--no-audit", "--no-fund"]);
        npm.current_dir(folder);
        run(npm)?;
    }
    Ok(())
}
