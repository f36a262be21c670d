"""Wrong readings, votes and scores of texts with a total in them, for lab 04's table."""

import re
from collections import Counter

from spectrum.lessons.reasoning import voting


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


def in_the_last(text, gold):
    return bool(numbers(text)) and gold in last(text)


def as_floats(text, gold):
    return bool(numbers(text)) and float(last(text)) == float(gold)


def ascii_of(text):
    return text.encode("ascii", "ignore").decode()


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


def no_texts(texts):
    return majority(texts) if max(map(len, texts)) else None


def through_g(texts):
    votes = Counter(f"{float(last(text)):g}" for text in texts if last(text))
    return votes.most_common(1)[0][0] if votes else None


def package_votes(texts):
    return voting.majority([voting.last_number(text) for text in texts])


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


def unsampled_left_out(samples, golds):
    asked = [(texts, gold) for texts, gold in zip(samples, golds, strict=True) if texts]
    return sum(majority(texts) == gold for texts, gold in asked) / max(1, len(asked))


def first_questions(samples, golds):
    return sum(majority(texts) == gold for texts, gold in zip(samples[:64], golds, strict=False)) / len(golds)


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


def votes_for(texts, gold):
    return majority(texts) == gold


def not_divided(samples, golds):
    return sum(majority(texts) == gold for texts, gold in zip(samples, golds, strict=True))
