//! Are the house rules kept? See docs/STYLE.md.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    // Of now, as cargo says it: what was compiled in another clone may serve this one, too.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
    Path::new(&here).join("..")
}

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty());
    found
}

/// The part of a file before its unit tests.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text)
}

#[test]
fn every_file_says_what_question_it_answers() {
    for folder in ["shared/src", "trainer/src", "web/src", "tests/rust", "tests/xtask"] {
        for (path, text) in sources(folder) {
            assert!(text.starts_with("//! "), "{} has no head", path.display());
        }
    }
}

#[test]
fn files_stay_readable() {
    for folder in ["shared/src", "trainer/src", "web/src"] {
        for (path, text) in sources(folder) {
            let lines = without_tests(&text).lines().count();
            assert!(lines <= 500, "{} has {lines} lines without its tests", path.display());
        }
    }
}

/// The rule is about our model: the baselines are other people's models and not variants of it.
#[test]
fn there_is_one_forward_pass() {
    for folder in ["trainer/src", "web/src"] {
        for (path, text) in sources(folder) {
            if path.components().any(|part| part.as_os_str() == "baselines") {
                continue;
            }
            assert!(!text.contains("fn forward"), "{} has a forward pass of its own", path.display());
        }
    }
    // Twice in the one place: with gradients and fused.
    let of_kernels = |path: &Path| path.components().any(|part| part.as_os_str() == "kernels");
    for (call, name) in [("masked_softmax(", "with gradients"), ("kernels::attend(", "fused")] {
        let attention: usize = sources("shared/src")
            .iter()
            .filter(|(path, _)| !of_kernels(path))
            .map(|(_, text)| without_tests(text).matches(call).count())
            .sum();
        assert_eq!(attention, 1, "attention {name} is computed in one place");
    }
    for (path, text) in sources("shared/src") {
        assert!(
            !without_tests(&text).contains("activation::softmax"),
            "{} has one of its own",
            path.display()
        );
    }
}

#[test]
fn shared_does_no_input_or_output() {
    for (path, text) in sources("shared/src") {
        for word in ["std::fs", "std::env", "std::thread", "std::time", "println!", "rand::", ".into_data()"]
        {
            assert!(!without_tests(&text).contains(word), "{} uses {word}", path.display());
        }
    }
}

#[test]
fn losses_never_see_the_model() {
    let text = fs::read_to_string(root().join("trainer/src/loss.rs")).unwrap();
    assert!(!text.contains("Model"));
}
