"""Pictures of lesson 14: what an outlier does to its neighbours, where codes have their levels, what a model loses.

What they show is built by hand in notebooks/14_four_bits.ipynb.
"""

import numpy as np

from spectrum import codes, plots

LEAST = 0.05  # %, where the logarithmic axis ends: a smaller change is drawn there
NAMES = {"int": "even levels", "fp": "FP4", "nf": "NF"}
COLOURS = {"int": plots.COLOURS["other"], "fp": plots.COLOURS["prompt"], "nf": plots.COLOURS["base"]}


def colour(code):
    """Returns the colour of a code's family, whatever its bits."""
    return COLOURS[code.rstrip("0123456789")]


def show_constants():
    """Displays eight weights with one constant for all, and with one for each block of four."""
    figure, axes = plots.new_figure("With two blocks, the outlier spoils four weights instead of eight", height=2.6)
    weights, grey = ("0.30", "−0.80", "0.10", "0.50", "−0.20", "7.00", "0.40", "−0.60"), plots.COLOURS["other"]
    for y, lost in ((2.2, range(8)), (0.8, range(4, 8))):
        for x, weight in enumerate(weights):
            shade = plots.COLOURS["instruct"] if x == 5 else grey if x in lost else plots.COLOURS["base"]
            plots.box(axes, x + 2.2, y, weight, shade, width=0.75, height=0.55)
    axes.text(1.5, 2.2, "one constant:\n7.00 for all", ha="right", va="center", fontsize=8)
    axes.text(1.5, 0.8, "two constants:\n0.80 and 7.00", ha="right", va="center", fontsize=8)
    axes.plot([5.7, 5.7], [0.35, 1.25], color="black", linewidth=1)
    told = "blue: levels stand 0.11 apart; grey: levels stand 1 apart"
    axes.text(5.7, 0.05, told, ha="center", fontsize=8)
    axes.set(xlim=(-0.3, 10), ylim=(-0.1, 2.8))
    axes.axis("off")
    words = (
        "Diagram: eight weights; the sixth is 7, the others lie between -0.8 and 0.5. With one constant the "
        "7 sets the levels of all eight, one apart. With two blocks of four the first four have the constant 0.8 and "
        "levels 0.11 apart, and only the neighbours of the 7 in its own block are spoiled."
    )
    plots.show(figure, alt=words)


def show_ladders(scaled, names=("int4", "fp4", "nf4")):
    """Displays the levels of codes under a histogram of weights divided by their block's constant, of any shape."""
    figure, axes = plots.new_figure("NF4 puts its levels where the weights are", height=3.8)
    heights, edges = np.histogram(np.asarray(scaled).ravel(), bins=80, density=True)
    axes.stairs(heights / heights.max() * 2.5, edges, baseline=0, fill=True, color="#cccccc")
    for row, name in enumerate(names):
        found = codes.levels(name)
        axes.vlines(found, -0.75 - row, -0.25 - row, color=colour(name), linewidth=2)
    axes.set_yticks([-0.5 - row for row in range(len(names))], [name.upper() for name in names])
    axes.set(xlabel="weight / largest absolute value of its block", xlim=(-1.05, 1.05))
    axes.spines["left"].set_visible(False)
    near = {name: int((codes.levels(name).abs() < 0.5).sum()) for name in names}
    told = "; ".join(f"{name} has {len(codes.levels(name))}, {near[name]} of them within 0.5 of zero" for name in names)
    words = f"Histogram of scaled weights, a bell, and under it the levels: {told}"
    plots.show(figure, alt=words)


def loss_figure(tables, title):
    """Returns the figure of what codes in blocks cost a text, in %, against the bits a weight.

    `tables` is {model: a table of `runs.changes`}, two at most; the bars are its intervals, on a logarithmic axis.
    """
    figure, axes = plots.new_figure(title, height=3.8)
    for (model, table), marker, fill in zip(tables.items(), "os", (True, False), strict=False):
        for row in table[in_blocks(table)].to_dict("records"):
            shade, bits = colour(row["code"]), row["bits a weight"]
            mean, low, high = (max(LEAST, each) for each in row["text"])
            axes.plot([bits, bits], [low, high], color=shade, linewidth=1)
            axes.plot(bits, mean, marker, color=shade, markersize=6, markerfacecolor=shade if fill else "white")
        axes.plot([], [], marker, color="black", markerfacecolor="black" if fill else "white", label=model)
    for family, shade in COLOURS.items():
        axes.plot([], [], "-", color=shade, label=NAMES[family])
    axes.set(yscale="log", ylim=(0.8 * LEAST, None), xlabel="bits a weight, constants counted")
    axes.set_ylabel("bits that text costs more, %")
    axes.legend(frameon=False, fontsize=8)
    return figure


def show_losses(tables, title):
    """Displays `loss_figure` with its words."""
    words = []
    for model, table in tables.items():
        rows = table[in_blocks(table)].sort_values("bits a weight").to_dict("records")
        told = (
            f"{r['code']} in blocks of {r['block']:.0f}, {r['bits a weight']:g} bits: {r['text'][0]:.1f}" for r in rows
        )
        words.append(f"{model}, bits that text costs more in %: {', '.join(told)}")
    plots.show(loss_figure(tables, title), alt="; ".join(words))


def in_blocks(table):
    """Returns which rows of a table of `runs.changes` are a code of less than 8 bits in blocks, and nothing else."""
    other = (table[["keep", "drop", "columns", "scaled", "shift"]] > 0).any(axis=1) | table["double"]
    return ~other & table["block"].notna() & table["code"].notna() & (table["bits a weight"] < 8)
