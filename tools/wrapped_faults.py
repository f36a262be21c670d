"""Wrapped mutants: the right function inside a fault that every function can have.

Which faults a function can have follows from the calls that its check makes: a list can be cut short, a number rounded.
"""

import copy
import functools
import inspect

import torch

from spectrum.checks.snapshot import named
from tools.value_faults import (
    ascii_only,
    carried,
    cut,
    fixed_size,
    floats,
    has_fraction,
    has_text,
    is_whole,
    mutable,
    overwrite,
    rounded,
    shape,
    sized,
    spoil,
    turned,
)

SIZES = (4, 8, 16, 40, 64)  # seen of a list, a text, the last dimension of a tensor; or the most a whole number can be
PLACES = (2, 4, 6)


def wrapped(function, calls, forbids=()):
    """Yields (the fault in words, the faulty function) for every fault that a function with such calls can have.

    `calls` is [({parameter: argument}, result)], what the check gave and got; `forbids` the check's forbidden names.
    """
    names = [name for name in inspect.signature(function).parameters if name != "self"]
    given = {name: [call[name] for call, _ in calls if call.get(name) is not None] for name in names}
    for name, values in given.items():
        for value in values[:1]:
            yield from argument_faults(function, name, value, values)
    yield from result_faults(function, [result for _, result in calls])
    if given and any(map(sized, given.values())):
        yield "remembers results by the shape of what it is given", remembers(function, by_shape=True)
    yield "gives its first result for ever", remembers(function, by_shape=False)
    for name in forbids:
        yield f"calls {name}", around(function, after=lambda result, given, name=name: calls_it(name, result))


def argument_faults(function, name, value, values):
    """Yields the faults in what a function does with one parameter, of which it was given these values."""
    if mutable(value):
        yield f"changes {name}", around(function, after=lambda result, given: (spoil(given[name]), result)[1])
    cuttable = is_whole(value) or sized(value) and not fixed_size(values)
    for n in SIZES if cuttable else ():
        yield f"sees only {n} of {name}", on(function, name, lambda value, n=n: cut(value, n))
    if any(isinstance(part, float) for part in values) or name == "alpha":
        yield f"takes int({name})", on(function, name, int)
    default = inspect.signature(function).parameters[name].default
    if default is not inspect.Parameter.empty:
        yield f"ignores {name}", on(function, name, lambda value: default)
    elif not callable(value):
        first = []
        yield f"remembers {name}", on(function, name, lambda value: (first.append(copy.deepcopy(value)), first[0])[1])
    if has_text(value):
        yield f"drops what is not ASCII in {name}", on(function, name, ascii_only)
    if isinstance(value, list | dict) and len(value):
        yield f"takes {name} from the end", on(function, name, turned)
    if isinstance(value, list):
        before = []
        yield f"still sees the {name} of the call before", on(function, name, lambda value: carried(before, value))


def result_faults(function, results):
    """Yields the faults in what a function returns."""
    if any(has_fraction(result) for result in results):
        for places in PLACES:
            yield f"rounds to {places} places", around(
                function, after=lambda result, given, n=places: floats(result, lambda x: rounded(x, n)))  # fmt: skip
        yield "cuts its result to whole numbers", around(
            function, after=lambda result, given: floats(result, lambda x: rounded(x - 0.5, 0)))  # fmt: skip
    if any(torch.is_tensor(result) and result.is_floating_point() for result in results):
        yield "casts to float32", around(function, after=lambda result, given: floats(result, torch.Tensor.float))
    if any(mutable(result) for result in results):
        kept = []
        yield "gives the same object each time", around(
            function, after=lambda result, given: (kept.append(result), overwrite(kept[0], result))[1])  # fmt: skip
    if any(torch.is_tensor(result) and result.requires_grad for result in results):
        yield "detaches the gradient", around(function, after=lambda result, given: result.detach())
        yield "doubles the gradient", around(function, after=lambda result, given: 2 * result - result.detach())
        yield "has the gradient of something else", around(
            function, after=lambda result, given: result.detach() + sum(
                (x - x.detach()).sum() for x in given.values() if torch.is_tensor(x) and x.is_floating_point())
        )  # fmt: skip


def around(function, before=lambda given: given, after=lambda result, given: result):
    """Returns the function with something done to {parameter: argument} before it, and to its result after it."""

    @functools.wraps(function)
    def faulty(*args, **kwargs):
        bound = inspect.signature(function).bind(*args, **kwargs)
        bound.apply_defaults()
        bound.arguments = before(dict(bound.arguments))
        return after(function(*bound.args, **bound.kwargs), bound.arguments)

    return faulty


def on(function, name, change):
    """Returns the function that changes one argument before it looks at it."""
    return around(function, before=lambda given: {**given, name: change(given[name])})


def remembers(function, by_shape):
    """Returns the function that looks its result up, by the shapes of its arguments or by nothing."""
    known = {}

    @functools.wraps(function)
    def faulty(*args, **kwargs):
        key = str([shape(value) for value in (*args, *kwargs.values())]) if by_shape else ""
        if key not in known:
            known[key] = function(*args, **kwargs)
        return copy.deepcopy(known[key])

    return faulty


def calls_it(name, result):
    """Calls a forbidden function, with arguments that it cannot use where need be, and returns the result."""
    target = named(name)
    if inspect.ismodule(target):
        own = [part for part in vars(target).values() if inspect.isfunction(part) and part.__module__ == name]
        target = next(part for part in own if part.__code__.co_filename == target.__file__)  # not one made by a library
    # A decorator's own function takes anything, and fails before the one inside is entered: count that one's arguments.
    wants = [None] * (inspect.unwrap(target).__code__.co_argcount if inspect.isfunction(target) else 0)
    try:
        target(*wants)
    except Exception:  # that it was called is the fault
        pass
    return result
