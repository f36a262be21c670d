"""Harmless variants of a prompt: all there, all different, and each holds the letter as it is."""

import pytest

from spectrum.evaluate import Score
from spectrum.lessons.measuring_prompts import rewordings
from spectrum.shop import tasks
from spectrum.tokens import encode

VARIANTS = rewordings.variants("the product")
LETTER = "Hello, this is Ana. {order} and {input} are words too. I bought 2 Kavo lamps."


def test_there_are_thirty_or_more_and_no_two_are_the_same():
    shown = [str(v.messages(LETTER)) for v in VARIANTS]
    assert len(shown) == len(set(shown)) >= 30
    assert len({v.name for v in VARIANTS}) == len(VARIANTS)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: v.name)
def test_the_letter_is_left_as_it_is(variant):
    messages = variant.messages(LETTER)
    assert LETTER in messages[-1]["content"]
    assert messages[-1]["role"] == "user"


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: v.name)
def test_the_order_is_said(variant):
    said = " ".join(m["content"] for m in variant.messages("letter text"))
    assert variant.order in said and "product" in said.lower().replace("prodcut", "product").replace(
        "produtc", "product"
    )


def test_the_first_is_the_plain_prompt():
    assert VARIANTS[0].messages("Hi there.") == [{"role": "user", "content": "Give the product.\nHi there."}]


def test_a_layout_changes_no_word_and_a_wording_no_layout():
    for v in VARIANTS:
        assert (v.order == "Give the product.") or v.kind == "wording"
        assert (v.layout == rewordings.STANDARD) or v.kind == "layout"
    assert {v.kind for v in VARIANTS} == {"wording", "layout", "turn"}


def test_the_system_turn_holds_the_order_alone():
    (turn,) = [v for v in VARIANTS if v.system]
    assert [m["role"] for m in turn.messages("x y")] == ["system", "user"]
    assert turn.messages("x y")[0]["content"] == "Give the product."


def test_a_typing_error_swaps_two_letters():
    swapped = rewordings.mistyped("the product")
    assert swapped != "the product" and sorted(swapped) == sorted("the product") and swapped[-1] == "t"


@pytest.mark.parametrize("what", ["", "it", "the id"])
def test_what_is_too_short_is_refused(what):
    with pytest.raises(ValueError, match="four letters or more"):
        rewordings.variants(what)


def test_every_variant_runs_with_two_chat_templates(tiny, tiny_qwen):
    items = tasks.TASKS["product"].sample(2, "dev")
    for model, tokenizer in (tiny, tiny_qwen):
        assert all(encode(tokenizer, v.messages(LETTER)) for v in VARIANTS)
        scores = rewordings.measure(model, tokenizer, VARIANTS[:3], items, lambda a, i: True, max_new_tokens=2)
        assert list(scores) == [v.name for v in VARIANTS[:3]]
        assert [s.n for s in scores.values()] == [2, 2, 2]


@pytest.mark.parametrize(("means", "median"), [([0, 1, 0.5], 0.5), ([0, 1, 0.5, 1], 0.75), ([0.25], 0.25)])
def test_spread(means, median):
    found = rewordings.spread({str(n): Score("", [mean]) for n, mean in enumerate(means)})
    assert found == {"min": min(means), "median": median, "max": max(means)}
    with pytest.raises(ValueError, match="no score"):
        rewordings.spread({})
