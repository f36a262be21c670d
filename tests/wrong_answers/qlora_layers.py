"""QLoRA layers for the tables of lab 15: a right one, and what makes wrong ones of it."""

import torch
from torch.utils.checkpoint import checkpoint

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


class TimesRestored(torch.autograd.Function):
    """The product with the restored weight, which keeps the codes alone."""

    @staticmethod
    def forward(ctx, x, codes, constants, shape):
        ctx.save_for_backward(codes, constants)
        ctx.shape = shape
        return x @ dequantize(codes.long(), constants, shape).T

    @staticmethod
    def backward(ctx, gradient):
        codes, constants = ctx.saved_tensors
        return gradient @ dequantize(codes.long(), constants, ctx.shape), None, None, None


class Layer(torch.nn.Module):
    """A right QLoRALinear, from which the wrong ones differ in one thing."""

    def __init__(self, linear, rank, alpha):
        super().__init__()
        codes, constants = quantize(linear.weight.data)
        self.register_buffer("codes", codes.to(torch.uint8))
        self.register_buffer("constants", constants)
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach().clone())
        self.shape = linear.weight.shape
        self.A = torch.nn.Parameter(torch.randn(rank, linear.in_features) / linear.in_features**0.5)
        self.B = torch.nn.Parameter(torch.zeros(linear.out_features, rank))
        self.scaling = alpha / rank

    def weight(self):
        return dequantize(self.codes.long(), self.constants, self.shape)

    def base(self, x):
        output = TimesRestored.apply(x, self.codes, self.constants, self.shape)
        return output if self.bias is None else output + self.bias

    def update(self, x):
        return self.scaling * (x @ self.A.T @ self.B.T)

    def forward(self, x):
        return self.base(x) + self.update(x)


def layer_with(change):
    """Returns a Layer that `change(layer, linear, rank, alpha)` alters after it is made."""

    class Changed(Layer):
        def __init__(self, linear, rank, alpha):
            super().__init__(linear, rank, alpha)
            change(self, linear, rank, alpha)

    return Changed


def layer_that(forward):
    """Returns a Layer with another forward pass."""
    return type("Other", (Layer,), {"forward": forward})


def trains_the_weight(layer, linear, rank, alpha):
    layer.frozen = torch.nn.Parameter(layer.weight())


def keeps_the_weight(layer, linear, rank, alpha):
    layer.register_buffer("restored", layer.weight())


def hides_the_weight(layer, linear, rank, alpha):
    layer.hidden = [linear.weight.data]


def holds_the_old_layer(layer, linear, rank, alpha):
    layer.hidden = [linear]


def trains_the_bias(layer, linear, rank, alpha):
    if linear.bias is not None:
        layer.bias = None
        layer.offset = torch.nn.Parameter(linear.bias.detach().clone())


def freezes_the_old_bias(layer, linear, rank, alpha):
    if linear.bias is not None:
        linear.bias.requires_grad_(False)


def bias_in_the_graph(layer, linear, rank, alpha):
    layer.bias = None if linear.bias is None else linear.bias.clone()


def bias_shared(layer, linear, rank, alpha):
    layer.bias = None if linear.bias is None else linear.bias.detach()


def bias_not_saved(layer, linear, rank, alpha):
    offset = None if linear.bias is None else linear.bias.detach().clone()
    del layer.bias
    layer.bias = offset


def scaled_by(scaling):
    """Returns a Layer whose update is scaled by `scaling(alpha, rank)`."""
    return layer_with(lambda layer, linear, rank, alpha: setattr(layer, "scaling", scaling(alpha, rank)))


def matrix(name, make):
    """Returns a Layer whose A or B is what `make` makes of the right one."""
    return layer_with(lambda layer, *_: setattr(layer, name, torch.nn.Parameter(make(getattr(layer, name).detach()))))


def as_the_base(linear, rank, alpha):
    """Returns a Layer whose A and B have the format of the layer that came in."""
    layer = Layer(linear, rank, alpha)
    for name in ("A", "B"):
        setattr(layer, name, torch.nn.Parameter(getattr(layer, name).detach().to(linear.weight.dtype)))
    return layer


def in_the_graph(layer, x):
    return torch.nn.functional.linear(x, layer.weight(), layer.bias) + layer.update(x)


def merging(layer, x):
    return torch.nn.functional.linear(x, layer.weight() + layer.scaling * layer.B @ layer.A, layer.bias)


def caching(layer, x):
    layer.restored = layer.weight()
    return layer.base(x) + layer.update(x)


class OnCtx(TimesRestored):
    """Keeps the weight where autograd does not see it."""

    @staticmethod
    def forward(ctx, x, codes, constants, shape):
        ctx.weight = dequantize(codes.long(), constants, shape)
        return x @ ctx.weight.T

    @staticmethod
    def backward(ctx, gradient):
        return gradient @ ctx.weight, None, None, None


def on_ctx(layer, x):
    output = OnCtx.apply(x, layer.codes, layer.constants, layer.shape)
    return (output if layer.bias is None else output + layer.bias) + layer.update(x)


def way_back(backward):
    """Returns a Layer whose product has another way back, `backward(ctx, gradient, weight)` -> the gradient of x."""

    def on_the_way(ctx, gradient):
        codes, constants = ctx.saved_tensors
        return backward(ctx, gradient, dequantize(codes.long(), constants, ctx.shape)), None, None, None

    product = type("Product", (TimesRestored,), {"backward": staticmethod(on_the_way)})

    def forward(layer, x):
        output = product.apply(x, layer.codes, layer.constants, layer.shape)
        return (output if layer.bias is None else output + layer.bias) + layer.update(x)

    return layer_that(forward)


def in_place(ctx, gradient, weight):
    found = gradient @ weight
    gradient.zero_()
    return found


def by_library(ctx, gradient, weight):
    import bitsandbytes.functional

    bitsandbytes.functional.quantize_4bit(weight, blocksize=64, quant_type="nf4")
    return gradient @ weight


def remembered(ctx, gradient, weight):
    ctx.found = getattr(ctx, "found", gradient @ weight)
    return ctx.found


def small_outputs_cut(layer, x):
    output = Layer.forward(layer, x)
    return output + (output.round(decimals=6) - output).detach()


def one_gradient_doubled(layer, x):
    update = layer.update(x)
    return layer.base(x) + 2 * update - update.detach()


def checkpointed(layer, x):
    def base(x):
        return torch.nn.functional.linear(x, layer.weight(), layer.bias)

    return checkpoint(base, x, use_reentrant=False) + layer.update(x)


def with_dropout(layer, x):
    dropped = torch.nn.functional.dropout(x, 0.1, layer.training)
    return layer.base(x) + layer.update(dropped)


def empties_the_old(layer, linear, rank, alpha):
    linear.weight.data.zero_()
