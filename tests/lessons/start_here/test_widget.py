"""The desk of lesson 00 without a browser: three answers to an order, and what is said of an empty one."""

import pytest

from spectrum.lessons.start_here import widget


def ask(text):
    return {"prompted": "A <b>long</b> sentence.", "shown": text[:3], "tuned": "damaged"}


def test_a_view_has_the_order_and_an_answer_for_each_way():
    view = widget.ask_view(ask, "  Who?\n\nAna.  ")
    assert view["order"] == "Who?\n\nAna." and view["answers"] == ask("Who?")
    words = widget.describe_view(view)
    assert words.startswith("Who?\n\nAna.") and "after tuning" in words and words.rstrip().endswith("damaged")
    assert "A &lt;b&gt;long&lt;/b&gt; sentence." in widget.page(view) and "<b>long" not in widget.page(view)


def test_an_empty_order_is_refused_in_words():
    with pytest.raises(ValueError, match="the instruction is empty"):
        widget.ask_view(ask, " \n")


def test_the_desk_asks_when_run_is_pressed_and_says_what_is_wrong(capsys):
    asked = []
    desk = widget.desk(lambda text: asked.append(text) or ask(text), "Who?")
    box, run, _ = desk.children
    assert not asked
    run.click()
    assert asked == ["Who?"] and not run.disabled
    box.value = " "
    run.click()
    assert asked == ["Who?"] and not run.disabled
    assert "the instruction is empty" in capsys.readouterr().out
