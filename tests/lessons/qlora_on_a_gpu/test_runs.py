"""The runs of lesson 16 on a tiny model: what a step takes, what 16 bits lose, a tuning that is watched and resumed."""

import pytest
import torch
from tiny import make_tiny

from spectrum.lessons.qlora_on_a_gpu import peaks, runs
from spectrum.models import load_model

pytestmark = pytest.mark.usefixtures("eager")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny checkpoint of 192 and 512 inputs: whole blocks of 64."""
    return make_tiny(tmp_path_factory.mktemp("tiny"), hidden=192)


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_a_step_takes_what_the_ledger_says(folder, method, monkeypatch):
    monkeypatch.setattr(peaks, "provenance", lambda model, name: {})
    found = peaks.peak(method, 4, 64, name=folder)
    assert found["measured"] == pytest.approx(found["predicted"]["peak"], rel=0.08)
    assert found["seconds"] > 0


def test_parts_and_labels_save_and_change_no_gradient(folder, monkeypatch):
    monkeypatch.setattr(peaks, "provenance", lambda model, name: {})
    taken = [peaks.peak("lora", 8, 64, parts=parts, name=folder)["measured"] for parts in (1, 8)]
    assert taken[1] < 0.7 * taken[0]
    monkeypatch.setattr("spectrum.losses.LARGE_VOCABULARY", 1)
    few = peaks.peak("lora", 8, 64, labelled=0.25, name=folder)
    assert few["measured"] < taken[0] and few["predicted"] is None
    weights = []
    for parts in (1, 4):
        model = load_model(folder, device="cpu")[0].train()
        rows = peaks.random_rows(model, 8, 16, 1.0)
        peaks.one_step(model, torch.optim.SGD(model.parameters(), lr=0.1), rows, parts, False)
        weights.append(model.model.layers[0].mlp.up_proj.weight.detach())
    torch.testing.assert_close(*weights, atol=1e-5, rtol=1e-4)


def test_labels_stand_at_the_end_of_a_row(folder):
    rows = peaks.random_rows(load_model(folder, device="cpu")[0], 2, 8, 0.25)
    assert (rows["labels"][:, :6] == -100).all() and (rows["labels"][:, 6:] == rows["input_ids"][:, 6:]).all()


def test_moments_in_eight_bits_are_bitsandbytes(folder):
    model = load_model(folder, device="cpu")[0]
    assert type(peaks.make_optimizer(model)) is torch.optim.AdamW
    assert type(peaks.make_optimizer(model, 8)).__name__ == "AdamW8bit"


def test_sixteen_bits_err_and_scaling_helps_where_parts_are_many(folder, monkeypatch):
    monkeypatch.setattr(peaks, "provenance", lambda model, name: {})
    found = peaks.formats(parts=(1, 4096), scale=2.0**10, name=folder)["rows"]
    errors = {(row["format"], row["scaled"], row["parts"]): row["error"] for row in found}
    assert errors["float32", False, 1] == 0 < errors["bfloat16", False, 1] < 0.5
    assert errors["float16", False, 4096] > 2 * errors["float16", True, 4096]


def test_a_tuning_tells_its_course(folder, monkeypatch):
    monkeypatch.setattr(runs, "provenance", lambda model, name: {})
    monkeypatch.setattr(runs, "EVERY", 2)
    monkeypatch.setattr(runs.local_runs, "held_out", lambda task: runs.tasks.TASKS[task].sample(3, "test", 0))
    found = runs.tuned("qlora", rows=8, steps=4, name=folder)
    assert len(found["loss"]) == len(found["norm"]) == 4 and len(found["validation"]) == len(found["right"]) == 2
    assert found["before"] == [0, 0, 0] and found["seconds a step"] > 0


def test_a_killed_tuning_goes_on_to_the_same_weights(folder, monkeypatch):
    monkeypatch.setattr(runs, "provenance", lambda model, name: {})
    found = runs.resumed(steps=6, killed_at=4, every=3, name=folder)
    assert found["whole"] == found["resumed"] and found["weights"] == 0
    assert len(found["whole"]) == 6


def test_chats_and_pairs_are_asked_alike():
    rows = [{"prompt": "a", "completion": "b"}, {"messages": [{"role": "user", "content": "c"}] * 2}]
    first, second = runs.as_chats(rows)
    assert first == [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert second == rows[1]["messages"]
    assert runs.right(["b", "d"], rows) == 0.5


def test_the_shops_rows_of_two_parts_differ():
    train, held = runs.shop_rows(20), runs.shop_rows(20, "dev", seed=3)
    assert not {row["prompt"] for row in train} & {row["prompt"] for row in held}


def test_what_is_stored_is_what_the_grids_hold():
    assert {name: len(runs.stored(name)) for name in runs.REAL} == {name: len(grid) for name, grid in runs.REAL.items()}
    assert all(runs.stored(name)["error"].isna().all() for name in runs.REAL)
    assert list(runs.savings_table().index) == list(runs.LADDER)
    table = runs.peak_table()
    assert list(table["method"]) == ["full"] * 3 + ["lora"] * 3 + ["qlora"] * 3 and list(table["rows"]) == [1, 4, 8] * 3
