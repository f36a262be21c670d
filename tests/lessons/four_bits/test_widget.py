"""The explorer of codes: its picture and lines follow the controls, and it never guesses what was not run."""

import pytest
import torch

from spectrum import codes
from spectrum.lessons.four_bits import runs, widget

TABLE = runs.changes("base")
WEIGHT = torch.randn(64, 100, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def explorer():
    return widget.CodeExplorer({"one": WEIGHT, "two": 3 * torch.rand(8, 8)}, TABLE)


def test_the_default_is_nf4_in_blocks_of_64(explorer):
    error = 100 * codes.relative_error(WEIGHT, codes.round_trip(WEIGHT, "nf4", 64))
    assert f"error of this layer: {error:.1f} %" in explorer.note.value and "4.500" in explorer.note.value
    assert "NF4: 16 of 16 levels are used" in explorer.picture.value and "text: +0.3 % bits" in explorer.note.value


def test_every_control_changes_what_is_shown(explorer):
    seen = {(explorer.picture.value, explorer.note.value)}
    for name, value in (("bits", 3), ("family", "even levels"), ("block", "32"), ("layer", "two"), ("bits", 8)):
        getattr(explorer, name).value = value
        assert (explorer.picture.value, explorer.note.value) not in seen, name
        seen.add((explorer.picture.value, explorer.note.value))


def test_what_was_not_run_is_said(explorer):
    explorer.double.value = True
    assert "4.127" in explorer.note.value and "text: +0.3 %" in explorer.note.value
    explorer.block.value = "one for all"
    assert "not among the stored runs" in explorer.note.value


def test_a_code_that_is_none_is_said_and_the_next_choice_works(explorer):
    explorer.family.value, explorer.bits.value = "FP4", 3
    assert explorer.picture.value == "" and "FP4 is not made for 3 bits here; choose 4" in explorer.note.value
    explorer.bits.value = 4
    assert "FP4: 15 of 15" in explorer.picture.value


@pytest.mark.parametrize("block", [32, 64, None])
def test_scaled_weights_reach_one_in_each_block(block):
    scaled = widget.scaled_by_block(WEIGHT, block)
    assert scaled.abs().max() == 1 and (scaled.abs() == 1).sum() == len(scaled) // (block or len(scaled))


def test_an_explorer_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one layer"):
        widget.code_explorer({}, TABLE)


def test_the_twin_shows_the_same_lines(capsys, explorer):
    widget.show_code(WEIGHT, TABLE)
    assert capsys.readouterr().out.strip().splitlines()[-4:] == explorer.note.value.split("<br>")
