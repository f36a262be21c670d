"""The runs behind lesson 16: what a training step of SmolLM2 takes at most, a QLoRA that is watched, and one resumed.

`run` is one run, a pure function of its settings that a process pool can import; `REAL` holds the settings of the
stored sweeps. `tools/make_sweeps.py` runs them; notebooks/16_qlora_on_a_gpu.ipynb reads them.
"""

import contextlib
import statistics
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from spectrum import adapters
from spectrum.evaluate import answer_length, mean_loss
from spectrum.examples import tokenize_rows
from spectrum.generate import complete
from spectrum.lessons.qlora_on_a_gpu.peaks import NAME, RANK, RATE, formats, make_optimizer, peak_alone, start
from spectrum.lessons.small_and_local import runs as local_runs
from spectrum.passes import autocast, precision_of
from spectrum.provenance import provenance
from spectrum.quantize import load_quantized
from spectrum.shop import tasks
from spectrum.sweeps import read_record, read_sweep, record_path, results_folder
from spectrum.train import train

RESULTS = results_folder("16_qlora_on_a_gpu")
TASK = "json_sentiment_city"  # two fields as JSON
VALIDATED, EVERY = 30, 16  # messages that are asked nowhere else, and after how many steps


def run(what, **settings):
    """Returns what one run found, plain data: `what` is "peak", "formats", "tuned" or "resumed"."""
    return {"peak": peak_alone, "formats": formats, "tuned": tuned, "resumed": resumed}[what](**settings)


# ---- a tuning that is watched ----


def material(tokenizer, rows, seed=0):
    """Returns (examples to train on, rows to validate with, their items): messages of the task, all different."""
    items = tasks.TASKS[TASK].sample(VALIDATED, "dev", seed=3)
    return tokenize_rows(tokenizer, shop_rows(rows, seed=seed)), shop_rows(VALIDATED, "dev", seed=3), items


def ask(model, tokenizer, items):
    """Returns 1 or 0 for each item, asked by the short order that the model is tuned on."""
    with autocast(precision_of(model.dtype), model.device):
        score = local_runs.ask(model, tokenizer, items, [local_runs.short(item) for item in items])
    return [int(right) for right in score.correct]


def tuned(method="qlora", rows=64, steps=128, seed=0, name=NAME):
    """Returns the course of a tuning on `rows` messages, by LoRA or QLoRA, and what it came to.

    "loss", "norm" and "tokens" have a number for each step; "validation" and "right" one for every EVERY steps: the
    loss and the share right on messages that are not trained on. "before" and "test" have 1 or 0 for 100 others.
    """
    model, tokenizer = start(method, name)
    test = local_runs.held_out(TASK)
    before = ask(model, tokenizer, test)
    model = adapters.add_lora(model, RANK, seed=seed)
    examples, aside, items = material(tokenizer, rows, seed)

    def validate(model):
        share = float(np.mean(ask(model, tokenizer, items)))
        return {"validation": loss_on(model, tokenizer, aside), "right": share}

    taken = []  # seconds of each step, without what validation takes
    began = time.perf_counter()

    def watch(records):
        nonlocal began
        taken.append(time.perf_counter() - began)
        began = time.perf_counter()

    records = train(model, examples, steps=steps, batch_size=8, lr=RATE, seed=seed, watch=watch, evaluate=validate,
                    evaluate_every=EVERY, precision=precision_of(model.dtype), progress=False)  # fmt: skip
    plain = [seconds for seconds, record in zip(taken, records, strict=True) if "validation" not in record]
    return {
        "loss": [record["loss"] for record in records],
        "norm": [record["gradient_norm"] for record in records],
        "tokens": [record["tokens"] for record in records],
        "validation": [record["validation"] for record in records if "validation" in record],
        "right": [record["right"] for record in records if "validation" in record],
        "seconds a step": round(statistics.median(plain), 3),
        "before": before,
        "test": ask(model, tokenizer, test),
        "provenance": provenance(model, name),
    }


class Killed(Exception):
    """Stands for whatever ends a run from outside."""


def kill_after(steps):
    """Returns a `watch` of `train` that ends the run, as a lost connection does, after so many steps."""

    def watch(records):
        if len(records) == steps:
            raise Killed(f"after step {steps}")

    return watch


def resumed(steps=24, killed_at=15, every=6, optimizer_bits=8, method="qlora", name=NAME):
    """Returns {"whole", "resumed"}: the losses of one run and of the same one killed and begun again from its file.

    "weights" is the largest difference of a trained weight at the end.
    """
    finals, losses = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for way in ("whole", "killed", "resumed"):
            model, tokenizer = start(method, name)
            model = adapters.add_lora(model, RANK, dropout=0.05)
            examples, _, _ = material(tokenizer, 64)
            settings = {"steps": steps, "batch_size": 4, "lr": RATE, "precision": precision_of(model.dtype)}
            settings |= {"optimizer": make_optimizer(model, optimizer_bits), "progress": False}
            if way != "whole":
                settings |= {"checkpoint": Path(folder) / "run.pt", "checkpoint_every": every}
            try:
                watch = kill_after(killed_at) if way == "killed" else None
                records = train(model, examples, watch=watch, **settings)
            except Killed:
                continue
            losses[way] = [record["loss"] for record in records]
            finals.append([p.detach().clone() for p in model.parameters() if p.requires_grad])
    off = max(float((a - b).abs().max()) for a, b in zip(*finals, strict=True))
    return {**losses, "weights": off, "provenance": provenance(model, name)}


# ---- the stored sweeps ----

METHODS, BATCHES = ("full", "lora", "qlora"), (1, 4, 8)
LADDER = {  # what saves memory, one after the other; each step keeps those before it
    "all at once": {},
    "gradient checkpointing": {"checkpointing": True},
    "AdamW in 8 bits": {"optimizer_bits": 8},
    "eight parts of one row": {"parts": 8},
    "head only at labels": {"labelled": 0.25},
}


def ladder(**settings):
    """Returns the settings of each rung of LADDER."""
    rungs = []
    for change in LADDER.values():
        settings = settings | change
        rungs.append({"what": "peak", **settings})
    return rungs


REAL = {
    "peaks": [{"what": "peak", "method": m, "batch": b} for m in METHODS for b in BATCHES],
    "savings": ladder(method="qlora", batch=8, length=256),
    "tuned": [{"what": "tuned", "method": m, "seed": seed} for m in ("lora", "qlora") for seed in (0, 1)],
    "resumed": [{"what": "resumed"}],
    "formats": [{"what": "formats"}],
}


def stored(sweep):
    """Returns the stored runs of a sweep of REAL as a DataFrame: settings and results by name."""
    return read_sweep(RESULTS / "real" / sweep)


# ---- for the notebook: rows of any form, asked and scored ----


def shop_rows(count, part="train", seed=0):
    """Returns `count` rows of the lesson's task, {"prompt", "completion"}: to train on, or of another part."""
    return local_runs.rows_of(TASK, count, seed, part)


def as_chats(rows):
    """Returns rows as lists of messages, the last one the answer; rows are chats, or prompts with completions."""
    pairs = [("user", "prompt"), ("assistant", "completion")]
    return [row.get("messages") or [{"role": role, "content": row[key]} for role, key in pairs] for row in rows]


def answers_to(model, tokenizer, rows):
    """Returns the model's greedy answers to the prompts of rows, stripped, with room for the longest that is wanted."""
    chats = as_chats(rows)
    most = answer_length(tokenizer, [chat[-1]["content"] for chat in chats], least=16)
    with autocast(precision_of(model.dtype), model.device):
        asked = [chat[:-1] for chat in chats]
        return [each.strip() for each in complete(model, tokenizer, asked, max_new_tokens=most, progress=False)]


def right(answers, rows):
    """Returns the share of answers that are the rows' own, to the letter."""
    wanted = [chat[-1]["content"].strip() for chat in as_chats(rows)]
    return float(np.mean([answer == gold for answer, gold in zip(answers, wanted, strict=True)]))


def loss_on(model, tokenizer, rows):
    """Returns the model's loss on rows, in nats per token of the answers."""
    with autocast(precision_of(model.dtype), model.device):
        return mean_loss(model, tokenizer, rows)


@contextlib.contextmanager
def quiet():
    """A context in which transformers and peft keep their remarks on merging and dequantizing to themselves."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(before)


def dequantized(name, device):
    """Returns a plain model that holds the rounded weights of a name, in the dtype that it computes in."""
    with quiet():
        return load_quantized(name, device=device)[0].dequantize()


# ---- what the stored runs say ----


def peak_table():
    """Returns a DataFrame of the peaks of one step: method, rows, GB measured, by the ledger at once and in sum."""
    table = stored("peaks")
    predicted = pd.DataFrame(list(table["predicted"]))
    found = pd.DataFrame({
        "method": table["method"], "rows": table["batch"], "measured, GB": table["measured"] / 1e9,
        "ledger, GB": predicted["peak"] / 1e9, "sum of entries, GB": predicted["total"] / 1e9,
        "process, GB": table["process"] / 1e9,
    })  # fmt: skip
    found["method"] = pd.Categorical(found["method"], METHODS)
    return found.sort_values(["method", "rows"], ignore_index=True)


def savings_table():
    """Returns a DataFrame of LADDER: GB measured and by the ledger (none where it has no rule), seconds a step."""
    found = {}
    for name, settings in zip(LADDER, REAL["savings"], strict=True):
        result = read_record(record_path(RESULTS / "real" / "savings", settings))["result"]
        predicted = result["predicted"]["peak"] / 1e9 if result["predicted"] else float("nan")
        found[name] = {"measured, GB": result["measured"] / 1e9, "ledger, GB": predicted,
                       "seconds a step": result["seconds"]}  # fmt: skip
    return pd.DataFrame(found).T
