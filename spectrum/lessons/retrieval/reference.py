"""The real corpus of lesson 06: Python's language reference, and questions on it with the passages that answer them.

The text is that of `pydoc_data.topics` in CPython 3.11 (PSF licence, see NOTICE), kept here so that every Python finds
the same. The questions were written for the course: `questions.jsonl`, one a line.
"""

import gzip
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from spectrum.general import says
from spectrum.passages import is_heading, on_one_line, paragraphs, windows

HERE = Path(__file__).parent
SIZE = 100  # words of a passage
REPEATED = 8  # words of a paragraph that is kept once; shorter ones, such as "New in version 3.5.", belong to others
CUTS = {
    "windows": lambda name, text: windows(name, text, SIZE),
    "overlapping windows": lambda name, text: windows(name, text, SIZE, SIZE // 2),
    "paragraphs": lambda name, text: paragraphs(name, text, SIZE),
}


@dataclass(frozen=True)
class Question:
    """One question: how it is worded, the quotes that answer it, and words of which a right answer holds one.

    `kind` is "same" (asked in the text's words), "other" (in other words) or "none" (the reference does not say).
    """

    input: str
    kind: str
    quotes: tuple
    answers: tuple

    def is_right(self, answer):
        """Returns whether an answer holds one of the right words, whole and in any case."""
        return says(answer, self.answers)


@cache
def topics():
    """Returns {name: text} of the reference's topics, the longest first, in which a long paragraph stands once.

    The topics repeat each other: most of "for" is a part of "compound". Rules and gaps of tables are shortened.
    """
    with gzip.open(HERE / "python_reference.json.gz", "rt", encoding="utf-8") as file:
        raw = json.load(file)
    found, seen = {}, set()
    for name, text in sorted(raw.items(), key=lambda item: (-len(item[1]), item[0])):
        fresh = []
        for paragraph in re.split(r"\n\s*\n", shortened(text)):
            line = on_one_line(paragraph)
            if line not in seen:
                fresh.append(paragraph)
            if len(line.split()) >= REPEATED:
                seen.add(line)
        if any(not is_heading(paragraph) for paragraph in fresh):
            found[name] = "\n\n".join(fresh)
    return found


def shortened(text):
    """Returns a text with rules of four signs at most, and two blanks at most between words of a line."""
    return re.sub(r"(?<=\S) {3,}", "  ", re.sub(r"([-=*~])\1{4,}", lambda match: 4 * match[1], text))


@cache
def questions(*kinds):
    """Returns the Questions of the given kinds, of all where none is named."""
    lines = (HERE / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    found = [
        Question(row["ask"], row["kind"], tuple(map(shortened, row["quotes"])), tuple(row["answers"])) for row in rows
    ]
    return [question for question in found if not kinds or question.kind in kinds]


@cache
def passages(cut="paragraphs"):
    """Returns the Passages of all topics, cut in one of the CUTS."""
    if cut not in CUTS:
        raise ValueError(f"cut must be one of {', '.join(CUTS)}, not {cut!r}")
    return [passage for name, text in topics().items() for passage in CUTS[cut](name, text)]
