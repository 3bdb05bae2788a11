//! Does the real binary do what the README says, and does it say what is wrong when it cannot?

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// The binary beside this test; `cargo xtask check` builds it first.
pub fn trainer(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

pub fn command(arguments: &[&str]) -> Command {
    let mut binary = std::env::current_exe().unwrap();
    binary.pop();
    binary.pop();
    let binary = binary.join("trainer");
    assert!(binary.exists(), "{} is missing: run `cargo build -p trainer`", binary.display());
    let mut command = Command::new(binary);
    command.args(arguments);
    command
}

/// A folder that is gone when the test ends.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("vitrine-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// 40 visitors who each walk along one of two shelves of 15 films.
pub fn write_movielens(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let film = |id: usize| format!("{id}|Film {id} (19{:02})|01-Jan-1995|||{}0", id + 50, "0|".repeat(18));
    let films: Vec<String> = (1..=30).map(film).collect();
    fs::write(folder.join("u.item"), films.join("\n") + "\n").unwrap();
    let mut rows = Vec::new();
    for user in 1..=40 {
        for step in 0..10 {
            let film = 1 + 15 * (user % 2) + (user + step) % 15;
            let rating = if step % 4 == 3 { 2 } else { 5 };
            rows.push(format!("{user}\t{film}\t{rating}\t{}", 880_000_000 + step * 60));
        }
    }
    fs::write(folder.join("u.data"), rows.join("\n") + "\n").unwrap();
}

fn small(folder: &Folder, recipe: &str) -> String {
    let text = format!(
        "recipe = \"{recipe}\"\nhidden_size = 16\nheads = 2\nlayers = 1\ntokens = 320\n[sft]\nbatch_targets = 60\n\
         [sft.stage]\nepochs = 2\n[preference]\nbatch_rows = 8\nmax_examples = 40\n[preference.stage]\nepochs = 1\n"
    );
    fs::write(folder.path("small.toml"), text).unwrap();
    folder.path("small.toml")
}

/// A folder of films, and a config that trains on them in no time.
fn movielens(folder: &Folder, recipe: &str) -> (String, String) {
    let data = folder.path("data");
    write_movielens(Path::new(&data));
    (data, small(folder, recipe))
}

#[track_caller]
pub fn succeeds(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[track_caller]
pub fn fails(output: &Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
}

#[test]
fn train_eval_recommend_export() {
    for recipe in ["compact", "text"] {
        let folder = Folder::new(&format!("cli-{recipe}"));
        let (data, config) = movielens(&folder, recipe);
        let (run, package) = (folder.path("run"), folder.path("package"));
        let said =
            succeeds(&trainer(&["train", &config, "--data", &data, "--out", &run, "--json", "--quiet"]));
        let result: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!(result["stages"][0]["stage"], "sft");
        assert_eq!(result["stages"][1]["stage"], "recpo");

        let drawn = succeeds(&trainer(&["plot", &run, "--tensorboard", &folder.path("events")]));
        // The picture, and a file for each stage.
        assert_eq!(drawn.lines().count(), 3, "{drawn}");
        assert!(drawn.lines().all(|path| fs::metadata(path).is_ok_and(|file| file.len() > 100)), "{drawn}");

        let said = succeeds(&trainer(&["eval", &run, "--json"]));
        let result: serde_json::Value = serde_json::from_str(&said).unwrap();
        // Four baselines that take no training, then the model.
        assert_eq!(result["reports"].as_array().unwrap().len(), 5);

        let history = "Film 1 (1951):5, Film 2 (1952):4, Film 20 (1970):1";
        let from_run = succeeds(&trainer(&["recommend", &run, "--history", history, "--k", "5"]));
        assert_eq!(from_run.lines().count(), 5);
        succeeds(&trainer(&["export", &run, "--out", &package, "--quant", "f32"]));
        let from_package = succeeds(&trainer(&["recommend", &package, "--history", history, "--k", "5"]));
        assert_eq!(from_run, from_package);

        // A finished run and a foreign folder are not overwritten; a package is replaced.
        let again = trainer(&["train", &config, "--data", &data, "--out", &run]);
        fails(&again, &["holds a finished run", "hint:"]);
        fails(&trainer(&["export", &run, "--out", &data]), &["no package", "hint:"]);
        succeeds(&trainer(&["export", &run, "--out", &package]));
        assert!(Path::new(&package).join("manifest.json").exists());
    }
}

#[test]
fn the_same_seed_gives_the_same_weights() {
    let folder = Folder::new("seed");
    let (data, config) = movielens(&folder, "compact");
    let weights = |name: &str, seed: &str| {
        let run = folder.path(name);
        succeeds(&trainer(&["train", &config, "--data", &data, "--out", &run, "--seed", seed, "--quiet"]));
        fs::read(Path::new(&run).join("model.safetensors")).unwrap()
    };
    let first = weights("first", "7");
    assert!(first == weights("second", "7"), "two runs of one seed differ");
    assert!(first != weights("third", "8"), "the seed changes nothing");
}

/// Two preference stages on one supervised model ask its reference the same, and the second reads what the first wrote.
#[test]
fn a_reference_is_asked_once() {
    let folder = Folder::new("reference");
    let (data, config) = movielens(&folder, "text");
    let base = folder.path("base");
    succeeds(&trainer(&["train", &config, "--data", &data, "--out", &base, "--loss", "sft", "--quiet"]));
    let kept = || {
        let files = fs::read_dir(Path::new(&base).join("reference")).unwrap();
        files
            .map(|file| file.unwrap().path())
            .map(|path| (fs::read(&path).unwrap(), path))
            .collect::<Vec<_>>()
    };
    let prefer = |name: &str, loss: &str| {
        let run = folder.path(name);
        let arguments = ["train", &config, "--data", &data, "--from", &base, "--out", &run, "--loss", loss];
        succeeds(&trainer(&[&arguments[..], &["--keep", "always", "--quiet"]].concat()));
        fs::read(Path::new(&run).join("model.safetensors")).unwrap()
    };
    let first = prefer("first", "recpo");
    let of_first = kept();
    assert_eq!(of_first.len(), 1);
    assert!(first == prefer("again", "recpo"), "what is read is not what was computed");
    prefer("other", "sdpo");
    assert!(of_first == kept(), "another loss on the same pairs asked again");
}

/// On a terminal there is a dashboard, and afterwards the terminal is as it was, with all that was said.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_has_a_dashboard() {
    let folder = Folder::new("dashboard");
    let (data, config) = movielens(&folder, "compact");
    let run = folder.path("run");
    // Long enough to be drawn ten times.
    let text = fs::read_to_string(&config).unwrap().replace("epochs = 2", "epochs = 60\npatience = 60");
    fs::write(&config, text).unwrap();
    let program = command(&[]).get_program().to_string_lossy().into_owned();
    let line = |out: &str, more: &str| {
        format!("stty rows 40 cols 120; exec {program} train {config} --data {data} --out {out} {more}")
    };
    // What a user's terminal shows.
    let terminal = |line: &str| {
        let output =
            Command::new("script").args(["-qec", line, "/dev/null"]).env("TERM", "xterm").output().unwrap();
        succeeds(&output)
    };
    let (enter, leave) = ("\u{1b}[?1049h", "\u{1b}[?1049l");
    let shown = terminal(&line(&run, ""));
    // Drawn while a stage trains; before, between and after there is text.
    let stages: Vec<(&str, &str)> =
        shown.split(enter).skip(1).map(|each| each.split_once(leave).unwrap()).collect();
    let [(sft, between), (_, after)] = stages[..] else { panic!("{} dashboards", stages.len()) };
    let before = shown.split(enter).next().unwrap();
    for (shown, words) in [
        (before, ["to train on", "sft: 300 steps", "so that 60 epochs take"].as_slice()),
        (sft, &["Status", "loss", "valid/hit_rate_at_1"]),
        (between, &["sft epoch 2", "preferences with"]),
        (after, &["recpo epoch 1", "run written to"]),
    ] {
        for word in words {
            assert!(shown.contains(word), "{word:?} is not in: {shown}");
        }
    }
    assert!(!before.contains("epoch 1"), "{before}");
    let plain = terminal(&line(&folder.path("plain"), "--plain"));
    assert!(!plain.contains(enter) && plain.contains("sft epoch 2"), "{plain}");
}

/// The dashboard reads single keys; Ctrl-C is none of them.
#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_stops_under_a_dashboard() {
    use std::io::Write;
    let folder = Folder::new("interrupted");
    let (data, config) = movielens(&folder, "compact");
    let run = folder.path("run");
    let text = fs::read_to_string(&config).unwrap().replace("epochs = 2", "epochs = 5000\npatience = 5000");
    fs::write(&config, text).unwrap();
    let program = command(&[]).get_program().to_string_lossy().into_owned();
    let line = format!("stty rows 40 cols 120; exec {program} train {config} --data {data} --out {run}");
    let mut terminal = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env("TERM", "xterm")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    while !Path::new(&run).join("checkpoints/last").exists() {
        assert!(terminal.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    terminal.stdin.as_mut().unwrap().write_all(b"\x03").unwrap();
    let output = terminal.wait_with_output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let (_, after) = shown.rsplit_once("\u{1b}[?1049l").expect("the dashboard was drawn and left");
    for word in ["stopped in sft at epoch", "hint: `trainer train --resume"] {
        assert!(after.contains(word), "{word:?} is not in: {after}");
    }
    let log = fs::read_to_string(Path::new(&run).join("train.log")).unwrap();
    assert!(log.contains("to train on") && log.contains("sft epoch 1:"), "{log}");
}

/// Kills a run again and again, goes on each time, and compares with one that nobody disturbed.
#[test]
fn a_run_that_is_killed_goes_on_to_the_same_weights() {
    for recipe in ["compact", "text"] {
        let folder = Folder::new(&format!("killed-{recipe}"));
        let (data, config) = movielens(&folder, recipe);
        let (whole, run) = (folder.path("whole"), folder.path("run"));
        // Dropout, a weight average and a stage that is kept whatever it does: all that could be forgotten.
        let text = fs::read_to_string(&config).unwrap();
        let text = text
            .replace("hidden_size", "dropout = 0.2\nhidden_size")
            .replace("[sft.stage]", "[sft.stage]\nweight_average = 0.9")
            .replace("[preference]", "[preference]\nkeep = \"always\"")
            + "[checkpoints]\nsteps = 1\n";
        fs::write(&config, text).unwrap();
        succeeds(&trainer(&["train", &config, "--data", &data, "--out", &whole, "--quiet"]));

        let places = Path::new(&run).join("checkpoints");
        let mut arguments = vec!["train", &config, "--data", &data, "--out", &run, "--quiet"];
        let mut seen = std::collections::BTreeSet::new();
        let mut is_whole = false;
        for _ in 0..200 {
            let mut child = command(&arguments).spawn().unwrap();
            // As soon as it got further than ever, it dies.
            let is_over = loop {
                if let Some(status) = child.try_wait().unwrap() {
                    assert!(status.success());
                    break true;
                }
                let last = fs::read_link(places.join("last")).ok();
                if last.is_some_and(|last| seen.insert(last)) {
                    break false;
                }
                std::thread::sleep(std::time::Duration::from_millis(1));
            };
            if is_over {
                break;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            // The last checkpoint and the end lie close together: a kill may come after both.
            is_whole = Path::new(&run).join("run.json").exists();
            if is_whole {
                break;
            }
            arguments = vec!["train", "--resume", &run, "--quiet"];
        }
        assert!(seen.len() > 8, "{recipe}: killed only {} times", seen.len());
        let read = |run: &str, name: &str| fs::read(Path::new(run).join(name)).unwrap();
        assert!(
            read(&run, "model.safetensors") == read(&whole, "model.safetensors"),
            "{recipe}: other weights"
        );
        assert!(is_whole || !places.exists(), "a finished run needs no checkpoints");
        // No step is written twice, and none is missing.
        let steps = |run: &str| -> Vec<(String, u64)> {
            let text = String::from_utf8(read(run, "metrics.jsonl")).unwrap();
            let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
            lines
                .filter_map(|line| Some((line["stage"].as_str()?.to_owned(), line["step"].as_u64()?)))
                .collect()
        };
        assert_eq!(steps(&run), steps(&whole), "{recipe}");
        fails(&trainer(&["train", "--resume", &run]), &["is finished", "hint:"]);
        assert!(!places.exists(), "{recipe}: checkpoints of a finished run are left");
        let left = fs::read_dir(&run).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let left: Vec<_> = left.filter(|name| name.ends_with(".partial")).collect();
        assert!(left.is_empty(), "{recipe}: {left:?} are left");
    }
}

/// Ctrl-C writes a checkpoint and says how to go on; other data and a folder in use are refused.
#[cfg(unix)]
#[test]
fn a_run_that_is_stopped_says_how_to_go_on() {
    let folder = Folder::new("stopped");
    let (data, config) = movielens(&folder, "compact");
    let run = folder.path("run");
    let text = fs::read_to_string(&config).unwrap().replace("epochs = 2", "epochs = 5000\npatience = 5000");
    fs::write(&config, text).unwrap();
    let arguments = ["train", &config, "--data", &data, "--out", &run];
    let mut child = command(&arguments).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let places = Path::new(&run).join("checkpoints");
    while !places.exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let place = ["stopped in sft at epoch", "hint: `trainer train --resume"];
    fails(&output, &place);
    let kept =
        fs::read_dir(&places).unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    let kept = kept.filter(|name| name.starts_with("sft-")).count();
    assert!(kept <= 3, "{kept} are kept, not the newest two and the best");
    for name in ["last", "best"] {
        assert!(places.join(name).join("state.json").exists(), "{name} leads nowhere");
    }
    fails(&trainer(&arguments), &["was not finished", "--resume"]);

    let rows = fs::read_to_string(Path::new(&data).join("u.data")).unwrap();
    fs::write(Path::new(&data).join("u.data"), rows + "1\t30\t5\t880000999\n").unwrap();
    fails(&trainer(&["train", "--resume", &run]), &["no longer those", "hint:"]);
    fails(&trainer(&["train", "--resume", &data]), &["no run that could go on", "hint:"]);
}

/// A disk that takes no more in the middle of a checkpoint: nothing of before is lost, and with room it goes on.
#[cfg(unix)]
#[test]
fn a_disk_that_is_full_leaves_what_was_written_before() {
    let folder = Folder::new("full");
    let (data, config) = movielens(&folder, "compact");
    let (whole, run) = (folder.path("whole"), folder.path("run"));
    succeeds(&trainer(&["train", &config, "--data", &data, "--out", &whole, "--quiet"]));
    // Files end at 50 KiB: weights fit, the optimizer's two moments of each do not.
    let program = command(&[]).get_program().to_string_lossy().into_owned();
    let line = format!(
        "trap '' XFSZ; ulimit -f 100; exec {program} train {config} --data {data} --out {run} --quiet"
    );
    let output = Command::new("sh").args(["-c", &line]).output().unwrap();
    fails(&output, &["a checkpoint cannot be written", "optimizer.bpk", "hint:", "--resume"]);
    let left: Vec<_> = fs::read_dir(Path::new(&run).join("checkpoints")).unwrap().collect();
    assert!(left.is_empty(), "{left:?} is half written");
    succeeds(&trainer(&["train", "--resume", &run, "--quiet"]));
    let read = |run: &str| fs::read(Path::new(run).join("model.safetensors")).unwrap();
    assert!(read(&run) == read(&whole), "other weights");
}

#[test]
fn mistakes_are_said_with_place_and_remedy() {
    let folder = Folder::new("mistakes");
    let (data, run) = (folder.path("data"), folder.path("run"));
    let train = |data: &str| trainer(&["train", "--data", data, "--out", &run]);

    fails(&train("/no/such/folder"), &["/no/such/folder is not a folder", "--data"]);
    fails(&train(&folder.path("")), &["no data set", "hint: expected u.data"]);

    write_movielens(Path::new(&data));
    fs::write(Path::new(&data).join("u.data"), "1\t2\t5\t880000000\n1\t3\t4\t88").unwrap();
    fails(&train(&data), &["u.data:2:", "the last line is cut off", "copy the file again"]);
    fs::write(Path::new(&data).join("u.data"), "1\t2\t5\t880000000\n1\t3\t4\n").unwrap();
    fails(&train(&data), &["u.data:2:", "got 3 fields", "cut off"]);
    fs::write(Path::new(&data).join("u.data"), "1\t2\tfive\t880000000\n").unwrap();
    fails(&train(&data), &["u.data:1:", "1 to 5"]);
    fs::write(Path::new(&data).join("u.data"), "1\t99\t5\t880000000\n").unwrap();
    fails(&train(&data), &["item 99", "u.item"]);
    fs::remove_file(Path::new(&data).join("u.item")).unwrap();
    fails(&train(&data), &["cannot read", "u.item", "hint:"]);
    assert!(!Path::new(&run).exists(), "a failed start leaves nothing behind");

    fails(&trainer(&["demo", "--no-serve", "--out", &folder.path("")]), &["no demo", "--out"]);
    let foreign = folder.path("foreign");
    fs::create_dir_all(&foreign).unwrap();
    fs::write(Path::new(&foreign).join("config.toml"), "").unwrap();
    write_movielens(Path::new(&data));
    fails(&trainer(&["train", "--data", &data, "--out", &foreign]), &["no run", "--out"]);
    fs::write(folder.path("bad.toml"), "hidden = 3\n").unwrap();
    let output = trainer(&["train", &folder.path("bad.toml"), "--data", &data, "--out", &run]);
    fails(&output, &["bad.toml", "hidden_size", "line 1"]);

    for (device, precision, said) in
        [("cpu", "bf16", "does not compute in bf16"), ("cpu,metal", "f32", "has no metal")]
    {
        let arguments =
            ["train", "--data", &data, "--out", &run, "--device", device, "--precision", precision];
        fails(&trainer(&arguments), &[said, "hint:"]);
        assert!(!Path::new(&run).exists(), "a refused device leaves nothing behind");
    }
    fails(&trainer(&["plot", &data]), &["metrics.jsonl", "hint:"]);
    fails(&trainer(&["eval", &run]), &["is not a folder", "trainer train --out"]);
    fails(&trainer(&["train", "--no-such-flag"]), &["--no-such-flag"]);
    fails(&trainer(&["serve", &data]), &["manifest.json is missing", "trainer export"]);
}

#[test]
fn a_cut_off_archive_is_named() {
    let folder = Folder::new("archive");
    fs::write(folder.path("movies.dat"), "1::Heat (1995)::Action\n").unwrap();
    // The first ten bytes of a gzip file and nothing after them.
    fs::write(folder.path("ratings.dat.gz"), [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]).unwrap();
    let output = trainer(&["train", "--data", &folder.path(""), "--out", &folder.path("run")]);
    fails(&output, &["ratings.dat.gz", "cut off"]);
}

/// Every step of a comparison leaves its file; what is done is not done again, and other settings are refused.
#[test]
fn compare_makes_one_report_and_goes_on_where_it_stopped() {
    let folder = Folder::new("compare");
    let (data, out) = (folder.path("films"), folder.path("comparison"));
    write_movielens(Path::new(&data));
    let config = small(&folder, "compact");
    let compare = |losses: &str| {
        let mut arguments = vec!["compare", &config, "--data", &data, "--losses", losses, "--out", &out];
        arguments.extend(["--seeds", "2", "--baselines", "popular,gru4rec"]);
        trainer(&arguments)
    };
    let report = succeeds(&compare("sft,sdpo,recpo"));
    for words in ["## films", "| popular | 1 |", "| gru4rec | 1 |", "| sft | 2 |", "| recpo | 2 |", "B3"] {
        assert!(report.contains(words), "{words:?} is not in: {report}");
    }
    let page = fs::read_to_string(Path::new(&out).join("films.html")).unwrap();
    assert!(page.contains("<svg") && !page.contains("http://") && !page.contains("https://"));

    let run = Path::new(&out).join("films/seed-2/recpo/run.json");
    let before = fs::metadata(&run).unwrap().modified().unwrap();
    assert_eq!(succeeds(&compare("sft,sdpo,recpo")), report);
    assert_eq!(fs::metadata(&run).unwrap().modified().unwrap(), before);

    fs::write(&config, fs::read_to_string(&config).unwrap().replace("epochs = 2", "epochs = 3")).unwrap();
    fails(&compare("sft"), &["begun with other settings", "hint:"]);
}

#[test]
fn behaviour_and_inspect_show_what_a_loss_does() {
    let folder = Folder::new("behaviour");
    let (data, config) = movielens(&folder, "compact");
    let run = folder.path("run");
    succeeds(&trainer(&["train", &config, "--data", &data, "--out", &run, "--quiet"]));
    let table = succeeds(&trainer(&["eval", &run, "--behaviour", "--beside", &run]));
    assert!(table.contains("B1") && table.contains("B8"), "{table}");
    let shown =
        succeeds(&trainer(&["inspect", "--data", &data, "--recipe", "text", "--examples", "2", "--json"]));
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let examples = shown["examples"].as_array().unwrap();
    assert_eq!(examples.len(), 2);
    for example in examples {
        // λ = 2 times the ratio of the utilities that stand beside it.
        let chosen = example["chosen"]["utility"].as_f64().unwrap();
        for rejected in example["rejected"].as_array().unwrap() {
            let margin = 2.0 * chosen / rejected["utility"].as_f64().unwrap();
            assert!((rejected["margin"].as_f64().unwrap() - margin).abs() < 1e-3, "{example}");
        }
    }
}

#[test]
fn an_earlier_run_is_asked_about_newer_data_and_its_answers_can_be_counted_again() {
    let folder = Folder::new("newer");
    let (data, config) = movielens(&folder, "compact");
    let (run, answers) = (folder.path("run"), folder.path("answers.jsonl"));
    succeeds(&trainer(&["train", &config, "--data", &data, "--out", &run, "--quiet"]));
    let films = Path::new(&data).join("u.item");
    let text = fs::read_to_string(&films).unwrap().replace("\n7|Film 7 ", "\n7|Another film ");
    // A title that changed is another item for whoever reads it; one with another id is one more.
    fs::write(&films, text.replace("\n9|", "\n99|")).unwrap();
    let rows = Path::new(&data).join("u.data");
    fs::write(&rows, fs::read_to_string(&rows).unwrap().replace("\t9\t", "\t99\t")).unwrap();
    let eval = ["eval", &run, "--protocol", "both", "--no-baselines", "--json", "--answers", &answers];
    let said: serde_json::Value = serde_json::from_str(&succeeds(&trainer(&eval))).unwrap();
    assert!(said["notes"][0].as_str().unwrap().contains("with 1 items that it lacks"), "{}", said["notes"]);
    assert_eq!(said["run"], run);

    let mut hits = [("candidates20", Vec::new()), ("full", Vec::new())];
    for line in fs::read_to_string(&answers).unwrap().lines() {
        let answer: serde_json::Value = serde_json::from_str(line).unwrap();
        let number = |name: &str| answer[name].as_f64().unwrap();
        let of_protocol = hits.iter_mut().find(|(name, _)| answer["protocol"] == *name).unwrap();
        let is_first = number("better") == 0.0;
        of_protocol.1.push(if is_first { 1.0 / (1.0 + number("tied")) } else { 0.0 });
        if of_protocol.0 == "candidates20" {
            let scores = answer["scores"].as_array().unwrap();
            let above = scores.iter().filter(|score| score.as_f64() > answer["target_score"].as_f64());
            assert_eq!(above.count() as f64, number("better"));
        }
        assert_ne!(answer["target"], "99");
    }
    for ((protocol, hits), report) in hits.iter().zip(said["reports"].as_array().unwrap()) {
        assert_eq!(report["protocol"], *protocol);
        let mean = hits.iter().sum::<f64>() / hits.len() as f64;
        assert!((report["metrics"]["hit_rate_at_1"]["mean"].as_f64().unwrap() - mean).abs() < 1e-9);
    }
}

#[test]
fn settings_that_would_do_nothing_are_refused() {
    let folder = Folder::new("nothing");
    let (data, config) = movielens(&folder, "compact");
    let run = folder.path("run");
    let train = ["train", &config, "--data", &data, "--out", &run];
    fails(
        &trainer(&[&train[..], &["--loss", "sdpo", "--lambda", "1"]].concat()),
        &["sdpo has none", "hint:"],
    );
    fails(&trainer(&[&train[..], &["--loss", "sft", "--lambda", "1"]].concat()), &["sft has none", "hint:"]);
    let settings = fs::read_to_string(&config).unwrap();
    for (key, value) in
        [("preference.max_examples", "max_examples = 0"), ("sft.stage.patience", "patience = 0")]
    {
        let text = match key {
            "sft.stage.patience" => settings.replace("[sft.stage]", &format!("[sft.stage]\n{value}")),
            _ => settings.replace("max_examples = 40", value),
        };
        fs::write(&config, text).unwrap();
        fails(&trainer(&train), &[&format!("{key} is 0"), "hint:"]);
    }
    fs::write(&config, settings).unwrap();
    succeeds(&trainer(&[&train[..], &["--quiet"]].concat()));
    fails(
        &trainer(&["eval", &run, "--protocol", "full", "--beam", "5"]),
        &["--beam searches titles", "hint:"],
    );
    let page = folder.path("page.html");
    let output = trainer(&["eval", &run, "--behaviour", "--html", &page]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot be used with"));
}

#[test]
fn what_is_no_package_is_refused_by_name() {
    let folder = Folder::new("no-package");
    let (missing, damaged) = (folder.path("missing"), folder.path("damaged"));
    fs::create_dir(&damaged).unwrap();
    fs::write(Path::new(&damaged).join("manifest.json"), "{}").unwrap();
    for command in ["bench", "serve"] {
        fails(&trainer(&[command, &missing]), &["cannot read", &missing, "hint:"]);
    }
    for command in
        [["bench", &damaged].as_slice(), &["serve", &damaged], &["recommend", &damaged, "--history", "a"]]
    {
        fails(&trainer(command), &[&damaged, "is no valid package", "hint: make one"]);
    }
}

#[test]
fn invalid_data_is_listed_and_the_exit_code_is_1() {
    let folder = Folder::new("validate");
    let write = |name: &str, text: &str| fs::write(folder.path(name), text).unwrap();
    write(
        "catalog.jsonl",
        "{\"id\":\"a\",\"title\":\"Scarf\",\"price\":100,\"currency\":\"EUR\"}\n\
         {\"id\":\"a\",\"title\":\"Hat\",\"price\":100,\"currency\":\"EUR\"}\n\
         {\"id\":\"b\",\"title\":\"Bag\",\"price\":100,\"currency\":\"USD\"}\n",
    );
    write(
        "events.jsonl",
        "{\"visitor\":\"v\",\"item\":\"a\",\"type\":\"glance\",\"ts\":1700000000000}\n\
         {\"visitor\":\"v\",\"item\":\"a\",\"type\":\"view\"}\n",
    );
    write("signals.toml", "[events]\ncart_add = { p = 0.2 }\n");
    let data = folder.path("");
    let output = trainer(&["validate", "--data", &data]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let words = [
        "catalog.jsonl:2:id",
        "catalog.jsonl:3:currency",
        "events.jsonl:1:type",
        "glance",
        "events.jsonl:2:ts",
        "signals.toml",
        "wishlist_add",
        "hint:",
    ];
    for word in words {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
    let good = folder.path("good");
    write_movielens(Path::new(&good));
    succeeds(&trainer(&["validate", "--data", &good]));
}
