"""Plausible wrong answers to lab 14, and what the checks must say to each."""

import numpy as np
import torch
from torch.nn.functional import pad

from spectrum.checks import lab_14

EVEN, NF4, MAP = lab_14.EVEN.clone(), lab_14.NF4.clone(), lab_14.dynamic_map()
ORDER = ["mine", "int4", "nf4"]

# ---- task 1 ----


def blocks(weight, levels, block, whole=False, absolute=True, guard=1e-30, short="pad", by_index=False, columns=False):
    """A right `round_blocks`, with mistakes by argument."""
    flat = (weight.T if columns and weight.ndim == 2 else weight).reshape(-1)
    block = len(flat) if whole else block
    if short == "drop":
        flat = flat[: len(flat) // block * block]
    fill = flat[-1] if short == "repeat" else 99.0 if short == "large" else 0.0
    rows = pad(flat, (0, -len(flat) % block), value=float(fill)).reshape(-1, block)
    constants = (rows.abs() if absolute else rows).amax(dim=1, keepdim=True)
    scaled = rows / (constants.clamp(min=guard) if guard else constants)
    numbers = torch.bucketize(scaled, (levels[1:] + levels[:-1]) / 2)
    if by_index:  # as if levels stood evenly
        numbers = ((scaled + 1) / 2 * (len(levels) - 1)).round().long().clamp(0, len(levels) - 1)
    back = (levels[numbers] * constants).reshape(-1)[: len(flat)]
    return back.reshape(weight.T.shape).T if columns and weight.ndim == 2 else back.reshape(weight.shape)


def misrounded(**mistake):
    return lambda weight, levels, block: blocks(weight, levels, block, **mistake)


def flat_result(weight, levels, block):
    return blocks(weight, levels, block).reshape(-1)


def floors(weight, levels, block):
    flat = weight.reshape(-1)
    rows = pad(flat, (0, -len(flat) % block)).reshape(-1, block)
    constants = rows.abs().amax(dim=1, keepdim=True)
    numbers = (torch.bucketize(rows / constants.clamp(min=1e-30), levels, right=True) - 1).clamp(min=0)
    return (levels[numbers] * constants).reshape(-1)[: len(flat)].reshape(weight.shape)


def in_place(weight, levels, block):
    weight.copy_(blocks(weight, levels, block))
    return weight.clone()


def by_library(weight, levels, block):
    from spectrum import codes

    return codes.round_trip(weight, "nf4", block)


def sixteen_levels(weight, levels, block):
    return blocks(weight, NF4, block)


def sixty_four(weight, levels, block):
    return blocks(weight, levels, 64)


def first_blocks(weight, levels, block):
    return torch.cat([blocks(weight.reshape(-1)[: 64 * block], levels, block),
                      weight.reshape(-1)[64 * block :]]).reshape(weight.shape)  # fmt: skip


def zeros_spoiled(weight, levels, block):
    back = blocks(weight, levels, block)
    return back * (weight.abs().max() / weight.abs().max())


def codes_alone(weight, levels, block):
    flat = weight.reshape(-1)
    rows = pad(flat, (0, -len(flat) % block)).reshape(-1, block)
    numbers = torch.bucketize(
        rows / rows.abs().amax(dim=1, keepdim=True).clamp(min=1e-30), (levels[1:] + levels[:-1]) / 2
    )
    return levels[numbers].reshape(-1)[: len(flat)].reshape(weight.shape)


# ---- task 2 ----


def sharing(scaled, bits, above=None, below=None, zero=True, first=1, turned=True, zeros=False, last=True):
    """A right `levels_from`, with mistakes by argument."""
    half = 2 ** (bits - 1)

    def shared(sizes, n):
        return torch.quantile(sizes, torch.arange(first, n + first) / (n if last else n + 1))

    upper = scaled[scaled >= 0] if zeros else scaled[scaled > 0]
    over, under = shared(upper, above or half), shared(-scaled[scaled < 0], below or half - 1)
    under = -under.flip(0) if turned else -under
    return torch.cat([under, torch.zeros(1), over] if zero else [under, over])


def by_linspace(scaled, bits):
    half, sides = 2 ** (bits - 1), (scaled[scaled > 0], -scaled[scaled < 0])
    over, under = (
        torch.quantile(side, torch.linspace(0, 1, n + 1)[1:]) for side, n in zip(sides, (half, half - 1), strict=True)
    )
    return torch.cat([-under.flip(0), torch.zeros(1), over])


def missharing(**mistake):
    return lambda scaled, bits: sharing(scaled, bits, **mistake)


def of_all(scaled, bits):
    return torch.quantile(scaled, torch.arange(2**bits) / (2**bits - 1))


def off_by_one(scaled, bits):
    return sharing(scaled, bits, above=2 ** (bits - 1) - 1)


def one_too_many(scaled, bits):
    return sharing(scaled, bits, below=2 ** (bits - 1))


def mirrored(scaled, bits):
    found, half = sharing(scaled, bits), 2 ** (bits - 1)
    return torch.cat([-found[half : 2 * half - 1].flip(0), found[half - 1 :]])


def four_bits_always(scaled, bits):
    return sharing(scaled, 4)


def first_thousand(scaled, bits):
    return sharing(scaled[:1000], bits)


def stretched(scaled, bits):
    found = sharing(scaled, bits)
    return found / found.abs().max()


# ---- task 3 ----


def pack(codes, bits, low_first=False, front=False, dtype=torch.uint8, cut=False):
    """A right `pack`, with mistakes by argument."""
    places = torch.arange(bits) if low_first else torch.arange(bits - 1, -1, -1)
    rows = (codes[:, None] >> places & 1).reshape(-1)
    missing = -len(rows) % 8
    rows = rows[: len(rows) // 8 * 8] if cut else pad(rows, (missing, 0) if front else (0, missing))
    return (rows.reshape(-1, 8) << torch.arange(7, -1, -1)).sum(dim=1).to(dtype)


def unpack(packed, bits, count, low_first=False, whole=False):
    """A right `unpack`, with mistakes by argument."""
    rows = (packed[:, None].long() >> torch.arange(7, -1, -1) & 1).reshape(-1)
    count = len(rows) // bits if whole else count
    places = torch.arange(bits) if low_first else torch.arange(bits - 1, -1, -1)
    return (rows[: count * bits].reshape(count, bits) << places).sum(dim=1)


def packs(**mistake):
    return lambda codes, bits: pack(codes, bits, **mistake), unpack


def unpacks(**mistake):
    return pack, lambda packed, bits, count: unpack(packed, bits, count, **mistake)


def one_a_byte(codes, bits):
    return codes.to(torch.uint8)


def two_a_byte(codes, bits):
    codes = pad(codes, (0, len(codes) % 2)).reshape(-1, 2)
    return (codes[:, 0] * 16 + codes[:, 1]).to(torch.uint8)


def in_words(codes, bits):  # no code crosses the end of a byte
    each = 8 // bits
    codes = pad(codes, (0, -len(codes) % each)).reshape(-1, each)
    return (codes << torch.arange(each - 1, -1, -1) * bits).sum(dim=1).to(torch.uint8)


def packed_by_numpy(codes, bits):
    table = codes.numpy()[:, None] >> np.arange(bits)[::-1] & 1
    return torch.from_numpy(np.packbits(table.astype(np.uint8)))


# ---- task 4 ----


def constants(given, mean=True, back=True, block=256, levels=MAP):
    """A right `round_constants`, with mistakes by argument."""
    middle = given.mean() if mean else 0.0
    return blocks(given - middle, levels, block) + (middle if back else 0.0)


def misconstants(**mistake):
    return lambda given: constants(given, **mistake), total


def total(count, bits, block, double, constant=4, up=True, mean=4, second=4, halves=False):
    """A right count of bytes, with mistakes by argument."""
    number = -(-count // block) if up else count // block
    kept = number + second * -(-number // 256) + mean if double else constant * number
    codes = count * bits / 8 if halves else -(-count * bits // 8)
    return codes + kept


def mistotal(**mistake):
    return constants, lambda *sizes: total(*sizes, **mistake)


# ---- task 5 ----


def sizes_of(inputs, least=0.01):
    sizes = inputs.abs().mean(dim=0)
    return (sizes / sizes.mean()).clamp(min=least)


def error(weight, scales, inputs):
    return float(((blocks(weight * scales, NF4, 64) / scales - weight) @ inputs.T).square().sum())


def searched(weight, inputs, powers=20):
    sizes = sizes_of(inputs)
    return sizes ** min((n / powers for n in range(powers + 1)), key=lambda power: error(weight, sizes**power, inputs))


def of_power(power, least=0.01):
    return lambda weight, inputs: sizes_of(inputs, least) ** power


def least_error_of_weights(weight, inputs):
    sizes = sizes_of(inputs)
    powers = [n / 10 for n in range(-10, 11)]
    errors = [float((blocks(weight * sizes**p, NF4, 64) / sizes**p - weight).norm()) for p in powers]
    return sizes ** powers[int(np.argmin(errors))]


def shuffled(weight, inputs):
    found = searched(weight, inputs)
    return found[torch.randperm(len(found), generator=torch.Generator().manual_seed(0))]


def of_rows(weight, inputs):
    return torch.ones(len(weight))


def by_weights(weight, inputs):
    return 1 / weight.abs().mean(dim=0)


def largest_alone(weight, inputs):
    sizes = sizes_of(inputs)
    return torch.where(sizes == sizes.max(), 2.0, 1.0)


def with_largest_inputs(weight, inputs):
    sizes = inputs.abs().amax(dim=0)
    sizes = (sizes / sizes.mean()).clamp(min=0.01)
    return sizes ** min((n / 20 for n in range(21)), key=lambda power: error(weight, sizes**power, inputs))


BLOCKS, LEVELS, PACK, BYTES, SCALES = (
    "check_round_blocks", "check_levels_from", "check_pack", "check_constants", "check_scales")  # fmt: skip
WRONG = [
    (BLOCKS, "absmax over the whole tensor", misrounded(whole=True), "All eight share the constant 0.8"),
    (BLOCKS, "maximum without absolute value", misrounded(absolute=False), "the lesson's eight numbers"),
    (BLOCKS, "the last block dropped", misrounded(short="drop"), "is invalid for input"),
    (BLOCKS, "filled up with a large number", misrounded(short="large"), "fill"),
    (BLOCKS, "blocks along the columns", misrounded(columns=True), "Blocks run along the rows"),
    (BLOCKS, "zeros divided by zero", zeros_spoiled, "0/0"),
    (BLOCKS, "small constants guarded away", misrounded(guard=1e-6), "A small constant is still a constant"),
    (BLOCKS, "the number of an even level", misrounded(by_index=True), "levels NF4"),
    (BLOCKS, "the next level below", floors, "the lesson's eight numbers"),
    (BLOCKS, "no constant put back", codes_alone, "the lesson's eight numbers"),
    (BLOCKS, "NF4, whatever levels are given", sixteen_levels, "the lesson's eight numbers"),
    (BLOCKS, "blocks of 64, whatever is given", sixty_four, "All eight share the constant 0.8"),
    (BLOCKS, "the first 64 blocks", first_blocks, "a hundred blocks"),
    (BLOCKS, "flat", flat_result, "expected shape"),
    (BLOCKS, "changes the weight", in_place, "changed its argument `weight`"),
    (BLOCKS, "the library", by_library, "your function calls spectrum.codes"),
    (BLOCKS, "nothing returned", lambda weight, levels, block: None, "got None"),
    (LEVELS, "zero is no level", (missharing(zero=False, below=8), ORDER), "zero is 0 times"),
    (LEVELS, "quantiles of all weights", (of_all, ORDER), "times among your levels"),
    (LEVELS, "one level short", (off_by_one, ORDER), "expected shape (16,), got (15,)"),
    (LEVELS, "one level too many", (one_too_many, ORDER), "expected shape (16,), got (17,)"),
    (LEVELS, "shares from 0", (missharing(first=0), ORDER), "17 weights above 0"),
    (LEVELS, "the last share left out", (missharing(last=False), ORDER), "17 weights above 0"),
    (LEVELS, "below not turned round", (missharing(turned=False), ORDER), "not in order"),
    (LEVELS, "zeros counted among those above", (missharing(zeros=True), ORDER), "times among your levels"),
    (LEVELS, "below mirrored from above", (mirrored, ORDER), "15 below"),
    (LEVELS, "four bits, whatever is asked", (four_bits_always, ORDER), "in 2 bits"),
    (LEVELS, "the first 1,000 weights", (first_thousand, ORDER), "weights, uneven"),
    (LEVELS, "stretched to 1", (stretched, ORDER), "in 2 bits"),
    (LEVELS, "NF4 itself", (lambda scaled, bits: NF4.clone(), ORDER), "17 weights above 0"),
    (LEVELS, "no prediction", (sharing, []), "predict an order"),
    (LEVELS, "mine the best", (sharing, ["int4", "nf4", "mine"]), "you put int4 before"),
    (LEVELS, "mine between", (sharing, ["int4", "mine", "nf4"]), "Who rounds to them"),
    (PACK, "the low bits first", packs(low_first=True), "highest bits"),
    (PACK, "filled up at the front", packs(front=True), "highest bits"),
    (PACK, "64 bits a byte", packs(dtype=torch.int64), "expected bytes of uint8, got int64"),
    (PACK, "the last byte cut", packs(cut=True), "expected 2 bytes, got 1"),
    (PACK, "one code a byte", (one_a_byte, unpack), "expected 1 bytes, got 2"),
    (PACK, "four bits, whatever is asked", (two_a_byte, unpack), "codes [1, 2, 3] in 3 bits"),
    (PACK, "no code across bytes", (in_words, unpack), "codes [1, 2, 3] in 3 bits"),
    (PACK, "unpacked low bits first", unpacks(low_first=True), "unpacked"),
    (PACK, "the filling unpacked too", unpacks(whole=True), "the filling at the end is none"),
    (BYTES, "the mean left on", misconstants(mean=False), "Less their mean"),
    (BYTES, "the mean not added again", misconstants(back=False), "their mean added again"),
    (BYTES, "one block for all constants", misconstants(block=10_000), "in blocks of 256"),
    (BYTES, "blocks of 64", misconstants(block=64), "in blocks of 256"),
    (BYTES, "NF4 for constants", misconstants(levels=NF4), "with MAP for levels"),
    (BYTES, "not rounded at all", (lambda given: given.clone(), total), "are not what double quantization makes"),
    (BYTES, "constants not counted", mistotal(constant=0), "Each block has a constant beside them"),
    (BYTES, "constants of 16 bits", mistotal(constant=2), "float32, 4 bytes each, not 2"),
    (BYTES, "their constants not counted", mistotal(second=0), "constants of their own"),
    (BYTES, "their mean not counted", mistotal(mean=0), "The mean of the constants is kept too"),
    (BYTES, "a short last block without a constant", mistotal(up=False), "Round up everywhere"),
    (BYTES, "half a byte", mistotal(halves=True), "expected a whole number of bytes"),
    (SCALES, "no scales", (lambda weight, inputs: torch.ones(weight.shape[1]), "c"), "save 0.0 %"),
    (SCALES, "the root of the size, always", (of_power(0.5), "c"), "meet small weights: your scales save"),
    (SCALES, "a power of 0.25, always", (of_power(0.25), "c"), "meet small weights: your scales save"),
    (SCALES, "the size itself", (of_power(1.0), "c"), "try several on the inputs"),
    (SCALES, "divided where it should be multiplied", (of_power(-0.5), "c"), "try several on the inputs"),
    (SCALES, "scales of 0", (lambda weight, inputs: (inputs.abs().mean(dim=0) > 1) * 1.0, "c"), "above 0"),
    (SCALES, "the smallest error of the weight", (least_error_of_weights, "c"), "try several on the inputs"),
    (SCALES, "shuffled", (shuffled, "c"), "try several on the inputs"),
    (SCALES, "one scale a row", (of_rows, "c"), "expected shape (256,), got (192,)"),
    (SCALES, "by the weights", (by_weights, "c"), "try several on the inputs"),
    (SCALES, "the largest input alone", (largest_alone, "c"), "try several on the inputs"),
    (SCALES, "no explanation", (searched, ""), "no explanation is chosen"),
    (SCALES, "the weight is off by less", (searched, "a"), "without your scales and by"),
    (SCALES, "the blocks are more even", (searched, "b"), "times the root mean square"),
    (SCALES, "any scales do", (searched, "d"), "the same ones shuffled"),
]

RIGHT = [
    (BLOCKS, "all distances", lambda weight, levels, block: torch.cat(
        [levels[(part[:, None] / max(float(part.abs().max()), 1e-30) - levels).abs().argmin(dim=1)] * part.abs().max()
         for part in weight.reshape(-1).split(block)]).reshape(weight.shape)),
    (BLOCKS, "filled up with the last weight", misrounded(short="repeat")),
    (BLOCKS, "0/0, times 0", misrounded(guard=0)),
    (PACK, "numpy's packbits", (packed_by_numpy, unpack)),
    (PACK, "an array of numpy's", (lambda codes, bits: packed_by_numpy(codes, bits).numpy(), unpack)),
    (LEVELS, "shares by linspace", (by_linspace, ORDER)),
    (SCALES, "five powers", (lambda weight, inputs: searched(weight, inputs, 4), "c")),
    (SCALES, "by the largest inputs", (with_largest_inputs, "C ")),
]  # fmt: skip
