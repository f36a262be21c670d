"""The desk of lesson 00: an instruction of one's own, and what one model answers to it in three ways.

The desk is a thin shell over `ask_view`; `show_view` is what a page without a kernel shows.
"""

import html

import ipywidgets as w
from IPython.display import display

TOLD = {"prompted": "asked as it is", "shown": "after four solved ones", "tuned": "after tuning"}


def ask_view(ask, text):
    """Returns {"order", "answers"}: what `ask(text)` says in each way. Raises ValueError for an empty instruction."""
    if not text.strip():
        raise ValueError("the instruction is empty. Write what you want, and below it a letter.")
    return {"order": text.strip(), "answers": ask(text.strip())}


def describe_view(view):
    """Returns a view in words."""
    return "\n".join([view["order"], "", *(f"{TOLD[way]:25s} {said}" for way, said in view["answers"].items())])


def page(view):
    """Returns a view as HTML."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{TOLD[way]}</th><td style='text-align:left;white-space:pre-wrap'>"
        f"{html.escape(said)}</td></tr>"
        for way, said in view["answers"].items()
    )
    return f"<p style='white-space:pre-wrap'>{html.escape(view['order'])}</p><table>{rows}</table>"


def show_view(view):
    """Displays a view; where no HTML can be shown, its words. The static twin of `desk`."""
    display({"text/html": page(view), "text/plain": describe_view(view)}, raw=True)


def desk(ask, text):
    """Returns the desk: a field for an instruction with its letter, and a button that asks the model in all ways."""
    box = w.Textarea(value=text, description="Instruction", layout=w.Layout(width="90%", height="150px"))
    run = w.Button(description="Run", button_style="primary", tooltip="Ask the model in all three ways")
    out = w.Output()

    def answer(_):
        with out:
            out.clear_output(wait=True)
            run.disabled = True
            try:
                show_view(ask_view(ask, box.value))
            except ValueError as error:
                print(f"Cannot ask this: {error}")
            finally:
                run.disabled = False

    run.on_click(answer)
    return w.VBox([box, run, out])
