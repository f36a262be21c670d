"""Questions that take several steps: sums with their written steps, facts behind a letter, bills."""

from spectrum import messages, samplers, tasks, world


def sums(n, terms, split="test", seed=0):
    """Returns n different items of "total_steps" with so many terms; its gold text holds the written steps.

    Raises ValueError for fewer than 2 terms.
    """
    if terms < 2:
        raise ValueError(f"terms is {terms}; a sum has at least 2.")
    rng, make, items = world.seeded("steps/sums", terms, split, seed), samplers.total(True, (terms,)), {}
    for _ in range(100 * n + 1000):
        if len(items) == n:
            return list(items.values())
        item = tasks.Item("total_steps", *make(rng, split))
        items.setdefault(item.input, item)
    raise ValueError(f"there are only {len(items)} different sums of {terms} terms in split {split!r}; ask for fewer.")


def arrangements(values, rng):
    """Returns {name: text}: the answer to a sum of `values` with its steps in place, missing, late or out of order.

    "filler" has three dots for each number that the steps would have: as much room, and nothing to read in it. Sums of
    two terms have one step, which cannot be out of order.
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


def slip(values, rng):
    """Returns (steps, off): all steps but the last, the first one wrong by `off` and the rest true to it."""
    off = rng.choice((-3, -2, -1, 1, 2, 3))
    total, steps = values[0], []
    for number, value in enumerate(values[1:-1]):
        after = total + value + (off if number == 0 else 0)
        steps.append(f"{total} + {value} = {after}")
        total = after
    return ", ".join(steps) + ",", off


# ---- chains ----


def facts_asked(field, n, split="test", seed=0):
    """Returns n messages on known products as items whose gold answer is one fact of the product, such as its "maker".

    No message holds that fact: it takes the product from the message, and the fact from memory.
    """
    rng, items = world.seeded("steps/facts", field, split, seed), {}
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


def bills(n, split="test", seed=0):
    """Returns n messages that buy 2 to 7 of a known product for at most 19 dollars each, as items of the task "bill".

    The gold answer is the bill in dollars; the product, the quantity and the price stand in the details.
    """
    rng, items = world.seeded("steps/bills", split, seed), {}
    prices = {p.name: int(p.facts()["price"].split()[0]) for p in world.KNOWN}
    while len(items) < n:
        text, record = messages.message(rng, split, ("product", "quantity"))
        price = prices.get(record.product, 99)
        if price <= 19 and 2 <= record.quantity <= 7:
            details = {"product": record.product, "quantity": record.quantity, "price": price}
            items[text] = tasks.Item("bill", text, str(record.quantity * price), details)
    return list(items.values())
