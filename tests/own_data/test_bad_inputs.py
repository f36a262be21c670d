"""What cannot be read: every bad input is refused in a sentence that names the place, the true cause and the remedy."""

import gzip
import json

import pytest

from spectrum.examples import read_rows

GOOD = '{"prompt": "a", "completion": "b"}\n'
HEAD = "prompt,completion\n"
UTF16 = "prompt,completion\na,ö\n"


def chat(*turns, **more):
    """Returns the JSON line of a chat."""
    return json.dumps({"messages": list(turns), **more}) + "\n"


def user(content="Hi", **more):
    return {"role": "user", "content": content, **more}


def bot(content="Hello.", **more):
    return {"role": "assistant", "content": content, **more}


def call(arguments="{}", **function):
    return bot(None, tool_calls=[{"function": {"name": "weather", "arguments": arguments, **function}}])


def pair(**fields):
    """Returns the JSON line of a preference pair."""
    return json.dumps({"prompt": "Name a bird.", "chosen": "A wren.", "rejected": "A cow.", **fields}) + "\n"


# (file name, its content, part of the message): the whole source is refused.
REFUSED = [
    # files that are something else than their name says
    (
        "a.jsonl",
        "version https://git-lfs.github.com/spec/v1\noid sha256:1\n",
        "is a Git LFS pointer, not the data: run",
    ),
    ("a.parquet", "version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer, not the data: run `git lfs"),
    ("a.csv", "<!DOCTYPE html><html></html>", "is a web page, perhaps the error page of a download"),
    ("a.jsonl", b"PAR1\x15\x04", "is a parquet file; give it a name that ends in .parquet"),
    ("a.csv", b"PK\x03\x04\x14", "is a zip archive or an Excel workbook"),
    ("a.jsonl", gzip.compress(GOOD.encode()), "is compressed by gzip; give it a name that ends in .gz"),
    ("a.jsonl.gz", GOOD, "is not compressed by gzip"),
    ("a.jsonl.gz", gzip.compress(GOOD.encode() * 100)[:-20], "is cut off: download it again"),
    ("a.parquet", GOOD, "is no whole parquet file"),
    ("a.parquet", b"PAR1 cut off in the middle", "is no whole parquet file"),
    ("a.xlsx", b"PK\x03\x04", "is of no format that can be read: give .jsonl"),
    # encodings
    ("a.csv", UTF16.encode("utf-16"), "is UTF-16 text: read it with encoding='utf-16'"),
    ("a.jsonl", GOOD.encode("utf-16"), "is UTF-16 text: read it with encoding='utf-16'"),
    ("a.csv", UTF16.encode("utf-16-le"), "holds zero bytes as UTF-16 text does: try encoding='utf-16-le'"),
    (
        "a.csv",
        (HEAD + "Köln,ja\n").encode("cp1252"),
        "line 2: byte 0xf6 is no UTF-8. With encoding='cp1252' the line reads 'Köln",
    ),
    ("a.jsonl", (GOOD * 2 + '{"prompt": "Ä"').encode("latin-1"), "line 3: byte 0xc4 is no UTF-8"),
    # JSON as a whole
    ("a.jsonl", "{'prompt': 'a', 'completion': None}\n", "line 1: column 2: is written as Python prints a dict"),
    (
        "a.json",
        "[{'prompt': 'a', 'completion': 'b'},\n {'prompt': 'c', 'completion': 'd'}]",
        "line 1, column 3: is written as Python prints a dict",
    ),
    ("a.jsonl", GOOD.replace("}", "},") * 2, "line 1: column 35: a comma follows the object; JSON Lines has none"),
    (
        "a.json",
        '[\n {"prompt": "a", "completion": "b"},\n]',
        "line 3, column 1: a comma stands before the closing bracket",
    ),
    ("a.json", '[\n {"prompt": "a", "completion": "b",}\n]', "a comma stands before the closing bracket: remove it"),
    ("a.json", '[\n {"prompt": "a"}\n {"prompt": "b"}\n]', "line 3, column 2: a comma is missing here"),
    ("a.json", '[\n {"prompt": "a", "completion": "b"},\n {"prompt": "c"', "line 3, column 16: it ends in the middle"),
    ("a.json", '[\n {"prompt": "a", "completion": "b"}\n', "line 3, column 1: it ends in the middle"),
    ("a.json", "[\n {“prompt”: “a”}\n]", "line 2, column 3: typographic quotes"),
    ("a.json", '[\n // the first\n {"prompt": "a"}\n]', "line 2, column 2: JSON has no comments: remove it"),
    ("a.json", '[\n {"prompt": "a", "prompt": "b"}\n]', "line 2: the key 'prompt' stands twice in one object"),
    ("a.json", '[\n {"prompt": "a"}\n] and more', "line 3, column 3: text follows the end of the value"),
    ("a.jsonl", "[" * 100_000, "nested too deep"),
    (
        "a.json",
        '{"version": 1, "data": [{"prompt": "a", "completion": "b"}]}',
        "the rows stand under 'data': keep that list alone",
    ),
    (
        "a.json",
        '{"prompt": ["a", "b"], "completion": ["c", "d"]}',
        "holds whole columns; write rows, in pandas: to_json(orient='records'",
    ),
    ("a.json", '{"prompt": {"0": "a"}, "completion": {"0": "c"}}', "holds whole columns; write rows"),
    ("a.jsonl", '"a"\n"b"\n', "none of its 2 rows can be used. line 1: must be an object with fields, not str"),
    ("a.json", "[]", "has no rows"),
    # CSV as a whole
    ("a.csv", "sep=;\n" + HEAD, "line 1: is Excel's line 'sep=…', not the header: delete it"),
    ("a.csv", "prompt,completion,prompt\na,b,c\n", "line 1: two columns of the header"),
    ("a.csv", 'prompt,"completion\na,b\n', "line 1, the header: a quote opens a cell that is never closed"),
    (
        "a.csv",
        HEAD + '"Say \\"hi\\".",b\n' * 60,
        'a quote is escaped by a backslash (\\"); CSV doubles it (""). Write the file anew',
    ),
    ("a.csv", "Where is it?,In Oslo.\nWho?,Ana.\n", "If the first line is a row and no header, put one before it"),
    ("a.jsonl", '{"chosen": "Human: a", "rejected": "Human: b"}', "line 1: has no prompt: texts in 'chosen'"),
    # columns
    ("a.jsonl", '{"question": "a", "answer": "b"}\n', "perhaps columns={'prompt': 'question', 'completion': 'answer'}"),
    (
        "a.jsonl",
        '{"promt": "a", "completion": "b"}\n',
        "perhaps columns={'prompt': 'promt', 'completion': 'completion'}",
    ),
    ("a.jsonl", '{"chat": []}\n', "perhaps columns={'messages': 'chat'}"),
    ("a.jsonl", '{"Prompt": "a", "Completion": "b"}\n', "has the columns ['Prompt', 'Completion']: none of"),
    (
        "a.jsonl",
        '{"instruction": "a", "output": "b", "text": "ab"}\n',
        "more than one form fits: texts (text); Alpaca (instruction and output)",
    ),
    ("a.jsonl", '{"prompt": "a", "completion": "b", "label": false}\n', "rows whose 'label' is false are bad answers"),
]


@pytest.mark.parametrize("name, content, message", REFUSED, ids=[f"{n}: {m[:40]}" for n, _, m in REFUSED])
def test_a_bad_source_is_refused_with_its_cause(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError) as refusal:
        read_rows(path)
    assert message in str(refusal.value) and str(path) in str(refusal.value)


# What stands before the bad row: a good one.
BEFORE = {
    "pairs": GOOD,
    "cells": HEAD + "a,b\n",
    "chats": chat(user(), bot()),
    "chats in cells": 'messages\n"[{""role"": ""user"", ""content"": ""a""}, {""from"": ""gpt"", ""value"": ""b""}]"\n',
    "preferences": pair(),
    "alpaca": '{"instruction": "a", "output": "b"}\n',
}
# (kind of file, the bad row, part of the only problem): the good row is read.
ROWS = [
    ("pairs", '{"prompt": "a" "completion": "b"}', "column 16: a comma is missing here"),
    ("pairs", '{"prompt": "say "hi"", "completion": "b"}', "column 18: a comma is missing here, or a quote inside"),
    ("pairs", '{prompt: "a"}', 'column 2: a key stands without quotes: write "prompt"'),
    ("pairs", '{"prompt": "C:\\data", "completion": "b"}', "column 15: a single backslash stands inside a text"),
    ("pairs", '{"prompt": "a\tb", "completion": "b"}', "column 14: a line break or tab stands inside a text"),
    ("pairs", '{"prompt": "a", "completion": "b', "column 31: it ends in the middle"),
    (
        "pairs",
        '{"prompt": "a", "completion": "b"} {"prompt": "c", "completion": "d"}',
        "column 36: two values stand in one line",
    ),
    ("pairs", '{"prompt": "a", "prompt": "c", "completion": "b"}', "the key 'prompt' stands twice"),
    ("pairs", "{'prompt': 'a'}", "column 2: is written as Python prints a dict"),
    ("pairs", '{"prompt": "a", "completion": 5}', "field 'completion' must be text, not int"),
    ("pairs", '{"prompt": "a", "completion": NaN}', "field 'completion' must be text, not float"),
    ("pairs", '{"prompt": "a", "completion": null}', "field 'completion' is missing"),
    ("cells", '"c" d,e\n', "text follows the quote that closes a cell"),
    ("cells", '"say \\"hi\\" now",e\n', "a quote is escaped by a backslash"),
    ("cells", "c,d,e\n", "3 cells, and the header has 2; quote a cell that holds the delimiter"),
    ("cells", 'c,"d\n', "a quote opens a cell that is never closed, to the end of the file in line 3"),
    ("chats", chat(user(), {"role": "bot", "content": "x"}), "field 'messages[1].role' must be one of"),
    ("chats", chat({"from": ["human"], "value": "x"}, bot()), "field 'messages[0].role' must be one of"),
    ("chats", chat(user(), bot(weight=[1])), "field 'messages[1].weight' must be 0 (not in the loss) or 1, not [1]"),
    ("pairs", '{"prompt": "a", "completion": ' + "9" * 5000 + "}", "a number has thousands of digits"),
    ("chats", chat(user(), bot(weight=0.5)), "field 'messages[1].weight' must be 0 (not in the loss) or 1, not 0.5"),
    ("chats", chat(user(), bot(weight=0)), "field 'messages': every assistant turn has weight 0"),
    (
        "chats",
        chat(user([{"type": "image_url", "image_url": {}}]), bot()),
        "field 'messages[0].content[0]' is of type 'image_url'; only parts of type 'text'",
    ),
    ("chats", chat(user([{"type": "text"}]), bot()), "field 'messages[0].content[0]' is no text part"),
    (
        "chats",
        chat(user(), call("{town: Ulm}"), bot()),
        "field 'messages[1].tool_calls[0].arguments' is no JSON (column 2: a key stands",
    ),
    (
        "chats",
        chat(user(), call("[1]"), bot()),
        "field 'messages[1].tool_calls[0].arguments' must be an object, not list",
    ),
    (
        "chats",
        chat(user(), call(name=None), bot()),
        "field 'messages[1].tool_calls[0]' needs a 'function' with its 'name'",
    ),
    ("chats", chat(user(), bot(function_call={"name": "f"})), "field 'messages[1]' is an old function call"),
    ("chats", chat(user(), bot(), tools="{f"), "field 'tools' is no JSON"),
    ("chats", chat(user(), bot(), tools={"name": "f"}), "field 'tools' must be a list of objects"),
    (
        "chats",
        chat(bot("Hi!"), user(), bot()),
        "field 'messages[0]' is an assistant turn; put what it answers before it",
    ),
    (
        "chats",
        chat({"role": "system", "content": "A"}, user(), bot(), system="B"),
        "has a system turn in its messages and a text in the column 'system'",
    ),
    (
        "chats in cells",
        "\"[{'role': 'user'}]\"\n",
        "field 'messages' is no JSON (column 3: is written as Python prints a dict",
    ),
    ("preferences", pair(rejected="A wren."), "fields 'chosen' and 'rejected' are the same"),
    ("preferences", pair(chosen=" "), "field 'chosen' is empty"),
    ("preferences", pair(chosen=[user()], rejected=[bot()]), "field 'chosen' must end with an assistant turn"),
    ("preferences", pair(prompt=[user(), bot()]), "field 'prompt' must end with a question"),
    (
        "alpaca",
        '{"instruction": "a", "input": ["x"], "output": "b"}',
        "column 'input' must be text or a number, not list",
    ),
    ("alpaca", '{"instruction": "a", "output": ""}', "field 'output' is empty"),
    (
        "alpaca",
        '{"instruction": "a", "output": "b", "history": ["x"]}',
        "field 'history' must be a list of [question, answer]",
    ),
]


@pytest.mark.parametrize("kind, row, message", ROWS, ids=[f"{kind}: {m[:50]}" for kind, _, m in ROWS])
def test_a_bad_row_is_refused_by_its_line_and_the_others_are_read(tmp_path, kind, row, message):
    good = BEFORE[kind]
    path = tmp_path / ("a.csv" if "cells" in kind else "a.jsonl")
    path.write_text(good + row, newline="")
    reading = read_rows(path)
    assert len(reading) == 1 and len(reading.problems) == 1
    assert reading.problems[0].startswith(f"line {1 + good.count(chr(10))}: ") and message in reading.problems[0]


COLUMNS = [
    ({"prompt": "question", "completion": "reply"}, "and no 'reply'"),
    ({"prompt": "questoin", "completion": "answer"}, "and no 'questoin'. Did you mean 'question'?"),
    ({"prompt": "{question} {contxt}", "completion": "answer"}, "and no 'contxt'. Did you mean 'context'?"),
    ({"prompt": "{question", "completion": "answer"}, "The template '{question' cannot be read"),
    ({"prompt": "{}", "completion": "answer"}, "and no ''"),
    ({"question": "question"}, "columns has the fields ['question']; give one of: prompt and completion"),
    ({"prompt": "question"}, "columns has the fields ['prompt']; give one of"),
]


@pytest.mark.parametrize("columns, message", COLUMNS, ids=[m[:50] for _, m in COLUMNS])
def test_columns_that_do_not_fit_are_named_with_those_that_are_there(columns, message):
    with pytest.raises(ValueError) as refusal:
        read_rows([{"question": "a", "context": "b", "answer": "c"}], columns)
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    "encoding, message",
    [
        ("klingon", "encoding='klingon' is unknown to Python; give encoding='cp1252'"),
        ("ascii", "line 2: is no text in encoding='ascii'"),
        ("utf-16", "is no text in encoding='utf-16'"),
    ],
)
def test_an_encoding_that_does_not_fit_is_refused(tmp_path, encoding, message):
    path = tmp_path / "a.csv"
    path.write_bytes((HEAD + "Köln,ja\n").encode())
    with pytest.raises(ValueError) as refusal:
        read_rows(path, encoding=encoding)
    assert message in str(refusal.value)


def test_options_that_a_source_does_not_have_are_not_passed_over(tmp_path):
    with pytest.raises(ValueError, match="A list has no split 'test': leave split away"):
        read_rows([{"text": "a"}], split="test")
    with pytest.raises(ValueError, match="encoding='cp1252' is for text files, and this is a list"):
        read_rows([{"text": "a"}], encoding="cp1252")
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(ValueError, match="is parquet, which has no encoding='cp1252' to choose"):
        read_rows(tmp_path / "a.parquet", encoding="cp1252")


def test_sources_that_are_no_tables(tmp_path):
    with pytest.raises(TypeError, match="A set cannot be read as rows: give the path"):
        read_rows({"a"})
    with pytest.raises(ValueError, match="is one file and has no split 'test'"):
        (tmp_path / "a.jsonl").write_text(GOOD)
        read_rows(tmp_path / "a.jsonl", split="test")
    with pytest.raises(FileNotFoundError, match=r"Did you mean '.*a\.jsonl'\?"):
        read_rows(tmp_path / "b.jsonl")
