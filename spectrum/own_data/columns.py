"""Columns of data: templates over several of them, and suggestions where they bear other names."""

import string
from difflib import get_close_matches

# What columns are called elsewhere, for suggestions only.
OTHER_NAMES = {
    "prompt": ("prompt", "question", "instruction", "query", "input", "request", "source", "problem", "user", "q"),
    "completion": ("completion", "answer", "output", "response", "reply", "target", "solution", "assistant", "a"),
    "messages": ("messages", "conversations", "conversation", "chat", "dialog", "dialogue", "turns"),
    "text": ("text", "content", "document", "body"),
}
EXAMPLE = "columns={'prompt': 'question', 'completion': 'answer'}"


def suggest(names):
    """Returns a sentence with the mapping that the columns' names suggest, or how one is written."""
    guess = {field: next((n for other in others for n in names if str(n).strip().lower() == other), None)
             for field, others in OTHER_NAMES.items()}  # fmt: skip
    for field in guess:
        close = get_close_matches(field, [str(n) for n in names], 1, 0.75)
        guess[field] = guess[field] or (close[0] if close else None)
    for fields in (("prompt", "completion"), ("messages",), ("text",)):
        if all(guess[field] for field in fields):
            return f"Say which is which, perhaps columns={ {field: guess[field] for field in fields} }."
    extra = " If the first line is a row and no header, put one before it." if len(names) == 2 else ""
    return f"Say which is which, as in {EXAMPLE}.{extra}"


def parts_of(column, names):
    """Returns the columns that a column's name or a template such as "{instruction}\\n{input}" is made of."""
    if column in names or not isinstance(column, str) or "{" not in column:
        return [column]
    try:
        parts = [part for _, part, spec, conversion in string.Formatter().parse(column) if part is not None]
    except ValueError as error:
        raise ValueError(f"The template {column!r} cannot be read ({error}); double a brace that is text.") from error
    return parts


def fill(template, record):
    """Returns the template with the record's columns in it; a line all of whose columns are empty is left out.

    Raises ValueError for a column that is neither text nor a number.
    """
    lines = []
    for line in template.split("\n"):
        pieces = list(string.Formatter().parse(line))
        texts = [cell_text(record, part) for _, part, _, _ in pieces if part is not None]
        if texts and not any(text.strip() for text in texts):
            while lines and not lines[-1]:
                lines.pop()
            continue
        filled = iter(texts)
        lines.append("".join(text + (next(filled) if part is not None else "") for text, part, _, _ in pieces))
    return "\n".join(lines).strip("\n") if len(lines) != template.count("\n") + 1 else "\n".join(lines)


def cell_text(record, column):
    """Returns a record's column as text, empty where it has none."""
    value = record.get(column)
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"column {column!r} must be text or a number, not {type(value).__name__}")


def value_of(record, column):
    """Returns what a record has in a column, or a template filled with its columns."""
    if column in record or not isinstance(column, str) or "{" not in column:
        return record.get(column)
    return fill(column, record)
