"""What lesson 07 builds by hand, taken out of the notebook and held against torch, transformers and the package."""

import copy
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import make_model, make_tokenizer

from spectrum import train
from spectrum.examples import IGNORE, tokenize_rows
from spectrum.tokens import encode
from tools.lifted import lift

LESSON = Path(__file__).resolve().parents[3] / "notebooks" / "07_instruction_tuning.ipynb"
CHATS = [
    [("user", "Give the city.\nI live in Oslo."), ("assistant", "Oslo")],
    [("system", "You are a robot."), ("user", "1 + 2"), ("assistant", "3 and then some more words to learn")],
    [("user", "one"), ("assistant", "two"), ("user", "three"), ("assistant", "four")],
    [("system", "Short."), ("user", "größe 🙂"), ("assistant", "🙂\n\n  ok")],
    [("user", "Message: the kettle is great."), ("assistant", "positive")],
    [("user", "Order 4821 arrived late, and one lamp is broken."), ("assistant", "broken")],
]
MESSAGES = [[{"role": role, "content": content} for role, content in turns] for turns in CHATS]


@pytest.fixture(scope="module")
def tokenizer():
    return make_tokenizer()


@pytest.fixture(scope="module")
def model(tokenizer):
    return make_model(tokenizer)


@pytest.mark.parametrize("messages", MESSAGES, ids=range(len(MESSAGES)))
def test_mask_by_hand_is_the_templates_own(tokenizer, messages):
    mine = lift(LESSON, "mask_chat")(tokenizer, messages)
    theirs = tokenizer.apply_chat_template(messages, return_dict=True, return_assistant_tokens_mask=True)
    assert mine["input_ids"] == theirs["input_ids"]
    seen = [label != IGNORE for label in mine["labels"]]
    assert seen == [bool(m) for m in theirs["assistant_masks"]]
    assert all(label in (IGNORE, i) for label, i in zip(mine["labels"], mine["input_ids"], strict=True))


@pytest.mark.parametrize("seed", range(20))
def test_masked_loss_by_hand_is_torchs(seed):
    rng = np.random.default_rng(seed)
    rows, length, vocabulary = (int(n) for n in rng.integers(2, 12, 3))
    generator = torch.Generator().manual_seed(seed)
    logits = 30 * torch.randn(rows, length, vocabulary, generator=generator)
    labels = torch.randint(vocabulary, (rows, length), generator=generator)
    labels[torch.rand(rows, length, generator=generator) < 0.6] = IGNORE
    labels[0, 1] = 0  # at least one token is learned
    wanted = torch.nn.functional.cross_entropy(
        logits[:, :-1].reshape(-1, vocabulary), labels[:, 1:].reshape(-1), ignore_index=IGNORE
    )
    assert torch.allclose(lift(LESSON, "masked_loss")(logits, labels), wanted, rtol=1e-5)


def test_masked_loss_of_a_padded_batch_is_transformers(tokenizer, model):
    rows = tokenize_rows(tokenizer, [{"messages": messages} for messages in MESSAGES])
    ids, labels = lift(LESSON, "pad")(rows, tokenizer.pad_token_id)
    assert (labels[ids == tokenizer.pad_token_id] == IGNORE).all()
    with torch.no_grad():
        mine = lift(LESSON, "masked_loss")(model(ids).logits, labels)
        assert torch.allclose(mine, model(input_ids=ids, labels=labels).loss, atol=1e-5)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("shape", [(1,), (3, 4), (2, 3, 5)])
def test_adamw_by_hand_is_torchs(shape, weight_decay):
    step, state = lift(LESSON, "adamw_step"), {}
    generator = torch.Generator().manual_seed(0)
    mine = torch.randn(shape, generator=generator)
    theirs = torch.nn.Parameter(mine.clone())
    optimizer = torch.optim.AdamW([theirs], lr=0.01, betas=(0.9, 0.99), weight_decay=weight_decay)
    for number in range(12):
        gradient = torch.randn(shape, generator=generator) * 10.0 ** (number % 5 - 2)
        step(mine, gradient, state, lr=0.01, weight_decay=weight_decay)
        theirs.grad = gradient.clone()
        optimizer.step()
        assert torch.allclose(mine, theirs.detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_clipping_by_hand_is_torchs(scale):
    gradients = [scale * torch.randn(4, 3), scale * torch.randn(7)]
    weights = [torch.nn.Parameter(torch.zeros_like(g)) for g in gradients]
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = gradient.clone()
    norm = lift(LESSON, "clip")(gradients)
    assert math.isclose(norm, torch.nn.utils.clip_grad_norm_(weights, 1.0).item(), rel_tol=1e-5)
    for weight, gradient in zip(weights, gradients, strict=True):
        assert torch.allclose(weight.grad, gradient, rtol=1e-5)


@pytest.mark.parametrize(("steps", "rise"), [(1, 1), (6, 1), (125, 6), (40, 20)])
def test_schedule_by_hand_is_the_packages(steps, rise):
    rate = lift(LESSON, "rate")
    for step in range(steps):
        wanted = train.learning_rate(step, steps, 1e-3, rise, "cosine")
        assert math.isclose(rate(step, steps, 1e-3, rise), wanted, rel_tol=1e-12)


@pytest.mark.parametrize("seed", [0, 3])
def test_loop_by_hand_is_the_packages(tokenizer, model, seed):
    """Padded rows one beside the other and packed rows end to end: the same losses and the same weights."""
    rows = tokenize_rows(tokenizer, [{"messages": messages} for messages in MESSAGES * 3])
    setting = {"steps": 6, "lr": 1e-3, "batch_size": 3, "seed": seed}
    mine, library = copy.deepcopy(model), copy.deepcopy(model)
    losses = lift(LESSON, "tune_by_hand")(mine, rows, pad_id=tokenizer.pad_token_id, **setting)
    records = train.train(library, rows, **setting)
    assert losses == pytest.approx([record["loss"] for record in records], rel=1e-4)
    moved = max(float((a - b).detach().abs().max()) for a, b in zip(model.parameters(), mine.parameters(), strict=True))
    for a, b in zip(mine.parameters(), library.parameters(), strict=True):
        # Adam's first steps have the sign of the gradient, so a weight whose gradient is rounding may go either way.
        assert float((a - b).detach().abs().mean()) < 0.01 * moved


def test_decoding_by_hand_wants_its_padding_on_the_left(tokenizer, model):
    decode = lift(LESSON, "decode")
    rows = [encode(tokenizer, messages[:1]) for messages in MESSAGES]
    assert len({len(row) for row in rows}) > 3
    alone = [decode(model, tokenizer, [row], "left")[0] for row in rows]
    assert [decode(model, tokenizer, [row], "right")[0] for row in rows] == alone, "one row has no padding"
    assert decode(model, tokenizer, rows, "left") == alone
    right = decode(model, tokenizer, rows, "right")
    longest = max(map(len, rows))
    for row, answer, wanted in zip(rows, right, alone, strict=True):
        assert (answer == wanted) == (len(row) == longest)
