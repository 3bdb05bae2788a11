//! What does a `config.json` say? The sizes of a checkpoint of the Llama family, and a refusal of what we do not have.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use shared::{
    transformer_config::{RopeScaling, TransformerConfig},
    vocabulary::ModelConfig,
};

/// Longest prompt that a reader should expect: nothing in the model bounds it.
const POSITIONS: usize = 4096;

/// What a `config.json` says of the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Sizes {
    pub transformer: TransformerConfig,
    pub tokens: usize,
    pub tie_word_embeddings: bool,
    /// How long a text the model was trained to read, where that is said.
    pub positions: Option<usize>,
}

/// Reads a `config.json` of Llama 2 and 3, SmolLM2, Qwen2, Qwen2.5 or Qwen3.
///
/// # Errors
/// Names the key that is missing or says something that the model does not do.
pub fn read(bytes: &[u8]) -> Result<Sizes> {
    let config: Value = serde_json::from_slice(bytes)?;
    let family = config["model_type"].as_str().unwrap_or_default();
    ensure!(
        ["llama", "qwen2", "qwen3"].contains(&family),
        "model_type is {family:?}\nhint: checkpoints of the types llama (Llama 2, Llama 3, SmolLM2), qwen2 (Qwen2, Qwen2.5) and qwen3 are read"
    );
    refuse_what_is_different(&config, family)?;
    let size = |key: &str| -> Result<usize> {
        let value = config[key].as_u64().with_context(|| format!("{key} is missing or no count"))?;
        Ok(usize::try_from(value)?)
    };
    let heads = size("num_attention_heads")?;
    let hidden_size = size("hidden_size")?;
    // transformers 5 gathers what concerns rotations; before, theta stood alone. A `rope_scaling` that somebody adds beside
    // what is gathered holds.
    let rotations = [&config["rope_scaling"], &config["rope_parameters"]];
    let theta =
        rotations.iter().find_map(|each| each["rope_theta"].as_f64()).or(config["rope_theta"].as_f64());
    let scalings = rotations.iter().map(|each| scaling(each)).collect::<Result<Vec<_>>>()?;
    let head_dim = config["head_dim"].as_u64().map(usize::try_from).transpose()?;
    let transformer = TransformerConfig {
        hidden_size,
        num_hidden_layers: size("num_hidden_layers")?,
        num_attention_heads: heads,
        num_key_value_heads: if config["num_key_value_heads"].is_null() {
            heads
        } else {
            size("num_key_value_heads")?
        },
        intermediate_size: size("intermediate_size")?,
        head_dim: head_dim.filter(|&head| head * heads != hidden_size),
        rms_norm_eps: config["rms_norm_eps"].as_f64().unwrap_or(1e-6),
        rope_theta: theta.unwrap_or(10_000.0),
        rope_scaling: scalings.into_iter().flatten().next(),
        attention_bias: family == "qwen2",
        qk_norm: family == "qwen3",
        dropout: 0.0,
    };
    transformer.validate()?;
    Ok(Sizes {
        transformer,
        tokens: size("vocab_size")?,
        tie_word_embeddings: config["tie_word_embeddings"].as_bool().unwrap_or(false),
        positions: config["max_position_embeddings"].as_u64().map(usize::try_from).transpose()?,
    })
}

/// A checkpoint that is read although it computes otherwise would be worse than one that is refused.
fn refuse_what_is_different(config: &Value, family: &str) -> Result<()> {
    const ANOTHER: &str = "hint: choose another checkpoint, such as SmolLM2, Llama 3.2, Qwen2.5 or Qwen3";
    let activation = config["hidden_act"].as_str().unwrap_or("silu");
    ensure!(activation == "silu", "hidden_act is {activation:?}, and only silu is computed\n{ANOTHER}");
    for key in ["mlp_bias", "use_sliding_window"] {
        ensure!(
            config[key].as_bool() != Some(true),
            "{key} is true, which the model does not have\n{ANOTHER}"
        );
    }
    // Qwen2 has biases without saying so, on queries, keys and values alone; Llama's switch adds one to the output, too.
    let has_bias = config["attention_bias"].as_bool() == Some(true);
    ensure!(
        !has_bias || family == "qwen2",
        "attention_bias is true, and {family} is computed without biases\n{ANOTHER}"
    );
    Ok(())
}

fn scaling(rotations: &Value) -> Result<Option<RopeScaling>> {
    let kind = rotations["rope_type"].as_str().or(rotations["type"].as_str()).unwrap_or("default");
    match kind {
        "default" => Ok(None),
        "llama3" => {
            let number =
                |key: &str| rotations[key].as_f64().with_context(|| format!("rope_scaling.{key} is missing"));
            Ok(Some(RopeScaling {
                factor: number("factor")?,
                low_freq_factor: number("low_freq_factor")?,
                high_freq_factor: number("high_freq_factor")?,
                original_max_position_embeddings: number("original_max_position_embeddings")?,
            }))
        }
        other => bail!("rope_scaling is of type {other:?}\nhint: none and \"llama3\" are computed"),
    }
}

/// What `config.json` says of the trunk, whatever stands around it.
#[must_use]
pub fn trunk(model: &ModelConfig) -> Value {
    let trunk = &model.transformer;
    // Which family has these parts: Qwen2 biases, Qwen3 norms of heads.
    let (architecture, family) = match (trunk.attention_bias, trunk.qk_norm) {
        (true, _) => ("Qwen2ForCausalLM", "qwen2"),
        (false, true) => ("Qwen3ForCausalLM", "qwen3"),
        (false, false) => ("LlamaForCausalLM", "llama"),
    };
    let mut config = json!({
        "architectures": [architecture],
        "model_type": family,
        "hidden_size": trunk.hidden_size,
        "num_hidden_layers": trunk.num_hidden_layers,
        "num_attention_heads": trunk.num_attention_heads,
        "num_key_value_heads": trunk.num_key_value_heads,
        "head_dim": trunk.head_size(),
        "intermediate_size": trunk.intermediate_size,
        "rms_norm_eps": trunk.rms_norm_eps,
        "rope_theta": trunk.rope_theta,
        "hidden_act": "silu",
        "max_position_embeddings": POSITIONS,
        "torch_dtype": "float32",
    });
    if let Some(scaling) = &trunk.rope_scaling {
        config["rope_scaling"] = json!({
            "rope_type": "llama3",
            "factor": scaling.factor,
            "low_freq_factor": scaling.low_freq_factor,
            "high_freq_factor": scaling.high_freq_factor,
            "original_max_position_embeddings": scaling.original_max_position_embeddings as u64,
        });
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smollm2() -> Value {
        json!({
            "model_type": "llama", "hidden_size": 576, "num_hidden_layers": 30, "num_attention_heads": 9,
            "num_key_value_heads": 3, "intermediate_size": 1536, "rms_norm_eps": 1e-5, "rope_theta": 100_000,
            "rope_scaling": null, "vocab_size": 49_152, "tie_word_embeddings": true, "hidden_act": "silu",
        })
    }

    fn error(key: &str, value: Value) -> String {
        let mut config = smollm2();
        config[key] = value;
        read(config.to_string().as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn sizes_of_smollm2() {
        let sizes = read(smollm2().to_string().as_bytes()).unwrap();
        assert_eq!((sizes.tokens, sizes.tie_word_embeddings), (49_152, true));
        assert_eq!(sizes.transformer.head_size(), 64);
        assert_eq!(sizes.transformer.rope_theta, 100_000.0);
    }

    #[test]
    fn what_the_model_does_not_do_is_refused_by_name() {
        assert!(error("model_type", json!("gpt2")).contains("\"gpt2\""));
        assert!(error("hidden_act", json!("gelu")).contains("hidden_act"));
        assert!(error("mlp_bias", json!(true)).contains("mlp_bias"));
        assert!(error("attention_bias", json!(true)).contains("attention_bias"));
        assert!(error("rope_scaling", json!({"rope_type": "yarn"})).contains("\"yarn\""));
        assert!(error("rope_scaling", json!({"rope_type": "llama3"})).contains("factor"));
        assert!(error("hidden_size", json!(null)).contains("hidden_size"));
        assert!(error("num_key_value_heads", json!(2)).contains("num_key_value_heads"));
    }

    #[test]
    fn what_somebody_adds_beside_gathered_rotations_holds() {
        let mut config = smollm2();
        config["rope_theta"] = json!(null);
        config["rope_parameters"] = json!({"rope_type": "default", "rope_theta": 50_000.0});
        assert_eq!(read(config.to_string().as_bytes()).unwrap().transformer.rope_theta, 50_000.0);
        config["rope_scaling"] = json!({"type": "yarn", "factor": 4.0});
        let error = read(config.to_string().as_bytes()).unwrap_err().to_string();
        assert!(error.contains("\"yarn\""), "{error}");
        config["rope_scaling"] = json!({
            "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192,
        });
        let transformer = read(config.to_string().as_bytes()).unwrap().transformer;
        assert_eq!((transformer.rope_theta, transformer.rope_scaling.unwrap().factor), (50_000.0, 8.0));
    }
}
