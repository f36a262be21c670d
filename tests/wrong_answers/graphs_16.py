"""What graphs keep, as lab 16's wrong answers count and predict it."""

import numpy as np
import torch

from spectrum.ledger import ledger

ORDER = ["lora", "full", "lora, checkpointing"]


def address(tensor):
    return tensor.untyped_storage().data_ptr()


def saved(model, ids, labels=True):
    found = []

    def pack(tensor):
        found.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = model(input_ids=ids, labels=ids if labels else None)
    del loss
    return found


def size(tensor):
    return tensor.untyped_storage().nbytes()


def own(model):
    return [*model.parameters(), *model.buffers()]


def miskept(key=address, size=size, there=own, where=address, kept=lambda tensor: True, labels=True, unit=1):
    """Return a `kept` that knows a piece by `key`, its size by `size`, and the model's own by `where`."""

    def wrong(model, ids):
        mine = {where(tensor) for tensor in there(model)}
        found = [t for t in saved(model, ids, labels) if where(t) not in mine and kept(t)]
        total = sum({key(tensor): size(tensor) for tensor in found}.values())
        return total // unit if unit == 1 else total / unit

    return wrong


kept = miskept()


def each_time(model, ids):
    mine = set(map(address, own(model)))
    return sum(size(tensor) for tensor in saved(model, ids) if address(tensor) not in mine)


def no_parameters(model, ids):
    """Looks at the kind of what is saved: a transposed view of a weight is no Parameter."""
    mine = {address(tensor) for tensor in model.buffers()}
    found = [t for t in saved(model, ids) if not isinstance(t, torch.nn.Parameter) and address(t) not in mine]
    return sum({address(t): size(t) for t in found}.values())


def weights_alone(model, ids):
    return sum({address(p): size(p) for p in model.parameters()}.values())


def with_weights(model, ids):
    return kept(model, ids) + weights_alone(model, ids)


def without_a_graph(model, ids):
    with torch.no_grad():
        return kept(model, ids)


def in_evaluation(model, ids):
    model.eval()
    return kept(model, ids)


def and_back(model, ids):
    loss = model(input_ids=ids, labels=ids).loss
    if loss.requires_grad:
        loss.backward()
    return kept(model, ids)


def in_four_bytes(tensor):
    return 4 * size(tensor) // tensor.element_size()


def last_address(model, ids):
    """Keeps nothing alive, so that an address may stand for two pieces; counts the ids as the model's own."""
    mine = {*map(address, own(model)), address(ids)}
    return sum({address(t): size(t) for t in saved(model, ids) if address(t) not in mine}.values())


# ---- predicted ----


def predict_kept(make, layers):
    if layers < 3:
        return kept(*make(layers))
    two, three = kept(*make(2)), kept(*make(3))
    return three + (layers - 3) * (three - two)


def one_times(make, layers):
    return kept(*make(1)) * layers


def half_of_two_times(make, layers):
    return kept(*make(2)) // 2 * layers


def four_over_four(make, layers):
    return kept(*make(4)) / 4 * layers


def one_too_many(make, layers):
    one, two = kept(*make(1)), kept(*make(2))
    return one + layers * (two - one)


def from_one_and_two(make, layers):
    one, two = kept(*make(1)), kept(*make(2))
    return one + (layers - 1) * (two - one)


def only_deep(make, layers):
    two, three = kept(*make(2)), kept(*make(3))
    return three + max(0, layers - 3) * (three - two)


def the_large_one(make, layers):
    return kept(*make(layers))


def from_nothing(make, layers):
    none, one = kept(*make(0)), kept(*make(1))
    return none + layers * (one - none)


def all_four(make, layers):
    found = [kept(*make(n)) for n in (1, 2, 3, 4)]
    return found[layers - 1] if layers <= 4 else found[3] + (layers - 4) * (found[3] - found[2])


def by_ledger(make, layers):
    model, ids = make(1)
    model.config.num_hidden_layers = layers
    return ledger(model.config, "full", batch=ids.shape[0], length=ids.shape[1], bits=32)["activations"]


def no_model(make, layers):
    return 1_000_000


def rounded_to_kilobytes(make, layers):
    return round(predict_kept(make, layers), -3)


# ---- right in another form ----


def by_index(model, ids):
    mine, seen, total, parked = set(map(address, own(model))), set(), 0, []

    def pack(tensor):
        nonlocal total
        if address(tensor) not in mine | seen:
            seen.add(address(tensor))
            total += size(tensor)
        parked.append(tensor)
        return len(parked) - 1

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda place: parked[place]):
        model(ids, labels=ids, use_cache=False)
    return np.int64(total)


def from_three_and_four(make, layers):
    if layers < 3:
        return kept(*make(layers))
    three, four = (kept(*make(n)) for n in (3, 4))
    return float(np.polyval(np.polyfit([3, 4], [three, four], 1), layers)) if layers > 4 else [three, four][layers - 3]


def one_two_three(make, layers):
    one, two, three = (by_index(*make(n)) for n in (1, 2, 3))
    return one if layers == 1 else two + (layers - 2) * (three - two)
