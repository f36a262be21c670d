"""The memory ledger of lesson 15 in a real browser, by keyboard."""

import pytest
from browser.lone import alone

EXPLORER = """from transformers import LlamaConfig

from spectrum.lessons.qlora import widget

sizes = dict(hidden_size=4096, intermediate_size=11008, num_attention_heads=32, num_hidden_layers=32, vocab_size=32000)
deep = LlamaConfig(**sizes | {"num_hidden_layers": 64})
widget.ledger_explorer({"LLaMA 7B": LlamaConfig(**sizes), "twice as deep": deep})
"""


@pytest.mark.browser
def test_the_ledger_answers_to_the_keyboard(lab, tmp_path):
    """A longer row needs more, another model fills in its sizes, and a size can be typed."""
    with lab.open(alone(tmp_path, "# What fits?", EXPLORER)) as notebook:
        notebook.run_all()
        number = notebook.find_cell("playground")
        keyboard, output = notebook.page.keyboard, notebook.output(number)
        before = notebook.wait_for_text(number, r"QLoRA: \d+\.\d GB, fits on 8 GB")
        length = output.get_by_role("slider").nth(2)
        notebook.tab_to(number, length)
        for _ in range(4):
            keyboard.press("ArrowRight")
        notebook.wait_for_text(number, r"QLoRA: \d+\.\d GB, fits on (16|24|48) GB")
        notebook.tab_to(number, output.get_by_label("Model", exact=True))
        keyboard.press("ArrowDown")
        notebook.wait_for_text(number, r"full fine-tuning: 1\d\d\.\d GB, more than 141 GB")
        layers = output.get_by_role("spinbutton").first
        assert layers.input_value() == "64"
        notebook.tab_to(number, layers)
        keyboard.press("Control+a")
        keyboard.type("2")
        keyboard.press("Enter")
        notebook.wait_for_text(number, r"full fine-tuning: \d\d?\.\d GB, fits on (8|16|24|48) GB")
        assert before
        notebook.screenshot(tmp_path / "ledger.png", number)
    assert (tmp_path / "ledger.png").stat().st_size > 1000
