"""Codes: a few levels that weights are rounded to, in blocks with a constant each, and whole models rounded so.

Built by hand in notebooks/14_four_bits.ipynb. A rounded weight stays a plain tensor here, so that any code can be
tried; layers that really keep four bits come from spectrum/quantize.py.
"""

import torch

from spectrum import adapters
from spectrum.quantize import BLOCK, BLOCK_OF_CONSTANTS

CODES = ("int8", "int4", "int3", "int2", "fp4", "nf4", "nf3", "nf2")
FP4 = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)  # a sign, two bits of exponent, one of mantissa


def bits_of(code):
    """Returns the bits of a code, the digit in its name; raises ValueError for a name that is none of CODES."""
    if code not in CODES:
        raise ValueError(f"codes: {code!r} is no code; there are {', '.join(CODES)}")
    return int(code[-1])


def levels(code):
    """Returns the levels of a code in order, float32 from -1 to 1.

    "int": evenly spaced around 0, so 15 of the 16 that 4 bits could tell apart; "fp4": E2M1, 15 as well; "nf": the
    quantiles of a normal distribution, one more above 0 than below (NormalFloat, Dettmers et al. 2023, arXiv
    2305.14314). ValueError for a name that is none of CODES.
    """
    bits = bits_of(code)
    if code.startswith("int"):
        most = 2 ** (bits - 1) - 1
        return torch.arange(-most, most + 1) / most
    if code == "fp4":
        above = torch.tensor(FP4[1:]) / FP4[-1]
        return torch.cat([-above.flip(0), torch.zeros(1), above])
    return normal_levels(bits)


def normal_levels(bits):
    """Returns the 2**bits levels of a NormalFloat: 0, and quantiles that share out the bell's area on either side."""
    half = 2 ** (bits - 1)
    # Where the outermost quantile stands, for the bell has no end; bitsandbytes has seven digits of it.
    tail = round(1 - (1 / (2 * half) + 1 / (2 * half - 1)) / 4, 7)
    above, below = (torch.special.ndtri(torch.linspace(tail, 0.5, n + 1)[:-1].double()) for n in (half, half - 1))
    found = torch.cat([-below, torch.zeros(1), above]).float().sort().values
    return found / found.max()


def nearest(scaled, levels):
    """Returns the number of the level that is nearest to each value, of any shape."""
    return torch.bucketize(scaled, (levels[1:] + levels[:-1]) / 2)


def round_trip(weight, code, block=BLOCK, double=False, keep=0.0):
    """Returns a tensor of the weight's shape and dtype: rounded to a code in blocks along the rows, and back.

    `block` weights share a constant, their largest absolute value; None is one constant for all, and the last block may
    be shorter. With `double` the constants are rounded too (`round_constants`). The share `keep` of the weights that
    are largest stays exact and sets no constant. A block of zeros stays zeros. ValueError for what is no code, block or
    share.
    """
    check(block, keep)
    flat = weight.detach().float().flatten()
    exact = torch.zeros_like(flat, dtype=torch.bool)
    exact[flat.abs().topk(round(keep * flat.numel())).indices] = True
    size = min(block or flat.numel(), flat.numel())
    rows = torch.nn.functional.pad(flat.masked_fill(exact, 0.0), (0, -flat.numel() % size)).reshape(-1, size)
    constants, table = rows.abs().amax(dim=1), levels(code).to(flat)  # (N,)
    numbers = nearest(rows / constants.clamp(min=1e-30)[:, None], table)
    constants = round_constants(constants) if double else constants
    back = (table[numbers] * constants[:, None]).flatten()[: flat.numel()]
    return torch.where(exact, flat, back).reshape(weight.shape).to(weight.dtype)


def check(block, keep):
    """Raises ValueError for a block below 1 and a share that is none."""
    if block is not None and block < 1:
        raise ValueError(f"codes: a block has at least 1 weight, not {block}; None is one block for all")
    if not 0 <= keep <= 1:
        raise ValueError(f"codes: keep is a share of the weights, 0 to 1, not {keep}")


def round_constants(constants):
    """Returns constants (N,) after double quantization: less their mean, in 8 bits for 256 of them, and back.

    The 8 bits are bitsandbytes' dynamic map, finer near 0 (Dettmers et al. 2023, section 3).
    """
    import bitsandbytes.functional as bnb

    mean = constants.mean()
    packed, state = bnb.quantize_blockwise(constants - mean, blocksize=BLOCK_OF_CONSTANTS)
    return bnb.dequantize_blockwise(packed, state) + mean


def bits_a_weight(code, block=BLOCK, double=False, keep=0.0):
    """Returns the bits that a weight takes with its share of the constants, in a matrix far larger than a block.

    A constant has 32 bits, with `double` 8 and 32 for 256. A weight that is kept exact takes 16 more and 32 for its
    place.
    """
    check(block, keep)
    constant = 8 + 32 / BLOCK_OF_CONSTANTS if double else 32
    return bits_of(code) + (constant / block if block else 0) + 48 * keep


def scales(weight, inputs, code, block=BLOCK):
    """Returns what each column of a weight is multiplied by before it is rounded, and divided by after: (d_in,).

    `weight` is (d_out, d_in), `inputs` (n, d_in) are some that the layer met. A column that meets large inputs is made
    larger, so that it errs by less of itself and the others in its blocks by more: (mean absolute input / their
    mean)**power, of no less than a hundredth of the mean, with that power of 0, 0.1, … 1 that makes the squared error
    of the outputs smallest. After AWQ (Lin et al. 2023, arXiv 2306.00978); by hand in solutions/14_four_bits.ipynb.
    ValueError for inputs that are not finite, or all 0.
    """
    weight, inputs = weight.detach().float(), inputs.float()
    sizes = inputs.abs().mean(dim=0)
    if not torch.isfinite(sizes).all() or sizes.max() == 0:
        raise ValueError("codes: inputs are finite numbers, and at least one of them is not 0")
    sizes = (sizes / sizes.mean()).clamp(min=0.01)

    def error(power):
        off = round_trip(weight * sizes**power, code, block) / sizes**power - weight
        return float((off @ inputs.T).square().sum())

    return sizes ** min((n / 10 for n in range(11)), key=error)


def round_model(model, code, block=BLOCK, double=False, keep=0.0):
    """Returns the model, whose linear layers but the head are now rounded to a code, in place, and back."""
    for layer in adapters.find_layers(model).values():
        layer.weight.data = round_trip(layer.weight, code, block, double, keep)
    return model


def relative_error(weight, restored):
    """Returns the root mean square of the difference as a share of the weight's own."""
    weight = weight.detach().float()
    return float((restored.detach().float() - weight).norm() / weight.norm())
