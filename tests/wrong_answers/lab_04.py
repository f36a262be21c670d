"""Plausible wrong answers to lab 04, and what the checks must say to each."""

import re
from collections import Counter


def numbers(text):
    return [n.replace(",", "") for n in re.findall(r"-?\d+(?:,\d+)*(?:\.\d+)?", text)]


def last(text):
    return numbers(text)[-1] if numbers(text) else None


# ---- is_right ----


def first_number(text, gold):
    return bool(numbers(text)) and numbers(text)[0] == gold


def contained(text, gold):
    return gold in text


def ends_with(text, gold):
    return text.rstrip(".").endswith(gold)


def among_all(text, gold):
    return gold in numbers(text)


def last_word(text, gold):
    return bool(text) and text.split()[-1] == gold


def splits_at_commas(text, gold):
    found = re.findall(r"-?\d+", text)
    return bool(found) and found[-1] == gold


def without_sign(text, gold):
    found = re.findall(r"\d+(?:,\d+)*", text)
    return bool(found) and found[-1].replace(",", "") == gold


def without_point(text, gold):
    found = re.findall(r"-?\d+(?:,\d+)*", text)
    return bool(found) and found[-1].replace(",", "") == gold


def points_dropped(text, gold):
    found = re.findall(r"-?\d+(?:[.,]\d+)*", text)
    return bool(found) and re.sub("[.,]", "", found[-1]) == gold


def one_comma(text, gold):
    found = re.findall(r"-?\d+(?:[.,]\d+)?", text)
    return bool(found) and found[-1].replace(",", "") == gold


def last_word_bare(text, gold):
    return bool(text) and text.split()[-1].rstrip(".").replace(",", "") == gold


def after_total(text, gold):
    found = re.findall(r"Total (-?\d[\d,]*(?:\.\d+)?)", text)
    return bool(found) and found[-1].replace(",", "") == gold


def last_line(text, gold):
    return last(text.split("\n")[-1]) == gold


def spaces_dropped(text, gold):
    return last(text.replace(" ", "")) == gold


def near_enough(text, gold):
    return bool(numbers(text)) and abs(float(last(text)) - float(gold)) < 0.5


def crashes_without_number(text, gold):
    return numbers(text)[-1] == gold


# ---- vote ----


def over_texts(texts):
    return last(Counter(texts).most_common(1)[0][0])


def over_whole_texts(texts):
    return Counter(texts).most_common(1)[0][0]


def none_votes(texts):
    return Counter(map(last, texts)).most_common(1)[0][0]


def counts(texts):
    return Counter(n for n in map(last, texts) if n)


def largest_of_equals(texts):
    votes = counts(texts)
    return max(votes, key=lambda n: (votes[n], int(n))) if votes else None


def last_of_equals(texts):
    votes = counts(texts[::-1])
    return max(votes, key=votes.get) if votes else None


def as_numbers(texts):
    votes = counts(texts)
    return int(max(votes, key=votes.get)) if votes else None


def digits_vote(texts):
    found = [re.findall(r"\d+", text) for text in texts]
    votes = Counter(row[-1] for row in found if row)
    return votes.most_common(1)[0][0] if votes else None


def zero_is_silent(texts):
    votes = Counter(last(text) for text in texts if last(text) not in (None, "0"))
    return votes.most_common(1)[0][0] if votes else None


def empties_the_texts(texts):
    found = majority(texts)
    texts.clear()
    return found


def first_numbers_vote(texts):
    found = [numbers(t)[0] for t in texts if numbers(t)]
    return Counter(found).most_common(1)[0][0] if found else None


# ---- vote_score ----


def majority(texts):
    votes = counts(texts)
    return max(votes, key=votes.get) if votes else None


def tie_broken_by_gold(samples, golds):
    hits = []
    for texts, gold in zip(samples, golds, strict=True):
        votes = counts(texts)
        hits.append(votes[gold] > 0 and votes[gold] == max(votes.values()))
    return sum(hits) / len(hits)


def any_sample(samples, golds):
    return sum(gold in map(last, texts) for texts, gold in zip(samples, golds, strict=True)) / len(golds)


def mean_of_samples(samples, golds):
    hits = [last(text) == gold for texts, gold in zip(samples, golds, strict=True) for text in texts]
    return sum(hits) / len(hits)


def silent_left_out(samples, golds):
    votes = [(majority(texts), gold) for texts, gold in zip(samples, golds, strict=True)]
    votes = [(vote, gold) for vote, gold in votes if vote]
    return sum(vote == gold for vote, gold in votes) / len(votes)


def texts_vote(samples, golds):
    return sum(over_texts(texts) == gold for texts, gold in zip(samples, golds, strict=True)) / len(golds)


def scored_by(same):
    """Return a vote_score whose votes are held against the truth by same(vote, gold)."""
    return lambda samples, golds: sum(
        same(majority(t) or "", g) for t, g in zip(samples, golds, strict=True)
    ) / len(golds)  # fmt: skip


def silent_votes(samples, golds):
    votes = [Counter(map(last, texts)).most_common(1)[0][0] for texts in samples]
    return sum(vote == gold for vote, gold in zip(votes, golds, strict=True)) / len(golds)


def not_divided(samples, golds):
    return sum(majority(texts) == gold for texts, gold in zip(samples, golds, strict=True))


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


def last_answer_alone(ask, links, text):
    return with_the_input(ask, links, text)[-1]


def asks_twice(ask, links, text):
    row = [text]
    for link in links:
        ask(link.format(*row))
        row.append(ask(link.format(*row)))
    return row[1:]


# ---- bill ----

WHY = "Each call is one order that the model was tuned on."


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


def too_many(ask, letters):
    for _ in range(9):
        ask(["Give the product.\nlamp"] * len(letters))
    return ["0"] * len(letters)


WRONG = [
    ("check_is_right", "the first number", first_number, "last place"),
    ("check_is_right", "12 inside 112", contained, "contained in '112'"),
    ("check_is_right", "112 ends with 12", ends_with, "contained in '112'"),
    ("check_is_right", "any number of the text", among_all, "last place"),
    ("check_is_right", "the last word, full stop included", last_word, "last place"),
    ("check_is_right", "1,023 is two numbers", splits_at_commas, "drop the comma"),
    ("check_is_right", "drops the sign", without_sign, "the sign belongs"),
    ("check_is_right", "no decimal point", without_point, "decimal point between digits"),
    ("check_is_right", "points dropped like commas", points_dropped, "decimal point between digits"),
    ("check_is_right", "one comma at most", one_comma, "drop all its commas"),
    ("check_is_right", "the last word without its full stop", last_word_bare, "not the last word"),
    ("check_is_right", "only after 'Total'", after_total, "before it or without"),
    ("check_is_right", "the last line alone", last_line, "may stand in any line"),
    ("check_is_right", "spaces dropped", spaces_dropped, "a space parts them"),
    ("check_is_right", "near enough", near_enough, "however near"),
    ("check_is_right", "a text without a number", crashes_without_number, "IndexError"),
    ("check_vote", "zero does not vote", zero_is_silent, "and 0 too"),
    ("check_vote", "empties the texts", empties_the_texts, "changed its argument `texts`"),
    ("check_vote", "over texts", over_texts, "The answers vote, not the texts"),
    ("check_vote", "returns a text", over_whole_texts, "the winner is an answer"),
    ("check_vote", "no answer votes", none_votes, "does not vote"),
    ("check_vote", "the largest of equals", largest_of_equals, "the one seen first"),
    ("check_vote", "the last of equals", last_of_equals, "the one seen first"),
    ("check_vote", "a number instead of text", as_numbers, "An answer stays text"),
    ("check_vote", "digits alone", digits_vote, "Read the numbers as in task 1"),
    ("check_vote", "the first number of each text", first_numbers_vote, "the winner is an answer"),
    ("check_vote_score", "the truth inside of the vote", scored_by(lambda a, b: b in a), "is contained in"),
    ("check_vote_score", "the vote begins with the truth", scored_by(str.startswith), "begins with"),
    ("check_vote_score", "signs dropped", scored_by(lambda a, b: a.lstrip("-") == b), "the sign belongs"),
    ("check_vote_score", "silent texts vote", silent_votes, "does not vote"),
    ("check_vote_score", "a tie broken by the gold answer", tie_broken_by_gold, "must not break a tie"),
    ("check_vote_score", "any sample right", any_sample, "nobody knows which one"),
    ("check_vote_score", "single samples", mean_of_samples, "Vote first, then score"),
    ("check_vote_score", "unanswered questions left out", silent_left_out, "Divide by all questions"),
    ("check_vote_score", "over texts", texts_vote, "The answers vote, not the texts"),
    ("check_vote_score", "a count", not_divided, "expected 0.5"),
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
    ("check_bill", "no reason", (one_prompt, "It works."), "wanted eight or more"),
    ("check_bill", "one prompt", (one_prompt, WHY), "link by link"),
    ("check_bill", "the price of one", (price_alone, WHY), "link by link"),
    ("check_bill", "adds equal numbers step by step", (adds_step_by_step, WHY), "Which link fails?"),
    ("check_bill", "never asks", (never_asks, WHY), "never asked"),
    ("check_bill", "asks for one text", (one_at_a_time, WHY), "list of prompts"),
    ("check_bill", "too many calls", (too_many, WHY), "prompts a letter"),
]
