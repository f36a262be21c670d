"""The runs of lesson 07 on a real model: plain numbers for each kind of order, that repeat; stored ones say whence."""

import json

import pytest
import torch
from zoo import make_animal

from spectrum import general, sweeps
from spectrum.adapters import add_lora
from spectrum.lessons.instruction_tuning import reading
from spectrum.passes import precision_of
from spectrum.shop import orders
from tools import make_sweeps


@pytest.fixture
def small(monkeypatch):
    """Two orders of each kind and short answers, with the prose and the questions cut."""
    monkeypatch.setattr(reading, "ITEMS", 2)
    monkeypatch.setattr(reading, "ANSWER_TOKENS", 2)
    monkeypatch.setattr(reading, "exam", lambda model, tokenizer, exam=reading.exam: exam(model, tokenizer, items=2))
    monkeypatch.setattr(general, "prose", lambda: ["The parcel came late."])
    monkeypatch.setattr(general, "questions", lambda: [("capital", "Question: Where?\nAnswer:", ("Oslo",))])


def test_a_run_is_plain_numbers_for_each_kind_and_repeats(small, tiny_folder, monkeypatch):
    monkeypatch.setattr(reading, "LENGTH", 2048)  # a tiny tokenizer needs many tokens for a word
    first, second = (json.loads(json.dumps(reading.run(str(tiny_folder), steps=1))) for _ in range(2))
    assert set(orders.MAKERS) | {"typed", "protected", "bits per byte", "loss", "provenance"} <= set(first)
    assert len(first["loss"]) == 1 and all(0 <= first[kind] <= 1 for kind in orders.MAKERS)
    assert {k: v for k, v in first.items() if k != "seconds"} == {k: v for k, v in second.items() if k != "seconds"}


def test_no_steps_measure_the_model_as_it_is(small, tiny_folder):
    found = reading.run(str(tiny_folder), steps=0)
    assert found["loss"] == [] and found["seconds"] == 0.0 and found["bits per byte"] > 0


def test_the_passes_run_in_the_format_of_the_base_and_not_of_its_adapter():
    model, _ = make_animal("qwen3")
    assert precision_of(model.dtype) is None
    assert precision_of(torch.bfloat16) == "bf16" and precision_of(torch.float16) == "fp16"
    assert precision_of(add_lora(model.to(torch.bfloat16), 2).dtype) == "bf16"


REAL = [(folder, grid) for folder, grid, _ in make_sweeps.sweeps([], real=True)]


@pytest.mark.parametrize(("folder", "grid"), REAL, ids=lambda value: getattr(value, "name", ""))
def test_stored_runs_on_the_real_model_say_where_they_come_from(folder, grid):
    stored = [json.loads(path.read_text()) for path in folder.glob("run-*.json")]
    for record in stored:
        assert record["settings"] in grid and record["error"] is None
        made = record["result"]["provenance"]
        assert made["model"] == "smollm2" and len(made["weights"]) == 12
        assert record["settings"].get("name", "smollm2") in ("smollm2", "smollm2-shop")  # lesson 16 names none
        assert made["dtype"] in ("float32", "bfloat16") and made["device"] and made["date"]


def test_the_stored_table_has_each_run_in_its_column(tmp_path, monkeypatch):
    kinds = [*orders.MAKERS, "typed"]
    for number, (name, steps) in enumerate((("smollm2-shop", 0), ("smollm2", 64), ("smollm2", 0))):
        result = {kind: 0.1 * number for kind in kinds} | {"protected": 0.5 + 0.1 * number}
        result |= {f"{kind}, content": 0.9 - 0.1 * number for kind in kinds}
        sweeps.store({"settings": {"name": name, "steps": steps, "seed": 0}, "result": result, "error": None,
                      "wall_seconds": 1.0}, tmp_path / "reading")  # fmt: skip
    monkeypatch.setattr(reading, "RESULTS", tmp_path)
    table = reading.stored_table()
    assert table.loc["typed"].tolist() == [20, 10, 0, 70, 90]
    assert list(table.columns)[:3] == ["untuned", "64 steps", "1,000 steps"] and list(table.index) == [
        *kinds,
        "general knowledge",
    ]
    assert table.loc["general knowledge"].tolist()[:3] == ["70", "60", "50"]
