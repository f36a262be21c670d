"""Each lesson's widgets, in a real browser, by keyboard."""

from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.mark.browser
def test_lesson_01_playground_answers_to_the_keyboard(lab, tmp_path):
    """Another temperature asks the model again and changes the bars; an empty prompt is answered in words."""
    with lab.open(NOTEBOOKS / "01_base_and_instruct.ipynb") as notebook:
        notebook.run_all()
        number = notebook.find_cell("playground")
        keyboard, output = notebook.page.keyboard, notebook.output(number)
        notebook.wait_for_text(number, r"instruct answers:")
        slider = output.get_by_role("slider").first
        notebook.tab_to(number, slider)
        before = output.locator("img").first.get_attribute("src")
        for _ in range(15):
            keyboard.press("ArrowRight")
        notebook.wait_until_idle()
        notebook.page.wait_for_function(
            "([n, old]) => document.querySelectorAll('.jp-Notebook .jp-Cell')[n].querySelector('img')?.src !== old",
            arg=[number, before],
        )
        notebook.screenshot(tmp_path / "playground.png", number)
        area = output.locator("textarea").first
        notebook.tab_to(number, area)
        keyboard.press("Control+a")
        keyboard.type(" ")
        notebook.tab_to(number, output.get_by_role("button", name="Run"))
        keyboard.press("Enter")
        notebook.wait_for_text(number, r"Cannot run this: .*empty")
