//! How are the browser tests run? A small package is trained, then node --test drives headless Chromium.

use anyhow::{Result, ensure};

use crate::shell::{answers, command, install, root, run, step, target};

pub fn test() -> Result<()> {
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
    step("browser tests");
    let mut node = command("node", &["--test", "--test-concurrency=1"]);
    node.current_dir(&folder).env("VITRINE_TRAINER", target().join("debug/trainer"));
    run(node)
}
