"""The pictures and the explorer of votes without a browser, on invented samples."""

import ipywidgets as w
import pytest
from shells import control, every

from spectrum.evaluate import Score
from spectrum.lessons.reasoning import steps, voting, widget

ITEMS = steps.sums(3, 4)
GOLDS = [voting.last_number(item.gold) for item in ITEMS]


def said(number):
    return f"1 + 1 = 2. Total {number}."


# Cold samples are all true. Hot ones say the truth 4 times of 7, or 3 times of 7 for the last sum, and once nothing.
HOT = [[said(gold)] * 4 + [said(1), "no", said(1)] for gold in GOLDS[:2]]
HOT.append([said(1), said(1), said(1), *[said(GOLDS[2])] * 2, "no", said(GOLDS[2])])
POOLS = {
    ("no steps", 0.5): [["Total 1."] * 7] * 3,
    ("no steps", 1.5): [["Total 1."] * 7] * 3,
    ("steps", 0.5): [[said(gold)] * 7 for gold in GOLDS],
    ("steps", 1.5): HOT,
}


@pytest.fixture
def shown(monkeypatch):
    """The views that were shown."""
    found = []
    monkeypatch.setattr(widget, "show_votes", found.append)
    return found


# ---- the view ----


def test_a_view_counts_what_the_samples_say():
    view = widget.vote_view(POOLS, ITEMS, "steps", 1.5, 7, number=1)
    assert view["question"] == ITEMS[1].input and view["gold"] == GOLDS[1]
    assert view["votes"] == [(GOLDS[1], 4), ("1", 2)] and view["winner"] == GOLDS[1]
    assert view["single"] == pytest.approx((4 + 4 + 3) / 21), "a sample without a number is a wrong one"
    assert view["vote"] == pytest.approx(2 / 3), "the tie of the last sum goes to the first seen, not to the truth"


def test_a_view_takes_the_first_samples():
    assert widget.vote_view(POOLS, ITEMS, "steps", 1.5, 1, number=2)["votes"] == [("1", 1)]
    assert widget.vote_view(POOLS, ITEMS, "steps", 0.5, 3)["vote"] == 1


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"way": "steps", "temperature": 1.0, "n": 3}, "no samples for 'steps' at temperature 1.0"),
        ({"way": "steps", "temperature": 1.5, "n": 0}, "n is 0; there are 7"),
        ({"way": "steps", "temperature": 1.5, "n": 8}, "n is 8; there are 7"),
    ],
)
def test_samples_that_are_not_there_are_named(setting, message):
    with pytest.raises(ValueError, match=message):
        widget.vote_view(POOLS, ITEMS, **setting)


def test_a_view_is_told_in_words(pictures, capsys):
    widget.show_votes(widget.vote_view(POOLS, ITEMS, "steps", 1.5, 7))
    printed = capsys.readouterr().out
    assert f"{GOLDS[0]} 4 times, 1 2 times; true: {GOLDS[0]}" in printed
    assert "single samples 52 % right, the vote 67 %" in printed and f"first sample: {HOT[0][0]}" in printed
    assert pictures[0].alt in printed


def test_a_question_that_no_sample_answers_is_shown(pictures, capsys):
    view = widget.vote_view({("steps", 1.0): [["no"]]}, ITEMS[:1], "steps", 1.0, 1)
    widget.show_votes(view)
    assert view["winner"] is None and "no sample has a number" in capsys.readouterr().out


# ---- an own sum ----


def test_an_own_sum_is_sampled_with_the_settings():
    asked = []

    def ask(*setting):
        asked.append(setting)
        return [said(41), said(41), said(40)]

    view = widget.own_view(ask, " 8 +15+ 18 ", "steps", 1.5, 3)
    assert asked == [("8 + 15 + 18", "steps", 1.5, 3)]
    assert view["gold"] == "41" and view["winner"] == "41" and view["items"] == 1


@pytest.mark.parametrize("text", ["", "8", "8 + lamp", "8 - 3", "+".join("1" * 10), "8 + 1000"])
def test_what_is_no_sum_is_refused(text):
    with pytest.raises(ValueError, match="is no sum"):
        widget.own_view(lambda *_: [], text, "steps", 1.5, 3)


# ---- the explorer ----


def test_every_control_changes_the_view(shown):
    shell = widget.vote_explorer(POOLS, ITEMS)
    first = {"way": "no steps", "temperature": 1.5, "n": 7, "question": ITEMS[0].input}
    assert {key: shown[-1][key] for key in first} == first
    for name, value, key, wanted in (
        ("Answer", "steps", "way", "steps"),
        ("Temperature", 0.5, "temperature", 0.5),
        ("Samples", 3, "n", 3),
        ("Sum", 2, "question", ITEMS[2].input),
    ):
        control(shell, name).value = value
        assert shown[-1][key] == wanted


def test_run_samples_the_typed_sum_and_says_what_is_none(shown, monkeypatch):
    printed = []
    monkeypatch.setattr(widget, "print", printed.append, raising=False)
    shell = widget.vote_explorer(POOLS, ITEMS, lambda text, way, temperature, n: [said(11)] * n)
    control(shell, "Your sum").value = "4 + 7"
    before = len(shown)
    control(shell, "Run").click()
    assert len(shown) == before + 1 and shown[-1]["question"] == "4 + 7" and shown[-1]["votes"] == [("11", 7)]
    control(shell, "Your sum").value = "four"
    control(shell, "Run").click()
    assert "'four' is no sum" in printed[-1]


def test_without_a_model_there_is_no_run_button(shown):
    assert not any(isinstance(x, w.Button) for x in every(widget.vote_explorer(POOLS, ITEMS)))


def test_controls_have_labels_and_wait_until_they_are_let_go(shown):
    shell = widget.vote_explorer(POOLS, ITEMS, lambda *_: [])
    inputs = [x for x in every(shell) if hasattr(x, "value") and not isinstance(x, w.Output)]
    assert inputs and all(x.description for x in inputs)
    assert not any(isinstance(x, w.Dropdown) for x in inputs)
    assert all(not x.continuous_update for x in inputs if hasattr(x, "continuous_update"))


# ---- figures ----


def test_curves_have_a_line_for_each_way_and_words(pictures):
    ways = ("no steps", "steps", "steps, 8 terms")
    curves = {way: voting.vote_curve([["1", "2", "2"]], ["2"], sizes=(1, 3), draws=20) for way in ways}
    figure = widget.curves_figure(curves, "title", {"steps": 1.0})
    left, right = figure.axes
    assert len(left.lines) == 4 and len(right.lines) == 3
    assert list(right.lines[0].get_xdata()) == [1, 3]
    widget.show_curves(curves, "title")
    assert all(f"{way}: " in pictures[0].alt for way in ways)


def test_lengths_have_a_line_for_each_way_and_words(pictures):
    scores = {way: {2: Score(way, [1, 0, 1, 1]), 3: Score(way, [0, 0, 0, 1])} for way in ("no steps", "steps")}
    widget.show_lengths(scores, "title", {2: 0.1, 3: 0.1})
    assert "steps: 2 terms 75 %, 3 terms 25 %" in pictures[0].alt
