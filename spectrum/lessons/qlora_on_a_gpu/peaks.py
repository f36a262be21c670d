"""What one training step takes, measured: how a model is loaded and trained by each method, and the peak of a step."""

import math
import multiprocessing
import os
import statistics
import time
from concurrent.futures import ProcessPoolExecutor

import torch

from spectrum import adapters
from spectrum.examples import IGNORE
from spectrum.ledger import ledger
from spectrum.losses import batch_loss, large_head
from spectrum.memory import forget_peak, held_by, peak_memory, peak_of_tensors
from spectrum.models import load_model
from spectrum.passes import autocast
from spectrum.provenance import provenance
from spectrum.quantize import checkpoint_layers, load_quantized
from spectrum.train import split

NAME, RANK, RATE = "smollm2", 16, 1e-3


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


# ---- 16 bits of two kinds ----


def formats(parts=(1, 16, 256), scale=2.0**16, name=NAME):
    """Returns what 16 bits make of the gradients of a LoRA, against those in 32: {"rows", "provenance"}.

    A row is {"format", "parts", "scaled", "zero", "error"}: the loss of one chat is divided by `parts`, as where a
    batch is computed in so many, and where "scaled" multiplied by `scale` for the way back. "zero" is the share of the
    gradients of B that came out as 0, and "error" the size of the difference to those in 32 bits, as a share of theirs;
    None where one of them is no number, since the factor was too large.
    """
    model, tokenizer = load_model(name, dtype="float32")
    model = adapters.add_lora(model, RANK).train()
    ids = tokenizer("Message: It arrived late, and one lamp is broken.\nMood: negative", return_tensors="pt")[
        "input_ids"
    ]
    kinds = {"float32": (None, 1.0), "bfloat16": ("bf16", 1.0), "float16": ("fp16", 1.0), "scaled": ("fp16", scale)}
    rows, exact = [], None
    for divided in parts:
        for kind, (precision, factor) in kinds.items():
            found = gradients_of(model, ids, precision, factor / divided) * divided / factor
            exact = found if kind == "float32" else exact
            row = {"format": kind.replace("scaled", "float16"), "parts": divided, "scaled": kind == "scaled"}
            error = float((found - exact).norm() / exact.norm())
            row |= {"zero": float((found == 0).float().mean()), "error": error if math.isfinite(error) else None}
            rows.append(row)
    return {"rows": rows, "provenance": provenance(model, name)}


def gradients_of(model, ids, precision, factor):
    """Returns the gradients of every B of a LoRA, in one tensor (n,), of a loss times a factor."""
    model.zero_grad(set_to_none=True)
    with autocast(precision, ids.device):
        loss = model(ids, labels=ids, use_cache=False).loss
    (loss * factor).backward()
    return torch.cat([p.grad.flatten() for n, p in model.named_parameters() if "lora_B" in n])
