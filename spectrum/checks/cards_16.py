"""What a card can compute in, for lab 16, and models whose trained weights have to come into 32 bits."""

import torch
from transformers import BitsAndBytesConfig

from spectrum import adapters
from spectrum.checks.gate import expect, short
from spectrum.checks.kept_16 import plain_model

OLD = ((7, 5), (7, 0), (7, 2), (6, 1), (5, 2), (3, 7))  # compute capabilities without bfloat16
NEW = ((8, 0), (8, 6), (8, 9), (9, 0), (10, 0), (12, 0), (12, 1))
KEYS = {"quantization", "dtype", "bf16", "fp16", "optim"}
MAJOR = "The first number is the generation: from 8 on a card multiplies bfloat16 itself. The second says nothing here."


def wanted_for(capability):
    """Returns (dtype, bf16, fp16, optim) of a card, or of a machine without one."""
    if capability is None:
        return torch.float32, False, False, "adamw_torch"
    new = capability[0] >= 8
    return (torch.bfloat16 if new else torch.float16), new, not new, "paged_adamw_8bit"


def dtype_hint(capability, found):
    """Returns the question to ask oneself about a wrong dtype."""
    if capability is None:
        return "Without a GPU there is nothing that multiplies 16 bits fast: float32."
    if found is torch.bfloat16:
        return f"A T4 is a 7.5 and has no bfloat16 of its own, though it says so when asked. {MAJOR}"
    if found is torch.float16 and capability[0] >= 10:
        return "10 and 12 are more than 8 as numbers, but not as texts."
    return f"Where there is bfloat16, its range spares you the scaled loss. {MAJOR}"


def expect_quantization(config, dtype, double, name):
    """Raises unless a BitsAndBytesConfig says NF4, computed in the dtype, with constants quantized as asked."""
    expect(isinstance(config, BitsAndBytesConfig), f"{name}: 'quantization' is {short(config)}",
           "from_pretrained wants a BitsAndBytesConfig.")  # fmt: skip
    expect(config.load_in_4bit and not config.load_in_8bit, f"{name}: the config does not load in four bits",
           "A BitsAndBytesConfig that is told nothing quantizes nothing: load_in_4bit.")  # fmt: skip
    given = config.bnb_4bit_quant_type, config.bnb_4bit_compute_dtype, config.bnb_4bit_use_double_quant
    wanted = "nf4", dtype, double
    for field, got, want, hint in zip(("bnb_4bit_quant_type", "bnb_4bit_compute_dtype", "bnb_4bit_use_double_quant"),
                                      given, wanted, DEFAULTS, strict=True):  # fmt: skip
        expect(got == want, f"{name}: {field} is {got!r}, wanted {want!r}", hint)


DEFAULTS = (  # what is so if nothing is said
    "Without a word from you it is 'fp4', whose levels do not follow the weights.",
    "Without a word from you it is float32, which is slow on a GPU. It is the dtype of everything that is not in four "
    "bits.",
    "Without a word from you the constants are not quantized. It is what `double` says.",
)


# ---- models with something to train in 16 bits ----


class Layer(torch.nn.Module):
    """A frozen weight, an adapter that learns, a norm that learns, an adapter that does not, and a table of buffers."""

    def __init__(self):
        super().__init__()
        self.weight = frozen(torch.randn(6, 5).half())
        self.lora_A = torch.nn.Parameter(torch.randn(2, 5).half())
        self.lora_B = torch.nn.Parameter(torch.randn(6, 2))
        self.norm = torch.nn.Parameter(torch.randn(7).bfloat16())
        self.old_lora_A = frozen(torch.randn(3, 5).half())
        self.codes = frozen(torch.randint(0, 255, (4, 1), dtype=torch.uint8))
        self.alpha = torch.nn.Parameter(torch.randn(()).half())
        self.register_buffer("angles", torch.randn(3).half())


class Tied(torch.nn.Module):
    """A table and a head that are one trained weight, in bfloat16, and a frozen layer."""

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(9, 4).bfloat16()
        self.head = torch.nn.Linear(4, 9, bias=False).bfloat16()
        self.head.weight = self.table.weight
        self.inner = torch.nn.Linear(4, 4).bfloat16().requires_grad_(False)


def frozen(tensor):
    """Returns a parameter that does not learn."""
    return torch.nn.Parameter(tensor, requires_grad=False)


def adapted(dtype, rank):
    """Returns a model with a LoRA, all of it in a dtype, as it is after `model.to(dtype)`."""
    return adapters.add_lora(plain_model("qwen3", 2), rank).to(dtype)


MODELS = (  # how to make a model, numbers that are to change, what it is
    (Layer, 2 * 5 + 7 + 1, "a layer of which one adapter, a norm and a number learn in 16 bits"),
    (Tied, 36, "a trained table that is the head as well"),
    (lambda: adapted(torch.float16, 3), None, "a LoRA of rank 3 that was turned into float16 with its base"),
    (lambda: adapted(torch.bfloat16, 5), None, "a LoRA of rank 5 in bfloat16"),
    (lambda: adapted(torch.float32, 2), 0, "a LoRA in float32"),
    (lambda: adapted(torch.float64, 2), 0, "a LoRA in float64"),
    (lambda: adapted(torch.float16, 2).requires_grad_(False), 0, "a model of which nothing learns"),
)


def notes(model):
    """Returns {name: (tensor's numbers, dtype, whether it learns)} of weights and buffers."""
    every = [*model.named_parameters(remove_duplicate=False), *model.named_buffers()]
    return {name: (tensor.detach().clone(), tensor.dtype, tensor.requires_grad) for name, tensor in every}


def expect_floats(model, before, what):
    """Raises unless what is trained is in float32 now, with its numbers, and all else as it was before."""
    after = notes(model)
    expect(after.keys() == before.keys(), f"{what}: weights came or went", "Only the format of some changes.")
    for name, (numbers, dtype, learns) in before.items():
        now, kind, still = after[name]
        wanted = torch.float32 if learns and dtype != torch.float64 else dtype
        expect(still == learns, f"{what}: {name} {'does not learn any more' if learns else 'learns now'}",
               "Who learns stays as it was.")  # fmt: skip
        expect(kind == wanted, f"{what}: {name}, which {'is trained' if learns else 'is not trained'}, is in {kind}, "
               f"wanted {wanted}", "What learns is what `requires_grad` says, whatever its name is." if learns else
               "The base stays as it is: in float32 it would take twice the memory.")  # fmt: skip
        expect(torch.equal(now.double(), numbers.double()), f"{what}: {name} has other numbers than before",
               "Every number in 16 bits is one in 32 bits as well.")  # fmt: skip
    if isinstance(model, Tied):
        expect(model.head.weight is model.table.weight, f"{what}: they are two weights now",
               "Change the parameter's `data`, and whoever holds it keeps it.")  # fmt: skip
