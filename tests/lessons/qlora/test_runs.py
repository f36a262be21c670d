"""The runs behind lesson 15 on a tiny model: what a run measures, that it repeats, and the adapter that is moved."""

import json
import math

import pytest
import torch
from tiny import make_tiny

from spectrum import adapters, quantize
from spectrum.lessons.qlora import runs as qlora_runs
from spectrum.models import load_model

FEW = {"steps": 2, "controls": False}
HOUSE = qlora_runs.House(0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    # 192 and 512 wide, as lumen-base: bitsandbytes on a CPU wants multiples of 64.
    return str(make_tiny(tmp_path_factory.mktemp("tiny") / "model", layers=1, hidden=192))


@pytest.fixture(autouse=True)
def few_rows(monkeypatch):
    for name, value in {
        "ROWS": 32,
        "LOSS_ROWS": 8,
        "CURVE_ROWS": 4,
        "EVERY": 1,
        "BATCH": 4,
        "MORE": 2,
        "ITEMS": 2,
        "FACTS": 16,
    }.items():
        monkeypatch.setattr(qlora_runs, name, value)


def trained(folder, method="lora"):
    """A starting model whose B is no longer zero."""
    model, tokenizer = qlora_runs.starting_model(method, 0, folder)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.copy_(0.05 * torch.randn(parameter.shape, generator=generator))
    return model, tokenizer


@pytest.mark.parametrize("data", ["house", "facts"])
@pytest.mark.parametrize("method", qlora_runs.METHODS)
def test_a_run_is_plain_numbers_and_repeats(folder, method, data):
    first, second = (qlora_runs.run(method, name=folder, data=data, **FEW) for _ in range(2))
    json.dumps(first)
    assert {**first, "seconds": 0} == {**second, "seconds": 0}
    assert [step for step, _ in first["curve"]] == [1, 2] and first["loss"] < first["loss before"]
    assert ("loss moved" in first) == (method == "lora") and "score" not in first


def test_the_controls_of_a_lora(folder):
    model, tokenizer = trained(folder)
    before = HOUSE.loss(qlora_runs.over_rounded(model, folder), tokenizer)
    found = qlora_runs.repair(HOUSE, model, tokenizer, name=folder)
    json.dumps(found)
    assert found["loss repaired"] < before, "two more steps over the rounded base lower the loss there"
    assert found["loss longer moved"] == HOUSE.loss(qlora_runs.over_rounded(model, folder), tokenizer)
    assert 0 <= found["score moved"] <= 1 and math.isfinite(found["loss random"])


def test_full_trains_all_weights_and_the_others_a_lora(folder):
    model = load_model(folder)[0]
    sizes = {m: adapters.count(qlora_runs.starting_model(m, 0, folder)[0])["trainable"] for m in qlora_runs.METHODS}
    lora = adapters.lora_count(model.config, qlora_runs.RANK)
    assert sizes == {"full": sum(p.numel() for p in model.parameters()), "lora": lora, "qlora": lora}
    with pytest.raises(ValueError, match="'full', 'lora', 'qlora', not 'lore'"):
        qlora_runs.starting_model("lore", 0, folder)
    with pytest.raises(ValueError, match="'house' or 'facts', not 'fact'"):
        qlora_runs.run("lora", name=folder, data="fact", **FEW)


def test_a_moved_adapter_is_the_same_update_over_rounded_weights(folder):
    model, _ = trained(folder)
    moved = qlora_runs.over_rounded(model, folder)
    before, after = adapters.deltas(model), adapters.deltas(moved)
    assert before.keys() == after.keys() and all(torch.equal(before[n], after[n]) for n in before)
    ids = torch.arange(12)[None]
    plain = load_model(folder)[0]
    rounded = quantize.load_quantized(folder)[0]
    with torch.no_grad():
        for name, layer in adapters.find_layers(plain).items():
            import bitsandbytes.functional as bnb

            weight = rounded.get_submodule(name).weight
            layer.weight.copy_(bnb.dequantize_4bit(weight.data, weight.quant_state) + before[name])
        assert torch.allclose(moved(ids).logits, plain(ids).logits, atol=1e-4)
        assert not torch.allclose(moved(ids).logits, model(ids).logits, atol=1e-2), "rounding changes the answers"


def test_the_random_control_is_moved_with_its_own_scale(folder):
    model, _ = trained(folder)
    control = qlora_runs.over_rounded(adapters.random_like(model), folder)
    ours, theirs = adapters.deltas(model), adapters.deltas(control)
    for name in ours:
        assert float(theirs[name].norm()) == pytest.approx(float(ours[name].norm()), rel=1e-4)
        assert not torch.allclose(ours[name], theirs[name], atol=1e-3)


def test_an_adapter_of_another_base_is_not_moved(folder, tmp_path):
    other = str(make_tiny(tmp_path / "other", layers=2, hidden=192))
    model, _ = trained(other)
    with pytest.raises(ValueError, match="no place for .*layers.1"):
        qlora_runs.over_rounded(model, folder)


@pytest.mark.parametrize(
    ("moved", "unrounded", "retrained", "share"),
    [(0.30, 0.10, 0.10, 1.0), (0.30, 0.10, 0.20, 0.5), (0.30, 0.10, 0.30, 0.0), (0.30, 0.10, 0.05, 1.25)],
)
def test_share_repaired(moved, unrounded, retrained, share):
    assert qlora_runs.repaired(moved, unrounded, retrained) == pytest.approx(share)


def test_nothing_can_be_repaired_where_rounding_added_nothing():
    assert math.isnan(qlora_runs.repaired(0.1, 0.1, 0.05))


def test_what_each_step_raises_ends_the_run(folder):
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        qlora_runs.run("qlora", name=folder, each_step=stop, **FEW)


def test_the_grid_has_every_method_with_every_seed_once():
    for name, runs in {"methods": 9, "facts": 6}.items():
        grid = qlora_runs.GRIDS[name]
        assert len({json.dumps(s, sort_keys=True) for s in grid}) == len(grid) == runs
