"""Questions that take several steps: sums with their written steps, facts behind a letter, bills."""

import re
from dataclasses import replace
from itertools import pairwise

from spectrum import seeds
from spectrum.shop import messages, samplers, tasks, world

FORMS = ("no steps", "filler", "steps after", "steps shuffled", "steps")


def sums(n, terms, split="test", seed=0):
    """Returns n different items of "total_steps" with so many terms; its gold text holds the written steps.

    Raises ValueError for fewer than 2 terms.
    """
    if terms < 2:
        raise ValueError(f"terms is {terms}; a sum has at least 2.")
    rng, make, items = seeds.seeded("steps/sums", terms, split, seed), samplers.total(True, (terms,)), {}
    for _ in range(100 * n + 1000):
        if len(items) == n:
            return list(items.values())
        item = tasks.Item("total_steps", *make(rng, split))
        items.setdefault(item.input, item)
    raise ValueError(f"there are only {len(items)} different sums of {terms} terms in split {split!r}; ask for fewer.")


def numbers_of(item):
    """Returns the numbers of a sum."""
    return [int(part) for part in item.input.split(" + ")]


def arrangements(values, rng):
    """Returns {name: text}: the answer to a sum of `values` with its steps in place, missing, late or out of order.

    "filler" has three times three dots for each step: as much room, and nothing to read. Sums of two terms have
    one step, which cannot be out of order.
    """
    written = samplers.written_steps(values)
    steps, total = written.split(". ")
    parts = steps.split(", ")
    mixed = rng.sample(parts, len(parts))
    while mixed == parts and len(parts) > 1:
        mixed = rng.sample(parts, len(parts))
    return {
        "no steps": total,
        "filler": f"{' '.join(['...'] * 3 * len(parts))} {total}",
        "steps after": f"{total} {steps}.",
        "steps shuffled": f"{', '.join(mixed)}. {total}",
        "steps": written,
    }


def arranged(items, form, seed=0):
    """Returns the sums with gold answers in one of the FORMS, to be shown as solved examples."""
    rng = seeds.seeded("steps/arranged", seed)
    return [replace(item, gold=arrangements(numbers_of(item), rng)[form]) for item in items]


def form_of(answer):
    """Returns which of the FORMS an answer has, or None: does a model write what it was shown?

    Steps are in order when each starts from the result of the one before it.
    """
    text, found = answer.strip(), re.findall(r"(\d+) \+ \d+ = (\d+)", answer)
    if text.startswith("Total"):
        return "steps after" if found else "no steps"
    if not found:
        return "filler" if "..." in text else None
    linked = all(before[1] == after[0] for before, after in pairwise(found))
    return "steps" if linked else "steps shuffled"


def slip(values, rng):
    """Returns (steps, off): the written steps without the total, the first wrong by `off` and the rest true to it."""
    off = rng.choice((-1, 1, 2, 3))
    total, steps = values[0], []
    for number, value in enumerate(values[1:]):
        after = total + value + (off if number == 0 else 0)
        steps.append(f"{total} + {value} = {after}")
        total = after
    return f"{', '.join(steps)}.", off


def forged(items, seed=0):
    """Returns {kind: steps for each sum}, without totals: none, the true ones, and three that are not what they seem.

    "another sum's" are those of the next sum, which the last takes from the first.
    """
    rng = seeds.seeded("steps/forged", seed)
    true = [item.gold.split(" Total")[0] for item in items]
    return {
        "none": [""] * len(items),
        "true": true,
        "shuffled": [arrangements(numbers_of(i), rng)["steps shuffled"].split(" Total")[0] for i in items],
        "one slip": [slip(numbers_of(item), rng)[0] for item in items],
        "another sum's": true[1:] + true[:1],
    }


# ---- chains ----


def facts_asked(field, n, split="test", seed=0):
    """Returns n messages on known products as items whose gold answer is one fact of the product, such as its "maker".

    No message holds that fact: it takes the product from the message, and the fact from memory.
    """
    rng, items = seeds.seeded("steps/facts", field, split, seed), {}
    facts = {p.name: p.facts() for p in world.KNOWN}
    while len(items) < n:
        text, record = messages.message(rng, split, ("product",))
        if record.product in facts:
            details = {"product": record.product}
            items[text] = tasks.Item("fact", text, facts[record.product][field], details)
    return list(items.values())


def last_in_capitals(n, split="test", seed=0):
    """Returns n lists of words as items whose gold answer is the last word in capital letters."""
    items = tasks.TASKS["list_last"].sample(n, split, seed)
    return [tasks.Item("list_last_capitals", i.input, i.gold.upper(), {"last": i.gold}) for i in items]


def sorted_backwards(n, split="test", seed=0):
    """Returns n lists of words as items whose gold answer has the words from Z to A; the details hold A to Z."""
    items = tasks.TASKS["list_sort"].sample(n, split, seed)
    golds = [", ".join(item.gold.split(", ")[::-1]) for item in items]
    return [
        tasks.Item("list_sorted_backwards", i.input, gold, {"sorted": i.gold})
        for i, gold in zip(items, golds, strict=True)
    ]


def bills(n, split="test", seed=0):
    """Returns n messages that buy 2 to 7 of a known product for at most 19 dollars each, as items of the task "bill".

    The gold answer is the bill in dollars; the product, the quantity and the price stand in the details.
    """
    rng, items = seeds.seeded("steps/bills", split, seed), {}
    prices = {p.name: int(p.facts()["price"].split()[0]) for p in world.KNOWN}
    while len(items) < n:
        text, record = messages.message(rng, split, ("product", "quantity"))
        price = prices.get(record.product, 99)
        if price <= 19 and 2 <= record.quantity <= 7:
            details = {"product": record.product, "quantity": record.quantity, "price": price}
            items[text] = tasks.Item("bill", text, str(record.quantity * price), details)
    return list(items.values())
