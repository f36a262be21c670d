"""Orders put together afresh: true answers, splits that share no wording and no answer word, and enough of them."""

import json
import re

import pytest

from spectrum import seeds
from spectrum.shop import order_classes, order_kinds, order_letters, order_words, orders, typed_orders, world

KINDS = list(orders.KINDS)


def skeletons(monkeypatch, kind, split, count):
    """Returns the set of skeletons that `count` orders of a kind use, and the orders."""
    used, wording = set(), order_kinds.wording

    def noted(rng, split, *parts):
        found = wording(rng, split, *parts)
        used.add(found)
        return found

    rng = seeds.seeded("test", kind, split)
    with monkeypatch.context() as patch:
        patch.setattr(order_kinds, "wording", noted)
        draw = orders.followed if kind == "followed" else orders.MAKERS[kind]
        return used, [draw(rng, split) for _ in range(count)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_many_wordings_and_no_split_has_those_of_another(monkeypatch, kind):
    taught, _ = skeletons(monkeypatch, kind, "train", 1500)
    asked, _ = skeletons(monkeypatch, kind, "test", 400)
    # mapped puts up to five of its wordings together, judged and spotted fill in clauses and options, and `placed` puts
    # each order into one of ten places.
    least = {"mapped": 12, "limited": 40, "looked_up": 40, "followed": 80, "judged": 40, "spotted": 50, "written": 16}
    assert len(taught) >= least.get(kind, 100) and not taught & asked


def test_a_wording_of_the_test_split_has_a_phrase_that_no_tuning_row_has(monkeypatch):
    parts = (order_words.CHOOSE, order_words.AMONG, order_words.EXACTLY)
    rng = seeds.seeded("phrases")
    own = [p for part in parts for p in part if order_kinds.owner(part, p) == "test"]
    for _ in range(200):
        asked, taught = (order_kinds.wording(rng, split, *parts) for split in ("test", "train"))
        assert any(phrase in asked for phrase in own)
        assert not any(taught.endswith(p) or f"{p}:" in taught for p in own if len(p) > 3)


def test_words_of_answers_in_the_test_split_stand_in_no_tuning_row():
    rows = orders.order_rows(4000)
    taught = {word.lower() for row in rows for m in row["messages"] for word in re.findall(r"[A-Za-z]+", m["content"])}
    for order in orders.order_items("mapped", 200):
        assert order.gold.lower() not in taught
    held = {w for words in order_classes.CLASSES.values() for each in words.values() for w in each[2::3]}
    shown = [o.gold.lower() for o in orders.order_items("listed", 200) if o.gold not in order_classes.NONE]
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
    missing = [o for o in orders.order_items("listed", 300) if o.gold in order_classes.NONE]
    assert 10 < len(missing) < 100


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
    rows = orders.order_rows(400)
    assert {row["kind"] for row in rows} == set(orders.MAKERS)
    for row in rows:
        roles = [m["role"] for m in row["messages"]]
        assert roles[-2:] == ["user", "assistant"] and roles.count("system") <= 1
        assert all(m["content"].strip() for m in row["messages"])
    assert len({json.dumps(row) for row in rows}) == len(rows)


def test_half_the_rows_are_several_orders_on_one_letter_which_shows_what_they_ask_for():
    rows = orders.order_rows(600)
    several = [row["messages"] for row in rows if len([m for m in row["messages"] if m["role"] == "user"]) > 1]
    assert 200 < len(several) < 400 and {len(chat) for chat in several} == {4, 6, 8}
    rng = seeds.seeded("chats")
    for _ in range(40):
        about = order_letters.letter(rng, "train", ("name", "problem"))
        drawn = [orders.draw(rng, "train", about) for _ in range(8)]
        assert all(order.about == about.text for order in drawn)
        assert not {"city", "quantity", "urgency"} & {order.details.get("field") for order in drawn}


def test_letters_have_wider_names_goods_and_sentences_of_their_split_and_tell_the_truth():
    rng = seeds.seeded("letters")
    for split in ("train", "test"):
        drawn = [order_letters.letter(rng, split, order_letters.SHOWN) for _ in range(300)]
        assert all(world.split_of(each.text) == split and each.record.name in each.text for each in drawn)
        names = {each.record.name for each in drawn}
        wider = names - set(world.NAMES)
        assert wider and names & set(world.NAMES)
        assert wider <= set(order_letters.share(split, order_letters.NAMES))
        sentences = [each for many in order_letters.WIDER.values() for each in many]
        mine = {own for many in order_letters.WIDER.values() for own in order_letters.share(split, many)}
        said = {sentence for sentence in sentences if any(sentence in each.text for each in drawn)}
        assert said and said <= mine


@pytest.mark.parametrize("a_class", order_classes.CLASSES)
def test_the_words_for_a_class_are_different_and_each_label_has_clauses_and_held_out_ones(a_class):
    words = [word.lower() for label in order_classes.CLASSES[a_class].values() for word in label]
    assert len(words) == len(set(words))
    for label, clauses in order_classes.DESCRIBED[a_class].items():
        assert len(set(clauses)) == len(clauses) >= 6 and label in order_classes.CLASSES[a_class]
        assert not set(order_letters.share("train", clauses)) & set(order_letters.share("test", clauses))


def test_sums_yes_and_no_and_kinds_of_things_are_right():
    for order in orders.order_items("reckoned", 100):
        a, b = map(int, re.findall(r"\d+", order.text))
        assert int(order.gold) in (a + b, a - b, b - a)
    told = [order.gold for order in orders.order_items("judged", 100)]
    assert 30 < told.count("yes") < 70 and set(told) == {"yes", "no"}
    taught = set(order_letters.share("train", order_words.KINDS_OF_THINGS))
    for order in orders.order_items("grouped", 100):
        assert order.gold in order.details["options"] and not taught & set(order.details["options"])


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
