"""The catalogue as documents, questions about it with their answers, and facts buried in long texts."""

from dataclasses import dataclass

import numpy as np

from spectrum.evaluate import Score
from spectrum.prompts import NOT_STATED
from spectrum.seeds import seeded
from spectrum.shop import samplers, tasks, world

PLACES = {"first": 0.0, "middle": 0.5, "last": 1.0}
# Two more wordings of each question, which no tuning data holds: lab 06 makes a search find their lines.
REWORDED = {
    "colour": ("Tell me the colour of the {p}.", "Which colour does the {p} have?"),
    "price": ("What is the price of the {p}?", "What does the {p} cost?"),
    "weight": ("What is the weight of the {p}?", "What does the {p} weigh?"),
    "warehouse": ("In which warehouse is the {p}?", "Where is the {p} stored?"),
    "shelf": ("On which shelf is the {p}?", "What shelf is the {p} on?"),
    "maker": ("Who is the maker of the {p}?", "Which company is behind the {p}?"),
}


@dataclass(frozen=True)
class Document:
    """One catalogue line, with the product and the field it is about."""

    text: str
    product: str
    field: str

    def answers(self, item):
        """Returns whether this is the line that holds an item's answer."""
        return (self.product, self.field) == (item.details["product"], item.details["field"])


def catalogue_lines(products=world.PRODUCTS, seed=0):
    """Returns a Document for each of the six facts of each product, in random order, so that ties give nothing away."""
    lines = [Document(samplers.fact_sentence(p, f), p.name, f) for p in products for f in samplers.QUESTIONS]
    seeded("catalogue lines", seed).shuffle(lines)
    return lines


def questions(products, n=None, seed=0):
    """Returns n (or all) of the catalogue questions on the products, as Items with `product` and `field` in `details`.

    Raises ValueError where the products have fewer than n questions.
    """
    pairs = [(p, f) for p in products for f in samplers.QUESTIONS]
    if n is not None and not 1 <= n <= len(pairs):
        raise ValueError(f"n is {n}; {len(products)} products have {len(pairs)} questions, so give 1 to {len(pairs)}.")
    chosen = seeded("questions", seed).sample(pairs, len(pairs) if n is None else n)
    return [question(p, f) for p, f in chosen]


def question(product, field):
    """Returns the Item that asks for one field of a product."""
    text = samplers.QUESTIONS[field].format(p=product.name)
    return tasks.Item("arrival", text, product.facts()[field], {"product": product.name, "field": field})


def unanswerable(n, seed=0):
    """Returns n catalogue questions on products that the shop does not have; the true answer is NOT_STATED."""
    rng = seeded("unanswerable", seed)
    asked = [(samplers.fictional_product(rng), rng.choice(list(samplers.QUESTIONS))) for _ in range(n)]
    return without_answer([question(p, f) for p, f in asked])


def without_answer(items):
    """Returns the items with NOT_STATED as the true answer, for when their line is taken away."""
    return [tasks.Item(item.task, item.input, NOT_STATED, item.details) for item in items]


def wrong_line(item, seed=0):
    """Returns (line, value): the catalogue line that answers the item, with a wrong value in place of the true one."""
    rng, field = seeded("wrong line", item.input, seed), item.details["field"]
    while True:
        product = world.random_product(rng, item.details["product"], known=False)
        if product.facts()[field] != item.gold:
            return samplers.fact_sentence(product, field), product.facts()[field]


def guess_floor(items):
    """Returns the share of right answers of someone who always says the most frequent value of each field."""
    by_field = {}
    for item in items:
        by_field.setdefault(item.details["field"], []).append(item.gold)
    return sum(max(map(golds.count, golds)) for golds in by_field.values()) / len(items)


def score(answers, items, name="", floor=None, ceiling=1.0):
    """Returns the Score of answers: right where they are the gold answer; the floor is `guess_floor` unless given."""
    right = [tasks.same_text(a, i.gold) for a, i in zip(answers, items, strict=True)]
    floor = guess_floor(items) if floor is None else floor
    return Score(name, np.array(right, dtype=float), floor=floor, ceiling=ceiling, answers=list(answers))


def buried(rng, tokenizer, tokens, place):
    """Returns an Item whose `details["lines"]` hold the answer at `place` (0 first, 1 last) of about `tokens` tokens.

    The rest are facts of other invented products, which could be mistaken for the answer; as in training, one line
    tells another fact of the same product. Raises ValueError for a place outside 0 to 1.
    """
    if not 0 <= place <= 1:
        raise ValueError(f"place is {place}; it must be from 0 (first) to 1 (last).")
    product, fields = samplers.fictional_product(rng), rng.sample(list(samplers.QUESTIONS), 2)
    line, other = (samplers.fact_sentence(product, f) for f in fields)
    item, rest = question(product, fields[0]), [other]
    used = _length(tokenizer, f"{line} {other} {item.input}")
    while used < tokens:
        rest.append(_filler(rng, item.details["product"]))
        used += _length(tokenizer, f" {rest[-1]}")
    rng.shuffle(rest)
    at = round(place * len(rest))
    return tasks.Item("lookup", item.input, item.gold, item.details | {"lines": [*rest[:at], line, *rest[at:]]})


def _filler(rng, product):
    other = samplers.fictional_product(rng)
    while other.name == product:
        other = samplers.fictional_product(rng)
    return samplers.fact_sentence(other, rng.choice(list(samplers.QUESTIONS)))


def _length(tokenizer, text):
    return len(tokenizer(text, add_special_tokens=False)["input_ids"])
