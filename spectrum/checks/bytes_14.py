"""Codes as bytes and the bytes of a rounded weight, as lab 14's third and fourth check know them."""

import numpy as np
import torch

from spectrum import codes
from spectrum.checks.machinery import expect, expect_close, fresh_seed
from spectrum.checks.planted_14 import rounded_blocks

PACKED = (  # codes, bits, bytes
    ([5, 3], 4, [0x53]),
    ([2, 9], 4, [0x29]),
    ([5, 3, 15], 4, [0x53, 0xF0]),
    ([1, 2, 3], 3, [0b00101001, 0b10000000]),
    ([3, 0, 1, 2, 3], 2, [0b11000110, 0b11000000]),
    ([1], 1, [0b10000000]),
    ([0, 255, 7], 8, [0, 255, 7]),
    ([0xABC, 0x123], 12, [0xAB, 0xC1, 0x23]),
    ([31, 0, 31, 0, 31, 0, 31, 16], 5, [0b11111000, 0b00111110, 0b00001111, 0b10000011, 0b11110000]),
)
FIRST = "The first code takes the highest bits of the first byte. What is left of the last byte is zeros, at its end."


def packed_bits(numbers, bits):
    """Returns the bytes of some codes, the first in the highest bits, the last byte filled up with zeros: uint8."""
    rows = np.asarray(numbers, dtype=np.int64)[:, None] >> np.arange(bits)[::-1] & 1
    return np.packbits(rows.astype(np.uint8).reshape(-1))


def total_bytes(count, bits, block, double):
    """Returns the bytes of `count` weights: packed codes, and constants of 4 bytes, or rounded ones with theirs."""
    constants = -(-count // block)
    kept = constants + 4 * -(-constants // 256) + 4 if double else 4 * constants
    return -(-count * bits // 8) + kept


def check_packed(found, wanted, what):
    """Raises unless a learner's bytes are the wanted ones, as uint8."""
    kind = str(getattr(found, "dtype", type(found).__name__)).removeprefix("torch.")
    expect(kind == "uint8", f"{what}: expected bytes of uint8, got {kind}",
           "A code in a number of 64 bits saves nothing. The bytes are uint8.")  # fmt: skip
    expect(len(found) == len(wanted), f"{what}: expected {len(wanted)} bytes, got {len(found)}",
           "As many bytes as the bits need, the last one filled up: count · bits / 8, rounded up.")  # fmt: skip
    expect_close(found, wanted, 0, what, FIRST)


def check_by_library(pack):
    """Raises unless the bytes of NF4's codes are those that bitsandbytes keeps of the same weight."""
    import bitsandbytes.functional as bnb

    levels = codes.levels("nf4")
    weight, _ = rounded_blocks(
        levels, [64] * 40, [0.05 + 0.01 * n for n in range(40)], torch.Generator().manual_seed(fresh_seed())
    )
    kept, state = bnb.quantize_4bit(weight, blocksize=64, quant_type="nf4")
    numbers = codes.nearest(weight.reshape(-1, 64) / state.absmax[:, None], levels).flatten()
    expect_close(pack(numbers, 4), kept.flatten(), 0, "the bytes of a weight in NF4 that bitsandbytes keeps", FIRST)


TOTALS = ((98_304, 4, 64, False), (98_304, 4, 64, True), (1, 4, 64, True), (100, 3, 64, False), (1_000, 2, 32, True),
          (256 * 64 + 1, 4, 64, True), (7, 8, 2, False), (13, 3, 100, True))  # fmt: skip


def check_total(total):
    """Raises unless a learner's count of bytes is right, and names what was left out."""
    generator = np.random.default_rng(fresh_seed())
    drawn = [(int(generator.integers(1, 10**7)), int(generator.integers(1, 17)), int(generator.integers(1, 300)),
              bool(generator.integers(2))) for _ in range(20)]  # fmt: skip
    for count, bits, block, double in (*TOTALS, *drawn):
        wanted, found = total_bytes(count, bits, block, double), total(count, bits, block, double)
        constants = -(-count // block)
        hints = {
            wanted - 4: "The mean of the constants is kept too, in 4 bytes." if double else "",
            wanted - 4 * -(-constants // 256): "The rounded constants have constants of their own, 4 bytes for 256.",
            -(-count * bits // 8): "These are the codes alone. Each block has a constant beside them.",
            wanted - 2 * constants: "Constants are float32, 4 bytes each, not 2." if not double else "",
        }
        said = hints.get(found) or "Round up everywhere: the last byte, the last block, the last 256 constants."
        expect_close(found, wanted, 0, f"bytes of {count:,} weights in {bits} bits, blocks of {block}, double={double}",
                     said)  # fmt: skip
        expect(isinstance(found, int), f"expected a whole number of bytes, got {found!r}", "-(-a // b) rounds up.")
