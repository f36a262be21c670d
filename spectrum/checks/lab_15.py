"""Checks of labs/15_qlora.ipynb."""

import copy

import numpy as np
import torch
from transformers import LlamaConfig

from spectrum import adapters
from spectrum.checks.machinery import check, expect, expect_close, expect_reason, fresh_seed
from spectrum.models import load_model

GOAL = 0.07  # of the squared error of NF4; the worked lab saves about 0.12
NF4 = (-1.0, -0.6961928, -0.5250731, -0.3949175, -0.2844414, -0.1847734, -0.0910500, 0.0,
       0.0795803, 0.1609302, 0.2461123, 0.3379152, 0.4407098, 0.5626170, 0.7229568, 1.0)  # fmt: skip
LEVELS = torch.tensor(NF4)  # the learner's; the checks measure with a copy that nobody can change
BLOCK = 64


def fresh():
    """Returns a generator with a new seed, so that no answer can be written for one input."""
    return torch.Generator().manual_seed(fresh_seed())


def keep_levels():
    """Puts LEVELS right again, and raises CheckFailed where they had been changed."""
    changed = not torch.equal(LEVELS, torch.tensor(NF4))
    LEVELS.copy_(torch.tensor(NF4))
    expect(not changed, "lab_15.LEVELS had been changed, and is mended now", "Work on LEVELS.clone(), and run again.")


def library_round_trip(weight):
    """Returns the weight as bitsandbytes restores it from NF4."""
    import bitsandbytes.functional as bnb

    return bnb.dequantize_4bit(*bnb.quantize_4bit(weight, blocksize=BLOCK, quant_type="nf4"))


@check
def check_nf4(quantize, dequantize):
    """The learner's pair of functions rounds a matrix to NF4 in blocks of 64 and back, as bitsandbytes does."""
    keep_levels()
    weight = torch.zeros(2, 64)
    weight[0, :4], weight[1, 0] = torch.tensor([0.1, -0.8, 0.36, 0.0]), 0.02
    codes, constants = quantize(weight)
    expect(
        tuple(codes.shape) == (2, 64) and not codes.is_floating_point(),
        f"codes should be whole numbers of shape (2, 64), got {codes.dtype} of {tuple(codes.shape)}",
        "reshape(-1, 64) makes the blocks; argmin gives the number of the nearest level.",
    )
    expect(
        tuple(constants.shape) == (2,),
        f"constants should be of shape (2,), got {tuple(constants.shape)}",
        "Each block of 64 has a constant of its own: take the maximum along the block, not over all weights.",
    )
    expect_close(
        constants,
        torch.tensor([0.8, 0.02]),
        1e-6,
        "constants of blocks with -0.8 and 0.02 as largest",
        "Take the absolute value first: the largest weight may be a negative one.",
    )
    expect_close(
        codes[0, :4].int(),
        torch.tensor([9, 0, 12, 7]).int(),
        0,
        "codes of 0.1, -0.8, 0.36 and 0, constant 0.8",
        "Divide by the constant, then find the level with the smallest distance. Levels are not evenly spaced.",
    )
    stored = codes.clone(), constants.clone()
    back = dequantize(codes, constants, weight.shape)
    expect(
        torch.equal(codes, stored[0]) and torch.equal(constants, stored[1]),
        "dequantize changed the codes or the constants",
        "They are kept for every forward pass. Make new tensors.",
    )
    expect_close(
        back[0, :3],
        torch.tensor([0.8 * 0.1609302, -0.8, 0.8 * 0.4407098]),
        1e-5,
        "the first three weights restored",
        "A code is the number of a level; multiply the level by its block's constant.",
    )
    expect_close(
        back[1, :2],
        torch.tensor([0.02, 0.0]),
        1e-6,
        "the second block restored",
        "Each block is multiplied by its own constant.",
    )
    hint = "Its constant is 0, and 0/0 is not a number. Divide by something that is never 0."
    codes, constants = quantize(torch.zeros(1, 64))
    expect_close(codes.int(), torch.full((1, 64), 7).int(), 0, "codes of a block of zeros", hint)
    expect_close(dequantize(codes, constants, (1, 64)), torch.zeros(1, 64), 1e-9, "a block of zeros restored", hint)
    drawn = torch.randn(48, 192, generator=fresh()) * 0.05
    expect_close(
        dequantize(*quantize(drawn), drawn.shape),
        library_round_trip(drawn),
        1e-5,
        "48 × 192 random weights there and back",
        "Are the blocks taken along the rows?",
    )
    tiny = 1e-4 * drawn[:1, :64]
    expect_close(
        1e4 * dequantize(*quantize(tiny), tiny.shape),
        1e4 * library_round_trip(tiny),
        1e-4,
        "a block of weights near 0.000005, times 10,000",
        "Guard against a constant of 0 only: a small constant is still a constant.",
    )


@check
def check_qlora_layer(layer_class):
    """The learner's QLoRALinear computes what peft over bitsandbytes does, and trains A and B alone."""
    generator = fresh()
    linear = torch.nn.Linear(128, 96)
    linear.weight.data = torch.randn(96, 128, generator=generator) * 0.1
    rounded = library_round_trip(linear.weight.data)
    untouched = linear.weight.detach().clone()
    layer = layer_class(linear, rank=4, alpha=16)
    expect(torch.equal(linear.weight, untouched), "the weight of the old layer was changed", "Only read it.")
    trained = {name for name, parameter in layer.named_parameters() if parameter.requires_grad}
    expect(
        trained == {"A", "B"},
        f"trainable are {sorted(trained)}, expected A and B",
        "The base is frozen: its codes and constants are buffers, and the bias is a copy that is kept as a buffer.",
    )
    largest = max((t for t in (*layer.parameters(), *layer.buffers())), key=lambda t: t.numel() * t.element_size())
    expect(
        largest.numel() * largest.element_size() <= 96 * 128,
        f"the layer keeps a tensor of {largest.numel() * largest.element_size():,} bytes for 12,288 weights",
        "Keep the codes as uint8 and the constants, not the weight: it is restored in each forward pass.",
    )
    expect(layer.A.std().item() > 0, "A holds the same number everywhere", "With B = 0 and such an A nothing learns.")
    expect(
        any(tensor.dtype == torch.uint8 for tensor in layer.state_dict().values()),
        "no codes are saved with the layer",
        "self.register_buffer(name, codes.to(torch.uint8)): what is saved, and moved to a GPU, are buffers.",
    )
    x = torch.randn(3, 128, generator=generator)
    deep = layer(x.reshape(3, 1, 128))
    expect(tuple(deep.shape) == (3, 1, 96), f"x of (3, 1, 128) gives {tuple(deep.shape)}, expected (3, 1, 96)",
           "x may have any number of dimensions before d_in.")  # fmt: skip
    kept = [v for v in vars(layer).values() for v in (v if isinstance(v, list | tuple) else [v])]
    expect(
        not any(isinstance(v, torch.Tensor) and v.shape == linear.weight.shape for v in kept),
        "after a forward pass the layer keeps a restored weight",
        "Restore it, use it, let it go: kept, it takes the memory that the codes have saved.",
    )
    expect_close(
        layer(x),
        x @ rounded.T + linear.bias,
        1e-4,
        "the output at the start, B = 0",
        "While B is zero the layer is the rounded base: restored weight, and the bias.",
    )
    a, b = torch.randn(4, 128, generator=generator), torch.randn(96, 4, generator=generator)
    layer.A.data, layer.B.data = a.clone(), b.clone()
    x.requires_grad_()
    output = layer(x)
    expect_close(
        output,
        x @ (rounded + 4 * b @ a).T + linear.bias,
        1e-2,
        "the output with random A and B, alpha/rank = 4",
        "Is the update scaled by alpha / rank? Is it added in full precision, beside the rounded weight?",
    )
    expect(output.requires_grad, "the output has no gradient", "Use no torch.no_grad() around the adapter.")
    output.sum().backward()
    expect(
        layer.A.grad is not None and layer.B.grad is not None and x.grad is not None,
        "A, B or the input got no gradient",
        "Use no detach(): A and B learn, and so do the layers below.",
    )
    expect_close(
        x.grad,
        torch.ones(3, 96) @ (rounded + 4 * b @ a),
        1e-2,
        "the gradient of the input",
        "The layers below learn through the restored weight as well as through the adapter.",
    )


def exact_bytes(config, rank):
    """Returns the bytes of a Llama under QLoRA from its sizes, written out; no module is looked at."""
    width, inner, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    vocabulary, biases = config.vocab_size, config.attention_bias
    keys = config.num_key_value_heads * config.head_dim
    linear = layers * (2 * width * width + 2 * width * keys + 3 * width * inner)
    rest = vocabulary * width * (1 if config.tie_word_embeddings else 2) + width * (2 * layers + 1)
    rest += layers * (2 * width + 2 * keys) if biases else 0  # of q, k, v and o
    sides = layers * (2 * 2 * width + 2 * (width + keys) + 3 * (width + inner))
    return {"weights": linear // 2 + 2 * rest, "constants": linear // 64 * 4, "adapters": 4 * rank * sides}


@check
def check_count_bytes(function):
    """The learner's `count_bytes(model, rank)` counts weights, constants and adapters of Llamas of any size."""
    generator = np.random.default_rng(fresh_seed())
    sizes = {
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_hidden_layers": 2,
        "vocab_size": 1000,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 64,
    }
    cases = [(sizes, tied, 4) for tied in (True, False)]
    cases += [
        (
            {
                **sizes,
                "hidden_size": 64 * int(generator.integers(2, 6)),
                "num_key_value_heads": 1,
                "num_hidden_layers": int(generator.integers(1, 5)),
            },
            tied,
            int(generator.integers(1, 65)),
        )
        for tied in (True, False)
    ]
    for case, tied, rank in cases:
        case = {**case, "num_attention_heads": case["hidden_size"] // 64}
        config = LlamaConfig(**case, tie_word_embeddings=tied, attention_bias=rank == 4)
        model = copy.deepcopy(adapters.empty_model(config))
        before = {name: parameter.shape for name, parameter in model.named_parameters()}
        found = function(model, rank)
        after = {name: parameter.shape for name, parameter in model.named_parameters()}
        expect(before == after, "the model was changed", "Count its layers, and add none.")
        check_one_count(found, config, rank, tied)


def check_one_count(found, config, rank, tied):
    """Raises unless a learner's count for a config is right, and names the mistake."""
    wanted = exact_bytes(config, rank)
    expect(
        isinstance(found, dict) and set(found) == set(wanted),
        f"expected a dict with the keys {sorted(wanted)}, got {found!r}",
        "Return {'weights': …, ...}.",
    )
    where = (
        f"a model of {config.num_hidden_layers} layers, width {config.hidden_size}, "
        + ("head tied to the embeddings" if tied else "with a head of its own")
        + (", with biases" if config.attention_bias else "")
    )
    table = config.vocab_size * config.hidden_size
    hints = {
        "weights": "Linear layers take half a byte a weight; embeddings, norms and the head stay in 16 bits, and a "
        "tied head is no second tensor.",
        "constants": "Each 64 weights of a linear layer share one constant of 32 bits, which is 4 bytes.",
        "adapters": "A LoRA has rank · (d_in + d_out) numbers for each linear layer but the head, 4 bytes each.",
    }
    if not tied and found["weights"] == wanted["weights"] - 2 * table + table // 2:
        hints["weights"] = "You counted the head as 4 bits. It stays in 16, although it is a linear layer."
    if found["constants"] * 2 == wanted["constants"]:
        hints["constants"] = "You counted the constants as 16 bits. They are float32."
    for part, right in wanted.items():
        expect(found[part] == right, f"{part} of {where}: expected {right:,} bytes, got {found[part]:,}", hints[part])
    whole = all(isinstance(n, int) for n in found.values())
    expect(whole, f"expected whole numbers of bytes, got {found}", "Half a byte a weight: use //.")


def squared_error(levels, scaled):
    """Returns the mean squared error of rounding values to the nearest of some levels."""
    levels = levels.double().sort().values
    return float((scaled - levels[torch.bucketize(scaled, (levels[1:] + levels[:-1]) / 2)]).square().mean())


def linears(layers):
    """Returns the linear layers of some decoder layers."""
    return [module for module in layers.modules() if isinstance(module, torch.nn.Linear)]


def scaled_weights(chosen):
    """Returns the weights of the chosen layers of lumen-base, each divided by its block's largest absolute value."""
    model, found = load_model("lumen-base")[0], []
    for layer in linears(model.model.layers[chosen]):
        blocks = layer.weight.detach().double().reshape(-1, BLOCK)
        found.append((blocks / blocks.abs().amax(dim=1, keepdim=True).clamp(min=1e-30)).reshape(-1))
    return torch.cat(found)


@check
def check_beat_nf4(fit, why, goal=GOAL):
    """The learner's `fit_levels(scaled)` makes 16 levels that err less than NF4's on layers it was not shown."""
    keep_levels()
    levels = fit(scaled_weights(slice(0, -2)).float())
    keep_levels()
    levels = torch.as_tensor(levels).detach().flatten()
    expect(
        levels.numel() == 16 and levels.unique().numel() == 16,
        f"got {levels.numel()} levels, {levels.unique().numel()} of them different; expected 16",
        "Four bits tell 16 things apart, no more; two equal levels waste one.",
    )
    expect(
        bool(torch.isfinite(levels).all()) and float(levels.abs().max()) <= 1.0,
        f"the levels reach from {float(levels.min()):.3g} to {float(levels.max()):.3g}",
        "Weights are divided by the largest absolute value of their block, so none lies beyond ±1.",
    )
    expect_reason(why, "Say in one sentence what your levels do that NF4's quantiles do not.")
    scaled = scaled_weights(slice(-2, None))
    saved = 1 - squared_error(levels, scaled) / squared_error(torch.tensor(NF4), scaled)
    expect(
        saved >= goal,
        f"on the last two layers they save {100 * saved:.1f} % of NF4's squared error, wanted {100 * goal:.0f} %",
        "NF4 gives each level the same number of weights. Where should a level stand among those that round to it "
        "to make their squared error smallest?",
    )
