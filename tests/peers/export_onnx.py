"""The same model for onnxruntime, by hand: a prefix cache, everything that is asked in one block-masked call, and int8.

usage: export_onnx.py HF OUT   (HF: what `random_package` or an export writes; OUT: a folder)

OUT gets f32.onnx, q8.onnx, and for text q8-blocks.onnx.

Inputs: ids [1, T] (text) or item, intensity, asked, gap [1, T] and is_met [1, T, 1] (compact); cos, sin [T, d/2];
bias [T, P + T]; keys and values of the prefix for each layer [1, K, P, d]; rows [R] whose states are read; and for
text pick_rows [N, 2]. Outputs: for text log-probabilities picked from [R, V], for compact the ten best items; and the
keys and values of everything.

q8 is onnxruntime's own dynamic quantisation of the products with weights, as transformers.js ships it; q8-blocks keeps
weights in blocks of 32 and is what its WebGPU has an operator for (that of q8 falls back to the CPU). Grouped heads
share their keys in one product, and only the rows that are asked meet the vocabulary: what its users would do by hand.
"""

import json
import os
import struct
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic


def read_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        body = file.read()
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            tensors[name] = np.frombuffer(body[begin:end], np.float32).reshape(entry["shape"])
    return tensors


class Graph:
    def __init__(self):
        self.nodes, self.initializers, self.inputs, self.outputs = [], [], [], []

    def constant(self, name, value, kind=np.float32):
        if all(known.name != name for known in self.initializers):
            self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value, kind), name))
        return name

    def shape(self, *sizes):
        return self.constant("shape_" + "_".join(str(size) for size in sizes), sizes, np.int64)

    def add(self, kind, inputs, name=None, **attributes):
        name = name or f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=f"n{len(self.nodes)}", **attributes))
        return name

    def input(self, name, shape, kind=TensorProto.FLOAT):
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, name, shape, kind=TensorProto.FLOAT):
        self.outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def project(self, x, name, weight):
        return self.add("MatMul", [x, self.constant(name, weight.T)])


class BlocksGraph(Graph):
    """Products with weights [N, K] that lie in blocks of 32 along K, eight bits each around 128, a scale a block."""

    def project(self, x, name, weight):
        rows, columns = weight.shape
        blocks = weight.reshape(rows, -1, 32)
        scales = np.abs(blocks).max(-1) / 127
        packed = np.rint(blocks / scales[..., None]) + 128
        inputs = [x, self.constant(name, packed, np.uint8), self.constant(f"{name}_scales", scales.reshape(-1))]
        sizes = {"K": columns, "N": rows, "bits": 8, "block_size": 32, "accuracy_level": 4}
        return self.add("MatMulNBits", inputs, domain="com.microsoft", **sizes)


def build(hf, g):
    with open(os.path.join(hf, "config.json")) as file:
        config = json.load(file)
    weights = read_safetensors(os.path.join(hf, "model.safetensors"))
    hidden, layers = config["hidden_size"], config["num_hidden_layers"]
    heads, shared = config["num_attention_heads"], config["num_key_value_heads"]
    head, group = hidden // heads, heads // shared
    is_text = "model.embed_tokens.weight" in weights

    if is_text:
        g.input("ids", [1, "T"], TensorProto.INT64)
        x = g.add("Gather", [g.constant("table", weights["model.embed_tokens.weight"]), "ids"])
    else:
        for name in ["item", "intensity", "asked", "gap"]:
            g.input(name, [1, "T"], TensorProto.INT64)
        g.input("is_met", [1, "T", 1])
        look_up = lambda name: g.add("Gather", [g.constant(f"w_{name}", weights[f"items.{name}.weight"]), name])
        x = g.add("Mul", [look_up("item"), "is_met"])
        for name in ["intensity", "asked", "gap"]:
            x = g.add("Add", [x, look_up(name)])
    g.input("cos", ["T", head // 2])
    g.input("sin", ["T", head // 2])
    g.input("bias", ["T", "S"])
    g.input("rows", ["R"], TensorProto.INT64)

    def norm(x, name):
        scale = g.constant(name, weights[name])
        return g.add("SimplifiedLayerNormalization", [x, scale], axis=-1, epsilon=config["rms_norm_eps"], stash_type=1)

    def project(x, name):
        return g.project(x, name, weights[name])

    def rotate(x):
        half, whole, axis = g.shape(head // 2), g.shape(head), g.constant("axis", [-1], np.int64)
        first = g.add("Slice", [x, g.shape(0), half, axis])
        second = g.add("Slice", [x, half, whole, axis])
        left = g.add("Sub", [g.add("Mul", [first, "cos"]), g.add("Mul", [second, "sin"])])
        right = g.add("Add", [g.add("Mul", [second, "cos"]), g.add("Mul", [first, "sin"])])
        return g.add("Concat", [left, right], axis=-1)

    def split(x, count):
        return g.add("Transpose", [g.add("Reshape", [x, g.shape(1, -1, count, head)])], perm=[0, 2, 1, 3])

    bias_shape = g.add("Shape", ["bias"])
    columns = g.add("Slice", [bias_shape, g.shape(1), g.shape(2)])
    for layer in range(layers):
        name = f"model.layers.{layer}."
        y = norm(x, name + "input_layernorm.weight")
        queries = rotate(split(project(y, name + "self_attn.q_proj.weight"), heads))
        queries = g.add("Mul", [queries, g.constant("scale", np.array(head**-0.5))])
        keys = rotate(split(project(y, name + "self_attn.k_proj.weight"), shared))
        values = split(project(y, name + "self_attn.v_proj.weight"), shared)
        for kind in ["keys", "values"]:
            g.input(f"past_{kind}_{layer}", [1, shared, "P", head])
            g.output(f"{kind}_{layer}", [1, shared, "S", head])
        keys = g.add("Concat", [f"past_keys_{layer}", keys], f"keys_{layer}", axis=2)
        values = g.add("Concat", [f"past_values_{layer}", values], f"values_{layer}", axis=2)
        flat = g.shape(shared, -1, head)
        scores = g.add(
            "MatMul",
            [
                g.add("Reshape", [queries, flat]),
                g.add("Transpose", [g.add("Reshape", [keys, flat])], perm=[0, 2, 1]),
            ],
        )
        grouped = g.add("Concat", [g.shape(shared, group), bias_shape], axis=0)
        scores = g.add("Softmax", [g.add("Add", [g.add("Reshape", [scores, grouped]), "bias"])], axis=-1)
        scores = g.add("Reshape", [scores, g.add("Concat", [g.shape(shared, -1), columns], axis=0)])
        attended = g.add("MatMul", [scores, g.add("Reshape", [values, flat])])
        attended = g.add("Transpose", [g.add("Reshape", [attended, g.shape(1, heads, -1, head)])], perm=[0, 2, 1, 3])
        attended = g.add("Reshape", [attended, g.shape(1, -1, hidden)])
        x = g.add("Add", [x, project(attended, name + "self_attn.o_proj.weight")])
        y = norm(x, name + "post_attention_layernorm.weight")
        gate = project(y, name + "mlp.gate_proj.weight")
        gated = g.add("Mul", [g.add("Mul", [gate, g.add("Sigmoid", [gate])]), project(y, name + "mlp.up_proj.weight")])
        x = g.add("Add", [x, project(gated, name + "mlp.down_proj.weight")])
    x = g.add("Gather", [norm(x, "model.norm.weight"), "rows"], axis=1)
    if is_text:
        logits = g.project(x, "head", weights["model.embed_tokens.weight"])
        log_probs = g.add("LogSoftmax", [logits], axis=-1)
        log_probs = g.add("Reshape", [log_probs, g.shape(-1, config["vocab_size"])])
        g.input("pick_rows", ["N", 2], TensorProto.INT64)
        g.add("GatherND", [log_probs, "pick_rows"], "picks")
        g.output("picks", ["N"])
    else:
        logits = g.project(x, "head", weights["items.item.weight"])
        logits = g.add("Add", [logits, g.constant("item_bias", weights["items.bias"])])
        g.nodes.append(helper.make_node("TopK", [logits, g.shape(10)], ["best", "best_items"], axis=-1))
        g.output("best", [1, "R", 10])
        g.output("best_items", [1, "R", 10], TensorProto.INT64)
    graph = helper.make_graph(g.nodes, "vitrine", g.inputs, g.outputs, g.initializers)
    domains = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=domains, ir_version=9)


def has_titles(hf):
    return "model.embed_tokens.weight" in read_safetensors(os.path.join(hf, "model.safetensors"))


def quantise(plain, quantised):
    options = {"DefaultTensorType": TensorProto.FLOAT, "MatMulConstBOnly": True}
    quantize_dynamic(plain, quantised, weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul"], extra_options=options)


def main():
    hf, out = sys.argv[1:]
    os.makedirs(out, exist_ok=True)
    plain, quantised, blocks = (os.path.join(out, f"{name}.onnx") for name in ["f32", "q8", "q8-blocks"])
    onnx.save(build(hf, Graph()), plain)
    quantise(plain, quantised)
    paths = [plain, quantised]
    if has_titles(hf):
        onnx.save(build(hf, BlocksGraph()), blocks)
        paths.append(blocks)
    for path in paths:
        print(path, os.path.getsize(path), "bytes")


if __name__ == "__main__":
    main()
