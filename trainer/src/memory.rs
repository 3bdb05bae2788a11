//! What does the process hold, and what is there? As Linux says it; other systems have other ways.

use std::{
    fs,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
};

use anyhow::{Result, bail, ensure};

/// Below, the system is about to end a process, and this is the largest.
const LEAST_BYTES: u64 = 96 << 20;

/// Whether a step may begin: better that training ends with its last checkpoint and a word than that the system ends it.
///
/// # Errors
/// When nearly nothing is left.
pub fn ensure_enough(available: Option<u64>) -> Result<()> {
    ensure!(
        available.is_none_or(|bytes| bytes >= LEAST_BYTES),
        "this machine is out of memory, and training ends before the system ends it; the last checkpoint is as it was\n\
         hint: {REMEDY}; then train again"
    );
    Ok(())
}

/// What a task gives; where a device has no memory for it, what to change.
///
/// # Errors
/// When the device is out of memory.
pub fn answered<T>(task: impl FnOnce() -> T) -> Result<T> {
    panic::catch_unwind(AssertUnwindSafe(task)).or_else(|cause| {
        // burn's devices have no other way to say so.
        let words =
            cause.downcast_ref::<String>().map(String::as_str).or(cause.downcast_ref::<&str>().copied());
        match words.filter(|words| words.to_lowercase().replace(' ', "").contains("outofmemory")) {
            Some(words) => bail!("the device is out of memory ({words})\nhint: {REMEDY}"),
            None => panic::resume_unwind(cause),
        }
    })
}

/// What needs less.
pub const REMEDY: &str = "lower sft.batch_targets or preference.batch_rows (and raise accumulate by as much), \
set recompute = true or lower base.bits";

/// The most that this process held at any time.
#[must_use]
pub fn peak_bytes() -> Option<u64> {
    field("/proc/self/status", "VmHWM:")
}

/// What can still be had without swapping: of the machine, and of every group of processes that has a limit (a container, a
/// batch job, a service).
#[must_use]
pub fn available_bytes() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = |line: &str| line.strip_prefix("0::/").map(str::to_owned);
    let limited =
        of_groups(Path::new("/sys/fs/cgroup"), &groups.lines().find_map(own).unwrap_or_default(), &V2);
    // `7:memory:/jobs/one`, or several controllers in one group.
    let older = |line: &str| {
        let (controllers, own) = line.split_once(':')?.1.split_once(":/")?;
        controllers.split(',').any(|name| name == "memory").then(|| own.to_owned())
    };
    let older = groups.lines().find_map(older);
    let older = older.and_then(|own| of_groups(Path::new("/sys/fs/cgroup/memory"), &own, &V1));
    field("/proc/meminfo", "MemAvailable:").into_iter().chain(limited).chain(older).min()
}

/// How a version of Linux' control groups names what is said of memory.
struct Names {
    limit: &'static str,
    used: &'static str,
    /// Files that were read: they are let go when the room is wanted.
    files: [&'static str; 2],
}

const V2: Names =
    Names { limit: "memory.max", used: "memory.current", files: ["inactive_file ", "active_file "] };
const V1: Names = Names {
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    files: ["total_inactive_file ", "total_active_file "],
};

/// What the group `own` and those that it belongs to have left.
fn of_groups(root: &Path, own: &str, names: &Names) -> Option<u64> {
    let number = |path: PathBuf| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let left = |group: &Path| {
        // `max`, or more than any machine has, where there is no limit.
        let limit = number(group.join(names.limit))?;
        let used = number(group.join(names.used))?;
        let files = names.files.map(|name| {
            let statistics = fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
            statistics.lines().find_map(|line| line.strip_prefix(name)?.parse::<u64>().ok()).unwrap_or(0)
        });
        Some(limit.saturating_sub(used.saturating_sub(files.iter().sum())))
    };
    let own = root.join(own);
    own.ancestors().take_while(|group| group.starts_with(root)).filter_map(left).min()
}

fn field(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_memory_ends_training_with_a_remedy() {
        assert!(ensure_enough(None).is_ok() && ensure_enough(Some(1 << 30)).is_ok());
        let error = ensure_enough(Some(1 << 20)).unwrap_err().to_string();
        assert!(error.contains("hint: lower sft.batch_targets"), "{error}");
    }

    #[test]
    fn a_device_without_memory_is_answered_and_other_panics_go_on() {
        assert_eq!(answered(|| 7).unwrap(), 7);
        let error = answered(|| panic!("IoError: OutOfMemory {{ size: 1 }}")).unwrap_err().to_string();
        assert!(error.contains("size: 1") && error.contains("hint: lower"), "{error}");
        assert!(panic::catch_unwind(|| answered(|| panic!("index out of bounds"))).is_err());
    }

    #[test]
    fn the_narrowest_group_is_the_limit() {
        let root = std::env::temp_dir().join(format!("vitrine-groups-{}", std::process::id()));
        let own = root.join("jobs/one");
        fs::create_dir_all(&own).unwrap();
        let write = |folder: &Path, max: &str, current: u64| {
            fs::write(folder.join("memory.max"), format!("{max}\n")).unwrap();
            fs::write(folder.join("memory.current"), format!("{current}\n")).unwrap();
        };
        write(&root.join("jobs"), "1000", 900);
        write(&own, "max", 800);
        fs::write(root.join("jobs/memory.stat"), "anon 700\ninactive_file 150\nactive_file 50\n").unwrap();
        assert_eq!(of_groups(&root, "jobs/one", &V2), Some(300));
        write(&own, "850", 800);
        assert_eq!(of_groups(&root, "jobs/one", &V2), Some(50));
        assert_eq!(of_groups(&root, "elsewhere", &V2), None);
        fs::write(own.join("memory.limit_in_bytes"), "500").unwrap();
        fs::write(own.join("memory.usage_in_bytes"), "450").unwrap();
        fs::write(own.join("memory.stat"), "inactive_file 1\ntotal_inactive_file 20\n").unwrap();
        assert_eq!(of_groups(&root, "jobs/one", &V1), Some(70));
        fs::remove_dir_all(&root).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_says_both() {
        assert!(peak_bytes().unwrap() > 1 << 20);
        assert!(available_bytes().unwrap() > 1 << 20);
    }
}
