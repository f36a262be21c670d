"""A counter where messages are handed in: a served base, an adapter beside it, and how much of it is used.

`answer` is the pure part; `counter` shows it with controls, `show_answers` without.
"""

import contextlib
import html
import time

import ipywidgets as w

from spectrum import widgets
from spectrum.serve import serve

SCALES = (0.0, 0.5, 1.0)
MOST = 24  # tokens of an answer


def answer(url, text, scale=1.0):
    """Returns (the answer to a text, milliseconds) of a served model that uses its adapter times `scale`, greedily.

    Raises ValueError for an empty text.
    """
    import openai

    if not text.strip():
        raise ValueError("the message is empty. Write at least one word.")
    start = time.perf_counter()
    with openai.OpenAI(base_url=url, api_key="none") as client:
        reply = client.chat.completions.create(
            model="any", messages=[{"role": "user", "content": text}], max_tokens=MOST, temperature=0,
            extra_body={"lora": [{"id": 0, "scale": scale}]})  # fmt: skip
    return reply.choices[0].message.content, 1000 * (time.perf_counter() - start)


def show_answers(url, text, scales=SCALES):
    """Prints a served model's answer to a text at each scale of its adapter: the static twin of `counter`."""
    for scale in scales:
        print(f"{100 * scale:3.0f} % of the adapter: {answer(url, text, scale)[0]!r}")


class Counter:
    """The counter's controls and what they show; `box` is what is displayed. It serves one file at a time."""

    def __init__(self, files, adapter, text):
        self.files, self.adapter, self.serving, self.url = files, adapter, contextlib.ExitStack(), None
        self.text = w.Textarea(value=text, description="Message", layout=w.Layout(width="310px", height="130px"))
        self.kind = w.Dropdown(options=list(files), description="Base in", **widgets.wide())
        self.scale = w.FloatSlider(value=1.0, min=0.0, max=2.0, step=0.1, description="Adapter", readout_format=".1f",
                                   continuous_update=False, **widgets.wide())  # fmt: skip
        self.run = w.Button(description="Ask", button_style="primary", tooltip="Ask the served model")
        self.note = widgets.words()
        self.box = widgets.columns([self.text, self.kind, self.scale, self.run], [self.note])
        self.kind.observe(self.start, names="value")
        self.scale.observe(self.ask, names="value")
        self.run.on_click(self.ask)
        self.start()

    def start(self, _=None):
        """Serves the chosen file instead of the one before, and asks it."""
        self.serving.close()
        server = self.serving.enter_context(serve(self.files[self.kind.value], [self.adapter]))
        self.url, self.told = (
            server.url,
            f"{self.kind.value}: {self.files[self.kind.value].stat().st_size / 1e6:.1f} MB",
        )
        self.ask()

    def ask(self, _=None):
        """Shows the answer to the message as the controls stand, or in words why there is none."""
        try:
            said, taken = answer(self.url, self.text.value, self.scale.value)
        except ValueError as error:
            self.note.value = f"<b>Cannot ask this:</b> {html.escape(str(error))}"
            return
        self.note.value = (
            f"<pre style='white-space:pre-wrap'>{html.escape(said) or '(nothing: the end token came first)'}</pre>"
            f"{self.told}; {100 * self.scale.value:.0f} % of the adapter; {taken:.0f} ms"
        )


def counter(files, adapter, text):
    """Returns the counter for {kind: GGUF file of a base} and the file of an adapter: write a message, see the answer.

    Raises ValueError without a file, and FileNotFoundError, as `serve` does, for one that is not there.
    """
    if not files:
        raise ValueError("counter: give at least one GGUF file of a base")
    return Counter(files, adapter, text).box
