"""A checkpoint of SmolLM2-135M's shape with random weights, for what depends on size alone: memory and time.

    pip install torch transformers
    python3 tests/peers/random_checkpoint.py TOKENIZER.json OUT
"""

import shutil
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

tokenizer, out = Path(sys.argv[1]), Path(sys.argv[2])
torch.manual_seed(0)
config = LlamaConfig(
    vocab_size=Tokenizer.from_file(str(tokenizer)).get_vocab_size(), hidden_size=576, intermediate_size=1536,
    num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3, max_position_embeddings=2048,
    rope_theta=100_000.0, rms_norm_eps=1e-5, tie_word_embeddings=True,
)
LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(out)
shutil.copy(tokenizer, out / "tokenizer.json")
