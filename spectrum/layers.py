"""The linear layers of a model: found by name, measured, and the share of its weights that they hold."""

import json
import math
import warnings
from functools import lru_cache

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

LINEAR = (nn.Linear, Conv1D)  # GPT-2's Conv1D is a linear layer whose weight lies transposed
PARTS = {"attention": ("attn", "attention"), "mlp": ("mlp", "feed_forward")}


def find_layers(model, targets="all-linear"):
    """Returns {name: linear layer} of a plain model's targets, without the head; ValueError where nothing is found."""
    head = model.get_output_embeddings()
    layers = {n: m for n, m in model.named_modules() if isinstance(m, LINEAR) and m is not head}
    if targets == "all-linear":
        return layers
    if isinstance(targets, str) and targets in PARTS:
        found = {n: m for n, m in layers.items() if any(part in n for part in PARTS[targets])}
    elif isinstance(targets, str):
        raise ValueError(f"targets must be 'all-linear', 'attention', 'mlp' or a list of names, not {targets!r}")
    else:
        found = {n: m for n, m in layers.items() if any(f".{n}".endswith(f".{name}") for name in targets)}
        lost = [name for name in targets if not any(f".{n}".endswith(f".{name}") for n in layers)]
        if lost:
            have = sorted({n.rsplit(".", 1)[-1] for n in layers})
            raise ValueError(f"targets: no linear layer is named {lost[0]!r} (the head cannot be adapted); have {have}")
    if not found:
        raise ValueError(f"targets: the model has no linear layers in its {targets or 'empty list'}")
    return found


def short_names(model, chosen):
    """Returns the last parts of the layers' names where they say it all, else the whole names."""
    ends = {name.rsplit(".", 1)[-1] for name in chosen}
    meant = [n for n in find_layers(model) if n.rsplit(".", 1)[-1] in ends]
    return sorted(ends) if len(meant) == len(chosen) else sorted(chosen)


def share_of(model, layers):
    """Returns the share of a model's matrices that some of its layers hold; embeddings and the head do not count.

    It is 1 for the Llama family. The experts of a mixture are stacked matrices and no linear layers: neither an adapter
    on linear layers nor loading in 4 bits reaches them.
    """
    adapters = set(getattr(model, "peft_config", {}))
    left_out = [m for m in model.modules() if isinstance(m, nn.Embedding)] + [model.get_output_embeddings()]
    ignored = {id(p) for module in left_out if module is not None for p in module.parameters()}
    every = {n: p for n, p in model.named_parameters() if id(p) not in ignored and not adapters & set(n.split("."))}
    total = sum(parameter_size(p) for p in every.values() if p.ndim > 1 or hasattr(p, "quant_state"))
    return sum(parameter_size(layer.weight) for layer in layers.values()) / total


def check_share(who, share, allow, model):
    """Raises ValueError where a smaller share of the weights than `allow` is reached; warns where it is not all."""
    said = f"{who}: {100 * share:.3g} % of the weights of this {type(model).__name__} are reached"
    if share < allow:
        raise ValueError(
            f"{said}, and at least {100 * allow:.3g} % are wanted: the others are in no linear layer that the library "
            "knows (experts of a mixture are stacked). Take another model, or accept it: "
            f"allow={math.floor(100 * share) / 100}"
        )
    if share < 0.9:
        warnings.warn(f"{said}; the others are in no linear layer", stacklevel=3)


def layer_width(layer):
    """Returns (inputs, outputs) of a linear layer."""
    return (layer.nx, layer.nf) if isinstance(layer, Conv1D) else (layer.in_features, layer.out_features)


def parameter_size(parameter):
    """Returns the number of weights that a parameter stands for; a 4-bit one packs two into a byte."""
    state = getattr(parameter, "quant_state", None)
    return math.prod(state.shape) if state is not None else parameter.numel()


def empty_model(config):
    """Returns the model of a config with shapes only: its weights take no memory. Do not change it: it is kept."""
    return build_empty(type(config), config.to_json_string(use_diff=False))


@lru_cache(maxsize=16)  # a widget asks again at every move of a slider, and a model of 70B takes a second
def build_empty(kind, text):
    """Returns the model of a config given as its class and its JSON, with shapes only."""
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(kind.from_dict(json.loads(text)))


def plain_weight(layer):
    """Returns the weight of a linear layer, (d_out, d_in)."""
    return layer.weight.T if isinstance(layer, Conv1D) else layer.weight


def shape_of(layers, name):
    """Returns the shape of a layer's weight, None where there is no such layer."""
    return tuple(plain_weight(layers[name]).shape) if name in layers else None
