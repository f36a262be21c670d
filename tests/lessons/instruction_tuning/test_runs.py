"""Lesson 07's runs: what the loss looks at, what is asked, and a run that can be watched, stopped and repeated."""

import inspect
import json

import pytest
import torch

from spectrum.examples import IGNORE, tokenize_rows
from spectrum.lessons.instruction_tuning import runs as tuning_runs
from spectrum.shop import instruction_data, samplers, tasks
from spectrum.train import train

ROWS = [
    {"prompt": "Give the city.\nI live in Oslo.", "completion": "Oslo"},
    {"prompt": "Is it good?", "completion": "positive\nindeed"},
]


@pytest.fixture
def few(monkeypatch):
    """Two questions a part, so that a run is about training."""
    items_of = tuning_runs.items_of
    monkeypatch.setattr(tuning_runs, "items_of", lambda names, n, seed: items_of(names[:1], min(n, 2), seed))


def learned(tokenizer, example):
    return tokenizer.decode([label for label in example["labels"] if label != IGNORE])


@pytest.mark.parametrize("pair", ["tiny", "tiny_qwen"])
def test_the_loss_looks_where_it_is_told(pair, request):
    _, tokenizer = request.getfixturevalue(pair)
    plain = tokenize_rows(tokenizer, ROWS)
    end = {"tiny": "<|end|>", "tiny_qwen": "<|im_end|>\n"}[pair]
    kinds = {kind: tuning_runs.relabel(tokenizer, plain, kind) for kind in tuning_runs.LOSS_ON}
    for number, row in enumerate(ROWS):
        assert learned(tokenizer, kinds["answers"][number]) == row["completion"] + end
        assert learned(tokenizer, kinds["answers without end"][number]) == row["completion"]
        assert kinds["everything"][number]["labels"] == plain[number]["input_ids"]
        assert all(kinds[kind][number]["input_ids"] == plain[number]["input_ids"] for kind in kinds)
    with pytest.raises(ValueError, match="loss_on must be one of 'answers', 'everything'.*not 'prompt'"):
        tuning_runs.relabel(tokenizer, plain, "prompt")


def test_every_setting_of_the_sweep_is_one_that_run_takes():
    grid = tuning_runs.GRIDS["tuning"]
    assert len({json.dumps(settings, sort_keys=True) for settings in grid}) == len(grid)
    for settings in grid:
        inspect.signature(tuning_runs.run).bind(**settings)
        assert settings["rows"] == 0 or settings["loss_on"] in tuning_runs.LOSS_ON
    seeds = [settings["seed"] for settings in grid if settings["rows"]]
    assert all(seeds.count(seed) == len(tuning_runs.CHANGES) for seed in tuning_runs.SEEDS)


def test_what_is_held_out_is_in_no_training_row():
    assert set(tasks.HELD_OUT).isdisjoint(tasks.TRAINED) and "glorb" not in tasks.TRAINED
    asked = [m["content"] for row in tuning_runs.instruction_rows(300) for m in row["messages"] if m["role"] == "user"]
    for name in tasks.TRAINED:
        for wording in tuning_runs.PARTS["held-out wordings"][1]:
            instruction = tasks.TASKS[name].instructions[wording]
            assert "{" in instruction or not any(instruction in text for text in asked), (name, instruction)


def test_a_role_asks_for_a_voice_in_the_system_turn():
    for item in tuning_runs.part_items("role, new tasks", 8):
        before, after = samplers.MARKS[item.details["role"]]
        assert item.gold.startswith(before) and item.gold.endswith(after)
        chat = tuning_runs.prompt(item, "Say this.")
        assert [m["role"] for m in chat] == ["system", "user"] and chat[0]["content"] == instruction_data.PERSONA_TEXT[
            item.details["role"]
        ]
        assert tuning_runs.prompt(item, "Say this.", chat=False) == f"{chat[0]['content']}\nSay this."
        assert tasks.TASKS[item.task].score(item.gold, item)
        assert not tasks.TASKS[item.task].score(item.gold.removeprefix(before), item)
    trained_with_roles = {"extraction", "look-up", "recall", "list", "classification"}
    assert not any(tasks.TASKS[n].kind in trained_with_roles for n in tuning_runs.PARTS["role, new tasks"][0])
    assert "role" not in tuning_runs.part_items("held-out wordings", 1)[0].details


def test_a_question_has_what_was_asked_for():
    item = tasks.TASKS["city"].sample(1, "test", 1)[0]
    assert tuning_runs.question(item, None) == item.input
    assert tuning_runs.question(item, 6) == f"{tasks.TASKS['city'].instruction(item, 6)}\n{item.input}\n"
    shown = tuning_runs.question(item, 6, shots=4)
    assert shown.startswith(tasks.TASKS["city"].instruction(item, 6)) and shown.count("\nOutput: ") == 4
    assert shown.endswith(f"Input: {item.input}\nOutput:") and item.gold not in shown.rpartition("Output:")[2]


def test_wordings_take_turns(tiny, monkeypatch):
    asked = []
    monkeypatch.setattr(tuning_runs, "evaluate", lambda model, tokenizer, items, texts, *a, **k: asked.extend(texts))
    items = tasks.TASKS["city"].sample(4, "test", 1)
    tuning_runs.ask(tiny, items, (6, 7), chat=False)
    assert asked == [tuning_runs.question(item, 6 + i % 2) for i, item in enumerate(items)]


def test_each_step_is_reported_with_its_loss(tiny_folder):
    from spectrum.models import load_model

    model, tokenizer = load_model(tiny_folder, device="cpu")
    seen = []
    with tuning_runs.reported(model, 3, lambda *step: seen.append(step)):
        records = train(model, tokenize_rows(tokenizer, ROWS), steps=3, batch_size=2)
    assert seen == [(r["step"], 3, pytest.approx(r["loss"])) for r in records]
    model(torch.tensor([[1, 2]]), labels=torch.tensor([[1, 2]]))
    assert len(seen) == 3, "nothing is reported afterwards"


def test_a_step_whose_loss_is_computed_outside_the_model_is_reported_without_it(tiny_folder, monkeypatch):
    from spectrum import losses
    from spectrum.models import load_model

    monkeypatch.setattr(losses, "LARGE_VOCABULARY", 1)
    model, tokenizer = load_model(tiny_folder, device="cpu")
    seen = []
    with tuning_runs.reported(model, 2, lambda *step: seen.append(step)):
        train(model, tokenize_rows(tokenizer, ROWS), steps=2, batch_size=2)
    assert [step for step, _, _ in seen] == [1, 2] and all(loss != loss for _, _, loss in seen)


def test_what_a_report_raises_ends_the_run(tiny_folder, few, monkeypatch):
    class Enough(Exception):
        pass

    def report(step, steps, loss):
        if step == 2:
            raise Enough(steps)

    monkeypatch.setattr(tuning_runs, "instruction_rows", lambda count, seed: [ROWS[0]] * count)
    with pytest.raises(Enough, match="8"):
        tuning_runs.run(str(tiny_folder), rows=64, report=report)


def test_a_run_says_what_it_measured_and_says_the_same_again(tiny_folder, few, monkeypatch):
    taken = []

    def rows_of(count, seed):
        taken.append((count, seed))
        return [ROWS[i % 2] for i in range(count + seed)][seed:]

    monkeypatch.setattr(tuning_runs, "instruction_rows", rows_of)
    settings = {"name": str(tiny_folder), "rows": 20, "epochs": 2, "loss_on": "everything", "seed": 1}
    first, second = (tuning_runs.run(**settings) for _ in range(2))
    assert first.pop("seconds") >= 0 and second.pop("seconds") >= 0
    assert first == second == json.loads(json.dumps(first))
    assert first["steps"] == len(first["loss"]) == 5
    assert set(first) == {"wordings", "role", "tokens out", "loss", "steps"}
    assert tuning_runs.run(**{**settings, "seed": 2})["loss"] != first["loss"]
    assert taken == [(20, 1), (20, 1), (20, 2)]


def test_no_rows_measure_the_model_as_it_is(tiny_folder, few):
    found = tuning_runs.run(str(tiny_folder), rows=0)
    assert (found["steps"], found["loss"], found["seconds"]) == (0, [], 0.0)


def test_a_ladder_adds_one_thing_at_a_time(tiny, few):
    rungs = tuning_runs.ladder(tiny, "unknown word", 2)
    assert list(rungs) == ["input alone", "+ instruction", "+ 4 examples"]
    lengths = [score.tokens_in for score in rungs.values()]
    assert lengths == sorted(lengths) and lengths[2] > 3 * lengths[1]
