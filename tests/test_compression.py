"""Prompts made shorter by what the model could have guessed."""

import numpy as np
import pytest

from spectrum import compression
from spectrum.generate import token_logprobs

SHOTS = [("My lamp is broken.", "negative"), ("Thank you!", "positive")]
PARTS = compression.sections("Sentiment?", SHOTS, "Order 4821 arrived late.")
TEXT = "".join(PARTS.values())


@pytest.fixture(params=["tiny", "tiny_qwen"])
def pair(request):
    """A tiny Llama, whose tokenizer puts a token in front, and a tiny Qwen3, whose tokenizer does not."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def table(pair):
    return compression.surprisals(*pair, PARTS)


def test_sections_read_end_to_end_as_a_few_shot_prompt():
    assert list(PARTS) == ["instruction", "examples", "input", "frame"]
    assert TEXT == (
        "Sentiment?\n\nInput: My lamp is broken.\nOutput: negative\n\nInput: Thank you!\nOutput: positive\n\n"
        "Input: Order 4821 arrived late.\nOutput:"
    )


def test_tokens_are_the_prompts_own_with_the_models_loss(pair, table):
    full = token_logprobs(*pair, TEXT)
    full = full[full["token_id"] != (pair[1].bos_token_id if pair[1].bos_token_id is not None else -1)]
    assert table["token_id"].tolist() == full["token_id"].tolist()
    assert np.allclose(table["nats"][1:], -full["logprob"].to_numpy()[1:])
    assert compression.compress(table, pair[1], 1.0) == TEXT


def test_each_token_belongs_to_the_section_it_starts_in(pair, table):
    for name, part in PARTS.items():
        shown = pair[1].decode(table[table["section"] == name]["token_id"].tolist())
        assert abs(len(shown) - len(part)) <= 3, f"{name}: {shown!r} is not {part!r}"
    assert table["section"].drop_duplicates().tolist() == list(PARTS)


def test_the_most_predictable_go_first(table):
    stay = compression.kept(table, {"input": 0.5})
    rows = (table["section"] == "input").to_numpy()
    assert stay[~rows].all()
    assert stay[rows].sum() == round(0.5 * rows.sum())
    assert table["nats"][rows & stay].min() >= table["nats"][rows & ~stay].max()


def test_surprising_is_the_other_end_and_random_is_neither(table):
    rows = (table["section"] == "examples").to_numpy()
    other = compression.kept(table, {"examples": 0.5}, "surprising")
    assert table["nats"][rows & other].max() <= table["nats"][rows & ~other].min()
    drawn = [compression.kept(table, 0.5, "random", seed) for seed in (0, 0, 1)]
    assert (drawn[0] == drawn[1]).all() and (drawn[0] != drawn[2]).any()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.77, 1.0])
@pytest.mark.parametrize("way", compression.WAYS)
def test_every_section_keeps_its_share(table, share, way):
    stay = compression.kept(table, share, way)
    for name in PARTS:
        rows = (table["section"] == name).to_numpy()
        assert stay[rows].sum() == round(share * rows.sum())


def test_the_first_token_of_all_is_never_left_out_first(tiny_qwen):
    table = compression.surprisals(*tiny_qwen, PARTS)
    assert table["nats"].iloc[0] == np.inf
    assert compression.kept(table, 0.2)[0]


def test_nothing_kept_is_nothing(pair, table):
    assert compression.compress(table, pair[1], 0.0) == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"keep": 1.2}, "a share of 1.2 cannot be kept"),
        ({"keep": {"input": -0.1}}, "a share of -0.1"),
        ({"keep": {"letter": 0.5}}, "no section 'letter'"),
        ({"keep": 0.5, "way": "best"}, "way must be one of 'predictable', 'surprising', 'random', not 'best'"),
    ],
)
def test_what_cannot_be_kept_is_said(table, arguments, message):
    with pytest.raises(ValueError, match=message):
        compression.kept(table, **arguments)


def test_an_empty_prompt_is_refused(tiny):
    with pytest.raises(ValueError, match="empty"):
        compression.surprisals(*tiny, {"instruction": ""})


def test_the_page_shows_what_goes_and_is_safe(tiny):
    table = compression.surprisals(*tiny, {"instruction": "<b>Give</b> it.\nNow."})
    stay = compression.kept(table, 0.5)
    page = compression.struck(table, stay)
    assert page.count("line-through") == (~stay).sum() and page.count("<span") == len(table)
    assert "<b>" not in page and "⏎" in page
