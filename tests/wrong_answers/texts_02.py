"""Plausible wrong answers to lab 02, tasks 1 and 2, and what the checks must say to each."""

import re

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


def eight_at_most(pool, item, k):
    return f"{lines(others(pool, item)[: min(k, 8)])}{item[0]} ->", f" {item[1]}"


def equal_copy_left(pool, item, k):
    rest = list(pool)
    if item in rest:
        rest.remove(item)
    return f"{lines(rest[:k])}{item[0]} ->", f" {item[1]}"


def takes_it_out(pool, item, k):
    for pair in [pair for pair in pool if pair[0] == item[0]]:
        pool.remove(pair)
    return f"{lines(pool[:k])}{item[0]} ->", f" {item[1]}"


def no_left_border(labels):
    return rf"(?:{'|'.join(re.escape(name) for name in longest(labels))})\b"


def ascii_words(text, label, labels):
    pattern = rf"\b(?:{'|'.join(re.escape(name) for name in longest(labels))})\b"
    return set(re.findall(pattern, text.lower(), re.ASCII)) == {label.lower()}


def sorts_the_labels(text, label, labels):
    labels.sort(key=len, reverse=True)
    return set(re.findall(by_words(labels), text.lower())) == {label.lower()}


ROWS = [
    ("check_build", "label at the end of the prompt", label_at_the_end, "at the end of the prompt"),
    ("check_build", "item among its examples", item_among_examples, "among its own examples"),
    ("check_build", "one example too few", one_too_few, "an example is missing"),
    ("check_build", "space in the prompt", space_in_the_prompt, "belongs to the answer"),
    ("check_build", "answer without its space", bare_answer, "expected the answer ' bad'"),
    ("check_build", "all of the pool", all_of_the_pool, "expected 'I like it."),
    ("check_build", "prompt only", prompt_only, "should return two texts"),
    ("check_build", "eight at most", eight_at_most, "90 long pairs"),
    ("check_build", "four at most", lambda pool, item, k: eight_at_most(pool, item, min(k, 4)), "90 long pairs"),
    ("check_build", "an equal copy left", equal_copy_left, "Not one of the pairs with the item's text"),
    ("check_build", "takes the item out of the pool", takes_it_out, "changed its argument `pool`"),
    ("check_is_right", "no left border", found_by(no_left_border), "a word has a left border too"),
    ("check_is_right", "ASCII words", ascii_words, "groß"),
    ("check_is_right", "sorts the labels", sorts_the_labels, "changed its argument `labels`"),
    ("check_is_right", "correct inside incorrect", inside_the_text, "incorrect.' counts as 'correct'"),
    ("check_is_right", "the whole text", the_whole_text, "may hold more than the label"),
    ("check_is_right", "capitals matter", with_capitals, "Capitals and marks do not matter"),
    ("check_is_right", "other labels not looked at", any_label, "It names both labels"),
    ("check_is_right", "labels in the order given", found_by(as_given), "longest label first"),
    ("check_is_right", "letters, not words", found_by(by_letters), 'Is "incorrectly"'),
    ("check_is_right", "not escaped", found_by(unescaped), "re.escape"),
    ("check_is_right", "twice is not once", once_only, "still one label"),
]
