"""The LoRA bench: its picture, its record, and a run by its button that is kept, or cancelled."""

import json
from datetime import datetime

import ipywidgets as w
import pandas as pd
import pytest
from IPython.display import Image
from shells import every

from spectrum.lessons.lora_rank import pace, pictures, presets, widget
from spectrum.lessons.lora_rank import runs as rank_runs

SHARED = {"data": "facts", "count": 64, "targets": "all-linear", "lr": 5e-3, "steps": 128}
STORED = pd.DataFrame(
    {
        "rank": [1, 1, 8, 8],
        "scale": [16.0, 16.0, 2.0, 2.0],
        "seed": [0, 1, 0, 1],
        "score": [0.2, 0.3, 0.9, 1.0],
        "loss": [[2.0, 1.0]] * 4,
        **SHARED,
    }
)
REAL_RUNS = presets.stored_real
RUN = {"score": 0.5, "trainable": 100, "seconds": 1.0, "loss": [2.0, 1.5, 1.0]}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of its own for what is measured, and no stored runs on the real model."""
    monkeypatch.setenv("SPECTRUM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(presets, "stored_real", pd.DataFrame)


@pytest.fixture
def bench(tmp_path):
    return widget.LoraBench(STORED, tmp_path / "runs" / "bench.json")


def press(bench, button):
    """Clicks a button and waits for the run it may have started."""
    button.click()
    if bench.runner.thread:
        bench.runner.thread.join(60)


def stepping(each_step, **settings):
    """Stands in for a run: its steps and its result, without a model."""
    for _ in range(settings["steps"]):
        each_step()
    return RUN


def test_every_run_setting_has_a_control_with_a_label_that_tab_reaches(bench):
    assert bench.settings() == widget.DEFAULTS
    made_for_it = w.Box | w.HTML | w.IntProgress | w.ToggleButtons
    controls = [x for x in every(bench.box) if isinstance(x, w.DOMWidget) and not isinstance(x, made_for_it)]
    assert len(controls) == 22 and all(x.description and x.tabbable is not False for x in controls)
    frame, left, right = bench.box.children
    assert "bench" in bench.box._dom_classes and "data-lm-suppress-shortcuts" in frame.value
    assert bench.inputs["rank"] in left.children and bench.picture in every(right)


def test_the_defaults_are_a_stored_setting():
    assert widget.DEFAULTS["lr"] in rank_runs.LORA_RATES
    assert widget.DEFAULTS["steps"] == rank_runs.settings_of("facts", 64)["steps"]
    assert {*rank_runs.LORA_RATES, *rank_runs.STYLE_RATES, *rank_runs.REAL_RATES} <= set(widget.RATES)


def test_sliders_redraw_at_once_and_train_nothing(bench):
    before = bench.picture.value
    assert "2 seeds: 90, 100 % right" in bench.line.value
    bench.inputs["rank"].value = 64
    assert bench.picture.value != before and bench.runner.thread is None
    assert "factor 0.25 · 1,400,832 trainable" in bench.line.value and "no run with these" in bench.line.value
    assert 'alt="Score by rank' in bench.picture.value


@pytest.mark.slow
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
    assert len(pictures.like(STORED, widget.DEFAULTS, "rank")) == 4, "alpha 16 at both ranks"
    assert set(pictures.like(STORED, other, "rank")["rank"]) == {8}, "another rule makes another factor at rank 1"


def test_a_run_is_kept_across_a_restart_and_exported(bench, monkeypatch):
    monkeypatch.setattr(rank_runs, "run", stepping)
    press(bench, bench.runner.run)
    assert bench.runner.bar.value == 128 and bench.runner.state.value == "Run 1: 50 % right"
    assert not bench.runner.run.disabled and "about <b>1 s</b>" in bench.time.value, "the run itself was timed"
    again = widget.LoraBench(STORED, bench.record.path)
    assert "50.0" in again.record.shown.value and "run 1 rank 8 at rate 0.005 50 %" in again.picture.value
    (kept,) = json.loads(bench.record.path.read_text())
    assert kept["settings"] == widget.DEFAULTS and kept["score"] == 0.5
    again.record.export.click()
    assert "Wrote bench_export.csv, bench_export.json, bench_export.py" in again.record.note.value
    table = pd.read_csv(bench.record.path.with_name("bench_export.csv"))
    assert table["score %"].tolist() == [50.0] and table["rank"].tolist() == [8] and table["scale"].tolist() == [2.0]


def test_cancel_ends_a_run_and_keeps_nothing(bench, monkeypatch):
    def run(each_step, **settings):
        bench.runner.cancel.click()
        each_step()
        raise AssertionError("went on after Cancel")

    monkeypatch.setattr(rank_runs, "run", run)
    press(bench, bench.runner.run)
    assert bench.runner.state.value == "Cancelled at step 1: nothing was kept"
    assert not bench.record.path.exists() and not bench.runner.run.disabled and bench.runner.cancel.disabled


@pytest.mark.slow
def test_what_cannot_be_used_is_said(bench, monkeypatch):
    bench.inputs["data"].value = "nowhere.jsonl"
    press(bench, bench.runner.run)
    assert "nowhere.jsonl" in bench.line.value and bench.runner.state.value == "Stopped"
    bench.inputs["name"].value = "lumen-huge"
    assert "Cannot use this" in bench.line.value
    bench.inputs["name"].value, bench.inputs["data"].value = "base", "facts"
    monkeypatch.setattr(rank_runs, "run", lambda **_: 1 / 0)
    press(bench, bench.runner.run)
    assert "division by zero" in bench.line.value, "what a thread raises must be seen"


@pytest.mark.slow
def test_an_own_file_is_uploaded_read_and_refused_in_the_readers_words(bench):
    menu = bench.inputs["data"]
    upload = next(x for x in every(menu) if isinstance(x, w.FileUpload))
    assert upload.layout.display == "none"
    menu.menu.value = ""
    assert upload.layout.display is None and "upload a file of your own" in bench.line.value
    good = "".join(json.dumps({"prompt": f"Q{i}", "completion": f"A{i}"}) + "\n" for i in range(20)).encode()
    for name, content in (("own.jsonl", good), ("own.jsonl", good.replace(b'"A3"', b'""'))):
        upload.value = ({"name": name, "content": content, "type": "", "size": 1, "last_modified": datetime.now()},)
    assert bench.settings()["data"].endswith("own/own-2.jsonl") and bench.inputs["steps"].value == 96
    assert "line 4: field &#x27;completion&#x27; is empty" in bench.line.value
    menu.field.value = menu.field.value.replace("own-2", "own")
    assert "Cannot use" not in bench.line.value and bench.inputs["count"].layout.display == "none"


def test_a_model_that_is_not_here_is_named_with_its_command(bench, monkeypatch):
    monkeypatch.setattr(widget.benches.smollm2, "is_here", lambda: False)
    monkeypatch.setattr(widget.benches.smollm2, "find", lambda: (_ for _ in ()).throw(ConnectionError("Fetch it once")))
    menu = widget.benches.model_choice()
    assert ("SmolLM2 (not installed)", "smollm2") in menu.menu.options and menu.value == "base"
    bench.inputs["name"].value = "smollm2"
    assert "Cannot use this:</b> Fetch it once" in bench.line.value
    bench.inputs["name"].menu.value = ""
    assert "type the name of a model" in bench.line.value and bench.inputs["name"].field.layout.display is None
    bench.inputs["name"].field.value = "lumen-instruct"
    assert bench.settings()["name"] == "lumen-instruct" and "Cannot use" not in bench.line.value


@pytest.mark.parametrize("paper", list(presets.PAPERS))
def test_a_paper_sets_the_controls_and_says_what_and_whence(bench, paper):
    bench.paper.value = paper
    for name, value in presets.PAPERS[paper]["settings"].items():
        assert bench.settings()[name] == value
    said = bench.told.value
    assert paper in said and "20" in said and f"{bench.settings()['lr']:g}" in said
    assert bench.settings()["lr"] in widget.RATES and "Cannot use" not in bench.line.value
    bench.inputs["rank"].value = 16
    assert bench.paper.value == widget.NOBODY and not bench.told.value, "it is no longer what the paper set"


def test_a_papers_rate_is_its_own_on_a_real_model_and_the_best_stored_one_on_lumen():
    both = pd.concat([STORED, STORED.assign(lr=1e-3, loss=[[2.0, 0.5]] * 4)])
    assert presets.best_rate(both, widget.DEFAULTS) == 1e-3
    assert presets.best_rate(STORED, widget.DEFAULTS | {"rank": 4}) is None
    real, line = presets.preset("QLoRA paper", widget.DEFAULTS | {"name": "smollm2"}, both)
    assert real["lr"] == 2e-4 and "as in the paper" in line
    lumen, line = presets.preset("QLoRA paper", widget.DEFAULTS, both)
    assert lumen["lr"] == rank_runs.rate_of(64) and "suits far larger models than lumen" in line


def test_ten_times_fulls_rate_needs_a_full_run(monkeypatch):
    assert presets.preset("Without Regret", widget.DEFAULTS, STORED)[0]["lr"] == 10 * rank_runs.USUAL[0]
    chosen = widget.DEFAULTS | {"name": "smollm2"}
    found, line = presets.preset("Without Regret", chosen, STORED)
    assert "lr" not in found and "none is stored" in line
    rates, learned = [1e-5, 3e-5, 1e-4, 3e-4], [0.5, 0.99, 1.0, 1.0]
    full = pd.DataFrame({"rank": 0, "name": "smollm2", "data": "ticket", "seed": 0, "lr": rates, "score": 0.47})
    monkeypatch.setattr(presets, "stored_real", lambda: full.assign(**{"but priority": learned}))
    lowest_that_learned = 3e-5
    assert presets.preset("Without Regret", chosen, STORED)[0]["lr"] == pytest.approx(10 * lowest_that_learned)
    monkeypatch.setattr(presets, "stored_real", REAL_RUNS)
    assert presets.preset("Without Regret", chosen, STORED)[0]["lr"] in widget.RATES, "the slider has no such rate"


def test_two_runs_are_compared_whether_stored_or_live(bench, monkeypatch):
    assert len(bench.comparison.runs) == 2 and "<td>rank</td>" in bench.comparison.shown.value
    monkeypatch.setattr(rank_runs, "run", stepping)
    press(bench, bench.runner.run)
    live, first, second = bench.comparison.runs
    assert live.startswith("run 1: base, facts, rank 8") and first.startswith("stored: rank 1")
    assert bench.comparison.one.value == live and bench.comparison.other.value == second, "a new run is compared first"
    shown = bench.comparison.shown.value
    assert "have the same settings" not in shown and "ends at 1" in shown and "score of each seed, %" in shown
    bench.comparison.other.value = live
    assert "The two have the same settings" in bench.comparison.shown.value


def test_stored_runs_of_another_batch_are_not_taken_for_this_one():
    usual = rank_runs.settings_of("facts", 64)["batch_size"]
    assert len(pictures.like(STORED.assign(batch_size=float("nan")), widget.DEFAULTS)) == 2
    assert len(pictures.like(STORED.assign(batch_size=usual), widget.DEFAULTS)) == 2
    assert len(pictures.like(STORED.assign(batch_size=usual + 1), widget.DEFAULTS)) == 0


def test_time_it_measures_a_step_and_trains_nothing_that_stays(bench, tiny_folder):
    assert "not measured yet" in bench.time.value
    bench.inputs["name"].value = str(tiny_folder)
    press(bench, bench.runner.time)
    assert bench.runner.state.value == "Timed" and bench.runner.bar.value == pace.TRIED
    assert "about <b>" in bench.time.value and "at rank 8" in bench.time.value
    (found,) = pace.records.read_paces()
    assert found["step"] > 0 and found["around"] > 0 and not bench.record.path.exists()
    bench.inputs["name"].value = "base"
    assert "not measured yet" in bench.time.value, "another model has another pace"


def test_the_code_repeats_the_run(bench, monkeypatch):
    seen = {}
    monkeypatch.setattr(rank_runs, "run", lambda **settings: seen.update(settings))
    bench.record.code.click()
    assert "runs.run(data=" in bench.record.note.value
    exec(pace.records.code_for(bench.settings(), widget.MODULE))
    assert seen == widget.DEFAULTS


def test_the_picture_stands_without_a_stored_sweep():
    history = [{**RUN, "settings": widget.DEFAULTS}]
    figure = pictures.bench_view(pd.DataFrame(), history, widget.DEFAULTS)
    assert figure.get_suptitle() == "64 facts, rank 8, factor 2, rate 0.005: 0 stored runs"
    assert "none stored" in pictures.tell(pd.DataFrame(), history, widget.DEFAULTS)
    assert "no run with these" in pictures.stored_text(pd.DataFrame(), widget.DEFAULTS)


def test_the_static_twin_shows_the_same_picture(monkeypatch, capsys):
    shown = []
    monkeypatch.setattr("spectrum.plots.display", shown.append)
    widget.show_bench(STORED)
    assert isinstance(shown[0], Image) and "rank 8 95 %" in shown[0].alt
    assert "2 seeds: 90, 100 % right" in capsys.readouterr().out
