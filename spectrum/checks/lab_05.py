"""Checks of labs/05_measuring_prompts.ipynb."""

import math
import random
from functools import cache
from numbers import Integral

import numpy as np

from spectrum.checks.machinery import check, expect, expect_close, expect_prediction, fresh_seed, short
from spectrum.checks.twins import TEXTS, TRAIN
from spectrum.lessons.measuring_prompts import runs

BUDGET, DEV, UNSEEN = 300, 40, 40  # answers that may be asked for; letters to choose on, letters to score on
# Halving finds 5.8 points more than random search, as many letters for 27 pairs 2.7; the mean of 2,000 is off by 0.3.
CONTESTS, GOAL = 2000, 0.035
CLOSE = 2e-7  # shares and ends of intervals in float32 are off by less
PLACES = 6e-5  # a p-value rounded to four places is right
FORBIDDEN = ("spectrum.evaluate", "scipy")


def fresh():
    """Returns a generator of numbers that no learner has seen."""
    return np.random.default_rng(fresh_seed())


# ---- task 1 ----


def coverage_ends(right, n, z):
    """Returns Wilson's ends as the two shares whose own z-interval just reaches what was seen, found by bisection."""
    seen = right / n

    def end(inside, outside):
        for _ in range(80):
            middle = (inside + outside) / 2
            reached = abs(seen - middle) <= z * math.sqrt(middle * (1 - middle) / n)
            inside, outside = (middle, outside) if reached else (inside, middle)
        return inside

    return end(seen, 0.0), end(seen, 1.0)


def newcombe(first, second, z):
    """Returns the ends of the interval of second less first: the reaches of both shares as legs of right triangles."""
    (low_a, high_a), (low_b, high_b) = coverage_ends(*first, z), coverage_ends(*second, z)
    a, b = first[0] / first[1], second[0] / second[1]
    return b - a - math.hypot(b - low_b, high_a - a), b - a + math.hypot(high_b - b, a - low_a)


GAPS = (  # first, second, z, hint
    ((10, 20), (18, 20), 1.96, "Which end of which share do you use for the lower end?"),
    ((3, 10), (90, 100), 1.96, "Each share has its own n."),
    ((0, 7), (7, 7), 1.96, "Shares of 0 and 1 have an interval too."),
    ((5, 5), (0, 400), 1.96, "The second may be worse: then the gap is below 0."),
    ((1, 3), (1, 3), 1.96, "Two equal shares have a gap of 0, and an interval around it."),
    ((400, 2000), (1100, 2000), 1.96, "With many letters the formula stays the same."),
    ((10, 1000000), (999990, 1000000), 1.96, "With many letters the formula stays the same."),
    ((7, 20), (11, 25), 1.0, "Is the argument z used, in both intervals?"),
    ((7, 20), (11, 25), 2.576, "Is the argument z used, in both intervals, and as it is?"),
    ((7, 20), (11, 25), 0.5, "Is the argument z used, in both intervals, and as it is?"),
)


@check(forbids=FORBIDDEN)
def check_gap(function):
    """The learner's `gap(first, second, z)` is Newcombe's interval of a difference of two shares."""
    found = function((5, 10), (5, 10))
    pair = isinstance(found, tuple | list | np.ndarray) and len(found) == 2
    expect(pair, f"expected (low, high), got {short(found)}", "Return both ends.")
    low, high = found
    expect(low < high, f"the lower end {low:.3g} is not below the upper end {high:.3g}", "Low first.")
    expect(high <= 2, f"5 right of 10, twice: the upper end is {high:.3g}", "Shares, not per cent.")
    low, high = function((0, 20), (20, 20))
    expect(high - low > 1e-6, "0 and 20 right of 20: an interval without any width",
           "That comes of the simple interval. Take Wilson's of each.")  # fmt: skip
    low, high = function((2, 20), (18, 20))
    expect(low > 0, f"2 and 18 right of 20: the interval is {low:.3g} to {high:.3g}", "The gap is second less first.")
    for first, second, z, hint in GAPS:
        expect_close(function(first, second, z), newcombe(first, second, z), CLOSE, f"{first}, {second}, z = {z}", hint)
    expect_close(function((7, 20), (11, 25)), newcombe((7, 20), (11, 25), 1.96), CLOSE, "(7, 20), (11, 25), no z",
                 "Without an argument z is 1.96, as in the stub.")  # fmt: skip
    for n, m in fresh().integers(1, 400, (8, 2)).tolist():
        first, second = (int(fresh().integers(0, n + 1)), n), (int(fresh().integers(0, m + 1)), m)
        expect_close(function(first, second, 1.96), newcombe(first, second, 1.96), CLOSE, f"{first}, {second}",
                     "Compare z²/2n, z²/4n² and the divisor of each with the formula.")  # fmt: skip


# ---- task 2 ----


@cache
def coin_p(wins, losses):
    """Returns the exact two-sided p-value by adding up a whole row of Pascal's triangle."""
    row = [1]
    for _ in range(wins + losses):
        row = [a + b for a, b in zip([0, *row], [*row, 0], strict=True)]
    far = abs(wins - losses)
    return sum(ways for k, ways in enumerate(row) if abs(wins + losses - 2 * k) >= far) / sum(row)


def answers_of(wins, losses, both=5, neither=5, turned=False):
    """Returns two arrays of answers with so many wins of the second, losses, and letters answered alike before them."""
    pairs = [(1, 1)] * both + [(0, 0)] * neither + [(0, 1)] * wins + [(1, 0)] * losses
    first, second = np.array(pairs[::-1] if turned else pairs, dtype=float).reshape(-1, 2).T
    return first.copy(), second.copy()


ONE_SIDED = "That is one side only: 1 to 9 would surprise you as much as 9 to 1."
ALIKE = "Letters that both answer alike say nothing. Leave them out: n is the number of the others."
NINE_TO_ONE = {
    coin_p(9, 1) / 2: ONE_SIDED,
    math.comb(10, 1) / 2**9: "At least as unevenly: 10 to 0 counts as well as 9 to 1.",
    42 / 2**20: ALIKE,
    coin_p(14, 6): ALIKE,
}
COINS = ((0, 0), (3, 3), (1, 9), (10, 0), (0, 1), (1, 1), (5, 5), (4, 6), (40, 30), (70, 50), (50, 90), (530, 470),
         (1020, 1000))  # fmt: skip


@check(forbids=FORBIDDEN)
def check_paired_p(function):
    """The learner's `paired_p(first, second)` is the exact, two-sided test of the letters on which they differ."""
    found = function(*answers_of(9, 1))
    near = [hint for value, hint in NINE_TO_ONE.items() if isinstance(found, float) and abs(value - found) < 1e-9]
    hint = near[0] if near else "Count the ways in which ten coins fall 10 to 0, 9 to 1, 1 to 9 and 0 to 10."
    expect_close(found, 22 / 1024, PLACES, "9 wins, 1 loss", hint)
    for both in (0, 200):
        expect_close(function(*answers_of(9, 1, both, both)), 22 / 1024, PLACES,
                     f"9 to 1 among {2 * both + 10} letters", ALIKE)  # fmt: skip
    even = float(function(*answers_of(3, 3)))
    expect(even <= 1, f"3 to 3: a probability above 1, {even:.3g}", "Both sides count the middle. At most 1.")
    expect_close(function(*answers_of(1, 9)), 22 / 1024, PLACES, "1 win, 9 losses, as uneven as 9 to 1",
                 "Towards either side: the rarer of the two decides.")  # fmt: skip
    for wins, losses in [*COINS, *fresh().integers(0, 15, (8, 2)).tolist()]:
        for turned in (False, True):
            expect_close(function(*answers_of(wins, losses, turned=turned)), coin_p(wins, losses), PLACES,
                         f"{wins} wins, {losses} losses", "Add up from 0 to the rarer side, twice, at most 1: whole "
                         "numbers as long as you can, since 2⁻²⁰⁰⁰ is 0 to a float.")  # fmt: skip


# ---- task 3 ----


def rights(*counts):
    """Returns an array of answers: so many right, then so many wrong, then so many right, and so on."""
    return np.concatenate([np.full(count, (place + 1) % 2) for place, count in enumerate(counts)])


MANY = {f"p{i}": rights(20, 20) for i in range(70)}
REPORTS = (  # dev, test, wanted, what is asked, hint
    ({"a": rights(2, 1), "b": rights(3, 1)}, {"a": rights(1), "b": rights(0, 1)}, ("b", 3 / 4, 0),
     "2 of 3 against 3 of 4", "Shares, and not counts."),
    ({"a": rights(2), "b": rights(3, 1)}, {"a": rights(1), "b": rights(0, 1)}, ("a", 1, 1),
     "2 of 2 against 3 of 4", "Shares, and not counts."),
    ({"b": rights(1, 1), "a": rights(0, 1, 1)}, {"b": rights(0, 2), "a": rights(2)}, ("b", 1 / 2, 0),
     "two equals on dev, 'b' named first", "The test set must not break the tie."),
    ({"a": rights(1, 1), "b": rights(2)}, {"b": rights(0, 2), "a": rights(2)}, ("b", 1, 0),
     "the test set names its prompts in another order", "Look the winner up in `test` by its name."),
    ({"b": rights(1, 1), "a": rights(0, 1, 1)}, {"a": rights(0, 2), "b": rights(2)}, ("b", 1 / 2, 1),
     "two equals on dev, 'b' named first there", "Named first in `dev`, not in `test`."),
    ({"e": rights(1, 2), "é": rights(2, 1)}, {"e": rights(1, 5), "é": rights(5, 1)}, ("é", 2 / 3, 5 / 6),
     "two names that differ by an accent", "A name stays as it is."),
    ({"a": rights(65, 5), "b": rights(64, 1, 9)}, {"a": rights(0, 70, 1), "b": rights(70)}, ("b", 73 / 74, 1),
     "seventy letters and more", "However many letters there are, all of them count."),
    ({**MANY, "late": rights(21, 19)}, {**MANY, "late": rights(64, 3)}, ("late", 21 / 40, 64 / 67),
     "the best of 71 prompts is named last", "Look at all prompts."),
    ({"a": rights(0, 3), "b": rights(0, 3)}, {"a": rights(0, 3), "b": rights(3)}, ("a", 0, 0),
     "nothing is right on dev", "Among equals the one named first wins, at 0 too."),
)  # fmt: skip


@check
def check_report(function):
    """The learner's `report(dev, test)` chooses on dev and returns (name, promised, kept)."""
    dev = {"short": np.array([1, 0, 1, 0]), "long": np.array([1, 1, 1, 0]), "odd": np.array([0, 0, 0, 1])}
    test = {"short": np.array([1, 1, 1, 1]), "long": np.array([1, 0, 1, 0]), "odd": np.array([0, 1, 1, 1])}
    found = function({**dev}, {**test})
    triple = isinstance(found, tuple | list) and len(found) == 3
    expect(triple, f"expected three things, got {short(found)}", "Return name, promised, kept.")
    name, promised, kept = found
    expect(name != "short", "'short' was chosen, the best on test and not on dev", "Its test score would be a promise "
           "too. Choose by `dev` alone.")  # fmt: skip
    expect(name == "long", f"expected 'long', the best on dev, got {short(name)}", "The highest mean in `dev`.")
    expect_close(promised, 0.75, CLOSE, "what 'long' promises", "Its mean on dev.")
    expect_close(kept, 0.5, CLOSE, "what 'long' keeps", "Its mean on test.")
    for dev, test, wanted, what, hint in REPORTS:
        expect_report(function, dev, test, wanted, what, hint)
    for _ in range(10):
        draw = {f"p{i}": (fresh().integers(0, 2, 25), fresh().integers(0, 2, 40)) for i in range(6)}
        best = next(n for n in draw if draw[n][0].sum() == max(d.sum() for d, _ in draw.values()))
        wanted = best, draw[best][0].mean(), draw[best][1].mean()
        dev, test = ({name: pair[side] for name, pair in draw.items()} for side in (0, 1))
        expect_report(function, dev, test, wanted, "six random prompts", "Choose on dev, look up on test.")


def expect_report(function, dev, test, wanted, what, hint):
    """Raises CheckFailed unless the learner's report is the wanted (name, promised share, kept share)."""
    name, promised, kept = function({**dev}, {**test})
    expect(name == wanted[0], f"{what}: expected {wanted[0]!r}, got {short(name)}", hint)
    expect_close(promised, wanted[1], CLOSE, f"{what}: what {name!r} promises", hint)
    expect_close(kept, wanted[2], CLOSE, f"{what}: what {name!r} keeps", hint)


# ---- task 4 ----


@check
def check_leaks(function):
    """The learner's `leaks(train, test)` finds test texts that were there before, whatever their capitals and marks."""
    for test, wanted, what, hint in TEXTS:
        found = function(list(TRAIN), list(test))
        expect(isinstance(found, list | tuple | np.ndarray), f"expected a list of places, got {short(found)}",
               "Numbers from 0 on.")  # fmt: skip
        expect(list(found) == wanted, f"{what}: expected {short(wanted)}, got {short(found)}", hint)
    texts = [f"Order {number} is late." for number in range(200)]
    expect(list(function(texts[:100], texts[99:])) == [0], "the hundredth text of train is the first of test",
           "However many texts there are, look at all of them.")  # fmt: skip
    expect(
        list(function([], ["A.", "B.", "a"])) == [2], "no train texts, and one text twice", "Compare test with test."
    )
    expect(list(function(["A."], [])) == [], "no test texts", "Then no place is left to name: an empty list.")
    rng = random.Random(fresh_seed())
    for _ in range(5):
        known, asked = rng.sample(texts, 20), rng.choices(texts, k=30)
        wanted = [i for i, text in enumerate(asked) if text in known or text in asked[:i]]
        found = function(known, [rng.choice((str.upper, str.lower, str.strip))(text) for text in asked])
        expect(list(found) == wanted, f"30 random texts: expected {short(wanted)}, got {short(found)}",
               "Each place once.")  # fmt: skip


# ---- task 5 ----


def purse(right, letters, budget):
    """Returns judge(pair, letters), which looks answers up, for these letters alone, until the budget is spent."""
    spent = 0

    def judge(pair, asked):
        nonlocal spent
        places = [int(letter) for letter in asked]
        expect(set(places) <= set(letters), "a letter was asked for that is not among yours", "Use `letters` alone.")
        spent += len(places)
        expect(spent <= budget, f"the budget of {budget} answers is spent", "Fewer pairs, or fewer letters for each.")
        return right[pair, places]

    return judge


def alike(count):
    """Returns a strategy that judges the first so many pairs, each on as many letters as the budget has for it."""

    def spend(judge, pairs, letters, budget):
        return max(pairs[:count], key=lambda pair: judge(pair, letters[: budget // count]).mean())

    return spend


def chosen(spend, right, pairs, letters):
    """Returns the pair that the learner's `spend` chooses, once it is known to be one of the pairs."""
    given = list(pairs), list(letters)
    mine = spend(purse(right, letters, BUDGET), *given, BUDGET)
    expect(given == (list(pairs), list(letters)), "the pairs or the letters have changed", "Only read the lists.")
    # 0.0 and 1.0 are equal to pairs, and are scores all the same
    one = isinstance(mine, Integral) and mine in pairs
    expect(one, f"expected one of the pairs, got {short(mine)}", "Return the pair itself.")
    return mine


def contests(strategies, count=CONTESTS):
    """Returns {name: mean score of what the strategy chooses}, over contests with letters drawn anew."""
    scores = {name: [] for name in strategies}
    for rng in map(np.random.default_rng, fresh().integers(1 << 30, size=count)):
        # Pairs change their numbers, so that what was seen in a contest is of no use in the next.
        right = rng.permutation(runs.stored_answers())
        order = rng.permutation(right.shape[1])
        dev, unseen = order[:DEV].tolist(), order[DEV:]
        pairs = rng.permutation(len(right)).tolist()
        for name, spend in strategies.items():
            scores[name].append(right[chosen(spend, right, pairs, dev), unseen].mean())
    return {name: float(np.mean(found)) for name, found in scores.items()}


def contest(spend):
    """Returns (score of the learner's choices, score of random search), means over contests with letters drawn anew."""
    found = contests({"mine": spend, "random search": alike(10)})
    return found["mine"], found["random search"]


@check
def check_spend(function, order, goal=GOAL):
    """The learner's `spend` finds better examples than random search does; `order` says which even spread does best."""
    chosen(function, np.eye(40, DEV), range(40), range(DEV))
    spread = contests({f"{count} pairs": alike(count) for count in (7, 10, 40)})
    expect_prediction(order, spread, 0.004, "the same number of letters for each pair",
                      "What does a letter more bring you, and what a pair that was never judged?")  # fmt: skip
    mine, drawn = contest(function)
    more = f"{100 * mine:.1f} % against {100 * drawn:.1f} % of random search: wanted {100 * goal:.1f} points more"
    expect(mine - drawn >= goal, more, "How many letters does it take to see that a pair is hopeless?")
