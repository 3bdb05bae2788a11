//! `trainer validate`: what a data set holds, what is wrong with it, and how to mend it.

use anyhow::Result;

use crate::{
    cli,
    datasets::{self, summary::Summary},
    output,
};

pub fn run(arguments: &cli::Validate, _is_json: bool, _is_quiet: bool) -> Result<()> {
    let dataset = datasets::read(&arguments.data)?;
    output::print(&format!("{:#?}\n{:#?}\n", Summary::of(&dataset), dataset.report))
}
