"""Sweeps of ranks and rates, as lab 12's first check hands them out, with what must come of them."""

import math

import numpy as np
import pandas as pd


def table(runs):
    """Returns a sweep from {(rank, lr): [(dev, test) of each seed]}, its rows in an order that helps nobody."""
    rows = [{"rank": rank, "lr": lr, "seed": seed, "dev": dev, "test": test}
            for (rank, lr), scores in runs.items() for seed, (dev, test) in enumerate(scores)]  # fmt: skip
    return pd.DataFrame(rows).sample(frac=1, random_state=0)


def even(rank, scores):
    """Returns the runs of a rank at 0.001, 0.002, 0.003 …, one seed each, dev and test alike."""
    return {(rank, round(0.001 * n, 3)): [(score, score)] for n, score in enumerate(scores, 1)}


NAN = math.nan
SWEEPS = (  # runs, wanted, what is asked, hint
    ({(2, 0.001): [(0.25, 0.5)], (2, 0.002): [(0.75, 0.6)], (2, 0.004): [(0.5, 0.9)]}, {2: (0.002, 0.6)},
     "dev is best at 0.002, test at 0.004", "Which of the two columns may you look at before the rate is chosen?"),
    (even(1, (0, 1, 0)) | even(4, (0.5, 0.25, 0.75, 0.5)) | even(0, (0.25, 0.5, 0.25)),
     {0: (0.002, 0.5), 1: (0.002, 1), 4: (0.003, 0.75)}, "three ranks, 0 among them",
     "Each rank has a rate of its own. Rank 0, full fine-tuning, is compared like the others."),
    ({(2, 0.001): [(0.5, 0.5)] * 3, (2, 0.002): [(1, 0.25), (0.5, 0.5), (0.5, 0.75)], (2, 0.003): [(0.625, 0)] * 3},
     {2: (0.002, 0.5)}, "dev 1, 0.5 and 0.5 over three seeds, a mean of 0.67",
     "Mean over the seeds first: neither the median nor the best nor the worst seed."),
    ({(2, 0.001): [(0.5, 0.5)] * 4, (2, 0.002): [(0.75, 0.25)] * 2, (2, 0.003): [(0.25, 0.5)] * 2}, {2: (0.002, 0.25)},
     "four seeds at one rate, two at the others", "The mean, not the sum: seeds may be missing."),
    ({(2, 0.001): [(0.5, 0.5)] * 2, (2, 0.002): [(0.75, 0.75)] * 2, (2, 0.003): [(1, 1), (NAN, NAN)],
      (2, 0.004): [(NAN, NAN)] * 2}, {2: (0.002, 0.75)}, "one seed of two went astray at 0.003",
     "A run that went astray has learned nothing: it counts as 0, and is not left out."),
    ({(2, 0.001): [(0.25, 0.5)] * 2, (2, 0.002): [(0.75, 1), (0.75, NAN)], (2, 0.003): [(0.5, 0.5)] * 2},
     {2: (0.002, 0.5)}, "test is not a number for one seed of two", "It counts as 0 on test as well."),
    ({(2, 0.001): [(NAN, NAN)] * 2, (2, 0.002): [(0.75, 0.5)] * 2, (2, 0.003): [(0.5, 0.25)] * 2}, {2: (0.002, 0.5)},
     "all seeds went astray at the lowest rate", "It was tried, and it is the lowest."),
    (even(2, (0.25, 0.75, 0.75, 0.75, 0.5)), {2: (0.002, 0.75)}, "three rates with equal means",
     "Among equals the lowest rate is chosen."),
    (even(2, (0.75, 0.75, 0.5)), {2: None}, "the two lowest rates have equal means, and the lower is chosen",
     "Is the rate that you chose the lowest that was tried at this rank?"),
    (even(2, (0.5, 0.75, 0.75)), {2: (0.002, 0.75)}, "the two highest rates have equal means",
     "The lower of the two is chosen, and it has a neighbour on each side."),
    (even(2, (0.75, 0.5, 0.25)) | even(4, (0.25, 0.5, 0.75)) | even(8, (0.25, 0.75, 0.5)),
     {2: None, 4: None, 8: (0.002, 0.75)}, "the best rate is the lowest tried, or the highest",
     "Nobody knows whether the next rate would be better: that rank is not tuned, and its score is None."),
    (even(2, (0.25, 0.5, 0.25)) | {(4, 0.002): [(1, 1)], (4, 0.02): [(0.5, 0.5)]}, {2: (0.002, 0.5), 4: None},
     "0.002 is the lowest rate of rank 4, and not of rank 2", "Look at the rates of this rank alone."),
    ({(2, 0.001): [(1, 1)], (4, 0.001): [(1, 1)], (4, 0.002): [(1, 1)]}, {2: None, 4: None}, "one rate, and two rates",
     "A single rate is the lowest and the highest."),
    (even(2, (0, 0, 0)), {2: None}, "a rank that learns at no rate", "All are equal, so the lowest rate is chosen."),
    ({(2, 1e-9): [(0.5, 0.5)], (2, 2e-9): [(0.625, 0.5)], (2, 3e-9): [(0.5, 1)]}, {2: (2e-9, 0.5)},
     "rates around 0.000000002", "A rate is used as it stands: do not round it."),
    ({(2, 0.001): [(0.7001, 0.5)], (2, 0.002): [(0.7004, 0.25)], (2, 0.003): [(0.7002, 0.75)]}, {2: (0.002, 0.25)},
     "means that differ in the fourth place", "Do not round the scores."),
    (even(1, [0.001 * n for n in range(90)] + [0.05]), {1: (0.09, 0.089)}, "91 rates at one rank",
     "However many there are, look at all of them."),
    ({key: value for rank in range(1, 71) for key, value in even(rank, (0, rank / 128, 0)).items()},
     {rank: (0.002, rank / 128) for rank in range(1, 71)}, "seventy ranks", "However many there are, all count."),
)  # fmt: skip


def drawn(rng):
    """Returns ({(rank, lr): scores}, {rank: (lr, test) or None}) of a random sweep, the second by plain counting."""
    runs, wanted = {}, {}
    for rank in rng.choice([0, 1, 2, 4, 8, 16, 32, 64], 4, replace=False).tolist():
        rates = np.sort(rng.uniform(1e-4, 1e-1, int(rng.integers(3, 8)))).tolist()
        scores = {lr: rng.uniform(0, 1, (int(rng.integers(1, 4)), 2)).tolist() for lr in rates}
        best = max(rates, key=lambda lr: sum(dev for dev, _ in scores[lr]) / len(scores[lr]))
        test = sum(test for _, test in scores[best]) / len(scores[best])
        wanted[rank] = None if best in (rates[0], rates[-1]) else (best, test)
        runs |= {(rank, lr): scores[lr] for lr in rates}
    return runs, wanted
