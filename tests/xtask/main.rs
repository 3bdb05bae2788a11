//! `cargo xtask`: one command for what a newcomer, a developer and CI do.
//!
//! ```text
//! demo     install what is missing, build the CPU bundle, train on the demo shop, serve it
//! test     install what is missing, run every test: format, lints, Rust, docs, browser
//! check    format, lints and Rust tests only
//! wasm     build the browser bundles (--cpu, --gpu or --bench for one of them)
//! kit      both browser bundles and the npm package around them, in web/dist (needs Node)
//! trainer  the trainer's own command line: cargo xtask trainer train --data DIR --out RUN
//! serve    serve a package: cargo xtask serve PKG
//! bench    time kernels, and the first answer on the package of the last demo, in Chromium
//! peers    the same jobs beside onnxruntime-web in one page (needs Python with onnx and onnxruntime)
//! golden   make the golden numbers again (needs Python with numpy)
//! ci       what .ci/run calls: test
//! ```

mod browser;
mod kit;
mod relaxed;
mod shell;
mod wasm;

use std::process::ExitCode;

use anyhow::{Result, bail};
use shell::{cargo, step};
use wasm::Bundle;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let (verb, rest) =
        arguments.split_first().map_or(("", [].as_slice()), |(verb, rest)| (verb.as_str(), rest));
    match verb {
        "demo" => demo(rest),
        "test" | "ci" => test(),
        "check" => check(),
        "wasm" => match rest {
            [] => wasm::build(&[Bundle::Cpu, Bundle::Gpu]),
            [only] if only == "--cpu" => wasm::build(&[Bundle::Cpu]),
            [only] if only == "--gpu" => wasm::build(&[Bundle::Gpu]),
            [only] if only == "--bench" => wasm::build(&[Bundle::Bench]),
            _ => bail!("usage: cargo xtask wasm [--cpu | --gpu | --bench]"),
        },
        "kit" => {
            wasm::build(&[Bundle::Cpu, Bundle::Gpu])?;
            kit::build()
        }
        "trainer" => trainer(rest),
        "serve" => trainer(&[&["serve".to_owned()], rest].concat()),
        "bench" => bench(),
        "peers" => peers(),
        "golden" => golden(),
        _ => bail!(
            "usage: cargo xtask demo | test | check | wasm | kit | trainer … | serve PKG | bench | peers | golden | ci"
        ),
    }
}

fn demo(rest: &[String]) -> Result<()> {
    wasm::build(&[Bundle::Cpu])?;
    step("trainer demo");
    trainer(&[&["demo".to_owned()], rest].concat())
}

/// Runs the trainer in the folder that the user stands in, built where everything else is built.
fn trainer(arguments: &[String]) -> Result<()> {
    cargo(&["build", "--quiet", "--package", "trainer"])?;
    let mut command = std::process::Command::new(shell::trainer());
    command.args(arguments);
    let status = command.status()?;
    // The trainer has said what is wrong.
    if status.success() { Ok(()) } else { std::process::exit(status.code().unwrap_or(2)) }
}

fn check() -> Result<()> {
    step("format");
    cargo(&["fmt", "--all", "--check"])?;
    step("lints");
    cargo(&["clippy", "--quiet", "--all-targets", "--", "--deny", "warnings"])?;
    step("Rust tests");
    // The command-line tests run the real binary.
    cargo(&["build", "--quiet", "--package", "trainer"])?;
    cargo(&["test", "--quiet"])?;
    documents()
}

/// The programs that a document gives to its readers, on what their exports look like.
fn documents() -> Result<()> {
    step("programs of the documents");
    if !shell::answers("python3", &["--version"]) {
        shell::install(&["python3"], "Python")?;
    }
    let mut python = shell::command("python3", &["-m", "unittest", "discover", "-s", "tests/documents"]);
    python.env("VITRINE_TRAINER", shell::trainer());
    shell::run(python)
}

/// Cheapest checks first; the browser last, on the bundles that were just built.
fn test() -> Result<()> {
    check()?;
    kit::test()?;
    wasm::build(&[Bundle::Cpu, Bundle::Gpu])?;
    browser::test()
}

fn peers() -> Result<()> {
    wasm::build(&[Bundle::Cpu])?;
    browser::peers()
}

/// Everything that is timed and not tested.
fn bench() -> Result<()> {
    wasm::build(&[Bundle::Cpu, Bundle::Bench])?;
    browser::bench()
}

fn golden() -> Result<()> {
    let numbers = shell::output("python3", &["tests/golden/reference.py"])?;
    std::fs::write(shell::root().join("tests/golden/golden.json"), numbers)?;
    Ok(())
}
