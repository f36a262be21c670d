"""Votes over sampled answers: draw many texts for one prompt, read the answer out of each, take the most frequent.

Self-consistency (Wang et al. 2022, arXiv 2203.11171). Built by hand in notebooks/04_reasoning.ipynb.
"""

import re
from collections import Counter

import numpy as np
import pandas as pd

from spectrum.evaluate import bootstrap_interval
from spectrum.generate import complete

NUMBER = re.compile(r"-?\d+(?:[.,]\d+)*")  # as `tasks.same_number` reads numbers
SIZES = (1, 2, 3, 5, 10, 20, 40)


# ---- reading answers ----


def last_number(text):
    """Returns the last number in a text as digits ("1,023" gives "1023"), or None where there is none."""
    found = NUMBER.findall(text)
    return found[-1].replace(",", "") if found else None


def stated_total(text):
    """Returns the number after the first "Total" in a text, or None: the answer wherever the steps stand."""
    found = re.search(rf"Total ({NUMBER.pattern})", text)
    return found[1].replace(",", "") if found else None


# ---- sampling and voting ----


def sample(model, tokenizer, prompts, n, temperature, seed=0, max_new_tokens=64, batch_size=192, **options):
    """Returns n sampled texts for each prompt, as a list of lists.

    The first texts stay the same when n grows. `options` go to `complete`. Raises ValueError for n below 1 or a
    temperature of 0, at which all texts would be the same.
    """
    if n < 1:
        raise ValueError(f"n is {n}; draw at least one sample.")
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature}; at 0 all samples are the same text. Take one above 0.")
    # All prompts, then all again: row numbers seed the draws, so sample j of prompt i does not depend on n.
    options |= {"max_new_tokens": max_new_tokens, "batch_size": batch_size}
    texts = complete(model, tokenizer, prompts * n, temperature=temperature, seed=seed, **options)
    return [texts[i :: len(prompts)] for i in range(len(prompts))]


def tally(answers):
    """Returns [(answer, votes), ...], most votes first, the first seen first among equals; None does not vote."""
    return Counter(answer for answer in answers if answer is not None).most_common()


def majority(answers):
    """Returns the most frequent answer, the first seen among equals, or None where no sample has an answer.

    The order of the samples breaks a tie, and the true answer never does: whoever votes does not know it.
    """
    votes = tally(answers)
    return votes[0][0] if votes else None


def vote(texts, extract=last_number):
    """Returns the majority of the answers that `extract` reads out of the texts."""
    return majority([extract(text) for text in texts])


def vote_curve(answers, golds, sizes=SIZES, draws=200, seed=0):
    """Returns a DataFrame with a row for each number of samples: n, right, low, high, differ; shares from 0 to 1.

    `answers` holds M extracted answers for each item. For every size, `draws` times, so many are drawn at random from
    an item's M, each put back (Efron's bootstrap), and vote. `right` is how often the vote is right, with its 95 %
    interval over the items. `differ` is how often two such votes give different answers: the part of the mistakes that
    comes from chance. Raises ValueError for a size above M, about which M samples say little.
    """
    most = min(map(len, answers))
    if max(sizes) > most or min(sizes) < 1:
        raise ValueError(f"sizes go from {min(sizes)} to {max(sizes)}; there are {most} samples for each item.")
    rng, rows = np.random.default_rng(seed), []
    for n in sizes:
        found = [redraw(rng, row, n, draws) for row in answers]
        right = np.array([votes[gold] / draws for votes, gold in zip(found, golds, strict=True)])
        same = np.mean([sum(count**2 for count in votes.values()) / draws**2 for votes in found])
        low, high = bootstrap_interval(right) if len(right) > 1 else (right[0], right[0])
        rows.append({"n": n, "right": right.mean(), "low": low, "high": high, "differ": 1 - same})
    return pd.DataFrame(rows)


def redraw(rng, answers, n, draws):
    """Returns a Counter of the majorities of n of the answers, drawn `draws` times, each put back."""
    found = Counter()
    for chosen in rng.integers(len(answers), size=(draws, n)).tolist():
        found[majority([answers[i] for i in chosen])] += 1
    return found
