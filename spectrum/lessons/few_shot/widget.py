"""What lesson 02 shows: scores by the number of examples, scores of orders, and a bench to choose and order examples.

The bench is a thin shell over `bench_view`; `show_bench` is what a page without a running kernel shows.
"""

import random
import re
from functools import cache

import ipywidgets as w
import numpy as np

from spectrum import calibration, plots, prompts
from spectrum.lessons.few_shot import material
from spectrum.tokens import encode

MARKERS = (("o", "-"), ("s", "-"), ("^", "--"), ("D", "--"), ("v", ":"))
SENTENCES = (
    ("The lamps are lovely.", "positive"),
    ("I find the kettle awful.", "negative"),
    ("The box is good, but the lanterns are useless.", "negative"),
    ("Although the label is ugly, I find the quilts superb.", "positive"),
    ("The pens are not bad at all.", "positive"),
    ("Nobody could say the blanket is great.", "negative"),
)
OPEN = "My sister calls the blankets awful, but I call them perfect."
SLOTS = 4
OWN = len(SENTENCES) + 1  # the number of the learner's own example
EMPTY = calibration.CONTENT_FREE[:2]


# ---- figures ----


def colours_of(names):
    """Returns a colour for each name: the course's own for a model's first line, others for the rest."""
    spare, taken = iter(("full", "prompt", "lora", "qlora", "other")), []
    for name in names:
        model = name.split(",")[0]
        taken.append(model if model in ("base", "instruct") and model not in taken else next(spare))
    return [plots.COLOURS[colour] for colour in taken]


def show_curves(curves, title, xlabel="examples in the prompt", floor=None, unit=""):
    """Displays {name: {x: Score}} as a line for each name with its intervals.

    `floor` is a share; `unit` says what a score counts, where that is not answers.
    """
    figure, axes = plots.new_figure(title)
    places = {x: place for place, x in enumerate(next(iter(curves.values())))}
    looks = zip(curves.items(), colours_of(curves), MARKERS, strict=False)
    for number, ((name, found), colour, (marker, line)) in enumerate(looks):
        means = [100 * s.mean for s in found.values()]
        errors = [[100 * (s.mean - s.low) for s in found.values()], [100 * (s.high - s.mean) for s in found.values()]]
        # Moved a little sideways, so that intervals do not hide one another.
        x = [places[key] + 0.05 * (number - (len(curves) - 1) / 2) for key in found]
        style = {"color": colour, "marker": marker, "linestyle": line, "markersize": 4}
        axes.errorbar(x, means, yerr=errors, capsize=2, label=name, **style)
    for share, name in ((floor, "floor"), (1.0, "ceiling")):
        if share is not None:
            axes.axhline(100 * share, color="#888888", linestyle="--", linewidth=1)
            where = {"x": len(places) - 0.2, "y": 100 * share + 1, "s": f"{name} {100 * share:.0f} %"}
            axes.text(**where, color="#666666", fontsize=8, ha="right")
    n = f"{next(iter(next(iter(curves.values())).values())).n} {unit}".strip()
    axes.set_xticks(range(len(places)), [str(x) for x in places])
    axes.set(xlabel=xlabel, ylabel=f"right answers, % (bar: 95 % interval, n = {n})")
    axes.set(xlim=(-0.4, len(places) - 0.2), ylim=(-3, 110))  # room at the right for the names of floor and ceiling
    axes.yaxis.label.set_fontsize(8)
    axes.legend(fontsize=7, facecolor="white", edgecolor="none", framealpha=1, loc="best")
    said = [
        f"{name}: " + ", ".join(f"{x} {100 * s.mean:.0f} %" for x, s in found.items()) for name, found in curves.items()
    ]
    plots.show(figure, alt=f"Right answers by {xlabel}. " + "; ".join(said) + ".")


def show_orders(groups, title, floor=None):
    """Displays {name: [Score of each order]} as a row of dots for each name; the diamond is their mean."""
    figure, axes = plots.new_figure(title, height=0.34 * len(groups) + 1.3)
    said = []
    for y, (name, scores) in enumerate(reversed(groups.items())):
        means = [100 * s.mean for s in scores]
        draw = random.Random(0)
        axes.plot(means, [y + draw.uniform(-0.2, 0.2) for _ in means], ".", color=plots.COLOURS["base"], alpha=0.6)
        axes.plot(sum(means) / len(means), y, "D", color=plots.COLOURS["instruct"], markersize=5)
        said.insert(0, f"{name} from {min(means):.0f} to {max(means):.0f} %")
    orders, n = len(scores), scores[0].n
    axes.set_yticks(range(len(groups)), list(groups)[::-1])
    axes.set(xlim=(-3, 108), ylim=(-0.6, len(groups) - 0.1))
    axes.set_xlabel(f"right answers, % (dot: one of {orders} orders, n = {n}; diamond: their mean)")
    plots.score_lines(axes, floor, 1.0)
    plots.show(figure, alt=f"Dots for {orders} orders of the same examples: " + "; ".join(said) + ".")


# ---- the bench ----


@cache
def shop_words(sentences=3000):
    """Returns the words, in lower case, of many of the shop's sentences: what the model has read about feelings."""
    rng = random.Random(0)
    drawn = [material.sentence(rng, rng.choice(material.CLASSES)) for _ in range(sentences)]
    return frozenset(words_of(" ".join(drawn)))


def words_of(text):
    """Returns the words of a text in lower case, in order."""
    return re.findall(r"[^\W\d_]+", text.lower())


def strange_words(text):
    """Returns the words of a text that the shop's sentences of this kind never hold, each once, in order.

    Words of up to three letters, such as "was", carry no judgement and are left out.
    """
    return list(dict.fromkeys(word for word in words_of(text) if len(word) > 3 and word not in shop_words()))


def bench_view(model, tokenizer, shots, text, names=material.CLASSES, chat=False):
    """Returns the two labels' shares after the examples, with and without calibration, and what they stand on.

    `shots` are (text, label) pairs in their order. The result holds `raw` and `calibrated` (2 shares each), `lean` (of
    the empty inputs), `together` (the probability of both labels among all answers), the prompt, its tokens, and the
    strange words of the text. Raises ValueError for an empty text and for labels that are empty or the same.
    """
    names = tuple(name.strip() for name in names)
    if not text.strip():
        raise ValueError("the sentence is empty. Write at least one word.")
    if len(set(names)) < 2 or not all(names):
        raise ValueError("the labels must be two different words.")
    asked = [material.Question(tuple(shots), shown, names, 0) for shown in (text.strip(), *EMPTY)]
    found = material.label_logprobs(model, tokenizer, asked, chat)
    towards = calibration.lean(found[1:])
    prompt = (prompts.turns if chat else prompts.label)(tuple(shots), text.strip())
    return {
        "names": names,
        "raw": calibration.shares(found[0]),
        "calibrated": calibration.calibrate(found[:1], towards)[0],
        "lean": towards,
        "together": float(np.exp(found[0]).sum()),
        "text": text.strip(),
        "shots": tuple(shots),
        "tokens": len(encode(tokenizer, prompt)),
        "strange": strange_words(text),
    }


def bench_figure(view):
    """Returns a figure of a view: the first label's share alone, after calibration, and of an empty input."""
    first, second = view["names"]
    place = int(view["raw"].argmax())
    title = f"{len(view['shots'])} examples: {view['names'][place]} with {100 * view['raw'][place]:.0f} %"
    figure, axes = plots.new_figure(title, height=2.1)
    rows = (("empty input", "lean"), ("calibrated", "calibrated"), ("as asked", "raw"))
    for y, (_, key) in enumerate(rows):
        share = 100 * view[key][0]
        axes.barh(y, share, color=plots.COLOURS["base"])
        axes.barh(y, 100 - share, left=share, color=plots.COLOURS["prompt"], hatch="//", edgecolor="white")
        axes.text(50, y, f"{share:.0f} : {100 - share:.0f}", ha="center", va="center", fontsize=9,
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip
    axes.axvline(50, color="#888888", linestyle="--", linewidth=1)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.set(xlim=(0, 100), xlabel=f"share of {first!r} (plain) against {second!r} (hatched), %")
    return figure


def describe_bench(view):
    """Returns a view in words, with a warning where the model cannot understand the text."""
    said = [f"{key} {100 * view[name][0]:.0f} : {100 * view[name][1]:.0f}"
            for key, name in (("as asked", "raw"), ("calibrated", "calibrated"), ("empty input", "lean"))]  # fmt: skip
    lines = [f"{view['text']!r} after {len(view['shots'])} examples, {view['tokens']} tokens: "
             f"{view['names'][0]} against {view['names'][1]}: " + ", ".join(said) + "."]  # fmt: skip
    lines.append(f"Both labels together have {100 * view['together']:.1f} % of the probability of all next words.")
    if view["strange"]:
        words = ", ".join(repr(word) for word in view["strange"])
        lines.append(f"Strange to this model: {words}. No customer's judgement that it has read holds such a word.")
    return "\n".join(lines)


def show_bench(view):
    """Displays a view's prompt, bars and words: the static twin of `few_shot_bench`."""
    print(prompts.label(view["shots"], view["text"]))
    plots.show(bench_figure(view), alt=describe_bench(view))
    print(describe_bench(view))


def chosen_shots(numbers, names, own=("", "positive")):
    """Returns (text, label) pairs for the numbers of sentences, 1 to 6, in their order; 7 is `own`, 0 nothing.

    Raises ValueError where 7 is chosen and `own` has no text.
    """
    if OWN in numbers and not own[0].strip():
        raise ValueError(f"example {OWN} is your own, and it is empty. Write it, or choose another.")
    known = (*SENTENCES, (own[0].strip(), own[1]))
    return tuple((known[n - 1][0], names[material.CLASSES.index(known[n - 1][1])]) for n in numbers if n)


def bench_controls():
    """Returns {name: control}: a sentence, two labels, four places for examples, and an example of your own."""
    wide = {"style": {"description_width": "130px"}, "continuous_update": False}
    long, half = w.Layout(width="560px"), w.Layout(width="300px")
    controls = {"text": w.Text(value=OPEN, description="Open sentence", layout=long, **wide)}
    for name, value, which in (("first", "positive", "positive"), ("second", "negative", "negative")):
        controls[name] = w.Text(value=value, description=f"Label: {which}", layout=half, **wide)
    for slot in range(SLOTS):
        start = (2, 1, 0, 0)[slot]
        slider = w.IntSlider(value=start, min=0, max=OWN, description=f"Example {slot + 1}", layout=half, **wide)
        controls[f"slot {slot}"] = slider
    controls["own"] = w.Text(value="", description=f"{OWN}, your own", placeholder="a sentence", layout=long, **wide)
    controls["class"] = w.ToggleButtons(options=material.CLASSES, description="…which is", style=wide["style"])
    return controls


def bench_legend():
    """Returns a widget that lists the sentences by number."""
    lines = [f"{number}. {text} ({kind})" for number, (text, kind) in enumerate(SENTENCES, 1)]
    return w.HTML("<br>".join(["Each example is a number, 0 for none:", *lines]))


def few_shot_bench(model, tokenizer):
    """Returns the bench: choose up to four examples and their order, the labels and the open sentence, and watch.

    Every change asks the model three short questions, which takes a fraction of a second; text counts on Enter.
    """
    controls, out = bench_controls(), w.Output()

    def draw(_=None):
        value = {name: control.value for name, control in controls.items()}
        names = (value["first"], value["second"])
        with out:
            out.clear_output(wait=True)
            try:
                numbers = [value[f"slot {slot}"] for slot in range(SLOTS)]
                shots = chosen_shots(numbers, names, (value["own"], value["class"]))
                show_bench(bench_view(model, tokenizer, shots, value["text"], names))
            except ValueError as error:
                print(f"Cannot show this: {error}")

    for control in controls.values():
        control.observe(draw, names="value")
    slots = [controls[f"slot {slot}"] for slot in range(SLOTS)]
    rows = [
        controls["text"],
        w.HBox([controls["first"], controls["second"]]),
        bench_legend(),
        w.HBox(slots[:2]),
        w.HBox(slots[2:]),
        controls["own"],
        controls["class"],
    ]
    draw()
    return w.VBox([w.VBox(rows, layout=w.Layout(flex="0 0 auto")), out])
