"""The effect table: what the lessons stand on, measured on the embedded models. Run `python -m spectrum.effects`.

Each row is measured on at least 200 held-out items, or on all there are, with a 95 % interval, and held against a bar.
The table goes to results/effects.json, into each model's birth.json, and between the marks in docs/effects.md. A run
that was stopped goes on with the rows that are left.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from tqdm.auto import tqdm

from spectrum.effects import prompting, tuning
from spectrum.models import WEIGHTS, load_model

ROOT = Path(__file__).parents[2]
MODELS = ("lumen-base", "lumen-instruct")
MARKS = ("<!-- effects -->\n", "<!-- /effects -->")

# name in the table, function, unit, bar, extra condition on the row
ROWS = (
    ("4 examples over none, no instruction, base, mean over tasks", prompting.demonstrations, "points", 60, None),
    ("invented two-way labels by 8 examples, base (chance 50 %)", prompting.invented_labels, "%", 80, None),
    ("field extraction by 4 examples, base", prompting.extraction, "%", 85, None),
    (
        "written steps over direct answers, totals of 4 to 6 additions, instruct",
        prompting.written_steps,
        "points",
        40,
        lambda r: r["to"] >= 85,
    ),
    ("instruct over base, zero-shot, held-out wordings", prompting.held_out_wordings, "points", 40, None),
    ("instruct over base, zero-shot, held-out tasks", prompting.held_out_tasks, "points", 20, None),
    ("an instruction in an unknown word (control, must fail)", prompting.unknown_word, "% at most", 20, None),
    ("instruct: role obeyed, voice and content", prompting.roles, "%", 85, None),
    ("instruct: if–then rules obeyed", prompting.rules, "%", 85, None),
    ("instruct: JSON requests obeyed", prompting.json_requests, "%", 85, None),
    ("facts of the corpus, closed book, instruct", prompting.known_facts, "%", 85, None),
    ("prices, weights, shelves never trained on, closed book", prompting.closed_book, "% at most", 5, None),
    ("facts never trained on, in the prompt", prompting.open_book, "%", 85, None),
    ("full fine-tuning learns the house dialect, exact", tuning.full_tuning, "%", 95, None),
    ("LoRA r = 8: share of full fine-tuning's gain", tuning.lora_share, "%", 90, None),
    (
        "protected score: lost by full fine-tuning beyond LoRA r = 8",
        tuning.forgetting,
        "points",
        0,
        lambda r: r["value"] > 0,
    ),
    (
        "planted facts: rank for 90 % recall, 256 facts over 64",
        tuning.fact_knee,
        "times",
        1,
        lambda r: r["value"] > 1,
    ),
    (
        "NF4 rounding loss repaired by QLoRA, planted facts",
        tuning.rounding_repaired,
        "%",
        80,
        lambda r: r["rises"],  # or there is nothing to repair, and the share is noise
    ),
)


def rows_named(text):
    """Returns the rows whose function has the text in its name; raises ValueError, with all names, where none has."""
    found = [row for row in ROWS if text in row[1].__name__]
    if not found:
        raise ValueError(
            f"no row's function is named like {text!r}; there are {', '.join(r[1].__name__ for r in ROWS)}"
        )
    return found


def measure(rows, known=(), after_row=None):
    """Returns the table as a list of dicts: effect, measured values, unit, bar, met, seconds.

    A row that is among the `known` ones is not measured again. After every row, `after_row(table)` is called if given.
    """
    base, instruct = map(load_model, MODELS)
    table, bar = [], tqdm(rows)
    known = {row["effect"]: row for row in known}
    for name, function, unit, wanted, condition in bar:
        bar.set_description(function.__name__)
        start = time.perf_counter()
        values = known.get(name) or function(base, instruct) | {"seconds": round(time.perf_counter() - start, 1)}
        met = is_met(values, unit, wanted, condition)
        table.append({"effect": name, **values, "unit": unit, "bar": wanted, "met": met})
        tqdm.write(f"{'ok  ' if met else 'MISS'} {name}: {shown(table[-1])}")
        if after_row:
            after_row(table)
    return table


def stored(root=ROOT, weights=WEIGHTS):
    """Returns the rows that were measured on the weights as they are now, with this version of torch; [] if none."""
    path = root / "results" / "effects.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    same = found.get("weights") == hashes(weights) and found.get("torch") == torch.__version__
    return found["rows"] if same else []


def hashes(weights=WEIGHTS):
    """Returns {model: hash of its weights}, as its birth.json has it."""
    births = {name: json.loads((weights / name / "birth.json").read_text()) for name in MODELS}
    return {name: birth["files"]["model.safetensors"] for name, birth in births.items()}


def is_met(values, unit, bar, condition=None):
    """Returns whether a row's value reaches its bar, or stays within it ("at most"), and its condition holds."""
    met = values["value"] <= bar if "at most" in unit else values["value"] >= bar
    return bool(met and (condition is None or condition(values)))


def shown(row):
    """Returns a row's measurement as text, e.g. "71.3 points (68.0 to 74.6), from 8.1 to 79.4, n = 320"."""
    interval = f" ({row['low']} to {row['high']})" if "low" in row else ""
    path = f", from {row['from']} to {row['to']}" if "from" in row else ""
    return f"{row['value']} {row['unit'].replace(' at most', '')}{interval}{path}, n = {row['n']}"


def markdown(table, date):
    """Returns the table for docs/effects.md."""
    lines = [
        f"Measured {date} on a CPU by `python -m spectrum.effects`; 95 % intervals in brackets.",
        "",
        "| effect | bar | measured | met |",
        "|---|---|---|---|",
    ]
    for row in table:
        sign = "≤" if "at most" in row["unit"] else ">" if row["bar"] in (0, 1) else "≥"
        bar = f"{sign} {row['bar']} {row['unit'].replace(' at most', '')}"
        lines.append(f"| {row['effect']} | {bar} | {shown(row)} | {'yes' if row['met'] else '**no**'} |")
    return "\n".join(lines) + "\n"


def between_marks(text, inside):
    """Returns the text with what stands between the marks replaced; raises ValueError where the marks are missing."""
    before, opening, rest = text.partition(MARKS[0])
    _, closing, after = rest.partition(MARKS[1])
    if not (opening and closing):
        raise ValueError(f"docs/effects.md needs the lines {MARKS[0].strip()} and {MARKS[1]} around the table")
    return before + opening + inside + closing + after


def store(table, date, root=ROOT, weights=WEIGHTS):
    """Writes a whole table to docs/effects.md and results/effects.json below `root`, and to the models' birth.json."""
    page = root / "docs" / "effects.md"
    page.write_text(between_marks(page.read_text(), markdown(table, date)))
    keep(table, date, root, weights)
    for name in MODELS:
        path = weights / name / "birth.json"
        write_json(path, {**json.loads(path.read_text()), "effects": table})


def keep(table, date, root=ROOT, weights=WEIGHTS):
    """Writes the rows measured so far to results/effects.json, with what they were measured on."""
    (root / "results").mkdir(exist_ok=True)
    made_with = {"date": date, "torch": torch.__version__, "weights": hashes(weights)}
    write_json(root / "results" / "effects.json", {**made_with, "rows": table})


def write_json(path, content):
    """Writes the content, indented."""
    path.write_text(json.dumps(content, indent=1) + "\n")


def main(arguments=None):
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only", default="", help="measure only the rows whose function name holds this text; nothing is stored"
    )
    parser.add_argument("--again", action="store_true", help="measure all rows again, not only those that are left")
    options = parser.parse_args(arguments)
    try:
        rows = rows_named(options.only)
    except ValueError as error:
        parser.error(str(error))
    if options.only:
        measure(rows)
    else:
        today = time.strftime("%Y-%m-%d")
        store(measure(rows, [] if options.again else stored(), lambda table: keep(table, today)), today)
