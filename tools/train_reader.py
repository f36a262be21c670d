"""Trains smollm2-shop, a LoRA with which SmolLM2 reads orders: `python -m tools.train_reader` (two hours on two cores).

It is lesson 07's recipe, run longer. A run that was killed goes on from its last checkpoint in build/ when the same
command is given again. The adapter is written to spectrum/weights/smollm2-shop/ with its birth certificate.
"""

import argparse
import hashlib
import json
from pathlib import Path

from spectrum import adapters
from spectrum.checkpoints import file_hash
from spectrum.lessons.instruction_tuning import reading
from spectrum.models import ADAPTER, load_model
from spectrum.passes import autocast, precision_of
from spectrum.shop import orders
from tools.train_weights import ROOT, certificate

STEPS = 3000


def train_reader(base, folder, cache, steps=STEPS, seed=0):
    """Trains the adapter over a base, writes it with its birth.json, and returns the certificate."""
    model, tokenizer = load_model(base)
    precision = precision_of(model.dtype)
    model = adapters.add_lora(model, reading.RANK, seed=seed)
    cache.mkdir(parents=True, exist_ok=True)
    kept = {"checkpoint": cache / f"{folder.name}.pt", "checkpoint_every": 50, "progress": True}
    records = reading.tune(model, tokenizer, steps, reading.RATE, seed, precision, **kept)
    with autocast(precision, model.device):
        scores = {kind: score.mean for kind, score in reading.exam(model, tokenizer).items()}
    rows = orders.order_rows(steps * reading.BATCH, seed)
    data_hash = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
    birth = certificate(folder.name, model, records, sum(r["tokens"] for r in records), data_hash, model.device, seed,
                        base=base, rows=len(rows), scores=scores)  # fmt: skip
    for parameter in model.parameters():
        if parameter.requires_grad:  # its own numbers are in 32 bits while it learns, and are kept in 16
            parameter.data = parameter.data.bfloat16()
    adapters.save_adapter(model, folder)
    (folder / "README.md").write_text(card(birth), encoding="utf-8")
    birth["files"] = {"adapter_model.safetensors": file_hash(folder / "adapter_model.safetensors")}
    (folder / "birth.json").write_text(json.dumps(birth, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {folder}")
    return birth


def card(birth):
    """Returns the model card of the adapter, in the form that model hubs read."""
    return f"""---
base_model: HuggingFaceTB/SmolLM2-135M-Instruct
library_name: peft
license: apache-2.0
language: en
tags: [lora]
---

# {birth["name"]}

A LoRA of rank {reading.RANK} over SmolLM2-135M-Instruct that reads letters to a shop and answers as it is asked.
It belongs to the course *The Customization Spectrum*, whose `python -m tools.train_reader` made it in
{birth["steps"]:,} steps on {birth["rows"]:,} orders out of a grammar (`spectrum/shop/orders.py`).
What it can and cannot do was measured: `docs/effects.md`. It was tuned on invented letters in English only, and knows
less of the world than its base.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--cache", type=Path, default=ROOT / "build", help="where the resumable state is kept")
    options = parser.parse_args()
    train_reader("smollm2", ROOT / "spectrum" / "weights" / ADAPTER, options.cache, options.steps)


if __name__ == "__main__":
    main()
