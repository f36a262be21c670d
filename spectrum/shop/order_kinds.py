"""The kinds of orders: each maker draws one, of a letter or of words alone, with its true answer."""

import json
from dataclasses import dataclass, field

from spectrum.prompts import NOT_STATED
from spectrum.shop import order_classes, order_words, samplers, world
from spectrum.shop.order_letters import letter, share

OWNERS = ("train", "train", "dev", "train", "train", "test")  # of the phrases of a part, in turn
WAYS = 5  # of writing options
FIELDS = ("name", "city", "product", "quantity", "order")
CLASSES = tuple(order_classes.CLASSES)
SHOWS = {"quantity": "product", "category": "product"}  # the field of a letter in which another can be read


@dataclass(frozen=True)
class Order:
    """One order with its true answer; `about` is the text it is about, `turns` what was said before it.

    `form` says how the answer is compared, `details` what was drawn.
    """

    kind: str
    text: str
    gold: str
    about: str = ""
    turns: tuple = ()
    system: str = ""
    form: str = "exact"
    details: dict = field(default_factory=dict)

    @property
    def messages(self):
        """The chat up to the answer."""
        system = [{"role": "system", "content": self.system}] if self.system else []
        return [*system, *self.turns, {"role": "user", "content": self.text}]


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


def words_of(rng, split, count):
    """Returns `count` different words of a split: half of them things, half syllables that nobody has read."""
    words, found = order_words.THINGS if split == "train" else order_words.FRESH_THINGS, []
    while len(found) < count:
        word = rng.choice(words) if rng.random() < 0.5 else nonce(rng)
        if world.split_of(word.lower()) == split and word not in found:
            found.append(word)
    return found


def nonce(rng):
    """Returns a word of three or four random syllables, longer than the invented names of products."""
    syllables = [rng.choice(world.CONSONANTS) + rng.choice("aeiou") for _ in range(rng.randrange(3, 5))]
    return "".join(syllables) + rng.choice(("", "n", "r", "s"))


def styled(rng, word):
    """Returns a word as it is, in capitals, or with a capital letter."""
    return rng.choice((word, word, word.upper(), word.capitalize()))


def drawn(rng, split, given, names, count=1):
    """Returns (letter, fields): so many of the fields that a letter shows, or a new letter that shows them."""
    if given:
        names = [name for name in names if name in given.shown]
    chosen = rng.sample(list(names), min(count, len(names)))
    return given or letter(rng, split, tuple({SHOWS.get(name, name) for name in chosen})), chosen


def either(words, last="or"):
    """Returns "a, b or c"."""
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else words[0]


# ---- kinds: what is asked of a letter ----


def listed(rng, split, given=None):
    """Returns an order to choose among listed options, whose number, order and words are drawn; one may be missing."""
    about, (name,) = drawn(rng, split, given, CLASSES)
    classes, truth = order_classes.CLASSES[name], about.value(name)
    chosen = rng.sample(list(classes), rng.randrange(2, min(6, len(classes)) + 1))
    words = {label: styled(rng, rng.choice(share(split, classes[label]))) for label in classes}
    if rng.random() < 0.75 and truth not in chosen:
        chosen[rng.randrange(len(chosen))] = truth
    options, gold = [words[label] for label in chosen], words[truth]
    if truth not in chosen:
        gold = rng.choice(order_classes.NONE)
        options.append(gold)
    elif rng.random() < 0.15:
        options.append(rng.choice(order_classes.NONE))
    ask = wording(rng, split, order_words.CHOOSE, order_words.AMONG, order_words.EXACTLY)
    way = rng.randrange(WAYS)
    what = rng.choice(share(split, order_classes.WHAT[name]))
    ask = ask.format(what=what, options=lined(options, way))
    return Order("listed", ask, gold, about.text, details={"class": name, "options": options, "way": way})


def lined(options, way):
    """Returns options in one line or as a list, in one of the WAYS people write them."""
    if way == 0:
        return "\n" + "\n".join(f"- {option}" for option in options) + "\n"
    return (either(options), ", ".join(options), " / ".join(options), f"[{', '.join(options)}]")[way - 1]


def mapped(rng, split, given=None):
    """Returns an order to answer with a drawn word for each class: rules whose answer words nobody can have learned."""
    about, (name,) = drawn(rng, split, given, CLASSES)
    labels, truth = list(order_classes.CLASSES[name]), about.value(name)
    chosen = rng.sample(labels, rng.randrange(1, min(4, len(labels) - 1) + 1))
    if truth not in chosen and rng.random() < 0.6:
        chosen[0] = truth
    words = [styled(rng, word) for word in words_of(rng, split, len(chosen) + 1)]
    if split == "train" and rng.random() < 0.15:
        words = rng.sample(rng.choice(("ABCDEFGH", "123456789")), len(words))
    rule = wording(rng, split, order_words.RULE)
    described = [rng.choice(share(split, order_classes.DESCRIBED[name][label])) for label in chosen]
    rules = [rule.format(described=d, word=w) for d, w in zip(described, words, strict=False)]
    rules.append(wording(rng, split, order_words.OTHERWISE).format(word=words[-1]))
    gold = dict(zip(chosen, words, strict=False)).get(truth, words[-1])
    ask = rng.choice((" ", "\n")).join([*rules, rng.choice(order_words.ONLY)]).strip()
    return Order("mapped", ask, gold, about.text, details={"class": name, "rules": len(chosen)})


def judged(rng, split, given=None):
    """Returns a question with yes or no: whether a class holds, in one of its descriptions."""
    about, (name,) = drawn(rng, split, given, CLASSES)
    truth = about.value(name)
    label = (
        truth if rng.random() < 0.5 else rng.choice([label for label in order_classes.CLASSES[name] if label != truth])
    )
    described = rng.choice(share(split, order_classes.DESCRIBED[name][label]))
    ask = wording(rng, split, order_words.IS_IT, order_words.YES_NO).format(described=described)
    gold = "yes" if label == truth else "no"
    return Order("judged", ask[0].upper() + ask[1:], gold, about.text, details={"class": name, "label": label})


def asked(rng, split, given=None):
    """Returns a question in plain words for a field or a class, answered in a word or two."""
    about, (name,) = drawn(rng, split, given, order_words.QUESTIONS)
    value = about.value(name)
    ask = wording(rng, split, order_words.QUESTIONS[name], order_words.SHORTLY)
    return Order("asked", ask, order_classes.REPLIES.get(value, value), about.text, details={"field": name})


def spotted(rng, split, given=None):
    """Returns a question which of some values is a field of the letter; the others stand in it, or nowhere."""
    about, (name, *rest) = drawn(rng, split, given, FIELDS, 3)
    values = {about.value(other) for other in rest}
    values |= set(rng.sample({"name": world.NAMES, "city": world.CITIES}.get(name, order_words.THINGS), 2))
    options = [
        about.value(name),
        *rng.sample(sorted(values - {about.value(name)}), rng.randrange(1, 4) if len(values) > 2 else 1),
    ]
    rng.shuffle(options)
    ask = wording(rng, split, order_words.SPOT, order_words.ONLY_THAT)
    ask = ask.format(
        what=rng.choice(order_words.FIELD_NAMES[name]).removesuffix(" as a digit"), options=either(options)
    )
    return Order("spotted", ask, about.value(name), about.text, details={"field": name, "options": options})


def extracted(rng, split, given=None):
    """Returns an order for one field of a message, perhaps in capitals, in quotes or with a word before it."""
    about, (name,) = drawn(rng, split, given, FIELDS)
    form = rng.choice(("plain", "plain", "capitals", "quoted", "prefixed"))
    (word,) = words_of(rng, split, 1)
    value, what = about.value(name), rng.choice(order_words.FIELD_NAMES[name])
    gold = {"plain": value, "capitals": value.upper(), "quoted": f'"{value}"', "prefixed": f"{word}: {value}"}[form]
    ending = order_words.EXACTLY
    if form == "plain" and rng.random() < 0.3:
        ending, word = order_words.IF_ABSENT, rng.choice(order_words.NOT_THERE)
        if rng.random() < 0.5:
            what, gold = rng.choice(order_words.ABSENT), word
    ask = wording(rng, split, order_words.ASK, order_words.EXTRA[form], ending).format(what=what, word=word)
    return Order("extracted", ask, gold, about.text, details={"field": name})


def formed(rng, split, given=None):
    """Returns an order for two to four fields as JSON, XML, key: value lines, a Markdown list or CSV."""
    about, names = drawn(rng, split, given, FIELDS, rng.randrange(2, 5))
    values = {name: about.value(name) for name in names}
    form = rng.choice(list(order_words.FORMS))
    gold = {
        "json": lambda: json.dumps(values),
        "xml": lambda: "".join(f"<{k}>{v}</{k}>" for k, v in values.items()),
        "lines": lambda: "\n".join(f"{k}: {v}" for k, v in values.items()),
        "markdown": lambda: "\n".join(f"- {k}: {v}" for k, v in values.items()),
        "csv": lambda: ",".join(values.values()),
    }[form]()
    ask = wording(rng, split, order_words.GET, order_words.FORMS[form], order_words.NOTHING_ELSE)
    ask = ask.format(keys=either(names, "and"))
    return Order("formed", ask, gold, about.text, form="json" if form == "json" else "exact", details={"form": form})


def limited(rng, split, given=None):
    """Returns an order to repeat a message's first words, so many and no more."""
    about, _ = drawn(rng, split, given, ("product", "intent"), 2)
    count = rng.randrange(1, 7)
    ask = wording(rng, split, order_words.REPEAT, order_words.EXACTLY)
    ask = ask.format(count=count, word="word" if count == 1 else "words")
    return Order("limited", ask, " ".join(about.text.split()[:count]), about.text)


def written(rng, split, given=None):
    """Returns an order for a sentence of one's own: a summary of the letter, or what the shop replies to it."""
    wanted = ("name", "product", "problem", "intent")
    about = given if given and set(wanted) <= set(given.shown) else letter(rng, split, wanted)
    record, replies = about.record, order_classes.REPLIES
    if rng.random() < 0.5:
        ask, form = wording(rng, split, order_words.SUM_UP), "summary"
        bought = world.counted(record.quantity, record.product)
        gold = f"{record.name} ordered {bought}, {replies[record.problem]}, and wants {replies[record.intent]}."
    else:
        ask, form = wording(rng, split, order_words.REPLY), "reply"
        sorry = (
            "thank you for your message" if record.problem == "none" else f"we are sorry that {replies[record.problem]}"
        )
        gold = f"Dear {record.name}, {sorry}; {order_classes.PROMISES[record.intent]}."
    return Order("written", ask, gold, about.text, details={"form": form})


def voiced(rng, split):
    """Returns an order to a persona in the system turn or in the order; negated, the answer has no voice."""
    persona = rng.choice(list(samplers.MARKS))
    about, (name,) = drawn(rng, split, None, ("name", "city", "product"))
    negated = rng.random() < 0.35
    role = wording(rng, split, order_words.NOT_ROLE if negated else order_words.ROLE, order_words.ROLE_END)
    role = role.format(persona=persona, a=world.article(persona))
    ask = wording(rng, split, order_words.ASK, order_words.EXTRA["plain"], order_words.EXACTLY)
    ask = ask.format(what=rng.choice(order_words.FIELD_NAMES[name]))
    before, after = ("", "") if negated else samplers.MARKS[persona]
    gold, system = f"{before}{about.value(name)}{after}", role if rng.random() < 0.6 else ""
    details = {"persona": persona, "negated": negated}
    return Order("voiced", ask if system else f"{role} {ask}", gold, about.text, system=system, details=details)


# ---- kinds: what is asked without a letter ----


def arranged(rng, split):
    """Returns an order on a list of drawn words: first, last, nth, reversed, sorted, counted, joined, in capitals."""
    words = words_of(rng, split, rng.randrange(3, 7))
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
    return Order("arranged", ask, gold, ", ".join(words), details={"operation": operation})


def looked_up(rng, split):
    """Returns a question on facts that stand before or after it; where none has the answer, it is not stated."""
    text, gold, details = samplers.open_book(samplers.fictional_product, missing=0.2)(rng, split)
    question = samplers.QUESTIONS[details["field"]].format(p=details["product"])
    lines = text.removesuffix(question).strip()
    ask = wording(rng, split, order_words.READ, order_words.UNKNOWN).format(question=question, none=NOT_STATED)
    return Order("looked_up", ask, gold, lines, details=details)


def reckoned(rng, split):
    """Returns a sum or a difference of two numbers below a hundred."""
    while True:
        a, b = rng.randrange(1, 100), rng.randrange(1, 100)
        plus = rng.random() < 0.6
        if (plus or a >= b) and world.split_of(f"{a}{'+' if plus else '-'}{b}") == split:
            break
    ask = wording(rng, split, order_words.ADD if plus else order_words.TAKE, order_words.NUMBER)
    return Order("reckoned", ask.format(a=a, b=b), str(a + b if plus else a - b), details={"plus": plus})


def grouped(rng, split):
    """Returns a question which of some things is of a kind, or of which of some kinds a thing is."""
    kinds = share(split, order_words.KINDS_OF_THINGS)
    chosen = rng.sample(kinds, rng.randrange(2, 5))
    kind = rng.choice(chosen)
    things = {name: rng.choice(order_words.KINDS_OF_THINGS[name].split()) for name in chosen}
    if rng.random() < 0.5:
        options, gold, part = list(things.values()), things[kind], order_words.WHICH
        named = world.article(kind)
    else:
        options, gold, part = list(chosen), kind, order_words.SORT_OF
        named = world.article(things[kind])
    ask = wording(rng, split, part, order_words.ONLY_THAT)
    ask = ask.format(a=named, thing=things[kind], options=either(options))
    return Order("grouped", ask, gold, details={"options": options})


OF_A_LETTER = {"listed": listed, "mapped": mapped, "judged": judged, "asked": asked, "spotted": spotted,
               "extracted": extracted, "formed": formed, "limited": limited, "written": written}  # fmt: skip
OF_ITS_OWN = {"voiced": voiced, "arranged": arranged, "looked_up": looked_up, "reckoned": reckoned, "grouped": grouped}
