"""The desk of lesson 00 in a real browser, by keyboard: a typed order, and answers in three ways on Run."""

import pytest
from browser.lone import alone

DESK = """from spectrum.lessons.start_here import widget


def ask(text):
    return {"prompted": "A sentence.", "shown": text.split()[0], "tuned": text.split()[-1]}


widget.desk(ask, "Who wrote it?\\n\\nAna")
"""


@pytest.mark.browser
def test_the_desk_answers_to_the_keyboard(lab, tmp_path):
    """An order can be typed over the first one; its answers follow on Run, and an empty order is told."""
    with lab.open(alone(tmp_path, "# Who?", DESK)) as notebook:
        notebook.run_all()
        number = notebook.find_cell("playground")
        keyboard, output = notebook.page.keyboard, notebook.output(number)
        notebook.tab_to(number, output.get_by_role("button", name="Run"))
        keyboard.press("Enter")
        notebook.wait_for_text(number, r"after tuning\s+Ana")
        notebook.tab_to(number, output.get_by_role("textbox").first)
        keyboard.press("Control+a")
        keyboard.type("Where is it? Oslo")
        notebook.tab_to(number, output.get_by_role("button", name="Run"))
        keyboard.press("Enter")
        notebook.wait_for_text(number, r"after four solved ones\s+Where[\s\S]*after tuning\s+Oslo")
        notebook.screenshot(tmp_path / "desk.png", number)
        notebook.tab_to(number, output.get_by_role("textbox").first)
        keyboard.press("Control+a")
        keyboard.press("Backspace")
        notebook.tab_to(number, output.get_by_role("button", name="Run"))
        keyboard.press("Enter")
        notebook.wait_for_text(number, r"Cannot ask this: the instruction is empty")
    assert (tmp_path / "desk.png").stat().st_size > 1000
