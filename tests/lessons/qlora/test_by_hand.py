"""What lesson 15 builds by hand, lifted out of the notebook, against bitsandbytes and peft on many random shapes."""

from pathlib import Path

import pytest
import torch
from tiny import make_tiny

from spectrum import adapters, quantize
from spectrum.models import load_model
from tools.lifted import lift

LESSON = Path(__file__).resolve().parents[3] / "notebooks" / "15_qlora.ipynb"
# (d_out, d_in), drawn once. Inputs are multiples of 64: others bitsandbytes 0.50 restores wrongly on a CPU.
DRAW = torch.Generator().manual_seed(15)
SHAPES = [(int(torch.randint(1, 200, (), generator=DRAW)), 64 * int(torch.randint(1, 9, (), generator=DRAW)))
          for _ in range(20)]  # fmt: skip


@pytest.fixture(scope="module")
def hand():
    """The lesson's functions by name; `base` stands in for the model that the lesson's levels are moved to."""
    if not LESSON.exists():
        pytest.skip("notebooks/15_qlora.ipynb is not there yet")
    names = ("round_to", "nf4_levels", "quantize_nf4", "dequantize_nf4", "QLoRALinear", "ThriftyQLoRALinear",
             "put_qlora", "stored_bits", "kept_bytes")  # fmt: skip
    return {name: lift(LESSON, name) for name in names}


def weights(shape, seed):
    """Random weights as models have them: few large ones, and now and then a block of zeros."""
    generator = torch.Generator().manual_seed(seed)
    found = 0.05 * torch.randn(shape, generator=generator) ** 3
    found[seed % shape[0]] = 0.0
    return found


def library(weight, double=False):
    import bitsandbytes.functional as bnb

    return bnb.quantize_4bit(weight, blocksize=64, quant_type="nf4", compress_statistics=double)


def test_the_levels_are_those_of_the_library(hand):
    import bitsandbytes.functional as bnb

    levels = hand["nf4_levels"]()
    assert torch.allclose(levels, bnb.get_4bit_type("nf4", device="cpu"), atol=1e-6)
    assert len(levels) == 16 and int((levels == 0).sum()) == 1


@pytest.mark.parametrize(("shape", "seed"), list(zip(SHAPES, range(20), strict=True)))
def test_there_and_back_as_the_library_and_within_half_a_step(hand, shape, seed):
    import bitsandbytes.functional as bnb

    weight = weights(shape, seed)
    codes, constants = hand["quantize_nf4"](weight)
    packed, state = library(weight)
    pairs = packed.reshape(-1)
    assert torch.equal(torch.stack([pairs >> 4, pairs & 15], dim=1).reshape(-1, 64).long(), codes)
    assert torch.equal(state.absmax, constants)
    restored = hand["dequantize_nf4"](codes, constants, shape)
    assert torch.allclose(restored, bnb.dequantize_4bit(packed, state), atol=1e-7)
    half_step = hand["nf4_levels"]().diff().max() / 2
    errors = (restored - weight).abs().reshape(-1, 64)
    assert bool((errors <= half_step * constants[:, None] + 1e-7).all())


def layers_of(make, shape, seed):
    """A layer by hand and peft's over bitsandbytes' Linear4bit, of one weight, with one random A and B."""
    from bitsandbytes.nn import Linear4bit
    from peft import LoraConfig
    from peft.tuners.lora.bnb import Linear4bit as Lora4bit

    torch.manual_seed(seed)
    rank, alpha = int(torch.randint(1, 9, ())), float(torch.randint(1, 33, ()))
    plain = torch.nn.Linear(shape[1], shape[0], bias=bool(seed % 2))
    plain.weight.data = weights(shape, seed)
    four = Linear4bit(shape[1], shape[0], bias=bool(seed % 2), compute_dtype=torch.float32,
                      compress_statistics=False, quant_type="nf4")  # fmt: skip
    four.load_state_dict(plain.state_dict())
    four = four.to("cpu").train()
    four.support_avx512bf16_for_cpu = False
    if four.weight.dtype != torch.uint8:
        four.weight = four.weight._quantize("cpu")
    config = LoraConfig(r=rank, lora_alpha=alpha)
    theirs = Lora4bit(four, "default", config=config, r=rank, lora_alpha=alpha)
    mine = make(plain, rank, alpha)
    A, B = theirs.lora_A["default"].weight, theirs.lora_B["default"].weight
    A.data.normal_(), B.data.normal_()
    mine.A.data, mine.B.data = A.data.clone(), B.data.clone()
    return mine, theirs


@pytest.mark.parametrize("name", ["QLoRALinear", "ThriftyQLoRALinear"])
@pytest.mark.parametrize(("shape", "seed"), list(zip(SHAPES, range(20), strict=True)))
def test_the_layer_is_pefts_over_linear4bit(hand, shape, seed, name):
    mine, theirs = layers_of(hand[name], shape, seed)
    A, B = theirs.lora_A["default"].weight, theirs.lora_B["default"].weight
    x = torch.randn(2, 5, shape[1])
    ours, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    for layer, each in ((mine, ours), (theirs, other)):
        layer(each).square().mean().backward()
    close = {"rtol": 1e-3, "atol": 1e-3}  # sums of up to 512 products of size 30 in float32, in another order
    with torch.no_grad():
        torch.testing.assert_close(mine(x), theirs(x), **close)
    for left, right in ((mine.A.grad, A.grad), (mine.B.grad, B.grad), (ours.grad, other.grad)):
        torch.testing.assert_close(left, right, **close)
    assert {n for n, p in mine.named_parameters() if p.requires_grad} == {"A", "B"}
    assert theirs.base_layer.weight.grad is None


@pytest.mark.parametrize(("shape", "seed"), list(zip(SHAPES, range(20), strict=True))[:6])
def test_the_thrifty_layer_keeps_what_the_library_keeps_and_the_other_the_whole_weight(hand, shape, seed):
    x, kept = torch.randn(2, 5, shape[1]), {}

    def kept_for(layer):
        return hand["kept_bytes"](layer, lambda: layer(x.clone().requires_grad_()))[1]

    for name in ("QLoRALinear", "ThriftyQLoRALinear"):
        kept[name], kept["library"] = map(kept_for, layers_of(hand[name], shape, seed))
    assert kept["ThriftyQLoRALinear"] == kept["library"]
    assert kept["QLoRALinear"] >= kept["library"] + 4 * shape[0] * shape[1]


def test_the_layer_is_a_plain_layer_with_the_restored_weight(hand):
    plain = torch.nn.Linear(128, 48)
    layer = hand["QLoRALinear"](plain, 4, 8)
    x = torch.randn(3, 128)
    restored = hand["dequantize_nf4"](*hand["quantize_nf4"](plain.weight.data), (48, 128))
    with torch.no_grad():
        assert torch.equal(layer(x), torch.nn.functional.linear(x, restored, plain.bias)), "B = 0: nothing is added"
    assert layer.packed.dtype == torch.uint8 and layer.packed.numel() == 48 * 128 // 2


@pytest.mark.parametrize("architecture", ["llama", "qwen3"])
def test_a_whole_model_by_hand_has_the_librarys_logits(hand, tmp_path, architecture):
    folder = make_tiny(tmp_path / "model", layers=1, hidden=192, architecture=architecture)
    theirs = adapters.add_lora(quantize.load_quantized(folder, double=False)[0], rank=4, alpha=8)
    mine = hand["put_qlora"](load_model(folder)[0], 4, 8)
    for name in adapters.find_layers(load_model(folder)[0]):
        ours, other = mine.get_submodule(name), theirs.get_base_model().get_submodule(name)
        other.lora_B["default"].weight.data.normal_(std=0.1)
        ours.A.data, ours.B.data = other.lora_A["default"].weight.data, other.lora_B["default"].weight.data
    ids = torch.arange(24)[None]
    with torch.no_grad():
        torch.testing.assert_close(mine(ids).logits, theirs(ids).logits, rtol=1e-3, atol=1e-2)
    trained = sum(p.numel() for p in mine.parameters() if p.requires_grad)
    assert trained == adapters.count(theirs)["trainable"]


def test_bits_of_a_weight(hand):
    weight = weights((256, 256), 3)  # 1,024 constants: four whole groups of 256
    assert hand["stored_bits"](*library(weight)) == 4.5
    assert hand["stored_bits"](*library(weight, double=True)) == 4 + 8 / 64 + 32 / (64 * 256)
