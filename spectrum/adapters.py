"""Thin helpers on PEFT: add a LoRA, count it, save and load it, look at its updates, squeeze it.

Built by hand in notebooks/11_lora_by_hand.ipynb.
"""

import copy
import json
import logging
import math
import warnings
from functools import lru_cache
from pathlib import Path

import torch
from torch import nn

from spectrum.adapter_files import check_adapter, plain_name, write_base

# On a processor with AVX512-BF16, bitsandbytes looks for a kernel of the hub when it is first imported (peft does that)
# and warns when there is none. It works without. This line is the course's only place for that; importing it is enough.
logging.getLogger("bitsandbytes.backends.cpu.ops").addFilter(lambda record: "gemm_4bit" not in str(record.msg))
# peft 0.21 asks transformers 5.23 by an old name; nothing that a learner does causes it or could change it.
warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)

PARTS = {"attention": ("attn", "attention"), "mlp": ("mlp", "feed_forward")}


def add_lora(model, rank, alpha=None, targets="all-linear", dropout=0.0, rslora=False, seed=0):
    """Returns a PeftModel: the model, frozen, with an untrained LoRA whose update is B·A · alpha/rank, B = 0.

    `alpha` is 2·rank unless given; with `rslora` the factor is alpha/√rank. `targets` is "all-linear", "attention",
    "mlp" or a list of module names; the head is never adapted. `seed` draws A. The model itself is changed. Raises
    ValueError for a rank below 1, for targets that are not there and for a model that has an adapter already.
    LoRA: Hu et al. 2021, arXiv 2106.09685; rsLoRA: Kalajdzievski 2023, arXiv 2312.03732.
    """
    from peft import LoraConfig, PeftModel, get_peft_model

    if isinstance(model, PeftModel):
        raise ValueError("add_lora: the model has an adapter already; go on from model.unload(), or a fresh load_model")
    check_rank("add_lora", rank)
    config = LoraConfig(
        r=rank,
        lora_alpha=2 * rank if alpha is None else alpha,
        target_modules=short_names(model, find_layers(model, targets)),
        lora_dropout=dropout,
        use_rslora=rslora,
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return get_peft_model(model, config)


def check_rank(who, rank):
    """Raises ValueError unless rank is an integer of at least 1."""
    if not isinstance(rank, int) or rank < 1:
        raise ValueError(f"{who}: rank must be an integer of at least 1, not {rank!r}")


def find_layers(model, targets="all-linear"):
    """Returns {name: linear layer} of a plain model's targets, without the head; ValueError where nothing is found."""
    head = model.get_output_embeddings()
    layers = {n: m for n, m in model.named_modules() if isinstance(m, nn.Linear) and m is not head}
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


def count(model):
    """Returns {"trainable", "total", "share"}: parameters, all with the adapter's own; share = trainable / the base's.

    A tied weight counts once, a 4-bit one as what it stands for.
    """
    adapters = set(getattr(model, "peft_config", {}))
    sizes = [(name, parameter_size(p), p.requires_grad) for name, p in model.named_parameters()]
    trainable = sum(size for _, size, grad in sizes if grad)
    base = sum(size for name, size, _ in sizes if not adapters & set(name.split(".")))
    return {"trainable": trainable, "total": sum(size for _, size, _ in sizes), "share": trainable / base}


def parameter_size(parameter):
    """Returns the number of weights that a parameter stands for; a 4-bit one packs two into a byte."""
    state = getattr(parameter, "quant_state", None)
    return math.prod(state.shape) if state is not None else parameter.numel()


def lora_count(config, rank, targets="all-linear"):
    """Returns the parameters of a LoRA, the sum of rank·(d_in + d_out), from a model's config; no weights are made."""
    check_rank("lora_count", rank)
    return sum(rank * (m.in_features + m.out_features) for m in find_layers(empty_model(config), targets).values())


def empty_model(config):
    """Returns the model of a config with shapes only: its weights take no memory. Do not change it: it is kept."""
    return build_empty(type(config), config.to_json_string(use_diff=False))


@lru_cache(maxsize=16)  # a widget asks again at every move of a slider, and a model of 70B takes a second
def build_empty(kind, text):
    """Returns the model of a config given as its class and its JSON, with shapes only."""
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(kind.from_dict(json.loads(text)))


# ---- saving and loading ----


def save_adapter(model, folder):
    """Saves the adapters as peft does, and beside each a note of the base that `load_adapter` reads.

    Raises ValueError while an adapter is merged: the base's own weights are not there to be noted.
    """
    if any(layer.merged for layer in lora_layers(model).values()):
        raise ValueError("save_adapter: the adapter is merged; call model.unmerge_adapter() first")
    model.save_pretrained(folder)
    write_base(model, folder)


def load_adapter(model, folder, name="default"):
    """Returns a PeftModel: the model with the adapter of a folder, in use; a further one on a PeftModel, by `name`.

    Folders written by plain peft are accepted. Raises FileNotFoundError for a folder without an adapter and ValueError
    if the adapter was made for another base, other shapes or another vocabulary.
    """
    from peft import PeftModel

    check_adapter(model, Path(folder))
    if not isinstance(model, PeftModel):
        model = PeftModel.from_pretrained(model, folder, adapter_name=name)
    elif name in model.peft_config:
        raise ValueError(f"load_adapter: the model has an adapter {name!r} already; give this one another name")
    else:
        model.load_adapter(folder, name)
        model.set_adapter(name)
    # Where peft looks when it saves the adapter again; a bare name would be asked of the hub.
    model.peft_config[name].base_model_name_or_path = model.get_base_model().name_or_path
    return model


# ---- what an adapter does ----


def lora_layers(model):
    """Returns {plain module name: PEFT's LoRA layer}; ValueError for a model without LoRA, or with DoRA."""
    from peft.tuners.lora import LoraLayer

    layers = {plain_name(n): m for n, m in model.named_modules() if isinstance(m, LoraLayer)}
    if not layers:
        raise ValueError("the model has no LoRA layers; add_lora or load_adapter first")
    if any(any(m.use_dora.values()) for m in layers.values()):
        raise ValueError("this adapter is a DoRA, which also rescales the weights: its update is not B·A alone")
    return layers


@torch.no_grad()
def deltas(model):
    """Returns {module name: (d_out, d_in) tensor}: the update B·A · scaling that each LoRA layer adds to its weight."""
    return {
        name: sum(layer.get_delta_weight(adapter) for adapter in layer.active_adapters if adapter in layer.lora_A)
        for name, layer in lora_layers(model).items()
    }


@torch.no_grad()
def differences(before, after):
    """Returns {module name: (d_out, d_in) tensor}: what full fine-tuning added to each linear weight but the head.

    Raises ValueError where the two models are not of one shape.
    """
    old, new = find_layers(before), find_layers(after)
    unlike = [name for name in old | new if shape_of(old, name) != shape_of(new, name)]
    if unlike:
        name = unlike[0]
        raise ValueError(f"differences: {name!r} is {shape_of(old, name)} before and {shape_of(new, name)} after")
    return {name: new[name].weight - old[name].weight for name in old}


def shape_of(layers, name):
    """Returns the shape of a layer's weight, None where there is no such layer."""
    return tuple(layers[name].weight.shape) if name in layers else None


def energy_rank(delta, share=0.9):
    """Returns the smallest rank whose singular values, squared, hold `share` of the matrix's energy; 0 for zeros."""
    if not 0 < share <= 1:
        raise ValueError(f"energy_rank: share must be above 0 and at most 1, not {share}")
    energy = torch.linalg.svdvals(delta.detach().double()).square()
    if energy.sum() == 0:
        return 0
    held = energy.cumsum(0) / energy.sum()
    return int((held < share - 1e-12).sum()) + 1


def compress(model, rank):
    """Returns a copy whose LoRA has a smaller rank: the best approximation of each update, by its SVD.

    The best in the Frobenius norm (Eckart and Young 1936). The given model stays as it is.
    """
    check_rank("compress", rank)
    small, found = new_adapter(model, rank), deltas(model)
    for name, layer in lora_layers(small).items():
        u, s, v = torch.linalg.svd(found[name].cpu().double(), full_matrices=False)
        root = s[:rank].sqrt()
        set_factors(layer, u[:, :rank] * root, root[:, None] * v[:rank])
    return small


def random_like(model, seed=0):
    """Returns a copy whose LoRA is random: each update has the Frobenius norm and the rank of the model's own.

    A control that must not work. The given model stays as it is.
    """
    generator = torch.Generator().manual_seed(seed)
    found = deltas(model)
    (active,) = model.active_adapters
    control = new_adapter(model, model.peft_config[active].r)
    for name, layer in lora_layers(control).items():
        a, b = (torch.randn(side["default"].weight.shape, generator=generator) for side in (layer.lora_A, layer.lora_B))
        set_factors(layer, b * (found[name].norm().cpu() / (b @ a).norm()), a)
    return control


def new_adapter(model, rank):
    """Returns a copy of the model's base with a fresh LoRA of a rank on the same layers, scaling 1."""
    from peft import get_peft_model

    (active,) = model.active_adapters
    config = copy.deepcopy(model.peft_config[active])
    config.r, config.lora_alpha, config.use_rslora, config.inference_mode = rank, rank, False, False
    config.rank_pattern, config.alpha_pattern, config.base_model_name_or_path = {}, {}, None
    with torch.random.fork_rng():
        return get_peft_model(copy.deepcopy(model).unload(), config)


@torch.no_grad()
def set_factors(layer, b, a):
    """Copies B (d_out, r) and A (r, d_in) into a LoRA layer; a rank beyond theirs is left at zero."""
    for module, values in ((layer.lora_A["default"], a), (layer.lora_B["default"], b)):
        module.weight.zero_()
        module.weight[: values.shape[0], : values.shape[1]] = values
