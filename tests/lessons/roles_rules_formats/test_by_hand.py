"""What lesson 03 builds by hand, taken out of the notebook and held against the package."""

from pathlib import Path

import pytest
from tiny import make_model, make_tokenizer

from spectrum import masks
from tools.lifted import lift

LESSON = Path(__file__).resolve().parents[3] / "notebooks" / "03_roles_rules_formats.ipynb"
TEXTS = (
    "{",
    '{"',
    '{"a',
    '{"a": "b"}',
    '{"a": "b"} ',
    '{"a": "b", "c',
    '"',
    "a",
    "",
    ', "',
    '": "',
    '"}',
    "\\",
    "\n",
    "é",
)


@pytest.mark.parametrize("state", list(masks.FLAT_JSON))
def test_the_states_by_hand_are_the_librarys(state):
    follow = lift(LESSON, "follow")
    for text in TEXTS:
        assert follow(state, text) == masks.walk(masks.flat_json(), state, text)


def test_decoding_by_hand_is_the_librarys(monkeypatch):
    tokenizer = make_tokenizer()
    model = make_model(tokenizer)
    write = lift(LESSON, "write_json")
    space = write.__globals__
    texts, ends = masks.token_texts(tokenizer), masks.end_tokens(model, tokenizer)
    space.update(tokenizer=tokenizer, texts=texts, ends=ends)
    chats = [[{"role": "user", "content": text}] for text in ("Hello", "Which city is it, please?")]
    assert [write(model, chat, 12) for chat in chats] == masks.complete_masked(
        model, tokenizer, chats, masks.flat_json(), 12
    )
