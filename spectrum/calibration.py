"""Contextual calibration: the preference of a prompt for some labels, and the labels' probabilities without it.

A few-shot prompt leans towards a label before it has read the open text: towards the last one shown, the most frequent
one, or a frequent word. Zhao et al. 2021 ("Calibrate Before Use") measure the lean with inputs that say nothing and
divide by it; Zhou et al. 2023 ("Batch Calibration") take its mean over real inputs, whose answers nobody needs to know.
Built by hand in notebooks/02_few_shot.ipynb.
"""

import numpy as np

CONTENT_FREE = ("N/A", "[MASK]", "")  # those of Zhao et al.; a turn of a chat cannot be empty, so leave the last out


def shares(logprobs):
    """Returns (..., C) probabilities among the C labels alone, from their log-probabilities, in nats.

    Raises ValueError for fewer than two labels or numbers that are no log-probabilities (NaN, above 0).
    """
    logprobs = np.asarray(logprobs, dtype=float)
    if logprobs.ndim == 0 or logprobs.shape[-1] < 2:
        raise ValueError(f"logprobs has shape {logprobs.shape}; its last axis must hold at least two labels.")
    if not (logprobs <= 1e-6).all():
        raise ValueError("logprobs holds NaN or numbers above 0. A log-probability is at most 0.")
    weights = np.exp(logprobs - logprobs.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def lean(logprobs):
    """Returns (C,) the mean share of each label over N prompts, from (N, C) log-probabilities.

    Of inputs without content it is Zhao's p_cf; of real inputs, Zhou's estimate.
    """
    found = shares(logprobs)
    if found.ndim != 2 or not len(found):
        raise ValueError(f"logprobs has shape {found.shape}; it must be (N, C), a row for each of at least one prompt.")
    return found.mean(axis=0)


def calibrate(logprobs, towards):
    """Returns (N, C) shares of the labels divided by the prompt's lean, scaled so that each row adds up to 1.

    `towards` is the lean, (C,) for one prompt or (N, C) where every row was asked under examples of its own; only the
    ratios within a row matter. Raises ValueError for a lean that is 0 or less somewhere, or has another shape.
    """
    found, towards = shares(logprobs), np.asarray(towards, dtype=float)
    if towards.shape not in (found.shape, found.shape[-1:]):
        raise ValueError(f"the lean has shape {towards.shape}; it must be {found.shape[-1:]} or {found.shape}.")
    if not (towards > 0).all():
        raise ValueError("the lean holds NaN, 0 or less: nothing can be divided by it. Give probabilities, not logs.")
    ratio = found / towards
    return ratio / ratio.sum(axis=-1, keepdims=True)
