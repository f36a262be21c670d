"""The explorer of codes of lesson 14 in a real browser, by keyboard."""

import pytest
from browser.lone import alone

EXPLORER = """import torch

from spectrum.lessons.four_bits import runs, widget

drawn = torch.Generator().manual_seed(0)
layers = {"bell": torch.randn(64, 64, generator=drawn), "flat": torch.rand(64, 64, generator=drawn) - 0.5}
widget.code_explorer(layers, runs.changes("base"))
"""


@pytest.mark.browser
def test_codes_answer_to_the_keyboard(lab, tmp_path):
    """Fewer bits cost more, what is no code is said, another layer and block have another error."""
    with lab.open(alone(tmp_path, "# How many bits?", EXPLORER)) as notebook:
        notebook.run_all()
        number = notebook.find_cell("playground")
        keyboard, output = notebook.page.keyboard, notebook.output(number)
        notebook.wait_for_text(number, r"error of this layer: 9\.\d %[\s\S]*bits a weight: 4\.500[\s\S]*text: \+0\.3 %")
        notebook.tab_to(number, output.get_by_role("slider").first)
        keyboard.press("ArrowRight")
        notebook.wait_for_text(number, r"bits a weight: 3\.500[\s\S]*text: \+2\.1 %")
        notebook.tab_to(number, output.get_by_label("Code", exact=True))
        keyboard.press("ArrowUp")
        notebook.wait_for_text(number, r"FP4 is not made for 3 bits here; choose 4")
        keyboard.press("ArrowUp")
        notebook.wait_for_text(number, r"bits a weight: 3\.500[\s\S]*text: \+4\.8 %")
        notebook.tab_to(number, output.get_by_label("Layer", exact=True))
        keyboard.press("ArrowDown")
        notebook.wait_for_text(number, r"error of this layer: 1\d\.\d %")
        notebook.tab_to(number, output.get_by_label("Block", exact=True))
        keyboard.press("ArrowUp")
        notebook.wait_for_text(number, r"bits a weight: 4\.000")
        notebook.screenshot(tmp_path / "codes.png", number)
    assert (tmp_path / "codes.png").stat().st_size > 1000
