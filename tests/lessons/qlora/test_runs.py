"""The runs behind lesson 15 on a tiny model: what a run measures, that it repeats, and the adapter that is moved."""

import json
import math

import pytest
import torch
from tiny import make_tiny

from spectrum import adapters, quantize
from spectrum.lessons.lora_rank import scores
from spectrum.lessons.qlora import runs as qlora_runs
from spectrum.models import load_model

FEW = {"rank": 2, "count": 16, "steps": 2, "batch_size": 2, "protect": 0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    # 192 and 512 wide, as lumen-base: bitsandbytes on a CPU wants multiples of 64.
    return str(make_tiny(tmp_path_factory.mktemp("tiny") / "model", layers=1, hidden=192))


def trained(folder):
    """A LoRA whose B is no longer zero."""
    model, tokenizer = qlora_runs.start(folder)
    model = adapters.add_lora(model, 2)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.copy_(0.05 * torch.randn(parameter.shape, generator=generator))
    return model, tokenizer


@pytest.mark.parametrize("rounded", [False, True])
def test_a_run_is_plain_numbers_and_repeats(folder, rounded):
    first, second = (qlora_runs.run(folder, rounded, **FEW) for _ in range(2))
    json.dumps(first)
    assert {**first, "seconds": 0} == {**second, "seconds": 0} and first["n"] == 16
    assert ("loss moved" in first) == ("score moved" in first) == ("loss random" in first) == (not rounded)
    assert math.isfinite(first["loss"]) and 0 <= first["score"] <= 1 and "protected" not in first


def test_an_untuned_model_is_asked_what_rounding_must_not_break(folder, monkeypatch):
    monkeypatch.setattr(scores.general, "prose", lambda: ["The parcel came late."])
    monkeypatch.setattr(scores.general, "questions", lambda: [("capital", "Where?\nAnswer:", ("Oslo",))])
    own, rounded = (qlora_runs.run(folder, each) for each in (False, True))
    assert set(own) == {"protected", "bits per byte", "provenance"} and own["provenance"]["model"] == folder
    assert own["bits per byte"] != rounded["bits per byte"], "rounding changes what prose costs"


@pytest.mark.slow
def test_skills_are_asked_of_a_model_as_it_is_and_rounded(folder):
    assert [qlora_runs.skills(rounded, folder, n=4).name for rounded in (False, True)] == ["protected"] * 2


def test_a_batch_of_facts_is_packed(folder):
    batch = qlora_runs.facts_batch(load_model(folder)[1], 4)
    assert {"input_ids", "labels", "position_ids"} <= set(batch)
    assert int((batch["position_ids"] == 0).sum()) >= 4, "four rows, each of which begins at place 0"


def test_the_run_in_view_has_a_low_rate_for_a_large_model(folder, monkeypatch):
    model = load_model(folder)[0]
    assert qlora_runs.tight_for(model) == qlora_runs.TIGHT
    monkeypatch.setattr(adapters, "count", lambda model: {"total": 2 * 10**8})
    assert qlora_runs.tight_for(model) == qlora_runs.TIGHT | {"lr": 2e-4}


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
        qlora_runs.run(folder, True, each_step=stop, **FEW)


def test_the_grids_have_both_bases_with_every_seed_once():
    for grid in qlora_runs.GRIDS.values():
        assert len({json.dumps(s, sort_keys=True) for s in grid}) == len(grid) == 6
        assert {(s["rounded"], s["seed"]) for s in grid} == {(r, seed) for r in (False, True) for seed in (0, 1, 2)}
