"""The seam to DSPy: its stored run, what is said without it, and, where it is installed, a search on a tiny model."""

import pytest
from tiny import make_model, make_tokenizer

from spectrum import dspy_adapter, search, tasks


def test_the_stored_run_is_of_the_lessons_space_and_budget():
    found = dspy_adapter.stored()
    assert found["instruction"] in search.ORDERS and found["calls"] <= found["budget"] == 300
    assert found["low"] <= found["test"] <= found["high"] and found["n"] == 120


def test_without_dspy_the_stored_run_is_given_and_the_way_to_install_it(monkeypatch):
    monkeypatch.setattr(dspy_adapter, "installed", lambda: False)
    found, how = search.by_dspy(None, None)
    assert found == dspy_adapter.stored() and 'pip install -e ".[dspy]"' in how


def test_an_import_that_fails_says_what_to_install(monkeypatch):
    monkeypatch.setattr(dspy_adapter, "installed", lambda: False)
    with pytest.raises(ImportError, match="pip install -e"):
        dspy_adapter.load()


def test_a_budget_that_is_too_small_is_refused_before_anything_is_asked():
    items = tasks.TASKS["city"].sample(8, "dev")
    with pytest.raises(ValueError, match="a budget of 10 calls is too small"):
        dspy_adapter.search(None, search.ORDERS, items, items, 10, tasks.same_text)


def test_the_search_runs_offline_within_its_budget():
    pytest.importorskip("dspy")
    tokenizer = make_tokenizer()
    pair, task = (make_model(tokenizer, layers=1), tokenizer), tasks.TASKS["city"]
    train, dev = task.sample(2, "train"), task.sample(3, "dev")
    found = dspy_adapter.search(pair, ["Give the city.", "City?"], train, dev, 30, tasks.same_text, max_new_tokens=4)
    assert found["calls"] <= 30 and found["instruction"] in ("Give the city.", "City?")
