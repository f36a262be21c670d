"""Lesson 07's pictures and its bench without a browser: Run, Cancel, refusals, and what the stored sweep says."""

import json
import math
import time

import ipywidgets as w
import pytest
from matplotlib import pyplot as plt
from shells import every, wait_until

from spectrum import plots, sweeps
from spectrum.evaluate import Score
from spectrum.examples import IGNORE
from spectrum.lessons.instruction_tuning import pictures, widget
from spectrum.lessons.instruction_tuning import runs as tuning_runs


@pytest.fixture
def sweep(tmp_path):
    """A stored sweep with made-up scores, one of its runs failed."""
    for settings in tuning_runs.GRIDS["tuning"]:
        share = min(0.9, 0.2 + settings["rows"] / 5000 + settings["seed"] / 100)
        result = {"role": share, "wordings": 0.8, "tokens out": 5.0, "loss": [2.0, 1.0], "steps": 2}
        failed = settings.get("lr") == 1e-2 and settings["seed"] == 2
        record = {"settings": settings, "result": None if failed else result, "error": "ValueError" if failed else None}
        sweeps.store({**record, "wall_seconds": 1.0}, tmp_path)
    return widget.stored_sweep(tmp_path)


FOUND = {"role": 0.5, "wordings": 0.25, "tokens out": 4.0, "loss": [2.0, 1.5], "steps": 2, "seconds": 1.0}


@pytest.fixture
def quick_run(monkeypatch):
    """A run that reports two steps and finds the same every time."""

    def run(name, report=None, **settings):
        for step, loss in enumerate(FOUND["loss"], 1):
            report(step, 2, loss)
        return FOUND

    monkeypatch.setattr(tuning_runs, "run", run)


@pytest.fixture
def shell(sweep, tmp_path, monkeypatch):
    """A bench over the made-up sweep, with an empty record and an empty cache."""
    monkeypatch.setenv("SPECTRUM_CACHE", str(tmp_path / "cache"))
    return widget.TuningBench(sweep, tmp_path / "runs" / "tuning.json")


def run_once(shell):
    """Presses Run and waits until it is over."""
    shell.runner.run.click()
    wait_until(lambda: not shell.runner.run.disabled)


# ---- what the loss sees ----


def test_tokens_in_the_loss_are_marked_in_more_than_colour(tiny):
    _, tokenizer = tiny
    ids = tokenizer("a<b\nc", add_special_tokens=False)["input_ids"]
    text = widget.masked_tokens(tokenizer, {"input_ids": ids, "labels": [IGNORE] * (len(ids) - 1) + ids[-1:]})
    assert "&lt;" in text and "<b" not in text.replace("<br>", "") and "⏎" in text
    assert text.count("font-weight:bold") == text.count('title="in the loss"') == 1
    assert text.count('title="not in the loss"') == len(ids) - 1


def test_masks_are_shown_with_their_counts(tiny, monkeypatch):
    shown = []
    monkeypatch.setattr(pictures, "display", lambda x: shown.append(x.data))
    widget.show_masks(tiny[1], {"a < b": {"input_ids": [5, 6, 7], "labels": [IGNORE, 6, 7]}})
    assert shown[0].startswith("<b>a &lt; b</b>: 2 of 3 tokens in the loss")


# ---- figures ----


def test_pictures_say_their_numbers_in_words(monkeypatch, sweep):
    shown, before = [], plt.get_fignums()
    monkeypatch.setattr(plots, "display", lambda x: shown.append(x.alt))
    scores = [Score("base", [0, 0, 0, 1]), Score("tuned", [1, 1, 0, 1])]
    widget.show_scores({"wordings": scores}, "tuning helps")
    widget.show_spread({"asked": scores, "shown": scores[1:]}, "one is steadier")
    widget.show_sweep(sweep, "more rows help", [{**tuning_runs.STANDARD, **FOUND}])
    assert shown[0].startswith("wordings, base: 25.0 % (95 %") and "wordings, tuned: 75.0 %" in shown[0]
    assert shown[1] == "Worst and best wording. asked: 25 to 75 %; shown: 75 to 75 %"
    assert (
        "250 rows 26 and 80 %" in shown[2] and "2000 rows 61 and 80 %" in shown[2] and "run 1: 500 rows × 1" in shown[2]
    )
    assert plt.get_fignums() == before, "each figure is closed"


def test_a_star_lies_where_its_run_belongs(sweep):
    figure = widget.draw_sweep(sweep, "a star", [{**tuning_runs.STANDARD, **FOUND}])
    stars = [line.get_xydata()[0].tolist() for axes in figure.axes for line in axes.lines if line.get_marker() == "*"]
    assert stars == [[500.0, 50.0], [0.001, 50.0]]
    assert plots.png(figure) == plots.png(widget.draw_sweep(sweep, "a star", [{**tuning_runs.STANDARD, **FOUND}]))


def test_failed_runs_are_left_out_and_settings_are_picked(sweep):
    assert len(sweep) == len(tuning_runs.GRIDS["tuning"]) - 1
    assert sorted(widget.pick(sweep)["seed"]) == [0, 1, 2]
    assert len(widget.pick(sweep, lr=1e-2)) == 2
    assert set(widget.pick(sweep, rows=...)["rows"]) == {125, 250, 500, 1000, 2000}


def test_no_stored_sweep_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="run the sweep first"):
        widget.stored_sweep(tmp_path)


# ---- the bench ----


def test_a_view_is_the_run_with_its_settings(quick_run):
    seen = []
    view = widget.bench_view(rows=125, epochs=4, report=lambda *step: seen.append(step))
    assert view == {"rows": 125, "lr": 1e-3, "epochs": 4, "loss_on": "answers", "seed": 0, **FOUND}
    assert seen == [(1, 2, 2.0), (2, 2, 1.5)]
    with pytest.raises(ValueError, match="500 rows in 2 epochs are 1000 rows.*takes 500 at most"):
        widget.bench_view(rows=500, epochs=2)


def test_run_shows_the_loss_adds_a_star_and_is_kept(quick_run, shell, sweep):
    before = shell.picture.value
    run_once(shell)
    assert shell.note.value == (
        "Run 1: 250 rows × 1, rate 0.001, loss on answers: 50 % right with a role, 25 % in held-out wordings."
    )
    assert "step 2 of 2, loss 1.500 nats per token" in shell.curve.value
    assert shell.picture.value != before and "run 1: 250 rows" in shell.picture.value and "alt=" in shell.picture.value
    assert shell.runner.cancel.disabled and "50.0" in shell.record.shown.value
    (kept,) = json.loads(shell.record.path.read_text())
    assert kept["settings"] == shell.settings() and kept["role"] == 0.5
    again = widget.TuningBench(sweep, shell.record.path)
    assert "run 1: 250 rows" in again.picture.value
    again.record.export.click()
    assert "Wrote tuning_export.csv" in again.record.note.value
    assert "runs.run(name='base', rows=250" in shell.record.path.with_name("tuning_export.py").read_text()


def test_a_run_of_another_model_is_no_star_on_lumens_sweep(quick_run, shell, tiny_folder):
    before = shell.picture.value
    shell.inputs["name"].value = str(tiny_folder)
    run_once(shell)
    assert shell.picture.value == before and str(tiny_folder) in shell.record.shown.value


def test_cancel_stops_a_run_and_adds_nothing(monkeypatch, shell):
    def endless(name, report=None, **settings):
        for step in range(10**6):
            report(step + 1, 10**6, 1.0)
            time.sleep(0.001)

    monkeypatch.setattr(tuning_runs, "run", endless)
    before = shell.picture.value
    shell.runner.run.click()
    wait_until(lambda: shell.runner.bar.value > 2)
    assert shell.runner.run.disabled and not shell.runner.cancel.disabled
    shell.runner.cancel.click()
    wait_until(lambda: not shell.runner.run.disabled)
    assert "Cancelled at step" in shell.runner.state.value and "nothing was kept" in shell.runner.state.value
    assert shell.picture.value == before and not shell.record.path.exists()


def test_what_cannot_run_is_said_and_the_bench_goes_on(quick_run, shell):
    shell.inputs["rows"].value, shell.inputs["epochs"].value = 500, 4
    run_once(shell)
    assert "Cannot run this:</b> 500 rows in 4 epochs are 2000 rows" in shell.note.value
    shell.inputs["epochs"].value = 1
    run_once(shell)
    assert shell.note.value.startswith("Run 1: 500 rows")


def test_moving_a_control_trains_nothing_and_tells_what_is_stored(monkeypatch, shell):
    monkeypatch.setattr(tuning_runs, "run", lambda *a, **settings: pytest.fail("it trained"))
    shell.inputs["rows"].value = 500
    assert "3 seeds: 30, 31, 32 % right with a role" in shell.note.value
    shell.inputs["epochs"].value = 3
    assert "no run with these settings: press Run" in shell.note.value
    shell.inputs["epochs"].value, shell.inputs["loss_on"].value = 1, "everything"
    assert "3 seeds" in shell.note.value
    shell.inputs["name"].menu.value = ""
    assert "type the name of a model" in shell.note.value


def test_every_control_has_a_label_and_can_be_reached_by_keyboard(sweep, tmp_path):
    shell = widget.tuning_bench(sweep, tmp_path / "record.json")
    made_for_it = w.Box | w.HTML | w.IntProgress | w.ToggleButtons
    controls = [x for x in every(shell) if isinstance(x, w.DOMWidget) and not isinstance(x, made_for_it)]
    assert [x.description for x in controls] == [
        "Model", "Its name", "Examples", "Learning rate", "Epochs", "Loss on", "Seed", "Run", "Cancel", "Time it",
        "Run A", "Run B", "Export", "Show code",
    ]  # fmt: skip
    assert all(x.tabbable is not False for x in controls) and "bench" in shell._dom_classes


def test_two_runs_are_compared(quick_run, shell):
    run_once(shell)
    live, stored, *_ = shell.comparison.runs
    assert shell.comparison.one.value == live
    assert live.startswith("run 1: 250 rows × 1") and stored.startswith("stored: 125 rows")
    shell.comparison.one.value, shell.comparison.other.value = live, stored
    assert "<td>rows</td>" in shell.comparison.shown.value and "role of each seed, %" in shell.comparison.shown.value


def test_time_it_measures_and_keeps_nothing_else(shell, tiny_folder):
    assert "not measured yet" in shell.time.value
    shell.inputs["name"].value = str(tiny_folder)
    shell.runner.time.click()
    wait_until(lambda: not shell.runner.run.disabled)
    assert shell.runner.state.value == "Timed", shell.note.value
    assert "about <b>" in shell.time.value and not shell.record.path.exists()


def test_the_live_loss_is_readable_without_the_picture():
    assert 'aria-label="step 2 of 4, loss 0.500 nats per token"' in widget.loss_svg([1.0, 0.5], 4)
    assert 'points="0.0,0.0 140.0,30.0"' in widget.loss_svg([1.0, 0.5], 4)
    assert "no step yet" in widget.loss_svg([], 4)
    assert 'aria-label="step 2 of 4"' in widget.loss_svg([math.nan, math.nan], 4)
