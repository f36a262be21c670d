"""Splits by the prompt's checksum: duplicates on one side, the share reached, the same rows each time."""

import random
from pathlib import Path

import pytest

from spectrum.examples import read_rows
from spectrum.own_data.splits import prompt_of, split_rows

INPUTS = Path(__file__).parents[1] / "inputs"
ROWS = [{"prompt": f"Locker {i}?", "completion": str(i)} for i in range(200)]


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_the_share_is_reached_and_nothing_is_lost(share):
    split = split_rows(ROWS, share)
    assert len(split.held_out) == round(200 * share)
    assert sorted([*split.train, *split.held_out], key=ROWS.index) == ROWS


def test_a_row_and_its_duplicate_are_on_one_side():
    reading = read_rows(INPUTS / "lockers_twice.jsonl")
    split = split_rows(reading, held_out=0.125)
    train, held_out = ({row["prompt"] for row in part} for part in (split.train, split.held_out))
    assert not train & held_out and len(split.held_out) == 8 and len(split.train) == 56
    assert "rows that repeat an earlier one: 32 (lines 1 = 23, 2 = 32, 3 = 6, 4 = 10, 5 = 14 and 27 more)" in str(split)


def test_the_side_of_a_row_depends_on_no_position():
    shuffled = random.Random(1).sample(ROWS, len(ROWS))
    assert {r["prompt"] for r in split_rows(shuffled).held_out} == {r["prompt"] for r in split_rows(ROWS).held_out}


def test_prompts_answered_in_two_ways_are_named_by_line(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("prompt,completion\nx,1\n\ny,1\nx,2\nx ,1\ny,1\n")
    split = split_rows(read_rows(path), 0.4)
    assert (
        split.repeats
        == "rows that repeat an earlier one: 1 (lines 4 = 7); prompts with different answers: 1 (lines 2 = 5 = 6)"
    )
    assert len(split.train) + len(split.held_out) == 5
    assert set(split.held_out.lines) in ({4, 7}, {2, 5, 6})


def test_parts_of_a_reading_keep_their_lines():
    reading = read_rows(INPUTS / "lockers_twice.jsonl")
    split = split_rows(reading)
    for part in (split.train, split.held_out):
        assert [reading[line - 1] for line in part.lines] == part.rows


def test_chats_with_the_same_question_are_on_one_side():
    def chat(*texts):
        return {"messages": [{"role": ("user", "assistant")[i % 2], "content": t} for i, t in enumerate(texts)]}

    assert prompt_of(chat("Hi", "a")) == prompt_of(chat("Hi", "b", "more", "c")) == prompt_of({"prompt": "Hi"})
    assert prompt_of({"text": "Hi"}) == "Hi"


@pytest.mark.parametrize(
    "rows, share, message",
    [
        (ROWS, 0, "must be a share"),
        (ROWS, 1.0, "must be a share"),
        (ROWS[:1] * 5, 0.1, "all 5 rows have the same prompt"),
    ],
)
def test_splits_that_cannot_be_made(rows, share, message):
    with pytest.raises(ValueError, match=message):
        split_rows(rows, share)
