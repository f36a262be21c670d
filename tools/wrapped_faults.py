"""Wrapped mutants: the right function inside a fault that every function can have.

Which faults a function can have follows from the calls that its check makes: a list can be cut short, a number rounded.
"""

import copy
import functools
import inspect

import numpy as np
import torch

from spectrum.checks.snapshot import named

SIZES = (4, 8, 16, 40, 64)  # seen of a list, a text, the last dimension of a tensor; or the most a whole number can be
PLACES = (2, 4, 6)
NUMBERS = (int, float, np.number)


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
    cuttable = sized(value) or is_whole(value)
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
        target = next(part for part in vars(target).values() if inspect.isfunction(part) and part.__module__ == name)
    wants = [None] * (target.__code__.co_argcount if inspect.isfunction(target) else 0)
    try:
        target(*wants)
    except Exception:  # that it was called is the fault
        pass
    return result


def is_whole(value):
    """Returns whether a value is a whole number, and neither True nor False."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def sized(value):
    """Returns whether a value is something that can be seen in part: a text, a list, a tensor with dimensions."""
    if torch.is_tensor(value) or isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, str | list | tuple | dict) or hasattr(value, "head")


def mutable(value):
    """Returns whether a caller would see what is written into a value."""
    return isinstance(value, list | dict | set | np.ndarray | torch.Tensor | torch.nn.Module) or hasattr(value, "head")


def cut(value, n):
    """Returns the first n items or characters, a tensor with zeros after the n-th place of its rows, or at most n."""
    if is_whole(value):
        return min(value, n)
    if torch.is_tensor(value) or isinstance(value, np.ndarray):
        value = value.clone() if torch.is_tensor(value) else value.copy()
        with torch.no_grad():
            value[..., n:] = 0
        return value
    if isinstance(value, dict):
        return dict(list(value.items())[:n])
    return value.head(n) if hasattr(value, "head") else value[:n]


def spoil(value):
    """Changes a value that can be changed."""
    if isinstance(value, list | set) and value:
        value.pop()
    elif isinstance(value, dict) and value:
        value.popitem()
    elif torch.is_tensor(value) or isinstance(value, np.ndarray):
        with torch.no_grad():
            value += 1
    elif isinstance(value, torch.nn.Module):
        parameter = next(value.parameters())
        parameter.requires_grad_(not parameter.requires_grad)
    elif hasattr(value, "head"):
        value.drop(value.index[:1], inplace=True)


def turned(value):
    """Returns a list or dict in reverse order."""
    return value[::-1] if isinstance(value, list) else dict(reversed(value.items()))


def carried(before, value):
    """Returns a list with what was in the one of the call before, and keeps it for the next."""
    both = before + value
    before[:] = value
    return both


def overwrite(kept, result):
    """Returns the object that was kept, with the new result in it where it has the same kind and shape."""
    if kept is result or type(kept) is not type(result) or shape(kept) != shape(result) and not isinstance(kept, list):
        return result
    if isinstance(kept, list):
        kept[:] = result
    elif isinstance(kept, dict | set):
        kept.clear()
        kept.update(result)
    else:
        with torch.no_grad():
            kept[...] = result
    return kept


def shape(value):
    """Returns what a careless cache looks at: type and size of what has a size, the value of a number."""
    if torch.is_tensor(value) or isinstance(value, np.ndarray):
        return tuple(value.shape)
    return (type(value).__name__, len(value)) if hasattr(value, "__len__") else repr(value)


def has_text(value):
    """Returns whether a value is text, or a list or dict with text in it."""
    if isinstance(value, list | tuple | dict):
        return any(map(has_text, value.values() if isinstance(value, dict) else value))
    return isinstance(value, str)


def ascii_only(value):
    """Returns a value with all its texts in ASCII."""
    if isinstance(value, dict):
        return {key: ascii_only(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(ascii_only, value))
    return value.encode("ascii", "ignore").decode() if isinstance(value, str) else value


def floats(result, change):
    """Returns a result with every number or tensor that is not whole changed."""
    if isinstance(result, list | tuple):
        return type(result)(floats(part, change) for part in result)
    if isinstance(result, dict):
        return {key: floats(part, change) for key, part in result.items()}
    is_tensor = torch.is_tensor(result) and result.is_floating_point()
    return change(result) if is_tensor or isinstance(result, float | np.floating) or is_floats(result) else result


def is_floats(value):
    """Returns whether a value is a numpy array of floats."""
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def rounded(value, places):
    """Returns a number, array or tensor rounded to some places."""
    return value.round(decimals=places) if torch.is_tensor(value) else np.round(value, places)


def has_fraction(result):
    """Returns whether a result holds a number that is not whole."""
    found = []
    floats(result, lambda part: found.append(bool(np.any(np.asarray(torch.as_tensor(part).detach().float()) % 1))))
    return any(found)
