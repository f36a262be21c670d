"""How good the answers are: scores with intervals, floors and ceilings, and paired comparisons."""

import time
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch

from spectrum.examples import pack, tokenize_rows
from spectrum.generate import complete
from spectrum.losses import batch_loss, count_labels, large_head
from spectrum.tokens import encode_all
from spectrum.traits import traits_of

RESAMPLES = 9999  # the smallest two-sided p-value they can show is 0.0002
# What a resampled interval or test draws with: fixed, so that the same answers always print the same numbers.
RESAMPLING_SEED = 0


@dataclass
class Score:
    """The result of one evaluation: one number per item, what it is to be held against, and what it cost."""

    name: str
    correct: np.ndarray  # (n,) 0 or 1 per item, or fractions between
    floor: float | None = None  # the score without skill (chance, the most frequent answer)
    ceiling: float | None = None  # the best score to hope for
    tokens_in: float = float("nan")  # mean tokens of a prompt
    tokens_out: float = float("nan")  # mean tokens of an answer, its end token not counted
    milliseconds: float = float("nan")  # mean wall time per answer, batched
    answers: list[str] = field(default_factory=list, repr=False)

    def __post_init__(self):
        self.correct = np.asarray(self.correct, dtype=float)
        if self.correct.ndim != 1 or not self.correct.size:
            raise ValueError(f"correct has shape {self.correct.shape}; it must hold one number for at least one item.")
        if not ((self.correct >= 0) & (self.correct <= 1)).all():
            raise ValueError("correct holds numbers outside 0 to 1. A score function returns a bool or a fraction.")

    @property
    def n(self):
        """The number of items."""
        return len(self.correct)

    @property
    def mean(self):
        """The score, a fraction."""
        return float(self.correct.mean())

    @property
    def low(self):
        """The lower end of the 95 % interval."""
        return self.interval[0]

    @property
    def high(self):
        """The upper end of the 95 % interval."""
        return self.interval[1]

    @cached_property
    def interval(self):
        """(low, high): Wilson's 95 % interval for right-or-wrong items (Wilson 1927), else bootstrap over the items."""
        if _is_binary(self.correct):
            from scipy.stats import binomtest

            found = binomtest(int(self.correct.sum()), self.n).proportion_ci(0.95, method="wilson")
            return float(found.low), float(found.high)
        return bootstrap_interval(self.correct)

    def __str__(self):
        low, high = 100 * self.low, 100 * self.high
        return f"{100 * self.mean:.1f} % (95 % interval {low:.1f} to {high:.1f}, n = {self.n})"


@dataclass(frozen=True)
class Comparison:
    """What changed from score a to score b on the same items; difference and interval in points (per cent)."""

    a: str
    b: str
    difference: float  # b - a
    low: float  # the 95 % interval of the difference
    high: float
    p_value: float  # how often chance alone would give a difference at least this large
    wins: int  # items on which b is better
    losses: int
    ties: int

    @property
    def p_text(self):
        """Returns the p-value in words: "p = 0.021", or "p < 0.001", for it is never 0."""
        return "p < 0.001" if self.p_value < 0.001 else f"p = {self.p_value:.3f}"

    def __str__(self):
        more = "above" if self.difference >= 0 else "below"
        return (
            f"{self.b} is {abs(self.difference):.1f} points {more} {self.a} (95 % interval {self.low:+.1f} to "
            f"{self.high:+.1f}, {self.p_text}; "
            f"better on {self.wins}, worse on {self.losses}, equal on {self.ties} items)"
        )


def evaluate(
    model,
    tokenizer,
    items,
    prompts,
    score,
    name="",
    max_new_tokens=24,
    stop=None,
    floor=None,
    ceiling=None,
    batch_size=64,
    **sampling,
):
    """Returns the Score of the model's answers to `prompts`, one for each item.

    `score(answer, item)` returns a bool, or a fraction for partly right. `sampling` goes to `complete`.
    Raises ValueError where there are no items, or not one prompt for each.
    """
    if not len(items):
        raise ValueError("There are no items to score. Give at least one; 200 make an interval of about 7 points.")
    if isinstance(prompts, str) or len(items) != len(prompts):
        given = "one str" if isinstance(prompts, str) else f"{len(prompts)} prompts"
        raise ValueError(f"There are {len(items)} items and {given}. Give a list with one prompt for each item.")
    start = time.perf_counter()
    answers = complete(model, tokenizer, prompts, max_new_tokens, stop=stop, batch_size=batch_size, **sampling)
    seconds = time.perf_counter() - start
    return Score(
        name=name,
        correct=np.array([float(score(answer, item)) for answer, item in zip(answers, items, strict=True)]),
        floor=floor,
        ceiling=ceiling,
        tokens_in=_mean_length(encode_all(tokenizer, prompts)),
        tokens_out=_mean_length([tokenizer(answer, add_special_tokens=False)["input_ids"] for answer in answers]),
        milliseconds=1000 * seconds / len(answers),
        answers=answers,
    )


def answer_length(tokenizer, golds, least=24):
    """Returns the `max_new_tokens` that leaves room for every gold answer: the longest, a quarter more, and `least`.

    An answer that is cut off is wrong whatever was learned. Raises ValueError where there is no gold answer.
    """
    if isinstance(golds, str) or not len(golds):
        raise ValueError(f"golds is {golds!r}; give a list of at least one gold answer.")
    longest = max(len(tokenizer(gold, add_special_tokens=False)["input_ids"]) for gold in golds)
    return max(least, longest + -(-longest // 4) + 1)


def same_answer(answer, gold):
    """Returns whether an answer is the gold one to the letter, but for white space around either.

    A gold answer of one's own data often begins with a blank or ends a line; an answer is decoded without either.
    """
    return answer.strip() == gold.strip()


def majority_floor(items):
    """Returns the share of the most frequent gold answer: what always saying the same thing scores."""
    if not len(items):
        raise ValueError("There are no items, so no answer is the most frequent.")
    return Counter(item.gold for item in items).most_common(1)[0][1] / len(items)


def chance_floor(labels):
    """Returns 1 / the number of different labels: what guessing among them scores."""
    if isinstance(labels, str) or not len(labels):
        raise ValueError(f"labels is {labels!r}; give a list of at least one label.")
    return 1 / len(set(labels))


def compare(a, b):
    """Returns the Comparison of two Scores on the same items, in the same order.

    The p-value is McNemar's exact test where items are right or wrong (McNemar 1947: only items on which the two differ
    say anything), else a paired permutation test; the interval is bootstrapped over the items.
    """
    if a.n != b.n:
        raise ValueError(f"{a.name!r} has {a.n} items and {b.name!r} has {b.n}. Compare scores on the same items.")
    change = 100 * (b.correct - a.correct)  # (n,) points
    wins, losses = int((change > 0).sum()), int((change < 0).sum())
    binary = _is_binary(a.correct) and _is_binary(b.correct)
    p_value = mcnemar(wins, losses) if binary else permutation(a.correct, b.correct)
    low, high = bootstrap_interval(change)
    return Comparison(
        a.name or "a", b.name or "b", float(change.mean()), low, high, p_value, wins, losses, a.n - wins - losses
    )


def mcnemar(wins, losses):
    """Returns the exact two-sided p-value of McNemar's test: are wins and losses two sides of a fair coin?"""
    if wins + losses == 0:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(wins, wins + losses, 0.5).pvalue)


def permutation(a, b):
    """Returns the two-sided p-value for equal means of paired values: how often swapping pairs gives as much."""
    from scipy.stats import permutation_test

    result = permutation_test(
        (a, b), _mean_difference, permutation_type="samples", n_resamples=RESAMPLES, rng=RESAMPLING_SEED
    )
    return float(result.pvalue)


def bootstrap_interval(values):
    """Returns (low, high), the 95 % interval of the mean of `values` by bootstrap (BCa, Efron 1987).

    Values that are all the same give an interval without width: no resample can differ.
    """
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    from scipy.stats import bootstrap

    found = bootstrap((values,), np.mean, n_resamples=RESAMPLES, method="BCa", rng=RESAMPLING_SEED).confidence_interval
    return float(found.low), float(found.high)


def score_table(scores):
    """Returns a DataFrame with a row for each Score; scores in per cent, `ms per answer` measured on this machine."""
    import pandas as pd

    rows = [
        {
            "name": s.name,
            "n": s.n,
            "score %": 100 * s.mean,
            "low": 100 * s.low,
            "high": 100 * s.high,
            "floor": np.nan if s.floor is None else 100 * s.floor,
            "ceiling": np.nan if s.ceiling is None else 100 * s.ceiling,
            "tokens in": s.tokens_in,
            "tokens out": s.tokens_out,
            "ms per answer": s.milliseconds,
        }
        for s in scores
    ]
    return pd.DataFrame(rows).round(1)


def _mean_difference(x, y, axis=-1):
    return np.mean(y, axis=axis) - np.mean(x, axis=axis)


def _mean_length(rows):
    return float(np.mean([len(row) for row in rows]))


def _is_binary(values):
    return bool(np.isin(values, (0, 1)).all())


@torch.no_grad()
def mean_loss(model, tokenizer, rows):
    """Returns nats per completion token over the rows."""
    examples, head, total, count = tokenize_rows(tokenizer, rows), large_head(model), 0.0, 0
    for start in range(0, len(examples), 32):
        batch = {
            k: v.to(model.device) for k, v in pack(examples[start : start + 32], 512, traits_of(model).packs).items()
        }
        n = count_labels(batch)
        total, count = total + n * batch_loss(model, batch, head).item(), count + n
    return total / count
