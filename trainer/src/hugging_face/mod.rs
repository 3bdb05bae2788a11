//! How does another runtime get the model? As a folder that Hugging Face's libraries read: a Llama checkpoint.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde_json::{Value, json};
use shared::{
    prompt::{END, PAD},
    vocabulary::{ModelConfig, VocabularyConfig},
    weights::Weights,
};

use crate::run::weight_bytes;

/// Longest prompt that a reader should expect: nothing in the model bounds it.
const POSITIONS: usize = 4096;

/// `config.json`, `model.safetensors` (f32, Hugging Face's names) and `tokenizer.json`, by name.
///
/// # Errors
/// For an item vocabulary, which no other runtime has.
pub fn files(
    model: &ModelConfig,
    weights: &Weights,
    tokenizer_json: &[u8],
) -> Result<BTreeMap<String, Vec<u8>>> {
    let VocabularyConfig::Tokens(tokens) = &model.vocabulary else {
        bail!(
            "this model ranks items by their number, which no Hugging Face library knows\n\
             hint: train with `--recipe text` for a model of titles, or leave out --format for a package"
        );
    };
    let config = json!({
        "vocab_size": tokens.tokens,
        "tie_word_embeddings": tokens.tie_word_embeddings,
        "bos_token_id": PAD,
        "pad_token_id": PAD,
        "eos_token_id": END,
    });
    Ok(BTreeMap::from([
        ("config.json".to_owned(), serde_json::to_vec_pretty(&merged(trunk(model), config))?),
        ("model.safetensors".to_owned(), weight_bytes(weights)?),
        ("tokenizer.json".to_owned(), tokenizer_json.to_vec()),
    ]))
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
    json!({
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
    })
}

fn merged(mut object: Value, more: Value) -> Value {
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    object
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use futures_lite::future::block_on;
    use shared::vocabulary::{Asked, items::ItemVocabularyConfig, tokens::TokenVocabularyConfig};

    use super::*;

    fn config(vocabulary: VocabularyConfig) -> ModelConfig {
        ModelConfig {
            transformer: shared::model::TransformerConfig {
                hidden_size: 8,
                num_hidden_layers: 1,
                num_attention_heads: 2,
                num_key_value_heads: 1,
                intermediate_size: 12,
                rms_norm_eps: 1e-5,
                rope_theta: 10_000.0,
                attention_bias: false,
                qk_norm: false,
                dropout: 0.0,
            },
            vocabulary,
            context: 5,
            asked: vec![Asked { level: 8, weight: 1.0 }],
        }
    }

    #[test]
    fn a_checkpoint_has_the_names_and_shapes_of_llama() {
        let model =
            config(VocabularyConfig::Tokens(TokenVocabularyConfig { tokens: 20, tie_word_embeddings: true }));
        let weights = block_on(model.init(&Device::flex()).weights()).unwrap();
        let files = files(&model, &weights, b"{}").unwrap();
        let written: Value = serde_json::from_slice(&files["config.json"]).unwrap();
        assert_eq!((&written["model_type"], &written["vocab_size"]), (&json!("llama"), &json!(20)));
        let tensors = safetensors::SafeTensors::deserialize(&files["model.safetensors"]).unwrap();
        let shape = |name: &str| tensors.tensor(name).unwrap().shape().to_vec();
        assert_eq!(shape("model.embed_tokens.weight"), [20, 8]);
        assert_eq!(shape("model.layers.0.self_attn.k_proj.weight"), [4, 8]);
        assert_eq!(shape("model.layers.0.mlp.down_proj.weight"), [8, 12]);
        assert_eq!(shape("model.norm.weight"), [8]);
        assert_eq!(tensors.len(), 11);
    }

    #[test]
    fn items_by_number_are_refused_with_a_remedy() {
        let items = ItemVocabularyConfig { items: 3, tokens: 20, eras: vec![], is_complete: false };
        let error = files(&config(VocabularyConfig::Items(items)), &Weights::new(), b"{}").unwrap_err();
        assert!(error.to_string().contains("hint: train with `--recipe text`"));
    }
}
