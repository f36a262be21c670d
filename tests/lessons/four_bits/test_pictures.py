"""The stored runs of lesson 14 as changes against the exact model, and as a picture."""

import numpy as np
import pandas as pd
import pytest

from spectrum.lessons.four_bits import pictures, runs

STORED = {name: runs.changes(name) for name in runs.GRIDS}


@pytest.mark.parametrize("name", runs.GRIDS)
def test_every_run_of_the_grid_is_there_and_the_exact_model_is_no_change(name):
    table = STORED[name]
    assert len(table) == len(runs.GRIDS[name]) and not table["weight error %"].isna().any()
    first = table.iloc[0]
    assert pd.isna(first["code"]) and first["weight error %"] == 0 and first["bits a weight"] == 16
    assert all(first[what] == [0, 0, 0] for what in ("text", "few shot", "recall") if what in table)


def test_a_change_is_of_pairs():
    mean, low, high = runs.change([3.0, 4.0, 5.0, 6.0], [1.0, 2.0, 3.0, 4.5], 10)
    assert mean == pytest.approx(18.75) and 15 <= low < mean < high + 1e-9 <= 20 + 1e-6


def test_only_codes_in_blocks_are_drawn():
    table = STORED["base"]
    rows = table[pictures.in_blocks(table)]
    assert sorted(rows["code"].unique()) == sorted(set(runs.codes.CODES) - {"int8"})
    assert sorted(rows["block"].unique()) == [32, 64, 128] and len(rows) == 21


def test_the_figure_has_a_dot_and_a_bar_for_each_run():
    axes = pictures.loss_figure({"lumen": STORED["base"], "again": STORED["base"]}, "A title").axes[0]
    heights = [line.get_ydata()[0] for line in axes.lines if line.get_marker() in "os" and len(line.get_xdata()) == 1]
    assert len(heights) == 42 and min(heights) >= pictures.LEAST
    assert {text.get_text() for text in axes.get_legend().get_texts()} >= {"lumen", "again", "NF"}


def test_codes_of_a_family_have_one_colour():
    assert len({pictures.colour(code) for code in ("nf4", "nf3", "nf2")}) == 1
    assert pictures.colour("nf4") != pictures.colour("int4") != pictures.colour("fp4")
    assert np.all([pictures.colour(code) for code in runs.codes.CODES])


def test_four_bits_were_rounded_four_times_in_each_way():
    found = runs.roundings(STORED["base"])
    assert tuple(found) == runs.WAYS
    for way, rows in found.items():
        assert rows["shift"].tolist() == [0, *runs.SHIFTS] and set(rows["code"]) == {way.split(",")[0]}
        assert rows["scaled"].eq("scaled" in way).all() and rows["weight error %"].nunique() == 4


def test_roundings_have_names_that_say_what_was_done():
    names = [runs.name_of(row) for row in STORED["base"].to_dict("records") if row["code"] == "nf3"]
    assert {"nf3", "nf3, 1 % exact by inputs", "nf3, scaled by inputs", "nf3, scaled by chance"} <= set(names)
