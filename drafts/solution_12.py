# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab 12: how much rank does a task need?
#
# Four small tools for choosing a rank, and an open task at the end: with few numbers and few steps, recall as many facts
# as you can. Write the code where a cell says so, run it, then run the check below it. Your verdict on the whole lab:
# `pytest --nbval-lax --nbval-current-env labs/12_lora_rank.ipynb`.
#
# About 45 minutes. You may use torch, pandas and everything imported below.

# %%
import pandas as pd
import torch

from spectrum import adapters
from spectrum.checks import lab_12
from spectrum.models import load_model

base, tokenizer = load_model("base")

# %% [markdown]
# ## Task 1: read off the knee
#
# 8 minutes · about 4 lines · pandas
#
# A sweep is a table with a row for each run and the columns `rank`, `seed` and `score` (a share); rank 0 is full
# fine-tuning. The *knee* is the smallest rank from which on **every** tried rank, itself included, reaches the bar in the
# mean over its seeds. None where there is no such rank.
#
# <details><summary>Nudge</summary>
#
# Start at the greatest rank and walk down. Where do you have to stop?
# </details>
# <details><summary>Error you may see</summary>
#
# "expected 4, got 1": a rank reaches the bar by luck and a greater one does not. The knee is above both. "expected None,
# got 0": full fine-tuning is no rank.
# </details>
# <details><summary>Pseudocode</summary>
#
# Keep the rows with a rank above 0. Mean score by rank. From the greatest rank downwards, as long as the mean is at least
# the bar, remember the rank. Return the last that you remembered.
# </details>

# %% tags=["task"]
def knee(runs, bar=0.9):
    """a DataFrame with rank, seed, score; a share -> a rank (int) or None"""
    ### BEGIN SOLUTION
    found = None
    means = runs[runs["rank"] > 0].groupby("rank")["score"].mean()
    for rank in sorted(means.index, reverse=True):
        if means[rank] < bar:
            break
        found = int(rank)
    return found
    ### END SOLUTION


# %% tags=["check"]
lab_12.check_knee(knee)


# %% [markdown]
# ## Task 2: the α you need
#
# 6 minutes · about 3 lines · no torch
#
# You have found a good factor on $BA$ at one rank and want the same factor at another. Which α do you write into the
# configuration? The factor is α/r, or α/√r with rsLoRA. The check builds the adapter with peft and reads its factor.
#
# <details><summary>Nudge</summary>
#
# With α = 32, rank 16 and plain LoRA the factor is 2. Solve for α.
# </details>
# <details><summary>Error you may see</summary>
#
# "expected 128, got 2": the factor itself was written where α belongs.
# </details>
# <details><summary>Pseudocode</summary>
#
# Factor times rank; with rsLoRA factor times the root of the rank.
# </details>

# %% tags=["task"]
def alpha_for(factor, rank, rslora=False):
    """the wanted factor on B·A, a rank, whether rsLoRA is on -> alpha"""
    ### BEGIN SOLUTION
    return factor * rank ** (0.5 if rslora else 1)
    ### END SOLUTION


# %% tags=["check"]
lab_12.check_alpha(alpha_for)


# %% [markdown]
# ## Task 3: ranks for a budget
#
# 8 minutes · about 5 lines · `adapters.find_layers(model, targets)` gives {name: linear layer}
#
# To compare places fairly, they need the same number of trained numbers. For each of "attention", "mlp" and "all-linear":
# which is the greatest rank whose LoRA stays within a budget? 0 where not even rank 1 fits.
#
# <details><summary>Nudge</summary>
#
# What does rank 1 cost? And rank 2, in terms of that?
# </details>
# <details><summary>Error you may see</summary>
#
# "one number above the budget": rounding to the nearest rank can spend more than there is. A rank of 0 for a large budget:
# the frozen base was counted too, and it is not trained.
# </details>
# <details><summary>Pseudocode</summary>
#
# Cost of rank 1: the sum of d_in + d_out over the layers. Whole budget divided by it, rounded down.
# </details>

# %% tags=["task"]
def ranks_for(model, budget):
    """a model, a number of parameters -> {"attention": rank, "mlp": rank, "all-linear": rank}"""
    ### BEGIN SOLUTION
    ranks = {}
    for targets in ("attention", "mlp", "all-linear"):
        layers = adapters.find_layers(model, targets).values()
        ranks[targets] = budget // sum(layer.in_features + layer.out_features for layer in layers)
    return ranks
    ### END SOLUTION


# %% tags=["check"]
lab_12.check_budget(ranks_for)


# %% [markdown]
# ## Task 4: squeeze an adapter
#
# 12 minutes · about 6 lines · torch.linalg.svd
#
# From the factors of a trained layer make those of the smallest rank that still holds a `share` of the update's energy (the
# sum of the squared singular values). Return A, B **and** the α to save with them: the layer will be loaded by plain LoRA,
# with the factor α/r of the *new* rank.
#
# <details><summary>Nudge</summary>
#
# The update is α/r · BA, not BA. Where does the factor go when the rank changes?
# </details>
# <details><summary>Error you may see</summary>
#
# "the update is 0.5 times what it should be": the old α was kept, and the rank below it changed. A rank that is too small
# means that singular values were added up without their squares.
# </details>
# <details><summary>Pseudocode</summary>
#
# SVD of the whole update. Energies: squares of the singular values; cumulated, over their sum. New rank: the number of places
# where this is below the share, plus one. Root of the kept singular values into each factor. With α = the new rank the factor
# is 1.
# </details>

# %% tags=["task"]
def squeeze(A, B, alpha, share=0.9):
    """A (r, d_in), B (d_out, r), alpha, a share of the energy -> A (k, d_in), B (d_out, k), alpha of the new adapter"""
    ### BEGIN SOLUTION
    left, values, right = torch.linalg.svd(alpha / len(A) * (B @ A), full_matrices=False)
    energy = values.square().cumsum(0) / values.square().sum()
    rank = int((energy < share).sum()) + 1
    root = values[:rank].sqrt()
    return root[:, None] * right[:rank], left[:, :rank] * root, rank
    ### END SOLUTION


# %% tags=["check"]
lab_12.check_squeeze(squeeze)


# %% [markdown]
# ## Task 5, open: many facts, few numbers, few steps
#
# 11 minutes · one dict · goal: recall at least 40 % of 256 planted facts, with at most 90,000 trained numbers and 96 steps
#
# The check trains with the settings that your function returns, on facts drawn anew: lockers and codes that you have not
# seen. `rank`, `targets`, `alpha`, `rslora` and `lr` are yours to choose; steps and batches are set. It takes about ten
# seconds on two idle cores. Score settings of your own with `lab_12.try_out(settings)`, or on the bench of the lesson.
#
# <details><summary>Nudge</summary>
#
# The lesson's usual learning rate is the best for 128 steps. Is it for half of them?
# </details>
# <details><summary>Error you may see</summary>
#
# "numbers would be trained, allowed are 90,000": task 3 tells you the ranks. A loss that is not a number: the learning rate
# or the factor is far too high.
# </details>
# <details><summary>Pseudocode</summary>
#
# All linear layers at the greatest rank that fits. Then double the learning rate until the score falls again.
# </details>

# %% tags=["task"]
def choose(model):
    """the base model -> {"rank", "targets", "lr"} and, if you like, "alpha" and "rslora" """
    ### BEGIN SOLUTION
    return {"rank": ranks_for(model, 90_000)["all-linear"], "targets": "all-linear", "lr": 1e-2}
    ### END SOLUTION


why = ""  # one sentence of at least eight words: why does your setting recall more than the lesson's?

# %% tags=["solution-only"]
why = "With few steps each one must move the weights further, so the learning rate has to be higher."
print(choose(base), ranks_for(base, 90_000))

# %% tags=["check"]
lab_12.check_recall(choose, why)
