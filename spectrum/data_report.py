"""What a data file holds and what a model would see of it: `python -m spectrum.examples my_file` prints it."""

import argparse
import statistics
import sys

from spectrum.examples import IGNORE, read_rows, render
from spectrum.models import find_folder, read_config, resolve_role
from spectrum.own_data.readings import name_all
from spectrum.own_data.splits import say_repeats
from spectrum.preferences import as_chats

SHOWN = 20  # refused rows that are printed


def main(arguments=None):
    """Prints the report of a file; returns 0, or 1 where no row can be used."""
    parser = argparse.ArgumentParser(prog="python -m spectrum.examples", description="Shows what is read from a file.")
    parser.add_argument("file", help="a file or folder of rows")
    parser.add_argument("--columns", type=mapping, help="such as prompt=question completion=answer", nargs="+")
    parser.add_argument("--encoding", help="of a text file, if not UTF-8, such as cp1252")
    parser.add_argument("--split", help="which split of a data set")
    parser.add_argument("--model", default="lumen-base", help="whose chat template and tokens are shown")
    given = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # a console that cannot print a character shows "?"
    try:
        reading = read_rows(given.file, dict(given.columns) if given.columns else None, given.encoding, given.split)
        tokenizer, context = load_tokenizer(given.model)
    except (ValueError, OSError) as error:
        print(error)
        return 1
    lines, usable = report(reading, tokenizer, context)
    print("\n".join(lines))
    return 0 if usable else 1


def mapping(text):
    """Returns (field, column) of "prompt=question"; \\n in a template is a line break."""
    field, equals, column = text.partition("=")
    if not equals or not field or not column:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form field=column, such as prompt=question")
    return field, column.replace("\\n", "\n")


def load_tokenizer(name):
    """Returns (tokenizer, context) of a model that `load_model` accepts; the context is None where it states none."""
    from transformers import AutoTokenizer

    folder = find_folder(resolve_role(name))
    config = read_config(name).get_text_config()
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, model_max_length=10**9)
    return tokenizer, getattr(config, "max_position_embeddings", None)


def report(reading, tokenizer, context):
    """Returns (lines of text, number of usable rows): the form, the first row, lengths, repeats and problems."""
    problems, places, sizes, first = list(reading.problems), [], [], None
    for line, row in zip(reading.lines, reading.rows, strict=True):
        try:
            examples = [render(tokenizer, chat, chat=True) for chat in chats_of(reading, row)]
        except ValueError as error:
            problems.append(f"{reading.unit} {line}: {error}")
            continue
        first = first or (line, examples)
        places.append(line)
        sizes.append(max(len(example["input_ids"]) for example in examples))
    lines = [reading.said(), *first_row(reading, tokenizer, first), *lengths(reading, places, sizes, context)]
    lines += [say_repeats(reading)] if say_repeats(reading) else ["no row repeats another"]
    if problems:
        shown = problems[:SHOWN] + ([f"and {len(problems) - SHOWN} more"] if problems[SHOWN:] else [])
        lines += ["", f"{len(problems)} cannot be used:", *("  " + problem for problem in shown)]
    return lines, len(sizes)


def chats_of(reading, row):
    """Returns what `tokenize_rows` takes of a row: the row, or the two chats of a preference pair."""
    return as_chats(row) if reading.noun == "pairs" else [row]


def first_row(reading, tokenizer, first):
    """Returns the lines that show the first row as the model gets it; for a pair, with both answers."""
    if first is None:
        return []
    line, examples = first
    names = ["chosen: ", "rejected: "] if len(examples) == 2 else [""]
    shown = []
    for name, example in zip(names, examples, strict=True):
        learned = sum(label != IGNORE for label in example["labels"])
        shown += ["", f"{name}{reading.unit} {line} as the model gets it; what the loss sees stands in [[ ]]:"]
        shown += ["  " + text for text in marked(tokenizer, example).split("\n")]
        shown += [f"  ({len(example['input_ids'])} tokens, {learned} of them in the loss)"]
    return [*shown, ""]


def marked(tokenizer, example):
    """Returns the text of an example's tokens, those in the loss between [[ and ]]."""
    pieces, ids, labels, start = [], example["input_ids"], example["labels"], 0
    for stop in range(1, len(ids) + 1):
        if stop == len(ids) or (labels[stop] == IGNORE) != (labels[start] == IGNORE):
            text = tokenizer.decode(ids[start:stop])
            pieces.append(text if labels[start] == IGNORE else f"[[{text}]]")
            start = stop
    return "".join(pieces)


def lengths(reading, places, sizes, context):
    """Returns the lines on the numbers of tokens, and on the rows that exceed the model's context."""
    if not sizes:
        return []
    ordered = sorted(sizes)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    said = f"tokens a row: min {ordered[0]}, median {statistics.median(ordered):g}, p95 {p95}, max {ordered[-1]}"
    if context is None:
        return [f"{said}; the model states no context"]
    over = [(line, f"{reading.unit} {line}: {n} tokens, more than the context of {context}")
            for line, n in zip(places, sizes, strict=True) if n > context]  # fmt: skip
    lines = [f"{said}; the model's context is {context}"]
    return lines + ([name_all([line for line, _ in over], [why for _, why in over], reading.unit)] if over else [])
