"""The tuning runs behind lesson 11: the house dialect learned in full or by LoRA, and the update of the full tuning.

`run` is one run, a pure function of its settings that a process pool can import; `GRIDS` holds the settings of the
stored sweep. `tools/make_sweeps.py` runs it; notebooks/11_lora_by_hand.ipynb reads it and does one such run in view.
"""

import copy
import statistics

import pandas as pd
import torch

from spectrum import adapters
from spectrum.examples import tokenize_rows
from spectrum.models import load_model
from spectrum.shop import house
from spectrum.sweeps import read_sweep, results_folder
from spectrum.train import train

RESULTS = results_folder("11_lora_by_hand")
SEEDS = (0, 1, 2)
ROWS, STEPS, BATCH, ITEMS = 1600, 160, 8, 100
# Peak learning rates. Each method has its own: with the other's, either learns less (lesson 12 shows the curves).
FULL_RATE, LORA_RATE = 1e-3, 5e-3
CUTS = (8, 16, 32)  # ranks to which the update of a full fine-tuning is cut
GRIDS = {"seeds": [{"rank": rank, "seed": seed} for rank in (0, 8) for seed in SEEDS]}


def house_data(tokenizer, seed=0):
    """Returns the training examples of the house dialect, tickets and replies, as `train` takes them."""
    return tokenize_rows(tokenizer, house.house_rows(ROWS, "train", seed))


def house_score(model, tokenizer, name="", n=ITEMS, floor=0.0):
    """Returns the Score on n held-out house tickets and replies, right to the letter; the ceiling is all of them."""
    score = house.house_score((model, tokenizer), n)
    score.name, score.floor, score.ceiling = name, floor, 1.0
    return score


def misses(score):
    """Returns the letters that a `house_score` has wrong as a table: wanted, said, and whether only the priority is.

    The index is the letter's number, so that the misses of two models can be compared.
    """
    wanted = [row["completion"] for row in house.house_rows(score.n, "test", seed=1)]
    table = pd.DataFrame({"wanted": wanted, "said": [answer.strip() for answer in score.answers]})
    table = table[[not right for right in score.correct]]
    wanted, said = (table[column].map(house.without_priority) for column in table)
    return table.assign(**{"only the priority": wanted == said})


def run(rank=0, seed=0, steps=STEPS, lr=None, name="base"):
    """Returns what one run measured: {"score", "loss", "seconds", "trainable"}, plain numbers for a JSON file.

    Rank 0 is full fine-tuning; its run has besides, for each kind of layer, such as "q_proj", the median rank for 90 %
    of the update's energy ("rank of q_proj"), and the score with the update cut to a rank ("score at rank 8").
    """
    base, tokenizer = load_model(name)
    model = copy.deepcopy(base)
    model = adapters.add_lora(model, rank, seed=seed) if rank else model
    rate = lr or (LORA_RATE if rank else FULL_RATE)
    data = house_data(tokenizer, seed)
    records = train(model, data, steps=steps, lr=rate, batch_size=BATCH, seed=seed, progress=False)
    found = {
        "score": house_score(model, tokenizer).mean,
        "loss": round(statistics.mean(r["loss"] for r in records[-10:]), 4),
        "seconds": round(records[-1]["seconds"], 1),
        "trainable": adapters.count(model)["trainable"],
    }
    if not rank:
        update = adapters.differences(base, model)
        found |= {f"rank of {kind}": rank for kind, rank in kind_ranks(update).items()}
        cuts = {cut: with_cut(base, update, cut) for cut in CUTS}
        found |= {f"score at rank {cut}": house_score(m, tokenizer).mean for cut, m in cuts.items()}
    return found


def kind_ranks(update, share=0.9):
    """Returns {kind of layer: median over its layers of the rank that holds `share` of the update's energy}."""
    kinds = {}
    for name, delta in update.items():
        kinds.setdefault(name.rsplit(".", 1)[-1], []).append(adapters.energy_rank(delta, share))
    return {kind: statistics.median(ranks) for kind, ranks in kinds.items()}


@torch.no_grad()
def with_cut(base, update, rank):
    """Returns a copy of the base with the update of each linear layer added, cut to a rank by its SVD."""
    model = copy.deepcopy(base)
    for name, delta in update.items():
        left, values, right = torch.linalg.svd(delta, full_matrices=False)
        model.get_submodule(name).weight += (left[:, :rank] * values[:rank]) @ right[:rank]
    return model


def stored():
    """Returns the stored runs as a table: rank (0 is full), seed, score, loss, seconds, and what full runs add."""
    return read_sweep(RESULTS / "seeds")
