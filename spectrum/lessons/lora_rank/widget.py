"""The LoRA bench of lesson 12: choose a setting, see the stored sweep at once, train your own, compare two runs."""

import html
import time
from pathlib import Path

import ipywidgets as w
import pandas as pd

from spectrum import adapters, benches, plots, widgets
from spectrum.lessons.lora_rank import pace, presets
from spectrum.lessons.lora_rank import runs as rank_runs
from spectrum.lessons.lora_rank.material import MADE, own_rows
from spectrum.lessons.lora_rank.pictures import bench_view, model_of, scale_in, stored_text, summary, tell, usual_batch
from spectrum.models import read_config

HISTORY = Path("runs/lora_bench.json")
MODULE = "spectrum.lessons.lora_rank"
DEFAULTS = {
    "data": "facts", "count": 64, "rank": 8, "alpha": adapters.ALPHA, "rslora": False, "targets": "all-linear",
    "lr": 5e-3, "dropout": 0.0, "steps": 128, "seed": 0, "name": "base",
}  # fmt: skip
RATES = tuple(float(f"{rate}e-{power}") for power in (4, 3, 2) for rate in (1, 2, 3, 5)) + (0.1,)
LAYERS = [
    ("all linear", "all-linear"),
    ("attention", "attention"),
    ("MLP", "mlp"),
    ("query, value", ["q_proj", "v_proj"]),
]
DATA = [("planted facts", "facts"), ("house reply", "style"), ("house ticket", "ticket")]
NOBODY = "your own settings"


# ---- what is shown ----


def history_table(history):
    """Returns a DataFrame with one row for each run: score in per cent, seconds, settings, factor, parameters."""
    rows = [
        {"run": number, "score %": round(100 * run["score"], 1), "s": run["seconds"], **run["settings"],
         "scale": round(scale_in(run["settings"]), 3), "trainable": run["trainable"]}
        for number, run in enumerate(history, 1)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def comparable(stored, history, settings):
    """Returns {label: run} of what can be compared: the learner's runs, and the stored ones on the same data and model.

    Stored runs that differ in their seed alone are one, with the mean of their scores.
    """
    found = {}
    for number, run in reversed(list(enumerate(history, 1))):
        chosen = run["settings"]
        result = {"score, %": 100 * run["score"]}
        result |= {key: value for key, value in run.items() if key not in ("settings", "loss", "score")}
        label = f"run {number}: {chosen['name']}, {chosen['data']}, rank {chosen['rank']}, rate {chosen['lr']:g}"
        found[label] = {"settings": chosen, "result": result, "curves": [run["loss"]]}
    if not len(stored):
        return found
    same = stored[(stored["data"] == settings["data"]) & (model_of(stored) == settings["name"]) & (stored["rank"] > 0)]
    same = same[usual_batch(same)]
    same = same[same["count"] == settings["count"]] if settings["data"] == "facts" else same
    for (rank, scale, lr, layers, steps), runs in same.groupby(["rank", "scale", "lr", "targets", "steps"]):
        label = f"stored: rank {rank}, rate {lr:g}, factor {scale:.3g}, {layers}, {steps:.0f} steps"
        known = {key: runs[key].iloc[0] for key in ("alpha", "rslora") if key in runs}
        chosen = {"name": settings["name"], "data": settings["data"], "count": settings["count"], "rank": int(rank),
                  "lr": float(lr), "targets": layers, "steps": int(steps), "dropout": 0.0, **known}  # fmt: skip
        seeds = ", ".join(f"{100 * score:.0f}" for score in sorted(runs["score"]))
        result = {"score, %": 100 * float(runs["score"].mean()), "score of each seed, %": seeds}
        result |= {key: float(runs[key].mean()) for key in ("last loss", "trainable", "seconds") if key in runs}
        found[label] = {"settings": chosen, "result": result, "curves": list(runs["loss"])}
    return found


def show_bench(stored, history=(), settings=None):
    """Displays the bench's picture with its words and what the stored sweep says: the static twin of `lora_bench`."""
    settings = DEFAULTS | (settings or {})
    plots.show(bench_view(stored, history, settings), alt=tell(stored, history, settings))
    print(stored_text(stored, settings))


def controls(folder, say):
    """Returns {setting: control} with labels, in the order of DEFAULTS; each speaks up when it is let go."""

    def slider(kind, name, **how):
        return kind(description=name, continuous_update=False, **how, **widgets.wide())

    rates = [(f"{rate:g}", rate) for rate in RATES]
    return {
        "data": benches.data_choice(DATA, folder, say, "facts"),
        "count": slider(w.SelectionSlider, "Facts", options=rank_runs.COUNTS, value=64),
        "rank": slider(w.SelectionSlider, "Rank", options=rank_runs.RANKS, value=8),
        "alpha": slider(w.SelectionSlider, "Alpha", options=(1, 2, 4, 8, 16, 32, 64, 128), value=adapters.ALPHA),
        "rslora": w.Checkbox(value=False, description="rsLoRA: alpha / √rank", indent=True, **widgets.wide()),
        "targets": w.Dropdown(options=LAYERS, value="all-linear", description="Layers", **widgets.wide()),
        "lr": slider(w.SelectionSlider, "Learning rate", options=rates, value=5e-3),
        "dropout": slider(w.FloatSlider, "Dropout", value=0.0, max=0.5, step=0.05),
        "steps": slider(w.IntSlider, "Steps", value=128, min=16, max=512, step=16),
        "seed": w.BoundedIntText(value=0, max=999, description="Seed", **widgets.wide()),
        "name": benches.model_choice(),
    }


# ---- the shell ----


class LoraBench:
    """The bench's controls, its pictures and the run in progress; `box` is what is displayed."""

    def __init__(self, stored, path):
        self.stored, self.configs = with_real(stored), {}
        self.inputs = controls(Path(path).parent / "own", self.say_line)
        self.paper = w.Dropdown(options=[NOBODY, *presets.PAPERS], description="Preset", **widgets.wide())
        self.runner = benches.Runner(self.say_line, "Train with these settings")
        self.time, self.line, self.told, self.picture = (
            widgets.words("310px"),
            widgets.words(),
            widgets.words(),
            w.HTML(),
        )
        self.record = benches.Record(path, history_table, MODULE, self.settings)
        self.comparison, self.filling = benches.Comparison(), False
        order = ("data", "count", "rank", "alpha", "rslora", "targets", "lr", "dropout", "steps", "seed")
        left = [self.paper, self.inputs["name"], *(self.inputs[name] for name in order)]
        views = widgets.pages({
            "This setting": w.VBox([self.picture]), "Compare two runs": self.comparison.box, "Runs": self.record.box,
        })  # fmt: skip
        self.box = widgets.columns([*left, *self.runner.controls(), self.time], [self.told, self.line, views])
        self.connect()

    def connect(self):
        """Ties the controls to what they do, and draws the first picture."""
        for name in ("data", "count"):
            self.inputs[name].observe(self.set_steps, names="value")
        for control in self.inputs.values():
            control.observe(self.changed, names="value")
        self.paper.observe(self.choose_paper, names="value")
        self.runner.run.on_click(self.start)
        self.runner.time.on_click(self.time_it)
        self.redraw()

    def settings(self):
        """Returns {setting: value} as the controls stand."""
        return {name: control.value for name, control in self.inputs.items()}

    def set_steps(self, _):
        """Moves the steps to what the stored runs on such data have."""
        chosen = self.settings()
        self.inputs["count"].layout.display = None if chosen["data"] == "facts" else "none"
        self.inputs["steps"].value = rank_runs.settings_of(chosen["data"], chosen["count"])["steps"]

    def say_line(self, text):
        """Shows a line of HTML above the picture."""
        self.line.value = text

    def choose_paper(self, _):
        """Sets the controls as a paper did, and says so."""
        if self.paper.value == NOBODY:
            return
        found, line = presets.preset(self.paper.value, self.settings(), self.stored)
        self.filling = True  # each control would draw the picture anew
        for name, value in found.items():
            self.inputs[name].value = value
        self.filling = False
        self.told.value = line
        self.redraw()

    def changed(self, _):
        """Draws anew; settings that are no longer the paper's do not stand under its name."""
        if self.filling:
            return
        self.paper.value, self.told.value = NOBODY, ""
        self.redraw()

    def check(self, chosen):
        """Returns the number of trainable parameters of a setting, of which only the config is read; or raises."""
        name = chosen["name"]
        benches.check_model(name)
        if not chosen["data"]:
            raise ValueError("upload a file of your own, or type its path: rows with prompt and completion, or chats")
        if chosen["data"] not in MADE:
            own_rows(chosen["data"])
        if name not in self.configs:
            self.configs[name] = read_config(name)
        return adapters.lora_count(self.configs[name], chosen["rank"], chosen["targets"])

    def redraw(self, _=None):
        """Draws picture, lines and tables for the setting: nothing is trained."""
        chosen, history = self.settings(), self.record.history()
        try:
            self.say_line(f"{summary(chosen, self.check(chosen))}<br>{stored_text(self.stored, chosen)}")
        except (ValueError, OSError) as error:
            self.say_line(f"<b>Cannot use this:</b> {html.escape(str(error))}")
        self.time.value = pace.tell(chosen)
        figure = bench_view(self.stored, history, chosen)
        self.picture.value = widgets.fitting(figure, tell(self.stored, history, chosen))
        self.comparison.offer(comparable(self.stored, history, chosen))

    def start(self, _):
        """Starts a run; its record is kept."""
        chosen = self.settings()

        def job(each_step):
            self.check(chosen)
            begun = time.perf_counter()
            measured = rank_runs.run(**chosen, each_step=each_step)
            pace.keep(chosen, measured, time.perf_counter() - begun)
            history = self.record.add({"settings": chosen, **measured})
            self.redraw()
            return f"Run {len(history)}: {100 * measured['score']:.0f} % right"

        self.runner.start(chosen["steps"], job)

    def time_it(self, _):
        """Times a few steps of the setting, which are thrown away."""
        chosen = self.settings()

        def job(each_step):
            self.check(chosen)
            pace.measure(chosen, each_step)
            self.time.value = pace.tell(self.settings())
            return "Timed"

        self.runner.start(pace.TRIED, job)


def with_real(stored):
    """Returns the stored runs with those on SmolLM2 under them, which name their model."""
    real = presets.stored_real()
    return pd.concat([stored, real], ignore_index=True) if len(real) and len(stored) else stored


def lora_bench(stored, path=HISTORY):
    """Returns the bench: controls left, pictures right; Run trains the setting live and can be cancelled.

    Moving a control reads the stored sweep and trains nothing. Runs are kept in the file `path`, across restarts of the
    kernel, and Export writes them beside it.
    """
    return LoraBench(stored, path).box
