"""Figures: the same bytes every time, alt text always, token text that cannot become markup."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from spectrum import plots
from spectrum.evaluate import Score

SCORES = [
    Score(name="zero-shot", correct=np.array([0, 0, 1, 0])),
    Score(name="8 examples", correct=np.array([1, 1, 1, 0])),
]
NEXT = pd.DataFrame({"token": [" Oslo", "\n", "<b>"], "probability": [0.7, 0.2, 0.05]})


def rungs():
    return plots.score_rungs(SCORES, "Examples help", floor=0.2, ceiling=0.9, seeds=[[0.2, 0.3], [0.7, 0.8]])


@pytest.mark.parametrize("draw", [rungs, lambda: plots.next_token_bars(NEXT, "Oslo comes next")])
def test_the_same_figure_gives_the_same_bytes_and_is_closed(draw):
    plt.close("all")
    first, second = plots.png(draw()), plots.png(draw())
    assert first == second and first.startswith(b"\x89PNG")
    assert plt.get_fignums() == []


def test_png_has_the_stated_size_in_pixels():
    header = plots.png(plots.new_figure("a title")[0])[16:24]
    assert (int.from_bytes(header[:4], "big"), int.from_bytes(header[4:], "big")) == (600, 350)


@pytest.mark.parametrize("alt", ["", " \n"])
def test_show_without_alt_text_is_refused(alt):
    with pytest.raises(ValueError, match="alt text"):
        plots.show(rungs(), alt)
    plt.close("all")


def test_show_carries_the_alt_text(monkeypatch):
    shown = []
    monkeypatch.setattr(plots, "display", shown.append)
    plots.show(rungs(), "two scores")
    assert shown[0].alt == "two scores" and shown[0].data.startswith(b"\x89PNG")


def test_rungs_say_what_they_show():
    axes = rungs().axes[0]
    assert axes.get_title(loc="left") == "Examples help" and "%" in axes.get_xlabel()
    assert [t.get_text() for t in axes.get_yticklabels()] == ["8 examples", "zero-shot"]  # the first score on top
    assert {"floor 20 %", "ceiling 90 %"} <= {t.get_text().strip() for t in axes.texts}
    plt.close("all")


def test_next_token_bars_show_the_likeliest_on_top_and_white_space_visibly():
    axes = plots.next_token_bars(NEXT, "Oslo comes next").axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == [" Oslo", "\\n", "<b>"]
    assert list(axes.get_yticks()) == [2, 1, 0]
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([70, 20, 5])
    plt.close("all")


def test_coloured_tokens_escape_html():
    table = pd.DataFrame({"token": ["<script>", "a&b", '"', "\n"], "logprob": [float("nan"), -1.0, -3.0, -0.5]})
    shown = plots.coloured_tokens(table)
    assert "<script>" not in shown and "&lt;script&gt;" in shown and "a&amp;b" in shown and ">&quot;<" in shown
    assert "⏎<br>" in shown
    assert re.findall(r'title="([\d.]+) nats"', shown) == ["0.00", "1.00", "3.00", "0.50"]


def test_coloured_tokens_grow_darker_with_surprise_up_to_a_limit():
    table = pd.DataFrame({"token": list("abcd"), "logprob": [0.0, -2.0, -6.0, -60.0]})
    shades = [float(s) for s in re.findall(r"213,94,0,([\d.]+)", plots.coloured_tokens(table))]
    assert shades == [0.0, 0.25, 0.75, 0.75]


def test_a_diagram_has_boxes_with_their_names_and_arrows_between_them():
    _, axes = plots.new_figure("a diagram")
    plots.box(axes, 1, 2, "A", "#CC79A7", width=2, height=0.5)
    plots.arrow(axes, (0, 0), (1, 1))
    box, arrow = axes.patches
    assert [t.get_text() for t in axes.texts] == ["A"] and axes.texts[0].get_position() == (1, 2)
    assert (box.get_x(), box.get_y(), box.get_width(), box.get_height()) == (0, 1.75, 2, 0.5)
    assert arrow.get_arrowstyle() is not None
    plt.close("all")
