"""The same training in PyTorch: same model, same batches, eager; f32 on the processor unless something else is asked for.

usage: training.py --job JOB [--threads 2] [--warm-up 1] [--repetitions 5] [--precomputed-reference] [--variants a,b]
       training.py --random --recipe text|compact --stage sft|preference [--job JOB] [sizes, see --help]
       [--recompute]          (text: layers are computed again for their gradients, by the trainer and by PyTorch)
       [--vitrine]            (the trainer, too, first and last; needs `cargo build -p trainer --example training_job`)
       training.py --check    (variants against each other and against tests/golden)

Every variant runs in a process of its own and gives one JSON line. A repetition is one pass over all batches of the job
(forward, backward, clip, AdamW for each); the figures are those of the median pass.

JOB holds model.safetensors and config.json: of recipe `text` what `trainer export --format hf` writes, of `compact` the
weights of a run and its `ModelConfig` (`model` of run.json). And batches.json, with plain numbers and no padding:

    {"recipe": "text" | "compact", "stage": "sft" | "preference",
     "learning_rate": 2e-5, "weight_decay": 0.1, "clip": 1.0,
     "beta": 1.0, "nll_weight": 1.0,                  preference only
     "texts": [[token, ...], ...],                    compact only: of every item
     "excluded": [item, ...],                         compact only: never in the distribution
     "batches": [{"rows": [ROW, ...], "hidden": [item, ...]}, ...]}    hidden: compact only, whose ids do not take part

    ROW of text, sft:         {"tokens": [...], "is_predicted": [bool, ...]}       as many as tokens
    ROW of text, preference:  {"prompt": [...], "chosen": [...], "rejected": [[...] * K], "margins": [float * K]}
                              completions with their end token
    ROW of compact:           {"item": [...], "intensity": [...], "asked": [...], "gap": [...], "era": [...],
                               "states": [...], "items": [[item] | [chosen, rejected * K], ...], "margins": [[float * K], ...]}
                              the first five as in `ItemPosition`, item -1 where there is none; at position states[i] the
                              log-probabilities of items[i] are read; margins in the preference stage only

Variants
    labels    text, sft: as transformers documents it: padded rows, attention_mask, labels
    selected  text, sft: rows without mask (padding on the right is never looked at), logits of what is predicted alone
    separate  preference: prompt + completion as a sequence each, in one padded batch, as in TRL and S-DPO; compact: what came
              before as a sequence for each item that is compared
    shared    text, preference: the prompt once per example, the completions behind it through a block mask
    trl       text, preference: TRL's own DPOTrainer on pairs of the chosen and one rejected; an example is a pair
    compact   compact, both stages: all positions of a row in one pass
The preference loss is RecPO's softmax over all K, in trl DPO. In labels and trl the logits of all positions are computed,
elsewhere only those that are read. The gradient is clipped by its norm over all weights (the trainer: weight by weight);
AdamW is the fused one. Transformers' Llama has no dropout, so that a text job is the same work with dropout 0 alone.

On a GPU (--device cuda, --vitrine-device cuda or vulkan) there is --precision: `bf16` is PyTorch with all of the model in
bf16, `autocast` with weights in f32 and torch.autocast, which is what the trainer's own `bf16` does.

Of a line: `steps` batches make a pass; `tokens_per_second` counts tokens or positions of sft without padding,
`examples_per_second` preferences; `peak_bytes` is the process at its largest, `idle_bytes` after its imports alone, `device_bytes` the most that the GPU had
in use;
`first_loss` is that of the first batch before any step, to be compared with the trainer's.
"""

import argparse
import copy
import importlib.util
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.utils.rnn import pad_sequence

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "..", "golden")
VARIANTS = {
    ("text", "sft"): ["labels", "selected"],
    ("text", "preference"): ["separate", "shared", "trl"],
    ("compact", "sft"): ["compact"],
    ("compact", "preference"): ["separate", "compact"],
}
BETAS = (0.9, 0.98)


def padded(rows, value=0):
    return pad_sequence([torch.as_tensor(row) for row in rows], batch_first=True, padding_value=value)


def flat(lists):
    return torch.tensor([value for values in lists for value in values])


# --- recipe text


@dataclass
class Tokens:
    """Padded rows, and the target tokens at some of the flattened `[B·T]` states."""

    tokens: torch.Tensor
    states: torch.Tensor
    targets: torch.Tensor
    attention_mask: torch.Tensor | None = None
    position_ids: torch.Tensor | None = None
    # Of which completion each target is, and margins [E, K]: preference stage.
    completions: torch.Tensor | None = None
    margins: torch.Tensor | None = None
    reference: torch.Tensor | None = None


def load_text(folder, dtype=torch.float32):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).to(torch.get_default_device()).train()


def target_losses(model, batch, reduction):
    asked = {"attention_mask": batch.attention_mask, "position_ids": batch.position_ids, "use_cache": False}
    states = model.model(input_ids=batch.tokens, **asked).last_hidden_state
    logits = model.lm_head(states.flatten(0, 1).index_select(0, batch.states))
    return F.cross_entropy(logits, batch.targets, reduction=reduction)


def title_log_probabilities(model, batch):
    """log π of chosen and rejected completions, summed over their tokens: `[E, 1+K]`."""
    examples, rejected = batch.margins.shape
    sums = torch.zeros(examples * (1 + rejected))
    sums = sums.index_add(0, batch.completions, -target_losses(model, batch, "none").float())
    return sums.view(examples, 1 + rejected)


def labelled(rows):
    tokens = padded([row["tokens"] for row in rows])
    labels = [
        [token if is_predicted else -100 for token, is_predicted in zip(row["tokens"], row["is_predicted"])] for row in rows
    ]
    mask = padded([[1] * len(row["tokens"]) for row in rows])
    return {"input_ids": tokens, "attention_mask": mask, "labels": padded(labels, -100), "use_cache": False}


def selected(rows):
    tokens = padded([row["tokens"][:-1] for row in rows])
    states, targets = [], []
    for index, row in enumerate(rows):
        places = [place for place in range(1, len(row["tokens"])) if row["is_predicted"][place]]
        states.append([index * tokens.shape[1] + place - 1 for place in places])
        targets.append([row["tokens"][place] for place in places])
    return Tokens(tokens, flat(states), flat(targets))


def completions_of(row):
    return [row["chosen"], *row["rejected"]]


def separate(rows):
    sequences = [(row["prompt"], completion) for row in rows for completion in completions_of(row)]
    inputs = [(prompt + completion)[:-1] for prompt, completion in sequences]
    tokens = padded(inputs)
    first = [index * tokens.shape[1] + len(prompt) - 1 for index, (prompt, _) in enumerate(sequences)]
    return Tokens(
        tokens,
        flat(range(start, start + len(completion)) for start, (_, completion) in zip(first, sequences)),
        flat(completion for _, completion in sequences),
        attention_mask=padded([[1] * len(row) for row in inputs]),
        completions=flat([index] * len(completion) for index, (_, completion) in enumerate(sequences)),
        margins=torch.tensor([row["margins"] for row in rows]),
    )


def shared(rows):
    # A completion's last token is only predicted.
    tokens = padded([sum([completion[:-1] for completion in completions_of(row)], row["prompt"]) for row in rows])
    count, length = tokens.shape
    positions = torch.zeros(count, length, dtype=torch.long)
    # Padding sees itself: a row of nothing has no softmax.
    is_seen = torch.eye(length, dtype=torch.bool).repeat(count, 1, 1, 1)
    states, targets, completions = [], [], []
    for index, row in enumerate(rows):
        prompt = place = len(row["prompt"])
        positions[index, :prompt] = torch.arange(prompt)
        is_seen[index, 0, :prompt, :prompt] = torch.ones(prompt, prompt, dtype=torch.bool).tril()
        for completion in completions_of(row):
            end = place + len(completion) - 1
            positions[index, place:end] = torch.arange(prompt, prompt + end - place)
            is_seen[index, 0, place:end, :prompt] = True
            is_seen[index, 0, place:end, place:end] = torch.ones(end - place, end - place, dtype=torch.bool).tril()
            states.append([index * length + at for at in [prompt - 1, *range(place, end)]])
            targets.append(completion)
            completions.append([len(completions)] * len(completion))
            place = end
    margins = torch.tensor([row["margins"] for row in rows])
    return Tokens(tokens, flat(states), flat(targets), is_seen, positions, flat(completions), margins)


# --- recipe compact


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden, self.heads, self.shared = (
            config[name] for name in ["hidden_size", "num_attention_heads", "num_key_value_heads"]
        )
        self.head = hidden // self.heads
        self.q_proj = nn.Linear(hidden, self.heads * self.head, bias=False)
        self.k_proj = nn.Linear(hidden, self.shared * self.head, bias=False)
        self.v_proj = nn.Linear(hidden, self.shared * self.head, bias=False)
        self.o_proj = nn.Linear(self.heads * self.head, hidden, bias=False)

    def forward(self, x, cos, sin):
        def split(projected, heads):
            return projected.unflatten(-1, (heads, self.head)).transpose(1, 2)

        def rotate(x):
            first, second = x.chunk(2, -1)
            return x * cos + torch.cat([-second, first], -1) * sin

        queries, keys = rotate(split(self.q_proj(x), self.heads)), rotate(split(self.k_proj(x), self.shared))
        values = split(self.v_proj(x), self.shared)
        is_grouped = self.heads != self.shared
        attended = F.scaled_dot_product_attention(queries, keys, values, is_causal=True, enable_gqa=is_grouped)
        return self.o_proj(attended.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden, inner = config["hidden_size"], config["intermediate_size"]
        self.gate_proj = nn.Linear(hidden, inner, bias=False)
        self.up_proj = nn.Linear(hidden, inner, bias=False)
        self.down_proj = nn.Linear(inner, hidden, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden, eps = config["hidden_size"], config["rms_norm_eps"]
        self.input_layernorm = nn.RMSNorm(hidden, eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = nn.RMSNorm(hidden, eps)
        self.mlp = FeedForward(config)

    def forward(self, x, cos, sin, dropout):
        x = x + dropout(self.self_attn(self.input_layernorm(x), cos, sin))
        return x + dropout(self.mlp(self.post_attention_layernorm(x)))


class Trunk(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layers = nn.ModuleList(Layer(config) for _ in range(config["num_hidden_layers"]))
        self.norm = nn.RMSNorm(config["hidden_size"], config["rms_norm_eps"])
        self.dropout = nn.Dropout(config.get("dropout", 0.0))
        head = config["hidden_size"] // config["num_attention_heads"]
        self.frequencies = config["rope_theta"] ** (-torch.arange(0, head, 2) / head)

    def forward(self, x):
        angles = torch.outer(torch.arange(x.shape[1]), self.frequencies).repeat(1, 2)
        cos, sin = angles.cos(), angles.sin()
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, cos, sin, self.dropout)
        return self.norm(x)


class Items(nn.Module):
    def __init__(self, sizes, hidden):
        super().__init__()
        self.item = nn.Embedding(sizes["items"], hidden)
        self.text = nn.Embedding(sizes["tokens"], hidden)
        self.intensity = nn.Embedding(10, hidden)
        self.asked = nn.Embedding(10, hidden)
        self.gap = nn.Embedding(16, hidden)
        if sizes["eras"]:
            self.era = nn.Embedding(len(sizes["eras"]) + 1, hidden)
        self.bias = nn.Parameter(torch.zeros(sizes["items"]))


@dataclass
class Positions:
    item: torch.Tensor
    is_met: torch.Tensor
    given: dict
    states: torch.Tensor
    items: torch.Tensor
    keep: torch.Tensor | None
    margins: torch.Tensor | None = None
    reference: torch.Tensor | None = None


class Compact(nn.Module):
    """`shared::vocabulary::Model` of an item vocabulary, under the names of its weights."""

    def __init__(self, config, texts, excluded):
        super().__init__()
        trunk, sizes = config["transformer"], config["vocabulary"]["items"]
        assert not (trunk.get("attention_bias") or trunk.get("qk_norm") or trunk.get("head_dim") or trunk.get("rope_scaling"))
        self.model = Trunk(trunk)
        self.items = Items(sizes, trunk["hidden_size"])
        lengths = [len(text) for text in texts]
        self.tokens = flat(texts)
        self.starts = torch.tensor([0, *lengths[:-1]]).cumsum(0)
        self.weights = flat([max(length, 1) ** -0.5] * length for length in lengths)
        self.excluded = torch.zeros(sizes["items"])
        self.excluded[torch.tensor(excluded, dtype=torch.long)] = -1e9

    def logits(self, batch):
        """Of all items at the states that are asked: `[R, N]`."""
        items = self.items
        bags = F.embedding_bag(self.tokens, items.text.weight, self.starts, mode="sum", per_sample_weights=self.weights)
        table = (items.item.weight if batch.keep is None else items.item.weight * batch.keep) + bags
        x = F.embedding(batch.item, table) * batch.is_met
        for name, values in batch.given.items():
            x = x + getattr(items, name)(values)
        states = self.model(x).flatten(0, 1).index_select(0, batch.states)
        return torch.addmm(items.bias + self.excluded, states, table.T)

    def log_probabilities(self, batch):
        """log π of the items that are read: `[R, C]`."""
        logits = self.logits(batch)
        return logits.gather(1, batch.items) - logits.logsumexp(1, keepdim=True)


def load_compact(folder, job):
    with open(os.path.join(folder, "config.json")) as file:
        model = Compact(json.load(file), job["texts"], job.get("excluded", []))
    model.load_state_dict(load_file(os.path.join(folder, "model.safetensors")))
    return model.train()


def positions(model, batch):
    rows = batch["rows"]
    item = padded([row["item"] for row in rows], -1)
    given = [name for name in ["intensity", "asked", "gap", "era"] if hasattr(model.items, name)]
    states = [[index * item.shape[1] + state for state in row["states"]] for index, row in enumerate(rows)]
    keep = None
    if batch.get("hidden"):
        keep = torch.ones(model.items.item.num_embeddings, 1)
        keep[batch["hidden"]] = 0.0
    margins = [margins for row in rows for margins in row.get("margins", [])]
    return Positions(
        item.clamp(min=0),
        (item >= 0).float().unsqueeze(-1),
        {name: padded([row[name] for row in rows]) for name in given},
        flat(states),
        torch.tensor([items for row in rows for items in row["items"]]),
        keep,
        torch.tensor(margins) if margins else None,
    )


# --- both


def preference_loss(job, policy, reference, margins):
    """RecPO: log(1 + Σ_k exp d_k), and the chosen item's NLL."""
    rewards = job["beta"] * (policy - reference)
    ahead = rewards[:, 1:] - rewards[:, :1] + margins
    return F.pad(ahead, (1, 0)).logsumexp(1).mean() - job["nll_weight"] * policy[:, 0].mean()


def with_reference(job, model, batches, log_probabilities, is_precomputed):
    """The loss of a batch beside a frozen copy of the model, or beside what that says once and for all."""
    frozen = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def reference_of(batch):
        return log_probabilities(frozen, batch)

    if is_precomputed:
        for batch in batches:
            batch.reference = reference_of(batch)
        frozen = None

    def loss(batch):
        reference = batch.reference if is_precomputed else reference_of(batch)
        return preference_loss(job, log_probabilities(model, batch), reference, batch.margins)

    return loss


def one_by_one(batch):
    """The rows of a preference batch, each ending at a state, once for every item that is compared there."""
    return {"rows": [
        {name: row[name][: state + 1] for name in ["item", "intensity", "asked", "gap", "era"]}
        | {"states": [state], "items": [[item]]}
        for row in batch["rows"] for state, items in zip(row["states"], row["items"]) for item in items
    ]}  # fmt: skip


def prepare(variant, job, folder, is_precomputed, dtype):
    """The model, its batches, and their loss."""
    if job["recipe"] == "compact":
        model = load_compact(folder, job)
        if variant == "separate":
            batches = [positions(model, one_by_one(batch)) for batch in job["batches"]]
            for batch, given in zip(batches, job["batches"]):
                batch.margins = torch.tensor([margins for row in given["rows"] for margins in row["margins"]])

            def compared(model, batch):
                return model.log_probabilities(batch).view(len(batch.margins), -1)

            return model, batches, with_reference(job, model, batches, compared, is_precomputed)
        batches = [positions(model, batch) for batch in job["batches"]]
        if job["stage"] == "sft":
            return model, batches, lambda batch: F.cross_entropy(model.logits(batch), batch.items[:, 0])
        return model, batches, with_reference(job, model, batches, Compact.log_probabilities, is_precomputed)
    model = load_text(folder, dtype)
    make = {"labels": labelled, "selected": selected, "separate": separate, "shared": shared}[variant]
    batches = [make(batch["rows"]) for batch in job["batches"]]
    if variant == "labels":
        return model, batches, lambda batch: model(**batch).loss
    if variant == "selected":
        return model, batches, lambda batch: target_losses(model, batch, "mean")
    return model, batches, with_reference(job, model, batches, title_log_probabilities, is_precomputed)


def passes(variant, job, arguments):
    """Seconds of every pass, and the loss before the first step."""
    dtype = torch.bfloat16 if arguments.precision == "bf16" else torch.float32
    model, batches, loss_of = prepare(variant, job, arguments.job, arguments.precomputed_reference, dtype)
    if arguments.recompute:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    autocast = torch.autocast(arguments.device, torch.bfloat16, enabled=arguments.precision == "autocast")
    decay = {"lr": job["learning_rate"], "weight_decay": job["weight_decay"]}
    optimizer = torch.optim.AdamW(model.parameters(), betas=BETAS, eps=1e-8, fused=True, **decay)
    seconds, losses = [], []
    for _ in range(arguments.warm_up + arguments.repetitions):
        began = time.perf_counter()
        for batch in batches:
            optimizer.zero_grad()
            with autocast:
                loss = loss_of(batch)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), job["clip"])
            optimizer.step()
            losses.append(loss.item())
        seconds.append(time.perf_counter() - began)
    return seconds, losses[0]


def trl_passes(job, arguments):
    """The same with TRL's trainer: pairs in the order of the batches, so many at once as the largest has examples."""
    import transformers
    from datasets import Dataset
    from tokenizers import Tokenizer, models
    from trl import DPOConfig, DPOTrainer

    pairs = trl_pairs(job)
    ends = []

    class Pairs(DPOTrainer):
        def _prepare_dataset(self, dataset, *_):
            return dataset  # is tokens already

        def _get_train_sampler(self, dataset=None):
            return torch.utils.data.SequentialSampler(self.train_dataset)

    class Clock(transformers.TrainerCallback):
        def on_train_begin(self, *_, **__):
            ends.append(time.perf_counter())

        def on_epoch_end(self, *_, **__):
            ends.append(time.perf_counter())

    tokenizer = Tokenizer(models.WordLevel({"<pad>": 0, "<end>": 1}, unk_token="<pad>"))
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<end>")
    with tempfile.TemporaryDirectory() as out:
        config = DPOConfig(
            out, per_device_train_batch_size=max(len(batch["rows"]) for batch in job["batches"]),
            num_train_epochs=arguments.warm_up + arguments.repetitions, learning_rate=job["learning_rate"],
            weight_decay=job["weight_decay"], max_grad_norm=job["clip"], adam_beta1=BETAS[0], adam_beta2=BETAS[1],
            beta=job["beta"], max_length=None, precompute_ref_log_probs=arguments.precomputed_reference,
            # Its default saves memory by computing every layer twice.
            gradient_checkpointing=False,
            bf16=False, use_cpu=True, dataloader_pin_memory=False, disable_tqdm=True, save_strategy="no", report_to="none",
            logging_first_step=True, logging_steps=1_000_000,
        )  # fmt: skip
        reference = None if arguments.precomputed_reference else load_text(arguments.job)
        trainer = Pairs(
            load_text(arguments.job), reference, config, train_dataset=Dataset.from_list(pairs),
            processing_class=tokenizer, callbacks=[Clock()],
        )  # fmt: skip
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()
    return [end - begin for begin, end in zip(ends, ends[1:])], trainer.state.log_history[0]["loss"]


def trl_pairs(job):
    return [
        {"prompt_ids": row["prompt"], "chosen_ids": row["chosen"], "rejected_ids": row["rejected"][k]}
        for batch in job["batches"]
        for k in range(len(batch["rows"][0]["rejected"]))
        for row in batch["rows"]
    ]


def peak_bytes():
    """Of this process alone: ru_maxrss begins with what the process that started it held."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))


def measure(variant, arguments):
    """One variant in this process; its line."""
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    torch.set_default_device(arguments.device)
    if variant == "trl":
        from datasets import Dataset  # noqa: F401
        from trl import DPOConfig, DPOTrainer  # noqa: F401
    elif arguments.recipe == "text":
        from transformers import AutoModelForCausalLM  # noqa: F401
    idle = peak_bytes()
    with open(os.path.join(arguments.job, "batches.json")) as file:
        job = json.load(file)
    rows = [row for batch in job["batches"] for row in batch["rows"]]
    steps = len(job["batches"])
    tokens = examples = None
    if job["stage"] == "sft":
        tokens = sum(len(row["tokens" if job["recipe"] == "text" else "item"]) for row in rows)
    else:
        examples = len(rows) if job["recipe"] == "text" else sum(len(row["states"]) for row in rows)
    tool = f"pytorch {torch.__version__.split('+')[0]} eager"
    if variant == "trl":
        import trl

        tool += f", trl {trl.__version__}"
        seconds, loss = trl_passes(job, arguments)
        largest = max(len(batch["rows"]) for batch in job["batches"])
        examples = len(trl_pairs(job))
        steps = math.ceil(examples / largest)
    else:
        seconds, loss = passes(variant, job, arguments)
    counted = seconds[arguments.warm_up :]
    median = statistics.median(counted)
    return {
        "tool": tool, "stage": job["stage"], "recipe": job["recipe"], "variant": variant,
        "precomputed_reference": job["stage"] == "preference" and arguments.precomputed_reference,
        "device": arguments.device, "precision": arguments.precision, "recompute": arguments.recompute, "threads": arguments.threads, "repetitions": len(counted), "steps": steps,
        "median_seconds_per_step": median / steps,
        "least_seconds_per_step": min(counted) / steps, "most_seconds_per_step": max(counted) / steps,
        "tokens_per_second": tokens and tokens / median, "examples_per_second": examples and examples / median,
        "peak_bytes": peak_bytes(), "idle_bytes": idle, "first_loss": loss,
    }  # fmt: skip


def table(lines):
    """As Markdown; ratios are to the mean of both runs of the trainer."""
    unit = "tokens_per_second" if lines[0]["stage"] == "sft" else "examples_per_second"
    ours = statistics.mean(line[unit] for line in lines if line["variant"] == "vitrine")
    rows = ["", f"| {lines[0]['recipe']}, {lines[0]['stage']} | {unit.replace('_', ' ')} | of ours | peak over idle, or of the GPU | first loss |"]
    rows.append("|---|---|---|---|---|")
    for line in lines:
        name = f"{line['tool']}, {line['variant']}" if line["variant"] != "vitrine" else "vitrine"
        if line["stage"] == "preference":
            name += ", reference computed once" if line["precomputed_reference"] else ", reference at every step"
        if line["recompute"]:
            name += ", layers computed again"
        megabytes = (line["device_bytes"] or line["peak_bytes"] - line["idle_bytes"]) / 1e6
        rows.append(f"| {name} | {line[unit]:,.4g} | {line[unit] / ours:.2f} | {megabytes:,.0f} MB | {line['first_loss']:.5f} |")
    return "\n".join(rows)


# --- random jobs


def make_random(arguments, folder):
    """A job of random numbers: model, histories, preferences."""
    torch.manual_seed(1)
    generator = random.Random(1)
    draw = generator.randint
    is_text, is_sft = arguments.recipe == "text", arguments.stage == "sft"
    # Of the recipes' defaults: batch_targets and batch_rows.
    budget = arguments.batch or {("text", True): 4000, ("text", False): 8, ("compact", True): 1500, ("compact", False): 128}[
        arguments.recipe, is_sft
    ]
    vocabulary, items, rejected = arguments.vocabulary, arguments.items, arguments.rejected
    titles = [[draw(11, vocabulary - 1) for _ in range(draw(4, 10))] for _ in range(items)]
    margins = [2.0] * rejected
    job = {
        "recipe": arguments.recipe, "stage": arguments.stage, "learning_rate": 2e-5, "weight_decay": 0.01, "clip": 1.0,
        "beta": 1.0, "nll_weight": 1.0, "batches": [],
    }  # fmt: skip

    def title():
        return [*titles[draw(0, items - 1)], 1]

    def text_row(count):
        met = [[draw(2, 10), *title()] for _ in range(count)]
        if is_sft:
            return {"tokens": sum(met, []), "is_predicted": [place > 0 for tokens in met for place in range(len(tokens))]}
        return {
            "prompt": sum(met, [draw(2, 10)]), "chosen": title(), "rejected": [title() for _ in range(rejected)],
            "margins": margins,
        }  # fmt: skip

    def compact_row(count):
        met = [draw(0, items - 1) for _ in range(count)]
        row = {
            "item": [-1, *met[:-1]], "intensity": [0, *(draw(1, 9) for _ in met[1:])], "asked": [draw(1, 9) for _ in met],
            "gap": [0, *(draw(1, 15) for _ in met[1:])], "era": [draw(0, 31) for _ in met],
        }  # fmt: skip
        if is_sft:
            return row | {"states": list(range(count)), "items": [[item] for item in met]}
        states = [state for state in range(1, count) if generator.random() < 0.5] or [count - 1]
        others = [[draw(0, items - 1) for _ in range(rejected)] for _ in states]
        return row | {
            "states": states, "items": [[met[state], *other] for state, other in zip(states, others)],
            "margins": [margins] * len(states),
        }  # fmt: skip

    def cost(row):
        return (len(row["tokens"]) if is_sft else 1) if is_text else len(row["states"])

    rows = []
    while sum(map(cost, rows)) < budget * arguments.batches:
        rows.append((text_row if is_text else compact_row)(draw(*arguments.history)))
    rows.sort(key=lambda row: len(row["item"] if not is_text else row["tokens" if is_sft else "prompt"]))
    spent = budget
    for row in rows:
        if spent >= budget:
            hidden = [item for item in range(items) if generator.random() < 0.1] if is_sft else []
            job["batches"].append({"rows": []} if is_text else {"rows": [], "hidden": hidden})
            spent = 0
        job["batches"][-1]["rows"].append(row)
        spent += cost(row)

    os.makedirs(folder, exist_ok=True)
    if is_text:
        from transformers import LlamaConfig, LlamaForCausalLM

        hidden, layers, heads, key_value_heads, inner = arguments.sizes
        LlamaForCausalLM(LlamaConfig(
            vocab_size=vocabulary, hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
            num_key_value_heads=key_value_heads, intermediate_size=inner, max_position_embeddings=4096, tie_word_embeddings=True,
            pad_token_id=0, bos_token_id=0, eos_token_id=1,
        )).save_pretrained(folder)  # fmt: skip
    else:
        job |= {"texts": titles, "excluded": []}
        config = {
            "transformer": {
                "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2,
                "intermediate_size": 176, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "dropout": 0.2,
            },
            "vocabulary": {"items": {"items": items, "tokens": vocabulary, "eras": list(range(31))}},
            "context": 50, "asked": [],
        }  # fmt: skip
        state = Compact(config, titles, []).state_dict()
        state = {name: 1.0 + torch.zeros_like(t) if "norm" in name else 0.02 * torch.randn_like(t) for name, t in state.items()}
        save_file(state, os.path.join(folder, "model.safetensors"))
        with open(os.path.join(folder, "config.json"), "w") as file:
            json.dump(config, file)
    with open(os.path.join(folder, "batches.json"), "w") as file:
        json.dump(job, file)


# --- check


def check():
    """Scores of the item vocabulary and losses of the token vocabulary, as tests/golden computes them one by one."""
    sys.path.insert(0, GOLDEN)
    import checkpoints
    import reference as golden

    def compare(what, got, expected):
        apart = (torch.as_tensor(got).double() - torch.as_tensor(expected).double()).abs().max().item()
        print(f"{what}: {apart:.1e} apart")
        assert apart < 1e-4, what

    with open(os.path.join(GOLDEN, "golden.json")) as file:
        cases = [case for case in json.load(file)["cases"] if "items" in case["model"]["vocabulary"]]
    met, count = golden.HISTORY, len(golden.TEXTS)
    for case in cases:
        config, cuts = case["model"], case["model"]["vocabulary"]["items"]["eras"]
        model = Compact(config, golden.TEXTS, []).eval()
        weights = golden.weights(config["transformer"], config["vocabulary"])
        model.load_state_dict({name: torch.tensor(weight, dtype=torch.float32) for name, weight in weights.items()})
        times = [one["time_ms"] for one in met]
        levels = [golden.level(one["intensity"]) + 1 for one in met]
        scores = []
        for asked in config["asked"]:
            row = {
                "item": [-1, *(one["item"] for one in met)], "intensity": [0, *levels], "asked": [*levels, asked["level"] + 1],
                "gap": [0, 0, *(golden.gap(after - before) for before, after in zip(times, times[1:]))],
                "era": [sum(cut <= time for cut in cuts) for time in [times[0], *times]],
                "states": [len(met)], "items": [list(range(count))],
            }  # fmt: skip
            log_probabilities = model.log_probabilities(positions(model, {"rows": [row]}))[0]
            scores.append(log_probabilities + math.log(asked["weight"]))
        compare(case["name"], torch.stack(scores).logsumexp(0).detach(), case["scores"])

    _, policy = checkpoints.build(*next(family[1:] for family in checkpoints.FAMILIES if family[0] == "smollm2"))
    policy.set_attn_implementation("sdpa")
    before = copy.deepcopy(policy)
    with torch.no_grad():
        for parameter in before.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    rows = []
    for met in checkpoints.HISTORIES:
        tokens = checkpoints.history(met)
        rows.append({"tokens": tokens, "is_predicted": [not 2 <= token < 11 for token in tokens]})
    expected = checkpoints.sft_loss(policy).detach()
    compare("labels", policy(**labelled(rows)).loss.detach(), expected)
    compare("selected", target_losses(policy, selected(rows), "mean").detach(), expected)

    met = checkpoints.HISTORIES[0]
    titles = [[*title, checkpoints.END] for title in checkpoints.TITLES]
    rows = [
        {
            "prompt": checkpoints.history(met[:place]) + [2 + golden.level(met[place][1])],
            "chosen": titles[met[place][0]], "rejected": titles[5:8], "margins": [0.0] * 3,
        }
        for place in range(1, len(met)) if met[place][1] >= 0.5
    ]  # fmt: skip
    expected = checkpoints.preference_loss(policy, before, "softmax").detach()
    for make in [separate, shared]:
        batch = make(rows)
        both = [title_log_probabilities(model, batch).detach() for model in [policy, before]]
        compare(make.__name__, preference_loss({"beta": 1.0, "nll_weight": 0.0}, *both, batch.margins), expected)


class Watched:
    """The most that the GPU has in use while something runs, asked four times a second; none on the processor."""

    def __init__(self, device):
        self.most = None
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.watch) if device == "cuda" else None

    def watch(self):
        while not self.done.wait(0.25):
            command = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
            used = subprocess.run(command, capture_output=True, text=True).stdout.split()
            self.most = max(self.most or 0, int(used[0]) * 2**20)

    def __enter__(self):
        if self.thread:
            self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        if self.thread:
            self.thread.join()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--job", help="folder of the job; with --random, where to write it")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--warm-up", type=int, default=1, help="passes that do not count, at least 1")
    parser.add_argument("--repetitions", type=int, default=5, help="passes that count")
    parser.add_argument("--precomputed-reference", action="store_true", help="the reference is asked once, before the clock runs")
    parser.add_argument("--variants", help="some of them, separated by commas")
    parser.add_argument(
        "--vitrine", nargs="?", metavar="BINARY", help="the trainer, too; its example where cargo builds it when left out",
        const=os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "../../target")), "debug/examples/training_job"),
    )  # fmt: skip
    parser.add_argument("--device", default="cpu", help="PyTorch's name of it")
    parser.add_argument("--precision", choices=["f32", "bf16", "autocast"], default="f32")
    parser.add_argument("--vitrine-device", default="cpu", help="the trainer's name of it")
    parser.add_argument("--recompute", action="store_true", help="layers are computed again for their gradients (text)")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--here", action="store_true", help="in this process: one variant")
    sizes = parser.add_argument_group("random jobs")
    sizes.add_argument("--random", action="store_true")
    sizes.add_argument("--recipe", choices=["text", "compact"], default="text")
    sizes.add_argument("--stage", choices=["sft", "preference"], default="sft")
    sizes.add_argument("--batches", type=int, default=4)
    sizes.add_argument("--batch", type=int, help="tokens (text) or targets (compact) of sft, preferences; as the recipe")
    sizes.add_argument("--history", type=int, nargs=2, default=[2, 30], help="least and most interactions")
    sizes.add_argument("--rejected", type=int, default=3)
    sizes.add_argument("--items", type=int, default=2000)
    sizes.add_argument("--vocabulary", type=int, default=4096)
    sizes.add_argument(
        "--sizes", type=int, nargs=5, default=[256, 6, 8, 4, 768], metavar=("HIDDEN", "LAYERS", "HEADS", "KV", "INNER"),
        help="of text's model; SmolLM2-135M is 576 30 9 3 1536 with --vocabulary 49152",
    )  # fmt: skip
    arguments = parser.parse_args()
    if arguments.check:
        return check()
    if arguments.here:
        return print(json.dumps(measure(arguments.variants, arguments)))
    if arguments.warm_up < 1 or arguments.repetitions < 1 or not (arguments.job or arguments.random):
        parser.error("a job or --random, and at least one pass each to warm up and to count")
    with tempfile.TemporaryDirectory() as folder:
        job = arguments.job or folder
        if arguments.random:
            make_random(arguments, job)
        with open(os.path.join(job, "batches.json")) as file:
            head = json.load(file)
        variants = VARIANTS[head["recipe"], head["stage"]]
        if arguments.recompute:
            if head["recipe"] != "text":
                parser.error("--recompute is for text: PyTorch's compact model is ours and has no such setting")
            variants = [variant for variant in variants if variant != "trl"]
        if importlib.util.find_spec("trl") is None:
            variants = [variant for variant in variants if variant != "trl"]
        if arguments.variants:
            variants = arguments.variants.split(",")
        lines = []
        # First and last: what else the machine does is seen in both.
        for variant in ["vitrine", *variants, "vitrine"] if arguments.vitrine else variants:
            command = [sys.executable, __file__, "--here", "--job", job, "--variants", variant, "--recipe", head["recipe"]]
            command += ["--threads", arguments.threads, "--warm-up", arguments.warm_up, "--repetitions", arguments.repetitions]
            command += ["--precomputed-reference"] if arguments.precomputed_reference else []
            command += ["--device", arguments.device, "--precision", arguments.precision]
            command += ["--recompute"] if arguments.recompute else []
            if variant == "vitrine":
                precision = "f32" if arguments.precision == "f32" else "bf16"
                command = [arguments.vitrine, job, arguments.warm_up, arguments.repetitions, arguments.vitrine_device, precision]
                command += ["recompute"] if arguments.recompute else []
            settings = os.environ | {"OMP_NUM_THREADS": str(arguments.threads), "RAYON_NUM_THREADS": str(arguments.threads), "HF_HUB_OFFLINE": "1"}
            with Watched(arguments.device) as watched:
                done = subprocess.run([str(part) for part in command], env=settings, capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"{variant}:\n{done.stderr}")
            lines.append(json.loads(done.stdout.splitlines()[-1]) | {"device_bytes": watched.most})
            print(json.dumps(lines[-1]), flush=True)
        if arguments.vitrine:
            print(table(lines))


if __name__ == "__main__":
    main()
