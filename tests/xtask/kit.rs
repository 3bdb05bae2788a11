//! How does the npm package come to be, and does it hold what it promises? `web/kit` with Node.

use anyhow::Result;

use crate::{
    browser,
    shell::{command, root, run, step},
};

/// Puts the minified package in the place of the plain sources in `web/dist`.
pub fn build() -> Result<()> {
    prepare()?;
    step("npm package");
    node(&["build.mjs", "../dist"])
}

/// The package as it is built, its sizes, its wrappers for frameworks and shop systems, and its guide.
pub fn test() -> Result<()> {
    prepare()?;
    step("tests of the npm package");
    node(&["--test", "--test-concurrency=1"])
}

fn prepare() -> Result<()> {
    // The package's tests drive the same browser.
    browser::prepare()?;
    browser::install_packages(&root().join("web/kit"))
}

fn node(arguments: &[&str]) -> Result<()> {
    let mut node = command("node", arguments);
    node.current_dir(root().join("web/kit"));
    run(node)
}
