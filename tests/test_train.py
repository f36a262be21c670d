"""The training loop: the same as ten plain lines of torch, and clear about bad settings."""

import math

import pytest
import torch
from tiny import make_model, make_tokenizer

from spectrum.examples import IGNORE, tokenize_rows
from spectrum.train import batch_order, learning_rate, train

WORDS = "lamp kettle rake pillow puzzle pen tent hammer".split()
CITIES = "Oslo Lima Rome Cairo Paris Quito Riga Delhi".split()
TOKENIZER = make_tokenizer()


def rows(count=8):
    """Returns chats of different lengths."""
    return [
        {"prompt": f"Where is the {WORDS[i % 8]}{' please' * (i % 5)}? {i}", "completion": f"In {CITIES[i % 8]}."}
        for i in range(count)
    ]


@pytest.fixture
def examples():
    return tokenize_rows(TOKENIZER, rows(24))


def fresh(dropout=0.0, hidden=32):
    """Returns the same untrained model every time."""
    model = make_model(TOKENIZER, hidden=hidden)
    model.config.attention_dropout = dropout
    for layer in model.model.layers:
        layer.self_attn.attention_dropout = dropout
    return model


def state(model):
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def same_weights(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[n], b[n]) for n in a)


# ---- against plain torch ----


def test_five_steps_equal_a_loop_by_hand(examples):
    model, plain = fresh(), fresh()
    records = train(model, examples, steps=5, lr=1e-3, batch_size=4, warmup=1, schedule="constant", shuffle=False)

    optimizer, losses = torch.optim.AdamW(plain.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.0), []
    for step in range(5):
        total, count = 0.0, 0
        for example in examples[4 * step : 4 * step + 4]:
            labels = torch.tensor(example["labels"][1:])
            logits = plain(torch.tensor([example["input_ids"]]), use_cache=False).logits[0, :-1]
            total = total + torch.nn.functional.cross_entropy(logits, labels, ignore_index=IGNORE, reduction="sum")
            count += int((labels != IGNORE).sum())
        (total / count).backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append((total / count).item())

    # fp32 in another order of sums; Adam's first steps amplify what is left, so 1e-3 of losses around 10.
    assert [r["loss"] for r in records] == pytest.approx(losses, abs=1e-3)
    assert records[0]["loss"] == pytest.approx(losses[0], abs=1e-5)
    for name, parameter in state(model).items():
        assert torch.allclose(parameter, state(plain)[name], atol=1e-4), name


def test_records_tell_what_happened(examples):
    records = train(fresh(), examples, steps=6, lr=2e-3, batch_size=5, warmup=2, schedule="linear")
    assert [r["step"] for r in records] == [1, 2, 3, 4, 5, 6]
    assert [r["lr"] for r in records] == pytest.approx([1e-3, 2e-3, 2e-3, 1.5e-3, 1e-3, 0.5e-3])
    for record, chosen in zip(records, batch_order(24, 5, 6, seed=0), strict=True):
        assert record["tokens"] == sum(label != IGNORE for i in chosen for label in examples[i]["labels"])
        assert record["gradient_norm"] > 0 and math.isfinite(record["loss"])
    seconds = [r["seconds"] for r in records]
    assert seconds == sorted(seconds) and seconds[0] > 0


def test_learning_works():
    model, examples = fresh(), tokenize_rows(TOKENIZER, rows(8))
    records = train(model, examples, steps=120, lr=5e-3, batch_size=8, progress=False)
    assert records[0]["loss"] > 3 and records[-1]["loss"] < 0.05
    prompt = tokenize_rows(TOKENIZER, rows(8))[3]
    start = prompt["labels"].index(next(label for label in prompt["labels"] if label != IGNORE))
    with torch.no_grad():
        predicted = model(torch.tensor([prompt["input_ids"]])).logits[0].argmax(-1)[start - 1 : -1]
    assert predicted.tolist() == prompt["labels"][start:]


def test_frozen_parameters_do_not_move(examples):
    model = fresh()
    before = state(model)
    for name, parameter in model.named_parameters():
        parameter.requires_grad = "layers.1.mlp" in name
    train(model, examples, steps=3)
    moved = {name for name, p in state(model).items() if not torch.equal(p, before[name])}
    assert moved == {n for n in before if "layers.1.mlp" in n}


def test_a_model_in_another_order_of_seed_learns_something_else(examples):
    losses = [[r["loss"] for r in train(fresh(), examples, steps=3, seed=seed)] for seed in (0, 0, 1)]
    assert losses[0] == losses[1] != losses[2]


def test_gradients_left_by_hand_do_not_count(examples):
    clean, used = fresh(), fresh()
    used(torch.tensor([examples[0]["input_ids"]])).logits.sum().backward()
    assert train(clean, examples, steps=2)[1]["loss"] == train(used, examples, steps=2)[1]["loss"]


def test_training_ends_in_evaluation_mode_and_evaluates_where_asked(examples):
    model, seen = fresh(), []

    def evaluate(m):
        seen.append(m.training)
        return {"score": len(seen)}

    records = train(model, examples, steps=5, evaluate=evaluate, evaluate_every=2)
    assert seen == [False, False, False] and not model.training
    assert [r.get("score") for r in records] == [None, 1, None, 2, 3]


def test_adapters_train_alone(examples):
    from peft import LoraConfig, get_peft_model

    model = fresh()
    before = state(model)
    adapted = get_peft_model(model, LoraConfig(r=4, target_modules=["q_proj", "v_proj"], lora_dropout=0.1))
    records = train(adapted, examples, steps=4, lr=1e-2)
    after = {n.replace("base_model.model.", "").replace("base_layer.", ""): p for n, p in adapted.named_parameters()}
    assert all(torch.equal(after[name], p) for name, p in before.items())
    assert any(p.abs().max() > 0 for n, p in after.items() if "lora_B" in n) and len(records) == 4


# ---- order and rate ----


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_autocast_learns_about_what_full_precision_learns(examples, precision):
    last = {
        p: train(make_model(TOKENIZER), examples, steps=8, precision=p, progress=False)[-1] for p in (None, precision)
    }
    assert last[precision]["loss"] == pytest.approx(last[None]["loss"], rel=0.02)
    assert last[precision]["gradient_norm"] == pytest.approx(last[None]["gradient_norm"], rel=0.1)  # unscaled again
    assert last[precision]["loss"] != last[None]["loss"]


def test_a_precision_that_cannot_work_is_refused(examples):
    with pytest.raises(ValueError, match="precision must be None, 'bf16' or 'fp16', not 'fp8'"):
        train(make_model(TOKENIZER), examples, steps=1, precision="fp8")
    with pytest.raises(ValueError, match="wants trainable weights in float32, but .* is float16"):
        train(make_model(TOKENIZER).half(), examples, steps=1, precision="fp16")


def test_each_pass_sees_every_example_once_in_its_own_order():
    batches = list(batch_order(10, 4, 5, seed=0))
    order = [i for batch in batches for i in batch]
    assert sorted(order[:10]) == sorted(order[10:20]) == list(range(10)) and order[:10] != order[10:20]
    assert list(batch_order(10, 4, 5, seed=0)) == batches != list(batch_order(10, 4, 5, seed=1))
    assert list(batch_order(5, 3, 3, seed=0, shuffle=False)) == [[0, 1, 2], [3, 4, 0], [1, 2, 3]]


@pytest.mark.parametrize(
    "schedule, rates",
    [
        ("constant", [0.5, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
        ("linear", [0.5, 1, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8]),
        ("cosine", [0.5, 1, *[(1 + math.cos(math.pi * i / 8)) / 2 for i in range(8)]]),
        ("trapezoid", [0.5, 1, 1, 1, 1, 1, 1, 3 / 3.6, 2 / 3.6, 1 / 3.6]),
    ],
)
def test_rates_by_hand(schedule, rates):
    assert [2 * learning_rate(s, 10, 0.5, 2, schedule) for s in range(10)] == pytest.approx(rates)


# ---- settings that cannot work ----


@pytest.mark.parametrize(
    "settings, message",
    [
        ({}, "give either steps or epochs"),
        ({"steps": 3, "epochs": 1}, "give either steps or epochs"),
        ({"steps": 0}, "there is nothing to do in 0 steps"),
        ({"epochs": 0}, "there is nothing to do in 0 steps"),
        ({"steps": 3, "batch_size": 0}, "batch_size must be at least 1"),
        ({"steps": 3, "lr": 0}, "lr above 0, not 16 and 0"),
        ({"steps": 3, "lr": -1e-3}, "lr above 0"),
        ({"steps": 3, "schedule": "cosinus"}, "schedule must be .* not 'cosinus'"),
        ({"steps": 3, "checkpoint_every": 0}, "checkpoint_every must be at least 1, not 0"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_trained(examples, settings, message):
    model = fresh()
    before = state(model)
    with pytest.raises(ValueError, match=message):
        train(model, examples, **settings)
    assert same_weights(state(model), before)


def test_no_examples_and_no_trainable_parameters_are_refused(examples):
    with pytest.raises(ValueError, match="no examples to train on"):
        train(fresh(), [], steps=1)
    model = fresh().requires_grad_(False)
    with pytest.raises(ValueError, match="no trainable parameters; unfreeze some"):
        train(model, examples, steps=1)


def test_a_loss_that_is_no_number_stops_the_run(examples):
    model = fresh()
    with torch.no_grad():
        model.model.norm.weight.fill_(float("nan"))
    with pytest.raises(ValueError, match="step 1: the loss is nan; lower lr"):
        train(model, examples, steps=3)
