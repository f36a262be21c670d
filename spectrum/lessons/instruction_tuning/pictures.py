"""What lesson 07 shows: the tokens that a loss sees, scores side by side, the stored sweep, and a run in words."""

import html

from IPython.display import HTML, display
from matplotlib.figure import Figure

from spectrum import plots
from spectrum.examples import IGNORE
from spectrum.lessons.instruction_tuning import runs as tuning_runs
from spectrum.sweeps import read_sweep
from spectrum.tokens import show_token

SEEN = "background:#f3c9a5;font-weight:bold;border:1px solid #D55E00"
UNSEEN = "color:#777;border:1px solid #ddd"
SCORE_COLOURS = {"base": "base", "tuned": "full", "lumen-instruct": "instruct"}
MARKERS = {"base": "s", "tuned": "o", "lumen-instruct": "D"}
# About 6 s of training and 4 s of questions for lumen on two cores.
LIVE_ROWS = 500


# ---- what the loss sees ----


def masked_tokens(tokenizer, example):
    """Returns HTML of an example's tokens: bold on orange where the loss looks, grey where it does not."""
    spans = []
    for token, label in zip(example["input_ids"], example["labels"], strict=True):
        text = html.escape(show_token(tokenizer, int(token))).replace("\n", "⏎<br>")
        style, said = (UNSEEN, "not in the loss") if label == IGNORE else (SEEN, "in the loss")
        spans.append(f'<span title="{said}" style="{style};border-radius:2px;padding:0 1px">{text}</span>')
    return f'<div style="font-family:monospace;line-height:1.9;white-space:pre-wrap">{"".join(spans)}</div>'


def show_masks(tokenizer, examples):
    """Displays {caption: example} with the tokens coloured by what the loss sees, and how many of them it sees."""
    for caption, example in examples.items():
        seen, every = sum(label != IGNORE for label in example["labels"]), len(example["labels"])
        head = f"<b>{html.escape(caption)}</b>: {seen} of {every} tokens in the loss"
        display(HTML(head + masked_tokens(tokenizer, example)))


# ---- figures ----


def wide_figure(title, height=plots.SIZE[1]):
    """Returns (figure, axes) whose title starts at the figure's edge, beside long names of rows."""
    figure, axes = plots.new_figure("", height=height)
    figure.suptitle(title, fontsize=10, x=0.01, ha="left")
    return figure, axes


def show_scores(parts, title):
    """Displays {part: [Score, ...]} as dots with 95 % intervals, one row for each part and model."""
    rows = [(part, score) for part, scores in parts.items() for score in scores]
    figure, axes = wide_figure(title, height=0.21 * len(rows) + 0.12 * len(parts) + 1.1)
    names, places = [], []
    for group, (part, scores) in enumerate(parts.items()):
        for place, score in enumerate(scores):
            y = -(sum(len(each) for each in list(parts.values())[:group]) + place + 0.7 * group)
            error = [[100 * (score.mean - score.low)], [100 * (score.high - score.mean)]]
            colour = plots.COLOURS[SCORE_COLOURS.get(score.name, "other")]
            axes.errorbar(100 * score.mean, y, xerr=error, fmt=MARKERS.get(score.name, "o"), color=colour, capsize=4)
            names.append(score.name if place else f"{part}: {score.name}")
            places.append(y)
    axes.set_yticks(places, names)
    axes.set(xlim=(-3, 103), xlabel="right answers, % (bar: 95 % interval)")
    plots.show(figure, alt="; ".join(f"{part}, {score.name}: {score}" for part, score in rows))


def show_spread(ways, title):
    """Displays {way of asking: [Score for each wording]}: a dot for each wording, a line from worst to best."""
    figure, axes = wide_figure(title, height=0.6 * len(ways) + 1.4)
    said = []
    for y, (way, scores) in enumerate(reversed(ways.items())):
        means = sorted(100 * score.mean for score in scores)
        axes.plot([means[0], means[-1]], [y, y], color="#999999", zorder=1)
        height = [y + 0.09 * means[:i].count(mean) for i, mean in enumerate(means)]  # equal scores stand side by side
        axes.plot(means, height, "o", markersize=5, color=plots.COLOURS[SCORE_COLOURS.get(scores[0].name, "other")])
        said.append(f"{way}: {means[0]:.0f} to {means[-1]:.0f} %")
    axes.set_yticks(range(len(ways)), list(reversed(ways)))
    axes.set(xlim=(-3, 103), ylim=(-0.6, len(ways) - 0.4), xlabel="right answers, %, a dot for each wording")
    plots.show(figure, alt="Worst and best wording. " + "; ".join(reversed(said)))


def stored_sweep(folder=tuning_runs.RESULTS):
    """Returns the stored sweep as a DataFrame, a row for each run that has a score."""
    table = read_sweep(folder)
    return table[table["error"].isna()]


def pick(sweep, **settings):
    """Returns the runs of the base model with the standard settings of the sweep, but for those given."""
    wanted = {"name": "base", **tuning_runs.STANDARD, **settings}
    for column, value in wanted.items():
        if value is not ...:
            sweep = sweep[sweep[column] == value]
    return sweep


def draw_sweep(sweep, title, runs=(), size=(7.5, 3.3), panels=(1, 2)):
    """Returns a figure of the stored sweep: scores over rows, over learning rate, and the given live runs as stars.

    A run may bring its "number"; without it they are counted. `panels` are the rows and columns of the two pictures.
    """
    figure = Figure(figsize=size, dpi=plots.DPI, layout="constrained")
    figure.suptitle(title, fontsize=10, x=0.01, ha="left")
    left, right = figure.subplots(*panels, sharey=True)
    draw_line(left, pick(sweep, rows=...), "rows", "wordings", "base", "s", "held-out wordings")
    draw_line(left, pick(sweep, rows=...), "rows", "role", "full", "o", "role")
    draw_line(
        left, pick(sweep, rows=..., loss_on="everything"), "rows", "role", "prompt", "^", "role, loss on everything"
    )
    draw_line(right, pick(sweep, lr=...), "lr", "wordings", "base", "s", None)
    draw_line(right, pick(sweep, lr=...), "lr", "role", "full", "o", None)
    for axes, column in ((left, "rows"), (right, "lr")):
        for number, found in numbered(runs):
            if axes is right and found["rows"] != tuning_runs.STANDARD["rows"]:
                continue  # it belongs to another curve than the one drawn there
            axes.plot(found[column], 100 * found["role"], "*", markersize=12, color=plots.COLOURS["full"])
            axes.annotate(f"  {number}", (found[column], 100 * found["role"]), fontsize=8)
        named = axes is left  # the other has the same levels, and its points lie where the words would
        draw_level(axes, sweep, "base", "wordings", "held-out wordings, untuned" * named, 0.02, "left")
        draw_level(axes, sweep, "instruct", "role", "role, lumen-instruct" * named, 0.98, "right")
        axes.set_xscale("log")
        axes.spines[["top", "right"]].set_visible(False)
    left.set(xlabel="rows of instruction data", ylabel="right answers, %", ylim=(-3, 103))
    right.set(ylabel="" if panels[0] == 1 else "right answers, %")
    left.set_xticks([125, 250, 500, 1000, 2000], ["125", "250", "500", "1,000", "2,000"])
    left.minorticks_off()
    left.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(0, 0.88))
    right.set(xlabel="peak learning rate (500 rows)")
    return figure


def numbered(runs):
    """Returns (number, run) of live runs."""
    return [(found.get("number", place), found) for place, found in enumerate(runs, 1)]


def draw_line(axes, runs, column, score, colour, marker, label):
    """Draws a dot for each run and a line through the means at each value of a column."""
    means = 100 * runs.groupby(column)[score].mean()
    axes.plot(runs[column], 100 * runs[score], marker, color=plots.COLOURS[colour], alpha=0.5, markersize=4)
    axes.plot(means.index, means, color=plots.COLOURS[colour], marker=marker, markersize=3, label=label)


def draw_level(axes, sweep, name, score, label, x, side):
    """Draws the score of a model that the sweep did not tune as a labelled grey line."""
    level = 100 * sweep[(sweep["name"] == name) & (sweep["rows"] == 0)][score].mean()
    axes.axhline(level, color="#888888", linestyle="--", linewidth=1)
    axes.text(x, level + 1, label, fontsize=8, color="#666666", ha=side, transform=axes.get_yaxis_transform())


def describe_sweep(sweep, runs=()):
    """Returns the sweep's means and the live runs in words, for who cannot see the picture."""
    means = 100 * pick(sweep, rows=...).groupby("rows")[["role", "wordings"]].mean()
    stored = ", ".join(f"{row.Index:.0f} rows {row.role:.0f} and {row.wordings:.0f} %" for row in means.itertuples())
    live = "".join(f"; run {n}: {describe_run(found)}" for n, found in numbered(runs))
    return f"Right with a role and in held-out wordings, mean of the seeds: {stored}{live}"


def show_sweep(sweep, title, runs=()):
    """Displays the stored sweep, and live runs (settings with their scores) as numbered stars on it."""
    plots.show(draw_sweep(sweep, title, runs), alt=describe_sweep(sweep, runs))


# ---- the bench ----


def bench_view(rows=250, lr=1e-3, epochs=1, loss_on="answers", seed=0, report=None, name="base"):
    """Returns one live run: its settings with what `tuning_runs.run` measured.

    Raises ValueError for more than LIVE_ROWS rows in all epochs together, since it would take too long to wait for.
    """
    if rows * epochs > LIVE_ROWS:
        raise ValueError(
            f"{rows} rows in {epochs} epochs are {rows * epochs} rows to train on, and this bench takes {LIVE_ROWS} "
            "at most, to be done in seconds on lumen. Take fewer rows or epochs."
        )
    settings = {"rows": rows, "lr": lr, "epochs": epochs, "loss_on": loss_on, "seed": seed}
    return settings | tuning_runs.run(name, **settings, report=report)


def describe_run(found):
    """Returns a run's settings and scores in one line."""
    return (
        f"{found['rows']:.0f} rows × {found['epochs']:.0f}, rate {found['lr']:g}, loss on {found['loss_on']}: "
        f"{100 * found['role']:.0f} % right with a role, {100 * found['wordings']:.0f} % in held-out wordings"
    )


def stored_text(sweep, settings):
    """Returns in one sentence what the stored sweep says of the settings, over all its seeds."""
    runs = pick(sweep, **{**settings, "seed": ...})
    if not len(runs):
        return "The stored sweep has no run with these settings: press Run."
    shares = ", ".join(f"{100 * share:.0f}" for share in sorted(runs["role"]))
    return f"Stored runs with these settings, {len(runs)} seeds: {shares} % right with a role. Run does one anew."
