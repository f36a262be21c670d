"""The counter of lesson 17: it serves one file at a time, answers as the controls stand, and says what it cannot do."""

import psutil
import pytest
from served import counter_files

pytest.importorskip("xllamacpp")
pytest.importorskip("openai")

from spectrum.lessons.small_and_local import widget

TEXT = "Give the city.\nI live in Rome. This is about order 4883."


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return counter_files(tmp_path_factory.mktemp("gguf"))


@pytest.fixture
def counter(files):
    made = widget.Counter(*files, TEXT)
    yield made
    made.serving.close()


def children():
    return {each.pid for each in psutil.Process().children() if "spectrum.serve" in " ".join(each.cmdline())}


def test_the_adapter_is_used_as_much_as_the_slider_says(counter):
    assert "Rome" not in counter.note.value and "100 % of the adapter" in counter.note.value
    counter.scale.value = 0.0
    assert "<pre style='white-space:pre-wrap'>Rome</pre>" in counter.note.value and "0 % of" in counter.note.value


def test_another_kind_is_served_instead(counter):
    before = children()
    counter.scale.value, counter.kind.value = 0.0, "q4_0"
    assert "q4_0: 1.8 MB" in counter.note.value and "Rome" in counter.note.value
    assert len(children()) == len(before) == 1 and children() != before
    counter.serving.close()
    assert children() == set()


def test_an_empty_message_is_said_and_the_next_is_answered(counter):
    counter.scale.value, counter.text.value = 0.0, "  "
    counter.run.click()
    assert "the message is empty" in counter.note.value
    counter.text.value = TEXT.replace("Rome", "Oslo")
    counter.run.click()
    assert "Oslo" in counter.note.value


def test_what_a_model_says_is_shown_as_text(counter, monkeypatch):
    monkeypatch.setattr(widget, "answer", lambda *_: ("<b>bold</b>", 1.0))
    counter.run.click()
    assert "&lt;b&gt;bold&lt;/b&gt;" in counter.note.value
    monkeypatch.setattr(widget, "answer", lambda *_: ("", 1.0))
    counter.run.click()
    assert "(nothing: the end token came first)" in counter.note.value


def test_the_twin_asks_at_each_scale(counter, capsys):
    widget.show_answers(counter.url, TEXT)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "  0 % of the adapter: 'Rome'" and len(lines) == len(widget.SCALES)


def test_a_counter_of_nothing_is_refused(files):
    with pytest.raises(ValueError, match="at least one GGUF file"):
        widget.counter({}, files[1], TEXT)
