"""What training fits on which card: the memory ledger as stacked bars, and an explorer with its static twin.

The bytes come from `spectrum.ledger.ledger`, which notebooks/15_qlora.ipynb holds against real tensors.
"""

import html
from pathlib import Path

import ipywidgets as w
import pandas as pd

from spectrum import plots, records, widgets
from spectrum.ledger import check_architecture, ledger

GB = 1e9  # as cards are sold
CARDS = (8, 16, 24, 48, 80, 141)  # GB of memory of common cards
PARTS = ("weights", "constants", "adapters", "gradients", "optimizer", "activations", "workspace")
# A colour for each part, safe for colour-blind readers (Paul Tol's muted scheme); parts that touch can be told apart.
SHADES = ("#332288", "#88CCEE", "#CC6677", "#DDCC77", "#117733", "#AA4499", "#BBBBBB")
METHODS = {"full": "full fine-tuning", "lora": "LoRA", "qlora": "QLoRA"}
DEFAULTS = {"rank": 16, "batch": 1, "length": 512, "checkpointing": True, "optimizer_bits": 32}
NOBODY = "your own settings"
PAPERS = {
    "QLoRA paper": (
        DEFAULTS | {"rank": 64},
        "<b>QLoRA paper</b> (Dettmers et al. 2023): rank 64, one row of 512 tokens, checkpointing, AdamW in 32 bits.",
    ),
}
# What may be changed about an architecture in the explorer: its config's name for it, and ours.
SIZES = {
    "num_hidden_layers": "Layers",
    "hidden_size": "Width",
    "intermediate_size": "MLP width",
    "vocab_size": "Vocabulary",
}


def ledger_table(config, methods=tuple(METHODS), **settings):
    """Returns a DataFrame of gigabytes (10^9 bytes): a row for each method, a column for each of PARTS, and "total".

    `settings` are those of `ledger`, DEFAULTS unless given. Raises ValueError as that does.
    """
    rows = {METHODS[method]: ledger(config, method, **DEFAULTS | settings) for method in methods}
    return pd.DataFrame(rows).T[[*PARTS, "total"]] / GB


def smallest_card(gigabytes):
    """Returns the memory of the smallest of CARDS that holds so much and leaves a twentieth over, in GB, or None."""
    return next((card for card in CARDS if gigabytes <= 0.95 * card), None)


def with_sizes(config, **sizes):
    """Returns a config of the same architecture with some sizes changed; ValueError for a size below 1."""
    wrong = [name for name, size in sizes.items() if size < 1]
    if wrong:
        raise ValueError(f"{wrong[0]} must be at least 1, not {sizes[wrong[0]]}")
    settings = {name: value for name, value in config.to_dict().items() if name != "layer_types"}  # one for each layer
    return type(config)(**settings | sizes)


# ---- what is shown ----


def gigabytes_text(gigabytes):
    """Returns an amount of memory as text: in GB, or in MB where it is less than one."""
    return f"{gigabytes:,.1f} GB" if gigabytes >= 1 else f"{1000 * gigabytes:,.1f} MB"


def tell_row(name, total):
    """Returns in one sentence what a row of a ledger needs, and the smallest card that has it."""
    card = smallest_card(total)
    return f"{name}: {gigabytes_text(total)}, " + (f"fits on {card} GB" if card else f"more than {CARDS[-1]} GB")


def ledger_figure(table, title):
    """Returns the figure of a ledger table: a stacked bar for each row, the cards as vertical lines."""
    figure, axes = plots.new_figure(title, width=6.4, height=0.45 * len(table) + 2.2)
    # As far as the largest card, so that one giant does not squeeze the others; its bar runs out of the picture.
    limit = 1.03 * min(max(table["total"].max(), CARDS[0]), CARDS[-1])
    places, start = range(len(table))[::-1], 0
    for part, shade in zip(PARTS, SHADES, strict=True):
        axes.barh(
            places, table[part], left=start, color=shade, label=part, height=0.6, edgecolor="white", linewidth=0.5
        )
        start = start + table[part]
    for place, total in zip(places, table["total"], strict=True):
        text = ("→ " if total > limit else "") + gigabytes_text(total)
        axes.text(1.01, place, text, va="center", fontsize=8, transform=axes.get_yaxis_transform())
        if total > limit:
            break_bar(axes, 0.94 * limit, place, limit)
    for card in (card for card in CARDS if card <= limit):
        axes.axvline(card, color="#888888", linestyle="--", linewidth=1, zorder=0)
        axes.text(card, 1.0, f"{card}", color="#666666", fontsize=8, ha="center", transform=axes.get_xaxis_transform())
    axes.set_yticks(places, table.index)
    axes.set(xlim=(0, limit), ylim=(-0.6, len(table) - 0.4), xlabel="GB of memory (dashed: common cards)")
    axes.set_title(title, fontsize=10, loc="left", pad=16)
    axes.legend(fontsize=8, frameon=False, ncols=4, loc="upper center", bbox_to_anchor=(0.45, -0.25),
                columnspacing=1.0, handlelength=1.0)  # fmt: skip
    return figure


def break_bar(axes, x, y, limit):
    """Draws a slanted gap across a bar that is longer than the picture, so that nobody compares its length."""
    gap, slant, half = 0.012 * limit, 0.015 * limit, 0.36
    corners = [(x - slant, y - half), (x - slant + gap, y - half), (x + slant + gap, y + half), (x + slant, y + half)]
    axes.add_patch(plots.plt.Polygon(corners, facecolor="white", edgecolor="#444444", linewidth=0.8, zorder=3))


def show_bars(table, title):
    """Displays a ledger table as stacked bars, with its words."""
    rows = "; ".join(tell_row(name, total) for name, total in table["total"].items())
    plots.show(ledger_figure(table, title), alt=f"Stacked bars of memory. {rows}.")


def show_ledger(table, name):
    """Displays an architecture's ledger by method, and each method in a line: the static twin of `ledger_explorer`."""
    saved = table["total"].iloc[0] / table["total"].iloc[-1]
    first, last = table.index[0], table.index[-1]
    show_bars(table, f"{name}: {last} needs {saved:.1f} times less memory than {first}")
    for method, total in table["total"].items():
        print(tell_row(method, total))


# ---- the explorer ----


def explorer_controls(configs):
    """Returns {setting: widget}: the architecture and its sizes, then the settings of the ledger."""

    def asked(kind, name, **how):
        return kind(description=name, continuous_update=False, **how, **widgets.wide())

    sizes = {size: asked(w.BoundedIntText, label, min=1, max=10**7) for size, label in SIZES.items()}
    return {
        "model": w.Dropdown(options=list(configs), description="Model", **widgets.wide()),
        **sizes,
        "rank": asked(w.SelectionSlider, "Rank", options=[2**n for n in range(9)], value=16),
        "batch": asked(w.SelectionSlider, "Batch", options=[2**n for n in range(8)], value=1),
        "length": asked(w.SelectionSlider, "Length", options=[2**n for n in range(7, 16)], value=512),
        "checkpointing": w.Checkbox(value=True, description="Gradient checkpointing", **widgets.wide()),
        "optimizer_bits": asked(w.SelectionSlider, "AdamW bits", options=[32, 8]),
    }


class LedgerExplorer:
    """The explorer's controls and what they show; `box` is what is displayed."""

    def __init__(self, configs, path):
        self.configs, self.path, self.kept, self.filling = configs, Path(path), None, False
        self.inputs, self.out, self.note = explorer_controls(configs), w.Output(), widgets.words()
        self.paper = w.Dropdown(options=[NOBODY, *PAPERS], description="Preset", **widgets.wide())
        small = w.Layout(width="150px")
        self.keep = w.ToggleButton(
            description="Keep to compare", tooltip="Leaves these bars beside the next", layout=small
        )
        self.export = w.Button(description="Export", tooltip="Write these bytes to a file", layout=small)
        left = [self.paper, *self.inputs.values(), w.HBox([self.keep, self.export])]
        self.box = widgets.columns(left, [self.note, self.out])
        for name, control in self.inputs.items():
            control.observe(self.fill if name == "model" else self.changed, names="value")
        self.paper.observe(self.choose_paper, names="value")
        self.keep.observe(self.hold, names="value")
        self.export.on_click(self.write)
        self.fill()

    def table(self):
        """Returns the ledger of the controls as they stand; ValueError for what cannot be counted."""
        sizes = {size: self.inputs[size].value for size in SIZES}
        settings = {name: self.inputs[name].value for name in DEFAULTS}
        return ledger_table(with_sizes(self.configs[self.inputs["model"].value], **sizes), **settings)

    def changed(self, _):
        """Draws anew; settings that are no longer the paper's do not stand under its name."""
        if not self.filling:
            self.paper.value, self.note.value = NOBODY, ""
            self.draw()

    def draw(self):
        """Shows the ledger, with the kept one under it."""
        with self.out:
            self.out.clear_output(wait=True)
            try:
                show_both(self.table(), self.inputs["model"].value, self.kept)
            except ValueError as error:
                print(f"Cannot count this: {error}")

    def fill(self, _=None):
        """Fills in the sizes of the chosen model, which would each draw the picture anew."""
        self.filling = True
        for size in SIZES:
            self.inputs[size].value = getattr(self.configs[self.inputs["model"].value], size)
        self.filling = False
        self.draw()

    def choose_paper(self, _):
        """Sets the settings as a paper had them, and says so."""
        if self.paper.value == NOBODY:
            return
        settings, self.note.value = PAPERS[self.paper.value]
        self.filling = True
        for name, value in settings.items():
            self.inputs[name].value = value
        self.filling = False
        self.draw()

    def hold(self, _):
        """Keeps the ledger as it stands, to be shown beside the next ones, or lets it go."""
        self.kept = self.table() if self.keep.value else None
        self.draw()

    def write(self, _):
        """Writes the ledger, and the kept one, in gigabytes to a file, and says where."""
        records.write(self.path, together(self.table(), self.kept).to_csv(index_label="method"))
        self.note.value = f"Wrote {html.escape(str(self.path))}, beside this notebook."


def together(table, kept):
    """Returns a ledger table with the rows of a kept one, named so, under it."""
    return table if kept is None else pd.concat([table, kept.rename(index=lambda name: f"kept: {name}")])


def show_both(table, name, kept=None):
    """Displays a ledger as `show_ledger` does; with a kept one, the bars of both."""
    if kept is None:
        return show_ledger(table, name)
    least = together(table, kept)["total"]
    show_bars(together(table, kept), f"{name} and what was kept: least memory in {least.idxmin()}")
    for method, total in least.items():
        print(tell_row(method, total))


def ledger_explorer(configs, path="runs/ledger.csv"):
    """Returns the explorer of {name: config}: choose or change an architecture and settings, see what fits where.

    Choosing a model fills in its sizes, which can then be changed; Export writes the table to `path`. Raises ValueError
    for an architecture that the ledger does not know.
    """
    for config in configs.values():
        check_architecture(config)
    return LedgerExplorer(configs, path).box
