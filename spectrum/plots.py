"""Figures of the course: one size, one palette, floor and ceiling as grey lines, alt text on every picture."""

import html
import io

import matplotlib.pyplot as plt
import PIL.Image
from IPython.display import Image, display
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

# One colour per method for the whole course (Okabe and Ito's palette, safe for colour-blind readers).
COLOURS = {
    "base": "#0072B2",
    "instruct": "#D55E00",
    "prompt": "#E69F00",
    "full": "#009E73",
    "lora": "#CC79A7",
    "qlora": "#56B4E9",
    "other": "#555555",
}
SIZE, DPI = (6, 3.5), 100


def new_figure(title, width=SIZE[0], height=SIZE[1]):
    """Returns (figure, axes) in the course's size, with a title that states the finding."""
    figure, axes = plt.subplots(figsize=(width, height), dpi=DPI, layout="constrained")
    axes.set_title(title, fontsize=10, loc="left", wrap=True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def png(figure):
    """Returns the figure as PNG bytes in 128 colours, a third of the size, and closes it."""
    full, small = io.BytesIO(), io.BytesIO()
    figure.savefig(full, format="png")
    plt.close(figure)
    # PIL writes no version or date: the same figure gives the same bytes.
    picture = PIL.Image.open(full).convert("RGB")
    few = picture.quantize(128, PIL.Image.Quantize.MAXCOVERAGE, dither=PIL.Image.Dither.NONE)
    few.save(small, format="png", optimize=True)
    return small.getvalue()


def show(figure, alt):
    """Displays the figure with its alt text; raises ValueError without one, since some readers only have the words."""
    if not alt.strip():
        raise ValueError("show: give an alt text that says what the picture shows")
    display(Image(png(figure), alt=alt))


def score_lines(axes, floor=None, ceiling=None):
    """Draws the floor and the ceiling (shares from 0 to 1) as labelled grey lines."""
    for value, name in ((floor, "floor"), (ceiling, "ceiling")):
        if value is not None:
            axes.axvline(100 * value, color="#888888", linestyle="--", linewidth=1)
            axes.text(
                100 * value,
                1.0,
                f" {name} {100 * value:.0f} %",
                color="#666666",
                fontsize=8,
                va="top",
                transform=axes.get_xaxis_transform(),
            )


def score_rungs(scores, title, colour="instruct", floor=None, ceiling=None, seeds=None):
    """Returns a figure with one row per Score: the mean with its 95 % interval, and a dot for each seed.

    `seeds`, where given, is a list of lists of means (shares), one list per score.
    """
    figure, axes = new_figure(title)
    for y, score in enumerate(reversed(scores)):
        error = [[100 * (score.mean - score.low)], [100 * (score.high - score.mean)]]
        axes.errorbar(100 * score.mean, y, xerr=error, fmt="o", color=COLOURS[colour], capsize=4)
        for mean in seeds[len(scores) - 1 - y] if seeds else ():
            axes.plot(100 * mean, y + 0.18, ".", color=COLOURS[colour], alpha=0.5)
    axes.set_yticks(range(len(scores)), [s.name for s in reversed(scores)])
    axes.set(xlim=(-3, 108), ylim=(-0.6, len(scores) - 0.2), xlabel="right answers, % (bar: 95 % interval)")
    score_lines(axes, floor, ceiling)
    return figure


def next_token_bars(table, title, colour="instruct"):
    """Returns a bar figure of a next-token table (columns token and probability), the likeliest token on top."""
    figure, axes = new_figure(title, height=0.28 * len(table) + 1.1)
    axes.barh(range(len(table))[::-1], 100 * table["probability"], color=COLOURS[colour])
    axes.set_yticks(range(len(table))[::-1], [repr(t)[1:-1] or "''" for t in table["token"]], family="monospace")
    axes.set(xlim=(0, 100), xlabel="probability of being the next token, %")
    return figure


def coloured_tokens(table):
    """Returns HTML of a text with each token on a shade that grows with its surprise, from a `token_logprobs` table.

    The surprise in nats stands in the tooltip, and the words are readable without colours.
    """
    spans = []
    for row in table.itertuples():
        surprise = abs(row.logprob) if row.logprob == row.logprob else 0.0  # the first token has none
        shade = min(surprise / 6, 1.0)
        text = html.escape(row.token).replace("\n", "⏎<br>")
        spans.append(
            f'<span title="{surprise:.2f} nats" style="background:rgba(213,94,0,{0.75 * shade:.2f});'
            f'border:1px solid #ddd;border-radius:2px;padding:0 1px;white-space:pre-wrap">{text}</span>'
        )
    return f'<div style="font-family:monospace;line-height:1.9">{"".join(spans)}</div>'


def box(axes, x, y, text, colour, width=1.5, height=0.8):
    """Draws a box of a width and a height around the place (x, y) of a diagram, with its name in white inside."""
    patch = FancyBboxPatch((x - width / 2, y - height / 2), width, height, boxstyle="round,pad=0.05",
                           facecolor=colour, edgecolor="none", alpha=0.85)  # fmt: skip
    axes.add_patch(patch)
    axes.text(x, y, text, ha="center", va="center", color="white", fontsize=9)


def arrow(axes, start, end):
    """Draws an arrow of a diagram from one place to another."""
    axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=11, color="#444444"))


def two_curves(one, other):
    """Returns the figure of two runs' losses (lists of curves, one for each seed) against the share of the steps."""
    figure, axes = new_figure("Loss of run A and run B", width=5.6, height=2.5)
    for curves, name, colour, style in ((one, "A", "base", "-"), (other, "B", "instruct", "--")):
        for number, curve in enumerate(curves):
            places = [100 * i / max(1, len(curve) - 1) for i in range(len(curve))]
            axes.plot(
                places, curve, style, color=COLOURS[colour], linewidth=1.2, label=None if number else f"run {name}"
            )
    axes.set(ylim=(0, None), xlim=(0, 100), xlabel="steps done, %", ylabel="loss, nats per token")
    if one or other:
        axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
