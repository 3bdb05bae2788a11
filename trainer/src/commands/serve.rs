//! `trainer serve`: a package and the demo storefront on this machine.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::{
    cli::{self, Site},
    export,
    server::{self, Mount},
};

/// The file of a bundle that a page loads first.
const RECORDER: &str = "recorder.js";

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
    ensure!(
        bundle.join(RECORDER).is_file(),
        "{} holds no {RECORDER}, so it is no browser bundle\nhint: name the folder that `cargo xtask wasm` makes \
         (web/dist), or leave --bundle out",
        bundle.display()
    );
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::tests::folder;

    #[test]
    fn a_folder_that_is_no_bundle_is_refused() {
        let (empty, bundle) = (folder("no-bundle", &[]), folder("bundle", &[(RECORDER, "")]));
        let site = |folder: &std::path::Path| Site {
            www: vec![folder.to_path_buf()],
            bundle: Some(folder.to_path_buf()),
        };
        let message = crate::message(&mounts(empty.path(), &site(empty.path())).err().unwrap());
        assert!(message.contains("holds no recorder.js") && message.contains("\nhint: "), "{message}");
        assert_eq!(mounts(empty.path(), &site(bundle.path())).unwrap().len(), 3);
    }
}
