"""Checks of labs/15_qlora.ipynb."""

import copy

import numpy as np
import torch
from transformers import LlamaConfig

from spectrum import adapters
from spectrum.checks.levels import BLOCK, divergences, drawn, rounded, squared_error, weights_of
from spectrum.checks.machinery import check, expect, expect_choice, expect_close, fresh_seed
from spectrum.checks.memory import holds, kept_by
from spectrum.checks.qlora_layer import (
    check_kept,
    check_outputs,
    check_over_halves,
    check_parameters,
    check_saved,
    check_small,
    fresh,
    library_round_trip,
    made,
)

GOAL = 0.05  # of the squared error of NF4; the worked lab saves about twice as much
NF4 = (-1.0, -0.6961928, -0.5250731, -0.3949175, -0.2844414, -0.1847734, -0.0910500, 0.0,
       0.0795803, 0.1609302, 0.2461123, 0.3379152, 0.4407098, 0.5626170, 0.7229568, 1.0)  # fmt: skip
LEVELS = torch.tensor(NF4)  # the learner's; the checks measure with a copy that nobody can change
TAILS = {"skewed": "one long tail upwards", "mirrored": "one long tail downwards", "heavy": "two heavy tails"}
LIBRARY = ("bitsandbytes.functional", "spectrum.quantize")  # what the checks compare with
CHECKPOINT = (*LIBRARY, "torch.utils.checkpoint.checkpoint")
EXPLANATIONS = {
    "a": "each of my levels is used by the same number of weights",
    "b": "my levels give zero and the largest weight of a block back exactly, which NF4's do not",
    "c": "each of my levels is near the mean of the weights that round to it, and NF4's outer levels are not",
    "d": "my levels make the model's predictions better by the same percentage",
}


def keep_levels():
    """Puts LEVELS right again, and raises CheckFailed where they had been changed."""
    changed = not torch.equal(LEVELS, torch.tensor(NF4))
    LEVELS.copy_(torch.tensor(NF4))
    expect(not changed, "lab_15.LEVELS had been changed, and is mended now", "Work on LEVELS.clone(), and run again.")


@check(forbids=LIBRARY)
def check_nf4(quantize, dequantize):
    """The learner's pair of functions rounds a matrix to NF4 in blocks of 64 and back, as bitsandbytes does."""
    keep_levels()
    check_codes(quantize)
    check_restored(dequantize)
    hint = "Its constant is 0, and 0/0 is not a number. Divide by something that is never 0."
    codes, constants = quantize(torch.zeros(1, BLOCK))
    expect_close(codes, torch.full((1, BLOCK), 7), 0, "codes of a block of zeros", hint)
    expect_close(dequantize(codes, constants, (1, BLOCK)), torch.zeros(1, BLOCK), 0, "a block of zeros restored", hint)
    weights = torch.randn(112, 192, generator=fresh()) * 0.05
    for size, hint in ((1, "Are the blocks taken along the rows?"), (1e-10, "A small constant is still a constant."),
                       (1e6, "Scaled weights lie between -1 and 1, whatever the size of the weights.")):  # fmt: skip
        back = dequantize(*quantize(size * weights), weights.shape)
        what = f"112 × 192 random weights around {0.05 * size:.0e} there and back, in units of {size:.0e}"
        expect_close(back / size, library_round_trip(weights), 1e-5, what, hint)


def check_codes(quantize):
    """Raises unless `quantize` gives the constants and codes of blocks worked by hand."""
    weight = torch.zeros(2, BLOCK)
    weight[0, :4], weight[1, 0] = torch.tensor([0.1, -0.8, 0.36, 0.0]), 0.02
    codes, constants = quantize(weight)
    expect(
        tuple(codes.shape) == (2, BLOCK) and not codes.is_floating_point(),
        f"codes should be whole numbers of shape (2, 64), got {codes.dtype} of {tuple(codes.shape)}",
        "reshape(-1, 64) makes the blocks; argmin gives the number of the nearest level.",
    )
    expect(
        tuple(constants.shape) == (2,),
        f"constants should be of shape (2,), got {tuple(constants.shape)}",
        "Each block of 64 has a constant of its own: take the maximum along the block, not over all weights.",
    )
    said = "The constant is the largest absolute value in a block. Which weight of the first block is that?"
    if abs(float(constants[0]) - 0.36) + abs(float(constants[1]) - 0.02) < 1e-6:  # the largest of each, as it stands
        said = "Take the absolute value first: the largest weight may be a negative one."
    if abs(float(constants[1]) - 0.8) < 1e-6:
        said = "0.8 is in the other block. Take the maximum along the block."
    expect_close(constants, [0.8, 0.02], 1e-6, "constants of blocks with -0.8 and 0.02 as largest", said)
    hint = "Divide by the constant, then find the level with the smallest distance. Levels are not evenly spaced."
    expect_close(codes[0, :4], [9, 0, 12, 7], 0, "codes of 0.1, -0.8, 0.36 and 0, constant 0.8", hint)
    levels = torch.tensor(NF4)
    middles = (levels[1:] + levels[:-1]) / 2
    edge = torch.cat([torch.tensor([1.0, -1.0]), middles - 1e-3, middles + 1e-3, torch.zeros(32)])
    codes, _ = quantize(torch.stack([edge, -3 * edge]))
    wanted = torch.cat([torch.tensor([15, 0]), torch.arange(15), torch.arange(1, 16), torch.full((32,), 7)])
    expect_close(codes[0], wanted, 0, "codes of weights a little below and above the middle between two levels", hint)
    expect_close(codes[1, :2], [0, 15], 0, "codes of -3 and 3, the ends of a block", hint)


def check_restored(dequantize):
    """Raises unless `dequantize` makes weights of codes and constants that are given by hand, in any shape."""
    codes = torch.arange(3 * BLOCK).reshape(3, BLOCK) % 16
    constants = torch.tensor([0.8, 0.02, 3e-9])
    wanted = torch.tensor(NF4).repeat(4) * constants[:, None]
    for shape in ((3, 64), (1, 192), (6, 32)):
        back = dequantize(codes, constants, torch.Size(shape))
        expect_close(back, wanted.reshape(shape), 1e-6, f"all 16 codes in three blocks, restored to {shape}",
                     "A code is the number of a level; multiply the level by its own block's constant.")  # fmt: skip
    expect_close(1e9 * back[4:], 1e9 * wanted[2:].reshape(2, 32), 1e-5, "the third block, constant 3e-9, times 1e9",
                 "Each block is multiplied by its own constant, however small.")  # fmt: skip
    back = dequantize(codes.flip(1), constants, torch.Size((3, 64)))
    expect_close(back, wanted.flip(1), 1e-6, "the same codes, each block turned round, restored to (3, 64)",
                 "What is returned is made anew in each call, from the codes that are given.")  # fmt: skip


@check(forbids=CHECKPOINT)
def check_qlora_layer(layer_class):
    """The learner's QLoRALinear computes what peft over bitsandbytes does, and trains A and B alone."""
    linear, rounded = made(128, 96)
    layer, kept = kept_by(lambda: layer_class(linear, rank=4, alpha=16))
    check_parameters(layer)
    check_over_halves(layer_class)
    expect(
        kept[0][0] <= 96 * 128,
        f"the layer keeps a tensor of {kept[0][0]:,} bytes for 12,288 weights",
        "Keep the codes as uint8 and the constants, not the weight: it is restored in each forward pass.",
    )
    check_kept(layer)
    check_outputs(layer, rounded, linear.bias.detach().clone(), 4)
    check_saved(layer_class, layer)
    expect(not holds(layer, linear.weight), "the layer holds on to the weight of the old layer",
           "Keep its codes, its shape and its bias: what is held is not freed.")  # fmt: skip
    for d_in, d_out, rank, alpha in ((64, 80, 1, 0.5), (192, 70, 100, 7.5)):
        linear, rounded = made(d_in, d_out, bias=False)
        layer = layer_class(linear, rank, alpha)
        check_outputs(layer, rounded, None, alpha / rank)
        check_small(layer, rounded, alpha / rank, CHECKPOINT)


def exact_bytes(config, rank):
    """Returns the bytes of a Llama under QLoRA from its sizes, written out; no module is looked at."""
    width, inner, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    vocabulary, biases = config.vocab_size, config.attention_bias
    keys = config.num_key_value_heads * config.head_dim
    linear = layers * (2 * width * width + 2 * width * keys + 3 * width * inner)
    rest = vocabulary * width * (1 if config.tie_word_embeddings else 2) + width * (2 * layers + 1)
    rest += layers * (2 * width + 2 * keys) if biases else 0  # of q, k, v and o
    sides = layers * (2 * 2 * width + 2 * (width + keys) + 3 * (width + inner))
    return {"weights": linear // 2 + 2 * rest, "constants": linear // 64 * 4, "adapters": 4 * rank * sides}


@check
def check_count_bytes(function):
    """The learner's `count_bytes(model, rank)` counts weights, constants and adapters of Llamas of any size."""
    generator = np.random.default_rng(fresh_seed())
    sizes = {
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_hidden_layers": 2,
        "vocab_size": 1000,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 64,
    }
    cases = [(sizes, True, 4), (sizes, False, 4), (sizes, True, 200)]
    cases += [
        (
            {
                **sizes,
                "hidden_size": 64 * int(generator.integers(2, 6)),
                "num_key_value_heads": 1,
                "num_hidden_layers": int(generator.integers(1, 5)),
            },
            tied,
            int(generator.integers(1, 65)),
        )
        for tied in (True, False)
    ]
    for case, tied, rank in cases:
        case = {**case, "num_attention_heads": case["hidden_size"] // 64}
        config = LlamaConfig(**case, tie_word_embeddings=tied, attention_bias=rank == 4)
        model = copy.deepcopy(adapters.empty_model(config))
        before = {name: parameter.shape for name, parameter in model.named_parameters()}
        found = function(model, rank)
        after = {name: parameter.shape for name, parameter in model.named_parameters()}
        expect(before == after, "the model was changed", "Count its layers, and add none.")
        check_one_count(found, config, rank, tied)


def check_one_count(found, config, rank, tied):
    """Raises unless a learner's count for a config is right, and names the mistake."""
    wanted = exact_bytes(config, rank)
    expect(
        isinstance(found, dict) and set(found) == set(wanted),
        f"expected a dict with the keys {sorted(wanted)}, got {found!r}",
        "Return {'weights': …, ...}.",
    )
    where = (
        f"a model of {config.num_hidden_layers} layers, width {config.hidden_size}, "
        + ("head tied to the embeddings" if tied else "with a head of its own")
        + (", with biases" if config.attention_bias else "")
    )
    table = config.vocab_size * config.hidden_size
    hints = {
        "weights": "Linear layers take half a byte a weight; embeddings, norms and the head stay in 16 bits, and a "
        "tied head is no second tensor.",
        "constants": "Each 64 weights of a linear layer share one constant of 32 bits, which is 4 bytes.",
        "adapters": "A LoRA has rank · (d_in + d_out) numbers for each linear layer but the head, 4 bytes each.",
    }
    if not tied and found["weights"] == wanted["weights"] - 2 * table + table // 2:
        hints["weights"] = "You counted the head as 4 bits. It stays in 16, although it is a linear layer."
    if found["constants"] * 2 == wanted["constants"]:
        hints["constants"] = "You counted the constants as 16 bits. They are float32."
    for part, right in wanted.items():
        expect(found[part] == right, f"{part} of {where}: expected {right:,} bytes, got {found[part]:,}", hints[part])
    whole = all(isinstance(n, int) for n in found.values())
    expect(whole, f"expected whole numbers of bytes, got {found}", "Half a byte a weight: use //.")


def check_saving(levels, held_out, goal, where):
    """Returns what share of NF4's squared error 16 levels save on held-out weights; raises unless it is the goal."""
    levels = torch.as_tensor(levels).detach().flatten()
    expect(
        levels.numel() == 16 and levels.unique().numel() == 16,
        f"expected 16 levels, got {levels.numel()}, {levels.unique().numel()} of them different",
        "Four bits tell 16 things apart, no more; two equal levels waste one.",
    )
    expect(
        bool(torch.isfinite(levels).all()) and float(levels.abs().max()) <= 1.0,
        f"the levels reach from {float(levels.min()):.3g} to {float(levels.max()):.3g}",
        "Weights are divided by the largest absolute value of their block, so none lies beyond ±1.",
    )
    saved = 1 - squared_error(levels, held_out) / squared_error(torch.tensor(NF4), held_out)
    expect(
        saved >= goal,
        f"{where} they save {100 * saved:.1f} % of NF4's squared error, wanted {100 * goal:.0f} %",
        "Where should a level stand among the weights that round to it, to make their squared error smallest? Do the "
        "levels follow from the weights that are given, from all of them?",
    )
    return saved


def refutation(letter, levels, held_out, saved):
    """Returns what the levels themselves, or the model rounded to them, show against a wrong explanation."""
    levels = torch.as_tensor(levels).detach().flatten().double().sort().values
    if letter == "a":
        shares = torch.bucketize(held_out, (levels[1:] + levels[:-1]) / 2).bincount(minlength=16) / len(held_out)
        return f"Counted: from {100 * shares.min():.1f} to {100 * shares.max():.1f} % of the weights use a level."
    if letter == "b":
        ends = torch.tensor([-1.0, 0.0, 1.0]).double()
        errors = ", ".join(f"{error:.3f}" for error in (rounded(ends, levels) - ends).abs().tolist())
        return f"NF4 has levels at -1, 0 and 1: there it errs by nothing. With yours -1, 0 and 1 are off by {errors}."
    if letter == "d":
        before, after = divergences(torch.tensor(NF4), levels)
        return (
            f"The squared error falls by {100 * saved:.0f} %. How far rounding moves the model's predictions "
            f"(KL divergence) is {1000 * before:.2f} thousandths of a nat with NF4, {1000 * after:.2f} with yours."
        )
    return ""


@check
def check_beat_nf4(fit, explanation, goal=GOAL):
    """The learner's `fit_levels(scaled)` makes 16 levels that err less than NF4's on weights it was not shown."""
    keep_levels()
    for shape in TAILS:
        seed = fresh_seed()
        shown, held_out = (drawn(shape, torch.Generator().manual_seed(seed + part)) for part in (0, 1))
        levels = fit(shown.float())
        keep_levels()
        check_saving(levels, held_out, goal, f"on drawn weights with {TAILS[shape]}")
    order = np.random.default_rng(fresh_seed()).permutation(6)
    levels, held_out = fit(weights_of(order[:4]).float()), weights_of(order[4:])
    keep_levels()
    saved = check_saving(levels, held_out, goal, f"on the layers {sorted(map(int, order[4:]))} of lumen-base")
    letter = str(explanation).strip().lower()
    expect_choice(explanation, EXPLANATIONS, "c", {letter: refutation(letter, levels, held_out, saved)})
