"""What 16 levels are measured with: weights of lumen-base and others, the error of rounding, and the model's own."""

import copy

import torch

from spectrum import adapters
from spectrum.models import load_model
from spectrum.shop import corpus

BLOCK = 64


def rescaled(weights):
    """Returns the weights, each divided by the largest absolute value of its block of 64, as one row."""
    blocks = weights.detach().double().reshape(-1, BLOCK)
    return (blocks / blocks.abs().amax(dim=1, keepdim=True).clamp(min=1e-30)).reshape(-1)


def weights_of(numbers):
    """Returns the scaled weights of some decoder layers of lumen-base."""
    layers = load_model("lumen-base")[0].model.layers
    linears = [part for number in numbers for part in layers[number].modules() if isinstance(part, torch.nn.Linear)]
    return torch.cat([rescaled(layer.weight) for layer in linears])


def drawn(shape, generator):
    """Returns 256,000 scaled weights of a shape that lumen-base has not, in order of size.

    The shapes are "heavy" tails, "skewed" with a tail upwards that leaves low levels unused, and that "mirrored".
    They are sorted so that whoever looks at a part of them sees nothing of the rest.
    """
    values = torch.randn(4000, BLOCK, generator=generator)
    made = {"heavy": values * values.abs(), "skewed": values.exp() - 1, "mirrored": 1 - values.exp()}[shape]
    return rescaled(made).sort().values


def rounded(scaled, levels):
    """Returns each value's nearest level."""
    levels = levels.to(scaled).sort().values
    return levels[torch.bucketize(scaled, (levels[1:] + levels[:-1]) / 2)]


def squared_error(levels, scaled):
    """Returns the mean squared error of rounding scaled weights to the nearest of some levels."""
    return float((scaled - rounded(scaled, levels)).square().mean())


def rounded_model(levels):
    """Returns a copy of lumen-base whose linear layers have been rounded to the levels, in blocks of 64, and back."""
    model = copy.deepcopy(load_model("lumen-base")[0])
    for layer in adapters.find_layers(model).values():
        blocks = layer.weight.data.reshape(-1, BLOCK)
        constants = blocks.abs().amax(dim=1, keepdim=True).clamp(min=1e-30)
        layer.weight.data = (rounded(blocks / constants, levels) * constants).reshape(layer.weight.shape)
    return model


@torch.no_grad()
def divergences(*sets, documents=12):
    """Returns how far models rounded to sets of levels are from lumen-base: mean KL divergences, in nats a token."""
    base, tokenizer = load_model("lumen-base")
    others, found = [rounded_model(levels) for levels in sets], [[] for _ in sets]
    for _, text in corpus.documents(5, documents):
        ids = torch.tensor([tokenizer(text)["input_ids"][:256]])
        wanted, *got = (model(input_ids=ids).logits[0].double().log_softmax(-1) for model in (base, *others))
        for rows, predicted in zip(found, got, strict=True):
            rows.append((wanted.exp() * (wanted - predicted)).sum(-1))
    return [float(torch.cat(rows).mean()) for rows in found]
