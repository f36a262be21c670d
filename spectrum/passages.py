"""Long documents cut into passages that a search can return and a model can read.

Compared in notebooks/06_retrieval.ipynb, section "Cut the book".
"""

import re
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Passage:
    """A piece of a document: the document's name, the place in it (in characters), and the text."""

    name: str
    start: int
    text: str

    def answers(self, item):
        """Returns whether the passage holds one of the quotes that answer an item, however its lines are broken."""
        return any(on_one_line(quote) in on_one_line(self.text) for quote in item.quotes)


@lru_cache(maxsize=8192)
def on_one_line(text):
    """Returns a text with each stretch of white space as one blank."""
    return " ".join(text.split())


def windows(name, text, size=100, overlap=0):
    """Returns the Passages of `size` words each, blind to what the words say; `overlap` words stand in two of them.

    Raises ValueError for a size below 1 and an overlap that is not smaller than it.
    """
    if size < 1 or not 0 <= overlap < size:
        raise ValueError(f"size is {size} and overlap {overlap}; give a size of at least 1 and a smaller overlap.")
    spans = [match.span() for match in re.finditer(r"\S+", text)]
    found = []
    for first in range(0, max(1, len(spans) - overlap), size - overlap):
        piece = spans[first : first + size]
        if piece:
            found.append(Passage(name, piece[0][0], text[piece[0][0] : piece[-1][1]]))
    return found


def paragraphs(name, text, size=100):
    """Returns Passages that end where paragraphs end: paragraphs are put together up to `size` words.

    A longer paragraph stands alone, cut between its lines where it has more than twice as many words. Each passage but
    the one that begins with it opens with the last heading above it.
    """
    found, kept, heading = [], [], ""

    def close():
        if kept:
            body = "\n\n".join(piece for _, piece in kept)
            opening = "" if kept[0][1].startswith(heading) or not heading else f"{heading}\n\n"
            found.append(Passage(name, kept[0][0], opening + body))
            kept.clear()

    for start, piece in pieces(text, 2 * size):
        if is_heading(piece):
            close()
            heading = piece.split("\n")[0].strip()
        elif kept and sum(len(p.split()) for _, p in kept) + len(piece.split()) > size:
            close()
        kept.append((start, piece))
    close()
    return found


def pieces(text, most):
    """Yields (start, paragraph) of a text, a paragraph of more than `most` words cut between lines into pieces."""
    for match in re.finditer(r"\S.*?(?=\n\s*\n|\Z)", text, re.DOTALL):
        start, lines = match.start(), []
        for line in match[0].split("\n"):
            if lines and sum(len(one.split()) for one in lines) + len(line.split()) > most:
                yield start, "\n".join(lines)
                start, lines = start + sum(len(one) + 1 for one in lines), []
            lines.append(line)
        yield start, "\n".join(lines)


def is_heading(paragraph):
    """Returns whether a paragraph is a heading: one line, and under it a line of signs such as ==== or ----."""
    lines = paragraph.split("\n")
    return len(lines) == 2 and bool(re.fullmatch(r"([*=~\-\"^])\1{2,}", lines[1].strip()))
