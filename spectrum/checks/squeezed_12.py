"""Adapters whose update is known, for lab 12's fourth check: planted singular values, and the best update of a rank."""

import torch

from spectrum.checks.machinery import CheckFailed, as_array, expect, fresh_seed

FACTORS = "The old factor goes in once, the new one comes out once. What are the two, and which ranks are in them?"
DIRECTIONS = "Rows of A are in no order of importance. Which directions of the whole update are the longest?"


def made(values, alpha, rank=None, d_in=6, d_out=5):
    """Returns (A, B) of a layer of a rank whose update alpha/r · B·A has these singular values, and no others.

    The factors are mixed, so that the rows of A are in no order of importance.
    """
    rank, size = rank or len(values), len(values)
    generator = torch.Generator().manual_seed(fresh_seed())
    left, right = (torch.linalg.qr(torch.randn(d, size, generator=generator).double())[0] for d in (d_out, d_in))
    mix = torch.linalg.qr(torch.randn(rank, size, generator=generator).double())[0]  # (rank, size)
    steep = torch.tensor([0.5 ** (n % 4) for n in range(size)]).double()
    a = mix @ (steep[:, None] * right.T)
    b = (left * torch.tensor(values).double() / steep) @ mix.T * (rank / alpha)
    return a.float(), b.float()


def best_cut(update, rank):
    """Returns (a best approximation of a rank (Eckart and Young 1936), its squared error, whether there are others).

    By eigenvalues of ΔᵀΔ. Where the last that is kept equals the first that is not, the directions can be turned.
    """
    values, vectors = torch.linalg.eigh(update.T @ update)
    kept = vectors[:, -rank:]
    tied = rank < len(values) and bool(values[-rank - 1] > 0.99 * values[-rank])
    return update @ kept @ kept.T, float(values[:-rank].sum()), tied


def expect_squeezed(function, factors, alpha, share, rank, what, hint="", new_alpha=None):
    """Raises CheckFailed unless the learner's `squeeze` makes the best update of the wanted rank of (A, B)."""
    a, b = factors
    given = (a, b, alpha, *(part for part in (share, new_alpha) if part is not None))
    found = function(*given)
    expect(isinstance(found, tuple | list) and len(found) == 2, f"{what}: expected A and B, got {type(found).__name__}",
           "Return both.")  # fmt: skip
    small_a, small_b = (torch.tensor(as_array(side)) for side in found)
    shapes = tuple(small_a.shape), tuple(small_b.shape)
    fits = len(shapes[0]) == 2 and shapes == ((len(small_a), a.shape[1]), (len(b), len(small_a)))
    expect(fits, f"{what}: A and B have the shapes {shapes}, wanted (k, {a.shape[1]}) and ({len(b)}, k)",
           "A reads the inputs, B writes the outputs; both have the new rank.")  # fmt: skip
    expect(len(small_a) == rank, f"{what}: expected rank {rank}, got {len(small_a)}", hint)
    update = alpha / len(a) * b.double() @ a.double()
    expect_update((new_alpha or 16) / rank * small_b @ small_a, update, rank, what)


def expect_update(got, update, rank, what):
    """Raises CheckFailed unless a matrix is a best approximation of a rank: where values are equal, there are many."""
    expect(bool(got.isfinite().all()), f"{what}: the update has numbers that are none", "What was divided by 0?")
    wanted, least, tied = best_cut(update, rank)
    size = max(float(update.norm()), 1e-30)
    # Rounding an update to 32 bits costs about 1e-14 where the best is the only one, and 1e-7 where there are others.
    if float((update - got).square().sum()) - least <= (1e-5 if tied else 1e-10) * size**2:
        return
    times = float((got * wanted).sum() / wanted.square().sum())
    scaled = float((got - times * wanted).norm()) < 1e-4 * abs(times) * size
    expect(not scaled, f"{what}: the update is {times:.3g} times what it should be", FACTORS)
    gap = float((got - wanted).norm()) / size
    raise CheckFailed(f"{what}: the update is {100 * gap:.3g} % off the best one of that rank", DIRECTIONS)
