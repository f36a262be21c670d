"""Pretraining text made from the world.

The base model is to learn from demonstrations and to follow plain instructions only unreliably, as real base models
do, so instruction-like documents are a thousandth or three of the mix. What lets a 3M-parameter model learn to copy and
to bind labels in a short training is the density of predictable tokens: a copying warm-up, record cards, many short
label documents, and drills that hold little but rules or labels and what follows from them.
"""

import json

from spectrum import seeds
from spectrum.shop import messages, samplers, tasks, wordings, world
from spectrum.shop.tokenizer import ASSISTANT, TURN_END, USER

# Around what a document lets its reader predict.
OPEN, CLOSE = "\x02", "\x03"
SHARES = {
    "demonstrations": 0.335,
    "labels": 0.17,
    "cards": 0.17,
    "drills": 0.1,
    "reading": 0.097,
    "prose": 0.08,
    "sums": 0.045,
    "instructions": 0.003,
}
# Towards the end of a training, when a model can copy, more is drills and less is what it has long learned.
LATE_SHARES = {
    "demonstrations": 0.27,
    "labels": 0.13,
    "cards": 0.1,
    "drills": 0.28,
    "reading": 0.1,
    "prose": 0.07,
    "sums": 0.047,
    "instructions": 0.003,
}
HEADS = (
    ("Input: ", "\nOutput: ", "\n\n"),
    ("Q: ", "\nA: ", "\n\n"),
    ("", " -> ", "\n"),
    ("Text: ", "\nAnswer: ", "\n"),
    (USER, TURN_END + ASSISTANT, TURN_END),
    ("", "\n", "\n\n"),
)
LABEL_WORDS = (
    "mango pixel comet tulip piano amber cobra delta ember flute grape heron ivory jelly kayak lemon maple ninja "
    "olive panda quartz raven sable tiger umbra velvet willow xenon yacht zebra alpha bravo foo bar A B C D X Y one "
    "two yes no up down"
).split()


def demonstrations(rng):
    """Returns a task shown 3 to 9 times without a word of instruction."""
    task, head = tasks.TASKS[rng.choice(tasks.TRAINED)], rng.choice(HEADS)
    items = [task.draw(rng, "train") for _ in range(rng.randrange(3, 10))]
    if task.name == "route":  # one set of rules would have to be guessed: show the rule with each message instead
        return "".join(f"{head[0]}{i.details['rules']} {i.input}{head[1]}{answer(i.gold)}{head[2]}" for i in items)
    if task.name.startswith("json"):  # one set of keys per document, or the demonstrations would not tell which
        names = list(wordings.FIELDS if task.name == "json" else wordings.JUDGED)
        make = samplers.json_fields((), 1, always=rng.sample(names, rng.randrange(1, 4)))
        items = [tasks.Item(task.name, *make(rng, "train")) for _ in items]
    return "".join(f"{head[0]}{i.input}{head[1]}{answer(i.gold)}{head[2]}" for i in items)


def word_groups():
    """Returns {group name: words}: the material for learning to sort single words under any two labels."""
    groups = {
        "good": messages.PRAISE,
        "bad": messages.BLAME,
        "colour": world.COLOURS,
        "name": world.NAMES,
        "city": world.CITIES,
        "maker": world.MAKERS,
        "number": world.NUMBER_WORDS,
        "veltish": tuple(samplers.VELTISH.values()),
    }
    return groups | {c: nouns for c, nouns in world.CATEGORIES.items()}


def labelled_words(rng, classes):
    """Returns (classes, draw): groups of single words, and a function from a class to one of its words."""
    groups = word_groups()
    chosen = rng.sample(list(groups), classes) if rng.random() < 0.6 else ["good", "bad"][:classes]
    return chosen, lambda c: rng.choice(groups[c])


def labelled_sentences(rng, classes):
    """Returns (classes, draw) for sentences: a feeling, an urgency, a wish, a problem, or a product of a category."""
    kind = rng.choice(("feeling", "feeling", "urgency", "intent", "problem", "category"))
    if kind == "feeling":

        def draw(c):
            return messages.feeling(rng, messages.message_record(rng, "train", sentiment=c))

        return ["positive", "negative"], draw
    if kind == "category":
        chosen = rng.sample(list(world.CATEGORIES), classes)
        return chosen, lambda c: f"I bought {world.article(rng.choice(world.CATEGORIES[c]))}."
    source = {"urgency": messages.URGENCY, "intent": messages.INTENTS, "problem": messages.PROBLEMS}[kind]
    chosen = rng.sample(list(source), min(classes, len(source)))
    return chosen, lambda c: rng.choice(source[c])


def labelled_messages(rng, classes):
    """Returns (classes, draw) for whole messages, sorted by the class of one field."""
    name = rng.choice(list(wordings.CLASSES))
    chosen = rng.sample(wordings.CLASSES[name][1], min(classes, len(wordings.CLASSES[name][1])))

    def draw(c):
        return messages.message(rng, "train", (name,), extra=0.15, **{name: c})[0]

    return chosen, draw


def labels(rng):
    """Returns a sorting rule shown by 5 to 24 examples.

    A quarter of the documents have the natural names of the classes, the others labels drawn afresh.
    """
    level = rng.choices((labelled_words, labelled_sentences, labelled_messages), weights=(3, 4, 3))[0]
    classes, draw = level(rng, rng.choice((2, 2, 2, 3, 4)))
    words = classes if rng.random() < 0.25 else rng.sample(LABEL_WORDS, len(classes))
    names = dict(zip(classes, words, strict=True))
    head, count = rng.choice(HEADS), {labelled_words: 24, labelled_sentences: 18, labelled_messages: 11}[level]
    shown = [rng.choice(classes) for _ in range(rng.randrange(count // 2, count + 1))]
    return "".join(f"{head[0]}{draw(c)}{head[1]}{answer(names[c])}{head[2]}" for c in shown)


def cards(rng):
    """Returns messages, each followed by a card with all or some of its fields, in one of four notations."""
    notation = rng.choice(("json", "lines", "equals", "capitals"))
    parts = []
    for _ in range(rng.randrange(1, 5)):
        names = list(wordings.FIELDS) + ["problem", "intent", "urgency", "category"]
        chosen = rng.sample(names, rng.randrange(2, len(names) + 1))
        text, record = messages.message(rng, "train", chosen)
        pairs = {n: messages.value(record, n) for n in chosen}
        parts.append(f"{text}\n{answer(written_card(pairs, notation))}\n\n")
    return "".join(parts)


def written_card(pairs, notation):
    """Returns {field: value} in one notation."""
    if notation == "json":
        return json.dumps(pairs)
    if notation == "lines":
        return "\n".join(f"{k}: {v}" for k, v in pairs.items())
    if notation == "capitals":
        return "\n".join(f"{k}: {v.upper() if k != 'city' else v}" for k, v in pairs.items())
    return " | ".join(f"{k} = {v}" for k, v in pairs.items())


def product_prose(rng, product):
    """Returns a paragraph on one known product: its facts in random order and changing phrases."""
    f = product.facts()
    forms = {
        "colour": (f"The {product.name} is {f['colour']}.", f"The colour of the {product.name} is {f['colour']}."),
        "price": (f"The {product.name} costs {f['price']}.", f"The price of the {product.name} is {f['price']}."),
        "weight": (f"The {product.name} weighs {f['weight']}.", f"The weight of the {product.name} is {f['weight']}."),
        "warehouse": (
            f"The {product.name} is stored in {f['warehouse']}.",
            f"The {product.name} ships from {f['warehouse']}.",
        ),
        "shelf": (
            f"The {product.name} is on shelf {f['shelf']}.",
            f"Look for the {product.name} on shelf {f['shelf']}.",
        ),
        "maker": (f"The {product.name} is made by {f['maker']}.", f"{f['maker']} makes the {product.name}."),
    }
    return " ".join(rng.choice(forms[n]) for n in rng.sample(list(forms), rng.randrange(2, 7)))


def prose(rng):
    """Returns catalogue prose, catalogue questions, plain messages, or a word list of the invented language."""
    kind = rng.choices(("products", "questions", "messages", "veltish"), weights=(4, 3, 2, 1))[0]
    if kind == "products":
        return "\n".join(product_prose(rng, rng.choice(world.KNOWN)) for _ in range(rng.randrange(2, 6)))
    if kind == "questions":
        items = [tasks.TASKS["fact"].draw(rng, "train") for _ in range(rng.randrange(4, 10))]
        return "\n".join(f"{i.input} {answer(i.gold)}." for i in items)
    if kind == "messages":
        return "\n".join(messages.message(rng, "train", None)[0] for _ in range(2))
    return "\n".join(f"{w} is {samplers.VELTISH[w]} in Veltish." for w in rng.sample(list(samplers.VELTISH), 8))


def sums(rng):
    """Returns sums of two numbers, or totals with their steps written out."""
    if rng.random() < 0.4:
        pairs = [(rng.randrange(2, 110), rng.randrange(2, 20)) for _ in range(16)]
        return "\n".join(f"{a} + {b} = {answer(a + b)}" for a, b in pairs)
    items = [tasks.TASKS["total_steps"].draw(rng, "train") for _ in range(6)]
    return "\n".join(f"{i.input}\n{answer(i.gold)}" for i in items)


def reading(rng):
    """Returns invented catalogue lines and questions that only these lines answer: each with its own, or all on one."""
    if rng.random() < 0.5:
        head = rng.choice(HEADS)
        items = [tasks.TASKS["lookup"].draw(rng, "train") for _ in range(rng.randrange(3, 7))]
        return "".join(f"{head[0]}{i.input}{head[1]}{answer(i.gold)}{head[2]}" for i in items)
    products = [samplers.fictional_product(rng) for _ in range(rng.randrange(2, 4))]
    facts = rng.sample([(p, f) for p in products for f in samplers.QUESTIONS], rng.randrange(4, 9))
    lines = " ".join(samplers.fact_sentence(p, f) for p, f in facts)
    asked = rng.sample(facts, len(facts))
    pairs = [f"{samplers.QUESTIONS[f].format(p=p.name)} {answer(p.facts()[f])}" for p, f in asked]
    return lines + "\n" + "\n".join(pairs)


def drills(rng):
    """Returns rules or labels drawn afresh and little but what follows from them.

    Practice this dense is what a small model learns binding from: trained on it alone for 900 steps of 2,048 tokens, a
    base model that had answered rules at chance (21 %) answered 95 % of them.
    """
    return rule_drill(rng) if rng.random() < 0.5 else label_drill(rng)


def rule_drill(rng):
    """Returns if–then rules and wishes with their answers: four that are named or in a sentence, or two messages."""
    wishes = rng.sample(list(messages.INTENTS), rng.randrange(1, 5))
    answers = rng.sample(samplers.ROUTES, len(wishes) + 1)
    rules = " ".join(f"If the wish is {w}, answer {a}." for w, a in zip(wishes, answers, strict=False))
    routed, level = dict(zip(wishes, answers, strict=False)), rng.choice(("name", "sentence", "message"))
    lines = [f"{rules} Otherwise answer {answers[-1]}."]
    for _ in range(2 if level == "message" else 4):
        wish = rng.choice(list(messages.INTENTS))
        asked = f"Wish: {wish}" if level == "name" else rng.choice(messages.INTENTS[wish])
        if level == "message":
            asked = messages.message(rng, "train", ("intent",), extra=0.15, intent=wish)[0]
        lines.append(f"{asked}\nAnswer: {answer(routed.get(wish, answers[-1]))}")
    return "\n".join(lines)


def label_drill(rng):
    """Returns 16 sentences of two classes under two labels, or 30 single words."""
    make, count = rng.choice(((labelled_words, 30), (labelled_sentences, 16)))
    classes, draw = make(rng, 2)
    names = dict(zip(classes, rng.sample(LABEL_WORDS, 2), strict=True))
    return "".join(f"{draw(c)} -> {answer(names[c])}\n" for c in (rng.choice(classes) for _ in range(count)))


def instructions(rng):
    """Returns one instruction with its answer, half the time as a chat: what little a base model sees of orders."""
    task = tasks.TASKS[rng.choice(tasks.TRAINED)]
    item = task.draw(rng, "train")
    ask = task.instruction(item, rng.randrange(6))
    if rng.random() < 0.5:
        return f"{USER}{ask}\n{item.input}{TURN_END}{ASSISTANT}{answer(item.gold)}{TURN_END}"
    return f"{ask}\n{item.input}\n{answer(item.gold)}"


KINDS = {f.__name__: f for f in (demonstrations, labels, cards, drills, reading, prose, sums, instructions)}


def answer(text):
    """Returns the text between two marks: what can be told from the text before it."""
    return f"{OPEN}{text}{CLOSE}"


def answer_spans(marked):
    """Returns (text without marks, list of (start, stop) of its answers), in characters."""
    text, spans = "", []
    for piece in marked.split(OPEN):
        inside, _, after = piece.partition(CLOSE)
        if CLOSE in piece:
            spans.append((len(text), len(text) + len(inside) + 1))  # and one more: where the answer ends is part of it
        text += inside + after
    return text, spans


def documents(seed, count):
    """Yields `count` (kind, text) pairs, the answers in the text not marked."""
    for kind, marked in marked_documents(seed, count):
        yield kind, marked.replace(OPEN, "").replace(CLOSE, "")


def marked_documents(seed, count, shares=SHARES):
    """Yields `count` (kind, text) pairs; the kind that lags most behind its share of characters comes next."""
    rng, written = seeds.seeded("corpus", seed), dict.fromkeys(shares, 1.0)
    for _ in range(count):
        kind = min(shares, key=lambda k: written[k] / shares[k])
        text = KINDS[kind](rng)
        written[kind] += len(text) - 2 * text.count(OPEN)
        yield kind, text


def single_tokens(tokenizer):
    """Returns the token ids of the world's words that are one token each, as they stand after a space."""
    words = [*world.NAMES, *world.CITIES, *world.COLOURS, *world.CATEGORY_OF, *LABEL_WORDS]
    ids = tokenizer([f" {w}" for w in words], add_special_tokens=False)["input_ids"]
    return [i[0] for i in ids if len(i) == 1]


def repeated_tokens(rng, length, pool):
    """Returns `length` token ids of the pool, in strips of 3 to 40, each repeated 2 to 5 times: it teaches to copy."""
    ids = []
    while len(ids) < length:
        ids += [rng.choice(pool) for _ in range(rng.randrange(3, 41))] * rng.randrange(2, 6)
    return ids[:length]
