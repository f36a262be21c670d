"""Four-bit models: rounding within half a step, a base that training leaves alone, and less kept for the backward."""

import copy
import random

import pytest
import torch
from tiny import make_tiny

from spectrum import adapters
from spectrum.models import load_model
from spectrum.quantize import checkpoint_layers, load_quantized
from spectrum.train import train

pytestmark = pytest.mark.usefixtures("eager")

# The 16 levels, from the appendix of QLoRA (arXiv 2305.14314), to the digits that float32 has.
NF4 = [
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0]  # fmt: skip


@pytest.fixture(scope="module", params=["llama", "qwen3"])
def folder(request, tmp_path_factory):
    """A tiny checkpoint of 192 and 512 inputs: whole blocks of 64."""
    return make_tiny(tmp_path_factory.mktemp(request.param), hidden=192, architecture=request.param)


@pytest.fixture(scope="module", params=[True, False], ids=["double", "single"])
def quantized(request, folder):
    """(folder, whether doubly quantized, model, tokenizer)."""
    return folder, request.param, *load_quantized(folder, double=request.param, device="cpu")


@torch.no_grad()
def logits(model):
    return model(torch.arange(1, 41).reshape(2, 20), use_cache=False).logits


def four_bit_layers(model):
    import bitsandbytes

    return {n: m for n, m in model.named_modules() if isinstance(m, bitsandbytes.nn.Linear4bit)}


def dequantized(layer):
    from bitsandbytes.functional import dequantize_4bit

    return dequantize_4bit(layer.weight.data, layer.weight.quant_state)


# ---- rounding ----


def block_maxima(weight):
    """Returns the greatest magnitude of each weight's block of 64, in the weight's shape."""
    flat = weight.reshape(-1, 64)
    return flat.abs().amax(1, keepdim=True).expand_as(flat).reshape(weight.shape)


@pytest.mark.parametrize("number", range(24))
def test_a_weight_is_rounded_to_the_nearest_level_of_its_block_and_the_layer_is_the_rounded_weight(number):
    import bitsandbytes

    draw = random.Random(number)
    d_out, d_in, double = draw.randint(1, 90), 64 * draw.randint(1, 6), number % 2 == 1
    generator = torch.Generator().manual_seed(number)
    weight = draw.choice([0.02, 1.0, 30.0]) * torch.randn(d_out, d_in, generator=generator)
    layer = bitsandbytes.nn.Linear4bit(
        d_in, d_out, compute_dtype=torch.float32, quant_type="nf4", compress_statistics=double
    )
    layer.weight = bitsandbytes.nn.Params4bit(
        weight.clone(), requires_grad=False, quant_type="nf4", compress_statistics=double
    )
    layer = layer.to("cpu")
    layer.support_avx512bf16_for_cpu = False
    rounded = dequantized(layer)
    scale, levels = block_maxima(weight), torch.tensor(NF4)
    nearest = (weight[..., None] - levels * scale[..., None]).abs().amin(-1)
    half_a_step = levels.diff().max() / 2 * scale
    error = (rounded - weight).abs()
    constants = block_maxima(rounded) - scale if double else torch.zeros(())  # the constants are rounded as well
    assert (error <= nearest + constants.abs() + 1e-5 * scale).all()
    assert (error <= half_a_step + constants.abs() + 1e-5 * scale).all() and error.max() > 0
    if not double:
        torch.testing.assert_close(rounded.reshape(-1, 64).abs().amax(1), weight.reshape(-1, 64).abs().amax(1))
    plain = torch.nn.Linear(d_in, d_out)
    plain.load_state_dict({"weight": rounded, "bias": layer.bias.data})
    x = torch.randn(3, d_in, generator=generator)
    with torch.no_grad():  # sums of at most 384 float32 products
        torch.testing.assert_close(layer(x), plain(x), rtol=1e-4, atol=1e-4 * scale.max().item())


def test_the_model_is_the_plain_one_holding_the_rounded_weights(quantized):
    folder, double, model, tokenizer = quantized
    plain, _ = load_model(folder, device="cpu")
    layers, before = four_bit_layers(model), logits(plain)
    assert layers.keys() == adapters.find_layers(plain).keys()
    for name, layer in layers.items():
        state = layer.weight.quant_state
        assert state.quant_type == "nf4" and state.blocksize == 64 and state.nested == double
        plain.get_submodule(name).weight.data = dequantized(layer)
    expected = logits(plain)
    tolerance = 1e-4 * expected.abs().max().item()
    torch.testing.assert_close(logits(model), expected, atol=tolerance, rtol=0)
    assert (before - expected).abs().max() > 100 * tolerance  # rounding does show
    assert tokenizer("one").input_ids and not model.training


def test_training_over_it_moves_a_and_b_and_not_a_bit_of_the_base(quantized):
    model = copy.deepcopy(quantized[2])
    before = logits(model)
    model = adapters.add_lora(model, 4)
    assert torch.equal(logits(model), before)
    frozen = {n: p.detach().clone() for n, p in model.named_parameters() if "lora_" not in n}
    rows = [{"input_ids": list(range(1, 20)), "labels": list(range(1, 20))}] * 2
    train(model, rows, steps=3, lr=1e-2, batch_size=2)
    assert all(torch.equal(p, frozen[n]) for n, p in model.named_parameters() if n in frozen)
    assert not torch.equal(logits(model), before)
    with model.disable_adapter():
        assert torch.equal(logits(model), before)
    assert adapters.count(model)["share"] == pytest.approx(adapters.lora_count(model.config, 4) / plain_size(quantized))


def plain_size(quantized):
    return sum(p.numel() for p in load_model(quantized[0], device="cpu")[0].parameters())


def test_an_adapter_made_over_four_bits_and_one_made_over_all_fit_each_other(quantized, tmp_path):
    folder, _, model, _ = quantized
    plain, _ = load_model(folder, device="cpu")
    adapters.save_adapter(adapters.add_lora(plain, 2), tmp_path / "plain")
    adapters.save_adapter(adapters.load_adapter(copy.deepcopy(model), tmp_path / "plain"), tmp_path / "four")
    adapters.load_adapter(load_model(folder, device="cpu")[0], tmp_path / "four")


def test_a_width_that_bitsandbytes_gets_wrong_on_a_cpu_is_refused(tmp_path):
    folder = make_tiny(tmp_path / "narrow", hidden=96)
    with pytest.raises(ValueError, match=r"q_proj' of '.*narrow' has 96 inputs, no multiple of 64"):
        load_quantized(folder, device="cpu")


# ---- less kept for the backward pass ----


def test_checkpointing_changes_what_is_kept_and_no_gradient(tiny_folder):
    gradients, kept = [], []
    for change in (lambda model: model, checkpoint_layers):
        model = change(adapters.add_lora(load_model(tiny_folder, device="cpu")[0], 2)).train()
        seen = {}

        def note(tensor, seen=seen):
            seen[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        ids = torch.arange(200)[None] % 100
        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            loss = model(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        gradients.append([p.grad for p in model.parameters() if p.requires_grad])
        kept.append(sum(seen.values()))
    assert kept[1] < 0.8 * kept[0]
    for plain, again in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, again)
