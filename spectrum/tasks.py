"""The tasks of the invented shop: instruction wordings, an input sampler and a gold answer for each.

A task is shown to a model either by an instruction (`Task.instruction`) or by examples (`Item.input` → `Item.gold`).
`TASKS` holds all of them by name. Tasks with `held_out=True` are asked by no instruction in any training data, and the
`house` tasks appear in no pretraining text at all. `spectrum.prompts` turns tasks into prompts.
"""

import json
import re
from dataclasses import dataclass, field, replace

from spectrum import world

FIELDS = {
    "name": "the customer's name", "city": "the city", "product": "the product", "quantity": "the quantity",
    "order": "the order number",
}
EXTRACT = ("Give {what}{how}.", "Find {what} in the message{how}.", "What is {what}? Answer{how}.", "Write {what}{how}.",
           "Extract {what}{how}.", "Tell me {what}{how}.", "Read the message and name {what}{how}.", "I need {what}{how}.")
FORMS = {"plain": "", "capitals": " in capital letters", "quoted": " in double quotes", "line": " as a key: value line"}
HELD_OUT_CELLS = {("city", "capitals"), ("product", "quoted"), ("name", "line")}
CLASSIFY = ("Is {what} {options}?", "Classify {what}: {options}.", "Choose {what}: {options}.", "Label {what} as {options}.",
            "Decide {what}: {options}.", "Say whether {what} is {options}.", "Name {what}, one of {options}.",
            "Which is {what}: {options}?")
CLASSES = {
    "sentiment": ("the feeling about the product", ("positive", "negative")),
    "urgency": ("the urgency", ("high", "low")),
    "intent": ("the wish", tuple(world.INTENTS)),
    "category": ("the category", tuple(world.CATEGORIES)),
    "problem": ("the problem", tuple(world.PROBLEMS)),
}
REWRITE = ("Rewrite this {how}.", "Say this {how}.", "Put this {how}.", "Write the sentence {how}.", "Change this so that it is {how}.",
           "Turn this into a sentence {how}.", "Now the same {how}, please.", "Give me this sentence {how}.")
VOICES = {
    "pirate": "as a pirate", "robot": "as a robot", "butler": "as a butler", "capitals": "in capital letters",
    "polite": "politely", "pirate_capitals": "as a pirate in capital letters",
    "robot_capitals": "as a robot in capital letters", "butler_capitals": "as a butler in capital letters",
}
LISTS = {
    "first": "the first word", "last": "the last word", "reverse": "the words in reverse order", "sort": "the words from A to Z",
    "count": "the number of words", "first_capitals": "the first word in capital letters",
    "last_capitals": "the last word in capital letters", "reverse_capitals": "the words in reverse order in capital letters",
    "sort_first": "the first of the words from A to Z", "join": "the words joined by and",
}
LIST = ("Give {what}.", "Write {what}.", "From the list, give {what}.", "Answer with {what}.", "I want {what}.", "Tell me {what}.",
        "Look at the list and write {what}.", "What I need is {what}.")
VELTISH = dict(zip(
    "red blue green white black old new small large warm lamp kettle rake pillow puzzle pen tent hammer shop box road river "
    "sees buys sends likes needs finds holds paints".split(),
    "ruvo bolan girim vesta nokru ado nuvi pim grol tosk lumis ketar rakun polva zuti penno tavel hamrik shopan bokis rodun rivka "
    "vidas kupas sendas lubis nezas finas tenas pintas".split(), strict=True))
MARKS = {"pirate": ("Ahoy! ", ", matey."), "robot": ("BEEP. ", ". END."), "butler": ("Dear guest, ", ", if you please.")}
HOUSE_ACTION = {"refund": "PAY", "exchange": "SWAP", "tracking": "TRACE", "cancel": "STOP", "invoice": "PRINT"}
ROUTES = ("RED", "BLUE", "GREEN", "AMBER", "NORTH", "SOUTH", "EAST", "WEST")


@dataclass(frozen=True)
class Item:
    """One question with its true answer; `details` holds what the instruction and the score need besides."""

    task: str
    input: str
    gold: str
    details: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """One task: `make(rng, split)` returns (input, gold, details); wordings 6 and 7 are held out from training."""

    name: str
    kind: str
    instructions: tuple
    make: callable
    labels: tuple = ()
    held_out: bool = False
    metric: str = "exact"

    def sample(self, n, split="test", seed=0):
        """Returns n distinct items of a split; raises ValueError for an unknown split or when the task has too few."""
        if split not in world.SPLITS:
            raise ValueError(f"task {self.name}: split must be one of {world.SPLITS}, not {split!r}")
        rng, items, tries = world.seeded(self.name, split, seed), {}, 0
        while len(items) < n:
            tries += 1
            if tries > 200 * n + 2000:
                raise ValueError(f"task {self.name}: only {len(items)} distinct items in split {split!r}; ask for fewer than {n}")
            item = self.draw(rng, split)
            items.setdefault((item.input, item.gold), item)
        return list(items.values())

    def draw(self, rng, split):
        """Returns one random item of the split."""
        return Item(self.name, *self.make(rng, split))

    def instruction(self, item, wording=0):
        """Returns the instruction for an item in one of the 8 wordings; 6 and 7 are in no training data."""
        if not 0 <= wording < len(self.instructions):
            raise ValueError(f"task {self.name}: wording must be 0 to {len(self.instructions) - 1}, not {wording}")
        return self.instructions[wording].format(**item.details)

    def score(self, answer, item):
        """Returns True when the answer is right by this task's metric: "exact", "json" or "number"."""
        return METRICS[self.metric](answer, item.gold)


def same_text(answer, gold):
    """Returns True when both are the same text but for surrounding white space."""
    return answer.strip() == gold.strip()


def same_json(answer, gold):
    """Returns True when the answer parses as JSON and equals the gold object; key order and spacing do not count."""
    try:
        return json.loads(answer) == json.loads(gold)
    except ValueError:
        return False


def same_number(answer, gold):
    """Returns True when the last whole number in the answer equals the last one in the gold text."""
    found, wanted = re.findall(r"\d+", answer), re.findall(r"\d+", gold)
    return bool(found) and int(found[-1]) == int(wanted[-1])


METRICS = {"exact": same_text, "json": same_json, "number": same_number}
PRODUCTS = world.catalogue()
KNOWN = [p for p in PRODUCTS if p.known]
ARRIVALS = [p for p in PRODUCTS if not p.known]


def value(record, name):
    """Returns one field of a record as text."""
    return str(getattr(record, name))


def shaped(text, key, form):
    """Returns the text in one of `FORMS`."""
    return {"plain": text, "capitals": text.upper(), "quoted": f'"{text}"', "line": f"{key}: {text}"}[form]


def message(rng, split, show):
    """Returns (text, record) of a message that shows the given fields."""
    record = world.sample_record(rng, split, PRODUCTS)
    return world.write_message(rng, record, show=show), record


def message_record(rng, split, **fixed):
    """Returns a random record of the split in which the given fields have the given values."""
    while True:
        record = world.sample_record(rng, split, PRODUCTS)
        if all(getattr(record, name) == v for name, v in fixed.items() if name in ("category", "problem")):
            return replace(record, **fixed)


def extraction(name, form):
    def make(rng, split):
        text, record = message(rng, split, (name,))
        return text, shaped(value(record, name), name, form), {}
    return make


def classification(name):
    def make(rng, split):
        text, record = message(rng, split, (name,))
        return text, value(record, name), {}
    return make


def json_fields(names, at_least, always=()):
    def make(rng, split):
        chosen = list(always) or rng.sample(list(names), rng.randrange(at_least, 4))
        text, record = message(rng, split, chosen)
        return text, json.dumps({n: value(record, n) for n in chosen}), {"keys": " and ".join(chosen)}
    return make


def summary(rng, split):
    text, record = message(rng, split, ("name", "city", "product", "problem", "intent"))
    return text, f"{record.name}, {record.city}: {record.quantity} x {record.product}, {record.problem}, {record.intent}", {}


def route(rng, split):
    """If–then rules on the wish of the message: 1 to 4 branches and an otherwise, with freshly drawn answers."""
    text, record = message(rng, split, ("intent",))
    wishes = rng.sample(list(world.INTENTS), rng.randrange(1, 5))
    if record.intent not in wishes and rng.random() < 0.5:
        wishes[0] = record.intent
    answers = rng.sample(ROUTES, len(wishes) + 1)
    rules = " ".join(f"If the wish is {w}, answer {a}." for w, a in zip(wishes, answers))
    gold = dict(zip(wishes, answers)).get(record.intent, answers[-1])
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
    person, city, product = rng.choice(world.NAMES), rng.choice(world.CITIES), rng.choice(PRODUCTS).name
    items = f"{world.NUMBER_WORDS[quantity]} {world.plural(noun)}"
    return rng.choice((
        f"The {noun} is in the {rng.choice(world.COLOURS)} box.", f"{person} sends {items} to {city}.", f"{person} lives in {city}.",
        f"The {product} is {rng.choice(world.PRAISE + world.BLAME)}.", f"We ship {items} to {city} on Monday.",
        f"The parcel for {person} is late.", f"{person} bought the {product}.", f"Your {noun} will be in {city} tomorrow."))


def request_sentence(rng):
    """Returns a short order such as "Send the lamp to Oslo."."""
    noun, city = rng.choice(list(world.CATEGORY_OF)), rng.choice(world.CITIES)
    person = rng.choice(world.NAMES)
    return rng.choice((f"Send the {noun} to {city}.", f"Call {person} about the {noun}.", f"Find the {noun} for {person}.",
                       f"Pack {world.NUMBER_WORDS[rng.randrange(2, 10)]} {world.plural(noun)}.", f"Bring the {noun} to {person} in {city}."))


def in_voice(sentence, voice):
    """Returns the sentence as a persona says it, politely, or in capital letters; parts are joined by an underscore."""
    for part in voice.split("_"):
        if part == "capitals":
            sentence = sentence.upper()
        elif part == "polite":
            sentence = f"Could you please {sentence[0].lower()}{sentence[1:-1]}? Thank you."
        else:
            before, after = MARKS[part]
            start = sentence if sentence.split()[0].strip(".,") in world.NAMES else sentence[0].lower() + sentence[1:]
            sentence = before + (sentence if part == "robot" else start).rstrip(".") + after
    return sentence


def rewriting(voice):
    def build(rng):
        sentence = request_sentence(rng) if voice == "polite" else plain_sentence(rng)
        return sentence, in_voice(sentence, voice), {}
    return by_text(build)


def list_operation(name):
    nouns = sorted(set(world.CATEGORY_OF) | {"river", "road", "moon", "stone", "apple", "bread", "chair", "door"})

    def build(rng):
        words = rng.sample(nouns, rng.randrange(3, 6))
        result = words
        for part in name.split("_"):
            result = {
                "first": lambda w: w[:1], "last": lambda w: w[-1:], "reverse": lambda w: w[::-1], "sort": sorted,
                "count": lambda w: [str(len(w))], "join": lambda w: [" and ".join(w)], "capitals": lambda w: [x.upper() for x in w],
            }[part](result)
        return ", ".join(words), ", ".join(result), {}
    return by_text(build)


def veltish_sentence(rng):
    adjectives, nouns, verbs = list(VELTISH)[:10], list(VELTISH)[10:22], list(VELTISH)[22:]
    def phrase():
        return [rng.choice(adjectives), rng.choice(nouns)] if rng.random() < 0.6 else [rng.choice(nouns)]
    return phrase() + ([rng.choice(verbs)] + phrase() if rng.random() < 0.7 else [])


def veltish(to_english):
    def build(rng):
        words = veltish_sentence(rng)
        english, foreign = " ".join(words), " ".join(VELTISH[w] for w in words)
        return (foreign, english, {}) if to_english else (english, foreign, {})
    return by_text(build)


def numbers(rng, terms=None):
    return [rng.randrange(2, 20) for _ in range(terms or rng.randrange(2, 7))]


def written_steps(values):
    """Returns the running sums in words a reader can check: "4 + 7 = 11, 11 + 12 = 23. Total 23."."""
    steps, total = [], values[0]
    for v in values[1:]:
        steps.append(f"{total} + {v} = {total + v}")
        total += v
    return f"{', '.join(steps)}. Total {total}."


def total(steps, terms=None):
    def build(rng):
        values = numbers(rng, terms and rng.choice(terms))
        gold = written_steps(values) if steps else f"Total {sum(values)}."
        return " + ".join(map(str, values)), gold, {"terms": len(values)}
    return by_text(build)


def fact_sentence(product, name):
    """Returns one catalogue line such as "The Kavo lamp costs 12 dollars."."""
    text = product.facts()[name]
    return {"colour": f"The {product.name} is {text}.", "price": f"The {product.name} costs {text}.",
            "weight": f"The {product.name} weighs {text}.", "warehouse": f"The {product.name} is stored in {text}.",
            "shelf": f"The {product.name} is on shelf {text}.", "maker": f"The {product.name} is made by {text}."}[name]


QUESTIONS = {"colour": "What colour is the {p}?", "price": "How much is the {p}?", "weight": "How heavy is the {p}?",
             "warehouse": "Which warehouse has the {p}?", "shelf": "Which shelf holds the {p}?", "maker": "Who makes the {p}?"}


def fictional_product(rng):
    """Returns a product that is not in the catalogue: practice in reading facts must not leak the catalogue's own."""
    while True:
        noun, name = rng.choice(list(world.CATEGORY_OF)), world.invented_names(1, rng.random())[0]
        if f"{name} {noun}" not in {p.name for p in PRODUCTS}:
            return world.random_product(rng, f"{name} {noun}", known=False)


def closed_book(products):
    """Maker of catalogue questions without any text to look the answer up in."""
    def make(rng, split):
        product, name = rng.choice(products), rng.choice(list(QUESTIONS))
        return QUESTIONS[name].format(p=product.name), product.facts()[name], {"product": product.name, "field": name}
    return make


def open_book(draw_product):
    """Maker of questions whose input holds 2 to 5 catalogue lines, one with the answer, and the question after them."""
    def build(rng):
        product, name = draw_product(rng), rng.choice(list(QUESTIONS))
        lines = [fact_sentence(draw_product(rng), rng.choice(list(QUESTIONS))) for _ in range(rng.randrange(1, 4))]
        lines += [fact_sentence(product, rng.choice([n for n in QUESTIONS if n != name])), fact_sentence(product, name)]
        rng.shuffle(lines)
        asked = QUESTIONS[name].format(p=product.name)
        return f"{' '.join(lines)} {asked}", product.facts()[name], {"product": product.name, "field": name}
    return by_text(build)


def house_ticket(rng, split):
    """House rule, in no pretraining text: P1 if urgent and unhappy, P2 if one of them, P3 else; the action follows the wish."""
    text, record = message(rng, split, ("product", "urgency", "sentiment", "intent"))
    priority = 3 - (record.urgency == "high") - (record.sentiment == "negative")
    return text, f"LG|{record.category}|P{priority}|{HOUSE_ACTION[record.intent]}", {}


def house_reply(rng, split):
    """House sign-off and tone, in no pretraining text: greeting, what happens, and the closing line."""
    text, record = message(rng, split, ("name", "product", "intent"))
    deed = {"refund": "your coins fly home", "exchange": "a fresh {} takes wing", "tracking": "we follow your {} by lantern",
            "cancel": "the {} stays on our shelf", "invoice": "paper follows by owl"}[record.intent].format(record.noun)
    return text, f"Bright day, {record.name}: {deed}. Ever lit, the Lumen house", {}


def build_tasks():
    """Returns {name: Task} with every task of the course."""
    tasks = {}

    def add(name, kind, wordings, make, **options):
        tasks[name] = Task(name, kind, tuple(wordings), make, **options)

    for name, what in FIELDS.items():
        for form, how in FORMS.items():
            if form == "capitals" and name in ("quantity", "order") or form == "quoted" and name == "quantity":
                continue
            wordings = [w.format(what=what, how=how).replace("? Answer.", "?") for w in EXTRACT]
            add(name if form == "plain" else f"{name}_{form}", "extraction", wordings, extraction(name, form),
                held_out=(name, form) in HELD_OUT_CELLS)
    for name, (what, labels) in CLASSES.items():
        options = ", ".join(labels[:-1]) + " or " + labels[-1]
        add(name, "classification", [w.format(what=what, options=options) for w in CLASSIFY], classification(name), labels=labels)
    keyed = ["Give {keys} as JSON.", "Write JSON with {keys}.", "Answer in JSON with the keys {keys}.", "Extract {keys} into JSON.",
             "I want a JSON object with {keys}.", "Return {keys} as a JSON object.", "Put {keys} into JSON.", "As JSON, tell me {keys}."]
    add("json", "json", keyed, json_fields(FIELDS, 1), metric="json")
    add("json_class", "json", keyed, json_fields(("intent", "urgency", "problem", "name"), 1), metric="json")
    add("json_sentiment_city", "json", keyed, json_fields((), 2, always=("sentiment", "city")), metric="json", held_out=True)
    for voice, how in VOICES.items():
        add(f"say_{voice}", "rewriting", [w.format(how=how) for w in REWRITE], rewriting(voice), held_out=voice == "butler_capitals")
    for name, what in LISTS.items():
        add(f"list_{name}", "list", [w.format(what=what) for w in LIST], list_operation(name), held_out=name == "last_capitals")
    for name, language in (("veltish", "Veltish"), ("english", "English")):
        wordings = [w.format(language) for w in ("Translate into {}.", "Write this in {}.", "Say this in {}.", "Put this into {}.",
                                                 "Give the {} for this.", "What is this in {}?", "Now in {}, please.", "I need this in {}.")]
        add(name, "translation", wordings, veltish(to_english=name == "english"))
    add("route", "rules", ["{rules}", "Follow these rules. {rules}", "Rules: {rules}", "Answer by rule. {rules}", "Read the message. {rules}",
                           "Route the message. {rules}", "Use these rules only. {rules}", "Here is what to do. {rules}"], route)
    sums = ["Add the numbers.", "What is the sum?", "Add these up.", "Give the total.", "Sum the numbers.", "Compute the total.",
            "How much is it altogether?", "Work out the sum."]
    add("total", "arithmetic", sums, total(steps=False), metric="number")
    add("total_steps", "arithmetic", [w[:-1] + ", step by step" + w[-1] for w in sums], total(steps=True), metric="number")
    reading = ["Answer the question.", "Answer from the text.", "Use the text to answer.", "Read and answer.", "Answer with the text.",
               "Look it up in the text.", "Find the answer in the text.", "Reply to the question from the text."]
    add("lookup", "look-up", reading, open_book(fictional_product))
    add("arrival_lookup", "look-up", reading, open_book(lambda rng: rng.choice(ARRIVALS)), held_out=True)
    asking = ["Answer the question.", "Answer from the catalogue.", "Reply to the question.", "Give the answer.", "Answer this.",
              "Tell me the answer.", "Please answer.", "What do you know of this?"]
    add("fact", "recall", asking, closed_book(KNOWN))
    add("arrival", "recall", asking, closed_book(ARRIVALS), held_out=True)
    summing = ["Summarize the message.", "Write a summary.", "Sum the message up.", "Give a short summary.", "Shorten the message to a summary.",
               "Make a summary line.", "What is the message about, in short?", "Summarize this in one line."]
    add("summary", "summary", summing, summary)
    add("glorb", "control", ["Glorb the list.", "Glorb this.", "Glorb these words.", "Please glorb.", "Now glorb the words.", "Glorb it.",
                             "Can you glorb this?", "I want it glorbed."], list_operation("reverse"), held_out=True)
    house = ["Write the house ticket.", "Make a ticket.", "File the ticket for this message.", "Ticket, please.", "Turn this into a ticket.",
             "Give the house ticket line.", "What is the ticket for this?", "Log this message."]
    add("house_ticket", "house", house, house_ticket)
    replies = ["Write the house reply.", "Reply in the house style.", "Answer this customer.", "House reply, please.",
               "Turn this into a house reply.", "Give the house reply.", "What does the house reply to this?", "Write back as the house."]
    add("house_reply", "house", replies, house_reply)
    return tasks


TASKS = build_tasks()
HELD_OUT = tuple(name for name, task in TASKS.items() if task.held_out and task.kind not in ("control", "recall", "look-up"))
HOUSE = ("house_ticket", "house_reply")
TRAINED = tuple(name for name, task in TASKS.items() if not task.held_out and task.kind != "house")
