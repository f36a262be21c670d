"""The runs behind lesson 14 on a tiny model: what is rounded, kept, dropped or left exact, and what is asked after."""

import json

import pytest
import torch
from tiny import make_tiny

from spectrum import adapters, codes, sweeps
from spectrum.lessons.four_bits import runs
from spectrum.models import load_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(make_tiny(tmp_path_factory.mktemp("tiny") / "model", layers=1, hidden=64))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Asks nothing: what a model has left is no matter here."""
    monkeypatch.setattr(runs, "asked", lambda model, tokenizer, name: {"weights": model})
    monkeypatch.setattr(runs, "texts", lambda name: ["one kettle", "two lamps and a pen"])


def off(folder, **settings):
    """{layer: where its weight is no longer what it was} after a run."""
    before = adapters.find_layers(load_model(folder)[0])
    after = adapters.find_layers(runs.run(folder, **settings)["weights"])
    return {name: after[name].weight != part.weight for name, part in before.items()}


def share(places):
    return sum(int(p.sum()) for p in places.values()) / sum(p.numel() for p in places.values())


def test_nothing_is_changed_without_a_code_and_nearly_all_with_one(folder):
    assert share(off(folder)) == 0 and share(off(folder, code="nf3")) > 0.9


def test_the_error_is_that_of_all_layers_together(folder):
    found = [runs.run(folder, code=code)["weight error"] for code in (None, "int8", "nf4", "nf2")]
    assert found == sorted(found) and found[0] == 0 and found[3] < 1


def test_what_is_kept_or_stays_exact_is_not_off(folder):
    assert share(off(folder, code="nf3", keep=0.2)) == pytest.approx(0.8, abs=0.02)
    for by in ("activation", "chance"):
        places = off(folder, code="nf3", columns=0.25, by=by)
        assert all((~p).all(0).float().mean() == pytest.approx(0.25, abs=0.02) for p in places.values())


def test_inputs_are_those_that_a_layer_meets_at_every_fourth_token(folder):
    model, tokenizer = load_model(folder)
    pieces = ["one kettle and a lamp", "two lamps"]
    found = runs.inputs_of(model, tokenizer, pieces)
    layers = adapters.find_layers(model)
    assert found.keys() == layers.keys() and all(found[n].shape[1] == part.in_features for n, part in layers.items())
    ids = [torch.tensor([tokenizer(piece, add_special_tokens=False)["input_ids"]]) for piece in pieces]
    with torch.no_grad():
        seen = [model.model.layers[0].input_layernorm(model.model.embed_tokens(each))[0, ::4] for each in ids]
    assert torch.allclose(found["model.layers.0.self_attn.q_proj"], torch.cat(seen), atol=1e-6)


def test_inputs_are_looked_at_on_text_that_is_not_scored():
    for name in ("base", "smollm2"):
        assert runs.others(name) and not set(runs.others(name)) & set(runs.texts(name))


def test_blocks_that_begin_elsewhere_make_other_errors_of_the_same_size(folder):
    first, other = ({n: p.weight for n, p in adapters.find_layers(
        runs.run(folder, code="nf4", shift=shift)["weights"]).items()} for shift in (0, 16))  # fmt: skip
    before = adapters.find_layers(load_model(folder)[0])
    errors = [[float((side[n] - p.weight).norm()) for n, p in before.items()] for side in (first, other)]
    assert errors[0] != errors[1] and errors[0] == pytest.approx(errors[1], rel=0.2)
    name, part = next(iter(before.items()))
    turned = part.weight.detach().flatten().roll(-16).reshape(part.weight.shape)
    assert torch.equal(codes.round_trip(turned, "nf4").flatten().roll(16), other[name].flatten())


def test_columns_that_meet_large_inputs_err_less_when_they_are_scaled(folder, monkeypatch):
    before = adapters.find_layers(load_model(folder)[0])
    large, generator = torch.arange(64) % 8 == 0, torch.Generator().manual_seed(0)
    inputs = {name: torch.randn(64, p.in_features, generator=generator)
              * torch.where(torch.arange(p.in_features) % 8 == 0, 16.0, 1.0) for name, p in before.items()}  # fmt: skip
    monkeypatch.setattr(runs, "inputs_of", lambda *_: inputs)

    def errors(**settings):  # of the first layer: of the columns with large inputs, and of the others
        name, after = next(iter(before)), adapters.find_layers(runs.run(folder, code="nf3", **settings)["weights"])
        off = (after[name].weight - before[name].weight).square().sum(dim=0)
        return float(off[large].mean()), float(off[~large].mean())

    plain, scaled, shuffled = errors(), errors(scaled=True, by="activation"), errors(scaled=True, by="chance")
    assert scaled[0] < 0.7 * plain[0] and scaled[1] > 1.2 * plain[1]
    assert shuffled[0] > plain[0]


def test_the_largest_weights_are_dropped_or_as_many_others(folder):
    largest, others = (off(folder, drop=0.05, by=by) for by in ("size", "chance"))
    assert share(largest) == pytest.approx(share(others), abs=0.002) == pytest.approx(0.05, abs=0.002)
    weights = adapters.find_layers(load_model(folder)[0])
    for name, part in weights.items():
        size = part.weight.detach().abs()
        assert size[largest[name]].min() >= size[~largest[name]].max()


def test_every_setting_of_the_grids_is_plain_and_there_once():
    for grid in (*runs.GRIDS.values(), *runs.REAL.values()):
        found = [json.dumps(settings, sort_keys=True) for settings in grid]
        assert len(set(found)) == len(found)


def test_a_result_can_be_stored_beside_its_settings(folder, monkeypatch):
    monkeypatch.setattr(runs, "asked", lambda model, tokenizer, name: {"recall": 0.5})
    sweeps.check_result(runs.run(folder, code="nf4"), {"name": folder, "code": "nf4"})
