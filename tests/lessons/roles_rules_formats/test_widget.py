"""The pictures and the prompt builder of lesson 03 without a browser."""

import json

import pytest
from shells import control, every, wait_until
from tiny import make_model, make_tokenizer

from spectrum.evaluate import Score
from spectrum.lessons.roles_rules_formats import material, widget


@pytest.fixture(scope="module")
def pair():
    tokenizer = make_tokenizer()
    return make_model(tokenizer, layers=1), tokenizer


# ---- figures ----


def test_figures_say_their_numbers_in_words(told):
    curves = {"codes": {1: Score("a", [1, 1], floor=0.5), 2: Score("a", [1, 0], floor=0.5)}}
    widget.show_rules(curves, "rules")
    golds = [{"name": "Ana"}, {"name": "Leo"}]
    widget.show_ladder([Score("bare", [0, 0], answers=["Ana.", "?"])], "a ladder", golds)
    assert "codes: 1 branches 100 %, 2 branches 50 %" in told[0]
    assert "bare 0 %, anywhere 50 %" in told[1]


def test_values_anywhere_are_found_in_any_text():
    golds = [{"name": "Ana", "city": "Oslo"}]
    assert widget.values_anywhere(["Ahoy! Ana, matey."], golds) == 0.5


# ---- the prompt builder ----


def test_each_switch_adds_its_part():
    text = "I am Ana from Oslo."
    assert widget.write_prompt(text, ()) == [{"role": "user", "content": text}]

    def written(*switches):
        return widget.write_prompt(text, switches)

    assert written("instruction")[-1]["content"] == f"Give name and city and product.\n{text}"
    assert written("format")[-1]["content"] == f"Answer as JSON.\n{text}"
    both = written("instruction", "format")[-1]["content"]
    assert both == f"Give name and city and product as JSON.\n{text}"
    assert written("instruction", "context")[-1]["content"].startswith(f"{widget.CONTEXT} Give name")
    assert "## Message" in written("instruction", "layout")[-1]["content"]
    assert written("role")[0] == {"role": "system", "content": material.ROLES["pirate"]}
    shown = written("instruction", "examples")
    assert [turn["role"] for turn in shown] == ["user", "assistant"] * 2 + ["user"]
    assert set(json.loads(shown[1]["content"])) == set(widget.KEYS)
    assert written("mask") == written(), "a mask is no part of the prompt"
    with pytest.raises(ValueError, match="there is no switch volume"):
        written("volume")


def test_a_view_scores_the_switches_and_reports_its_progress(pair):
    seen = []
    view = widget.prompt_view(*pair, ("mask",), n=12, report=lambda done, n: seen.append((done, n)))
    assert seen == [(10, 12), (12, 12)]
    assert view["score"].n == 12 and len(view["parsed"]) == 12
    own = widget.prompt_view(*pair, ("format",), text="My dog is called Rex.", n=2)
    assert own["prompt"][-1]["content"].endswith("My dog is called Rex.")
    with pytest.raises(ValueError, match="the letter has 700 characters"):
        widget.prompt_view(*pair, (), text="x" * 700, n=2)


def test_a_letter_cannot_write_html(pair):
    view = widget.prompt_view(*pair, (), text="<script>alert(1)</script>", n=2)
    assert "<script>" not in widget.prompt_html(view)


def finish(shell):
    wait_until(lambda: not control(shell, "Run").disabled)
    return every(shell)[-1].value


def test_the_builder_runs_logs_its_tries_and_cancels(pair, monkeypatch):
    monkeypatch.setattr(widget, "LETTERS", 20)
    monkeypatch.setattr(widget, "TOKENS", 4)
    view = widget.prompt_view
    monkeypatch.setattr(widget, "prompt_view", lambda *a, **k: view(*a, **k, n=20))
    shell = widget.prompt_builder(*pair)
    control(shell, "Run").click()
    assert "Tries on these letters: instruction: 0 %" in finish(shell)
    next(x for x in every(shell) if getattr(x, "description", "").startswith("format:")).value = True
    control(shell, "Run").click()
    assert "instruction: 0 %; instruction, format: 0 %" in finish(shell)
    control(shell, "Letter").value = "x" * 700
    control(shell, "Run").click()
    assert "Cannot run this: the letter has 700 characters" in finish(shell)
    control(shell, "Letter").value = ""
    control(shell, "Run").click()
    control(shell, "Cancel").click()
    assert "Cancelled after 10 of 20 letters" in finish(shell)
    assert control(shell, "Cancel").disabled and not control(shell, "Run").disabled
