"""An explorer of codes: family, bits, block -> where the levels stand, the error of a layer, what the model loses.

The levels and the rounding come from `spectrum.codes`, built by hand in notebooks/14_four_bits.ipynb; what a model
loses is read from the stored runs (`runs.changes`), never guessed.
"""

import html

import ipywidgets as w

from spectrum import codes, plots, widgets
from spectrum.lessons.four_bits import pictures

FAMILIES = {"even levels": "int", "FP4": "fp", "NF": "nf"}
BLOCKS = {"32": 32, "64": 64, "128": 128, "one for all": None}
DEFAULTS = {"code": "nf4", "block": 64, "double": False}


def code_of(family, bits):
    """Returns the code of a family's name and its bits; ValueError, naming what there is, where there is none."""
    code = f"{FAMILIES[family]}{bits}"
    if code not in codes.CODES:
        there = ", ".join(each[-1] for each in codes.CODES if each.startswith(FAMILIES[family]))
        raise ValueError(f"{family} is not made for {bits} bits here; choose {there}")
    return code


def scaled_by_block(weight, block):
    """Returns the weights divided by the largest absolute value of their block, (n,); what fills no block is left."""
    flat = weight.detach().float().flatten()
    size = min(block or flat.numel(), flat.numel())
    rows = flat[: flat.numel() // size * size].reshape(-1, size)
    return (rows / rows.abs().amax(dim=1, keepdim=True).clamp(min=1e-30)).flatten()


def code_figure(weight, code, block):
    """Returns (the figure of scaled weights with a code's levels, its words)."""
    scaled, levels = scaled_by_block(weight, block), codes.levels(code)
    used = int(codes.nearest(scaled, levels).unique().numel())
    title = f"{code.upper()}: {used} of {len(levels)} levels are used"
    figure, axes = plots.new_figure(title, height=3.0)
    axes.hist(scaled.numpy(), bins=80, color="#cccccc")
    axes.vlines(
        levels, 0, axes.get_ylim()[1] / 5, color=pictures.colour(code), linewidth=2 if len(levels) < 20 else 0.5
    )
    axes.set(xlabel="weight / largest absolute value of its block", ylabel="weights", xlim=(-1.05, 1.05))
    return figure, f"Histogram of scaled weights with the levels of {code}. {title}."


def tell(weight, code, block, double, table):
    """Returns lines on a code: the error of a layer, the bits a weight, and what a stored run found, if there is one.

    `table` is one of `runs.changes`.
    """
    error = 100 * codes.relative_error(weight, codes.round_trip(weight, code, block, double))
    lines = [f"error of this layer: {error:.1f} %", f"bits a weight: {codes.bits_a_weight(code, block, double):.3f}"]
    found = stored_row(code, block, double, table)
    if found is None:
        return [*lines, "the whole model: not among the stored runs"]
    mean, low, high = found["text"]
    lines.append(f"the whole model, text: {mean:+.1f} % bits ({low:+.1f} to {high:+.1f})")
    points, low, high = found["few shot"]
    return [*lines, f"the whole model, few shot: {points:+.1f} points ({low:+.1f} to {high:+.1f})"]


def stored_row(code, block, double, table):
    """Returns the row of a table of `runs.changes` for a plain code, as a dict, or None."""
    rows = table[(table["code"] == code) & (table["double"] == double)]
    rows = rows[(rows[["keep", "drop", "columns", "scaled", "shift"]] == 0).all(axis=1)]
    rows = rows[rows["block"].isna() if block is None else rows["block"] == block]
    return rows.to_dict("records")[0] if len(rows) else None


def show_code(weight, table, code="nf4", block=64, double=False):
    """Displays a layer's weights and a code's levels, and the lines of `tell`: the static twin of `code_explorer`."""
    figure, words = code_figure(weight, code, block)
    plots.show(figure, alt=words)
    print("\n".join(tell(weight, code, block, double, table)))


class CodeExplorer:
    """The explorer's controls and what they show; `box` is what is displayed."""

    def __init__(self, layers, table):
        self.layers, self.table = layers, table
        self.layer = w.Dropdown(options=list(layers), description="Layer", **widgets.wide())
        self.family = w.Dropdown(options=list(FAMILIES), value="NF", description="Code", **widgets.wide())
        self.bits = w.SelectionSlider(options=[8, 4, 3, 2], value=4, description="Bits", **widgets.wide())
        self.block = w.Dropdown(options=list(BLOCKS), value="64", description="Block", **widgets.wide())
        self.double = w.Checkbox(value=False, description="Double quantization", **widgets.wide())
        self.picture, self.note = w.HTML(), widgets.words()
        controls = [self.layer, self.family, self.bits, self.block, self.double]
        self.box = widgets.columns(controls, [self.picture, self.note])
        for control in controls:
            control.observe(self.draw, names="value")
        self.draw()

    def draw(self, _=None):
        """Shows the code as the controls stand, or in words why there is none."""
        weight, block = self.layers[self.layer.value], BLOCKS[self.block.value]
        try:
            code = code_of(self.family.value, self.bits.value)
        except ValueError as error:
            self.picture.value, self.note.value = "", html.escape(str(error))
            return
        self.picture.value = widgets.fitting(*code_figure(weight, code, block))
        lines = tell(weight, code, block, self.double.value, self.table)
        self.note.value = "<br>".join(html.escape(line) for line in lines)


def code_explorer(layers, table):
    """Returns the explorer of {name: weight of a linear layer}: choose a code and a block, see levels, error and loss.

    `table`, from `runs.changes`, has what the whole model was found to lose. Raises ValueError without any layer.
    """
    if not layers:
        raise ValueError("code_explorer: give at least one layer")
    return CodeExplorer(layers, table).box
