"""Checks of labs/05_measuring_prompts.ipynb."""

import math
import random
from functools import cache
from numbers import Integral

import numpy as np

from spectrum.checks.machinery import check, expect, expect_close, expect_reason, fresh_seed, short
from spectrum.lessons.measuring_prompts import runs

BUDGET, DEV, UNSEEN = 300, 40, 40  # answers that may be asked for; letters to choose on, letters to score on
CONTESTS, GOAL = 1000, 0.035  # halving finds 4.5 to 5 points more than random search, as many letters for all 2 to 3


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


@check
def check_interval(function):
    """The learner's `interval(right, n, z)` is Wilson's, as shares."""
    found = function(5, 10)
    expect(
        isinstance(found, tuple | list | np.ndarray) and len(found) == 2,
        f"expected (low, high), got {short(found)}",
        "Return both ends.",
    )
    low, high = found
    expect(low < high, f"the lower end {low:.3g} is not below the upper end {high:.3g}", "Low first.")
    expect(high <= 2, f"5 right of 10: the upper end is {high:.3g}", "Shares from 0 to 1, not per cent.")
    low, high = function(20, 20)
    expect(high - low > 1e-6, "20 right of 20: an interval without any width", "That is the simple one. Where is z²?")
    low, high = function(18, 20)
    expect(
        abs((low + high) / 2 - 0.9) > 1e-6,
        "18 right of 20: the middle is 0.9",
        "Wilson's interval has its middle nearer to a half.",
    )
    expect(high <= 1 + 1e-9, f"18 right of 20: the upper end is {high:.4f}", "No share is above 1.")
    cases = [(18, 20, 1.96), (0, 7, 1.96), (7, 7, 1.96), (450, 1000, 1.96), (18, 20, 1.0)]
    cases += [(int(fresh().integers(0, n + 1)), n, 1.96) for n in fresh().integers(1, 400, 8).tolist()]
    for right, n, z in cases:
        wanted = coverage_ends(right, n, z)
        hint = "Is the argument z used?" if z != 1.96 else "Compare z²/2n, z²/4n² and the divisor with the formula."
        expect_close(
            np.array(function(right, n, z), dtype=float), np.array(wanted), 1e-6, f"{right} right of {n}, z = {z}", hint
        )


# ---- task 2 ----


@cache
def coin_p(wins, losses):
    """Returns the exact two-sided p-value by adding up a whole row of Pascal's triangle."""
    row = [1]
    for _ in range(wins + losses):
        row = [a + b for a, b in zip([0, *row], [*row, 0], strict=True)]
    far = abs(wins - losses)
    return sum(ways for k, ways in enumerate(row) if abs(wins + losses - 2 * k) >= far) / sum(row)


def answers_of(wins, losses, both=5, neither=5):
    """Returns two arrays of answers with so many wins of the second, losses, and letters answered alike."""
    pairs = [(0, 1)] * wins + [(1, 0)] * losses + [(1, 1)] * both + [(0, 0)] * neither
    order = fresh().permutation(len(pairs))
    first, second = np.array(pairs, dtype=float).reshape(-1, 2)[order].T
    return first, second


@check
def check_paired_p(function):
    """The learner's `paired_p(first, second)` is the exact, two-sided test of the letters on which they differ."""
    found = float(function(*answers_of(9, 1)))
    hints = {
        coin_p(9, 1) / 2: "That is one side only: 1 to 9 would surprise you as much as 9 to 1.",
        math.comb(10, 1) / 2**9: "At least as unevenly: 10 to 0 counts as well as 9 to 1.",
        42 / 2**20: "Letters that both answer alike say nothing. n is the number of the others.",
        coin_p(14, 6): "Letters that both answer alike say nothing. Leave them out.",
    }
    near = [hint for value, hint in hints.items() if abs(value - found) < 1e-9]
    expect(
        abs(found - 22 / 1024) < 1e-9,
        f"9 wins, 1 loss: expected 22/1024 = {22 / 1024:.4f}, got {found:.4f}",
        near[0] if near else "Count the ways in which ten coins fall 10 to 0, 9 to 1, 1 to 9 and 0 to 10.",
    )
    few, many = (function(*answers_of(9, 1, both, both)) for both in (0, 200))
    expect(
        abs(few - many) < 1e-9,
        f"9 to 1 among 10 letters gives {few:.4f}, among 410 letters {many:.4f}",
        "Letters that both answer alike say nothing. Leave them out.",
    )
    same = float(function(*answers_of(0, 0)))
    expect(abs(same - 1) < 1e-9, f"two prompts that never differ: expected 1, got {same:.4g}", "No coin fell at all.")
    even = float(function(*answers_of(3, 3)))
    expect(even <= 1, f"3 to 3: a probability above 1, {even:.3g}", "Both sides count the middle. At most 1.")
    expect(
        abs(function(*answers_of(1, 9)) - 22 / 1024) < 1e-9,
        "1 win, 9 losses is as uneven as 9 to 1",
        "Towards either side: the rarer of the two decides.",
    )
    for wins, losses in [(3, 3), (10, 0), (0, 1), *fresh().integers(0, 15, (8, 2)).tolist()]:
        found = float(function(*answers_of(wins, losses)))
        expect(
            abs(found - coin_p(wins, losses)) < 1e-9,
            f"{wins} wins, {losses} losses: expected {coin_p(wins, losses):.4f}, got {found:.4f}",
            "Add up from 0 to the rarer side, twice, at most 1.",
        )


# ---- task 3 ----


@check
def check_report(function):
    """The learner's `report(dev, test)` chooses on dev and returns (name, promised, kept)."""
    dev = {"short": np.array([1, 0, 1, 0]), "long": np.array([1, 1, 1, 0]), "odd": np.array([0, 0, 0, 1])}
    test = {"short": np.array([1, 1, 1, 1]), "long": np.array([1, 0, 1, 0]), "odd": np.array([0, 1, 1, 1])}
    found = function({**dev}, {**test})
    expect(
        isinstance(found, tuple | list) and len(found) == 3,
        f"expected three things, got {short(found)}",
        "Return name, promised, kept.",
    )
    name, promised, kept = found
    expect(name != "short", "'short' was chosen by the test set", "Its test score would be a promise too.")
    expect(name == "long", f"expected 'long', the best on dev, got {name!r}", "The highest mean in `dev`.")
    expect(abs(promised - 0.75) < 1e-9, f"'long' promises 0.75, got {promised:.3g}", "Its mean on dev.")
    expect(abs(kept - 0.5) < 1e-9, f"'long' keeps 0.5, got {kept:.3g}", "Its mean on test.")
    uneven = function({"a": np.array([1, 1, 0]), "b": np.array([1, 1, 1, 0])}, {"a": np.array([1]), "b": np.array([0])})
    expect(uneven[0] == "b", f"2 of 3 against 3 of 4: expected 'b', got {uneven[0]!r}", "Shares, and not counts.")
    counts = function({"a": np.array([1, 1]), "b": np.array([1, 1, 1, 0])}, {"a": np.array([1]), "b": np.array([0])})
    expect(counts[0] == "a", f"2 of 2 against 3 of 4: expected 'a', got {counts[0]!r}", "Shares, and not counts.")
    tie = function({"b": np.array([1, 0]), "a": np.array([0, 1])}, {"b": np.array([0, 0]), "a": np.array([1, 1])})
    expect(
        tie[0] == "b",
        f"two equals on dev: expected the one named first, 'b', got {tie[0]!r}",
        "The test set must not break the tie.",
    )
    turned = function({"a": np.array([1, 0]), "b": np.array([1, 1])}, {"b": np.array([0, 0]), "a": np.array([1, 1])})
    expect(turned[0] == "b" and turned[2] == 0, f"the test set names its prompts in another order: got {short(turned)}",
           "Look the winner up in `test` by its name.")  # fmt: skip
    tie = function({"b": np.array([1, 0]), "a": np.array([0, 1])}, {"a": np.array([0, 0]), "b": np.array([1, 1])})
    expect(tie[0] == "b", f"two equals, 'b' named first on dev: got {tie[0]!r}", "Named first in `dev`, not in `test`.")
    for _ in range(10):
        draw = {f"p{i}": (fresh().integers(0, 2, 25), fresh().integers(0, 2, 40)) for i in range(6)}
        best = next(n for n in draw if draw[n][0].sum() == max(d.sum() for d, _ in draw.values()))
        found = function({n: d for n, (d, _) in draw.items()}, {n: t for n, (_, t) in draw.items()})
        wanted = (best, draw[best][0].mean(), draw[best][1].mean())
        expect(
            found[0] == best and np.allclose(found[1:], wanted[1:]),
            f"six random prompts: expected {short(wanted)}, got {short(found)}",
            "Choose on dev, look up on test.",
        )


# ---- task 4 ----


@check
def check_leaks(function):
    """The learner's `leaks(train, test)` finds test texts that were there before, whatever their capitals and marks."""
    train = ["Hello, Ana!  Where is order 12?", "The lamp is red."]
    cases = (
        (["The lamp is red.", "The lamp is blue."], [0], "the same text, to the letter", "Look each text up in train."),
        (["the LAMP is red"], [0], "other capitals, no full stop", "Lower case, and no punctuation."),
        (["Hello Ana\nwhere is order 12"], [0], "other white space", "Spaces and line breaks are white space alike."),
        (["Hello,Ana!Where is order 12?"], [0], "a comma without a space", "A sign parts two words, as a space does."),
        (["A pén.", "A pàn."], [], "letters with accents", "é is a letter: use \\w, which knows all letters."),
        (["Hello, Ana! Where is order 1, 2?"], [], "12 and 1, 2 are not the same", "Keep the words apart."),
        (["The lamp is redder."], [], "a text that begins like another", "The whole text, not a part of it."),
        (["Red is the lamp."], [], "the same words in another order", "The order of the words belongs to a text."),
        (["The lamp is is red."], [], "a word twice", "How often a word stands there belongs to a text."),
        (["A pen.", "A pan.", "a pen"], [2], "a text twice in the test set", "The first stays, the second must go."),
        (["A pen.", "a pen", "A PEN!"], [1, 2], "a text three times in the test set", "All but the first must go."),
        (["An e-mail. Don't.", "An e mail, don t"], [1], "hyphen and apostrophe", "They stand between two words."),
        (["!!!", "?"], [1], "two texts without a word", "They have the same words: none."),
    )
    for test, wanted, what, hint in cases:
        given = list(train), list(test)
        found = function(*given)
        expect(given == (train, test), "the lists of texts have changed", "Only read them.")
        expect(isinstance(found, list), f"expected a list of places, got {short(found)}", "Numbers from 0 on.")
        expect(found == wanted, f"{what}: expected {wanted}, got {short(found)}", hint)
    texts = [f"Order {number} is late." for number in range(60)]
    rng = random.Random(fresh_seed())
    for _ in range(5):
        known, asked = rng.sample(texts, 20), rng.choices(texts, k=30)
        wanted = [i for i, text in enumerate(asked) if text in known or text in asked[:i]]
        found = function(known, [rng.choice((str.upper, str.lower, str.strip))(text) for text in asked])
        expect(found == wanted, f"30 random texts: expected {short(wanted)}, got {short(found)}", "Each place once.")


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


def random_search(judge, pairs, letters, budget, rng):
    """Returns the best of budget/30 pairs drawn at random, each judged on 30 letters."""
    drawn = rng.permutation(pairs)[: budget // 30]
    return max(drawn.tolist(), key=lambda pair: judge(pair, letters[:30]).mean())


def chosen(spend, right, pairs, letters):
    """Returns the pair that the learner's `spend` chooses, once it is known to be one of the pairs."""
    given = list(pairs), list(letters)
    mine = spend(purse(right, letters, BUDGET), *given, BUDGET)
    expect(given == (list(pairs), list(letters)), "the pairs or the letters have changed", "Only read the lists.")
    # 0.0 and 1.0 are equal to pairs, and are scores all the same
    expect(
        isinstance(mine, Integral) and mine in pairs,
        f"expected one of the pairs, got {short(mine)}",
        "Return the pair itself.",
    )
    return mine


def contest(spend, contests=CONTESTS):
    """Returns (score of the learner's choices, score of random search), means over contests with letters drawn anew."""
    scores = []
    for rng in map(np.random.default_rng, fresh().integers(1 << 30, size=contests)):
        # Pairs change their numbers, so that what was seen in a contest is of no use in the next.
        right = rng.permutation(runs.stored_answers())
        order = rng.permutation(right.shape[1])
        dev, unseen = order[:DEV].tolist(), order[DEV:]
        pairs = rng.permutation(len(right)).tolist()
        mine = chosen(spend, right, pairs, dev)
        drawn = random_search(purse(right, dev, BUDGET), pairs, dev, BUDGET, rng)
        scores.append((right[mine, unseen].mean(), right[drawn, unseen].mean()))
    return tuple(np.mean(scores, axis=0).tolist())


@check
def check_spend(function, why, goal=GOAL):
    """The learner's `spend` finds better examples than random search does for as many answers."""
    chosen(function, np.eye(40, DEV), range(40), range(DEV))
    expect_reason(why, "Say in one sentence why it finds more than random search.")
    mine, drawn = contest(function)
    expect(
        mine - drawn >= goal,
        f"{100 * mine:.1f} % against {100 * drawn:.1f} % of random search: wanted {100 * goal:.1f} points more",
        "How many letters does it take to see that a pair is hopeless?",
    )
