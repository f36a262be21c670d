"""The pictures of lesson 16, the training that is watched, and the planner, without a browser."""

import ipywidgets as w
import pandas as pd
import pytest
from shells import control, every
from transformers import LlamaConfig

from spectrum.lessons.qlora_on_a_gpu import pictures, plans, widget

SMALL = LlamaConfig(hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=2, vocab_size=1000)
LARGE = LlamaConfig(hidden_size=8192, intermediate_size=28672, num_hidden_layers=80, num_attention_heads=64)


def record(step, **more):
    return {"step": step, "loss": 2.0 / step, "gradient_norm": 1.0, "tokens": 100, "seconds": 0.5 * step, **more}


def test_pictures_have_words(told):
    pictures.show_step()
    pictures.show_fit(plans.fit_table({"small": SMALL}))
    pictures.show_ratios({"paper": ([0.9, 1.0], True), "others": ([1.7], False)}, "title")
    table = pd.DataFrame({"measured, GB": [2.0, 1.0], "ledger, GB": [2.1, float("nan")], "seconds a step": [3.0, 4.0]},
                         index=["plain", "saved"])  # fmt: skip
    pictures.show_savings(table, "title")
    pictures.show_stopping({"LoRA, seed 0": ([0.3, 0.2], [0.8, 0.9], 16, "lora")})
    pictures.show_resumes([1.0, 0.9, 0.8], {"all": [0.9, 0.8], "less": [0.7, 0.8]}, 1)
    assert "small: full on T4" in told[1] and "others: 170 to 170 %" in told[2] and "saved: 1.00 GB, 4.0 s" in told[3]
    assert "lowest 0.200 at step 32" in told[4] and "less: off by at most 0.200" in told[5]


def test_a_training_is_drawn_now_and_then_in_one_place(monkeypatch):
    class Place:
        drawn = 1

        def update(self, picture):
            self.drawn += 1

    place = Place()
    monkeypatch.setattr(widget, "display", lambda picture, display_id: place)
    watch, records = widget.Watch("title", most=4), []
    for step in range(1, 9):
        records.append(record(step, **({"validation": 1.0} if step == 6 else {})))
        assert watch(records) is False
    assert place.drawn == 3 and watch.shown == 6, "after steps 1, 5 and 6, which was validated"
    assert len(watch.memory) == 8 and all(value > 0 for value in watch.memory)


def test_a_watched_training_can_be_ended(monkeypatch):
    monkeypatch.setattr(widget, "display", lambda picture, display_id: None)
    watch = widget.Watch("title", stop=lambda records: len(records) == 2)
    assert [watch([record(1)]), watch([record(1), record(2)])] == [False, True]


def test_the_words_of_a_training():
    assert "after step 2: loss 1.000 (at first 2.000)" in pictures.training_words([record(1), record(2)])


@pytest.fixture
def shown(monkeypatch):
    found = []
    monkeypatch.setattr(widget, "show_plan", lambda configs, **settings: found.append(settings))
    return found


def test_every_control_of_the_planner_changes_the_plan(shown):
    shell = widget.planner({"small": SMALL, "large": LARGE}, "small")
    changes = {"Model": "large", "Card": "H100, 80 GB", "Row length": 512, "Rank": 64, "Tokens": 5}
    for number, (name, value) in enumerate(changes.items(), 2):
        control(shell, name).value = value
        assert len(shown) == number and shown[-1] != shown[-2], name
    assert shown[-1] == {"name": "large", "card": "H100, 80 GB", "length": 512, "rank": 64, "tokens": 5}
    inputs = [x for x in every(shell) if hasattr(x, "value") and not isinstance(x, w.Output | w.HTML)]
    assert all(x.description for x in inputs)


def test_the_twin_tells_what_fits_and_what_does_not(capsys):
    widget.show_plan({"small": SMALL}, "small", "T4, 16 GB")
    said = capsys.readouterr().out
    assert "small on a card T4, 16 GB" in said and "QLoRA: " in said and "minutes" in said
    widget.show_plan({"large": LARGE}, "large", "T4, 16 GB")
    assert "nothing fits" in capsys.readouterr().out
