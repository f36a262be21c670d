"""Thin helpers on PEFT: add a LoRA, count it, save and load it, look at its updates, squeeze it.

Built by hand in notebooks/11_lora_by_hand.ipynb.
"""

import copy
import logging
import warnings
from pathlib import Path

import torch
from transformers.pytorch_utils import Conv1D

from spectrum.adapter_files import check_adapter, plain_name, write_base
from spectrum.layers import (
    check_share,
    empty_model,
    find_layers,
    layer_width,
    parameter_size,
    plain_weight,
    shape_of,
    share_of,
    short_names,
)

ALPHA = 16  # of a LoRA, whatever its rank
# On a processor with AVX512-BF16, bitsandbytes looks for a kernel of the hub when it is first imported (peft does that)
# and warns when there is none. It works without. This line is the course's only place for that; importing it is enough.
logging.getLogger("bitsandbytes.backends.cpu.ops").addFilter(lambda record: "gemm_4bit" not in str(record.msg))
# peft 0.21 asks transformers 5.23 by an old name; nothing that a learner does causes it or could change it.
warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)


def add_lora(model, rank, alpha=None, targets="all-linear", dropout=0.0, rslora=False, seed=0,
             allow=0.5):  # fmt: skip
    """Returns a PeftModel: the model, frozen, with an untrained LoRA whose update is B·A · alpha/rank, B = 0.

    `alpha` stays 16 at every rank unless given: so the best learning rate moves least with the rank (lesson 12; Hu et
    al. and Schulman et al. 2025 hold theirs fixed too). With `rslora` the factor is alpha/√rank. `targets` is
    "all-linear", "attention", "mlp" or a list of module names; the head is never adapted. `seed` draws A. The model
    itself is changed. Raises ValueError for a rank below 1, for targets that are not there, for a model that has an
    adapter already, and where "all-linear" layers hold a smaller share of the weights than `allow`, as with a mixture
    of experts.
    LoRA: Hu et al. 2021, arXiv 2106.09685; rsLoRA: Kalajdzievski 2023, arXiv 2312.03732.
    """
    from peft import LoraConfig, PeftModel, get_peft_model

    if isinstance(model, PeftModel):
        raise ValueError("add_lora: the model has an adapter already; go on from model.unload(), or a fresh load_model")
    check_rank("add_lora", rank)
    layers = find_layers(model, targets)
    if targets == "all-linear":
        check_share("add_lora", share_of(model, layers), allow, model)
    config = LoraConfig(
        r=rank,
        lora_alpha=ALPHA if alpha is None else alpha,
        target_modules=short_names(model, layers),
        fan_in_fan_out=any(isinstance(layer, Conv1D) for layer in layers.values()),
        lora_dropout=dropout,
        use_rslora=rslora,
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        try:
            return get_peft_model(model, config)
        except ValueError as error:  # layers that are there and that peft cannot adapt, as Mamba's `out_proj`
            take_out(model)
            raise ValueError(
                f"add_lora: peft cannot adapt all of {sorted(config.target_modules)} of this {type(model).__name__}; "
                f"give those that it can take as targets=[...]. It says: {error}"
            ) from error


def take_out(model):
    """Puts the layers of a model back that peft had wrapped before it gave up."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for name, layer in [(n, m) for n, m in model.named_modules() if isinstance(m, BaseTunerLayer)]:
        parent, _, child = name.rpartition(".")
        setattr(model.get_submodule(parent), child, layer.get_base_layer())


def check_rank(who, rank):
    """Raises ValueError unless rank is an integer of at least 1."""
    if not isinstance(rank, int) or rank < 1:
        raise ValueError(f"{who}: rank must be an integer of at least 1, not {rank!r}")


def count(model):
    """Returns {"trainable", "total", "share"}: parameters, all with the adapter's own; share = trainable / the base's.

    A tied weight counts once, a 4-bit one as what it stands for.
    """
    adapters = set(getattr(model, "peft_config", {}))
    sizes = [(name, parameter_size(p), p.requires_grad) for name, p in model.named_parameters()]
    trainable = sum(size for _, size, grad in sizes if grad)
    base = sum(size for name, size, _ in sizes if not adapters & set(name.split(".")))
    return {"trainable": trainable, "total": sum(size for _, size, _ in sizes), "share": trainable / base}


def lora_count(config, rank, targets="all-linear"):
    """Returns the parameters of a LoRA, the sum of rank·(d_in + d_out), from a model's config; no weights are made."""
    check_rank("lora_count", rank)
    return sum(rank * sum(layer_width(layer)) for layer in find_layers(empty_model(config), targets).values())


# ---- saving and loading ----


def save_adapter(model, folder):
    """Saves the adapters, of any kind that peft has, as it does, and beside each a note of the base for `load_adapter`.

    Raises ValueError for a model without one, and while it is merged: the base's own weights are not there to be noted.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer

    if not getattr(model, "peft_config", None):
        raise ValueError("save_adapter: the model has no adapter; add_lora or load_adapter first")
    if any(layer.merged for layer in model.modules() if isinstance(layer, BaseTunerLayer)):
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
        name: sum(
            update_of(layer, a) for a in layer.active_adapters if a in layer.lora_A or a in layer.lora_embedding_A
        )
        for name, layer in lora_layers(model).items()
    }


def update_of(layer, adapter):
    """Returns B·A · scaling of one adapter of a layer; peft turns it round where the layer's weight lies transposed."""
    found = layer.get_delta_weight(adapter)
    return found.T if getattr(layer, "fan_in_fan_out", False) or adapter in layer.lora_embedding_A else found


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
    return {name: plain_weight(new[name]) - plain_weight(old[name]) for name in old}


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

    The best in the Frobenius norm (Eckart and Young 1936). The given model stays as it is. Raises ValueError where the
    adapter holds more than its updates, such as whole modules that were trained beside them.
    """
    check_rank("compress", rank)
    found = deltas(model)
    small = new_adapter(model, rank)
    for name, layer in lora_layers(small).items():
        u, s, v = torch.linalg.svd(found[name].cpu().double(), full_matrices=False)
        root = s[:rank].sqrt()
        set_factors(layer, u[:, :rank] * root, root[:, None] * v[:rank])
    return small


def random_like(model, seed=0):
    """Returns a copy whose LoRA is random: each update has the Frobenius norm and the rank of the layer's own.

    A control that must not work. The given model stays as it is. Raises ValueError as `compress` does.
    """
    generator = torch.Generator().manual_seed(seed)
    found = deltas(model)
    (active,) = model.active_adapters
    control = new_adapter(model, model.peft_config[active].r, model.peft_config[active].rank_pattern)
    for name, layer in lora_layers(control).items():
        a, b = (torch.randn(side.shape, generator=generator) for side in factors(layer))
        set_factors(layer, b * (found[name].norm().cpu() / (b @ a).norm()), a)
    return control


def new_adapter(model, rank, patterns=None):
    """Returns a copy of the model's base with a fresh LoRA of a rank on the same layers, scaling 1.

    `patterns` is {name: rank} of layers that differ, as peft's `rank_pattern`.
    """
    from peft import get_peft_model

    (active,) = model.active_adapters
    config = copy.deepcopy(model.peft_config[active])
    check_updates_alone(config)
    config.r, config.lora_alpha, config.use_rslora, config.inference_mode = rank, rank, False, False
    config.rank_pattern, config.alpha_pattern = dict(patterns or {}), dict(patterns or {})  # alpha / rank is 1
    config.base_model_name_or_path = None
    with torch.random.fork_rng():
        return get_peft_model(copy.deepcopy(model).unload(), config)


def check_updates_alone(config):
    """Raises ValueError where an adapter is more than its updates: what it holds besides would be lost in a copy."""
    besides = ("modules_to_save", "trainable_token_indices", "lora_bias")
    for name in (name for name in besides if getattr(config, name, None)):
        raise ValueError(
            f"this adapter holds more than updates: it was made with {name}={getattr(config, name)!r}, and what is "
            "trained by that is no B·A, which could be squeezed or drawn at random. Merge it, or train one without it"
        )


@torch.no_grad()
def set_factors(layer, b, a):
    """Copies B (d_out, r) and A (r, d_in) into a LoRA layer; a rank beyond theirs is left at zero."""
    for weight, values in zip(factors(layer), (a, b), strict=True):
        weight.zero_()
        weight[: values.shape[0], : values.shape[1]] = values


def factors(layer, adapter="default"):
    """Returns (A, B) of a LoRA layer as tensors; an embedding keeps them under other names."""
    if adapter in layer.lora_embedding_A:
        return layer.lora_embedding_A[adapter], layer.lora_embedding_B[adapter]
    return layer.lora_A[adapter].weight, layer.lora_B[adapter].weight
