"""Sets the course up on Colab: the first cell of every notebook runs this, from the folder that `make colab` packs.

What Colab has preinstalled is not touched: torch and numpy are held at the versions that are there.
"""

import importlib
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HELD = ("torch", "numpy")
PACKAGE = "customization-spectrum"
CARDS = ((30, "gpu"), (12, "t4"))  # GB that a card has at least -> the profile whose models fit on it
LINES = {  # what a command that failed is likely to have lacked
    "install": "Colab may have newer packages than this archive admits: make a new one (make colab), or tell us.",
    "fetch": "The lessons show their stored runs on SmolLM2 instead.",
}


def main(folder):
    """Installs the wheel of a folder once, fetches SmolLM2, goes to the notebooks, and says what it did."""
    (wheel,) = sorted(folder.glob("*.whl"))
    if installed() == wheel.name.split("-")[1]:
        print(f"The course is installed ({installed()}).")
    else:
        before = {name: version(name) for name in HELD}
        run("install", "pip", "install", "--quiet", f"{PACKAGE}[serve] @ {wheel.as_uri()}",
            *(f"{name}=={number}" for name, number in before.items()))  # fmt: skip
        importlib.invalidate_caches()
        print(f"Installed the course ({installed()}); untouched: " + ", ".join(f"{n} {before[n]}" for n in HELD) + ".")
    run("fetch", "spectrum.models", "fetch", "smollm2")
    os.chdir(folder / "notebooks")
    print(f"Work that the notebooks keep goes to {folder / 'notebooks'}.")
    print(card_line())


def installed():
    """Returns the version of the course that is installed, or None."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return None


def run(what, module, *arguments):
    """Runs a module in a process of its own; where it fails, says so and goes on only if the lessons can."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True)
    if done.returncode == 0:
        return
    last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1]
    if what == "install":
        raise SystemExit(f"The course could not be installed: {last}\n{LINES[what]}")
    print(f"SmolLM2 could not be fetched: {last} {LINES[what]}")


def card_line():
    """Returns a line on the GPU that is there, and the profile whose models fit on it."""
    import torch

    if not torch.cuda.is_available():
        return "No GPU: no lesson needs one. To have one: Runtime, Change runtime type."
    card = torch.cuda.get_device_properties(0)
    profile = profile_of(card.total_memory / 1e9)
    fitting = f"the models of profile {profile!r} fit on it (spectrum.models.PROFILES)"
    return f"GPU: {card.name}, {card.total_memory / 1e9:.0f} GB; {fitting}."


def profile_of(gigabytes):
    """Returns the name of the largest profile whose models fit on a card of so many GB."""
    return next((profile for least, profile in CARDS if gigabytes >= least), "laptop")


if __name__ in ("__main__", "<run_path>"):
    main(Path(__file__).parent)
