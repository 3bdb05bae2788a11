//! Who trains in a folder? One process at a time.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

/// Held by the process that trains in a folder.
const LOCK: &str = ".lock";

/// Holds the folder of a run for this process, until what it returns is dropped or the process ends.
///
/// # Errors
/// When another process trains there.
pub fn hold(run: &Path) -> Result<Held> {
    let is_new = !run.exists();
    let path = run.join(LOCK);
    let file = fs::create_dir_all(run).and_then(|()| fs::File::create(&path)).with_context(|| {
        format!("cannot write to {}\nhint: check the rights of the folder", run.display())
    })?;
    // Some file systems know no locks: there nobody is kept out.
    if matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock)) {
        bail!(
            "another process trains in {}\nhint: wait for it, end it, or choose another --out",
            run.display()
        );
    }
    Ok(Held { _file: file, path, folder: is_new.then(|| run.to_owned()) })
}

/// Whether a folder holds nothing but what [`hold`] left in it: a process that ended before it wrote anything.
#[must_use]
pub fn is_only_held(run: &Path) -> bool {
    let names = fs::read_dir(run).map(|listing| listing.flatten().map(|entry| entry.file_name()));
    names.is_ok_and(|mut names| names.all(|name| name == LOCK))
}

/// The folder of a run that is held.
pub struct Held {
    _file: fs::File,
    path: PathBuf,
    /// Made for it.
    folder: Option<PathBuf>,
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
        // Only one in which nothing came to be can be removed so.
        if let Some(folder) = &self.folder {
            let _ = fs::remove_dir(folder);
        }
    }
}
