"""The explorer of lesson 06 in a real browser, by keyboard: a typed question, its documents, and the evidence."""

import pytest
from browser.lone import alone

EXPLORER = """from spectrum import retrieval
from spectrum.lessons.retrieval import widget
from spectrum.shop.facts import Document

lines = ["The Kavo lamp is red.", "The Kavo lamp costs 12 dollars.", "The Bino lamp costs 112 dollars."]
lines += ["The Bino kettle is blue."]
search = retrieval.Search([Document(text, "", "") for text in lines])


def ask(lines, question):
    return "12 dollars" if "How much" in question else "Dahl"


widget.retrieval_explorer(search, ask, "How much is the Kavo lamp?")
"""


@pytest.mark.browser
def test_the_explorer_answers_to_the_keyboard(lab, tmp_path):
    """A question can be typed; documents, threshold and evidence answer to Tab, arrows and Space."""
    with lab.open(alone(tmp_path, "# Which line?", EXPLORER)) as notebook:
        notebook.run_all()
        number = notebook.find_cell("playground")
        keyboard, output = notebook.page.keyboard, notebook.output(number)
        notebook.wait_for_text(number, r"evidence: The Kavo lamp costs 12 dollars\.")
        notebook.wait_for_text(number, r"Answer: 12 dollars")
        assert output.locator("mark").all_inner_texts() == ["12 dollars"]
        notebook.screenshot(tmp_path / "evidence.png", number)
        notebook.tab_to(number, output.get_by_role("slider").first)
        keyboard.press("Home")
        notebook.wait_for_text(number, r"'12 dollars', which stands in none of the lines it read")
        keyboard.press("End")
        notebook.wait_for_text(number, r"Answer: 12 dollars")
        notebook.tab_to(number, output.get_by_role("textbox").first)
        keyboard.press("Control+a")
        keyboard.type("Who makes the Kavo lamp?")
        keyboard.press("Enter")
        notebook.wait_for_text(number, r"Answer: not stated \(the model says 'Dahl'")
        notebook.tab_to(number, output.get_by_role("checkbox"))
        keyboard.press("Space")
        notebook.wait_for_text(number, r"Answer: Dahl")
        notebook.tab_to(number, output.get_by_role("textbox").first)
        keyboard.press("Control+a")
        keyboard.type("Bonjour")
        keyboard.press("Enter")
        notebook.wait_for_text(number, r"no document shares a word[\s\S]*often does not understand")
        notebook.screenshot(tmp_path / "nothing.png", number)
    assert (tmp_path / "evidence.png").stat().st_size > 1000
