"""Checks of labs/02_few_shot.ipynb."""

import math
import random
from functools import cache
from itertools import permutations

import numpy as np

from spectrum import calibration, seeds
from spectrum.checks.cases_02 import CASES
from spectrum.checks.machinery import check, expect, expect_choice, expect_close, fresh_seed, short
from spectrum.lessons.few_shot import material
from spectrum.models import load_model

GOAL = 0.7  # well below what the worked lab reaches: fresh sentences must not fail a good choice
LABELS = dict(zip(material.CLASSES, ("mango", "pixel"), strict=True))
CALLS, MOST = 4, 8
WHY_HALF = {
    "a": "eight examples are too few to show which sentences the two words stand for",
    "b": "the prompt leans to one of the two words, whatever the sentence says",
    "c": "the model guesses, one word as often as the other, as if it had read nothing",
}


def draw():
    """Returns a random generator that differs from call to call: a right answer passes whatever it draws."""
    return np.random.default_rng(fresh_seed())


# ---- task 1 ----


@check(forbids=("spectrum.prompts",))
def check_build(function):
    """The learner's `build(pool, item, k)` shows k other pairs and leaves the item's label out of its prompt."""
    pool = [("I like it.", "good"), ("I do not.", "bad"), ("It is fine.", "good")]
    made = function(list(pool), ("So so.", "bad"), 2)
    expect(isinstance(made, tuple) and len(made) == 2 and all(isinstance(part, str) for part in made),
           "build should return two texts, the prompt and the answer", "return prompt, answer")  # fmt: skip
    prompt, answer = made
    expect(not prompt.rstrip().endswith(answer.strip()), "the label of the open item stands at the end of the prompt",
           "The prompt ends where the model is to go on: after the arrow.")  # fmt: skip
    expect(prompt == prompt.rstrip(), f"the prompt ends with {prompt[-1:]!r}",
           'The space before a label belongs to the answer: " bad" is one token.')  # fmt: skip
    expect(answer == " bad", f"expected the answer ' bad', got {answer!r}",
           "After an arrow comes a space, and then the label: both are the answer.")  # fmt: skip
    wanted = "I like it. -> good\nI do not. -> bad\nSo so. ->"
    expect(prompt == wanted, f"expected {wanted!r}, got {prompt!r}", "Is each example a line of its own, in order?")
    alone = function(list(pool), ("So so.", "bad"), 0)
    expect(alone == ("So so. ->", " bad"), f"without examples, expected ('So so. ->', ' bad'), got {alone!r}",
           "k = 0 leaves the open text and its arrow.")  # fmt: skip
    check_own_item(function, pool)


def check_own_item(function, pool):
    """An item of the pool never stands among its own examples, and there are k of them all the same."""
    prompt, _ = function(list(pool), pool[0], 2)
    expect(prompt.count(pool[0][0]) == 1, "the open item stands among its own examples, with its label",
           "A leaked label makes any model look good. Take the item out of the pool.")  # fmt: skip
    expect(prompt == "I do not. -> bad\nIt is fine. -> good\nI like it. ->",
           f"an item of the pool, k = 2: got {prompt!r}",
           "Take the item out first and the first k afterwards, or an example is missing.")  # fmt: skip
    twice = [("So so.", "good"), *pool, ("So so.", "bad"), ("Só so.", "good")]
    got = function(twice, ("So so.", "bad"), 4)
    wanted = f"{as_lines(pool)}Só so. -> good\nSo so. ->", " bad"
    expect(got == wanted, f"a pool that has the open item's text twice: got {got!r}",
           "Not one of the pairs with the item's text may be shown, and all others may.")  # fmt: skip
    long = [(f"Señora, this is text {number}" + " and it goes on" * 7 + f" to its end, {number}.",
             ("good", "so-so, as I see it, but not as bad as one might think, nor as good, c'est ça")[number % 2])
            for number in range(90)]  # fmt: skip
    for number, k in ((2, 70), (85, 9), (40, 90)):
        others = [pair for pair in long if pair != long[number]][:k]
        wanted = f"{as_lines(others)}{long[number][0]} ->", f" {long[number][1]}"
        got = function(long, long[number], k)
        expect(got == wanted, f"90 long pairs, item {number}, k = {k}: got {short(got, 200)}",
               "Compare it line by line with what you expect.")  # fmt: skip


def as_lines(pairs):
    """Returns pairs as the lines of a prompt."""
    return "".join(f"{text} -> {label}\n" for text, label in pairs)


# ---- task 2 ----


@check
def check_is_right(function):
    """The learner's `is_right(text, label, labels)` counts an answer that names the true label and no other."""
    for cases, labels in CASES:
        for text, label, wanted, hint in cases:
            for given in (labels, labels[::-1]):
                got = function(text, label, given)
                expect(isinstance(got, bool | np.bool_), f"is_right should return True or False, got {got!r}",
                       "An assertion about the text: found == wanted.")  # fmt: skip
                counted = "counts as" if got else "does not count as"
                expect(got == wanted, f"{short(text)} {counted} {label!r} among the labels {short(given)}", hint)


# ---- task 3 ----


@check(forbids=("spectrum.calibration",))
def check_calibrate(function):
    """The learner's `calibrate(logprobs)` divides each row's shares by the mean shares of all other rows."""
    expect_close(function(np.log([[0.6, 0.4], [0.75, 0.25]])), [[1 / 3, 2 / 3], [2 / 3, 1 / 3]], 1e-9,
                 "two rows, of shares 0.6, 0.4 and 0.75, 0.25",
                 "0.6 / 0.75 = 0.8 and 0.4 / 0.25 = 1.6: what do they make, scaled to 1? The lean of a row is that of "
                 "the others, and the label that they prefer must lose.")  # fmt: skip
    three = np.log([[0.5, 0.5], [0.9, 0.1], [0.005, 0.005]])
    expect_close(function(three)[0], [0.3, 0.7], 1e-9, "the first row, others of shares 0.9, 0.1 and 0.5, 0.5",
                 "Shares first, the mean afterwards: the mean is 0.7 and 0.3, each row counts the same.")  # fmt: skip
    four = np.log([[0.5, 0.5], [0.9, 0.1], [0.5, 0.5], [0.2, 0.8]])
    expect_close(function(four)[0], [7 / 15, 8 / 15], 1e-9, "the first row, others of shares 0.9, 0.5 and 0.2",
                 "The mean of all three others is 8/15 and 7/15: neither the median nor the first two.")  # fmt: skip
    alike = function(np.log([[0.06, 0.02], [0.75, 0.25], [0.3, 0.1]]))
    expect_close(alike, np.full((3, 2), 0.5), 1e-9, "three rows with the same shares",
                 "Where every text gets the same answer, none says anything. Does each row add up to 1?")  # fmt: skip
    for first in (-2000.0, 700.0):
        rows = np.array([[first, first + math.log(3)], [0.0, 0.0], [-900.0, -900.0]])
        expect_close(function(rows), by_loops(rows), 1e-9, f"rows that lie near {first:g}, 0 and -900",
                     "exp(-2000) is 0, exp(900) too much. Subtract each row's own largest.")  # fmt: skip
    rng = draw()
    for n, c in ((2, 2), (2, 3), (5, 2), (100, 70)):
        logprobs = np.log(rng.dirichlet(np.full(c, 2.0), size=n)) - rng.uniform(0, 9, (n, 1))
        expect_close(function(logprobs), by_loops(logprobs), 1e-9, f"{n} prompts, {c} labels",
                     "Is the mean taken over the other rows, and does each row add up to 1?")  # fmt: skip


def by_loops(logprobs):
    """Returns what `calibrate` should return, by loops in the long way."""
    shares = [[math.exp(value - max(row)) for value in row] for row in logprobs]
    shares = [[value / math.fsum(row) for value in row] for row in shares]
    ratios = []
    for number, row in enumerate(shares):
        others = shares[:number] + shares[number + 1 :]
        lean = [math.fsum(other[place] for other in others) / len(others) for place in range(len(row))]
        ratios.append([share / own for share, own in zip(row, lean, strict=True)])
    return np.array([[value / math.fsum(row) for value in row] for row in ratios])


# ---- task 4 ----


@check
def check_pick_order(function):
    """The learner's `pick_order(examples, dev, test)` tries every order on dev and asks test once, for the best."""
    for examples in (
        ["a", "b", "c", "d"],
        ["b", "a"],
        ["é", "e", "a", "ü", "z"],
        [("It is late.", "bad"), ("", "good")],
    ):
        check_one_choice(function, examples, {})
    # Three orders have the best dev score: permutations gives ["c", "b", "a"] first. The test scores decide nothing.
    ties = {("dev", order): 0.9 for order in (("b", "c", "a"), ("a", "b", "c"), ("c", "b", "a"))}
    ties |= {("test", order): 0.5 + place / 10 for place, order in enumerate(permutations("cab"))}
    check_one_choice(function, ["c", "a", "b"], ties)


def check_one_choice(function, examples, noise):
    """Raises CheckFailed unless all orders of some examples are tried on dev, and the best is asked once on test.

    `noise` is {(split, order): score}; what it lacks is drawn, below 0.9.
    """
    rng, noise, asked = random.Random(fresh_seed()), dict(noise), {"dev": [], "test": []}

    def scores(name):
        def score(order):
            asked[name].append(tuple(order))
            return noise.setdefault((name, tuple(order)), 0.9 * rng.random())

        return score

    got = function(list(examples), scores("dev"), scores("test"))
    expect(isinstance(got, tuple) and len(got) == 2, "pick_order should return an order and a score",
           "return best, score")  # fmt: skip
    wanted, tried = set(permutations(examples)), set(asked["dev"])
    expect(tried >= wanted, f"{len(tried & wanted)} of the {len(wanted)} orders of {examples} were tried on dev",
           "permutations(examples) gives them all; turning the list round gives only a few.")  # fmt: skip
    others = sorted(map(list, tried - wanted), key=len)
    expect(not others, f"{others[:1]} was tried on dev, which is no order of {examples}",
           "An order has all the examples, each of them once.")  # fmt: skip
    expect(asked["test"], "the test set was never asked, expected once", "The best of many on dev was partly lucky "
           "there. Report the test score of the order you chose.")  # fmt: skip
    expect(len(asked["test"]) == 1, f"the test set was asked {len(asked['test'])} times, expected once",
           "Choose on dev. What is chosen on the test set promises too much.")  # fmt: skip
    best = max(permutations(examples), key=lambda order: noise["dev", order])
    order, reported = got
    expect(isinstance(order, list), f"the order should be a list, got {order!r}",
           "permutations gives tuples: list(order).")  # fmt: skip
    expect(tuple(order) == best, f"expected the order {list(best)}, got {order}",
           "The largest dev score wins, not the smallest, and the first of equals.")  # fmt: skip
    expect(reported != noise["dev", best], "the score that is reported is the dev score",
           "The best of many on dev was partly lucky there. Report the test score of the order you chose.")  # fmt: skip
    expect(reported == noise.get(("test", best)), f"the test score of that order was expected, got {reported!r}",
           "test(best), once.")  # fmt: skip


# ---- task 5 ----


@cache
def base():
    """Returns (model, tokenizer) of the base model, loaded once."""
    return load_model("base")


@cache
def sentences(n, split, seed):
    """Returns n (text, label) pairs of a split, as many of one label as of the other."""
    rng = seeds.seeded("lab 02", split, seed)
    kinds = [kind for _ in range(n // 2) for kind in rng.sample(material.CLASSES, 2)]
    return tuple((material.sentence(rng, kind, split), LABELS[kind]) for kind in kinds)


def pool():
    """Returns the 60 labelled sentences of task 5; the first eight make a poor prompt (seed 12 of those tried)."""
    return list(sentences(60, "train", 12))


def ask(examples, texts):
    """Returns (N, 2) log-probabilities of mango and pixel after each text, under these examples, by the base model."""
    return material.open_logprobs(*base(), list(examples), list(texts), tuple(LABELS.values()))


def share_right(answers, pairs):
    """Returns the share of answers that are the label of their (text, label) pair."""
    return float(np.mean([answer == label for answer, (_, label) in zip(answers, pairs, strict=True)]))


def check_examples(examples):
    """Raises CheckFailed for examples that are not up to eight pairs of the pool."""
    for pair in examples:
        expect(tuple(pair) in pool(), f"{pair!r} is not a pair of the pool",
               "Take (text, label) pairs as they are: an example with another label teaches another rule.")  # fmt: skip
    expect(len(examples) <= MOST, f"{len(examples)} examples, allowed are {MOST}",
           "Every example is paid for in every answer.")  # fmt: skip


@check
def check_classify(function, explanation, goal=GOAL, n=160):
    """The learner's `classify(ask, pool, texts)` reaches the goal on fresh sentences, with at most four questions."""
    pairs = sentences(n, "test", fresh_seed())
    answers = answers_of(function, [text for text, _ in pairs])
    reached = share_right(answers, pairs)
    expect(reached >= goal, f"{100 * reached:.0f} % of {n} fresh sentences right, wanted {100 * goal:.0f} %",
           "How often is each label given? A lean can be measured, and divided by.")  # fmt: skip
    few = sentences(40, "test", fresh_seed())
    again = share_right(answers_of(function, [text for text, _ in few]), few)
    expect(again >= goal - 0.2, f"asked about 40 other sentences, {100 * again:.0f} % right",
           "The answers follow from the texts that are given now.")  # fmt: skip
    found = ask(pool()[:MOST], [text for text, _ in pairs])
    said = ["mango" if first >= second else "pixel" for first, second in found]
    lean = calibration.calibrate(found, calibration.lean(found))
    mended = share_right(["mango" if first >= second else "pixel" for first, second in lean], pairs)
    expect_choice(explanation, WHY_HALF, "b", {
        "a": f"The same eight, their answers divided by the mean over all texts, are {100 * mended:.0f} % right.",
        "c": f"Of {n} answers under the first eight, {said.count('mango')} are mango and {said.count('pixel')} pixel.",
    })  # fmt: skip


def answers_of(function, texts):
    """Returns the learner's labels of some texts; raises CheckFailed where a rule of the task is broken."""
    calls = []

    def counted(examples, texts):
        calls.append(1)
        expect(len(calls) <= CALLS, f"ask was called more than {CALLS} times",
               "Each call reads all texts: give it the list.")  # fmt: skip
        check_examples(examples)
        return ask(examples, texts)

    answers = function(counted, pool(), list(texts))
    whole = isinstance(answers, list) and len(answers) == len(texts)
    expect(whole, f"classify should return a list of {len(texts)} labels", "One label for each text, in their order.")
    strange = sorted({str(answer) for answer in answers} - set(LABELS.values()))
    expect(not strange, f"{strange[:3]} among the answers", "The labels are mango and pixel: column 0 and column 1.")
    return answers
