"""Layers with an adapter whose merged and rounded weight is known, and what three ways to round such a layer lose."""

import functools

import torch

from spectrum import adapters, codes
from spectrum.checks.planted_14 import rounded_blocks
from spectrum.models import load_model

LAYERS, RANK, SHARE = 6, 16, 0.45  # of lumen-base; an update has this share of a weight's norm, as tuning leaves it
ROUNDINGS = {
    "four bits in blocks of 32": lambda weight: codes.round_trip(weight, "int4", 32),
    "NF4 in blocks of 64": lambda weight: codes.round_trip(weight, "nf4", 64),
    "eight bits in blocks of 32": lambda weight: codes.round_trip(weight, "int8", 32),
    "two bits, one constant for all": lambda weight: codes.round_trip(weight, "int2", None),
}
LEVELS = dict(zip(ROUNDINGS, (("int4", 32), ("nf4", 64), ("int8", 32), ("int2", None)), strict=True))


def layer_of(name, generator, scale, shape=(24, 64), rank=3, size=1.0, formats=("float32", "float32")):
    """Returns (weight, A, B, what the exported layer holds): the sum lies far from any edge between two levels.

    `formats` are those of the weight and of A and B, in which they are rounded before the wanted sum is formed.
    """
    code, block = LEVELS[name]
    levels, (rows, columns) = codes.levels(code), shape
    count = rows * columns // (block or rows * columns)
    constants = [size * (0.5 + 0.5 * n / count) for n in range(1, count + 1)]
    merged, _ = rounded_blocks(levels, [block or rows * columns] * count, constants, generator)
    a = torch.randn(rank, columns, generator=generator).to(getattr(torch, formats[1]))
    b = (0.2 * size * torch.randn(rows, rank, generator=generator)).to(getattr(torch, formats[1]))
    update = scale * (b.double() @ a.double())
    weight = (merged.reshape(shape).double() - update).to(getattr(torch, formats[0]))
    return weight, a, b, ROUNDINGS[name]((weight.double() + update).float())


def whole_layer(generator, scale, formats):
    """Returns (weight (40, 24), A (5, 24), B (40, 5), their sum in 64 bits)."""
    weight, a, b = (torch.randn(shape, generator=generator) for shape in ((40, 24), (5, 24), (40, 5)))
    weight, a, b = weight.to(getattr(torch, formats[0])), *(part.to(getattr(torch, formats[1])) for part in (a, b))
    return weight, a, b, weight.double() + scale * (b.double() @ a.double())


@functools.cache
def lumens_weights():
    """Returns the weights of LAYERS layers of lumen-base, spread over the model."""
    model, _ = load_model("lumen-base", dtype="float32")
    layers = list(adapters.find_layers(model).values())
    return [layer.weight.detach().clone() for layer in layers[:: len(layers) // LAYERS]][:LAYERS]


def with_updates(generator):
    """Returns [(weight, A, B)] of lumen-base's layers, each with an update of rank RANK and SHARE of its norm."""
    found = []
    for weight in lumens_weights():
        a = torch.randn(RANK, weight.shape[1], generator=generator)
        b = torch.randn(weight.shape[0], RANK, generator=generator)
        found.append((weight, a, b * SHARE * weight.norm() / (b @ a).norm()))
    return found


def losses(export_layer, layers):
    """Returns {way: root mean square of what a layer is off, in % of its weights'}: for each of three ways to round."""
    off, all_of = dict.fromkeys(("merged", "again", "beside"), 0.0), 0.0
    round_trip = ROUNDINGS["four bits in blocks of 32"]
    for weight, a, b in layers:
        tuned = weight + b @ a
        ways = {"merged": export_layer(weight.clone(), a.clone(), b.clone(), 1.0, round_trip),
                "again": round_trip(round_trip(weight) + b @ a), "beside": round_trip(weight) + b @ a}  # fmt: skip
        for way, held in ways.items():
            off[way] += float((held - tuned).square().sum())
        all_of += float(tuned.square().sum())
    return {way: 100 * (each / all_of) ** 0.5 for way, each in off.items()}
