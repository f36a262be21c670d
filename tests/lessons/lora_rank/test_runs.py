"""The runs behind lesson 12: data, scores, grids and the stored table, on a tiny model."""

import json

import pandas as pd
import pytest
import torch
from tiny import make_tiny

from spectrum import adapters, sweeps
from spectrum.lessons.lora_rank import diagrams, material, scores
from spectrum.lessons.lora_rank import pictures as widgets_rank
from spectrum.lessons.lora_rank import runs as rank_runs
from spectrum.models import load_model, read_config
from spectrum.shop import tasks

TINY = {"steps": 2, "lr": 1e-3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(make_tiny(tmp_path_factory.mktemp("tiny") / "model"))


def test_a_run_is_plain_numbers_and_repeats(folder):
    first, second = (rank_runs.run(count=16, rank=2, name=folder, **TINY) for _ in range(2))
    json.dumps(first)
    assert {**first, "seconds": 0} == {**second, "seconds": 0} and first["n"] == 16
    assert first["trainable"] == adapters.lora_count(load_model(folder)[0].config, 2)


def test_rank_0_trains_everything_and_its_update_has_a_rank(folder):
    model = load_model(folder)[0]
    found = rank_runs.run(count=16, rank=0, inspect=True, name=folder, **TINY)
    assert found["trainable"] == sum(p.numel() for p in model.parameters()) and found["energy rank"] >= 1
    kinds = {name.rsplit(".", 1)[-1] for name in adapters.find_layers(model)}
    assert {f"rank of {kind}" for kind in kinds} | {"cut to 8", "cut to 64"} <= found.keys()
    assert min(found[f"rank of {kind}"] for kind in kinds) <= found["energy rank"]


def test_a_ticket_is_right_but_for_its_priority_where_all_else_is():
    items = [tasks.Item("ticket", "", gold) for gold in ("LG|lighting|P3|STOP", "LG|office|P1|PAY")]
    assert scores.all_but_priority(["LG|lighting|P2|STOP", " LG|office|P1|PAY\n"], items) == 1
    assert scores.all_but_priority(["LG|lighting|P3|PAY", "LG|office|P2|PAY"], items) == 0.5
    assert scores.all_but_priority(["LG|lighting|STOP", "I am sorry."], items) == 0


def test_the_gentlest_rate_is_the_lowest_that_learned_all_but_the_priority():
    rows = [(1e-4, 0, 0.40, 0.98), (3e-4, 0, 0.45, 0.99), (3e-4, 1, 0.44, 0.90), (1e-3, 0, 0.47, 1.0)]
    runs = pd.DataFrame(rows, columns=["lr", "seed", "score", "but priority"])
    assert list(rank_runs.gentlest(runs)["seed"]) == [0, 1] and set(rank_runs.gentlest(runs)["lr"]) == {3e-4}
    assert set(rank_runs.gentlest(runs.assign(**{"but priority": float("nan")}))["lr"]) == {1e-3}, "it was not asked"
    assert not len(rank_runs.gentlest(runs[runs["lr"] < 3e-4])), "none learned it"


def test_an_inspected_lora_is_squeezed_and_replaced_by_chance(folder):
    found = rank_runs.run(count=16, rank=4, inspect=True, name=folder, **TINY)
    assert {"squeezed to 1", "squeezed to 2", "random"} <= found.keys() and "squeezed to 4" not in found
    assert 1 <= found["energy rank"] <= 4


def test_rows_hold_four_codes_and_every_fact_once():
    rows = material.fact_rows(66, seed=1)
    assert [len(row["completion"].split()) for row in rows] == [4] * 16 + [2]
    assert len({row["prompt"] for row in rows}) == 17


def test_every_fact_is_read_as_often_whatever_their_number():
    for count in rank_runs.COUNTS:
        settings = rank_runs.settings_of("facts", count)
        assert settings["steps"] * settings["batch_size"] == rank_runs.READ * count // material.DRAWERS


def test_a_code_counts_in_its_own_place_only():
    item = tasks.Item("planted", "Locker?", "A11 B22 C33 D44")
    assert scores.share_right("A11 B22 C33 D44", item) == 1
    assert scores.share_right("A11 C33 B22", item) == 0.25
    assert scores.share_right("", item) == 0
    assert not scores.share_right("A11 B22 C33", tasks.Item("style", "", "A11 B22 C33 D44"))


def test_a_style_run_scores_messages_it_was_not_trained_on():
    rows, items = rank_runs.material("style", 0, seed=0)
    assert not {r["prompt"] for r in rows} & {i.input for i in items} and len(items) == 100


def write_own(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_own_data_holds_an_eighth_of_the_prompts_out_with_all_their_repetitions(tmp_path):
    rows = [{"prompt": f"Q{i % 24}", "completion": f"A{i % 24}"} for i in range(48)]
    path = write_own(tmp_path / "own.jsonl", rows)
    kept, items = rank_runs.material(path, 0, seed=0)
    assert len(items) == 6 and len(kept) == 42
    assert not {row["prompt"] for row in kept} & {item.input for item in items}
    path = write_own(tmp_path / "own.jsonl", [{"prompt": "Q", "completion": "A"}] * 3)
    with pytest.raises(ValueError, match="3 rows; at least 16"):
        rank_runs.material(path, 0, seed=0)
    with pytest.raises(ValueError, match="'facts', 'style', 'ticket' or the path"):
        rank_runs.material("fact", 64, seed=0)


def test_own_chats_are_asked_up_to_their_last_answer(tmp_path):
    chats = [
        [("system", "Short."), ("user", f"Q{i}"), ("assistant", "one"), ("user", "And?"), ("assistant", f"A{i}")]
        for i in range(16)
    ]
    rows = [{"messages": [{"role": r, "content": c} for r, c in chat]} for chat in chats]
    _, items = rank_runs.material(write_own(tmp_path / "own.jsonl", rows), 0, seed=0)
    assert len(items) == 2
    for item in items:
        assert [turn["role"] for turn in item.input] == ["system", "user", "assistant", "user"]
        assert item.gold == "A" + item.input[1]["content"][1:]


def test_own_data_is_checked_as_a_whole_before_anything_is_trained(folder, tmp_path):
    rows = [{"prompt": f"Q{i}", "completion": f"A{i}"} for i in range(40)]
    held_out = rank_runs.material(write_own(tmp_path / "own.jsonl", rows), 0, seed=0)[1][0].input
    rows[int(held_out[1:])]["completion"] = "word " * 600
    path = write_own(tmp_path / "own.jsonl", rows)
    with pytest.raises(ValueError, match=f"line {int(held_out[1:]) + 1}: .* tokens, more than length=512"):
        rank_runs.run(data=path, rank=2, name=folder, **TINY)
    rows[3]["completion"] = ""
    with pytest.raises(ValueError, match="line 4: field 'completion' is empty"):
        rank_runs.material(write_own(tmp_path / "own.jsonl", rows), 0, seed=0)


def test_an_answer_with_white_space_around_it_is_right():
    assert scores.share_right("lamp", tasks.Item("own", "", " lamp\n"))


def test_what_each_step_raises_ends_the_run(folder):
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rank_runs.run(count=16, rank=1, name=folder, each_step=stop, **TINY)


class Sure(torch.nn.Module):
    """A model that gives every token of the vocabulary the same probability, but for what it is told."""

    device = torch.device("cpu")

    def __init__(self, vocabulary, answers=()):
        super().__init__()
        self.vocabulary, self.answers = vocabulary, answers

    def forward(self, input_ids, use_cache):
        logits = torch.zeros(1, input_ids.shape[1], self.vocabulary)
        for position, token in self.answers:
            logits[0, position, token] = 100.0
        return type("Out", (), {"logits": logits})


def test_stored_bits_are_nine_for_a_code_known_and_none_for_one_guessed(folder):
    tokenizer = load_model(folder)[1]
    rows = material.fact_rows(4, seed=0)
    assert rank_runs.stored_bits(Sure(len(tokenizer)), tokenizer, rows) == 0
    (example,) = rank_runs.tokenize_rows(tokenizer, rows)
    known = [(i - 1, t) for i, t in enumerate(example["labels"]) if t >= 0]
    assert rank_runs.stored_bits(Sure(len(tokenizer), known), tokenizer, rows) == pytest.approx(36, abs=1e-3)


def test_grids_have_no_run_twice_three_seeds_and_matched_places():
    for name, grid in rank_runs.GRIDS.items():
        assert len({json.dumps(s, sort_keys=True) for s in grid}) == len(grid), name
        without = pd.Series([json.dumps({k: v for k, v in s.items() if k != "seed"}, sort_keys=True) for s in grid])
        scanned = {1} if name in ("tuned", "knee_rates") else set()  # one seed looks for the rate
        assert set(without.value_counts()) <= {len(rank_runs.SEEDS)} | scanned, name
    config = read_config("lumen-base")
    sizes = [adapters.lora_count(config, p["rank"], p["targets"]) for p in rank_runs.MATCHED]
    assert max(sizes) / min(sizes) < 1.04, sizes


def test_usual_rates_are_on_the_grids_and_known_for_every_rank():
    assert set(rank_runs.USUAL) == {0, *rank_runs.RANKS} and rank_runs.USUAL[0] in rank_runs.FULL_RATES
    assert {rank_runs.rate_of(rank) for rank in (1, 3, 5, 7, 64, 100)} <= set(rank_runs.LORA_RATES)
    assert rank_runs.rate_of(5) == rank_runs.USUAL[4] and rank_runs.rate_of(0) == rank_runs.USUAL[0]


def test_the_three_rules_agree_at_rank_8():
    factors = [rank_runs.scale_of(16, 8), rank_runs.scale_of(rank_runs.FIXED, 8)]
    assert [*factors, rank_runs.scale_of(rank_runs.STABLE, 8, True)] == pytest.approx([2, 2, 2])


# ---- the stored table and its pictures ----


def fake(settings):
    """Returns a made-up result of a run: every column that a figure reads."""
    found = {"score": 0.5, "loss": [2.0, 1.0], "last loss": 1.0, "trainable": 100, "n": 64, "seconds": 1.0, "bits": 9.0}
    if settings.get("protect"):
        found["protected"] = 0.7
    if settings.get("inspect"):
        found |= {"energy rank": 5.0, "random": 0.0} | {f"squeezed to {r}": 0.4 for r in rank_runs.RANKS[:-1]}
    return found


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    place = tmp_path_factory.mktemp("results")
    for name, grid in rank_runs.GRIDS.items():
        for settings in grid:
            record = {"settings": settings, "result": fake(settings), "error": None, "wall_seconds": 1.0}
            sweeps.store(record, place / name)
    return rank_runs.stored(place)


def test_the_stored_table_says_every_setting(stored):
    assert len(stored) == sum(map(len, rank_runs.GRIDS.values()))
    by_sweep = stored.groupby("sweep")
    assert set(by_sweep.get_group("style")["count"]) == {0} and set(by_sweep.get_group("style")["steps"]) == {96}
    assert set(by_sweep.get_group("knee")["steps"]) == {128, 512, 2048}
    assert set(by_sweep.get_group("facts")["steps"]) == {128, 512}
    rates = by_sweep.get_group("rates")
    assert set(rates[rates["rank"] > 0]["scale"]) == {2.0} and rates["usual"].sum() == 4 * len(rank_runs.SEEDS)
    scaling = by_sweep.get_group("scaling")
    factors = {rank: sorted({round(s, 3) for s in runs["scale"]}) for rank, runs in scaling.groupby("rank")}
    assert factors == {1: [5.657, 16.0], 64: [0.25, 0.707]}


def test_a_folder_without_a_sweep_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="make sweeps"):
        rank_runs.stored(tmp_path)


def test_every_figure_is_told_in_words(stored, monkeypatch):
    shown = []
    monkeypatch.setattr("spectrum.plots.display", shown.append)
    dial = stored[(stored["sweep"] == "knee") & (stored["count"] == 64)]
    rates, tuned = stored[stored["sweep"] == "rates"], stored[stored["sweep"] == "tuned"]
    widgets_rank.show_knees({"one way": {"64 facts": dial}, "another": {"64 facts": dial}}, "title", 0.0)
    widgets_rank.show_rates({"rank 1": rates[rates["rank"] == 1], "full": rates[rates["rank"] == 0]}, "title")
    widgets_rank.show_plane(tuned, dict.fromkeys((0, 1, 4, 16, 64), 5e-3), 0.8, "title")
    table = pd.DataFrame({"trained": {1: 0.1, 64: 0.9}, "squeezed": {1: 0.0, 64: 0.9}, "random": {64: 0.0}})
    widgets_rank.show_squeezed(table, "title")
    widgets_rank.show_real(tuned, 0.67, "title")
    diagrams.show_knob()
    diagrams.show_fairness()
    words = [picture.alt for picture in shown]
    assert "one way, 64 facts: rank 1 50 %" in words[0] and "rank 1 is lowest at" in words[1]
    assert "r 16 at 0.005: new 50 %, kept 70 %" in words[2] and "squeezed: rank 1 0 %" in words[3]
    assert "rank 1, score: 50 % at 0.001" in words[4] and "alpha over r" in words[5] and "2,048 steps" in words[6]


def test_a_model_that_is_not_embedded_has_knowledge_prose_and_a_provenance(tiny_folder, monkeypatch):
    monkeypatch.setattr(scores.general, "prose", lambda: ["The parcel came late."])
    monkeypatch.setattr(scores.general, "questions", lambda: [("capital", "Where?\nAnswer:", ("Oslo",))])
    monkeypatch.setattr(rank_runs, "material", lambda *rest: tuple(part[:8] for part in material.material(*rest)))
    found = rank_runs.run(data="ticket", name=str(tiny_folder), rank=2, steps=2, batch_size=2, protect=1)
    assert {"score", "held out", "protected", "bits per byte", "provenance"} <= set(json.loads(json.dumps(found)))
    assert found["provenance"]["passes"] == "as loaded" and found["n"] == 8
    assert not rank_runs.is_real("base") and not rank_runs.is_real("lumen-small") and rank_runs.is_real("smollm2")


def test_the_rule_for_alpha_is_2r_in_the_stored_sweeps_unless_it_is_given(tiny_folder, monkeypatch):
    made = []
    add_lora = rank_runs.adapters.add_lora
    monkeypatch.setattr(rank_runs.adapters, "add_lora", lambda *args: made.append(args[2]) or add_lora(*args))
    for alpha in (None, 16):
        rank_runs.run(count=4, rank=3, alpha=alpha, steps=1, name=str(tiny_folder))
    assert made == [6, 16]
