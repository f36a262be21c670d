"""The planner of lesson 16 in a real browser, by keyboard."""

import pytest
from browser.lone import alone

PLANNER = """from transformers import LlamaConfig

from spectrum.lessons.qlora_on_a_gpu import widget

sizes = dict(hidden_size=2048, intermediate_size=5504, num_attention_heads=16, num_hidden_layers=16, vocab_size=32000)
widget.planner({"1B": LlamaConfig(**sizes), "3B": LlamaConfig(**sizes | {"num_hidden_layers": 64})}, "1B")
"""


@pytest.mark.browser
def test_the_planner_answers_to_the_keyboard(lab, tmp_path):
    """Another model, another card and a longer row make another plan; tokens can be typed."""
    with lab.open(alone(tmp_path, "# What fits?", PLANNER)) as notebook:
        notebook.run_all()
        number = notebook.find_cell("playground")
        keyboard, output = notebook.page.keyboard, notebook.output(number)
        notebook.wait_for_text(number, r"1B on a card T4, 16 GB, rows of 2048 tokens")
        notebook.tab_to(number, output.get_by_label("Model", exact=True))
        keyboard.press("ArrowDown")
        notebook.wait_for_text(number, r"3B on a card T4")
        notebook.tab_to(number, output.get_by_label("Card", exact=True))
        keyboard.press("End")
        notebook.wait_for_text(number, r"H100, 80 GB[\s\S]*LoRA: .* tokens/s")
        notebook.tab_to(number, output.get_by_role("slider").first)
        keyboard.press("ArrowRight")
        notebook.wait_for_text(number, r"rows of 4096 tokens")
        tokens = output.get_by_role("spinbutton").first
        notebook.tab_to(number, tokens)
        keyboard.press("Control+a")
        keyboard.type("50000000")
        keyboard.press("Enter")
        notebook.wait_for_text(number, r"tokens/s, \d\d[\d.,]* minutes")
        notebook.screenshot(tmp_path / "planner.png", number)
    assert (tmp_path / "planner.png").stat().st_size > 1000
