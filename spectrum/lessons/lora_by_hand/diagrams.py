"""The drawn diagrams of lesson 11: LoRA's bypass with the shapes of its matrices, and what merging does to them."""

from spectrum import plots

FROZEN, TRAINED, KNOB, MERGED = (plots.COLOURS[name] for name in ("other", "lora", "prompt", "base"))
SIDE, THIN = 1.7, 0.32  # drawn lengths of d_in and d_out, and of the rank


def canvas(title, width, height):
    """Returns (figure, axes) for shapes: no axis, and one unit as long in both directions."""
    figure, axes = plots.new_figure(title, height=6 * height / width + 0.35)
    axes.set(xlim=(0, width), ylim=(0, height), aspect="equal")
    axes.axis("off")
    return figure, axes


def label(axes, x, y, text, size=8):
    """Writes dark words around a place."""
    axes.text(x, y, text, ha="center", va="center", fontsize=size, color="#222222")


def show_bypass():
    """Displays a LoRA layer: x goes through the frozen W and through A, B and α/r beside it, and both are added."""
    figure, axes = canvas("LoRA leaves W alone and trains a narrow way around it", 10.4, 5.3)
    label(axes, 0.5, 2.75, "x\nd_in numbers")
    plots.box(axes, 4.2, 4.1, "W\nfrozen", FROZEN, SIDE, SIDE)
    label(axes, 4.2, 2.95, "d_out × d_in")
    plots.box(axes, 2.9, 1.5, "A", TRAINED, SIDE, THIN)
    label(axes, 2.9, 0.7, "r × d_in\nstarts random")
    label(axes, 4.55, 1.85, "r\nnumbers")
    plots.box(axes, 5.5, 1.5, "B", TRAINED, THIN, SIDE)
    label(axes, 5.5, 0.25, "d_out × r, starts at zero")
    plots.box(axes, 7.2, 1.5, "× α/r", KNOB, 1.1, 0.6)
    label(axes, 7.2, 0.85, "16/8 = 2 here")
    label(axes, 8.6, 2.75, "+", 15)
    label(axes, 9.75, 2.75, "y\nd_out\nnumbers")
    above = [((0.7, 3.15), (3.2, 4.1)), ((5.2, 4.1), (8.45, 3.0)), ((8.85, 2.75), (9.2, 2.75))]
    below = [((0.7, 2.35), (1.95, 1.6)), ((3.85, 1.5), (5.2, 1.5)), ((5.8, 1.5), (6.5, 1.5))]
    below.append(((7.85, 1.6), (8.45, 2.5)))
    for start, end in above + below:
        plots.arrow(axes, start, end)
    words = (
        "Diagram: x, of d_in numbers, goes two ways. Above, through the large frozen square W, d_out by d_in. Below, "
        "the bypass: through the flat matrix A, r by d_in, which leaves r numbers, through the tall thin matrix B, "
        "d_out by r, and times alpha over r, here 2. Both are added to y, of d_out numbers. A starts random, B at zero."
    )
    plots.show(figure, alt=words)


def show_merge():
    """Displays what merging does: B times A is a matrix of W's shape, so the sum is one matrix of that shape."""
    figure, axes = canvas("Merging adds the bypass to W, and nothing of it is left over", 10.4, 3.2)
    plots.box(axes, 1.1, 1.9, "W", FROZEN, SIDE, SIDE)
    label(axes, 2.3, 1.9, "+", 15)
    plots.box(axes, 3.1, 1.9, "α/r", KNOB, 0.7, 0.6)
    plots.box(axes, 4.1, 1.9, "B", TRAINED, THIN, SIDE)
    plots.box(axes, 5.5, 2.6, "A", TRAINED, SIDE, THIN)
    label(axes, 5.5, 1.75, "B·A has the\nshape of W")
    plots.arrow(axes, (6.6, 1.9), (7.8, 1.9))
    label(axes, 7.2, 2.25, "merge", 9)
    plots.box(axes, 9.1, 1.9, "W + α/r · BA", MERGED, SIDE, SIDE)
    for x, words in ((3.2, "every token goes two ways"), (9.1, "one plain layer")):
        label(axes, x, 0.45, words)
    words = (
        "Diagram. Left, before merging: the square W, plus alpha over r times the tall thin B times the flat A; every "
        "token goes both ways. An arrow named merge leads to the right: one square of the shape of W, which holds W "
        "plus alpha over r times B A: one plain layer."
    )
    plots.show(figure, alt=words)
