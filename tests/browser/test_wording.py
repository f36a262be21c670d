"""The wording bench and the compression explorer of lesson 05 in a real browser, by keyboard."""

import pytest
from browser.lone import alone

BENCH = """from spectrum import models
from spectrum.lessons.measuring_prompts import widget

model, tokenizer = models.load_model("instruct")
widget.wording_bench(model, tokenizer)
"""
EXPLORER = """from spectrum import compression

parts = compression.sections("Give the order number.", [("Order 1234 is late.", "1234")], "My order is 5678.")
widget.compression_explorer(compression.surprisals(model, tokenizer, parts), tokenizer)
"""


@pytest.mark.browser
def test_a_wording_is_typed_and_run_and_sections_are_shortened_by_keyboard(lab, tmp_path):
    with lab.open(alone(tmp_path, "# Which words?", BENCH, EXPLORER)) as notebook:
        notebook.run_all()
        number = notebook.find_cell("playground")
        keyboard, output = notebook.page.keyboard, notebook.output(number)
        notebook.tab_to(number, output.get_by_role("button", name="Run"))
        keyboard.press("Enter")
        notebook.wait_for_text(
            number,
            r"'Which order is it\?': \d+\.\d %.*\n?.*against 'Give the order number\.'",
        )
        notebook.tab_to(number, output.get_by_role("textbox").first)
        keyboard.press("Control+a")
        keyboard.type("Order id.")
        notebook.tab_to(number, output.get_by_role("button", name="Run"))
        keyboard.press("Enter")
        notebook.wait_for_text(number, r"'Order id\.': .*(\n.*)*This was try 2 on these 50 dev items")
        notebook.screenshot(tmp_path / "bench.png", number)

        explorer = notebook.output(number + 1)
        before = notebook.wait_for_text(number + 1, r"\d+ of \d+ tokens kept")
        notebook.tab_to(number + 1, explorer.get_by_role("slider").nth(1))
        keyboard.press("Home")
        after = notebook.wait_for_text(number + 1, r"Sent: [^\d]*5678")
        assert before != after
        notebook.screenshot(tmp_path / "explorer.png", number + 1)
    assert (tmp_path / "bench.png").stat().st_size > 1000
