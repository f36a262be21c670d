"""Passes in 16 bits: what makes them quick changes nothing that is learned, and is gone after them."""

import pytest
import torch
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

from spectrum import passes
from spectrum.adapters import add_lora
from spectrum.train import train
from tests.tiny import make_model, make_tokenizer

TOKENIZER = make_tokenizer()


def batch(width):
    """Returns a batch of two rows of random tokens."""
    ids = torch.randint(len(TOKENIZER), (2, width), generator=torch.Generator().manual_seed(0))
    return {"input_ids": ids, "labels": ids}


def gradients(quick=False, precision="bf16", width=40):
    """Returns (logits, the gradients of a LoRA) of one pass in a precision, with the quick passes or without them."""
    model = add_lora(make_model(TOKENIZER, seed=1), 4)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1, generator=torch.Generator().manual_seed(2))
    given = batch(width)
    with passes.quick_passes(model, "bf16" if quick else None, given):
        with passes.autocast(precision, "cpu"):
            logits = model(input_ids=given["input_ids"], use_cache=False).logits
        cross_entropy(logits[:, :-1].flatten(0, 1).float(), given["input_ids"][:, 1:].flatten()).backward()
    return logits.detach().float(), torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def test_quick_passes_are_as_near_to_the_exact_ones_as_autocast_is():
    exact, quick, plain = gradients(precision=None), gradients(quick=True), gradients()
    for right, mine, torchs in zip(exact, quick, plain, strict=True):
        assert 0 < (mine - right).norm() < 1.3 * (torchs - right).norm() < 0.1 * right.norm()


def test_rows_too_wide_for_plain_attention_differ_in_nothing(monkeypatch):
    monkeypatch.setattr(passes, "NARROW", 39)
    for mine, torchs in zip(gradients(quick=True), gradients(), strict=True):  # the casts left out change no number
        assert torch.equal(mine, torchs)


def seen(monkeypatch, precision, width):
    """Returns (the formats in which adapters were given their inputs, whether attention was fused) of a context."""
    from torch.nn.attention import SDPBackend, _cur_sdpa_kernel_backends

    model, formats = add_lora(make_model(TOKENIZER), 4), set()
    for name, module in model.named_modules():
        if name.endswith("lora_A.default"):
            module.register_forward_pre_hook(lambda _, given: formats.add(given[0].dtype))
    given = batch(width)
    with passes.quick_passes(model, precision, given), passes.autocast(precision, "cpu"):
        model(input_ids=given["input_ids"], use_cache=False)
        return formats, SDPBackend.FLASH_ATTENTION in _cur_sdpa_kernel_backends()


def test_what_is_quick_is_so_only_in_16_bits_and_on_narrow_rows(monkeypatch):
    monkeypatch.setattr(passes, "NARROW", 16)
    assert seen(monkeypatch, None, 8) == ({torch.float32}, True)
    assert seen(monkeypatch, "bf16", 17)[1] is True
    formats, fused = seen(monkeypatch, "bf16", 16)
    assert torch.bfloat16 in formats and not fused


def test_nothing_is_left_switched_after_the_passes_nor_after_an_error():
    from torch.nn.attention import _cur_sdpa_kernel_backends

    model = add_lora(make_model(TOKENIZER), 4)
    before = set(map(str, _cur_sdpa_kernel_backends()))
    with pytest.raises(KeyError), passes.quick_passes(model, "bf16", batch(8)):
        raise KeyError
    assert set(map(str, _cur_sdpa_kernel_backends())) == before
    assert not torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed()
    assert all(getattr(module, "cast_input_dtype_enabled", True) for module in model.modules())
    assert scaled_dot_product_attention(*[torch.ones(1, 1, 4, 8)] * 3).shape == (1, 1, 4, 8)


def test_checkpointing_computes_again_what_it_computed():
    examples = [{"input_ids": list(range(5, 25)), "labels": list(range(5, 25))} for _ in range(4)]
    losses = [
        [r["loss"] for r in train(add_lora(make_model(TOKENIZER), 4), examples, steps=3, precision="bf16", lr=1e-2,
                                  recompute=recompute, progress=False)]
        for recompute in (False, True)]  # fmt: skip
    assert losses[0] == losses[1]
