"""From a file to rows of text, and from those to what the loss sees: token ids, labels, and packed batches.

Built by hand in notebooks/07_instruction_tuning.ipynb.
"""

import sys

import jinja2
import torch

from spectrum import templates
from spectrum.chats import find_answers
from spectrum.own_data import forms, tables, turns
from spectrum.own_data.readings import Reading, each_row
from spectrum.tokens import encode

IGNORE = -100  # the label value that transformers leaves out of the loss
STEP = 8  # of the widths of a wide model's rows


def read_rows(source, columns=None, encoding=None, split=None):
    """Returns the Reading of a source: its usable rows with their lines, and "line 3: why" of the others.

    The source is the path of a file (.jsonl, .ndjson, .json, .csv, .tsv, .parquet, text also as .gz), of a folder that
    save_to_disk wrote or a clone of a hub data set, a DataFrame, a `datasets` Dataset, or a list of dicts. The form is
    told by the columns (docs/own_data.md shows each); `columns` says which column is which field, for instance
    {"prompt": "{instruction}\\n{input}", "completion": "output"}, where a line whose columns are empty is left out.
    `encoding` is that of a text file, if not UTF-8; `split` chooses one of a data set's.
    Raises FileNotFoundError for a path that is not there, TypeError for a source of another type, and ValueError for a
    source that cannot be read, for columns that are not there or fit no form, and when no row can be used.
    """
    table = tables.read_table(source, encoding, split)
    names = list({name: None for record in table.records if isinstance(record, dict) for name in record})
    if not names:
        raise ValueError(f"{table.name}: none of its {len(table.records)} rows can be used. {first_cause(table)}")
    form, columns = forms.choose_form(table.name, names, columns)
    forms.refuse_ratings(table.name, form, columns, table.records)
    heard, rows, lines, problems = turns.Heard(), [], [], []
    for line, record in zip(table.lines, table.records, strict=True):
        try:
            rows.append(forms.make_row(record, form, columns, heard))
            lines.append(line)
        except ValueError as error:
            problems.append(f"{table.unit} {line}: {error}")
    if not rows:
        raise ValueError(f"{table.name}: none of its {len(problems)} rows can be used. {problems[0]}")
    used = {part for column in columns.values() for part in forms.parts_of(column, names)}
    unused = [name for name in names if name not in used] + list(heard.unused)
    form_name = forms.name_of(form, columns, table.records)
    notes = [f"from {table.kind}", *table.notes, *(f"{what}: {count}" for what, count in heard.notes.items())]
    return Reading(rows, lines, problems, form_name, form.noun, unused, notes, table.unit)


def first_cause(table):
    """Returns "line 3: why" of the first record of a table without any."""
    record = table.records[0]
    why = record if isinstance(record, ValueError) else f"must be an object with fields, not {type(record).__name__}"
    return f"{table.unit} {table.lines[0]}: {why}"


def tokenize_rows(tokenizer, rows, length=512, chat=True):
    """Returns one {"input_ids", "labels"} per row; labels are -100 wherever the loss must not look.

    A row is {"messages": [...]} (the loss sees the assistant's turns and their end marks), {"text": ...} (the loss
    sees all), or {"prompt": ..., "completion": ...} (it sees the completion; with chat=True the prompt is a user turn).
    Turns and rows may hold "tool_calls" and "tools". All rows are checked before the first is tokenized. Raises
    ValueError that names every row (by its line, where `rows` is a Reading) and the field when one is missing, empty or
    no text, when the chat template refuses a row or leaves out its tools, and when rows exceed `length`.
    """
    unit, lines = (rows.unit, rows.lines) if isinstance(rows, Reading) else ("row", range(len(rows)))
    if not len(rows):
        raise ValueError("no rows to train on")
    each_row(turns.check_row, rows, unit, lines)
    examples = each_row(lambda row: render(tokenizer, row, chat), rows, unit, lines)
    each_row(lambda example: check_length(example, length), examples, unit, lines)
    return examples


def check_length(example, length):
    """Raises ValueError for an example of more tokens than `length`."""
    tokens = len(example["input_ids"])
    if tokens > length:
        raise ValueError(f"{tokens} tokens, more than length={length}; shorten the row or train with a greater length")


def render(tokenizer, row, chat):
    """Returns {"input_ids", "labels"} of a row; ValueError where the template refuses it or leaves out its tools."""
    try:
        example = tokenize_row(tokenizer, row, chat)
    except (jinja2.TemplateError, TypeError, KeyError) as error:
        raise ValueError(f"the model's chat template refuses it: {type(error).__name__}: {error}") from error
    for what, without in turns.without_tools(row):
        try:
            same = tokenize_row(tokenizer, without, chat) == example
        except (ValueError, jinja2.TemplateError, TypeError, KeyError):
            same = False  # a template that cannot do without them does not leave them out
        if same:
            raise ValueError(f"the model's chat template leaves out {what}, which would vanish: use another model")
    return example


def tokenize_row(tokenizer, row, chat):
    """Returns {"input_ids", "labels"} of one checked row."""
    if row.get("text") is not None:
        ids = ended(tokenizer, encode(tokenizer, row["text"]))
        return {"input_ids": ids, "labels": list(ids)}
    if row.get("messages") is not None:
        return tokenize_chat(tokenizer, row["messages"], row.get("tools"))
    if chat:
        turns = [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": row["completion"]}]
        return tokenize_chat(tokenizer, turns)
    prompt = encode(tokenizer, row["prompt"])
    answer = ended(tokenizer, templates.text_ids(tokenizer, row["completion"]))
    return {"input_ids": prompt + answer, "labels": [IGNORE] * len(prompt) + answer}


def ended(tokenizer, ids):
    """Returns token ids with one end token after them, which they may have already."""
    end = tokenizer.eos_token_id
    if end is None:
        raise ValueError("the tokenizer has no end token (eos_token), so nothing would teach the model to stop")
    return ids if ids[-1:] == [end] else [*ids, end]


def tokenize_chat(tokenizer, messages, tools=None):
    """Returns {"input_ids", "labels"} of a chat; the loss sees each assistant turn with its end mark.

    Not a turn with "weight": 0. What follows the last turn in the loss is left out: nothing in it is learned. Raises
    ValueError where there is no such turn, and what `chats.find_answers` raises.
    """
    taught = [i for i, m in enumerate(messages) if m["role"] == "assistant" and m.get("weight", 1)]
    if not taught:
        raise ValueError("every assistant turn has weight 0, so the loss would see nothing")
    chat = [{k: v for k, v in m.items() if k != "weight"} for m in messages[: taught[-1] + 1]]
    ids, spans = find_answers(tokenizer, chat, taught, tools)
    labels = [IGNORE] * len(ids)
    for start, stop in spans:
        labels[start:stop] = ids[start:stop]
    return {"input_ids": ids, "labels": labels}


def fill_rows(examples, length, tight=False):
    """Returns the examples as a list of rows, evenly filled and no wider than `length` where the examples allow it.

    As many rows as the longest example fits into the whole: attention costs the square of a row's width, so several
    narrow rows are faster than few wide ones (1.5 times on a core: 16 chats of about 47 tokens against rows of 512).
    A wide model pays for padding more than for attention: with `tight` the number of rows is what costs it least (for
    8 chats of about 90 tokens 4 rows of 185 instead of 6 of 169: a quarter fewer tokens).
    """
    sizes = [len(e["input_ids"]) for e in examples]
    least = 1 if tight else max(1, sum(sizes) // max(sizes))
    filled = (deal(sizes, count) for count in range(least, len(sizes) + 1))
    allowed = (rows for rows in filled if row_width(rows, sizes) <= length)
    apart = deal(sizes, len(sizes))  # where an example is longer than `length`
    rows = min(allowed, key=lambda rows: row_cost(rows, sizes), default=apart) if tight else next(allowed, apart)
    return [[examples[i] for i in row] for row in rows]


def deal(sizes, count):
    """Returns `count` lists of the sizes' indices: the largest first, each to the row that holds least."""
    rows, used = [[] for _ in range(count)], [0] * count
    for i in sorted(range(len(sizes)), key=lambda i: -sizes[i]):
        emptiest = used.index(min(used))
        rows[emptiest].append(i)
        used[emptiest] += sizes[i]
    return rows


def row_width(rows, sizes):
    """Returns how many tokens the longest row holds."""
    return max(sum(sizes[i] for i in row) for row in rows)


def row_cost(rows, sizes):
    """Returns what rows cost a wide model, relatively: a token's matrices as much as its attention to 512 others."""
    width = row_width(rows, sizes)
    return len(rows) * width * (512 + width)


def pack(examples, length, together=True, tight=False):
    """Returns {"input_ids", "labels", "position_ids"}, each (rows, width): the examples laid end to end in few rows.

    Positions restart with each example, which tells transformers to keep the examples of a row from seeing each other,
    but only in a call with use_cache=False and without an attention mask. Each example's first label is ignored, as
    nothing precedes it. With `together` False each row holds one example, and its positions run on through the padding:
    for a model whose attention does not heed positions (`traits.traits_of` tells). `tight` is for a wide model's rows,
    whose width is then a multiple of 8 (where `length` allows it).
    """
    rows = fill_rows(examples, length, tight) if together else [[example] for example in examples]
    width = max(sum(len(e["input_ids"]) for e in row) for row in rows)
    if tight:  # a processor prepares and keeps its kernels for each shape that it meets: few widths, less of both
        width = max(width, min(-(-width // STEP) * STEP, length))
    batch = {
        "input_ids": torch.zeros(len(rows), width, dtype=torch.long),
        "labels": torch.full((len(rows), width), IGNORE),
        "position_ids": torch.zeros(len(rows), width, dtype=torch.long),
    }
    for i, row in enumerate(rows):
        start = 0
        for example in row:
            stop = start + len(example["input_ids"])
            batch["input_ids"][i, start:stop] = torch.as_tensor(example["input_ids"])
            batch["labels"][i, start:stop] = torch.as_tensor(example["labels"])
            batch["labels"][i, start] = IGNORE
            batch["position_ids"][i, start:stop] = torch.arange(stop - start)
            start = stop
        # Padding is not in the loss: an example of its own, or where nothing is told apart by positions, more of this.
        batch["position_ids"][i, start:] = torch.arange(width - start) + (0 if together else start)
    return batch


if __name__ == "__main__":
    from spectrum.data_report import main

    sys.exit(main())
