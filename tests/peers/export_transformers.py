"""The same model for transformers.js: the folder and the graph that its documentation asks for.

usage: export_transformers.py HF OUT   (HF: what `trainer export --format hf` or `random_package` writes)

OUT gets config.json, generation_config.json, onnx/model.onnx (f32) and onnx/model_quantized.onnx (int8, what
`dtype: 'q8'` loads). Names and operators are those of the Llama models on the hub: input_ids [B, T] and attention_mask
[B, S], a cache per layer, logits [B, T, V]. The cache goes in empty.

int8 has grouped attention with its rotation as onnxruntime's fused operator, as newer models there. f32, which is for
WebGPU, has it in plain operators, as older ones: on SwiftShader the fused one gives wrong numbers from 32 tokens on
(onnxruntime-web 1.30.0 and 1.31.0-dev, logits off by 0.57 where they are right to 1e-6 up to 28 tokens).
"""

import json
import os
import shutil
import sys

import numpy as np
import onnx
from export_onnx import Graph, quantise, read_safetensors
from onnx import TensorProto, helper

# It makes the empty cache by the name of this dimension.
BATCH, TOTAL = "batch_size", "total_sequence_length"


class FusedAttention:
    """onnxruntime's operator: rotation, cache, grouped heads and causal mask in one."""

    def __init__(self, g, heads, shared, cos, sin):
        self.g, self.heads, self.shared, self.cos, self.sin = g, heads, shared, cos, sin
        # How long each row is without its padding, which lies on the right, and how long the longest.
        one = g.constant("one", [1], np.int64)
        lengths = g.add("Sub", [g.add("ReduceSum", ["attention_mask", one], keepdims=0), one])
        self.lengths = g.add("Cast", [lengths], to=TensorProto.INT32)
        longest = g.add("Gather", [g.add("Shape", ["attention_mask"]), g.constant("last", 1, np.int64)])
        self.longest = g.add("Cast", [longest], to=TensorProto.INT32)

    def __call__(self, parts, past, present, head):
        inputs = [*parts, *past, self.lengths, self.longest, self.cos, self.sin]
        options = {"num_heads": self.heads, "kv_num_heads": self.shared, "do_rotary": 1}
        attended = f"attended_{present[0]}"
        self.g.nodes.append(
            helper.make_node("GroupQueryAttention", inputs, [attended, *present], domain="com.microsoft", **options)
        )
        return attended


class PlainAttention:
    """The same in operators that every runtime has, as PyTorch's export writes it: shared heads are repeated."""

    def __init__(self, g, heads, shared, cos, sin):
        self.g, self.heads, self.shared = g, heads, shared
        zero, one = (g.constant(f"scalar_{value}", value, np.int64) for value in range(2))
        of = lambda name, axis: g.add("Gather", [g.add("Shape", [name]), axis])
        total = of("attention_mask", one)
        columns = g.add("Range", [zero, total, one])
        rows = g.add("Range", [g.add("Sub", [total, of("input_ids", one)]), total, one])
        self.cos, self.sin = g.add("Gather", [cos, rows]), g.add("Gather", [sin, rows])
        is_seen = g.add("LessOrEqual", [columns, g.add("Unsqueeze", [rows, g.shape(1)])])
        is_text = g.add("Unsqueeze", [g.add("Cast", ["attention_mask"], to=TensorProto.BOOL), g.shape(1, 2)])
        allowed = g.add("And", [is_seen, is_text])
        self.bias = g.add("Where", [allowed, g.constant("nothing", 0), g.constant("never", -1e9)])

    def split(self, x, count, head):
        return self.g.add("Transpose", [self.g.add("Reshape", [x, self.g.shape(0, -1, count, head)])], perm=[0, 2, 1, 3])

    def rotate(self, x, head):
        g = self.g
        half, whole, axis = g.shape(head // 2), g.shape(head), g.shape(3)
        first, second = g.add("Slice", [x, g.shape(0), half, axis]), g.add("Slice", [x, half, whole, axis])
        left = g.add("Sub", [g.add("Mul", [first, self.cos]), g.add("Mul", [second, self.sin])])
        right = g.add("Add", [g.add("Mul", [second, self.cos]), g.add("Mul", [first, self.sin])])
        return g.add("Concat", [left, right], axis=-1)

    def repeat(self, x, head):
        if self.heads == self.shared:
            return x
        group = self.heads // self.shared
        x = self.g.add("Expand", [self.g.add("Unsqueeze", [x, self.g.shape(2)]), self.g.shape(1, 1, group, 1, 1)])
        return self.g.add("Reshape", [x, self.g.shape(0, self.heads, -1, head)])

    def __call__(self, parts, past, present, head):
        g = self.g
        queries = self.rotate(self.split(parts[0], self.heads, head), head)
        keys = self.rotate(self.split(parts[1], self.shared, head), head)
        keys = g.add("Concat", [past[0], keys], present[0], axis=2)
        values = g.add("Concat", [past[1], self.split(parts[2], self.shared, head)], present[1], axis=2)
        turned = g.add("Transpose", [self.repeat(keys, head)], perm=[0, 1, 3, 2])
        scores = g.add("Mul", [g.add("MatMul", [queries, turned]), g.constant("scale", head**-0.5)])
        scores = g.add("Softmax", [g.add("Add", [scores, self.bias])], axis=-1)
        attended = g.add("Transpose", [g.add("MatMul", [scores, self.repeat(values, head)])], perm=[0, 2, 1, 3])
        return g.add("Reshape", [attended, g.shape(0, -1, self.heads * head)])


def build(hf, attention):
    with open(os.path.join(hf, "config.json")) as file:
        config = json.load(file)
    weights = read_safetensors(os.path.join(hf, "model.safetensors"))
    heads, shared = config["num_attention_heads"], config["num_key_value_heads"]
    head = config["hidden_size"] // heads
    g = Graph()
    g.input("input_ids", [BATCH, "sequence_length"], TensorProto.INT64)
    g.input("attention_mask", [BATCH, TOTAL], TensorProto.INT64)

    def norm(x, name):
        scale = g.constant(name, weights[name])
        return g.add("SimplifiedLayerNormalization", [x, scale], axis=-1, epsilon=config["rms_norm_eps"], stash_type=1)

    def project(x, name):
        return g.project(x, name, weights[name])

    angles = np.outer(
        np.arange(config["max_position_embeddings"]), config["rope_theta"] ** (-np.arange(head // 2) / (head // 2))
    )
    attend = attention(g, heads, shared, g.constant("cos", np.cos(angles)), g.constant("sin", np.sin(angles)))

    x = g.add("Gather", [g.constant("table", weights["model.embed_tokens.weight"]), "input_ids"])
    for layer in range(config["num_hidden_layers"]):
        name = f"model.layers.{layer}."
        y = norm(x, name + "input_layernorm.weight")
        parts = [project(y, f"{name}self_attn.{part}_proj.weight") for part in "qkv"]
        for kind in ["key", "value"]:
            g.input(f"past_key_values.{layer}.{kind}", [BATCH, shared, "past_sequence_length", head])
            g.output(f"present.{layer}.{kind}", [BATCH, shared, TOTAL, head])
        past, present = ([f"{name}.{layer}.{kind}" for kind in ["key", "value"]] for name in ["past_key_values", "present"])
        attended = attend(parts, past, present, head)
        x = g.add("Add", [x, project(attended, name + "self_attn.o_proj.weight")])
        y = norm(x, name + "post_attention_layernorm.weight")
        gate = project(y, name + "mlp.gate_proj.weight")
        gated = g.add("Mul", [g.add("Mul", [gate, g.add("Sigmoid", [gate])]), project(y, name + "mlp.up_proj.weight")])
        x = g.add("Add", [x, project(gated, name + "mlp.down_proj.weight")])
    table = weights.get("lm_head.weight", weights["model.embed_tokens.weight"])
    node = helper.make_node("MatMul", [norm(x, "model.norm.weight"), g.constant("head", table.T)], ["logits"], name="logits")
    g.nodes.append(node)
    g.output("logits", [BATCH, "sequence_length", config["vocab_size"]])
    graph = helper.make_graph(g.nodes, "vitrine", g.inputs, g.outputs, g.initializers)
    domains = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=domains, ir_version=9)


def main():
    hf, out = sys.argv[1:]
    os.makedirs(os.path.join(out, "onnx"), exist_ok=True)
    shutil.copy(os.path.join(hf, "config.json"), out)
    with open(os.path.join(out, "generation_config.json"), "w") as file:
        json.dump({"_from_model_config": True}, file)
    plain, quantised = (os.path.join(out, "onnx", name) for name in ["model.onnx", "model_quantized.onnx"])
    onnx.save(build(hf, FusedAttention), plain)
    quantise(plain, quantised)
    onnx.save(build(hf, PlainAttention), plain)
    for path in [plain, quantised]:
        print(path, os.path.getsize(path), "bytes")


if __name__ == "__main__":
    main()
