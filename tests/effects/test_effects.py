"""The effect table: every row runs on tiny checkpoints, bars hold as stated, the table lands where it is read."""

import json
import math

import pytest
import tiny
import torch

from spectrum import adapters, evaluate, models, seeds
from spectrum.effects import prompting, reading, table, tuning
from spectrum.examples import tokenize_rows
from spectrum.lessons.lora_rank import runs as rank_runs
from spectrum.shop import house, orders, scoring

HOUSE_MODELS = tuning.HOUSE_MODELS
EFFECTS, READER = table.TABLES
NAMES, READER_NAMES = ([row[1].__name__ for row in each.rows] for each in table.TABLES)
POINTS = {"value": 71.3, "low": 68.0, "high": 74.6, "n": 320, "from": 8.1, "to": 79.4}
TABLE = [
    {"effect": "examples", **POINTS, "unit": "points", "bar": 60, "met": True, "seconds": 1.0},
    {"effect": "control", "value": 30.0, "n": 200, "unit": "% at most", "bar": 20, "met": False, "seconds": 1.0},
    {"effect": "knee", "value": 2.0, "n": 320, "unit": "times", "bar": 1, "met": True, "seconds": 1.0},
]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A folder with a tiny lumen-base and a tiny lumen-instruct, where the package looks for its embedded models."""
    folder = tmp_path_factory.mktemp("weights")
    for name in EFFECTS.models:
        tiny.make_tiny(folder / name, hidden=192, context=4096)  # 192 and 512 inputs: whole blocks of 64 for NF4
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "WEIGHTS", folder)
        patch.setattr(tuning, "HOUSE_MODELS", {k: {**m, "steps": 2} for k, m in HOUSE_MODELS.items()})
        patch.setattr(tuning, "HOUSE_ROWS", 8)
        patch.setattr(rank_runs, "READ", 1)
        for module in (prompting, scoring):
            patch.setattr(module, "DEMONSTRATED", ("name", "sentiment", "json", "route", "total_steps"))
        with torch.compiler.set_stance("force_eager"):  # bitsandbytes compiles for a minute what takes a second here
            yield folder
    tuning.house_model.cache_clear()


@pytest.fixture(scope="module")
def pair(weights):
    return [models.load_model(name) for name in EFFECTS.models]


# ---- rows ----


@pytest.mark.slow
@pytest.mark.parametrize("function", [row[1] for row in table.EMBEDDED], ids=NAMES)
def test_row_runs(function, pair):
    fewer = {"fact_knee": {"n": 2, "ranks": (1, 2)}, "rounding_repaired": {"seeds": (0,)}}
    options = fewer.get(function.__name__, {"n": 4})
    values = function(*pair, **options)
    assert isinstance(values["value"], int | float) and isinstance(values["n"], int) and values["n"] >= 4
    json.dumps(values)
    if "low" in values:
        assert values["low"] <= values["value"] <= values["high"]


def test_a_blind_pick_is_one_in_as_many_as_there_are_options():
    counts = [len(order.details["options"]) for order in table.reading.some("listed", 50)]
    assert table.reading.blind_pick(50) == pytest.approx(2 * sum(1 / n for n in counts)) and min(counts) >= 2


@pytest.fixture(scope="module")
def reader(pair):
    model, tokenizer = pair[1]
    return adapters.add_lora(model, 2), tokenizer


@pytest.mark.parametrize("function", [row[1] for row in table.READING], ids=READER_NAMES)
def test_row_of_the_reader_runs(function, reader):
    values = function(reader, n=4)
    assert values["n"] >= 4 and values["low"] <= values["value"] <= values["high"]
    json.dumps(values)


def test_orders_with_the_options_of_another_class():
    rng = seeds.seeded("test", 1)
    for order in orders.order_items("listed", 40):
        other = reading.with_other_options(order, rng)
        told, way = order.details["options"], order.details["way"]
        assert order.text.count(orders.lined(told, way)) == 1 and order.gold in told
        assert orders.lined(other.details["options"], way) in other.text
        assert orders.lined(told, way) not in other.text
        assert len(other.details["options"]) == len(told) and other.gold == order.gold


def test_orders_of_one_kind_and_form():
    found = reading.some("formed", 12, form="xml")
    assert len(found) == 12 and all(order.gold.startswith("<") for order in found)
    with pytest.raises(ValueError, match="no 2 orders of kind 'formed'"):
        reading.some("formed", 2, form="morse")


def test_a_voice_is_heard_at_either_end(monkeypatch):
    answers = ["Ahoy! Mona, matey.", "Mona", "Mona, matey.", "BEEP. Mona"]
    monkeypatch.setattr(reading, "ask", lambda *_: evaluate.Score("", [1.0] * 4, answers=answers))
    asked = [orders.Order("voiced", "", "", details={"persona": "pirate"})] * 4
    assert list(reading.voices((None, None), asked).correct) == [1, 0, 1, 0]


def test_tuning_is_done_once_per_kind_and_leaves_the_base_alone(pair):
    before = {name: p.clone() for name, p in pair[0][0].named_parameters()}
    assert tuning.house_model("full") is tuning.house_model("full")
    assert all((p == before[name]).all() for name, p in pair[0][0].named_parameters())
    tuned = dict(tuning.house_model("full")[0].named_parameters())
    assert any((tuned[name] != p).any() for name, p in before.items())


def test_rows_in_one_batch_do_not_see_each_other(pair):
    # A packed row whose examples attended to each other would give the second another loss than alone.
    rows = house.house_rows(4, "test")
    model, tokenizer = pair[1]
    tokens = [sum(i >= 0 for i in tokenize_rows(tokenizer, [row])[0]["labels"]) for row in rows]
    alone = [evaluate.mean_loss(model, tokenizer, [row]) for row in rows]
    weighted = sum(n * loss for n, loss in zip(tokens, alone, strict=True)) / sum(tokens)
    assert evaluate.mean_loss(model, tokenizer, rows) == pytest.approx(weighted, rel=1e-4)


def test_items_are_spread_over_the_tasks():
    items = scoring.items_of(("name", "city", "product"), 10)
    assert [item.task for item in items] == ["name"] * 4 + ["city"] * 4 + ["product"] * 4


def test_json_examples_ask_for_the_items_own_keys():
    item = scoring.items_of(("json",), 1)[0]
    keys = set(json.loads(item.gold))
    examples = scoring.examples_of(item, 3)
    assert [set(json.loads(e.gold)) for e in examples] == [keys] * 3 and item.input not in {e.input for e in examples}


def test_share_of_nothing_is_not_a_number():
    assert tuning.share(1, 4) == 25.0
    assert math.isnan(tuning.share(1, 0))


def test_knee_is_the_ratio_of_the_smallest_ranks_that_suffice(monkeypatch):
    def recalled(data, count, rank, name):
        return {"score": min(1.0, 32 * rank / count)}

    monkeypatch.setattr(rank_runs, "run", recalled)
    found = tuning.fact_knee(None, None)
    assert found["value"] == 4 and found["ranks"] == {64: 2, 256: 8} and found["n"] == 320
    assert found["recall"][64] == {1: 50.0, 2: 100.0}
    monkeypatch.setattr(rank_runs, "run", lambda data, count, rank, name: {"score": float(count == 64)})
    assert tuning.fact_knee(None, None)["value"] == 64  # no rank up to 32 suffices for 256


# ---- table ----


@pytest.mark.parametrize("value, unit, bar, met", [
    (60, "points", 60, True), (59.9, "points", 60, False), (5, "% at most", 5, True), (5.1, "% at most", 5, False),
    (float("nan"), "%", 90, False), (float("nan"), "% at most", 90, False),
])  # fmt: skip
def test_bar(value, unit, bar, met):
    assert table.is_met({"value": value}, unit, bar) is met
    assert table.is_met({"value": value}, unit, bar, lambda row: False) is False


def test_shown():
    assert table.shown(TABLE[0]) == "71.3 points (68.0 to 74.6), from 8.1 to 79.4, n = 320"
    assert table.shown(TABLE[1]) == "30.0 %, n = 200"


def test_markdown():
    lines = table.markdown(TABLE, "2026-01-31").splitlines()
    assert "2026-01-31" in lines[0] and lines[2:4] == ["| effect | bar | measured | met |", "|---|---|---|---|"]
    assert lines[4] == "| examples | ≥ 60 points | 71.3 points (68.0 to 74.6), from 8.1 to 79.4, n = 320 | yes |"
    assert lines[5] == "| control | ≤ 20 % | 30.0 %, n = 200 | **no** |"
    assert lines[6] == "| knee | > 1 times | 2.0 times, n = 320 | yes |"


def test_measure_and_store(weights, tmp_path):
    rows = table.measure([fake_row()], EFFECTS.models)
    page = tmp_path / "docs" / "effects.md"
    page.parent.mkdir()
    page.write_text("before\n<!-- effects -->\nold\n<!-- /effects -->\nafter\n")
    for _ in range(2):  # storing again replaces
        table.store(EFFECTS, rows, "2026-01-31", root=tmp_path, weights=weights)
        assert page.read_text() == (
            f"before\n<!-- effects -->\n{table.markdown(rows, '2026-01-31')}<!-- /effects -->\nafter\n"
        )
    stored = json.loads((tmp_path / "results" / "effects.json").read_text())
    assert stored["date"] == "2026-01-31" and stored["rows"] == rows
    for name in EFFECTS.models:
        birth = json.loads((weights / name / "birth.json").read_text())
        assert birth["effects"] == rows and birth["files"]
        models.load_model(name)  # still verified


def test_a_stopped_run_goes_on_with_the_rows_that_are_left(weights, tmp_path):
    assert table.stored(EFFECTS, tmp_path, weights) == []

    def keep(rows):
        table.keep(EFFECTS, rows, "today", tmp_path, weights)

    rows = table.measure([fake_row()], EFFECTS.models, after_row=keep)
    known = table.stored(EFFECTS, tmp_path, weights)
    assert known == rows
    broken = ("as many parameters", lambda base, instruct: pytest.fail("measured again"), "times", 2, None)
    (row,) = table.measure([broken], EFFECTS.models, known)
    assert row == {**rows[0], "bar": 2, "met": False}, "held against the bar as it is now"
    path = tmp_path / "results" / "effects.json"
    path.write_text(path.read_text().replace(table.hashes(EFFECTS, weights)["lumen-base"], "other"))
    assert table.stored(EFFECTS, tmp_path, weights) == [], "measured on other weights"


def fake_row():
    def two_models(base, instruct):
        return {"value": base[0].num_parameters() / instruct[0].num_parameters(), "n": 200}

    return ("as many parameters", two_models, "times", 1, None)


def test_store_writes_nothing_without_the_marks(weights, tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "effects.md").write_text("no marks\n")
    with pytest.raises(ValueError, match="<!-- effects -->"):
        table.store(EFFECTS, TABLE, "2026-01-31", root=tmp_path, weights=weights)
    assert [path.name for path in tmp_path.iterdir()] == ["docs"]


@pytest.mark.parametrize("which", table.TABLES, ids=lambda which: which.name)
def test_the_page_shows_the_stored_rows(which):
    """Every row as it is today, in its order, held against the bar as it is today."""
    text = (table.ROOT / "docs" / "effects.md").read_text()
    found = json.loads(which.path(table.ROOT).read_text())
    assert found["weights"] == table.hashes(which)
    assert [(row["effect"], row["bar"]) for row in found["rows"]] == [(row[0], row[3]) for row in which.rows]
    shown = table.markdown(found["rows"], found["date"])
    assert table.between_marks(text, shown, which.marks) == text
    assert table.read(which.name) == found["rows"]
    for name in which.models:
        assert json.loads((table.WEIGHTS / name / "birth.json").read_text())["effects"] == found["rows"]


def test_rows_by_name(capsys):
    [(which, rows)] = table.rows_named("book")
    assert which == EFFECTS and [row[1].__name__ for row in rows] == ["closed_book", "open_book"]
    assert table.rows_named("") == [(each, list(each.rows)) for each in table.TABLES]
    with pytest.raises(SystemExit):
        table.main(["--only", "nosuch"])
    assert "'nosuch'" in capsys.readouterr().err


def test_only_stores_nothing(monkeypatch, weights):
    monkeypatch.setattr(table, "TABLES", (table.Table("effects", EFFECTS.models, (fake_row(),)),))
    monkeypatch.setattr(table, "store", lambda *_: pytest.fail("stored a part of the table"))
    table.main(["--only", "two_models"])


def test_a_table_that_is_whole_keeps_its_date(monkeypatch, weights):
    rows = table.measure([fake_row()], EFFECTS.models)
    monkeypatch.setattr(table, "store", lambda *_: pytest.fail("stored again"))
    monkeypatch.setattr(table, "keep", lambda *_: pytest.fail("kept again"))
    table.measure_and_store(table.Table("effects", EFFECTS.models, (fake_row(),)), rows, "today")
