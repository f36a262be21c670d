"""Plausible wrong answers to lab 04, and what the checks must say to each."""

import re
from fractions import Fraction

import numpy as np
from wrong_answers import totals
from wrong_answers.totals import last, numbers

# ---- chain ----


def all_links_get_the_input(ask, links, text):
    return [ask(link.format(text, text, text, text, text, text, text)) for link in links]


def only_the_last_answer(ask, links, text):
    answers = []
    for link in links:
        before = answers[-1] if answers else ""
        answers.append(ask(link.format(text, *[before] * 7)))
    return answers


def forgets_the_input(ask, links, text):
    answers = []
    for link in links:
        answers.append(ask(link.format(answers[-1] if answers else text, *answers)))
    return answers


def not_filled_in(ask, links, text):
    return [ask(link.replace("{0}", text)) for link in links]


def with_the_input(ask, links, text):
    row = [text]
    for link in links:
        row.append(ask(link.format(*row)))
    return row


def refilled(ask, links, text):
    row = [text]
    for link in links:
        for place, value in enumerate(row):
            link = link.replace(f"{{{place}}}", value)
        row.append(ask(link))
    return row[1:]


def one_digit_places(ask, links, text):
    row = [text]
    for link in links:
        row.append(ask(re.sub(r"\{(\d)\}", lambda place: row[int(place[1])], link)))
    return row[1:]


def strips_answers(ask, links, text):
    return with_the_input(lambda prompt: ask(prompt).strip(), links, text)[1:]


def remembers_prompts(ask, links, text):
    known = {}

    def remember(prompt):
        if prompt not in known:
            known[prompt] = ask(prompt)
        return known[prompt]

    return with_the_input(remember, links, text)[1:]


def takes_links_away(ask, links, text):
    row = [text]
    while links:
        row.append(ask(links.pop(0).format(*row)))
    return row[1:]


def forty_answers(ask, links, text):
    row = [text]
    for link in links:
        row.append(ask(link.format(*row[:40])))
    return row[1:]


def last_answer_alone(ask, links, text):
    return with_the_input(ask, links, text)[-1]


def asks_twice(ask, links, text):
    row = [text]
    for link in links:
        ask(link.format(*row))
        row.append(ask(link.format(*row)))
    return row[1:]


# ---- bill ----


def one_prompt(ask, letters):
    return ask([f"How much is it altogether?\n{letter}" for letter in letters])


def price_alone(ask, letters):
    products = ask([f"Give the product.\n{letter}" for letter in letters])
    return ask([f"Answer the question.\nHow much is the {product}?" for product in products])


def adds_step_by_step(ask, letters):
    products, counts = (ask([f"Give the {what}.\n{letter}" for letter in letters]) for what in ("product", "quantity"))
    prices = ask([f"Answer the question.\nHow much is the {product}?" for product in products])
    counts = [min(int(count), 9) for count in counts]  # the model may answer with a large number
    sums = [" + ".join([price.split()[0]] * count) for price, count in zip(prices, counts, strict=True)]
    return ask([f"Add the numbers, step by step.\n{numbers}" for numbers in sums])


def never_asks(ask, letters):
    return ["48"] * len(letters)


def one_at_a_time(ask, letters):
    return [ask(f"Give the price.\n{letter}") for letter in letters]


def first_letters_only(ask, letters):
    return ["48"] * min(40, len(letters))


def too_many(ask, letters):
    for _ in range(9):
        ask(["Give the product.\nlamp"] * len(letters))
    return ["0"] * len(letters)


WRONG = [
    ("check_is_right", "the first number", totals.first_number, "last place"),
    ("check_is_right", "12 inside 112", totals.contained, "contained in '112'"),
    ("check_is_right", "112 ends with 12", totals.ends_with, "contained in '112'"),
    ("check_is_right", "any number of the text", totals.among_all, "last place"),
    ("check_is_right", "the last word, full stop included", totals.last_word, "last place"),
    ("check_is_right", "1,023 is two numbers", totals.splits_at_commas, "drop the comma"),
    ("check_is_right", "drops the sign", totals.without_sign, "the sign belongs"),
    ("check_is_right", "no decimal point", totals.without_point, "decimal point between digits"),
    ("check_is_right", "points dropped like commas", totals.points_dropped, "decimal point between digits"),
    ("check_is_right", "one comma at most", totals.one_comma, "drop all its commas"),
    ("check_is_right", "the last word without its full stop", totals.last_word_bare, "not the last word"),
    ("check_is_right", "only after 'Total'", totals.after_total, "before it or without"),
    ("check_is_right", "the last line alone", totals.last_line, "may stand in any line"),
    ("check_is_right", "spaces dropped", totals.spaces_dropped, "a space parts them"),
    ("check_is_right", "near enough", totals.near_enough, "however near"),
    ("check_is_right", "a text without a number", totals.crashes_without_number, "IndexError"),
    (
        "check_is_right",
        "the truth is contained in the last number",
        totals.in_the_last,
        "is contained in '112'",
    ),
    (
        "check_is_right",
        "the last number is contained in the truth",
        lambda text, gold: bool(last(text)) and last(text) in gold,
        "The text says 112",
    ),
    (
        "check_is_right",
        "the truth ends with the last number",
        lambda text, gold: bool(last(text)) and gold.endswith(last(text)),
        "12, and not 112",
    ),
    ("check_is_right", "as floats", totals.as_floats, "text keeps them all"),
    ("check_is_right", "the first 64 characters", lambda text, gold: last(text[:64]) == gold, "may be long"),
    ("check_is_right", "letters of English alone", lambda t, g: last(totals.ascii_of(t)) == g, "is two numbers"),
    ("check_is_right", "texts that begin alike", lambda t, g: (last(t) or "-").startswith(g), "4.2 is not 4"),
    ("check_vote", "the first 40 texts", lambda texts: totals.majority(texts[:40]), "all of them vote"),
    ("check_vote", "no texts at all", totals.no_texts, "ValueError"),
    ("check_vote", "answers through %g", totals.through_g, "every digit"),
    ("check_vote", "the beginning of each text", lambda texts: totals.majority([t[:64] for t in texts]), "may be long"),
    ("check_vote", "calls the package", totals.package_votes, "calls spectrum.lessons.reasoning.voting"),
    ("check_vote_score", "no sample, not counted", totals.unsampled_left_out, "A question without a sample"),
    ("check_vote_score", "the first 64 questions", totals.first_questions, "66 of 99 votes"),
    ("check_chain", "forty answers at most", forty_answers, "IndexError"),
    ("check_vote", "zero does not vote", totals.zero_is_silent, "and 0 too"),
    ("check_vote", "empties the texts", totals.empties_the_texts, "changed its argument `texts`"),
    ("check_vote", "over texts", totals.over_texts, "The answers vote, not the texts"),
    ("check_vote", "returns a text", totals.over_whole_texts, "the winner is an answer"),
    ("check_vote", "no answer votes", totals.none_votes, "does not vote"),
    ("check_vote", "the largest of equals", totals.largest_of_equals, "the one seen first"),
    ("check_vote", "the last of equals", totals.last_of_equals, "the one seen first"),
    ("check_vote", "a number instead of text", totals.as_numbers, "An answer stays text"),
    ("check_vote", "digits alone", totals.digits_vote, "Read the numbers as in task 1"),
    ("check_vote", "the first number of each text", totals.first_numbers_vote, "the winner is an answer"),
    (
        "check_vote_score",
        "the truth inside of the vote",
        totals.scored_by(lambda a, b: b in a),
        "is contained in",
    ),
    ("check_vote_score", "the vote begins with the truth", totals.scored_by(str.startswith), "begins with"),
    (
        "check_vote_score",
        "the truth ends with the vote",
        totals.scored_by(lambda a, b: bool(a) and b.endswith(a)),
        "'112' ends with '12'",
    ),
    (
        "check_vote_score",
        "the truth begins with the vote",
        totals.scored_by(lambda a, b: bool(a) and b.startswith(a)),
        "the vote is 11 and the truth is 112",
    ),
    ("check_vote_score", "signs dropped", totals.scored_by(lambda a, b: a.lstrip("-") == b), "the sign belongs"),
    ("check_vote_score", "silent texts vote", totals.silent_votes, "does not vote"),
    ("check_vote_score", "a tie broken by the gold answer", totals.tie_broken_by_gold, "must not break a tie"),
    ("check_vote_score", "any sample right", totals.any_sample, "nobody knows which"),
    ("check_vote_score", "single samples", totals.mean_of_samples, "Vote first, then score"),
    ("check_vote_score", "unanswered questions left out", totals.silent_left_out, "Divide by all questions"),
    ("check_vote_score", "over texts", totals.texts_vote, "The answers vote, not the texts"),
    ("check_vote_score", "a count", totals.not_divided, "expected 0.5"),
    ("check_chain", "places of one digit", one_digit_places, "the k - 1 answers before it"),
    ("check_chain", "answers stripped", strips_answers, "stay as they are"),
    ("check_chain", "remembers prompts", remembers_prompts, "One call for each link"),
    ("check_chain", "takes the links away", takes_links_away, "changed its argument `links`"),
    ("check_chain", "every link gets the input", all_links_get_the_input, "not for the input"),
    ("check_chain", "only the last answer", only_the_last_answer, "any answer so far"),
    ("check_chain", "the input is lost", forgets_the_input, "any answer so far"),
    ("check_chain", "answers not filled in", not_filled_in, "still holds a place"),
    ("check_chain", "answers filled in again", refilled, "Fill in a template once"),
    ("check_chain", "returns the input as well", with_the_input, "without the input"),
    ("check_chain", "returns the last answer only", last_answer_alone, "Return the answers, in a list"),
    ("check_chain", "asks twice", asks_twice, "three calls"),
    ("check_bill", "no choice", (never_asks, "It works."), "no explanation is chosen"),
    ("check_bill", "prices", (never_asks, "a"), "nearly all prices are right"),
    ("check_bill", "quantities", (never_asks, "b"), "all of them are right"),
    ("check_bill", "sums", (never_asks, "c"), "48 + 12 = 60 is right"),
    ("check_bill", "the first 40 letters", (first_letters_only, "d"), "66 texts in a list"),
    ("check_bill", "one prompt", (one_prompt, "d"), "link by link"),
    ("check_bill", "the price of one", (price_alone, "d"), "link by link"),
    ("check_bill", "adds equal numbers step by step", (adds_step_by_step, "d"), "Which link fails?"),
    ("check_bill", "never asks", (never_asks, "d"), "never asked"),
    ("check_bill", "asks for one text", (one_at_a_time, "d"), "list of prompts"),
    ("check_bill", "too many calls", (too_many, "d"), "prompts a letter"),
]

RIGHT = [
    ("check_is_right", "numpy's bool", lambda text, gold: np.bool_(last(text) == gold)),
    ("check_is_right", "as fractions", lambda t, g: bool(numbers(t)) and Fraction(last(t)) == Fraction(g)),
    ("check_vote", "max instead of Counter", totals.majority),
    ("check_vote_score", "a Fraction", lambda s, g: Fraction(sum(map(totals.votes_for, s, g)), len(g))),
    (
        "check_vote_score",
        "numpy's mean",
        lambda s, g: np.mean([totals.votes_for(*pair) for pair in zip(s, g, strict=True)]),
    ),
    ("check_vote_score", "float32", lambda s, g: np.float32(sum(map(totals.votes_for, s, g)) / len(g))),
    ("check_chain", "with the row kept elsewhere", lambda ask, links, text: with_the_input(ask, links, text)[1:]),
]
