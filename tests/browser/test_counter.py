"""The counter of lesson 17 in a real browser, by keyboard: a served model answers what is typed."""

import pytest
from browser.lone import alone
from served import counter_files

COUNTER = """from pathlib import Path

from spectrum.lessons.small_and_local import widget

folder = Path({folder!r})
bases = {{kind: folder / kind for kind in ("f16", "q4_0")}}
widget.counter(bases, folder / "lora", "Give the city.\\nI live in Rome.")
"""


@pytest.mark.browser
def test_a_message_is_typed_and_answered(lab, tmp_path):
    """The slider takes the adapter away, a new message has a new answer, another kind another file."""
    pytest.importorskip("xllamacpp")
    counter_files(tmp_path)
    with lab.open(alone(tmp_path, "# Who answers?", COUNTER.format(folder=str(tmp_path)))) as notebook:
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
