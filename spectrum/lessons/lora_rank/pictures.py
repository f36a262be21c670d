"""Pictures of lesson 12: scores by rank, learning rate and scaling, the learn/forget plane, and the bench's view."""

from spectrum import plots
from spectrum.lessons.lora_rank import runs as rank_runs

SHOWN = 4  # of the learner's runs on the bench, that many loss curves are drawn
SHADES = ("#DE9CC0", "#B84F86", "#7A3E61", "#2A1220")  # of LoRA's colour, light to dark
MARKERS = ("o", "s", "^", "v")


def scale_in(settings):
    """Returns the factor on B·A of a setting."""
    return rank_runs.scale_of(settings["alpha"], settings["rank"], settings["rslora"])


# ---- figures of the lesson ----


def draw_line(axes, runs, column, value, colour, label, factor=100, marker="o"):
    """Draws a dot for each run and a line through the means at each value of a column."""
    means = factor * runs.groupby(column)[value].mean()
    axes.plot(runs[column], factor * runs[value], ".", color=colour, alpha=0.5)
    axes.plot(means.index, means, color=colour, marker=marker, markersize=3, label=label)
    return means


def rank_axis(axes):
    """Makes the horizontal axis one of ranks in powers of two."""
    axes.set_xscale("log", base=2)
    axes.set_xticks(rank_runs.RANKS, rank_runs.RANKS)
    axes.set(xlim=(0.8, 80), xlabel="rank")


def show_knees(ways, title, floor):
    """Displays recall by rank in a panel for each way of {way: {label: runs}}, with a line for each label."""
    figure, panels = plots.plt.subplots(
        1, len(ways), figsize=(6.6, 3.3), dpi=plots.DPI, layout="constrained", sharey=True
    )
    figure.suptitle(title, fontsize=10, x=0.01, ha="left")
    labels = [label for groups in ways.values() for label in groups]
    styles = dict(zip(dict.fromkeys(labels), zip(SHADES, MARKERS, strict=True), strict=False))
    words = []
    for axes, (way, groups) in zip(panels, ways.items(), strict=True):
        for label, runs in groups.items():
            colour, marker = styles[label]
            means = draw_line(axes, runs, "rank", "score", colour, label, marker=marker)
            # Where values are the same, an earlier line shows as a rim around the later ones.
            axes.lines[-1].set_linewidth((7, 4, 1.5)[min(2, labels.index(label))])
            words.append(f"{way}, {label}: " + ", ".join(f"rank {rank} {mean:.0f} %" for rank, mean in means.items()))
        for level in (100 * floor, 100):
            axes.axhline(level, color="#888888", linestyle="--", linewidth=1)
        axes.set_xscale("log", base=2)
        axes.set_xticks(sorted(runs["rank"].unique()), sorted(runs["rank"].unique()))
        axes.set(ylim=(-4, 112), xlabel="rank")
        axes.set_title(way, fontsize=9, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("codes recalled, %")
    for level, name in ((100, "ceiling"), (100 * floor, "floor")):
        panels[0].text(4, level + 1.5, name, color="#666666", fontsize=8, ha="right")
    panels[0].legend(frameon=False, fontsize=8, loc="center right")
    plots.show(figure, alt="Mean recall of the seeds by rank. " + "; ".join(words) + ".")


def show_rates(groups, title, value="last loss", ylabel="loss at the end, nats per token"):
    """Displays a value by learning rate, a line for each {label: runs}, on axes that are both logarithmic."""
    figure, axes = plots.new_figure(title)
    words, shades = [], iter(SHADES)
    for label, runs in groups.items():
        colour = next(shades) if (runs["rank"] > 0).any() else plots.COLOURS["full"]
        means = draw_line(axes, runs, "lr", value, colour, label, factor=1)
        words.append(f"{label} is lowest at {means.idxmin():g} with {means.min():.3g}")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set(xlabel="peak learning rate", ylabel=ylabel)
    axes.legend(frameon=False, fontsize=8)
    plots.show(figure, alt="U-shaped curves by learning rate: " + "; ".join(words) + ".")


def show_plane(runs, best, untouched, title):
    """Displays the learn/forget plane: new score by protected score, a mark for the mean at each rank and rate.

    The rates of a rank are joined in their order. `best` is {rank: its best rate}: those marks are filled and named.
    """
    figure, axes = plots.new_figure(title)
    words, shades, marks = [], iter(SHADES), iter(MARKERS)
    for rank, of_rank in sorted(runs.groupby("rank"), key=lambda pair: pair[0] or 1000):
        colour, mark = (next(shades), next(marks)) if rank else (plots.COLOURS["full"], "D")
        means = 100 * of_rank.groupby("lr")[["protected", "score"]].mean()
        name = f"r {rank}" if rank else "full"
        axes.plot(means["protected"], means["score"], color=colour, linewidth=1, alpha=0.6)
        for lr, place in zip(means.index, means.to_numpy(), strict=True):
            filled = best[rank] == lr
            axes.plot(*place, mark, color=colour, markersize=6, markerfacecolor=colour if filled else "white")
            if filled:
                axes.annotate(f"{name}, {lr:g}", place, xytext=(5, 7 if rank in (0, 64) else -12),
                              textcoords="offset points", fontsize=8)  # fmt: skip
            words.append(f"{name} at {lr:g}: new {place[1]:.0f} %, kept {place[0]:.0f} %")
        axes.plot([], [], mark, color=colour, label=name)
    axes.axvline(100 * untouched, color="#888888", linestyle="--", linewidth=1)
    axes.text(100 * untouched + 1, 30, "before tuning", color="#666666", fontsize=8, rotation=90)
    axes.set(xlabel="general skills kept, % right", ylabel="house reply, % right", ylim=(-3, 112))
    axes.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0, 0.02))
    plots.show(figure, alt="Learned by kept, means of the seeds: " + "; ".join(words) + ".")


def show_real(runs, untouched, title):
    """Displays SmolLM2's runs by learning rate: left what was learned, right what is kept of general knowledge."""
    figure, (left, right) = plots.plt.subplots(
        1, 2, figsize=(6.6, 3.3), dpi=plots.DPI, layout="constrained", sharey=True
    )
    figure.suptitle(title, fontsize=10, x=0.01, ha="left")
    words, shades, marks = [], iter(SHADES), iter(MARKERS)
    for rank, found in sorted(runs.groupby("rank"), key=lambda pair: pair[0] or 1000):
        name, colour, marker = (
            (f"rank {rank}", next(shades), next(marks)) if rank else ("full", plots.COLOURS["full"], "D")
        )
        for axes, value in ((left, "score"), (right, "protected")):
            means = draw_line(axes, found, "lr", value, colour, name, marker=marker)
            words.append(f"{name}, {value}: " + ", ".join(f"{mean:.0f} % at {lr:g}" for lr, mean in means.items()))
    right.axhline(100 * untouched, color="#888888", linestyle="--", linewidth=1)
    right.text(0.98, 100 * untouched + 2, "before tuning", color="#666666", fontsize=8, ha="right",
               transform=right.get_yaxis_transform())  # fmt: skip
    for axes, said in ((left, "house ticket, % right"), (right, "general knowledge, % right")):
        axes.set_xscale("log")
        axes.set(ylim=(-3, 80), xlabel="peak learning rate")
        axes.set_title(said, fontsize=9, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
    left.legend(frameon=False, fontsize=8)
    plots.show(figure, alt="By learning rate. " + "; ".join(words) + ".")


def show_squeezed(table, title):
    """Displays recall by rank when trained at that rank and when squeezed to it; columns trained, squeezed, random."""
    figure, axes = plots.new_figure(title)
    styles = {"trained": ("lora", "-"), "squeezed": ("full", "--"), "random": ("other", ":")}
    for name, (colour, style) in styles.items():
        shown = 100 * table[name].dropna()
        axes.plot(shown.index, shown, style, marker="o", markersize=3, color=plots.COLOURS[colour], label=name)
    rank_axis(axes)
    axes.set(ylim=(-3, 103), ylabel="codes recalled, %")
    axes.legend(frameon=False, fontsize=8)
    words = [
        f"{name}: " + ", ".join(f"rank {r} {100 * v:.0f} %" for r, v in table[name].dropna().items()) for name in styles
    ]
    plots.show(figure, alt="Recall by rank. " + "; ".join(words) + ".")


# ---- the bench: what the stored sweep says, and its picture ----


def like(stored, settings, *free):
    """Returns the stored runs with these settings; those named in `free` may differ, and so may the seed.

    Two settings of alpha are the same where they make the same factor on B·A; at another rank, that which the rule for
    alpha makes there.
    """
    if not len(stored) or isinstance(settings["targets"], list):  # no sweep has other layers than those with a name
        return stored[:0]
    wanted = {"data": settings["data"], "targets": settings["targets"], "steps": settings["steps"]}
    wanted |= {"count": settings["count"]} if settings["data"] == "facts" else {}
    wanted |= {key: settings[key] for key in ("rank", "lr")}
    keep = (stored["rank"] > 0) & (settings["dropout"] == 0) & (model_of(stored) == settings["name"])
    keep &= usual_batch(stored)
    for key, value in wanted.items():
        if key not in free:
            keep &= (stored[key] - value).abs() < 1e-9 if isinstance(value, float) else stored[key] == value
    wanted = [scale_in({**settings, "rank": max(rank, 1)}) for rank in stored["rank"]]
    keep &= (stored["scale"] - wanted).abs() < 0.01
    return stored[keep].drop_duplicates(["rank", "lr", "seed"])


def usual_batch(stored):
    """Returns which stored runs have the batch that a run on such data has where nothing is said, as on the bench."""
    if "batch_size" not in stored:
        return stored.index.notna()
    usual = [rank_runs.settings_of(*pair)["batch_size"] for pair in zip(stored["data"], stored["count"], strict=True)]
    return stored["batch_size"].isna() | (stored["batch_size"] == usual)


def model_of(stored):
    """Returns the name of the model of each stored run: the base model where a run does not say."""
    return stored["name"].fillna("base") if "name" in stored else "base"


def stored_text(stored, settings):
    """Returns in one sentence what the stored sweep says of a setting, over its seeds."""
    runs = like(stored, settings)
    if not len(runs):
        return "The stored sweep has no run with these settings: press Run."
    shares = ", ".join(f"{100 * score:.0f}" for score in sorted(runs["score"]))
    return f"Stored runs with these settings, {len(runs)} seeds: {shares} % right."


def summary(settings, parameters):
    """Returns in words what a setting means: the factor on the update, the trainable parameters, rate and steps."""
    return (
        f"factor {scale_in(settings):.2f} · {parameters:,} trainable parameters · "
        f"peak learning rate {settings['lr']:g} · {settings['steps']} steps"
    )


def bench_view(stored, history, settings):
    """Returns the figure of a setting: the score by rank, by learning rate, and the loss; the learner's runs on top.

    `stored` is a table as `rank_runs.stored` returns it, or an empty one; scores are shares.
    """
    figure, axes = plots.plt.subplot_mosaic(
        [["ranks", "rates"], ["losses", "losses"]], figsize=(5.6, 4.4), dpi=plots.DPI, layout="constrained",
        height_ratios=(1.2, 1),
    )  # fmt: skip
    ranks, rates, losses = axes["ranks"], axes["rates"], axes["losses"]
    what = f"{settings['count']} facts" if settings["data"] == "facts" else settings["data"]
    title = f"{what}, rank {settings['rank']}, factor {scale_in(settings):.2g}, rate {settings['lr']:g}"
    figure.suptitle(f"{title}: {len(like(stored, settings))} stored runs", fontsize=10, x=0.01, ha="left")
    mine = [(n, run) for n, run in enumerate(history, 1) if same_task(run["settings"], settings)]
    draw_scores(ranks, like(stored, settings, "rank"), mine, settings, "rank")
    draw_scores(rates, like(stored, settings, "lr"), mine, settings, "lr")
    ranks.set_xscale("log", base=2)
    ranks.set_xticks(rank_runs.RANKS, rank_runs.RANKS)
    ranks.set(xlim=(0.8, 80), xlabel="rank, by one rule for α", ylabel="right, %")
    rates.set_xscale("log")
    rates.set(xlim=(7e-5, 0.15), xlabel="peak learning rate")
    draw_losses(losses, like(stored, settings), mine)
    for axes in (ranks, rates, losses):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def same_task(one, other):
    """Returns whether two settings are scored on the same data by the same model."""
    return all(one[key] == other[key] for key in ("data", "count", "name"))


def draw_scores(axes, runs, mine, settings, column):
    """Draws stored scores by a column with their mean, the setting as a line, and the learner's runs as numbers."""
    if len(runs):
        means = runs.groupby(column)["score"].mean()
        axes.plot(runs[column], 100 * runs["score"], ".", color=plots.COLOURS["lora"], alpha=0.5)
        axes.plot(means.index, 100 * means, color=plots.COLOURS["lora"])
    for number, run in mine:
        place = run["settings"][column], 100 * run["score"]
        axes.plot(*place, "x", color=plots.COLOURS["other"])
        axes.annotate(number, place, xytext=(4, -10), textcoords="offset points", fontsize=8)
    axes.axvline(settings[column], color=plots.COLOURS["prompt"], linewidth=1)
    axes.set_ylim(-3, 103)


def draw_losses(axes, runs, mine):
    """Draws the loss of the stored runs of a setting, and of the learner's latest, against the share of the steps."""
    for loss in runs["loss"] if len(runs) else ():
        axes.plot(along(loss), loss, color=plots.COLOURS["lora"], alpha=0.4, linewidth=1)
    for number, run in mine[-SHOWN:]:
        axes.plot(along(run["loss"]), run["loss"], color=plots.COLOURS["other"], linewidth=1)
        axes.annotate(number, (100, run["loss"][-1]), fontsize=8)
    axes.set(ylim=(0, None), xlim=(0, 108), xlabel="steps done, %", ylabel="loss, nats per token")


def along(loss):
    """Returns the places of a loss curve's points, from 0 to 100 % of the steps."""
    return [100 * i / max(1, len(loss) - 1) for i in range(len(loss))]


def tell(stored, history, settings):
    """Returns the picture in words, for who cannot see it."""
    means = 100 * like(stored, settings, "rank").groupby("rank")["score"].mean() if len(stored) else {}
    ranks = ", ".join(f"rank {rank} {value:.0f} %" for rank, value in dict(means).items()) or "none stored"
    mine = [f"run {n} rank {run['settings']['rank']} at rate {run['settings']['lr']:g} {100 * run['score']:.0f} %"
            for n, run in enumerate(history, 1) if same_task(run["settings"], settings)]  # fmt: skip
    return f"Score by rank, mean of seeds: {ranks}. Your runs: {'; '.join(mine) or 'none'}."
