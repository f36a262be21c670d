"""Checks of labs/06_retrieval.ipynb."""

import random
from functools import cache
from numbers import Real

import numpy as np

from spectrum import retrieval
from spectrum.checks.forms import draw_forms
from spectrum.checks.lines import EDGES, LINES, LONG, RECALLS, SHOP_LINES
from spectrum.checks.machinery import check, expect, expect_choice, expect_close, fresh_seed, short
from spectrum.checks.scores import BY_HAND, SEARCHES, library_scores, untitled
from spectrum.shop import facts, samplers, tasks

WORDS = ("lamp", "red", "a", "bored", "reddish", "kettle", "enormous", "lamps")  # some stand inside others
CLOSE = 1e-7  # scores and shares below 1 in float32 are off by 6e-8 at most
LIBRARY = 1e-4  # bm25s counts in float32
GOAL = 0.98  # of first hits; the worked lab has all of them, and a form of which nothing is found costs 1 in 30
SEEN = {field: (form, *facts.REWORDED[field]) for field, form in samplers.QUESTIONS.items()}  # of the open task
# Why does the question not find the line? The worked lab measures what refutes all but one.
REASONS = {
    "a": "the question is too long, and the name of the product alone finds the line",
    "b": "small words such as 'the' and 'is' get in the way, and without them the question finds the line",
    "c": "a search compares spelling, and the line says 'costs' where the question says 'price'",
    "d": "the name weighs too little, and said three times it finds the line",
}
REFUTED = {
    "a": "Search for the name alone: only one first hit in six is right, for a product has six lines with its name.",
    "b": "Search for the question without its small words: most first hits are still wrong.",
    "d": "Search for the name said three times: only one first hit in six is right, as with the name said once.",
}


def fresh():
    """Returns a random generator with a new seed, so that no answer can be written for one input."""
    return random.Random(fresh_seed())


@cache
def shop(seed):
    """Returns (products, Search) of an invented shop: 64 products with a line on each of six fields."""
    rng, made = random.Random(seed), {}
    while len(made) < 64:
        product = samplers.fictional_product(rng)
        made[product.name] = product
    products = list(made.values())
    return products, retrieval.Search(facts.catalogue_lines(products, seed))


def first_hits(function, forms, seed):
    """Returns (shares of right first hits, misses in words) of a learner's search text over all forms."""
    products, search = shop(seed)
    right, missed = [], []
    for field, form in forms:
        for product in products[:16]:
            question = form.format(p=product.name)
            text = function(question)
            expect(isinstance(text, str), f"expected text to search with, got {short(text)}", "Return one string.")
            item = tasks.Item("arrival", question, product.facts()[field], {"product": product.name, "field": field})
            hits = search.best(text, 1) if text.strip() else []
            right.append(bool(hits) and hits[0].document.answers(item))
            if not right[-1]:
                missed.append(f"{question!r} became {text!r} and found {hits[0].document.text if hits else 'nothing'}")
    return sum(right) / len(right), missed


def trial(function, seed=0):
    """Returns the share of right first hits with the forms that are shown, and one miss for each form that has any."""
    share, missed = first_hits(function, [(f, form) for f, forms in SEEN.items() for form in forms], seed)
    return share, missed[::16]


# ---- 1: BM25 ----


@check(forbids=("bm25s.BM25.get_scores", "bm25s.BM25.retrieve"))
def check_bm25(function):
    """The learner's `bm25(question, documents, weight, k1, b)`: words in, one score for each (title, text) out."""
    found = function(["a", "b"], untitled(["a", "b"], ["a", "c", "d"], ["e"]), 2, 1.5, 0.75)
    sized = hasattr(found, "__len__") and len(found) == 3
    expect(sized, f"three documents should give three scores, got {short(found)}", "One score for each document.")
    expect_close(found[2], 0, 1e-12, "the third document shares no word", "No word, no points.")
    # By hand: N = 3, mean length 2; "a" is in 2 documents, "b" in 1; document 0 has the mean length: its norm is k1.
    a, b = np.log(1 + 1.5 / 2.5), np.log(1 + 2.5 / 1.5)
    wanted = [(a + b) / 2.5, a / (1 + 1.5 * (0.25 + 0.75 * 1.5)), 0.0]
    mistakes = (
        ([(np.log(0.6) + np.log(2.5 / 1.5)) / 2.5], "Take the log of 1 + ..., or 'a' is negative."),
        ([(a + b) / 2.5, a / 2.5], "A long document is held back: use its length over the mean length."),
        ([2 / 2.5], "Each word is multiplied by its idf: a rare word counts more."),
        ([(a + b)], "This variant has no (k1 + 1) above the line."),
    )
    near = [hint for wrong, hint in mistakes if np.allclose([float(x) for x in found[: len(wrong)]], wrong, atol=1e-9)]
    paper = "Compute the first score on paper: idf of a, idf of b, both times 1 / (1 + 1.5)."
    expect_close(found, wanted, CLOSE, "three documents", near[0] if near else paper)
    expect_by_hand(function)
    for question, documents, what, hint in SEARCHES:
        for weight, k1, b in ((2, 1.5, 0.75), (3, 0.5, 1), (0.5, 1.2, 0.25), (0, 7.5, 0), (1.25, 90, 0.5)):
            expect_close(function(list(question), list(documents), weight, k1, b),
                         library_scores(question, documents, weight, k1, b), LIBRARY,
                         f"{what}, weight = {weight}, k1 = {k1}, b = {b}", hint)  # fmt: skip
        expect_close(function(list(question), list(documents)), library_scores(question, documents, 2, 1.5, 0.75),
                     LIBRARY, f"{what}, weight, k1 and b not given", "Then they are 2, 1.5 and 0.75.")  # fmt: skip
    rng = fresh()
    for _ in range(8):
        documents = [(rng.choices(WORDS, k=rng.randint(0, 3)), rng.choices(WORDS, k=rng.randint(1, 9)))
                     for _ in range(rng.randint(2, 12))]  # fmt: skip
        question = rng.choices([*WORDS[:4], "nowhere"], k=rng.randint(1, 5))
        weight, k1, b = rng.choice([0.5, 1, 3]), rng.choice([0.8, 1.2, 2.0]), rng.choice([0, 0.5, 1])
        expect_close(function(question, documents, weight, k1, b), library_scores(question, documents, weight, k1, b),
                     LIBRARY, f"bm25s on {len(documents)} random documents, weight = {weight}, k1 = {k1}, b = {b}",
                     "Are weight, k1 and b the arguments, or fixed numbers?")  # fmt: skip


def expect_by_hand(function):
    """Raises CheckFailed unless scores that can be computed on paper are right."""
    for question, documents, weight, k1, b, wanted, what, hint in BY_HAND:
        expect_close(function(question, documents, weight, k1, b), wanted, CLOSE, what, hint)


# ---- 2: recall ----


@check(forbids=("spectrum.retrieval.recall_at_k",))
def check_recall_at_k(function):
    """The learner's `recall_at_k(found, wanted, k)`: mean share of the wanted among the first k, all questions."""
    found, wanted, k, _, _, _ = RECALLS[0]
    got = function([list(f) for f in found], [set(w) for w in wanted], k)
    named = {
        1 / 3: ("divided by the documents retrieved", "That is precision. Recall divides by the documents wanted."),
        4 / 9: ("divided by the documents retrieved", "That is precision. Recall divides by the documents wanted."),
        3 / 4: ("a yes for each question with any hit", "The last question wants four, gets two: a half, not a yes."),
        4 / 7: ("all questions thrown together", "First a share for each question, then the mean of the shares."),
        5 / 6: ("the mean over questions with a hit", "Nothing found is recall 0. Divide by all questions."),
        2 / 3: ("divided by k where more than k are wanted", "Divide by all that is wanted; k is no excuse."),
    }
    for value, (mistake, hint) in named.items():
        mistaken = isinstance(got, Real) and abs(got - value) < 1e-6
        expect(not mistaken, f"at k = 3 expected 0.625, got {value:.4g}, as if {mistake}", hint)
    for found, wanted, k, share, what, hint in RECALLS:
        expect_close(function([list(f) for f in found], [set(w) for w in wanted], k), share, CLOSE, what, hint)
    rng = fresh()
    for _ in range(20):
        n, k = rng.randint(1, 8), rng.randint(1, 6)
        found = [rng.sample(range(12), rng.randint(0, 12)) for _ in range(n)]
        wanted = [set(rng.sample(range(12), rng.randint(1, 4))) for _ in range(n)]
        expected = float(np.mean([np.isin(list(w), f[:k]).mean() for f, w in zip(found, wanted, strict=True)]))
        expect_close(function(found, wanted, k), expected, CLOSE, f"{n} random questions at k = {k}",
                     "Take one question and count by hand.")  # fmt: skip


# ---- 3: evidence ----


@check(forbids=("spectrum.retrieval.evidence", "spectrum.retrieval.with_evidence"))
def check_evidence(function):
    """The learner's `evidence(answer, lines)`: the numbers of the lines that hold the answer as whole words."""
    found = function("12 dollars", list(SHOP_LINES))
    listed = isinstance(found, list | tuple | np.ndarray)
    expect(listed, f"expected a list of numbers, got {short(found)}", "Return the lines' numbers.")
    expect(not any(isinstance(number, str | bool) for number in found), f"expected numbers, got {short(found)}",
           "Return where the lines stand, counted from 0, not the lines.")  # fmt: skip
    expect(0 not in found, "'12 dollars' is found in 'costs 112 dollars'", "Whole words: what may stand next to it?")
    expect_lines(function, "12 dollars", SHOP_LINES, [1, 2], "All of them, from 0.")
    for answer, wanted, hint in EDGES:
        expect_lines(function, answer, SHOP_LINES, wanted, hint)
    for answer, texts, wanted, hint in LINES:
        expect_lines(function, answer, texts, wanted, hint)
    rng = fresh()
    for _ in range(30):
        values = [f"{rng.choice('AB')}{rng.randrange(1, 30)}" for _ in range(5)]
        lines = [f"The {rng.choice(['Kavo', 'Bino'])} lamp is on shelf {value}." for value in values]
        answer = f"{rng.choice('AB')}{rng.randrange(1, 30)}"
        wanted = [number for number, value in enumerate(values) if value == answer]
        expect_lines(function, answer, lines, wanted, "Whole words.")


def expect_lines(function, answer, lines, wanted, hint):
    """Raises CheckFailed unless the learner's evidence for an answer is in the wanted lines."""
    found = function(answer, list(lines))
    expect(list(found) == wanted, f"{short(answer, 40)} in {short(list(lines))}: expected {wanted}, got {short(found)}",
           hint)  # fmt: skip


# ---- 4: answer or refuse ----


@check(forbids=("spectrum.retrieval.evidence", "spectrum.retrieval.with_evidence"))
def check_answer_or_refuse(function):
    """The learner's `answer_or_refuse(hits, question, ask, threshold)` asks where it should, and wants evidence."""
    asked = []

    def says(answer):
        def ask(lines, question):
            asked.append((list(lines), question))
            return answer

        return ask

    hits = [("The Kavo lamp is red.", 3.5), ("The Kavo lamp is made by Dahl.", 3.0), ("The Bino lamp is blue.", 1.5)]
    found = function(list(hits), "Who makes the Kavo lamp?", says("Dahl"), 2.7)
    expect(len(asked) == 1, f"two lines score over 2.7, and the model was asked {len(asked)} times",
           "Once, with all lines that are good enough.")  # fmt: skip
    lines, question = asked[0]
    expect(question == "Who makes the Kavo lamp?", f"the model was asked {question!r}", "Pass the question on.")
    expect(all(isinstance(line, str) for line in lines), f"the model got {short(lines)}", "Lines only, no scores.")
    expect(hits[2][0] not in lines, "the model read a line that scores 1.5, below the threshold 2.7",
           "A line below the threshold is about something else, however good the best one is.")  # fmt: skip
    expect(
        len(lines) == 2, f"the model got {len(lines)} lines of the 2 over the threshold", "All that are good enough."
    )
    expect(lines == [hits[1][0], hits[0][0]], "the best line does not stand last",
           "This model reads best what stands next to the question. Which order is that?")  # fmt: skip
    expect(found == "Dahl", f"a line that was read holds 'Dahl': expected 'Dahl', got {short(found)}", "Return it.")
    for case, why in (([], "nothing was found"), (hits[2:], "the best score 1.5 is below 2.7")):
        asked.clear()
        found = function(list(case), "Who makes the Kavo lamp?", says("blue"), 2.7)
        expect(not asked, f"{why}, and the model was asked", "Who has nothing to read makes something up. Do not ask.")
        expect(found == "not stated", f"{why}: expected 'not stated', got {short(found)}", "Say so in these two words.")
    found = function(list(hits[:1]), "What colour is the Kavo lamp?", says("red"), 3.5)
    expect(found == "red", "a score equal to the threshold was refused", "Refuse *below* the threshold.")
    for said in ("Galt", "re", "", "Dah"):
        found = function(list(hits), "Who makes the Kavo lamp?", says(said), 2.7)
        expect(found == "not stated", f"the model said {said!r}, in no line as a whole word, and it was passed on",
               "Without evidence the answer is made up.")  # fmt: skip
    expect_reading(function, says, asked)
    found = function(list(hits), "Who makes the Kavo lamp?", says("Dahl. The Kavo"), 2.7)
    expect(found == "not stated", "'Dahl. The Kavo' stands in two lines put together, in neither alone",
           "Evidence is one line. Look into each by itself.")  # fmt: skip
    found = function(list(hits), "What colour is the Kavo lamp?", says("blue"), 2.7)
    expect(found == "not stated", "'blue' stands only in the line below the threshold, and it was passed on",
           "Evidence is a line that the model has read.")  # fmt: skip
    expect_threshold(function, says)


def expect_threshold(function, says):
    """Raises CheckFailed unless random hits and many hits are refused, or answered, by the three reasons alone."""
    many = [(f"Shelf A{number} is free.", 90.5 - number) for number in range(90)]
    for said, threshold, wanted in (("A80", 10.5, "A80"), ("A81", 10, "not stated"), ("A88", 1.5, "A88"),
                                    ("A89", -1.5, "A89")):  # fmt: skip
        found = function(list(many), "Which shelf is free?", says(said), threshold)
        expect(found == wanted, f"90 hits from 90.5 down to 1.5, threshold {threshold}, said {said}: expected "
               f"{wanted}, got {short(found)}", "All lines that score enough are read, however many.")  # fmt: skip
    rng = fresh()
    for _ in range(20):
        scores = sorted((rng.uniform(0, 4) for _ in range(rng.randint(0, 5))), reverse=True)
        case = [(f"Shelf A{number} is free.", score) for number, score in enumerate(scores)]
        said = f"A{rng.randrange(6)}"
        wanted = said if int(said[1:]) < sum(score >= 2 for score in scores) else "not stated"
        found = function(list(case), "Which shelf is free?", says(said), 2.0)
        expect(found == wanted, f"scores {np.round(scores, 1)}, said {said}: expected {wanted}, got {short(found)}",
               "Go through the three reasons to refuse, one after the other.")  # fmt: skip


def expect_reading(function, says, asked):
    """Raises CheckFailed unless all lines over the threshold are read, the best last, and nothing is bent."""
    hits = [
        ("A is red.", 4.0),
        ("B is made by Dahl.", 3.0),
        ("C is tall.", 2.7),
        ("D is wet.", 2.69),
        ("E dries.", 0.5),
    ]
    question = "Who makes B?"
    for threshold, kept in ((2.7, 3), (0, 5)):
        asked.clear()
        given = list(hits)
        found = function(given, question, says("made by"), threshold)
        expect(given == hits, "the list of hits has changed", "Only read it.")
        read = asked[-1][0] if asked else []
        expect(read == [line for line, _ in hits[:kept]][::-1], f"threshold {threshold}: the model read {short(read)}",
               f"The {kept} lines that score as much or more, all in rising order of score.")  # fmt: skip
        expect(found == "made by", f"'made by' stands in a line: expected it back, got {short(found)}", "Return it.")
    found = function(list(hits), question, says("Red"), 2.7)
    expect(found == "not stated", "'Red' stands in no line, 'red' does, and it was passed on", "Capitals count.")
    long = [(f"In {LONG}Łódź.", 3.5), (f"In {LONG}Basel.", 3.4)]
    for said, wanted in (("Łódź", "Łódź"), (" Basel\n", " Basel\n"), ("ódź", "not stated"), (LONG, LONG)):
        asked.clear()
        found = function(list(long), f"Where is it? {LONG}É?", says(said), 3.4)
        expect(asked == [([long[1][0], long[0][0]], f"Where is it? {LONG}É?")], f"the model was asked {short(asked)}",
               "Pass lines and question on as they are, however long.")  # fmt: skip
        expect(found == wanted, f"the model said {said!r}: expected {wanted!r}, got {short(found)}",
               "Return the answer as it came, or 'not stated' where it stands in no line as a whole.")  # fmt: skip


# ---- 5: search words ----


@check
def check_search_words(function, reason, goal=GOAL):
    """The learner's `search_words(question)` brings the right line to the first place, in forms never shown too."""
    function("Who makes the Kavo lamp?")
    expect_choice(reason, REASONS, "c", REFUTED)
    share, missed = first_hits(function, draw_forms(fresh()), fresh_seed())
    expect(share >= goal, f"{100 * share:.0f} % of first hits right in new words, wanted {100 * goal:.0f} %",
           f"For example {missed[:1]}. Which words does the line have, and which does the question?")  # fmt: skip
