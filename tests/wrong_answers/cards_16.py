"""Settings for cards, as lab 16's wrong answers choose them."""

import torch
from peft import prepare_model_for_kbit_training
from peft.utils import cast_mixed_precision_params
from transformers import BitsAndBytesConfig

HALVES = (torch.float16, torch.bfloat16)


def missettled(
    new=lambda card: card[0] >= 8,
    cpu=torch.float32,
    both=False,
    optim=lambda card: "adamw_torch" if card is None else "paged_adamw_8bit",
    quantized=None,
    dtypes=(torch.float16, torch.bfloat16),
    autocast=None,
    double=lambda double: double,
):
    """Return a `set_up` in which one thing is chosen otherwise."""

    def wrong(capability, double_=True):
        dtype = cpu if capability is None else dtypes[new(capability)]
        four = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": dtype}
        four["bnb_4bit_use_double_quant"] = double(double_)
        four = four | (quantized or {}) if quantized != {} else {}
        bf16, fp16 = autocast(capability, dtype) if autocast else (dtype == torch.bfloat16, dtype == torch.float16)
        return {"quantization": BitsAndBytesConfig(**{k: v for k, v in four.items() if v is not None}), "dtype": dtype,
                "bf16": bf16 or both, "fp16": fp16 or both, "optim": optim(capability)}  # fmt: skip

    return wrong


set_up = missettled()


def asks_torch(capability, double=True):
    """is_bf16_supported() of a T4 says True."""
    return missettled(new=lambda card: True)(capability, double)


def left_out(capability, double=True):
    found = set_up(capability, double)
    return {key: found[key] for key in ("quantization", "dtype", "bf16", "fp16")}


def as_dict(capability, double=True):
    found = set_up(capability, double)
    return found | {"quantization": found["quantization"].to_dict()}


def as_text(capability, double=True):
    found = set_up(capability, double)
    return found | {"dtype": str(found["dtype"]).removeprefix("torch.")}


def never_double(capability, double=False):
    return set_up(capability, double)


def as_list(capability, double=True):
    return list(set_up(capability, double).values())


# ---- what is trained ----


def misfloated(chosen=lambda name, p: p.requires_grad and p.dtype in HALVES, count=lambda p: p.numel(), to=None):
    """Return a `trainable_in_float32` that chooses or counts otherwise."""

    def wrong(model):
        changed = 0
        for name, parameter in model.named_parameters():
            if chosen(name, parameter):
                parameter.data = parameter.data.to(to or torch.float32)
                changed += count(parameter)
        return changed

    return wrong


trainable_in_float32 = misfloated()


def whole_model(model):
    changed = sum(p.numel() for p in model.parameters() if p.requires_grad and p.dtype in HALVES)
    model.float()
    return changed


def by_peft(model):
    """prepare_model_for_kbit_training freezes all and turns all 16 bits into 32."""
    changed = sum(p.numel() for p in model.parameters() if p.requires_grad and p.dtype in HALVES)
    prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    return changed


def by_peft_in_half(model):
    """cast_mixed_precision_params turns what is frozen into one format, whatever it is in."""
    changed = sum(p.numel() for p in model.parameters() if p.requires_grad and p.dtype in HALVES)
    cast_mixed_precision_params(model, torch.float16)
    return changed


def not_at_all(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad and p.dtype in HALVES)


def a_copy(model):
    changed = 0
    for parameter in model.parameters():
        if parameter.requires_grad and parameter.dtype in HALVES:
            parameter = parameter.float()
            changed += parameter.numel()
    return changed


def new_parameters(model):
    changed = 0
    for module in model.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            if parameter.requires_grad and parameter.dtype in HALVES:
                setattr(module, name, torch.nn.Parameter(parameter.detach().float()))
                changed += parameter.numel()
    return changed


def whole_modules(model):
    """A module with something to train is turned as a whole, its buffers and frozen weights too."""
    changed = not_at_all(model)
    for module in model.modules():
        if any(p.requires_grad for p in module.parameters(recurse=False)):
            module.float()
    return changed


def frozen_afterwards(model):
    changed = trainable_in_float32(model)
    for parameter in model.parameters():
        parameter.requires_grad_(parameter.dtype == torch.float32 and changed > 0)
    return changed


# ---- right in another form ----


def by_table(capability, double=True):
    generation = -1 if capability is None else capability[0]
    name = "float32" if generation < 0 else ("float16", "bfloat16")[generation > 7]
    four = BitsAndBytesConfig(True is False, True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=name,
                              bnb_4bit_use_double_quant=bool(double))  # fmt: skip
    return dict(zip(("optim", "fp16", "bf16", "dtype", "quantization"), (
        "adamw_torch" if generation < 0 else "paged_adamw_8bit", int(name == "float16"), int(name == "bfloat16"),
        getattr(torch, name), four), strict=True))  # fmt: skip


def compared_as_pair(capability, double=True):
    return missettled(new=lambda card: card >= (8, 0))(capability, double)


def by_size_of_type(model):
    changed = torch.tensor(0)
    for parameter in filter(lambda p: p.requires_grad and p.dtype.itemsize < 4, model.parameters()):
        changed += parameter.numel()
        parameter.data = parameter.data.to(torch.float32)
    return changed
