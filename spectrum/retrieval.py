"""Search in the catalogue, and answers from what it finds: documents, BM25, recall at k, refusing below a threshold.

BM25 and recall at k are built by hand in notebooks/06_retrieval.ipynb; the search here is the library bm25s.
"""

import re
from dataclasses import dataclass

import numpy as np

from spectrum import messages, prompts, samplers, tasks, world
from spectrum.evaluate import Score
from spectrum.generate import complete
from spectrum.samplers import NOT_STATED

READ_TOKENS = 12  # no catalogue value is longer than 9 tokens
FILLERS = ("lines", "letters")
PLACES = {"first": 0.0, "middle": 0.5, "last": 1.0}
# Questions in words that no tuning data holds: what a search finds all the same, and a small model may not understand.
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


@dataclass(frozen=True)
class Hit:
    """One document that a search returned, with its score."""

    document: Document
    score: float


# ---- documents and questions ----


def catalogue_lines(products=world.PRODUCTS, seed=0):
    """Returns a Document for each of the six facts of each product, in random order, so that ties give nothing away."""
    lines = [Document(samplers.fact_sentence(p, f), p.name, f) for p in products for f in samplers.QUESTIONS]
    world.seeded("catalogue lines", seed).shuffle(lines)
    return lines


def questions(products, n=None, seed=0):
    """Returns n (or all) of the catalogue questions on the products, as Items with `product` and `field` in `details`.

    Raises ValueError where the products have fewer than n questions.
    """
    pairs = [(p, f) for p in products for f in samplers.QUESTIONS]
    if n is not None and not 1 <= n <= len(pairs):
        raise ValueError(f"n is {n}; {len(products)} products have {len(pairs)} questions, so give 1 to {len(pairs)}.")
    chosen = world.seeded("questions", seed).sample(pairs, len(pairs) if n is None else n)
    return [question(p, f) for p, f in chosen]


def question(product, field):
    """Returns the Item that asks for one field of a product."""
    text = samplers.QUESTIONS[field].format(p=product.name)
    return tasks.Item("arrival", text, product.facts()[field], {"product": product.name, "field": field})


def reworded(products):
    """Returns the questions of `REWORDED` on the products, as Items with `wording` in `details` too."""
    made = []
    for field, wordings in REWORDED.items():
        for wording in wordings:
            for product in products:
                details = {"product": product.name, "field": field, "wording": wording}
                made.append(tasks.Item("arrival", wording.format(p=product.name), product.facts()[field], details))
    return made


def has_known_form(text):
    """Returns whether a question has one of the six forms in which the models were tuned to be asked."""
    forms = (re.escape(form).replace(re.escape("{p}"), r"\w+ \w+") for form in samplers.QUESTIONS.values())
    return any(re.fullmatch(form, text.strip()) for form in forms)


def unanswerable(n, seed=0):
    """Returns n catalogue questions on products that the shop does not have; the true answer is NOT_STATED."""
    rng = world.seeded("unanswerable", seed)
    asked = [(samplers.fictional_product(rng), rng.choice(list(samplers.QUESTIONS))) for _ in range(n)]
    return without_answer([question(p, f) for p, f in asked])


def without_answer(items):
    """Returns the items with NOT_STATED as the true answer, for when their line is taken away."""
    return [tasks.Item(item.task, item.input, NOT_STATED, item.details) for item in items]


def tuned_refusals(n):
    """Returns (orders, items) of the look-ups among n that have no answer, worded as in the instruction tuning."""
    lookup = tasks.TASKS["lookup"]
    items = [item for item in lookup.sample(n) if item.gold == NOT_STATED]
    return [prompts.ask(lookup, item) for item in items], items


def answers_it(document, item):
    """Returns whether a document is the line that holds an item's answer."""
    return (document.product, document.field) == (item.details["product"], item.details["field"])


def wrong_line(item, seed=0):
    """Returns (line, value): the catalogue line that answers the item, with a wrong value in place of the true one."""
    rng, field = world.seeded("wrong line", item.input, seed), item.details["field"]
    while True:
        product = world.random_product(rng, item.details["product"], known=False)
        if product.facts()[field] != item.gold:
            return samplers.fact_sentence(product, field), product.facts()[field]


# ---- search ----


def words(text):
    """Returns the words of a text in lower case: what search compares."""
    return re.findall(r"\w+", text.lower())


class Search:
    """A search by BM25 (Robertson et al. 1994, in Lucene's variant) over documents, by the library bm25s.

    `k1` says how much a word's second occurrence still adds, `b` how much long documents are held back (0 not at all).
    Raises ValueError where there are no documents, or no word in them.
    """

    def __init__(self, documents, k1=1.5, b=0.75):
        if not len(documents):
            raise ValueError("There are no documents to search in. Give at least one.")
        import bm25s

        found = [words(d.text) for d in documents]
        if not any(found):
            raise ValueError(f"None of the {len(found)} documents holds a word (the first is {documents[0].text!r}).")
        self.documents = list(documents)
        self.index = bm25s.BM25(method="lucene", k1=k1, b=b)
        self.index.index(found, show_progress=False)

    def scores(self, text):
        """Returns the score of every document, (n,): 0 where it shares no word with the text."""
        known = [word for word in words(text) if word in self.index.vocab_dict]
        return self.index.get_scores(known) if known else np.zeros(len(self.documents), dtype=np.float32)

    def best(self, text, k):
        """Returns the k best Hits, the best first, equal ones in the order of the documents.

        Documents that share no word with the text are left out. Raises ValueError for k below 1.
        """
        if k < 1:
            raise ValueError(f"k is {k}; it must be at least 1.")
        scores = self.scores(text)
        order = np.argsort(-scores, kind="stable")[:k]
        return [Hit(self.documents[i], float(scores[i])) for i in order if scores[i] > 0]


def recall_at_k(found, items, k, name=""):
    """Returns the Score of a search: for each question, whether its line is among the first k Hits found for it.

    Raises ValueError where there is not one list of hits for each item.
    """
    if len(found) != len(items):
        raise ValueError(f"There are {len(items)} questions and hits for {len(found)}. Search once for each question.")
    hit = [any(answers_it(h.document, i) for h in hits[:k]) for hits, i in zip(found, items, strict=True)]
    return Score(name or f"recall at {k}", np.array(hit, dtype=float), floor=0.0, ceiling=1.0)


# ---- answers ----


def above(hits, threshold):
    """Returns the Hits that score at least `threshold`: what scores less is about something else."""
    return [hit for hit in hits if hit.score >= threshold]


def answer(model, tokenizer, items, found, write=prompts.read, progress=None):
    """Returns the model's answers to the items, read from the Hits found for each.

    Where there are none, the answer is NOT_STATED and the model is not asked. `write(lines, question)` makes the
    prompt. `progress` as in `generate.complete`. Raises ValueError where there is not one list of hits for each item.
    """
    if len(found) != len(items):
        raise ValueError(f"There are {len(items)} questions and hits for {len(found)}. Search once for each question.")
    asked = [n for n, hits in enumerate(found) if hits]
    chats = [prompts.chat(write([h.document.text for h in found[n]], items[n].input)) for n in asked]
    said = complete(model, tokenizer, chats, max_new_tokens=READ_TOKENS, progress=progress) if chats else []
    answers = [NOT_STATED] * len(items)
    for n, text in zip(asked, said, strict=True):
        answers[n] = text
    return answers


def evidence(text, lines):
    """Returns the numbers, from 0, of the lines that hold the text as whole words: [] for none and for an empty text.

    "E3" is no evidence in "E30", and neither is "12 dollars" in "112 dollars".
    """
    if not text.strip():
        return []
    whole = re.compile(rf"(?<!\w){re.escape(text.strip())}(?!\w)")
    return [number for number, line in enumerate(lines) if whole.search(line)]


def with_evidence(answers, found):
    """Returns the answers, and NOT_STATED in place of each that stands in none of the lines found for its question."""
    lines = [[hit.document.text for hit in hits] for hits in found]
    return [a if evidence(a, of) else NOT_STATED for a, of in zip(answers, lines, strict=True)]


def closed_book(model, tokenizer, items, write=prompts.chat, progress=None):
    """Returns the model's answers to the questions alone; `write(question)` makes the chat."""
    return complete(model, tokenizer, [write(item.input) for item in items], READ_TOKENS, progress=progress)


def score(answers, items, name="", floor=None, ceiling=1.0):
    """Returns the Score of answers: right where they are the gold answer; the floor is `guess_floor` unless given."""
    right = [tasks.same_text(a, i.gold) for a, i in zip(answers, items, strict=True)]
    floor = guess_floor(items) if floor is None else floor
    return Score(name, np.array(right, dtype=float), floor=floor, ceiling=ceiling, answers=list(answers))


def guess_floor(items):
    """Returns the share of right answers of someone who always says the most frequent value of each field."""
    by_field = {}
    for item in items:
        by_field.setdefault(item.details["field"], []).append(item.gold)
    return sum(max(map(golds.count, golds)) for golds in by_field.values()) / len(items)


def choose_threshold(answerable, not_answerable):
    """Returns the threshold with the fewest mistakes, from the best scores of questions with and without an answer.

    Refused is what scores below it. Of equally good ones it takes the one in the widest gap between scores.
    Raises ValueError where one of the lists is empty.
    """
    if not len(answerable) or not len(not_answerable):
        raise ValueError("Give scores of questions with an answer and of questions without, at least one of each.")
    good, bad = np.asarray(answerable, dtype=float), np.asarray(not_answerable, dtype=float)
    edges = np.unique(np.concatenate([good, bad]))  # sorted
    candidates = np.concatenate([[edges[0]], (edges[:-1] + edges[1:]) / 2, [edges[-1] + 1]])
    widths = np.concatenate([[0], np.diff(edges), [0]])
    mistakes = np.array([(good < c).sum() + (bad >= c).sum() for c in candidates])
    tied = np.flatnonzero(mistakes == mistakes.min())
    return float(candidates[tied[np.argmax(widths[tied])]])


# ---- a fact in a long text ----


def buried(rng, tokenizer, tokens, place, filler="lines"):
    """Returns an Item whose `details["lines"]` hold the answer at `place` (0 first, 1 last) of about `tokens` tokens.

    The rest is, for filler "lines", facts of other invented products, which could be mistaken for the answer, and for
    "letters" what customers write. As in training, one line tells another fact of the same product.
    Raises ValueError for another filler, and for a place outside 0 to 1.
    """
    if filler not in FILLERS:
        raise ValueError(f"filler must be one of {FILLERS}, not {filler!r}")
    if not 0 <= place <= 1:
        raise ValueError(f"place is {place}; it must be from 0 (first) to 1 (last).")
    product, fields = samplers.fictional_product(rng), rng.sample(list(samplers.QUESTIONS), 2)
    line, other = (samplers.fact_sentence(product, f) for f in fields)
    item, rest = question(product, fields[0]), [other]
    used = _length(tokenizer, f"{line} {other} {item.input}")
    while used < tokens:
        rest.append(_filler(rng, filler, item.details["product"]))
        used += _length(tokenizer, f" {rest[-1]}")
    rng.shuffle(rest)
    at = round(place * len(rest))
    return tasks.Item("lookup", item.input, item.gold, item.details | {"lines": [*rest[:at], line, *rest[at:]]})


def _filler(rng, kind, product):
    if kind == "letters":
        return messages.message(rng, "test", None)[0]
    other = samplers.fictional_product(rng)
    while other.name == product:
        other = samplers.fictional_product(rng)
    return samplers.fact_sentence(other, rng.choice(list(samplers.QUESTIONS)))


def _length(tokenizer, text):
    return len(tokenizer(text, add_special_tokens=False)["input_ids"])
