//! `trainer export`: a run becomes a package.

use anyhow::Result;
use serde_json::json;

use crate::{cli, export, run::Run};

pub fn run(arguments: &cli::Export, is_json: bool) -> Result<()> {
    let run = Run::load(&arguments.run)?;
    let files = export::package(&run, arguments.quant)?;
    export::write(&files, &arguments.out)?;
    let bytes: usize = files.values().map(Vec::len).sum();
    if is_json {
        crate::output::print_json(
            &json!({ "package": arguments.out, "files": files.len(), "bytes": bytes }),
        )?;
    } else {
        crate::output::print(&format!(
            "{}: {} files, {bytes} bytes\n",
            arguments.out.display(),
            files.len()
        ))?;
    }
    Ok(())
}
