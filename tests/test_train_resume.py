"""A run that is resumed: the same to the bit as one that was not interrupted, and never that of another run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from test_train import TOKENIZER, fresh, rows, same_weights, state

from spectrum.examples import tokenize_rows
from spectrum.train import train

ROOT = Path(__file__).parents[1]


@pytest.fixture
def examples():
    return tokenize_rows(TOKENIZER, rows(24))


def without_seconds(records):
    return [{k: v for k, v in r.items() if k != "seconds"} for r in records]


class Killed(Exception):
    """Stands for whatever ends a run from outside."""


def kill_at(step):
    """Returns an `evaluate` that ends the run when it is called for the given time."""
    calls = []

    def evaluate(model):
        calls.append(model)
        if len(calls) == step:
            raise Killed
        return {"checked": next(model.parameters()).sum().item()}

    return evaluate


@pytest.mark.parametrize("killed_at", [1, 3, 7, 8])
def test_a_killed_run_goes_on_to_the_same_result(examples, tmp_path, killed_at):
    settings = {"steps": 8, "batch_size": 5, "evaluate_every": 1, "checkpoint_every": 2, "lr": 3e-3}
    whole, broken, resumed = fresh(dropout=0.2), fresh(dropout=0.2), fresh(dropout=0.2)
    expected = train(whole, examples, evaluate=kill_at(0), **settings)
    path = tmp_path / "run.pt"
    with pytest.raises(Killed):
        train(broken, examples, evaluate=kill_at(killed_at), checkpoint=path, **settings)
    records = train(resumed, examples, evaluate=kill_at(0), checkpoint=path, **settings)
    assert same_weights(state(resumed), state(whole))
    assert without_seconds(records) == without_seconds(expected)
    assert [r["seconds"] for r in records] == sorted(r["seconds"] for r in records)


def test_dropout_is_drawn_in_these_tests(examples):
    assert train(fresh(dropout=0.2), examples, steps=1)[0]["loss"] != train(fresh(), examples, steps=1)[0]["loss"]


def test_a_finished_run_is_not_trained_again(examples, tmp_path):
    first, second = fresh(), fresh()
    records = train(first, examples, steps=4, checkpoint=tmp_path / "run.pt")
    assert train(second, examples, steps=4, checkpoint=tmp_path / "run.pt") == records
    assert same_weights(state(first), state(second)) and not list(tmp_path.glob("*.part"))


CHILD = """
import sys, torch
from test_train import fresh, rows, TOKENIZER
from spectrum.examples import tokenize_rows
from spectrum.train import train
torch.set_num_threads(1)
def slowly(model):
    print("step", flush=True)
    import time; time.sleep(0.05)
    return {}
train(fresh(), tokenize_rows(TOKENIZER, rows(24)), steps=200, checkpoint=sys.argv[1], checkpoint_every=1,
      evaluate=slowly, evaluate_every=1)
"""


@pytest.mark.slow
def test_sigkill_leaves_a_checkpoint_that_can_be_resumed(examples, tmp_path):
    path = tmp_path / "run.pt"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(path)], env=env, stdout=subprocess.PIPE, text=True)
    for _ in range(6):
        child.stdout.readline()
    child.kill()
    child.wait()
    assert path.exists()
    saved = len(torch.load(path, weights_only=True)["records"])
    assert 4 <= saved < 200
    resumed, whole = fresh(), fresh()
    settings = {"steps": 200, "checkpoint_every": 1, "evaluate": lambda m: {}, "evaluate_every": 1, "progress": False}
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        records = train(resumed, examples, checkpoint=path, **settings)
        expected = train(whole, examples, **settings)
    finally:
        torch.set_num_threads(threads)
    assert without_seconds(records) == without_seconds(expected) and same_weights(state(resumed), state(whole))


def other_answer(examples):
    """Changes one answer token in one example that a sample of 64 would not look at."""
    changed = json.loads(json.dumps(examples))
    changed[23]["input_ids"][-2] = changed[23]["labels"][-2] = 33
    return changed


def other_mask(examples):
    """Changes nothing but what the loss sees."""
    return [{"input_ids": e["input_ids"], "labels": e["input_ids"]} for e in examples]


@pytest.mark.parametrize(
    "change, settings",
    [
        (lambda e: e, {"lr": 2e-3}),
        (lambda e: e, {"steps": 5}),
        (lambda e: e, {"seed": 1}),
        (lambda e: e, {"schedule": "linear"}),
        (lambda e: e[:-1], {}),
        (other_answer, {}),
        (other_mask, {}),
    ],
)
def test_the_checkpoint_of_another_run_is_refused(examples, tmp_path, change, settings):
    path = tmp_path / "run.pt"
    examples = examples * 6  # more than a sample of 64 would read
    train(fresh(), examples, **{"steps": 2, "checkpoint": path})
    with pytest.raises(ValueError, match="belongs to a run with other data or settings; delete it to start anew"):
        train(fresh(), change(examples), **{"steps": 2, "checkpoint": path, **settings})


def test_a_checkpoint_of_other_parameters_is_refused(examples, tmp_path):
    path = tmp_path / "run.pt"
    train(fresh(), examples, steps=2, checkpoint=path)
    model = fresh()
    model.model.embed_tokens.requires_grad_(False)
    with pytest.raises(ValueError, match="holds other parameters than this model trains"):
        train(model, examples, steps=2, checkpoint=path)


# ---- a run that is watched ----


def stop_at(step, asked):
    """Returns a `watch` that notes how often it was asked, and ends the run after a step."""
    return lambda records: asked.append(len(records)) or len(records) == step


def test_a_watched_run_is_asked_after_every_step_and_can_be_ended(examples, tmp_path):
    asked = []
    records = train(fresh(), examples, steps=8, watch=stop_at(5, asked))
    assert asked == [1, 2, 3, 4, 5] and len(records) == 5
    whole = train(fresh(), examples, steps=8)
    assert without_seconds(records) == without_seconds(whole[:5])


@pytest.mark.parametrize("every", [5, 2])
def test_a_run_that_was_ended_stays_ended_when_it_is_resumed(examples, tmp_path, every):
    path, asked = tmp_path / "run.pt", []
    settings = {"steps": 8, "checkpoint": path, "checkpoint_every": every}
    first = train(fresh(), examples, watch=stop_at(5, asked), **settings)
    assert without_seconds(train(fresh(), examples, watch=stop_at(5, asked), **settings)) == without_seconds(first)


@pytest.mark.parametrize("killed_at", [3, 6])
def test_a_run_with_moments_in_eight_bits_goes_on_to_the_same_result(examples, tmp_path, killed_at, eager):
    import bitsandbytes

    def optimizer_of(model):
        return bitsandbytes.optim.AdamW8bit([p for p in model.parameters() if p.requires_grad], lr=1e-3)

    def wide():
        return fresh(dropout=0.2, hidden=96)  # tensors of 4,096 and more have moments in 8 bits

    settings = {"steps": 8, "batch_size": 5, "checkpoint_every": 2, "lr": 3e-3}
    whole, broken, resumed = wide(), wide(), wide()
    optimizer = optimizer_of(whole)
    expected = train(whole, examples, optimizer=optimizer, **settings)
    assert any(state["state1"].dtype == torch.uint8 for state in optimizer.state.values())
    path = tmp_path / "run.pt"

    def kill(records):
        if len(records) == killed_at:
            raise Killed

    with pytest.raises(Killed):
        train(broken, examples, optimizer=optimizer_of(broken), checkpoint=path, watch=kill, **settings)
    records = train(resumed, examples, optimizer=optimizer_of(resumed), checkpoint=path, **settings)
    assert same_weights(state(resumed), state(whole)) and without_seconds(records) == without_seconds(expected)
