"""The pictures and the bench of examples without a browser, on an untrained model."""

import ipywidgets as w
import numpy as np
import pytest
from shells import control, every
from tiny import make_model, make_tokenizer

from spectrum import plots, prompts
from spectrum.evaluate import Score
from spectrum.lessons.few_shot import material, widget


@pytest.fixture(scope="module", params=["llama", "qwen3"])
def pair(request):
    tokenizer = make_tokenizer(architecture=request.param)
    return make_model(tokenizer, architecture=request.param), tokenizer


@pytest.fixture
def shown(monkeypatch):
    """The views that were shown."""
    found = []
    monkeypatch.setattr(widget, "show_bench", found.append)
    return found


# ---- the view ----

SHOTS = (("It is fine.", "A"), ("It is poor.", "B"))


def test_a_view_holds_the_shares_of_the_labels(pair):
    view = widget.bench_view(*pair, SHOTS, " It is good. ", ("A", "B"))
    asked = [material.Question(SHOTS, "It is good.", ("A", "B"), 0)]
    found = material.label_logprobs(*pair, asked)[0]
    assert view["raw"] == pytest.approx(np.exp(found) / np.exp(found).sum(), abs=1e-5)
    assert view["together"] == pytest.approx(np.exp(found).sum(), abs=1e-5)
    ratio = view["raw"] / view["lean"]
    assert view["calibrated"] == pytest.approx(ratio / ratio.sum())
    assert view["tokens"] == len(pair[1](prompts.label(SHOTS, "It is good."))["input_ids"])


def test_a_view_takes_a_chat(pair):
    plain, chat = (widget.bench_view(*pair, SHOTS, "good", ("A", "B"), chat) for chat in (False, True))
    assert plain["raw"].sum() == pytest.approx(1) and not np.allclose(plain["raw"], chat["raw"])


def test_strange_words_are_named_once_and_shop_words_not():
    assert widget.strange_words("The film is fantastic, a FILM!") == ["film", "fantastic"]
    for text in (widget.OPEN, *(text for text, _ in widget.SENTENCES)):
        assert widget.strange_words(text) == []


def test_words_warn_of_strangers(pair):
    said = widget.describe_bench(widget.bench_view(*pair, SHOTS, "A fantastic film", ("A", "B")))
    assert "'fantastic', 'film'" in said and "after 2 examples" in said
    known = widget.describe_bench(widget.bench_view(*pair, SHOTS, "The lamps are lovely.", ("A", "B")))
    assert "Strange" not in known


@pytest.mark.parametrize(
    ("text", "names", "message"),
    [("  ", ("A", "B"), "is empty"), ("x", ("A", " A"), "two different"), ("x", ("", "B"), "two different")],
)
def test_what_makes_no_sense_is_refused(pair, text, names, message):
    with pytest.raises(ValueError, match=message):
        widget.bench_view(*pair, (), text, names)


def test_chosen_examples_keep_their_order_and_take_the_labels():
    shots = widget.chosen_shots((2, 0, 1, 7), ("mango", "pixel"), ("Mine.", "negative"))
    first, second = widget.SENTENCES[:2]
    assert shots == ((second[0], "pixel"), (first[0], "mango"), ("Mine.", "pixel"))
    with pytest.raises(ValueError, match="your own, and it is empty"):
        widget.chosen_shots((7,), ("mango", "pixel"))


# ---- the bench ----


def test_the_bench_answers_to_every_control(pair, shown):
    shell = widget.few_shot_bench(*pair)
    assert len(shown) == 1 and len(shown[0]["shots"]) == 2
    control(shell, "Example 3").value = 4
    assert len(shown[-1]["shots"]) == 3
    control(shell, "Label: positive").value = "A"
    assert shown[-1]["names"] == ("A", "negative")
    control(shell, "Open sentence").value = "A fantastic film"
    assert shown[-1]["strange"] == ["fantastic", "film"]
    control(shell, "7, your own").value = "Splendid."
    control(shell, "Example 1").value = 7
    assert shown[-1]["shots"][0] == ("Splendid.", "A")
    control(shell, "…which is").value = "negative"
    assert shown[-1]["shots"][0] == ("Splendid.", "negative")


def test_the_bench_says_what_it_cannot_show(pair, shown):
    shell = widget.few_shot_bench(*pair)
    control(shell, "Open sentence").value = " "
    control(shell, "Example 1").value = 7
    assert len(shown) == 1


def test_controls_have_labels_and_wait_until_they_are_let_go(pair, shown):
    shell = widget.few_shot_bench(*pair)
    inputs = [x for x in every(shell) if hasattr(x, "value") and not isinstance(x, w.Output | w.HTML)]
    assert inputs and all(x.description for x in inputs)
    assert not any(isinstance(x, w.Dropdown) for x in inputs)
    assert all(not x.continuous_update for x in inputs if hasattr(x, "continuous_update"))


# ---- figures ----


def test_bars_and_curves_and_orders_have_words(pair, pictures):
    widget.show_bench(widget.bench_view(*pair, SHOTS, "good", ("A", "B")))
    assert "as asked" in pictures[0].alt and "empty input" in pictures[0].alt
    scores = {0: Score("", [1, 0, 0, 1]), 8: Score("", [1, 1, 0, 1])}
    widget.show_curves({"base": scores, "base, random": {8: scores[0]}}, "title", floor=0.5)
    assert "base: 0 50 %, 8 75 %; base, random: 8 50 %" in pictures[1].alt
    widget.show_orders({"set 1": list(scores.values())}, "title", floor=0.5)
    assert "set 1 from 50 to 75 %" in pictures[2].alt


def test_a_models_first_line_has_its_own_colour():
    found = widget.colours_of(["base, x", "base, y", "instruct, x", "as asked"])
    assert found[0] == plots.COLOURS["base"] and found[2] == plots.COLOURS["instruct"] and len(set(found)) == 4
