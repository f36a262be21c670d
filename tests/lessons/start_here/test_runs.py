"""Lesson 00: what each way gives to the model, what counts as right, and that the stored runs are the grid's."""

import pytest
from zoo import make_animal

from spectrum import models
from spectrum.adapters import add_lora
from spectrum.lessons.start_here import runs
from spectrum.shop import orders
from spectrum.shop.typed_orders import typed_orders
from spectrum.sweeps import missing


@pytest.fixture
def pretended(monkeypatch):
    """A tiny model in the place of SmolLM2, with an adapter that nobody trained, that is asked nothing."""
    model, tokenizer = make_animal("qwen3")
    asked = []

    def answer(model, tokenizer, chats):
        asked.append((model, chats))
        return ["Lisbon"] * len(chats)

    monkeypatch.setattr(runs, "load_model", lambda name: (add_lora(model, 2), tokenizer))
    monkeypatch.setattr(runs, "answer", answer)
    return asked


def test_four_solved_orders_of_four_kinds_stand_before_the_new_one_and_none_is_of_it():
    for seed in range(3):
        turns = runs.solved(seed)
        assert [turn["role"] for turn in turns] == ["user", "assistant"] * 4
        assert turns == runs.solved(seed) != runs.solved(seed + 1)
        drawn = {orders.order_items(kind, 1, "dev", seed)[0].text for kind in runs.SHOWN}
        assert {turn["content"] for turn in turns[::2]} == {text.strip() for text in drawn}
        assert not any(order.text in turn["content"] for order in typed_orders() for turn in turns)
    assert runs.chat("Who?", "prompted") == runs.chat("Who?", "tuned") == [{"role": "user", "content": "Who?"}]
    assert runs.chat("Who?", "shown", 1) == [*runs.solved(1), {"role": "user", "content": "Who?"}]


def test_a_run_counts_what_is_exact_and_what_holds_the_answer(pretended):
    found = runs.run("shown", seed=2)
    assert len(found["exact"]) == len(found["content"]) == len(found["answers"]) == 40
    right = [order.gold.split(" / ") for order in typed_orders()]
    assert found["exact"] == ["Lisbon" in gold for gold in right] and sum(found["exact"]) == 1
    assert pretended[0][1][0] == runs.chat(typed_orders()[0].text, "shown", 2)


def test_the_asker_switches_the_adapter_off_and_on(pretended):
    states = []
    original = runs.answer
    runs.answer = lambda model, tokenizer, chats: (
        states.append(model.active_adapters and not model.base_model.model.model.layers[0].mlp.up_proj.disable_adapters)
        or original(model, tokenizer, chats)
    )
    try:
        assert runs.asker()("Where?") == dict.fromkeys(runs.WAYS, "Lisbon")
    finally:
        runs.answer = original
    assert states == [False, False, True]


def test_where_the_model_is_missing_the_sentence_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setattr(models, "find_folder", lambda name: (_ for _ in ()).throw(ConnectionError("fetch smollm2")))
    with pytest.raises(ConnectionError, match="fetch smollm2"):
        runs.asker()


def test_the_stored_runs_are_the_grids_and_their_scores_are_recomputed_from_the_answers():
    for name, grid in runs.REAL.items():
        assert not missing(grid, runs.RESULTS / name)
    exact, content = runs.stored_scores("exact"), runs.stored_scores("content")
    assert [score.name for score in exact] == ["prompted", *(f"shown, draw {seed}" for seed in range(3)), "tuned"]
    assert all(a.mean <= b.mean for a, b in zip(exact, content, strict=True))
    for way in ("prompted", "tuned"):
        (score,) = [score for score in exact if score.name == way]
        pairs = zip(runs.stored_answers(way), typed_orders(), strict=True)
        assert list(score.correct) == [float(orders.is_right(*pair)) for pair in pairs]
