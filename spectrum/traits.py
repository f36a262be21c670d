"""What a model does, tried on the model once instead of assumed from its name.

Some architectures let packed examples see each other, take no positions, or read padding; which end tokens stop an
answer stands in two places; a config may say nothing about the context. `python -m spectrum.traits NAME` says it all.
"""

import inspect
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from transformers import DynamicCache, StaticCache

from spectrum import templates
from spectrum.layers import find_layers, share_of
from spectrum.models import context_length, load_model
from spectrum.tokens import positions

FIRST, SECOND = (5, 9, 3, 12, 7, 2), (8, 4, 11, 6, 10)  # token ids: two short texts, the second read after the first
# A measured difference below this share of what a full leak makes is rounding: it is 1e-7 in float32 and about 1e-2 in
# bfloat16, and a real leak is 1.
ROUNDING = 0.25


@dataclass(frozen=True)
class Traits:
    """What was found out about a model; see `traits_of`."""

    packs: bool  # packed examples, told apart by position_ids, give the logits they give alone
    pads: bool  # a row padded on the left gives the logits it gives alone
    positions: bool  # its forward takes position_ids
    cache: type | None  # the kind of cache that gives the logits of reading anew; None: read anew
    context: int | None  # tokens that the positions reach, as its config says; None where it says nothing
    dtype: torch.dtype

    def __str__(self):
        packed = "packing keeps examples apart" if self.packs else "packing leaks: one example a row"
        padded = "padding is harmless" if self.pads else "padding is read: rows of one length only"
        cached = "cached" if self.cache else "no cache: every step reads all"
        reach = f"context of {self.context} tokens" if self.context else "no limit of context known"
        return f"{packed}; {padded}; {cached}; {reach}; {str(self.dtype).removeprefix('torch.')}"


_TRIED = WeakKeyDictionary()


def traits_of(model):
    """Returns the Traits of a model, tried on it at the first call; an adapter's are those of the model below it.

    Prompt tuning and its kin put virtual tokens before each row, so with them nothing can be packed.
    """
    model = base_of(model)
    if model not in _TRIED:
        was = model.training
        model.eval()
        try:
            with torch.no_grad():
                _TRIED[model] = try_out(model)
        finally:
            model.train(was)
    return _TRIED[model]


def describe(model, tokenizer):
    """Returns in one line what was found out about a model and its tokenizer."""
    ends = [repr(tokenizer.convert_ids_to_tokens(i)) for i in sorted(end_tokens(model, tokenizer))]
    template = templates.examine(tokenizer) or "no chat template"
    kind, share = type(base_of(model)).__name__, 100 * share_of(base_of(model), find_layers(base_of(model)))
    reached = f"an adapter on all linear layers reaches {share:.3g} % of the weights"
    return f"{kind}: {traits_of(model)}; {reached}; answers end at {' or '.join(ends) or 'no token'}; {template}"


def base_of(model):
    """Returns the transformers model, below an adapter where there is one."""
    return model.get_base_model() if hasattr(model, "peft_config") and hasattr(model, "get_base_model") else model


def virtual_tokens(model):
    """Returns whether the active adapter puts virtual tokens in front (prompt, prefix or p-tuning)."""
    config = getattr(model, "active_peft_config", None)
    return config is not None and config.is_prompt_learning


def end_tokens(model, tokenizer):
    """Returns the ids of the tokens that end an answer: the model's own first, then what the chat template teaches.

    The model's are its generation config's, or the tokenizer's where that names none. A base model stops at the end of
    a text, and one tuned on chats at the end of a turn: those may be two tokens, and only one of them configured.
    """
    ends = getattr(model.generation_config, "eos_token_id", None)
    ends = tokenizer.eos_token_id if ends is None else ends
    ends = [ends] if isinstance(ends, int) else list(ends or ())
    template = templates.examine(tokenizer)
    taught = [i for i in (template and template.end, tokenizer.eos_token_id) if i is not None]
    return tuple(dict.fromkeys([*ends, *taught]))


def places(model, mask):
    """Returns {"position_ids"} of rows padded on the left, {} for a model that takes none."""
    placed = not virtual_tokens(model) and traits_of(model).positions
    return {"position_ids": positions(mask)} if placed else {}


def mixes(model):
    """Returns whether rows of different lengths may share a batch.

    Not where the model reads padding, and not with virtual tokens: PEFT lets no positions be given with those, and
    padding would come between them and the prompt.
    """
    return not virtual_tokens(model) and traits_of(model).pads


class Reader:
    """In place of a cache, for a model that takes none of ours: what it has read so far, the tokens themselves."""

    def __init__(self, ids):
        self.ids = ids

    def reorder_cache(self, keep):
        """Keeps the rows of those numbers."""
        self.ids = self.ids[keep]


def accepts(model, name):
    """Returns whether a model's forward has an argument of that name."""
    return name in inspect.signature(base_of(model).forward).parameters


# ---- trying ----


def try_out(model):
    """Returns the Traits of a plain model in evaluation mode."""
    first, second = (torch.tensor([ids], device=model.device) for ids in (FIRST, SECOND))
    both, length = torch.cat([first, second], dim=1), len(SECOND)

    def last(ids, **options):
        return model(input_ids=ids, **{"use_cache": False} | options).logits[0, -length:].float()

    alone, leaked = last(second), last(both)

    def same(found):
        # Not a number is no proof, and where a leak would not show, nothing can be said either: both count as unlike.
        return bool((found - alone).abs().mean() < ROUNDING * (leaked - alone).abs().mean())

    mask = torch.cat([torch.zeros_like(first), torch.ones_like(second)], dim=1)
    restart = torch.tensor([[*range(len(FIRST)), *range(length)]], device=model.device)
    placed = accepts(model, "position_ids")
    where = {"position_ids": positions(mask)} if placed else {}
    return Traits(
        packs=placed and same(last(both, position_ids=restart)),
        pads=same(last(both, attention_mask=mask, **where)),
        positions=placed,
        cache=next((kind for kind in (StaticCache, DynamicCache) if decodes(model, kind, both, where)), None),
        context=context_length(model),
        dtype=model.dtype,
    )


def decodes(model, kind, ids, where):
    """Returns whether reading a text in two parts, with a cache of a kind between them, gives its last logits.

    Not every architecture takes every kind of cache; what it raises then is the answer.
    """
    if not accepts(model, "past_key_values"):
        return False
    cut, mask = len(FIRST), torch.ones_like(ids)
    places = torch.arange(ids.shape[1], device=ids.device)[None]
    cache = new_cache(model, kind, ids.shape[1])
    whole, bare = model(input_ids=ids, use_cache=False), model(input_ids=ids[:, cut:], use_cache=False)
    try:
        for part in (slice(0, cut), slice(cut, None)):
            at = {"position_ids": places[:, part]} if where else {}
            end = ids.shape[1] if part.stop is None else part.stop
            found = model(input_ids=ids[:, part], attention_mask=mask[:, :end], past_key_values=cache, use_cache=True,
                          **at)  # fmt: skip
    except (RuntimeError, ValueError, TypeError, AttributeError, NotImplementedError):
        return False
    off, lost = (x.logits[0, -1].float() - whole.logits[0, -1].float() for x in (found, bare))
    return bool(off.abs().mean() < ROUNDING * lost.abs().mean())


def new_cache(model, kind, length):
    """Returns an empty cache of a kind; a static one has room for `length` tokens from the start.

    Where autocast computes in another format than the weights have, keys and values differ in theirs: rotation makes
    keys of the weights' format. A static cache has one for both, so there a growing one stands in for it.
    """
    device = model.device.type
    mixed = torch.is_autocast_enabled(device) and torch.get_autocast_dtype(device) != model.dtype
    if kind is StaticCache and not mixed:
        return StaticCache(config=model.config, max_cache_len=length)
    return (DynamicCache if kind is StaticCache else kind)(config=model.config)


if __name__ == "__main__":
    import sys

    print(describe(*load_model(sys.argv[1] if len(sys.argv) > 1 else None)))
