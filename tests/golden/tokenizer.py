"""Tokens of awkward texts by the tokenizers package, for the tokenizer of the browser.

    pip install tokenizers
    python3 tests/golden/tokenizer.py > tests/fixtures/tokenizer.json
"""

import json
import random

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CORPUS = [
    "Wool coat Aurelle Women Coats camel", "Wool blazer", "Silk scarf with fringe", "Leather shoulder bag", "It's the men's belt",
    "Robe d'été à fleurs, 100 % coton", "Größe 38-40 Übergangsjacke", "ピンクのドレス", "连衣裙 2024 新款", "платье из шёлка",
    "ankle boots 7.5 cm heel", "they'll we've I'm you'd you're", "T-shirt (2-pack) -- black/white",
] * 3

TEXTS = [
    "Wool coat", " Wool  coat ", "wool\tcoat\n\nblazer  ", "It's the men's; THEY'LL they'll 'tis 's", "", " ", "   ", "a", "100 % coton",
    "Robe d'e\u0301te\u0301", "Robe d'\u00e9t\u00e9", "Größe 38½ ①②③ Ⅷ", "ピンクのドレス", "连衣裙2024新款", "платье из шёлка",
    "👗 dress 👩‍👩‍👧 family", "a\u00a0b\u2003c\u0085d\ufeffe", "x\u200by", "<end>", "coat <level-3> bag<end>", "<level-10> <level-1>",
    "\u0000\u0001\u001f\u007f", "~!@#$%^&*()_+|}{\":?><", "naïve café — “quoted” … €99", "ﬁ ﬂ ﷺ", "Å \u212b A\u030a", "नमस्ते दुनिया", "שלום עולם", "\U0001d400\U0001d7d8",
]


def main():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=True)
    tokenizer.post_processor = processors.ByteLevel()
    tokenizer.decoder = decoders.ByteLevel()
    specials = ["<pad>", "<end>"] + [f"<level-{level}>" for level in range(11)]
    trainer = trainers.BpeTrainer(
        vocab_size=500, min_frequency=2, show_progress=False, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=[AddedToken(name, special=True, normalized=False) for name in specials],
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    random.seed(1)
    pieces = [character for text in TEXTS + CORPUS for character in text]
    texts = TEXTS + CORPUS + ["".join(random.choices(pieces, k=random.randint(1, 24))) for _ in range(300)]
    cases = [{"text": text, "tokens": tokenizer.encode(text, add_special_tokens=False).ids} for text in texts]
    print(json.dumps({"tokenizer": json.loads(tokenizer.to_str()), "cases": cases}, ensure_ascii=True, separators=(",", ":")))


if __name__ == "__main__":
    main()
