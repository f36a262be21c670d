"""Pictures of lesson 15: levels among weights, curves of three methods, what rounding costs and training repairs.

What they show is built by hand in notebooks/15_qlora.ipynb.
"""

from spectrum import plots
from spectrum.lessons.qlora import runs as qlora_runs


def levels_figure(scaled, levels):
    """Returns the figure of weights divided by their block's constant, (n,), with the levels they are rounded to."""
    near = 100 * float((scaled.abs() < 0.5).float().mean())
    there = int((levels.abs() < 0.5).sum())
    title = f"{near:.0f} % of the weights lie within ±0.5, and {there} of the {len(levels)} levels"
    figure, axes = plots.new_figure(title)
    axes.hist(scaled.numpy(), bins=80, color=plots.COLOURS["base"], alpha=0.35)
    axes.vlines(levels, 0, axes.get_ylim()[1] / 6, color="black", linewidth=2, label="levels")
    axes.set(xlabel="weight / largest absolute value of its block", ylabel="weights")
    axes.legend(frameon=False)
    return figure


def show_levels(scaled, levels):
    """Displays weights and levels with their words."""
    words = (
        "Histogram of scaled weights: a bell around zero, a thin bar at each end; the levels are dense in the middle."
    )
    plots.show(levels_figure(scaled.cpu(), levels.cpu()), alt=words)


def curves_figure(stored, live, title):
    """Returns the figure of held-out loss over steps: stored runs as dots, their means as lines, live runs dotted.

    `stored` is what `qlora_runs.stored` returns, `live` {method: result of `qlora_runs.run`}.
    """
    figure, axes = plots.new_figure(title)
    for method in qlora_runs.METHODS:
        runs = [dict(curve) for curve in stored[stored["method"] == method]["curve"]]
        means = {step: sum(run[step] for run in runs) / len(runs) for step in runs[0]}
        axes.plot(list(means), list(means.values()), color=plots.COLOURS[method], label=method)
        for run in runs:
            axes.plot(list(run), list(run.values()), ".", color=plots.COLOURS[method], markersize=3)
    for method, found in live.items():
        axes.plot(*zip(*found["curve"], strict=True), ":", color=plots.COLOURS[method], label=f"{method}, your run")
    axes.set(xlabel="step", ylabel="held-out loss, nats per token", yscale="log")
    axes.legend(frameon=False, fontsize=8)
    return figure


def show_curves(stored, live):
    """Displays the curves of the stored runs and the live ones, with their words."""
    ends = {m: [curve[-1][1] for curve in stored[stored["method"] == m]["curve"]] for m in qlora_runs.METHODS}
    means = ", ".join(f"{method} {sum(losses) / len(losses):.3f}" for method, losses in ends.items())
    title = f"Last points, {qlora_runs.CURVE_ROWS} held-out rows: {means}"
    words = f"Falling curves of held-out loss, mean of the seeds. {title}."
    plots.show(curves_figure(stored, live, title), alt=words)


def show_losses(losses, title):
    """Displays {name: (loss, method)} as one dot in a row each, on a logarithmic axis, with their words."""
    figure, axes = plots.new_figure("", height=0.35 * len(losses) + 1.2)
    figure.suptitle(title, fontsize=10, x=0.01, ha="left")  # the names take so much room that it would not fit above
    for y, (loss, method) in enumerate(reversed(losses.values())):
        axes.plot(loss, y, "o", color=plots.COLOURS[method])
        axes.annotate(f"{loss:.3f}", (loss, y), xytext=(8, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(range(len(losses)), list(reversed(losses)))
    axes.set(xlabel="loss, nats per token, mean of the seeds", xscale="log")
    axes.margins(x=0.15, y=0.15)
    plots.show(figure, alt="; ".join(f"{name}: {loss:.4f}" for name, (loss, _) in losses.items()))
