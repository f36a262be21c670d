"""Prompts: what each technique writes, to the letter."""

import pytest

from spectrum import prompts, tasks
from spectrum.tasks import Item

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
