"""Checks of labs/12_lora_rank.ipynb."""

import copy
import math
from functools import cache
from numbers import Integral, Real

import numpy as np
import torch

from spectrum import adapters
from spectrum.checks.machinery import check, expect, expect_close, expect_prediction, fresh_seed, short
from spectrum.checks.squeezed_12 import expect_squeezed, made
from spectrum.checks.sweeps_12 import SWEEPS, drawn, table
from spectrum.lessons.lora_rank import runs as rank_runs
from spectrum.models import load_model

ALPHA = 16  # at every rank, as in all of the course: then the best rate moves least with the rank
MOST = 90_000  # trainable numbers of the open task: room for rank 4 on all linear layers of lumen-base
FACTS, STEPS = 64, 52  # four rows a step: each fact is read 13 times
# Rank 4 on all layers has 58 to 92 % at 0.0075 (eight draws), 25 to 86 at 0.005; attention and the MLPs have 20 to 40.
GOAL = 0.5
PLACES = ("attention", "mlp", "all-linear")


@cache
def base_model():
    """Returns the base model; checks only read its shapes."""
    return load_model("base")[0]


def fresh():
    """Returns a generator of numbers that no learner has seen."""
    return np.random.default_rng(fresh_seed())


# ---- task 1 ----


def expect_tuned(function, runs, wanted, what, hint):
    """Raises CheckFailed unless the learner's `tuned(runs)` is the wanted {rank: (rate, score) or None}."""
    got = function(table(runs))
    named = isinstance(got, dict) and sorted(got) == sorted(wanted)
    expect(named, f"{what}: expected a dict with the ranks {sorted(wanted)}, got {short(got)}", "Each rank once.")
    for rank, right in wanted.items():
        mine, where = got[rank], f"{what}: rank {rank}"
        if right is None:
            expect(mine is None, f"{where}: expected None, got {short(mine)}", hint)
            continue
        pair = isinstance(mine, tuple | list) and len(mine) == 2
        expect(pair, f"{where}: expected a rate and a score, got {short(mine)}", hint)
        near = math.isclose(mine[0], right[0], rel_tol=1e-6)
        expect(near, f"{where}: expected the rate {right[0]:g}, got {short(mine[0])}", hint)
        expect_close(mine[1], right[1], 1e-6, f"{where}: the score on test", hint)


@check
def check_tuned(function):
    """The learner's `tuned(runs)` gives each rank its own rate, chosen on dev, and the score on test there."""
    for runs, wanted, what, hint in SWEEPS:
        expect_tuned(function, runs, wanted, what, hint)
    for _ in range(5):
        expect_tuned(function, *drawn(fresh()), "a random sweep", "Rate by the mean on dev, score by the mean on test.")


# ---- task 2 ----

Q, UP = "model.layers.1.self_attn.q_proj", "model.layers.11.mlp.up_proj"
BY_LAYER = {"r": 8, "lora_alpha": 16, "use_rslora": False,
            "rank_pattern": {"layers.1.self_attn.q_proj": 2, "up_proj": 64},
            "alpha_pattern": {"q_proj": 5, "11.mlp.up_proj": 32}}  # fmt: skip
PLAIN = {"r": 8, "lora_alpha": 16, "use_rslora": False, "rank_pattern": {}, "alpha_pattern": {}}
CONFIGS = (  # config, layer, factor, what is asked, hint
    (PLAIN, Q, 2, "alpha 16, rank 8", "alpha by the rank."),
    (PLAIN | {"r": 64}, Q, 0.25, "alpha 16, rank 64", "alpha by the rank: the factor falls as the rank rises."),
    (PLAIN | {"r": 1}, Q, 16, "alpha 16, rank 1", "alpha by the rank."),
    (PLAIN | {"r": 400}, Q, 0.04, "alpha 16, rank 400", "No rank is cut."),
    (PLAIN | {"lora_alpha": 400}, Q, 50, "alpha 400, rank 8", "No alpha is cut."),
    (PLAIN | {"lora_alpha": 0.5, "r": 100}, Q, 0.005, "alpha 0.5, rank 100", "Neither is rounded or cut."),
    (PLAIN | {"use_rslora": True}, Q, 16 / 8**0.5, "alpha 16, rank 8, rsLoRA", "With rsLoRA by the root of the rank."),
    ({"r": 4, "lora_alpha": 16}, Q, 4, "an old file, without the last three keys", "What is missing is off or empty."),
    ({"r": 8, "lora_alpha": 16, "alpha_pattern": {"q_proj": 2}, "use_rslora": True}, Q, 2 / 8**0.5,
     "no rank_pattern, and an alpha_pattern", "A layer may have an alpha of its own and the common rank."),
    (PLAIN | {"rank_pattern": {"q_proj": 4}}, Q, 4, "rank 4 for q_proj, asked of a q_proj",
     "A layer that the pattern names has the rank that stands there, and the common alpha."),
    (PLAIN | {"rank_pattern": {"q_proj": 4}}, UP, 2, "rank 4 for q_proj, asked of an up_proj",
     "A pattern says nothing of the other layers."),
    (PLAIN | {"rank_pattern": {"q_proj": 4}, "use_rslora": True}, Q, 8, "rank 4 for q_proj, rsLoRA",
     "The root is that of the layer's own rank."),
    (BY_LAYER, Q, 2.5, "rank 2 and alpha 5 of its own", "The two patterns may name a layer in different ways."),
    (BY_LAYER, UP, 0.5, "rank 64 and alpha 32 of its own", "The two patterns may name a layer in different ways."),
    (PLAIN | {"rank_pattern": {"q_proj": 400}, "alpha_pattern": {"q_proj": 600}}, Q, 1.5, "rank 400 and alpha 600 of "
     "its own", "Neither is cut."),
    (PLAIN | {"rank_pattern": {"1.mlp.up_proj": 4}}, UP, 2, "layer 1 is named, layer 11 asked of",
     "A name fits at the end, and begins at a dot: 11 does not end in the layer 1."),
    (PLAIN | {"rank_pattern": {"proj": 4}}, Q, 2, "'proj' is named", "Names begin at a dot: proj is no q_proj."),
    (PLAIN | {"rank_pattern": {"layers.1": 4, "self_attn": 2}}, Q, 2, "names from the middle are named",
     "The end of the layer's name decides."),
    (PLAIN | {"rank_pattern": {Q: 4}}, Q, 4, "the whole name stands there", "A whole name fits as well."),
    (PLAIN | {"rank_pattern": {"q_proj": 4, "self_attn.q_proj": 2}}, Q, 4, "two names fit", "The first one counts."),
    (PLAIN | {"rank_pattern": {"self_attn.q_proj": 2, "q_proj": 4}}, Q, 8, "two names fit", "The first one counts."),
    (PLAIN | {"rank_pattern": {f"layers.{n}.self_attn.q_proj": n for n in range(70, 0, -1)}}, Q, 16, "seventy names",
     "Look at all of them."),
    (PLAIN | {"rank_pattern": {"q_próba": 4, "q_prba": 2}}, "model.q_prba", 8, "a name with an accent",
     "ó is a letter: q_próba is another layer."),
    (PLAIN | {"rank_pattern": {"q_prba": 2}}, "model.q_próba", 2, "a layer with an accent", "ó is a letter."),
    (PLAIN | {"alpha_pattern": {"q_proj": 0}}, Q, 0, "alpha 0 for q_proj", "0 is an alpha of its own: it counts."),
    (PLAIN | {"lora_alpha": 1e-3, "r": 77}, Q, 1e-3 / 77, "alpha 0.001, rank 77", "Do not round."),
    ({**{f"of_a_later_version_{n}": None for n in range(70)}, **BY_LAYER}, Q, 2.5, "a file with seventy more keys",
     "Keys that you do not know change nothing."),
    (BY_LAYER, "model.language_model.decoder.transformer.blocks.model.layers.1.self_attn.q_proj", 2.5, "a long name",
     "However long the name, its end decides."),
)  # fmt: skip


@cache
def tree():
    """Returns a small model with layers named as a Llama's, twelve times."""
    nn = torch.nn
    block = nn.ModuleDict({"self_attn": nn.ModuleDict({"q_proj": nn.Linear(4, 4), "v_proj": nn.Linear(4, 4)}),
                           "mlp": nn.ModuleDict({"up_proj": nn.Linear(4, 4)})})  # fmt: skip
    return nn.ModuleDict({"model": nn.ModuleDict({"layers": nn.ModuleList(copy.deepcopy(block) for _ in range(12))})})


def peft_factors(config):
    """Returns {name of a layer: factor on B·A} that peft gives a small model with this configuration."""
    from peft import LoraConfig, inject_adapter_in_model
    from peft.tuners.lora import LoraLayer

    options = LoraConfig(target_modules=["q_proj", "v_proj", "up_proj"], **config)
    model = inject_adapter_in_model(options, copy.deepcopy(tree()))
    layers = {name: part for name, part in model.named_modules() if isinstance(part, LoraLayer)}
    return {name: layer.scaling["default"] for name, layer in layers.items()}


@check
def check_factor(function):
    """The learner's `factor(config, layer)` is the number that peft sets before B·A in that layer."""
    for config, layer, wanted, what, hint in CONFIGS:
        expect_close(function(copy.deepcopy(config), layer), wanted, 1e-6 * wanted, what, hint)
    rng = fresh()
    for rslora in (False, True):
        names = rng.permutation(["q_proj", "mlp.up_proj", "1.self_attn.v_proj", "layers.2.mlp.up_proj"]).tolist()
        config = {"r": int(rng.integers(1, 99)), "lora_alpha": float(rng.uniform(0.5, 99)), "use_rslora": rslora,
                  "rank_pattern": {name: int(rng.integers(1, 99)) for name in names[:3]},
                  "alpha_pattern": {name: float(rng.uniform(0.5, 99)) for name in names[2:]}}  # fmt: skip
        for layer, wanted in peft_factors(config).items():
            expect_close(function(config, layer) / wanted, 1, 1e-6, f"{layer}, in units of what peft has for {config}",
                         "Which of its names stand in which pattern?")  # fmt: skip


# ---- task 3 ----


def tiny(hidden=8, inner=20, layers=2, vocabulary=50, keys=2, biases=False, tied=True):
    """Returns a small Llama with shapes only; `keys` heads of two have keys and values of their own."""
    from transformers import LlamaConfig

    config = LlamaConfig(hidden_size=hidden, intermediate_size=inner, num_hidden_layers=layers, vocab_size=vocabulary,
                         num_attention_heads=2, num_key_value_heads=keys, head_dim=hidden // 2,
                         attention_bias=biases, mlp_bias=biases, tie_word_embeddings=tied)  # fmt: skip
    return copy.deepcopy(adapters.empty_model(config))  # a learner may change it


def costs(hidden=8, inner=20, layers=2, keys=2, **_):
    """Returns {place: what rank 1 costs} of such a Llama, written out; no module is looked at."""
    width = keys * hidden // 2
    attention, mlp = layers * (4 * hidden + 2 * (hidden + width)), layers * 3 * (hidden + inner)
    return {"attention": attention, "mlp": mlp, "all-linear": attention + mlp}


BUDGETS = (  # sizes, budget, what is asked, hint
    ({}, 7000, "width 8, inner 20, two blocks", "Rank 1 costs d_in + d_out in each layer, here 16 or 28."),
    ({}, 296, "exactly rank 1 on all layers", "Exactly the budget is within it."),
    ({}, 295, "a number less than rank 1 on all layers", "Round down: what costs more is not within the budget."),
    ({}, 0, "nothing to spend", "0 where not even rank 1 fits."),
    ({}, 10**20, "a budget for ranks far beyond the width", "Nobody said that the rank is limited by anything else."),
    ({"hidden": 16, "inner": 24, "keys": 1}, 5000, "keys and values half as wide", "d_in and d_out may differ."),
    ({"biases": True}, 7000, "layers with biases", "A LoRA is beside the weight alone: biases cost nothing."),
    ({"tied": False, "vocabulary": 90}, 7000, "a head of its own", "The head is never adapted; find_layers knows."),
    ({"layers": 12}, 50_000, "twelve blocks, 84 layers", "However many there are, all count."),
)  # fmt: skip


@check
def check_budget(function):
    """The learner's `ranks_for(model, budget)` gives the greatest rank within a budget, for three places."""
    rng = fresh()
    cases = list(BUDGETS)
    for _ in range(4):
        sizes = {"hidden": 4 * int(rng.integers(1, 5)), "inner": int(rng.integers(5, 60)), "keys": 1}
        cases.append((sizes, int(rng.integers(1e4)), f"a random model, {sizes}", "Count A and B of each layer."))
    for sizes, budget, what, hint in cases:
        got, each = function(tiny(**sizes), budget), costs(**sizes)
        expect(isinstance(got, dict) and set(got) == set(PLACES), f"expected a dict with the keys {PLACES}, got "
               f"{short(got)}", "Return {targets: rank}.")  # fmt: skip
        for place in PLACES:
            rank, wanted = got[place], budget // each[place]
            where = f"{what}, budget {budget:,}, {place}"
            whole = isinstance(rank, Integral) and not isinstance(rank, bool)
            expect(whole, f"{where}: expected a whole number, got {short(rank)}", "No layer has half a rank.")
            expect(rank == wanted, f"{where}: expected {wanted}, got {rank}; rank 1 costs {each[place]}", hint)


# ---- task 4 ----

STEEP = (4.0, 2.0, 1.0, 0.2)  # energies 16, 4, 1, 0.04 of 21.04: 76, 95, 99.8, 100 %; without squares 56, 83, 97 %
SHAPES = (  # singular values, alpha, what `made` is told, share, rank, hint
    (STEEP, 4.0, {}, 0.9, 2, "Energy is the sum of the *squared* singular values: 76, 95 and 99.8 %."),
    (STEEP, 16.0, {}, 0.97, 3, "The smallest rank that holds *at least* the share: 95 % are too few."),
    (STEEP, 0.5, {}, 0.7, 1, "76 % are in the first: is rank 1 enough?"),
    (STEEP, 16.0, {"rank": 300}, 0.9, 2, "The rank is the length of A, however large."),
    (STEEP, 3.7, {}, 1e-9, 1, "Rank 1 at least, however small the share."),
    (STEEP, 16.0, {}, 1.0, 4, "The whole energy wants all directions that the update has, and no more."),
    (STEEP, 16.0, {"rank": 5}, 1.0, 4, "Rank 5, but the update has four directions; the rest is rounding."),
    ((1.0, 1e-3, 4e-7), 16.0, {}, 1.0, 2, "The third is below a millionth of the largest: it is rounding."),
    ((1.0, 5e-5), 16.0, {"rank": 4}, 1.0, 2, "The second holds 2.5e-9 of the energy. Do 32 bits see it in a sum?"),
    ((3.0, 2.0), 16.0, {"rank": 9}, 1.0, 2, "The rank of A is above the size of the layer; its update has rank 2."),
    ((1.0, 1.0, 1.0, 1.0), 8.0, {}, 0.74, 3, "Each holds a quarter: three hold 75 %."),
    ((1.0, 1.0, 1.0, 1.0), 8.0, {}, 0.76, 4, "Each holds a quarter: three hold 75 %."),
    ((1.0,) * 5, 8.0, {}, 0.85, 5, "Each holds a fifth, and the update has all five directions of a layer to 5."),
    ((2.0,), 8.0, {"rank": 3, "d_out": 1}, 0.9, 1, "A layer to a single number has one direction."),
    ((4e6, 2e6), 16.0, {"rank": 4}, 1.0, 2, "What is rounding is told by the largest: a millionth of it."),
    ((4e-8, 2e-8), 16.0, {}, 1.0, 2, "A small update is an update: what is rounding is told by the largest."),
    ((4e-6, 2e-6, 1e-6), 16.0, {}, 0.9, 2, "A small update is an update: do not round."),
    ((4e6, 2e6, 1e6), 16.0, {}, 0.9, 2, "A large update is an update."),
    (tuple(range(72, 0, -1)), 16.0, {"rank": 80, "d_in": 96, "d_out": 75}, 1.0, 72, "Look at all of A and B."),
)  # fmt: skip


@check
def check_squeeze(function):
    """The learner's `squeeze(A, B, alpha, share, new_alpha)` is the best update of the least rank with the share."""
    for values, alpha, options, share, rank, hint in SHAPES:
        what = f"singular values {short(values, 30)}, alpha {alpha:g}, share {share:g}"
        factors = made(values, alpha, **options)
        expect_squeezed(function, factors, alpha, share, rank, what, hint)
    zeros = torch.randn(4, 6), torch.zeros(5, 4)
    expect_squeezed(function, zeros, 16.0, 0.9, 1, "an adapter that was never trained, B = 0",
                    "Its update is zero, and so is its energy: rank 1, the least that peft loads.")  # fmt: skip
    halves = torch.eye(2, 6), torch.eye(5, 2)
    expect_squeezed(function, halves, 2.0, 0.5, 1, "two equal directions, share 0.5", "Half is at least half.")
    roots = [energy**0.5 for energy in (0.86, 0.06, 0.05, 0.03)]
    expect_squeezed(function, made(roots, 4.0), 4.0, None, 2, "energies 86, 6, 5 and 3 %, share by default",
                    "It is 0.9, and 86 % are too few.")  # fmt: skip
    for new_alpha in (0.5, 3, 64):
        what = f"with a new_alpha of {new_alpha}"
        expect_squeezed(function, made(STEEP, 4.0), 4.0, 0.9, 2, what, new_alpha=new_alpha)
    for _ in range(3):
        values = sorted(fresh().uniform(1, 9, 6).tolist(), reverse=True)
        three = sum(value**2 for value in values[:3]) / sum(value**2 for value in values)
        factors = made(values, 12.0, rank=8, d_in=40, d_out=30)
        hint = f"Three directions hold {three:.5f}. Round nothing, and take the least rank that holds the share."
        for share, rank in ((three - 2e-5, 3), (three + 2e-5, 4)):
            what = f"a random layer, 40 to 30, rank 8, share {share:.5f}"
            expect_squeezed(function, factors, 12.0, share, rank, what, hint)


# ---- task 5 ----

CHOICES = {"rank", "targets", "lr"}


def try_out(settings, seed=None, steps=STEPS):
    """Returns the share of planted facts recalled after a short training with some settings; a seed draws the facts."""
    seed = fresh_seed() if seed is None else seed
    return rank_runs.run(count=FACTS, steps=steps, seed=seed, alpha=ALPHA, **settings)["score"]


def expect_settings(settings):
    """Raises CheckFailed unless the settings can be trained with, and stay within the budget."""
    expect(isinstance(settings, dict) and {"rank", "lr"} <= set(settings), f"expected a dict with at least 'rank' and "
           f"'lr', got {short(settings)}", "Return {'rank': …, 'targets': …, 'lr': …}.")  # fmt: skip
    other = sorted(map(str, set(settings) - CHOICES))
    expect(not other, f"{other} cannot be chosen", f"Yours are {', '.join(sorted(CHOICES))}; alpha is {ALPHA}.")
    lr, rank, targets = settings["lr"], settings["rank"], settings.get("targets", "all-linear")
    expect(isinstance(lr, Real) and 0 < lr < math.inf, f"lr must be a number above 0, got {lr!r}", "Such as 0.01.")
    expect(targets in PLACES, f"unknown targets {targets!r}", f"They are {', '.join(PLACES)}.")
    expect(isinstance(rank, int) and rank > 0, f"rank must be a whole number from 1 on, got {rank!r}",
           "Rank 0 would be full fine-tuning, of all 3 million numbers.")  # fmt: skip
    count = adapters.lora_count(base_model().config, rank, targets)
    expect(count <= MOST, f"{count:,} numbers would be trained, allowed are {MOST:,}", "Task 3 tells what fits.")


@check
def check_recall(function, half, goal=GOAL, steps=STEPS):
    """The learner's `choose(model)` recalls many facts in few steps; `half` is what it recalls after half the steps."""
    settings = function(copy.deepcopy(base_model()))
    expect_settings(settings)
    measured = try_out(settings, steps=steps // 2)
    expect_prediction(half, measured, 0.15, f"the share recalled after {steps // 2} steps instead of {steps}",
                      "A code is right or not: what must have been learned before the first one is?")  # fmt: skip
    score = try_out(settings, steps=steps)
    expect(score >= goal, f"{100 * score:.0f} % of {FACTS} fresh facts recalled, wanted {100 * goal:.0f} %",
           "Few steps: does each move far enough? Try other learning rates with lab_12.try_out.")  # fmt: skip
