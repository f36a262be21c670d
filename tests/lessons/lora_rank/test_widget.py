"""The LoRA bench: its picture, its record, and a run by its button that is kept, or cancelled."""

import json

import pandas as pd
import pytest
from IPython.display import Image

from spectrum.lessons.lora_rank import pictures, widget
from spectrum.lessons.lora_rank import runs as rank_runs

SHARED = {"data": "facts", "count": 64, "targets": "all-linear", "lr": 5e-3, "steps": 128, "scale": 2.0}
STORED = pd.DataFrame(
    {"rank": [1, 1, 8, 8], "seed": [0, 1, 0, 1], "score": [0.2, 0.3, 0.9, 1.0], "loss": [[2.0, 1.0]] * 4, **SHARED}
)
RUN = {"score": 0.5, "trainable": 100, "seconds": 1.0, "loss": [2.0, 1.5, 1.0]}


@pytest.fixture
def bench(tmp_path):
    return widget.LoraBench(STORED, tmp_path / "runs" / "bench.json")


def press(bench, button):
    """Clicks a button and waits for the run it may have started."""
    button.click()
    if bench.thread:
        bench.thread.join(60)


def stepping(each_step, **settings):
    """Stands in for a run: its steps and its result, without a model."""
    for _ in range(settings["steps"]):
        each_step()
    return RUN


def test_every_run_setting_has_a_control(bench):
    assert bench.settings() == widget.DEFAULTS
    named = {**bench.inputs, "run": bench.run, "bar": bench.bar}
    assert all(control.description for control in named.values())


def test_the_defaults_are_a_stored_setting():
    assert widget.DEFAULTS["lr"] in rank_runs.LORA_RATES
    assert widget.DEFAULTS["steps"] == rank_runs.settings_of("facts", 64)["steps"]
    assert set(rank_runs.LORA_RATES) <= set(widget.RATES)


def test_sliders_redraw_at_once_and_train_nothing(bench):
    before = bench.picture.value
    assert "2 seeds: 90, 100 % right" in bench.line.value
    bench.inputs["rank"].value = 64
    assert bench.picture.value != before and bench.thread is None
    assert "scale 0.25 · 1,400,832 trainable" in bench.line.value and "no run with these" in bench.line.value
    assert 'alt="Score by rank' in bench.picture.value


def test_the_steps_follow_the_data(bench):
    bench.inputs["count"].value = 1024
    assert bench.settings()["steps"] == rank_runs.settings_of("facts", 1024)["steps"]
    bench.inputs["data"].value = "style"
    assert bench.settings()["steps"] == rank_runs.STYLE_RUN["steps"]


def test_the_scale_is_alpha_over_rank_or_over_its_root():
    assert pictures.scale_in({"alpha": 16, "rank": 8, "rslora": False}) == 2
    assert pictures.scale_in({"alpha": 16, "rank": 64, "rslora": True}) == 2


def test_stored_runs_are_those_with_the_same_factor_whatever_made_it():
    other = widget.DEFAULTS | {"alpha": 2 * 8**0.5, "rslora": True}
    assert len(pictures.like(STORED, other)) == 2
    assert len(pictures.like(STORED, widget.DEFAULTS | {"alpha": 8})) == 0
    assert len(pictures.like(STORED, widget.DEFAULTS | {"dropout": 0.1})) == 0
    assert len(pictures.like(STORED, widget.DEFAULTS | {"name": "instruct"})) == 0
    assert len(pictures.like(STORED, widget.DEFAULTS, "rank")) == 4


def test_a_run_is_kept_across_a_restart(bench, monkeypatch):
    monkeypatch.setattr(rank_runs, "run", stepping)
    press(bench, bench.run)
    assert bench.bar.value == 128 and bench.state.value == "Run 1: 50 % right" and not bench.run.disabled
    again = widget.LoraBench(STORED, bench.path)
    assert "50.0" in again.record.value and "run 1 rank 8 at rate 0.005 50 %" in again.picture.value
    (kept,) = json.loads(bench.path.read_text())
    assert kept["settings"] == widget.DEFAULTS and kept["score"] == 0.5
    again.export.click()
    table = pd.read_csv(bench.path.with_suffix(".csv"))
    assert table["score %"].tolist() == [50.0] and table["rank"].tolist() == [8] and table["scale"].tolist() == [2.0]


def test_cancel_ends_a_run_and_keeps_nothing(bench, monkeypatch):
    def run(each_step, **settings):
        bench.cancel.click()
        each_step()
        raise AssertionError("went on after Cancel")

    monkeypatch.setattr(rank_runs, "run", run)
    press(bench, bench.run)
    assert bench.state.value == "Cancelled at step 1: nothing was kept"
    assert not bench.path.exists() and not bench.run.disabled and bench.cancel.disabled


def test_what_cannot_be_used_is_said(bench, monkeypatch):
    bench.inputs["data"].value = "nowhere.jsonl"
    press(bench, bench.run)
    assert "nowhere.jsonl" in bench.line.value and bench.state.value == "Stopped"
    bench.inputs["name"].value = "lumen-huge"
    assert "Cannot use this" in bench.line.value
    monkeypatch.setattr(rank_runs, "run", lambda **_: 1 / 0)
    press(bench, bench.run)
    assert "division by zero" in bench.line.value, "what a thread raises must be seen"


def test_a_damaged_record_is_named(tmp_path):
    (tmp_path / "bench.json").write_text("[{")
    with pytest.raises(ValueError, match=r"bench\.json' is no record of runs .* rename it"):
        widget.read_history(tmp_path / "bench.json")


def test_the_code_repeats_the_run(monkeypatch):
    seen = {}
    monkeypatch.setattr(rank_runs, "run", lambda **settings: seen.update(settings))
    exec(widget.code_for(widget.DEFAULTS))
    assert seen == widget.DEFAULTS


def test_the_picture_stands_without_a_stored_sweep():
    history = [{**RUN, "settings": widget.DEFAULTS}]
    figure = pictures.bench_view(pd.DataFrame(), history, widget.DEFAULTS)
    assert figure.get_suptitle() == "64 facts, rank 8, scale 2, rate 0.005: 0 stored runs"
    assert "none stored" in pictures.tell(pd.DataFrame(), history, widget.DEFAULTS)
    assert "no run with these" in pictures.stored_text(pd.DataFrame(), widget.DEFAULTS)


def test_the_static_twin_shows_the_same_picture(monkeypatch, capsys):
    shown = []
    monkeypatch.setattr("spectrum.plots.display", shown.append)
    widget.show_bench(STORED)
    assert isinstance(shown[0], Image) and "rank 8 95 %" in shown[0].alt
    assert "2 seeds: 90, 100 % right" in capsys.readouterr().out
