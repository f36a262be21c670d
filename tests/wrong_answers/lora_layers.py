"""Answers to tasks 1 to 3 of lab 11, right and wrong: updates as two matrices, layers with adapters, merged weights."""

import torch
from torch.nn.functional import linear

from spectrum import adapters

# ---- task 1 ----


def split(update, rank, alpha, keep=slice(None), factor=lambda rank, alpha: rank / alpha):
    """Returns the right A and B, with a mistake where an argument is given."""
    left, values, right = torch.linalg.svd(update, full_matrices=False)
    left, values, right = left[:, keep], values[keep], right[keep]
    kept = min(rank, len(values))
    a, b = torch.zeros(rank, update.shape[1]), torch.zeros(len(update), rank)
    a[:kept], b[:, :kept] = right[:kept], left[:, :kept] * values[:kept] * factor(rank, alpha)
    return a, b


def split_with(**mistake):
    """Returns `split` with a mistake."""
    return lambda update, rank, alpha: split(update, rank, alpha, **mistake)


def weakest(update, rank, alpha):
    left, values, right = torch.linalg.svd(update, full_matrices=False)
    kept = min(rank, len(values))
    a, b = torch.zeros(rank, update.shape[1]), torch.zeros(len(update), rank)
    a[:kept], b[:, :kept] = right[-kept:], left[:, -kept:] * values[-kept:] * rank / alpha
    return a, b


def cut_to_its_rank(update, rank, alpha):
    a, b = split(update, rank, alpha)
    kept = min(rank, *update.shape)
    return a[:kept], b[:, :kept]


def first_rows(update, rank, alpha):
    """Keeps the first rows instead of the strongest directions."""
    a, b = torch.zeros(rank, update.shape[1]), torch.zeros(len(update), rank)
    kept = min(rank, len(update))
    a[:kept], b[:kept, :kept] = update[:kept], torch.eye(kept) * rank / alpha
    return a, b


def scaled_to_one(update, rank, alpha):
    """Divides by the largest value first, which an update of zeros does not have."""
    size = torch.linalg.matrix_norm(update, 2)
    a, b = split(update / size, rank, alpha)
    return a, b * size


def small_is_zero(update, rank, alpha):
    return split(torch.where(update.abs() < 1e-6, 0.0, update), rank, alpha)


def nearly_all_energy(update, rank, alpha):
    """Stops where 99.9 % of the energy is held, though the rank has room for more."""
    values = torch.linalg.svdvals(update)
    energy = values.square().cumsum(0) / values.square().sum()
    return split(update, rank, alpha, keep=slice(int((energy < 0.999).sum()) + 1))


def norms_kept(update, rank, alpha):
    """Keeps the size of the whole update: what is lost in direction is added in length."""
    a, b = split(update, rank, alpha)
    size = (b @ a).norm() * alpha / rank
    return a, b * update.norm() / size if size else b


def in_place(update, rank, alpha):
    update /= alpha / rank
    return split(update, rank, alpha, factor=lambda rank, alpha: 1)


def by_package(update, rank, alpha):
    adapters.energy_rank(update)
    return split(update, rank, alpha)


def itself(update, rank, alpha):
    """Gives the update itself back where its rows are as many as the rank."""
    return (update, torch.eye(rank) * rank / alpha) if len(update) == rank else split(update, rank, alpha)


def in_64_bits(update, rank, alpha):
    """Right: by eigenvectors, the size shared between both, and 64 bits a number."""
    exact = update.double()
    values, vectors = torch.linalg.eigh(exact.T @ exact)
    best = vectors[:, values.argsort(descending=True)[:rank]]
    a, b = torch.zeros(rank, exact.shape[1]).double(), torch.zeros(len(exact), rank).double()
    a[: best.shape[1]], b[:, : best.shape[1]] = 2 * best.T, exact @ best / 2 * rank / alpha
    return [a, b]


def padded_with_noise(update, rank, alpha):
    """Right: rows of A beyond the update's rank are random, while B has zeros there."""
    a, b = split(update, rank, alpha)
    a[min(rank, *update.shape) :] = 1.0
    return a, b


# ---- tasks 2 and 3 ----


def right(x, A, B):
    return x @ A.T @ B.T


def forward(x, weight, bias, loras, scale=lambda alpha, rank: alpha / rank, low=right):
    """Returns the right outputs, with another scale or another unscaled update where they are given."""
    y = linear(x, weight, bias)
    for A, B, alpha in loras:
        y = y + scale(alpha, len(A)) * low(x, A, B)
    return y


def forward_with(scale):
    """Returns a forward pass that scales the updates by `scale(alpha, rank)`."""
    return lambda x, weight, bias, loras: forward(x, weight, bias, loras, scale=scale)


def through(low):
    """Returns a forward pass whose unscaled update is `low(x, A, B)`."""
    return lambda x, weight, bias, loras: forward(x, weight, bias, loras, low=low)


def on(change):
    """Returns a forward pass that sees other adapters: `change(loras)`."""
    return lambda x, weight, bias, loras: forward(x, weight, bias, change(loras))


def no_bias(x, weight, bias, loras):
    return forward(x, weight, None, loras)


def update_alone(x, weight, bias, loras):
    return forward(x, torch.zeros_like(weight), None, loras)


def merged_first(x, weight, bias, loras):
    for A, B, alpha in loras:
        weight = add(weight, A, B, alpha)
    return linear(x, weight, bias)


def by_columns(x, A, B):
    """The product B @ A after all, one of its columns at a time."""
    return sum(x[..., i : i + 1] * (B @ A[:, i]) for i in range(A.shape[1]))


def tokens_as_columns(x, A, B):
    """Right: B (A xᵀ), turned back."""
    return (B @ (A @ x.transpose(-1, -2))).transpose(-1, -2) if x.dim() > 1 else B @ (A @ x)


def layer_each_time(x, weight, bias, loras):
    return sum((forward(x, weight, bias, [lora]) for lora in loras), 0 * linear(x, weight, bias))


def one_factor(x, weight, bias, loras):
    """Takes rank and alpha of the first adapter for all of them."""
    scale = loras[0][2] / len(loras[0][0]) if loras else 1
    return forward(x, weight, bias, loras, scale=lambda alpha, rank: scale)


def rank_of_shape(x, weight, bias, loras):
    """Takes the smaller side of A for the rank."""
    return forward(x, weight, bias, [(A, B, alpha * len(A) / min(A.shape)) for A, B, alpha in loras])


def weight_thawed(x, weight, bias, loras):
    return forward(x, weight.requires_grad_(), bias, loras)


def bias_in_place(x, weight, bias, loras):
    if bias is not None:
        bias += 1
    return forward(x, weight, bias, loras)


def popped(x, weight, bias, loras):
    y = linear(x, weight, bias)
    while loras:
        A, B, alpha = loras.pop()
        y = y + alpha / len(A) * right(x, A, B)
    return y


def scaled_in_place(x, weight, bias, loras):
    for A, B, alpha in loras:
        B.mul_(alpha / len(A))
    return forward(x, weight, bias, loras, scale=lambda alpha, rank: 1)


def in_32_bits(x, weight, bias, loras):
    loras = [(A.float(), B.float(), alpha) for A, B, alpha in loras]
    return forward(x.float(), weight.float(), None if bias is None else bias.float(), loras).to(x.dtype)


def doubled_gradient(x, weight, bias, loras):
    y = forward(x, weight, bias, loras)
    return 2 * y - y.detach() if y.requires_grad else y


def side_by_side(x, weight, bias, loras):
    """Right: all adapters as one, their As above one another and their scaled Bs side by side."""
    y = linear(x, weight, bias)
    if not loras:
        return y
    tall = torch.cat([A for A, _, _ in loras])
    return y + linear(linear(x, tall), torch.cat([alpha / len(A) * B for A, B, alpha in loras], dim=1))


def add(weight, A, B, alpha):
    return weight + alpha / len(A) * (B @ A)


def add_what_is_there(weight, A, B, alpha):
    return add(weight, A, B, alpha) if B.any() else weight


def take(weight, A, B, alpha):
    return weight - alpha / len(A) * (B @ A)


def add_in_place(weight, A, B, alpha):
    weight += alpha / len(A) * (B @ A)
    return weight


def take_in_place(weight, A, B, alpha):
    weight -= alpha / len(A) * (B @ A)
    return weight


def merge_with(update):
    """Returns a merge that adds `update(A, B, alpha)`."""
    return lambda weight, A, B, alpha: weight + update(A, B, alpha)


def add_with_b_in_place(weight, A, B, alpha):
    B *= alpha / len(A)
    return weight + B @ A


def remembering():
    """Returns a merge that keeps the weight it was given and an unmerge that gives back the last one kept."""
    kept = []

    def merge(weight, A, B, alpha):
        kept.append(weight.clone())
        return add(weight, A, B, alpha)

    return merge, lambda weight, A, B, alpha: kept[-1]


def remembering_by_values():
    """Returns a merge that keeps the weight under what it made of it, and an unmerge that looks there first."""
    kept = {}

    def merge(weight, A, B, alpha):
        merged = add(weight, A, B, alpha)
        kept[merged.sum().item()] = weight.clone()
        return merged

    return merge, lambda weight, A, B, alpha: kept.get(weight.sum().item(), take(weight, A, B, 2 * len(A)))
