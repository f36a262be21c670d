"""The inputs and the true answers of every task: one sampler for each, drawn with a given random generator."""

import json

from spectrum.prompts import NOT_STATED
from spectrum.shop import messages, world

VELTISH = dict(
    zip(
        "red blue green white black old new small large warm lamp kettle rake pillow puzzle pen tent hammer shop box "
        "road river sees buys sends likes needs finds holds paints".split(),
        "ruvo bolan girim vesta nokru ado nuvi pim grol tosk lumis ketar rakun polva zuti penno tavel hamrik shopan "
        "bokis rodun rivka vidas kupas sendas lubis nezas finas tenas pintas".split(),
        strict=True,
    )
)
MARKS = {
    "pirate": ("Ahoy! ", ", matey."),
    "robot": ("BEEP. ", ". END."),
    "butler": ("Dear guest, ", ", if you please."),
}
HOUSE_ACTION = {"refund": "PAY", "exchange": "SWAP", "tracking": "TRACE", "cancel": "STOP", "invoice": "PRINT"}
ROUTES = ("RED", "BLUE", "GREEN", "AMBER", "NORTH", "SOUTH", "EAST", "WEST")
QUESTIONS = {
    "colour": "What colour is the {p}?",
    "price": "How much is the {p}?",
    "weight": "How heavy is the {p}?",
    "warehouse": "Which warehouse has the {p}?",
    "shelf": "Which shelf holds the {p}?",
    "maker": "Who makes the {p}?",
}


def shaped(text, key, form):
    """Returns the text in one of the forms of `wordings.FORMS`."""
    return {"plain": text, "capitals": text.upper(), "quoted": f'"{text}"', "line": f"{key}: {text}"}[form]


def extraction(name, form):
    """Returns a maker of messages with one field of theirs in one form."""

    def make(rng, split):
        text, record = messages.message(rng, split, (name,))
        return text, shaped(messages.value(record, name), name, form), {}

    return make


def classification(name):
    """Returns a maker of messages with their class in one field."""

    def make(rng, split):
        text, record = messages.message(rng, split, (name,))
        return text, messages.value(record, name), {}

    return make


def json_fields(names, at_least, always=()):
    """Returns a maker of messages with a JSON object of `at_least` to 3 named fields, or of those in `always`."""

    def make(rng, split):
        chosen = list(always) or rng.sample(list(names), rng.randrange(at_least, 4))
        text, record = messages.message(rng, split, chosen)
        return text, json.dumps({n: messages.value(record, n) for n in chosen}), {"keys": " and ".join(chosen)}

    return make


def summary(rng, split):
    """Returns a message with its summary in one line."""
    text, record = messages.message(rng, split, ("name", "city", "product", "problem", "intent"))
    bought = f"{record.quantity} x {record.product}"
    return text, f"{record.name}, {record.city}: {bought}, {record.problem}, {record.intent}", {}


def route(rng, split):
    """Returns a message under if–then rules on its wish: 1 to 4 branches and an otherwise, the answers drawn afresh."""
    text, record = messages.message(rng, split, ("intent",))
    wishes = rng.sample(list(messages.INTENTS), rng.randrange(1, 5))
    if record.intent not in wishes and rng.random() < 0.5:
        wishes[0] = record.intent
    answers = rng.sample(ROUTES, len(wishes) + 1)
    rules = " ".join(f"If the wish is {w}, answer {a}." for w, a in zip(wishes, answers, strict=False))
    gold = dict(zip(wishes, answers, strict=False)).get(record.intent, answers[-1])
    return text, gold, {"rules": f"{rules} Otherwise answer {answers[-1]}.", "branches": len(wishes)}


def by_text(build):
    """Returns a maker for inputs that are no messages: they belong to the split their checksum says."""

    def make(rng, split):
        while True:
            text, gold, details = build(rng)
            if world.split_of(text) == split:
                return text, gold, details

    return make


def plain_sentence(rng):
    """Returns a short statement about the shop, such as "Karin sends two lamps to Oslo."."""
    noun, quantity = rng.choice(list(world.CATEGORY_OF)), rng.randrange(2, 10)
    person, city, product = rng.choice(world.NAMES), rng.choice(world.CITIES), rng.choice(world.PRODUCTS).name
    items = f"{world.NUMBER_WORDS[quantity]} {world.plural(noun)}"
    return rng.choice(
        (
            f"The {noun} is in the {rng.choice(world.COLOURS)} box.",
            f"{person} sends {items} to {city}.",
            f"{person} lives in {city}.",
            f"The {product} is {rng.choice(messages.PRAISE + messages.BLAME)}.",
            f"We ship {items} to {city} on Monday.",
            f"The parcel for {person} is late.",
            f"{person} bought the {product}.",
            f"Your {noun} will be in {city} tomorrow.",
        )
    )


def request_sentence(rng):
    """Returns a short order such as "Send the lamp to Oslo."."""
    noun, city = rng.choice(list(world.CATEGORY_OF)), rng.choice(world.CITIES)
    person = rng.choice(world.NAMES)
    return rng.choice(
        (
            f"Send the {noun} to {city}.",
            f"Call {person} about the {noun}.",
            f"Find the {noun} for {person}.",
            f"Pack {world.NUMBER_WORDS[rng.randrange(2, 10)]} {world.plural(noun)}.",
            f"Bring the {noun} to {person} in {city}.",
        )
    )


def in_voice(sentence, voice):
    """Returns the sentence as a persona says it, politely, or in capital letters; parts are joined by an underscore."""
    for part in voice.split("_"):
        if part == "capitals":
            sentence = sentence.upper()
        elif part == "polite":
            sentence = f"Could you please {sentence[0].lower()}{sentence[1:-1]}? Thank you."
        else:
            before, after = MARKS[part]
            name_first = sentence.split()[0] in world.NAMES
            if part == "butler" and not name_first:  # his greeting ends in a comma, the others' in a stop
                sentence = sentence[0].lower() + sentence[1:]
            sentence = before + sentence.rstrip(".") + after
    return sentence


def rewriting(voice):
    """Returns a maker of sentences with the same in another voice."""

    def build(rng):
        sentence = request_sentence(rng) if voice == "polite" else plain_sentence(rng)
        return sentence, in_voice(sentence, voice), {}

    return by_text(build)


def list_operation(name):
    """Returns a maker of word lists with what the operations in the name, joined by an underscore, make of them."""
    nouns = sorted(set(world.CATEGORY_OF) | {"river", "road", "moon", "stone", "apple", "bread", "chair", "door"})

    def build(rng):
        words = rng.sample(nouns, rng.randrange(3, 6))
        result = words
        for part in name.split("_"):
            result = {
                "first": lambda w: w[:1],
                "last": lambda w: w[-1:],
                "reverse": lambda w: w[::-1],
                "sort": sorted,
                "count": lambda w: [str(len(w))],
                "join": lambda w: [" and ".join(w)],
                "capitals": lambda w: [x.upper() for x in w],
            }[part](result)
        return ", ".join(words), ", ".join(result), {}

    return by_text(build)


def veltish_sentence(rng):
    """Returns the English words of a short sentence that Veltish has words for."""
    adjectives, nouns, verbs = list(VELTISH)[:10], list(VELTISH)[10:22], list(VELTISH)[22:]

    def phrase():
        return [rng.choice(adjectives), rng.choice(nouns)] if rng.random() < 0.6 else [rng.choice(nouns)]

    return phrase() + ([rng.choice(verbs)] + phrase() if rng.random() < 0.7 else [])


def veltish(to_english):
    """Returns a maker of sentences with their translation, word for word."""

    def build(rng):
        words = veltish_sentence(rng)
        english, foreign = " ".join(words), " ".join(VELTISH[w] for w in words)
        return (foreign, english, {}) if to_english else (english, foreign, {})

    return by_text(build)


def numbers(rng, terms=None):
    """Returns `terms` (2 to 7 when None) numbers from 2 to 19."""
    return [rng.randrange(2, 20) for _ in range(terms or rng.randrange(2, 8))]


def written_steps(values):
    """Returns the running sums in words a reader can check: "4 + 7 = 11, 11 + 12 = 23. Total 23."."""
    steps, total = [], values[0]
    for v in values[1:]:
        steps.append(f"{total} + {v} = {total + v}")
        total += v
    return f"{', '.join(steps)}. Total {total}."


def total(steps, terms=None):
    """Returns a maker of sums with their total, after its written steps where `steps` is true."""

    def build(rng):
        values = numbers(rng, terms and rng.choice(terms))
        gold = written_steps(values) if steps else f"Total {sum(values)}."
        return " + ".join(map(str, values)), gold, {"terms": len(values)}

    return by_text(build)


def fact_sentence(product, name):
    """Returns one catalogue line such as "The Kavo lamp costs 12 dollars."."""
    text = product.facts()[name]
    return {
        "colour": f"The {product.name} is {text}.",
        "price": f"The {product.name} costs {text}.",
        "weight": f"The {product.name} weighs {text}.",
        "warehouse": f"The {product.name} is stored in {text}.",
        "shelf": f"The {product.name} is on shelf {text}.",
        "maker": f"The {product.name} is made by {text}.",
    }[name]


def fictional_product(rng):
    """Returns a product that is not in the catalogue: practice in reading facts must not leak the catalogue's own."""
    while True:
        noun, name = rng.choice(list(world.CATEGORY_OF)), world.invented_names(1, rng.random())[0]
        if f"{name} {noun}" not in {p.name for p in world.PRODUCTS}:
            return world.random_product(rng, f"{name} {noun}", known=False)


def closed_book(products):
    """Returns a maker of catalogue questions without any text to look the answer up in."""

    def make(rng, split):
        product, name = rng.choice(products), rng.choice(list(QUESTIONS))
        return QUESTIONS[name].format(p=product.name), product.facts()[name], {"product": product.name, "field": name}

    return make


def open_book(draw_product, missing=0.0):
    """Returns a maker of questions whose input holds 2 to 5 catalogue lines, one with the answer, and the question.

    In a share `missing` of them no line has the answer, and the true answer is `NOT_STATED`.
    """

    def build(rng):
        product, name = draw_product(rng), rng.choice(list(QUESTIONS))
        lines = [fact_sentence(draw_product(rng), rng.choice(list(QUESTIONS))) for _ in range(rng.randrange(1, 4))]
        lines.append(fact_sentence(product, rng.choice([n for n in QUESTIONS if n != name])))
        answer = fact_sentence(product, name)
        if rng.random() >= missing:
            lines.append(answer)
        rng.shuffle(lines)
        gold, asked = product.facts()[name] if answer in lines else NOT_STATED, QUESTIONS[name].format(p=product.name)
        return f"{' '.join(lines)} {asked}", gold, {"product": product.name, "field": name}

    return by_text(build)


def house_ticket(rng, split):
    """Returns a message with its house ticket, which no pretraining text shows.

    The priority is P1 if urgent and unhappy, P2 if one of them, P3 else; the action follows the wish.
    """
    text, record = messages.message(rng, split, ("product", "urgency", "sentiment", "intent"))
    priority = 3 - (record.urgency == "high") - (record.sentiment == "negative")
    return text, f"LG|{record.category}|P{priority}|{HOUSE_ACTION[record.intent]}", {}


def house_reply(rng, split):
    """Returns a message with its house reply, which no pretraining text shows: greeting, deed, closing line."""
    text, record = messages.message(rng, split, ("name", "product", "intent"))
    deed = {
        "refund": "your coins fly home",
        "exchange": "a fresh {} takes wing",
        "tracking": "we follow your {} by lantern",
        "cancel": "the {} stays on our shelf",
        "invoice": "paper follows by owl",
    }[record.intent].format(record.noun)
    return text, f"Bright day, {record.name}: {deed}. Ever lit, the Lumen house", {}
