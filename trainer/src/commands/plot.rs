//! `trainer plot`: the curves of a run as a picture, and for TensorBoard.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;

use crate::{cli, curves::Curves, output, tensorboard};

pub fn run(arguments: &cli::Plot, is_json: bool) -> Result<()> {
    let curves = Curves::read(&arguments.run)?;
    let picture = arguments.out.clone().unwrap_or_else(|| arguments.run.join("metrics.svg"));
    let title = format!("Training of {}", arguments.run.display());
    output::write_file(&picture, curves.picture(&title).as_bytes())?;
    let mut events: Vec<PathBuf> = Vec::new();
    if let Some(folder) = &arguments.tensorboard {
        for (name, bytes) in tensorboard::event_files(&curves) {
            let path = folder.join(name);
            output::write_file(&path, &bytes)?;
            events.push(path);
        }
    }
    if is_json {
        return output::print_json(&json!({ "picture": picture, "events": events }));
    }
    let written: Vec<String> =
        std::iter::once(&picture).chain(&events).map(|path| format!("{}\n", path.display())).collect();
    output::print(&written.concat())
}
