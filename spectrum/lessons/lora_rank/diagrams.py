"""The drawn diagrams of lesson 12: where α sits in LoRA's bypass, and two fair ways to ask for more facts."""

from spectrum import plots
from spectrum.lessons.lora_rank.pictures import SHADES


def show_knob():
    """Displays a LoRA layer: the frozen weight, the bypass through A and B, and the knob α/r on it."""
    figure, axes = plots.new_figure("α/r is a volume knob on the bypass", height=2.6)
    grey, lora, knob = plots.COLOURS["other"], plots.COLOURS["lora"], plots.COLOURS["prompt"]
    axes.text(0.1, 2, "x", ha="center", va="center", fontsize=11)
    plots.box(axes, 4.2, 3, "W, frozen", grey, width=5.6)
    plots.box(axes, 2.1, 1, "A\nd_in → r", lora)
    plots.box(axes, 4.2, 1, "B\nr → d_out", lora)
    plots.box(axes, 6.3, 1, "× α/r", knob)
    axes.text(8.2, 2, "+", ha="center", va="center", fontsize=14)
    axes.text(9.6, 2, "output", ha="center", va="center", fontsize=10)
    above = [((0.3, 2.1), (1.3, 3)), ((7.1, 3), (8.05, 2.2)), ((8.45, 2), (9.1, 2))]
    below = [((0.3, 1.9), (1.25, 1.05)), ((2.95, 1), (3.35, 1)), ((5.05, 1), (5.45, 1)), ((7.15, 1), (8.05, 1.8))]
    for start, end in above + below:
        plots.arrow(axes, start, end)
    axes.set(xlim=(-0.2, 10.2), ylim=(0.3, 3.7))
    axes.axis("off")
    words = (
        "Diagram: x goes two ways. Above, through the frozen weight W. Below, the bypass: through A from d_in numbers "
        "to r, through B from r to d_out, and times alpha over r. Both ways are added to the output."
    )
    plots.show(figure, alt=words)


def show_fairness():
    """Displays two fair ways to ask for more facts: equal readings of a fact, or equal steps in all."""
    figure, (left, right) = plots.plt.subplots(1, 2, figsize=(6, 2.4), dpi=plots.DPI, layout="constrained", sharey=True)
    names, colours = ("64 facts", "256 facts", "1,024 facts"), SHADES[:3]
    for axes, title, steps, said in (
        (left, "Each fact is read 32 times", (128, 512, 2048), ("32 times",) * 3),
        (right, "Both train for 512 steps", (0, 512, 512), ("", "32 times", "8 times")),
    ):
        axes.barh(range(3), steps, color=colours)
        for y, (length, words) in enumerate(zip(steps, said, strict=True)):
            axes.text(length + 40, y, words, va="center", fontsize=8)
        axes.set_title(title, fontsize=9, loc="left")
        axes.set(xlim=(0, 2700), xlabel="steps, batches of 4 rows")
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_yticks(range(3), names)
    left.invert_yaxis()
    words = (
        "Two bar charts of steps. Left, each fact is read 32 times: 128, 512 and 2,048 steps for 64, 256 and 1,024 "
        "facts. Right, 256 and 1,024 facts both have 512 steps: so a fact is read 32 and 8 times."
    )
    plots.show(figure, alt=words)
