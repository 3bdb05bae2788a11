//! The `trainer` command.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match trainer::run(trainer::cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", trainer::message(&error));
            ExitCode::from(2)
        }
    }
}
