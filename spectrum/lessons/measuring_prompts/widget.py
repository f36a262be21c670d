"""What lesson 05 shows: scores of many wordings, searches side by side, compression, and two things to try out.

The wording bench scores the learner's own words on 50 dev items; the compression explorer strikes out what a model
could have guessed. Both are thin shells over a pure function with a static twin.
"""

import html
from functools import cache

import ipywidgets as w
from IPython.display import HTML, display

from spectrum import compression, plots, prompts
from spectrum.evaluate import compare, evaluate
from spectrum.shop import tasks

BENCH_ITEMS = 50
BENCH_TASKS = ("order", "product", "sentiment", "problem")
FIRST_TRY = "Which order is it?"


# ---- figures ----


def show_variants(scores, kinds, title, floor=None):
    """Displays {name: Score} as a dot for each variant, sorted, coloured by its kind ({name: kind})."""
    ranked = sorted(scores.values(), key=lambda s: (s.mean, s.name))
    figure, axes = plots.new_figure(title, height=0.165 * len(ranked) + 1.0)
    colours = dict(zip(sorted(set(kinds.values())), ("base", "prompt", "full", "lora"), strict=False))
    for y, score in enumerate(ranked):
        colour = plots.COLOURS[colours[kinds[score.name]]]
        error = [[100 * (score.mean - score.low)], [100 * (score.high - score.mean)]]
        axes.errorbar(100 * score.mean, y, xerr=error, fmt="o", color=colour, markersize=3, elinewidth=0.8)
    axes.set_yticks(range(len(ranked)), [s.name for s in ranked], fontsize=6)
    for kind, colour in colours.items():
        axes.plot([], [], "o", color=plots.COLOURS[colour], label=kind, markersize=4)
    axes.legend(frameon=False, fontsize=8, loc="center left")
    axes.set(xlim=(-3, 108), ylim=(-1, len(ranked)), xlabel=f"right answers, % (bar: 95 % interval, n = {ranked[0].n})")
    plots.score_lines(axes, floor, 1.0)
    worst = "; ".join(f"{s.name} {100 * s.mean:.0f} %" for s in ranked[:6])
    plots.show(figure, alt=f"{len(ranked)} variants of one prompt, sorted by score. The lowest: {worst}.")


def show_promises(promised, kept, title, seeds=20):
    """Displays two lists of shares: what the best of several promised on dev, and what it kept on unseen items."""
    figure, axes = plots.new_figure(title, height=2.6)
    for y, (values, colour) in enumerate(((kept, "full"), (promised, "prompt"))):
        mean = 100 * sum(values) / len(values)
        axes.plot(
            [100 * v for v in values[:seeds]], [y] * len(values[:seeds]), ".", color=plots.COLOURS[colour], alpha=0.5
        )
        axes.plot(mean, y, "D", color=plots.COLOURS[colour])
        axes.text(mean, y + 0.15, f"{mean:.1f} %", ha="center", fontsize=9)
    axes.set_yticks((0, 1), ("kept, unseen items", "promised, dev"))
    axes.set(ylim=(-0.5, 1.6), xlabel=f"right answers, % (diamond: mean of {len(kept)} draws)")
    means = [100 * sum(values) / len(values) for values in (promised, kept)]
    plots.show(figure, alt=f"Two rows of dots. Promised {means[0]:.1f} %, kept {means[1]:.1f} %.")


def show_searches(curves, title):
    """Displays {name: [(calls, best dev score so far), ...]}: a line for each seed, a colour for each name."""
    figure, axes = plots.new_figure(title)
    said = []
    for (name, runs), colour in zip(curves.items(), ("base", "prompt", "full"), strict=False):
        for number, (calls, found) in enumerate(runs):
            label = name if number == 0 else None
            axes.step(
                calls, [100 * f for f in found], where="post", color=plots.COLOURS[colour], alpha=0.7, label=label
            )
        said.append(f"{name} ends at {', '.join(f'{100 * found[-1]:.0f}' for _, found in runs)} %")
    lowest = min(100 * found[0] for runs in curves.values() for _, found in runs)
    axes.set(xlabel="calls to the model", ylabel="best dev score so far, %", ylim=(max(-3, lowest - 5), 101))
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    plots.show(figure, alt="Rising steps, a line for each seed: " + "; ".join(said) + ".")


def show_compression(table, title):
    """Displays a table of scores with columns section, way, keep and score % as a line for each section and way."""
    figure, axes = plots.new_figure(title)
    styles = {"predictable": "-o", "surprising": ":^", "random": "--s"}
    colours = dict(zip(table["section"].unique(), ("base", "full", "prompt", "lora"), strict=False))
    said = []
    for (section, way), rows in table.groupby(["section", "way"], sort=False):
        rows = rows.sort_values("keep")
        line = {"color": plots.COLOURS[colours[section]], "label": f"{section}, {way} first", "markersize": 4}
        axes.plot(100 * rows["keep"], rows["score %"], styles[way], **line)
        points = ", ".join(
            f"{100 * k:.0f} % kept {s:.0f} %" for k, s in zip(rows["keep"], rows["score %"], strict=True)
        )
        said.append(f"{section}, {way} first: {points}")
    axes.set(xlabel="tokens of the section kept, %", ylabel="right answers, %", ylim=(-3, 103), xlim=(103, -3))
    axes.legend(frameon=False, fontsize=7, loc="lower left")
    plots.show(figure, alt="Scores by what is left out. " + "; ".join(said) + ".")


# ---- the wording bench ----


@cache
def bench_items(task, n=BENCH_ITEMS):
    """Returns the dev items of the bench: the same for every wording, so wordings can be compared on them."""
    return tuple(tasks.TASKS[task].sample(n, "dev", seed=5))


def wording_view(model, tokenizer, order, task="order", n=BENCH_ITEMS):
    """Returns {"score", "change", "wrong"}: a wording's Score on n dev items, the Comparison with the task's own
    wording, and up to three mistakes as (answer, gold). Raises ValueError for an empty wording.
    """
    if not order.strip():
        raise ValueError("the instruction is empty. Write at least one word.")
    items, right = list(bench_items(task, n)), tasks.TASKS[task].score
    own = tasks.TASKS[task].instruction(items[0])
    options = {"max_new_tokens": 14, "floor": 0.0, "ceiling": 1.0, "progress": False}
    scores = [
        evaluate(
            model, tokenizer, items, [prompts.order_turns(o, (), i.input) for i in items], right, name=o, **options
        )
        for o in (own, order.strip())
    ]
    wrong = [(a, i.gold) for a, i, c in zip(scores[1].answers, items, scores[1].correct, strict=True) if not c]
    return {"score": scores[1], "change": compare(*scores), "wrong": wrong[:3]}


def tell_wording(view, tries=1):
    """Returns a wording view as lines of text; from the second try on the same items, with a warning."""
    score, change = view["score"], view["change"]
    lines = [f"{score.name!r}: {score}"]
    lines.append(f"against {change.a!r}: {change.difference:+.1f} points ({change.low:+.1f} to {change.high:+.1f}, "
                 f"{change.p_text}; better on {change.wins}, worse on {change.losses})")  # fmt: skip
    lines += [f"wrong: {answer!r} instead of {gold!r}" for answer, gold in view["wrong"]]
    if tries > 1:
        lines.append(f"This was try {tries} on these {score.n} dev items: the best of {tries} promises too much.")
    return lines


def show_wording(view, tries=1):
    """Displays a wording view: the static twin of `wording_bench`."""
    print("\n".join(tell_wording(view, tries)))


def wording_bench(model, tokenizer, order=FIRST_TRY):
    """Returns the bench: a text field for an instruction, the task, and Run, which scores it on 50 dev items."""
    wide = {"style": {"description_width": "90px"}}
    area = w.Textarea(value=order, description="Instruction", layout=w.Layout(width="90%", height="60px"), **wide)
    choice = w.ToggleButtons(options=BENCH_TASKS, description="Task", style={"description_width": "90px"})
    run, out, tries = w.Button(description="Run", button_style="primary", tooltip="Score this wording"), w.Output(), {}

    def score(_=None):
        run.disabled = True
        with out:
            out.clear_output(wait=True)
            try:
                view = wording_view(model, tokenizer, area.value, choice.value)
                tries[choice.value] = tries.get(choice.value, 0) + 1
                show_wording(view, tries[choice.value])
            except ValueError as error:
                print(f"Cannot score this: {error}")
            finally:
                run.disabled = False

    run.on_click(score)
    return w.VBox([w.VBox([area, choice, run], layout=w.Layout(flex="0 0 auto")), out])


# ---- the compression explorer ----


def compression_view(table, tokenizer, keep):
    """Returns {"stay", "text", "tokens", "of"}: which tokens stay, the text they make, and how many they are."""
    stay = compression.kept(table, keep)
    text = compression.compress(table, tokenizer, keep)
    return {"stay": stay, "text": text, "tokens": int(stay.sum()), "of": len(stay)}


def show_struck(table, view):
    """Displays a compressed prompt with what was left out struck through: the static twin of the explorer."""
    head = f"<b>{view['tokens']} of {view['of']} tokens kept.</b> Sent: <code>{html.escape(view['text'])}</code>"
    display(HTML(head + compression.struck(table, view["stay"])))


def compression_explorer(table, tokenizer, keep=0.7):
    """Returns the explorer of one prompt's `compression.surprisals`: a slider for each section, the words that stay."""
    names = [name for name in table["section"].unique() if name != "frame"]
    sliders = {
        name: w.FloatSlider(
            value=keep, min=0.0, max=1.0, step=0.05, description=name, readout_format=".0%", continuous_update=False,
            style={"description_width": "90px"}, layout=w.Layout(width="420px"),
        )
        for name in names
    }  # fmt: skip
    out = w.Output()

    def draw(_=None):
        with out:
            out.clear_output(wait=True)
            show_struck(table, compression_view(table, tokenizer, {n: s.value for n, s in sliders.items()}))

    for slider in sliders.values():
        slider.observe(draw, names="value")
    draw()
    return w.VBox([w.VBox(list(sliders.values()), layout=w.Layout(flex="0 0 auto")), out])
