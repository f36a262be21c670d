"""Lesson 07's tuning bench in a real browser, by keyboard: a stored setting, a live run, and one that is cancelled."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.run_notebooks import clean, write

LESSON = Path(__file__).parents[2] / "notebooks" / "07_instruction_tuning.ipynb"
BEFORE = """import os

from spectrum.lessons.instruction_tuning import widget

os.environ["SPECTRUM_CACHE"] = "cache"  # nothing was timed yet
sweep = widget.stored_sweep()"""


def bench_alone(folder):
    """Return a notebook with the lesson's own bench cell: the whole lesson trains for minutes before it gets there."""
    cells = nbformat.read(LESSON, as_version=4).cells
    bench = next(cell for cell in cells if "playground" in cell.metadata.get("tags", []))
    cells = [new_markdown_cell("# Does it train?"), new_code_cell(BEFORE)]
    cells.append(new_code_cell(bench.source, metadata={"tags": ["playground"]}))
    write(clean(new_notebook(cells=cells)), folder / "bench.ipynb")
    return folder / "bench.ipynb"


@pytest.mark.browser
def test_lesson_07_bench_trains_and_stops_by_keyboard(lab, tmp_path):
    with lab.open(bench_alone(tmp_path), height=800) as notebook:
        notebook.run_all()
        number = notebook.find_cell("playground")
        keyboard, output = notebook.page.keyboard, notebook.output(number)
        examples, picture = output.get_by_role("slider").first, output.locator("img:visible")
        notebook.wait_for_text(number, r"Stored runs with these settings, 3 seeds")
        bench, seen = (
            output.locator(".bench").bounding_box(),
            notebook.page.locator(".jp-Notebook").first.bounding_box(),
        )
        assert bench["height"] <= seen["height"] and picture.bounding_box()["x"] > bench["x"] + 300
        notebook.tab_to(number, examples)
        for _ in range(2):  # from 250 to 62
            keyboard.press("ArrowLeft")
        notebook.wait_for_text(number, "no run with these settings")
        before = picture.get_attribute("src")

        notebook.tab_to(number, output.get_by_role("button", name="Run", exact=True))
        keyboard.press("Enter")
        notebook.wait_for_text(number, r"Run 1: 62 rows × 1, rate 0.001, loss on answers: \d+ %")
        notebook.wait_for_text(number, r"step (\d+) of \1, loss \d")
        notebook.wait_for_text(number, r"Time on this machine: about \d+ (s|min)")
        assert picture.get_attribute("src") != before

        notebook.tab_to(number, output.get_by_label("Loss on", exact=True))
        keyboard.press("ArrowDown")
        notebook.tab_to(number, examples)
        for _ in range(3):  # to 500
            keyboard.press("ArrowRight")
        notebook.wait_for_text(number, r"Stored runs with these settings, 3 seeds")
        notebook.tab_to(number, output.get_by_role("button", name="Run", exact=True))
        keyboard.press("Enter")
        notebook.wait_for_text(number, r"step \d+ of [2-9]\d\b")
        notebook.tab_to(number, output.get_by_role("button", name="Cancel"))
        keyboard.press("Enter")
        notebook.wait_for_text(number, r"Cancelled at step \d+: nothing was kept")
        notebook.tab_to(number, output.get_by_role("button", name="Compare two runs"))
        keyboard.press("Enter")
        notebook.wait_for_text(number, r"rows\s+62\s+125")
        notebook.screenshot(tmp_path / "bench.png", number)
    assert (tmp_path / "bench.png").stat().st_size > 1000
