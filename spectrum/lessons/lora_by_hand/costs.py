"""What a step of training and a written token cost: operations, seconds and bytes, of several models in turn."""

import statistics
import time

import torch
from torch.utils.flop_counter import FlopCounterMode

from spectrum import adapters


def timed(function):
    """Returns the seconds that a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def in_turn(calls, rounds):
    """Returns {name: median seconds} of calls that are made in turn, so that a busy moment hits them all alike."""
    clock = [{name: timed(call) for name, call in calls.items()} for _ in range(rounds)]
    return {name: statistics.median(each[name] for each in clock) for name in calls}


def step_flops(model, batch):
    """Returns the floating-point operations of one forward and backward pass.

    On a CPU they are counted without attention's own products, which are the same in full and by LoRA.
    """
    counter = FlopCounterMode(display=False)
    with counter:
        model(**batch, use_cache=False).loss.backward()
    model.zero_grad()
    return counter.get_total_flops()


def stepper(model, batch):
    """Returns a function that makes one whole step of training by AdamW, at a rate too small to move anything."""
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-9)

    def step():
        model(**batch, use_cache=False).loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def step_seconds(models, batch, rounds=5):
    """Returns {name: median seconds of a whole step of training} of models that are trained in turn."""
    return in_turn({name: stepper(model, batch) for name, model in models.items()}, rounds)


def token_seconds(models, ids, tokens=24, rounds=5):
    """Returns {name: median seconds for one token} of models that go on writing after the ids (1, T) in turn."""
    limits = {"max_new_tokens": tokens, "min_new_tokens": tokens, "do_sample": False}
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    calls = {name: lambda model=model: model.generate(**inputs, **limits) for name, model in models.items()}
    return {name: seconds / tokens for name, seconds in in_turn(calls, rounds).items()}


def step_cost(model, batch):
    """Returns {"numbers trained", "AdamW, MB", "both passes, s"} of a model: counted, counted, and timed.

    AdamW keeps two averages of 32 bits for each number; they are counted and not made, since they take a gigabyte for a
    model of 135 million. The time is the shorter of two forward and backward passes; one before warms the memory up.
    """

    def passes():
        model(**batch, use_cache=False).loss.backward()
        model.zero_grad()

    passes()
    trained = adapters.count(model)["trainable"]
    return {
        "numbers trained": trained,
        "AdamW, MB": round(8 * trained / 1e6, 1),
        "both passes, s": round(min(timed(passes) for _ in range(2)), 2),
    }
