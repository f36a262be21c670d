"""Plausible wrong answers to lab 12, and what the checks must say to each."""

import torch

from spectrum import adapters

GOOD_REASON = "Few steps must each move the weights further, so the rate is higher."


# ---- task 1 ----


def first_reaching(runs, bar, pick="mean", full=False, strict=False):
    """Returns the smallest rank that reaches the bar, however the greater ones do."""
    runs = runs if full else runs[runs["rank"] > 0]
    means = runs.groupby("rank")["score"].agg(pick)
    reached = means[means > bar] if strict else means[means >= bar]
    return int(reached.index[0]) if len(reached) else None


def walk_down(runs, bar, pick="mean", full=False, strict=False):
    """Returns the knee, with a mistake where an argument is given."""
    runs = runs if full else runs[runs["rank"] > 0]
    found, means = None, runs.groupby("rank")["score"].agg(pick)
    for rank in sorted(means.index, reverse=True):
        if means[rank] < bar or (strict and means[rank] <= bar):
            break
        found = int(rank)
    return found


def best_rank(runs, bar):
    return int(runs[runs["rank"] > 0].groupby("rank")["score"].mean().idxmax())


# ---- task 2 ----


def alpha_with(scale):
    """Returns an alpha_for that computes `scale(factor, rank, rslora)`."""
    return lambda factor, rank, rslora=False: scale(factor, rank, rslora)


# ---- task 3 ----

PLACES = ("attention", "mlp", "all-linear")


def ranks_by(cost, divide=lambda budget, each: budget // each):
    """Returns a ranks_for whose rank 1 costs `cost(model, layers)`."""

    def ranks_for(model, budget):
        return {p: divide(budget, cost(model, adapters.find_layers(model, p).values())) for p in PLACES}

    return ranks_for


def sides(model, layers):
    return sum(layer.in_features + layer.out_features for layer in layers)


def with_base(model, budget):
    every = sum(p.numel() for p in model.parameters())
    return {p: max(0, budget - every) // sides(model, adapters.find_layers(model, p).values()) for p in PLACES}


def all_alike(model, budget):
    rank = budget // sides(model, adapters.find_layers(model).values())
    return dict.fromkeys(PLACES, rank)


# ---- task 4 ----


def squeeze_with(A, B, alpha, share, factor=None, power=2, less=0, new_alpha=None, turned=False):
    """Returns the squeezed adapter, with a mistake where an argument is given."""
    factor = alpha / len(A) if factor is None else factor
    left, values, right = torch.linalg.svd(factor * (B @ A), full_matrices=False)
    energy = (values**power).cumsum(0) / (values**power).sum()
    rank = max(1, int((energy < share).sum()) + 1 - less)
    root = values[:rank].sqrt()
    a, b = root[:, None] * right[:rank], left[:, :rank] * root
    return (b, a, rank) if turned else (a, b, rank if new_alpha is None else new_alpha(alpha, rank))


def cut_rows(A, B, alpha, share):
    a, _, rank = squeeze_with(A, B, alpha, share)
    return A[:rank], B[:, :rank], alpha / len(A) * rank


def svd_of_each(A, B, alpha, share):
    _, _, rank = squeeze_with(A, B, alpha, share)
    left, values, right = torch.linalg.svd(A, full_matrices=False)
    kept = (left[:, :rank] * values[:rank]) @ right[:rank]
    return squeeze_with(kept, B, alpha, 1 - 1e-6)[0][:rank], squeeze_with(kept, B, alpha, 1 - 1e-6)[1][:, :rank], rank


def unscaled(A, B, alpha, share):
    return squeeze_with(A, B, alpha, share, factor=1.0)


def by_alpha(A, B, alpha, share):
    return squeeze_with(A, B, alpha, share, factor=alpha)


def old_alpha(A, B, alpha, share):
    return squeeze_with(A, B, alpha, share, new_alpha=lambda alpha, rank: alpha)


def twice(A, B, alpha, share):
    return squeeze_with(A, B, alpha, share, new_alpha=lambda alpha, rank: alpha / len(A) * rank)


def in_place(A, B, alpha, share):
    found = squeeze_with(A, B, alpha, share)
    A *= alpha / len(A)
    return found


# ---- task 5 ----


def chosen(**settings):
    """Returns a choose that gives these settings."""
    return lambda model: settings


def median_knee(runs, bar):
    return walk_down(runs, bar, pick="median")


def drops_in_place(runs, bar):
    runs.drop(runs[runs["rank"] == 0].index, inplace=True)
    runs.sort_values("rank", inplace=True)
    return walk_down(runs, bar)


def counts_with_peft(model, budget):
    found = ranks_by(sides)(model, budget)
    adapters.add_lora(model, 1)
    return found


WRONG = [
    ("check_knee", "median of the seeds", median_knee, "not the median"),
    ("check_knee", "table changed", drops_in_place, "changed its argument `runs`"),
    ("check_knee", "a float", lambda r, bar: walk_down(r, bar) and float(walk_down(r, bar)), "expected a rank as int"),
    ("check_budget", "model changed", counts_with_peft, "changed its argument `model`"),
    ("check_recall", "rate in quotes", (chosen(rank=2, lr="0.01"), GOOD_REASON), "numbers above 0"),
    ("check_recall", "a list of layers", (chosen(rank=2, lr=1e-2, targets=["q_proj"]), GOOD_REASON), "unknown targets"),
    ("check_knee", "best seed", lambda r, bar: walk_down(r, bar, pick="max"), "One lucky seed is not enough"),
    ("check_knee", "worst seed", lambda r, bar: walk_down(r, bar, pick="min"), "not the worst seed"),
    ("check_knee", "above the bar only", lambda r, bar: walk_down(r, bar, strict=True), ">=, not >"),
    ("check_knee", "first that reaches it", first_reaching, "Walk down from the greatest"),
    ("check_knee", "full counted", lambda r, bar: walk_down(r, bar, full=True), "leave it out"),
    ("check_knee", "rank of the best score", best_rank, "Mean over the seeds first"),
    ("check_knee", "bar not used", lambda r, bar: walk_down(r, 0.9), "Use the argument `bar`"),
    ("check_alpha", "alpha without 1/r", alpha_with(lambda f, r, s: f), "That is the factor itself"),
    ("check_alpha", "divided again", alpha_with(lambda f, r, s: f / r), "peft divides by the rank already"),
    ("check_alpha", "always 2r", alpha_with(lambda f, r, s: 2 * r), "Here the factor is given"),
    ("check_alpha", "rsLoRA left out", alpha_with(lambda f, r, s: f * r), "With rsLoRA the factor is alpha/√r"),
    ("check_alpha", "rsLoRA always", alpha_with(lambda f, r, s: f * r**0.5), "Without rsLoRA the factor is alpha/r"),
    ("check_alpha", "rounded", alpha_with(lambda f, r, s: round(f * r ** (0.5 if s else 1), 1)), "Do not round alpha"),
    ("check_budget", "base counted", with_base, "The base is frozen"),
    ("check_budget", "rounded to the nearest", ranks_by(sides, lambda b, e: round(b / e)), "Round down"),
    ("check_budget", "rounded up", ranks_by(sides, lambda b, e: -(-b // e)), "Rounded up"),
    ("check_budget", "A alone", ranks_by(lambda m, ls: sum(x.in_features for x in ls)), "That is A alone or"),
    ("check_budget", "all weights", ranks_by(lambda m, ls: sum(x.weight.numel() for x in ls)), "all weights of the"),
    ("check_budget", "head counted", ranks_by(lambda m, ls: sides(m, ls) + 58), "The head is never adapted"),
    ("check_budget", "one rank for all", all_alike, "attention: expected 54, got 23"),
    ("check_budget", "not whole", ranks_by(sides, lambda b, e: float(b // e)), "Use //"),
    ("check_squeeze", "factor lost", unscaled, "the update is 0.25 times"),
    ("check_squeeze", "scaled by alpha", by_alpha, "the update is 4 times"),
    ("check_squeeze", "old alpha kept", old_alpha, "what is the new alpha/r?"),
    ("check_squeeze", "factor twice", twice, "times what it should be"),
    ("check_squeeze", "values not squared", lambda *a: squeeze_with(*a, power=1), "Energy is the sum of the *squared*"),
    ("check_squeeze", "one rank too few", lambda *a: squeeze_with(*a, less=1), "plus one"),
    ("check_squeeze", "rows cut off", cut_rows, "in no order of importance"),
    ("check_squeeze", "SVD of A alone", svd_of_each, "in no order of importance"),
    ("check_squeeze", "A and B swapped", lambda *a: squeeze_with(*a, turned=True), "wanted (k, 6) and (5, k)"),
    ("check_squeeze", "in place", in_place, "changed its argument `A`"),
    ("check_recall", "full fine-tuning", (chosen(rank=0, lr=5e-4), GOOD_REASON), "rank 0 is full fine-tuning"),
    ("check_recall", "rank too high", (chosen(rank=8, lr=1e-2), GOOD_REASON), "allowed are 90,000"),
    ("check_recall", "more steps", (chosen(rank=2, lr=1e-2, steps=900), GOOD_REASON), "cannot be chosen"),
    ("check_recall", "no rate", (chosen(rank=2), GOOD_REASON), "at least 'rank' and 'lr'"),
    ("check_recall", "no reason", (chosen(rank=2, lr=1e-2), "It works."), "wanted eight or more"),
    ("check_recall", "far too low a rate", (chosen(rank=1, lr=1e-6), GOOD_REASON, 0.4, 1), "fresh facts"),
]
