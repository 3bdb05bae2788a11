//! How are the browser tests run? A small package is trained, then node --test drives headless Chromium.

use anyhow::{Result, ensure};

use crate::shell::{answers, command, install, root, run, step, trainer};

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
    let folder = root().join("tests/browser");
    if !folder.join("node_modules").exists() {
        step("npm ci");
        let mut npm = command("npm", &["ci", "--silent", "--no-audit", "--no-fund"]);
        npm.current_dir(&folder);
        run(npm)?;
    }
    Ok(())
}
