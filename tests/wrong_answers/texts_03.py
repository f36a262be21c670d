"""Plausible wrong answers to lab 03, tasks 1 and 2, and what the checks must say to each."""

import json
import re

# ---- read_answer ----


def load(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


def finds_json_inside(text, keys):
    found = re.search(r"\{[^{}]*\}", text)
    found = load(found[0]) if found else None
    good = found is not None and set(found) == set(keys) and all(isinstance(v, str) for v in found.values())
    return found if good else None


def any_keys(text, keys):
    found = load(text)
    return found if isinstance(found, dict) else None


def at_least_the_keys(text, keys):
    found = load(text)
    good = isinstance(found, dict) and set(keys) <= set(found) and all(isinstance(v, str) for v in found.values())
    return found if good else None


def as_many_keys(text, keys):
    found = load(text)
    good = isinstance(found, dict) and len(keys) == len(found) and all(isinstance(v, str) for v in found.values())
    return found if good else None


def keys_in_order(text, keys):
    found = load(text)
    return found if isinstance(found, dict) and list(found) == list(keys) else None


def any_values(text, keys):
    found = load(text)
    return found if isinstance(found, dict) and set(found) == set(keys) else None


def values_of(*kinds):
    """Returns a `read_answer` that takes values of these kinds."""

    def read(text, keys):
        found = any_values(text, keys)
        return found if found and all(isinstance(value, kinds) for value in found.values()) else None

    return read


def object_in_front(text, keys):
    try:
        found, _ = json.JSONDecoder().raw_decode(text.strip())
    except ValueError:
        return None
    return checked(found, keys)


def python_literal(text, keys):
    try:
        found = eval(text.strip(), {"null": None})
    except Exception:
        return None
    good = isinstance(found, dict) and set(found) == set(keys) and all(isinstance(v, str) for v in found.values())
    return found if good else None


def raises(text, keys):
    return json.loads(text)


def yes_or_no(text, keys):
    return any_values(text, keys) is not None


def checked(found, keys):
    good = isinstance(found, dict) and set(found) == set(keys) and all(isinstance(v, str) for v in found.values())
    return found if good else None


def by_pattern(text, keys):
    text = text.strip()
    closed = text.startswith("{") and text.endswith("}")
    return checked(dict(re.findall(r'"(\w+)": "([^"]*)"', text)) if closed else None, keys)


def no_empty_values(text, keys):
    found = checked(load(text), keys)
    return found if found is not None and all(found.values()) else None


def strips_values(text, keys):
    found = checked(load(text), keys)
    return found and {key: value.strip() for key, value in found.items()}


def line_breaks_allowed(text, keys):
    try:
        return checked(json.loads(text, strict=False), keys)
    except ValueError:
        return None


READ = {}


def remembers_texts(text, keys):
    if text not in READ:
        READ[text] = checked(load(text), keys)
    return READ[text]


def sorts_the_keys(text, keys):
    found = checked(load(text), keys)
    if isinstance(keys, list):
        keys.sort()
    return found


# ---- field_share ----


def right_in(answer, gold):
    found = checked(load(answer), gold) or {}
    return sum(found.get(k) == v for k, v in gold.items())


def refused_left_out(answers, golds):
    kept = [(a, g) for a, g in zip(answers, golds, strict=True) if load(a)]
    return sum(right_in(a, g) for a, g in kept) / max(1, sum(len(g) for _, g in kept))


def whole_letters(answers, golds):
    return sum(right_in(a, g) == len(g) for a, g in zip(answers, golds, strict=True)) / len(golds)


def values_anywhere(answers, golds):
    hits = sum(v in a for a, g in zip(answers, golds, strict=True) for v in g.values())
    return hits / sum(map(len, golds))


def case_ignored(answers, golds):
    lower = [{k: v.lower() for k, v in g.items()} for g in golds]
    hits = sum(right_in(a.lower(), g) for a, g in zip(answers, lower, strict=True))
    return hits / sum(map(len, golds))


def values_in_any_key(answers, golds):
    hits = 0
    for answer, gold in zip(answers, golds, strict=True):
        found = at_least_the_keys(answer, gold) or {}
        hits += sum(v in found.values() for v in gold.values())
    return hits / sum(map(len, golds))


def counts_missing_keys(answers, golds):
    hits = 0
    for answer, gold in zip(answers, golds, strict=True):
        found = load(answer) or {}
        hits += sum(found.get(k) == v for k, v in gold.items())
    return hits / sum(map(len, golds))


def mean_of_letters(answers, golds):
    return sum(right_in(a, g) / len(g) for a, g in zip(answers, golds, strict=True)) / len(golds)


def not_divided(answers, golds):
    return sum(right_in(a, g) for a, g in zip(answers, golds, strict=True))


def shares_by(read):
    """Return a field_share that reads each answer by read(answer, gold)."""

    def share(answers, golds):
        found = [read(a, g) or {} for a, g in zip(answers, golds, strict=True)]
        return sum(f.get(k) == v for f, g in zip(found, golds, strict=True) for k, v in g.items()) / sum(
            map(len, golds)
        )

    return share


def some_keys_more(answer, gold):
    found = load(answer)
    return found if isinstance(found, dict) and set(gold) <= set(found) else None


def empties_the_answers(answers, golds):
    share = shares_by(lambda a, g: checked(load(a), g))(answers, golds)
    answers.clear()
    return share


ROWS = [
    ("check_read_answer", "JSON accepted by substring", finds_json_inside, "does not search for it"),
    ("check_read_answer", "any keys", any_keys, "A key is missing"),
    ("check_read_answer", "more keys than asked", at_least_the_keys, "came unasked"),
    ("check_read_answer", "as many keys, but others", as_many_keys, "must be *these* two"),
    ("check_read_answer", "keys in one order only", keys_in_order, "Objects have no order"),
    ("check_read_answer", "any values", any_values, "Every value must be text"),
    ("check_read_answer", "numbers too", values_of(str, int, float), "a number is none"),
    ("check_read_answer", "fractions too", values_of(str, float), "a number is none"),
    ("check_read_answer", "true and false too", values_of(str, bool), "true is none"),
    ("check_read_answer", "lists too", values_of(str, list), "a list is none"),
    ("check_read_answer", "text after the object", object_in_front, "does not search for it"),
    ("check_read_answer", "Python instead of JSON", python_literal, "this is Python"),
    ("check_read_answer", "raises", raises, "JSONDecodeError"),
    ("check_read_answer", "True or False", yes_or_no, "Return what JSON holds"),
    ("check_read_answer", "by a pattern", by_pattern, "A comma is missing"),
    ("check_read_answer", "no empty values", no_empty_values, "An empty text is text"),
    ("check_read_answer", "values stripped", strips_values, "keeps its spaces"),
    ("check_read_answer", "line breaks inside quotes", line_breaks_allowed, "A line break inside quotes"),
    ("check_read_answer", "remembers by the text", remembers_texts, "is another question"),
    ("check_read_answer", "sorts the keys in place", sorts_the_keys, "changed its argument `keys`"),
    ("check_field_share", "refused answers left out", refused_left_out, "still counts"),
    ("check_field_share", "whole letters", whole_letters, "Count fields, not letters"),
    ("check_field_share", "values anywhere in the text", values_anywhere, "still counts"),
    ("check_field_share", "case ignored", case_ignored, "'leo' is not 'Leo'"),
    ("check_field_share", "a value under any key", values_in_any_key, "belongs to its key"),
    ("check_field_share", "answers with a missing key", counts_missing_keys, "with a missing key"),
    ("check_field_share", "the mean of letters", mean_of_letters, "All fields weigh the same"),
    ("check_field_share", "a count", not_divided, "divide by all fields"),
    ("check_field_share", "spaces forgiven", shares_by(strips_values), "a space is a character too"),
    ("check_field_share", "keys unasked for", shares_by(some_keys_more), "a key unasked for"),
    ("check_field_share", "values that are no text", shares_by(any_values), "a value that is no text"),
    ("check_field_share", "empties the answers", empties_the_answers, "changed its argument `answers`"),
]
