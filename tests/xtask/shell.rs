//! How does xtask run other programs? From the project's root, saying what it runs, with a remedy on failure.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

/// The project's root.
pub fn root() -> PathBuf {
    // Of now, as cargo says it: what was compiled in another clone may serve this one, too.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    PathBuf::from(here).join("..")
}

/// Where builds and tools are kept between clones: `CARGO_TARGET_DIR`, or a cache in the home folder.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| cache().join("target"), PathBuf::from)
}

pub fn cache() -> PathBuf {
    let home = std::env::var_os("HOME").map_or_else(std::env::temp_dir, PathBuf::from);
    home.join(".cache").join("vitrine")
}

pub fn step(what: &str) {
    eprintln!("\n── {what}");
}

/// cargo with the builds in [`target`].
pub fn cargo(arguments: &[&str]) -> Result<()> {
    let mut command = command("cargo", arguments);
    command.env("CARGO_TARGET_DIR", target());
    run(command)
}

/// The trainer's binary, once it is built.
pub fn trainer() -> PathBuf {
    target().join("debug/trainer")
}

pub fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    command
}

/// Runs to the end.
pub fn run(mut command: Command) -> Result<()> {
    let words = format!("{command:?}");
    let status = command.status().with_context(|| format!("cannot start {words}"))?;
    ensure!(status.success(), "{words} failed ({status})");
    Ok(())
}

/// What a program prints.
pub fn output(program: &str, arguments: &[&str]) -> Result<Vec<u8>> {
    let out = command(program, arguments)
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {program}"))?;
    ensure!(out.status.success(), "{program} {} failed ({})", arguments.join(" "), out.status);
    Ok(out.stdout)
}

/// Whether a program is there and answers.
pub fn answers(program: &str, arguments: &[&str]) -> bool {
    command(program, arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

/// Installs Debian packages when this machine is one where that can be done without asking.
pub fn install(packages: &[&str], why: &str) -> Result<()> {
    let words = format!("apt-get install -y --no-install-recommends {}", packages.join(" "));
    let can_install = answers("apt-get", &["--version"]) && output("id", &["-u"])?.starts_with(b"0");
    ensure!(can_install, "{why} is missing\nhint: as root, run `{words}`");
    step(&words);
    // The lists may be old or absent on a fresh machine.
    run(command("apt-get", &["update", "-qq"]))?;
    let mut arguments = vec!["install", "-y", "-qq", "--no-install-recommends"];
    arguments.extend(packages);
    let mut install = command("apt-get", &arguments);
    install.env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null());
    run(install)
}
