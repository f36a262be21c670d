"""The pictures and the explorer of lesson 06 without a browser, on a pretended model."""

import ipywidgets as w
import pytest

from spectrum import retrieval
from spectrum.evaluate import Score
from spectrum.lessons.retrieval import widget
from spectrum.shop import facts
from spectrum.shop.facts import Document

LINES = ["The Kavo lamp is red.", "The Kavo lamp costs 12 dollars.", "The Bino lamp costs 112 dollars."]
SEARCH = retrieval.Search([Document(text, "", "") for text in LINES])
QUESTION = "How much is the Kavo lamp?"


def says(answer):
    """A pretended model, and what it was asked."""
    asked = []

    def ask(lines, question):
        asked.append((list(lines), question))
        return answer

    return ask, asked


def view(answer="12 dollars", question=QUESTION, **settings):
    return widget.retrieval_view(SEARCH, says(answer)[0], question, **settings)


@pytest.fixture
def shown(monkeypatch):
    """The views that were shown."""
    found = []
    monkeypatch.setattr(widget, "show_view", found.append)
    return found


# ---- the view ----


def test_the_answer_comes_with_its_evidence():
    made = view(k=3)
    assert made["answer"] == "12 dollars" and made["evidence"] == [LINES[1]] and not made["refused"]
    assert made["known_form"]
    words = widget.describe_view(made)
    assert "costs 12 dollars.   <- evidence" in words and "112 dollars.   <-" not in words


def test_the_order_of_reading_follows_the_button():
    ask, asked = says("red")
    for order in widget.ORDERS:
        widget.retrieval_view(SEARCH, ask, QUESTION, 3, order)
    best = SEARCH.best(QUESTION, 3)[0].document.text
    assert asked[0][0][0] == best == asked[1][0][-1] and asked[0][0] == asked[1][0][::-1]


def test_an_answer_without_evidence_is_refused_unless_it_may_pass():
    made = view("Dahl")
    assert made["answer"] == "not stated" and "'Dahl'" in made["refused"] and made["evidence"] == []
    assert view("Dahl", strict=False)["answer"] == "Dahl"
    assert view("2 dollars")["answer"] == "not stated"


def test_nothing_found_and_low_scores_do_not_ask_the_model():
    ask, asked = says("red")
    nothing = widget.retrieval_view(SEARCH, ask, "Bonjour")
    low = widget.retrieval_view(SEARCH, ask, QUESTION, threshold=6.0)
    assert asked == [] and nothing["answer"] == low["answer"] == "not stated"
    assert "no document" in nothing["refused"] and "below the threshold" in low["refused"]


def test_lines_below_the_threshold_are_shown_and_not_read():
    ask, asked = says("red")
    scores = [hit.score for hit in SEARCH.best(QUESTION, 3)]
    made = widget.retrieval_view(SEARCH, ask, QUESTION, 3, threshold=(scores[1] + scores[2]) / 2)
    assert len(asked[0][0]) == 2 and len(made["hits"]) == 3
    assert widget.describe_view(made).count("(below the threshold)") == 1
    assert widget.page(made).count("(below the threshold)") == 1


def test_other_words_come_with_an_honest_note():
    made = view("12 dollars", "What does the Kavo lamp cost?")
    assert not made["known_form"] and widget.OUTSIDE in widget.describe_view(made)
    assert widget.OUTSIDE in widget.page(made)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="at least one word"):
        view(question="  ")
    with pytest.raises(ValueError, match="order must be"):
        view(order="random")
    with pytest.raises(ValueError, match="at least 1"):
        view(k=0)


def test_the_page_marks_the_evidence_and_escapes_what_is_typed():
    page = widget.page(view())
    assert "<mark>12 dollars</mark>" in page and page.count("<mark>") == 1
    page = widget.page(view("<b>x</b>", "<script>lamp</script>"))
    assert "<script>" not in page and "&lt;script&gt;" in page and "<b>x</b>" not in page


# ---- pictures ----


def score(share):
    return Score("x", [1.0] * share + [0.0] * (10 - share))


def test_pictures_are_told_in_words(pictures):
    depths = {1: score(3), 6: score(10)}
    widget.show_depths(depths, {1: score(3), 6: score(9)}, "t", 0.2)
    places = {place: {60: score(9), 900: score(2)} for place in facts.PLACES}
    widget.show_places(places, "t", 0.1, trained=512)
    said = [picture.alt for picture in pictures] if hasattr(pictures[0], "alt") else [str(p.metadata) for p in pictures]
    assert "recall at k: k = 1 30 %, k = 6 100 %" in said[0] and "first: 60 tokens 90 %, 900 tokens 20 %" in said[1]


# ---- the explorer ----


def controls(explorer):
    return {child.description: child for child in explorer.children[0].children}


def test_the_explorer_asks_again_and_keeps_answers(shown):
    ask, asked = says("12 dollars")
    found = controls(widget.retrieval_explorer(SEARCH, ask, QUESTION))
    assert shown[-1]["answer"] == "12 dollars" and len(asked) == 1
    found["Question"].value = "What colour is the Kavo lamp?"
    assert shown[-1]["answer"] == "12 dollars" and len(asked) == 2  # the pretended model says one thing only
    found["Question"].value = QUESTION
    assert len(asked) == 2
    found["Documents"].value = 1
    assert shown[-1]["answer"] == "not stated" and len(shown[-1]["hits"]) == 1
    found["Only with evidence"].value = False
    assert shown[-1]["answer"] == "12 dollars"
    found["Order"].value = "best first"
    found["Threshold"].value = 6.0
    assert "below the threshold" in shown[-1]["refused"]
    count = len(shown)
    found["Run"].click()
    assert len(shown) == count + 1


def test_every_control_has_a_label_and_no_dropdown(shown):
    found = controls(widget.retrieval_explorer(SEARCH, says("red")[0], QUESTION))
    assert all(found) and not any(isinstance(control, w.Dropdown) for control in found.values())


def test_an_empty_question_is_said_and_not_raised(shown, capsys):
    found = controls(widget.retrieval_explorer(SEARCH, says("red")[0], QUESTION))
    count = len(shown)
    found["Question"].value = " "
    assert len(shown) == count
