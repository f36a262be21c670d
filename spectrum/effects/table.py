"""The effect tables: what the lessons stand on, measured on the models. Run `python -m spectrum.effects`.

There are two: of the embedded models, and of the reader over SmolLM2. Each row is measured on at least 200 held-out
items, or on all there are, with a 95 % interval, and held against a bar. A table goes to its file in results/, into
each model's birth.json, and between its marks in docs/effects.md. A run that was stopped goes on with the rows left.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from tqdm.auto import tqdm

from spectrum.effects import prompting, reading, tuning
from spectrum.models import ADAPTER, WEIGHTS, load_model
from spectrum.sweeps import results_folder

ROOT = Path(__file__).parents[2]

# name in the table, function of the models, unit, bar, extra condition on the row
EMBEDDED = (
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


READING = (
    ("typed orders, smollm2-shop over SmolLM2", reading.typed, "points", 40, None),
    ("lumen's trained tasks in words of their own, smollm2-shop over SmolLM2", reading.shop_tasks, "points", 40, None),
    ("lumen's held-out tasks, some of them like the reader's own orders", reading.held_out_tasks, "%", 50, None),
    ("an instruction in an unknown word (control, must fail)", reading.unknown_word, "% at most", 20, None),
    ("one of the options listed, wording and option words held out", reading.options, "%", 85, None),
    ("answers that are one of the options listed, right or wrong", reading.only_options, "%", 95, None),
    ("listed options over another class's options (control, must fall)", reading.other_options, "points", 40, None),
    ("rules with answer words drawn afresh", reading.fresh_rules, "%", 80, None),
    ("fields as JSON", reading.json_form, "%", 85, None),
    ("fields as XML", reading.xml_form, "%", 85, None),
    ("fields as lines of key: value", reading.lines_form, "%", 85, None),
    ("a role: answers in its voice", reading.voice, "%", 90, None),
    ("the role negated: answers in its voice", reading.no_voice, "% at most", 10, None),
)


@dataclass(frozen=True)
class Table:
    """An effect table: its name, which its file and its marks have, the models that its rows are given, its rows."""

    name: str
    models: tuple
    rows: tuple

    @property
    def marks(self):
        """The lines of docs/effects.md between which the table stands."""
        return f"<!-- {self.name} -->\n", f"<!-- /{self.name} -->"

    def path(self, root):
        """Returns the file of its rows below a root."""
        return root / "results" / f"{self.name}.json"


TABLES = (
    Table("effects", ("lumen-base", "lumen-instruct"), EMBEDDED),
    Table("effects_reading", (ADAPTER,), READING),
)


def rows_named(text):
    """Returns [(Table, its rows whose function has the text in its name)]; ValueError, with all names, for none."""
    found = [(table, [row for row in table.rows if text in row[1].__name__]) for table in TABLES]
    if not any(rows for _, rows in found):
        names = ", ".join(row[1].__name__ for table in TABLES for row in table.rows)
        raise ValueError(f"no row's function is named like {text!r}; there are {names}")
    return [(table, rows) for table, rows in found if rows]


def measure(rows, names, known=(), after_row=None):
    """Returns a table's rows as dicts: effect, measured values, unit, bar, met, seconds. `names` are its models'.

    A row that is among the `known` ones is not measured again. After every row, `after_row(rows)` is called if given.
    """
    models = [load_model(name) for name in names]
    table, bar = [], tqdm(rows)
    known = {row["effect"]: row for row in known}
    for name, function, unit, wanted, condition in bar:
        bar.set_description(function.__name__)
        start = time.perf_counter()
        values = known.get(name) or function(*models) | {"seconds": round(time.perf_counter() - start, 1)}
        met = is_met(values, unit, wanted, condition)
        table.append({"effect": name, **values, "unit": unit, "bar": wanted, "met": met})
        tqdm.write(f"{'ok  ' if met else 'MISS'} {name}: {shown(table[-1])}")
        if after_row:
            after_row(table)
    return table


def stored(table, root=ROOT, weights=WEIGHTS):
    """Returns the rows that were measured on the weights as they are now, with this version of torch; [] if none."""
    path = table.path(root)
    found = json.loads(path.read_text()) if path.exists() else {}
    same = found.get("weights") == hashes(table, weights) and found.get("torch") == torch.__version__
    return found["rows"] if same else []


def read(name):
    """Returns the rows of a stored effect table by its name, "effects" or "effects_reading", whatever the machine."""
    return json.loads((results_folder() / f"{name}.json").read_text())["rows"]


def hashes(table, weights=WEIGHTS):
    """Returns {model: hash of its weights}, of an adapter those of its own, as its birth.json has it."""
    births = {name: json.loads((weights / name / "birth.json").read_text())["files"] for name in table.models}
    files = ("model.safetensors", "adapter_model.safetensors")
    return {name: next(found[file] for file in files if file in found) for name, found in births.items()}


def is_met(values, unit, bar, condition=None):
    """Returns whether a row's value reaches its bar, or stays within it ("at most"), and its condition holds."""
    met = values["value"] <= bar if "at most" in unit else values["value"] >= bar
    return bool(met and (condition is None or condition(values)))


def shown(row):
    """Returns a row's measurement as text, e.g. "71.3 points (68.0 to 74.6), from 8.1 to 79.4, n = 320"."""
    interval = f" ({row['low']} to {row['high']})" if "low" in row else ""
    path = f", from {row['from']} to {row['to']}" if "from" in row else ""
    return f"{row['value']} {row['unit'].replace(' at most', '')}{interval}{path}, n = {row['n']}"


def markdown(rows, date):
    """Returns measured rows as the table in docs/effects.md."""
    lines = [
        f"Measured {date} on a CPU by `python -m spectrum.effects`; 95 % intervals in brackets.",
        "",
        "| effect | bar | measured | met |",
        "|---|---|---|---|",
    ]
    for row in rows:
        sign = "≤" if "at most" in row["unit"] else ">" if row["bar"] in (0, 1) else "≥"
        bar = f"{sign} {row['bar']} {row['unit'].replace(' at most', '')}"
        lines.append(f"| {row['effect']} | {bar} | {shown(row)} | {'yes' if row['met'] else '**no**'} |")
    return "\n".join(lines) + "\n"


def between_marks(text, inside, marks):
    """Returns the text with what stands between the marks replaced; raises ValueError where the marks are missing."""
    before, opening, rest = text.partition(marks[0])
    _, closing, after = rest.partition(marks[1])
    if not (opening and closing):
        raise ValueError(f"docs/effects.md needs the lines {marks[0].strip()} and {marks[1]} around the table")
    return before + opening + inside + closing + after


def store(table, rows, date, root=ROOT, weights=WEIGHTS):
    """Writes a table's rows to docs/effects.md and results/ below `root`, and to its models' birth.json."""
    page = root / "docs" / "effects.md"
    page.write_text(between_marks(page.read_text(), markdown(rows, date), table.marks))
    keep(table, rows, date, root, weights)
    for name in table.models:
        path = weights / name / "birth.json"
        write_json(path, {**json.loads(path.read_text()), "effects": rows})


def keep(table, rows, date, root=ROOT, weights=WEIGHTS):
    """Writes the rows measured so far to the table's file in results/, with what they were measured on."""
    table.path(root).parent.mkdir(exist_ok=True)
    made_with = {"date": date, "torch": torch.__version__, "weights": hashes(table, weights)}
    write_json(table.path(root), {**made_with, "rows": rows})


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
        found = rows_named(options.only)
    except ValueError as error:
        parser.error(str(error))
    for table, rows in found:
        if options.only:
            measure(rows, table.models)
        else:
            measure_and_store(table, [] if options.again else stored(table), time.strftime("%Y-%m-%d"))


def measure_and_store(table, known, today):
    """Measures the rows of a table that are not known, keeping each at once, and stores the whole if it has changed."""
    left = {name for name, *_ in table.rows} - {row["effect"] for row in known}
    rows = measure(table.rows, table.models, known, (lambda rows: keep(table, rows, today)) if left else None)
    if rows != known:
        store(table, rows, today)
