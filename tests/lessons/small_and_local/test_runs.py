"""The runs of lesson 17: what is asked, what is stored, and that rates were chosen where nothing else is asked."""

import json

import pandas as pd
import pytest

from spectrum.lessons.small_and_local import pictures, runs, typed
from spectrum.shop import tasks, world
from spectrum.shop.scoring import is_right, items_of
from spectrum.sweeps import missing


@pytest.mark.parametrize("real", [False, True], ids=["lumen", "SmolLM2"])
def test_every_run_of_the_grids_is_stored_and_no_other(real):
    for name, grid in (runs.REAL if real else runs.GRIDS).items():
        folder = runs.RESULTS / ("real" if real else "") / name
        assert missing(grid, folder) == [] and len(list(folder.glob("run-*.json"))) == len(grid), name


def test_the_rates_are_those_of_the_best_scores_on_messages_of_their_own():
    scans = runs.stored("rates").assign(score=lambda table: table["dev"].map(runs.share))
    for (name, task), of_base in scans.groupby(["name", "task"]):
        best = of_base[of_base["score"] == of_base["score"].max()]["lr"].min()
        assert runs.RATES[name, task] == best, (name, task)
        assert sorted(of_base["lr"]) == list(runs.LUMEN_RATES)


@pytest.mark.parametrize("task", runs.TASKS)
def test_no_message_is_both_trained_on_and_asked(task):
    taught = {row["prompt"] for seed in runs.SEEDS for row in runs.rows_of(task, max(runs.ROWS), seed)}
    asked = {part: {runs.short(item)[0]["content"] for item in items}
             for scan in (False, True) for part, items in runs.parts(task, scan).items()}  # fmt: skip
    assert sorted(asked) == ["dev", "test", "typed"] and [len(asked[part]) for part in sorted(asked)] == [60, 100, 50]
    assert not any(taught & texts for texts in asked.values()) and not asked["dev"] & asked["test"]


def test_a_prompt_has_the_rules_and_a_tuned_model_is_told_nothing_of_them():
    (item,) = items_of(("house_ticket",), 1, seed=3)
    assert runs.RULES in runs.prompt(item, 2) and runs.prompt(item, 2).count("Output:") == 3
    assert runs.prompt(item, 0, chat=True) == [{"role": "user", "content": f"{runs.RULES}\n{item.input}"}]
    assert "LG" not in runs.short(item)[0]["content"] and item.input in runs.short(item)[0]["content"]


def test_typed_messages_hold_their_true_answers():
    for task in runs.TASKS:
        assert all(is_right(item.gold, item) for item in typed.typed_items(task))
    wishes = [item.gold for item in typed.typed_items("intent")]
    assert {wish: wishes.count(wish) for wish in wishes} == dict.fromkeys(tasks.TASKS["intent"].labels, 10)
    for _, feeling, urgency, noun, city, text in typed.TYPED:
        assert city in text and "\n" not in text and noun in world.CATEGORY_OF, text
        assert feeling in ("positive", "negative") and urgency in ("high", "low")
        assert world.plural(noun) in text.lower() or noun in text.lower(), (noun, text)


def test_an_advantage_is_of_pairs_and_seeds_are_averaged():
    tuned = pd.DataFrame({"test": [[1, 1, 1, 0], [1, 0, 1, 0]]})
    points, low, high = runs.advantage(tuned, {"test": [0, 0, 1, 0]})
    assert points == 37.5 and 0 <= low <= points <= high <= 100


def test_a_share_has_an_interval_even_where_all_are_right():
    score, low, high = runs.share_interval([1] * 50)
    assert (score, round(low, 1), round(high)) == (100, 92.9, 100) and runs.share_interval([1, 1, 1, 0])[0] == 75


def test_scores_of_seeds_in_words():
    assert runs.by_seed(pd.DataFrame({"score": [90.0, 92.0, 97.0]})) == "93 (90 to 97)"
    assert runs.by_seed(pd.DataFrame({"score": [90.4]})) == "90"
    assert runs.by_seed(pd.DataFrame({"score": [100.0] * 3})) == "100 (all)"
    table = runs.seed_table(runs.tuned_scores())
    assert table.shape == (9, 4) and table.loc[("house_ticket", 64), "lumen-instruct"] == "–"


def test_a_run_asks_and_tunes(monkeypatch):
    monkeypatch.setattr(runs, "ITEMS", 4)
    prompted = runs.run("lumen-instruct", "intent", k=0, chat=True)
    assert len(prompted["test"]) == 4 and len(prompted["typed"]) == 50 and prompted["tokens, test"] > 20
    found = runs.run("lumen-small", "intent", rows=16, lr=1e-3, steps=2)
    assert found["trainable"] > 10_000 and "last loss" in found and "provenance" not in found
    scan = runs.run("lumen-small", "intent", rows=16, lr=1e-3, steps=2, scan=True)
    assert len(scan["dev"]) == runs.DEV and "test" not in scan


def test_engines_are_asked_the_same_and_marked(monkeypatch):
    pytest.importorskip("xllamacpp")
    pytest.importorskip("openai")
    monkeypatch.setattr(runs, "ENGINE_ITEMS", 3)
    monkeypatch.setattr(runs, "ITEMS", 3)
    rows = runs.run("lumen-small", "intent", rows=8, lr=1e-3, steps=1, kinds=["f32"])["engines"]
    assert [row["engine"] for row in rows] == ["torch", "f32"] and rows[1]["same"] == 1
    assert rows[0]["marks"] == rows[1]["marks"] and rows[0]["MB"] > rows[1]["MB"] > 0
    assert all(row["start"] > 0 and row["ms"] > 0 for row in rows) and rows[1]["read"] > 0 < rows[1]["write"]
    json.dumps(rows)
    prompt = runs.run("lumen-base", "intent", k=2, kinds=["f16"])["engines"]
    assert prompt[1]["same"] >= 2 / 3


def test_the_figures_have_what_they_are_given():
    rows = [("intent", "smollm2", "prompted", 40.0, 30.0, 50.0), ("intent", "lumen-small", "tuned", 99.0, 98.0, 100.0)]
    axes = pictures.duel_figure(rows, "A title").axes[0]
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert [line.get_xdata()[0] for line in dots] == [40.0, 99.0] and dots[0].get_markerfacecolor() == "white"
    table = runs.tuned_scores()
    axes = pictures.rows_figure(table, "house_ticket", "A title").axes[0]
    drawn = [text.get_text().split()[0] for text in axes.get_legend().get_texts()]
    assert sorted(drawn) == ["lumen-base", "lumen-small", "smollm2"]
    tables = runs.engine_tables()
    axes = pictures.engine_figure(tables, "A title").axes[0]
    assert sum(len(line.get_xdata()) for line in axes.lines) == sum(len(rows) for rows in tables.values())
