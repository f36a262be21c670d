"""The counter of lesson 17 in a real browser, by keyboard: a served model answers what is typed."""

import pytest
from browser.lone import alone

COUNTER = """import tempfile
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model

from spectrum import export
from spectrum.lessons.small_and_local import widget
from spectrum.models import load_model

folder, (model, tokenizer) = Path(tempfile.mkdtemp()), load_model("instruct")
bases = {kind: export.write_gguf(model, tokenizer, folder / kind, kind) for kind in ("f16", "q4_0")}
adapted = get_peft_model(model, LoraConfig(r=2, task_type="CAUSAL_LM", target_modules="all-linear"))
torch.manual_seed(0)
for name, parameter in adapted.named_parameters():
    if "lora_B" in name:
        parameter.data = 0.5 * torch.randn_like(parameter)
lora = export.write_gguf_adapter(adapted, folder / "lora")
widget.counter(bases, lora, "Give the city.\\nI live in Rome.")
"""


@pytest.mark.browser
def test_a_message_is_typed_and_answered(lab, tmp_path):
    """The slider takes the adapter away, a new message has a new answer, another kind another file."""
    pytest.importorskip("xllamacpp")
    with lab.open(alone(tmp_path, "# Who answers?", COUNTER)) as notebook:
        notebook.run_all()
        number = notebook.find_cell("playground")
        keyboard, output = notebook.page.keyboard, notebook.output(number)
        notebook.wait_for_text(number, r"f16: 6\.\d MB; 100 % of the adapter")
        notebook.tab_to(number, output.get_by_role("slider"))
        for _ in range(10):
            keyboard.press("ArrowLeft")
        notebook.wait_for_text(number, r"Rome\s*f16: 6\.\d MB; 0 % of the adapter")
        notebook.tab_to(number, output.get_by_label("Message"))
        keyboard.press("Control+A")
        keyboard.type("Give the city.\nI live in Oslo.")
        notebook.tab_to(number, output.get_by_role("button", name="Ask"))
        keyboard.press("Space")
        notebook.wait_for_text(number, r"Oslo\s*f16")
        notebook.tab_to(number, output.get_by_label("Base in"))
        keyboard.press("ArrowDown")
        notebook.wait_for_text(number, r"Oslo\s*q4_0: 1\.8 MB")
        notebook.screenshot(tmp_path / "counter.png", number)
    assert (tmp_path / "counter.png").stat().st_size > 1000
