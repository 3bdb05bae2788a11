//! Is a published model fine-tuned as a user would do it: adapters alone, killed and gone on with, exported again?

use std::{
    fs,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use shared::weights::{Weight, Weights};
use trainer::hugging_face::{Checkpoint, tensors};

use crate::command_line::{Folder, command, fails, succeeds, trainer, write_movielens};

/// How many tokens the tokenizer below has, and the one that is a new line.
const TOKENS: usize = 96;
const NEW_LINE: usize = TOKENS - 1;

/// Byte by byte, as GPT-2 and its heirs spell bytes: a space is Ġ, a new line Ċ.
fn tokenizer() -> Value {
    let pieces = ('!'..='~').chain(['Ġ', 'Ċ']).enumerate();
    let vocabulary: serde_json::Map<_, _> =
        pieces.map(|(id, piece)| (piece.to_string(), id.into())).collect();
    assert_eq!((vocabulary.len(), &vocabulary["Ċ"]), (TOKENS, &json!(NEW_LINE)));
    let bytes =
        json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true });
    json!({
        "version": "1.0", "added_tokens": [], "pre_tokenizer": bytes, "decoder": bytes,
        "model": { "type": "BPE", "vocab": vocabulary, "merges": [] },
    })
}

const WIDTH: usize = 32;
const INNER: usize = 48;

/// A checkpoint as Llama 3.2 is published, small and of numbers that a formula gives.
fn write_base(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let config = json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": WIDTH,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": INNER,
        "rms_norm_eps": 1e-5, "rope_theta": 500_000.0, "vocab_size": TOKENS, "tie_word_embeddings": true,
        "hidden_act": "silu", "max_position_embeddings": 131_072, "torch_dtype": "bfloat16",
        "bos_token_id": 5, "eos_token_id": 6, "use_cache": true,
        "rope_scaling": {
            "rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192,
        },
    });
    let mut shapes = vec![
        ("model.embed_tokens.weight".to_owned(), vec![TOKENS, WIDTH]),
        ("model.norm.weight".to_owned(), vec![WIDTH]),
    ];
    for layer in 0..2 {
        let mut add = |name: &str, shape: &[usize]| {
            shapes.push((format!("model.layers.{layer}.{name}.weight"), shape.to_vec()));
        };
        add("input_layernorm", &[WIDTH]);
        add("post_attention_layernorm", &[WIDTH]);
        add("self_attn.q_proj", &[WIDTH, WIDTH]);
        add("self_attn.k_proj", &[WIDTH / 2, WIDTH]);
        add("self_attn.v_proj", &[WIDTH / 2, WIDTH]);
        add("self_attn.o_proj", &[WIDTH, WIDTH]);
        add("mlp.gate_proj", &[INNER, WIDTH]);
        add("mlp.up_proj", &[INNER, WIDTH]);
        add("mlp.down_proj", &[WIDTH, INNER]);
    }
    let mut state = 1_u32;
    let mut draw = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    let weights: Weights = shapes
        .into_iter()
        .map(|(name, shape)| {
            let (count, middle) = (shape.iter().product(), if shape.len() == 1 { 1.0 } else { 0.0 });
            let values = (0..count).map(|_| middle + 0.3 * draw()).collect();
            (name, Weight { shape, values })
        })
        .collect();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes).unwrap();
    write("config.json", config.to_string().as_bytes());
    write(
        "generation_config.json",
        json!({ "eos_token_id": [6, 7], "temperature": 0.6 }).to_string().as_bytes(),
    );
    write("tokenizer.json", tokenizer().to_string().as_bytes());
    write("model.safetensors", &tensors::bytes(&weights).unwrap());
}

/// Settings under which a run takes a second.
fn settings(folder: &Folder, bits: usize) -> String {
    let text = format!(
        "context = 4\nvalid_questions = 10\n[sft]\nbatch_targets = 40\n[sft.stage]\nepochs = 6\npatience = 6\nlearning_rate = 0.01\n\
         [preference]\nkeep = \"always\"\nbatch_rows = 4\nmax_examples = 24\n\
         [preference.stage]\nepochs = 4\npatience = 4\naccumulate = 1\nlearning_rate = 0.001\n\
         [checkpoints]\nsteps = 3\n[base]\npath = {:?}\nbits = {bits}\n[base.lora]\nrank = 4\nalpha = 8.0\n",
        folder.path("base")
    );
    let path = folder.path(&format!("settings-{bits}.toml"));
    fs::write(&path, text).unwrap();
    path
}

fn weights(run: &str, name: &str) -> Weights {
    tensors::read_file(&Path::new(run).join(name)).unwrap()
}

const ADAPTER: &str = "adapter/adapter_model.safetensors";

/// W + α/r · B·A, row by row.
fn merged(base: &Weights, adapters: &Weights, scale: f32) -> Weights {
    let mut sum = base.clone();
    for (name, a) in adapters.iter().filter(|(name, _)| name.ends_with("lora_A.weight")) {
        let b = &adapters[&name.replace("lora_A", "lora_B")];
        let name = name.strip_prefix("base_model.model.").unwrap().replace("lora_A.", "");
        let [rank, columns] = a.shape[..] else { panic!() };
        for (place, value) in sum.get_mut(&name).unwrap().values.iter_mut().enumerate() {
            let (row, column) = (place / columns, place % columns);
            *value += scale
                * (0..rank).map(|r| b.values[row * rank + r] * a.values[r * columns + column]).sum::<f32>();
        }
    }
    sum
}

fn largest_difference(a: &Weights, b: &Weights) -> f32 {
    assert!(a.keys().eq(b.keys()));
    let pairs = a.iter().flat_map(|(name, weight)| weight.values.iter().zip(&b[name].values));
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn adapters_are_trained_alone_and_leave_as_they_came() {
    let folder = Folder::new("fine-tuning");
    let (data, base) = (folder.path("data"), folder.path("base"));
    write_movielens(Path::new(&data));
    write_base(Path::new(&base));
    let config = settings(&folder, 32);
    let (whole, first, second) = (folder.path("whole"), folder.path("first"), folder.path("second"));
    let run = |arguments: &[&str]| {
        succeeds(&trainer(&[&["train", &config, "--data", &data, "--quiet"], arguments].concat()))
    };
    run(&["--loss", "recpo", "--out", &whole]);
    let published = weights(&base, "model.safetensors");
    let adapters = weights(&whole, ADAPTER);
    assert_eq!(adapters.len(), 2 * 7 * 2);
    for (name, weight) in &adapters {
        assert!(weight.values.iter().any(|value| *value != 0.0), "{name} never learned");
    }
    let sum = weights(&whole, "model.safetensors");
    let expected = merged(&published, &adapters, 8.0 / 4.0);
    assert!(largest_difference(&sum, &expected) < 1e-6 && largest_difference(&sum, &published) > 1e-3);
    for name in ["model.embed_tokens.weight", "model.norm.weight"] {
        assert_eq!(sum[name], published[name], "what has no adapter stays as it is");
    }

    // The stages in a command each: the second goes on with the adapters of the first.
    run(&["--loss", "sft", "--out", &first]);
    assert!(weights(&first, ADAPTER) != adapters);
    run(&["--from", &first, "--loss", "recpo", "--out", &second]);
    assert!(weights(&second, ADAPTER) == adapters, "two commands give what one gives");
    assert!(weights(&second, "model.safetensors") == sum);

    let exported = folder.path("hf");
    succeeds(&trainer(&["export", &whole, "--format", "hf", "--out", &exported]));
    let read = |folder: &str, name: &str| -> Value {
        serde_json::from_slice(&fs::read(Path::new(folder).join(name)).unwrap()).unwrap()
    };
    let (before, mut after) = (read(&base, "config.json"), read(&exported, "config.json"));
    assert_eq!(after["torch_dtype"].take(), "float32");
    after["torch_dtype"] = before["torch_dtype"].clone();
    assert_eq!(after, before, "the checkpoint's own words");
    let generation = read(&exported, "generation_config.json");
    assert_eq!(generation, json!({ "eos_token_id": [6, 7, NEW_LINE], "temperature": 0.6 }));
    assert!(Checkpoint::load(Path::new(&exported)).unwrap().weights == sum);
    fails(&trainer(&["export", &whole, "--format", "hf", "--out", &exported]), &["holds something", "hint:"]);

    // A base that is no longer the same would make another model of the same adapters.
    fs::remove_file(Path::new(&second).join("run.json")).unwrap();
    let mut other = published;
    other.get_mut("model.norm.weight").unwrap().values[0] += 1.0;
    fs::write(Path::new(&base).join("model.safetensors"), tensors::bytes(&other).unwrap()).unwrap();
    fails(&trainer(&["train", "--resume", &second]), &["no longer what", "hint: bring it back"]);
}

/// The lines of a run's metrics.jsonl.
fn metrics(run: &str) -> Vec<Value> {
    let text = fs::read_to_string(Path::new(run).join("metrics.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_further_stage_of_a_published_model_is_trained_as_its_first_was() {
    let folder = Folder::new("fine-tuning-further");
    let (data, base) = (folder.path("data"), folder.path("base"));
    write_movielens(Path::new(&data));
    write_base(Path::new(&base));
    let (whole, first, second) = (folder.path("whole"), folder.path("first"), folder.path("second"));
    let train = |arguments: &[&str]| trainer(&[&["train", "--data", &data, "--quiet"], arguments].concat());
    // Without a config file the defaults of fine-tuning hold for both.
    let always = ["--keep", "always"];
    succeeds(&train(&[&["--base", &base, "--loss", "recpo", "--out", &whole][..], &always].concat()));
    succeeds(&train(&["--base", &base, "--loss", "sft", "--out", &first]));
    succeeds(&train(&[&["--from", &first, "--loss", "recpo", "--out", &second][..], &always].concat()));
    assert!(weights(&second, ADAPTER) == weights(&whole, ADAPTER), "two commands give what one gives");

    // A stage that is dropped leaves the adapters that it began with.
    let config = folder.path("hopeless.toml");
    fs::write(&config, "[preference.stage]\nlearning_rate = 1e-12\n").unwrap();
    let dropped = folder.path("dropped");
    succeeds(&train(&[&config, "--from", &first, "--loss", "sdpo", "--out", &dropped]));
    assert!(weights(&dropped, ADAPTER) == weights(&first, ADAPTER));
    let further = folder.path("further");
    succeeds(&train(&["--from", &dropped, "--loss", "dpo", "--out", &further]));

    fs::write(&config, "[base]\npath = \"elsewhere\"\n[base.lora]\nrank = 2\n").unwrap();
    let nothing = folder.path("nothing");
    fails(
        &train(&[&config, "--from", &first, "--loss", "dpo", "--out", &nothing]),
        &["not that of the earlier run", "hint: remove [base]"],
    );
    fails(
        &train(&["--from", &first, "--loss", "sft", "--out", &nothing]),
        &["nothing would be trained", "hint: --loss recpo"],
    );
    // The run that it goes on with is that of its adapters.
    fs::remove_file(Path::new(&further).join("run.json")).unwrap();
    fs::copy(Path::new(&whole).join(ADAPTER), Path::new(&dropped).join(ADAPTER)).unwrap();
    fails(&trainer(&["train", "--resume", &further]), &["no longer what", "hint: bring it back"]);
    fs::rename(&base, folder.path("moved")).unwrap();
    fails(
        &train(&["--from", &first, "--loss", "dpo", "--out", &nothing]),
        &["no longer at", "hint: bring it back"],
    );
}

#[test]
fn what_is_wrong_with_a_published_model_is_said_before_it_is_trained() {
    let folder = Folder::new("fine-tuning-wrong");
    let (data, base, out) = (folder.path("data"), folder.path("base"), folder.path("out"));
    write_movielens(Path::new(&data));
    let train = |more: &[&str]| {
        trainer(&[&["train", "--data", &data, "--base", &base, "--out", &out, "--quiet"], more].concat())
    };
    write_base(Path::new(&base));
    fails(&train(&["--recipe", "compact"]), &["hint:", "recipe"]);
    let published = weights(&base, "model.safetensors");
    let write = |weights: &Weights| {
        fs::write(Path::new(&base).join("model.safetensors"), tensors::bytes(weights).unwrap()).unwrap();
    };
    let mut broken = published.clone();
    broken.get_mut("model.layers.1.mlp.up_proj.weight").unwrap().values[3] = f32::NAN;
    write(&broken);
    fails(&train(&[]), &["model.layers.1.mlp.up_proj.weight of", "NaN", "hint: download the file again"]);
    let mut untied = published.clone();
    let embeddings = published["model.embed_tokens.weight"].clone();
    untied.insert("lm_head.weight".to_owned(), embeddings.clone());
    write(&untied);
    assert!(Checkpoint::load(Path::new(&base)).is_ok(), "a repeated output");
    untied.get_mut("lm_head.weight").unwrap().values[0] += 1.0;
    write(&untied);
    fails(&train(&[]), &["lm_head.weight", "hint: set tie_word_embeddings to false"]);
}

/// Killed at any moment, while it reads, trains, writes or merges: a base of floats and one of four bits.
#[test]
fn fine_tuning_that_is_killed_at_random_goes_on_to_the_same_weights() {
    for bits in [32, 4] {
        let folder = Folder::new(&format!("fine-tuning-killed-{bits}"));
        let (data, whole, run) = (folder.path("data"), folder.path("whole"), folder.path("run"));
        write_movielens(Path::new(&data));
        write_base(Path::new(&folder.path("base")));
        let config = settings(&folder, bits);
        succeeds(&trainer(&["train", &config, "--data", &data, "--out", &whole, "--quiet"]));
        let new = ["train", &config, "--data", &data, "--out", &run, "--quiet"];
        let (mut kills, mut share) = (0, 0.37_f64);
        loop {
            let places = Path::new(&run).join("checkpoints").exists();
            let resumed = ["train", "--resume", &run, "--quiet"];
            let mut child =
                command(if places { &resumed } else { &new }).stderr(Stdio::piped()).spawn().unwrap();
            // After twenty kills it may end.
            share = (share + 0.618_034).fract();
            let seconds = if kills < 20 { 0.02 + 0.2 * share } else { 120.0 };
            let until = Instant::now() + Duration::from_secs_f64(seconds);
            while Instant::now() < until && child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            if output.status.success() {
                break;
            }
            assert!(output.status.code().is_none(), "{}", String::from_utf8_lossy(&output.stderr));
            kills += 1;
            if Path::new(&run).join("run.json").exists() {
                break;
            }
        }
        eprintln!("{bits} bits: killed {kills} times");
        assert!(kills > 2, "{bits} bits: killed {kills} times only");
        for name in [ADAPTER, "model.safetensors"] {
            let read = |run: &str| fs::read(Path::new(run).join(name)).unwrap();
            assert!(read(&run) == read(&whole), "{bits} bits, {kills} kills: another {name}");
        }
        // What steps and epochs reported is that of one go, too.
        let (told, expected) = (metrics(&run), metrics(&whole));
        assert_eq!(told.len(), expected.len());
        for (told, expected) in told.iter().zip(&expected) {
            for name in ["step", "epoch", "loss", "grad_norm", "margin", "rewards/accuracies"] {
                let number = |line: &Value| line.get(name).and_then(Value::as_f64);
                let apart = number(told).zip(number(expected)).map_or(0.0, |(a, b)| (a - b).abs());
                assert!(
                    apart < 1e-9 && told.get(name).is_some() == expected.get(name).is_some(),
                    "{name}: {told} {expected}"
                );
            }
        }
    }
}

#[test]
fn inspect_shows_examples_in_the_words_of_a_published_model() {
    let folder = Folder::new("inspect-base");
    let (data, base) = (folder.path("data"), folder.path("base"));
    write_movielens(Path::new(&data));
    let inspect = |arguments: &[&str]| {
        trainer(&[&["inspect", "--data", &data, "--base", &base, "--examples", "1"], arguments].concat())
    };
    fails(&inspect(&[]), &["neither a folder nor a file", "hint:"]);
    fs::create_dir(&base).unwrap();
    fails(&inspect(&[]), &["tokenizer.json cannot be read", "hint:"]);
    fs::write(Path::new(&base).join("tokenizer.json"), tokenizer().to_string()).unwrap();
    let shown: Value = serde_json::from_str(&succeeds(&inspect(&["--json"]))).unwrap();
    let example = &shown["examples"][0];
    let prompt = example["prompt"].as_str().unwrap();
    let lines: Vec<&str> = prompt.split('⏎').collect();
    assert_eq!(lines[0], "Products that one customer met, each after a rating from 1 to 9.");
    assert!(lines[1..].iter().all(|line| line.starts_with(|first| ('1'..='9').contains(&first))), "{prompt}");
    assert_eq!(lines.last().unwrap().len(), 1, "the question ends it: {prompt}");
    assert_eq!(example["chosen"]["tokens"].as_array().unwrap().last(), Some(&json!(NEW_LINE)));
}
