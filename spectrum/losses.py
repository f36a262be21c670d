"""The loss of a packed batch: the model's own, or the same with a large head computed only where a label is."""

import torch

from spectrum.examples import IGNORE
from spectrum.traits import virtual_tokens

LARGE_VOCABULARY = 8192  # a head over fewer tokens costs too little to be left out where no label is


def batch_loss(forward, batch, head=None):
    """Returns the model's mean loss over a packed batch's labels; with its `head` given, computed only where these are.

    A row holds far more prompt than answer, and SmolLM2's head has 49,152 outputs a token.
    """
    positions = batch["position_ids"]
    whole = bool((positions == torch.arange(positions.shape[1], device=positions.device)).all())
    if whole:  # one example per row: plain causal attention, the fast path
        batch = {k: v for k, v in batch.items() if k != "position_ids"}
    if head is None:
        return forward(**batch, use_cache=False).loss
    inputs = {name: value for name, value in batch.items() if name != "labels"}
    wanted = batch["labels"][:, 1:] != IGNORE  # (B, T - 1)
    before = torch.nn.functional.pad(wanted, (0, 1))  # (B, T): the token before a label is what predicts it
    hook = head.register_forward_pre_hook(lambda module, given: (given[0][before][None], *given[1:]))
    try:
        logits = forward(**inputs, use_cache=False).logits[0]  # (labels, V)
    finally:
        hook.remove()
    return torch.nn.functional.cross_entropy(logits.float(), batch["labels"][:, 1:][wanted])


def large_head(model):
    """Returns the model's head if it is large and gives the same loss computed at the labels alone, else None.

    It does not where virtual tokens shift the labels, nor where a router's loss is part of the model's.
    """
    head = model.get_output_embeddings()
    if head is None or virtual_tokens(model) or getattr(model.config, "output_router_logits", False):
        return None
    return head if head.weight.shape[0] >= LARGE_VOCABULARY else None


def count_labels(batch):
    """Returns how many tokens of a packed batch are in the loss."""
    return int((batch["labels"] != IGNORE).sum())
