"""What lesson 03 shows: rules by branches, a prompt's rungs, and the prompt builder with a switch for each technique.

The builder is a thin shell over `prompt_view`, which is its static twin.
"""

import html
import threading

import ipywidgets as w
from IPython.display import HTML, display

from spectrum import formats, masks, plots, prompts
from spectrum.evaluate import Score
from spectrum.generate import complete
from spectrum.lessons.roles_rules_formats import material
from spectrum.widgets import Cancelled

KEYS = ("name", "city", "product")
SWITCHES = {
    "instruction": "names the fields",
    "format": "asks for JSON",
    "context": "says what the letter is",
    "examples": "shows two solved letters",
    "layout": "sets the letter apart with Markdown headings",
    "role": "a pirate speaks",
    "mask": "allows nothing but JSON with these keys",
}
CONTEXT = "A customer wrote this letter to a shop."
LETTERS = 50
BATCH = 10
TOKENS = 64


# ---- figures ----


def show_rules(curves, title):
    """Displays {name: {branches: Score}} as lines over the branches; the floor is that of the first name."""
    figure, axes = plots.new_figure(title)
    styles = (("instruct", "-o"), ("lora", ":^"), ("prompt", "--s"), ("base", "-D"), ("full", ":v"))
    said = []
    for (name, scores), (colour, style) in zip(curves.items(), styles, strict=False):
        means = [100 * score.mean for score in scores.values()]
        error = [[m - 100 * s.low for m, s in zip(means, scores.values(), strict=True)],
                 [100 * s.high - m for m, s in zip(means, scores.values(), strict=True)]]  # fmt: skip
        axes.errorbar(list(scores), means, yerr=error, fmt=style, color=plots.COLOURS[colour], capsize=3, label=name)
        said.append(
            f"{name}: " + ", ".join(f"{n} branches {mean:.0f} %" for n, mean in zip(scores, means, strict=True))
        )
    first = next(iter(curves.values()))
    axes.plot(list(first), [100 * score.floor for score in first.values()], "--", color="#888888", linewidth=1)
    axes.text(
        max(first),
        100 * first[max(first)].floor + 2,
        "floor: always otherwise",
        ha="right",
        fontsize=8,
        color="#666666",
    )
    axes.axhline(100, color="#888888", linestyle="--", linewidth=1)
    axes.set(
        xticks=list(first), xlabel="branches of the rules", ylabel="rules obeyed, % (95 % interval)", ylim=(-4, 106)
    )
    axes.legend(frameon=False, fontsize=8, loc="center", bbox_to_anchor=(0.5, 0.35), ncols=2)
    plots.show(figure, alt="; ".join(said) + ". The floor is near 50 %, the ceiling 100 %.")


def show_ladder(scores, title, golds):
    """Displays Scores of field shares, bottom rung first, beside the share of values that stand anywhere in it."""
    figure, axes = plots.new_figure(title, height=0.36 * len(scores) + 1.2)
    said = []
    for y, score in enumerate(scores):
        anywhere = 100 * values_anywhere(score.answers, golds)
        error = [[max(0.0, 100 * (score.mean - score.low))], [max(0.0, 100 * (score.high - score.mean))]]
        axes.plot(anywhere, y, "|", color=plots.COLOURS["base"], markersize=14, markeredgewidth=2,
                  label="values anywhere in the text" if y == 0 else None)  # fmt: skip
        axes.errorbar(100 * score.mean, y, xerr=error, fmt="o", color=plots.COLOURS["instruct"], capsize=4,
                      label="fields that a program reads" if y == 0 else None)  # fmt: skip
        said.append(f"{score.name} {100 * score.mean:.0f} %, anywhere {anywhere:.0f} %")
    axes.set_yticks(range(len(scores)), [score.name for score in scores])
    axes.set(
        xlim=(-3, 108), ylim=(-0.6, len(scores) + 0.2), xlabel=f"fields, % (whiskers: 95 % interval, n = {scores[0].n})"
    )
    plots.score_lines(axes, 0.0, 1.0)
    figure.legend(frameon=False, fontsize=8, loc="outside lower center", ncols=2)
    plots.show(figure, alt="Rungs from below: " + "; ".join(said) + ".")


def values_anywhere(answers, golds):
    """Returns the mean share of wanted values that occur anywhere in their answer, in any capitals, as one skims it."""
    pairs = zip([answer.lower() for answer in answers], golds, strict=True)
    return sum(sum(v.lower() in answer for v in gold.values()) / len(gold) for answer, gold in pairs) / len(answers)


# ---- the prompt builder ----


def write_prompt(text, switches):
    """Returns the messages that the switches make of a letter; raises ValueError for a switch that does not exist."""
    unknown = sorted(set(switches) - set(SWITCHES))
    if unknown:
        raise ValueError(f"there is no switch {', '.join(unknown)}; there are {', '.join(SWITCHES)}.")
    named = f"Give {' and '.join(KEYS)}" if "instruction" in switches else ""
    order = {(True, True): f"{named} as JSON.", (True, False): f"{named}.", (False, True): "Answer as JSON."}.get(
        ("instruction" in switches, "format" in switches), ""
    )
    solved = material.letters(2, KEYS, split="train") if "examples" in switches else ()
    return prompts.build(
        text,
        order,
        context=CONTEXT if "context" in switches else "",
        examples=[(item.input, item.gold) for item in solved],
        layout="Markdown" if "layout" in switches else "plain",
        role=material.ROLES["pirate"] if "role" in switches else None,
    )


def answer_letters(model, tokenizer, texts, switches):
    """Returns the answers to letters under the switches, greedy, masked where "mask" is among them."""
    chats = [write_prompt(text, switches) for text in texts]
    if "mask" in switches:
        return masks.complete_masked(model, tokenizer, chats, masks.fields_template(KEYS), TOKENS)
    return complete(model, tokenizer, chats, TOKENS, progress=False)


def prompt_view(model, tokenizer, switches, text="", n=LETTERS, report=None):
    """Returns {"prompt", "answer", "score", "parsed"}: the switches' prompt for a letter, and how they do on n letters.

    Without a text, the letter is the first of the n, which stand in no other cell of the lesson. `report(done, n)` is
    called after each batch, and may raise to stop. Raises ValueError for a letter of more than 600 characters.
    """
    if len(text) > 600:
        raise ValueError(f"the letter has {len(text)} characters; the model was trained on letters of up to 600.")
    items, answers = material.letters(n, KEYS, seed=99), []
    shown = text.strip() or items[0].input
    answer = answer_letters(model, tokenizer, [shown], switches)[0]
    for start in range(0, n, BATCH):
        answers += answer_letters(model, tokenizer, [item.input for item in items[start : start + BATCH]], switches)
        if report:
            report(len(answers), n)
    found = formats.score_fields(answers, material.wanted(items), "json")
    score = Score(", ".join(switches) or "no switch", found.fields, floor=0.0, ceiling=1.0, answers=answers)
    return {"prompt": write_prompt(shown, switches), "answer": answer, "score": score, "parsed": found.parsed}


def prompt_html(view):
    """Returns a view as HTML: the messages, the answer, the score with its interval."""
    rows = "".join(
        f"<tr><td style='vertical-align:top'><b>{turn['role']}</b></td>"
        f"<td style='text-align:left;white-space:pre-wrap'>{html.escape(turn['content'])}</td></tr>"
        for turn in view["prompt"]
    )
    answer = html.escape(view["answer"]) or "(nothing)"
    score, parsed = view["score"], sum(view["parsed"])
    return (
        f"<table>{rows}<tr><td style='vertical-align:top'><b>answer</b></td>"
        f"<td style='text-align:left;white-space:pre-wrap'><code>{answer}</code></td></tr></table>"
        f"<b>{html.escape(score.name)}</b>: fields {score}; {parsed} of {score.n} answers parsed"
    )


def show_prompt(view):
    """Displays a view: the static twin of `prompt_builder`."""
    display(HTML(prompt_html(view)))


def prompt_builder(model, tokenizer, on=("instruction",)):
    """Returns the builder: a switch for each technique, a letter of your own, Run and Cancel with a progress bar."""
    wide = w.Layout(width="90%")
    boxes = {
        name: w.Checkbox(value=name in on, description=f"{name}: {what}", indent=False, layout=wide)
        for name, what in SWITCHES.items()
    }
    area = w.Textarea(value="", description="Letter", placeholder="Your own letter; empty: one of the shop's",
                      layout=w.Layout(width="90%", height="60px"))  # fmt: skip
    run = w.Button(description="Run", button_style="primary", tooltip="Ask about 50 letters")
    cancel = w.Button(description="Cancel", disabled=True, tooltip="Stop asking")
    bar, out, log, stop = w.IntProgress(value=0, max=LETTERS, description="letters"), w.HTML(), [], threading.Event()

    def report(done, n):
        bar.max, bar.value = n, done
        if stop.is_set():
            raise Cancelled(f"Cancelled after {done} of {n} letters: nothing was scored.")

    def work(switches, text):
        try:
            view = prompt_view(model, tokenizer, switches, text, report=report)
            log.append(f"{html.escape(view['score'].name)}: {100 * view['score'].mean:.0f} %")
            out.value = f"{prompt_html(view)}<br>Tries on these letters: {'; '.join(log)}"
        except Cancelled as cancelled:
            out.value = str(cancelled)
        except Exception as error:  # in a thread: whatever is not shown here is seen by nobody
            out.value = html.escape(f"Cannot run this: {error}")
        finally:
            cancel.disabled, run.disabled = True, False

    def start(_):
        stop.clear()
        run.disabled, cancel.disabled, bar.value, out.value = True, False, 0, "Asking…"
        switches = tuple(name for name, box in boxes.items() if box.value)
        threading.Thread(target=work, args=(switches, area.value)).start()  # here, Cancel would wait for it

    run.on_click(start)
    cancel.on_click(lambda _: stop.set())
    controls = w.VBox([area, *boxes.values(), w.HBox([run, cancel, bar])], layout=w.Layout(flex="0 0 auto"))
    return w.VBox([controls, out])
