"""Plausible wrong answers to lab 05, and what the checks must say to each."""

import math
import re

import numpy as np

WHY = "A few letters are enough to drop the hopeless prompts, so the many letters go to the good ones."


# ---- interval ----


def wilson(right, n, z=1.96, share=True, divide=True, shift=True, squares=True):
    """Returns Wilson's interval, with a mistake where an argument is False."""
    p = right / n
    divisor = 1 + z * z / n if divide else 1
    middle = (p + (z * z / (2 * n) if shift else 0)) / divisor
    reach = z / divisor * math.sqrt(p * (1 - p) / n + (z * z / (4 * n * n) if squares else 0))
    scale = 1 if share else 100
    return scale * (middle - reach), scale * (middle + reach)


def simple(right, n, z=1.96):
    p = right / n
    reach = z * math.sqrt(p * (1 - p) / n)
    return p - reach, p + reach


def middle_at_p(right, n, z=1.96):
    reach = wilson(right, n, z)[1] - sum(wilson(right, n, z)) / 2
    return right / n - reach, right / n + reach


# ---- paired_p ----


def counts(first, second):
    first, second = np.asarray(first), np.asarray(second)
    return int((second > first).sum()), int((second < first).sum())


def tail(fewer, n):
    return sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n


def one_side(first, second):
    wins, losses = counts(first, second)
    return tail(min(wins, losses), wins + losses)


def exactly(first, second):
    wins, losses = counts(first, second)
    return min(1.0, 2 * math.comb(wins + losses, wins) / 2 ** (wins + losses))


def all_letters(first, second):
    return min(1.0, 2 * tail(min(counts(first, second)), len(first)))


def totals(first, second):
    a, b = int(np.sum(first)), int(np.sum(second))
    return min(1.0, 2 * tail(min(a, b), a + b))


def above_one(first, second):
    wins, losses = counts(first, second)
    return 2 * tail(min(wins, losses), wins + losses)


def losses_only(first, second):
    wins, losses = counts(first, second)
    return min(1.0, 2 * tail(losses, wins + losses))


# ---- report ----


def chosen_on_test(dev, test):
    name = max(test, key=lambda name: np.mean(test[name]))
    return name, float(np.mean(dev[name])), float(np.mean(test[name]))


def dev_reported(dev, test):
    name = max(dev, key=lambda name: np.mean(dev[name]))
    return name, float(np.mean(dev[name])), float(np.mean(dev[name]))


def by_count(dev, test):
    name = max(dev, key=lambda name: np.sum(dev[name]))
    return name, float(np.mean(dev[name])), float(np.mean(test[name]))


def tie_by_test(dev, test):
    name = max(dev, key=lambda name: (np.mean(dev[name]), np.mean(test[name])))
    return name, float(np.mean(dev[name])), float(np.mean(test[name]))


def best_of_test(dev, test):
    name = max(dev, key=lambda name: np.mean(dev[name]))
    return name, float(np.mean(dev[name])), max(float(np.mean(right)) for right in test.values())


# ---- leaks ----


def by_position(dev, test):
    means = [answers.mean() for answers in dev.values()]
    place = means.index(max(means))
    return list(dev)[place], max(means), list(test.values())[place].mean()


def named_first_on_test(dev, test):
    name = max(test, key=lambda name: dev[name].mean())
    return name, dev[name].mean(), test[name].mean()


def leaks_by(form, within=True):
    """Returns a `leaks` that compares `form(text)`; without `within` the test set is not held against itself."""

    def leaks(train, test):
        seen, found = {form(text) for text in train}, []
        for place, text in enumerate(test):
            if form(text) in seen:
                found.append(place)
            if within:
                seen.add(form(text))
        return found

    return leaks


def words(text):
    return tuple(re.findall(r"\w+", text.lower()))


def contained(train, test):
    known = [" ".join(words(text)) for text in train]
    return [i for i, text in enumerate(test) if any(" ".join(words(text)).startswith(k) for k in known)]


def wordless_never_match(train, test):
    return leaks_by(lambda text: words(text) or text)(train, test)


def adds_test_to_train(train, test):
    found = leaks_by(words)(train, test)
    train += test
    return found


def every_copy(train, test):
    forms = [words(text) for text in test]
    known = {words(text) for text in train}
    return [i for i, form in enumerate(forms) if form in known or forms.count(form) > 1]


# ---- spend ----


def first_pair(judge, pairs, letters, budget):
    return pairs[0]


def all_alike(judge, pairs, letters, budget):
    return max(pairs, key=lambda pair: judge(pair, letters[: budget // len(pairs)]).mean())


def twenty_seven_alike(judge, pairs, letters, budget):
    return max(pairs[:27], key=lambda pair: judge(pair, letters[:11]).mean())


def clears_the_letters(judge, pairs, letters, budget):
    best = all_alike(judge, pairs, letters, budget)
    letters.clear()
    return best


def ten_at_random(judge, pairs, letters, budget):
    return max(pairs[: budget // 30], key=lambda pair: judge(pair, letters[:30]).mean())


def too_dear(judge, pairs, letters, budget):
    return max(pairs, key=lambda pair: judge(pair, letters).mean())


def a_score(judge, pairs, letters, budget):
    return judge(pairs[0], letters[:5]).mean()


SEEN = {}


def remembers(judge, pairs, letters, budget):
    """Look at all pairs on a few letters, and add what was seen in contests before."""
    for pair in pairs:
        SEEN.setdefault(pair, []).extend(judge(pair, letters[: budget // len(pairs)]))
    return max(pairs, key=lambda pair: sum(SEEN[pair]) / len(SEEN[pair]))


def peeks(judge, pairs, letters, budget):
    return max(pairs, key=lambda pair: judge(pair, [max(letters) + 1]).mean())


WRONG = [
    ("check_interval", "the simple interval", simple, "without any width"),
    ("check_interval", "per cent", lambda r, n, z=1.96: wilson(r, n, z, share=False), "not per cent"),
    ("check_interval", "middle at p", middle_at_p, "nearer to a half"),
    ("check_interval", "not divided", lambda r, n, z=1.96: wilson(r, n, z, divide=False), "No share is above 1"),
    ("check_interval", "no z²/4n²", lambda r, n, z=1.96: wilson(r, n, z, squares=False), "without any width"),
    ("check_interval", "z is not used", lambda r, n, z=1.96: wilson(r, n), "Is the argument z used"),
    ("check_interval", "high before low", lambda r, n, z=1.96: wilson(r, n, z)[::-1], "Low first"),
    ("check_paired_p", "one side", one_side, "one side only"),
    ("check_paired_p", "exactly 9 to 1", exactly, "10 to 0 counts as well"),
    ("check_paired_p", "all letters are coins", all_letters, "n is the number of the others"),
    ("check_paired_p", "totals instead of pairs", totals, "Leave them out"),
    ("check_paired_p", "above 1", above_one, "expected 1"),
    ("check_paired_p", "losses only", losses_only, "Towards either side"),
    ("check_report", "chosen on test", chosen_on_test, "chosen by the test set"),
    ("check_report", "dev score reported", dev_reported, "'long' keeps 0.5"),
    ("check_report", "counts, not shares", by_count, "Shares, and not counts"),
    ("check_report", "the test set breaks ties", tie_by_test, "must not break the tie"),
    ("check_report", "the test score by position", by_position, "by its name"),
    ("check_report", "named first on test", named_first_on_test, "Named first in `dev`"),
    ("check_report", "the best test score", best_of_test, "'long' keeps 0.5"),
    ("check_leaks", "apostrophes kept", leaks_by(lambda t: tuple(re.findall(r"[\w']+", t.lower()))), "hyphen and"),
    ("check_leaks", "texts without a word", wordless_never_match, "the same words: none"),
    ("check_leaks", "adds the test texts to train", adds_test_to_train, "changed its argument `train`"),
    ("check_leaks", "to the letter", leaks_by(lambda text: text), "Lower case, and no punctuation"),
    ("check_leaks", "spaces dropped", leaks_by(lambda t: re.sub(r"\W", "", t.lower())), "Keep the words apart"),
    (
        "check_leaks",
        "signs dropped",
        leaks_by(lambda t: tuple(re.sub(r"[^\w\s]", "", t.lower()).split())),
        "A sign parts",
    ),
    ("check_leaks", "English letters", leaks_by(lambda t: tuple(re.findall("[a-z0-9]+", t.lower()))), "é is a letter"),
    ("check_leaks", "a set of words", leaks_by(lambda t: frozenset(words(t))), "The order of the words"),
    ("check_leaks", "sorted words", leaks_by(lambda t: tuple(sorted(words(t)))), "The order of the words"),
    ("check_leaks", "a part of the text", contained, "The whole text"),
    ("check_leaks", "train alone", leaks_by(words, within=False), "The first stays"),
    ("check_leaks", "the first copy too", every_copy, "The first stays"),
    ("check_spend", "no reason", (ten_at_random, "It works."), "wanted eight or more"),
    ("check_spend", "eleven letters for 27 pairs", (twenty_seven_alike, WHY), "that a pair is hopeless"),
    ("check_spend", "clears the letters", (clears_the_letters, WHY), "changed its argument `letters`"),
    ("check_spend", "the first pair", (first_pair, WHY), "of random search"),
    ("check_spend", "seven letters for every pair", (all_alike, WHY), "that a pair is hopeless"),
    ("check_spend", "random search", (ten_at_random, WHY), "of random search"),
    ("check_spend", "forty pairs on forty letters", (too_dear, WHY), "is spent"),
    ("check_spend", "returns a score", (a_score, WHY), "Return the pair itself"),
    ("check_spend", "remembers other contests", (remembers, WHY), "that a pair is hopeless"),
    ("check_spend", "asks other letters", (peeks, WHY), "not among yours"),
]
