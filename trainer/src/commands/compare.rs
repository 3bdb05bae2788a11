//! `trainer compare`.

use anyhow::{Result, bail};

use crate::cli;

pub fn run(_arguments: &cli::Compare, _is_json: bool, _is_quiet: bool) -> Result<()> {
    bail!("not there yet")
}
