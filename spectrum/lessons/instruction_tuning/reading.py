"""Does a model read its orders? Lesson 07 on SmolLM2: tuned on orders from a grammar, asked in words it never saw.

`run` is one run of the stored sweep; `REAL` holds its settings, and `make real` runs them. The same recipe run longer
is what the course ships as smollm2-shop (`tools/train_reader.py`), whose scores are in its birth certificate.
"""

import statistics

from spectrum import adapters, general
from spectrum.evaluate import Score, evaluate
from spectrum.examples import tokenize_rows
from spectrum.generate import complete
from spectrum.models import ADAPTER, load_model
from spectrum.passes import autocast, precision_of
from spectrum.provenance import provenance
from spectrum.shop import orders
from spectrum.shop.typed_orders import typed_orders
from spectrum.sweeps import read_sweep, results_folder
from spectrum.train import train

RESULTS = results_folder("07_instruction_tuning") / "real"
RANK, RATE, BATCH, LENGTH = 8, 1e-3, 8, 512
ITEMS, ANSWER_TOKENS = 40, 48  # of each kind; a shown answer has 30 tokens at most
BASE, STEPS = "smollm2", (0, 64)
REAL = {
    "reading": [
        *({"name": BASE, "steps": steps, "seed": 0} for steps in STEPS),
        {"name": ADAPTER, "steps": 0, "seed": 0},  # the shipped adapter as it is
    ]
}


def run(name=BASE, steps=256, lr=RATE, rank=RANK, seed=0):
    """Returns the shares of orders that a model follows after so many steps of LoRA on orders, by kind, plain numbers.

    {"listed", "mapped", …, "typed"} are shares of ITEMS orders of each kind in held-out words and of the forty typed
    ones, to the letter, and with ", content" by what the answers hold; "protected" and "bits per byte" what is left of
    general knowledge and prose. A step reads BATCH new rows.
    """
    model, tokenizer = load_model(name)
    precision, records = precision_of(model.dtype), []
    if steps:
        model = adapters.add_lora(model, rank, seed=seed)
        records = tune(model, tokenizer, steps, lr, seed, precision)
    with autocast(precision, model.device):
        found = {kind: score.mean for kind, score in exam(model, tokenizer).items()}
        found["protected"] = general.knowledge(model, tokenizer).mean
        found["bits per byte"] = statistics.mean(general.bits_per_byte(model, tokenizer))
    found["loss"] = [round(record["loss"], 4) for record in records]
    found["seconds"] = round(records[-1]["seconds"], 1) if records else 0.0
    return found | {"provenance": provenance(model, BASE if name == ADAPTER else name)}


def before_and_after(order):
    """Returns the answers to an Order of SmolLM2 as it is and of smollm2-shop; ConnectionError where it is missing."""
    model, tokenizer = load_model(ADAPTER)
    with model.disable_adapter():
        (before,) = complete(model, tokenizer, [order.messages], max_new_tokens=ANSWER_TOKENS, progress=False)
    (after,) = complete(model, tokenizer, [order.messages], max_new_tokens=ANSWER_TOKENS, progress=False)
    return before, after


def stored_table():
    """Returns a table of the stored scores on SmolLM2 in per cent: a row for each kind of order, and what is kept.

    Columns are the untuned model, 64 steps and the shipped adapter, exact; and the first and the last by content, that
    is, whether the answer holds a right answer somewhere. The last row is general knowledge.
    """
    import pandas as pd

    sweep = read_sweep(RESULTS / "reading").set_index(["name", "steps"])
    runs = {"untuned": (BASE, 0), "64 steps": (BASE, 64), "1,000 steps": (ADAPTER, 0)}
    kinds, found = [*orders.MAKERS, "typed"], {}
    for column, which in runs.items():
        found[column] = sweep.loc[which, kinds].astype(float)
    for column in ("untuned", "1,000 steps"):
        found[f"{column}, content"] = pd.Series(
            [float(sweep.loc[runs[column], f"{kind}, content"]) for kind in kinds], kinds
        )
    table = (100 * pd.DataFrame(found)).round(0).astype(int).astype(object)
    known = [f"{100 * sweep.loc[which, 'protected']:.0f}" for which in runs.values()]
    table.loc["general knowledge"] = [*known, "", ""]
    return table


def tune(model, tokenizer, steps, lr, seed, precision, **options):
    """Trains the model on `steps` batches of orders, none of them twice, and returns the records of `train`."""
    rows = [{"messages": row["messages"]} for row in orders.order_rows(steps * BATCH, seed)]
    settings = {"steps": steps, "lr": lr, "batch_size": BATCH, "seed": seed, "length": LENGTH, "precision": precision}
    return train(model, tokenize_rows(tokenizer, rows, LENGTH), **{"progress": False} | settings | options)


def exam(model, tokenizer, items=ITEMS, split="test"):
    """Returns {kind: Score} on held-out orders of each kind and on the typed ones, exact and by content.

    "listed" is the share of answers that are right to the letter, "listed, content" of those that hold a right answer.
    """
    asked = {kind: orders.order_items(kind, items, split) for kind in orders.MAKERS}
    asked["typed"] = typed_orders()
    exact = {kind: ask(model, tokenizer, each, kind) for kind, each in asked.items()}
    held = {
        kind: [orders.holds(*pair) for pair in zip(exact[kind].answers, asked[kind], strict=True)] for kind in exact
    }
    return exact | {f"{kind}, content": Score(f"{kind}, content", shares) for kind, shares in held.items()}


def ask(model, tokenizer, items, name=""):
    """Returns the Score of a model's answers to Orders."""
    chats = [order.messages for order in items]
    settings = {"max_new_tokens": ANSWER_TOKENS, "floor": 0.0, "ceiling": 1.0, "progress": False}
    return evaluate(model, tokenizer, items, chats, orders.is_right, name=name, **settings)
