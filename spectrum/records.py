"""What a bench keeps of its runs: the record, two of them side by side, their export, and how long a run takes here.

A run is {"settings": {name: value}, "result": {name: value}}, plain data that JSON can hold.
"""

import json
import time
from contextlib import suppress
from datetime import date
from pathlib import Path

import pandas as pd

from spectrum.checkpoints import cache_folder
from spectrum.precision import machine

SPOKEN = {"lr": "learning rate", "name": "model", "targets": "layers", "loss_on": "loss on"}

# ---- the record ----


def read_history(path):
    """Returns the list of earlier runs in a file, none where there is no file; ValueError for one that is no record."""
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    except ValueError as error:
        raise ValueError(f"{str(path)!r} is no record of runs ({error}); rename it, and a new one is begun") from None


def add_to_history(run, path):
    """Appends a run to the file and returns the whole list; the old file stays until the new one is complete."""
    path, history = Path(path), [*read_history(path), run]
    write(path, json.dumps(history, indent=1))
    return history


def write(path, text):
    """Writes a text file in one piece, with the folders that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def keep_upload(name, content, folder):
    """Returns the path of a file with this content in a folder; a file of that name that is there already stays.

    A second file of the same name gets a number, so that the lines of an earlier run still find what it was trained on.
    """
    name, folder = Path(name.replace("\\", "/")).name, Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    stem, dot, ending = name.partition(".")
    for number in range(1, 10_000):
        path = folder / (name if number == 1 else f"{stem}-{number}{dot}{ending}")
        if not path.exists():
            path.write_bytes(content)
        if path.read_bytes() == content:
            return path
    raise ValueError(f"{str(folder)!r} holds too many files named {name!r}; clear it")


# ---- export ----


def export(history, path, table, module):
    """Writes a record beside its file as a table (.csv), as data (.json) and as Python that repeats it (.py).

    Returns the three paths. `table` is what the bench shows, `module` where its `run` is.
    """
    path = Path(path)
    csv, data, code = (path.with_name(f"{path.stem}_export{ending}") for ending in (".csv", ".json", ".py"))
    write(csv, table.to_csv(index=False))
    write(data, json.dumps(history, indent=1))
    calls = "\n".join(f"{call(run['settings'])}  # run {number}" for number, run in enumerate(history, 1))
    write(code, f"from {module} import runs\n\n{calls}\n")
    return [csv, data, code]


def call(settings):
    """Returns the Python call that repeats a run."""
    return f"runs.run({', '.join(f'{name}={value!r}' for name, value in settings.items())})"


def code_for(settings, module):
    """Returns the Python lines that repeat a run."""
    return f"from {module} import runs\n\n{call(settings)}"


# ---- two runs side by side ----


def compared(one, other, names=("A", "B")):
    """Returns a DataFrame with a row for each setting in which two runs differ, then one for each of their results.

    Lists, such as the curve of the loss, are left to the picture.
    """
    settings = differ(one, other)
    both = one["result"] | other["result"]
    results = [key for key, found in both.items() if not isinstance(found, list | dict)]
    rows = [(SPOKEN.get(key, key), value(one, key), value(other, key)) for key in settings]
    rows += [(key, tidy(one["result"].get(key)), tidy(other["result"].get(key))) for key in results]
    return pd.DataFrame(rows, columns=["", *names])


def differ(one, other):
    """Returns the names of the settings in which two runs differ."""
    return [key for key in one["settings"] | other["settings"] if value(one, key) != value(other, key)]


def value(run, key):
    """Returns a setting of a run as text; a dash where the run does not know it."""
    found = run["settings"].get(key, "–")
    return (
        ", ".join(map(str, found)) if isinstance(found, list) else f"{found:g}" if type(found) is float else str(found)
    )


def tidy(result):
    """Returns a result as text of at most four digits; a dash where it was not measured."""
    if result is None or result != result:
        return "–"
    if isinstance(result, float):
        return f"{result:,.0f}" if abs(result) >= 1000 else f"{result:.4g}"
    return f"{result:,}" if isinstance(result, int) else str(result)


# ---- how long a run takes on this machine ----


def paces_file():
    """Returns the path of the file that holds the measured paces of this user's machines."""
    return cache_folder() / "paces.json"


def read_paces():
    """Returns the paces measured on this machine, the latest last; none where nothing was measured."""
    with suppress(OSError, ValueError):  # not there, or cut short: it is measured anew
        return json.loads(paces_file().read_text(encoding="utf-8")).get(machine(), [])
    return []


def keep_pace(what, step, around, rank=0):
    """Notes how long one step took on this machine, and all that comes before and after the steps, in seconds.

    `what` are the settings on which that depends most, {name: value}; a rank beside it, on which it depends less.
    """
    new = {"what": what, "rank": rank, "step": step, "around": around, "date": date.today().isoformat()}
    others = [pace for pace in read_paces() if (pace["what"], pace["rank"]) != (what, rank)]
    known = {}
    with suppress(OSError, ValueError):
        known = json.loads(paces_file().read_text(encoding="utf-8"))
    with suppress(OSError):  # a cache that cannot be written costs the measurement again
        write(paces_file(), json.dumps(known | {machine(): [*others, new]}, indent=1))
    return new


def find_pace(what, rank=0):
    """Returns the pace measured on this machine for these settings, at the nearest rank; None where there is none."""
    found = [pace for pace in read_paces() if pace["what"] == what]
    return min(found, key=lambda pace: abs(pace["rank"] - rank), default=None)


def pace_text(pace, steps):
    """Returns in a sentence how long a run of so many steps will take here, and from what this is known."""
    if pace is None:
        return "Time on this machine: not measured yet. <b>Time it</b> tries a few steps and throws them away."
    seconds = steps * pace["step"] + pace["around"]
    at = f" at rank {pace['rank']}" if pace["rank"] else ""
    return f"Time on this machine: about <b>{spoken(seconds)}</b>, by steps that were timed{at} on {pace['date']}."


def spoken(seconds):
    """Returns a time as it is said: seconds below two minutes, minutes below two hours, else hours."""
    if seconds < 120:
        return f"{max(1, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def clock():
    """Returns a function that gives the seconds since its last call (the first: since it was made)."""
    last = [time.perf_counter()]

    def lap():
        last.append(time.perf_counter())
        return last[-1] - last[-2]

    return lap
