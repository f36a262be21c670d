"""Orders to a model in words put together afresh: what a model must read, since no wording of them can be learned.

An order is drawn from a grammar: a phrase for what is wanted, in one of hundreds of wordings, with options, rules,
forms or limits drawn anew, before or after the input. Every phrase belongs to one split, and so does every word that
an answer is made of: what is asked in the test split is worded as no tuning row is.
`order_rows` makes the data that a model is tuned on, `order_items` what it is asked; the kinds are in `order_kinds`.
"""

import json
import re
from dataclasses import replace

from spectrum import seeds
from spectrum.shop import order_kinds, order_words
from spectrum.shop.order_kinds import FIELDS, Order
from spectrum.shop.order_letters import SHOWN, letter

WORDS = r"\w+(?:'\w+)?"
MAKERS = {**order_kinds.OF_A_LETTER, **order_kinds.OF_ITS_OWN}
KINDS = (*MAKERS, "followed")
# How often a kind is taught: choosing among options and rules takes most practice.
TAUGHT = {"listed": 5, "mapped": 5, "judged": 2, "formed": 2, "extracted": 2, "grouped": 2}
TURNS = (2, 3, 4)  # orders on one letter, as the turns of a chat


def order_rows(count, seed=0):
    """Returns `count` chat rows {"messages", "kind"} of the training split: half of them several orders on one letter.

    Each answer of a chat is one to learn; its kind is that of the last.
    """
    rng, rows = seeds.seeded("orders", seed), []
    names = [name for name in MAKERS for _ in range(TAUGHT.get(name, 1))]
    for _ in range(count):
        order = chat(rng, "train") if rng.random() < 0.5 else placed(rng, MAKERS[rng.choice(names)](rng, "train"))
        rows.append({"messages": [*order.messages, {"role": "assistant", "content": order.gold}], "kind": order.kind})
    return rows


def order_items(kind, n, split="test", seed=0):
    """Returns n different Orders of a kind in wordings, words and messages of a split that no tuning row has."""
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
    rng, found = seeds.seeded("orders", kind, split, seed), {}
    while len(found) < n:
        order = followed(rng, split) if kind == "followed" else placed(rng, MAKERS[kind](rng, split))
        found.setdefault((order.system, order.text), order)
    return list(found.values())


def chat(rng, split):
    """Returns the last of two to four orders on one letter, with the others and their answers as its turns."""
    about = letter(rng, split, tuple(rng.sample(SHOWN, rng.randrange(5, len(SHOWN) + 1))))
    return one_after_another(rng, [draw(rng, split, about) for _ in range(rng.choice(TURNS))])


def draw(rng, split, about):
    """Returns an order of any kind on a given letter, of those for which it shows enough."""
    names = [name for name in order_kinds.OF_A_LETTER for _ in range(TAUGHT.get(name, 1))]
    while True:
        order = MAKERS[rng.choice(names)](rng, split, about)
        if order.about == about.text:
            return order


def followed(rng, split):
    """Returns an order for a field of a message that was given in a turn before, which asked for another field."""
    names = rng.sample([name for name in FIELDS if name != "quantity"], 2)
    about = letter(rng, split, tuple(names))
    first, second = (plain(rng, split, about, name) for name in names)
    return replace(one_after_another(rng, [first, second]), kind="followed")


def plain(rng, split, about, name):
    """Returns an order for a field of a letter as it stands there."""
    ask = order_kinds.wording(rng, split, order_words.ASK, order_words.EXTRA["plain"], order_words.EXACTLY)
    ask = ask.format(what=rng.choice(order_words.FIELD_NAMES[name]))
    return Order("extracted", ask, about.value(name), about.text)


def one_after_another(rng, orders):
    """Returns the last of some orders on one letter, the others and their answers as its turns."""
    turns = ()
    for i, order in enumerate(orders):
        text = placed(rng, order).text if i == 0 else rng.choice(("", "", "And now: ", "Next. ")) + order.text
        if i + 1 < len(orders):
            turns += ({"role": "user", "content": text}, {"role": "assistant", "content": order.gold})
    return replace(order, text=text, turns=turns)


def placed(rng, order):
    """Returns an order with its input in its text: after it, before it, or after a word that says what it is."""
    if not order.about:
        return order
    label = rng.choice(("", "", "Message: ", "Text: ", "Here it is: ", "Letter: "))
    between = rng.choice(("\n", "\n\n", " "))
    before = rng.random() < 0.3 and not label
    return replace(order, text=f"{order.about}{between}{order.text}" if before else
                   f"{order.text}{between}{label}{order.about}")  # fmt: skip


def is_right(answer, order):
    """Returns whether an answer is a true one: as text but for white space around it, or as a JSON object.

    Several true answers stand in `gold` with " / " between them.
    """
    return any(same(answer, gold, order.form) for gold in order.gold.split(" / "))


def holds(answer, order):
    """Returns whether a true answer stands somewhere in a longer one, as whole words, whatever their case."""
    words = rf" {' '.join(re.findall(WORDS, answer.lower()))} "
    golds = (" ".join(re.findall(WORDS, gold.lower())) for gold in order.gold.split(" / "))
    return is_right(answer, order) or any(gold and f" {gold} " in words for gold in golds)


def same(answer, gold, form):
    """Returns whether two texts are the same but for white space around them, or the same JSON object."""
    if form != "json":
        return answer.strip() == gold.strip()
    try:
        return json.loads(answer) == json.loads(gold)
    except ValueError:
        return False
