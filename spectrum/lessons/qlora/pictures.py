"""Pictures of lesson 15: levels among weights, and what rounding costs and training repairs.

What they show is built by hand in notebooks/15_qlora.ipynb.
"""

from spectrum import plots


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


def show_losses(losses, title):
    """Displays {name: (loss, method, filled?)} as one dot in a row each, on a logarithmic axis, with their words."""
    figure, axes = plots.new_figure("", height=0.35 * len(losses) + 1.2)
    figure.suptitle(title, fontsize=10, x=0.01, ha="left")  # the names take so much room that it would not fit above
    for y, (loss, method, filled) in enumerate(reversed(losses.values())):
        axes.plot(loss, y, "o", color=plots.COLOURS[method], markerfacecolor=None if filled else "white")
        axes.annotate(f"{loss:.3f}", (loss, y), xytext=(8, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(range(len(losses)), list(reversed(losses)))
    axes.set(xlabel="loss, nats per token (logarithmic)", xscale="log")
    ticks = [2.0**n for n in range(-9, 4) if 0.9 * least(losses) <= 2.0**n]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks], minor=False)
    axes.set_xticks([], minor=True)
    axes.margins(x=0.15, y=0.15)
    plots.show(figure, alt="; ".join(f"{name}: {loss:.4f}" for name, (loss, *_) in losses.items()))


def least(losses):
    """Returns the least loss of those that `show_losses` displays."""
    return min(loss for loss, *_ in losses.values())
