"""The runs behind lesson 17: small models tuned on one narrow task, and larger ones that are told it in a prompt.

`run` is one run, a pure function of its settings that a process pool can import; `GRIDS` holds the settings of the
stored sweeps on lumen, `REAL` those on SmolLM2. `tools/make_sweeps.py` runs them; notebooks/17_small_and_local.ipynb
reads them.
"""

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from spectrum import adapters, prompts
from spectrum.evaluate import answer_length, bootstrap_interval, evaluate
from spectrum.examples import tokenize_rows
from spectrum.lessons.lora_rank import runs as rank_runs
from spectrum.lessons.small_and_local import engines
from spectrum.lessons.small_and_local.typed import typed_items
from spectrum.models import load_model, loaded_dtype
from spectrum.passes import autocast, precision_of
from spectrum.provenance import provenance
from spectrum.shop import tasks
from spectrum.shop.scoring import examples_of, is_right, items_of
from spectrum.sweeps import read_sweep, results_folder
from spectrum.train import train

RESULTS = results_folder("17_small_and_local")
TASKS = ("intent", "json_sentiment_city", "house_ticket")  # a class of five; two fields as JSON; a line by house rules
RANK, ALPHA, STEPS, BATCH = 16, 16, 128, 8  # one recipe for every base; each has a rate of its own
ROWS, SEEDS, ITEMS = (64, 256, 1024), (0, 1, 2), 100
DEV, ENGINE_ITEMS = 60, 50  # to choose a rate; asked one after the other, by each engine
# The house's rules in words: what a prompt must say that no weights know.
RULES = (
    "Write one line: LG|category|priority|action. The category is lighting, kitchen, garden, bedroom, toys, office, "
    "camping or tools. The priority is P1 if the message is urgent and the customer is unhappy with the product, P2 if "
    "only one of the two is so, P3 if neither is. The action is PAY for a refund, SWAP for an exchange, TRACE for "
    "tracking, STOP for a cancelled order, PRINT for an invoice."
)


def run(name, task, k=None, chat=False, rows=None, lr=None, steps=STEPS, seed=0, scan=False,
        kinds=None):  # fmt: skip
    """Returns {"test", "typed"}: 1 or 0 for each of 100 held-out messages and of the fifty typed ones, and how.

    Without `rows` a model is prompted: the order in words and `k` solved examples, as plain text or as a `chat`. With
    `rows` it is tuned on so many messages of the task by the one recipe, at the rate `lr` in so many `steps`, and asked
    by the short order alone. With `scan` it is asked other messages instead, "dev", by which its rate was chosen.
    "tokens" are those of a prompt, "last loss" and "seconds" those of a tuning. With `kinds` of GGUF files the first
    ENGINE_ITEMS held-out messages are asked once more, of torch and of llama.cpp over each kind: "engines", the rows of
    `engines.compare`, without answers but with "marks", and "same", the share of answers that torch gave too.
    """
    model, tokenizer = load_model(name)
    precision, found = precision_of(loaded_dtype(name, model.device)), {}
    if rows:
        model = adapters.add_lora(model, RANK, ALPHA, seed=seed)
        settings = {"steps": steps, "batch_size": BATCH, "lr": lr, "seed": seed, "precision": precision}
        records = train(model, tokenize_rows(tokenizer, rows_of(task, rows, seed)), progress=False, **settings)
        found = {"last loss": float(np.mean([record["loss"] for record in records[-8:]]))}
        found |= {"seconds": round(records[-1]["seconds"], 1), "trainable": adapters.count(model)["trainable"]}
    with autocast(precision, model.device):
        for part, items in parts(task, scan).items():
            asked = [short(item) for item in items] if rows else [prompt(item, k, chat) for item in items]
            score = ask(model, tokenizer, items, asked, stop=None if rows or chat else "\n")
            found |= {part: [int(right) for right in score.correct], f"tokens, {part}": round(score.tokens_in, 1)}
    if kinds:
        found["engines"] = in_engines(model, tokenizer, name, task, rows, k, kinds)
    return found | ({"provenance": provenance(model, name)} if rank_runs.is_real(name) else {})


def parts(task, scan=False):
    """Returns {part: items}: what the runs are compared on, or the part by which a rate is chosen."""
    if scan:
        return {"dev": tasks.TASKS[task].sample(DEV, "dev", seed=3)}
    return {"test": held_out(task), "typed": typed_items(task)}


def held_out(task, n=None):
    """Returns the first n messages of a task on which the runs are compared, all ITEMS by default."""
    return items_of((task,), ITEMS, seed=3)[:n]


def in_engines(model, tokenizer, name, task, rows, k, kinds):
    """Returns the rows of `engines.compare` on held-out messages: of a tuned model's short order, or of a prompt's."""
    items = held_out(task, ENGINE_ITEMS)
    asked = [short(item) for item in items] if rows else [prompt(item, k) for item in items]
    model = engines.whole(model, name)[0] if rows else load_model(name, dtype="float32")[0]
    most = answer_length(tokenizer, [item.gold for item in items], least=16)
    table = engines.compare(model, tokenizer, asked, most, None if rows else "\n", kinds)
    first = [answer.strip() for answer in table[0]["answers"]]
    for row in table:
        answers = [answer.strip() for answer in row.pop("answers")]
        row["same"] = float(np.mean([one == other for one, other in zip(answers, first, strict=True)]))
        row["marks"] = [int(is_right(answer, item)) for answer, item in zip(answers, items, strict=True)]
    return table


def rows_of(task, count, seed=0, part="train"):
    """Returns messages of a task to train on, or of another part, with the short order before each."""
    taught = tasks.TASKS[task].sample(count, part, seed)
    return [{"prompt": prompts.ask(tasks.TASKS[task], item).strip(), "completion": item.gold} for item in taught]


def short(item):
    """Returns a message under the short order of its task, as a chat: all that a tuned model is told."""
    return prompts.chat(prompts.ask(tasks.TASKS[item.task], item).strip())


def order_of(item):
    """Returns the order of a task in words, with all that the task's rules are."""
    return RULES if item.task == "house_ticket" else tasks.TASKS[item.task].instruction(item)


def prompt(item, k, chat=False):
    """Returns a message under the order of its task in words and `k` solved examples, as text or as a chat."""
    text = prompts.show(examples_of(item, k), item, order_of(item)) if k else f"{order_of(item)}\n{item.input}\n"
    return prompts.chat(text.strip()) if chat else text


def ask(model, tokenizer, items, asked, stop=None):
    """Returns the Score of a model on items, asked by prompts."""
    most = answer_length(tokenizer, [item.gold for item in items], least=16)
    return evaluate(model, tokenizer, items, asked, is_right, max_new_tokens=most, stop=stop, progress=False)


# ---- the stored sweeps ----

BASES = ("lumen-small", "lumen-base", "lumen-instruct")
LUMEN_RATES = (1e-3, 3e-3, 1e-2, 3e-2)
REAL_RATE = 1e-3  # lesson 12 tried others with SmolLM2 at this rank, in these steps, on the ticket
SCAN = 256  # messages with which the rates were tried, and all bases are compared


def prompted(names, ks, chat=False, named=TASKS):
    """Returns the settings of prompted runs."""
    return [{"name": name, "task": task, "k": k, "chat": chat} for name in names for task in named for k in ks]


def scans(names, rates):
    """Returns the settings of the runs that try rates: one seed, SCAN rows."""
    return [{"name": name, "task": task, "rows": SCAN, "lr": lr, "seed": 0, "scan": True}
            for name in names for task in TASKS for lr in rates]  # fmt: skip


# For each base and task the rate of the best score on messages of its own ("rates"), the lowest of equals.
RATES = {
    ("lumen-small", "intent"): 1e-3, ("lumen-small", "json_sentiment_city"): 1e-3,
    ("lumen-small", "house_ticket"): 1e-2,
    ("lumen-base", "intent"): 1e-3, ("lumen-base", "json_sentiment_city"): 3e-3, ("lumen-base", "house_ticket"): 1e-2,
    ("lumen-instruct", "intent"): 1e-3, ("lumen-instruct", "json_sentiment_city"): 3e-3,
    ("lumen-instruct", "house_ticket"): 1e-2,
} | {("smollm2", task): REAL_RATE for task in TASKS}  # fmt: skip


def tuned(name, task, rows, seed=0, **more):
    """Returns the settings of a tuned run at its base's own rate."""
    return {"name": name, "task": task, "rows": rows, "lr": RATES[name, task], "seed": seed} | more


EXPORTED = "json_sentiment_city"  # the task whose tuned models are exported
GRIDS = {
    "tuned": [
        tuned(base, task, rows, seed)
        for base in BASES
        for task in TASKS
        for rows in (ROWS if base != "lumen-instruct" else (SCAN,))
        for seed in SEEDS
    ],
    "engines": [tuned(base, EXPORTED, SCAN, kinds=list(engines.KINDS)) for base in BASES[:2]],
    "prompted": [
        *prompted(("lumen-small", "lumen-base"), (4, 8)),
        *prompted(("lumen-instruct",), (0, 4, 8), chat=True),
    ],
    "rates": scans(BASES, LUMEN_RATES),
}
REAL = {
    "tuned": [
        *(tuned("smollm2", task, rows) for rows in (SCAN, ROWS[0]) for task in TASKS),
        tuned("smollm2", "house_ticket", ROWS[-1]),  # what it has not learned from fewer
    ],
    "engines": [
        tuned("smollm2", EXPORTED, SCAN, kinds=list(engines.KINDS)),
        {"name": "smollm2", "task": EXPORTED, "k": 8, "kinds": ["f16", "q4_0"]},
    ],
    "prompted": [
        *prompted(("smollm2",), (0, 4, 8)),
        *prompted(("smollm2",), (16,), named=(EXPORTED,)),  # where 8 examples were better than 4
    ],
}  # fmt: skip


# ---- what the stored runs say ----


def stored(sweep, real=False):
    """Returns the stored runs of a sweep of GRIDS (of REAL if `real`) as a DataFrame: settings and results by name."""
    return read_sweep(RESULTS / ("real" if real else "") / sweep)


def both(sweep):
    """Returns the stored runs of a sweep on lumen and on SmolLM2 as one DataFrame."""
    return pd.concat([stored(sweep), stored(sweep, real=True)], ignore_index=True)


def share(marks):
    """Returns the share of ones in marks, in per cent."""
    return 100 * float(np.mean(marks))


def share_interval(marks):
    """Returns (share, low, high) of ones in marks, in per cent, with Wilson's 95 % interval, which is never empty."""
    found = binomtest(int(sum(marks)), len(marks)).proportion_ci(method="wilson")
    return share(marks), 100 * found.low, 100 * found.high


def best_prompts():
    """Returns a DataFrame, a row for each model and task: the run of its best prompt, and "score", in %.

    The best is chosen on the very messages of the score, which favours the prompts.
    """
    table = both("prompted")
    table["score"] = [share(marks) for marks in table["test"]]
    return table.loc[table.groupby(["name", "task"])["score"].idxmax()].set_index(["name", "task"])


def tuned_scores(part="test"):
    """Returns a DataFrame of the tuned runs on both models: their settings and results, and "score" in %."""
    table = both("tuned")
    return table.assign(score=[share(marks) for marks in table[part]])


def chosen(table, name, task, rows=SCAN):
    """Returns the rows of a table of tuned runs of one base on one task, tuned on so many messages."""
    return table[(table["name"] == name) & (table["task"] == task) & (table["rows"] == rows)]


def engine_tables():
    """Returns {way: rows of `engines.compare`} of the stored runs: tuned models, and SmolLM2 with 8 examples."""
    found = {}
    for row in both("engines").to_dict("records"):
        way = f"{row['name']}, tuned" if row["rows"] == row["rows"] else f"{row['name']}, prompted"
        found[way] = row["engines"]
    return found


def engine_frame(rows):
    """Returns rows of `engines.compare` as a DataFrame with a line for each engine."""
    lines = {}
    for row in rows:
        _, low, high = share_interval(row["marks"])
        lines[row["engine"]] = {
            "file, MB": round(row["file MB"], 1),
            "ready after, s": round(row["start"], 1),
            "most memory, MB": round(row["MB"]),
            "ms an answer": round(row["ms"]),
            "answers as torch's, %": round(100 * row["same"]),
            "right, %": f"{share(row['marks']):.0f} ({low:.0f} to {high:.0f})",
        }
    return pd.DataFrame(lines).T


def by_seed(table):
    """Returns "91 (89 to 93)" for the scores of several seeds, "100 (all)" for equal ones, "91" for one seed."""
    scores = sorted(table["score"])
    if len(scores) == 1:
        return f"{scores[0]:.0f}"
    return f"{np.mean(scores):.0f} " + (f"({scores[0]:.0f} to {scores[-1]:.0f})" if len(set(scores)) > 1 else "(all)")


def seed_table(table):
    """Returns a DataFrame of tuned runs in words: a line for each task and number of messages, a column a base."""
    found = {}
    for task in TASKS:
        for rows in ROWS:
            for name in (*BASES, "smollm2"):
                some = chosen(table, name, task, rows)
                found.setdefault((task, rows), {})[name] = by_seed(some) if len(some) else "–"
    return pd.DataFrame(found).T.rename_axis(["task", "messages"])


def advantage(tuned, prompt, part="test"):
    """Returns [points, low, high] by which tuned runs answer better than a prompt's run on the same messages.

    The 95 % interval resamples the messages; each message of the tuned runs counts with the mean of their seeds.
    """
    off = 100 * (np.mean(list(tuned[part]), axis=0) - np.array(prompt[part]))
    return [float(off.mean()), *bootstrap_interval(off)]
