"""Plausible wrong answers to lab 05, and what the checks must say to each."""

import re

import numpy as np
from wrong_answers import shares

# ---- report ----


def by_position(dev, test):
    means = [answers.mean() for answers in dev.values()]
    place = means.index(max(means))
    return list(dev)[place], max(means), list(test.values())[place].mean()


def named_first_on_test(dev, test):
    name = max(test, key=lambda name: dev[name].mean())
    return name, dev[name].mean(), test[name].mean()


# ---- leaks ----


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
    return tuple(re.findall(r"[^\W_]+", text.lower()))


def letters_or_digits(text):
    return tuple(re.findall(r"\d+|[^\W\d_]+", text.lower()))


def letter_by_letter(text):
    return tuple("".join(sign if sign.isalnum() else " " for sign in text.lower()).split())


def english_capitals(text):
    return tuple(re.findall(r"[^\W_]+", re.sub("[A-Z]", lambda found: found[0].lower(), text)))


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


def thirds(judge, pairs, letters, budget):
    right, start = dict.fromkeys(pairs, 0), 0
    for size, left in ((3, 40), (9, 13), (15, 4)):
        pairs = sorted(pairs, key=right.get)[-left:]
        for pair in pairs:
            right[pair] += judge(pair, letters[start : start + size]).sum()
        start += size
    return max(pairs, key=right.get)


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
        SEEN[pair] = SEEN.get(pair, 0) + judge(pair, letters[: budget // len(pairs)]).mean()
    return max(pairs, key=SEEN.get)


def peeks(judge, pairs, letters, budget):
    return max(pairs, key=lambda pair: judge(pair, [max(letters) + 1]).mean())


WRONG = [
    ("check_gap", "the simple interval", shares.gap_by(shares.simple), "without any width"),
    (
        "check_gap",
        "the simple interval for many letters",
        shares.gap_by(shares.simple_for_many),
        "the formula stays the same",
    ),
    ("check_gap", "per cent", shares.gap_by(percent=100), "not per cent"),
    ("check_gap", "first less second", shares.gap_by(turned=True), "second less first"),
    ("check_gap", "the legs of the other side", shares.gap_by(crossed=False), "Which end of which share"),
    ("check_gap", "legs added", shares.gap_by(legs=lambda a, b: a + b), "expected"),
    ("check_gap", "ends less ends", shares.ends_apart, "Which end of which share"),
    ("check_gap", "one n for both", shares.first_n_for_both, "Each share has its own n"),
    ("check_gap", "middle not moved", shares.gap_by(lambda r, n, z: shares.wilson(r, n, z, shift=False)), "expected"),
    ("check_gap", "not divided", shares.gap_by(lambda r, n, z: shares.wilson(r, n, z, divide=False)), "expected"),
    ("check_gap", "no z²/4n²", shares.gap_by(lambda r, n, z: shares.wilson(r, n, z, squares=False)), "expected"),
    ("check_gap", "z is not used", lambda a, b, z=1.96: shares.gap_by()(a, b), "Is the argument z used"),
    ("check_gap", "z is whole", lambda a, b, z=1.96: shares.gap_by()(a, b, z if z == 1.96 else int(z)), "and as it is"),
    ("check_gap", "another z where none is given", lambda a, b, z=1.64: shares.gap_by()(a, b, z), "as in the stub"),
    (
        "check_gap",
        "four places",
        lambda a, b, z=1.96: tuple(round(end, 4) for end in shares.gap_by()(a, b, z)),
        "expected",
    ),
    ("check_gap", "high before low", lambda a, b, z=1.96: shares.gap_by()(a, b, z)[::-1], "Low first"),
    ("check_paired_p", "sixty coins at most", shares.sixty_coins, "40 wins, 30 losses"),
    ("check_paired_p", "subtracts in place", shares.subtracts_in_place, "changed its argument `second`"),
    ("check_paired_p", "coins as floats", shares.float_coins, "1020 wins, 1000 losses"),
    ("check_paired_p", "asks scipy", shares.asks_scipy, "your function calls scipy"),
    ("check_paired_p", "scipy's distribution", shares.by_distribution, "your function calls scipy"),
    ("check_paired_p", "scipy's ufunc", shares.by_special, "your function calls bdtr"),
    ("check_paired_p", "the first 64 letters", lambda a, b: shares.exact(a[:64], b[:64]), ""),
    ("check_paired_p", "one side", shares.one_side, "one side only"),
    ("check_paired_p", "exactly 9 to 1", shares.exactly, "10 to 0 counts as well"),
    ("check_paired_p", "all letters are coins", shares.all_letters, "n is the number of the others"),
    ("check_paired_p", "totals instead of pairs", shares.totals, "Leave them out"),
    ("check_paired_p", "above 1", shares.above_one, "At most 1"),
    ("check_paired_p", "losses only", shares.losses_only, "Towards either side"),
    ("check_report", "takes the winner away", shares.takes_away, "changed its argument `test`"),
    ("check_report", "the first 64 letters", shares.first_letters, "all of them count"),
    ("check_report", "the first 64 prompts", shares.first_prompts, "Look at all prompts"),
    ("check_report", "two places", shares.two_places, "'é' promises"),
    ("check_report", "chosen on test", shares.chosen_on_test, "the best on test and not on dev"),
    ("check_report", "dev score reported", shares.dev_reported, "what 'long' keeps"),
    ("check_report", "counts, not shares", shares.by_count, "Shares, and not counts"),
    ("check_report", "the test set breaks ties", shares.tie_by_test, "must not break the tie"),
    ("check_report", "the test score by position", by_position, "by its name"),
    ("check_report", "named first on test", named_first_on_test, "Named first in `dev`"),
    ("check_report", "the best test score", shares.best_of_test, "what 'long' keeps"),
    ("check_leaks", "underscores kept", leaks_by(lambda t: tuple(re.findall(r"\w+", t.lower()))), "one sign more"),
    ("check_leaks", "six words", leaks_by(lambda t: words(t)[:6]), "its last word"),
    ("check_leaks", "64 words", leaks_by(lambda t: words(t)[:64]), "its last word"),
    (
        "check_leaks",
        "brackets kept",
        leaks_by(lambda t: tuple(re.sub("[-',.!?_]", " ", t.lower()).split())),
        "Signs of",
    ),
    ("check_leaks", "letters and digits apart", leaks_by(letters_or_digits), "letters and digits"),
    ("check_leaks", "the first 64 texts", lambda train, test: leaks_by(words)(train, test[:64]), "look at all of"),
    ("check_leaks", "the first 40 of train", lambda train, test: leaks_by(words)(train[:40], test), "look at all of"),
    ("check_leaks", "capitals of English alone", leaks_by(english_capitals), "É is é"),
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
    ("check_spend", "no prediction", (ten_at_random, []), "predict an order"),
    ("check_spend", "as many letters as can be", (ten_at_random, shares.ORDER[::-1]), "a pair that was never judged"),
    ("check_spend", "the middle is best", (ten_at_random, ["10 pairs", "40 pairs", "7 pairs"]), "you put 10 pairs"),
    ("check_spend", "eleven letters for 27 pairs", (twenty_seven_alike, shares.ORDER), "that a pair is hopeless"),
    ("check_spend", "clears the letters", (clears_the_letters, shares.ORDER), "changed its argument `letters`"),
    ("check_spend", "the first pair", (first_pair, shares.ORDER), "of random search"),
    ("check_spend", "seven letters for every pair", (all_alike, shares.ORDER), "that a pair is hopeless"),
    ("check_spend", "random search", (ten_at_random, shares.ORDER), "of random search"),
    ("check_spend", "forty pairs on forty letters", (too_dear, shares.ORDER), "is spent"),
    ("check_spend", "returns a score", (a_score, shares.ORDER), "Return the pair itself"),
    ("check_spend", "remembers other contests", (remembers, shares.ORDER), "that a pair is hopeless"),
    ("check_spend", "asks other letters", (peeks, shares.ORDER), "not among yours"),
]

RIGHT = [
    ("check_gap", "a list", lambda first, second, z=1.96: list(shares.gap_by()(first, second, z))),
    ("check_gap", "float32", lambda first, second, z=1.96: np.float32(shares.gap_by()(first, second, z))),
    ("check_paired_p", "rounded to four places", lambda first, second: round(shares.exact(first, second), 4)),
    ("check_paired_p", "a fraction", shares.fraction_of_coins),
    ("check_report", "shares as numpy's", lambda dev, test: shares.report(dev, test, np.mean)),
    (
        "check_report",
        "shares as fractions",
        lambda dev, test: shares.report(dev, test, shares.fraction),
    ),
    ("check_leaks", "letter by letter", leaks_by(letter_by_letter)),
    ("check_spend", "thirds instead of halves", (thirds, shares.ORDER)),
    ("check_leaks", "in capitals", leaks_by(lambda text: words(text.upper()))),
]
