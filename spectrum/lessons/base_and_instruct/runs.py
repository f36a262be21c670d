"""Lesson 01 on SmolLM2: the ladder of prompts that lumen climbs, and a prompt refined step by step and cut again.

`run` is one run of the stored sweeps; `REAL` holds their settings, and `make real` runs them.
"""

import json

from spectrum import prompts
from spectrum.evaluate import Score
from spectrum.generate import complete
from spectrum.models import load_model
from spectrum.passes import autocast, precision_of
from spectrum.provenance import provenance
from spectrum.shop import tasks
from spectrum.sweeps import read_sweep, results_folder

NAME = "smollm2"
RESULTS = results_folder("01_base_and_instruct") / "real"
LETTERS, SEED = 120, 5
RUNGS = {
    "bare letter": "{letter}",
    "vague order": "Write a summary.\n{letter}",
    "fields alone": "Give {keys}.\n{letter}",
    "format alone": "Answer as JSON.\n{letter}",
    "fields and format": "Give {keys} as JSON.\n{letter}",
}
SIX = "broken, late, missing, wrong, billing or none"
SIX_WORDS = SIX.replace(" or ", ", ").split(", ")
MEANT = (
    "broken: the article is damaged. late: it has not come in time. missing: a part is not there. wrong: another "
    "article came. billing: the price or the payment is wrong. none: all is well."
)
EXAMPLES = (
    "Letter: The lid of the teapot is cracked. Please send another one.\nProblem: broken\n\n"
    "Letter: I paid twice for one kite.\nProblem: billing\n\n"
    "Letter: The rake came on Monday, as you said. I like it.\nProblem: none\n\n"
)
ONLY = "Answer with one of these words and nothing else."
# Each step adds one part to the step before ("plain" leaves out the chat template); the last four are the sixth
# with one part left out.
PARTS = ("words", "only", "labels", "meanings", "examples")
VERSIONS = {
    "1 ask": (),
    "2 + the six words": PARTS[:1],
    "3 + nothing else": PARTS[:2],
    "4 + labels": PARTS[:3],
    "5 + what they mean": PARTS[:4],
    "6 + three examples": PARTS,
    "7 as plain text": (*PARTS, "plain"),
    **{f"6 without {part}": tuple(p for p in PARTS if p != part) for part in PARTS[:4]},
}
REAL = {
    "ladder": [{"rung": rung} for rung in RUNGS],
    "refined": [{"version": version} for version in VERSIONS],
}


def prompt(letter, parts):
    """Returns the prompt that asks for the problem of a letter with these of PARTS."""
    ask = f"What is the problem in this letter: {SIX}?" if "words" in parts else "What is the problem in this letter?"
    lines = [ask, *([MEANT] if "meanings" in parts else []), *([ONLY] if "only" in parts else [])]
    examples = EXAMPLES if "examples" in parts else ""
    if "labels" in parts:
        return f"{' '.join(lines)}\n\n{examples}Letter: {letter}\nProblem:"
    return f"{' '.join(lines)}\n\n{examples}{letter}"


def run(rung=None, version=None, split="dev"):
    """Returns the answers of SmolLM2 on one rung of the ladder or to one version of the refined prompt, with scores.

    {"exact": whether each answer is right to the letter, "content": for a rung the share of the wanted values that
    stand in each answer, for a version whether the right word does and none of the other five, "answers": all
    of them, "tokens in": of a prompt on average}.
    """
    model, tokenizer = load_model(NAME)
    task = tasks.TASKS["json" if rung else "problem"]
    items = task.sample(LETTERS, split, seed=SEED)
    if rung:
        texts = [RUNGS[rung].format(letter=item.input, keys=item.details["keys"]) for item in items]
    else:
        texts = [prompt(item.input, VERSIONS[version]) for item in items]
    plain = not rung and "plain" in VERSIONS[version]
    asked = texts if plain else [prompts.chat(text) for text in texts]
    with autocast(precision_of(model.dtype), model.device):
        answers = complete(model, tokenizer, asked, max_new_tokens=56 if rung else 24, progress=False)
    if plain:  # it would write the next letter too
        answers = [answer.split("\n")[0].strip() for answer in answers]
    return {
        "exact": [bool(task.score(answer, item)) for answer, item in zip(answers, items, strict=True)],
        "content": [(values if rung else word)(answer, item) for answer, item in zip(answers, items, strict=True)],
        "answers": answers,
        "tokens in": sum(len(tokenizer(text)["input_ids"]) for text in texts) / len(texts),
        "provenance": provenance(model, NAME),
    }


def values(answer, item):
    """Returns the share of an item's wanted values that stand in an answer."""
    wanted = list(json.loads(item.gold).values())
    return sum(value in answer for value in wanted) / len(wanted)


def word(answer, item):
    """Returns 1.0 where an answer names the item's problem and none of the other five, else 0.0."""
    named = {name for name in SIX_WORDS if name in answer.lower()}
    return float(named == {item.gold})


def stored_answers(name):
    """Returns the stored answers on a rung of the ladder or to a version of the refined prompt."""
    what, key = ("ladder", "rung") if name in RUNGS else ("refined", "version")
    return read_sweep(RESULTS / what).set_index(key).loc[name, "answers"]


def form(version):
    """Returns the Score of a version's stored answers that are one of the six words alone, right or wrong."""
    return Score(version, [answer.strip() in SIX_WORDS for answer in stored_answers(version)])


def stored(what, measure="exact"):
    """Returns {name: Score} of the stored runs, "ladder" or "refined", in their order, by "exact" or by "content"."""
    name = {"ladder": "rung", "refined": "version"}[what]
    sweep = read_sweep(RESULTS / what).set_index(name)[measure]
    return {key: Score(key, list(map(float, sweep[key]))) for key in (RUNGS if what == "ladder" else VERSIONS)}
