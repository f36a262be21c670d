"""What a QLoRA layer has to be: small, with an adapter that learns, and equal to what bitsandbytes and peft compute."""

import torch
from torch.func import functional_call
from torch.nn.functional import linear

from spectrum.checks.levels import BLOCK
from spectrum.checks.machinery import expect, expect_close, expect_gradient, fresh_seed
from spectrum.checks.memory import Learning, kept_by, stored_bytes
from spectrum.checks.snapshot import calls_of


def fresh():
    """Returns a generator with a new seed, so that no answer can be written for one input."""
    return torch.Generator().manual_seed(fresh_seed())


def library_round_trip(weight):
    """Returns the weight as bitsandbytes restores it from NF4."""
    import bitsandbytes.functional as bnb

    return bnb.dequantize_4bit(*bnb.quantize_4bit(weight, blocksize=BLOCK, quant_type="nf4"))


def made(d_in, d_out, bias=True):
    """Returns (a random linear layer, its weight as bitsandbytes rounds it)."""
    layer = torch.nn.Linear(d_in, d_out, bias=bias)
    layer.weight.data = torch.randn(d_out, d_in, generator=fresh()) * 0.1
    return layer, library_round_trip(layer.weight.data)


def check_parameters(layer):
    """Raises unless A and B alone are trained, in 32 bits, B is zero, and the rows of A span its rank."""
    trained = {name for name, parameter in layer.named_parameters() if parameter.requires_grad}
    expect(
        trained == {"A", "B"},
        f"trainable are {sorted(trained)}, expected A and B",
        "The base is frozen: its codes and constants are buffers, and the bias is a copy that is kept as a buffer.",
    )
    led = sorted(name for name, buffer in layer.named_buffers() if buffer.requires_grad)
    expect(not led, f"a gradient flows through {led} into the layer that came in", "A copy that is kept is detached.")
    for name, shape in (("A", (4, 128)), ("B", (96, 4))):
        matrix = getattr(layer, name)
        expect(tuple(matrix.shape) == shape, f"{name} has the shape {tuple(matrix.shape)}, expected {shape}",
               "A reads the inputs, (rank, d_in), and B writes the outputs, (d_out, rank).")  # fmt: skip
        bits = check_bits(name, matrix)
        # One number under all places of B would have one gradient, the sum of theirs.
        expect(stored_bytes(matrix) >= matrix.numel() * bits // 8, f"the places of {name} share their memory",
               "expand() makes a view: an update of one place is an update of all. Give each a number.")  # fmt: skip
    expect(not layer.B.any(), "B is not zero at the start", "The layer must begin as the rounded base.")
    sizes = torch.linalg.svdvals(layer.A.detach().double())
    expect(bool(sizes[0] > 0), "A is zero, and so is B", "The gradient of each is made with the other: nothing learns.")
    directions = int((sizes > 0.01 * sizes[0]).sum())
    expect(directions == 4, f"the 4 rows of A hold {directions} directions, wanted 4",
           "B can only combine what the rows of A read: rows that are alike make an update of a lower rank. "
           "Draw rank × d_in numbers.")  # fmt: skip
    size = float(layer.A.detach().square().mean().sqrt())
    expect(1e-3 < size < 3, f"the numbers in A are around {size:.1e}",
           "The gradient of B is made with A x. Something around 1/√d_in keeps A x of the size of x.")  # fmt: skip


def check_bits(name, matrix, over=""):
    """Returns the bits of a number in A or B; raises where they are fewer than 32."""
    bits = torch.finfo(matrix.dtype).bits
    expect(bits >= 32, f"{name} has {bits} bits a number{over}, wanted 32",
           "Learning is made of small steps, and 16 bits lose them. Only the frozen base is rounded.")  # fmt: skip
    return bits


def check_over_halves(layer_class):
    """Raises unless A and B have 32 bits also where the layer that came in has 16, as most models are loaded."""
    layer = layer_class(made(128, 96)[0].bfloat16(), rank=4, alpha=16)
    for name in ("A", "B"):
        check_bits(name, getattr(layer, name), " where the layer that came in has 16")


def check_kept(layer):
    """Raises where a forward pass keeps a restored weight, or makes a matrix of d_out × d_in of the adapter."""
    x = torch.randn(3, 128, generator=fresh()).requires_grad_()
    with Learning() as learning:
        output, kept = kept_by(lambda: layer(x))
    expect(output is not None, "the layer returns None", "Does forward end in `return`?")
    expect(output.requires_grad, "the output has no gradient", "Use no torch.no_grad() around the adapter.")
    expect(
        not learning.shapes & {(96, 128), (128, 96)},
        "the forward pass makes a matrix of d_out × d_in that learns",
        "Merging costs as much as a weight in full precision, in every pass. Send x through A, then through B.",
    )
    size, shape = kept[0]
    expect(
        size <= 96 * 128,
        f"after a forward pass {size:,} bytes of shape {shape} are kept, for 12,288 weights",
        "A restored weight that stays, in an attribute or for the backward pass, takes the memory that the codes have "
        "saved. Where x has a gradient, linear keeps its weight for backward: keep the codes, and restore once more.",
    )


def check_outputs(layer, rounded, bias, scaling):
    """Raises unless the layer's outputs and gradients are those of the rounded weight plus the scaled adapter."""
    generator, (d_out, d_in), rank = fresh(), rounded.shape, len(layer.A)
    x = torch.randn(3, d_in, generator=generator)
    layer.eval()
    expect_close(layer(x), linear(x, rounded, bias), 2e-5, "the output at the start, B = 0",
                 "While B is zero the layer is the rounded base: restored weight, and bias if any.")  # fmt: skip
    a, b = torch.randn(rank, d_in, generator=generator), torch.randn(d_out, rank, generator=generator)
    layer.A.data, layer.B.data = a.clone(), b.clone()
    what = f"random A and B, alpha/rank = {scaling:g}"
    hint = "Is the update scaled by alpha / rank? Is it added in full precision, beside the rounded weight?"

    def oracle(x, A, B):
        return x @ (rounded + scaling * B @ A).T + (0 if bias is None else bias)

    wanted = oracle(x, a, b)
    expect_close(layer(x), wanted, 1e-3, f"the output with {what}", hint)
    for shape in ((3, 1), (1, 3), (3,), (1, 1, 3)):
        deep = layer(x.reshape(*shape, d_in))
        expect_close(deep, wanted.reshape(*shape, d_out), 1e-3, f"the output for x of {(*shape, d_in)}",
                     "x may have any number of dimensions before d_in.")  # fmt: skip
    expect_close(layer(x[0]), wanted[0], 1e-3, f"the output for x of {(d_in,)}", "x may be a single vector.")
    expect_gradient(
        lambda x, A, B: functional_call(layer, {"A": A, "B": B}, (x,)),
        oracle,
        {"x": x, "A": a, "B": b},
        5e-3,
        f"with {what}",
        "A and B learn, and so do the layers below, through the restored weight as well as through the adapter. "
        "Use no detach() and no torch.no_grad() around them.",
    )
    layer.train()
    first, second = layer(x), layer(x)
    if torch.equal(first, second):  # no dropout, which is right too
        expect_close(first, wanted, 1e-3, "the output in train()", "What differs between train() and eval()?")


def check_small(layer, rounded, scaling, forbids):
    """Raises unless small inputs and gradients count as large ones do, each made anew and left as it was given.

    The layer has no bias. What is forbidden in the forward pass is so on the way back, which no gate watches.
    """
    generator, update = fresh(), scaling * layer.B.detach() @ layer.A.detach()
    x = torch.randn(3, rounded.shape[1], generator=generator)
    layer.eval()
    for size in (1.0, 1e-5):
        expect_close(layer(size * x) / size, x @ (rounded + update).T, 2e-2, f"the output for x around {size:g}, "
                     f"in units of {size:g}", "The output is as exact as the input, however small it is.")  # fmt: skip
    x.requires_grad_()
    output = layer(x)
    for size in (1.0, 1e-5):
        gradient = size * torch.randn(3, len(rounded), generator=generator)
        given = gradient.clone()
        with calls_of(forbids) as called:
            (got,) = torch.autograd.grad(output, x, given, retain_graph=True)
        expect(not called, f"on the way back your function calls {(*called, '')[0]}", "Here it is yours to write.")
        expect(torch.equal(given, gradient), "backward changes the gradient that it is given",
               "Others on the way back still need it as it was. Make a new one.")  # fmt: skip
        expect_close(got / size, gradient / size @ (rounded + update), 2e-2, "the gradient of x for one of the output "
                     f"around {size:g}, in units of {size:g}", "Each gradient is made anew, of the one that comes in, "
                     "and is as exact, however small.")  # fmt: skip


def check_saved(layer_class, layer):
    """Raises unless what the layer saves makes another layer the same."""
    expect(
        any(tensor.dtype == torch.uint8 for tensor in layer.state_dict().values()),
        "no codes are saved with the layer",
        "self.register_buffer(name, codes.to(torch.uint8)): what is saved, and moved to a GPU, are buffers.",
    )
    old = made(128, 96)[0]
    other, bias = layer_class(old, rank=4, alpha=16), old.bias.detach().clone()
    other.load_state_dict(layer.state_dict())
    expect(torch.equal(old.bias, bias), "the bias of the layer that came in changes with that of the new layer",
           "detach() makes a view, over the same memory. Keep a copy.")  # fmt: skip
    x = torch.randn(3, 128, generator=fresh())
    with torch.no_grad():
        wanted, got = layer.eval()(x), other.eval()(x)
    expect_close(got, wanted, 1e-4, "the output of another layer that loaded this one's state",
                 "state_dict() holds parameters and buffers. Is the bias one of them, and the constants?")  # fmt: skip
