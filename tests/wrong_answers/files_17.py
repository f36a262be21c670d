"""Sizes of files, exported layers and shipped files, as lab 17's wrong answers have them."""

import copy
import functools
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from spectrum import adapters, export
from spectrum.checks import lab_17
from spectrum.examples import tokenize_rows
from spectrum.models import load_model
from spectrum.train import train

ORDER = ["again", "merged", "beside"]
TAKEN = {"f32": (1, 4), "f16": (1, 2), "q8_0": (32, 34), "q4_0": (32, 18)}  # weights of a block, their bytes


def file_bytes(shapes, kind, tied, taken=TAKEN, vectors=4, head="lm_head.weight", once=True, axes=2, rows=True,
               refuse=ValueError, named=True, most=None):  # fmt: skip
    """A right `file_bytes`, with mistakes by argument."""
    (block, each), total = taken[kind], 0
    for name, shape in list(shapes.items())[:most]:
        if tied and once and head(name) if callable(head) else tied and once and name == head:
            continue
        if len(shape) < axes or axes < 0 and len(shape) != 2:
            total += vectors * math.prod(shape)
        elif rows and shape[-1] % block or not rows and math.prod(shape) % block:
            raise refuse(name if named else "rows do not fit")
        else:
            total += math.prod(shape) // block * each
    return total


def miscounted(**mistake):
    return lambda shapes, kind, tied: file_bytes(shapes, kind, tied, **mistake)


def rounded_vectors(shapes, kind, tied):
    block, each = TAKEN[kind]
    file_bytes(shapes, kind, tied)
    held = [shape for name, shape in shapes.items() if not (tied and name == "lm_head.weight")]
    return sum(math.prod(shape) * each / block for shape in held)


def dropped_rests(shapes, kind, tied):
    block, each = TAKEN[kind]
    return sum(4 * math.prod(s) if len(s) < 2 else math.prod(s[:-1]) * (s[-1] // block) * each
               for name, s in shapes.items() if not (tied and name == "lm_head.weight"))  # fmt: skip


def by_bits(shapes, kind, tied):
    file_bytes(shapes, kind, tied)
    bits = {"f32": 32, "f16": 16, "q8_0": 8, "q4_0": 4}[kind]
    return sum(math.prod(s) * (bits if len(s) > 1 else 32) // 8 for name, s in shapes.items()
               if not (tied and name == "lm_head.weight"))  # fmt: skip


def first_axis(shapes, kind, tied):
    return file_bytes({name: shape[::-1] for name, shape in shapes.items()}, kind, tied)


def with_point(shapes, kind, tied):
    return float(file_bytes(shapes, kind, tied))


def by_fractions(shapes, kind, tied):
    rate = {"f32": Fraction(4), "f16": Fraction(2), "q8_0": Fraction(17, 16), "q4_0": Fraction(9, 16)}[kind]
    misfit = [name for name, s in shapes.items() if len(s) > 1 and rate < 2 and s[-1] % 32]
    if misfit:
        raise ValueError(f"{misfit[0]}: rows of {shapes[misfit[0]][-1]}")
    held = {name: s for name, s in shapes.items() if not tied or name != "lm_head.weight"}
    return int(sum(math.prod(s) * (rate if len(s) > 1 else 4) for s in held.values()))


def by_numpy(shapes, kind, tied):
    return np.int64(file_bytes(shapes, kind, tied))


def by_library(shapes, kind, tied):
    import gguf

    return sum(math.prod(gguf.quants.quant_shape_to_byte_shape(s, export.KINDS[kind])) for s in shapes.values())


def takes_head_out(shapes, kind, tied):
    if tied:
        shapes.pop("lm_head.weight", None)
    return file_bytes(shapes, kind, tied)


def layer(weight, a, b, scale, round_trip, full=True, times=1.0, rounded=True):
    """A right `export_layer`, with mistakes by argument."""
    if full:
        weight, a, b = weight.float(), a.float(), b.float()
    merged = weight + times * scale * (b @ a)
    return round_trip(merged) if rounded else merged


def misexported(**mistake):
    return lambda weight, a, b, scale, round_trip: layer(weight, a, b, scale, round_trip, **mistake), ORDER


def round_merge_round(weight, a, b, scale, round_trip):
    return round_trip(round_trip(weight.float()) + scale * (b.float() @ a.float()))


def left_beside(weight, a, b, scale, round_trip):
    return round_trip(weight.float()) + scale * (b.float() @ a.float())


def each_by_itself(weight, a, b, scale, round_trip):
    return round_trip(weight.float()) + round_trip(scale * (b.float() @ a.float()))


def adapter_rounded(weight, a, b, scale, round_trip):
    return round_trip(weight.float() + scale * (round_trip(b.float()) @ round_trip(a.float())))


def forgets_scale(weight, a, b, scale, round_trip):
    return round_trip(weight.float() + b.float() @ a.float())


def a_times_b(weight, a, b, scale, round_trip):
    return round_trip(weight.float() + scale * (a.float() @ b.float()))


def transposed(weight, a, b, scale, round_trip):
    return round_trip(weight.float() + scale * (a.float().T @ b.float().T))


def in_place(weight, a, b, scale, round_trip):
    weight += (scale * (b.float() @ a.float())).to(weight.dtype)
    return round_trip(weight.float())


def in_half(weight, a, b, scale, round_trip):
    return round_trip((weight.half() + scale * (b.half() @ a.half())).float())


def back_in_its_format(weight, a, b, scale, round_trip):
    return round_trip((weight.float() + scale * (b.float() @ a.float())).to(weight.dtype))


def base_alone(weight, a, b, scale, round_trip):
    return round_trip(weight.float())


def own_rounding(weight, a, b, scale, round_trip):
    merged = weight.float() + scale * (b.float() @ a.float())
    return lab_17.ROUNDINGS["four bits in blocks of 32"](merged)


@functools.cache
def lumen(name="lumen-base", rows=0, rate=1e-2, steps=128):
    """Return (a model without an adapter, its tokenizer, the model with it): tuned on so many messages, or not."""
    model, tokenizer = load_model(name, dtype="float32")
    if not rows:
        return model, tokenizer, None
    model = adapters.add_lora(model, 16)
    solved = [{"prompt": lab_17.order(item), "completion": item.gold} for item in lab_17.TASK.sample(rows, "train")]
    train(model, tokenize_rows(tokenizer, solved), steps=steps, batch_size=8, lr=rate, progress=False)
    return None, tokenizer, model


def shipped(kind, name="lumen-base", rows=0, **how):
    def ship(folder):
        plain, tokenizer, tuned = lumen(name, rows, **how)
        plain = plain or copy.deepcopy(tuned).merge_and_unload()
        return export.write_gguf(plain, tokenizer, Path(folder) / "shop.gguf", kind)

    return ship


def adapter_alone(folder):
    model = adapters.add_lora(load_model("lumen-base", dtype="float32")[0], 4)
    return export.write_gguf_adapter(model, Path(folder) / "lora.gguf")


def in_torch(folder):
    torch.save({"weight": torch.zeros(9)}, Path(folder) / "model.pt")
    return Path(folder) / "model.pt"


def never_written(folder):
    return Path(folder) / "shop.gguf"


def elsewhere(folder):
    return shipped("q4_0")(Path(folder).parent)


def half_a_file(folder):
    path = shipped("q4_0")(folder)
    path.write_bytes(path.read_bytes()[:900_000])
    return path


def unmerged(folder):
    model = adapters.add_lora(load_model("lumen-base", dtype="float32")[0], 4)
    return export.write_gguf(model, lumen()[1], Path(folder) / "shop.gguf", "q4_0")


def path_as_text(folder):
    return str(shipped("q4_0", rows=1024)(folder))
