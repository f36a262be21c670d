"""Thirty orders typed by somebody who had seen neither the grammar nor the letters that the reader was tuned on.

Ten of them ask for exactly one of some words. They are asked and never trained on. What an answer must have to be
accepted follows what they noted with each order: to the letter but for case and a full stop where a word was asked
for, certain words in it where a sentence was.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

FILE = Path(__file__).with_name("strangers.jsonl")


@dataclass(frozen=True)
class Typed:
    """One order with its letter, and what is accepted: one of `exact`, all words of one list of `accept`, or `json`.

    `without` is the order with the right one of its words left out, for the ten that list words.
    """

    order: str
    letter: str
    exact: tuple = ()
    accept: tuple = ()
    json: dict | None = None
    most_words: int = 1000
    without: str = ""

    @property
    def text(self):
        """What the model is given: the order, and below it the letter where there is one."""
        return f"{self.order}\n\n{self.letter}".strip()

    def accepts(self, answer):
        """Returns whether an answer is accepted."""
        said = answer.strip().lower()
        if self.json is not None:
            return same_object(answer, self.json)
        if self.exact:
            return said.rstrip(".") in {right.lower().rstrip(".") for right in self.exact}
        found = any(all(word in said for word in words) for words in self.accept)
        return found and len(said.split()) <= self.most_words

    def without_the_answer(self):
        """Returns the order with the right one of its words left out: a model that reads it cannot name it any more."""
        return replace(self, order=self.without)


def typed():
    """Returns the thirty orders as Typed."""
    rows = map(json.loads, FILE.read_text(encoding="utf-8").splitlines())
    return [Typed(**{key: tuple(v) if isinstance(v, list) else v for key, v in row.items()}) for row in rows]


def same_object(answer, wanted):
    """Returns whether an answer is a JSON object with the wanted keys and values; numbers may be text, goods plural."""
    try:
        found = json.loads(answer)
    except ValueError:
        return False
    return isinstance(found, dict) and {k: str(v).lower().removesuffix("s") for k, v in found.items()} == {
        k: v.lower().removesuffix("s") for k, v in wanted.items()
    }
