"""What lesson 14 builds by hand, lifted out of the notebook, against the library and bitsandbytes."""

from pathlib import Path

import pytest
import torch

from spectrum import codes
from tools.lifted import lift

LESSON = Path(__file__).resolve().parents[3] / "notebooks" / "14_four_bits.ipynb"
LAB = LESSON.parents[1] / "solutions" / LESSON.name
EVEN = torch.arange(-7, 8) / 7


@pytest.fixture(scope="module")
def hand():
    """The lesson's functions by name."""
    return {name: lift(LESSON, name) for name in ("round_numbers", "round_blocks", "normal_levels", "kept_bytes")}


def weights(seed, count=65_536):
    """Random weights with a few large ones and a block of zeros."""
    found = 0.05 * torch.randn(count, generator=torch.Generator().manual_seed(seed)) ** 3
    found[64:128] = 0.0
    return found


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_the_levels_by_hand_are_the_library_s(hand, bits):
    levels = hand["normal_levels"](bits)
    assert len(levels) == 2**bits and int((levels == 0).sum()) == 1 and levels.abs().max() == 1
    assert torch.allclose(levels, codes.levels(f"nf{bits}"), atol=1e-6)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("block", [32, 64, 128, 65_536])
def test_blocks_by_hand_are_the_library_s(hand, seed, block):
    weight = weights(seed).reshape(256, 256)
    for levels, code in ((EVEN, "int4"), (codes.levels("nf4"), "nf4")):
        mine, theirs = hand["round_blocks"](weight, levels, block), codes.round_trip(weight, code, block)
        assert torch.isfinite(mine).all() and torch.allclose(mine, theirs, atol=1e-6)


def test_numbers_are_one_block(hand):
    numbers = weights(0, 640)
    assert torch.equal(hand["round_numbers"](numbers, EVEN), hand["round_blocks"](numbers, EVEN, 640))


def test_bytes_are_those_of_the_formula(hand):
    weight = weights(1).reshape(256, 256)
    for double in (False, True):
        kept = 8 * sum(hand["kept_bytes"](weight, double).values()) / weight.numel()
        assert kept == pytest.approx(codes.bits_a_weight("nf4", 64, double), abs=0.001)


@pytest.mark.parametrize("power", [1, 2, 3])
def test_scales_of_the_lab_are_the_library_s(power):
    by_hand, generator = lift(LAB, "scales_for"), torch.Generator().manual_seed(power)
    weight, inputs = torch.randn(32, 128, generator=generator), torch.randn(50, 128, generator=generator) ** power
    assert torch.allclose(by_hand(weight, inputs), codes.scales(weight, inputs, "nf4"))
