"""Pictures of lesson 06: how a book is cut, how a text becomes a vector, what searches find, what a place costs."""

from spectrum import plots

MARKERS = {"first": ("s", "base"), "middle": ("^", "prompt"), "last": ("o", "instruct")}
KINDS = {"same": ("asked in the book's words", "base", "s"), "other": ("asked in other words", "instruct", "o")}


def show_cuts():
    """Displays one text of five paragraphs cut in three ways, with an answer that a blind cut breaks."""
    figure, axes = plots.new_figure("An answer can fall between two cuts", height=2.9)
    shades = [plots.COLOURS["base"], plots.COLOURS["prompt"], plots.COLOURS["other"]]
    rows = {
        "windows": [(0, 4), (4, 8), (8, 12)],
        "overlapping\nwindows": [(0, 4), (2, 6), (4, 8), (6, 10), (8, 12)],
        "paragraphs": [(0, 3.4), (3.4, 7), (7, 9.5), (9.5, 12)],
    }
    for row, (name, spans) in enumerate(rows.items()):
        y = 2 - row
        axes.text(-0.2, y, name, ha="right", va="center", fontsize=8)
        for number, (start, end) in enumerate(spans):
            lift = 0.17 * (-1) ** number if "over" in name else 0
            axes.barh(y + lift, end - start - 0.08, left=start, height=0.32, color=shades[number % 3], alpha=0.85)
    axes.axvspan(3.5, 4.6, color="#f2c14e", alpha=0.45)
    axes.text(4.05, 2.55, "the answer", ha="center", fontsize=8)
    axes.set(xlim=(-2.4, 12.2), ylim=(-0.6, 2.85))
    axes.axis("off")
    words = (
        "Diagram: a text as a bar of twelve units, cut in three ways; the answer stands from 3.5 to 4.6. Windows of "
        "four units cut it in two. Of overlapping windows, one holds it whole. Of the paragraphs, the second does."
    )
    plots.show(figure, alt=words)


def show_pooling():
    """Displays how an embedder makes one vector of a text: tokens, a vector each, their mean, length 1."""
    figure, axes = plots.new_figure("A text becomes one vector: the mean of its tokens' vectors", height=2.4)
    for row, token in enumerate(("leave", "a", "loop")):
        y = 2.1 - 0.8 * row
        plots.box(axes, 0.9, y, token, plots.COLOURS["other"], width=1.1, height=0.45)
        plots.box(axes, 5.6, y, "384 numbers", plots.COLOURS["base"], width=1.9, height=0.45)
        plots.arrow(axes, (1.6, y), (2.5, y))
        plots.arrow(axes, (3.8, y), (4.5, y))
        plots.arrow(axes, (6.7, y), (7.6, 1.3))
    plots.box(axes, 3.15, 1.3, "six\nlayers", plots.COLOURS["prompt"], width=0.95, height=2.1)
    plots.box(axes, 8.6, 1.3, "mean,\nlength 1", plots.COLOURS["instruct"], width=1.7, height=0.9)
    axes.set(xlim=(0, 9.8), ylim=(0, 2.7))
    axes.axis("off")
    words = (
        "Diagram: the tokens leave, a and loop go into a model of six layers, which gives each 384 numbers; their "
        "mean, scaled to length 1, is the vector of the text."
    )
    plots.show(figure, alt=words)


def show_searches(scores, title):
    """Displays {(method, kind): Score} as one row for each method, a mark for each kind of question."""
    methods = list(dict.fromkeys(method for method, _ in scores))
    figure, axes = plots.new_figure(title, height=0.5 * len(methods) + 1.4)
    for (method, kind), score in scores.items():
        name, colour, marker = KINDS[kind]
        y = -methods.index(method) + (0.13 if kind == "same" else -0.13)
        ends = [[100 * (score.mean - score.low)], [100 * (score.high - score.mean)]]
        label = name if method == methods[0] else None
        axes.errorbar(
            100 * score.mean, y, xerr=ends, color=plots.COLOURS[colour], marker=marker, capsize=3, label=label
        )
    axes.set_yticks([-n for n in range(len(methods))], methods)
    axes.set(xlabel="questions, % (bar: 95 % interval)", xlim=(0, 102), ylim=(-len(methods) + 0.5, 0.5))
    figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=2)
    said = "; ".join(f"{method}, {KINDS[kind][0]}: {100 * s.mean:.0f} %" for (method, kind), s in scores.items())
    plots.show(figure, alt=said)


def show_answers(scores, title, floor):
    """Displays Scores of answers under each other, with the floor drawn; a share of 1 is the ceiling."""
    said = "; ".join(f"{score.name} {score}" for score in scores)
    plots.show(plots.score_rungs(scores, title, "prompt", floor=floor, ceiling=1.0), alt=said)


def show_places(scores, title, floor):
    """Displays {place: {tokens: Score}} as marks over the length of the text, one colour for each place."""
    figure, axes = plots.new_figure(title)
    lengths = list(next(iter(scores.values())))
    for shift, (place, found) in enumerate(scores.items()):
        marker, colour = MARKERS[place]
        ends = [[100 * (s.mean - s.low) for s in found.values()], [100 * (s.high - s.mean) for s in found.values()]]
        at = [n + 0.12 * (shift - 1) for n in range(len(lengths))]
        axes.errorbar(at, [100 * s.mean for s in found.values()], yerr=ends, color=plots.COLOURS[colour],
                      marker=marker, capsize=3, linestyle="none", label=f"the fact stands {place}")  # fmt: skip
    for value, name in ((floor, "floor"), (1.0, "ceiling")):
        axes.axhline(100 * value, color="#888888", linestyle="--", linewidth=1)
        axes.text(0.36, 100 * value + 1, f"{name} {100 * value:.0f} %", color="#666666", fontsize=8)
    axes.set_ylim(-3, 112)
    axes.set_xticks(range(len(lengths)), [str(n) for n in lengths])
    axes.set(xlabel="tokens of the text", ylabel="right answers, % (bar: 95 % interval)")
    figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=3)
    told = (
        f"{place}: " + ", ".join(f"{n} tokens {100 * s.mean:.0f} %" for n, s in found.items())
        for place, found in scores.items()
    )
    plots.show(figure, alt="Right answers by length and place. " + "; ".join(told))


def show_refusals(curves, models, title):
    """Displays refusals against false alarms: {name: (false alarms, refusals)} as curves, and {model: two Scores}."""
    figure, axes = plots.new_figure(title, height=4.2)
    axes.plot([0, 100], [0, 100], color="#888888", linestyle=":", linewidth=1)
    axes.text(70, 62, "refused blindly", color="#666666", fontsize=8, rotation=33)
    for (name, (false, true)), style, colour in zip(curves.items(), ("-", "--"), ("prompt", "base"), strict=True):
        axes.step(false, true, where="post", color=plots.COLOURS[colour], linestyle=style, label=f"threshold, {name}")
    for (name, (false, true)), marker, colour in zip(models.items(), "oD", ("instruct", "lora"), strict=True):
        ends = {"xerr": [[100 * (false.mean - false.low)], [100 * (false.high - false.mean)]],
                "yerr": [[100 * (true.mean - true.low)], [100 * (true.high - true.mean)]]}  # fmt: skip
        axes.errorbar(100 * false.mean, 100 * true.mean, **ends, marker=marker, capsize=3, linestyle="none",
                      color=plots.COLOURS[colour], label=name)  # fmt: skip
    axes.set(xlabel="refused although the book answers, %", ylabel="refused where it does not, %",
             xlim=(-3, 103), ylim=(-3, 103))  # fmt: skip
    figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=2)
    told = [f"{name}: {100 * true.mean:.0f} % against {100 * false.mean:.0f} % false alarms"
            for name, (false, true) in models.items()]  # fmt: skip
    for name, (false, true) in curves.items():
        half = next(n for n, share in enumerate(true) if share >= 50)
        told.append(f"threshold, {name}: half of the refusals cost {false[half]:.0f} % false alarms")
    plots.show(figure, alt="Refused where there is no answer, against refused where there is one. " + "; ".join(told))
