"""Log-probabilities of `spectrum.generate`: against a slow loop over the plain model; and every error."""

import numpy as np
import pytest
import torch
from test_generate import CHAT, PROMPTS, slow_logprob

from spectrum.generate import answer_logprobs, choice_logprobs, encode, next_token_table, token_logprobs


@torch.inference_mode()
def test_next_token_table_is_the_softmax(pair):
    model, tokenizer = pair
    logits = model(torch.tensor([encode(tokenizer, CHAT)])).logits[0, -1].double()
    for temperature in (0.5, 1.0, 2.0):
        table = next_token_table(model, tokenizer, CHAT, top=400, temperature=temperature)
        expected = (logits / temperature).softmax(-1)
        # float32 softmax: about 1e-7 relative; the largest probabilities are above 0.01
        np.testing.assert_allclose(table.probability, expected[torch.tensor(table.token_id)], atol=1e-5)
        assert table.probability.is_monotonic_decreasing and abs(table.cumulative.iloc[-1] - 1) < 1e-4
    assert list(table.columns) == ["token_id", "token", "probability", "cumulative"]
    assert len(next_token_table(model, tokenizer, "Hi", top=7)) == 7


def test_next_token_table_at_temperature_zero_and_its_errors(tiny):
    table = next_token_table(*tiny, "Mira", top=3, temperature=0)
    assert list(table.probability) == [1, 0, 0]
    with pytest.raises(ValueError, match="top is 0"):
        next_token_table(*tiny, "Mira", top=0)
    with pytest.raises(ValueError, match="temperature -1"):
        next_token_table(*tiny, "Mira", temperature=-1)
    with pytest.raises(ValueError, match="The prompt is empty"):
        next_token_table(*tiny, "")


def test_tokens_that_are_parts_of_characters_keep_their_spelling(tiny):
    table = token_logprobs(*tiny, "🦉")
    assert "\ufffd" not in "".join(table.token) and len(table) > 2


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_answer_logprobs_equal_a_slow_loop(pair, batch_size):
    answers = [" positive", " a", " two blue lanterns", "Hi 🙂", " late", "x", " negative"]
    found = answer_logprobs(*pair, PROMPTS, answers, batch_size=batch_size)
    expected = [slow_logprob(*pair, prompt, answer) for prompt, answer in zip(PROMPTS, answers, strict=True)]
    # sums of up to 20 float32 log-probabilities of size 10: about 1e-5 of rounding
    np.testing.assert_allclose(found, expected, atol=5e-4)
    assert np.ptp(expected) > 10


def test_answers_are_scored_after_the_prompt_as_complete_reads_it(tiny):
    """The trap: "Mi" + "ra" is one token when encoded together; the model would never be asked for that one."""
    _, tokenizer = tiny
    together = tokenizer("Mira")["input_ids"]
    apart = encode(tokenizer, "Mi") + tokenizer("ra", add_special_tokens=False)["input_ids"]
    assert together != apart
    assert list(token_logprobs(*tiny, "Mi", "ra").token_id) == apart
    assert answer_logprobs(*tiny, ["Mi"], ["ra"])[0] == pytest.approx(slow_logprob(*tiny, "Mi", "ra"), abs=1e-4)


def test_token_logprobs_cover_prompt_and_answer(pair):
    table = token_logprobs(*pair, CHAT, " It is late")
    assert list(table.columns) == ["token_id", "token", "logprob", "is_answer"]
    assert np.isnan(table.logprob[0]) and table.logprob[1:].notna().all() and (table.logprob[1:] < 0).all()
    assert "".join(table.token[table.is_answer]) == " It is late"
    total = answer_logprobs(*pair, [CHAT], [" It is late"])[0]
    assert table.logprob[table.is_answer].sum() == pytest.approx(total, abs=1e-4)
    assert not token_logprobs(*pair, "Mira").is_answer.any()


def test_choice_logprobs_have_a_row_per_prompt_and_a_column_per_choice(tiny):
    choices = [" positive", " negative", " late"]
    table = choice_logprobs(*tiny, PROMPTS[:4], choices)
    assert table.shape == (4, 3)
    for column, choice in enumerate(choices):
        np.testing.assert_allclose(table[:, column], answer_logprobs(*tiny, PROMPTS[:4], [choice] * 4), atol=1e-4)


@pytest.mark.parametrize(
    "prompts, answers, message",
    [
        (["a", "b"], [" x"], "2 prompts and 1 answers"),
        (["a"], " x", "1 prompts and one str"),
        (["a", "b"], [" x", ""], r"answers\[1\] is empty"),
        (["a", " "], [" x", " y"], r"prompts\[1\]: The prompt is empty"),
        ("a", [" x"], "one str"),
        (["a b " * 600], [" x"], r"prompts\[0\] has .*context of 1024"),
    ],
)
def test_answer_logprobs_errors(tiny, prompts, answers, message):
    with pytest.raises(ValueError, match=message):
        answer_logprobs(*tiny, prompts, answers)


def test_choice_logprobs_errors(tiny):
    for choices in ["yes", []]:
        with pytest.raises(ValueError, match="choices is"):
            choice_logprobs(*tiny, ["a"], choices)
