"""Checks of labs/12_lora_rank.ipynb."""

import copy
from functools import cache

import numpy as np
import pandas as pd
import torch

from spectrum import adapters
from spectrum.checks.machinery import CheckFailed, check, expect, expect_close, expect_reason, fresh_seed
from spectrum.lessons.lora_rank import runs as rank_runs
from spectrum.models import load_model

MOST = 90_000  # trainable numbers of the open task: room for rank 4 on all linear layers of lumen-base
FACTS, STEPS = 256, 96
GOAL = 0.4  # rank 4 has 25 to 31 % at the lesson's rate, 79 to 100 % at twice that
PLACES = ("attention", "mlp", "all-linear")


@cache
def base_model():
    """Returns the base model; checks only read its shapes."""
    return load_model("base")[0]


def fresh():
    """Returns a generator of numbers that no learner has seen."""
    return np.random.default_rng(fresh_seed())


# ---- task 1 ----


def table(scores):
    """Returns a sweep from {rank: scores of its seeds}, its rows in an order that helps nobody."""
    rows = [{"rank": rank, "seed": seed, "score": s} for rank, all_s in scores.items() for seed, s in enumerate(all_s)]
    return pd.DataFrame(rows).sample(frac=1, random_state=0).reset_index(drop=True)


KNEES = (
    ({1: (0.2, 0.3), 2: (0.7, 0.8), 4: (0.9, 0.96), 8: (1.0, 1.0)}, 4, "means 25, 75, 93 and 100 %",
     "Mean over the seeds first, then the smallest rank."),
    ({1: (0.2, 0.3), 2: (0.95, 0.8), 4: (0.92, 0.96)}, 4, "rank 2 reaches 90 % with one seed, its mean is 87.5 %",
     "One lucky seed is not enough: take the mean over the seeds."),
    ({1: (0.2, 0.3, 0.2), 2: (0.91, 0.92, 0.6), 4: (0.9, 0.93, 0.95)}, 4,
     "rank 2 has a median of 91 %, its mean is 81 %",
     "The mean over the seeds counts, not the median."),
    ({1: (0.2, 0.3), 2: (0.88, 0.96), 4: (0.93, 0.97)}, 2, "rank 2 misses 90 % with one seed, its mean is 92 %",
     "The mean over the seeds counts, not the worst seed."),
    ({1: (0.3, 0.3), 2: (0.875, 0.925), 4: (1.0, 1.0)}, 2, "rank 2 has a mean of 90 %, exactly the bar",
     "At least the bar: >=, not >."),
    ({1: (0.95, 0.95), 2: (0.6, 0.6), 4: (0.95, 0.95), 8: (1.0, 1.0)}, 4, "rank 1 reaches the bar, rank 2 does not",
     "From the knee on *every* greater rank reaches it. Walk down from the greatest."),
    ({0: (1.0, 1.0), 1: (0.95, 0.95), 2: (0.97, 0.97)}, 1, "full fine-tuning and every rank reach the bar",
     "Rank 0 is full fine-tuning: leave it out."),
    ({0: (1.0, 1.0), 1: (0.1, 0.2), 2: (0.3, 0.4)}, None, "only rank 0, full fine-tuning, reaches the bar",
     "Rank 0 is full fine-tuning: leave it out."),
    ({0: (0.1, 0.1), 2: (0.95, 0.95), 4: (0.97, 0.97)}, 2, "full fine-tuning misses the bar, all ranks reach it",
     "Rank 0 is full fine-tuning: leave it out."),
)  # fmt: skip


@check
def check_knee(function):
    """The learner's `knee(runs, bar)` is the smallest rank from which on all ranks reach the bar in the mean."""
    for scores, wanted, what, hint in KNEES:
        runs = table(scores)
        got = function(runs, 0.9)
        expect(runs.equals(table(scores)), "the table that came in was changed", "Work on a copy: runs[…], not drop.")
        kind = f"{what}: expected a rank as int, got {type(got).__name__}"
        expect(got is None or isinstance(got, int), kind, "int(rank) makes a plain number of it.")
        expect(got == wanted and (got is None) == (wanted is None), f"{what}: expected {wanted}, got {got!r}", hint)
    runs = table(KNEES[0][0])
    expect(function(runs, 0.7) == 2, f"the first table at a bar of 70 %: expected 2, got {function(runs, 0.7)!r}",
           "Use the argument `bar`.")  # fmt: skip
    for _ in range(5):
        ranks, start = (1, 2, 4, 8, 16, 32), int(fresh().integers(0, 6))
        scores = {rank: fresh().uniform(*((0.91, 1.0) if i >= start else (0.1, 0.89)), 3) for i, rank in
                  enumerate(ranks)}  # fmt: skip
        got = function(table(scores), 0.9)
        expect(got == ranks[start], f"a random sweep: expected {ranks[start]}, got {got!r}", "Are the ranks in order?")


# ---- task 2 ----


@cache
def peft_factor(rank, alpha, rslora):
    """Returns the factor on B·A that peft gives a small layer."""
    from peft import LoraConfig, get_peft_model

    model = torch.nn.Sequential(torch.nn.Linear(4, 4))
    config = LoraConfig(r=rank, lora_alpha=alpha, use_rslora=rslora, target_modules=["0"])
    return float(get_peft_model(model, config).base_model.model[0].scaling["default"])


@check
def check_alpha(function):
    """The learner's `alpha_for(factor, rank, rslora)` gives peft the wanted factor."""
    cases = ((2, 64, False, 128), (2, 8, False, 16), (0.5, 16, False, 8), (2, 64, True, 16), (0.25, 4, True, 0.5))
    for factor, rank, rslora, wanted in cases:
        got, rule = function(factor, rank, rslora), "alpha/√r" if rslora else "alpha/r"
        expect_close(got, float(wanted), 1e-6, f"factor {factor} at rank {rank}, {rule}",
                     hint_for_alpha(got, factor, rank, rslora))  # fmt: skip
    for _ in range(4):
        factor, rank, rslora = float(fresh().uniform(0.1, 8)), int(fresh().integers(1, 65)), bool(fresh().integers(2))
        got = peft_factor(rank, float(function(factor, rank, rslora)), rslora)
        expect_close(got, factor, 1e-6, f"peft's factor at rank {rank}, rsLoRA {rslora}", "Do not round alpha.")


def hint_for_alpha(got, factor, rank, rslora):
    """Returns what a wrong alpha means."""
    known = {
        factor: "That is the factor itself. peft divides alpha by r (or √r): alpha is larger.",
        factor / rank: "peft divides by the rank already; solve alpha/r = factor for alpha.",
        factor / rank**0.5: "peft divides by the root already; solve alpha/√r = factor for alpha.",
        2 * rank: "2·r is one usual choice. Here the factor is given.",
        factor * rank: "With rsLoRA the factor is alpha/√r.",
        factor * rank**0.5: "Without rsLoRA the factor is alpha/r.",
    }
    near = [words for value, words in known.items() if isinstance(got, int | float) and abs(got - value) < 1e-6]
    return near[0] if near else f"Solve {'alpha/√r' if rslora else 'alpha/r'} = factor for alpha."


# ---- task 3 ----


def tiny(hidden=8, inner=20, layers=2, vocabulary=50):
    """Returns a small Llama with shapes only."""
    from transformers import LlamaConfig

    config = LlamaConfig(hidden_size=hidden, intermediate_size=inner, num_hidden_layers=layers, vocab_size=vocabulary,
                         num_attention_heads=2, num_key_value_heads=2, head_dim=hidden // 2)  # fmt: skip
    return copy.deepcopy(adapters.empty_model(config))  # a learner may change it


def hint_for_budget(got, model, budget, place):
    """Returns what a wrong rank means."""
    layers = adapters.find_layers(model, place).values()
    each = sum(layer.in_features + layer.out_features for layer in layers)
    weights, every = sum(layer.weight.numel() for layer in layers), sum(p.numel() for p in model.parameters())
    known = {
        round(budget / each): "Rounded to the nearest rank, it costs more than the budget. Round down.",
        -(-budget // each): "Rounded up, it costs more than the budget. Round down.",
        max(0, budget - every) // each: "The base is frozen: its numbers are not trained and not in the budget.",
        budget // (each + sum(model.get_output_embeddings().weight.shape)): "The head is never adapted, and "
        "find_layers leaves it out.",
        budget // weights: "Those are all weights of the layers. A and B together have r · (d_in + d_out).",
        budget // sum(layer.in_features for layer in layers): "That is A alone or B alone: r · d_in and r · d_out.",
        budget // sum(layer.out_features for layer in layers): "That is A alone or B alone: r · d_in and r · d_out.",
    }
    return known.get(got, f"Rank 1 on {place} costs the sum of d_in + d_out over its layers, here {each}.")


@check
def check_budget(function):
    """The learner's `ranks_for(model, budget)` gives the greatest rank within a budget, for three places."""
    model = tiny()
    before = [name for name, _ in model.named_parameters()]
    got = function(model, 7000)
    after = [name for name, _ in model.named_parameters()]
    expect(before == after, "your code changed the model", "Look at its layers, and add none.")
    expect(isinstance(got, dict) and set(got) == set(PLACES), f"expected a dict with the keys {PLACES}, got {got!r}",
           "Return {targets: rank}.")  # fmt: skip
    # Rank 1: attention 2 · 4 · (8 + 8) = 128; MLP 2 · 3 · (8 + 20) = 168; all 296.
    for place, wanted in zip(PLACES, (54, 41, 23), strict=True):
        what = f"width 8, inner 20, two blocks, budget 7,000, {place}: expected {wanted}, got {got[place]!r}"
        expect(got[place] == wanted, what, hint_for_budget(got[place], model, 7000, place))
    expect(all(isinstance(rank, int) for rank in got.values()), f"ranks must be whole numbers, got {got!r}", "Use //.")
    exact, short = function(tiny(), 296)["all-linear"], function(tiny(), 295)["all-linear"]
    expect(exact == 1, f"budget 296, all-linear: expected 1, got {exact!r}", "Exactly the budget is within it.")
    expect(short == 0, f"budget 295, all-linear: expected 0, got {short!r}, one number above the budget", "Round down.")
    for _ in range(4):
        model, budget = tiny(4 * int(fresh().integers(1, 5)), int(fresh().integers(5, 60))), int(fresh().integers(1e4))
        for place, rank in function(model, budget).items():
            cost = [adapters.lora_count(model.config, r, place) if r else 0 for r in (rank, rank + 1)]
            expect(cost[0] <= budget < cost[1], f"budget {budget:,}, {place}: rank {rank} costs {cost[0]:,}, rank "
                   f"{rank + 1} {cost[1]:,}", hint_for_budget(rank, model, budget, place))  # fmt: skip


# ---- task 4 ----


def made(values, alpha, d_in=6, d_out=5):
    """Returns (A, B, update) of a layer whose update alpha/r · B·A has these singular values."""
    generator = torch.Generator().manual_seed(fresh_seed())
    left, right = (torch.linalg.qr(torch.randn(d, len(values), generator=generator))[0] for d in (d_out, d_in))
    mix = torch.randn(len(values), len(values), generator=generator) + 3 * torch.eye(len(values))
    a = mix @ right.T  # (r, d_in); the mixing hides the singular vectors from who only cuts rows off
    b = (left * torch.tensor(values)) @ torch.linalg.inv(mix) * (len(values) / alpha)
    return a, b, (left * torch.tensor(values)) @ right.T


def best_cut(update, rank):
    """Returns the best approximation of a rank (Eckart and Young 1936), through the eigenvectors of ΔᵀΔ."""
    _, vectors = torch.linalg.eigh((update.T @ update).double())
    kept = vectors[:, -rank:]
    return (update.double() @ kept @ kept.T).float()


@check
def check_squeeze(function):
    """The learner's `squeeze(A, B, alpha, share)` is the best update of the smallest rank that holds the share."""
    # Energies 16, 4, 1 and 0.04 of 21.04: 76 %, 95 %, 99.8 %. Without squares 4, 2, 1, 0.2 of 7.2: 56, 83, 97 %.
    for alpha in (4.0, 16.0):
        a, b, update = made((4.0, 2.0, 1.0, 0.2), alpha)
        kept = a.clone(), b.clone()
        for share, rank in ((0.9, 2), (0.99, 3), (0.5, 1)):
            found = function(a, b, alpha, share)
            three = isinstance(found, tuple | list) and len(found) == 3
            expect(three, f"expected A, B, alpha, got {type(found).__name__}", "Return all three.")
            small_a, small_b, new_alpha = found
            expect(torch.equal(a, kept[0]) and torch.equal(b, kept[1]), "A or B changed", "Make new tensors.")
            shapes = tuple(small_a.shape), tuple(small_b.shape)
            expect(len(shapes[0]) == 2 and shapes[0][1] == 6 and shapes[1] == (5, shapes[0][0]),
                   f"A and B have the shapes {shapes}, wanted (k, 6) and (5, k)", "A reads the inputs.")  # fmt: skip
            expect_rank(shapes[0][0], rank, share)
            expect_update(float(new_alpha) / rank * small_b @ small_a, update, rank, alpha)
    a, b, _ = made((1.0, 1.0, 1.0, 1.0), 4.0)
    for share, rank in ((0.74, 3), (0.76, 4), (0.9999, 4)):
        got = len(function(a, b, 4.0, share)[0])
        expect(got == rank, f"four equal singular values, share {share}: expected rank {rank}, got {got}",
               "Each holds a quarter. The smallest rank that holds at least the share.")  # fmt: skip
    a, b = torch.randn(8, 40), torch.randn(30, 8)
    small_a, small_b, new_alpha = function(a, b, 12.0, 0.8)
    wanted = best_cut(12 / 8 * b @ a, len(small_a))
    # Sums of 8 products of size 1, twice, in 32 bits: rounding stays near 1e-4.
    expect_close(float(new_alpha) / len(small_a) * small_b @ small_a, wanted, 1e-2, "a random layer, 40 to 30, rank 8",
                 "The best approximation comes from the SVD of the whole update.")  # fmt: skip


def expect_rank(got, wanted, share):
    """Raises CheckFailed unless the new rank is the smallest that holds the share."""
    what = f"singular values 4, 2, 1, 0.2 and share {share}: expected rank {wanted}, got {got}"
    more = "Energy is the sum of the *squared* singular values: 76, 95 and 99.8 %."
    fewer = "It must hold at least the share: count the places below it, plus one."
    expect(got == wanted, what, more if got > wanted else fewer)


def expect_update(got, update, rank, alpha):
    """Raises CheckFailed unless the new factors, with the new factor, make the best update of that rank."""
    wanted = best_cut(update, rank)
    gap = float((got - wanted).norm() / wanted.norm())
    if gap < 1e-3:
        return
    times = float((got * wanted).sum() / wanted.square().sum())
    only_scaled = float((got - times * wanted).norm() / wanted.norm()) < 1e-3
    what = f"the update is {times:.2g} times what it should be (alpha {alpha:g}, rank 4 to {rank})"
    expect(
        not only_scaled, what, "The factor on B·A is lost or doubled. alpha/r goes in once; what is the new alpha/r?"
    )
    hint = "Rows of A are in no order of importance. Take the SVD of alpha/r · B·A and keep its first directions."
    raise CheckFailed(f"rank {rank}: the update is {100 * gap:.0f} % off the best one of that rank", hint)


# ---- task 5 ----

CHOICES = {"rank", "targets", "alpha", "rslora", "lr"}


def try_out(settings, seed=None, steps=STEPS):
    """Returns the share of planted facts recalled after a short training with some settings; a seed draws the facts."""
    seed = fresh_seed() if seed is None else seed
    return rank_runs.run(count=FACTS, steps=steps, seed=seed, **settings)["score"]


@check
def check_recall(function, why, goal=GOAL, steps=STEPS):
    """The learner's `choose(model)` returns settings that recall many facts with few numbers and steps."""
    settings = function(copy.deepcopy(base_model()))
    expect(isinstance(settings, dict) and {"rank", "lr"} <= set(settings), f"expected a dict with at least 'rank' and "
           f"'lr', got {settings!r}", "Return {'rank': …, 'targets': …, 'lr': …}.")  # fmt: skip
    other = sorted(set(settings) - CHOICES)
    expect(not other, f"{other} cannot be chosen", f"Yours are {', '.join(sorted(CHOICES))}; steps and facts are set.")
    numbers = all(isinstance(settings.get(key, 1), int | float) and settings.get(key, 1) > 0 for key in ("lr", "alpha"))
    expect(
        numbers, f"lr and alpha must be numbers above 0, got {settings!r}", "For example 'lr': 0.01, without quotes."
    )
    known = settings.get("targets", "all-linear") in PLACES
    expect(known, f"unknown targets {settings.get('targets')!r}", f"They are {', '.join(PLACES)}.")
    expect(settings["rank"], "rank 0 is full fine-tuning, of all 3 million numbers", "Take a LoRA of rank 1 or more.")
    count = adapters.lora_count(base_model().config, settings["rank"], settings.get("targets", "all-linear"))
    expect(count <= MOST, f"{count:,} numbers would be trained, allowed are {MOST:,}", "Task 3 tells what fits.")
    expect_reason(why, "Say in one sentence why your setting recalls more than the lesson's.")
    score = try_out(settings, steps=steps)
    expect(score >= goal, f"{100 * score:.0f} % of {FACTS} fresh facts recalled, wanted {100 * goal:.0f} %",
           "Few steps: does each move far enough? Try other learning rates with lab_12.try_out.")  # fmt: skip
