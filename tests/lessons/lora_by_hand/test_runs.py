"""The runs behind lesson 11: plain data out, the cut update is what it says, a seed changes what it should."""

import copy
import json

import numpy as np
import pytest
import torch

from spectrum import adapters
from spectrum.lessons.lora_by_hand import runs as lora_runs
from spectrum.models import load_model


@pytest.fixture
def few_rows(monkeypatch):
    """Runs on 24 rows and ask 4 letters: the tiny model learns nothing either way."""
    monkeypatch.setattr(lora_runs, "ROWS", 24)
    score = lora_runs.house_score
    monkeypatch.setattr(lora_runs, "house_score", lambda model, tokenizer, name="": score(model, tokenizer, name, n=4))


@pytest.mark.parametrize("rank", [0, 2])
def test_a_run_gives_plain_numbers(tiny_folder, few_rows, rank):
    found = lora_runs.run(rank=rank, steps=2, name=str(tiny_folder))
    assert json.loads(json.dumps(found)) == found and 0 <= found["score"] <= 1
    base, _ = load_model(tiny_folder)
    counted = adapters.lora_count(base.config, 2) if rank else sum(p.numel() for p in base.parameters())
    assert found["trainable"] == counted
    if rank == 0:
        assert {f"score at rank {cut}" for cut in lora_runs.CUTS} <= found.keys()
        assert 1 <= found["rank of q_proj"] <= 32 and "rank of down_proj" in found
    else:
        assert not any(key.startswith(("rank of", "score at")) for key in found)


def test_the_same_seed_gives_the_same_run_and_another_seed_another(tiny_folder, few_rows):
    losses = [lora_runs.run(rank=2, seed=seed, steps=2, name=str(tiny_folder))["loss"] for seed in (0, 0, 1)]
    assert losses[0] == losses[1] != losses[2]


def test_cut_to_full_rank_is_the_whole_update_and_less_is_less(tiny):
    base, _ = tiny
    torch.manual_seed(0)
    after = copy.deepcopy(base)
    with torch.no_grad():
        for layer in adapters.find_layers(after).values():
            layer.weight += 0.1 * torch.randn(layer.weight.shape)
    update = adapters.differences(base, after)
    whole, part = lora_runs.with_cut(base, update, 99), lora_runs.with_cut(base, update, 3)
    for name, layer in adapters.find_layers(after).items():
        torch.testing.assert_close(whole.get_submodule(name).weight, layer.weight, atol=1e-5, rtol=1e-5)
        change = part.get_submodule(name).weight - base.get_submodule(name).weight
        assert torch.linalg.matrix_rank(change.double(), rtol=1e-4) == 3
    assert torch.equal(part.get_input_embeddings().weight, base.get_input_embeddings().weight)


def test_ranks_are_medians_over_the_layers_of_a_kind():
    one, two = torch.outer(torch.ones(4), torch.ones(5)), torch.eye(4, 5)
    update = {"a.0.up": one, "a.1.up": one, "a.2.up": two, "a.0.down": two}
    assert lora_runs.kind_ranks(update) == {"up": 1, "down": 4}


def test_house_score_has_its_name_floor_and_ceiling(tiny):
    score = lora_runs.house_score(*tiny, "untaught", n=4)
    assert (score.name, score.n, score.floor, score.ceiling) == ("untaught", 4, 0.0, 1.0)


def test_the_grid_is_plain_and_has_three_seeds_of_each():
    grid = lora_runs.GRIDS["seeds"]
    assert json.loads(json.dumps(grid)) == grid
    assert {rank: sum(s["rank"] == rank for s in grid) for rank in (0, 8)} == {0: 3, 8: 3}


def test_misses_say_what_was_wanted_and_whether_only_the_priority_is_wrong(tiny):
    score = lora_runs.house_score(*tiny, n=4)
    rows = lora_runs.house.house_rows(4, "test", seed=1)
    gold = [row["completion"] for row in rows]
    ticket = next(number for number, line in enumerate(gold) if line.startswith("LG|"))
    answers = list(gold)
    priority = gold[ticket].split("|")[2]
    answers[ticket] = gold[ticket].replace(priority, "P1" if priority != "P1" else "P2")
    other = next(number for number in range(4) if number != ticket)
    answers[other] = "something else"
    score.answers = answers
    score.correct = np.array([a == b for a, b in zip(answers, gold, strict=True)])
    found = lora_runs.misses(score)
    assert found["wanted"].tolist() == [gold[number] for number in sorted((ticket, other))]
    assert found.set_index("wanted")["only the priority"].to_dict() == {gold[ticket]: True, gold[other]: False}
