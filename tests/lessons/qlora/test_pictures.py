"""Lesson 15's pictures: what they draw and say, without a browser."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import torch

from spectrum import plots
from spectrum.lessons.qlora import pictures as widgets_qlora


@pytest.fixture
def pictures(monkeypatch):
    shown = []
    monkeypatch.setattr(plots, "display", shown.append)
    return shown


def stored():
    """A small sweep: three methods, two seeds, two points of a curve each."""
    return pd.DataFrame(
        [
            {"method": m, "seed": s, "loss": 0.1 * (n + 1), "curve": [[10, 1.0 + n + s], [20, 0.5 + n + s]]}
            for n, m in enumerate(("full", "lora", "qlora"))
            for s in (0, 1)
        ]
    )


def test_the_title_counts_weights_and_levels_near_zero():
    figure = widgets_qlora.levels_figure(torch.tensor([0.1, -0.2, 0.3, 0.9]), torch.tensor([-1.0, 0.0, 0.4, 1.0]))
    (axes,) = figure.axes
    assert axes.get_title(loc="left") == "75 % of the weights lie within ±0.5, and 2 of the 4 levels"
    plt.close(figure)


def test_lines_are_means_dots_are_seeds_and_live_runs_are_dotted():
    live = {"qlora": {"curve": [[10, 2.0], [20, 1.0]]}}
    figure = widgets_qlora.curves_figure(stored(), live, "title")
    lines = {line.get_label(): line for line in figure.axes[0].lines if not line.get_label().startswith("_")}
    assert list(lines["lora"].get_ydata()) == [2.5, 2.0] and list(lines["full"].get_xdata()) == [10, 20]
    assert lines["qlora, your run"].get_linestyle() == ":"
    dots = [list(line.get_ydata()) for line in figure.axes[0].lines if line.get_marker() == "."]
    assert len(dots) == 6 and [2.0, 1.5] in dots and [3.0, 2.5] in dots
    plt.close(figure)


def test_pictures_have_their_numbers_in_words(pictures):
    widgets_qlora.show_levels(torch.randn(100).clamp(-1, 1), torch.linspace(-1, 1, 16))
    widgets_qlora.show_curves(stored(), {})
    widgets_qlora.show_losses({"moved": (0.25, "lora"), "random": (9.0, "other")}, "title")
    assert "full 1.000, lora 2.000, qlora 3.000" in pictures[1].alt
    assert pictures[2].alt == "moved: 0.2500; random: 9.0000"
