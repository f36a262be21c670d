"""The pictures and benches of lesson 05 without a browser."""

import ipywidgets as w
import numpy as np
import pandas as pd
import pytest
from shells import control, every
from tiny import make_model, make_tokenizer

from spectrum import compression
from spectrum.evaluate import Score
from spectrum.lessons.measuring_prompts import widget


@pytest.fixture(scope="module")
def pair():
    tokenizer = make_tokenizer()
    return make_model(tokenizer, layers=1), tokenizer


# ---- figures ----


def test_figures_say_their_numbers_in_words(told):
    scores = {"plain": Score("plain", [1, 1]), "in quotes": Score("in quotes", [0, 1])}
    widget.show_variants(scores, {"plain": "wording", "in quotes": "layout"}, "quotes hurt")
    widget.show_promises([0.9, 1.0], [0.8, 0.8], "too much")
    widget.show_searches({"random": [([10, 20], [0.5, 0.75])]}, "it rises")
    assert "in quotes 50 %" in told[0]
    assert "Promised 95.0 %, kept 80.0 %" in told[1]
    assert "random ends at 75 %" in told[2]


# ---- the wording bench ----


def test_a_wording_is_scored_against_the_tasks_own(pair):
    view = widget.wording_view(*pair, "  Which order is it?  ", n=6)
    assert view["score"].name == "Which order is it?" and view["score"].n == 6
    assert view["change"].wins + view["change"].losses <= 6
    assert len(view["wrong"]) <= 3 and all(len(pair) == 2 for pair in view["wrong"])
    with pytest.raises(ValueError, match="the instruction is empty"):
        widget.wording_view(*pair, "  ")


def test_the_second_try_on_the_same_items_is_said(pair):
    view = widget.wording_view(*pair, "Order?", n=6)
    assert not any("promises too much" in line for line in widget.tell_wording(view, 1))
    assert "This was try 3 on these 6 dev items" in widget.tell_wording(view, 3)[-1]


def test_the_bench_counts_the_tries_of_each_task_and_stays_usable(pair, monkeypatch):
    shown = []
    monkeypatch.setattr(widget, "show_wording", lambda view, tries: shown.append((view["score"].name, tries)))
    monkeypatch.setattr(widget, "BENCH_ITEMS", 4)
    bench = widget.wording_bench(*pair, order="Order?")
    area, run, task = control(bench, "Instruction"), control(bench, "Run"), control(bench, "Task")
    run.click(), run.click()
    task.value = widget.BENCH_TASKS[1]
    run.click()
    area.value = " "
    run.click()
    assert shown == [("Order?", 1), ("Order?", 2), ("Order?", 1)], "an empty instruction is no try"
    assert not run.disabled


# ---- the compression explorer ----


def table_of(tokenizer, text):
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    tokens = [tokenizer.decode([i]) for i in ids]
    return pd.DataFrame(
        {"section": "input", "token_id": ids, "token": tokens, "nats": np.arange(len(ids), dtype=float)}
    )


def test_the_view_keeps_the_share_and_strikes_the_rest(pair):
    table = table_of(pair[1], "the lamp is <red> & small")
    view = widget.compression_view(table, pair[1], {"input": 0.5})
    assert view["tokens"] == round(0.5 * len(table)) and view["of"] == len(table)
    html = compression.struck(table, view["stay"])
    assert html.count("line-through") == len(table) - view["tokens"] and "<red>" not in html


def test_a_slider_strikes_its_section_anew(pair, monkeypatch):
    kept = []
    monkeypatch.setattr(widget, "show_struck", lambda table, view: kept.append(view["tokens"]))
    table = table_of(pair[1], "the lamp is red and small")
    explorer = widget.compression_explorer(table, pair[1], keep=1.0)
    slider = next(x for x in every(explorer) if isinstance(x, w.FloatSlider))
    slider.value = 0.0
    assert kept == [len(table), 0]
