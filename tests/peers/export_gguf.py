"""The same model for llama.cpp, and so for wllama: a GGUF file in Q8_0.

usage: export_gguf.py HF OUT.gguf   (HF: what `trainer export --format hf` or `random_package` writes)

wllama takes text and no numbers of tokens, so the vocabulary is made up: token t is the one character U+4E00 + t, and a
text is read as the tokens that were meant (tests/peers/wllama.mjs has the same).

Source of names and metadata: `convert_hf_to_gguf.py` of llama.cpp, class LlamaModel.
"""

import json
import os
import sys

import gguf
import numpy as np
from export_onnx import read_safetensors

# Of ours, see shared/src/prompt.rs.
PAD, END = 0, 1
FIRST, LAST = 0x4E00, 0xD7FF


def paired(weight, heads):
    """llama.cpp turns neighbouring rows of queries and keys together, Hugging Face row i with row i + half."""
    return weight.reshape(heads, 2, -1, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)


def name_of(name):
    parts = {
        "model.embed_tokens.weight": "token_embd.weight",
        "model.norm.weight": "output_norm.weight",
        "lm_head.weight": "output.weight",
        "input_layernorm": "attn_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "post_attention_layernorm": "ffn_norm",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
    }
    if name in parts:
        return parts[name]
    _, _, layer, rest = name.split(".", 3)
    return f"blk.{layer}.{parts[rest.removesuffix('.weight')]}.weight"


def write_vocabulary(writer, tokens):
    if FIRST + tokens > LAST:
        sys.exit(f"{tokens} tokens are more than there are characters for")
    kinds = [gguf.TokenType.CONTROL if token in (PAD, END) else gguf.TokenType.NORMAL for token in range(tokens)]
    writer.add_tokenizer_model("llama")
    writer.add_token_list([chr(FIRST + token) for token in range(tokens)])
    writer.add_token_scores([0.0] * tokens)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(PAD)
    writer.add_eos_token_id(END)
    writer.add_unk_token_id(PAD)
    writer.add_add_space_prefix(False)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)


def main():
    hf, out = sys.argv[1:]
    with open(os.path.join(hf, "config.json")) as file:
        config = json.load(file)
    if config["model_type"] != "llama":
        sys.exit(f"{config['model_type']} has parts that this script does not carry over; llama is needed")
    heads, shared = config["num_attention_heads"], config["num_key_value_heads"]
    writer = gguf.GGUFWriter(out, "llama")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(shared)
    writer.add_rope_dimension_count(config["hidden_size"] // heads)
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    write_vocabulary(writer, config["vocab_size"])
    for name, weight in read_safetensors(os.path.join(hf, "model.safetensors")).items():
        if name.endswith("q_proj.weight"):
            weight = paired(weight, heads)
        if name.endswith("k_proj.weight"):
            weight = paired(weight, shared)
        # As llama.cpp itself quantises: what is no matrix stays f32.
        kind = gguf.GGMLQuantizationType.Q8_0 if weight.ndim == 2 else gguf.GGMLQuantizationType.F32
        values = gguf.quants.quantize(np.ascontiguousarray(weight, np.float32), kind)
        writer.add_tensor(name_of(name), values, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    print(out, os.path.getsize(out), "bytes")


if __name__ == "__main__":
    main()
