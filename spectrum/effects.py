"""The effect table: what the lessons stand on, measured on the embedded models. Run `python -m spectrum.effects`.

Each row is measured on at least 200 held-out items with a 95 % interval and held against a bar. The table goes to
results/effects.json, into each model's birth.json, and between the marks in README.md.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from tqdm.auto import tqdm

from spectrum import corpus, prompts, samplers, tasks, wordings, world
from spectrum.evaluate import compare, evaluate
from spectrum.examples import IGNORE, pack, tokenize_rows
from spectrum.generate import choice_logprobs
from spectrum.models import WEIGHTS, load_model
from spectrum.train import train

RESULTS = Path(__file__).parents[1] / "results"
DEMONSTRATED = tuple(n for n in tasks.TRAINED if n != "fact")
HOUSE_RUN = {"rows": 2400, "steps": 450, "batch_size": 16}
FACT_RUN = {"steps": 300, "batch_size": 32}


def items_of(names, n, seed=1):
    """Returns about n test items, spread evenly over the named tasks."""
    return [item for name in names for item in tasks.TASKS[name].sample(-(-n // len(names)), "test", seed)]


def is_right(answer, item):
    """Returns whether an answer is right by its own task's metric."""
    return tasks.TASKS[item.task].score(answer, item)


def demonstrated(item, k, seed=0):
    """Returns (examples, item): k training items of the item's task; JSON examples ask for the item's own keys."""
    rng = world.seeded("shots", item.task, item.input, k, seed)
    if item.task.startswith("json"):
        make = samplers.json_fields((), 1, always=item.details["keys"].split(" and "))
        return [tasks.Item(item.task, *make(rng, "train")) for _ in range(k)]
    return [tasks.TASKS[item.task].draw(rng, "train") for _ in range(k)]


def by_examples(base, items, k):
    """Returns the base model's score when each task is shown by k examples and no instruction."""
    shown = [prompts.show(demonstrated(item, k), item) for item in items]
    return evaluate(*base, items, shown, is_right, name=f"{k} examples", max_new_tokens=56, stop="\n")


def by_instruction(pair, items, wordings, chat, role=None):
    """Returns the score of a model asked by instruction; the wordings rotate over the items."""
    asked = [prompts.ask(tasks.TASKS[i.task], i, wordings[n % len(wordings)]) for n, i in enumerate(items)]
    asked = [prompts.chat(p, role) for p in asked] if chat else asked
    name = f"{'instruct' if chat else 'base'}, wordings {wordings}"
    return evaluate(*pair, items, asked, is_right, name=name, max_new_tokens=56, stop=None if chat else "\n")


def percent(score):
    """Returns {value, low, high, n}: a Score in percent with its interval, for the table."""
    return {
        "value": round(100 * score.mean, 1),
        "low": round(100 * score.low, 1),
        "high": round(100 * score.high, 1),
        "n": score.n,
    }


def gain(before, after):
    """Returns {value, low, high, n, from, to}: a paired difference in points."""
    c = compare(before, after)
    return {
        "value": round(c.difference, 1),
        "low": round(c.low, 1),
        "high": round(c.high, 1),
        "n": before.n,
        "from": round(100 * before.mean, 1),
        "to": round(100 * after.mean, 1),
    }


def demonstrations(base, instruct):
    items = items_of(DEMONSTRATED, 320)
    return gain(by_examples(base, items, 0), by_examples(base, items, 4))


def invented_labels(base, instruct):
    """Two sorts of sentences under two labels drawn afresh, shown by 8 examples, 4 of each in random order."""
    rng, shown, labels, golds = world.seeded("effects/labels", 1), [], [], []
    for _ in range(240):
        classes, draw = corpus.labelled_sentences(rng, 2)
        names = dict(zip(classes, rng.sample(corpus.LABEL_WORDS, 2), strict=True))
        order = rng.sample([*classes] * 4, 8)
        gold = rng.choice(classes)
        shown.append(prompts.label([(draw(c), names[c]) for c in order], draw(gold)))
        labels.append([names[c] for c in classes])
        golds.append(classes.index(gold))
    right = []
    for text, pair, gold in zip(shown, labels, golds, strict=True):
        scores = choice_logprobs(*base, [text], [f" {name}" for name in pair])[0]
        right.append(float(scores.argmax() == gold))
    return percent(score_of(right, "invented labels"))


def score_of(correct, name):
    """Returns a Score of 0/1 results that were not made by `evaluate`."""
    import numpy as np

    from spectrum.evaluate import Score

    return Score(name=name, correct=np.asarray(correct, dtype=float))


def extraction(base, instruct):
    return percent(by_examples(base, items_of(tuple(wordings.FIELDS), 200), 4))


def written_steps(base, instruct):
    items = long_totals(200)
    direct = [tasks.Item("total", i.input, i.gold, i.details) for i in items]
    return gain(by_instruction(instruct, direct, (0,), chat=True), by_instruction(instruct, items, (0,), chat=True))


def long_totals(n):
    """Returns test items of totals with 5 to 7 terms, that is 4 to 6 additions."""
    rng, make = world.seeded("effects/totals", 1), samplers.total(steps=True, terms=(5, 6, 7))
    return [tasks.Item("total_steps", *make(rng, "test")) for _ in range(n)]


def held_out_wordings(base, instruct):
    items = items_of(tasks.TRAINED, 320)
    return gain(by_instruction(base, items, (6, 7), chat=False), by_instruction(instruct, items, (6, 7), chat=True))


def held_out_tasks(base, instruct):
    items = items_of(tasks.HELD_OUT, 240)
    return gain(by_instruction(base, items, (0, 3), chat=False), by_instruction(instruct, items, (0, 3), chat=True))


def unknown_word(base, instruct):
    return percent(by_instruction(instruct, items_of(("glorb",), 200), (0,), chat=True))


def roles(base, instruct):
    """A persona in the system turn: right only if voice and content are both right."""
    items, rng = items_of(("name", "city", "product", "order"), 240), world.seeded("effects/roles", 1)
    personas = [rng.choice(list(corpus.PERSONA_TEXT)) for _ in items]
    asked = [
        prompts.chat(prompts.ask(tasks.TASKS[i.task], i), corpus.PERSONA_TEXT[p])
        for i, p in zip(items, personas, strict=True)
    ]
    wanted = [tasks.Item(i.task, i.input, corpus.spoken(i.gold, p)) for i, p in zip(items, personas, strict=True)]
    return percent(evaluate(*instruct, wanted, asked, lambda a, i: tasks.same_text(a, i.gold), max_new_tokens=32))


def rules(base, instruct):
    return percent(by_instruction(instruct, items_of(("route",), 200), (6, 7), chat=True))


def json_requests(base, instruct):
    return percent(by_instruction(instruct, items_of(("json", "json_class"), 200), (6, 7), chat=True))


def closed_book(base, instruct):
    return percent(by_instruction(instruct, items_of(("arrival",), 200), (0,), chat=True))


def known_facts(base, instruct):
    return percent(by_instruction(instruct, items_of(("fact",), 200), (0,), chat=True))


def open_book(base, instruct):
    return percent(by_instruction(instruct, items_of(("arrival_lookup",), 200), (0,), chat=True))


def house_rows(n, split, seed=0):
    """Returns prompt and completion rows of the two house tasks, half each."""
    items = [i for name in tasks.HOUSE for i in tasks.TASKS[name].sample(n // 2, split, seed)]
    return [
        {"prompt": prompts.ask(tasks.TASKS[i.task], i, n % 6).strip(), "completion": i.gold}
        for n, i in enumerate(items)
    ]


def tune(name, rows, lr, rank=None, quantized=False, steps=None, batch_size=16, seed=0):
    """Returns (model, tokenizer, records) after tuning a fresh copy of an embedded model: all weights, or LoRA of a rank."""
    model, tokenizer = load_quantized(name) if quantized else load_model(name)
    if rank:
        from peft import LoraConfig, get_peft_model

        torch.manual_seed(seed)
        model = get_peft_model(
            model, LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
        )
    records = train(
        model, tokenize_rows(tokenizer, rows), steps=steps, lr=lr, batch_size=batch_size, seed=seed, progress=False
    )
    return model, tokenizer, records


def load_quantized(name):
    """Returns the model with its linear layers in NF4 with double quantization, on the CPU, and the tokenizer."""
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    four_bits = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32,
    )
    model = AutoModelForCausalLM.from_pretrained(
        WEIGHTS / name, quantization_config=four_bits, dtype=torch.float32, device_map={"": "cpu"}
    )
    return model, load_model(name)[1]


@torch.no_grad()
def mean_loss(model, tokenizer, rows):
    """Returns nats per completion token over the rows."""
    examples, total, count = tokenize_rows(tokenizer, rows), 0.0, 0
    for start in range(0, len(examples), 32):
        batch = pack(examples[start : start + 32], 512)
        n = int((batch["labels"] != IGNORE).sum())
        total, count = total + n * model(**batch).loss.item(), count + n
    return total / count


def house_score(pair, n=200):
    """Returns the share of house tickets and replies that are right to the letter."""
    return by_instruction(pair, items_of(tasks.HOUSE, n), (0, 3), chat=True)


def protected(pair):
    """Returns the score on general skills shown by 3 examples, in plain text: what tuning must not break."""
    items = items_of(DEMONSTRATED, 200, seed=2)
    shown = [prompts.show(demonstrated(item, 3), item) for item in items]
    return evaluate(*pair, items, shown, is_right, name="protected", max_new_tokens=56, stop="\n")


class Tuned:
    """The house-dialect runs that several rows read, each made once: full fine-tuning, LoRA r = 8, and LoRA on NF4."""

    runs = {}
    settings = {
        "full": {"lr": 5e-4},
        "lora": {"lr": 5e-3, "rank": 8},
        "qlora": {"lr": 5e-3, "rank": 8, "quantized": True},
    }

    @classmethod
    def get(cls, kind):
        if kind not in cls.runs:
            rows = house_rows(HOUSE_RUN["rows"], "train")
            cls.runs[kind] = tune(
                "lumen-base", rows, steps=HOUSE_RUN["steps"], batch_size=HOUSE_RUN["batch_size"], **cls.settings[kind]
            )[:2]
        return cls.runs[kind]


def full_tuning(base, instruct):
    return percent(house_score(Tuned.get("full")))


def lora_share(base, instruct):
    """LoRA's gain over the untuned base as a percentage of full fine-tuning's gain."""
    start, full, lora = house_score(base), house_score(Tuned.get("full")), house_score(Tuned.get("lora"))
    share = 100 * (lora.mean - start.mean) / (full.mean - start.mean)
    return {"value": round(share, 1), "n": lora.n, "from": round(100 * start.mean, 1), "to": round(100 * lora.mean, 1)}


def forgetting(base, instruct):
    """Points of the protected score lost by full fine-tuning minus those lost by LoRA r = 8; positive: full forgets more."""
    start, full, lora = protected(base), protected(Tuned.get("full")), protected(Tuned.get("lora"))
    row = gain(full, lora)
    return {
        **row,
        "lost by full": round(100 * (start.mean - full.mean), 1),
        "lost by lora": round(100 * (start.mean - lora.mean), 1),
    }


def fact_knee(base, instruct, ranks=(1, 2, 4, 8, 16, 32), counts=(64, 256)):
    """The smallest rank at which 90 % of N planted facts are recalled, for N and 4N: value is the ratio of the two ranks."""
    recall = {n: {} for n in counts}
    for n in counts:
        for rank in ranks:
            recall[n][rank] = fact_recall(n, rank)
            if recall[n][rank] >= 90:
                break
    knee = [next((r for r, v in recall[n].items() if v >= 90), None) for n in counts]
    value = (knee[1] or 2 * ranks[-1]) / (knee[0] or 2 * ranks[-1])
    return {"value": value, "n": sum(counts), "ranks": dict(zip(map(str, counts), knee, strict=True)), "recall": recall}


def fact_recall(count, rank, seed=0):
    """Returns the percentage of planted facts that LoRA of a rank recalls after training on them."""
    facts = world.planted_facts(count, seed)
    rows = [{"prompt": f"What is in locker {key}?", "completion": code} for key, code in facts]
    model, tokenizer, _ = tune("lumen-base", rows, lr=5e-3, rank=rank, seed=seed, **FACT_RUN)
    items = [tasks.Item("planted", key, code) for key, code in facts]
    asked = [prompts.chat(row["prompt"]) for row in rows]
    score = evaluate(model, tokenizer, items, asked, lambda a, i: a.strip() == i.gold, max_new_tokens=8)
    return round(100 * score.mean, 1)


def rounding_repaired(base, instruct):
    """The share of the loss added by rounding a tuned model's base to NF4 that training the adapter over NF4 takes back."""
    from peft import PeftModel

    rows, folder = house_rows(200, "test", seed=1), RESULTS.parent / "build" / "effects-adapter"
    lora, tokenizer = Tuned.get("lora")
    lora.save_pretrained(folder)
    rounded = PeftModel.from_pretrained(load_quantized("lumen-base")[0], folder)
    tuned, broken, repaired = (mean_loss(m, tokenizer, rows) for m in (lora, rounded, Tuned.get("qlora")[0]))
    return {
        "value": round(100 * (broken - repaired) / (broken - tuned), 1),
        "n": len(rows),
        "from": round(broken, 4),
        "to": round(repaired, 4),
        "loss unrounded": round(tuned, 4),
    }


# name in the table, function, unit, bar, extra condition on the row
ROWS = (
    ("4 examples over none, no instruction, base, mean over tasks", demonstrations, "points", 60, None),
    ("invented two-way labels by 8 examples, base (chance 50 %)", invented_labels, "%", 80, None),
    ("field extraction by 4 examples, base", extraction, "%", 85, None),
    (
        "written steps over direct answers, totals of 4 to 6 additions, instruct",
        written_steps,
        "points",
        40,
        lambda r: r["to"] >= 85,
    ),
    ("instruct over base, zero-shot, held-out wordings", held_out_wordings, "points", 40, None),
    ("instruct over base, zero-shot, held-out tasks", held_out_tasks, "points", 20, None),
    ("an instruction in an unknown word (control, must fail)", unknown_word, "% at most", 20, None),
    ("instruct: role obeyed, voice and content", roles, "%", 85, None),
    ("instruct: if–then rules obeyed", rules, "%", 85, None),
    ("instruct: JSON requests obeyed", json_requests, "%", 85, None),
    ("facts of the corpus, closed book, instruct", known_facts, "%", 85, None),
    ("facts never trained on, closed book", closed_book, "% at most", 5, None),
    ("facts never trained on, in the prompt", open_book, "%", 85, None),
    ("full fine-tuning learns the house dialect, exact", full_tuning, "%", 95, None),
    ("LoRA r = 8: share of full fine-tuning's gain", lora_share, "%", 90, None),
    ("protected score: lost by full fine-tuning beyond LoRA r = 8", forgetting, "points", 0, lambda r: r["value"] > 0),
    ("planted facts: rank for 90 % recall, 256 facts over 64", fact_knee, "times", 1, lambda r: r["value"] > 1),
    (
        "NF4 rounding loss repaired by QLoRA, house dialect",
        rounding_repaired,
        "%",
        80,
        lambda r: r["from"] > r["loss unrounded"],
    ),
)


def measure(only=""):
    """Returns the table as a list of dicts: effect, measured values, unit, bar, met, seconds."""
    base, instruct, table = load_model("lumen-base"), load_model("lumen-instruct"), []
    bar = tqdm([row for row in ROWS if only in row[1].__name__])
    for name, function, unit, wanted, condition in bar:
        bar.set_description(function.__name__)
        start = time.perf_counter()
        values = function(base, instruct)
        met = values["value"] <= wanted if unit == "% at most" else values["value"] >= wanted
        met = bool(met and (condition is None or condition(values)))
        table.append(
            {
                "effect": name,
                **values,
                "unit": unit,
                "bar": wanted,
                "met": met,
                "seconds": round(time.perf_counter() - start, 1),
            }
        )
        tqdm.write(f"{'ok  ' if met else 'MISS'} {name}: {shown(table[-1])}")
    return table


def shown(row):
    """Returns a row's measurement as text, e.g. "71.3 points (68.0 to 74.6), from 8.1 to 79.4, n = 320"."""
    interval = f" ({row['low']} to {row['high']})" if "low" in row else ""
    path = f", from {row['from']} to {row['to']}" if "from" in row else ""
    return f"{row['value']} {row['unit'].replace(' at most', '')}{interval}{path}, n = {row['n']}"


def markdown(table, date):
    """Returns the table for the README."""
    lines = [
        f"Measured {date} on a CPU by `python -m spectrum.effects`; 95 % intervals in brackets.",
        "",
        "| effect | bar | measured | met |",
        "|---|---|---|---|",
    ]
    for row in table:
        sign = "≤" if "at most" in row["unit"] else ("> " if row["bar"] in (0, 1) else "≥")
        bar = f"{sign} {row['bar']} {row['unit'].replace(' at most', '')}".replace("  ", " ")
        lines.append(f"| {row['effect']} | {bar} | {shown(row)} | {'yes' if row['met'] else '**no**'} |")
    return "\n".join(lines) + "\n"


def store(table):
    """Writes the table to results/effects.json, to birth.json of the two models, and between the marks of README.md."""
    date = time.strftime("%Y-%m-%d")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "effects.json").write_text(
        json.dumps({"date": date, "torch": torch.__version__, "rows": table}, indent=1) + "\n"
    )
    for name in ("lumen-base", "lumen-instruct"):
        path = WEIGHTS / name / "birth.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "effects": table}, indent=1) + "\n")
    readme = RESULTS.parent / "README.md"
    before, rest = readme.read_text().split("<!-- effects -->", 1)
    readme.write_text(
        f"{before}<!-- effects -->\n{markdown(table, date)}<!-- /effects -->{rest.split('<!-- /effects -->', 1)[1]}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only", default="", help="measure only the rows whose function name holds this text; nothing is stored"
    )
    options = parser.parse_args()
    table = measure(options.only)
    if not options.only:
        store(table)


if __name__ == "__main__":
    main()
