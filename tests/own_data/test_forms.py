"""The forms that people have: each becomes the row that it should, and what is not used or was changed is said."""

from pathlib import Path

import pytest
from tiny import make_tokenizer

from spectrum.examples import read_rows, tokenize_rows
from spectrum.preferences import as_chats, read_pairs

INPUTS = Path(__file__).parents[1] / "inputs"


def turns(*texts, roles=("user", "assistant")):
    return [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)]


# ---- the files that people reported ----

SAID = {
    "tenses_alpaca.jsonl": "read as Alpaca: 4 rows; from JSON Lines",
    "array_of_two.jsonl": "read as prompts and completions: 2 rows; from a JSON array",
    "bridge_dolly.jsonl": "read as Dolly: 2 rows, columns not used: category; from JSON Lines",
    "birds_preferred.jsonl": "read as preference pairs: 1 pair; from JSON Lines",
    "empty_system.jsonl": "read as chats: 3 chats; from JSON Lines; empty system turns left out: 3",
    "quote_left_open.csv": "read as prompts and completions: 99 rows, 1 refused; from CSV with commas",
    "quotes_astray.csv": "read as prompts and completions: 98 rows, 2 refused; from CSV with commas",
    "weather_tools.jsonl": "read as chats: 4 chats, columns not used: parallel_tool_calls; from JSON Lines; "
    "tool calls with arguments in JSON text, read as objects: 2; 'developer' turns read as 'system': 1",
    "capital_weights.jsonl": "read as chats: 1 chat; from JSON Lines",
    "one_row.parquet": "read as prompts and completions: 1 row; from parquet",
    "semicolons.csv": "read as prompts and completions: 1 row; from CSV with semicolons",
    "rivers_sharegpt.jsonl": "read as ShareGPT: 2 chats, columns not used: id; from JSON Lines",
    "birds_trl.jsonl": "read as prompts and completions: 1 row; from JSON Lines",
}


@pytest.mark.parametrize("name", SAID)
def test_what_was_understood_is_said(name):
    assert str(read_rows(INPUTS / name)) == SAID[name]


def test_every_reported_file_is_tested():
    other = {"windows.csv", "commas_between.jsonl", "lockers_twice.jsonl", "one_long_row.jsonl"}
    assert {path.name for path in INPUTS.iterdir()} == set(SAID) | other


def test_alpaca_and_dolly_keep_what_is_asked_about():
    rows = read_rows(INPUTS / "tenses_alpaca.jsonl")
    assert rows[0]["prompt"] == "Turn the sentence into the past tense.\nThe cat number 0 sleeps."
    assert rows[3]["prompt"] == "Turn the sentence into the past tense."
    rows = read_rows(INPUTS / "bridge_dolly.jsonl")
    assert rows[0]["prompt"] == "When was the bridge built?\nThe bridge in our town was built in 1911."
    assert rows[1] == {"prompt": "Name a tool.", "completion": "A saw."}


def test_a_stray_quote_costs_its_own_rows_and_no_others():
    reading = read_rows(INPUTS / "quote_left_open.csv")
    assert reading.problems[0].startswith("line 11: a quote opens a cell that is never closed")
    assert reading.lines == [line for line in range(2, 102) if line != 11]
    reading = read_rows(INPUTS / "quotes_astray.csv")
    assert [problem[:8] for problem in reading.problems] == ["line 11:", "line 61:"]
    assert "closes only in line 61" in reading.problems[0]
    assert [row["prompt"] for row in reading][:10] == [f"size {i}" for i in (*range(9), 10)]


def test_windows_text_names_the_option_and_is_read_with_it():
    with pytest.raises(ValueError, match="With encoding='cp1252' the line reads 'Wo liegt es.,In Köln"):
        read_rows(INPUTS / "windows.csv")
    assert read_rows(INPUTS / "windows.csv", encoding="cp1252")[0]["completion"] == "In Köln – “links”"


def test_commas_between_lines_are_the_cause_that_is_named():
    with pytest.raises(ValueError, match="line 1: column 35: a comma follows the object"):
        read_rows(INPUTS / "commas_between.jsonl")


def test_weights_and_tools_stay_in_the_row():
    (row,) = read_rows(INPUTS / "capital_weights.jsonl")
    assert [turn.get("weight") for turn in row["messages"]] == [None, 0, None, 1]
    row = read_rows(INPUTS / "weather_tools.jsonl")[0]
    assert row["tools"][0]["function"]["name"] == "weather"
    assert row["messages"][2]["tool_calls"][0]["function"]["arguments"] == {"town": "Ulm"}
    assert row["messages"][2]["content"] == "" and row["messages"][3]["role"] == "tool"


# ---- forms in the small ----

SYSTEM = {"role": "system", "content": "Be brief."}
CHAT = {"messages": turns("Hi", "Hello.")}
RECORDS = [
    ({"prompt": "Hi", "completion": "Hello.", "system": "Be brief."}, {"messages": [SYSTEM, *turns("Hi", "Hello.")]}),
    ({"instruction": "Hi", "output": "Hello.", "system": "Be brief."}, {"messages": [SYSTEM, *turns("Hi", "Hello.")]}),
    ({"instruction": "Hi", "output": "Hello.", "system": ""}, {"prompt": "Hi", "completion": "Hello."}),
    ({"messages": turns("Hi", "Hello."), "system": "Be brief."}, {"messages": [SYSTEM, *turns("Hi", "Hello.")]}),
    ({"messages": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello."}]}, CHAT),
    ({"conversations": turns("Hi", "Hello.")}, CHAT),
    ({"messages": turns([{"type": "text", "text": "H"}, {"type": "text", "text": "i"}], "Hello.")}, CHAT),
    ({"messages": turns("Hi", "Hello."), "tools": []}, CHAT),
    ({"prompt": turns("Hi"), "completion": "Hello."}, CHAT),
    (
        {"instruction": "C", "output": "D", "history": [["A", "B"]]},
        {"messages": [*turns("A"), {"role": "assistant", "content": "B", "weight": 0}, *turns("C", "D")]},
    ),
    (
        {"prompt": "Hi", "completion": "Hello.", "tools": [{"type": "function"}]},
        {**CHAT, "tools": [{"type": "function"}]},
    ),
]


@pytest.mark.parametrize("record, row", RECORDS, ids=[" ".join(r) for r, _ in RECORDS])
def test_a_record_becomes_the_row(record, row):
    assert read_rows([record]).rows == [row]


def test_keys_of_turns_that_are_not_used_are_named_once():
    chat = [{"role": "user", "content": "Hi", "time": 5, "name": "Ana"}, {"role": "assistant", "content": "Hello."}]
    reading = read_rows([{"messages": chat, "source": "web"}] * 3)
    assert reading.unused == ["source", "messages[…].time", "messages[…].name"]


def test_what_follows_the_last_answer_is_said_to_be_left_out():
    reading = read_rows([{"messages": turns("Hi", "Hello.", "Thanks.")}])
    assert "chats that go on after their last answer, of which the rest is not learned: 1" in str(reading)


def test_keys_that_a_data_set_fills_with_none_do_not_count():
    chat = [{**turn, "tool_calls": None, "weight": None, "name": None} for turn in turns("Hi", "Hello.")]
    reading = read_rows([{"messages": chat}])
    assert reading.rows == [CHAT] and reading.unused == []


# ---- columns made of several ----

PARTS = [
    ("{instruction}\n{input}", {"instruction": "a", "input": "b"}, "a\nb"),
    ("{instruction}\n{input}", {"instruction": "a", "input": ""}, "a"),
    ("{instruction}\n\nText: {input}\n\nAnswer:", {"instruction": "a", "input": None}, "a\n\nAnswer:"),
    ("{instruction} ({input})", {"instruction": "a", "input": 5}, "a (5)"),
    ("{{x}} {instruction}", {"instruction": "a", "input": ""}, "{x} a"),
    ("{instruction}", {"instruction": "a {input} b", "input": "c"}, "a {input} b"),
    ("{instruction}\n", {"instruction": "a", "input": ""}, "a\n"),
]


@pytest.mark.parametrize("template, record, prompt", PARTS, ids=[repr(t) + str(r["input"]) for t, r, _ in PARTS])
def test_a_template_makes_one_column_of_several_and_leaves_no_blank_line(template, record, prompt):
    (row,) = read_rows([{**record, "output": "x"}], {"prompt": template, "completion": "output"})
    assert row == {"prompt": prompt, "completion": "x"}


def test_a_template_uses_its_columns_and_the_others_are_named():
    record = {"instruction": "a", "input": "b", "output": "c", "id": 1}
    assert read_rows([record], {"prompt": "{instruction}\n{input}", "completion": "output"}).unused == ["id"]
    assert read_rows([record], {"prompt": "instruction", "completion": "output"}).unused == ["input", "id"]


# ---- preference pairs ----

WREN = {"prompt": turns("Name a bird."), "chosen": turns("", "A wren.")[1:], "rejected": turns("", "A cow.")[1:]}
PAIRS = [
    {"prompt": "Name a bird.", "chosen": turns("Name a bird.", "A wren."), "rejected": turns("Name a bird.", "A cow.")},
    {"chosen": turns("Name a bird.", "A wren."), "rejected": turns("Name a bird.", "A cow.")},
    WREN,
]


@pytest.mark.parametrize("record", PAIRS, ids=["repeated prompt", "no prompt", "conversational"])
def test_conversational_pairs_are_cut_where_the_prompt_ends(record):
    assert read_pairs([record]).rows == [WREN]


def test_a_pair_becomes_two_chats_of_which_the_answers_are_learned():
    (pair,) = read_pairs(INPUTS / "birds_preferred.jsonl")
    assert pair == {"prompt": "Name a bird.", "chosen": "A wren.", "rejected": "A cow."}
    assert (
        as_chats(pair)
        == as_chats(WREN)
        == (
            {"messages": turns("Name a bird.", "A wren.")},
            {"messages": turns("Name a bird.", "A cow.")},
        )
    )
    assert len(tokenize_rows(make_tokenizer(), as_chats(pair))) == 2


def test_pairs_and_other_rows_are_not_taken_for_each_other():
    with pytest.raises(ValueError, match="row 0: is a preference pair: spectrum.preferences makes chats of it"):
        tokenize_rows(make_tokenizer(), [WREN])
    with pytest.raises(ValueError, match=r"no preference pairs \(read as chats: 1 chat.*prompt, chosen and rejected"):
        read_pairs([CHAT])


# ---- all rows are checked, by line ----


def test_all_bad_rows_are_named_at_once():
    good, bad = {"prompt": "a", "completion": "b"}, {"prompt": "a", "completion": ""}
    with pytest.raises(ValueError) as refusal:
        tokenize_rows(make_tokenizer(), [good] + [bad] * 7 + [good])
    said = str(refusal.value).split("\n")
    assert said[0] == "7 rows cannot be used:" and said[1] == "row 1: field 'completion' is empty"
    assert len(said) == 7 and said[-1] == "and rows 6, 7"


def test_long_rows_of_a_file_are_named_by_line_with_their_length():
    reading = read_rows(INPUTS / "one_long_row.jsonl")
    with pytest.raises(ValueError, match=r"^line 41: \d{4,} tokens, more than length=512"):
        tokenize_rows(make_tokenizer(), reading)


def test_tools_that_the_template_leaves_out_are_refused_by_line():
    chat = [*turns("Weather in Ulm?"), {"role": "assistant", "content": "I look.", "tool_calls": [{"name": "weather"}]}]
    with pytest.raises(ValueError, match=r"row 1: .*(leaves out|render) .*(tool_calls|tool call)"):
        tokenize_rows(make_tokenizer(), [CHAT, {"messages": chat}])
    with pytest.raises(ValueError, match="row 0: .*(leaves out|render) .*tools"):
        tokenize_rows(make_tokenizer(), [{**CHAT, "tools": [{"type": "function", "function": {"name": "weather"}}]}])


def test_tool_calls_that_the_template_renders_are_learned():
    tokenizer = make_tokenizer()
    tokenizer.chat_template = tokenizer.chat_template.replace(
        "{{ m['content'] + '<|end|>' }}{% endgen",
        "{{ m['content'] }}{% if m.tool_calls %}{{ m.tool_calls | tojson }}{% endif %}<|end|>{% endgen",
    )
    call = {"function": {"name": "weather", "arguments": {"town": "Ulm"}}}
    chat = [*turns("Weather?"), {"role": "assistant", "content": "I look.", "tool_calls": [call]}]
    (example,) = tokenize_rows(tokenizer, read_rows([{"messages": chat}]))
    learned = tokenizer.decode([i for i in example["labels"] if i >= 0])
    assert '"town": "Ulm"' in learned


def test_what_a_template_raises_names_the_row():
    tokenizer = make_tokenizer()
    tokenizer.chat_template = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system turns here') }}{% endif %}"
        + tokenizer.chat_template
    )
    with pytest.raises(ValueError, match="row 1: .*no system turns here") as refusal:
        tokenize_rows(tokenizer, [CHAT, {"messages": [SYSTEM, *CHAT["messages"]]}])
    assert refusal.value.__cause__ is not None
