"""Does PEFT read the adapters of a run, and do base and adapters compute what the export computes?

    pip install torch transformers peft
    python3 tests/peers/adapters.py RUN EXPORT [BASE]

RUN is what `trainer train --base BASE --out RUN` left, EXPORT what `trainer export RUN --out EXPORT --format hf` wrote.
"""

import json
import os
import sys
import tomllib
from pathlib import Path

# Everything lies on this machine; a name that does not is a mistake, not something to fetch.
os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from peft import PeftModel, get_peft_model_state_dict
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

ROWS, LENGTH, SEED = 4, 48, 1
# Of the largest logit: what sums of f32 in another order differ by, and a hundred times more.
TOLERANCE = 1e-4


def fail(message, hint):
    sys.exit(f"error: {message}\nhint: {hint}")


def base_config(run):
    try:
        return tomllib.loads((run / "config.toml").read_text()).get("base", {})
    except (OSError, tomllib.TOMLDecodeError) as error:
        fail(f"{run}/config.toml cannot be read: {error}", "pass the folder given to `trainer train --out`")


def load(what, folder):
    if not (folder / "config.json").is_file():
        fail(f"{what} {folder} has no config.json", "RUN EXPORT [BASE], where EXPORT and BASE are folders of Hugging Face's format")
    model, found = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    # transformers begins anew with what it misses, and says so in a warning.
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if found.get(problem):
            fail(f"{what} {folder} has {problem}: {sorted(map(str, found[problem]))[:4]}", "compare its config.json with its tensors")
    return model.eval()


def with_adapters(model, folder):
    """The model with the adapters of a folder, and how many tensors those are."""
    if not (folder / "adapter_model.safetensors").is_file():
        fail(f"{folder} has no adapter_model.safetensors", "train with [base.lora] rank above 0")
    tensors = load_file(folder / "adapter_model.safetensors")
    if not tensors:
        fail(f"{folder}/adapter_model.safetensors is empty", "name what is adapted in [base.lora] targets")
    model = PeftModel.from_pretrained(model, folder).eval()
    # PEFT passes over names that it does not know, and begins anew with those that it misses.
    known = get_peft_model_state_dict(model)
    strange = sorted(known.keys() ^ tensors.keys())
    strange += [name for name in known.keys() & tensors.keys() if not torch.equal(known[name].float(), tensors[name].float())]
    if strange:
        fail(f"PEFT and the file disagree on {len(strange)} tensors, such as {strange[:4]}", "compare adapter_config.json with the names in the file")
    return model, len(tensors)


def changed(base, export):
    """What EXPORT's config.json says otherwise than BASE's, a few lines of it."""
    before, after = (json.loads((folder / "config.json").read_text()) for folder in (base, export))
    keys = [key for key in sorted(before.keys() | after.keys()) if before.get(key) != after.get(key)]
    lines = [f"  {key}: {before.get(key)!r} -> {after.get(key)!r}" for key in keys[:8]]
    return lines + [f"  and {len(keys) - 8} more"] * (len(keys) > 8) or ["  nothing"]


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    run, export = Path(sys.argv[1]), Path(sys.argv[2])
    settings = base_config(run)
    path = sys.argv[3] if len(sys.argv) == 4 else settings.get("path")
    if path is None:
        fail(f"{run}/config.toml names no base", "train with --base, or pass BASE")
    base = Path(path)
    if not base.is_dir():
        fail(f"base {base} is no folder", "begin where training began, or pass BASE, a checkpoint in Hugging Face's format")

    before, after = load("base", base), load("export", export)
    if before.config.vocab_size != after.config.vocab_size:
        fail(f"base has {before.config.vocab_size} tokens, export {after.config.vocab_size}", "pass the BASE that was trained")
    tokens = torch.randint(before.config.vocab_size, (ROWS, LENGTH), generator=torch.Generator().manual_seed(SEED))
    with torch.no_grad():
        exported, untrained = after(tokens).logits, before(tokens).logits
        adapted, count = with_adapters(before, run / "adapter")
        added = adapted(tokens).logits
    largest = exported.abs().max().item()
    apart, moved = ((exported - other).abs().max().item() for other in (added, untrained))
    print(f"adapter tensors: {count}")
    print(f"largest logit: {largest:.4g}")
    print(f"largest |export - (base + adapters)|: {apart:.3g}, {apart / largest:.1e} of the largest logit")
    print(f"largest |export - base|: {moved:.3g}")
    print("config.json, base -> export:", *changed(base, export), sep="\n")

    try:
        tokenizer = AutoTokenizer.from_pretrained(export)
    except Exception as error:  # Whatever it raises, it does not load.
        fail(f"the tokenizer of {export} does not load: {error}", "compare its tokenizer files with those of the base")
    print(f"tokenizer: {type(tokenizer).__name__}, {len(tokenizer)} tokens")

    if moved == 0.0:
        fail("the export is the base: training moved nothing", "train longer, and export RUN after it")
    # Said this way round, what is not a number fails.
    if not apart <= TOLERANCE * largest:
        packed = settings.get("bits", 32) != 32
        hint = "export RUN again; is BASE the one that was trained?"
        if packed:
            hint = "set base.bits to 32: beside packed numbers PEFT computes only nearly the same"
        fail(f"base and adapters are not the export: more than {TOLERANCE:g} of the largest logit apart", hint)
    print("base and adapters are the export")


if __name__ == "__main__":
    main()
