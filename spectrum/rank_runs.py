"""The tuning runs behind lesson 12: planted facts or the house style, by LoRA of any rank or in full.

`run` is one run, a pure function of its settings that a process pool can import; `GRIDS` holds the settings of every
stored sweep. `tools/make_sweeps.py` runs them; notebooks/12_lora_rank.ipynb reads them.
"""

import math
from itertools import product
from pathlib import Path

import torch

from spectrum import adapters, prompts, tasks, tuning_effects, world
from spectrum.evaluate import evaluate
from spectrum.examples import read_rows, tokenize_rows
from spectrum.models import load_model
from spectrum.train import train

RANKS = (1, 2, 4, 8, 16, 32, 64)
SEEDS = (0, 1, 2)
FACT_BITS = 9  # a letter of 8 and a number of 64, drawn uniformly
# Rows of a batch and steps: enough that the highest rank recalls nearly all.
FACT_RUNS = {
    64: {"batch_size": 32, "steps": 200},
    256: {"batch_size": 64, "steps": 300},
    1024: {"batch_size": 128, "steps": 400},
}
STYLE_RUN = {"batch_size": 16, "steps": 150}
# Peak learning rates, from the sweep "rates": about the best for every rank, and for full fine-tuning.
LORA_RATE, FULL_RATE = 5e-3, 5e-4


def run(data="facts", count=64, rank=8, alpha=None, rslora=False, targets="all-linear", lr=None, dropout=0.0,
        steps=None, seed=0, protect=0, compress=0, name="base", each_step=None):  # fmt: skip
    """Returns what one run measured: {"score", "loss", "trainable", "seconds", ...}, all plain numbers for a JSON file.

    `data` is "facts" (`count` planted facts, the score is the share recalled), "style" (the house reply, the score on
    held-out messages) or the path of a data file with prompts and completions (the score on every eighth row, which is
    not trained on); rank 0 is full fine-tuning. With `protect` > 0 the score on that many items of general skills is
    measured as well; with `compress`, a trained adapter is squeezed to that rank before anything is measured.
    `each_step()`, where given, is called after every step; what it raises ends the run. Raises ValueError for data that
    cannot be used.
    """
    model, tokenizer = load_model(name)
    model = (
        adapters.add_lora(model, rank, alpha, targets, dropout, rslora, seed) if rank else model.requires_grad_(True)
    )
    rows, items = material(data, count, seed)
    settings = dict(FACT_RUNS.get(count, FACT_RUNS[64]) if data == "facts" else STYLE_RUN)
    settings["steps"] = steps or settings["steps"]
    rate = lr or (LORA_RATE if rank else FULL_RATE)
    examples = tokenize_rows(tokenizer, rows)
    watch = {"evaluate": lambda model: each_step() or {}, "evaluate_every": 1} if each_step else {}
    records = train(model, examples, lr=rate, seed=seed, progress=False, **settings, **watch)
    model = adapters.compress(model, compress) if compress else model
    found = {
        "score": recall(model, tokenizer, items),
        "loss": [round(r["loss"], 4) for r in records[:: max(1, len(records) // 40)]],
        "seconds": round(records[-1]["seconds"], 1),
        "trainable": adapters.count(model)["trainable"],
        "n": len(items),
    }
    if data == "facts":
        found["bits"] = stored_bits(model, tokenizer, rows)
    if protect:
        found["protected"] = tuning_effects.protected((model, tokenizer), protect).mean
    return found


def material(data, count, seed):
    """Returns (rows to train on, items to score) of a data set."""
    if data == "facts":
        rows = fact_rows(count, seed)
        return rows, [tasks.Item("planted", row["prompt"], row["completion"]) for row in rows]
    if data == "style":
        task = tasks.TASKS["house_reply"]
        taught, asked = task.sample(800, "train", seed), task.sample(100, "test", 1)
        rows = [{"prompt": prompts.ask(task, item).strip(), "completion": item.gold} for item in taught]
        return rows, [tasks.Item("style", prompts.ask(task, item).strip(), item.gold) for item in asked]
    if not Path(data).exists():
        raise ValueError(f"data must be 'facts', 'style' or the path of a data file, not {data!r}")
    rows, problems = read_rows(data)
    if problems or len(rows) < 16 or any("prompt" not in row for row in rows):
        what = problems[0] if problems else f"{len(rows)} rows; at least 16, with prompt and completion, are needed"
        raise ValueError(f"{data}: {what}")
    kept = [row for i, row in enumerate(rows) if i % 8]
    return kept, [tasks.Item("own", row["prompt"], row["completion"]) for row in rows[::8]]


def fact_rows(count, seed):
    """Returns `count` planted facts as rows: a locker, and the code in it that nothing lets one guess."""
    return [{"prompt": f"Locker {key}?", "completion": code} for key, code in world.planted_facts(count, seed)]


def recall(model, tokenizer, items):
    """Returns the share of items whose answer is right to the letter."""
    asked = [prompts.chat(item.input) for item in items]
    score = evaluate(
        model, tokenizer, items, asked, lambda a, i: a.strip() == i.gold, max_new_tokens=48, progress=False
    )
    return score.mean


@torch.no_grad()
def stored_bits(model, tokenizer, rows):
    """Returns how many bits of the planted codes the model holds: 9 less the surprise of each code, summed.

    A fact that surprises more than guessing would counts as nothing stored.
    """
    total = 0.0
    for row in rows:
        total += max(0.0, FACT_BITS - code_surprise(model, tokenizer, row))
    return total


def code_surprise(model, tokenizer, row):
    """Returns the bits of surprise at a row's completion and its end mark, given its prompt."""
    (example,) = tokenize_rows(tokenizer, [row])
    ids, labels = (torch.tensor([example[k]]) for k in ("input_ids", "labels"))
    logits = model(input_ids=ids, use_cache=False).logits[0, :-1]
    return float(torch.nn.functional.cross_entropy(logits, labels[0, 1:], reduction="sum")) / math.log(2)


def grid(**choices):
    """Returns the list of settings in which each argument takes each of its values."""
    return [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]


LORA_RATES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
FULL_RATES = (3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
# Attention alone, the MLPs alone and all linear layers of lumen-base at nearly the same number of parameters.
MATCHED = ({"targets": "attention", "rank": 19}, {"targets": "mlp", "rank": 14}, {"targets": "all-linear", "rank": 8})
SCALINGS = ({"alpha": 16}, {"alpha": None}, {"alpha": 16, "rslora": True})  # fixed, 2r, rank-stabilized
GRIDS = {
    "rates": grid(rank=(1, 8, 64), lr=LORA_RATES, seed=SEEDS[:1]) + grid(rank=(0,), lr=FULL_RATES, seed=SEEDS[:1]),
    "style": grid(data=("style",), rank=(0, *RANKS), seed=SEEDS, protect=(132,)),
    "facts": [
        *grid(count=(64, 256), rank=(0, *RANKS), seed=SEEDS),
        *grid(count=(1024,), rank=(0, 1, 4, 16, 64), seed=SEEDS),
    ],
    "scaling": [
        {**rule, **more} for rule in SCALINGS for more in grid(rank=(1, 8, 64), lr=(1e-3, 3e-3, 1e-2), seed=SEEDS)
    ],
    "placement": [
        {**place, **more} for place in MATCHED for more in grid(count=(256,), lr=(2e-3, 5e-3, 1e-2), seed=SEEDS)
    ],
    "compressed": grid(count=(256,), rank=(64,), compress=(8,), seed=SEEDS),
}  # fmt: skip
