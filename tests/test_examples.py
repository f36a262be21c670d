"""What the loss sees: labels, packing, and rows that cannot be trained on."""

import pytest
import torch
from tiny import make_model, make_tokenizer

from spectrum.examples import IGNORE, fill_rows, pack, tokenize_rows

CHATS = [
    [("user", "Give the city.\nI live in Oslo."), ("assistant", "Oslo")],
    [("system", "You are a robot."), ("user", "1 + 2"), ("assistant", "3 and then some more words to learn")],
    [("user", "one"), ("assistant", "two"), ("user", "three"), ("assistant", "four")],
    [("system", "Short."), ("user", "größe 🙂"), ("assistant", "🙂\n\n  ok")],
]


@pytest.fixture(scope="module", params=["llama", "qwen3"])
def pair(request):
    """(model, tokenizer): a chat template with generation marks and a bos token, and one with neither."""
    tokenizer = make_tokenizer(architecture=request.param)
    return make_model(tokenizer, architecture=request.param), tokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return make_tokenizer()


def chat_row(turns):
    return {"messages": [{"role": r, "content": c} for r, c in turns]}


def learned(tokenizer, example):
    """Returns the text that the loss sees."""
    return tokenizer.decode([i for i in example["labels"] if i != IGNORE])


# ---- labels ----


@pytest.mark.parametrize("turns", CHATS)
def test_the_loss_sees_the_answers_with_their_end_marks(pair, turns):
    _, tokenizer = pair
    (example,) = tokenize_rows(tokenizer, [chat_row(turns)])
    end = "<|end|>" if tokenizer.bos_token else "<|im_end|>\n"
    assert learned(tokenizer, example) == "".join(c + end for r, c in turns if r == "assistant")
    assert all(label in (IGNORE, i) for i, label in zip(example["input_ids"], example["labels"], strict=True))
    assert example["input_ids"] == tokenizer.apply_chat_template(chat_row(turns)["messages"])["input_ids"]


@pytest.mark.parametrize("turns", CHATS)
def test_the_labels_are_the_templates_own_generation_mask(tokenizer, turns):
    (example,) = tokenize_rows(tokenizer, [chat_row(turns)])
    coded = tokenizer.apply_chat_template(
        chat_row(turns)["messages"], return_dict=True, return_assistant_tokens_mask=True
    )
    assert [label != IGNORE for label in example["labels"]] == [bool(m) for m in coded["assistant_masks"]]


def test_a_prompt_and_its_completion_are_a_chat_of_two_turns(pair):
    _, tokenizer = pair
    row = {"prompt": "Where is it?", "completion": "In Oslo."}
    chat = chat_row([("user", "Where is it?"), ("assistant", "In Oslo.")])
    assert tokenize_rows(tokenizer, [row]) == tokenize_rows(tokenizer, [chat])


def test_a_plain_prompt_stays_out_of_the_loss(pair):
    _, tokenizer = pair
    (example,) = tokenize_rows(tokenizer, [{"prompt": "Input: a\nOutput:", "completion": " b"}], chat=False)
    assert learned(tokenizer, example) == " b" + tokenizer.eos_token
    assert (
        tokenizer.decode(example["input_ids"])
        == (tokenizer.bos_token or "") + "Input: a\nOutput: b" + tokenizer.eos_token
    )


def test_text_is_learned_from_end_to_end(pair):
    _, tokenizer = pair
    (example,) = tokenize_rows(tokenizer, [{"text": "Order 4821 arrived."}])
    assert example["labels"] == example["input_ids"]
    assert learned(tokenizer, example) == (tokenizer.bos_token or "") + "Order 4821 arrived." + tokenizer.eos_token


def test_nothing_after_the_last_answer_is_kept(tokenizer):
    answered = tokenize_rows(tokenizer, [chat_row(CHATS[0])])
    assert tokenize_rows(tokenizer, [chat_row([*CHATS[0], ("user", "Thanks.")])]) == answered


def test_columns_that_a_dataset_fills_with_none_do_not_count(tokenizer):
    row = {"messages": None, "text": None, "prompt": "a", "completion": "b"}
    assert tokenize_rows(tokenizer, [row]) == tokenize_rows(tokenizer, [{"prompt": "a", "completion": "b"}])


# ---- malformed rows ----

GOOD = {"prompt": "a", "completion": "b"}
MALFORMED = [
    ({}, "row 1: needs 'messages', 'text', or 'prompt' and 'completion'; it has []"),
    ({"question": "a"}, "row 1: needs .* it has ['question']"),
    ("just text", "row 1: must be a dict of fields, not str"),
    ({"prompt": "a"}, "row 1: field 'completion' is missing"),
    ({"completion": "a"}, "row 1: field 'prompt' is missing"),
    ({"prompt": "a", "completion": None}, "row 1: field 'completion' is missing"),
    ({"prompt": "a", "completion": " \n"}, "row 1: field 'completion' is empty"),
    ({"prompt": "", "completion": "b"}, "row 1: field 'prompt' is empty"),
    ({"prompt": "a", "completion": 5}, "row 1: field 'completion' must be text, not int"),
    ({"text": ""}, "row 1: field 'text' is empty"),
    ({"text": ["a"]}, "row 1: field 'text' must be text, not list"),
    ({"messages": []}, "row 1: field 'messages' has no assistant turn"),
    ({"messages": "hello"}, "row 1: field 'messages' must be a list of messages, not str"),
    ({"messages": ["hello"]}, "row 1: field 'messages[0]' must be a dict, not str"),
    (chat_row([("user", "a")]), "row 1: field 'messages' has no assistant turn"),
    (chat_row([("assistant", "a")]), "row 1: field 'messages[0]' is an assistant turn; put what it answers before it"),
    (chat_row([("user", "a"), ("bot", "b")]), "row 1: field 'messages[1].role' must be one of .* not 'bot'"),
    ({"messages": [{"content": "a"}]}, "row 1: field 'messages[0].role' must be one of .* not None"),
    (chat_row([("user", "a"), ("assistant", "")]), "row 1: field 'messages[1].content' is empty"),
    ({"messages": [{"role": "user"}, *chat_row(CHATS[0])["messages"]]}, "row 1: field 'messages[0].content' is miss"),
    (chat_row([("user", "a"), ("assistant", 7)]), "row 1: field 'messages[1].content' must be text, not int"),
    ({"prompt": "a " * 600, "completion": "b"}, "row 1: .* tokens, more than length=512; shorten the row"),
]  # fmt: skip


@pytest.mark.parametrize("row, message", MALFORMED, ids=[m for _, m in MALFORMED])
def test_a_malformed_row_is_named_with_its_field(tokenizer, row, message):
    pattern = ".*".join(map(_escape, message.split(".*")))
    with pytest.raises(ValueError, match=pattern):
        tokenize_rows(tokenizer, [GOOD, row])


def _escape(text):
    return "".join("\\" + c if c in r"[]().'|{}+?^$\\" else c for c in text)


def test_no_rows_is_an_error(tokenizer):
    with pytest.raises(ValueError, match="no rows to train on"):
        tokenize_rows(tokenizer, [])


def test_a_template_that_rewrites_earlier_turns_is_refused_with_the_row():
    tokenizer = make_tokenizer(architecture="qwen3")
    # As templates of reasoning models do: earlier answers are shortened once another turn follows.
    tokenizer.chat_template = (
        "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% if m['role'] == 'assistant' and not loop.last %}…"
        "{% else %}{{ m['content'] }}{% endif %}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    with pytest.raises(ValueError, match="row 0: the chat template rewrites earlier turns"):
        tokenize_rows(tokenizer, [chat_row(CHATS[2])])
    assert tokenize_rows(tokenizer, [chat_row(CHATS[0])])


def test_a_tokenizer_without_a_template_says_what_to_do():
    plain = make_tokenizer(chat=False)
    with pytest.raises(ValueError, match="row 0: .*no chat template"):
        tokenize_rows(plain, [GOOD])
    assert tokenize_rows(plain, [GOOD], chat=False)


# ---- packing ----


def random_examples(sizes, seed=0, vocabulary=390):
    """Returns examples of the given sizes; about a third of the labels count, never none."""
    generator, examples = torch.Generator().manual_seed(seed), []
    for size in sizes:
        ids = torch.randint(10, vocabulary, (size,), generator=generator).tolist()
        counts = [j >= size * 2 // 3 for j in range(size)]
        examples.append({"input_ids": ids, "labels": [i if c else IGNORE for i, c in zip(ids, counts, strict=True)]})
    return examples


SIZES = [[5], [7, 7], [40, 3, 9, 21, 13], [2, 2, 2, 30], [1, 6, 6, 4], [64, 64, 64], [60, 3, 33, 33, 33]]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_packing_loses_nothing(sizes):
    examples = random_examples(sizes)
    batch = pack(examples, 64)
    assert batch["input_ids"].shape == batch["labels"].shape == batch["position_ids"].shape
    assert batch["input_ids"].shape[1] <= 64
    assert sorted(found_in(batch, sizes)) == sorted(tuple(e["input_ids"]) for e in examples)
    wanted = sum(label != IGNORE for e in examples for label in e["labels"][1:])
    assert int((batch["labels"] != IGNORE).sum()) == wanted


def found_in(batch, sizes):
    """Yields the ids of each example in a batch, cut out where positions restart; padding is the rest of each row."""
    left = sorted(sizes)
    for ids, positions in zip(batch["input_ids"].tolist(), batch["position_ids"].tolist(), strict=True):
        starts = [j for j, p in enumerate(positions) if p == 0] + [len(ids)]
        for start, stop in zip(starts, starts[1:], strict=False):
            if any(ids[start:stop]):
                left.remove(stop - start)
                yield tuple(ids[start:stop])
    assert not left


def test_rows_are_filled_evenly_and_within_the_length():
    generator = torch.Generator().manual_seed(1)
    for _ in range(50):
        sizes = torch.randint(1, 60, (16,), generator=generator).tolist()
        rows = fill_rows(random_examples(sizes), 64)
        used = [sum(len(e["input_ids"]) for e in row) for row in rows]
        assert sum(used) == sum(sizes) and max(used) <= 64 and min(used) > 0
    full = sum(sizes) / (len(used) * max(used))
    assert full > 0.85, f"only {full:.0%} of the cells hold a token"


def test_an_example_longer_than_the_rows_gets_a_row_of_its_own_width():
    batch = pack(random_examples([80, 5, 5]), 64)
    assert batch["input_ids"].shape[1] == 80


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_packed_logits_are_the_logits_of_each_example_alone(pair, sizes):
    model, _ = pair
    examples = random_examples(sizes)
    batch = pack(examples, 64)
    with torch.no_grad():
        packed = model(batch["input_ids"], position_ids=batch["position_ids"], use_cache=False).logits
        rows = fill_rows(examples, 64)
        for row, logits in zip(rows, packed, strict=True):
            start = 0
            for example in row:
                stop = start + len(example["input_ids"])
                alone = model(torch.tensor([example["input_ids"]]), use_cache=False).logits[0]
                # fp32 sums in another order: a few 1e-6 of logits of size 1 to 10; a leak shifts them by 0.1 and more.
                assert torch.allclose(logits[start:stop], alone, atol=2e-4, rtol=0)
                start = stop


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_the_loss_of_a_packed_batch_is_the_mean_over_all_its_tokens(pair, sizes):
    model, _ = pair
    examples = random_examples(sizes)
    total = count = 0.0
    with torch.no_grad():
        for example in examples:
            ids, labels = torch.tensor([example["input_ids"]]), torch.tensor(example["labels"][1:])
            logits = model(ids, use_cache=False).logits[0, :-1]
            if (labels != IGNORE).any():
                total += torch.nn.functional.cross_entropy(logits, labels, reduction="sum").item()
                count += int((labels != IGNORE).sum())
        packed = model(**pack(examples, 64), use_cache=False).loss.item()
    assert packed == pytest.approx(total / count, abs=1e-4)


def test_an_example_does_not_see_its_neighbours(pair):
    model, _ = pair
    first, second = random_examples([12, 12], seed=3), random_examples([12, 12], seed=4)
    with torch.no_grad():
        one, other = (pack_in_one_row([first[0], e]) for e in (first[1], second[1]))
        a = model(one["input_ids"], position_ids=one["position_ids"], use_cache=False).logits[0]
        b = model(other["input_ids"], position_ids=other["position_ids"], use_cache=False).logits[0]
    assert torch.equal(a[:12], b[:12]) and not torch.allclose(a[12:], b[12:], atol=1e-2)


def pack_in_one_row(examples):
    """Returns the examples end to end in one row, whatever their lengths, with what `pack` would write."""
    parts = [pack([e], 64) for e in examples]
    return {name: torch.cat([p[name] for p in parts], dim=1) for name in parts[0]}
