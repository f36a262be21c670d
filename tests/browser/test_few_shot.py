"""The bench of lesson 02 in a real browser, by keyboard."""

import pytest
from browser.lone import alone

BENCH = """from spectrum import models
from spectrum.lessons.few_shot import widget

widget.few_shot_bench(*models.load_model("base"))
"""


def type_into(notebook, number, field, text):
    """Reaches a text field by Tab, replaces what it holds, and presses Enter."""
    notebook.tab_to(number, field)
    notebook.page.keyboard.press("Control+a")
    notebook.page.keyboard.type(text)
    notebook.page.keyboard.press("Enter")


@pytest.mark.browser
def test_the_bench_answers_to_the_keyboard(lab, tmp_path):
    """An example is added, a label renamed, and a sentence typed in words that the model does not know."""
    with lab.open(alone(tmp_path, "# What do examples buy?", BENCH)) as notebook:
        notebook.run_all()
        number = notebook.find_cell("playground")
        output = notebook.output(number)
        notebook.wait_for_text(number, r"after 2 examples, \d+ tokens")
        notebook.tab_to(number, output.get_by_role("slider").nth(2))
        notebook.page.keyboard.press("ArrowRight")
        notebook.wait_for_text(number, r"after 3 examples, \d+ tokens")
        type_into(notebook, number, output.get_by_role("textbox").nth(1), "mango")
        notebook.wait_for_text(number, r"mango against negative")
        type_into(notebook, number, output.get_by_role("textbox").first, "A fantastic film.")
        notebook.wait_for_text(number, r"Strange to this model: 'fantastic', 'film'")
        notebook.screenshot(tmp_path / "few_shot.png", number)
    assert (tmp_path / "few_shot.png").stat().st_size > 1000
