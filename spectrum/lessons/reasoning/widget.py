"""What lesson 04 shows: scores by length, votes over samples, and the explorer of temperature and number of samples.

The explorer is a thin shell over `vote_view`; `show_votes` is what a page without a running kernel shows.
"""

import ipywidgets as w
from matplotlib.figure import Figure

from spectrum import plots
from spectrum.lessons.reasoning import voting
from spectrum.shop.tasks import Item

COLOURS = {"no steps": "base", "steps": "instruct", "steps, 8 terms": "prompt"}
MARKERS = {"no steps": "s", "steps": "o", "steps, 8 terms": "^"}


# ---- figures ----


def show_lengths(scores, title, floors):
    """Displays {way: {terms: Score}} as lines over the number of terms; `floors` is {terms: share without skill}."""
    figure, axes = plots.new_figure(title)
    said = []
    for way, found in scores.items():
        means = [100 * score.mean for score in found.values()]
        low = [100 * (s.mean - s.low) for s in found.values()]
        high = [100 * (s.high - s.mean) for s in found.values()]
        style = {"color": plots.COLOURS[COLOURS[way]], "marker": MARKERS[way], "capsize": 3, "label": way}
        axes.errorbar(list(found), means, yerr=[low, high], **style)
        said.append(f"{way}: " + ", ".join(f"{t} terms {m:.0f} %" for t, m in zip(found, means, strict=True)))
    axes.plot(list(floors), [100 * f for f in floors.values()], "--", color="#888888", label="floor: one fixed answer")
    axes.axhline(100, color="#888888", linestyle="--", linewidth=1)
    axes.text(min(floors), 101, "ceiling 100 %", color="#666666", fontsize=8, va="bottom")
    axes.set(xlabel="numbers to add", ylabel="right answers, % (bar: 95 % interval)", ylim=(-3, 110))
    axes.legend(fontsize=8, frameon=False, loc="center left")
    plots.show(figure, alt="Right answers by the number of terms. " + "; ".join(said))


def curves_figure(curves, title, greedy=None):
    """Returns a figure of {way: `voting.vote_curve` table}: votes that are right, and votes that differ.

    `greedy` is {way: share right at temperature 0}, drawn as dashed lines.
    """
    figure = Figure(figsize=(8, 3.8), dpi=plots.DPI, layout="constrained")
    figure.suptitle(title, fontsize=10, x=0.01, ha="left")
    left, right = figure.subplots(1, 2)
    for way, table in curves.items():
        style = {"color": plots.COLOURS[COLOURS[way]], "marker": MARKERS[way], "markersize": 4}
        left.plot(table["n"], 100 * table["right"], label=way, **style)
        left.fill_between(table["n"], 100 * table["low"], 100 * table["high"], color=style["color"], alpha=0.15)
        right.plot(table["n"], 100 * table["differ"], **style)
    for way, share in (greedy or {}).items():
        label = f"{way}, temperature 0: {100 * share:.0f} %"
        left.axhline(100 * share, color=plots.COLOURS[COLOURS[way]], linestyle="--", linewidth=1, label=label)
    for axes, label in ((left, "right votes, % (band: 95 % interval)"), (right, "two votes that differ, %")):
        axes.set_xscale("log")
        axes.set_xticks(list(voting.SIZES), [str(n) for n in voting.SIZES])
        axes.minorticks_off()
        axes.set(xlabel="samples that vote", ylabel=label, ylim=(-3, 103))
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    return figure


def describe_curves(curves):
    """Returns the curves in words: both ends of each."""
    ends = []
    for way, table in curves.items():
        first, last = table.iloc[0], table.iloc[-1]
        ends.append(
            f"{way}: {100 * first.right:.0f} % of single samples right, {100 * last.right:.0f} % of votes of "
            f"{last.n:.0f}; two differ in {100 * first.differ:.0f} and {100 * last.differ:.0f} %"
        )
    return "; ".join(ends)


def show_curves(curves, title, greedy=None):
    """Displays the curves of `curves_figure`, with their words."""
    plots.show(curves_figure(curves, title, greedy), alt=describe_curves(curves))


def votes_figure(view):
    """Returns a figure of one item's votes: a bar for each of the most frequent answers, the true one named."""
    likeliest = view["votes"][:6]
    title = f"{view['question']}: the vote says {view['winner']}, the truth is {view['gold']}"
    figure, axes = plots.new_figure(title, height=0.3 * len(likeliest) + 1.2)
    places = range(len(likeliest))[::-1]
    axes.barh(places, [count for _, count in likeliest], color=plots.COLOURS[COLOURS[view["way"]]])
    names = [f"{answer} (true)" if answer == view["gold"] else answer for answer, _ in likeliest]
    axes.set_yticks(places, names)
    axes.set(xlim=(0, view["n"]), xlabel=f"votes of {view['n']} samples at temperature {view['temperature']:g}")
    return figure


# ---- the explorer ----


def vote_view(pools, items, way="steps", temperature=1.0, n=40, number=0):
    """Returns what the vote of the first n samples of one item says, and how it goes for all items.

    `pools` is {(way, temperature): [[text, ...] for each item]}. The result has the question, the gold answer, the
    votes [(answer, count), ...], the winner, the first text, and the shares right of one sample and of the vote, over
    all items. Raises ValueError for samples that the pools do not hold.
    """
    if (way, temperature) not in pools:
        raise ValueError(f"there are no samples for {way!r} at temperature {temperature}.")
    texts = pools[way, temperature]
    if not 1 <= n <= min(map(len, texts)):
        raise ValueError(f"n is {n}; there are {min(map(len, texts))} samples for each item.")
    pool = [[voting.last_number(text) for text in row[:n]] for row in texts]
    golds = [voting.last_number(item.gold) for item in items]
    single = sum(row.count(gold) for row, gold in zip(pool, golds, strict=True)) / (n * len(pool))
    return {
        "way": way,
        "temperature": temperature,
        "n": n,
        "question": items[number].input,
        "gold": golds[number],
        "votes": voting.tally(pool[number]),
        "winner": voting.majority(pool[number]),
        "text": texts[number][0],
        "single": single,
        "vote": sum(voting.majority(row) == gold for row, gold in zip(pool, golds, strict=True)) / len(pool),
        "items": len(pool),
    }


def describe_view(view):
    """Returns a view in words."""
    counts = ", ".join(f"{answer} {count} times" for answer, count in view["votes"][:6]) or "no sample has a number"
    return (
        f"{view['way']}, temperature {view['temperature']:g}, {view['n']} samples. {view['question']}: {counts}; "
        f"true: {view['gold']}. Over all {view['items']} sums: single samples {100 * view['single']:.0f} % right, "
        f"the vote {100 * view['vote']:.0f} %."
    )


def show_votes(view):
    """Displays a view's bars and its words: the static twin of `vote_explorer`."""
    plots.show(votes_figure(view), alt=describe_view(view))
    print(describe_view(view))
    print(f"first sample: {view['text'].strip()}")


def own_view(ask, text, way, temperature, n):
    """Returns the view of a sum that was typed in; `ask(text, way, temperature, n)` draws the samples.

    Raises ValueError for what is not a sum of 2 to 9 numbers of at most 3 digits.
    """
    parts = [part.strip() for part in text.split("+")]
    if not 2 <= len(parts) <= 9 or not all(part.isdigit() and len(part) <= 3 for part in parts):
        raise ValueError(f"{text!r} is no sum. Write 2 to 9 numbers with + between them, such as 4 + 7 + 12.")
    values = [int(part) for part in parts]
    item = Item("total", " + ".join(map(str, values)), str(sum(values)))
    return vote_view({(way, temperature): [ask(item.input, way, temperature, n)]}, [item], way, temperature, n)


def explorer_controls(pools, items):
    """Returns {name: control} for the samples at hand."""
    wide = {"style": {"description_width": "90px"}, "layout": w.Layout(width="360px"), "continuous_update": False}
    heat = sorted({temperature for _, temperature in pools})
    most = min(len(texts) for pool in pools.values() for texts in pool)
    return {
        "way": w.ToggleButtons(options=list(dict.fromkeys(way for way, _ in pools)), description="Answer"),
        "temperature": w.SelectionSlider(options=heat, value=heat[-1], description="Temperature", **wide),
        "n": w.IntSlider(value=most, min=1, max=most, description="Samples", **wide),
        "number": w.IntSlider(value=0, min=0, max=len(items) - 1, description="Sum", **wide),
    }


def vote_explorer(pools, items, ask=None):
    """Returns the explorer: way, temperature, samples and sum against the vote; and, with `ask`, a sum of your own.

    The sliders read stored samples and are instant; Run draws new ones for the sum in the text field.
    """
    controls, out = explorer_controls(pools, items), w.Output()
    typed = w.Text(value="8 + 15 + 6 + 19", description="Your sum", continuous_update=False)
    run = w.Button(description="Run", button_style="primary", tooltip="Sample answers to your sum")

    def show(make):
        with out:
            out.clear_output(wait=True)
            try:
                show_votes(make())
            except ValueError as error:
                print(f"Cannot show this: {error}")

    def draw(_=None):
        show(lambda: vote_view(pools, items, **{name: control.value for name, control in controls.items()}))

    def sample(_=None):
        show(lambda: own_view(ask, typed.value, *(controls[name].value for name in ("way", "temperature", "n"))))

    for control in controls.values():
        control.observe(draw, names="value")
    run.on_click(sample)
    rows = [*controls.values(), *([w.HBox([typed, run])] if ask else [])]
    draw()
    return w.VBox([w.VBox(rows, layout=w.Layout(flex="0 0 auto")), out])
