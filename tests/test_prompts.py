"""Prompts: what each technique writes, to the letter."""

import json
import re

import pytest
from tiny import make_tokenizer

from spectrum import prompts
from spectrum.shop import tasks
from spectrum.shop.tasks import Item

CITY = tasks.TASKS["city"]
OPEN = Item("city", "I live in Oslo.", "Oslo")
SHOTS = [Item("city", "I live in Lima.", "Lima"), Item("city", "Nils from Riga here.", "Riga")]
RULES = Item("route", "Where is my parcel?", "RED", {"rules": "If the wish is tracking, answer RED."})


def test_bare_is_the_input():
    assert prompts.bare(OPEN) == "I live in Oslo."


@pytest.mark.parametrize("wording", range(8))
def test_ask_is_the_instruction_and_the_input_on_their_own_lines(wording):
    assert prompts.ask(CITY, OPEN, wording) == f"{CITY.instructions[wording].format()}\nI live in Oslo.\n"


def test_ask_fills_in_what_the_item_asks_for():
    item = tasks.TASKS["json"].sample(1)[0]
    asked = prompts.ask(tasks.TASKS["json"], item)
    assert item.details["keys"] in asked and "{" not in asked
    assert prompts.ask(tasks.TASKS["route"], RULES) == f"{RULES.details['rules']}\nWhere is my parcel?\n"


def test_show_ends_where_the_answer_begins():
    solved = "Input: I live in Lima.\nOutput: Lima\n\nInput: Nils from Riga here.\nOutput: Riga\n\n"
    assert prompts.show(SHOTS, OPEN) == f"{solved}Input: I live in Oslo.\nOutput:"
    assert prompts.show([], OPEN) == "Input: I live in Oslo.\nOutput:"
    assert prompts.show([], OPEN, "Give the city.") == "Give the city.\n\nInput: I live in Oslo.\nOutput:"


def test_show_keeps_the_answer_to_itself():
    assert "Oslo" not in prompts.show(SHOTS, OPEN).replace(OPEN.input, "")


def test_show_gives_rules_that_differ_from_item_to_item_with_each_input():
    text = prompts.show([RULES], RULES)
    assert text.count(f"Input: {RULES.details['rules']} Where is my parcel?") == 2


def test_label_pairs():
    assert prompts.label([("red", "A"), ("pen", "B")], "blue") == "red -> A\npen -> B\nblue ->"
    assert prompts.label([], "blue") == "blue ->"


def test_read_puts_the_lines_before_the_question():
    text = prompts.read(["The Kavo lamp is red.", "The Kavo lamp costs 9 dollars."], "How much is the Kavo lamp?")
    instruction, shown, rest = text.split("\n")
    assert instruction in tasks.TASKS["lookup"].instructions and rest == ""
    assert shown == "The Kavo lamp is red. The Kavo lamp costs 9 dollars. How much is the Kavo lamp?"


def test_chat_wraps_any_prompt():
    assert prompts.chat(prompts.ask(CITY, OPEN)) == [{"role": "user", "content": "Give the city.\nI live in Oslo."}]
    assert prompts.chat("Hello", role="You are a robot.") == [
        {"role": "system", "content": "You are a robot."},
        {"role": "user", "content": "Hello"},
    ]


def test_rules_are_written_in_their_order_with_the_otherwise_last():
    rules = {"refund": "RED", "cancel": "BLUE"}
    text = "If the wish is refund, answer RED. If the wish is cancel, answer BLUE. Otherwise answer WEST."
    assert prompts.if_then(rules, "WEST") == text
    assert prompts.if_then({"high": "now"}, "later", of="urgency").startswith("If the urgency is high, answer now.")
    item = tasks.TASKS["route"].sample(1)[0]
    assert re.fullmatch(r"(If the wish is \w+, answer \w+\. )+Otherwise answer \w+\.", item.details["rules"])


def test_fields_are_asked_for_as_the_tasks_do():
    item = tasks.TASKS["json_sentiment_city"].sample(1)[0]
    assert prompts.ask_fields(("sentiment", "city")) == tasks.TASKS["json_sentiment_city"].instruction(item)
    assert prompts.ask_fields(("name",), "XML") == "Give name as XML."


def test_an_order_and_its_text_are_set_apart():
    assert prompts.lay_out("Sort.", "a, b") == "Sort.\na, b"
    assert prompts.lay_out("Sort.", "a, b", "Markdown") == "## Task\nSort.\n## Message\na, b"
    assert prompts.lay_out("Sort.", "a, b", "XML") == "<task>Sort.</task>\n<message>a, b</message>"
    assert json.loads(prompts.lay_out("Sort.", '"a"', "JSON")) == {"task": "Sort.", "message": '"a"'}
    assert prompts.lay_out("", "a, b", "XML") == "a, b"
    assert prompts.lay_out("Give {x}.", "{y}", "Markdown") == "## Task\nGive {x}.\n## Message\n{y}"
    with pytest.raises(ValueError, match="layout is 'YAML'; it must be one of plain, Markdown, XML, JSON"):
        prompts.lay_out("Sort.", "a", "YAML")


@pytest.mark.parametrize("architecture", ["llama", "qwen3"])
def test_built_messages_go_through_any_template(architecture):
    tokenizer = make_tokenizer(architecture=architecture)
    built = prompts.build(
        "Ana, Oslo", "Give the city.", "A letter.", [("Leo, Rome", "Rome")], "XML", "You are a robot."
    )
    assert [turn["role"] for turn in built] == ["system", "user", "assistant", "user"]
    text = tokenizer.apply_chat_template(built, add_generation_prompt=True, tokenize=False)
    order = "<task>A letter. Give the city.</task>"
    parts = [
        "You are a robot.",
        f"{order}\n<message>Leo, Rome</message>",
        "Rome",
        f"{order}\n<message>Ana, Oslo</message>",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert prompts.build("Ana, Oslo") == prompts.chat("Ana, Oslo")
