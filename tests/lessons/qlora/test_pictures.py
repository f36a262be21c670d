"""Lesson 15's pictures: what they draw and say, without a browser."""

import matplotlib.pyplot as plt
import pytest
import torch

from spectrum import plots
from spectrum.lessons.qlora import diagrams
from spectrum.lessons.qlora import pictures as widgets_qlora


@pytest.fixture
def pictures(monkeypatch):
    shown = []
    monkeypatch.setattr(plots, "display", shown.append)
    return shown


def test_the_title_counts_weights_and_levels_near_zero():
    figure = widgets_qlora.levels_figure(torch.tensor([0.1, -0.2, 0.3, 0.9]), torch.tensor([-1.0, 0.0, 0.4, 1.0]))
    (axes,) = figure.axes
    assert axes.get_title(loc="left") == "75 % of the weights lie within ±0.5, and 2 of the 4 levels"
    plt.close(figure)


def test_pictures_have_their_numbers_in_words(pictures):
    widgets_qlora.show_levels(torch.randn(100).clamp(-1, 1), torch.linspace(-1, 1, 16))
    widgets_qlora.show_losses({"moved": (0.25, "lora", False), "random": (9.0, "other", True)}, "title")
    assert "bell around zero" in pictures[0].alt
    assert pictures[1].alt == "moved: 0.2500; random: 9.0000"


def test_the_diagrams_say_what_they_show(pictures):
    diagrams.show_block()
    diagrams.show_passes()
    assert "constant 0.8" in pictures[0].alt and "restored again" in pictures[1].alt
