"""The house dialect, which no pretraining text shows: rows to tune on, and the score on it."""

import re

from spectrum import prompts
from spectrum.shop import tasks
from spectrum.shop.scoring import by_instruction, items_of


def house_rows(n, split, seed=0):
    """Returns n prompt and completion rows of the two house tasks, half each."""
    items = [item for name in tasks.HOUSE for item in tasks.TASKS[name].sample(n // 2, split, seed)]
    return [
        {"prompt": prompts.ask(tasks.TASKS[item.task], item, i % 6).strip(), "completion": item.gold}
        for i, item in enumerate(items)
    ]


def house_score(pair, n):
    """Returns the Score on house tickets and replies, right to the letter."""
    return by_instruction(pair, items_of(tasks.HOUSE, n), (0, 3), chat=True)


def without_priority(ticket):
    """Returns a house ticket without its priority: "LG|lighting|P3|STOP" becomes "LG|lighting||STOP".

    The priority is the rule that is learned last; whatever is no ticket comes back as it is.
    """
    return re.sub(r"\|P\d\|", "||", ticket.strip())
