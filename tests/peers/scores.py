"""Does Hugging Face's transformers give titles the scores that `trainer recommend` gives them, and which did its beam miss?

    pip install torch transformers
    python3 tests/peers/scores.py RUN EXPORT "Toy Story (1995):5, Alien (1979):1" [TRAINER [TITLES]]

RUN is what `trainer train --base` left, EXPORT what `trainer export RUN --out EXPORT --format hf` wrote.
The prompt is written here from what docs/FINE-TUNING.md says that the model reads, and every title of the catalogue is
scored in full: log-probabilities of its tokens and of the end of its line. TITLES of them, beside those of the list, where a
large model would take long for all; then nothing is said of what the beam missed.
"""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

START = "Products that one customer met, each after a rating from 1 to 9.\n"
# Ratings of one to five stars, as the levels that the model reads.
LEVELS = {1: "1", 2: "3", 3: "5", 4: "7", 5: "9"}
SHOWN, BATCH = 10, 64
# Of a score, in nats: sums over a dozen tokens of thirty layers in another order.
TOLERANCE = 2e-3


def main():
    if not 4 <= len(sys.argv) <= 6:
        sys.exit(__doc__)
    run, export, history = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    trainer = sys.argv[4] if len(sys.argv) > 4 else "trainer"
    most = int(sys.argv[5]) if len(sys.argv) > 5 else None
    command = [trainer, "recommend", run, "--history", history, "--k", str(SHOWN), "--json", "--quiet"]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    items = json.loads((run / "catalog.json").read_text())
    titles = {item["id"]: item["title"] for item in items}
    # What is asked for may be several levels, each with a share: log Σ w π(title | history, level).
    mixture = json.loads((run / "run.json").read_text())["model"]["asked"]

    tokenizer = AutoTokenizer.from_pretrained(export)
    model = AutoModelForCausalLM.from_pretrained(export, dtype=torch.float32).eval()

    def tokens(text):
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    prompt = tokens(START)
    for event in answer["events"]:
        prompt += tokens(LEVELS[event["rating"]]) + tokens(" " + titles[event["item"]]) + tokens("\n")
    met = {event["item"] for event in answer["events"]}
    asked = [item["id"] for item in items if item["id"] not in met and item.get("available", True)]
    everything = len(asked)
    if most is not None:
        listed = [entry["item"] for entry in answer["recommendations"]]
        asked = listed + [item for item in asked[:: max(1, everything // most)] if item not in listed]
    asked.sort(key=lambda item: len(titles[item]))

    def log_probabilities(some, level):
        completions = [tokens(" " + titles[item]) + tokens("\n") for item in some]
        longest = max(map(len, completions))
        before = prompt + tokens(str(level + 1))
        rows = torch.tensor([before + completion + [0] * (longest - len(completion)) for completion in completions])
        with torch.no_grad():
            logits = model(rows, logits_to_keep=longest + 1).logits[:, :-1].log_softmax(-1)
        said = logits.gather(-1, rows[:, -longest:, None])[..., 0]
        return torch.stack([row[:len(completion)].sum() for completion, row in zip(completions, said)])

    scores = {}
    for begin in range(0, len(asked), BATCH):
        some = asked[begin:begin + BATCH]
        parts = [log_probabilities(some, part["level"]) + math.log(part["weight"]) for part in mixture]
        scores.update(zip(some, torch.stack(parts).logsumexp(0).tolist()))

    order = sorted(asked, key=scores.get, reverse=True)
    places = {item: place + 1 for place, item in enumerate(order)}
    answered = [entry["item"] for entry in answer["recommendations"]]
    print("place here, score there, score here")
    for entry in answer["recommendations"]:
        item = entry["item"]
        print(f"{places[item]:5} {entry['score']:10.4f} {scores[item]:10.4f}  {titles[item]}")
    apart = max(abs(entry["score"] - scores[entry["item"]]) for entry in answer["recommendations"])
    print(f"{len(prompt)} tokens of prompt, {len(asked)} titles; largest difference of a score: {apart:.2g}")
    found = len(set(order[:SHOWN]) & set(answered))
    if len(asked) == everything:
        print(f"{found} of the {SHOWN} likeliest are in the list (above 256 titles a beam searches)")
    if not apart <= TOLERANCE:
        sys.exit(f"error: scores are more than {TOLERANCE:g} apart\nhint: was EXPORT made of RUN?")
    if any(scores[after] > scores[before] + TOLERANCE for before, after in zip(answered, answered[1:])):
        sys.exit("error: the list is in another order\nhint: compare the prompt with `trainer inspect --base`")
    print("the same scores in the same order")


if __name__ == "__main__":
    main()
