"""An independent reader of the shop's messages: every field from the text alone, by its own word lists and patterns.

It shares no code and no table with `spectrum.shop.world`, so a test that compares the two tests both.
"""

import re

CUES = {
    "problem": {
        "broken": ["arrived broken", "crack in the side", "came off at once", "corner is smashed"],
        "late": ["week overdue", "still not come", "waiting for ten days", "should have been here"],
        "missing": ["part is missing", "no screws", "without the lid", "for the manual"],
        "wrong": ["sent the wrong colour", "not what I chose", "belongs to another order", "else's parcel"],
        "billing": ["charged twice", "amount on the bill", "discount was not", "billed for a second"],
        "none": ["arrived as ordered", "parcel came on time", "All the parts were", "Nothing was wrong"],
    },
    "intent": {
        "refund": ["send my money back", "want my money back", "pay me back", "price returned"],
        "exchange": ["send a replacement", "swap what came", "trade in what", "send fresh ones"],
        "tracking": ["where the parcel is", "Where is my parcel", "look up the delivery", "will the driver come"],
        "cancel": ["cancel the order", "not want the order", "stop the order", "Forget the order"],
        "invoice": ["send me the invoice", "receipt for my office", "bill on paper", "copy of the receipt"],
    },
    "urgency": {
        "high": ["need an answer", "cannot wait", "no time to", "Please hurry", "leaving tomorrow", "It is urgent"],
        "low": ["no hurry", "Take your time", "not urgent", "next month is fine", "I can wait", "today is not needed"],
    },
}  # fmt: skip
SHELVES = {
    "lighting": "lamp lantern torch candle", "kitchen": "kettle teapot toaster pan",
    "garden": "rake hose trowel spade", "bedroom": "pillow blanket quilt mattress",
    "toys": "puzzle kite drum doll", "office": "stapler notebook folder pen",
    "camping": "tent backpack hammock flask", "tools": "hammer drill saw wrench",
}  # fmt: skip
CATEGORY = {noun: category for category, nouns in SHELVES.items() for noun in nouns.split()}
PLURALS = {noun + ("es" if noun in ("torch", "mattress", "wrench") else "s"): noun for noun in CATEGORY}
GOOD = "lovely wonderful great excellent perfect superb delightful good charming solid".split()
BAD = "awful terrible dreadful poor bad horrible useless shabby ugly flimsy".split()
DIGITS = {w: i for i, w in enumerate("zero one two three four five six seven eight nine".split())}
ITEMS = rf"\b(\d|{'|'.join(DIGITS)}) ([A-Z][a-z]+) ([a-z]+)"  # "3 Kavo lamps"
CITY = (
    "Lisbon|Oslo|Cairo|Lima|Paris|Tokyo|Delhi|Berlin|Madrid|Rome|Vienna|Dublin|Prague|Athens|Quito|Havana|Seoul|Tunis|"
    "Bogota|Riga|Sofia|Geneva|Boston|Denver"
)
QUESTION = {
    "colour": r"What colour is the (.+)\?", "price": r"How much is the (.+)\?", "weight": r"How heavy is the (.+)\?",
    "warehouse": r"Which warehouse has the (.+)\?", "shelf": r"Which shelf holds the (.+)\?",
    "maker": r"Who makes the (.+)\?",
}  # fmt: skip
STATEMENT = {
    "price": r"The (\S+ \w+) costs (\d+ dollars)\.", "weight": r"The (\S+ \w+) weighs (\d+ grams)\.",
    "warehouse": r"The (\S+ \w+) is stored in (\w+)\.", "shelf": r"The (\S+ \w+) is on shelf (\w+)\.",
    "maker": r"The (\S+ \w+) is made by (\w+)\.", "colour": r"The (\S+ \w+) is (\w+)\.",
}  # fmt: skip


def blur(text):
    """Returns the text with the inner letters of longer words sorted: a swap of two of them no longer shows."""
    return re.sub(r"[a-z]{6,}", lambda m: m[0][0] + "".join(sorted(m[0][1:-1])) + m[0][-1], text)


def find(pattern, text):
    """Returns the one value that the pattern's groups find in the text; fails where there is none or more than one."""
    found = {next(filter(None, m.groups())) for m in re.finditer(pattern, text)}
    assert len(found) == 1, f"{pattern!r} finds {found} in {text!r}"
    return found.pop()


def name(text):
    return find(r"\b[Tt]his is ([A-Z]\w+)|\b[Mm]y name is ([A-Z]\w+)|([A-Z]\w+)(?: from [A-Z]\w+)? here\."
                r"|(?:Yours|Regards|Thanks), ([A-Z]\w+)", text)  # fmt: skip


def city(text):
    return find(rf"(?<!moved )from ({CITY})|live in ({CITY})|, ({CITY})$", text)


def order(text):
    return find(r"[Oo]rder (?:\w+ is )?(\d{4})", text)


def bought(text):
    """Returns (quantity, product), the product in the singular."""
    quantity, first, noun = re.search(ITEMS, text).groups()
    count = int(quantity) if quantity.isdigit() else DIGITS[quantity]
    assert (noun in PLURALS) == (count != 1), f"{count} with {noun!r} in {text!r}"
    return str(count), f"{first} {PLURALS.get(noun, noun)}"


def shows_pair(text):
    """Tells whether a message shows both its product and its problem."""
    blurred = blur(text)
    return bool(re.search(ITEMS, text)) and any(blur(c) in blurred for cues in CUES["problem"].values() for c in cues)


def label(text, field):
    """Returns the problem, intent or urgency whose cue stands in the text."""
    blurred = blur(text)
    found = {value for value, cues in CUES[field].items() for cue in cues if blur(cue) in blurred}
    assert len(found) == 1, f"{field}: {found} in {text!r}"
    return found.pop()


def sentiment(text):
    """Returns what is said of the product: other clauses are left out, then negations turn the word round."""
    words = {blur(w): +1 for w in GOOD} | {blur(w): -1 for w in BAD}
    sentences = [s for s in re.split(r"(?<=[.?!]) ", blur(text)) if set(re.findall(r"\w+", s)) & words.keys()]
    assert len(sentences) == 1, f"{len(sentences)} sentences with a feeling in {text!r}"
    clauses = sentences[0].split(", ")
    if len(clauses) == 2:
        concede = [blur(w) for w in ("Although ", "although ", "even if ", "My sister ")]
        kept = [c for c in clauses if not c.startswith(tuple(concede))]
        clauses = [c for c in kept if c.startswith("but ")] or kept
    assert len(clauses) == 1, f"no clause on the product in {text!r}"
    (sign,) = [words[w] for w in re.findall(r"\w+", clauses[0]) if w in words]
    return "positive" if sign * (-1 if re.search(r"\bnot\b|\bNobody\b", clauses[0]) else 1) > 0 else "negative"


def field(text, wanted):
    """Returns one field of a message as text."""
    if wanted in CUES:
        return label(text, wanted)
    readers = {"name": name, "city": city, "order": order, "sentiment": sentiment,
               "quantity": lambda t: bought(t)[0], "product": lambda t: bought(t)[1],
               "category": lambda t: CATEGORY[bought(t)[1].split()[1]]}  # fmt: skip
    return readers[wanted](text)


def question(text):
    """Returns (product, field) of a catalogue question."""
    (found,) = [(m[1], f) for f, pattern in QUESTION.items() if (m := re.fullmatch(pattern, text))]
    return found


def statements(text):
    """Returns {(product, field): value} of catalogue lines."""
    facts = {}
    for sentence in re.findall(r"[^.]+\.", text):
        facts |= {(m[1], f): m[2] for f, p in STATEMENT.items() if (m := re.fullmatch(p, sentence.strip()))}
    return facts
