"""Orders to a model in words put together afresh: what a model must read, since no wording of them can be learned.

An order is drawn from a grammar: a phrase for what is wanted, in one of hundreds of wordings, with options, rules,
forms or limits drawn anew, before or after the input. Every phrase belongs to one split, and so does every word that
an answer is made of: what is asked in the test split is worded as no tuning row is.
`order_rows` makes the data that a model is tuned on, `order_items` what it is asked.
"""

import json
import re
from dataclasses import dataclass, field

from spectrum import seeds
from spectrum.prompts import NOT_STATED
from spectrum.shop import messages, order_words, samplers, world

OWNERS = ("train", "train", "dev", "train", "train", "test")  # of the phrases of a part, in turn
WORDS = r"\w+(?:'\w+)?"
WAYS = 5  # of writing options
FIELDS = ("name", "city", "product", "quantity", "order")


@dataclass(frozen=True)
class Order:
    """One order with its true answer; `turns` are what was said before it, `form` how the answer is compared."""

    kind: str
    text: str
    gold: str
    turns: tuple = ()
    system: str = ""
    form: str = "exact"
    details: dict = field(default_factory=dict)

    @property
    def messages(self):
        """The chat up to the answer."""
        system = [{"role": "system", "content": self.system}] if self.system else []
        return [*system, *self.turns, {"role": "user", "content": self.text}]


def order_rows(count, seed=0, kinds=None):
    """Returns `count` chat rows {"messages", "kind"} of the training split, the kinds by turns in random order."""
    rng, names = seeds.seeded("orders", seed), list(kinds or MAKERS)
    orders = [MAKERS[names[i % len(names)]](rng, "train") for i in range(count)]
    rng.shuffle(orders)
    return [{"messages": [*o.messages, {"role": "assistant", "content": o.gold}], "kind": o.kind} for o in orders]


def order_items(kind, n, split="test", seed=0):
    """Returns n different Orders of a kind in wordings, words and messages of a split that no tuning row has."""
    if kind not in MAKERS:
        raise ValueError(f"kind must be one of {', '.join(MAKERS)}, not {kind!r}")
    rng, found = seeds.seeded("orders", kind, split, seed), {}
    while len(found) < n:
        order = MAKERS[kind](rng, split)
        found.setdefault((order.system, order.text), order)
    return list(found.values())


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


# ---- parts ----


def wording(rng, split, *parts):
    """Returns one phrase of each part, joined; in training all are training's own, else at least one is the split's.

    So what is asked in the test split holds a phrase that no tuning row has. A part of few phrases is common to all.
    """
    while True:
        phrases = [rng.choice(part) for part in parts]
        owners = [owner(part, phrase) for part, phrase in zip(parts, phrases, strict=True) if len(part) >= len(OWNERS)]
        if set(owners) <= {"train", split} and split in owners:
            return "".join(phrases)


def owner(part, phrase):
    """Returns the split that a phrase belongs to, by its place in its part."""
    return OWNERS[part.index(phrase) % len(OWNERS)]


def words_of(rng, split, count, words=None):
    """Returns `count` different words of a split: of a list, or of syllables that nobody has read."""
    found = []
    while len(found) < count:
        word = rng.choice(words) if words and rng.random() < 0.5 else nonce(rng)
        if world.split_of(word.lower()) == split and word not in found:
            found.append(word)
    return found


def nonce(rng):
    """Returns a word of three or four random syllables, longer than the invented names of products."""
    syllables = [rng.choice(world.CONSONANTS) + rng.choice("aeiou") for _ in range(rng.randrange(3, 5))]
    return "".join(syllables) + rng.choice(("", "n", "r", "s"))


def placed(rng, ask, text):
    """Returns the order with its input: after it, before it, or after a word that says what it is."""
    label = rng.choice(("", "", "Message: ", "Text: ", "Here it is: ", "Letter: "))
    between = rng.choice(("\n", "\n\n", " "))
    return f"{text}{between}{ask}" if rng.random() < 0.3 and not label else f"{ask}{between}{label}{text}"


def styled(rng, word):
    """Returns a word as it is, in capitals, or with a capital letter."""
    return rng.choice((word, word, word.upper(), word.capitalize()))


def either(words, last="or"):
    """Returns "a, b or c"."""
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else words[0]


# ---- kinds ----


def listed(rng, split):
    """Returns an order to choose among listed options, whose number, order and words are drawn; one may be missing."""
    name = rng.choice(list(order_words.CLASSES))
    text, record = messages.message(rng, split, (name,))
    classes = order_words.CLASSES[name]
    chosen = rng.sample(list(classes), rng.randrange(2, len(classes) + 1))
    truth = messages.value(record, name)
    words = {label: styled(rng, rng.choice(synonyms(split, classes[label]))) for label in classes}
    options, gold = [words[label] for label in chosen], words[truth]
    if truth not in chosen:
        if rng.random() < 0.5:
            chosen[0], options[0] = truth, gold
        else:
            gold = rng.choice(order_words.NONE)
            options.append(gold)
    ask = wording(rng, split, order_words.CHOOSE, order_words.AMONG, order_words.EXACTLY)
    way = rng.randrange(WAYS)
    ask = ask.format(what=order_words.WHAT[name], options=lined(options, way))
    return Order("listed", placed(rng, ask, text), gold, details={"class": name, "options": options, "way": way})


def synonyms(split, words):
    """Returns the words for a class that belong to a split: every third is asked only, never shown in tuning."""
    held = words[2::3]
    return [word for word in words if (word in held) == (split != "train")] or words


def lined(options, way):
    """Returns options in one line or as a list, in one of the WAYS people write them."""
    if way == 0:
        return "\n" + "\n".join(f"- {option}" for option in options) + "\n"
    return (either(options), ", ".join(options), " / ".join(options), f"[{', '.join(options)}]")[way - 1]


def mapped(rng, split):
    """Returns an order to answer with a drawn word for each class: rules whose answer words nobody can have learned."""
    name = rng.choice(list(order_words.CLASSES))
    text, record = messages.message(rng, split, (name,))
    labels, truth = list(order_words.CLASSES[name]), messages.value(record, name)
    chosen = rng.sample(labels, rng.randrange(1, min(4, len(labels) - 1) + 1))
    if truth not in chosen and rng.random() < 0.6:
        chosen[0] = truth
    words = [styled(rng, word) for word in words_of(rng, split, len(chosen) + 1, order_words.THINGS)]
    rule = wording(rng, split, order_words.RULE)
    described = [order_words.DESCRIBED[name].format(label=label) for label in chosen]
    rules = [rule.format(described=d, word=w) for d, w in zip(described, words, strict=False)]
    rules.append(wording(rng, split, order_words.OTHERWISE).format(word=words[-1]))
    gold = dict(zip(chosen, words, strict=False)).get(truth, words[-1])
    ask = rng.choice((" ", "\n")).join([*rules, rng.choice(order_words.ONLY)]).strip()
    return Order("mapped", placed(rng, ask, text), gold, details={"class": name, "rules": len(chosen)})


def extracted(rng, split):
    """Returns an order for one field of a message, perhaps in capitals, in quotes or with a word before it."""
    name = rng.choice(FIELDS)
    text, record = messages.message(rng, split, (name,))
    form = rng.choice(("plain", "plain", "capitals", "quoted", "prefixed"))
    (word,) = words_of(rng, split, 1, order_words.THINGS)
    value = messages.value(record, name)
    gold = {"plain": value, "capitals": value.upper(), "quoted": f'"{value}"', "prefixed": f"{word}: {value}"}[form]
    ask = wording(rng, split, order_words.ASK, order_words.EXTRA[form], order_words.EXACTLY)
    what = rng.choice(order_words.FIELD_NAMES[name])
    return Order("extracted", placed(rng, ask.format(what=what, word=word), text), gold, details={"field": name})


def formed(rng, split):
    """Returns an order for two to four fields as JSON, XML, key: value lines, a Markdown list or CSV."""
    names = rng.sample(FIELDS, rng.randrange(2, 5))
    text, record = messages.message(rng, split, names)
    values = {name: messages.value(record, name) for name in names}
    form = rng.choice(list(order_words.FORMS))
    gold = {
        "json": lambda: json.dumps(values),
        "xml": lambda: "".join(f"<{k}>{v}</{k}>" for k, v in values.items()),
        "lines": lambda: "\n".join(f"{k}: {v}" for k, v in values.items()),
        "markdown": lambda: "\n".join(f"- {k}: {v}" for k, v in values.items()),
        "csv": lambda: ",".join(values.values()),
    }[form]()
    ask = wording(rng, split, order_words.GET, order_words.FORMS[form], order_words.NOTHING_ELSE)
    text = placed(rng, ask.format(keys=either(names, "and")), text)
    return Order("formed", text, gold, form="json" if form == "json" else "exact", details={"form": form})


def voiced(rng, split):
    """Returns an order to a persona in the system turn or in the order; negated, the answer has no voice."""
    persona = rng.choice(list(samplers.MARKS))
    name = rng.choice(("name", "city", "product"))
    text, record = messages.message(rng, split, (name,))
    negated = rng.random() < 0.35
    role = wording(rng, split, order_words.NOT_ROLE if negated else order_words.ROLE, order_words.ROLE_END)
    role = role.format(persona=persona, a=world.article(persona))
    ask = wording(rng, split, order_words.ASK, order_words.EXTRA["plain"], order_words.EXACTLY)
    ask = ask.format(what=rng.choice(order_words.FIELD_NAMES[name]))
    before, after = ("", "") if negated else samplers.MARKS[persona]
    gold = f"{before}{messages.value(record, name)}{after}"
    system = role if rng.random() < 0.6 else ""
    order = placed(rng, ask if system else f"{role} {ask}", text)
    return Order("voiced", order, gold, system=system, details={"persona": persona, "negated": negated})


def arranged(rng, split):
    """Returns an order on a list of drawn words: first, last, nth, reversed, sorted, counted, joined, in capitals."""
    words = words_of(rng, split, rng.randrange(3, 7), order_words.THINGS)
    operation = rng.choice(list(order_words.OPERATIONS))
    place = rng.randrange(2, len(words))
    result = {
        "first": lambda: words[0],
        "last": lambda: words[-1],
        "nth": lambda: words[place - 1],
        "reverse": lambda: ", ".join(words[::-1]),
        "sort": lambda: ", ".join(sorted(words)),
        "count": lambda: str(len(words)),
        "join": lambda: " and ".join(words),
        "without first": lambda: ", ".join(words[1:]),
    }[operation]()
    capitals = operation != "count" and rng.random() < 0.25
    ask = wording(rng, split, order_words.OPERATIONS[operation], order_words.EXTRA["capitals" if capitals else "plain"],
                  order_words.EXACTLY)  # fmt: skip
    ask = ask.format(nth=order_words.ORDINALS[place], place=place)
    gold = result.upper() if capitals else result
    return Order("arranged", placed(rng, ask, ", ".join(words)), gold, details={"operation": operation})


def limited(rng, split):
    """Returns an order to repeat a message's first words, so many and no more."""
    text, _ = messages.message(rng, split, ("product", "intent"))
    count = rng.randrange(1, 7)
    ask = wording(rng, split, order_words.REPEAT, order_words.EXACTLY)
    gold = " ".join(text.split()[:count])
    return Order("limited", placed(rng, ask.format(count=count, word="word" if count == 1 else "words"), text), gold)


def looked_up(rng, split):
    """Returns a question on facts that stand before or after it; where none has the answer, it is not stated."""
    text, gold, details = samplers.open_book(samplers.fictional_product, missing=0.2)(rng, split)
    question = samplers.QUESTIONS[details["field"]].format(p=details["product"])
    lines = text.removesuffix(question).strip()
    ask = wording(rng, split, order_words.READ, order_words.UNKNOWN).format(question=question, none=NOT_STATED)
    return Order("looked_up", placed(rng, ask, lines), gold, details=details)


def followed(rng, split):
    """Returns an order on a message that was given in a turn before, which asked for something else of it."""
    first, second = rng.sample(FIELDS, 2)
    text, record = messages.message(rng, split, (first, second))
    asked = [wording(rng, split, order_words.ASK, order_words.EXTRA["plain"], order_words.EXACTLY) for _ in range(2)]
    names = [rng.choice(order_words.FIELD_NAMES[name]) for name in (first, second)]
    one, two = (ask.format(what=name) for ask, name in zip(asked, names, strict=True))
    said = messages.value(record, first)
    turns = ({"role": "user", "content": placed(rng, one, text)}, {"role": "assistant", "content": said})
    return Order("followed", rng.choice(("", "And now: ", "Next. ")) + two, messages.value(record, second), turns)


MAKERS = {"listed": listed, "mapped": mapped, "extracted": extracted, "formed": formed, "voiced": voiced,
          "arranged": arranged, "limited": limited, "looked_up": looked_up, "followed": followed}  # fmt: skip
