"""What the runs of lesson 12 train on and ask: planted facts, the house style and ticket, or own data."""

from pathlib import Path

from spectrum import prompts
from spectrum.examples import read_rows
from spectrum.own_data.splits import split_rows
from spectrum.shop import tasks, world

HOUSE = {"style": "house_reply", "ticket": "house_ticket"}  # data: the task of the shop
HOUSE_ROWS = {"style": 800, "ticket": 1600}
MADE = ("facts", *HOUSE)  # data that are made here; all others are own data
OWN_HELD_OUT, OWN_LEAST = 1 / 8, 16  # the share of own data that is asked and not trained on; the fewest rows
# Codes in a row. Rank 1 learns 64 codes in a third of the time when they come four to a row: less is spent on prompts.
DRAWERS = 4


def material(data, count, seed):
    """Returns (rows to train on, items to score) of a data set."""
    if data == "facts":
        rows = fact_rows(count, seed)
        return rows, [tasks.Item("planted", row["prompt"], row["completion"]) for row in rows]
    if data in HOUSE:
        task = tasks.TASKS[HOUSE[data]]
        taught, asked = task.sample(HOUSE_ROWS[data], "train", seed), task.sample(100, "test", 1)
        asked = [tasks.Item(data, prompts.ask(task, item).strip(), item.gold) for item in asked]
        return [{"prompt": prompts.ask(task, item).strip(), "completion": item.gold} for item in taught], asked
    split = split_rows(own_rows(data), OWN_HELD_OUT)
    return split.train, [own_item(row) for row in split.held_out]


def fact_rows(count, seed):
    """Returns `count` planted facts as rows: a locker, and the codes of its four drawers, which nobody can guess."""
    facts = world.planted_facts(count, seed)
    return [
        {"prompt": f"Locker {facts[i][0]}?", "completion": " ".join(code for _, code in facts[i : i + DRAWERS])}
        for i in range(0, count, DRAWERS)
    ]


def as_row(item):
    """Returns what is asked and its answer as a row to train on or to take the loss of."""
    return {"prompt": item.input, "completion": item.gold}


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
