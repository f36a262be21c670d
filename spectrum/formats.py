"""Answers that a program reads: fields written as JSON, XML or a Markdown list, read back, and scored field by field.

Only a whole text counts as parsed: JSON somewhere inside a sentence is a sentence.
"""

import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

FORMS = ("json", "xml", "markdown")


@dataclass(frozen=True)
class Parsed:
    """What became of answers as a program reads them: per answer, did it parse, and which share of fields is right."""

    parsed: tuple  # bool for each answer
    keys: tuple  # bool: parsed, with exactly the wanted keys
    fields: tuple  # share of the wanted fields with the right value


def write_fields(fields, form):
    """Returns {key: value} as text: a JSON object, XML elements side by side, or a Markdown list.

    Raises ValueError for another form.
    """
    check_form(form)
    if form == "json":
        return json.dumps(fields, ensure_ascii=False)
    pattern, between = ("<{0}>{1}</{0}>", "") if form == "xml" else ("- {0}: {1}", "\n")
    return between.join(pattern.format(key, value) for key, value in fields.items())


def read_fields(text, form):
    """Returns the {key: value} that a text holds, or None where it, as a whole, is not of the form.

    Values are text; a number in JSON becomes its digits. Lists and objects inside an object are None: fields are flat.
    """
    check_form(form)
    return {"json": read_json, "xml": read_xml, "markdown": read_markdown}[form](text.strip())


def read_json(text):
    """Returns a flat JSON object as {key: text}, or None; a key that stands twice is None too."""
    try:
        pairs = json.loads(text, object_pairs_hook=list, parse_constant=refuse)
    except (ValueError, RecursionError):
        return None
    flat = isinstance(pairs, list) and text.startswith("{") and not any(isinstance(v, list | dict) for _, v in pairs)
    if not flat or len(dict(pairs)) < len(pairs):
        return None
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in pairs}


def refuse(constant):
    """Raises ValueError: Python reads NaN and Infinity, JSON has neither."""
    raise ValueError(f"{constant} is no JSON")


def read_xml(text):
    """Returns flat XML elements as {tag: text}, or None; they may stand in one element around all of them.

    Document types are refused: entities in them can blow up.
    """
    if "<!" in text:
        return None
    try:
        root = ElementTree.fromstring(f"<root>{text}</root>")
    except ElementTree.ParseError:
        return None
    if len(root) == 1 and len(root[0]) and not (root.text or "").strip():
        root = root[0]
    loose = [root.text, *(child.tail for child in root)]
    if any((part or "").strip() for part in loose) or any(len(child) for child in root):
        return None
    found = {child.tag: (child.text or "").strip() for child in root}
    return found if found and len(found) == len(root) else None


def read_markdown(text):
    """Returns a list of "- key: value" lines as {key: value}, or None; bold keys and another bullet are the same."""
    rows = [re.fullmatch(r"[-*+] (?:\*\*)?([\w ]+?)(?::\*\*|\*\*:|:) (\S.*)", line) for line in text.split("\n")]
    if not all(rows):
        return None
    found = {row[1]: row[2].strip() for row in rows}
    return found if len(found) == len(rows) else None


def score_fields(answers, golds, form):
    """Returns the `Parsed` of answers against the wanted {key: value} of each.

    A field counts where the parsed answer has its key with exactly its value; an answer that does not parse has no
    field right. Raises ValueError for unequal numbers of answers and golds, and for a gold without fields.
    """
    if len(answers) != len(golds) or not all(golds):
        raise ValueError(
            f"There are {len(answers)} answers and {len(golds)} golds; give each answer its wanted fields."
        )
    found = [read_fields(answer, form) for answer in answers]
    pairs = list(zip(found, golds, strict=True))
    return Parsed(
        parsed=tuple(f is not None for f in found),
        keys=tuple(f is not None and f.keys() == gold.keys() for f, gold in pairs),
        fields=tuple(sum((f or {}).get(k) == v for k, v in gold.items()) / len(gold) for f, gold in pairs),
    )


def check_form(form):
    """Raises ValueError for an unknown form."""
    if form not in FORMS:
        raise ValueError(f"form is {form!r}; it must be one of {', '.join(FORMS)}.")
