"""Plausible wrong answers to lab 02, and what the checks must say to each."""

from itertools import combinations, permutations

import numpy as np
from wrong_answers import texts_02

from spectrum import calibration

CHOSEN = "b"


# ---- task 3 ----


def shares(logprobs):
    weights = np.exp(logprobs - logprobs.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def scaled(ratio):
    return ratio / ratio.sum(axis=1, keepdims=True)


def others_mean(found):
    return np.array([np.delete(found, row, axis=0).mean(axis=0) for row in range(len(found))])


def multiplied(logprobs):
    return scaled(shares(logprobs) * others_mean(shares(logprobs)))


def divided_the_wrong_way(logprobs):
    return scaled(others_mean(shares(logprobs)) / shares(logprobs))


def not_scaled(logprobs):
    return shares(logprobs) / others_mean(shares(logprobs))


def mean_of_probabilities(logprobs):
    return scaled(shares(logprobs) / others_mean(np.exp(logprobs)))


def largest_of_all(logprobs):
    with np.errstate(invalid="ignore", divide="ignore"):
        weights = np.exp(logprobs - logprobs.max())
        found = weights / weights.sum(axis=1, keepdims=True)
        return scaled(found / others_mean(found))


def scaled_over_all(logprobs):
    ratio = shares(logprobs) / others_mean(shares(logprobs))
    return ratio / ratio.sum()


def with_its_own_row(logprobs):
    return scaled(shares(logprobs) / shares(logprobs).mean(axis=0))


def first_two_others(logprobs):
    found = shares(logprobs)
    return scaled(found / np.array([np.delete(found, row, axis=0)[:2].mean(axis=0) for row in range(len(found))]))


def median(logprobs):
    found = shares(logprobs)
    return scaled(found / np.array([np.median(np.delete(found, row, axis=0), axis=0) for row in range(len(found))]))


def in_place(logprobs):
    logprobs -= logprobs.max()
    return scaled(shares(logprobs) / others_mean(shares(logprobs)))


def from_the_package(logprobs):
    return np.array([calibration.calibrate(logprobs[[row]], calibration.lean(np.delete(logprobs, row, axis=0)))[0]
                     for row in range(len(logprobs))])  # fmt: skip


def not_calibrated(logprobs):
    return shares(logprobs)


# ---- task 4 ----


def chosen_on_test(examples, dev, test):
    orders = [list(order) for order in permutations(examples)]
    for order in orders:
        dev(order)
    return max(((order, test(order)) for order in orders), key=lambda pair: pair[1])


def dev_reported(examples, dev, test):
    best = max((list(order) for order in permutations(examples)), key=dev)
    test(best)
    return best, dev(best)


def rotations(examples, dev, test):
    best = max((examples[i:] + examples[:i] for i in range(len(examples))), key=dev)
    return best, test(best)


def subsets(examples, dev, test):
    best = max((list(order) for order in combinations(examples, 3)), key=dev)
    return best, test(best)


def subsets_too(examples, dev, test):
    some = [list(order) for size in range(1, len(examples) + 1) for order in permutations(examples, size)]
    best = max(some, key=dev)
    return best, test(best)


def one_left_out(examples, dev, test):
    best = max((list(order) for order in permutations(examples)), key=dev)
    return best[:-1], test(best)


def ties_broken_on_test(examples, dev, test):
    found = {order: dev(list(order)) for order in permutations(examples)}
    best = [order for order, score in found.items() if score == max(found.values())]
    kept = {order: test(list(order)) for order in best}
    order = max(best, key=kept.get)
    return list(order), kept[order]


def never_tested(examples, dev, test):
    best = max((list(order) for order in permutations(examples)), key=dev)
    return best, dev(best)


def smallest(examples, dev, test):
    best = min((list(order) for order in permutations(examples)), key=dev)
    return best, test(best)


def a_tuple(examples, dev, test):
    best = max(permutations(examples), key=dev)
    return best, test(best)


def first_four(examples, dev, test):
    best = max((list(order) for order in permutations(examples[:4])), key=dev)
    return best, test(best)


def last_of_equals(examples, dev, test):
    best = max(([*order] for order in reversed(list(permutations(examples)))), key=dev)
    return best, test(best)


def sorts_the_examples(examples, dev, test):
    examples.sort()
    best = max((list(order) for order in permutations(examples)), key=dev)
    return best, test(best)


# ---- task 5 ----


def words(found):
    return [("mango", "pixel")[place] for place in np.asarray(found).argmax(axis=1)]


def first_eight(ask, pool, texts):
    return words(ask(pool[:8], texts))


def lean_multiplied(ask, pool, texts):
    found = ask(pool[:8], texts)
    return words(shares(found) * shares(found).mean(axis=0) ** 2)


def columns_swapped(ask, pool, texts):
    found = ask(pool[:8], texts)
    return words(-scaled(shares(found) / shares(found).mean(axis=0)))


def one_by_one(ask, pool, texts):
    return [words(ask(pool[:8], [text]))[0] for text in texts]


def natural_labels(ask, pool, texts):
    swap = {"mango": "positive", "pixel": "negative"}
    return words(ask([(text, swap[label]) for text, label in pool[:8]], texts))


def sixteen(ask, pool, texts):
    return words(ask(pool[:16], texts))


def columns(ask, pool, texts):
    return list(ask(pool[:8], texts).argmax(axis=1))


def right_but_slow(ask, pool, texts):
    found = ask(pool[:8], texts)
    return words(scaled(shares(found) / shares(found).mean(axis=0)))


WRONG = [
    *texts_02.ROWS,
    ("check_calibrate", "multiplied by the lean", multiplied, "must lose"),
    ("check_calibrate", "divided the wrong way", divided_the_wrong_way, "must lose"),
    ("check_calibrate", "not calibrated", not_calibrated, "must lose"),
    ("check_calibrate", "its own row in the lean", with_its_own_row, "The lean of a row is that of the others"),
    ("check_calibrate", "not scaled", not_scaled, "expected 0.666667, got 1.6"),
    ("check_calibrate", "mean of probabilities, not of shares", mean_of_probabilities, "each row counts the same"),
    ("check_calibrate", "one largest for all rows", largest_of_all, "Subtract each row's own largest"),
    ("check_calibrate", "scaled over all rows", scaled_over_all, "scaled to 1"),
    ("check_calibrate", "two of the others", first_two_others, "nor the first two"),
    ("check_calibrate", "the median", median, "neither the median"),
    ("check_calibrate", "in place", in_place, "changed its argument `logprobs`"),
    ("check_calibrate", "the package's", from_the_package, "calls spectrum.calibration"),
    ("check_pick_order", "chosen on the test set", chosen_on_test, "asked 24 times, expected once"),
    ("check_pick_order", "dev score reported", dev_reported, "reported is the dev score"),
    ("check_pick_order", "rotations only", rotations, "4 of the 24 orders"),
    ("check_pick_order", "subsets", subsets, "0 of the 24 orders"),
    ("check_pick_order", "subsets too", subsets_too, "which is no order of"),
    ("check_pick_order", "one left out", one_left_out, "expected the order"),
    ("check_pick_order", "ties broken on test", ties_broken_on_test, "asked 3 times, expected once"),
    ("check_pick_order", "never tested", never_tested, "Report the test score"),
    ("check_pick_order", "the worst order", smallest, "not the smallest"),
    ("check_pick_order", "a tuple", a_tuple, "list(order)"),
    ("check_pick_order", "four examples at most", first_four, "of the 120 orders"),
    ("check_pick_order", "last of equals", last_of_equals, "the first of equals"),
    ("check_pick_order", "sorts the examples", sorts_the_examples, "changed its argument `examples`"),
    ("check_classify", "the first eight as asked", (first_eight, CHOSEN), "fresh sentences right, wanted"),
    ("check_classify", "multiplied by the lean", (lean_multiplied, CHOSEN), "fresh sentences right, wanted"),
    ("check_classify", "columns swapped", (columns_swapped, CHOSEN), "fresh sentences right, wanted"),
    ("check_classify", "one text a call", (one_by_one, CHOSEN), "more than 4 times"),
    ("check_classify", "other labels", (natural_labels, CHOSEN), "is not a pair of the pool"),
    ("check_classify", "sixteen examples", (sixteen, CHOSEN), "allowed are 8"),
    ("check_classify", "columns, not words", (columns, CHOSEN), "among the answers"),
    ("check_classify", "no explanation", (right_but_slow, ""), "no explanation is chosen"),
    ("check_classify", "too few examples", (right_but_slow, "a"), "divided by the mean over all texts, are"),
    ("check_classify", "a guess", (right_but_slow, "c"), "answers under the first eight"),
]
