"""The LoRA bench of lesson 12: choose a setting, see the stored sweep at once, train your own, keep the record."""

import html
import json
import threading
from pathlib import Path

import ipywidgets as w
import pandas as pd

from spectrum import adapters, plots, rank_runs
from spectrum.models import load_model

HISTORY = Path("runs/lora_bench.json")
DEFAULTS = {
    "data": "facts", "count": 64, "rank": 8, "alpha": 16, "rslora": False, "targets": "all-linear", "lr": 5e-3,
    "dropout": 0.0, "steps": 100, "seed": 0, "name": "base",
}  # fmt: skip


class Cancelled(Exception):
    """Ends a run that the learner stopped."""


def read_history(path=HISTORY):
    """Returns the list of earlier runs, each its settings and what was measured; none where there is no file."""
    path = Path(path)
    return json.loads(path.read_text()) if path.exists() else []


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
    return f"from spectrum import rank_runs\n\nrank_runs.run({arguments})"


def scale_of(settings):
    """Returns the factor on B·A: alpha / rank, or alpha / √rank for rsLoRA."""
    return settings["alpha"] / settings["rank"] ** (0.5 if settings["rslora"] else 1.0)


def history_table(history):
    """Returns a DataFrame with one row for each run: settings, parameters, score in per cent, seconds."""
    rows = [
        {**run["settings"], "trainable": run["trainable"], "score %": round(100 * run["score"], 1), "s": run["seconds"]}
        for run in history
    ]
    return pd.DataFrame(rows)


def bench_view(stored, history, settings):
    """Returns a figure: the stored score against the rank, the chosen rank marked, and the learner's runs as crosses.

    `stored` is a sweep as `sweeps.read_sweep` returns it, with columns count, rank, seed and score (shares).
    """
    same = stored[(stored["count"] == settings["count"]) & (stored["rank"] > 0)] if len(stored) else stored
    figure, axes = plots.new_figure(f"{settings['count']} facts: your setting is rank {settings['rank']}")
    if len(same):
        means = same.groupby("rank")["score"].mean()
        axes.plot(same["rank"], 100 * same["score"], ".", color=plots.COLOURS["lora"], alpha=0.5)
        axes.plot(means.index, 100 * means, color=plots.COLOURS["lora"], label="stored sweep, mean of seeds")
    mine = [r for r in history if r["settings"]["count"] == settings["count"] and r["settings"]["data"] == "facts"]
    axes.plot(
        [r["settings"]["rank"] for r in mine], [100 * r["score"] for r in mine], "x", color=plots.COLOURS["other"],
        label="your runs",
    )  # fmt: skip
    axes.axvline(settings["rank"], color=plots.COLOURS["prompt"], linewidth=1, label="your setting")
    axes.set_xscale("log", base=2)
    axes.set_xticks(rank_runs.RANKS, rank_runs.RANKS)
    axes.set(ylim=(-3, 103), xlim=(0.8, 80), xlabel="rank", ylabel="facts recalled, %")
    axes.legend(fontsize=8, loc="lower right")
    return figure


def summary(settings, parameters):
    """Returns HTML that says what a setting means: the factor on the update and the trainable parameters."""
    return (
        f"scale {scale_of(settings):.2f} · {parameters:,} trainable parameters · "
        f"peak learning rate {settings['lr']:.0e} · {settings['steps']} steps"
    )


def controls():
    """Returns {setting: widget} with labels, in the order of DEFAULTS."""
    wide = {"style": {"description_width": "90px"}, "layout": w.Layout(width="300px")}
    return {
        "data": w.Text(value="facts", description="Data", **wide),
        "count": w.SelectionSlider(options=[64, 256, 1024], value=64, description="Facts", **wide),
        "rank": w.SelectionSlider(options=rank_runs.RANKS, value=8, description="Rank", **wide),
        "alpha": w.SelectionSlider(options=(1, 2, 4, 8, 16, 32, 64, 128), value=16, description="Alpha", **wide),
        "rslora": w.Checkbox(value=False, description="rsLoRA: alpha / √rank", **wide),
        "targets": w.SelectionSlider(options=["all-linear", "attention", "mlp"], description="Layers", **wide),
        "lr": w.FloatLogSlider(value=5e-3, min=-4, max=-1, step=0.1, description="Learning rate", **wide),
        "dropout": w.FloatSlider(value=0.0, max=0.5, step=0.05, description="Dropout", **wide),
        "steps": w.IntSlider(value=100, min=10, max=200, step=10, description="Steps", **wide),
        "seed": w.BoundedIntText(value=0, max=999, description="Seed", **wide),
        "name": w.Text(value="base", description="Model", **wide),
    }


class LoraBench:
    """The bench's controls, its picture and the run in progress; `box` is what is displayed."""

    def __init__(self, stored, path):
        self.stored, self.path, self.configs = stored, Path(path), {}
        self.stop, self.thread = threading.Event(), None
        self.inputs = controls()
        self.run, self.cancel, self.export, self.code = (
            w.Button(description=name) for name in ("Run", "Cancel", "Export CSV", "Show code")
        )
        self.run.button_style, self.cancel.disabled = "primary", True
        self.bar, self.line = w.IntProgress(description="Ready"), w.HTML()
        self.picture, self.record = w.Image(format="png"), w.HTML()
        self.connect()
        buttons = [w.HBox([self.run, self.cancel]), w.HBox([self.export, self.code])]
        left = w.VBox([*self.inputs.values(), *buttons, self.bar], layout=w.Layout(flex="0 0 auto"))
        self.box = w.VBox([w.HBox([left, w.VBox([self.picture, self.line])]), self.record])

    def connect(self):
        """Ties the controls to what they do, and draws the first picture."""
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

    def say(self, text):
        """Shows a line of HTML below the picture."""
        self.line.value = text

    def parameters(self, chosen):
        """Returns the number of trainable parameters of a setting."""
        name = chosen["name"]
        if name not in self.configs:
            self.configs[name] = load_model(name)[0].config
        return adapters.lora_count(self.configs[name], chosen["rank"], chosen["targets"])

    def redraw(self, _=None):
        """Draws picture, line and table for the setting: nothing is trained."""
        chosen, history = self.settings(), read_history(self.path)
        try:
            self.say(summary(chosen, self.parameters(chosen)))
        except (ValueError, OSError) as error:
            self.say(f"<b>Cannot use this:</b> {html.escape(str(error))}")
        self.picture.value = plots.png(bench_view(self.stored, history, chosen))
        table = history_table(history[::-1][:12]).to_html(index=False)
        self.record.value = table if history else "No runs yet: press Run."

    def start(self, _):
        """Starts a run in a thread of its own, so that Cancel is heard."""
        chosen = self.settings()
        self.bar.max, self.bar.value, self.bar.description = chosen["steps"], 0, "Training"
        self.run.disabled, self.cancel.disabled = True, False
        self.stop.clear()
        self.thread = threading.Thread(target=self.work, args=(chosen,), daemon=True)
        self.thread.start()

    def each_step(self):
        """Moves the bar; ends the run when Cancel was pressed."""
        self.bar.value += 1
        if self.stop.is_set():
            raise Cancelled

    def work(self, chosen):
        """Does one run and keeps its record."""
        try:
            measured = rank_runs.run(**chosen, each_step=self.each_step)
            add_to_history({"settings": chosen, **measured}, self.path)
            self.bar.description = f"{100 * measured['score']:.0f} % right"
            self.redraw()
        except Cancelled:
            self.bar.description = "Cancelled"
        except (ValueError, OSError) as error:
            self.bar.description = "Stopped"
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
