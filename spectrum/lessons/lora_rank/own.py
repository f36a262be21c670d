"""Own data in the runs of lesson 12: which rows can be used, and what is asked of one that is held out."""

from pathlib import Path

from spectrum.examples import read_rows
from spectrum.shop import tasks

OWN_LEAST = 16  # the fewest rows


def own_rows(data):
    """Returns the Reading of own data; ValueError where a row cannot be used, or has no answer to score."""
    if isinstance(data, str) and not Path(data).expanduser().exists():
        raise ValueError(f"data must be 'facts', 'style', 'ticket' or the path of a data file, not {data!r}")
    reading = read_rows(data)
    if reading.problems:
        raise ValueError(f"{data}: {reading}. Mend or remove:\n" + "\n".join(reading.problems[:5]))
    if len(reading) < OWN_LEAST or reading.noun in ("texts", "pairs"):
        needed = f"at least {OWN_LEAST}, with prompt and completion or as chats, are needed"
        raise ValueError(f"{data}: {len(reading)} {reading.noun}; {needed}")
    if tools := [line for line, row in zip(reading.lines, reading, strict=True) if has_tools(row)]:
        raise ValueError(f"{data}, {reading.unit} {tools[0]}: a chat with tools has no answer that can be scored here")
    return reading


def has_tools(row):
    """Returns whether a row's chat has tools, calls of tools or their answers."""
    turns = row.get("messages") or []
    return bool(row.get("tools")) or any(turn.get("tool_calls") or turn["role"] == "tool" for turn in turns)


def own_item(row):
    """Returns what is asked of a held-out row: its prompt, or the turns before its last answer, and that answer."""
    if "messages" not in row:
        return tasks.Item("own", row["prompt"], row["completion"])
    last = max(i for i, turn in enumerate(row["messages"]) if turn["role"] == "assistant")
    return tasks.Item("own", row["messages"][:last], row["messages"][last]["content"])
