"""The seam to DSPy: its stored run, what is said without it, and, where it is installed, a search on a tiny model."""

import pytest
from tiny import make_model, make_tokenizer

from spectrum.lessons.measuring_prompts import dspy_search, rewordings
from spectrum.shop import tasks


def test_the_stored_run_is_of_the_lessons_space_and_budget():
    found = dspy_search.stored()
    assert found["instruction"] in rewordings.ORDERS and found["calls"] <= found["budget"] == 300
    assert found["low"] <= found["test"] <= found["high"] and found["n"] == 120


def test_without_dspy_the_stored_run_is_given_and_the_way_to_install_it(monkeypatch):
    monkeypatch.setattr(dspy_search, "installed", lambda: False)
    found, how = dspy_search.by_dspy(None, None)
    assert found == dspy_search.stored() and 'pip install -e ".[dspy]"' in how


def test_an_import_that_fails_says_what_to_install(monkeypatch):
    monkeypatch.setattr(dspy_search, "installed", lambda: False)
    with pytest.raises(ImportError, match="pip install -e"):
        dspy_search.load()


def test_a_budget_that_is_too_small_is_refused_before_anything_is_asked():
    items = tasks.TASKS["city"].sample(8, "dev")
    with pytest.raises(ValueError, match="a budget of 10 calls is too small"):
        dspy_search.search(None, rewordings.ORDERS, items, items, 10, tasks.same_text)


def test_the_search_runs_offline_within_its_budget():
    pytest.importorskip("dspy")
    tokenizer = make_tokenizer()
    pair, task = (make_model(tokenizer, layers=1), tokenizer), tasks.TASKS["city"]
    train, dev = task.sample(2, "train"), task.sample(3, "dev")
    found = dspy_search.search(pair, ["Give the city.", "City?"], train, dev, 30, tasks.same_text, max_new_tokens=4)
    assert found["calls"] <= 30 and found["instruction"] in ("Give the city.", "City?")
