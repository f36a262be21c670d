"""The gate through which a check calls a learner's function, and the failure that it and every check raise."""

import copy
import functools
import inspect
import math
from types import FunctionType

from spectrum.checks.snapshot import calls_of, difference, is_plain, picture, share, ufuncs_named

RED, PLAIN = "\x1b[31m", "\x1b[0m"
ANEW = ("Whoever gave it still needs it as it was. Make a new one instead of sort, pop, remove, +=, x[…] = … and names "
        "that end in _.")  # fmt: skip
COPY = "Whoever changes one of them changes both. Return a new one: a copy, or .clone()."
TOLD = 50  # numbers of an argument that are written out where it changes
RECENT = 8  # results that are looked at again after the next call
KEPT = "What is returned must not change afterwards, and a call must not depend on those before. Keep nothing between."


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


def short(value, limit=80):
    """Returns the value as one line of at most `limit` characters."""
    text = repr(value).replace("\n", " ")
    return text if len(text) <= limit else text[: limit - 1] + "…"


def brief(value):
    """Returns what an argument was in a few words: a tensor's or an array's shape, else the value cut short."""
    shape = getattr(value, "shape", None)
    return short(value, 40) if shape is None else f"{type(value).__name__} of shape {tuple(shape)}"


def told(value):
    """Returns plain data in one line, to be shown if it changes; "" for the rest, which takes long to write out."""
    return short(value) if is_plain(value) and numbers_of(value) <= TOLD else ""


def numbers_of(value):
    """Returns how many numbers, words and the like a value of plain data holds."""
    if isinstance(value, dict | list | tuple):
        return sum(map(numbers_of, value.values() if isinstance(value, dict) else value))
    return math.prod(getattr(value, "shape", ()))


def gate(target, *, changes=(), repeats=True, forbids=()):
    """Returns a learner's function or class, every call of which is watched; CheckFailed names what was done wrong.

    No argument may change, but those whose names are in `changes`, and what is returned does not change at a later
    call. The gate of a function has `finish`, for the end of a check: it refuses results that share memory with an
    argument, and repeats the first call where that had plain data alone, wanting the same result; not where `repeats`
    is False, for a task that draws or takes long.
    `forbids` names functions and modules ("torch.softmax", "spectrum.voting") that must not be called.
    """
    rules = {"changes": tuple(changes), "forbids": tuple(forbids)}
    if not isinstance(target, type):
        return gate_function(target, repeats=repeats, **rules)
    own = {name: part for name, part in vars(target).items() if isinstance(part, FunctionType)}
    watched = {name: gate_function(part, repeats=False, **rules) for name, part in own.items()}
    return type(target.__name__, (target,), {"__module__": target.__module__, "__doc__": target.__doc__, **watched})


def gate_function(function, changes, repeats, forbids):
    """Returns a function watched as `gate` says."""
    hidden = ufuncs_named(function, forbids) if inspect.isfunction(function) else []
    calls, shared = [], []  # the first call: copied arguments, picture of the result; arguments in what was returned

    @functools.wraps(function)
    def gated(*args, **kwargs):
        given = {name: value for name, value in names_of(function, args, kwargs).items() if name not in changes}
        before = {name: (picture(value), told(value)) for name, value in given.items()}
        again = copy.deepcopy((args, kwargs)) if repeats and not calls and is_plain([*args, *kwargs.values()]) else None
        kept = [(old, picture(old)) for old in gated.results]
        failed = None
        with calls_of(forbids) as called:
            try:
                result = function(*args, **kwargs)
            except Exception as error:
                failed = error  # what was called says more than how it failed
        called += hidden
        expect(not called, f"your function calls {called[0] if called else ''}", "Here it is yours to write.")
        if failed:
            failed.given = ", ".join(f"{name} = {brief(value)}" for name, value in given.items())
            raise failed
        for name, value in given.items():
            expect_unchanged(name, value, *before[name])
            shared.extend([name] if share(result, value) else [])
        expect(all(difference(was, picture(old)) is None for old, was in kept),
               "what your function returned before has changed at this call", KEPT)  # fmt: skip
        if again:
            calls.append((again, picture(result), short(result)))
        gated.results = [*gated.results, result][-RECENT:]
        return result

    def finish():
        expect(not shared, f"what your function returned shares memory with its argument `{(*shared, '')[0]}`", COPY)
        for (args, kwargs), was, said in calls:
            result = function(*args, **kwargs)
            expect(difference(was, picture(result)) is None,
                   f"called once more with what it was first given, your function returned {short(result)}, not {said}",
                   KEPT)  # fmt: skip

    gated.finish, gated.results = finish, []
    return gated


def names_of(function, args, kwargs):
    """Returns {name of the parameter: argument}, without `self`; by place where they do not fit the signature."""
    try:
        bound = inspect.signature(function).bind(*args, **kwargs).arguments
    except (TypeError, ValueError):  # the call itself will say what does not fit
        bound = {("self" if n == 0 and is_method(function) else n): value for n, value in enumerate(args)} | kwargs
    return {name: value for name, value in bound.items() if name != "self"}


def is_method(function):
    """Returns whether a function of Python takes `self` first."""
    return isinstance(function, FunctionType) and function.__code__.co_varnames[:1] == ("self",)


def expect_unchanged(name, value, before, said):
    """Raises CheckFailed where an argument is no longer what its picture before the call shows."""
    after = picture(value)
    place = difference(before, after)
    if place is None:
        return
    was, now = (side.get(place, ("", "not there"))[1][:80] for side in (before, after))
    what = f"{name}{place} was {was}, and is now {now}"
    if place.endswith(" values"):
        what = f"the numbers in {name}{place.removesuffix(' values')} are others"
    if said and said != short(value):
        what = f"it was {said}, and is now {short(value)}"
    raise CheckFailed(f"your function changed its argument `{name}`: {what}", ANEW)
