"""Pictures of what rank means, and the explorer of one matrix: pure functions, and a thin shell with its static twin.

The quantities are built by hand in notebooks/11_lora_by_hand.ipynb.
"""

import textwrap

import ipywidgets as w
import torch

from spectrum import plots, widgets

CORNER = 48  # rows and columns of a matrix that are drawn: more could not be told apart
SHADES = 9  # few colours: the picture shows structure, and its file stays small


def energy_curve(matrix):
    """Returns (n,) the share of the matrix's energy (squared singular values) held by its best rank 1, 2, …, n.

    Raises ValueError for a matrix of zeros, which has none to share.
    """
    energy = torch.linalg.svdvals(matrix.detach().double()).square()
    if not energy.sum():
        raise ValueError("the matrix is all zeros, so no rank holds a share of it. Was the model tuned?")
    return energy.cumsum(0) / energy.sum()


def mean_curve(matrices):
    """Returns (n,) the mean energy curve of some matrices; one that has no further directions counts as 1."""
    curves = [energy_curve(matrix) for matrix in matrices]
    longest = max(map(len, curves))
    return torch.stack([torch.cat([c, c.new_ones(longest - len(c))]) for c in curves]).mean(0)


def matrix_view(delta, rank, name="ΔW"):
    """Returns what rank r makes of a (d_out, d_in) matrix: {"name", "rank", "matrix", "cut", "curve", "energy", …}.

    "cut" is the best approximation of that rank (Eckart and Young 1936), "energy" the share it holds, "numbers" the
    r · (d_in + d_out) that store it, "full" the d_in · d_out of the matrix. ValueError for a rank it cannot have.
    """
    if not 1 <= rank <= min(delta.shape):
        raise ValueError(f"the rank of a {tuple(delta.shape)} matrix is 1 to {min(delta.shape)}, not {rank}")
    matrix = delta.detach().float()
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    curve = energy_curve(matrix)
    return {
        "name": name,
        "rank": rank,
        "matrix": matrix,
        "cut": (left[:, :rank] * values[:rank]) @ right[:rank],
        "curve": curve,
        "energy": float(curve[rank - 1]),
        "numbers": rank * sum(matrix.shape),
        "full": matrix.numel(),
    }


def tell_matrix(view):
    """Returns a matrix view in one sentence."""
    return (
        f"{view['name']}: rank {view['rank']} holds {100 * view['energy']:.0f} % of the energy in {view['numbers']:,} "
        f"numbers instead of {view['full']:,} ({100 * view['numbers'] / view['full']:.0f} %)"
    )


def matrix_figure(view):
    """Returns the figure of a matrix view: a corner of the matrix, the same corner at that rank, and the energy."""
    figure, panels = plots.plt.subplot_mosaic(
        [["whole", "cut"], ["energy", "energy"]], figsize=(5.6, 4.6), dpi=plots.DPI, layout="constrained",
        height_ratios=(1.2, 1),
    )  # fmt: skip
    whole, cut, energy = panels["whole"], panels["cut"], panels["energy"]
    figure.suptitle(textwrap.fill(tell_matrix(view), 88), fontsize=9, x=0.01, ha="left")
    shades = plots.plt.get_cmap("RdBu_r", SHADES)
    limit = float(view["matrix"][:CORNER, :CORNER].abs().max())
    for axes, values, title in ((whole, view["matrix"], "the matrix"), (cut, view["cut"], f"at rank {view['rank']}")):
        axes.imshow(values[:CORNER, :CORNER].numpy(), cmap=shades, vmin=-limit, vmax=limit, interpolation="nearest")
        axes.set_title(f"{title} (a corner)", fontsize=9)
        axes.set(xticks=[], yticks=[], xlabel="inputs", ylabel="outputs")
    draw_curve(energy, view["curve"], "full", "")
    energy.plot(view["rank"], 100 * view["energy"], "o", color=plots.COLOURS["lora"])
    energy.set(xlabel="rank", ylabel="energy held, %", ylim=(0, 103))
    energy.spines[["top", "right"]].set_visible(False)
    return figure


def show_matrix(view):
    """Displays a matrix view with its words: the static twin of `matrix_explorer`."""
    words = ". A corner of the matrix, beside it the same corner at that rank, and below them the energy by rank."
    plots.show(matrix_figure(view), alt=tell_matrix(view) + words)
    print(tell_matrix(view))


def matrix_explorer(deltas, name=None, rank=8):
    """Returns the explorer of {name: (d_out, d_in) matrix}: choose one, move the rank, see what it holds.

    It starts with the matrix `name`, the first unless given.
    """
    choice = w.Dropdown(options=list(deltas), value=name or next(iter(deltas)), description="Matrix", **widgets.wide())
    most = min(deltas[choice.value].shape)
    # Drawing takes a moment, so the slider asks when it is let go.
    slider = w.IntSlider(
        value=min(rank, most), min=1, max=most, description="Rank", continuous_update=False, **widgets.wide()
    )
    out = w.Output()

    def draw(_=None):
        slider.max = min(deltas[choice.value].shape)
        with out:
            out.clear_output(wait=True)
            show_matrix(matrix_view(deltas[choice.value], slider.value, choice.value))

    for control in (choice, slider):
        control.observe(draw, names="value")
    draw()
    return widgets.columns([choice, slider], [out])


# ---- figures of the lesson ----


def draw_curve(axes, curve, colour, label, style="-"):
    """Draws an energy curve, in percent, over the ranks 1 to n."""
    axes.plot(range(1, len(curve) + 1), 100 * curve.numpy(), style, color=plots.COLOURS[colour], label=label)


def energy_figure(update, weights, control, rank):
    """Returns the figure of three mean energy curves: an update, the weights it changed, and random matrices."""
    figure, axes = plots.new_figure(f"Rank {rank} holds {100 * update[rank - 1]:.0f} % of the energy of the update")
    draw_curve(axes, update, "full", "update of full fine-tuning")
    draw_curve(axes, weights, "base", "the weights before it", "--")
    draw_curve(axes, control, "other", "random matrices", ":")
    axes.axvline(rank, color=plots.COLOURS["lora"], linewidth=1)
    axes.axhline(90, color="#888888", linestyle="--", linewidth=1)
    axes.text(len(update), 90, "90 %", color="#666666", fontsize=8, va="bottom", ha="right")
    axes.set(xlabel=f"rank kept (vertical line: {rank})", ylabel="energy held, %", ylim=(0, 103), xlim=(0, len(update)))
    axes.legend(frameon=False, loc="lower right", fontsize=8)
    return figure


def show_energy(update, weights, control, rank=8):
    """Displays the three energy curves with their words."""
    held = [f"{name} {100 * c[rank - 1]:.0f} %" for name, c in (("update", update), ("weights", weights),
                                                                ("random matrices", control))]  # fmt: skip
    plots.show(
        energy_figure(update, weights, control, rank),
        alt=f"Share of energy held by rank, three rising curves; at rank {rank}: {', '.join(held)}.",
    )


def share_figure(table, rank):
    """Returns the figure of LoRA's share by model size, from a table with columns model, parameters and share %.

    A further column "rank 64 %" is drawn as well, where the table has one.
    """
    figure, axes = plots.new_figure("In a small model LoRA trains a large share of the parameters")
    sizes, largest = table["parameters"], table.iloc[-1]
    for column, name, mark, shade in (("rank 64 %", "rank 64", "s", 0.45), ("share %", f"rank {rank}", "o", 1.0)):
        if column in table:
            axes.loglog(sizes, table[column], mark, color=plots.COLOURS["lora"], alpha=shade)
            axes.annotate(name, (largest.parameters, largest[column]), fontsize=8, textcoords="offset points",
                          xytext=(8, 0), va="center", annotation_clip=False)  # fmt: skip
    for number, (name, size, share) in enumerate(zip(table["model"], sizes, table["share %"], strict=True)):
        right = number == 0 or number % 2 == 1 and number < len(table) - 1  # neighbours on either side of the line
        side = {"ha": "left", "xytext": (4, 3)} if right else {"ha": "right", "xytext": (-4, -9)}
        axes.annotate(name, (size, share), fontsize=7, textcoords="offset points", **side)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.axhspan(0.1, 1.0, color="#888888", alpha=0.15, linewidth=0)
    axes.text(sizes.min(), 0.11, "the saying: 0.1 to 1 %", color="#666666", fontsize=8, va="bottom")
    axes.set(xlabel="parameters of the model", ylabel="trained by LoRA, % of the parameters")
    return figure


def show_shares(table, rank=8):
    """Displays LoRA's share by model size with its words."""
    words = ["LoRA's share of the parameters by model size"]
    for column, name in (("rank 64 %", "at rank 64"), ("share %", f"at rank {rank}")):
        if column in table:
            points = "; ".join(f"{m} {s:.2f} %" for m, s in zip(table["model"], table[column], strict=True))
            words.append(f"{name}: {points}")
    plots.show(share_figure(table, rank), alt=". ".join(words) + ".")
