"""The pictures and the explorer of lesson 06 without a browser, on a pretended model and a few passages."""

import ipywidgets as w
import numpy as np
import pytest

from spectrum import retrieval
from spectrum.evaluate import Score
from spectrum.lessons.retrieval import pictures, widget
from spectrum.passages import Passage

TEXTS = ["Loops\n*****\n\nbreak leaves the loop.", "continue goes on with the loop.", "A string has <characters>."]
PASSAGES = [Passage("for", 0, TEXTS[0]), Passage("continue", 0, TEXTS[1]), Passage("strings", 0, TEXTS[2])]
WORDS = retrieval.Search(PASSAGES)


def no_embedder(question, k):
    raise ValueError("no stored vector")


SEARCHES = {"BM25": WORDS.best, "dense": no_embedder}


def view(question="What leaves the loop?", k=2):
    return widget.search_view(SEARCHES, question, k)


# ---- views ----


def test_each_search_shows_its_best_passages_or_says_why_not():
    made = view()
    assert [hit.document.name for hit in made["ranked"]["BM25"]] == ["for", "continue"]
    assert made["ranked"]["dense"] == "no stored vector"
    assert view("Bonjour")["ranked"]["BM25"] == "no passage shares a word with the question"
    words = widget.describe_view(made)
    assert "for: break leaves the loop." in words and "no stored vector" in words and "Answer" not in words


def test_an_answer_comes_with_its_evidence():
    asked = []

    def ask(texts, question):
        asked.append((texts, question))
        return " break.\n"

    made = widget.answer_view(view(), "BM25", ask)
    assert asked == [(TEXTS[:2], "What leaves the loop?")] and made["answer"] == "break" and made["evidence"] == [0]
    assert "<- evidence" in widget.describe_view(made) and "stands in the marked passage" in widget.describe_view(made)
    other = widget.answer_view(view(), "BM25", lambda texts, question: "return")
    assert other["evidence"] == [] and "do not trust it" in widget.describe_view(other)


def test_where_nothing_was_found_nobody_is_asked():
    made = widget.answer_view(view("Bonjour"), "BM25", None)
    assert made["answer"] is None and "found nothing to read" in widget.describe_view(made)


@pytest.mark.parametrize("question, k, told", [(" ", 2, "the question is empty"), ("What?", 0, "k is 0")])
def test_bad_input_is_named(question, k, told):
    with pytest.raises(ValueError, match=told):
        view(question, k)


def test_the_page_marks_the_evidence_and_escapes_what_is_typed():
    made = widget.answer_view(view("<b>string</b>"), "BM25", lambda texts, question: "<characters>")
    page = widget.page(made)
    assert "<b>string</b>" not in page and "&lt;characters&gt;" in page and page.count("<mark>") == 1


def test_a_long_passage_is_cut():
    assert widget.first_words("word " * 99).endswith("…") and len(widget.first_words("word " * 99)) == widget.SHOWN + 1


# ---- the explorer ----


@pytest.fixture
def shown(monkeypatch):
    """The views that were shown."""
    found = []
    monkeypatch.setattr(widget, "show_view", found.append)
    return found


def controls(explorer):
    return explorer.children[0].children


def test_a_change_searches_and_only_run_asks_the_model(shown):
    asked = []
    explorer = widget.explorer(
        SEARCHES, lambda texts, question: asked.append(texts) or "break", "What leaves the loop?"
    )
    box, k, method, run = controls(explorer)
    assert len(shown) == 1 and asked == [] and method.value == "dense"
    k.value = 1
    method.value = "BM25"
    box.value = "Which word leaves the loop?"
    assert len(shown) == 4 and asked == [] and len(shown[-1]["ranked"]["BM25"]) == 1
    run.click()
    assert asked == [TEXTS[:1]] and shown[-1]["answer"] == "break"


def test_without_a_model_there_is_no_run_and_every_control_has_a_label(shown):
    explorer = widget.explorer(SEARCHES, None, "What leaves the loop?")
    *others, run = controls(explorer)
    assert run.disabled and all(control.description for control in others)
    assert not any(isinstance(control, w.Dropdown) for control in others)


def test_an_empty_question_is_said_and_not_raised(shown, capsys):
    box = controls(widget.explorer(SEARCHES, None, "What leaves the loop?"))[0]
    box.value = ""
    assert "Cannot show this: the question is empty" in capsys.readouterr().out


# ---- pictures ----


def score(share, name="a"):
    return Score(name, np.arange(20) < 20 * share, floor=0.1, ceiling=1.0)


def test_pictures_are_told_in_words(monkeypatch):
    told = []
    monkeypatch.setattr(pictures.plots, "show", lambda figure, alt: told.append(alt))
    pictures.show_cuts()
    pictures.show_pooling()
    pictures.show_searches({("BM25", "same"): score(0.9), ("BM25", "other"): score(0.1)}, "Words find words")
    pictures.show_answers([score(0.2), score(0.8)], "It reads", 0.1)
    pictures.show_places({"first": {60: score(0.5)}, "last": {60: score(0.7)}}, "The end is read", 0.1)
    curves = {"all": ([0, 10, 100], [0, 60, 100]), "some": ([0, 50, 100], [0, 40, 100])}
    pictures.show_refusals(curves, {"a model": (score(0.1), score(0.8)), "another": (score(0.9), score(0.9))}, "Nobody")
    assert "Windows of four units cut it in two" in told[0] and "384 numbers" in told[1]
    assert "BM25, asked in other words: 10 %" in told[2] and "first: 60 tokens 50 %" in told[4]
    assert "a model: 80 % against 10 % false alarms" in told[5]
    assert "threshold, all: half of the refusals cost 10 % false alarms" in told[5]
