"""Records of a JSON text with their lines, whether it holds an object a line, one array, or objects over several lines.

Python's `json` reads; what is added is where each record begins, and the true cause where there is none.
"""

import ast
import json
import re

CHATS = (
    "messages",
    "conversations",
    "prompt",
    "completion",
    "chosen",
    "rejected",
)  # a row may hold a list of turns here


def read_json(text):
    """Returns (kind, lines, records) of a JSON text; what it is, is told by the text and not by the file's name.

    In JSON Lines a line that holds no JSON is a ValueError among the records. Elsewhere a mistake is raised as
    ValueError, with line and column, as nobody knows where the next record begins.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")  # none can stand inside a JSON text
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if not lines or not goes_on(lines[0][1].strip(), len(lines)):
        return read_lines(lines)
    try:
        return read_values(text)
    except ValueError:
        found = read_lines(lines)
        if text.lstrip().startswith("[") or 2 * sum(isinstance(record, dict) for record in found[2]) < len(lines):
            raise
        return found


def goes_on(first, count):
    """Returns whether the value that begins in the first line is an array, or goes on in the next line."""
    try:
        return isinstance(json.loads(first), list) and count == 1
    except json.JSONDecodeError as error:
        return first.startswith("[") or first.startswith("{") and error.pos >= len(first)
    except (ValueError, RecursionError):
        return False


def read_lines(lines):
    """Returns (kind, lines, records) of JSON Lines, given as [(number, text)]."""
    records = []
    for _, line in lines:
        try:
            records.append(load_json(line))
        except ValueError as error:
            records.append(error)
    if len(records) == 1 and isinstance(records[0], dict):
        refuse_wrapped(records[0])
    return "JSON Lines", [number for number, _ in lines], records


def read_values(text):
    """Returns (kind, lines, records) of an array, or of objects one after the other, each over any number of lines."""
    array = text.lstrip().startswith("[")
    lines, records, line, counted = [], [], 1, 0
    try:
        for at, record in values(text, array):
            line, counted = line + text.count("\n", counted, at), at
            lines.append(line)
            records.append(record)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}, column {error.colno}: {why_no_json(text, error)}") from error
    except RecursionError as error:
        raise ValueError(f"line {line}: brackets are nested too deep to be read") from error
    if len(records) == 1 and isinstance(records[0], dict) and not array:
        refuse_wrapped(records[0])
    return "a JSON array" if array else "JSON objects over several lines", lines, records


def values(text, array):
    """Yields (place, value) of each element of an array, or of each value of a text that has one after the other."""
    decoder = json.JSONDecoder(object_pairs_hook=without_doubles)
    at = skip(text, text.index("[") + 1 if array else 0)
    while at < len(text) and not (array and text[at] == "]"):
        try:
            value, end = decoder.raw_decode(text, at)
        except json.JSONDecodeError:
            raise
        except ValueError as error:
            raise ValueError(f"line {text.count(chr(10), 0, at) + 1}: {error}") from error
        yield at, value
        at = skip(text, end)
        if array and text[at : at + 1] == ",":
            at = skip(text, at + 1)
            if text[at : at + 1] == "]":
                raise json.JSONDecodeError("Illegal trailing comma", text, at)
        elif array and text[at : at + 1] != "]":
            raise json.JSONDecodeError("Expecting ',' delimiter", text, at)
    if array and at >= len(text):
        raise json.JSONDecodeError("Expecting value", text, len(text))
    if array and skip(text, at + 1) < len(text):
        raise json.JSONDecodeError("Extra data", text, skip(text, at + 1))


def skip(text, at, space=re.compile(r"\s*")):
    """Returns the place of the next character from `at` on that is no white space."""
    return space.match(text, at).end()


def refuse_wrapped(record):
    """Raises ValueError where the only object of a file is no row but holds the rows, or the columns, of a table."""
    for key, value in record.items():
        if key not in CHATS and isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            if len(record) == 1 or key in ("data", "rows", "train", "examples"):
                raise ValueError(f"the rows stand under {key!r}: keep that list alone, as the file's whole content")
    if len(record) > 1 and not set(record) & {"messages", "conversations"}:
        if all(isinstance(value, list) and not isinstance(value[:1], str) for value in record.values()):
            if not all(value and isinstance(value[0], dict) for value in record.values()):
                raise ValueError("holds whole columns; write rows, in pandas: to_json(orient='records', lines=True)")
        if all(isinstance(value, dict) and "0" in value for value in record.values()):
            raise ValueError("holds whole columns; write rows, in pandas: to_json(orient='records', lines=True)")


# ---- why it cannot be read ----


def why_no_json(text, error):
    """Returns why a text is no JSON and what to do, for the mistakes people make; else the parser's own words."""
    rest = text[error.pos :].lstrip()
    before = text[: error.pos].rstrip()
    if error.msg.startswith("Extra data") and rest.startswith(",") and not rest[1:].strip():
        return "a comma follows the object; JSON Lines has none between its lines: remove it"
    if error.msg.startswith("Extra data") and rest.startswith(("{", "[")):
        return "two values stand in one line: put each object in a line of its own"
    if error.msg.startswith("Extra data"):
        return "text follows the end of the value: remove it"
    if is_python(text):
        return "is written as Python prints a dict ('single quotes', None, True), not as JSON: write it with json.dumps"
    if rest[:1] in ("}", "]") and before.endswith(","):
        return "a comma stands before the closing bracket: remove it"
    if "trailing comma" in error.msg:  # Python 3.13 and later say so themselves
        return "a comma stands before the closing bracket: remove it"
    if rest[:1] in ("“", "”", "‘", "’") or before[-1:] in ("“", "”"):
        return 'typographic quotes (“ ”) stand where JSON has straight ones ("): replace them'
    if rest.startswith(("//", "/*", "#")):
        return "JSON has no comments: remove it"
    return why_cut(text, error, rest)


def why_cut(text, error, rest):
    """Returns why JSON ends too early, or has a character that must be escaped; else the parser's own words."""
    if "Invalid control character" in error.msg:
        return "a line break or tab stands inside a text: write it as \\n or \\t, as json.dumps does"
    if "Invalid \\escape" in error.msg:
        return "a single backslash stands inside a text: double it (\\\\), as json.dumps does"
    if "Unterminated string" in error.msg or not rest:
        return f"it ends in the middle ({error.msg}): the object is cut off or goes on in the next line"
    if "property name" in error.msg and (key := re.match(r"(\w+)\s*:", rest)):
        return f'a key stands without quotes: write "{key[1]}"'
    if "',' delimiter" in error.msg:
        return 'a comma is missing here, or a quote inside a text is not escaped (\\")'
    return f"no JSON ({error.msg})"


def is_python(text):
    """Returns whether a text that is no JSON is a dict or a list as Python prints it."""
    if len(text) > 1_000_000 or not re.search(r"'|\b(None|True|False)\b", text):
        return False
    try:
        return isinstance(ast.literal_eval(text.strip().rstrip(",")), dict | list)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return False


def load_json(text):
    """Returns the value of a JSON text; raises ValueError with the column and the cause."""
    try:
        return json.loads(text, object_pairs_hook=without_doubles)
    except json.JSONDecodeError as error:
        raise ValueError(f"column {error.pos + 1}: {why_no_json(text, error)}") from error
    except RecursionError as error:
        raise ValueError("its brackets are nested too deep to be read") from error
    except ValueError as error:
        if "integer string conversion" not in str(error):
            raise
        raise ValueError("a number has thousands of digits: write it as text") from error


def without_doubles(pairs):
    """Returns the dict of an object's keys and values; ValueError where a key stands twice, as one would be lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object: rename or remove one")
    return found
