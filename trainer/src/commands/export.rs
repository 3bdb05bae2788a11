//! `trainer export`: a run becomes a package, or a checkpoint for other runtimes.

use anyhow::Result;
use serde_json::json;

use crate::{
    cli::{self, ExportFormat},
    export, hugging_face, output,
    run::Run,
};

pub fn run(arguments: &cli::Export, is_json: bool) -> Result<()> {
    let run = Run::load(&arguments.run)?;
    let files = match arguments.format {
        ExportFormat::Package => {
            let files = export::package(&run, arguments.quant)?;
            export::write(&files, &arguments.out)?;
            files
        }
        ExportFormat::Hf => {
            let files =
                hugging_face::files(&run.summary.model, &run.weights, &run.tokenizer_json, &run.carried)?;
            hugging_face::write(&files, &arguments.out)?;
            files
        }
    };
    let bytes: usize = files.values().map(Vec::len).sum();
    if is_json {
        output::print_json(&json!({ "package": arguments.out, "files": files.len(), "bytes": bytes }))?;
    } else {
        output::print(&format!("{}: {} files, {bytes} bytes\n", arguments.out.display(), files.len()))?;
    }
    Ok(())
}
