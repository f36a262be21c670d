"""What lab 14's checks know beforehand: weights whose rounding is planted, layers with large inputs."""

import functools

import torch

from spectrum import adapters, codes
from spectrum.models import load_model
from spectrum.shop import corpus

# Of 256 inputs, how many are large and by how much, and what the weights that meet them are multiplied by.
KINDS = {
    "six inputs 30 times the others": (6, 30.0, 1.0),
    "forty inputs 8 times the others": (40, 8.0, 1.0),
    "eight large inputs that meet small weights": (8, 30.0, 0.05),
    "inputs that are all alike": (0, 1.0, 1.0),
    "sixty inputs that are always 0": (60, 0.0, 1.0),
}
DOCUMENTS = 24  # of the invented world, in each half of lumen's inputs


def rounded_blocks(levels, counts, constants, generator):
    """Returns (weights (n,), what they are rounded to (n,)) of blocks of some sizes, each with its constant.

    Each block has its largest absolute value once, as a positive or negative number; every other weight lies within a
    third of the way to the middle between its level and the next, so that no rounding of arithmetic changes its level.
    """
    levels, weights, wanted = levels.double(), [], []
    middles = (levels[1:] + levels[:-1]) / 2
    room = torch.minimum(torch.cat([middles, levels[-1:] + 1]) - levels, levels - torch.cat([levels[:1] - 1, middles]))
    for count, constant in zip(counts, constants, strict=True):
        numbers = torch.randint(len(levels), (count,), generator=generator)
        shift = room[numbers] / 3 * (2 * torch.rand(count, generator=generator).double() - 1)
        scaled = (levels[numbers] + shift).clamp(-0.99, 0.99)
        place = int(torch.randint(count, (1,), generator=generator))
        scaled[place] = 1.0 if torch.rand(1, generator=generator) < 0.5 else -1.0
        back = levels[(scaled[:, None] - levels).abs().argmin(dim=1)]
        weights.append(scaled * constant)
        wanted.append(back * constant)
    return torch.cat(weights).float(), torch.cat(wanted).float()


def layer_with(kind, generator):
    """Returns (weight (192, 256), inputs (512, 256) to look at, as many others) of a kind in KINDS."""
    count, size, shrink = KINDS[kind]
    weight, sizes = 0.05 * torch.randn(192, 256, generator=generator), torch.ones(256)
    large = torch.randperm(256, generator=generator)[:count]
    sizes[large] = size
    if shrink < 1:  # but for the upper rows, which matter little: whoever looks at these alone is misled
        weight[96:, large] *= shrink
        weight[:96] *= 1e-3
    return weight, *(torch.randn(512, 256, generator=generator) * sizes for _ in range(2))


@functools.cache
def inputs_of_lumen(seed):
    """Returns (weight (192, 512), its inputs (tokens, 512), others) of lumen-base's last down_proj, on documents."""
    model, tokenizer = load_model("base", dtype="float32")
    name = [each for each in adapters.find_layers(model) if each.endswith("down_proj")][-1]
    layer, seen = adapters.find_layers(model)[name], []
    hook = layer.register_forward_pre_hook(lambda _, given: seen.append(given[0].detach()[0]))
    with torch.no_grad():
        for _, text in corpus.documents(seed, 2 * DOCUMENTS):
            model(input_ids=torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]]), use_cache=False)
    hook.remove()
    return layer.weight.detach().clone(), torch.cat(seen[:DOCUMENTS]), torch.cat(seen[DOCUMENTS:])


def restored(weight, scales):
    """Returns the weight after its columns were multiplied by scales, rounded to NF4 in blocks of 64, and divided."""
    return codes.round_trip(weight * scales, "nf4", 64) / scales


def output_error(weight, back, inputs):
    """Returns the mean squared error of a layer's outputs, weight (d_out, d_in), inputs (n, d_in)."""
    return float(((back - weight).double() @ inputs.double().T).square().mean())
