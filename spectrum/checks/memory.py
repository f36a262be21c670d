"""What stays in memory after a learner's code has run, and what it built on the way."""

import gc

import torch
from torch.overrides import TorchFunctionMode


def stored_bytes(tensor):
    """Returns the bytes of a tensor's storage: a view of one number keeps all of it."""
    return tensor.untyped_storage().nbytes()


def kept_by(call):
    """Returns (result of the call, what outlives it as [(bytes, shape)], the largest first).

    Kept are the tensors that autograd saves for the backward pass, and every new one that Python can reach: as an
    attribute, in a closure or on the `ctx` of an autograd function.
    """
    found = []

    def note(tensor):
        found.append((stored_bytes(tensor), tuple(tensor.shape)))
        return tensor

    gc.freeze()  # what is there already is out of the collector's sight: all that it knows afterwards is new
    try:
        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            result = call()
        gc.collect()
        new = [thing for thing in gc.get_objects() if issubclass(type(thing), torch.Tensor)]
    finally:
        gc.unfreeze()
    found += [(stored_bytes(tensor), tuple(tensor.shape)) for tensor in new if not tensor.is_meta]
    return result, sorted(found, reverse=True)


def holds(module, wanted):
    """Returns whether an attribute of a module leads to the object `wanted`, through containers and other modules."""
    todo, seen = [vars(module)], set()
    while todo:
        part = todo.pop()
        if part is wanted:
            return True
        if id(part) not in seen and isinstance(part, dict | list | tuple | set | torch.nn.Module):
            seen.add(id(part))
            todo += gc.get_referents(vars(part) if isinstance(part, torch.nn.Module) else part)
    return False


class Learning(TorchFunctionMode):
    """Collects, while it is on, the shapes of all results through which a gradient flows."""

    def __init__(self):
        super().__init__()
        self.shapes = set()

    def __torch_function__(self, function, types, arguments=(), named=None):
        result = function(*arguments, **(named or {}))
        if isinstance(result, torch.Tensor) and result.requires_grad:
            self.shapes.add(tuple(result.shape))
        return result
