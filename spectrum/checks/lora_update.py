"""An update as two thin matrices: updates whose singular values are known, and the least that has to be lost."""

import torch

from spectrum.checks.lora_layer import fresh
from spectrum.checks.machinery import expect, short


def planted(values, rows, columns):
    """Returns a (rows, columns) matrix with these singular values, along random directions."""
    left, right = (
        torch.linalg.qr(torch.randn(n, n, generator=fresh(), dtype=torch.float64))[0] for n in (rows, columns)
    )
    few = len(values)
    return (left[:, :few] * torch.tensor(values, dtype=torch.float64)) @ right[:few]


LONG = [float(n) for n in range(80, 0, -1)]
UPDATES = (  # singular values, rows, columns, rank, alpha, size, what is asked, hint
    ([5.0, 3.0, 1.0], 6, 4, 2, 16, 1.0, "values 5, 3 and 1, rank 2", "Which directions must stay?"),
    ([5.0, 3.0, 1.0], 4, 6, 2, 16, 1.0, "wider than high", "A has d_in columns, as the update, and B d_out rows."),
    ([5.0, 3.0, 1.0], 6, 4, 2, 0.5, 1.0, "alpha 0.5", "alpha need not be a whole number."),
    ([5.0, 3.0, 1.0], 6, 4, 1, 3, 1.0, "rank 1", "One direction, the strongest."),
    ([5.0, 3.0, 1.0], 6, 4, 3, 6, 1.0, "the rank that it has", "Then nothing is lost."),
    ([5.0, 3.0, 1.0], 4, 6, 4, 16, 1.0, "as many as it has rows", "Then nothing is lost."),
    ([5.0, 3.0, 1.0], 6, 4, 9, 16, 1.0, "a rank above both sizes", "Directions that are not there are zeros."),
    ([100.0, 3.0, 1.0], 6, 4, 3, 16, 1.0, "values 100, 3 and 1, rank 3", "A weak direction is one, too."),
    ([2.0] * 5, 5, 5, 3, 16, 1.0, "five equal values", "Among equal values any three will do."),
    ([0.0], 3, 5, 2, 16, 1.0, "an update of zeros", "Nothing to hold: zeros, and not nan."),
    ([5.0, 3.0, 1.0], 6, 4, 2, 16, 1e-7, "values 5e-7, 3e-7 and 1e-7", "A small update is an update."),
    ([5.0, 3.0, 1.0], 6, 4, 2, 16, 1e7, "values 5e7, 3e7 and 1e7", "Nothing may be cut off."),
    (LONG, 90, 80, 70, 16, 1.0, "90 × 80, rank 70", "All rows, all columns, all ranks."),
)  # fmt: skip


def pair_of(function, update, rank, alpha, what):
    """Returns (A, B) in 64 bits as the learner's function splits an update; CheckFailed for other shapes."""
    got = function(update, rank, alpha)
    expect(
        isinstance(got, tuple | list) and len(got) == 2, f"{what}: expected (A, B), got {short(got)}", "Return both."
    )
    pair = [torch.as_tensor(matrix).detach().double() for matrix in got]
    for name, matrix, shape in zip("AB", pair, ((rank, update.shape[1]), (len(update), rank)), strict=True):
        expect(tuple(matrix.shape) == shape, f"{what}: {name} should be of shape {shape}, got {tuple(matrix.shape)}",
               "A reads the inputs, (rank, d_in), and B writes the outputs, (d_out, rank), whatever the update holds."
               )  # fmt: skip
    return pair


def expect_nearest(function, update, rank, alpha, what, hint):
    """Raises CheckFailed unless the squared distance is the least there can be: the energy beyond the rank.

    That energy comes from the eigenvalues of the update times itself (Eckart and Young 1936), not from its SVD.
    """
    update = update.float()
    a, b = pair_of(function, update, rank, alpha, what)
    exact = update.double()
    lost = float((exact - alpha / rank * (b @ a)).square().sum())
    energy = torch.linalg.eigvalsh(exact.T @ exact).flip(0)
    least, total = float(energy[rank:].sum()), float(energy.sum())
    # Of values that are equal but for the rounding to 32 bits any may be left out, and they differ by 1e-7.
    expect(lost <= least + 1e-6 * total, f"{what}: {100 * lost / max(total, 1e-300):.3g} % of the update's energy is "
           f"lost, the least is {100 * least / max(total, 1e-300):.3g} %", hint)  # fmt: skip
