//! `trainer serve`: a package and the demo storefront on this machine.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::{
    cli::{self, Site},
    export,
    server::{self, Mount},
};

pub fn run(arguments: &cli::Serve) -> Result<()> {
    export::open(&arguments.package)?;
    let mounts = mounts(&arguments.package, &arguments.site)?;
    server::serve(&server::bind(arguments.port)?, &mounts)
}

/// What is served where: the package, the browser bundle and the shop's pages.
pub fn mounts(package: &std::path::Path, site: &Site) -> Result<Vec<Mount>> {
    let bundle = match &site.bundle {
        Some(folder) => folder.clone(),
        None => project_folder("web/dist").context(
            "the browser bundle is not built\nhint: run `cargo xtask wasm`, or name its folder with --bundle",
        )?,
    };
    let pages = if site.www.is_empty() {
        vec![project_folder("www").context("no storefront found\nhint: name its folder with --www")?]
    } else {
        site.www.clone()
    };
    let mut mounts = vec![
        Mount { prefix: "/vitrine/model/".to_owned(), folder: package.to_path_buf() },
        Mount { prefix: "/vitrine/".to_owned(), folder: bundle },
    ];
    mounts.extend(pages.into_iter().map(|folder| Mount { prefix: "/".to_owned(), folder }));
    Ok(mounts)
}

/// A folder of this project: below the current folder, or where the trainer was built.
pub fn project_folder(name: &str) -> Option<PathBuf> {
    let built = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    [PathBuf::from(name), built].into_iter().find(|folder| folder.is_dir())
}
