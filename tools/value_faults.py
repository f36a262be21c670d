"""What a wrapped fault does to a value that a function is given or gives, and which values it can do it to."""

import numpy as np
import torch


def is_whole(value):
    """Returns whether a value is a whole number, and neither True nor False."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def sized(value):
    """Returns whether a value is something that can be seen in part: a text, a list, a tensor with dimensions."""
    if torch.is_tensor(value) or isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, str | list | tuple | dict) or hasattr(value, "head")


def fixed_size(values):
    """Returns whether values are tuples of one size, such as pairs: each place has its meaning, and none is cut off."""
    return all(isinstance(value, tuple) for value in values) and len(set(map(len, values))) == 1


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
