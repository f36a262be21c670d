"""The explorer of lesson 06: a question, the passages that each search ranks first, and an answer with its evidence.

The explorer is a thin shell over `search_view` and `answer_view`; `show_view` is what a page without a kernel shows.
"""

import html

import ipywidgets as w
from IPython.display import display

from spectrum.retrieval import evidence

SHOWN = 110  # characters of a passage that a row shows


def search_view(searches, question, k=3):
    """Returns {"question", "ranked"}: for each search its k best Hits, or a sentence why there are none.

    `searches` is {name: function of (question, k)}. Raises ValueError for an empty question and a k below 1.
    """
    if not question.strip():
        raise ValueError("the question is empty. Write at least one word.")
    if k < 1:
        raise ValueError(f"k is {k}; it must be at least 1.")
    ranked = {}
    for name, search in searches.items():
        try:
            ranked[name] = search(question.strip(), k) or "no passage shares a word with the question"
        except ValueError as error:  # a search by meaning without its embedder
            ranked[name] = str(error)
    return {"question": question.strip(), "ranked": ranked}


def answer_view(view, method, ask):
    """Returns a view with "read", "answer" and "evidence": what `ask(texts, question)` says from a method's passages.

    "evidence" are the numbers, from 0, of the passages in which the answer stands as whole words.
    """
    hits = view["ranked"][method]
    if isinstance(hits, str):
        return view | {"read": method, "answer": None, "evidence": []}
    texts = [hit.document.text for hit in hits]
    said = ask(texts, view["question"]).strip().rstrip(".")
    return view | {"read": method, "answer": said, "evidence": evidence(said, texts)}


def rows_of(view):
    """Yields (method, rank, score, topic, text, is evidence) of a view; a method without hits has one row of words."""
    for method, hits in view["ranked"].items():
        if isinstance(hits, str):
            yield method, "", "", "", hits, False
            continue
        for rank, hit in enumerate(hits, 1):
            proof = method == view.get("read") and rank - 1 in view["evidence"]
            yield method, rank, f"{hit.score:.3f}", hit.document.name, first_words(hit.document.text), proof


def first_words(text):
    """Returns the beginning of a passage on one line, its heading left out where words follow it."""
    heading, _, rest = text.partition("\n\n")
    line = " ".join((rest or heading).split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"


def describe_view(view):
    """Returns a view in words."""
    lines = [f"Question: {view['question']}"]
    for method, rank, score, topic, text, proof in rows_of(view):
        lines.append(f"{method:7s} {rank} {score} {topic}: {text}" + ("   <- evidence" if proof else ""))
    return "\n".join([*lines, *answer_line(view)])


def answer_line(view):
    """Returns a list with the sentence on the answer, or an empty one where none was asked for."""
    if "read" not in view:
        return []
    if view["answer"] is None:
        return [f"Answer: none, for {view['read']} found nothing to read"]
    proof = "stands in the marked passage" if view["evidence"] else "stands in none of the passages: do not trust it"
    return [f"Answer from {view['read']}: {view['answer']} ({proof})"]


def page(view):
    """Returns a view as HTML."""
    rows = []
    for method, rank, score, topic, text, proof in rows_of(view):
        text = f"<mark>{html.escape(text)}</mark>" if proof else html.escape(text)
        cells = "".join(f"<td>{cell}</td>" for cell in (method, rank, score, html.escape(topic)))
        rows.append(f"<tr>{cells}<td style='text-align:left'>{text}</td></tr>")
    head = "<tr>" + "".join(f"<th>{name}</th>" for name in ("search", "rank", "score", "topic", "passage")) + "</tr>"
    told = "".join(f"<p><b>{html.escape(line)}</b></p>" for line in answer_line(view))
    return f"<p><b>Question:</b> {html.escape(view['question'])}</p><table>{head}{''.join(rows)}</table>{told}"


def show_view(view):
    """Displays a view; where no HTML can be shown, its words. The static twin of `explorer`."""
    display({"text/html": page(view), "text/plain": describe_view(view)}, raw=True)


def explorer(searches, ask, question):
    """Returns the explorer: a typed question, the passages of each search at once, and an answer on Run.

    `ask(texts, question)` returns a model's answer; None where there is no model, and then there is no Run.
    """
    long = {"style": {"description_width": "90px"}, "layout": w.Layout(width="90%")}
    wide = {"style": {"description_width": "90px"}, "layout": w.Layout(width="420px")}
    box = w.Text(value=question, description="Question", continuous_update=False, **long)
    k = w.IntSlider(value=3, min=1, max=5, description="Passages", continuous_update=False, **wide)
    method = w.ToggleButtons(options=list(searches), value=list(searches)[-1], description="Read from")
    run = w.Button(description="Run", button_style="primary", tooltip="Let the model answer", disabled=ask is None)
    out = w.Output()

    def draw(answered):
        with out:
            out.clear_output(wait=True)
            try:
                view = search_view(searches, box.value, k.value)
                show_view(answer_view(view, method.value, ask) if answered else view)
            except ValueError as error:
                print(f"Cannot show this: {error}")

    for control in (box, k, method):
        control.observe(lambda _: draw(False), names="value")
    run.on_click(lambda _: draw(True))
    draw(False)
    return w.VBox([w.VBox([box, k, method, run], layout=w.Layout(flex="0 0 auto")), out])
