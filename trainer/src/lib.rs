//! The native side of Vitrine: reads files, trains, evaluates, exports.

pub mod average;
pub mod base_config;
pub mod baselines;
pub mod beginning;
pub mod behaviour;
pub mod checkpoint;
pub mod cli;
pub mod clipping;
mod commands;
pub mod compare;
pub mod config;
pub mod curves;
pub mod dashboard;
pub mod datasets;
pub mod demo_shop;
pub mod device;
pub mod evaluation;
pub mod examples;
pub mod export;
pub mod goals;
pub mod hardware;
pub mod health;
mod hold;
pub mod hugging_face;
pub mod kernels;
pub mod loss;
pub mod loss_scale;
pub mod memory;
pub mod negatives;
pub mod output;
pub mod parameters;
pub mod pipeline;
pub mod preference_config;
pub mod ranker;
pub mod reference;
pub mod rules_file;
pub mod run;
pub mod schedule;
pub mod server;
pub mod signals_file;
pub mod split;
pub mod stop;
pub mod tensorboard;
pub mod tokenizer_training;
pub mod train;
pub mod trial;
pub mod unmet;
pub mod validator;

use std::process::ExitCode;

use anyhow::Result;
use cli::{Cli, Command};

/// Runs one command. The exit code is 0, or 1 when the command did its work and what it found is bad.
///
/// # Errors
/// When the command fails; the message ends in a hint where the user can mend it.
pub fn run(cli: Cli) -> Result<ExitCode> {
    let (json, quiet) = (cli.json, cli.quiet);
    match cli.command {
        Command::Demo(arguments) => commands::demo::run(&arguments, json, quiet),
        Command::Train(arguments) => commands::train::run(&arguments, json, quiet),
        Command::Eval(arguments) => commands::eval::run(&arguments, json, quiet),
        Command::Recommend(arguments) => commands::recommend::run(&arguments, json, quiet),
        Command::Export(arguments) => commands::export::run(&arguments, json),
        Command::Serve(arguments) => commands::serve::run(&arguments),
        Command::Bench(arguments) => commands::bench::run(&arguments, json),
        Command::Plot(arguments) => commands::plot::run(&arguments, json),
        Command::Validate(arguments) => return commands::validate::run(&arguments, json, quiet),
        Command::Schema(arguments) => commands::schema::run(&arguments),
        Command::Inspect(arguments) => commands::inspect::run(&arguments, json),
        Command::Compare(arguments) => commands::compare::run(&arguments, json, quiet),
    }
    .map(|()| ExitCode::SUCCESS)
}

/// An error as one paragraph: what failed, why, and at the end the hint.
#[must_use]
pub fn message(error: &anyhow::Error) -> String {
    let mut hints = Vec::new();
    let mut words: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string();
        let (what, hint) = text.split_once("\nhint: ").unwrap_or((&text, ""));
        // A cause that its parent quotes already is not said twice.
        if !words.iter().any(|said| said.contains(what)) {
            words.push(what.trim_end().to_owned());
        }
        if !hint.is_empty() {
            hints.push(format!("\nhint: {hint}"));
        }
    }
    words.join(": ") + &hints.concat()
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    #[test]
    fn the_hint_comes_last() {
        let error = Err::<(), _>(anyhow!("line 3 is cut off"))
            .context("cannot read a.txt\nhint: copy it")
            .unwrap_err();
        assert_eq!(super::message(&error), "cannot read a.txt: line 3 is cut off\nhint: copy it");
    }
}
