"""The matrix explorer of lesson 11 in a real browser, by keyboard."""

import pytest
from browser.lone import alone

EXPLORER = """import torch

from spectrum.lessons.lora_by_hand import widget

column, row = torch.arange(1.0, 9.0), torch.arange(1.0, 13.0)
widget.matrix_explorer({"rank one": torch.outer(column, row), "identity": torch.eye(8)}, rank=2)
"""


@pytest.mark.browser
def test_the_explorer_answers_to_the_keyboard(lab, tmp_path):
    """Rank 2 holds all of a matrix of rank one, a quarter of the identity's eight directions, and rank 4 half."""
    with lab.open(alone(tmp_path, "# What does a rank hold?", EXPLORER)) as notebook:
        notebook.run_all()
        number = notebook.find_cell("playground")
        keyboard, output = notebook.page.keyboard, notebook.output(number)
        notebook.wait_for_text(number, r"rank one: rank 2 holds 100 %")
        notebook.tab_to(number, output.get_by_label("Matrix", exact=True))
        keyboard.press("ArrowDown")
        notebook.wait_for_text(number, r"identity: rank 2 holds 25 %")
        notebook.tab_to(number, output.get_by_role("slider").first)
        for _ in range(2):
            keyboard.press("ArrowRight")
        notebook.wait_for_text(number, r"identity: rank 4 holds 50 %")
        notebook.screenshot(tmp_path / "matrix.png", number)
    assert (tmp_path / "matrix.png").stat().st_size > 1000
