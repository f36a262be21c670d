"""Checks of labs/11_lora_by_hand.ipynb."""

from functools import cache

import numpy as np
import torch
from torch.nn.functional import linear

from spectrum import adapters, lora_runs, tasks
from spectrum.adapter_files import plain_name
from spectrum.checks.machinery import check, expect, expect_close
from spectrum.models import load_model
from spectrum.prompt_effects import by_instruction, items_of

MOST = 45_000  # trainable numbers of the open task: room for rank 2 on all linear layers of lumen-base
GOAL = 0.35  # well below the worked lab (52 to 62 % over samples): fresh letters must not fail a right answer

# A layer that can be worked on paper: rank 2 and alpha 4, so that alpha/r = 2 differs from alpha, and square, so that a
# transposed product has the right shape and the wrong numbers.
WEIGHT, BIAS = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([10.0, 20.0])
A, B, ALPHA = torch.tensor([[1.0, 0.0], [1.0, 1.0]]), torch.tensor([[1.0, 0.0], [2.0, 1.0]]), 4
BA = torch.tensor([[1.0, 0.0], [3.0, 1.0]])


# What a wrong count of `small_config` means; the right one is 256.
COUNTED = {
    472: "That counts the head, which LoRA leaves alone.",
    320: "That counts biases. A and B have none.",
    272: "Keys and values have num_key_value_heads heads, here fewer than the queries.",
    128: "That is A alone or B alone. One has rank · d_in numbers, the other rank · d_out.",
    1152: "That is rank times all weights. A and B together have rank · (d_in + d_out).",
    576: "Those are the weights themselves. A and B together have rank · (d_in + d_out).",
    112: "That counts the attention only; the MLP has three layers more.",
    144: "That counts the MLP only; the attention has four layers more.",
}


def fresh_seed():
    """Returns a seed that no learner has seen."""
    return int(np.random.default_rng().integers(1 << 30))


def fresh_layer(bias=True):
    """Returns (x, weight, bias, A, B, alpha) of a random layer that is not square: x is (2, 5, d_in)."""
    d_in, d_out, rank = 7, 4, 3
    shapes = ((2, 5, d_in), (d_out, d_in), (d_out,), (rank, d_in), (d_out, rank))
    generator = torch.Generator().manual_seed(fresh_seed())
    x, weight, offset, a, b = (torch.randn(shape, generator=generator) for shape in shapes)
    return x, weight, offset if bias else None, a, b, 5.0


def reject_known(got, mistakes):
    """Raises CheckFailed with its words where `got` is the outcome of a known mistake; mistakes: (outcome, words)."""
    for outcome, words in mistakes:
        same = isinstance(got, torch.Tensor) and got.shape == outcome.shape and torch.allclose(got, outcome, atol=1e-4)
        expect(not same, f"got {got.tolist() if same else got}", words)


@check
def check_start(function):
    """The learner's `start(d_in, d_out, rank, generator)` draws A evenly from ±1/√d_in and leaves B at zero."""
    a, b = function(6, 4, 2, torch.Generator().manual_seed(0))
    for name, matrix, shape in (("A", a, (2, 6)), ("B", b, (4, 2))):
        expect(tuple(matrix.shape) == shape, f"{name} for 6 inputs, 4 outputs and rank 2: expected shape {shape}, got "
               f"{tuple(matrix.shape)}", "A goes from d_in to the rank, B from the rank to d_out.")  # fmt: skip
        expect(matrix.dtype == torch.float32, f"{name} has dtype {matrix.dtype}, expected torch.float32",
               "Adapters are trained in 32 bits.")  # fmt: skip
    expect(a.any() or b.any(), "A and B are both zero",
           "The gradient of B is made with A, and that of A with B. Does anything ever move?")  # fmt: skip
    expect(not (b @ a).any(), "B @ A is not zero: the model no longer says what it said before",
           "Which of the two has to be zero at the start, so that their product is?")  # fmt: skip
    expect(a.any(), "A is zero and B is random", "It is usual the other way round: A random, B zero.")
    again, other = (function(6, 4, 2, torch.Generator().manual_seed(seed))[0] for seed in (0, 1))
    expect(torch.equal(a, again) and not torch.equal(a, other), "A does not follow from the generator",
           "Pass generator=generator to the function that draws.")  # fmt: skip
    expect_spread(function(400, 3, 50, torch.Generator().manual_seed(fresh_seed()))[0])


def expect_spread(a):
    """Raises CheckFailed unless (50, 400) values look drawn evenly from ±1/20; 20,000 show it within 2 %."""
    expect(a.abs().max() <= 0.05 + 1e-6, f"for 400 inputs A reaches {a.abs().max():.3f}, wanted within ±1/√400 = ±0.05",
           "Divide by the root of d_in; torch.rand is even, torch.randn is not.")  # fmt: skip
    expect(abs(a.mean()) < 0.002, f"for 400 inputs the mean of A is {a.mean():.3f}, wanted 0",
           "torch.rand lies between 0 and 1: double it and subtract 1 first.")  # fmt: skip
    expect_close(a.std(), torch.tensor(0.05 / 3**0.5), 0.001, "the standard deviation of A for 400 inputs",
                 "Even values in ±1/√d_in have 1/√(3·d_in). Did you divide by the root of d_in, once?")  # fmt: skip


@check
def check_forward(function):
    """The learner's `lora_linear(x, weight, bias, A, B, alpha)` is the frozen layer plus alpha/r times B·A·x."""
    x = torch.tensor([1.0, 1.0])
    got, frozen, low = function(x, WEIGHT, BIAS, A, B, ALPHA), linear(x, WEIGHT, BIAS), BA @ x
    reject_known(got, (
        (frozen + 4 * low, "The update is scaled by alpha. It should be alpha/r: the rank is the length of A."),
        (frozen + low, "The update is not scaled. Where does alpha/r come in?"),
        (frozen + 4 / 2**0.5 * low, "alpha/√r is rsLoRA's scaling (lesson 12). LoRA's is alpha/r."),
        (2 * low, "That is the update alone. Where is the frozen layer?"),
        (frozen + 2 * BA.T @ x, "The product is transposed: it only fits square layers. x goes through A, then B."),
        (frozen + 2 * low - BIAS, "The bias is missing: the frozen layer is linear(x, weight, bias)."),
        (frozen + 2 * (low + BIAS), "The bias belongs to the frozen layer, once; the update has none."),
    ))  # fmt: skip
    expect_close(got, torch.tensor([15.0, 35.0]), 1e-5, "x = (1, 1), W = ((1, 2), (3, 4)), alpha 4, rank 2",
                 "By hand: Wx + bias = (13, 27); Ax = (1, 2); B turns that into (1, 4); alpha/r = 2.")  # fmt: skip
    for bias in (True, False):
        x, weight, offset, a, b, alpha = fresh_layer(bias)
        wanted = linear(x, weight + alpha / len(a) * (b @ a), offset)  # the same sum in another order
        layer = f"a random layer, 7 to 4, rank 3, {'with' if bias else 'without'} bias"
        # Sums of 7 products of size 1 in 32 bits: rounding stays near 1e-5.
        expect_close(function(x, weight, offset, a, b, alpha), wanted, 1e-3, layer,
                     "Does every product read A and B the right way round?")  # fmt: skip


@check
def check_merge(merge, unmerge):
    """The learner's `merge` and `unmerge` (weight, A, B, alpha) add and take the scaled update, and change no input."""
    weight = WEIGHT.clone()
    got = merge(weight, A, B, ALPHA)
    expect(torch.equal(weight, WEIGHT), "merge: the weight it was given changed, so a second call would merge twice",
           "`weight += …` writes into the base model. Make a new tensor.")  # fmt: skip
    reject_known(got, (
        (WEIGHT + BA, "merge: the update is added without its scaling alpha/r."),
        (WEIGHT + 4 * BA, "merge: the update is scaled by alpha. It should be alpha/r."),
        (WEIGHT + 2 * BA.T, "merge: the product is transposed. The weight is (d_out, d_in), and so is B @ A."),
        (2 * BA, "merge: that is the update alone. Add it to the weight."),
    ))  # fmt: skip
    expect_close(got, WEIGHT + 2 * BA, 1e-5, "merge of W = ((1, 2), (3, 4)) with alpha 4 and rank 2",
                 "By hand: B @ A = ((1, 0), (3, 1)), and alpha/r = 2.")  # fmt: skip
    back = unmerge(got, A, B, ALPHA)
    expect(torch.equal(got, WEIGHT + 2 * BA), "unmerge: the weight it was given changed", "Make a new tensor.")
    reject_known(back, ((WEIGHT + 4 * BA, "unmerge: the update was added once more. Take it away."),
                        (WEIGHT + BA, "unmerge: the update is taken away without its scaling alpha/r.")))  # fmt: skip
    expect_close(back, WEIGHT, 1e-5, "unmerge of the merged weight", "It is merge with a minus.")
    x, weight, _, a, b, alpha = fresh_layer()
    wanted = linear(x, weight) + alpha / len(a) * linear(linear(x, a), b)
    expect_close(linear(x, merge(weight, a, b, alpha)), wanted, 1e-3, "outputs of a merged random layer",
                 "The merged weight alone must do what weight, A and B did together.")  # fmt: skip
    expect_close(unmerge(merge(weight, a, b, alpha), a, b, alpha), weight, 1e-4, "merge, then unmerge",
                 "The old weight must come back.")  # fmt: skip


def small_config(**changes):
    """Returns a Llama's configuration that can be counted on paper: rank 2 makes 256 numbers of it."""
    from transformers import LlamaConfig

    sizes = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "vocab_size": 100}
    return LlamaConfig(**{**sizes, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4, **changes})


@check
def check_count(function):
    """The learner's `lora_count(config, rank)` adds up rank·(d_in + d_out) over all linear layers but the head."""
    from transformers import Qwen3Config

    got = function(small_config(), 2)
    expect(isinstance(got, int | np.integer), f"expected a whole number, got {type(got).__name__} {got!r}", "Use //.")
    what = f"hidden 8, inner 16, 2 heads of width 4, 1 for keys and values: expected 256, got {got}"
    expect(got == 256, what, COUNTED.get(int(got), "q 32, k 24, v 24, o 32, and three times 48 in the MLP."))
    expect(function(small_config(num_hidden_layers=3), 2) == 768, "three blocks: expected 3 · 256 = 768",
           "Multiply by num_hidden_layers.")  # fmt: skip
    expect(function(small_config(head_dim=6), 2) == 280, "heads of width 6 in a model of width 8: expected 280",
           "The queries are num_attention_heads · head_dim wide, which need not be hidden_size.")  # fmt: skip
    rng = np.random.default_rng()
    for number in range(4):
        heads, width, head_dim = (int(rng.integers(low, high)) for low, high in ((1, 4), (2, 9), (1, 5)))
        sizes = {"num_attention_heads": 2 * heads, "num_key_value_heads": heads, "hidden_size": 2 * heads * width}
        sizes |= {"head_dim": 2 * head_dim, "intermediate_size": int(rng.integers(3, 40)), "num_hidden_layers": 2}
        config = (
            Qwen3Config(**sizes, vocab_size=50) if number == 0 else small_config(**sizes, attention_bias=number == 1)
        )
        wanted, got = adapters.lora_count(config, 3), function(config, 3)
        expect(got == wanted, f"{type(config).__name__} with {sizes}: expected {wanted}, got {got}",
               "Compare with print(base.model.layers[0]). Biases and normalization have no LoRA.")  # fmt: skip


@cache
def house_data():
    """Returns the training examples that the open task learns from."""
    return lora_runs.house_data(load_model("base")[1])


@check
def check_beat_it(function, why, goal=GOAL, n=100):
    """The learner's `tuned(model, data)` teaches the house dialect with few numbers; one sentence says why it works."""
    base, tokenizer = load_model("base")
    before = {name: p.detach().clone() for name, p in base.named_parameters()}
    model = function(base, house_data())
    expect(isinstance(model, torch.nn.Module), f"expected a model, got {type(model).__name__}", "Return the model.")
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    expect(
        trainable, "nothing in the model is trainable", "Return it with its adapter on, not merged and not unloaded."
    )
    expect(trainable <= MOST, f"{trainable:,} numbers are trainable, allowed are {MOST:,}",
           "A smaller rank, or fewer layers: lora_count tells what each costs.")  # fmt: skip
    now = {plain_name(name): p for name, p in model.named_parameters()}
    moved = [name for name, p in before.items() if name in now and not torch.equal(now[name], p)]
    expect(not moved, f"the base's own weights moved, {moved[0] if moved else ''} among them",
           "Add the adapter first: it freezes the base. Then train.")  # fmt: skip
    expect(isinstance(why, str) and len(why.split()) >= 8, "the reason is missing or shorter than eight words",
           "Say in one sentence why so few numbers are enough here.")  # fmt: skip
    score = by_instruction((model, tokenizer), items_of(tasks.HOUSE, n, fresh_seed()), (0, 3), chat=True)
    expect(score.mean >= goal, f"{100 * score.mean:.0f} % of {n} fresh letters right, wanted {100 * goal:.0f} %",
           "Did the loss fall? Look at the records of train; try another rate, and other layers.")  # fmt: skip
