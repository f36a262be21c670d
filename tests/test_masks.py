"""Constrained decoding: what a machine refuses is never written, by no model and in no tokenizer."""

import json

import pytest
import torch
from tiny import make_model, make_tokenizer

from spectrum import formats, masks
from spectrum.generate import complete

KEYS = ("name", "city")


@pytest.fixture(scope="module", params=["llama", "qwen3"])
def pair(request):
    """An untrained model, which left alone writes anything but JSON, with its tokenizer and template."""
    tokenizer = make_tokenizer(architecture=request.param)
    return make_model(tokenizer, architecture=request.param), tokenizer


def accepts(machine, text):
    state = masks.walk(machine, machine.start, text)
    return state is not None and machine.done(state)


# ---- machines ----


@pytest.mark.parametrize("text", ['{"name": "Ana"}', '{"a": "b", "c": "d"}', '{"größe": "東京 🙂"}', '{"a": "}, {"}'])
def test_flat_json_takes_what_json_writes(text):
    assert json.dumps(json.loads(text), ensure_ascii=False) == text
    assert accepts(masks.flat_json(), text)


@pytest.mark.parametrize(
    "text",
    ["", "{}", '{"a": "b"', '{"a": 3}', '{"a":"b"}', '{"a": "b",}', '["a"]', '{"a": "b\\n"}', '{"a": "\n"}', "x"],
)
def test_flat_json_refuses_the_rest(text):
    assert not accepts(masks.flat_json(), text)


@pytest.mark.parametrize("form", formats.FORMS)
def test_a_template_of_fields_takes_what_the_form_writes_and_no_other_keys(form):
    machine = masks.fields_template(KEYS, form)
    assert accepts(machine, formats.write_fields({"name": "Ana", "city": "New York"}, form))
    assert not accepts(machine, formats.write_fields({"city": "Oslo", "name": "Ana"}, form))
    assert not accepts(machine, formats.write_fields({"name": "Ana"}, form))
    assert not accepts(machine, formats.write_fields({"name": "", "city": "Oslo"}, form))


@pytest.mark.parametrize("form", formats.FORMS)
def test_a_slot_with_a_list_takes_only_what_stands_in_it(form):
    machine = masks.fields_template(KEYS, form, {"city": ("Oslo", "Os", "Rome")})
    for city, taken in (("Oslo", True), ("Os", True), ("Osl", False), ("Paris", False), ("Romeo", False)):
        assert accepts(machine, formats.write_fields({"name": "Ana", "city": city}, form)) is taken, city


def test_templates_that_cannot_be_read_are_refused():
    with pytest.raises(ValueError, match="two slots stand side by side"):
        masks.template(["a", masks.FREE, ("b", "c")])
    for pieces in ([], ["a", ""], ["a", ()], ["a", ("b", "")]):
        with pytest.raises(ValueError, match="need at least one character"):
            masks.template(pieces)


# ---- tokens ----


def test_the_texts_of_tokens_are_what_they_write_inside_a_text(pair):
    _, tokenizer = pair
    texts = masks.token_texts(tokenizer)
    sample = '{"customer": "Mira", "product": "lantern"}'
    assert "".join(texts[token] for token in tokenizer(sample, add_special_tokens=False)["input_ids"]) == sample
    for name in ("<|end|>", "<|im_end|>", "<|im_start|>", "<|user|>", "<|endoftext|>", "<|pad|>"):
        token = tokenizer.convert_tokens_to_ids(name)
        if token is not None and token < len(texts) and tokenizer.convert_ids_to_tokens(token) == name:
            assert texts[token] == "", f"{name} writes no text"


def test_a_mask_allows_a_token_only_if_all_its_characters_may_follow(pair):
    model, tokenizer = pair
    machine = masks.flat_json()
    masker = masks.Masker(tokenizer, machine, masks.end_tokens(model, tokenizer), len(tokenizer) + 3)
    mask = masker.mask("start")
    assert mask.shape == (len(tokenizer) + 3,) and mask.any()
    assert all(masker.texts[i].startswith("{") for i in mask.nonzero()[:, 0].tolist())
    assert not any(mask[end] for end in masker.ends), "a text that has not begun cannot end"
    assert masker.mask("end").nonzero()[:, 0].tolist() == sorted(masker.ends), "after the end only the end"
    with pytest.raises(ValueError, match="the vocabulary cannot write what comes next"):
        masks.Masker(tokenizer, machine, masker.ends, len(tokenizer), texts=[""] * len(tokenizer)).mask("start")


# ---- decoding ----


@pytest.mark.parametrize("form", formats.FORMS)
def test_whatever_the_model_wants_the_answer_begins_and_ends_as_the_form_does(pair, form):
    machine = masks.fields_template(KEYS, form, {"name": ("Ana", "Leo"), "city": ("Oslo", "Rome")})
    chats = [[{"role": "user", "content": f"Letter {number}" * number}] for number in range(1, 8)]
    free = complete(*pair, chats, max_new_tokens=48, progress=False)
    assert not any(formats.read_fields(text, form) for text in free), "an untrained model writes no such thing"
    for text in masks.complete_masked(*pair, chats, machine, max_new_tokens=48):
        assert set(formats.read_fields(text, form)) == set(KEYS), text
        assert accepts(machine, text)


def test_an_answer_cut_by_its_budget_is_the_beginning_of_an_accepted_one(pair):
    text = masks.complete_masked(*pair, [[{"role": "user", "content": "Hello"}]], masks.flat_json(), max_new_tokens=6)[
        0
    ]
    assert masks.walk(masks.flat_json(), "start", text) is not None


def test_answers_do_not_depend_on_the_batch_around_them(pair):
    chats = [[{"role": "user", "content": "word " * number}] for number in (1, 20, 3, 40)]
    machine = masks.fields_template(KEYS, "json", {"name": ("Ana", "Leo", "Mira"), "city": ("Oslo", "Rome")})
    together = masks.complete_masked(*pair, chats, machine, 40)
    assert together == [masks.complete_masked(*pair, [chat], machine, 40)[0] for chat in chats]
    assert together == masks.complete_masked(*pair, chats, machine, 40, batch_size=2)


def test_the_mask_takes_the_likeliest_of_what_is_allowed(pair):
    """Against a slow second way: score each allowed text whole, greedily by its first differing token."""
    model, tokenizer = pair
    chat = [{"role": "user", "content": "Which?"}]
    machine = masks.template([("red", "blue", "grey")])
    answer = masks.complete_masked(model, tokenizer, [chat], machine, 8)[0]
    head = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=False)
    texts, written = masks.token_texts(tokenizer), []
    while "".join(texts[t] for t in written) not in ("red", "blue", "grey"):
        with torch.inference_mode():
            logits = model(torch.tensor([head + written])).logits[0, -1]
        so_far = "".join(texts[t] for t in written)
        may = [i for i, t in enumerate(texts) if t and any(w.startswith(so_far + t) for w in ("red", "blue", "grey"))]
        written.append(max(may, key=lambda i: logits[i].item()))
    assert answer == "".join(texts[t] for t in written)


def test_prompts_that_do_not_fit_are_named(pair):
    with pytest.raises(ValueError, match=r"prompts\[1\]"):
        masks.complete_masked(*pair, ["a", "word " * 3000], masks.flat_json())
