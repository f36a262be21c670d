"""Pictures of lesson 17: two ways to a task, who answers it, how many messages a base needs, and which engine is small.

What they show is measured by `spectrum.lessons.small_and_local.runs`; notebooks/17_small_and_local.ipynb reads them.
"""

from spectrum import plots

# One colour for each base; a prompted model is drawn hollow, in its own.
SHADES = {
    "lumen-small": plots.COLOURS["qlora"],
    "lumen-base": plots.COLOURS["base"],
    "lumen-instruct": plots.COLOURS["instruct"],
    "smollm2": plots.COLOURS["full"],
}
SIZES = {
    "lumen-small": "1.0M",
    "lumen-base": "3.1M",
    "lumen-instruct": "3.1M",
    "smollm2": "135M",
}
TASKS = {"intent": "the wish", "json_sentiment_city": "two fields", "house_ticket": "the ticket"}


def show_two_ways():
    """Displays what each of the two ways makes a model read for one message."""
    prompt, grey, lora = plots.COLOURS["prompt"], plots.COLOURS["other"], plots.COLOURS["lora"]
    figure, axes = plots.new_figure("One way pays for every message, the other once, before the first", height=2.7)
    plots.box(axes, 2.9, 3.0, "order, rules, 8 examples", prompt, width=4.2)
    plots.box(axes, 5.9, 3.0, "message", grey, width=1.4)
    plots.box(axes, 8.9, 3.0, "large model,\nas it is", plots.COLOURS["full"], width=2.2, height=1.1)
    plots.box(axes, 4.35, 1.0, "order", prompt, width=1.3)
    plots.box(axes, 5.9, 1.0, "message", grey, width=1.4)
    plots.box(axes, 8.9, 1.0, "small model\n+ adapter", lora, width=2.2, height=1.1)
    for y in (3.0, 1.0):
        plots.arrow(axes, (6.75, y), (7.65, y))
    axes.text(0.7, 3.85, "prompted: hundreds of tokens are read for every message", fontsize=8)
    axes.text(0.7, 0.1, "tuned: the examples went into the weights, once", fontsize=8)
    axes.set(xlim=(0.5, 10.3), ylim=(-0.1, 4.2))
    axes.axis("off")
    words = (
        "Diagram of two ways. Prompted: a large model reads the order, the rules and eight examples before every "
        "message. Tuned: a small model with an adapter reads a short order and the message; the examples went into "
        "its weights once."
    )
    plots.show(figure, alt=words)


def duel_figure(rows, title):
    """Returns the figure of scores: a row for each (task, model, way, score in %, low, high); tuned is filled."""
    figure, axes = plots.new_figure(title, height=0.27 * len(rows) + 1.2)
    places = [-number - 0.6 * list(TASKS).index(row[0]) for number, row in enumerate(rows)]  # room between tasks
    for y, (_, name, way, score, low, high) in zip(places, rows, strict=True):
        shade = SHADES[name]
        axes.plot([low, high], [y, y], color=shade, linewidth=1.2)
        axes.plot(score, y, "o", color=shade, markersize=7, markerfacecolor=shade if way == "tuned" else "white")
    axes.set_yticks(places, [f"{TASKS[task]}: {name}, {way}" for task, name, way, *_ in rows], fontsize=8)
    axes.set(xlim=(-3, 103), xlabel="right answers, %")
    return figure


def show_duel(rows, title):
    """Displays `duel_figure` with its words."""
    told = (
        f"{TASKS[task]}, {name}, {way}: {score:.0f} % ({low:.0f} to {high:.0f})"
        for task, name, way, score, low, high in rows
    )
    plots.show(duel_figure(rows, title), alt="; ".join(told))


def rows_figure(table, task, title):
    """Returns the figure of scores on a task against the messages tuned on: a line for each base, dots for seeds."""
    figure, axes = plots.new_figure(title, height=3.2)
    for name, of_base in several_counts(table, task).groupby("name", sort=False):
        means = of_base.groupby("rows")["score"].mean()
        axes.plot(means.index, means, "-", color=SHADES[name], label=f"{name} ({SIZES[name]})")
        axes.plot(of_base["rows"], of_base["score"], ".", color=SHADES[name], alpha=0.6)
    axes.set(xscale="log", ylim=(-3, 103), xlabel="messages it was tuned on", ylabel="right answers, %")
    counts = sorted(table["rows"].unique())
    axes.set_xticks(counts, [f"{count:,.0f}" for count in counts])
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize=8)
    return figure


def several_counts(table, task):
    """Returns the rows of a task and of the bases that were tuned on more than one number of messages."""
    rows = table[table["task"] == task]
    return rows[rows.groupby("name")["rows"].transform("nunique") > 1]


def show_rows(table, task, title):
    """Displays `rows_figure` with its words."""
    means = several_counts(table, task).groupby(["name", "rows"], sort=False)["score"].mean()
    told = "; ".join(f"{name}, {rows:.0f} messages: {score:.0f} %" for (name, rows), score in means.items())
    plots.show(rows_figure(table, task, title), alt=f"{TASKS[task]}: {told}")


def engine_figure(tables, title):
    """Returns the figure of engines: memory in MB against milliseconds an answer, for {way: rows of engines}.

    Squares are torch; circles are llama.cpp, joined from 32 to 4 bits.
    """
    figure, axes = plots.new_figure(title, height=3.6)
    for name, rows in tables.items():
        shade, fill = SHADES[name.split(",")[0]], "white" if name.endswith("prompted") else None
        files = [row for row in rows if row["engine"] != "torch"]
        axes.plot([row["MB"] for row in files], [row["ms"] for row in files], "o-", color=shade, linewidth=0.8,
                  markersize=6, markerfacecolor=fill or shade, label=name)  # fmt: skip
        for row in (row for row in rows if row["engine"] == "torch"):
            axes.plot(row["MB"], row["ms"], "s", color=shade, markersize=7, markerfacecolor=fill or shade)
    axes.plot([], [], "s", color="black", label="torch")
    axes.set(xscale="log", yscale="log", xlabel="memory of the process, MB", ylabel="milliseconds an answer")
    axes.set_xticks([50, 100, 200, 500, 1000], ["50", "100", "200", "500", "1,000"])
    axes.set_yticks([10, 100, 1000, 10_000], ["10", "100", "1,000", "10,000"])
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def show_engines(tables, title):
    """Displays `engine_figure` with its words."""
    told = (
        f"{name} in {row['engine']}: {row['MB']:.0f} MB, {row['ms']:.0f} ms"
        for name, rows in tables.items()
        for row in rows
    )
    plots.show(engine_figure(tables, title), alt="; ".join(told))
