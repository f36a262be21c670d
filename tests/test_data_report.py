"""What `python -m spectrum.examples` prints of a file."""

import json
import re
import runpy
import sys
from pathlib import Path

import pytest
from tiny import make_tokenizer

from spectrum.data_report import main, marked, report
from spectrum.examples import read_rows, tokenize_rows

INPUTS = Path(__file__).parent / "inputs"


def told(source, context=1024):
    """Returns (text, usable rows) of the report of a source for a tiny tokenizer."""
    lines, usable = report(read_rows(source), make_tokenizer(), context)
    return "\n".join(lines), usable


def test_the_mask_is_marked_turn_by_turn():
    tokenizer = make_tokenizer()
    turns = [("user", "one"), ("assistant", "two"), ("user", "three"), ("assistant", "four")]
    (example,) = tokenize_rows(tokenizer, [{"messages": [{"role": r, "content": c} for r, c in turns]}])
    shown = marked(tokenizer, example)
    assert shown.count("[[") == 2 and "[[two<|end|>]]<|user|>three" in shown and shown.endswith("[[four<|end|>]]")
    (example,) = tokenize_rows(tokenizer, [{"text": "one"}])
    assert marked(tokenizer, example) == "[[<|endoftext|>one<|endoftext|>]]"


def test_lengths_are_told_and_rows_beyond_the_context_named():
    rows = [{"text": "1" * n} for n in range(1, 21)]  # digits are tokens of their own, and two marks stand around
    text, usable = told(rows, context=20)
    assert usable == 20
    assert "tokens a row: min 3, median 12.5, p95 22, max 22; the model's context is 20" in text
    assert "2 rows cannot be used:\nrow 19: 21 tokens, more than the context of 20\nrow 20: 22 tokens" in text
    assert "; the model states no context" in told(rows, context=None)[0]


def test_repetitions_and_refused_rows_are_named(tmp_path):
    path = tmp_path / "a.jsonl"
    rows = [{"prompt": "Q", "completion": "A"}] * 2 + [{"prompt": "Q", "completion": "B"}, {"prompt": "P"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    text, usable = told(path)
    assert usable == 3
    assert "rows that repeat an earlier one: 1 (lines 1 = 2); prompts with different answers: 1 (lines 1 = 3)" in text
    assert "1 cannot be used:\n  line 4: field 'completion' is missing" in text


def test_pairs_are_shown_with_both_answers():
    text, usable = told(INPUTS / "birds_preferred.jsonl")
    assert usable == 1
    assert text.index("chosen: line 1") < text.index("[[A wren.<|end|>]]") < text.index("[[A cow.<|end|>]]")


def test_many_refused_rows_are_counted(tmp_path):
    text, _ = told([{"text": "a"}] + [{"text": ""}] * 30)
    assert "30 cannot be used:" in text and text.endswith("and 10 more") and text.count("is empty") == 20


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (
            [str(INPUTS / "tenses_alpaca.jsonl"), "--columns", r"prompt={instruction}\n{input}", "completion=output"],
            0,
            "4",
        ),
        ([str(INPUTS / "windows.csv")], 1, "With encoding='cp1252'"),
        ([str(INPUTS / "windows.csv"), "--encoding", "cp1252"], 0, "In K"),
        ([str(INPUTS / "commas_between.jsonl")], 1, "a comma follows the object"),
        (["nowhere.jsonl"], 1, "There is no file or folder 'nowhere.jsonl'"),
        ([str(INPUTS / "birds_trl.jsonl"), "--model", "lumen-bass"], 1, "Did you mean 'lumen-base'?"),
    ],
)
def test_the_exit_code_says_whether_a_row_can_be_used(capsys, arguments, code, message):
    assert main(arguments) == code
    assert message in capsys.readouterr().out


def test_rows_that_the_template_refuses_are_no_use(tmp_path, capsys):
    chat = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": "Look.", "tool_calls": [{"name": "w"}]},
    ]
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"messages": chat}))
    assert main([str(path)]) == 1
    assert re.search("line 1: .*(leaves out|render) .*tool.call", capsys.readouterr().out)


def test_a_mapping_that_is_none_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["a.jsonl", "--columns", "prompt"])
    assert "'prompt' is not of the form field=column" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:.*found in sys.modules")
def test_the_module_is_the_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["examples", str(INPUTS / "rivers_sharegpt.jsonl")])
    with pytest.raises(SystemExit) as end:
        runpy.run_module("spectrum.examples", run_name="__main__")
    assert end.value.code == 0 and capsys.readouterr().out.startswith("read as ShareGPT: 2 chats")
