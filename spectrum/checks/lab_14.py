"""Checks of labs/14_four_bits.ipynb."""

import numpy as np
import torch

from spectrum import codes
from spectrum.checks.bytes_14 import FIRST, PACKED, check_by_library, check_packed, check_total, packed_bits
from spectrum.checks.levels import rounded, weights_of
from spectrum.checks.machinery import check, expect, expect_choice, expect_close, expect_prediction, fresh_seed
from spectrum.checks.planted_14 import (
    KINDS,
    inputs_of_lumen,
    layer_with,
    output_error,
    restored,
    rounded_blocks,
)

LIBRARY = ("bitsandbytes.functional", "spectrum.codes", "spectrum.quantize")  # what the checks compare with
EVEN, NF4 = codes.levels("int4"), codes.levels("nf4")  # the learner's
SAVED = dict(zip(KINDS, (0.45, 0.15, 0.84, -0.04, -0.02), strict=True))  # of the squared error of the outputs
OF_LUMEN = 0.08
EXPLANATIONS = {
    "a": "scaled weights lie nearer to NF4's levels, so the restored weight itself is off by less",
    "b": "scales even a block out: its largest weight stands out less from the others",
    "c": "weights that meet large inputs are off by less and the others by more, and the first count for more",
    "d": "any scales do, as long as columns differ: shuffled ones would save as much",
}


def dynamic_map():
    """Returns the 256 levels of 8 bits that constants are rounded to, from below -0.99 to 1: bitsandbytes' own."""
    import bitsandbytes.functional as bnb

    return bnb.create_dynamic_map().float()


def example(seed=0):
    """Returns (weight (192, 512), inputs (tokens, 512)) of lumen-base's last down_proj, to try scales on."""
    weight, inputs, _ = inputs_of_lumen(seed)
    return weight.clone(), inputs.clone()


def fresh():
    """Returns a generator with a new seed, so that no answer can be written for one input."""
    return torch.Generator().manual_seed(fresh_seed())


# ---- task 1 ----

EIGHT = (0.3, -0.8, 0.1, 0.5, -0.2, 0.7, 0.4, -0.6)
IN_THREES = (0.8 * 3 / 7, -0.8, 0.8 / 7, 0.5, -0.2, 0.7, 0.6 * 5 / 7, -0.6)
IN_FOURS = (0.0, -0.8, 0.0, 0.8, 0.0, 0.7, 0.7, -0.7)
SHORT = "The last block may be shorter: what it lacks can be filled up with zeros, which change no largest value."
BLOCKS = (  # sizes of the blocks, the length of a whole one, constants, what is asked, hint
    ([64, 64], 64, [0.8, 0.02], "two whole blocks", "Each block has a constant of its own."),
    ([5, 5, 2], 5, [1.0, 3.0, 0.1], "12 weights in blocks of 5", SHORT),
    ([3], 64, [0.5], "3 weights in blocks of 64", "A block can be longer than all there is."),
    ([1] * 9, 1, [0.1 * n for n in range(1, 10)], "blocks of one weight", "Then each weight is its own constant."),
    ([7, 7, 7], 7, [1e-12, 1.0, 1e6], "constants of 1e-12, 1 and 1e6",
     "A small constant is still a constant. Guard against 0, and against nothing else."),
    ([100] * 99 + [1], 100, [0.01 * n for n in range(1, 101)], "a hundred blocks", "All blocks, however many."),
)  # fmt: skip


@check(forbids=LIBRARY)
def check_round_blocks(function):
    """The learner's `round_blocks(weight, levels, block)` rounds a weight of any size to any levels, and back."""
    numbers = torch.tensor(EIGHT)
    hint = "Blocks of 3: the constants are 0.8, 0.7 and 0.6. " + SHORT
    found = function(numbers, EVEN.clone(), 3)
    whole = rounded(numbers.double() / 0.8, EVEN.double()) * 0.8
    if torch.is_tensor(found) and found.shape == whole.shape and torch.allclose(found.double(), whole, atol=1e-4):
        hint = "All eight share the constant 0.8 here. Take the maximum along each block."
    expect_close(found, IN_THREES, 1e-5, "the lesson's eight numbers in blocks of 3", hint)
    expect_close(function(numbers, codes.levels("int2"), 4), IN_FOURS, 1e-5, "the eight in blocks of 4, to 3 levels",
                 "Blocks and levels are those that are given. In 2 bits the even levels are -1, 0 and 1.")  # fmt: skip
    zeros = torch.zeros(2, 5)
    hint = "A block of zeros has the constant 0, and 0/0 is not a number. What comes back is 0."
    expect_close(function(zeros, NF4.clone(), 4), zeros, 0, "ten zeros in blocks of 4", hint)
    lists = {"NF4": NF4, "even": EVEN, "2 bits": codes.levels("nf2"), "8 bits": codes.levels("int8"),
             "none at ±1 or at 0": torch.tensor([-0.9, -0.4, 0.3, 0.8])}  # fmt: skip
    for counts, block, constants, what, hint in BLOCKS:
        for name, levels in lists.items():
            weights, wanted = rounded_blocks(levels, counts, constants, fresh())
            sizes = torch.tensor(constants).repeat_interleave(torch.tensor(counts))
            back = as_tensor(function(weights.clone(), levels.clone(), block), wanted.shape, what)
            expect_close(back / sizes, wanted / sizes, 1e-5, f"{what}, levels {name}, as shares of their constants",
                         hint)  # fmt: skip
    check_shapes(function)


def as_tensor(found, shape, what):
    """Returns what a learner's function returned as a tensor of 64 bits; raises unless it has numbers of this shape."""
    expect_close(found, found, 0, what)  # numbers at all, and not None
    found = torch.as_tensor(found).detach().double()
    expect(found.shape == shape, f"{what}: expected shape {tuple(shape)}, got {tuple(found.shape)}",
           "What comes back has the shape of the weight that went in.")  # fmt: skip
    return found


def check_shapes(function):
    """Raises unless blocks run along the rows of matrices, also of one that lies transposed in memory."""
    weights, wanted = rounded_blocks(NF4, [8] * 15, [0.1 * n for n in range(1, 16)], fresh())
    hint = "Blocks run along the rows, one row after the other, whatever the number of axes."
    for shape in ((10, 12), (120, 1), (2, 5, 12)):
        expect_close(function(weights.reshape(shape), NF4.clone(), 8), wanted.reshape(shape), 1e-5,
                     f"a weight of shape {shape} in blocks of 8", hint)  # fmt: skip
    turned = weights.reshape(10, 12).T.contiguous().T  # the same matrix, its columns side by side in memory
    expect_close(function(turned, NF4.clone(), 8), wanted.reshape(10, 12), 1e-5,
                 "a weight that lies transposed in memory", "reshape() goes by rows, wherever they lie.")  # fmt: skip


# ---- task 2 ----


def quantile_levels(scaled, bits):
    """Returns the wanted levels by numpy, of scaled weights (n,)."""
    scaled, half = np.asarray(scaled, dtype=np.float64), 2 ** (bits - 1)
    above = [np.quantile(scaled[scaled > 0], k / half) for k in range(1, half + 1)]
    below = [-np.quantile(-scaled[scaled < 0], k / (half - 1)) for k in range(1, half)]
    return np.array([*below[::-1], 0.0, *above])


@check(forbids=LIBRARY)
def check_levels_from(function, largest_first):
    """The learner's levels share the weights out, zero is one of them; and their error is as it was predicted."""
    paper = torch.cat([torch.arange(1, 18) / 17, -torch.arange(1, 16) / 15, torch.zeros(9)])
    paper = paper[torch.randperm(len(paper), generator=fresh())]
    wanted = [-(1 + 2 * k) / 15 for k in range(7, 0, -1)] + [0.0] + [(1 + 2 * k) / 17 for k in range(1, 9)]
    check_sixteen(function(paper.clone(), 4))
    expect_close(function(paper.clone(), 4), wanted, 1e-5, "17 weights above 0, 15 below, 9 at 0, in 4 bits",
                 "Zeros are on neither side. Above 0 the levels are the weights number 3, 5, … 17; below number 3, 5, "
                 "… 15, counted away from 0.")  # fmt: skip
    generator = fresh()
    cases = ((2, 50, 200), (2, 50, 3), (3, 1_000, 200), (5, 7_000, 200), (9, 20_000, 200), (4, 12, 1e6))
    for bits, count, size in cases:
        drawn = torch.randn(count, generator=generator)
        drawn = torch.cat([drawn, torch.tensor([0.6, -0.7])]) / size
        drawn[: count // 5] = drawn[: count // 5].abs()  # more above 0 than below
        found = as_tensor(function(drawn.clone(), bits), (2**bits,), f"levels in {bits} bits")
        expect_close(size * found, size * quantile_levels(drawn, bits), 2e-3,
                     f"{count + 2:,} weights, uneven, in {bits} bits, times {size:g}",
                     "2**(bits-1) levels above 0, one fewer below; each side by its own quantiles.")  # fmt: skip
    shown, held_out = weights_of((0, 2, 4)), weights_of((1, 3, 5))
    levels = {"mine": torch.as_tensor(function(shown.float(), 4)).double(), "nf4": NF4_KEPT, "int4": EVEN_KEPT}
    errors = {name: 100 * float((held_out - rounded(held_out, each)).square().mean() ** 0.5)
              for name, each in levels.items()}  # fmt: skip
    used = torch.bucketize(held_out, (levels["mine"][1:] + levels["mine"][:-1]) / 2).bincount(minlength=16)
    far = float(levels["mine"][-1] - levels["mine"][-2])
    expect_prediction(largest_first, errors, 0.0, "error of lumen's scaled weights, as % of their blocks' largest",
                      f"Your levels are used by {100 * used.min() / len(held_out):.0f} to "
                      f"{100 * used.max() / len(held_out):.0f} % of the weights each. The last two stand {far:.2f} "
                      "apart. Who rounds to them, and by how much is it off?")  # fmt: skip


NF4_KEPT, EVEN_KEPT = NF4.double().clone(), EVEN.double().clone()  # what the checks measure with


def check_sixteen(levels):
    """Raises unless there are 16 levels in order, and zero is one of them."""
    found = as_tensor(levels, (16,), "levels for 4 bits")
    expect(bool((found == 0).sum() == 1), f"zero is {int((found == 0).sum())} times among your levels",
           "A weight of exactly 0 must come back as 0: zero is a level, once, and the quantiles are of the weights "
           "above and of those below it.")  # fmt: skip
    expect(bool((found.diff() > 0).all()), "the levels are not in order, or two are equal",
           "From the lowest to the highest: the levels below 0 are turned round.")  # fmt: skip


# ---- task 3 ----


@check(forbids=LIBRARY)
def check_pack(pack, unpack):
    """The learner's pair writes codes of any number of bits as bytes and reads them, as bitsandbytes does for four."""
    for numbers, bits, wanted in PACKED:
        what = f"codes {numbers} in {bits} bits"
        check_packed(pack(torch.tensor(numbers), bits), wanted, what)
        back = unpack(torch.tensor(wanted, dtype=torch.uint8), bits, len(numbers))
        expect_close(back, numbers, 0, f"the bytes of {what}, unpacked",
                     "As many codes as there were: the filling at the end is none.")  # fmt: skip
    generator = np.random.default_rng(fresh_seed())
    for bits in range(1, 9):
        for count in (int(generator.integers(2, 100)), int(generator.integers(3_000, 9_000))):
            numbers = generator.integers(0, 2**bits, count)
            packed = packed_bits(numbers, bits)
            what = f"{count:,} codes in {bits} bits"
            check_packed(pack(torch.tensor(numbers), bits), packed, what)
            expect_close(unpack(torch.tensor(packed), bits, count), numbers, 0, f"the bytes of {what}, unpacked", FIRST)
    check_by_library(pack)


# ---- task 4 ----


@check(forbids=LIBRARY)
def check_constants(round_constants, total):
    """The learner's constants are rounded a second time, and `total` counts every byte."""
    generator, levels = fresh(), dynamic_map().double()
    for count, size in ((600, 1.0), (600, 1e-5), (256, 1.0), (40, 1.0), (5_000, 1.0)):
        constants = 0.1 + 0.03 * torch.rand(count, generator=generator)
        constants[0] = 0.5  # a block with an outlier
        constants *= size
        found = as_tensor(round_constants(constants.clone()), constants.shape, f"{count:,} constants")
        off = constants.double() - constants.double().mean()
        sizes = torch.cat([part.abs().max().expand(len(part)) for part in off.split(256)])
        wanted = rounded(off / sizes, levels) * sizes + constants.double().mean()
        others = int(((found - wanted).abs() > 1e-6 * size).sum())  # one may lie on the edge between two levels
        expect(others <= 1 + count // 100, f"{others:,} of {count:,} constants are not what double quantization makes "
               f"of them, the largest difference is {float((found - wanted).abs().max()):.2g}",
               "Less their mean, in blocks of 256 with MAP for levels, and their mean added again.")  # fmt: skip
    for value, count in ((0.3, 1), (0.25, 300)):
        expect_close(round_constants(torch.full((count,), value)), [value] * count, 1e-6,
                     f"{count} constants that are all {value}",
                     "Less their mean they are 0. What is a block of zeros?")  # fmt: skip
    check_total(total)


# ---- task 5 ----


def saved_by(function, layer, goal, where):
    """Returns (the learner's scales, what share of the outputs' squared error they save); raises below the goal."""
    weight, shown, held_out = layer
    scales = as_tensor(function(weight.clone(), shown.clone()), weight.shape[1:], f"scales for {where}")
    expect(bool(torch.isfinite(scales).all()) and float(scales.min()) > 0,
           f"scales for {where} reach from {float(scales.min()):.3g} to {float(scales.max()):.3g}",
           "What is multiplied is divided again: a scale is above 0. Is there an input that is always 0?")  # fmt: skip
    plain = output_error(weight, restored(weight, torch.ones(weight.shape[1])), held_out)
    saved = 1 - output_error(weight, restored(weight, scales.float()), held_out) / plain
    expect(saved >= goal, f"{where}: your scales save {100 * saved:.1f} % of the outputs' squared error, wanted "
           f"{100 * goal:.0f} %",
           "Large inputs make an error of their weights count. How much larger should such a column be? One answer "
           "does not serve all layers: try several on the inputs you are given, and keep the best.")  # fmt: skip
    return scales.float(), saved


def refutation(letter, layer, scales, saved):
    """Returns what lumen's layer and the learner's scales show against a wrong explanation."""
    weight, shown, held_out = layer
    if letter == "a":
        off = [100 * codes.relative_error(weight, restored(weight, s)) for s in (torch.ones(len(scales)), scales)]
        return f"Measured: the weight is off by {off[0]:.1f} % without your scales and by {off[1]:.1f} % with them."
    if letter == "b":
        rows = [(weight * s).reshape(-1, 64) for s in (torch.ones(len(scales)), scales)]
        out = [float((r.abs().amax(dim=1) / r.square().mean(dim=1).sqrt()).mean()) for r in rows]
        return (
            f"Measured: the largest of a block is {out[0]:.2f} times the root mean square of all 64 without your "
            f"scales, and {out[1]:.2f} times with them."
        )
    if letter == "d":
        order = torch.randperm(len(scales), generator=fresh())
        plain = output_error(weight, restored(weight, torch.ones(len(scales))), held_out)
        other = 1 - output_error(weight, restored(weight, scales[order]), held_out) / plain
        return f"Measured: your scales save {100 * saved:.0f} %, the same ones shuffled {100 * other:.0f} %."
    return ""


@check(forbids=LIBRARY)
def check_scales(function, explanation):
    """The learner's scales make the outputs of rounded layers err less, on inputs that were not shown."""
    for kind, goal in SAVED.items():
        saved_by(function, layer_with(kind, fresh()), goal, f"a layer with {kind}")
    layer = inputs_of_lumen(fresh_seed())
    scales, saved = saved_by(function, layer, OF_LUMEN, "lumen's last down_proj")
    letter = str(explanation).strip().lower()
    expect_choice(explanation, EXPLANATIONS, "c", {letter: refutation(letter, layer, scales, saved)})
