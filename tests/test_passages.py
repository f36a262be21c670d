"""Passages: every word is in one, none runs on for ever, and paragraphs stay whole under their heading."""

from types import SimpleNamespace

import pytest

from spectrum.passages import Passage, is_heading, paragraphs, windows

BOOK = """Loops
*****

The break statement leaves the loop.

It may not stand in a function.

The continue statement
==================

Continue goes on with the next round of the loop."""


@pytest.mark.parametrize("size, overlap", [(1, 0), (3, 0), (4, 2), (7, 6), (50, 0), (50, 49)])
def test_windows_hold_every_word_and_overlap_as_asked(size, overlap):
    found = windows("loops", BOOK, size, overlap)
    words = [passage.text.split() for passage in found]
    assert words[0] + [word for each in words[1:] for word in each[overlap:]] == BOOK.split()
    assert all(len(each) == size for each in words[:-1]) and all(words)
    assert all(a[len(a) - overlap :] == b[:overlap] for a, b in zip(words, words[1:], strict=False))
    assert all(BOOK[p.start :].startswith(p.text) for p in found)


@pytest.mark.parametrize("size, overlap", [(0, 0), (-1, 0), (3, 3), (3, 4), (3, -1)])
def test_windows_that_cannot_be_are_refused(size, overlap):
    with pytest.raises(ValueError, match="give a size of at least 1 and a smaller overlap"):
        windows("loops", BOOK, size, overlap)


def test_an_empty_text_has_no_passages():
    assert windows("none", " \n ") == paragraphs("none", " \n ") == []


def test_paragraphs_are_whole_and_open_with_their_heading():
    found = paragraphs("loops", BOOK, size=9)
    assert [passage.text for passage in found] == [
        "Loops\n*****\n\nThe break statement leaves the loop.",
        "Loops\n\nIt may not stand in a function.",
        "The continue statement\n==================",
        "The continue statement\n\nContinue goes on with the next round of the loop.",
    ]
    assert [BOOK[passage.start :][:8] for passage in found] == ["Loops\n**", "It may n", "The cont", "Continue"]


def test_a_paragraph_that_is_too_long_is_cut_between_its_lines():
    table = "\n".join(f"row {number} of the table" for number in range(30))
    found = paragraphs("table", table, size=10)
    assert "\n".join(passage.text for passage in found) == table
    assert all(len(passage.text.split()) <= 20 for passage in found)


def test_no_word_of_a_book_is_lost_and_none_is_made_but_headings():
    found = paragraphs("loops", BOOK, size=20)
    assert " ".join(passage.text for passage in found).split() == BOOK.split()


@pytest.mark.parametrize("text, told", [
    ("Calls\n*****", True), ("Calls\n^^^", True), ("Calls\n---=", False), ("Calls", False), ("*****\nCalls", False),
    ("Calls\n*****\nmore", False), ("Calls\n--", False),
])  # fmt: skip
def test_headings_are_told_by_the_line_beneath(text, told):
    assert is_heading(text) is told


def test_a_quote_is_found_however_its_lines_are_broken():
    item = SimpleNamespace(quotes=("leaves the\n  loop",))
    assert Passage("loops", 0, "The break statement leaves\nthe loop.").answers(item)
    assert not Passage("loops", 0, "The break statement leaves").answers(item)
