"""The prompt builder of lesson 03 in a real browser, by keyboard: a switch, a run, a letter of one's own, a cancel."""

import pytest
from browser.lone import alone

BUILDER = """from spectrum import models
from spectrum.lessons.roles_rules_formats import widget

model, tokenizer = models.load_model("instruct")
widget.prompt_builder(model, tokenizer)
"""


@pytest.mark.browser
def test_switches_are_set_and_letters_typed_and_run_by_keyboard(lab, tmp_path):
    with lab.open(alone(tmp_path, "# Which parts?", BUILDER)) as notebook:
        notebook.run_all()
        number = notebook.find_cell("playground")
        keyboard, output = notebook.page.keyboard, notebook.output(number)
        run = output.get_by_role("button", name="Run")
        notebook.tab_to(number, run)
        keyboard.press("Enter")
        notebook.wait_for_text(number, r"instruction: fields 0\.0 %.*; 0 of 50 answers parsed")

        notebook.tab_to(number, output.get_by_role("checkbox").nth(1))
        keyboard.press("Space")
        notebook.tab_to(number, output.get_by_role("textbox").first)
        keyboard.type("I am Rosa from Riga and my Kavo lamp is broken.")
        notebook.tab_to(number, run)
        keyboard.press("Enter")
        notebook.wait_for_text(number, r"instruction, format: fields (9\d|100)\.\d %")
        notebook.wait_for_text(number, r"Tries on these letters: instruction: 0 %; instruction, format: \d+ %")
        notebook.wait_for_text(number, r'"name": "Rosa"')
        notebook.screenshot(tmp_path / "builder.png", number)

        notebook.tab_to(number, output.get_by_role("checkbox").nth(6))
        keyboard.press("Space")
        notebook.tab_to(number, run)
        keyboard.press("Enter")
        notebook.tab_to(number, output.get_by_role("button", name="Cancel"))
        keyboard.press("Enter")
        notebook.wait_for_text(number, r"Cancelled after \d+ of 50 letters|mask: fields")
    assert (tmp_path / "builder.png").stat().st_size > 1000
