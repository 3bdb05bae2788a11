//! `trainer inspect`.

use anyhow::{Result, bail};

use crate::cli;

pub fn run(_arguments: &cli::Inspect, _is_json: bool) -> Result<()> {
    bail!("not there yet")
}
