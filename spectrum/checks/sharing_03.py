"""What lab 03, task 5, is checked with: the 15 ways to share five keys, their score, and planted best ways."""

import json
from itertools import combinations

from spectrum.checks.machinery import expect, short

KEYS = ("name", "city", "product", "order", "intent")


def ways():
    """Returns the 15 ways to share the five keys between two orders, as pairs of lists."""
    parts = [part for size in (1, 2) for part in combinations(KEYS, size)]
    return [(list(part), [key for key in KEYS if key not in part]) for part in parts]


def read(text, keys):
    """Returns the dict of a text that is one JSON object with exactly these keys, or {}."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) and set(found) == set(keys) else {}


def share_right(way, asking, letters, golds):
    """Returns the share of letters of which a way gets all five fields right."""
    first, second = ([read(text, part) for text in asking(part, letters)] for part in way)
    return sum(a | b == gold for a, b, gold in zip(first, second, golds, strict=True)) / len(golds)


def planted(way, spoiled):
    """Returns an `ask` for which one way is the best: keys of its two parts, asked for together, spoil an answer.

    So do any keys in the first `spoiled` letters. A spoiled answer is no JSON, lacks a key, has one unasked, or errs;
    where three are spoiled, all of them err.
    """

    def asking(keys, letters):
        answers = []
        for place, letter in enumerate(letters):
            right = {key: f"{key} of {letter}" for key in keys}
            if place < spoiled or any(set(keys) & set(part) for part in way[:1]) and set(keys) & set(way[1]):
                bad = ("Ahoy!", json.dumps(list(keys)), json.dumps({**right, "town": "Oslo"}),
                       json.dumps({key: "?" for key in keys}), json.dumps(dict(list(right.items())[1:])))  # fmt: skip
                answers.append(bad[3 if spoiled == 3 else place % len(bad)])
            else:
                answers.append(json.dumps(right))
        return answers

    return asking


def parts_of(way):
    """Returns a way as a set of two sets of keys; raises CheckFailed for what is none."""
    two = isinstance(way, list | tuple) and len(way) == 2 and all(isinstance(part, list | tuple | set) for part in way)
    expect(two, f"expected two lists of keys, got {short(way)}", "Return the first part and the rest.")
    return {frozenset(part) for part in way}
