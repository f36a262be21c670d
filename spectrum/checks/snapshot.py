"""What a value was before a call: flat pictures that can be compared afterwards, and what two values share.

`gate.py` takes a picture of every argument of a learner's function, calls it, and takes another.
"""

import dataclasses
import functools
import importlib
import inspect
import sys
import zlib
from contextlib import contextmanager

import numpy as np

WHOLE = 200_000  # numbers that are compared one by one; of a larger tensor every n-th is
PLAIN = (type(None), bool, int, float, complex, str, bytes, np.generic)


def picture(value):
    """Returns {place in the value: what stands there}, comparable with ==, of data, tensors, modules and tables.

    Functions and random generators have no picture: calling and drawing is what they are for. Of a tokenizer only its
    settings are looked at, of a tensor with more than 200,000 numbers a sample.
    """
    found = {}
    put(found, "", value, set())
    return found


def put(found, place, value, seen):
    """Adds what stands at a place to a picture; `seen` holds the ids of what is being looked at, against circles."""
    if isinstance(value, PLAIN):
        found[place] = type(value).__name__, repr(value)
        return
    if id(value) in seen or draws_or_calls(value):
        return
    for name, part in parts(value):
        put(found, place + name, part, seen | {id(value)})


def draws_or_calls(value):
    """Returns whether a value is a random generator, or a function that is no module, class or tokenizer."""
    kind = type(value).__module__.split(".")[0], type(value).__name__
    if kind in (("torch", "Generator"), ("numpy", "Generator"), ("numpy", "RandomState"), ("random", "Random")):
        return True
    return callable(value) and not (is_torch(value, "nn.Module") or is_tokenizer(value))


def parts(value):
    """Returns [(name of a place in the value, what stands there)]."""
    if is_torch(value, "Tensor"):
        return tensor_parts(value)
    if isinstance(value, np.ndarray):
        plain = value.dtype.kind != "O"
        return [(" dtype", str(value.dtype)), (" shape", str(value.shape)),
                (" values", value.tobytes() if plain else value.tolist())]  # fmt: skip
    if is_torch(value, "nn.Module"):
        named = [*value.named_parameters(), *value.named_buffers()]
        modes = {name: module.training for name, module in value.named_modules()}
        return [*((f".{name}", tensor) for name, tensor in named), (".training", modes)]
    if isinstance(value, dict):
        return [(" keys", repr(list(value))), *((f"[{key!r}]", part) for key, part in value.items())]
    if isinstance(value, set | frozenset):
        return [(" items", str(sorted(map(repr, value))))]
    if isinstance(value, list | tuple):
        return [(" length", len(value)), *((f"[{number}]", part) for number, part in enumerate(value))]
    if is_table(value):
        return [(" columns", list(value.columns)), (" index", list(value.index)), (" values", value.to_numpy())]
    if is_tokenizer(value):
        return [(f".{name}", getattr(value, name, None)) for name in ("padding_side", "chat_template", "pad_token_id")]
    if dataclasses.is_dataclass(value):
        return [(f".{field.name}", getattr(value, field.name)) for field in dataclasses.fields(value)]
    return [(f".{name}", part) for name, part in getattr(value, "__dict__", {}).items()]


def tensor_parts(tensor):
    """Returns the parts of a torch tensor: dtype, shape, requires_grad, values (as a checksum), whether it has grad."""
    flat = tensor.detach().flatten()
    flat = flat[:: max(1, flat.numel() // WHOLE)].contiguous()
    values = 0 if tensor.is_meta else zlib.crc32(flat.cpu().view(sys.modules["torch"].uint8).numpy())
    return [
        (" dtype", str(tensor.dtype)),
        (" shape", str(tuple(tensor.shape))),
        (" values", values),
        (".requires_grad", tensor.requires_grad),
        (".grad", tensor.is_leaf and tensor.grad is not None),
    ]


def is_torch(value, kind):
    """Returns whether a value is a torch.Tensor or torch.nn.Module; torch is not imported for the question."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, functools.reduce(getattr, kind.split("."), torch))


def is_tokenizer(value):
    """Returns whether a value is a tokenizer of transformers."""
    return hasattr(type(value), "apply_chat_template")


def is_table(value):
    """Returns whether a value is a pandas DataFrame."""
    return type(value).__module__.split(".")[0] == "pandas" and hasattr(value, "columns")


def difference(before, after):
    """Returns the first place in which two pictures differ, "" for the whole value, or None where they are equal."""
    for place in {**before, **after}:
        if before.get(place) != after.get(place):
            return place
    return None


def is_plain(value):
    """Returns whether a value is data alone, which can be copied and given once more: no function, model, generator."""
    if isinstance(value, (*PLAIN, np.ndarray)) or is_torch(value, "Tensor"):
        return True
    if isinstance(value, dict):
        return all(map(is_plain, value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(is_plain, value))
    return is_table(value)


def share(result, argument):
    """Returns whether a result is the mutable argument itself, or one of its tensors or arrays lies in its memory."""
    if result is argument and not isinstance(argument, (*PLAIN, tuple, frozenset)):
        return True
    mine, given = memories(result), memories(argument)
    return any(np.may_share_memory(a, b) for a in mine[0] for b in given[0]) or bool(mine[1] & given[1])


def memories(value):
    """Returns (numpy arrays, addresses of the torch storages) that a value holds, in lists, tuples and dicts too."""
    arrays, storages, todo = [], set(), [value]
    while todo:
        part = todo.pop()
        if isinstance(part, np.ndarray) and part.size:
            arrays.append(part)
        elif is_torch(part, "Tensor") and not part.is_meta and part.numel():
            storages.add(part.untyped_storage().data_ptr())
        elif isinstance(part, list | tuple):
            todo += part
        elif isinstance(part, dict):
            todo += part.values()
    return arrays, storages


@contextmanager
def calls_of(names):
    """Collects, while it is open, which of the dotted names of functions and modules are called: yields a list.

    A module's name stands for all that is defined in it, and in the modules below it where it is a package.

    However a function was imported, it is seen: Python's profile hook tells of every call. A function of C, such as
    `torch.softmax`, is known by its last name, so that `x.softmax(-1)` and `torch.nn.functional.softmax` count too.
    """
    found = {name: named(name) for name in names}
    codes = {inspect.unwrap(value).__code__: name for name, value in found.items() if inspect.isfunction(value)}
    last = {name.rpartition(".")[2]: name for name, value in found.items() if inspect.isbuiltin(value)}
    called = []

    def hook(frame, event, argument):
        if event == "c_call" and argument.__name__ in last:
            called.append(last[argument.__name__])
        elif event == "call":
            home = f"{frame.f_globals.get('__name__')}."
            above = [name for name in names if home.startswith(f"{name}.")]
            called.extend(name for name in (codes.get(frame.f_code), *above) if name)

    before = sys.getprofile()
    sys.setprofile(hook if names else before)
    try:
        yield called
    finally:
        sys.setprofile(before)


def named(name):
    """Returns the module, class or function with a dotted name such as "scipy.stats.binomtest".

    Raises ImportError or AttributeError where there is none: a check that forbids it must not forbid nothing.
    """
    home, _, last = name.rpartition(".")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        return getattr(named(home), last) if home else importlib.import_module(name)


def ufuncs_named(function, names):
    """Returns the ufuncs of forbidden modules, such as scipy.special.bdtr, that a function's code names: a list.

    Python's profile hook does not tell of their calls, so the code is read: that of the function, and of those beside
    it that it names. What numpy has under its own name is nobody else's.
    """
    homes = [module for home, module in list(sys.modules.items()) if any(f"{home}.".startswith(f"{n}.") for n in names)]
    foreign = {id(value) for home in homes for value in vars(home).values() if isinstance(value, np.ufunc)}
    foreign -= {id(value) for value in vars(np).values()}
    todo, seen, found = [function], set(), []
    while foreign and todo:
        part = todo.pop()
        if not inspect.isfunction(part) or part in seen or part.__globals__ is not function.__globals__:
            continue
        seen.add(part)
        reached = values_named(part)
        found += [value.__name__ for value in reached if id(value) in foreign]
        todo += reached
    return found


def values_named(function):
    """Returns what the names in a function's code stand for, as globals, imports and attributes of modules: a list."""
    codes, words = [function.__code__], set()
    while codes:
        code = codes.pop()
        words |= set(code.co_names)
        codes += [constant for constant in code.co_consts if inspect.iscode(constant)]
    reached = [home[word] for home in (function.__globals__, sys.modules) for word in words if word in home]
    seen = set()
    for value in reached:  # grows on the way
        if inspect.ismodule(value) and id(value) not in seen:
            seen.add(id(value))
            reached += [vars(value)[word] for word in words if word in vars(value)]
    return reached
