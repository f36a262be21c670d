"""What customers write: a message from a latent `Record`, so that every true answer is known."""

from dataclasses import dataclass, replace

from spectrum.shop import world

PROBLEMS = {
    "broken": (
        "The parcel arrived broken.",
        "There is a crack in the side.",
        "The handle came off at once.",
        "One corner is smashed.",
    ),
    "late": (
        "The parcel is a week overdue.",
        "The delivery has still not come.",
        "I have been waiting for ten days.",
        "It should have been here on Monday.",
    ),
    "missing": (
        "A part is missing from the box.",
        "There are no screws in the box.",
        "The box came without the lid.",
        "I looked everywhere for the manual and it is not there.",
    ),
    "wrong": (
        "You sent the wrong colour.",
        "This is not what I chose.",
        "The label belongs to another order.",
        "I got somebody else's parcel.",
    ),
    "billing": (
        "I was charged twice.",
        "The amount on the bill is too high.",
        "The discount was not taken off.",
        "My card was billed for a second parcel.",
    ),
    "none": (
        "Everything arrived as ordered.",
        "The parcel came on time.",
        "All the parts were in the box.",
        "Nothing was wrong with the delivery.",
    ),
}
INTENTS = {
    "refund": (
        "Please send my money back.",
        "I want my money back.",
        "Please pay me back in full.",
        "I would like the price returned to my card.",
    ),
    "exchange": (
        "Please send a replacement.",
        "I would like to swap what came for something new.",
        "Can I trade in what I got?",
        "Please take the goods back and send fresh ones.",
    ),
    "tracking": (
        "Can you tell me where the parcel is?",
        "Where is my parcel now?",
        "Please look up the delivery.",
        "Which day will the driver come?",
    ),
    "cancel": (
        "Please cancel the order.",
        "I do not want the order any more.",
        "Please stop the order.",
        "Forget the order, I have changed my mind.",
    ),
    "invoice": (
        "Please send me the invoice.",
        "I need a receipt for my office.",
        "Can I have the bill on paper?",
        "A copy of the receipt would help me.",
    ),
}
URGENCY = {
    "high": (
        "I need an answer today.",
        "This cannot wait.",
        "There is no time to lose.",
        "Please hurry.",
        "I am leaving tomorrow, so be quick.",
        "It is urgent.",
    ),
    "low": (
        "There is no hurry.",
        "Take your time.",
        "It is not urgent.",
        "Any day next month is fine.",
        "I can wait, so no need to be quick.",
        "An answer today is not needed.",
    ),
}
PRAISE = ("lovely", "wonderful", "great", "excellent", "perfect", "superb", "delightful", "good", "charming", "solid")
BLAME = ("awful", "terrible", "dreadful", "poor", "bad", "horrible", "useless", "shabby", "ugly", "flimsy")
GREETINGS = ("Hello,", "Good morning,", "Dear shop,", "")
FAREWELLS = ("Yours,", "Regards,", "Thanks,")
ASPECTS = ("box", "delivery", "colour", "handle", "finish", "shape", "paint", "label")


@dataclass(frozen=True)
class Record:
    """The truth behind one message."""

    name: str
    city: str
    product: str
    noun: str
    category: str
    quantity: int
    order: str
    problem: str
    intent: str
    urgency: str
    sentiment: str


def pair_split(noun, problem):
    """Returns the split that owns a noun × problem pair: messages of one split never show the pairs of another."""
    n, p = list(world.CATEGORY_OF).index(noun), list(PROBLEMS).index(problem)
    return world.EIGHTHS[(3 * n + 5 * p + n // 8) % 8]


def sample_record(rng, split, products):
    """Returns one random `Record` whose noun × problem pair belongs to the split."""
    while True:
        product, problem = rng.choice(products), rng.choice(list(PROBLEMS))
        if pair_split(product.noun, problem) == split:
            break
    return Record(
        name=rng.choice(world.NAMES),
        city=rng.choice(world.CITIES),
        product=product.name,
        noun=product.noun,
        category=product.category,
        quantity=rng.randrange(1, 10),
        order=f"{rng.randrange(1000, 10000)}",
        problem=problem,
        intent=rng.choice(list(INTENTS)),
        urgency=rng.choice(list(URGENCY)),
        sentiment=rng.choice(("positive", "negative")),
    )


def feeling(rng, record):
    """Returns one sentence that carries the record's sentiment: plain, negated or contrasted.

    A contrast holds one word of each kind, so counting words does not tell the sentiment; what is said of the product
    does.
    """
    good, bad = rng.choice(PRAISE), rng.choice(BLAME)
    mine, other = (good, bad) if record.sentiment == "positive" else (bad, good)
    thing = record.noun if record.quantity == 1 else world.plural(record.noun)
    be, them = ("is", "it") if record.quantity == 1 else ("are", "them")
    dread = "feared" if record.sentiment == "positive" else "hoped"
    aspect = rng.choice(ASPECTS)
    plain = (f"The {thing} {be} {mine}.", f"I find the {thing} {mine}.", f"What I think of the {thing}: {mine}.")
    negated = (
        f"The {thing} {be} not {other} at all.",
        f"The {thing} {be} not as {other} as I {dread}.",
        f"I would not call the {thing} {other}.",
        f"Nobody could say the {thing} {be} {other}.",
    )
    contrast = (
        f"The {aspect} is {other}, but the {thing} {be} {mine}.",
        f"The {thing} {be} {mine}, even if the {aspect} is {other}.",
        f"Although the {aspect} is {other}, I find the {thing} {mine}.",
        f"I find the {thing} {mine}, although my sister calls {them} {other}.",
        f"My sister calls the {thing} {other}, but I call {them} {mine}.",
    )
    return rng.choice(rng.choices((plain, negated, contrast), weights=(30, 25, 45))[0])


def write_message(rng, record, show=None, extra=0.25, typos=0.02):
    """Returns the text of a message that shows at least the fields in `show` (all fields when None).

    Other clauses appear with probability `extra`; some name a second product or another city as a distractor.
    `typos` is the share of longer words with two neighbouring letters swapped.
    """
    fields = ("name", "city", "product", "order", "problem", "sentiment", "urgency", "intent")
    wanted = {"product" if f in ("quantity", "category") else f for f in (fields if show is None else show)}
    shown = {f for f in fields if f in wanted or rng.random() < extra}
    opening, closing = introduce(rng, record, shown)
    body = [describe_order(rng, record, shown)] if shown & {"product", "order"} else []
    rest = [
        rng.choice(source[getattr(record, field)])
        for field, source in (("problem", PROBLEMS), ("urgency", URGENCY), ("intent", INTENTS))
        if field in shown
    ]
    if "sentiment" in shown:
        rest.append(feeling(rng, record))
    if rng.random() < 0.25:
        rest.append(distractor(rng, record))
    rng.shuffle(rest)
    text = misspell(rng, " ".join(body + rest), typos, keep=record.product)
    return " ".join(part for part in (opening, text, closing) if part)


def introduce(rng, record, shown):
    """Returns (opening, closing): the name and the city stand in one of them, where they are shown."""
    greeting = rng.choice(GREETINGS)
    alone = greeting[:-1] + "." if greeting else ""
    if {"name", "city"} <= shown:
        here = rng.choice(
            (
                f"this is {record.name} from {record.city}.",
                f"my name is {record.name} and I live in {record.city}.",
                f"{record.name} from {record.city} here.",
            )
        )
        if rng.random() < 0.35:
            return alone, f"{rng.choice(FAREWELLS)} {record.name}, {record.city}"
    elif "name" in shown:
        here = rng.choice((f"this is {record.name}.", f"my name is {record.name}.", f"{record.name} here."))
        if rng.random() < 0.5:
            return alone, f"{rng.choice(FAREWELLS)} {record.name}"
    elif "city" in shown:
        here = f"{rng.choice(('I live in', 'I am writing from', 'please note that I live in'))} {record.city}."
    else:
        return alone, ""
    return (f"{greeting} {here}" if greeting else here[0].upper() + here[1:]), ""


def describe_order(rng, record, shown):
    """Returns the sentence that names the product with its quantity, the order number, or both."""
    items = world.counted(record.quantity, record.product, words=rng.random() < 0.4)
    if "product" not in shown:
        return rng.choice(
            (
                f"My order number is {record.order}.",
                f"I am asking about order {record.order}.",
                f"This is about order {record.order}.",
            )
        )
    if "order" not in shown:
        return rng.choice((f"I bought {items}.", f"I ordered {items}.", f"Last week I paid for {items}."))
    return rng.choice(
        (
            f"I ordered {items}, order {record.order}.",
            f"Order {record.order} was for {items}.",
            f"I bought {items} and the order number is {record.order}.",
        )
    )


def distractor(rng, record):
    """Returns a true but irrelevant sentence with another city, noun or number."""
    city = rng.choice([c for c in world.CITIES if c != record.city])
    noun = rng.choice([n for n in world.CATEGORY_OF if n != record.noun])
    return rng.choice(
        (
            f"My brother in {city} said hello.",
            f"I also own {world.article(noun)}.",
            f"We moved from {city} {rng.randrange(2, 10)} years ago.",
            f"Next time I will look for {world.article(noun)}.",
        )
    )


def misspell(rng, text, rate, keep=""):
    """Returns the text with two neighbouring inner letters swapped in about `rate` of the longer lower-case words."""
    protected = set(keep.lower().split()) | {world.plural(keep.split()[-1])} if keep else set()
    words = text.split(" ")
    for i, word in enumerate(words):
        if len(word) > 5 and word.isalpha() and word.islower() and word not in protected and rng.random() < rate:
            j = rng.randrange(1, len(word) - 2)
            words[i] = word[:j] + word[j + 1] + word[j] + word[j + 2 :]
    return " ".join(words)


def value(record, name):
    """Returns one field of a record as text."""
    return str(getattr(record, name))


def message(rng, split, show, extra=0.25, **fixed):
    """Returns (text, record) of a message of the split that shows the given fields; `fixed` sets fields of the record.

    Its noun × problem pair belongs to the split, and so does its text, by checksum: where neither noun nor problem
    shows, two splits could otherwise hold the same message.
    """
    while True:
        record = message_record(rng, split, **fixed)
        text = write_message(rng, record, show=show, extra=extra)
        if world.split_of(text) == split:
            return text, record


def message_record(rng, split, **fixed):
    """Returns a random record of the split in which the given fields have the given values."""
    while True:
        record = sample_record(rng, split, world.PRODUCTS)
        if all(getattr(record, name) == v for name, v in fixed.items() if name in ("category", "problem")):
            return replace(record, **fixed)
