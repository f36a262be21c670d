"""Lesson 15 on SmolLM2: what four bits take from it, and planted facts learned over both bases.

`run` is one run of the stored sweeps; `REAL` holds their settings, and `make real` runs them.
"""

import torch

from spectrum import adapters
from spectrum.evaluate import mean_loss
from spectrum.examples import tokenize_rows
from spectrum.lessons.lora_rank import runs as rank_runs
from spectrum.lessons.lora_rank.runs import grid
from spectrum.lessons.qlora.runs import RESULTS, over_rounded
from spectrum.models import load_model
from spectrum.provenance import provenance
from spectrum.quantize import load_quantized
from spectrum.sweeps import read_sweep
from spectrum.train import DTYPES, precision_of, train

RANK, ALPHA, RATE, FACTS = 16, 16, 1e-3, 256
REAL = {
    "untuned": grid(name=("smollm2",), rounded=(False, True)),
    "facts": grid(name=("smollm2",), rounded=(False, True), rank=(RANK,), lr=(RATE,), seed=(0,)),
}


def run(name="smollm2", rounded=False, rank=0, lr=RATE, count=FACTS, steps=None, seed=0):
    """Returns what one run measured, plain numbers: a model as it is or in NF4, untuned (rank 0) or with a LoRA.

    Always "protected" (the share of general knowledge) and "bits per byte" of English prose. With a rank, the model
    learns `count` planted facts: "score" is the share recalled, "loss" in nats per completion token, "seconds" those of
    the training. A LoRA over the base as it is, is asked once more over the rounded base ("score moved", "loss moved").
    """
    model, tokenizer = load_quantized(name, device="cpu") if rounded else load_model(name, "cpu")
    precision, found = precision_of(model.dtype), {}
    if rank:
        model = adapters.add_lora(model, rank, ALPHA, seed=seed)
        rows, items = rank_runs.material("facts", count, seed)
        settings = rank_runs.settings_of("facts", count) | ({"steps": steps} if steps else {})
        examples = tokenize_rows(tokenizer, rows)
        records = train(model, examples, lr=lr, seed=seed, progress=False, precision=precision, **settings)
        found |= {"seconds": round(records[-1]["seconds"], 1), "n": count}
    with torch.autocast(model.device.type, dtype=DTYPES[precision], enabled=precision is not None):
        if rank:
            found |= {"score": rank_runs.recall(model, tokenizer, items), "loss": mean_loss(model, tokenizer, rows)}
        if rank and not rounded:
            moved = over_rounded(model, name)
            found["score moved"] = rank_runs.recall(moved, tokenizer, items)
            found["loss moved"] = mean_loss(moved, tokenizer, rows)
        found |= rank_runs.kept(model, tokenizer, 1, name)
    return found | {"provenance": {**provenance(model, name), "passes": precision or "as loaded"}}


def stored(name):
    """Returns the stored runs of a grid of REAL as a table: the arguments of `run` and what it measured."""
    return read_sweep(RESULTS / "real" / name)
