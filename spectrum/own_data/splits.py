"""Splits of own data by the checksum of the prompt, so that a row and its duplicates stand on one side."""

import hashlib
import json
from dataclasses import dataclass

from spectrum.own_data.readings import NAMED, Reading


@dataclass
class Split:
    """Rows to train on and rows held out, of the kind that was split; `str` of it says how many, and which repeat."""

    train: object
    held_out: object
    repeats: str

    def __str__(self):
        counts = f"{len(self.train)} rows to train on, {len(self.held_out)} held out"
        return f"{counts}; {self.repeats}" if self.repeats else counts


def split_rows(rows, held_out=0.1):
    """Returns the Split of rows (a Reading or a list), of which about the share `held_out` is held out.

    Prompts are taken in the order of their checksums until the share is reached, so the side of a row depends neither
    on its position nor on a seed, and rows with one prompt are on one side. Raises ValueError for a share that is not
    between 0 and 1 and for rows that all have one prompt.
    """
    if not 0 < held_out < 1:
        raise ValueError(f"held_out={held_out} must be a share between 0 and 1, such as 0.1")
    groups = group_by(rows, lambda row: checksum(prompt_of(row)))
    if len(groups) < 2:
        raise ValueError(f"all {len(rows)} rows have the same prompt, so none can be held out")
    ordered, wanted, chosen = sorted(groups), held_out * len(rows), []
    for name in ordered[:-1]:
        if chosen and abs(len(chosen) + len(groups[name]) - wanted) >= abs(len(chosen) - wanted):
            break
        chosen += groups[name]
    kept = sorted(set(range(len(rows))) - set(chosen))
    return Split(part(rows, kept), part(rows, sorted(chosen)), say_repeats(rows))


def part(rows, indices):
    """Returns some of the rows, as a Reading where it is one."""
    return rows.take(indices) if isinstance(rows, Reading) else [rows[i] for i in indices]


def prompt_of(row):
    """Returns what a row asks as text: its prompt, the turns before the first answer, or the whole of a plain text."""
    if row.get("messages") is not None:
        turns = [(turn["role"], turn.get("content")) for turn in row["messages"]]
        first = next((i for i, (role, _) in enumerate(turns) if role == "assistant"), len(turns))
        asked = turns[:first]
        return asked[0][1] if len(asked) == 1 else json.dumps(asked, ensure_ascii=False)
    prompt = row["text"] if row.get("text") is not None else row["prompt"]
    return prompt if isinstance(prompt, str) else json.dumps(prompt, ensure_ascii=False, default=str)


def checksum(text):
    """Returns the checksum of a text, whatever its white space."""
    return hashlib.sha256(" ".join(text.split()).encode("utf-8")).hexdigest()


def group_by(rows, key):
    """Returns {key of a row: indices of the rows that have it}."""
    groups = {}
    for i, row in enumerate(rows):
        groups.setdefault(key(row), []).append(i)
    return groups


def say_repeats(rows):
    """Returns a sentence on rows that repeat an earlier one, and on those that answer its prompt otherwise; or ""."""
    place = rows.lines.__getitem__ if isinstance(rows, Reading) else lambda i: i
    unit = rows.unit if isinstance(rows, Reading) else "row"
    same = group_by(rows, lambda row: checksum(json.dumps(row, sort_keys=True, ensure_ascii=False, default=str)))
    repeated = [group for group in same.values() if len(group) > 1]
    firsts = [group[0] for group in same.values()]
    other = [group for group in group_by([rows[i] for i in firsts], prompt_key).values() if len(group) > 1]
    said = []
    if repeated:
        count = sum(len(group) - 1 for group in repeated)
        said.append(f"rows that repeat an earlier one: {count} ({name_groups(repeated, place, unit)})")
    if other := [[firsts[i] for i in group] for group in other]:
        said.append(f"prompts with different answers: {len(other)} ({name_groups(other, place, unit)})")
    return "; ".join(said)


def prompt_key(row):
    return checksum(prompt_of(row))


def name_groups(groups, place, unit):
    """Returns the lines of the first groups of rows that belong together."""
    named = [" = ".join(str(place(i)) for i in group[:NAMED]) + (" …" if group[NAMED:] else "") for group in groups]
    return f"{unit}s {', '.join(named[:NAMED])}" + (f" and {len(named) - NAMED} more" if named[NAMED:] else "")
