"""Codes: the levels, what is rounded to them and back, and that NF4 is bitsandbytes' bit for bit."""

import math

import pytest
import torch
from scipy.stats import norm

from spectrum import codes
from spectrum.models import load_model


def drawn(rows=2048, columns=192, seed=0, dtype=torch.float32):
    """Weights of a normal distribution whose rows differ in size, as in trained layers."""
    generator = torch.Generator().manual_seed(seed)
    made = torch.randn(rows, columns, generator=generator) * torch.rand(rows, 1, generator=generator)
    return made.to(dtype)


@pytest.mark.parametrize("code", codes.CODES)
def test_levels_are_in_order_from_minus_one_to_one_with_a_zero_and_fit_the_bits(code):
    found = codes.levels(code).tolist()
    assert found == sorted(set(found)) and (found[0], found[-1]) == (-1, 1) and 0 in found
    assert 2 ** codes.bits_of(code) - len(found) == (0 if code.startswith("nf") else 1)


def test_even_levels_on_paper():
    assert codes.levels("int2").tolist() == [-1, 0, 1]
    assert codes.levels("int3").tolist() == pytest.approx([-1, -2 / 3, -1 / 3, 0, 1 / 3, 2 / 3, 1])
    steps = codes.levels("int8").diff()
    assert len(steps) == 254 and steps.max() - steps.min() < 1e-6


def test_fp4_is_a_sign_two_bits_of_exponent_and_one_of_mantissa():
    made = {0.0, 0.5} | {(1 + m / 2) * 2**e for e in (0, 1, 2) for m in (0, 1)}
    assert codes.levels("fp4").tolist() == pytest.approx(sorted({sign * n / 6 for n in made for sign in (1, -1)}))


def test_normal_levels_share_out_the_bell():
    above = [level for level in codes.levels("nf3").tolist() if level > 0]
    tail = 1 - (1 / 8 + 1 / 7) / 4
    wanted = [norm.ppf(0.5 + (tail - 0.5) * n / 4) for n in (1, 2, 3, 4)]
    assert above == pytest.approx([x / wanted[-1] for x in wanted], abs=1e-5)


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_nf4_is_bitsandbytes_bit_for_bit(double, dtype):
    import bitsandbytes.functional as bnb

    assert torch.equal(codes.levels("nf4"), bnb.get_4bit_type("nf4", device="cpu"))
    for block in (64, 128):
        weight = drawn(columns=256, seed=block, dtype=dtype)  # 8,192 blocks of 64
        packed, state = bnb.quantize_4bit(weight, blocksize=block, quant_type="nf4", compress_statistics=double)
        assert torch.equal(codes.round_trip(weight, "nf4", block, double), bnb.dequantize_4bit(packed, state))


@pytest.mark.parametrize("block", [1, 7, 64, 1000, None])
@pytest.mark.parametrize("code", ["int8", "int4", "int3", "int2"])
def test_even_levels_err_by_half_a_step_of_their_block_at_most(code, block):
    weight = drawn(13, 29)
    back = codes.round_trip(weight, code, block)
    size = min(block or weight.numel(), weight.numel())
    pad = torch.nn.functional.pad(weight.flatten(), (0, -weight.numel() % size)).reshape(-1, size)
    half = pad.abs().amax(1, keepdim=True).expand_as(pad).flatten()[: weight.numel()] / (len(codes.levels(code)) - 1)
    assert back.shape == weight.shape and ((back - weight).abs().flatten() <= half + 1e-6).all()


def test_rounding_twice_is_rounding_once_and_the_largest_of_a_block_is_exact():
    weight = drawn(8, 64)
    back = codes.round_trip(weight, "nf4")
    assert torch.equal(codes.round_trip(back, "nf4"), back)
    places = weight.abs().argmax(1, keepdim=True)
    assert torch.equal(back.gather(1, places), weight.gather(1, places))


def test_zeros_stay_zeros_and_the_weight_is_left_alone():
    weight = torch.zeros(4, 64)
    weight[1, 3] = 2.0
    before = weight.clone()
    assert torch.equal(codes.round_trip(weight, "nf4"), before) and torch.equal(weight, before)


def test_what_is_kept_is_exact_and_sets_no_constant():
    weight = drawn(4, 64)
    weight[2, 5] = 50.0
    plain, kept = codes.round_trip(weight, "int4"), codes.round_trip(weight, "int4", keep=1 / 256)
    assert kept[2, 5] == 50 and codes.relative_error(weight[2], kept[2]) < 0.2 * codes.relative_error(
        weight[2][weight[2] < 50], plain[2][weight[2] < 50]
    )
    assert torch.equal(codes.round_trip(weight, "nf4", keep=1.0), weight)


def test_finer_codes_and_smaller_blocks_err_less():
    weight = drawn()
    by_code = [codes.relative_error(weight, codes.round_trip(weight, code)) for code in ("int8", "nf4", "nf3", "nf2")]
    by_block = [codes.relative_error(weight, codes.round_trip(weight, "nf4", block)) for block in (32, 64, 128, None)]
    assert by_code == sorted(by_code) and by_block == sorted(by_block)


def test_bits_a_weight_on_paper():
    assert codes.bits_a_weight("nf4") == 4.5
    assert codes.bits_a_weight("nf4", double=True) == pytest.approx(4 + 8 / 64 + 32 / (64 * 256))
    assert codes.bits_a_weight("int8", None) == 8 and codes.bits_a_weight("nf3", 32, keep=0.01) == pytest.approx(4.48)


def test_a_model_is_rounded_but_for_its_head_and_embedding():
    base, rounded = load_model("base")[0], codes.round_model(load_model("base")[0], "nf4")
    same = {name for name, p in base.named_parameters() if torch.equal(p, rounded.get_parameter(name))}
    assert "model.embed_tokens.weight" in same and not any(name.endswith("proj.weight") for name in same)


def test_scales_make_the_outputs_err_less_where_some_inputs_are_large():
    generator = torch.Generator().manual_seed(0)
    sizes = torch.where(torch.arange(256) % 50 == 0, 30.0, 1.0)
    weight, inputs = torch.randn(64, 256, generator=generator), torch.randn(300, 256, generator=generator) * sizes

    def error(factors):
        return float(((codes.round_trip(weight * factors, "nf4") / factors - weight) @ inputs.T).norm())

    found = codes.scales(weight, inputs, "nf4")
    assert error(found) < 0.75 * error(torch.ones(256)) and (found[sizes > 1] > 2 * found[sizes == 1].max()).all()
    assert error(found.roll(1)) > error(torch.ones(256))
    assert torch.isfinite(codes.scales(weight, inputs * (sizes == 1), "nf4")).all()
    for bad in (torch.zeros(2, 256), torch.full((2, 256), float("nan"))):
        with pytest.raises(ValueError, match="inputs are finite numbers"):
            codes.scales(weight, bad, "nf4")


def test_what_is_no_code_block_or_share_is_refused():
    weight = torch.ones(2, 2)
    with pytest.raises(ValueError, match="'nf5' is no code; there are int8"):
        codes.levels("nf5")
    with pytest.raises(ValueError, match="at least 1 weight, not 0; None"):
        codes.round_trip(weight, "nf4", 0)
    with pytest.raises(ValueError, match="a share of the weights, 0 to 1, not 2"):
        codes.round_trip(weight, "nf4", keep=2)
    assert math.isnan(float(codes.relative_error(torch.zeros(2), torch.zeros(2))))
