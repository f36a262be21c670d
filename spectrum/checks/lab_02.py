"""Checks of labs/02_few_shot.ipynb."""

import math
import random
from functools import cache

import numpy as np

from spectrum import seeds
from spectrum.checks.machinery import check, expect, expect_close, expect_reason, fresh_seed
from spectrum.lessons.few_shot import material
from spectrum.models import load_model

GOAL = 0.7  # well below what the worked lab reaches: fresh sentences must not fail a good choice
LABELS = dict(zip(material.CLASSES, ("mango", "pixel"), strict=True))
CALLS, MOST = 4, 8


def draw():
    """Returns a random generator that differs from call to call: a right answer passes whatever it draws."""
    return np.random.default_rng(fresh_seed())


# ---- task 1 ----


@check
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
    rng = random.Random(fresh_seed())
    longer = [(f"Text {number}.", rng.choice(("good", "bad"))) for number in range(12)]
    number, k = rng.randrange(12), rng.randrange(3, 9)
    others = [pair for place, pair in enumerate(longer) if place != number][:k]
    lines = [*(f"{text} -> {label}" for text, label in others), f"{longer[number][0]} ->"]
    got = function(list(longer), longer[number], k)
    expect(got == ("\n".join(lines), f" {longer[number][1]}"), f"12 pairs, k = {k}: got {got!r}",
           "Compare it line by line with what you expect.")  # fmt: skip


# ---- task 2 ----

TRUTHS = (
    ("correct", "correct", True, "Is the label alone right?"),
    ("The claim is correct.", "correct", True, "The answer may hold more than the label."),
    ("Correct!", "correct", True, "Capitals and marks do not matter: compare both in lower case."),
    ("The claim is incorrect.", "correct", False, "`in` finds letters. Do you look for whole words?"),
    ("incorrect", "incorrect", True, "The longer label is a label too."),
    ("Correct or incorrect?", "correct", False, "It names both labels, so it does not answer."),
    ("I cannot say.", "correct", False, "An answer without a label is wrong."),
    ("Correct, quite correct.", "correct", True, "The same label twice is still one label."),
    ("Incorrectly put.", "incorrect", False, 'Is "incorrectly" the word "incorrect"?'),
)
URGENT = (
    ("It is not urgent.", "not urgent", True, "Look for the longest label first."),
    ("It is not urgent.", "urgent", False, '"not urgent" holds "urgent". Look for the longest label first.'),
    ("Urgent: call me.", "urgent", True, "The shorter label counts where it stands alone."),
    ("Urgent, or not urgent?", "not urgent", False, "It names both labels."),
)
ENOUGH = (
    ("That is good enough.", "good enough", True, "Look for the longest label first."),
    ("That is good enough.", "good", False, '"good enough" begins with "good". Look for the longest label first.'),
)
VERSIONS = (
    ("version 1.5 is meant", "1.5", True, "Labels may hold points and digits."),
    ("version 1.5, after 105 others", "1.5", True, "In a pattern a point stands for any character: re.escape."),
)


@check
def check_is_right(function):
    """The learner's `is_right(text, label, labels)` counts an answer that names the true label and no other."""
    for cases, labels in ((TRUTHS, ["correct", "incorrect"]), (URGENT, ["urgent", "not urgent"]),
                          (ENOUGH, ["good", "good enough"]), (VERSIONS, ["1.5", "2.0"])):  # fmt: skip
        for text, label, wanted, hint in cases:
            for given in (labels, labels[::-1]):
                got = function(text, label, given)
                expect(isinstance(got, bool | np.bool_), f"is_right should return True or False, got {got!r}",
                       "An assertion about the text: found == wanted.")  # fmt: skip
                counted = "counts as" if got else "does not count as"
                expect(got == wanted, f"{text!r} {counted} {label!r} among the labels {given}", hint)


# ---- task 3 ----


@check
def check_calibrate(function):
    """The learner's `calibrate(logprobs, empty)` divides shares by the mean shares of the empty inputs."""
    logprobs, empty = np.log([[0.6, 0.4]]), np.log([[0.75, 0.25]])
    given = (logprobs.copy(), empty.copy())
    got = function(*given)
    expect_close(got, np.array([[1 / 3, 2 / 3]]), 1e-9, "shares 0.6 and 0.4 under a lean of 0.75 and 0.25",
                 "0.6 / 0.75 = 0.8 and 0.4 / 0.25 = 1.6: what do they make, scaled to 1? "
                 "The label that the prompt prefers must lose.")  # fmt: skip
    expect(np.array_equal(given[0], logprobs) and np.array_equal(given[1], empty),
           "the log-probabilities that were given have changed", "Make new arrays: no -= or /=.")  # fmt: skip
    expect_close(function(np.log([[0.06, 0.02], [0.1, 0.4]]), np.log([[0.1, 0.1]])),
                 np.array([[0.75, 0.25], [0.2, 0.8]]), 1e-9, "two prompts under an even lean",
                 "Under an even lean the shares stay. Does each row add up to 1 by itself?")  # fmt: skip
    expect_close(function(np.log([[0.5, 0.5]]), np.log([[0.9, 0.1], [0.005, 0.005]])), np.array([[0.3, 0.7]]), 1e-9,
                 "two empty inputs of shares 0.9, 0.1 and 0.5, 0.5",
                 "Shares first, the mean afterwards: the mean is 0.7 and 0.3, each input counts the same.")  # fmt: skip
    low = function(np.array([[-2000.0, -2000.0]]), np.array([[-1500.0, -1500.0 + math.log(3)]]))
    expect_close(low, np.array([[0.75, 0.25]]), 1e-9, "log-probabilities of -2000",
                 "exp(-2000) is 0. Subtract each row's largest first: the shares stay the same.")  # fmt: skip
    check_many(function)


def check_many(function):
    """Random sizes: rows add up to 1, and the answer is that of two loops in the long way."""
    rng = draw()
    n, m, c = (int(rng.integers(2, 7)) for _ in range(3))
    logprobs, empty = (np.log(rng.dirichlet(np.ones(c), size=rows)) - rng.uniform(0, 9, (rows, 1)) for rows in (n, m))
    got = np.asarray(function(logprobs.copy(), empty.copy()))
    expect(got.shape == (n, c), f"expected shape {(n, c)}, got {got.shape}", "One row a prompt, one column a label.")
    wanted = np.empty((n, c))
    for row in range(n):
        for place in range(c):
            lean = sum(math.exp(e[place]) / sum(math.exp(v) for v in e) for e in empty) / m
            wanted[row, place] = math.exp(logprobs[row, place]) / lean
        wanted[row] /= wanted[row].sum()
    expect_close(got, wanted, 1e-9, f"{n} prompts, {m} empty inputs, {c} labels",
                 "Is the mean taken over the empty inputs, and does each row add up to 1?")  # fmt: skip


# ---- task 4 ----


@check
def check_pick_order(function):
    """The learner's `pick_order(examples, dev, test)` tries every order on dev and asks test once, for the best."""
    rng = random.Random(fresh_seed())
    examples = ["a", "b", "c", "d"]
    noise = {}
    asked = {"dev": [], "test": []}

    def scores(name):
        def score(order):
            key = (name, tuple(order))
            asked[name].append(key[1])
            return noise.setdefault(key, rng.random())

        return score

    got = function(list(examples), scores("dev"), scores("test"))
    expect(isinstance(got, tuple) and len(got) == 2, "pick_order should return an order and a score",
           "return best, score")  # fmt: skip
    tried = set(asked["dev"])
    expect(len(tried) == 24, f"{len(tried)} of the 24 orders were tried on dev",
           "permutations(examples) gives them all; turning the list round gives only four.")  # fmt: skip
    expect(len(asked["test"]) == 1, f"the test set was asked {len(asked['test'])} times, expected once",
           "Choose on dev. What is chosen on the test set promises too much.")  # fmt: skip
    best = max(tried, key=lambda order: noise["dev", order])
    order, reported = got
    expect(isinstance(order, list) and tuple(order) in tried, f"the order should be a list, got {order!r}",
           "permutations gives tuples: list(order).")  # fmt: skip
    expect(tuple(order) == best, f"expected the order {list(best)}, got {order}",
           "The largest dev score wins, not the smallest and not the first.")  # fmt: skip
    expect(reported != noise["dev", best], "the score that is reported is the dev score",
           "The best of 24 on dev was partly lucky there. Report the test score of the order you chose.")  # fmt: skip
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
def check_classify(function, why, goal=GOAL, n=160):
    """The learner's `classify(ask, pool, texts)` reaches the goal on fresh sentences, with at most four questions."""
    pairs, calls = sentences(n, "test", fresh_seed()), []

    def counted(examples, texts):
        calls.append(1)
        expect(
            len(calls) <= CALLS,
            f"ask was called more than {CALLS} times",
            "Each call reads all texts: give it the list.",
        )
        check_examples(examples)
        return ask(examples, texts)

    answers = function(counted, pool(), [text for text, _ in pairs])
    expect(isinstance(answers, list) and len(answers) == n, f"classify should return a list of {n} labels",
           "One label for each text, in their order.")  # fmt: skip
    strange = sorted({str(answer) for answer in answers} - set(LABELS.values()))
    expect(not strange, f"{strange[:3]} among the answers", "The labels are mango and pixel: column 0 and column 1.")
    expect_reason(why, "Say in one sentence what the first eight do wrong, and what you do about it.")
    reached = share_right(answers, pairs)
    expect(reached >= goal, f"{100 * reached:.0f} % of {n} fresh sentences right, wanted {100 * goal:.0f} %",
           "How often is each label given? A lean can be measured, and divided by.")  # fmt: skip
