"""What every lab's checks are made of: `check` around a function, `expect` and `expect_close` inside it.

A check that fails raises, so that a notebook with an unsolved task fails as a whole; the learner sees one red line
and a hint, no traceback.
"""

import functools
import linecache
import os
import re
import sys
import sysconfig
import traceback
from pathlib import Path

import numpy as np

RED, PLAIN = "\x1b[31m", "\x1b[0m"
# Without a seed, so that a learner's inputs are new each time. `make test` sets one, to be the same each time.
SEEDS = np.random.default_rng(int(os.environ["SPECTRUM_SEED"]) if "SPECTRUM_SEED" in os.environ else None)
PACKAGE = Path(__file__).resolve().parent.parent
STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib")).resolve()
NOT_WRITTEN = "Write it in the cell above, run that cell, then run this check again."
UNUSABLE = "Compare the arguments and what is returned with the stub's first line."


class CheckFailed(Exception):
    """A lab's check that failed: `message` says what was expected and what came, `hint` what to ask yourself."""

    def __init__(self, message, hint=""):
        super().__init__(message)
        self.message, self.hint = message, hint

    def _render_traceback_(self):
        """Returns what IPython and nbval show instead of a traceback: one red line, then the hint."""
        return [f"{RED}{self.message}{PLAIN}", *self.hint.splitlines()]


def expect(condition, message, hint=""):
    """Raises CheckFailed with the message and the hint unless the condition holds."""
    if not bool(condition):
        raise CheckFailed(message, hint)


def expect_reason(why, hint):
    """Raises CheckFailed unless `why`, a learner's sentence, has eight different words."""
    words = set(re.findall(r"\w+", why.lower())) if isinstance(why, str) else set()
    expect(len(words) >= 8, f"the reason has {len(words)} different words, wanted eight or more", hint)


def fresh_seed():
    """Returns a seed that no learner has seen, so that no answer can be written for one input."""
    return int(SEEDS.integers(1 << 30))


def expect_close(actual, expected, tolerance, message, hint=""):
    """Raises CheckFailed unless `actual` has the shape, the dtype and, within `tolerance` (absolute), the values.

    Numbers, numpy arrays and torch tensors can be compared. The dtype is compared where both sides have one.
    """
    expect(actual is not None, f"{message}: got None", "Does your function end in `return`?")
    try:
        got, want = as_array(actual), as_array(expected)
    except (TypeError, ValueError):
        kind = type(actual).__name__
        raise CheckFailed(f"{message}: expected numbers, got {kind} {short(actual)}", hint) from None
    expect(got.shape == want.shape, f"{message}: expected shape {want.shape}, got {got.shape}", hint)
    types = [str(getattr(side, "dtype", "")).removeprefix("torch.") for side in (expected, actual)]
    expect("" in types or types[0] == types[1], f"{message}: expected dtype {types[0]}, got {types[1]}", hint)
    expect_values(got, want, tolerance, message, hint)


def expect_values(got, want, tolerance, message, hint):
    """Raises CheckFailed naming the worst place where two arrays of one shape differ by more than the tolerance."""
    if not got.size:
        return
    with np.errstate(invalid="ignore"):
        gaps = np.abs(got - want)
    wrong = ~(gaps <= tolerance) & (got != want)  # written so that NaN is wrong and inf equals inf
    if not wrong.any():
        return
    gaps = np.where(wrong, np.nan_to_num(gaps, nan=np.inf), -1.0)
    place = np.unravel_index(np.argmax(gaps), gaps.shape)
    where = f" at {[int(i) for i in place]}" if place else ""
    raise CheckFailed(f"{message}: expected {want[place]:.6g}, got {got[place]:.6g}{where}", hint)


def as_array(value):
    """Returns numbers, an array or a torch tensor as a float64 array; raises TypeError or ValueError otherwise."""
    torch = sys.modules.get("torch")  # not imported here: a tensor can only come from an imported torch
    if torch is not None and isinstance(value, torch.Tensor):
        value = value.detach().cpu().double().numpy()
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"not numbers: {array.dtype}")
    return array.astype(np.float64)


def short(value, limit=80):
    """Returns the value as one line of at most `limit` characters."""
    text = repr(value).replace("\n", " ")
    return text if len(text) <= limit else text[: limit - 1] + "…"


def check(function):
    """Returns the function as a lab's check: prints one line when it passes, raises CheckFailed when it does not.

    `check_masked_loss` prints "check passed: masked_loss". A stub's NotImplementedError and any error in the learner's
    code become a CheckFailed that names the task, or the error with the learner's line.
    """
    name = function.__name__.removeprefix("check_")

    @functools.wraps(function)
    def checked(*args, **kwargs):
        try:
            function(*args, **kwargs)
        except Exception as error:
            # `from None`: a learner who asks for the traceback sees the verdict, not the machinery.
            raise explain(error, name, function.__code__) from None
        print(f"check passed: {name}")

    checked.is_check = True
    return checked


def explain(error, name, check_code):
    """Returns the CheckFailed that says what an error inside the check `name` means to the learner."""
    if isinstance(error, CheckFailed):
        return CheckFailed(f"check failed: {name}: {error.message}", error.hint)
    if isinstance(error, NotImplementedError) and is_stub(error):
        task = str(error) or name
        return CheckFailed(f"check failed: {task} is not written yet", NOT_WRITTEN)
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    frame = learner_frame(error, check_code)
    if frame is None:
        return CheckFailed(f"check failed: {name}: your code, or what it returned, could not be used. {what}", UNUSABLE)
    line = linecache.getline(frame.filename, frame.lineno).strip()
    where = f"Line {frame.lineno} of your cell" + (f": {line}" if line else "")
    return CheckFailed(f"check failed: {name}: your code raised {what}", where)


def is_stub(error):
    """Returns whether a NotImplementedError is a stub's: this course's ("lab 01, task 2: …") or nbgrader's (empty)."""
    return not str(error) or str(error).startswith("lab ")


def learner_frame(error, check_code):
    """Returns the innermost frame of the error that is the learner's own, or None."""
    frames = [place for place in traceback.walk_tb(error.__traceback__) if place[0].f_code is not check_code]
    frames = traceback.StackSummary.extract(frames)
    return next((frame for frame in reversed(frames) if is_learners(frame.filename)), None)


def is_learners(filename):
    """Returns whether a file is neither part of this package nor of Python or an installed library."""
    if filename.startswith("<"):
        return not filename.startswith("<frozen")
    path = Path(filename).resolve()
    if {"site-packages", "dist-packages"} & set(path.parts):
        return False
    return not (path.is_relative_to(PACKAGE) or path.is_relative_to(STANDARD_LIBRARY))
