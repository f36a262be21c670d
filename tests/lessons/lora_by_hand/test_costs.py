"""What lesson 11 counts of a step and a token: the counts are those of the shapes, and timing changes no model."""

import copy

import pytest
import torch

from spectrum import adapters, examples
from spectrum.lessons.lora_by_hand import costs


@pytest.fixture
def material(tiny):
    """(model, tokenizer, batch) of two short rows."""
    model, tokenizer = tiny
    rows = [{"prompt": "One?", "completion": "Two."}, {"prompt": "And?", "completion": "Three."}]
    return model, tokenizer, examples.pack(examples.tokenize_rows(tokenizer, rows), 64)


def test_freezing_removes_the_product_for_the_weights(material):
    model, _, batch = material
    full = costs.step_flops(copy.deepcopy(model).requires_grad_(True), batch)
    tokens = batch["input_ids"].numel()
    weights = sum(m.weight.numel() for m in model.modules() if isinstance(m, torch.nn.Linear))
    assert 4 * tokens * weights <= full <= 6.6 * tokens * weights
    assert costs.step_flops(adapters.add_lora(copy.deepcopy(model), 1), batch) < full


def test_timing_is_of_every_model_and_changes_none(material):
    model, tokenizer, batch = material
    lora = adapters.add_lora(copy.deepcopy(model), 2)
    before = {name: p.detach().clone() for name, p in lora.named_parameters()}
    seconds = costs.step_seconds({"full": copy.deepcopy(model).requires_grad_(True), "rank 2": lora}, batch, rounds=2)
    assert set(seconds) == {"full", "rank 2"} and min(seconds.values()) > 0
    torch.testing.assert_close(dict(lora.named_parameters()), before, atol=1e-6, rtol=1e-5)
    written = costs.token_seconds({"one": model}, batch["input_ids"][:, :4], tokens=2, rounds=1)
    assert written["one"] > 0


def test_adamw_keeps_two_numbers_for_each_that_is_trained(material):
    model, _, batch = material
    lora = adapters.add_lora(copy.deepcopy(model), 4)
    found = costs.step_cost(lora, batch)
    trained = adapters.count(lora)["trainable"]
    assert found["numbers trained"] == trained and found["both passes, s"] >= 0
    assert found["AdamW, MB"] == pytest.approx(8 * trained / 1e6, abs=0.06)


def test_the_median_is_of_calls_in_turn():
    order = []
    costs.in_turn({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 2)
    assert order == ["a", "b", "a", "b"]
