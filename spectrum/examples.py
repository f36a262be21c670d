"""From a file to rows of text, and from those to what the loss sees: token ids, labels, and packed batches.

Built by hand in notebooks/07_instruction_tuning.ipynb.
"""

import csv
import json
from pathlib import Path

import torch

from spectrum import templates
from spectrum.chats import find_answers
from spectrum.tokens import encode

IGNORE = -100  # the label value that transformers leaves out of the loss
ROLES = ("system", "user", "assistant")
FIELDS = (("messages",), ("text",), ("prompt", "completion"))  # what a row is made of, one of these


def read_rows(path, columns=None):
    """Returns (rows, problems): a file's usable rows, as `tokenize_rows` takes them, and "line 3: why" of the others.

    The file is JSONL, CSV (with a header; UTF-8 both) or a folder that a `datasets` Dataset was saved to, whose lines
    are its rows from 1. `columns` says which of its columns is which field, for instance {"prompt": "question",
    "completion": "answer"} or {"messages": "chat"}; without it they bear the fields' names. A chat in a CSV is JSON.
    Raises FileNotFoundError for a path that is not there and ValueError for a format that is none of these, for columns
    that are not there and when no row can be used.
    """
    path = Path(path).expanduser()
    lines = read_lines(path)
    fields = choose_columns(path, lines, columns)
    rows, problems = [], []
    for line, record in lines:
        try:
            rows.append(make_row(record, fields))
        except ValueError as error:
            problems.append(f"line {line}: {error}")
    if not rows:
        raise ValueError(f"{str(path)!r}: none of its {len(lines)} rows can be used. {problems[0]}")
    return rows, problems


def read_lines(path):
    """Returns [(line number, record)] of a file; a record is a dict, or a ValueError where the line holds none."""
    if not path.exists():
        raise FileNotFoundError(f"There is no file or folder {str(path)!r}.")
    readers = {".jsonl": read_jsonl, ".csv": read_csv}
    if path.is_dir():
        lines = read_dataset(path)
    elif path.suffix.lower() in readers:
        try:
            lines = readers[path.suffix.lower()](path)
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"{str(path)!r} cannot be read as UTF-8 text of its format: {error}") from None
    else:
        raise ValueError(f"{str(path)!r}: give a .jsonl file, a .csv file, or a folder that save_to_disk wrote")
    if not lines:
        raise ValueError(f"{str(path)!r} has no rows")
    return lines


def read_jsonl(path):
    """Returns the objects of a file with one JSON object per line; empty lines are left out."""
    lines = []
    for number, text in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), start=1):
        if text.strip():
            try:
                record = json.loads(text)
            except json.JSONDecodeError as error:
                record = ValueError(f"no JSON ({error.msg} at character {error.pos + 1})")
            lines.append((number, record))
    return lines


def read_csv(path):
    """Returns the rows of a comma-separated file; a row is numbered by the line it begins in."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader, lines = csv.reader(file), []
        header, begin = next(reader, []), reader.line_num + 1
        if len(set(header)) < len(header):
            raise ValueError(f"{str(path)!r}: two columns of the header {header} have one name")
        for cells in reader:
            record = dict(zip(header, cells, strict=False))
            if len(cells) != len(header):
                record = ValueError(f"{len(cells)} cells, and the header has {len(header)}")
            if cells:
                lines.append((begin, record))
            begin = reader.line_num + 1
    return lines


def read_dataset(path):
    """Returns the rows of a folder that `Dataset.save_to_disk` wrote."""
    if (path / "dataset_dict.json").exists():
        splits = json.loads((path / "dataset_dict.json").read_text(encoding="utf-8"))["splits"]
        raise ValueError(f"{str(path)!r} holds the splits {splits}; give the folder of one: {str(path / splits[0])!r}")
    if not (path / "state.json").exists():
        raise ValueError(f"The folder {str(path)!r} holds no data set: no state.json, which save_to_disk writes")
    from datasets import load_from_disk

    return list(enumerate(load_from_disk(str(path)), start=1))


def choose_columns(path, lines, columns):
    """Returns {field: column}; raises ValueError where the columns are not there, or say too little or too much."""
    names = {name: None for _, record in lines if isinstance(record, dict) for name in record}
    have = f"{str(path)!r} has the columns {list(names)}"
    example = "columns={'prompt': 'question', 'completion': 'answer'}"
    if columns is None:
        found = [fields for fields in FIELDS if names.keys() >= set(fields)]
        if len(found) != 1:
            unclear = "more than one" if found else "none"
            raise ValueError(f"{have}: {unclear} of prompt and completion, messages, text. Say which, as in {example}")
        return {field: field for field in found[0]}
    if set(columns) not in [set(fields) for fields in FIELDS]:
        raise ValueError(f"columns has the fields {sorted(columns)}; give one of {FIELDS}, such as {example}")
    if lost := [column for column in columns.values() if column not in names]:
        raise ValueError(f"{have}, and no {lost[0]!r}")
    return dict(columns)


def make_row(record, fields):
    """Returns the row of a record, with its fields only; ValueError says why there is none."""
    if isinstance(record, ValueError):
        raise record
    if not isinstance(record, dict):
        raise ValueError(f"must be an object with fields, not {type(record).__name__}")
    if lost := [field for field, column in fields.items() if record.get(column) is None]:
        raise ValueError(f"field {lost[0]!r} is missing")
    row = {field: record[column] for field, column in fields.items()}
    if isinstance(row.get("messages"), str):
        try:
            row["messages"] = json.loads(row["messages"])
        except json.JSONDecodeError as error:
            raise ValueError(f"field 'messages' is no JSON ({error.msg} at character {error.pos + 1})") from None
    try:
        check_row(row, 0)
        json.dumps(row, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("holds half of a character (a lone surrogate), which no tokenizer can read") from None
    except ValueError as error:
        raise ValueError(str(error).removeprefix("row 0: ")) from None
    return row


def tokenize_rows(tokenizer, rows, length=512, chat=True):
    """Returns one {"input_ids", "labels"} per row; labels are -100 wherever the loss must not look.

    A row is {"messages": [...]} (the loss sees the assistant's turns and their end marks), {"text": ...} (the loss
    sees all), or {"prompt": ..., "completion": ...} (it sees the completion; with chat=True the prompt is a user turn).
    Raises ValueError naming the row and the field when a field is missing, empty or no text, or a row exceeds `length`.
    """
    examples = []
    for number, row in enumerate(rows):
        check_row(row, number)
        try:
            example = tokenize_row(tokenizer, row, chat)
        except ValueError as error:
            raise ValueError(f"row {number}: {error}") from error
        if len(example["input_ids"]) > length:
            raise ValueError(
                f"row {number}: {len(example['input_ids'])} tokens, more than length={length}; "
                "shorten the row or train with a greater length"
            )
        examples.append(example)
    if not examples:
        raise ValueError("no rows to train on")
    return examples


def check_row(row, number):
    """Raises ValueError that names the row and the field when a row has not what training needs."""
    if not isinstance(row, dict):
        raise ValueError(f"row {number}: must be a dict of fields, not {type(row).__name__}")
    if row.get("messages") is not None:
        fields = check_messages(row["messages"], number)
    elif row.get("text") is not None:
        fields = {"text": row["text"]}
    elif "prompt" in row or "completion" in row:
        fields = {name: row.get(name) for name in ("prompt", "completion")}
    else:
        raise ValueError(f"row {number}: needs 'messages', 'text', or 'prompt' and 'completion'; it has {sorted(row)}")
    for name, text in fields.items():
        if text is None:
            raise ValueError(f"row {number}: field {name!r} is missing")
        if not isinstance(text, str):
            raise ValueError(f"row {number}: field {name!r} must be text, not {type(text).__name__}")
        if not text.strip():
            raise ValueError(f"row {number}: field {name!r} is empty")


def check_messages(messages, number):
    """Returns {field name: content} of a row's messages; ValueError where their form or their roles are wrong."""
    if not isinstance(messages, list):
        raise ValueError(f"row {number}: field 'messages' must be a list of messages, not {type(messages).__name__}")
    for i, message in enumerate(messages):
        if not isinstance(message, dict):
            raise ValueError(f"row {number}: field 'messages[{i}]' must be a dict, not {type(message).__name__}")
        if message.get("role") not in ROLES:
            raise ValueError(
                f"row {number}: field 'messages[{i}].role' must be one of {ROLES}, not {message.get('role')!r}"
            )
    roles = [m["role"] for m in messages]
    if "assistant" not in roles:
        raise ValueError(f"row {number}: field 'messages' has no assistant turn, so the loss would see nothing")
    if roles[0] == "assistant":
        raise ValueError(f"row {number}: field 'messages[0]' is an assistant turn; put what it answers before it")
    return {f"messages[{i}].content": m.get("content") for i, m in enumerate(messages)}


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


def fill_rows(examples, length):
    """Returns the examples as a list of rows, evenly filled and no wider than `length` where the examples allow it.

    As many rows as the longest example fits into the whole: attention costs the square of a row's width, so several
    narrow rows are faster than few wide ones (1.5 times on a core: 16 chats of about 47 tokens against rows of 512).
    """
    sizes = [len(e["input_ids"]) for e in examples]
    longest_first = sorted(range(len(examples)), key=lambda i: -sizes[i])
    for count in range(max(1, sum(sizes) // max(sizes)), len(examples) + 1):
        rows, used = [[] for _ in range(count)], [0] * count
        for i in longest_first:
            emptiest = used.index(min(used))
            rows[emptiest].append(examples[i])
            used[emptiest] += sizes[i]
        if max(used) <= length:
            break
    return rows


def pack(examples, length, together=True):
    """Returns {"input_ids", "labels", "position_ids"}, each (rows, width): the examples laid end to end in few rows.

    Positions restart with each example, which tells transformers to keep the examples of a row from seeing each other,
    but only in a call with use_cache=False and without an attention mask. Each example's first label is ignored, as
    nothing precedes it. With `together` False each row holds one example, and its positions run on through the padding:
    for a model whose attention does not heed positions (`traits.traits_of` tells).
    """
    rows = fill_rows(examples, length) if together else [[example] for example in examples]
    width = max(sum(len(e["input_ids"]) for e in row) for row in rows)
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
