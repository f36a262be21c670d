"""Squeezes of an adapter for the table of lab 12: a right one with mistakes by argument, and wrong ones."""

import torch


def squeezed(A, B, alpha, share=0.9, new_alpha=16, factor=None, power=2, less=0, real=1e-6, precise=True, put=None,
             turned=False, guard=True, absolute=False, product=None, slack=0):  # fmt: skip
    """The right squeezed adapter, with mistakes by argument."""
    a, b = (A.double(), B.double()) if precise else (A, B)
    update = b @ a if product is None else product(A, B)
    left, values, right = torch.linalg.svd((alpha / len(A) if factor is None else factor) * update,
                                           full_matrices=False)  # fmt: skip
    energy = (values**power).cumsum(0)
    rank = int((energy < (share - slack) * energy[-1]).sum()) + 1 - less
    rank = max(1, min(rank, int((values > (real if absolute else real * values[0])).sum()))) if guard else rank
    put = rank / new_alpha if put is None else put(alpha, len(A), rank)
    root = (values[:rank] * put).sqrt()
    a, b = (root[:, None] * right[:rank]).float(), (left[:, :rank] * root).float()
    return (b, a) if turned else (a, b)


def squeeze(**mistake):
    return lambda A, B, alpha, share=0.9, new_alpha=16: squeezed(A, B, alpha, share, new_alpha, **mistake)


def nothing_at_share_1(A, B, alpha, share=0.9, new_alpha=16):
    left, values, right = torch.linalg.svd(alpha / len(A) * (B @ A), full_matrices=False)
    energy = values.square().cumsum(0) / values.square().sum()
    rank = int((energy < share).sum()) + 1
    root = (values[:rank] * rank / new_alpha).sqrt()
    return root[:, None] * right[:rank], left[:, :rank] * root


def cut_rows(A, B, alpha, share=0.9, new_alpha=16):
    rank = len(squeezed(A, B, alpha, share)[0])
    return A[:rank].clone(), B[:, :rank] * (alpha / len(A) * rank / new_alpha)


def in_place(A, B, alpha, share=0.9, new_alpha=16):
    found = squeezed(A, B, alpha, share)
    A *= alpha / len(A)
    return found


def divided(A, B, alpha, share=0.9, new_alpha=16):
    a, b = squeezed(A, B, alpha, share, new_alpha)
    return a / a.norm() * b.norm(), b * (a.norm() / b.norm())


def all_in_b(A, B, alpha, share=0.9, new_alpha=16):
    """Through the eigenvectors of ΔᵀΔ: A has rows of length 1, and B the rest."""
    update = alpha / len(A) * (B.double() @ A.double())
    values, vectors = (part.flip(-1) for part in torch.linalg.eigh(update.T @ update))
    # The squares reach down to 1e-15 of the largest: from a millionth on they are counted from the update itself.
    long = int((torch.linalg.svdvals(update) > 1e-6 * torch.linalg.svdvals(update)[0]).sum())
    energy = values.cumsum(0)
    rank = max(1, min(long, int((energy < share * energy[-1]).sum()) + 1))
    a = vectors[:, :rank].T
    return a.numpy(), (update @ a.T * rank / new_alpha).numpy()
