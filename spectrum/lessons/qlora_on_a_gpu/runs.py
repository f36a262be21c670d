"""The runs behind lesson 16: what a training step of SmolLM2 takes at most, a QLoRA that is watched, and one resumed.

`run` is one run, a pure function of its settings that a process pool can import; `REAL` holds the settings of the
stored sweeps. `tools/make_sweeps.py` runs them; notebooks/16_qlora_on_a_gpu.ipynb reads them.
"""

import multiprocessing
import os
import statistics
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import torch

from spectrum import adapters
from spectrum.evaluate import mean_loss
from spectrum.examples import IGNORE, tokenize_rows
from spectrum.ledger import ledger
from spectrum.lessons.small_and_local import runs as local_runs
from spectrum.losses import batch_loss, large_head
from spectrum.memory import forget_peak, held_by, peak_memory, peak_of_tensors
from spectrum.models import load_model
from spectrum.passes import autocast, precision_of
from spectrum.provenance import provenance
from spectrum.quantize import checkpoint_layers, load_quantized
from spectrum.shop import tasks
from spectrum.sweeps import read_sweep, results_folder
from spectrum.train import split, train

RESULTS = results_folder("16_qlora_on_a_gpu")
NAME, TASK, RANK, RATE = "smollm2", "json_sentiment_city", 16, 1e-3
VALIDATED, EVERY = 30, 16  # messages that are asked nowhere else, and after how many steps


def run(what, **settings):
    """Returns what one run found, plain data: `what` is "peak", "tuned" or "resumed", a function of this module."""
    return {"peak": peak_alone, "tuned": tuned, "resumed": resumed}[what](**settings)


def start(method, name=NAME):
    """Returns (model, tokenizer): float32 to be trained in full, as the machine computes fastest for a LoRA, or NF4."""
    if method == "qlora":
        return load_quantized(name)
    return load_model(name, dtype="float32" if method == "full" else None)


def make_optimizer(model, bits=32):
    """Returns AdamW over what a model trains, its moments in 32 or, by bitsandbytes, in 8 bits; on a GPU paged."""
    import bitsandbytes

    trained = [p for p in model.parameters() if p.requires_grad]
    if bits == 32:
        return torch.optim.AdamW(trained, lr=RATE, fused=True)
    kind = bitsandbytes.optim.PagedAdamW8bit if trained[0].is_cuda else bitsandbytes.optim.AdamW8bit
    return kind(trained, lr=RATE)


# ---- the peak of one step ----


def peak_alone(**settings):
    """Returns what `peak` does, measured in a process of its own, so that nothing else is in its memory."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(peak, **settings).result()


def peak(method, batch, length=128, checkpointing=False, optimizer_bits=32, parts=1, labelled=1.0, name=NAME):
    """Returns what one training step takes: {"measured", "predicted", "process"} in bytes, "seconds", "provenance".

    The batch of random tokens is computed in `parts`, to one gradient. With `labelled` below 1 only so large a share of
    each row, its end, has labels, and the head is computed there alone; the ledger has no rule for that (None).
    "measured" are the tensors: those that stay, and the most that were there beside them at once. "process" is the most
    that the process held, libraries and all, beyond what it held before the model was loaded.
    """
    torch.ones(64, 64) @ torch.ones(64, 64)
    before = peak_memory(os.getpid())
    model, _ = start(method, name)
    bits = 8 * model.dtype.itemsize
    model = model if method == "full" else adapters.add_lora(model, RANK)
    if checkpointing:
        checkpoint_layers(model)
        model.enable_input_require_grads()
    optimizer = make_optimizer(model.train(), optimizer_bits)
    rows = random_rows(model, batch, length, labelled)

    def step():
        one_step(model, optimizer, rows, parts, labelled < 1)

    step()  # makes the moments
    forget_peak()
    seconds = [seconds_of(step) for _ in range(3)]
    settings = {"rank": RANK, "batch": batch // parts, "length": length, "bits": bits}
    settings |= {"checkpointing": checkpointing, "optimizer_bits": optimizer_bits}
    return {
        "measured": held_by(model, optimizer) + peak_of_tensors(step, model.device),
        "process": peak_memory(os.getpid()) - before,
        "predicted": ledger(model.config, method, **settings) if labelled == 1 else None,
        "seconds": round(statistics.median(seconds), 3),
        "provenance": provenance(model, name),
    }


def random_rows(model, batch, length, labelled):
    """Returns a batch of random tokens, {"input_ids", "labels", "position_ids"}, with labels on the end of each row."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(100, model.config.vocab_size, (batch, length), generator=generator)
    labels = ids.masked_fill(torch.arange(length) < round((1 - labelled) * length), IGNORE)
    found = {"input_ids": ids, "labels": labels, "position_ids": torch.arange(length).expand(batch, -1)}
    return {name: value.to(model.device) for name, value in found.items()}


def one_step(model, optimizer, rows, parts, at_labels):
    """Does one step of the optimizer over rows, in parts."""
    head = large_head(model) if at_labels else None
    for part in split(list(range(len(rows["input_ids"]))), parts):
        loss = batch_loss(model, {name: value[part] for name, value in rows.items()}, head) / parts
        loss.backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def seconds_of(call):
    """Returns the seconds that a call took."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


# ---- a tuning that is watched ----


def material(tokenizer, rows, seed=0):
    """Returns (examples to train on, rows to validate with, their items): messages of the task, all different."""
    items = tasks.TASKS[TASK].sample(VALIDATED, "dev", seed=3)
    aside = [{"prompt": local_runs.short(item)[0]["content"], "completion": item.gold} for item in items]
    return tokenize_rows(tokenizer, local_runs.rows_of(TASK, rows, seed)), aside, items


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
    precision = precision_of(model.dtype)

    def validate(model):
        with autocast(precision, model.device):
            loss = mean_loss(model, tokenizer, aside)
        return {"validation": loss, "right": float(np.mean(ask(model, tokenizer, items)))}

    taken = []  # seconds of each step, without what validation takes
    began = time.perf_counter()

    def watch(records):
        nonlocal began
        taken.append(time.perf_counter() - began)
        began = time.perf_counter()

    records = train(model, examples, steps=steps, batch_size=8, lr=RATE, seed=seed, precision=precision, watch=watch,
                    evaluate=validate, evaluate_every=EVERY, progress=False)  # fmt: skip
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
    import tempfile
    from pathlib import Path

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
}


def stored(sweep):
    """Returns the stored runs of a sweep of REAL as a DataFrame: settings and results by name."""
    return read_sweep(RESULTS / "real" / sweep)
