"""What every lab's checks are made of: `check` around a function, `expect` and `expect_close` inside it.

A check that fails raises, so that a notebook with an unsolved task fails as a whole; the learner sees one red line
and a hint, no traceback.
"""

import functools
import itertools
import linecache
import os
import sys
import sysconfig
import traceback
from numbers import Integral, Real
from pathlib import Path

import numpy as np

from spectrum.checks.gate import CheckFailed, expect, gate, short
from spectrum.checks.snapshot import is_torch

# Without a seed, so that a learner's inputs are new each time. `make test` sets one, to be the same each time.
SEEDS = np.random.default_rng(int(os.environ["SPECTRUM_SEED"]) if "SPECTRUM_SEED" in os.environ else None)
PACKAGE = Path(__file__).resolve().parent.parent
STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib")).resolve()
NOT_WRITTEN = "Write it in the cell above, run that cell, then run this check again."
UNUSABLE = "Compare the arguments and what is returned with the stub's first line."


def fresh_seed():
    """Returns a seed that no learner has seen, so that no answer can be written for one input."""
    return int(SEEDS.integers(1 << 30))


def expect_close(actual, expected, tolerance, message, hint="", dtype=None):
    """Raises CheckFailed unless `actual` has the shape and, within `tolerance` (absolute), the values of `expected`.

    Python's numbers, fractions, numpy arrays and torch tensors of any dtype can be compared with one another. Only
    where a task says which dtype is wanted does its check name it, such as "float32".
    """
    expect(actual is not None, f"{message}: got None", "Does your function end in `return`?")
    try:
        got, want = as_array(actual), as_array(expected)
    except (TypeError, ValueError):
        kind = type(actual).__name__
        raise CheckFailed(f"{message}: expected numbers, got {kind} {short(actual)}", hint) from None
    expect(got.shape == want.shape, f"{message}: expected shape {want.shape}, got {got.shape}", hint)
    has = str(getattr(actual, "dtype", type(actual).__name__)).removeprefix("torch.")
    expect(dtype in (None, has), f"{message}: expected dtype {dtype}, got {has}", hint)
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
    digits = 6 if f"{want[place]:.6g}" != f"{got[place]:.6g}" else 17  # two numbers that differ must look different
    raise CheckFailed(f"{message}: expected {want[place]:.{digits}g}, got {got[place]:.{digits}g}{where}", hint)


def expect_gradient(function, oracle, inputs, tolerance, message, hint=""):
    """Raises CheckFailed unless the gradients of two functions of the same inputs agree: the learner's and the oracle.

    `inputs` is {name: value}; the gradient is taken with respect to each tensor of floats among them, of a sum of the
    outputs with fixed, uneven weights, so that no entry of it is hidden by another.
    """
    torch = sys.modules["torch"]
    sides = []
    for side in (oracle, function):
        given = {name: value.detach().clone().requires_grad_() if floats(value) else value
                 for name, value in inputs.items()}  # fmt: skip
        with torch.enable_grad():
            out = side(*given.values())
        cut = "torch.no_grad, .detach(), .item() and .data cut the way back."
        expect(floats(out) and out.requires_grad, f"{message}: the result has no gradient", f"{hint or cut}")
        weights = torch.arange(out.numel(), dtype=out.dtype).add(1).cos().reshape(out.shape)
        learn = {name: value for name, value in given.items() if floats(value)}
        grads = torch.autograd.grad((out * weights).sum(), learn.values(), allow_unused=True)
        sides.append(dict(zip(learn, grads, strict=True)))
    for name, wanted in sides[0].items():
        got, what = sides[1][name], f"{message}: the gradient of {name}"
        wanted = torch.zeros_like(inputs[name]) if wanted is None else wanted
        expect(got is not None or not wanted.any(), f"{what} is missing", hint)
        expect_close(wanted if got is None else got, wanted, tolerance, what, hint)


def is_whole(value):
    """Returns whether a value is a whole number, Python's or numpy's: True and False are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def floats(value):
    """Returns whether a value is a torch tensor of floating-point numbers."""
    return is_torch(value, "Tensor") and value.is_floating_point()


def expect_choice(answer, options, right, why):
    """Raises CheckFailed unless the learner chose the right one of {letter: explanation}.

    `why` is {letter of a wrong explanation: the measurement that refutes it, in words}.
    """
    letters = ", ".join(options)
    letter = answer.strip().lower() if isinstance(answer, str) else answer
    expect(letter in options, f"no explanation is chosen: got {short(answer)}, wanted one of {letters}",
           "Read them above the cell, and write the letter of the one that measurements leave standing.")  # fmt: skip
    expect(letter == right, f"explanation {letter}, {options[letter]!r}, is refuted", why.get(letter, ""))


def expect_prediction(guess, measured, tolerance, what, hint=""):
    """Raises CheckFailed unless a learner's prediction came true: a number, or names in an order, the largest first.

    A number holds within the tolerance. An order is compared with {name: measured number}: two names may stand either
    way where they differ by no more than the tolerance.
    """
    if not isinstance(measured, dict):
        expect(isinstance(guess, Real) and not isinstance(guess, bool), f"{what}: predict a number, got {short(guess)}",
               "Write it down before you run the check.")  # fmt: skip
        expect(abs(guess - measured) <= tolerance,
               f"{what}: you predicted {guess:.3g}, measured is {measured:.3g}", hint)  # fmt: skip
        return
    named = isinstance(guess, list | tuple) and sorted(map(str, guess)) == sorted(map(str, measured))
    expect(named, f"{what}: predict an order of {sorted(measured)}, got {short(guess)}", "Each name once, the largest "
           "first. Write it down before you run the check.")  # fmt: skip
    for first, second in itertools.combinations(guess, 2):
        expect(measured[first] >= measured[second] - tolerance, f"{what}: you put {first} before {second}, measured "
               f"are {measured[first]:.3g} and {measured[second]:.3g}", hint)  # fmt: skip


def as_array(value):
    """Returns numbers, an array or a torch tensor as a float64 array; raises TypeError or ValueError otherwise."""
    if is_torch(value, "Tensor"):
        value = value.detach().cpu().double().numpy()
    elif isinstance(value, list | tuple) and any(is_torch(part, "Tensor") for part in value):
        value = [as_array(part) for part in value]
    array = np.asarray(value)
    if array.dtype.kind == "O" and all(isinstance(number, Real) for number in array.flat):  # such as fractions
        array = array.astype(np.float64)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"not numbers: {array.dtype}")
    return array.astype(np.float64)


def check(function=None, **rules):
    """Returns the function as a lab's check: prints one line when it passes, raises CheckFailed when it does not.

    `check_masked_loss` prints "check passed: masked_loss". A stub's NotImplementedError and any error in the learner's
    code become a CheckFailed that names the task, or the error with the learner's line. Every function or class that
    the check is given comes through a `gate`; `@check(changes=("model",))` gives the gate its rules.
    """
    if function is None:
        return functools.partial(check, **rules)
    name = function.__name__.removeprefix("check_")

    @functools.wraps(function)
    def checked(*args, **kwargs):
        gates = [gate(value, **rules) if callable(value) else value for value in args]
        try:
            function(*gates, **kwargs)
            for gated in gates:
                getattr(gated, "finish", lambda: None)()
        except Exception as error:
            # `from None`: a learner who asks for the traceback sees the verdict, not the machinery.
            raise explain(error, name, function.__code__) from None
        print(f"check passed: {name}")

    checked.is_check, checked.rules = True, rules
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
    given = getattr(error, "given", "")
    where += f"\nIt was given {given}." if given else ""
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
