"""The parts of a bench, an instrument for runs: menus of models and data, Run and Cancel, the record, two compared.

They stand in the frame of `widgets.columns`, which also keeps the arrow keys in the drop-downs.
"""

import html
import threading
import time
from pathlib import Path

import ipywidgets as w
from traitlets import Unicode

from spectrum import plots, records, smollm2
from spectrum.widgets import Cancelled, boxed, fitting, wide, words

FILES = ".jsonl,.ndjson,.json,.csv,.tsv,.parquet,.gz"


# ---- menus ----


class OpenChoice(w.VBox):
    """A drop-down whose last entry opens a field to type in; `value` is what was chosen or typed ("" for nothing)."""

    value = Unicode()

    def __init__(self, options, other, field, value, description, more=()):
        """`options` are (label, value); `other` is the last entry's label, `field` that of its field."""
        self.menu = w.Dropdown(options=[*options, (other, "")], description=description, **wide())
        self.field = w.Text(description=field, continuous_update=False, **wide())
        self.rest = [self.field, *more]
        super().__init__([self.menu, *self.rest])
        self.menu.observe(self.read, names="value")
        self.field.observe(self.read, names="value")
        self.observe(self.show, names="value")
        self.value = value
        self.read()

    def read(self, _=None):
        """Takes over what the menu and the field say, and shows the field where it is asked for."""
        for widget in self.rest:
            widget.layout.display = "none" if self.menu.value else None
        self.value = self.menu.value or self.field.value.strip()

    def show(self, _):
        """Puts menu and field to a value that was set from outside."""
        if self.value in [value for _, value in self.menu.options]:
            self.menu.value = self.value
        else:
            self.field.value = self.value
            self.menu.value = ""


def model_choice(value="base"):
    """Returns the menu of models: lumen, SmolLM2 (it says where it is not installed), and any name of `load_model`."""
    real = "SmolLM2" if smollm2.is_here() else "SmolLM2 (not installed)"
    return OpenChoice([("lumen-base", "base"), (real, smollm2.NAME)], "other …", "Its name", value, "Model")


def data_choice(options, folder, say, value):
    """Returns the menu of data: the (label, value) given, and an own file, which can be uploaded or named by its path.

    An uploaded file is kept in `folder`; what cannot be kept is said by `say(html)`.
    """
    upload = w.FileUpload(
        accept=FILES, description="Upload a file", tooltip="A file of this computer", layout=w.Layout(width="310px")
    )
    choice = OpenChoice(options, "own file …", "or its path", value, "Data", [upload])

    def keep(_):
        if not upload.value:
            return
        file = list(upload.value.values() if isinstance(upload.value, dict) else upload.value)[-1]  # ipywidgets 7 or 8
        name = file["metadata"]["name"] if "metadata" in file else file["name"]
        try:
            choice.field.value = records.keep_upload(name, bytes(file["content"]), Path(folder)).as_posix()
        except (OSError, ValueError) as error:
            say(f"<b>Cannot keep this file:</b> {html.escape(str(error))}")

    upload.observe(keep, names="value")
    return choice


def check_model(name):
    """Raises ValueError where no model is named, and ConnectionError, with the command, where SmolLM2 is not here."""
    if not name:
        raise ValueError("type the name of a model: what load_model takes, such as a folder or Qwen/Qwen3-0.6B")
    if name == smollm2.NAME:
        smollm2.find()


# ---- running ----


class Runner:
    """Run, Cancel and Time it, a bar and a line of state. Work is done in a thread of its own, so Cancel is heard."""

    def __init__(self, say, tip):
        """`say(html)` shows why something could not run; `tip` says what Run does."""
        named = {"Run": tip, "Cancel": "Stop the run", "Time it": "Try a few steps and throw them away"}
        self.run, self.cancel, self.time = (
            w.Button(description=name, tooltip=text, layout=w.Layout(width="95px")) for name, text in named.items()
        )
        self.run.button_style, self.cancel.disabled = "primary", True
        self.bar, self.state = w.IntProgress(description="Steps", **wide()), words("310px")
        self.state.value = "Ready"
        self.say, self.stop, self.thread, self.begun = say, threading.Event(), None, 0.0
        self.cancel.on_click(lambda _: self.stop.set())

    def controls(self):
        """Returns what stands in the left column."""
        return [w.HBox([self.run, self.cancel, self.time]), self.bar, self.state]

    def start(self, steps, job):
        """Calls `job(each_step)` in a thread; what it returns is the last state. An earlier job must have ended."""
        self.bar.max, self.bar.value, self.state.value, self.begun = steps, 0, "Loading", 0.0
        self.stop.clear()
        self.busy(True)
        self.thread = threading.Thread(target=self.work, args=(job,), daemon=True)
        self.thread.start()

    def busy(self, busy):
        """Opens the buttons that make sense while a job runs, or while none does."""
        self.run.disabled, self.time.disabled, self.cancel.disabled = busy, busy, not busy

    def each_step(self, *_):
        """Moves the bar and says how long it will take; ends the job when Cancel was pressed."""
        self.begun = self.begun or time.perf_counter()
        self.bar.value += 1
        done = self.bar.value
        if done > 4:
            left = (time.perf_counter() - self.begun) / (done - 1) * (self.bar.max - done)
            self.state.value = f"step {done} of {self.bar.max}, about {left:.0f} s left"
        if self.stop.is_set():
            raise Cancelled

    def work(self, job):
        """Does a job and says how it ended."""
        try:
            self.state.value = job(self.each_step)
        except Cancelled:
            self.state.value = f"Cancelled at step {self.bar.value}: nothing was kept"
        except Exception as error:  # in a thread: whatever is not shown here is seen by nobody
            self.state.value = "Stopped"
            self.say(f"<b>Cannot run this:</b> {html.escape(str(error))}")
        finally:
            self.busy(False)


# ---- the record ----


class Record:
    """The learner's runs, kept in a file: their table, Export, and the lines that repeat a run. `box` is displayed."""

    def __init__(self, path, table, module, settings):
        """`table(history)` is what is shown, `module` holds the runs, `settings()` says how the controls stand."""
        self.path, self.table, self.module, self.settings = Path(path), table, module, settings
        self.export, self.code = (w.Button(description=name) for name in ("Export", "Show code"))
        self.note, self.shown = words(), w.HTML()
        self.box = w.VBox([w.HBox([self.export, self.code]), self.note, self.shown])
        self.export.on_click(self.write)
        self.code.on_click(self.show_code)
        self.draw()

    def history(self):
        """Returns the list of runs."""
        return records.read_history(self.path)

    def add(self, run):
        """Keeps a run and returns the whole list."""
        history = records.add_to_history(run, self.path)
        self.draw()
        return history

    def draw(self):
        """Shows the runs, the latest first."""
        history = self.history()
        table = boxed(self.table(history).iloc[::-1], index=False) if history else "No runs yet: press Run."
        self.shown.value = table

    def show_code(self, _):
        """Shows the lines that repeat a run with the settings as they stand."""
        lines = html.escape(records.code_for(self.settings(), self.module))
        self.note.value = f"<pre style='white-space:pre-wrap'>{lines}</pre>"

    def write(self, _):
        """Writes the runs beside the record: as a table, as data, and as lines that repeat them."""
        history = self.history()
        paths = records.export(history, self.path, self.table(history), self.module)
        names = ", ".join(html.escape(path.name) for path in paths)
        self.note.value = (
            f"Wrote {names} to {html.escape(str(self.path.parent))}, beside this notebook. Runs: {len(history)}"
        )


# ---- two runs side by side ----


class Comparison:
    """Two menus of runs; under them a table of what differs and the curves of both. `box` is what is displayed."""

    def __init__(self):
        long = {"style": {"description_width": "50px"}, "layout": w.Layout(width="98%")}
        self.one, self.other = (w.Dropdown(description=name, **long) for name in ("Run A", "Run B"))
        self.shown, self.runs, self.filling = w.HTML(), {}, False
        self.box = w.VBox([self.one, self.other, self.shown])
        for menu in (self.one, self.other):
            menu.observe(self.draw, names="value")

    def offer(self, runs):
        """Offers {label: run}; a new first one becomes run A. What was chosen else stays while it is there."""
        labels, old = list(runs), list(self.runs)
        self.runs = runs
        if labels == old:
            return
        kept = [self.one.value if labels[:1] == old[:1] else None, self.other.value]
        self.filling = True  # each change of a menu would draw the picture anew
        for place, menu in enumerate((self.one, self.other)):
            menu.options = labels
            if labels:
                menu.value = kept[place] if kept[place] in runs else labels[min(place, len(labels) - 1)]
        self.filling = False
        self.draw()

    def draw(self, _=None):
        """Shows the two chosen runs."""
        if self.filling:
            return
        names = self.one.value, self.other.value
        if not set(names) <= self.runs.keys():
            self.shown.value = "There are no two runs to compare yet: press Run."
            return
        one, other = (self.runs[name] for name in names)
        figure = plots.two_curves(one["curves"], other["curves"])
        ends = "; ".join(f"{name} ends at {last(self.runs[name])}" for name in names)
        same = "" if records.differ(one, other) else "The two have the same settings."
        table = boxed(records.compared(one, other), 230, index=False)
        self.shown.value = same + table + fitting(figure, f"Loss by the share of steps done. {ends}.")


def last(run):
    """Returns the loss at the end of a run's first curve as text."""
    return f"{run['curves'][0][-1]:.3g}" if run["curves"] and run["curves"][0] else "an unknown loss"
