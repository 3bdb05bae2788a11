"""Golden numbers of Hugging Face's own models: logits, and twenty steps of training, computed with transformers and PyTorch.

    python tests/golden/checkpoints.py > tests/golden/checkpoints.json

Every model is small and has the wave of reference.py for weights, so that none need be stored. The training follows the
definitions (AdamW as in arXiv 1711.05101, every weight's gradient clipped to norm 1 or all together to 0.3, warm-up and cosine; DPO as in arXiv
2305.18290 and S-DPO as in 2406.09215 on separate sequences), not the Rust code.

Rates, decay and beta are chosen so that no loss comes near zero, where nothing could be off any more, and that the last
one moves by some hundredths when decay, clipping, bias correction or schedule are wrong.
"""

import copy
import json
import math
import sys

import torch
from torch.nn.functional import log_softmax, logsigmoid
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM

from reference import level, weight

torch.set_num_threads(1)

SIZES = {
    "vocab_size": 48, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "intermediate_size": 40, "rms_norm_eps": 1e-5, "max_position_embeddings": 64, "attention_dropout": 0.0,
    "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 0,
}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 16}
FAMILIES = [
    ("llama-2", LlamaForCausalLM, LlamaConfig, {"num_key_value_heads": 4, "tie_word_embeddings": False, "rope_theta": 10000.0}),
    ("llama-3", LlamaForCausalLM, LlamaConfig, {"tie_word_embeddings": False, "rope_theta": 500000.0, "rope_scaling": LLAMA3}),
    ("smollm2", LlamaForCausalLM, LlamaConfig, {"tie_word_embeddings": True, "rope_theta": 100000.0}),
    ("qwen2", Qwen2ForCausalLM, Qwen2Config, {"tie_word_embeddings": True, "rope_theta": 1000000.0}),
    ("qwen3", Qwen3ForCausalLM, Qwen3Config, {"tie_word_embeddings": True, "rope_theta": 1000000.0, "head_dim": 16}),
]
TOKENS = [[3, 17, 5, 41, 8, 8, 22, 30, 1, 46, 12, 9, 2, 33, 27, 19, 4, 40, 11, 6]]

# One visitor with preferences; the others met one item each, which are all that the first can be offered besides.
TITLES = [[11, 12, 13], [14], [15, 16], [17, 11, 18, 19], [20, 21], [22, 23, 12], [24], [25, 14, 26]]
HISTORIES = [
    [(0, 1.0), (1, -0.5), (2, 1.0), (3, 0.5), (4, 1.0)],
    [(5, 1.0)],
    [(6, -1.0)],
    [(7, 0.5)],
]
END = 1
STEPS, WARM_UP, FLOOR, DECAY, BETA = 20, 0.05, 0.05, 5.0, 0.5
RATES = {"sft": 2e-3, "dpo": 2e-4, "softmax": 2e-4}


def build(architecture, config_class, changes):
    # A copy: transformers writes theta into the scaling that it is given.
    config = config_class(**copy.deepcopy(SIZES | changes))
    config._attn_implementation = "eager"
    model = architecture(config).float().eval()
    state = {name: tensor for name, tensor in model.state_dict().items() if not (config.tie_word_embeddings and name == "lm_head.weight")}
    filled = {
        name: torch.tensor(weight(index, tuple(state[name].shape), norm="norm" in name), dtype=torch.float32)
        for index, name in enumerate(sorted(state))
    }
    model.load_state_dict(filled, strict=False)
    model.tie_weights()
    return config, model


def published(model, architecture, config_class, changes):
    """The config of a model as Llama 3.x was published, before transformers 5 gathered what concerns rotations."""
    config = SIZES | changes | {
        "architectures": [architecture.__name__], "attention_bias": False, "hidden_act": "silu", "mlp_bias": False,
        "model_type": config_class.model_type, "torch_dtype": "float32", "transformers_version": "4.45.0.dev0",
    }
    again = architecture(config_class.from_dict(copy.deepcopy(config))).eval()
    again.load_state_dict(model.state_dict())
    with torch.no_grad():
        apart = again(torch.tensor(TOKENS)).logits - model(torch.tensor(TOKENS)).logits
    assert apart.abs().max() < 1e-5 and "rope_theta" not in config["rope_scaling"]
    return config


def step_of(model):
    """Loss of the tokens, and the logits of the last one after a step of plain gradient descent."""
    model = copy.deepcopy(model)
    tokens = torch.tensor(TOKENS)
    loss = -log_softmax(model(tokens).logits[0, :-1], -1).gather(1, tokens[0, 1:, None]).mean()
    loss.backward()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter -= 0.1 * parameter.grad
        return loss.item(), rounded(model(tokens).logits[0, -1])


def rate(step, peak):
    warm_up = math.ceil(STEPS * WARM_UP)
    if step < warm_up:
        return peak * (step + 1) / warm_up
    progress = min((step - warm_up) / (STEPS - warm_up), 1.0)
    return peak * (FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * progress)) / 2)


def train(model, stage, together=False):
    """A run: losses before each of the steps and after the last, and the logits of the last token then."""
    reference, model = model, copy.deepcopy(model)
    loss_of = sft_loss if stage == "sft" else lambda model: preference_loss(model, reference, stage)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1.0, betas=(0.9, 0.98), eps=1e-8, weight_decay=DECAY)
    clip = 0.3 if together else 1.0
    losses = []
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = rate(step, RATES[stage])
        optimizer.zero_grad()
        loss = loss_of(model)
        loss.backward()
        for parameters in [list(model.parameters())] if together else [[parameter] for parameter in model.parameters()]:
            torch.nn.utils.clip_grad_norm_(parameters, clip)
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        losses.append(loss_of(model).item())
        after = model(torch.tensor(TOKENS)).logits[0, -1]
    return {"stage": stage, "rate": RATES[stage], "clip": clip, "clip_together": together, "losses": [round(loss, 7) for loss in losses], "after": rounded(after)}


def rounded(logits):
    return [round(value, 6) for value in logits.tolist()]


def history(met):
    tokens = []
    for item, intensity in met:
        tokens += [2 + level(intensity)] + TITLES[item] + [END]
    return tokens


def sft_loss(model):
    """Mean over all tokens of titles and their ends; levels are given."""
    log_probs = []
    for met in HISTORIES:
        tokens = torch.tensor([history(met)])
        scores = log_softmax(model(tokens).logits[0, :-1], -1).gather(1, tokens[0, 1:, None]).squeeze(1)
        log_probs.append(scores[[not 2 <= token < 11 for token in tokens[0, 1:].tolist()]])
    return -torch.cat(log_probs).mean()


def title_log_probability(model, prompt, item):
    tokens = torch.tensor([prompt + TITLES[item] + [END]])
    scores = log_softmax(model(tokens).logits[0, :-1], -1).gather(1, tokens[0, 1:, None]).squeeze(1)
    return scores[len(prompt) - 1 :].sum()


def preference_loss(model, reference, kind):
    met = HISTORIES[0]
    losses = []
    for position in range(1, len(met)):
        chosen, intensity = met[position]
        if intensity < 0.5:
            continue
        prompt = history(met[:position]) + [2 + level(intensity)]
        rewards = []
        for item in [chosen, 5, 6, 7]:
            with torch.no_grad():
                before = title_log_probability(reference, prompt, item)
            rewards.append(title_log_probability(model, prompt, item) - before)
        rewards = torch.stack(rewards)
        ahead = BETA * (rewards[1:] - rewards[0])
        losses.append(-logsigmoid(-ahead).mean() if kind == "dpo" else torch.log1p(ahead.exp().sum()))
    return torch.stack(losses).mean()


def main():
    cases, training = [], []
    for name, architecture, config_class, changes in FAMILIES:
        config, model = build(architecture, config_class, changes)
        with torch.no_grad():
            logits = model(torch.tensor(TOKENS)).logits[0]
        loss, after = step_of(model)
        written = json.loads(config.to_json_string(use_diff=False))
        keep = set(SIZES) | set(changes) | {"model_type", "architectures", "hidden_act", "rope_parameters", "tie_word_embeddings", "use_sliding_window", "attention_bias", "mlp_bias"}
        cases.append({
            "name": name,
            "config": {key: value for key, value in written.items() if key in keep},
            "logits": [rounded(row) for row in logits],
            "loss": loss,
            "after_step": after,
        })
        if name == "llama-3":
            cases[-1]["published_config"] = published(model, architecture, config_class, changes)
        if name in ("llama-3", "qwen3"):
            training += [{"name": name} | train(model, stage) for stage in RATES]
        if name == "llama-3":
            training += [{"name": name} | train(model, stage, together=True) for stage in ("sft", "dpo")]
    head = json.dumps({"tokens": TOKENS[0], "titles": TITLES, "histories": HISTORIES, "weight_decay": DECAY, "beta": BETA})
    lines = ",\n  ".join(json.dumps(case) for case in cases)
    runs = ",\n  ".join(json.dumps(run) for run in training)
    sys.stdout.write(head.removesuffix("}") + f',\n "cases": [\n  {lines}\n ],\n "training": [\n  {runs}\n ]}}\n')


if __name__ == "__main__":
    main()
