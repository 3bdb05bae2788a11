//! `cargo xtask`: one command for what a newcomer, a developer and CI do.
//!
//! ```text
//! demo     install what is missing, build the CPU bundle, train on the demo shop, serve it
//! test     install what is missing, run every test: format, lints, Rust, docs, browser
//! check    format, lints and Rust tests only
//! wasm     build the browser bundles (--cpu or --gpu for one of them)
//! serve    serve a package: cargo xtask serve PKG
//! golden   make the golden numbers again (needs Python with numpy)
//! ci       what .ci/run calls: test
//! ```

mod browser;
mod shell;
mod wasm;

use std::process::ExitCode;

use anyhow::{Result, bail};
use shell::{Cargo, cargo, step};
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
            _ => bail!("usage: cargo xtask wasm [--cpu | --gpu]"),
        },
        "serve" => trainer("serve", rest),
        "golden" => golden(),
        _ => bail!("usage: cargo xtask demo | test | check | wasm | serve PKG | golden | ci"),
    }
}

fn demo(rest: &[String]) -> Result<()> {
    wasm::build(&[Bundle::Cpu])?;
    step("trainer demo");
    trainer("demo", rest)
}

fn trainer(verb: &str, rest: &[String]) -> Result<()> {
    let mut arguments = vec!["run", "--quiet", "--package", "trainer", "--", verb];
    arguments.extend(rest.iter().map(String::as_str));
    cargo(Cargo::Native, &arguments)
}

fn check() -> Result<()> {
    step("format");
    cargo(Cargo::Native, &["fmt", "--all", "--check"])?;
    step("lints");
    cargo(Cargo::Native, &["clippy", "--quiet", "--all-targets", "--", "--deny", "warnings"])?;
    step("Rust tests");
    cargo(Cargo::Native, &["test", "--quiet"])
}

/// Cheapest checks first; the browser last, on the bundles that were just built.
fn test() -> Result<()> {
    check()?;
    wasm::build(&[Bundle::Cpu, Bundle::Gpu])?;
    browser::test()
}

fn golden() -> Result<()> {
    let numbers = shell::output("python3", &["tests/golden/reference.py"])?;
    std::fs::write(shell::root().join("tests/golden/golden.json"), numbers)?;
    Ok(())
}
