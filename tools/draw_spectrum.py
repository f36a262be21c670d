"""Draw docs/spectrum.png, the picture of the README: from a prompt over retrieval to tuning.

python -m tools.draw_spectrum
"""

import sys
from pathlib import Path

from matplotlib.patches import FancyBboxPatch

from spectrum.plots import COLOURS, new_figure, png

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "spectrum.png"
# One stop of the spectrum each: name, colour, what is changed, what it is for, lessons.
STOPS = [
    ("Prompt", COLOURS["prompt"], "change the words", "say what you want", "lessons 01–05"),
    ("Retrieve", COLOURS["base"], "change what it reads", "bring in facts", "lesson 06"),
    ("Tune", COLOURS["full"], "change all weights", "teach a behaviour", "lessons 07–10"),
    ("LoRA", COLOURS["lora"], "change few numbers", "the same, lighter", "lessons 11–13"),
    ("QLoRA", COLOURS["qlora"], "… over a 4-bit base", "the same, smaller", "lessons 14–17"),
]


def draw():
    """Returns the picture as PNG bytes: five boxes in a row, an arrow of effort below them."""
    figure, axes = new_figure("From saying it to teaching it: five ways to make a model do your task", 8.4, 2.6)
    axes.set(xlim=(0, 10), ylim=(-0.75, 2.1))
    axes.axis("off")
    for place, (name, colour, changed, purpose, lessons) in enumerate(STOPS):
        left = 2 * place + 0.06
        axes.add_patch(
            FancyBboxPatch((left, 0), 1.86, 1.9, boxstyle="round,pad=0,rounding_size=0.1", fc="white", ec=colour)
        )
        axes.add_patch(FancyBboxPatch((left, 1.9), 1.86, 0.06, boxstyle="square,pad=0", fc=colour, ec=colour))
        middle = left + 0.93
        axes.text(middle, 1.52, name, ha="center", va="center", fontsize=12, fontweight="bold")
        axes.text(middle, 1.06, changed, ha="center", va="center", fontsize=8.5)
        axes.text(middle, 0.68, purpose, ha="center", va="center", fontsize=8.5)
        axes.text(middle, 0.26, lessons, ha="center", va="center", fontsize=8, color=COLOURS["other"])
    axes.annotate("", (9.92, -0.2), (0.06, -0.2), arrowprops={"arrowstyle": "->", "color": COLOURS["other"]})
    axes.text(0.06, -0.5, "changed in a minute, paid with every call", va="center", fontsize=8.5)
    axes.text(9.92, -0.5, "paid once, needs data and a measured reason", va="center", ha="right", fontsize=8.5)
    return png(figure)


if __name__ == "__main__":
    TARGET.write_bytes(draw())
    sys.exit(0)
