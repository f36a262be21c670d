"""The runs behind lesson 12: data, scores and grids, on a tiny model."""

import json

import pytest
import torch
from tiny import make_tiny

from spectrum import adapters, rank_runs
from spectrum.models import load_model

TINY = {"steps": 2, "lr": 1e-3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(make_tiny(tmp_path_factory.mktemp("tiny") / "model"))


def test_a_run_is_plain_numbers_and_repeats(folder):
    first, second = (rank_runs.run(rank=2, name=folder, **TINY) for _ in range(2))
    json.dumps(first)
    assert {**first, "seconds": 0} == {**second, "seconds": 0} and first["n"] == 64
    assert first["trainable"] == adapters.lora_count(load_model(folder)[0].config, 2)


def test_rank_0_trains_everything(folder):
    model = load_model(folder)[0]
    assert rank_runs.run(rank=0, name=folder, **TINY)["trainable"] == sum(p.numel() for p in model.parameters())


def test_a_style_run_scores_messages_it_was_not_trained_on(folder):
    rows, items = rank_runs.material("style", 0, seed=0)
    assert not {r["prompt"] for r in rows} & {i.input for i in items} and len(items) == 100


def test_own_data_keeps_every_eighth_row_for_the_score(tmp_path):
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps({"prompt": f"Q{i}", "completion": f"A{i}"}) + "\n" for i in range(24)))
    rows, items = rank_runs.material(str(path), 0, seed=0)
    assert [i.input for i in items] == ["Q0", "Q8", "Q16"] and len(rows) == 21
    path.write_text('{"prompt": "Q", "completion": "A"}\n' * 3)
    with pytest.raises(ValueError, match="3 rows; at least 16"):
        rank_runs.material(str(path), 0, seed=0)
    with pytest.raises(ValueError, match="'facts', 'style' or the path"):
        rank_runs.material("fact", 64, seed=0)


def test_what_each_step_raises_ends_the_run(folder):
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rank_runs.run(rank=1, name=folder, each_step=stop, **TINY)


class Sure(torch.nn.Module):
    """A model that gives every token of the vocabulary the same probability, but for what it is told."""

    def __init__(self, vocabulary, answers=()):
        super().__init__()
        self.vocabulary, self.answers = vocabulary, answers

    def forward(self, input_ids, use_cache):
        logits = torch.zeros(1, input_ids.shape[1], self.vocabulary)
        for position, token in self.answers:
            logits[0, position, token] = 100.0
        return type("Out", (), {"logits": logits})


def test_stored_bits_are_nine_for_a_fact_known_and_none_for_one_guessed(folder):
    tokenizer = load_model(folder)[1]
    rows = rank_runs.fact_rows(1, seed=0)
    assert rank_runs.stored_bits(Sure(len(tokenizer)), tokenizer, rows) == 0
    (example,) = rank_runs.tokenize_rows(tokenizer, rows)
    known = [(i - 1, t) for i, t in enumerate(example["labels"]) if t >= 0]
    assert rank_runs.stored_bits(Sure(len(tokenizer), known), tokenizer, rows) == pytest.approx(9, abs=1e-3)


def test_grids_have_no_run_twice_and_matched_places_match():
    for name, grid in rank_runs.GRIDS.items():
        assert len({json.dumps(s, sort_keys=True) for s in grid}) == len(grid), name
    config = load_model("lumen-base")[0].config
    sizes = [adapters.lora_count(config, p["rank"], p["targets"]) for p in rank_runs.MATCHED]
    assert max(sizes) / min(sizes) < 1.03, sizes
