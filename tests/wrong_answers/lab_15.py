"""Plausible wrong answers to lab 15, and what the checks must say to each."""

import torch

from spectrum import adapters
from spectrum.checks import lab_15
from spectrum.checks.lab_15 import LEVELS


def quantize(weight, whole=False, absolute=True, by_index=False, guard=True):
    """NF4 with one mistake switched on."""
    blocks = weight.reshape(-1, 64)
    constants = blocks.abs().amax(dim=1) if absolute else blocks.amax(dim=1)
    if whole:
        constants = weight.abs().max()[None]
    scaled = blocks / (constants.clamp(min=1e-30) if guard else constants)[:, None]
    if by_index:
        return ((scaled + 1) / 2 * 15).round().long().clamp(0, 15), constants
    return (scaled[..., None] - LEVELS).abs().argmin(dim=-1), constants


def dequantize(codes, constants, shape, scale=True):
    values = LEVELS[codes] * constants[:, None] if scale else LEVELS[codes]
    return values.reshape(shape)


def pair(**mistake):
    return lambda weight: quantize(weight, **mistake), dequantize


def columns(weight):
    return quantize(weight.T.contiguous())


class Layer(torch.nn.Module):
    """A right QLoRALinear, from which the wrong ones differ in one thing."""

    def __init__(self, linear, rank, alpha):
        super().__init__()
        codes, constants = quantize(linear.weight.data)
        self.register_buffer("codes", codes.to(torch.uint8))
        self.register_buffer("constants", constants)
        self.register_buffer("bias", linear.bias.detach().clone())
        self.shape = linear.weight.shape
        self.A = torch.nn.Parameter(torch.randn(rank, linear.in_features) / linear.in_features**0.5)
        self.B = torch.nn.Parameter(torch.zeros(linear.out_features, rank))
        self.scaling = alpha / rank

    def weight(self):
        return dequantize(self.codes.long(), self.constants, self.shape)

    def forward(self, x):
        return torch.nn.functional.linear(x, self.weight(), self.bias) + self.scaling * (x @ self.A.T @ self.B.T)


class TrainsTheWeight(Layer):
    def __init__(self, linear, rank, alpha):
        super().__init__(linear, rank, alpha)
        self.frozen = torch.nn.Parameter(dequantize(*quantize(linear.weight.data), linear.weight.shape))


class KeepsTheWeight(Layer):
    def __init__(self, linear, rank, alpha):
        super().__init__(linear, rank, alpha)
        self.register_buffer("restored", dequantize(*quantize(linear.weight.data), linear.weight.shape))


class TrainsTheBias(Layer):
    def __init__(self, linear, rank, alpha):
        super().__init__(linear, rank, alpha)
        del self.bias
        self.bias = linear.bias


class NoScaling(Layer):
    def __init__(self, linear, rank, alpha):
        super().__init__(linear, rank, alpha)
        self.scaling = 1


class RoundsTheAdapter(Layer):
    def forward(self, x):
        update = self.scaling * self.B @ self.A
        update = update + (dequantize(*quantize(update.detach()), self.shape) - update).detach()
        return torch.nn.functional.linear(x, self.weight() + update, self.bias)


class NoGradientToTheInput(Layer):
    def forward(self, x):
        frozen = torch.nn.functional.linear(x.detach(), self.weight(), self.bias)
        return frozen + self.scaling * (x @ self.A.T @ self.B.T)


class NoGradientAtAll(Layer):
    @torch.no_grad()
    def forward(self, x):
        return super().forward(x)


class UsesTheUnrounded(Layer):
    def __init__(self, linear, rank, alpha):
        super().__init__(linear, rank, alpha)
        self.hidden = [linear.weight.data]

    def weight(self):
        return self.hidden[0]


def count(model, rank, constant=4, head=False, adapter=4, twice=False, rest=True):
    """A right count of bytes, with mistakes by argument."""
    linear = sum(layer.weight.numel() for layer in adapters.find_layers(model).values())
    total = sum(parameter.numel() for parameter in model.parameters())
    table = model.get_input_embeddings().weight.numel()
    tied = model.config.tie_word_embeddings
    others = (total - linear) * rest + table * (twice and tied)
    four_bits = linear + table * (head and not tied)
    weights = four_bits // 2 + 2 * (others - table * (head and not tied))
    return {"weights": weights, "constants": linear // 64 * constant,
            "adapters": adapter * adapters.lora_count(model.config, rank)}  # fmt: skip


def miscount(**mistake):
    return lambda model, rank: count(model, rank, **mistake)


REASON = "They lie where the weights of this very model are dense."


def empties_constants(codes, constants, shape):
    restored = dequantize(codes, constants, shape)
    constants.zero_()
    return restored


def clamped_constants(weight):
    codes, constants = quantize(weight)
    return codes, constants.clamp(min=1e-3) if constants.min() > 0 else constants


class CachesTheWeight(Layer):
    def forward(self, x):
        self.restored = self.weight()
        return super().forward(x)


class EmptiesTheOld(Layer):
    def __init__(self, linear, rank, alpha):
        super().__init__(linear, rank, alpha)
        linear.weight.data.zero_()


class AOfZeros(Layer):
    def __init__(self, linear, rank, alpha):
        super().__init__(linear, rank, alpha)
        self.A.data.zero_()


def adds_lora(model, rank):
    found = count(model, rank)
    adapters.add_lora(model, rank)
    return found


def floats(model, rank):
    return {part: float(size) for part, size in count(model, rank).items()}


def without_biases(model, rank):
    found = count(model, rank)
    biases = sum(p.numel() for name, p in model.named_parameters() if name.endswith("bias"))
    return found | {"weights": found["weights"] - 2 * biases}


def changes_levels(scaled):
    lab_15.LEVELS[3] = -0.4
    return lab_15.LEVELS


WRONG = [
    ("check_nf4", "one constant for the whole tensor", pair(whole=True), "a constant of its own"),
    ("check_nf4", "maximum without absolute value", pair(absolute=False), "absolute value first"),
    ("check_nf4", "nearest index instead of nearest level", pair(by_index=True), "not evenly"),
    (
        "check_nf4",
        "restored without the constant",
        (quantize, lambda *a: dequantize(*a, scale=False)),
        "block's constant",
    ),
    ("check_nf4", "zeros divided by zero", pair(guard=False), "0/0"),
    ("check_nf4", "zeros", (quantize, lambda c, k, shape: torch.zeros(shape)), "restored"),
    ("check_qlora_layer", "gradient into the frozen weight", TrainsTheWeight, "The base is frozen"),
    ("check_qlora_layer", "bias trained", TrainsTheBias, "The base is frozen"),
    ("check_qlora_layer", "restored weight kept", KeepsTheWeight, "not the weight"),
    ("check_qlora_layer", "alpha / rank forgotten", NoScaling, "alpha / rank"),
    ("check_qlora_layer", "adapter rounded too", RoundsTheAdapter, "in full precision"),
    ("check_qlora_layer", "input detached", NoGradientToTheInput, "layers below learn"),
    ("check_qlora_layer", "no gradient at all", NoGradientAtAll, "no torch.no_grad()"),
    ("check_qlora_layer", "weight never rounded", UsesTheUnrounded, "keeps a restored weight"),
    ("check_nf4", "constants emptied", (quantize, empties_constants), "changed its argument `constants`"),
    ("check_nf4", "small constants clamped", (clamped_constants, dequantize), "a small constant is still a constant"),
    ("check_qlora_layer", "restored weight cached", CachesTheWeight, "keeps a restored weight"),
    ("check_qlora_layer", "old weight emptied", EmptiesTheOld, "changed its argument `linear`"),
    ("check_qlora_layer", "A of zeros", AOfZeros, "nothing learns"),
    ("check_count_bytes", "adds the adapter", adds_lora, "changed its argument `model`"),
    ("check_count_bytes", "floats", floats, "expected whole numbers"),
    ("check_count_bytes", "biases forgotten", without_biases, "with biases"),
    ("check_beat_nf4", "changes LEVELS", (changes_levels, REASON), "had been changed"),
    ("check_count_bytes", "constants forgotten", miscount(constant=0), "share one constant"),
    ("check_count_bytes", "constants counted as 16 bits", miscount(constant=2), "as 16 bits"),
    ("check_count_bytes", "head counted as 4 bits", miscount(head=True), "You counted the head as 4 bits"),
    ("check_count_bytes", "tied head counted twice", miscount(twice=True), "no second tensor"),
    ("check_count_bytes", "adapters in 4 bits", miscount(adapter=0.5), "4 bytes each"),
    ("check_count_bytes", "embeddings and norms forgotten", miscount(rest=False), "stay in 16 bits"),
    ("check_beat_nf4", "NF4 itself", (lambda scaled: LEVELS, REASON), "same number of weights"),
    ("check_beat_nf4", "even levels", (lambda scaled: torch.linspace(-1, 1, 16), REASON), "same number of weights"),
    ("check_beat_nf4", "more than 16 levels", (lambda scaled: torch.linspace(-1, 1, 17), REASON), "no more"),
    ("check_beat_nf4", "levels beyond the weights", (lambda scaled: 1.5 * LEVELS, REASON), "none lies beyond"),
    ("check_beat_nf4", "no reason", (lambda scaled: LEVELS * 0.95, "They fit."), "wanted eight or more"),
]
