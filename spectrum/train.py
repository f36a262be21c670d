"""The one training loop of the course: full fine-tuning or adapters, masked loss, packed batches, resumable.

Built by hand in notebooks/07_instruction_tuning.ipynb.
"""

import hashlib
import json
import math
import time
import warnings
from pathlib import Path

import torch
from tqdm.auto import tqdm

from spectrum.examples import pack
from spectrum.losses import batch_loss, count_labels, large_head
from spectrum.passes import DTYPES, HALVES, autocast, quick_passes
from spectrum.traits import traits_of, virtual_tokens


def batch_order(count, batch_size, steps, seed, shuffle=True):
    """Yields `steps` lists of example indices; each pass over the data has its own order, fixed by the seed."""
    order, epoch = [], 0
    for _ in range(steps):
        while len(order) < batch_size:
            generator = torch.Generator().manual_seed(seed + 1000003 * epoch)
            order += torch.randperm(count, generator=generator).tolist() if shuffle else list(range(count))
            epoch += 1
        yield order[:batch_size]
        order = order[batch_size:]


def learning_rate(step, steps, peak, warmup, schedule):
    """Returns the rate of a step (from 0): a linear rise over `warmup` steps, then one of four schedules.

    "constant", "linear" to 0, "cosine" to 0, or "trapezoid": constant, then a linear fall over the last 45 %.
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    if schedule == "constant":
        return peak
    if schedule == "trapezoid":
        return peak * min(1.0, (1 - done) / 0.45)
    if schedule == "linear":
        return peak * (1 - done)
    if schedule == "cosine":
        return peak * (1 + math.cos(math.pi * done)) / 2
    raise ValueError(f"schedule must be 'constant', 'linear', 'cosine' or 'trapezoid', not {schedule!r}")


def make_optimizer(model, lr, weight_decay, betas):
    """Returns AdamW over the trainable parameters; weight decay touches matrices only."""
    trainable = [p for p in model.parameters() if p.requires_grad]
    if not trainable:
        raise ValueError("the model has no trainable parameters; unfreeze some, or add an adapter, before training")
    groups = [
        {"params": [p for p in trainable if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trainable if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=lr, betas=betas, fused=True)


def train(model, examples, steps=None, epochs=None, lr=1e-3, batch_size=16, length=512, seed=0, warmup=0.05,
          schedule="cosine", weight_decay=0.0, betas=(0.9, 0.99), clip=1.0, shuffle=True, precision=None,
          compiled=False, accumulate=1, recompute=False, optimizer=None, evaluate=None, evaluate_every=None,
          checkpoint=None, checkpoint_every=200, watch=None, progress=None):  # fmt: skip
    """Trains the model's trainable parameters in place and returns one record per step.

    A record holds step, loss (nats per token), lr, gradient_norm, tokens (in the loss) and seconds (since the start),
    and whatever `evaluate(model)` returns, every `evaluate_every` steps and at the end. One of `steps` and `epochs` is
    given. `precision` is None (the model's own), "bf16" or "fp16": autocast, for "fp16" with a scaled loss; trainable
    weights must be in float32. Examples share rows of `length` tokens; where the model does not keep them apart, each
    has its own, and a warning says so. For want of memory, `accumulate` computes a batch in that many parts, to one
    gradient, and `recompute` keeps only each block's input for the way back (gradient checkpointing, Chen et al. 2016,
    arXiv 1604.06174). `optimizer`, made from the model, replaces AdamW; its rate is set all the same.
    With `checkpoint`, a file path, the state is saved every `checkpoint_every` steps; the same call then goes on after
    a kill, to the same result. `watch(records)`, where given, is called after every step with the records so far, and
    ends the training where it returns True. Raises ValueError for settings that cannot work and for another run's
    checkpoint.
    """
    steps = count_steps(steps, epochs, len(examples), batch_size, lr)
    rise = max(1, round(warmup * steps)) if warmup < 1 else int(warmup)
    learning_rate(rise, steps, lr, rise, schedule)  # an unknown schedule is refused now, not after the warm-up
    if checkpoint_every < 1:
        raise ValueError(f"checkpoint_every must be at least 1, not {checkpoint_every}")
    if not 1 <= accumulate <= batch_size:
        raise ValueError(f"accumulate must be from 1 to batch_size={batch_size}, not {accumulate}")
    device, scaler = next(model.parameters()).device, make_scaler(model, precision)
    together, head = keeps_apart(model), None if compiled else large_head(model)
    optimizer = optimizer or make_optimizer(model, lr, weight_decay, betas)
    mark = fingerprint(
        examples, steps=steps, lr=lr, batch_size=batch_size, length=length, seed=seed, warmup=warmup, schedule=schedule,
        weight_decay=weight_decay, betas=list(betas), clip=clip, shuffle=shuffle, precision=precision,
        **({"accumulate": accumulate} if accumulate > 1 else {}))  # fmt: skip
    torch.manual_seed(seed)  # dropout, where an adapter has it
    found = checkpoint and Path(checkpoint).exists()
    records = load_checkpoint(checkpoint, model, optimizer, scaler, mark) if found else []
    forward = torch.compile(model, dynamic=False) if compiled else model
    if recompute:
        recomputing(model, True)
    before = records[-1]["seconds"] if records else 0.0
    start, done = time.perf_counter(), len(records)
    if records and watch and watch(records):  # it was ended before it was killed
        done = steps
    model.train()
    optimizer.zero_grad(set_to_none=True)  # what a backward() by hand may have left
    hidden = not (steps > 20 if progress is None else progress)
    bar = tqdm(total=steps, initial=done, desc="training", disable=hidden, mininterval=1.0)
    for step, chosen in enumerate(batch_order(len(examples), batch_size, steps, seed, shuffle)):
        if step < done:
            continue
        batches = [
            {k: v.to(device) for k, v in pack([examples[i] for i in part], length, together, head is not None).items()}
            for part in split(chosen, accumulate)
        ]
        rate = learning_rate(step, steps, lr, rise, schedule)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss, norm = update(forward, model, optimizer, scaler, batches, clip, precision, head)
        tokens, seconds = sum(map(count_labels, batches)), before + time.perf_counter() - start
        record = {"step": step + 1, "loss": loss, "lr": rate, "gradient_norm": norm}
        records.append({**record, "tokens": tokens, "seconds": seconds})
        if not math.isfinite(loss):
            raise ValueError(f"step {step + 1}: the loss is {loss}; lower lr (now {lr}) or check the data")
        if evaluate and (step + 1 == steps or evaluate_every and (step + 1) % evaluate_every == 0):
            model.eval()
            records[-1].update(evaluate(model))
            model.train()
        if checkpoint and ((step + 1) % checkpoint_every == 0 or step + 1 == steps):
            save_checkpoint(checkpoint, model, optimizer, scaler, mark, records)
        bar.update(1)
        bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
        if watch and watch(records):
            break
    bar.close()
    if recompute:
        recomputing(model, False)
    model.eval()
    return records


def keeps_apart(model):
    """Returns whether packed examples stay apart in the model, as tried on it; warns where they do not."""
    if traits_of(model).packs and not virtual_tokens(model):
        return True
    warnings.warn(
        f"{type(model).__name__}: packed examples would see each other, so each has a row of its own; padding takes "
        "the rest, and examples of like lengths train faster",
        stacklevel=3,
    )
    return False


def make_scaler(model, precision):
    """Returns the scaler of the loss for "fp16", whose small gradients would round to zero; for others one that rests.

    Raises ValueError for an unknown precision, and where what is trained is itself in 16 bits: in float16 it overflows
    within a few steps, and in bfloat16 a step of 1e-5 is rounded away (a loss of 3.8 where float32 has 1.7).
    """
    if precision not in DTYPES:
        raise ValueError(f"precision must be None, 'bf16' or 'fp16', not {precision!r}")
    halves = [(name, p) for name, p in model.named_parameters() if p.requires_grad and p.dtype in HALVES]
    if halves:
        name, dtype = halves[0][0], str(halves[0][1].dtype).removeprefix("torch.")
        raise ValueError(
            f"train wants trainable weights in float32, but {name!r} is {dtype}, where small steps round away: load "
            "the model with dtype='float32', or leave it as it is and train a LoRA, whose own weights are float32"
        )
    return torch.amp.GradScaler(next(model.parameters()).device.type, enabled=precision == "fp16")


def update(forward, model, optimizer, scaler, batches, clip, precision, head=None):
    """Does one optimizer step over the batches together; returns (loss, gradient norm before clipping) as floats."""
    counts, total = [count_labels(batch) for batch in batches], 0.0
    for batch, count in zip(batches, counts, strict=True):
        with quick_passes(model, precision, batch):
            with autocast(precision, batch["input_ids"].device):
                loss = batch_loss(forward, batch, head) * (count / max(1, sum(counts)))  # of a mean over their labels
            scaler.scale(loss).backward()
        total += loss.item()
    scaler.unscale_(optimizer)
    norm = torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], clip)
    scaler.step(optimizer)
    scaler.update()
    optimizer.zero_grad(set_to_none=True)
    return total, norm.item()


def recomputing(model, on):
    """Switches gradient checkpointing of a transformers model on or off; it has another name from 5.23 on."""
    kind = "activation" if hasattr(model, "activation_checkpointing_enable") else "gradient"
    switch = getattr(model, f"{kind}_checkpointing_{'enable' if on else 'disable'}")
    switch({"use_reentrant": False}) if on else switch()


def split(chosen, parts):
    """Returns a list cut into that many parts of nearly the same length, in order."""
    cuts = [round(i * len(chosen) / parts) for i in range(parts + 1)]
    return [chosen[a:b] for a, b in zip(cuts, cuts[1:], strict=False)]


def count_steps(steps, epochs, count, batch_size, lr):
    """Returns the number of steps, or raises ValueError for settings that cannot work."""
    if count == 0:
        raise ValueError("no examples to train on")
    if (steps is None) == (epochs is None):
        raise ValueError("give either steps or epochs")
    if batch_size < 1 or lr <= 0:
        raise ValueError(f"batch_size must be at least 1 and lr above 0, not {batch_size} and {lr}")
    steps = steps if steps is not None else math.ceil(epochs * count / batch_size)
    if steps < 1:
        raise ValueError(f"there is nothing to do in {steps} steps")
    return steps


def fingerprint(examples, **settings):
    """Returns a checksum of the data and the settings: a checkpoint is only resumed by the run that wrote it.

    A list of examples is read whole; of anything else, such as a memory map too large for that, about 64 examples.
    """
    stride = 1 if isinstance(examples, list) else max(1, len(examples) // 64)
    sample = []
    for i in range(0, len(examples), stride):
        ids, labels = (list(map(int, examples[i][name])) for name in ("input_ids", "labels"))
        sample.append(ids if labels == ids else [ids, labels])
    return hashlib.sha256(json.dumps([len(examples), sample, settings], sort_keys=True).encode()).hexdigest()


def save_checkpoint(path, model, optimizer, scaler, mark, records):
    """Writes the whole state of a run to one file, in place of the last only once it is complete."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {
        "mark": mark,
        "records": records,
        "optimizer": optimizer.state_dict(),
        "scaler": scaler.state_dict(),
        "rng": torch.get_rng_state(),
        "cuda_rng": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "weights": {n: p.detach() for n, p in model.named_parameters() if p.requires_grad},
    }
    torch.save(state, path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)


def load_checkpoint(path, model, optimizer, scaler, mark):
    """Puts a saved state into model and optimizer; returns the records up to it. ValueError if another run's."""
    state = torch.load(path, map_location=next(model.parameters()).device, weights_only=True)
    if state["mark"] != mark:
        raise ValueError(f"{path} belongs to a run with other data or settings; delete it to start anew, or rename it")
    own = {n: p for n, p in model.named_parameters() if p.requires_grad}
    if own.keys() != state["weights"].keys():
        raise ValueError(
            f"{path} holds other parameters than this model trains; delete it, or load the model it was made with"
        )
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(state["weights"][name])
    optimizer.load_state_dict(state["optimizer"])
    if state["scaler"]:
        scaler.load_state_dict(state["scaler"])
    torch.set_rng_state(state["rng"].cpu())
    if state.get("cuda_rng"):  # dropout on a GPU draws from its own generator
        torch.cuda.set_rng_state_all([rng.cpu() for rng in state["cuda_rng"]])
    return state["records"]
