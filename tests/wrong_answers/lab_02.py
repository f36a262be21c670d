"""Plausible wrong answers to lab 02, and what the checks must say to each."""

import re
from itertools import combinations, permutations

import numpy as np

GOOD_REASON = "The examples lean to one word, and dividing by the lean takes that away."


# ---- task 1 ----


def lines(pairs):
    """Returns pairs as lines of a prompt."""
    return "".join(f"{text} -> {label}\n" for text, label in pairs)


def others(pool, item):
    return [pair for pair in pool if pair[0] != item[0]]


def label_at_the_end(pool, item, k):
    return f"{lines(others(pool, item)[:k])}{item[0]} -> {item[1]}", f" {item[1]}"


def item_among_examples(pool, item, k):
    return f"{lines(pool[:k])}{item[0]} ->", f" {item[1]}"


def one_too_few(pool, item, k):
    return f"{lines(others(pool[:k], item))}{item[0]} ->", f" {item[1]}"


def space_in_the_prompt(pool, item, k):
    return f"{lines(others(pool, item)[:k])}{item[0]} -> ", item[1]


def bare_answer(pool, item, k):
    return f"{lines(others(pool, item)[:k])}{item[0]} ->", item[1]


def all_of_the_pool(pool, item, k):
    return f"{lines(others(pool, item))}{item[0]} ->", f" {item[1]}"


def prompt_only(pool, item, k):
    return f"{lines(others(pool, item)[:k])}{item[0]} ->"


# ---- task 2 ----


def found_by(pattern):
    """Returns an `is_right` that reads labels with `pattern(labels)`."""
    return lambda text, label, labels: set(re.findall(pattern(labels), text.lower())) == {label.lower()}


def longest(labels):
    return sorted((name.lower() for name in labels), key=len, reverse=True)


def inside_the_text(text, label, labels):
    return label.lower() in text.lower()


def the_whole_text(text, label, labels):
    return text.lower().strip(" .!") == label.lower()


def with_capitals(text, label, labels):
    pattern = rf"\b(?:{'|'.join(map(re.escape, longest(labels)))})\b"
    return set(re.findall(pattern, text)) == {label}


def any_label(text, label, labels):
    return bool(re.search(rf"\b{re.escape(label)}\b", text.lower()))


def as_given(labels):
    return rf"\b(?:{'|'.join(re.escape(name) for name in labels)})\b"


def by_letters(labels):
    return "|".join(re.escape(name) for name in longest(labels))


def unescaped(labels):
    return rf"\b(?:{'|'.join(longest(labels))})\b"


def once_only(text, label, labels):
    return re.findall(by_words(labels), text.lower()) == [label]


def by_words(labels):
    return rf"\b(?:{'|'.join(re.escape(name) for name in longest(labels))})\b"


# ---- task 3 ----


def shares(logprobs):
    weights = np.exp(logprobs - logprobs.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def scaled(ratio):
    return ratio / ratio.sum(axis=1, keepdims=True)


def multiplied(logprobs, empty):
    return scaled(shares(logprobs) * shares(empty).mean(axis=0))


def divided_the_wrong_way(logprobs, empty):
    return scaled(shares(empty).mean(axis=0) / shares(logprobs))


def not_scaled(logprobs, empty):
    return shares(logprobs) / shares(empty).mean(axis=0)


def mean_of_logs(logprobs, empty):
    return scaled(shares(logprobs) / np.exp(empty).mean(axis=0))


def overflowing(logprobs, empty):
    with np.errstate(invalid="ignore", divide="ignore"):
        nothing = np.exp(empty) / np.exp(empty).sum(axis=1, keepdims=True)
        return scaled(np.exp(logprobs) / nothing.mean(axis=0))


def scaled_over_all(logprobs, empty):
    ratio = shares(logprobs) / shares(empty).mean(axis=0)
    return ratio / ratio.sum()


def in_place(logprobs, empty):
    wanted = scaled(shares(logprobs) / shares(empty).mean(axis=0))
    logprobs -= logprobs.max()
    return wanted


def not_calibrated(logprobs, empty):
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


def smallest(examples, dev, test):
    best = min((list(order) for order in permutations(examples)), key=dev)
    return best, test(best)


def a_tuple(examples, dev, test):
    best = max(permutations(examples), key=dev)
    return best, test(best)


# ---- task 5 ----


def words(found):
    return [("mango", "pixel")[place] for place in np.asarray(found).argmax(axis=1)]


def first_eight(ask, pool, texts):
    return words(ask(pool[:8], texts))


def lean_multiplied(ask, pool, texts):
    found = ask(pool[:8], texts)
    return words(multiplied(found, found))


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
    ("check_build", "label at the end of the prompt", label_at_the_end, "at the end of the prompt"),
    ("check_build", "item among its examples", item_among_examples, "among its own examples"),
    ("check_build", "one example too few", one_too_few, "an example is missing"),
    ("check_build", "space in the prompt", space_in_the_prompt, "belongs to the answer"),
    ("check_build", "answer without its space", bare_answer, "expected the answer ' bad'"),
    ("check_build", "all of the pool", all_of_the_pool, "expected 'I like it."),
    ("check_build", "prompt only", prompt_only, "should return two texts"),
    ("check_is_right", "correct inside incorrect", inside_the_text, "incorrect.' counts as 'correct'"),
    ("check_is_right", "the whole text", the_whole_text, "may hold more than the label"),
    ("check_is_right", "capitals matter", with_capitals, "Capitals and marks do not matter"),
    ("check_is_right", "other labels not looked at", any_label, "It names both labels"),
    ("check_is_right", "labels in the order given", found_by(as_given), "longest label first"),
    ("check_is_right", "letters, not words", found_by(by_letters), 'Is "incorrectly"'),
    ("check_is_right", "not escaped", found_by(unescaped), "re.escape"),
    ("check_is_right", "twice is not once", once_only, "still one label"),
    ("check_calibrate", "multiplied by the lean", multiplied, "must lose"),
    ("check_calibrate", "divided the wrong way", divided_the_wrong_way, "must lose"),
    ("check_calibrate", "not calibrated", not_calibrated, "must lose"),
    ("check_calibrate", "not scaled", not_scaled, "expected 0.666667, got 1.6"),
    ("check_calibrate", "mean of probabilities, not of shares", mean_of_logs, "each input counts the same"),
    ("check_calibrate", "overflow", overflowing, "exp(-2000) is 0"),
    ("check_calibrate", "scaled over all rows", scaled_over_all, "add up to 1 by itself"),
    ("check_calibrate", "in place", in_place, "changed its argument `logprobs`"),
    ("check_pick_order", "chosen on the test set", chosen_on_test, "asked 24 times, expected once"),
    ("check_pick_order", "dev score reported", dev_reported, "reported is the dev score"),
    ("check_pick_order", "rotations only", rotations, "4 of the 24 orders"),
    ("check_pick_order", "subsets", subsets, "4 of the 24 orders"),
    ("check_pick_order", "the worst order", smallest, "not the smallest"),
    ("check_pick_order", "a tuple", a_tuple, "list(order)"),
    ("check_classify", "the first eight as asked", (first_eight, GOOD_REASON), "fresh sentences right, wanted"),
    ("check_classify", "multiplied by the lean", (lean_multiplied, GOOD_REASON), "fresh sentences right, wanted"),
    ("check_classify", "columns swapped", (columns_swapped, GOOD_REASON), "fresh sentences right, wanted"),
    ("check_classify", "one text a call", (one_by_one, GOOD_REASON), "more than 4 times"),
    ("check_classify", "other labels", (natural_labels, GOOD_REASON), "is not a pair of the pool"),
    ("check_classify", "sixteen examples", (sixteen, GOOD_REASON), "allowed are 8"),
    ("check_classify", "columns, not words", (columns, GOOD_REASON), "among the answers"),
    ("check_classify", "no reason", (right_but_slow, "It works."), "wanted eight or more"),
]
