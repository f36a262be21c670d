"""Interactive shells over pure functions. Each has a static twin: the same function called once with the defaults."""

import base64
import html

import ipywidgets as w
from IPython.display import HTML, display

from spectrum import plots
from spectrum.generate import complete, next_token_table, token_logprobs
from spectrum.prompts import chat


class Cancelled(Exception):
    """What ends a run after its Cancel button was pressed."""


def picture_html(figure, alt):
    """Returns the figure as an HTML image with its alt text."""
    data = base64.b64encode(plots.png(figure)).decode()
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{data}">'


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
