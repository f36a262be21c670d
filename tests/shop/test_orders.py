"""Orders put together afresh: true answers, splits that share no wording and no answer word, and enough of them."""

import json
import re

import pytest

from spectrum import seeds
from spectrum.shop import order_words, orders, typed_orders, world

KINDS = list(orders.MAKERS)


def skeletons(monkeypatch, kind, split, count):
    """Returns the set of skeletons that `count` orders of a kind use, and the orders."""
    used, wording = set(), orders.wording

    def noted(rng, split, *parts):
        found = wording(rng, split, *parts)
        used.add(found)
        return found

    rng = seeds.seeded("test", kind, split)
    with monkeypatch.context() as patch:
        patch.setattr(orders, "wording", noted)
        return used, [orders.MAKERS[kind](rng, split) for _ in range(count)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_many_wordings_and_no_split_has_those_of_another(monkeypatch, kind):
    taught, _ = skeletons(monkeypatch, kind, "train", 3000)
    asked, _ = skeletons(monkeypatch, kind, "test", 400)
    # mapped puts up to five of its wordings together, and `placed` puts each order into one of ten places.
    least = {"mapped": 12, "limited": 40, "looked_up": 40, "followed": 80}
    assert len(taught) >= least.get(kind, 200) and not taught & asked


def test_a_wording_of_the_test_split_has_a_phrase_that_no_tuning_row_has(monkeypatch):
    parts = (order_words.CHOOSE, order_words.AMONG, order_words.EXACTLY)
    rng = seeds.seeded("phrases")
    own = [p for part in parts for p in part if orders.owner(part, p) == "test"]
    for _ in range(200):
        asked, taught = (orders.wording(rng, split, *parts) for split in ("test", "train"))
        assert any(phrase in asked for phrase in own)
        assert not any(taught.endswith(p) or f"{p}:" in taught for p in own if len(p) > 3)


def test_words_of_answers_in_the_test_split_stand_in_no_tuning_row():
    rows = orders.order_rows(4000)
    taught = {word.lower() for row in rows for m in row["messages"] for word in re.findall(r"[A-Za-z]+", m["content"])}
    for order in orders.order_items("mapped", 200):
        assert order.gold.lower() not in taught
    held = {w for words in order_words.CLASSES.values() for each in words.values() for w in each[2::3]}
    shown = [o.gold.lower() for o in orders.order_items("listed", 200) if o.gold not in order_words.NONE]
    assert shown and set(shown) <= {w.lower() for w in held}


@pytest.mark.parametrize("kind", KINDS)
def test_items_are_different_repeat_and_are_answered_rightly_by_their_gold(kind):
    items = orders.order_items(kind, 60)
    assert len({(o.system, o.text) for o in items}) == 60 and items == orders.order_items(kind, 60)
    assert all(orders.is_right(f" {o.gold}\n", o) and not orders.is_right(o.gold + "x", o) for o in items)
    assert all("{" not in o.text or o.details.get("form") == "json" for o in items)


def test_the_listed_answer_is_among_the_options_or_is_said_to_be_missing():
    for order in orders.order_items("listed", 300):
        assert order.gold in order.text
    missing = [o for o in orders.order_items("listed", 300) if o.gold in order_words.NONE]
    assert 20 < len(missing) < 200


def test_the_rules_word_is_the_one_whose_description_holds():
    for order in orders.order_items("mapped", 200, "dev"):
        assert order.gold in order.text
        assert world.split_of(order.gold.lower()) == "dev"


def test_forms_are_what_their_readers_parse():
    for order in orders.order_items("formed", 200):
        if order.details["form"] == "json":
            assert 2 <= len(json.loads(order.gold)) <= 4
        if order.details["form"] == "xml":
            assert re.fullmatch(r"(<(\w+)>[^<]+</\2>){2,4}", order.gold)
    assert orders.is_right('{"a":1,  "b": "x"}', orders.Order("formed", "", '{"b": "x", "a": 1}', form="json"))


def test_a_negated_role_leaves_no_mark():
    found = orders.order_items("voiced", 200)
    negated = [o for o in found if o.details["negated"]]
    assert 30 < len(negated) < 130
    assert not any(mark in o.gold for o in negated for mark in ("Ahoy", "BEEP", "Dear guest"))
    assert all(
        any(mark in o.gold for mark in ("Ahoy", "BEEP", "Dear guest")) for o in found if not o.details["negated"]
    )


def test_rows_are_chats_of_all_kinds_with_the_answer_last():
    rows = orders.order_rows(180)
    assert {row["kind"] for row in rows} == set(KINDS)
    for row in rows:
        roles = [m["role"] for m in row["messages"]]
        assert roles[-2:] == ["user", "assistant"] and roles.count("system") <= 1
        assert all(m["content"].strip() for m in row["messages"])
    assert len({json.dumps(row) for row in rows}) == len(rows)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kind must be one of listed, mapped"):
        orders.order_items("poem", 3)


def test_forty_orders_are_typed_and_none_is_worded_as_the_grammar_does():
    found = typed_orders.typed_orders()
    assert len(found) == 40 == len({o.text for o in found}) and {letter for letter, _, _ in typed_orders.TYPED} == set(
        typed_orders.LETTERS
    )
    rows = "\n".join(m["content"] for row in orders.order_rows(2000) for m in row["messages"])
    for order in found:
        assert all(orders.is_right(gold, order) for gold in order.gold.split(" / "))
        assert order.text.split("\n\n")[0] not in rows
    for letter in typed_orders.LETTERS.values():
        assert letter not in rows


@pytest.mark.parametrize(
    ("answer", "gold", "held"),
    [
        ("The customer lives in Lisbon.", "Lisbon", True),
        ("It is the LATE one", "late / too late", True),
        ("Lisbonne", "Lisbon", False),
        ("", "Lisbon", False),
        ("name: Ana, city: Oslo", "name: Ana\ncity: Oslo", True),
        ("- Ana\n- Oslo", "- Oslo\n- Ana", False),
        ("It was on the whole too late", "on time / too late", True),
        ("What else?", "?", False),
    ],
)
def test_an_answer_holds_what_was_asked_as_whole_words(answer, gold, held):
    order = orders.Order("typed", "", gold)
    assert orders.holds(answer, order) is held
    assert orders.holds(gold.split(" / ")[0], order) is True
