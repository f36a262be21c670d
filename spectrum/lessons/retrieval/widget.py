"""What lesson 06 shows: recall and answers by k, a fact by its place, and the explorer of a question's documents.

The explorer is a thin shell over `retrieval_view`; `show_view` is what a page without a running kernel shows.
"""

import html
import re

import ipywidgets as w
from IPython.display import display

from spectrum import plots, retrieval
from spectrum.prompts import NOT_STATED
from spectrum.shop import facts

ORDERS = ("best first", "best last")
MARKERS = {"first": ("s", "base"), "middle": ("^", "prompt"), "last": ("o", "instruct")}
OUTSIDE = (
    "This question has none of the six forms of the model's tuning. Search compares words and does not mind; "
    "the model of 3 million parameters often does not understand."
)


# ---- figures ----


def _error(scores):
    return [[100 * (s.mean - s.low) for s in scores], [100 * (s.high - s.mean) for s in scores]]


def _means(scores):
    return [100 * score.mean for score in scores]


def _end_lines(axes, left, floor):
    for value, name in ((floor, "floor: a guess by field"), (1.0, "ceiling")):
        axes.axhline(100 * value, color="#888888", linestyle="--", linewidth=1)
        axes.text(left, 100 * value + 1, f"{name} {100 * value:.0f} %", color="#666666", fontsize=8, va="bottom")
    axes.set_ylim(-3, 112)
    axes.spines[["top", "right"]].set_visible(False)


def show_depths(recalls, answers, title, floor):
    """Displays {k: Score} of a search's recall and of the answers read from its k documents."""
    figure, axes = plots.new_figure(title)
    said = []
    for scores, name, colour, marker in ((recalls, "recall at k", "base", "s"), (answers, "answers", "instruct", "o")):
        places, found = range(len(scores)), list(scores.values())
        style = {"color": plots.COLOURS[colour], "marker": marker, "capsize": 3, "label": name}
        axes.errorbar(places, _means(found), yerr=_error(found), **style)
        said.append(f"{name}: " + ", ".join(f"k = {k} {100 * s.mean:.0f} %" for k, s in scores.items()))
    _end_lines(axes, 0, floor)
    axes.set_xticks(range(len(recalls)), list(recalls))
    axes.set(xlabel="k, documents taken", ylabel="questions, % (bar: 95 % interval)")
    axes.legend(fontsize=8, frameon=False, loc="center", bbox_to_anchor=(0.55, 0.33))
    plots.show(figure, alt="; ".join(said))


def show_rungs(rungs, title):
    """Displays Scores under each other, with the floor of the second and a ceiling of 100 %."""
    said = "; ".join(f"{score.name} {score}" for score in rungs)
    plots.show(plots.score_rungs(rungs, title, "prompt", floor=rungs[1].floor, ceiling=1.0), alt=said)


def show_places(scores, title, floor, trained=None):
    """Displays {place: {tokens: Score}} as lines over the length of the text; `trained` marks a length."""
    figure, axes = plots.new_figure(title)
    said = []
    for place, found in scores.items():
        marker, colour = MARKERS[place]
        style = {"color": plots.COLOURS[colour], "marker": marker, "capsize": 3, "label": f"the fact stands {place}"}
        axes.errorbar(list(found), _means(found.values()), yerr=_error(list(found.values())), **style)
        said.append(f"{place}: " + ", ".join(f"{t} tokens {100 * s.mean:.0f} %" for t, s in found.items()))
    lengths = list(next(iter(scores.values())))
    _end_lines(axes, lengths[0], floor)
    if trained:
        axes.axvline(trained, color="#888888", linestyle=":", linewidth=1)
        axes.text(trained, 104, f" trained length {trained}", color="#666666", fontsize=8)
    axes.set_xscale("log")
    axes.set_xticks(lengths, [str(n) for n in lengths])
    axes.minorticks_off()
    axes.set(xlabel="tokens of the text", ylabel="right answers, % (bar: 95 % interval)")
    axes.legend(fontsize=8, frameon=False, loc="center right", bbox_to_anchor=(1.0, 0.36))
    plots.show(figure, alt="Right answers by length and place. " + "; ".join(said))


# ---- the explorer ----


def retrieval_view(search, ask, question, k=6, order="best last", threshold=0.0, strict=True):
    """Returns what search and model make of a question: its Hits, the lines as read, the answer and its evidence.

    `ask(lines, question)` returns the model's answer. With `strict` an answer that stands in no line is replaced by
    NOT_STATED; `refused` says why where it was, `said` what the model had said. Hits below the threshold are not read,
    and where none is left the model is not asked. Raises ValueError for an empty question, an unknown order and
    a k below 1.
    """
    if not question.strip():
        raise ValueError("the question is empty. Write at least one word.")
    if order not in ORDERS:
        raise ValueError(f"order must be one of {ORDERS}, not {order!r}")
    hits = search.best(question, k)
    lines = [h.document.text for h in retrieval.above(hits, threshold)][:: 1 if order == "best first" else -1]
    said, refused = None, ""
    if not hits:
        refused = "no document shares a word with the question"
    elif not lines:
        refused = f"the best document scores {hits[0].score:.2f}, below the threshold {threshold:.2f}"
    else:
        said = ask(lines, question.strip())
        if strict and not retrieval.evidence(said, lines):
            refused = f"the model says {said!r}, which stands in none of the lines it read"
    return {
        "question": question.strip(),
        "hits": hits,
        "lines": lines,
        "said": said,
        "answer": NOT_STATED if refused else said,
        "refused": refused,
        "evidence": [] if refused else [lines[number] for number in retrieval.evidence(said, lines)],
        "known_form": facts.has_known_form(question),
    }


def describe_view(view):
    """Returns a view in words, its documents from the best to the worst."""
    rows = [f"Question: {view['question']}"]
    for rank, hit in enumerate(view["hits"], 1):
        mark = "   <- evidence" if hit.document.text in view["evidence"] else ""
        mark = mark if hit.document.text in view["lines"] else "   (below the threshold)"
        rows.append(f"{rank:2d}. {hit.score:5.2f}  {hit.document.text}{mark}")
    rows.append(f"Answer: {view['answer']}" + (f" ({view['refused']})" if view["refused"] else ""))
    return "\n".join(rows + ([] if view["known_form"] else [OUTSIDE]))


def page(view):
    """Returns a view as HTML: the ranked documents with the answer marked where it stands, then the answer."""
    rows = []
    for rank, hit in enumerate(view["hits"], 1):
        text = html.escape(hit.document.text)
        if hit.document.text in view["evidence"]:
            whole = rf"(?<!\w){re.escape(html.escape(view['answer'].strip()))}(?!\w)"
            text = "<b>evidence:</b> " + re.sub(whole, r"<mark>\g<0></mark>", text)
        elif hit.document.text not in view["lines"]:
            text += " <i>(below the threshold)</i>"
        rows.append(f"<tr><td>{rank}</td><td>{hit.score:.2f}</td><td style='text-align:left'>{text}</td></tr>")
    head = "<tr><th>rank</th><th>score</th><th style='text-align:left'>document</th></tr>"
    why = f" ({html.escape(view['refused'])})" if view["refused"] else ""
    note = "" if view["known_form"] else f"<p><i>{OUTSIDE}</i></p>"
    answer = f"<p><b>Answer:</b> {html.escape(view['answer'])}{why}</p>{note}"
    return f"<p><b>Question:</b> {html.escape(view['question'])}</p><table>{head}{''.join(rows)}</table>{answer}"


def show_view(view):
    """Displays a view; where no HTML can be shown, its words. The static twin of `retrieval_explorer`."""
    display({"text/html": page(view), "text/plain": describe_view(view)}, raw=True)


def explorer_controls(question, threshold):
    """Returns {name: control} of the explorer."""
    wide = {"style": {"description_width": "90px"}, "layout": w.Layout(width="420px")}
    long = {"style": {"description_width": "90px"}, "layout": w.Layout(width="90%")}
    return {
        "question": w.Text(value=question, description="Question", continuous_update=False, **long),
        "k": w.IntSlider(value=6, min=1, max=20, description="Documents", continuous_update=False, **wide),
        "order": w.ToggleButtons(options=ORDERS, value="best last", description="Order"),
        "threshold": w.FloatSlider(
            value=threshold, min=0.0, max=6.0, step=0.05, description="Threshold", continuous_update=False, **wide
        ),
        "strict": w.Checkbox(value=True, description="Only with evidence"),
    }


def retrieval_explorer(search, ask, question, threshold=0.0):
    """Returns the explorer: a question in your own words, its ranked documents, and the answer with its evidence.

    The question is asked on Enter or Run; sliders and buttons ask again, and an answer once given is kept.
    """
    controls, out, kept = explorer_controls(question, threshold), w.Output(), {}
    run = w.Button(description="Run", button_style="primary", tooltip="Search and answer")

    def remembered(lines, text):
        key = (text, *lines)
        if key not in kept:
            kept[key] = ask(lines, text)
        return kept[key]

    def draw(_=None):
        with out:
            out.clear_output(wait=True)
            try:
                values = {name: control.value for name, control in controls.items()}
                view = retrieval_view(search, remembered, **values)
            except ValueError as error:
                print(f"Cannot show this: {error}")
                return
            show_view(view)

    for control in controls.values():
        control.observe(draw, names="value")
    run.on_click(draw)
    draw()
    return w.VBox([w.VBox([*controls.values(), run], layout=w.Layout(flex="0 0 auto")), out])
