"""Lesson 00 on SmolLM2: forty typed orders to one model, as it is, with four solved orders before, and tuned.

`run` is one run of the stored sweep; `REAL` holds its settings, and `make real` runs them.
"""

from spectrum import prompts, seeds
from spectrum.evaluate import Score
from spectrum.generate import complete
from spectrum.lessons.start_here import strangers
from spectrum.models import ADAPTER, load_model
from spectrum.passes import autocast, precision_of
from spectrum.provenance import provenance
from spectrum.shop import orders
from spectrum.shop.typed_orders import typed_orders
from spectrum.sweeps import read_sweep, results_folder

BASE = "smollm2"
WAYS = ("prompted", "shown", "tuned")
SHOWN = ("extracted", "listed", "mapped", "formed")  # the kinds of the solved orders
ANSWER_TOKENS = 48
RESULTS = results_folder("00_start_here") / "real"
REAL = {
    "ways": [
        {"way": "prompted", "seed": 0},
        *({"way": "shown", "seed": seed} for seed in range(3)),
        {"way": "tuned", "seed": 0},
    ],
    "strangers": [{"way": way, "others": True} for way in ("prompted", "tuned")],
}


def solved(seed=0):
    """Returns the turns of four solved orders, one of each kind in SHOWN, other letters than the typed orders have."""
    drawn = [orders.order_items(kind, 1, "dev", seed)[0] for kind in SHOWN]
    seeds.seeded("lesson 00", seed).shuffle(drawn)
    said = [(prompts.chat(order.text), {"role": "assistant", "content": order.gold}) for order in drawn]
    return [turn for asked, answer in said for turn in (*asked, answer)]


def chat(text, way, seed=0):
    """Returns the chat in which an order goes to the model in one of the three WAYS."""
    return [*(solved(seed) if way == "shown" else []), *prompts.chat(text)]


def run(way, seed=0, others=False):
    """Returns {"exact", "content", "answers"} of one way: a list each with one entry for each of the forty orders.

    "exact" is right to the letter, "content" holds a right answer somewhere. `seed` draws the solved orders. With
    `others` it is {"accepted", "answers", "without"} on the thirty orders that somebody else typed; "without" says
    which of the ten words that were left out of their lists were named all the same.
    """
    model, tokenizer = load_model(ADAPTER if way == "tuned" else BASE)
    if others:
        with autocast(precision_of(model.dtype), model.device):
            return by_strangers(model, tokenizer) | {"provenance": provenance(model, BASE)}
    asked = typed_orders()
    with autocast(precision_of(model.dtype), model.device):
        answers = answer(model, tokenizer, [chat(order.text, way, seed) for order in asked])
    return {
        "exact": [orders.is_right(*pair) for pair in zip(answers, asked, strict=True)],
        "content": [orders.holds(*pair) for pair in zip(answers, asked, strict=True)],
        "answers": answers,
        "provenance": provenance(model, BASE),
    }


def by_strangers(model, tokenizer):
    """Returns what a model says to the thirty orders that somebody else typed, and what of it is accepted."""
    asked = strangers.typed()
    lists = [each for each in asked if each.without]
    answers = answer(model, tokenizer, [prompts.chat(each.text) for each in asked])
    named = answer(model, tokenizer, [prompts.chat(each.without_the_answer().text) for each in lists])
    return {
        "accepted": [each.accepts(said) for each, said in zip(asked, answers, strict=True)],
        "answers": answers,
        "without": [each.accepts(said) for each, said in zip(lists, named, strict=True)],
    }


def answer(model, tokenizer, chats):
    """Returns the model's greedy answers to chats."""
    return complete(model, tokenizer, chats, max_new_tokens=ANSWER_TOKENS, progress=False)


def stored_scores(measure="exact"):
    """Returns the stored Scores of the forty orders by "exact" or "content", a Score for each run.

    Of "shown" there are three, with other solved orders each.
    """
    sweep = read_sweep(RESULTS / "ways")
    names = [
        way if way != "shown" else f"shown, draw {seed}" for way, seed in zip(sweep["way"], sweep["seed"], strict=True)
    ]
    scores = [Score(name, list(map(float, row))) for name, row in zip(names, sweep[measure], strict=True)]
    return sorted(scores, key=lambda score: (WAYS.index(score.name.split(",")[0]), score.name))


def stored_answers(way, seed=0):
    """Returns the stored answers to the forty orders in one way."""
    sweep = read_sweep(RESULTS / "ways").set_index(["way", "seed"])
    return list(sweep.loc[(way, seed), "answers"])


def stored_strangers(way):
    """Returns the stored run of one way, "prompted" or "tuned", on the thirty orders that somebody else typed."""
    return read_sweep(RESULTS / "strangers").set_index("way").loc[way].to_dict()


def accepted(name, found):
    """Returns the Score of a run on the thirty orders, under a name."""
    return Score(name, list(map(float, found["accepted"])))


def asker():
    """Returns `ask(text)`, which gives SmolLM2's answers to an order as {way: answer}.

    Raises ConnectionError, with what to do, where SmolLM2 is not on this machine.
    """
    model, tokenizer = load_model(ADAPTER)

    def ask(text):
        with model.disable_adapter():
            first = {way: answer(model, tokenizer, [chat(text, way)])[0] for way in WAYS[:2]}
        return first | {"tuned": answer(model, tokenizer, [chat(text, "tuned")])[0]}

    return ask
