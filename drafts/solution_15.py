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
# # Lab 15: can an adapter repair what rounding broke?
#
# Rounding to four bits, a QLoRA layer and the count of its bytes by your own hand, and an open task at the end: find better
# levels than NF4. Write the code where a cell says so, run it, then run the check below it.
# Your verdict on the whole lab: `pytest --nbval-lax --nbval-current-env labs/15_qlora.ipynb`.
#
# About 45 minutes. You may use torch and everything imported below, but not bitsandbytes: that is what the checks compare with.

# %%
import torch

from spectrum import adapters
from spectrum.checks import lab_15

LEVELS = lab_15.LEVELS  # the 16 levels of NF4, from -1 to 1
BLOCK = 64

# %% [markdown]
# ## Task 1: to four bits and back
#
# 12 minutes · about 5 lines and 1 line · torch
#
# `quantize` makes blocks of 64 weights along the rows. It returns the codes, whole numbers of shape (N, 64), each the number of
# the nearest level, and the constants, shape (N,), the largest absolute value of each block. `dequantize` makes weights of
# both. A block of zeros must come back as zeros.
#
# <details><summary>Nudge</summary>
#
# Work a block with only four weights on paper first, as the lesson does. Which of its weights comes back without an error?
# </details>
# <details><summary>Error you may see</summary>
#
# `nan`, or a code of 0 where 7 should be: a block of zeros was divided by its constant. A shape error in the division: the
# constants need a second axis, `constants[:, None]`.
# </details>
# <details><summary>Pseudocode</summary>
#
# Reshape to (N, 64). Constants: maximum of the absolute values along each row. Divide, with constants kept above zero. Distances to
# all levels: (N, 64, 1) − (16,). The code is the place of the smallest. Back: levels at the codes, times the constants, in the old shape.
# </details>

# %% tags=["task"]
def quantize(weight):
    """weight (d_out, d_in) -> codes (N, 64), whole numbers 0 to 15; constants (N,)"""
    ### BEGIN SOLUTION
    blocks = weight.reshape(-1, BLOCK)
    constants = blocks.abs().amax(dim=1)
    scaled = blocks / constants.clamp(min=1e-30)[:, None]
    return (scaled[..., None] - LEVELS).abs().argmin(dim=-1), constants
    ### END SOLUTION


def dequantize(codes, constants, shape):
    """codes (N, 64), constants (N,), the weight's shape -> the restored weight"""
    ### BEGIN SOLUTION
    return (LEVELS[codes] * constants[:, None]).reshape(shape)
    ### END SOLUTION


# %% tags=["check"]
lab_15.check_nf4(quantize, dequantize)


# %% [markdown]
# ## Task 2: the QLoRA layer
#
# 12 minutes · about 8 lines and 2 lines · `quantize`, `dequantize`, `torch.nn`
#
# A layer that keeps a linear layer's weight as codes (uint8) and constants, restores it in each forward pass, and adds a LoRA:
# $\hat W x + b + \frac{\alpha}{r} B A x$. $A$ is random, $B$ is zero, and nothing else is trained.
#
# <details><summary>Nudge</summary>
#
# What is saved with the layer but not trained is a *buffer*: `self.register_buffer(name, tensor)`.
# </details>
# <details><summary>Error you may see</summary>
#
# "tensors used as indices must be long, int, byte or bool tensors", or wrong levels: make the codes `.long()` before you use them as
# places. "trainable are ['A', 'B', 'bias']": the bias of the old layer still learns.
# </details>
# <details><summary>Pseudocode</summary>
#
# In `__init__`: quantize the weight, register two buffers, keep shape and frozen bias, make parameters A (r, d_in) and B (d_out, r), keep
# alpha / rank. In `forward`: restore the weight, `torch.nn.functional.linear` with it and the bias, plus the scaled x Aᵀ Bᵀ.
# </details>

# %% tags=["task"]
class QLoRALinear(torch.nn.Module):
    def __init__(self, linear, rank, alpha):
        """a torch.nn.Linear, the adapter's rank, alpha"""
        super().__init__()
        ### BEGIN SOLUTION
        codes, constants = quantize(linear.weight.data)
        self.register_buffer("codes", codes.to(torch.uint8))
        self.register_buffer("constants", constants)
        self.shape, self.bias = linear.weight.shape, linear.bias
        if self.bias is not None:
            self.bias.requires_grad_(False)
        self.A = torch.nn.Parameter(torch.randn(rank, linear.in_features) / linear.in_features**0.5)
        self.B = torch.nn.Parameter(torch.zeros(linear.out_features, rank))
        self.scaling = alpha / rank
        ### END SOLUTION

    def forward(self, x):
        """x (..., d_in) -> (..., d_out)"""
        ### BEGIN SOLUTION
        weight = dequantize(self.codes.long(), self.constants, self.shape)
        return torch.nn.functional.linear(x, weight, self.bias) + self.scaling * (x @ self.A.T @ self.B.T)
        ### END SOLUTION


# %% tags=["check"]
lab_15.check_qlora_layer(QLoRALinear)


# %% [markdown]
# ## Task 3: count the bytes
#
# 10 minutes · about 6 lines · `adapters.find_layers(model)` gives {name: linear layer} without the head; `model.parameters()` gives each tensor once,
# a tied one too
#
# How many bytes does a model hold under QLoRA, without double quantization? *Weights*: linear layers in 4 bits, everything else in 16. *Constants*: 32
# bits for each 64 weights of a linear layer. *Adapters*: a LoRA of a rank on each linear layer but the head, 32 bits a number.
# The model has shapes but no values, so 70 billion weights are counted as fast as 3 million.
#
# <details><summary>Nudge</summary>
#
# Count all parameters, and those in linear layers. What is the rest?
# </details>
# <details><summary>Error you may see</summary>
#
# The check says which of the three entries is off, for which model, and what the likely reason is.
# </details>
# <details><summary>Pseudocode</summary>
#
# linear = the sum of the weights' sizes in the linear layers; rest = all − linear. Weights: linear / 2 + 2 · rest. Constants: 4 · linear / 64.
# Adapters: 4 · rank · the sum of d_in + d_out.
# </details>

# %% tags=["task"]
def count_bytes(model, rank):
    """a model, a rank -> {"weights": bytes, "constants": bytes, "adapters": bytes}, whole numbers"""
    ### BEGIN SOLUTION
    layers = adapters.find_layers(model).values()
    linear = sum(layer.weight.numel() for layer in layers)
    rest = sum(parameter.numel() for parameter in model.parameters()) - linear
    sides = sum(layer.in_features + layer.out_features for layer in layers)
    return {"weights": linear // 2 + 2 * rest, "constants": 4 * linear // 64, "adapters": 4 * rank * sides}
    ### END SOLUTION


# %% tags=["check"]
lab_15.check_count_bytes(count_bytes)


# %% [markdown]
# ## Task 4, open: better levels than NF4
#
# 11 minutes · a few lines · goal: at least 7 % less squared error than NF4 on layers that your function was not shown
#
# `fit_levels` gets scaled weights, each divided by its block's constant, of all layers of `lumen-base` but the last two. It returns
# 16 levels. The check rounds the weights of the last two layers to them. Say in one sentence why your levels err less.
#
# <details><summary>Nudge</summary>
#
# Take the weights that round to one level. Which single number has the smallest squared distance to all of them? And when you have moved the level
# there, do the same weights still round to it?
# </details>
# <details><summary>Error you may see</summary>
#
# `nan`: a level that no weight rounds to has no mean. Start from NF4's levels. If it is slow, use `torch.bucketize` with the midpoints between levels
# instead of all distances.
# </details>
# <details><summary>Pseudocode</summary>
#
# Start from NF4. Thirty times: find the midpoints between neighbours; sort the weights into the 16 ranges between them; move each level to the mean of
# its range.
# </details>

# %% tags=["task"]
def fit_levels(scaled):
    """scaled weights (n,), between -1 and 1 -> 16 levels (16,)"""
    ### BEGIN SOLUTION
    levels = LEVELS.clone()
    for _ in range(30):
        codes = torch.bucketize(scaled, (levels[1:] + levels[:-1]) / 2)
        levels = torch.stack([scaled[codes == code].mean() for code in range(16)])
    return levels
    ### END SOLUTION


why = ""  # one sentence of at least eight words: why do your levels err less?

# %% tags=["solution-only"]
why = "Each level is the mean of the weights that round to it, which makes their squared error smallest."
print([round(level, 3) for level in fit_levels(lab_15.scaled_weights(slice(0, -2)).float()).tolist()])

# %% tags=["check"]
lab_15.check_beat_nf4(fit_levels, why)
