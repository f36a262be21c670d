"""Interactive shells over pure functions. Each has a static twin: the same function called once with the defaults."""

import base64
import html

import ipywidgets as w
from IPython.display import HTML, display

from spectrum import plots
from spectrum.generate import complete, next_token_table, token_logprobs
from spectrum.prompts import chat

LEFT = "330px"
# JupyterLab takes an arrow key for its own unless the focused element says that it wants it. ipywidgets cannot put that
# attribute on an element, so a picture that fails to load does, for each drop-down of the bench that gets the focus.
GUARD = (
    "<img alt='' src='data:,' style='display:none' onerror=\"this.closest('.bench').addEventListener('focusin', event "
    "=> event.target.matches('select') && event.target.setAttribute('data-lm-suppress-shortcuts', 'true'))\">"
)
STYLE = """<style>
.bench .words .widget-html-content {line-height: 1.4; white-space: normal}
.bench table {border-collapse: collapse; border: none; line-height: 1.3}
.bench th, .bench td {border: none; padding: 2px 8px; text-align: left}
.bench tr:nth-child(even) {background: rgba(128, 128, 128, 0.1)}
</style>"""


class Cancelled(Exception):
    """What ends a run after its Cancel button was pressed."""


def picture_html(figure, alt):
    """Returns the figure as an HTML image with its alt text."""
    data = base64.b64encode(plots.png(figure)).decode()
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{data}">'


# ---- a frame: controls left, pictures right ----


def wide(**more):
    """Returns the arguments that give a control of the left column its width, and its label room to be read."""
    return {"style": {"description_width": "95px"}, "layout": w.Layout(width="310px", **more)}


def columns(controls, pictures):
    """Returns the bench's frame: the controls in a column on the left, the pictures in what is left on the right."""
    left = w.VBox(controls, layout=w.Layout(flex=f"0 0 {LEFT}", width=LEFT))
    right = w.VBox(pictures, layout=w.Layout(flex="1 1 0", min_width="0", overflow="hidden"))
    box = w.HBox([w.HTML(STYLE + GUARD, layout=w.Layout(display="none")), left, right])
    box.add_class("bench")
    return box


def pages(named):
    """Returns buttons, one for each {name: widget}, over the chosen widget; the first one is shown."""
    names = list(named)
    choice = w.ToggleButtons(options=names, style={"button_width": "auto"})

    def turn(_=None):
        for name, page in named.items():
            page.layout.display = None if name == choice.value else "none"

    choice.observe(turn, names="value")
    turn()
    return w.VBox([choice, *named.values()])


def words(width=None):
    """Returns a field for lines of HTML, as close as in running text."""
    field = w.HTML(layout=w.Layout(width=width, margin="2px"))
    field.add_class("words")
    return field


def fitting(figure, alt):
    """Returns the figure as an HTML image that is never wider than the column."""
    return picture_html(figure, alt).replace("<img ", "<img style='max-width:100%;height:auto' ", 1)


def boxed(table, height=330, **how):
    """Returns a DataFrame as HTML in a box of at most that height (pixels), which scrolls."""
    return f"<div style='max-height:{height}px;overflow:auto'>{table.to_html(**how)}</div>"


# ---- the playground ----


def playground_prompt(text, name):
    """Returns what a model is given: the plain text for a base model, a chat for any other."""
    return text if "base" in name else chat(text)


def playground_view(model, tokenizer, text, name="instruct", temperature=0.0, top_p=1.0, seed=0, max_new_tokens=40):
    """Returns {"answer", "next", "tokens"}: the completion, the likely next tokens, and the text's log-probabilities.

    The next-token table is drawn at the chosen temperature (at 0 it shows the model's own probabilities, of which the
    largest is taken). Raises ValueError for an empty text.
    """
    if not text.strip():
        raise ValueError("the prompt is empty. Write at least one word.")
    prompt = playground_prompt(text, name)
    answer = complete(
        model,
        tokenizer,
        [prompt],
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        top_p=top_p,
        seed=seed,
        progress=False,
    )[0]
    table = next_token_table(model, tokenizer, prompt, top=8, temperature=temperature or 1.0)
    return {"answer": answer, "next": table, "tokens": token_logprobs(model, tokenizer, prompt, answer or None)}


def show_playground(view, name):
    """Displays a playground view: the answer, the next-token bars, and the text coloured by surprise."""
    colour = "base" if "base" in name else "instruct"
    answer = html.escape(view["answer"]) or "(nothing: the end token came first)"
    display(HTML(f"<b>{html.escape(name)} answers:</b><pre style='white-space:pre-wrap'>{answer}</pre>"))
    likely = view["next"].iloc[0]
    plots.show(
        plots.next_token_bars(
            view["next"], f"{name}: {likely.token!r} comes next with {100 * likely.probability:.0f} %", colour
        ),
        alt="Bars: " + ", ".join(f"{r.token!r} {100 * r.probability:.0f} %" for r in view["next"].itertuples()),
    )
    display(
        HTML(
            "<i>The darker a token, the more it surprised the model (hover for nats):</i>"
            + plots.coloured_tokens(view["tokens"])
        )
    )


def playground(models, text):
    """Returns the prompt playground for {name: (model, tokenizer)}: text, model, temperature, top-p, seed and Run.

    The names decide the form: one with "base" in it gets plain text, all others a chat.
    """
    area = w.Textarea(value=text, description="Prompt", layout=w.Layout(width="95%", height="90px"))
    choice = w.ToggleButtons(options=list(models), description="Model")
    # A slider asks when it is let go, not on its way: every answer takes a moment.
    slow = {"continuous_update": False, "style": {"description_width": "90px"}}
    temperature = w.FloatSlider(value=0.0, min=0.0, max=2.0, step=0.1, description="Temperature", **slow)
    top_p = w.FloatSlider(value=1.0, min=0.1, max=1.0, step=0.05, description="Top-p", **slow)
    seed = w.BoundedIntText(value=0, min=0, max=999, description="Seed", layout=w.Layout(width="170px"))
    run, out = w.Button(description="Run", button_style="primary", tooltip="Ask the model"), w.Output()

    def ask(_=None):
        with out:
            out.clear_output(wait=True)
            try:
                view = playground_view(
                    *models[choice.value], area.value, choice.value, temperature.value, top_p.value, seed.value
                )
            except ValueError as error:
                print(f"Cannot run this: {error}")
                return
            show_playground(view, choice.value)

    run.on_click(ask)
    for control in (choice, temperature, top_p, seed):
        control.observe(ask, names="value")
    controls = w.VBox(
        [area, choice, w.HBox([temperature, top_p]), w.HBox([seed, run])], layout=w.Layout(flex="0 0 auto")
    )
    ask()
    return w.VBox([controls, out])
