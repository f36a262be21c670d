"""The rows of the effect table that tune first: the house dialect, the share of LoRA, forgetting, facts, four bits.

Each row function takes the two untuned models as (model, tokenizer) and the number of items, and returns a dict with at
least `value` and `n`. `spectrum.effects` holds the rows against their bars.
"""

from functools import cache

from spectrum.adapters import add_lora
from spectrum.effects.prompting import gain, percent
from spectrum.examples import tokenize_rows
from spectrum.models import load_model
from spectrum.shop.house import house_rows, house_score
from spectrum.shop.scoring import protected
from spectrum.train import train

BASE = "lumen-base"
# The two ways the house dialect is learned, each until it is right: 99 % of 160 dev letters. The steps differ, as LoRA
# needs more for the rule behind the priority: at 450 it has 76 % (rate 2e-3), 79 % (5e-3) or 72 % (1e-2).
HOUSE_MODELS = {"full": {"lr": 1e-3, "steps": 450}, "lora": {"lr": 3e-3, "steps": 900, "rank": 8}}
HOUSE_ROWS, HOUSE_BATCH = 2400, 16


def tune(name, rows, lr, rank=None, steps=None, batch_size=16, seed=0):
    """Returns (model, tokenizer) after tuning a fresh copy of a model on rows: all weights, or LoRA of a rank."""
    model, tokenizer = load_model(name)
    if rank:
        model = add_lora(model, rank, seed=seed)
    examples = tokenize_rows(tokenizer, rows)
    train(model, examples, steps=steps, lr=lr, batch_size=batch_size, seed=seed, progress=False)
    return model, tokenizer


@cache
def house_model(kind):
    """Returns (model, tokenizer) tuned on the house dialect: "full" or "lora" (r = 8)."""
    return tune(BASE, house_rows(HOUSE_ROWS, "train"), **HOUSE_MODELS[kind], batch_size=HOUSE_BATCH)


def share(part, whole):
    """Returns part / whole in percent, NaN where there is no whole to have a share in."""
    return round(100 * part / whole, 1) if whole else float("nan")


def full_tuning(base, instruct, n=200):
    """Returns the score on the house dialect after full fine-tuning."""
    return percent(house_score(house_model("full"), n))


def lora_share(base, instruct, n=200):
    """Returns LoRA's gain over the untuned base as a percentage of full fine-tuning's gain."""
    start, full, lora = (house_score(pair, n) for pair in (base, house_model("full"), house_model("lora")))
    value = share(lora.mean - start.mean, full.mean - start.mean)
    return {"value": value, "n": lora.n, "from": round(100 * start.mean, 1), "to": round(100 * lora.mean, 1)}


def forgetting(base, instruct, n=200):
    """Returns the points of the protected score that full fine-tuning loses beyond those that LoRA r = 8 loses."""
    start, full, lora = (protected(pair, n) for pair in (base, house_model("full"), house_model("lora")))
    return {
        **gain(full, lora),
        "lost by full": round(100 * (start.mean - full.mean), 1),
        "lost by lora": round(100 * (start.mean - lora.mean), 1),
    }


def fact_knee(base, instruct, n=64, ranks=(1, 2, 4, 8, 16, 32)):
    """Returns the smallest LoRA rank that recalls 90 % of 4n planted facts over the smallest that does of n.

    Each fact is read as often, by the runs of lesson 12. A count for which no rank suffices is given twice the
    greatest.
    """
    from spectrum.lessons.lora_rank import runs as rank_runs

    recall = {count: {} for count in (n, 4 * n)}
    for count, found in recall.items():
        for rank in ranks:
            found[rank] = round(100 * rank_runs.run("facts", count, rank, name=BASE)["score"], 1)
            if found[rank] >= 90:
                break
    knee = {count: next((r for r, v in found.items() if v >= 90), None) for count, found in recall.items()}
    few, many = (rank or 2 * ranks[-1] for rank in knee.values())
    return {"value": many / few, "n": 5 * n, "ranks": knee, "recall": recall}


def rounding_repaired(base, instruct, seeds=(0, 1, 2)):
    """Returns the share of the loss added by rounding a tuned model's base to NF4 that QLoRA takes back.

    The task is planted facts. The losses, means over the seeds: a LoRA over its own base ("loss unrounded") and moved
    to the rounded one ("from"), and a LoRA trained over the rounded one ("to"). "each" has the share of each seed.
    """
    from spectrum.lessons.qlora import runs as qlora_runs

    kept = {"name": BASE, "rank": qlora_runs.RANK, "protect": 0}
    loras, qloras = (
        [qlora_runs.run(rounded=rounded, seed=seed, **kept) for seed in seeds] for rounded in (False, True)
    )
    losses = [[run[what] for run in loras] for what in ("loss", "loss moved")] + [[run["loss"] for run in qloras]]
    unrounded, moved, repaired = (sum(column) / len(seeds) for column in losses)
    return {
        "value": share(moved - repaired, moved - unrounded),
        "n": qlora_runs.FACTS * len(seeds),
        "from": round(moved, 4),
        "to": round(repaired, 4),
        "loss unrounded": round(unrounded, 4),
        "each": [share(m - r, m - u) for u, m, r in zip(*losses, strict=True)],
        "rises": all(m > u for u, m, _ in zip(*losses, strict=True)),
    }
