"""Own data: JSONL, CSV and a `datasets` folder give the same rows; what cannot be used is listed, line by line."""

import csv
import json

import pytest
from tiny import make_tokenizer

from spectrum.examples import read_rows, tokenize_rows

PAIRS = [
    {"prompt": "Where is it?", "completion": "In Oslo."},
    {"prompt": 'Größe, "quoted",\nin two lines 🙂', "completion": "東京"},
]
CHATS = [
    {"messages": [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]},
    {
        "messages": [
            {"role": "system", "content": "Short."},
            {"role": "user", "content": "1 + 2"},
            {"role": "assistant", "content": "3"},
        ]
    },
]
TEXTS = [{"text": "Order 4821 arrived."}, {"text": "Nothing else."}]


def write_jsonl(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def write_csv(path, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            writer.writerow({k: v if isinstance(v, str) else json.dumps(v) for k, v in row.items()})
    return path


def write_dataset(path, rows):
    from datasets import Dataset

    Dataset.from_list(rows).save_to_disk(path)
    return path


WRITERS = {".jsonl": write_jsonl, ".csv": write_csv, "": write_dataset}


@pytest.fixture(params=WRITERS, ids=["jsonl", "csv", "datasets"])
def write(request, tmp_path):
    """Writes rows in one of the formats and returns the path."""
    return lambda rows: WRITERS[request.param](tmp_path / f"data{request.param}", rows)


# ---- good rows ----


@pytest.mark.parametrize("rows", [PAIRS, CHATS, TEXTS], ids=["pairs", "chats", "texts"])
def test_every_format_gives_the_same_rows_and_the_model_the_same_tokens(write, rows):
    reading = read_rows(write([{**row, "id": str(i)} for i, row in enumerate(rows)]))
    assert reading.rows == rows and reading.problems == [] and reading.unused == ["id"]
    tokenizer = make_tokenizer()
    assert tokenize_rows(tokenizer, reading) == tokenize_rows(tokenizer, rows)


def test_columns_are_mapped_to_fields_by_name(write):
    path = write([{"question": row["prompt"], "answer": row["completion"], "text": "a note"} for row in PAIRS])
    assert read_rows(path, {"prompt": "question", "completion": "answer"}).rows == PAIRS
    assert read_rows(str(path), {"text": "question"}).rows == [{"text": row["prompt"]} for row in PAIRS]


def test_chats_are_mapped_too(write):
    path = write([{"chat": row["messages"]} for row in CHATS])
    assert read_rows(path, {"messages": "chat"}).rows == CHATS


# ---- bad rows ----


def test_bad_lines_of_jsonl_are_listed_with_line_and_reason_and_the_rest_returned(tmp_path):
    good = json.dumps(PAIRS[0])
    lines = [
        "\ufeff" + good,
        "",
        "{broken",
        '["a", "list"]',
        '{"prompt": "no answer"}',
        '{"prompt": "an empty answer", "completion": "  "}',
        '{"prompt": 5, "completion": "a number"}',
        '{"prompt": null, "completion": "nothing"}',
        '{"prompt": "half \\ud83d", "completion": "a character"}',
        good + "\r",
    ]
    path = tmp_path / "data.jsonl"
    path.write_bytes("\n".join(lines).encode())
    reading = read_rows(path)
    assert reading.rows == [PAIRS[0], PAIRS[0]]
    assert reading.problems == [
        "line 3: column 2: no JSON (Expecting property name enclosed in double quotes)",
        "line 4: must be an object with fields, not list",
        "line 5: field 'completion' is missing",
        "line 6: field 'completion' is empty",
        "line 7: field 'prompt' must be text, not int",
        "line 8: field 'prompt' is missing",
        "line 9: holds half of a character (a lone surrogate), which no tokenizer can read",
    ]
    assert len(tokenize_rows(make_tokenizer(), reading)) == 2


def test_bad_rows_of_csv_are_numbered_by_the_line_they_begin_in(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text('prompt,completion\n"two\nlines",fine\n"one",\nshort\n\nlong,er,est\nlast,"and\nfine"\n')
    reading = read_rows(path)
    assert reading.rows == [
        {"prompt": "two\nlines", "completion": "fine"},
        {"prompt": "last", "completion": "and\nfine"},
    ]
    assert reading.problems == [
        "line 4: field 'completion' is empty",
        "line 5: 1 cells, and the header has 2",
        "line 7: 3 cells, and the header has 2; quote a cell that holds the delimiter",
    ]


def test_bad_chats_are_listed(tmp_path):
    user, assistant = {"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}
    chats = [
        [user, assistant],
        [assistant],
        [user],
        [{"role": "bot", "content": "x"}],
        "no list",
        [user, {**assistant, "content": ""}],
    ]
    reading = read_rows(write_jsonl(tmp_path / "data.jsonl", [{"messages": chat} for chat in chats]))
    assert reading.rows == [{"messages": chats[0]}]
    assert [problem.partition(":")[0] for problem in reading.problems] == [f"line {n}" for n in range(2, 7)]
    for problem, reason in zip(
        reading.problems,
        ["put what it answers", "no assistant turn", "'bot'", "no JSON", "'messages[1].content' is empty"],
        strict=True,
    ):
        assert reason in problem


def test_rows_of_a_data_set_are_numbered_from_one(tmp_path):
    reading = read_rows(write_dataset(tmp_path / "data", [*PAIRS, {"prompt": "alone", "completion": None}]))
    assert reading.rows == PAIRS and reading.problems == ["row 3: field 'completion' is missing"]


# ---- nothing to use ----


def test_a_path_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file or folder '.*nowhere\.jsonl'"):
        read_rows(tmp_path / "nowhere.jsonl")


@pytest.mark.parametrize("name", ["data.xlsx", "data.txt", "data", "data.gz"])
def test_an_unknown_format(tmp_path, name):
    (tmp_path / name).write_text("{}")
    with pytest.raises(ValueError, match=r"of no format that can be read: give \.jsonl, .*\.parquet"):
        read_rows(tmp_path / name)


def test_folders_that_hold_no_data_set_or_several(tmp_path):
    from datasets import Dataset, DatasetDict

    with pytest.raises(ValueError, match="holds no data file"):
        read_rows(tmp_path)
    DatasetDict(train=Dataset.from_list(PAIRS), test=Dataset.from_list(PAIRS)).save_to_disk(tmp_path / "both")
    with pytest.raises(ValueError, match=r"splits \['train', 'test'\]: give one, as in split='train'"):
        read_rows(tmp_path / "both")
    assert read_rows(tmp_path / "both" / "train").rows == PAIRS
    assert read_rows(tmp_path / "both", split="test").rows == PAIRS


@pytest.mark.parametrize(
    "name,content", [("a.jsonl", ""), ("a.jsonl", "\n \n"), ("a.csv", ""), ("a.csv", "prompt,completion\n")]
)
def test_an_empty_file(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match="has no rows"):
        read_rows(tmp_path / name)


def test_no_usable_row(tmp_path):
    path = write_jsonl(tmp_path / "data.jsonl", [{"prompt": "a", "completion": ""}, {"prompt": "", "completion": "b"}])
    with pytest.raises(ValueError, match="none of its 2 rows can be used. line 1: field 'completion' is empty"):
        read_rows(path)


@pytest.mark.parametrize(
    "columns,message",
    [
        (None, r"has the columns \['q', 'a'\]: none of prompt and .*columns=\{'prompt': 'q', 'completion': 'a'\}"),
        ({"prompt": "q"}, r"fields \['prompt'\]; give one of"),
        ({"prompt": "q", "completion": "a", "text": "q"}, "give one of"),
        ({"prompt": "q", "completion": "answer"}, r"\['q', 'a'\], and no 'answer'"),
        ({}, "give one of"),
    ],
)
def test_columns_that_are_not_there_or_say_too_little_or_too_much(write, columns, message):
    with pytest.raises(ValueError, match=message):
        read_rows(write([{"q": "one", "a": "two"}]), columns)


def test_columns_that_could_be_read_in_two_ways_have_to_be_chosen(write):
    path = write([{**row, "text": "a note"} for row in PAIRS])
    with pytest.raises(ValueError, match=r"more than one form fits: prompts and .*; texts \(text\)\. Say which"):
        read_rows(path)
    assert read_rows(path, {"prompt": "prompt", "completion": "completion"}).rows == PAIRS


def test_other_encodings_and_doubled_columns_are_refused(tmp_path):
    path = tmp_path / "data.csv"
    path.write_bytes("prompt,completion\nGröße,ja\n".encode("latin-1"))
    with pytest.raises(ValueError, match="UTF-8"):
        read_rows(path)
    path.write_text("prompt,prompt\na,b\n")
    with pytest.raises(ValueError, match="two columns"):
        read_rows(path)
