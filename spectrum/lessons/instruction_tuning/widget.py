"""The tuning bench of lesson 07: settings on the left; the stored sweep with own runs, and two runs compared, right.

Its static twin is `show_sweep`, which, as all of the lesson's pictures, is taken from here as well.
"""

import html
import time
from pathlib import Path

import ipywidgets as w
import pandas as pd

from spectrum import benches, plots, records, widgets
from spectrum.lessons.instruction_tuning import runs as tuning_runs
from spectrum.lessons.instruction_tuning.pictures import (
    bench_view,
    describe_run,
    describe_sweep,
    draw_sweep,
    masked_tokens,
    pick,
    show_masks,
    show_scores,
    show_spread,
    show_sweep,
    stored_sweep,
    stored_text,
)
from spectrum.models import load_model

__all__ = ["bench_view", "masked_tokens", "pick", "show_masks", "show_scores", "show_spread", "show_sweep"]
__all__ += ["stored_sweep", "tuning_bench"]

HISTORY = Path("runs/tuning_bench.json")
MODULE = "spectrum.lessons.instruction_tuning"
TRIED = 4  # steps that are timed, of which the first is not counted
ASKED = 12  # answers that are timed, of each part


def bench_controls():
    """Returns {setting: control} with the default settings."""
    rates = [(f"{rate:g}", rate) for rate in (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)]
    return {
        "name": benches.model_choice(),
        "rows": w.SelectionSlider(options=[62, 125, 250, 500], value=250, description="Examples", **widgets.wide()),
        "lr": w.SelectionSlider(options=rates, value=1e-3, description="Learning rate", **widgets.wide()),
        "epochs": w.IntSlider(value=1, min=1, max=4, description="Epochs", **widgets.wide()),
        "loss_on": w.Dropdown(options=tuning_runs.LOSS_ON, description="Loss on", **widgets.wide()),
        "seed": w.BoundedIntText(value=0, max=999, description="Seed", **widgets.wide()),
    }


# ---- what is shown ----


def loss_svg(losses, steps, width=420, height=60):
    """Returns an SVG line of the losses so far, on axes from step 1 to `steps` and from 0 to the greatest loss."""
    known = [loss for loss in losses if loss == loss]  # a large head's loss is not known before the end
    top = max([*known, 1e-9])
    points = " ".join(
        f"{width * i / max(1, steps - 1):.1f},{height * (1 - loss / top):.1f}" for i, loss in enumerate(known)
    )
    last = f", loss {losses[-1]:.3f} nats per token" if known else ""
    said = f"step {len(losses)} of {steps}{last}" if losses else "no step yet"
    return (
        f'<svg width="{width}" height="{height}" role="img" aria-label="{said}"><polyline points="{points}" '
        f'fill="none" stroke="{plots.COLOURS["full"]}" stroke-width="2"/></svg><br>{said}'
    )


def history_table(history):
    """Returns a DataFrame with one row for each run: its settings, shares right in per cent, seconds of training."""
    return pd.DataFrame(
        {"run": number, **run["settings"], "role %": round(100 * run["role"], 1),
         "wordings %": round(100 * run["wordings"], 1), "tokens out": run["tokens out"], "s": run["seconds"]}
        for number, run in enumerate(history, 1)
    )  # fmt: skip


def comparable(sweep, history):
    """Returns {label: run} of what can be compared: the learner's runs, and the stored ones, their seeds as one."""
    found = {}
    for number, run in reversed(list(enumerate(history, 1))):
        result = {key: value for key, value in run.items() if key not in ("settings", "loss", "wordings", "role")}
        result = {f"{key}, %": 100 * run[key] for key in ("wordings", "role")} | result
        label = f"run {number}: {describe_run(run['settings'] | run)}"
        found[label] = {"settings": run["settings"], "result": result, "curves": [run["loss"]]}
    tuned = sweep[sweep["rows"] > 0]
    for (name, rows, lr, epochs, loss_on), runs in tuned.groupby(["name", "rows", "lr", "epochs", "loss_on"]):
        settings = {"name": name, "rows": int(rows), "lr": float(lr), "epochs": int(epochs), "loss_on": loss_on}
        result = {f"{key}, %": 100 * float(runs[key].mean()) for key in ("wordings", "role")}
        result |= {key: float(runs[key].mean()) for key in ("tokens out", "seconds") if key in runs}
        result["role of each seed, %"] = ", ".join(f"{100 * share:.0f}" for share in sorted(runs["role"]))
        label = f"stored: {rows:.0f} rows × {epochs:.0f}, rate {lr:g}, loss on {loss_on}"
        found[label] = {"settings": settings, "result": result, "curves": list(runs["loss"])}
    return found


# ---- how long it takes ----


def key_of(settings):
    """Returns the setting on which the pace of a run depends."""
    return {"bench": "tuning", "model": settings["name"]}


def steps_of(settings):
    """Returns how many steps a run has."""
    return -(-settings["rows"] * settings["epochs"] // tuning_runs.BATCH)


def measure(settings, report):
    """Returns the pace of a run, measured now and kept: a run of a few steps with a part of the questions, thrown away.

    `report` is called after each step, as that of `runs.run`.
    """
    seconds, lap = [], records.clock()
    load_model(settings["name"])
    load = lap()

    def timed(*step):
        seconds.append(lap())
        report(*step)

    asked = dict.fromkeys(tuning_runs.LIVE_COUNTS, ASKED)
    few = {"rows": TRIED * tuning_runs.BATCH, "epochs": 1}
    tuning_runs.run(**{**settings, **few}, report=timed, counts=asked)
    answers = lap() * sum(tuning_runs.LIVE_COUNTS.values()) / sum(asked.values())
    return records.keep_pace(key_of(settings), sum(seconds[1:]) / (len(seconds) - 1), load + answers)


# ---- the shell ----


class TuningBench:
    """The bench's controls, its pictures and the run in progress; `box` is what is displayed."""

    def __init__(self, sweep, path):
        self.sweep, self.losses, self.inputs = sweep, [], bench_controls()
        self.runner = benches.Runner(self.say, "Tune with these settings")
        self.time, self.note, self.curve, self.picture = widgets.words("310px"), widgets.words(), w.HTML(), w.HTML()
        self.record = benches.Record(path, history_table, MODULE, self.settings)
        self.comparison = benches.Comparison()
        views = widgets.pages({
            "This setting": self.picture, "Compare two runs": self.comparison.box, "Runs": self.record.box,
        })  # fmt: skip
        left = [*self.inputs.values(), *self.runner.controls(), self.time, self.curve]
        self.box = widgets.columns(left, [self.note, views])
        for control in self.inputs.values():
            control.observe(self.tell, names="value")
        self.runner.run.on_click(self.start)
        self.runner.time.on_click(self.time_it)
        self.tell()
        self.draw()

    def settings(self):
        """Returns {setting: value} as the controls stand."""
        return {name: control.value for name, control in self.inputs.items()}

    def say(self, text):
        """Shows a line of HTML above the picture."""
        self.note.value = text

    def tell(self, _=None):
        """Says what is stored of the setting, and how long a run of it takes here."""
        chosen = self.settings()
        try:
            benches.check_model(chosen["name"])
            self.say(html.escape(stored_text(self.sweep, chosen)))
        except (ValueError, OSError) as error:
            self.say(f"<b>Cannot use this:</b> {html.escape(str(error))}")
        self.time.value = records.pace_text(records.find_pace(key_of(chosen)), steps_of(chosen))

    def draw(self):
        """Draws lumen's stored sweep with the learner's runs on lumen, and offers all runs for comparison."""
        history = self.record.history()
        runs = [
            run | run["settings"] | {"number": number}
            for number, run in enumerate(history, 1)
            if run["settings"]["name"] == "base"
        ]
        figure = draw_sweep(self.sweep, f"Your runs on lumen's stored sweep: {len(runs)}", runs, (5.6, 4.9), (2, 1))
        self.picture.value = widgets.fitting(figure, describe_sweep(self.sweep, runs))
        self.comparison.offer(comparable(self.sweep, history))

    def start(self, _):
        """Starts a run; its record is kept."""
        chosen, steps = self.settings(), steps_of(self.settings())
        self.losses.clear()

        def job(each_step):
            benches.check_model(chosen["name"])
            begun = time.perf_counter()
            found = bench_view(**chosen, report=self.reporter(each_step))
            measured = {key: value for key, value in found.items() if key not in chosen}
            around = time.perf_counter() - begun - measured["seconds"]
            records.keep_pace(key_of(chosen), measured["seconds"] / steps, max(0.0, around))
            history = self.record.add({"settings": chosen, **measured})
            self.draw()
            self.tell()
            self.say(html.escape(f"Run {len(history)}: {describe_run(found)}."))
            return f"Run {len(history)}: {100 * measured['role']:.0f} % right with a role"

        self.runner.start(steps, job)

    def reporter(self, each_step):
        """Returns what `runs.run` calls after each step: it draws the loss and moves the bar."""

        def report(step, steps, loss):
            self.losses.append(loss)
            self.curve.value = loss_svg(self.losses, steps, 300)
            each_step()

        return report

    def time_it(self, _):
        """Times a few steps and answers of the setting, which are thrown away."""
        chosen = self.settings()

        def job(each_step):
            benches.check_model(chosen["name"])
            measure(chosen, lambda *_: each_step())
            self.tell()
            return "Timed"

        self.runner.start(TRIED, job)


def tuning_bench(sweep, path=HISTORY):
    """Returns the bench: controls left; right the sweep with the learner's runs, two runs compared, and the record.

    Moving a control trains nothing; Run tunes a model live and can be cancelled. Runs are kept in the file `path`.
    """
    return TuningBench(sweep, path).box
