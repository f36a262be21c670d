"""The LoRA bench: its picture, its record, and a run by its button that is kept, or cancelled."""

import json

import pandas as pd
import pytest

from spectrum import lora_bench, rank_runs

STORED = pd.DataFrame(
    {"count": [64] * 4, "rank": [1, 1, 8, 8], "seed": [0, 1, 0, 1], "score": [0.2, 0.3, 0.9, 1.0]},
)
RUN = {"score": 0.5, "trainable": 100, "seconds": 1.0}


@pytest.fixture
def bench(tmp_path):
    return lora_bench.LoraBench(STORED, tmp_path / "runs" / "bench.json")


def press(bench, button):
    """Clicks a button and waits for the run it may have started."""
    button.click()
    if bench.thread:
        bench.thread.join(60)


def test_every_run_setting_has_a_control(bench):
    assert bench.settings() == lora_bench.DEFAULTS


def test_sliders_redraw_at_once_and_train_nothing(bench):
    before, line = bench.picture.value, bench.line.value
    bench.inputs["rank"].value = 64
    assert bench.picture.value != before and bench.line.value != line and bench.thread is None


def test_the_scale_is_alpha_over_rank():
    assert lora_bench.scale_of({"alpha": 16, "rank": 8, "rslora": False}) == 2
    assert lora_bench.scale_of({"alpha": 16, "rank": 64, "rslora": True}) == 2


def test_a_run_is_kept_across_a_restart(bench, monkeypatch):
    def run(each_step, **settings):
        for _ in range(settings["steps"]):
            each_step()
        return RUN

    monkeypatch.setattr(rank_runs, "run", run)
    press(bench, bench.run)
    assert bench.bar.value == 100 and bench.bar.description == "50 % right" and not bench.run.disabled
    again = lora_bench.LoraBench(STORED, bench.path)
    assert "50.0" in again.record.value
    (kept,) = json.loads(bench.path.read_text())
    assert kept["settings"] == lora_bench.DEFAULTS and kept["score"] == 0.5
    again.export.click()
    table = pd.read_csv(bench.path.with_suffix(".csv"))
    assert table["score %"].tolist() == [50.0] and table["rank"].tolist() == [8]


def test_cancel_ends_a_run_and_keeps_nothing(bench, monkeypatch):
    def run(each_step, **settings):
        bench.cancel.click()
        each_step()
        raise AssertionError("went on after Cancel")

    monkeypatch.setattr(rank_runs, "run", run)
    press(bench, bench.run)
    assert bench.bar.description == "Cancelled" and not bench.path.exists() and not bench.run.disabled


def test_what_cannot_be_used_is_said(bench):
    bench.inputs["data"].value = "nowhere.jsonl"
    press(bench, bench.run)
    assert "nowhere.jsonl" in bench.line.value and bench.bar.description == "Stopped"
    bench.inputs["name"].value = "lumen-huge"
    assert "no model named" in bench.line.value


def test_the_code_repeats_the_run(monkeypatch):
    seen = {}
    monkeypatch.setattr(rank_runs, "run", lambda **settings: seen.update(settings))
    exec(lora_bench.code_for(lora_bench.DEFAULTS))
    assert seen == lora_bench.DEFAULTS


def test_the_picture_stands_without_a_stored_sweep():
    figure = lora_bench.bench_view(pd.DataFrame(), [{**RUN, "settings": lora_bench.DEFAULTS}], lora_bench.DEFAULTS)
    assert figure.axes[0].get_title(loc="left") == "64 facts: your setting is rank 8"
