"""The LoRA bench of lesson 12: choose a setting, see the stored sweep at once, train your own, keep the record."""

import html
import json
import threading
import time
from pathlib import Path

import ipywidgets as w
import pandas as pd

from spectrum import adapters, plots
from spectrum.lessons.lora_rank import runs as rank_runs
from spectrum.lessons.lora_rank.pictures import bench_view, scale_in, stored_text, summary, tell
from spectrum.models import read_config
from spectrum.widgets import Cancelled, picture_html

HISTORY = Path("runs/lora_bench.json")
DEFAULTS = {
    "data": "facts", "count": 64, "rank": 8, "alpha": 16, "rslora": False, "targets": "all-linear", "lr": 5e-3,
    "dropout": 0.0, "steps": 128, "seed": 0, "name": "base",
}  # fmt: skip
RATES = tuple(rate * power for power in (1e-4, 1e-3, 1e-2) for rate in (1, 2, 5)) + (0.1,)
RATES = tuple(float(f"{rate:.0e}") for rate in RATES)
SHOWN = 8  # of the learner's runs, the latest that stand in the table


# ---- the record ----


def read_history(path=HISTORY):
    """Returns the list of earlier runs, each its settings and what was measured; none where there is no file."""
    path = Path(path)
    try:
        return json.loads(path.read_text()) if path.exists() else []
    except ValueError as error:
        raise ValueError(f"{str(path)!r} is no record of runs ({error}); rename it, and a new one is begun") from None


def add_to_history(record, path=HISTORY):
    """Appends a run to the file and returns the whole list; the old file stays until the new one is complete."""
    path, history = Path(path), [*read_history(path), record]
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(history, indent=1))
    part.replace(path)
    return history


def code_for(settings):
    """Returns the Python lines that repeat a run."""
    arguments = ", ".join(f"{k}={v!r}" for k, v in settings.items())
    return f"from spectrum.lessons.lora_rank import runs\n\nruns.run({arguments})"


def history_table(history):
    """Returns a DataFrame with one row for each run: settings, parameters, score in per cent, seconds."""
    rows = [
        {"run": number, **run["settings"], "scale": round(scale_in(run["settings"]), 3),
         "trainable": run["trainable"], "score %": round(100 * run["score"], 1), "s": run["seconds"]}
        for number, run in enumerate(history, 1)
    ]  # fmt: skip
    return pd.DataFrame(rows)


# ---- the shell ----


def show_bench(stored, history=(), settings=None):
    """Displays the bench's picture with its words and what the stored sweep says: the static twin of `lora_bench`."""
    settings = DEFAULTS | (settings or {})
    plots.show(bench_view(stored, history, settings), alt=tell(stored, history, settings))
    print(stored_text(stored, settings))


def controls():
    """Returns {setting: widget} with labels, in the order of DEFAULTS; each speaks up when it is let go."""
    wide = {"style": {"description_width": "95px"}, "layout": w.Layout(width="310px"), "continuous_update": False}
    rates = [(f"{rate:g}", rate) for rate in RATES]
    return {
        "data": w.Text(value="facts", description="Data", **wide),
        "count": w.SelectionSlider(options=rank_runs.COUNTS, value=64, description="Facts", **wide),
        "rank": w.SelectionSlider(options=rank_runs.RANKS, value=8, description="Rank", **wide),
        "alpha": w.SelectionSlider(options=(1, 2, 4, 8, 16, 32, 64, 128), value=16, description="Alpha", **wide),
        "rslora": w.Checkbox(value=False, description="rsLoRA: alpha / √rank", indent=True),
        "targets": w.SelectionSlider(options=["all-linear", "attention", "mlp"], description="Layers", **wide),
        "lr": w.SelectionSlider(options=rates, value=5e-3, description="Learning rate", **wide),
        "dropout": w.FloatSlider(value=0.0, max=0.5, step=0.05, description="Dropout", **wide),
        "steps": w.IntSlider(value=128, min=16, max=512, step=16, description="Steps", **wide),
        "seed": w.BoundedIntText(value=0, max=999, description="Seed", **wide),
        "name": w.Text(value="base", description="Model", **wide),
    }


class LoraBench:
    """The bench's controls, its picture and the run in progress; `box` is what is displayed."""

    def __init__(self, stored, path):
        self.stored, self.path, self.configs = stored, Path(path), {}
        self.stop, self.thread, self.begun = threading.Event(), None, 0.0
        self.inputs = controls()
        self.run, self.cancel, self.export, self.code = (
            w.Button(description=name, tooltip=tip)
            for name, tip in (("Run", "Train with these settings"), ("Cancel", "Stop the run"),
                              ("Export CSV", "Write the record to a file"), ("Show code", "Lines that repeat this run"))
        )  # fmt: skip
        self.run.button_style, self.cancel.disabled = "primary", True
        self.bar, self.state = w.IntProgress(description="Steps"), w.HTML("Ready")
        self.line, self.picture, self.record = w.HTML(), w.HTML(), w.HTML()
        self.connect()
        buttons = [w.HBox([self.run, self.cancel]), w.HBox([self.export, self.code])]
        left = w.VBox([*self.inputs.values(), *buttons, self.bar, self.state], layout=w.Layout(flex="0 0 auto"))
        self.box = w.VBox([left, self.line, self.picture, self.record])

    def connect(self):
        """Ties the controls to what they do, and draws the first picture."""
        for name in ("data", "count"):
            self.inputs[name].observe(self.set_steps, names="value")
        for control in self.inputs.values():
            control.observe(self.redraw, names="value")
        self.run.on_click(self.start)
        self.cancel.on_click(lambda _: self.stop.set())
        self.export.on_click(self.write_csv)
        self.code.on_click(lambda _: self.say(f"<pre>{html.escape(code_for(self.settings()))}</pre>"))
        self.redraw()

    def settings(self):
        """Returns {setting: value} as the controls stand."""
        return {name: control.value for name, control in self.inputs.items()}

    def set_steps(self, _):
        """Moves the steps to what the stored runs on such data have."""
        chosen = self.settings()
        self.inputs["steps"].value = rank_runs.settings_of(chosen["data"], chosen["count"])["steps"]

    def say(self, text):
        """Shows a line of HTML above the picture."""
        self.line.value = text

    def parameters(self, chosen):
        """Returns the number of trainable parameters of a setting; only the model's config is read."""
        name = chosen["name"]
        if name not in self.configs:
            self.configs[name] = read_config(name)
        return adapters.lora_count(self.configs[name], chosen["rank"], chosen["targets"])

    def redraw(self, _=None):
        """Draws picture, line and table for the setting: nothing is trained."""
        chosen, history = self.settings(), read_history(self.path)
        try:
            told = f"{summary(chosen, self.parameters(chosen))}<br>{stored_text(self.stored, chosen)}"
        except (ValueError, OSError) as error:
            told = f"<b>Cannot use this:</b> {html.escape(str(error))}"
        self.say(told)
        figure = bench_view(self.stored, history, chosen)
        self.picture.value = picture_html(figure, tell(self.stored, history, chosen))
        table = history_table(history).iloc[::-1][:SHOWN].to_html(index=False)
        self.record.value = table if history else "No runs yet: press Run."

    def start(self, _):
        """Starts a run in a thread of its own, so that Cancel is heard."""
        chosen = self.settings()
        self.bar.max, self.bar.value, self.state.value = chosen["steps"], 0, "Loading"
        self.run.disabled, self.cancel.disabled = True, False
        self.stop.clear()
        self.begun = 0.0
        self.thread = threading.Thread(target=self.work, args=(chosen,), daemon=True)
        self.thread.start()

    def each_step(self):
        """Moves the bar and says how long it will take; ends the run when Cancel was pressed."""
        self.begun = self.begun or time.perf_counter()
        self.bar.value += 1
        done = self.bar.value
        if done > 4:
            left = (time.perf_counter() - self.begun) / (done - 1) * (self.bar.max - done)
            self.state.value = f"step {done} of {self.bar.max}, about {left:.0f} s left"
        if self.stop.is_set():
            raise Cancelled

    def work(self, chosen):
        """Does one run and keeps its record."""
        try:
            measured = rank_runs.run(**chosen, each_step=self.each_step)
            history = add_to_history({"settings": chosen, **measured}, self.path)
            self.redraw()
            self.state.value = f"Run {len(history)}: {100 * measured['score']:.0f} % right"
        except Cancelled:
            self.state.value = f"Cancelled at step {self.bar.value}: nothing was kept"
        except Exception as error:  # in a thread: whatever is not shown here is seen by nobody
            self.state.value = "Stopped"
            self.say(f"<b>Cannot run this:</b> {html.escape(str(error))}")
        finally:
            self.run.disabled, self.cancel.disabled = False, True

    def write_csv(self, _):
        """Writes the record as CSV beside its file."""
        target = self.path.with_suffix(".csv")
        target.parent.mkdir(parents=True, exist_ok=True)
        history_table(read_history(self.path)).to_csv(target, index=False)
        self.say(f"Wrote {html.escape(str(target))}")


def lora_bench(stored, path=HISTORY):
    """Returns the bench: sliders read the stored sweep at once; Run trains the setting live and can be cancelled.

    Runs are kept in the file `path`, across restarts of the kernel; Export writes them beside it as CSV.
    """
    return LoraBench(stored, path).box
