"""Lesson 01's runs on SmolLM2: one part a step, what counts, and that the stored runs are the grid's."""

import pytest
from zoo import make_animal

from spectrum.lessons.base_and_instruct import runs
from spectrum.shop import tasks
from spectrum.sweeps import missing


def test_each_step_adds_one_part_and_each_cut_takes_one_away():
    steps = [parts for name, parts in runs.VERSIONS.items() if "without" not in name]
    assert [len(parts) for parts in steps] == list(range(7))
    assert all(set(a) < set(b) for a, b in zip(steps, steps[1:], strict=False))
    cuts = [parts for name, parts in runs.VERSIONS.items() if "without" in name]
    assert {frozenset(runs.PARTS) - set(parts) for parts in cuts} == {frozenset([p]) for p in runs.PARTS[:4]}
    texts = [runs.prompt("The letter.", parts) for parts in runs.VERSIONS.values()]
    assert len(set(texts)) == len(texts) - 1 and all(text.count("The letter.") == 1 for text in texts)
    assert runs.prompt("The letter.", ()) == "What is the problem in this letter?\n\nThe letter."
    full = runs.prompt("The letter.", runs.PARTS)
    assert full.endswith("Letter: The letter.\nProblem:") and runs.MEANT in full and runs.ONLY in full


@pytest.mark.parametrize(
    ("answer", "right"),
    [("broken", 1.0), ("It is BROKEN.", 1.0), ("broken or late", 0.0), ("late", 0.0), ("", 0.0)],
)
def test_the_word_counts_where_it_stands_alone(answer, right):
    item = next(item for item in tasks.TASKS["problem"].sample(60, "dev", seed=1) if item.gold == "broken")
    assert runs.word(answer, item) == right


def test_values_are_found_in_any_form():
    (item,) = tasks.TASKS["json"].sample(1, "dev", seed=1)
    assert runs.values(item.gold, item) == 1.0 and runs.values("nothing", item) == 0.0


@pytest.mark.parametrize(
    "settings", [{"rung": "vague order"}, {"version": "6 + three examples"}, {"version": "7 as plain text"}]
)
def test_a_run_scores_each_letter_and_asks_in_a_chat_or_in_plain_text(monkeypatch, settings):
    asked = []
    monkeypatch.setattr(runs, "load_model", lambda name: make_animal("qwen3"))
    monkeypatch.setattr(runs, "LETTERS", 3)
    monkeypatch.setattr(
        runs,
        "complete",
        lambda model, tokenizer, chats, **more: asked.extend(chats) or ["broken\nLetter: x"] * len(chats),
    )
    found = runs.run(**settings)
    assert len(found["exact"]) == len(found["content"]) == 3 and len(found["answers"]) == 3
    plain = settings.get("version") == "7 as plain text"
    assert all(isinstance(each, str) is plain for each in asked)
    assert (found["answers"][0] == "broken") is plain
    assert found["tokens in"] > 10


def test_the_stored_runs_are_the_grids():
    for name, grid in runs.REAL.items():
        assert not missing(grid, runs.RESULTS / name)
    assert (
        runs.form("1 ask").mean == 0
        and runs.form("7 as plain text").mean >= runs.stored("refined")["7 as plain text"].mean
    )
    for what, names in (("ladder", runs.RUNGS), ("refined", runs.VERSIONS)):
        exact, content = runs.stored(what), runs.stored(what, "content")
        assert list(exact) == list(names) and all(score.n == runs.LETTERS for score in exact.values())
        assert all(exact[name].mean <= content[name].mean + 1e-9 for name in names)
