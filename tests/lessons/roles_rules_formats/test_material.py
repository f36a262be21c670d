"""The questions, rules, lists and letters of lesson 03: their true answers, checked a second way."""

import re

import pytest

from spectrum.lessons.roles_rules_formats import material
from spectrum.shop import messages, samplers, tasks


def test_questions_are_as_many_of_each_task():
    items = material.questions(12)
    assert [item.task for item in items[:5]] == list(material.ASKED) and len(items) == 12
    assert material.question(items[0]).startswith("Give the customer's name.\n")


def test_a_voice_is_its_words_at_both_ends_and_content_is_what_is_between():
    for voice, (before, after) in samplers.MARKS.items():
        assert material.voice_of(f"{before}Oslo{after}") == voice
        assert material.content_of(f" {before}Oslo{after} ") == "Oslo"
        assert material.voice_of(f"{before}Oslo") is None and material.voice_of(f"Oslo{after}") is None
    assert material.content_of(" Oslo ") == "Oslo"


def obey(rules, wish):
    """The answer by the rules, read out of their text."""
    said = dict(re.findall(r"If the wish is (\w+), answer (\w+)\.", rules))
    return said.get(wish, re.search(r"Otherwise answer (\w+)\.", rules)[1])


@pytest.mark.parametrize("branches", (1, 2, 3, 4))
@pytest.mark.parametrize("answers", (material.CODES, material.NEW_WORDS, tuple(messages.INTENTS)))
def test_gold_answers_are_what_the_rules_say(branches, answers):
    items = material.rule_items(40, branches, answers)
    assert len({item.input for item in items}) == 40
    for item in items:
        assert item.gold == obey(item.details["rules"], item.details["wish"])
        assert item.details["rules"].count("If the wish") == branches
    named = sum(f"If the wish is {item.details['wish']}," in item.details["rules"] for item in items)
    assert 10 <= named <= 30, "about half of the letters fall under a branch"


def test_a_rule_of_wishes_never_gives_a_wish_itself():
    for item in material.rule_items(60, 3, tuple(messages.INTENTS)):
        assert not re.search(r"If the wish is (\w+), answer \1\.", item.details["rules"])


def test_new_words_are_new():
    shown = {word.upper() for word in (*messages.INTENTS, *samplers.ROUTES, *material.NAMES, *material.CITIES)}
    assert not shown & set(material.NEW_WORDS)


def test_more_branches_than_wishes_are_refused():
    for branches in (0, 5):
        with pytest.raises(ValueError, match=f"branches is {branches}"):
            material.rule_items(3, branches)


def test_the_same_letters_stand_under_both_rules_on_the_feeling():
    agree = material.feeling_items(20, "positive", "negative")
    against = material.feeling_items(20, "negative", "positive")
    assert [i.input for i in agree] == [i.input for i in against]
    assert all(a.gold == a.details["feeling"] != b.gold for a, b in zip(agree, against, strict=True))
    assert agree[0].details["rules"].startswith("If the feeling about the product is positive, answer positive.")


def test_parts_are_done_in_their_order():
    reverse, first = material.TWO_PARTS["reversed, first word"]
    assert material.do_parts("pen, lamp, kite", (reverse, first)) == "kite"
    assert material.do_parts("pen, lamp, kite", (first, reverse)) == "pen"
    for parts in material.TWO_PARTS.values():
        for item in material.two_part_items(5, parts):
            assert item.gold == material.do_parts(item.input, parts)


def test_letters_hold_the_values_that_they_are_asked_for():
    items = material.letters(30, ("name", "city", "product"))
    assert len({item.input for item in items}) == 30
    for item, gold in zip(items, material.wanted(items), strict=True):
        assert list(gold) == ["name", "city", "product"]
        assert gold["name"] in item.input and gold["city"] in item.input


def test_a_line_holds_its_answer_and_the_other_line_does_not():
    items, lines, others = material.arrivals(40)
    for item, line, other in zip(items, lines, others, strict=True):
        assert item.details["product"] in line and item.gold in line
        assert item.details["product"] not in other and not re.search(rf"\b{re.escape(item.gold)}\b", other)


def test_orders_of_the_tuning_are_found_by_their_words():
    assert "Give {keys} as JSON." in material.tuned_orders("json")
    assert material.tuned_orders("and then") == material.tuned_orders("XML") == []
    assert material.tuned_orders("Markdown") == []
    assert all("capital letters" in order for order in material.tuned_orders("letter"))
    held_out = [tasks.TASKS[name].instructions[-1] for name in tasks.TRAINED]
    assert not any(order in held_out for order in material.tuned_orders(""))
