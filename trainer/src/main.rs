//! The `trainer` command.

use std::process::ExitCode;

use clap::Parser;

/// Training takes and gives back large tensors at every step; the system's allocator hands their pages back to
/// the kernel each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match trainer::run(trainer::cli::Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", trainer::message(&error));
            ExitCode::from(2)
        }
    }
}
