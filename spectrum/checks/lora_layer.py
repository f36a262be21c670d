"""What a layer with LoRAs computes: a layer worked on paper, hard ones, and the matrices that are made on the way."""

import torch
from torch.nn.functional import linear
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from spectrum.checks.machinery import expect, expect_close, expect_gradient, fresh_seed, short

# A layer that can be worked on paper: rank 2 and alpha 4, so that alpha/r = 2 differs from alpha, and square, so that a
# transposed product has the right shape and the wrong numbers.
WEIGHT, BIAS = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([10.0, 20.0])
A, B, ALPHA = torch.tensor([[1.0, 0.0], [1.0, 1.0]]), torch.tensor([[1.0, 0.0], [2.0, 1.0]]), 4
BA = torch.tensor([[1.0, 0.0], [3.0, 1.0]])
SECOND = (torch.tensor([[2.0, 0.0]]), torch.tensor([[1.0], [-1.0]]), 1.5)  # turns (1, 1) into (3, -3)
SAME_TYPE = "What goes in has 32 bits a number, or 64, and what comes out has as many: convert nothing."
EXACT = f"In 32 bits it is right, in 64 it is not exact enough. {SAME_TYPE}"
WAY = "Does every product read A and B the right way round, whatever the sizes?"
OWN = "Each adapter has its own rank, the length of its A, and its own alpha."

LAYERS = (  # shape of x before d_in, d_in, d_out, [(rank, alpha), …], bias?, what is asked, hint
    ((2, 5), 7, 4, [(3, 5.0)], True, "7 to 4, rank 3, alpha 5", WAY),
    ((2, 5), 7, 4, [(3, 5.0)], False, "7 to 4, rank 3, without a bias", "bias may be None, as it is in lumen-base."),
    ((), 5, 3, [(2, 16)], True, "a single vector", "x may have any number of dimensions before d_in."),
    ((1, 3, 2, 1), 5, 3, [(2, 16)], True, "x of four dimensions before d_in", "Only the last dimension is read."),
    ((0,), 5, 3, [(2, 16)], True, "no token at all", "Zero rows in give zero rows out."),
    ((3,), 4, 6, [], True, "no adapter at all", "Then the layer is the frozen one."),
    ((3,), 4, 6, [], False, "no adapter and no bias", "Then the layer is the frozen one."),
    ((3,), 4, 6, [(2, 0.5)], True, "alpha 0.5", "alpha need not be a whole number."),
    ((3,), 4, 6, [(1, 7)], True, "rank 1", OWN),
    ((3,), 4, 6, [(9, 16)], True, "a rank above both sizes", "The rank is the length of A, whatever the layer."),
    ((70,), 90, 80, [(70, 16)], True, "70 tokens, 90 to 80, rank 70", "All tokens, all ranks, all inputs."),
    ((3,), 5, 3, [(1, 0.5), (4, 2.5), (2, 16)], True, "three adapters of ranks 1, 4 and 2", OWN),
    ((2,), 5, 3, [(1, 1.5)] * 70, True, "70 adapters", "All of them, however many there are."),
)


def fresh():
    """Returns a torch.Generator with a new seed, so that no answer can be written for one input."""
    return torch.Generator().manual_seed(fresh_seed())


def drawn(lead, d_in, d_out, ranks, bias=True, dtype=torch.float32):
    """Returns (x, weight, bias, loras) of random numbers; `ranks` is [(rank, alpha)] of the adapters."""
    generator = fresh()

    def draw(*shape):
        return torch.randn(shape, generator=generator, dtype=dtype)

    loras = [(draw(rank, d_in), draw(d_out, rank), alpha) for rank, alpha in ranks]
    return draw(*lead, d_in), draw(d_out, d_in), draw(d_out) if bias else None, loras


def merged(weight, loras):
    """Returns the weight plus all updates in 64 bits: sums over the ranks, one by one, of columns times rows."""
    total = weight.double()
    for a, b, alpha in loras:
        total = total + alpha / a.shape[0] * torch.einsum("or,ri->oi", b.double(), a.double())
    return total


def wanted(x, weight, bias, loras):
    """Returns what the layer gives, in 64 bits: x through the merged weight, where the learner goes through A and B."""
    return linear(x.double(), merged(weight, loras), None if bias is None else bias.double())


def expect_tensor(got, shape, what, dtype=torch.float32):
    """Raises CheckFailed unless `got` is a tensor of the shape and dtype."""
    stub = "Does your function end in `return`, and give back what the stub's first line says?"
    expect(isinstance(got, torch.Tensor), f"{what}: expected a tensor, got {type(got).__name__} {short(got)}", stub)
    expect(tuple(got.shape) == tuple(shape), f"{what}: expected shape {tuple(shape)}, got {tuple(got.shape)}", stub)
    expect(got.dtype == dtype, f"{what}: expected dtype {dtype}, got {got.dtype}", SAME_TYPE)


def reject_known(got, wanted, what, mistakes):
    """Raises CheckFailed with its words where the tensor `got` is the outcome of a known mistake: (outcome, words)."""
    for outcome, words in mistakes:
        said = f"{what}: expected {wanted.tolist()}, got {got.tolist()}"
        expect(not torch.allclose(got, outcome, atol=1e-4), said, words)


def expect_layer(function, lead, d_in, d_out, ranks, bias, what, hint):
    """Raises CheckFailed unless a layer of random numbers gives what it should, in 32 and in 64 bits."""
    for dtype, close in ((torch.float32, 2e-5), (torch.float64, 1e-11)):
        x, weight, offset, loras = drawn(lead, d_in, d_out, ranks, bias, dtype)
        got = function(x, weight, offset, list(loras))
        true = wanted(x, weight, offset, loras)
        expect_tensor(got, true.shape, what, dtype)
        asked = EXACT if dtype == torch.float64 else hint  # the same sizes have passed in 32 bits
        expect_close(got, true, close * max([1.0, *true.detach().abs().flatten().tolist()]), f"{what} ({dtype})", asked)


@torch.enable_grad()  # a notebook may have switched gradients off
def expect_gradients(function):
    """Raises CheckFailed unless the right gradients reach x and every A and B, in a layer of two adapters."""
    x, weight, bias, ((a, b, alpha), (c, d, beta)) = drawn((2, 5), 7, 4, [(3, 5.0), (2, 0.5)])
    learn = {"x": x, "A": a, "B": b, "the second A": c, "the second B": d}
    cut = "torch.no_grad, .detach() and .data cut the way back. Without a gradient, what would training move?"

    def pack(side):
        return lambda x, a, b, c, d: side(x, weight, bias, [(a, b, alpha), (c, d, beta)])

    expect_gradient(pack(function), lambda *given: pack(wanted)(*given).float(), learn, 2e-3, "two adapters", cut)


class Made(TorchDispatchMode):
    """Counts the new numbers that torch makes while it is on: what lies in memory that was there before is not new."""

    def __init__(self):
        super().__init__()
        self.kept = {}  # all that was seen, by its memory: none is given back and taken again
        self.count = 0

    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        for given in tree_leaves((arguments, named)):
            self.keep(given)
        result = function(*arguments, **(named or {}))
        self.count += sum(made.numel() for made in tree_leaves(result) if self.keep(made))
        return result

    def keep(self, value):
        """Returns whether `value` is a tensor in memory that was not seen before, and keeps it."""
        if not isinstance(value, torch.Tensor) or value.untyped_storage().data_ptr() in self.kept:
            return False
        self.kept[value.untyped_storage().data_ptr()] = value
        return True


def expect_thin(function):
    """Raises CheckFailed where as many new numbers are made as the weight has: x goes through A, then through B.

    Of 7,200 the plain way makes 1,130. Rows or columns, one product of three or two: what counts is how many.
    """
    x, weight, bias, loras = drawn((2, 1), 90, 80, [(3, 5.0), (2, 1)])
    with Made() as made:
        function(x, weight, bias, loras)
    expect(made.count < weight.numel(),
           f"{made.count:,} new numbers are made on the way, no fewer than the weight has (80 × 90 = 7,200)",
           "B @ A is as large as the weight, and so is a copy of it. Send x through A first: r numbers a token are "
           "left.")  # fmt: skip
