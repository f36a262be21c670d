"""Plausible wrong answers to lab 15, and what the checks must say to each."""

import torch
from wrong_answers.qlora_layers import (
    Layer,
    as_the_base,
    bias_in_the_graph,
    bias_not_saved,
    bias_shared,
    by_library,
    caching,
    checkpointed,
    dequantize,
    empties_the_old,
    freezes_the_old_bias,
    hides_the_weight,
    holds_the_old_layer,
    in_place,
    in_the_graph,
    keeps_the_weight,
    layer_that,
    layer_with,
    matrix,
    merging,
    on_ctx,
    one_gradient_doubled,
    quantize,
    remembered,
    scaled_by,
    small_outputs_cut,
    trains_the_bias,
    trains_the_weight,
    way_back,
    with_dropout,
)

from spectrum import adapters
from spectrum.checks import lab_15
from spectrum.checks.lab_15 import LEVELS


def pair(**mistake):
    return lambda weight: quantize(weight, **mistake), dequantize


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


def empties_constants(codes, constants, shape):
    restored = dequantize(codes, constants, shape)
    constants.zero_()
    return restored


def clamped_constants(weight):
    codes, constants = quantize(weight)
    return codes, constants.clamp(min=1e-3) if constants.min() > 0 else constants


def mean_constants(weight):
    constants = weight.reshape(-1, 64).abs().mean(dim=1)
    return quantize(weight)[0], constants


def second_largest_constants(weight):
    return quantize(weight)[0], weight.reshape(-1, 64).abs().sort(dim=1).values[:, -2]


def quantize_by_library(weight):
    import bitsandbytes.functional

    bitsandbytes.functional.quantize_4bit(weight, blocksize=64, quant_type="nf4")
    return quantize(weight)


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


def fitted(scaled, pinned=()):
    """Levels moved to the means of their weights, but those that are pinned."""
    levels = LEVELS.clone()
    for _ in range(20):
        codes = torch.bucketize(scaled, (levels[1:] + levels[:-1]) / 2)
        counts = codes.bincount(minlength=16)
        means = torch.where(counts > 0, codes.bincount(scaled, minlength=16) / counts.clamp(min=1), levels)
        levels = torch.stack([LEVELS[place] if place in pinned else mean for place, mean in enumerate(means)])
    return levels


def first_call_for_ever():
    kept = []
    return lambda scaled: (kept.append(fitted(scaled)), kept[0])[1]


# What `fitted` makes of the weights of lumen-base.
HARD_CODED = (-0.942, -0.725, -0.562, -0.427, -0.31, -0.205, -0.107, -0.013,
              0.075, 0.165, 0.258, 0.358, 0.468, 0.595, 0.748, 0.951)  # fmt: skip


def quantiles(scaled):
    return torch.quantile(scaled[::5], (torch.arange(16) + 0.5) / 16)


NF4, QLORA, LEVEL = "check_nf4", "check_qlora_layer", "check_beat_nf4"
WRONG = [
    (NF4, "one constant for the whole tensor", pair(whole=True), "a constant of its own"),
    (NF4, "maximum without absolute value", pair(absolute=False), "absolute value first"),
    (NF4, "second largest", (second_largest_constants, dequantize), "Which weight of the first block"),
    (NF4, "mean instead of maximum", (mean_constants, dequantize), "Which weight of the first block"),
    (NF4, "nearest index instead of nearest level", pair(by_index=True), "not evenly"),
    (NF4, "restored without the constant", (quantize, lambda *a: dequantize(*a, scale=False)), "block's constant"),
    (NF4, "zeros divided by zero", pair(guard=False), "0/0"),
    (NF4, "zeros", (quantize, lambda c, k, shape: torch.zeros(shape)), "restored"),
    (NF4, "constants emptied", (quantize, empties_constants), "changed its argument `constants`"),
    (NF4, "small constants clamped", (clamped_constants, dequantize), "A small constant is still a constant"),
    (
        NF4,
        "the first 64 blocks",
        (lambda weight: quantize(weight.reshape(-1, 64)[:64]), dequantize),
        "is invalid for input",
    ),
    (NF4, "the library", (quantize_by_library, dequantize), "your function calls bitsandbytes.functional"),
    (QLORA, "gradient into the frozen weight", layer_with(trains_the_weight), "The base is frozen"),
    (QLORA, "bias trained", layer_with(trains_the_bias), "The base is frozen"),
    (QLORA, "the old bias frozen", layer_with(freezes_the_old_bias), "changed its argument `linear`"),
    (QLORA, "the old weight emptied", layer_with(empties_the_old), "changed its argument `linear`"),
    (QLORA, "restored weight kept", layer_with(keeps_the_weight), "not the weight"),
    (QLORA, "weight hidden", layer_with(hides_the_weight), "not the weight"),
    (QLORA, "the old layer held", layer_with(holds_the_old_layer), "holds on to the weight"),
    (QLORA, "bias not detached", layer_with(bias_in_the_graph), "a gradient flows through ['bias']"),
    (QLORA, "bias not copied", layer_with(bias_shared), "Keep a copy"),
    (QLORA, "bias not saved", layer_with(bias_not_saved), "Is the bias one of them"),
    (QLORA, "alpha / rank forgotten", scaled_by(lambda alpha, rank: 1), "alpha / rank"),
    (QLORA, "int(alpha)", scaled_by(lambda alpha, rank: int(alpha) / rank), "alpha/rank = 0.5"),
    (QLORA, "rank 64 at most", scaled_by(lambda alpha, rank: alpha / min(rank, 64)), "alpha/rank = 0.075"),
    (QLORA, "A of zeros", matrix("A", torch.zeros_like), "nothing learns"),
    (QLORA, "A constant", matrix("A", lambda A: torch.full_like(A, 0.1)), "hold 1 directions, wanted 4"),
    (QLORA, "all rows of A equal", matrix("A", lambda A: A[:1].repeat(len(A), 1)), "hold 1 directions, wanted 4"),
    (QLORA, "A tiny", matrix("A", lambda A: 1e-8 * A), "keeps A x of the size of x"),
    (QLORA, "A in 16 bits", matrix("A", torch.Tensor.bfloat16), "A has 16 bits a number"),
    (QLORA, "B in 16 bits", matrix("B", torch.Tensor.bfloat16), "B has 16 bits a number"),
    (QLORA, "A and B as the base", as_the_base, "has 16 bits a number where the layer that came in has 16"),
    (QLORA, "B random", matrix("B", torch.randn_like), "B is not zero"),
    (QLORA, "B a view of one number", matrix("B", lambda B: torch.zeros(1, 1).expand(B.shape)), "share their memory"),
    (QLORA, "restored weight kept for backward", layer_that(in_the_graph), "linear keeps its weight for backward"),
    (QLORA, "restored weight kept on ctx", layer_that(on_ctx), "after a forward pass 49,152 bytes"),
    (QLORA, "restored weight cached", layer_that(caching), "after a forward pass 49,152 bytes"),
    (QLORA, "the lesson's checkpoint", layer_that(checkpointed), "checkpoint"),
    (QLORA, "merged in every forward", layer_that(merging), "Merging costs"),
    (QLORA, "input detached", layer_that(lambda s, x: s.base(x.detach()) + s.update(x)), "layers below"),
    (QLORA, "adapter's gradient doubled", layer_that(one_gradient_doubled), "the gradient of"),
    (QLORA, "the gradient emptied", way_back(in_place), "backward changes the gradient"),
    (QLORA, "the library on the way back", way_back(by_library), "on the way back your function calls bitsandbytes"),
    (QLORA, "the first gradient kept", way_back(remembered), "Each gradient is made anew"),
    (QLORA, "small gradients cut", way_back(lambda ctx, g, weight: torch.round(g @ weight, decimals=6)), "1e-05"),
    (QLORA, "small outputs cut", layer_that(small_outputs_cut), "The output is as exact"),
    (QLORA, "no gradient at all", layer_that(torch.no_grad()(Layer.forward)), "no torch.no_grad()"),
    ("check_count_bytes", "adds the adapter", adds_lora, "changed its argument `model`"),
    ("check_count_bytes", "floats", floats, "expected whole numbers"),
    ("check_count_bytes", "rank 64 at most", lambda model, rank: count(model, min(rank, 64)), "4 bytes each"),
    ("check_count_bytes", "biases forgotten", without_biases, "with biases"),
    ("check_count_bytes", "constants forgotten", miscount(constant=0), "share one constant"),
    ("check_count_bytes", "constants counted as 16 bits", miscount(constant=2), "as 16 bits"),
    ("check_count_bytes", "head counted as 4 bits", miscount(head=True), "You counted the head as 4 bits"),
    ("check_count_bytes", "tied head counted twice", miscount(twice=True), "no second tensor"),
    ("check_count_bytes", "adapters in 4 bits", miscount(adapter=0.5), "4 bytes each"),
    ("check_count_bytes", "embeddings and norms forgotten", miscount(rest=False), "stay in 16 bits"),
    (LEVEL, "changes LEVELS", (changes_levels, "c"), "had been changed"),
    (LEVEL, "NF4 itself", (lambda scaled: LEVELS.clone(), "c"), "they save 0.0 %"),
    (LEVEL, "even levels", (lambda scaled: torch.linspace(-1, 1, 16), "c"), "Where should a level stand"),
    (LEVEL, "quantiles", (quantiles, "c"), "Where should a level stand"),
    (LEVEL, "hard-coded for lumen", (lambda scaled: torch.tensor(HARD_CODED), "c"), "from all of them"),
    (LEVEL, "the levels of the first call for ever", (first_call_for_ever(), "c"), "from all of them"),
    (LEVEL, "fitted to the first 1,000", (lambda scaled: fitted(scaled[:1000]), "c"), "from all of them"),
    (LEVEL, "more than 16 levels", (lambda scaled: torch.linspace(-1, 1, 17), "c"), "no more"),
    (LEVEL, "levels beyond the weights", (lambda scaled: 1.5 * LEVELS, "c"), "none lies beyond"),
    (LEVEL, "no explanation", (fitted, ""), "no explanation is chosen"),
    (LEVEL, "as many weights on each", (fitted, "a"), "of the weights use a level"),
    (LEVEL, "exact at 0 and 1", (fitted, "b"), "there it errs by nothing"),
    (LEVEL, "the model is better by as much", (fitted, "d"), "KL divergence"),
]

RIGHT = [
    (QLORA, "an autograd function", Layer),
    (QLORA, "dropout in training", layer_that(with_dropout)),
    (LEVEL, "levels pinned at 0 and ±1", (lambda scaled: fitted(scaled, (0, 7, 15)), "c")),
]
