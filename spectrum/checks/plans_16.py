"""Plans for cards that nobody has seen, for lab 16: what they need, what they cost, and the best of all."""

import bisect
import functools
import itertools
import json
import math

from transformers import LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config

from spectrum import adapters
from spectrum.checks.gate import expect, short
from spectrum.ledger import ledger

RANK, LENGTH, LEFT = 16, 2048, 0.95  # of every plan, and the share of the free bytes that may be used
CHOICES = {"method": ("lora", "qlora"), "batch": range(1, 33), "checkpointing": (False, True),
           "optimizer_bits": (32, 8)}  # fmt: skip
NEAR = 1.03  # times the best
KINDS = (LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config)


def needed(config, settings):
    """Returns the bytes that a plan needs at once: the ledger's peak, for rows of 2,048 tokens and rank 16."""
    return _peak(type(config), config.to_json_string(use_diff=False), *(settings[name] for name in CHOICES))


@functools.cache
def _peak(kind, text, method, batch, checkpointing, optimizer_bits):
    """Returns the ledger's peak for a config that is given as text."""
    config, options = kind.from_dict(json.loads(text)), {"checkpointing": checkpointing, "rank": RANK}
    return ledger(config, method, batch=batch, length=LENGTH, optimizer_bits=optimizer_bits, **options)["peak"]


def seconds_per_token(config, settings):
    """Returns what a token costs: 4 operations a weight, 10¹⁴ of them a second; more with what saves memory.

    QLoRA restores each weight before it is used, which takes 27 % more; checkpointing's second forward pass takes 45 %
    more. And each step costs as much as 1,000 tokens whatever is in it, 1,100 with moments in 8 bits.
    """
    weights = sum(p.numel() for p in adapters.empty_model(config).parameters())
    slower = {"lora": 1.0, "qlora": 1.27}[settings["method"]] * (1.45 if settings["checkpointing"] else 1.0)
    beside = {32: 1000, 8: 1100}[settings["optimizer_bits"]] / (settings["batch"] * LENGTH)
    return 4 * weights / 1e14 * (slower + beside)


def plans_of(batches):
    """Returns every plan with one of these batches."""
    choices = CHOICES | {"batch": batches}
    return [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]


def largest_batch(config, plan, room):
    """Returns the plan with the most rows that fit into so many bytes, or None: more rows need more."""
    rows = bisect.bisect_right(CHOICES["batch"], room, key=lambda rows: needed(config, plan | {"batch": rows}))
    return plan | {"batch": rows} if rows else None


def best_plan(config, free):
    """Returns (the fastest plan that fits, its seconds a token), or (None, None): the larger the batch, the faster."""
    fit = [plan for plan in (largest_batch(config, each, LEFT * free) for each in plans_of([1])) if plan]
    best = min(fit, key=lambda plan: seconds_per_token(config, plan), default=None)
    return best, best and seconds_per_token(config, best)


# ---- cards and models ----

WIDE = LlamaConfig(hidden_size=10240, intermediate_size=28672, num_hidden_layers=12, num_attention_heads=80,
                   num_key_value_heads=8, vocab_size=32000, tie_word_embeddings=False)  # fmt: skip
TINY = Qwen3Config(hidden_size=256, intermediate_size=512, num_hidden_layers=3, num_attention_heads=4, head_dim=64,
                   num_key_value_heads=2, vocab_size=600)  # fmt: skip


def drawn_config(rng):
    """Returns a config of the Llama family of drawn sizes, of half a billion weights to some ten billions."""
    heads = int(rng.integers(8, 64))
    groups = next(n for n in (8, 4, 2, 1) if heads % n == 0)
    hidden = 128 * heads
    sizes = {"hidden_size": hidden, "intermediate_size": 64 * int(hidden * rng.uniform(2, 4) / 64),
             "num_hidden_layers": int(rng.integers(10, 40)), "num_attention_heads": heads, "head_dim": 128,
             "num_key_value_heads": groups, "vocab_size": 1000 * int(rng.integers(30, 155))}  # fmt: skip
    return KINDS[int(rng.integers(len(KINDS)))](**sizes, tie_word_embeddings=bool(rng.integers(2)))


def free_bytes(config, rng):
    """Returns [free bytes] of cards on which the plans of a model differ: from nothing fits to everything does."""
    needs = sorted({needed(config, plan) for plan in plans_of([1, 3, 16])})
    exact = [room_for(size) for size in needs[::5]]
    drawn = [int(needs[0] * math.exp(rng.uniform(0.1, 4.0))) for _ in range(5)]
    return [*exact, exact[1] - 4, exact[2] - 4, *drawn, 1000 * needs[-1], room_for(needs[0]) - 4, 10**6]


def every_edge(config):
    """Returns free bytes of cards on each of which one more plan fits than on the one before, or just does not."""
    needs = sorted({needed(config, plan) for plan in plans_of([1, 2, 3, 13, 32])})
    return [room_for(size) - 4 * (number % 4 == 3) for number, size in enumerate(needs)]


def room_for(size):
    """Returns free bytes of which LEFT is room for `size` bytes, by one byte or two, however it is rounded."""
    return int(size / LEFT) + 2


def expect_plan(plan, config, free):
    """Raises unless a learner's plan fits a card and is nearly the fastest that does, or says that nothing fits."""
    best, least = best_plan(config, free)
    where = f"{sum(p.numel() for p in adapters.empty_model(config).parameters()) / 1e9:.2f} billion weights of " \
            f"{type(config).__name__.removesuffix('Config')}, {free / 1e9:.3f} GB free"  # fmt: skip
    try:
        found = plan(config, free)
    except MemoryError:
        expect(best is None, f"{where}: a MemoryError, but {best} fits", "Is every setting tried, alone and together?")
        return
    expect(best is not None, f"{where}: expected a MemoryError, got {short(found)}",
           "Nothing fits. Whoever trains has to know before the model is loaded.")  # fmt: skip
    known = isinstance(found, dict) and found.keys() == CHOICES.keys() and all(
        found[name] in values for name, values in CHOICES.items())  # fmt: skip
    expect(known, f"{where}: expected one of the choices for each of {list(CHOICES)}, got {short(found, 120)}",
           f"The choices are {CHOICES}.")  # fmt: skip
    size, room = needed(config, found), LEFT * free
    expect(size <= room, f"{where}: {found} needs {size / 1e9:.3f} GB, and {room / 1e9:.3f} GB may be used",
           "Ask the ledger for its peak, and leave one twentieth of the free bytes.")  # fmt: skip
    ratio = seconds_per_token(config, found) / least
    expect(ratio <= NEAR, f"{where}: {found} takes {100 * ratio - 100:.1f} % longer than the best, {best}",
           slower_hint(found, best))  # fmt: skip


def slower_hint(found, best):
    """Returns what makes a plan slower than the best."""
    if found["method"] == "qlora" and best["method"] == "lora":
        return "QLoRA saves memory and costs time. Here LoRA fits: is there a need to save?"
    if found["checkpointing"] and not best["checkpointing"]:
        return "Checkpointing saves memory and costs time. Here it is not needed."
    if found["batch"] < best["batch"]:
        return "More rows share what a step costs anyway, and they fit."
    return "What does each plan that fits cost, and which costs least?"
