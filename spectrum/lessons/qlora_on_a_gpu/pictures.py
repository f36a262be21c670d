"""The pictures of lesson 16: what a step holds when, what fits where, what saves memory, and a training in view."""

import numpy as np

from spectrum import plots

BLUE, GREEN, ORANGE, PINK, GREY = (plots.COLOURS[name] for name in ("base", "full", "prompt", "lora", "other"))
SHADES = {"–": "#eeeeee", "QLoRA": plots.COLOURS["qlora"], "LoRA": plots.COLOURS["lora"], "full": plots.COLOURS["full"]}


def show_step():
    """Displays, as a sketch, what is in memory during one training step."""
    figure, axes = plots.new_figure("What a step holds when (a sketch)", height=2.9)
    time = np.array([0, 4, 4.6, 5.2, 10])
    stays, kept = np.full(5, 3.0), np.array([0, 3.0, 3.4, 3.0, 0])
    loss, gradients = np.array([0, 0, 1.2, 0, 0]), np.array([0, 0, 0, 0.1, 1.6])
    bottom = np.zeros(5)
    for part, name, colour in ((stays, "weights, adapters, moments: they stay", BLUE),
                               (kept, "activations: kept for the way back", ORANGE),
                               (gradients, "gradients", GREEN), (loss, "workspace of the loss", GREY)):  # fmt: skip
        axes.fill_between(time, bottom, bottom + part, color=colour, alpha=0.85, label=name, linewidth=0)
        bottom = bottom + part
    axes.axvline(4.6, color="#444444", linestyle="--", linewidth=1)
    for x, text in ((2.2, "forward"), (4.6, "loss"), (7.4, "backward")):
        axes.text(x, 8.5, text, ha="center", fontsize=9)
    axes.set(xlim=(0, 10), ylim=(0, 9.2), xlabel="time in one step", ylabel="bytes")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.legend(fontsize=8, frameon=False, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.12))
    words = (
        "Sketch of memory over one training step. Weights, adapters and moments stay. Activations grow through the "
        "forward pass and shrink through the backward pass. The loss's workspace is a short peak between the two. "
        "Gradients grow only while the activations shrink."
    )
    plots.show(figure, alt=words)


def show_fit(table):
    """Displays which method is the first to fit, for each model and card, as a coloured grid of words."""
    figure, axes = plots.new_figure("Smaller cards ask for fewer trained numbers, then for fewer bits",
                                    height=0.34 * len(table) + 1.0)  # fmt: skip
    for y, (_, row) in enumerate(table.iterrows()):
        for x, said in enumerate(row):
            axes.add_patch(plots.plt.Rectangle((x, y), 0.96, 0.92, color=SHADES[said], alpha=0.8))
            axes.text(x + 0.48, y + 0.46, said, ha="center", va="center", fontsize=9)
    axes.set_xticks([x + 0.48 for x in range(len(table.columns))], table.columns, fontsize=9)
    axes.set_yticks([y + 0.46 for y in range(len(table))], table.index, fontsize=9)
    axes.set(xlim=(0, len(table.columns)), ylim=(len(table), 0))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    rows = "; ".join(f"{name}: " + ", ".join(f"{said} on {card}" for card, said in row.items())
                     for name, row in table.iterrows())  # fmt: skip
    plots.show(figure, alt=f"Grid of models and cards with the first method that fits. {rows}.")


def show_ratios(groups, title):
    """Displays what the ledger says as a share of what was measured: a dot for each figure, a row for each group.

    `groups` is {name: (shares, filled)}: hollow dots are figures that the ledger does not claim.
    """
    figure, axes = plots.new_figure(title, height=0.36 * len(groups) + 1.3)
    axes.axvspan(80, 120, color="#eeeeee", zorder=0)
    axes.axvline(100, color="#888888", linestyle="--", linewidth=1)
    for y, (shares, filled) in enumerate(groups.values()):
        places = [y + 0.09 * ((i % 3) - 1) for i in range(len(shares))]
        axes.plot([100 * share for share in shares], places, "o", color=BLUE, alpha=0.7,
                  markerfacecolor=BLUE if filled else "white")  # fmt: skip
    axes.set_yticks(range(len(groups)), groups, fontsize=9)
    axes.set(
        ylim=(len(groups) - 0.5, -0.5), xlim=(60, 180), xlabel="predicted, % of what was found (grey: within 20 %)"
    )
    rows = "; ".join(f"{name}: {100 * min(shares):.0f} to {100 * max(shares):.0f} %"
                     for name, (shares, _) in groups.items())  # fmt: skip
    plots.show(figure, alt=f"Dots of the predicted peak as a share of the one that was found. {rows}.")


def show_savings(table, title):
    """Displays a ladder of savings: memory measured (bars) and predicted (diamonds), and the seconds of a step."""
    figure, axes = plots.new_figure(title, height=0.42 * len(table) + 1.2)
    places = range(len(table))
    axes.barh(places, table["measured, GB"], color=plots.COLOURS["qlora"], height=0.6)
    axes.plot(table["ledger, GB"], places, "D", color="#222222", markersize=5, label="predicted by the ledger")
    for y, (gigabytes, seconds) in enumerate(zip(table["measured, GB"], table["seconds a step"], strict=True)):
        axes.text(gigabytes + 0.08, y, f"{seconds:.1f} s a step", va="center", fontsize=8)
    axes.set_yticks(places, table.index, fontsize=9)
    axes.set(ylim=(len(table) - 0.4, -0.6), xlim=(0, 1.3 * table["measured, GB"].max()),
             xlabel="GB at once, at most (SmolLM2, 8 rows of 256 tokens)")  # fmt: skip
    axes.legend(fontsize=8, frameon=False, loc="lower right")
    rows = "; ".join(f"{name}: {row['measured, GB']:.2f} GB, {row['seconds a step']:.1f} s"
                     for name, row in table.iterrows())  # fmt: skip
    plots.show(figure, alt=f"Bars of memory for a ladder of savings, each with those before it. {rows}.")


def training_figure(records, memory, title):
    """Returns the figure of a training so far: loss, gradient norm, tokens a second and memory, step by step.

    `memory` has the gigabytes that were in use at most by each step.
    """
    figure, panels = plots.plt.subplots(2, 2, figsize=(6.4, 3.6), dpi=plots.DPI, layout="constrained", sharex=True)
    steps = [record["step"] for record in records]
    seconds = np.diff([0.0] + [record["seconds"] for record in records])
    speeds = [record["tokens"] / max(spent, 1e-9) for record, spent in zip(records, seconds, strict=True)]
    curves = (
        ("loss, nats a token", [record["loss"] for record in records], PINK),
        ("gradient norm", [record["gradient_norm"] for record in records], GREEN),
        ("tokens in the loss a second", speeds, BLUE),
        ("GB in use, at most", memory, GREY),
    )  # fmt: skip
    for axes, (name, values, colour) in zip(panels.flat, curves, strict=True):
        axes.plot(steps[-len(values) :], values, ".-", color=colour, linewidth=1, markersize=4)
        axes.set_title(name, fontsize=9, loc="left")
        axes.set_ylim(0, None)
        axes.spines[["top", "right"]].set_visible(False)
    held = [record for record in records if "validation" in record]
    if held:
        panels[0, 0].plot([r["step"] for r in held], [r["validation"] for r in held], "o", color="#222222",
                          markersize=5, markerfacecolor="white", label="held out")  # fmt: skip
        panels[0, 0].legend(fontsize=8, frameon=False)
    for axes in panels[1]:
        axes.set_xlabel("step", fontsize=9)
    figure.suptitle(title, fontsize=10, x=0.02, ha="left")
    return figure


def training_words(records):
    """Returns in a sentence where a training stands: the words of its picture."""
    last = records[-1]
    return (
        f"Training after step {last['step']}: loss {last['loss']:.3f} (at first {records[0]['loss']:.3f}), gradient "
        f"norm {last['gradient_norm']:.2f}."
    )


def show_stopping(runs):
    """Displays the loss on held-out messages and the share of them that is right, over the steps of several runs.

    `runs` is {name: (losses, shares right, every, method)}.
    """
    figure, panels = plots.plt.subplots(1, 2, figsize=(6.8, 3.1), dpi=plots.DPI, layout="constrained")
    for name, (losses, right, every, method) in runs.items():
        steps = [every * (i + 1) for i in range(len(losses))]
        style = "-" if name.endswith("0") else ":"
        panels[0].plot(steps, losses, f"o{style}", color=plots.COLOURS[method], label=name, markersize=4, linewidth=1)
        panels[1].plot(steps, [100 * share for share in right], f"o{style}", color=plots.COLOURS[method], markersize=4,
                       linewidth=1)  # fmt: skip
    panels[0].set(ylim=(0, None), xlabel="step", ylabel="loss on held-out messages")
    panels[1].set(ylim=(50, 102), xlabel="step", ylabel="of them right, %")
    figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=4)
    figure.suptitle("After a few dozen steps nothing more is learned", fontsize=10, x=0.02, ha="left")
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
    rows = "; ".join(f"{name}: lowest {min(losses):.3f} at step {every * (1 + int(np.argmin(losses)))}, last "
                     f"{losses[-1]:.3f}" for name, (losses, _, every, _) in runs.items())  # fmt: skip
    plots.show(figure, alt=f"Two panels over the steps: loss on held-out messages, and the share right. {rows}.")


def show_resumes(whole, resumed, killed_at):
    """Displays how far the losses of resumed runs are from those of the run that was not interrupted, step by step.

    `resumed` is {name: losses}, of the steps after `killed_at`.
    """
    figure, axes = plots.new_figure("Whoever forgets a part of the state runs another run", height=3.0)
    colours = dict(zip(resumed, (GREEN, ORANGE, PINK, BLUE), strict=False))
    for name, losses in resumed.items():
        steps = range(killed_at + 1, killed_at + 1 + len(losses))
        off = [one - other for one, other in zip(losses, whole[killed_at:], strict=True)]
        axes.plot(steps, off, ".-", color=colours[name], label=name, linewidth=1.2)
    axes.axhline(0, color="#888888", linestyle="--", linewidth=1)
    axes.set(xlabel="step", ylabel="loss, less that of\nthe whole run")
    axes.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    most = {name: max(abs(one - other) for one, other in zip(losses, whole[killed_at:], strict=True))
            for name, losses in resumed.items()}  # fmt: skip
    rows = "; ".join(f"{name}: off by at most {gap:.3f}" for name, gap in most.items())
    plots.show(figure, alt=f"Curves of the difference of losses after a kill at step {killed_at}. {rows}.")
