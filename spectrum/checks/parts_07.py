"""Batches in parts, for lab 07's second check: what the loss of each part must be, and the mistakes that are known."""

import torch

from spectrum.checks.machinery import expect, expect_close, expect_gradient, floats, short
from spectrum.examples import IGNORE


def whole_loss(parts):
    """Returns [loss of each part], by torch, whose sum is the mean over the labelled tokens of all parts."""
    return [summed(*part) / max(1, sum(map(count, parts))) for part in parts]


def summed(logits, labels):
    """Returns torch's own cross-entropy of the next tokens, summed."""
    flat, wanted = logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()
    return torch.nn.functional.cross_entropy(flat, wanted, ignore_index=IGNORE, reduction="sum")


def count(part):
    """Returns how many tokens of a part have a label, and scores that speak about them."""
    return int((part[1][:, 1:] != IGNORE).sum())


def drawn_part(generator, counts, length=9, vocabulary=7):
    """Returns random logits, and labels whose rows have so many labelled tokens at their ends."""
    logits = 3 * torch.randn(len(counts), length, vocabulary, generator=generator)
    labels = torch.randint(vocabulary, (len(counts), length), generator=generator)
    for row, count in enumerate(counts):
        labels[row, : length - count] = IGNORE
    return logits, labels


def expect_losses(function, parts, what, hint):
    """Raises CheckFailed unless the learner's losses are those of the parts, with the gradients of the whole."""
    got, wanted = function(parts), whole_loss(parts)
    listed = isinstance(got, list | tuple) and len(got) == len(parts)
    expect(listed, f"{what}: expected a list of {len(parts)} losses, got {short(got)}", "One loss for each part.")
    expect(all(floats(one) and one.ndim == 0 for one in got), f"{what}: a loss is no tensor without dimensions",
           "Numbers of Python have no gradient, and a loss is one number.")  # fmt: skip
    name_mistake(got, parts, what)
    for number, (mine, right) in enumerate(zip(got, wanted, strict=True)):
        scale = max(abs(float(right)), 1e-3)  # a few dozen terms in 32 bits: 1e-6 of it
        expect_close(mine, right, 1e-5 * scale, f"{what}: the loss of part {number}", hint)
    if sum(map(count, parts)):
        expect_gradients(function, parts, what, "The losses are right, and the gradients that they send back are not. "
                         "Which way back does torch see from each loss?")  # fmt: skip
    expect_ways_back(function, parts, what)


@torch.enable_grad()  # a notebook may have switched gradients off
def expect_ways_back(function, parts, what):
    """Raises CheckFailed where a loss cannot be sent back alone, as that of a part without labels, made of nothing."""
    leaves = [(logits.detach().clone().requires_grad_(), labels) for logits, labels in parts]
    for number, loss in enumerate(function(leaves)):
        expect(loss.requires_grad, f"{what}: expected a loss of part {number} for a backward pass, got one without a "
               "gradient", "Each part has its backward pass, an empty one too: make its 0 of its scores.")  # fmt: skip


def expect_gradients(function, parts, what, hint):
    """Raises CheckFailed unless the sum of the learner's losses has the gradients of the whole batch's loss."""

    def total(losses):
        return lambda *logits: sum(losses([(one, labels) for one, (_, labels) in zip(logits, parts, strict=True)]))

    given = {f"the scores of part {number}": logits for number, (logits, _) in enumerate(parts)}
    expect_gradient(total(function), total(whole_loss), given, 1e-6, what, hint)


def name_mistake(got, parts, what):
    """Raises CheckFailed where the losses are those of a mistake that is known."""
    means = [whole_loss([part])[0] for part in parts]
    known = (
        (means, "Each part has its own mean, so their sum grows with the number of parts."),
        ([one / len(parts) for one in means], "The mean of the parts' means: where few tokens have a label, each of "
         "them weighs more. By what must every part be divided?"),
        ([summed(*part) for part in parts], "These are sums. Divide by the number of labelled tokens."),
    )  # fmt: skip
    right, mine = torch.stack(whole_loss(parts)), torch.stack(list(got)).detach().float()
    for losses, hint in known:
        losses = torch.stack(losses)
        same = torch.allclose(mine, losses, rtol=1e-5) and not torch.allclose(losses, right, rtol=1e-3)
        expect(not same, f"{what}: the losses are {[round(float(one), 4) for one in mine][:4]}", hint)
