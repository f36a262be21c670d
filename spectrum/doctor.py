"""What lesson 00 checks: versions, memory, accelerator, and that the models answer as they did when they were made."""

import json
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

import pandas as pd

from spectrum.memory import free_memory
from spectrum.models import WEIGHTS
from spectrum.sweeps import results_folder

PACKAGES = ("torch", "transformers", "peft", "bitsandbytes", "datasets", "ipywidgets", "nbval", "jupyterlab")
TIMES = results_folder() / "notebook_times.json"
NEEDED_GB = 2.0


def check_machine():
    """Returns a table of what was looked at (check, found, wanted, ok); nothing raises, so that all is seen at once."""
    rows = [row("Python", platform.python_version(), "3.11 or newer", sys.version_info >= (3, 11))]
    rows += [package_row(name) for name in PACKAGES]
    free = free_memory("cpu") / 1e9
    rows.append(row("free memory", f"{free:.1f} GB", f"{NEEDED_GB:.0f} GB or more", free >= NEEDED_GB))
    rows.append(row("processor cores", str(os.cpu_count()), "2 or more", (os.cpu_count() or 1) >= 2))
    rows.append(row("accelerator", accelerator(), "none is needed before lesson 16", True))
    rows += [answer_row(name) for name in ("lumen-base", "lumen-instruct")]
    return pd.DataFrame(rows)


def row(check, found, wanted, ok):
    """Returns one line of the table."""
    return {"check": check, "found": found, "wanted": wanted, "ok": "yes" if ok else "NO"}


def package_row(name):
    """Returns the line of a package: its version, or that it is missing."""
    try:
        return row(name, version(name), "installed", True)
    except PackageNotFoundError:
        return row(name, "missing", "installed: pip install -e . -c constraints.txt", False)


def accelerator():
    """Returns the name of the GPU with its memory, "Apple GPU", or "none (CPU)"."""
    import torch

    if torch.cuda.is_available():
        gpu = torch.cuda.get_device_properties(0)
        return f"{gpu.name}, {gpu.total_memory / 1e9:.0f} GB"
    return "Apple GPU" if torch.backends.mps.is_available() else "none (CPU)"


def answer_row(name):
    """Returns the line of a model: whether it answers its reference prompt as it did when it was made."""
    from spectrum.generate import complete
    from spectrum.models import load_model

    try:
        reference = json.loads((WEIGHTS / name / "birth.json").read_text())["reference"]
        answer = complete(*load_model(name, device="cpu"), [reference["prompt"]], max_new_tokens=24, progress=False)[0]
    except (OSError, KeyError, ValueError) as error:
        return row(f"{name} answers", f"{type(error).__name__}: {error}", "a verified checkpoint", False)
    return row(f"{name} answers", answer.strip(), reference["answer"].strip(), answer == reference["answer"])


def banner(lesson):
    """Returns one line on this run: the profile, and the lesson's time and memory when they were last measured."""
    times = json.loads(TIMES.read_text()) if TIMES.exists() else {}
    measured = times.get(f"notebooks/{lesson}.ipynb")
    cost = "time and memory not measured yet"
    if measured:
        cost = f"{measured['seconds']:.0f} s and {measured['peak_mb']:.0f} MB on two cores, no GPU"
    return f"profile: {os.environ.get('SPECTRUM_PROFILE') or 'embedded'} · this lesson from top to bottom: {cost}"
