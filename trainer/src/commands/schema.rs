//! `trainer schema`.

use anyhow::{Result, bail};

use crate::cli;

pub fn run(_arguments: &cli::Schema) -> Result<()> {
    bail!("not there yet")
}
