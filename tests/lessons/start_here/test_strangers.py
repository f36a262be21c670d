"""Thirty orders by somebody else: what is accepted of an answer, and that no tuning row has them."""

import json

import pytest

from spectrum.lessons.start_here import strangers
from spectrum.shop import orders

TYPED = strangers.typed()
HEADLAMPS = {"name": "Callum Strachan", "city": "Inverness", "product": "headlamp", "quantity": "2", "order": "91533"}


def test_there_are_thirty_ten_of_them_with_lists_from_which_the_right_word_can_be_left_out():
    assert len(TYPED) == 30 == len({each.text for each in TYPED})
    lists = [each for each in TYPED if each.without]
    assert len(lists) == 10
    for each in lists:
        (right,) = each.exact
        left = each.without_the_answer()
        assert right in each.order and right not in left.order and left.letter == each.letter in left.text
        assert each.accepts(right) and each.accepts(f" {right.upper()}. ") and not each.accepts(f"It is {right}")
        assert not each.accepts("")


def test_each_order_has_one_way_in_which_it_is_judged():
    for each in TYPED:
        assert bool(each.exact) + bool(each.accept) + (each.json is not None) == 1


@pytest.mark.parametrize(
    ("start", "answer", "accepted"),
    [
        ("Who wrote this", "Lucinda Ferrante from Bari", True),
        ("Who wrote this", "Lucinda Ferrante", False),
        ("Is this urgent", "No.", True),
        ("Is this urgent", "No, it is not urgent at all", False),
        ("Write a short polite reply", "Dear Dermot, we are sorry; we will send your money back.", True),
        ("Write a short polite reply", "Dear Dermot, we are sorry; a new one is on its way.", False),
        ("In at most five words", "rakes are late", True),
        ("In at most five words", "the rakes that he ordered are late", False),
        ("What is 47", "85", True),
        ("What is 47", "47 + 38 = 85, which is right", False),
        ("Give me JSON", json.dumps(HEADLAMPS | {"product": "headlamps", "quantity": 2}), True),
        ("Give me JSON", json.dumps({k: v for k, v in HEADLAMPS.items() if k != "order"}), False),
        ("Give me JSON", "Callum Strachan, Inverness", False),
        ("Give me JSON", "[1]", False),
    ],
)  # fmt: skip
def test_what_must_be_in_an_answer(start, answer, accepted):
    (each,) = [each for each in TYPED if each.order.startswith(start)]
    assert each.accepts(answer) is accepted


def test_none_of_it_stands_in_a_tuning_row():
    rows = json.dumps(orders.order_rows(2000))
    for each in TYPED:
        assert each.order not in rows and (not each.letter or json.dumps(each.letter)[1:-1] not in rows)
