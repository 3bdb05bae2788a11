"""Golden numbers for the forward pass, log-probabilities and losses, computed with numpy alone.

Written from the definitions (Llama 2/3, Qwen2, Qwen3 as in Hugging Face's modelling files; RecPO, S-DPO), not
from the Rust code. Run `cargo xtask golden` to make golden.json again; the test compares to 1e-4.
"""

import json
import math
import sys

import numpy as np

LEVELS = 9


def weight(index, shape, norm=False):
    """The weights of every case: a fixed wave, so that they need not be stored."""
    j = np.arange(int(np.prod(shape)), dtype=np.float64)
    wave = np.sin(1.3 * index + 0.37 * j)
    return (1.0 + 0.1 * wave if norm else 0.3 * wave).reshape(shape)


def shapes(config, vocabulary):
    d, heads, kv = config["hidden_size"], config["num_attention_heads"], config["num_key_value_heads"]
    inner, head = config["intermediate_size"], d // heads
    out = {}
    for layer in range(config["num_hidden_layers"]):
        p = f"model.layers.{layer}."
        out[p + "input_layernorm.weight"] = (d,)
        out[p + "post_attention_layernorm.weight"] = (d,)
        out[p + "self_attn.q_proj.weight"] = (heads * head, d)
        out[p + "self_attn.k_proj.weight"] = (kv * head, d)
        out[p + "self_attn.v_proj.weight"] = (kv * head, d)
        out[p + "self_attn.o_proj.weight"] = (d, heads * head)
        if config["attention_bias"]:
            out[p + "self_attn.q_proj.bias"] = (heads * head,)
            out[p + "self_attn.k_proj.bias"] = (kv * head,)
            out[p + "self_attn.v_proj.bias"] = (kv * head,)
        if config["qk_norm"]:
            out[p + "self_attn.q_norm.weight"] = (head,)
            out[p + "self_attn.k_norm.weight"] = (head,)
        out[p + "mlp.gate_proj.weight"] = (inner, d)
        out[p + "mlp.up_proj.weight"] = (inner, d)
        out[p + "mlp.down_proj.weight"] = (d, inner)
    out["model.norm.weight"] = (d,)
    if "items" in vocabulary:
        v = vocabulary["items"]
        out["items.item.weight"] = (v["items"], d)
        out["items.text.weight"] = (v["tokens"], d)
        out["items.intensity.weight"] = (LEVELS + 1, d)
        out["items.asked.weight"] = (LEVELS + 1, d)
        out["items.gap.weight"] = (16, d)
        if v["eras"]:
            out["items.era.weight"] = (len(v["eras"]) + 1, d)
        out["items.bias"] = (v["items"],)
    else:
        v = vocabulary["tokens"]
        out["model.embed_tokens.weight"] = (v["tokens"], d)
        if not v["tie_word_embeddings"]:
            out["lm_head.weight"] = (v["tokens"], d)
    return out


def weights(config, vocabulary):
    table = shapes(config, vocabulary)
    return {
        name: weight(i, table[name], norm="norm" in name) for i, name in enumerate(sorted(table))
    }


def rms_norm(x, w, eps):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * w


def rotate_half(x):
    half = x.shape[-1] // 2
    return np.concatenate([-x[..., half:], x[..., :half]], -1)


def forward(w, config, x):
    """Hidden states of one sequence [T, D]."""
    d, heads, kv = config["hidden_size"], config["num_attention_heads"], config["num_key_value_heads"]
    head, eps, t = d // heads, config["rms_norm_eps"], x.shape[0]
    inverse = config["rope_theta"] ** (-np.arange(0, head, 2) / head)
    angle = np.outer(np.arange(t), inverse)
    angle = np.concatenate([angle, angle], -1)
    cos, sin = np.cos(angle), np.sin(angle)
    for layer in range(config["num_hidden_layers"]):
        p = f"model.layers.{layer}."
        h = rms_norm(x, w[p + "input_layernorm.weight"], eps)

        def project(name, count):
            y = h @ w[p + f"self_attn.{name}_proj.weight"].T
            if config["attention_bias"]:
                y = y + w[p + f"self_attn.{name}_proj.bias"]
            return y.reshape(t, count, head).transpose(1, 0, 2)

        q, k, v = project("q", heads), project("k", kv), project("v", kv)
        if config["qk_norm"]:
            q = rms_norm(q, w[p + "self_attn.q_norm.weight"], eps)
            k = rms_norm(k, w[p + "self_attn.k_norm.weight"], eps)
        q, k = q * cos + rotate_half(q) * sin, k * cos + rotate_half(k) * sin
        k, v = np.repeat(k, heads // kv, 0), np.repeat(v, heads // kv, 0)
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(head)
        scores = np.where(np.tril(np.ones((t, t), bool)), scores, -np.inf)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        attended = (scores / scores.sum(-1, keepdims=True)) @ v
        x = x + attended.transpose(1, 0, 2).reshape(t, d) @ w[p + "self_attn.o_proj.weight"].T
        h = rms_norm(x, w[p + "post_attention_layernorm.weight"], eps)
        gate = h @ w[p + "mlp.gate_proj.weight"].T
        up = h @ w[p + "mlp.up_proj.weight"].T
        x = x + (gate / (1 + np.exp(-gate)) * up) @ w[p + "mlp.down_proj.weight"].T
    return rms_norm(x, w["model.norm.weight"], eps)


def log_softmax(x):
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def level(intensity):
    # Half away from zero, as Rust rounds.
    return int(math.floor((min(max(intensity, -1.0), 1.0) + 1) / 2 * (LEVELS - 1) + 0.5))


def gap(milliseconds):
    seconds = max(milliseconds, 0) // 1000
    return min(1 + (int(seconds).bit_length() + 1) // 2, 15)


def item_scores(w, config, vocabulary, texts, history, asked):
    """log pi of every item after the history, the intensity asked for being `asked`."""
    cuts = vocabulary["items"]["eras"]

    def era(time_ms):
        return w["items.era.weight"][sum(cut <= time_ms for cut in cuts)] if cuts else 0.0

    bag = np.stack([w["items.text.weight"][t].sum(0) / math.sqrt(len(t)) for t in texts])
    table = w["items.item.weight"] + bag
    # The start has met nothing: no item, unknown intensity, no pause, the time of the first interaction.
    first = level(history[0]["intensity"])
    rows = [
        w["items.intensity.weight"][0]
        + w["items.asked.weight"][first + 1]
        + w["items.gap.weight"][0]
        + era(history[0]["time_ms"])
    ]
    for i, met in enumerate(history):
        following = level(history[i + 1]["intensity"]) if i + 1 < len(history) else asked
        pause = 0 if i == 0 else gap(met["time_ms"] - history[i - 1]["time_ms"])
        rows.append(
            table[met["item"]]
            + w["items.intensity.weight"][level(met["intensity"]) + 1]
            + w["items.asked.weight"][following + 1]
            + w["items.gap.weight"][pause]
            + era(met["time_ms"])
        )
    states = forward(w, config, np.stack(rows))
    return log_softmax(states[-1] @ table.T + w["items.bias"])


def title_scores(w, config, vocabulary, texts, history, asked):
    """log pi of every title: the sum over its tokens and the end token, one sequence per title."""
    prompt = []
    for met in history:
        prompt += [2 + level(met["intensity"])] + texts[met["item"]] + [1]
    prompt += [2 + asked]
    head = w.get("lm_head.weight", w["model.embed_tokens.weight"])
    scores = []
    for title in texts:
        tokens = prompt + title + [1]
        states = forward(w, config, w["model.embed_tokens.weight"][tokens])
        log_probs = log_softmax(states @ head.T)
        scores.append(sum(log_probs[i - 1, tokens[i]] for i in range(len(prompt), len(tokens))))
    return np.array(scores)


def mixture(score, model, *arguments):
    parts = [score(*arguments, a["level"]) + math.log(a["weight"]) for a in model["asked"]]
    largest = np.max(parts, 0)
    return largest + np.log(np.exp(parts - largest).sum(0))


def model(name, vocabulary, **changes):
    transformer = {
        "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4,
        "intermediate_size": 24, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "attention_bias": False,
        "qk_norm": False, "dropout": 0.0,
    } | changes
    asked = [{"level": 8, "weight": 0.5}, {"level": 6, "weight": 0.5}]
    return name, {"transformer": transformer, "vocabulary": vocabulary, "context": 50, "asked": asked}


TEXTS = [[11, 12, 13], [14], [15, 16], [17, 11, 18, 19], [20, 21], [22, 23, 12]]
HISTORY = [
    {"item": 0, "intensity": 1.0, "time_ms": 0},
    {"item": 3, "intensity": -0.5, "time_ms": 61_000},
    {"item": 1, "intensity": 0.1, "time_ms": 90_000_000},
    {"item": 0, "intensity": 0.5, "time_ms": 90_000_500},
]


def log_sigmoid(x):
    return -np.log1p(np.exp(-x))


def losses():
    """Every preference loss by the formula of its paper, in double precision.

    DPO (arXiv 2305.18290), SimPO (2405.14734), CPO (2401.08417) and ORPO (2403.07691) have one rejected item;
    for K they are the mean over the pairs. S-DPO (2406.09215) and RecPO (2506.02261) take all K at once.
    """
    cases = [
        ([-10.0, -18.0, -15.5, -20.0], [-12.5, -14.0, -13.0, -13.5], [0.9045, 2.8868, 0.3162], [1, 1, 1, 1]),
        ([-3.0, -3.5, -1.5], [-2.0, -4.0, -2.5], [2.0, 4.0], [3, 2, 4]),
    ]
    out = []
    for policy, reference, utilities, lengths in cases:
        policy, reference, lengths = np.array(policy), np.array(reference), np.array(lengths, float)
        rejected = np.array(utilities)
        chosen = 5.0
        ratio, mean = policy - reference, policy / lengths
        for beta, strength in [(1.0, 0.0), (1.0, 2.0), (0.5, 2.0), (0.1, 0.5)]:
            none = 0.0 * rejected
            margins = {
                "none": none,
                "ratio": strength * chosen / rejected,
                "log1p_difference": strength * np.log(1 + (chosen - rejected)),
                "log_ratio": strength * np.log(chosen / rejected),
            }
            gamma, alpha = 2.0, 1.0

            def softmax(x, margin):
                d = beta * (x[1:] - x[0]) + margin
                return -log_sigmoid(-np.log(np.exp(d).sum()))

            odds = np.log(np.exp(mean) / (1 - np.exp(mean)))
            nll = -policy[0]
            values = [
                ("nll", "none", nll),
                ("dpo", "none", -log_sigmoid(beta * (ratio[0] - ratio[1:])).mean()),
                *[("softmax", kind, softmax(ratio, margin)) for kind, margin in margins.items()],
                ("softmax_reference_free", "ratio", softmax(policy, margins["ratio"])),
                ("simpo", "none", -log_sigmoid(beta * (mean[0] - mean[1:]) - gamma).mean()),
                ("cpo", "none", -log_sigmoid(beta * (policy[0] - policy[1:])).mean() + alpha * nll),
                ("orpo", "none", -mean[0] - beta * log_sigmoid(odds[0] - odds[1:]).mean()),
            ]
            for loss, kind, value in values:
                out.append({
                    "loss": loss, "margin": kind, "policy": policy.tolist(), "reference": reference.tolist(),
                    "lengths": lengths.tolist(), "chosen_utility": chosen, "rejected_utilities": utilities,
                    "beta": beta, "lambda": strength, "simpo_gamma": gamma, "cpo_alpha": alpha,
                    "value": float(value),
                })
    return out


def main():
    items = {"items": {"items": len(TEXTS), "tokens": 24, "eras": []}}
    # The second interaction is exactly at a cut: of the later era.
    with_eras = {"items": {"items": len(TEXTS), "tokens": 24, "eras": [61_000, 90_000_200, 99_000_000]}}
    tied = {"tokens": {"tokens": 24, "tie_word_embeddings": True}}
    untied = {"tokens": {"tokens": 24, "tie_word_embeddings": False}}
    cases = []
    for name, config in [
        model("items", items),
        model("items, eras", with_eras),
        model("items, grouped queries", items, num_key_value_heads=2),
        model("tokens, llama", untied, num_key_value_heads=1),
        model("tokens, qwen2", tied, attention_bias=True, num_key_value_heads=2),
        model("tokens, qwen3", tied, qk_norm=True, rope_theta=1_000_000.0),
    ]:
        w = weights(config["transformer"], config["vocabulary"])
        score = item_scores if "items" in config["vocabulary"] else title_scores
        expected = mixture(score, config, w, config["transformer"], config["vocabulary"], TEXTS, HISTORY)
        cases.append({"name": name, "model": config, "scores": expected.tolist()})
    golden = json.dumps({"texts": TEXTS, "history": HISTORY, "cases": cases}, indent=1)
    # One loss a line, so that a changed number is a changed line.
    lines = ",\n  ".join(json.dumps(loss) for loss in losses())
    sys.stdout.write(golden.removesuffix("\n}") + f',\n "losses": [\n  {lines}\n ]\n}}\n')


if __name__ == "__main__":
    main()
