"""The explorer of lesson 06 in a real browser, by keyboard: a typed question, passages, an answer and its evidence."""

import pytest
from browser.lone import alone

EXPLORER = """from spectrum import retrieval
from spectrum.lessons.retrieval import widget
from spectrum.passages import Passage

texts = {"for": "break leaves the loop.", "continue": "continue goes on with the loop.", "strings": "A string is text."}
words = retrieval.Search([Passage(name, 0, text) for name, text in texts.items()])
few = retrieval.Search([Passage("strings", 0, texts["strings"])])


def ask(texts, question):
    return "break" if "leaves" in question else "return"


widget.explorer({"BM25": words.best, "few": few.best}, ask, "What leaves the loop?")
"""


@pytest.mark.browser
def test_the_explorer_answers_to_the_keyboard(lab, tmp_path):
    """A question can be typed; passages follow at once, and the answer, with its evidence, on Run."""
    with lab.open(alone(tmp_path, "# Which passage?", EXPLORER)) as notebook:
        notebook.run_all()
        number = notebook.find_cell("playground")
        keyboard, output = notebook.page.keyboard, notebook.output(number)
        notebook.wait_for_text(number, r"break leaves the loop\.")
        notebook.wait_for_text(number, r"no passage shares a word with the question")
        notebook.tab_to(number, output.get_by_role("button", name="BM25"))
        keyboard.press("Enter")
        notebook.tab_to(number, output.get_by_role("button", name="Run"))
        keyboard.press("Enter")
        notebook.wait_for_text(number, r"Answer from BM25: break \(stands in the marked passage\)")
        assert output.locator("mark").all_inner_texts() == ["break leaves the loop."]
        notebook.screenshot(tmp_path / "evidence.png", number)
        notebook.tab_to(number, output.get_by_role("textbox").first)
        keyboard.press("Control+a")
        keyboard.type("Which string goes on?")
        keyboard.press("Enter")
        notebook.wait_for_text(number, r"few[\s\S]*A string is text\.")
        notebook.tab_to(number, output.get_by_role("button", name="Run"))
        keyboard.press("Enter")
        notebook.wait_for_text(number, r"Answer from BM25: return \(stands in none of the passages: do not trust it\)")
        notebook.tab_to(number, output.get_by_role("textbox").first)
        keyboard.press("Control+a")
        keyboard.press("Backspace")
        keyboard.press("Enter")
        notebook.wait_for_text(number, r"Cannot show this: the question is empty")
    assert (tmp_path / "evidence.png").stat().st_size > 1000
