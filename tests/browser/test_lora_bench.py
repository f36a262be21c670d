"""The LoRA bench of lesson 12 in a real browser, by keyboard, on one screen: menus, a file, runs, two compared."""

from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.run_notebooks import clean, write

STORED = """import os

import pandas as pd

from spectrum.lessons.lora_rank import widget

os.environ["SPECTRUM_CACHE"] = "cache"  # nothing was timed yet
shared = dict(data="facts", count=64, targets="all-linear", lr=5e-3, steps=128, scale=2.0)
stored = pd.DataFrame({"rank": [1, 8], "seed": [0, 0], "score": [0.4, 0.9], "loss": [[2, 1, 0.5]] * 2, **shared})
"""
BENCH = 'widget.lora_bench(stored, "bench_test/history.json")'
RESTART = "async () => { await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }"
SIDEBAR = "async () => { await window.jupyterapp.commands.execute('application:toggle-left-area'); }"
ACTIVE = "() => window.jupyterapp.shell.currentWidget.content.activeCellIndex"
OWN = "prompt,completion\n" + "".join(f"Q{i},{'' if i == 2 else 'A'}\n" for i in range(20))


def bench_notebook(folder):
    path = Path(folder) / "lora_bench.ipynb"
    cells = [new_markdown_cell("# How much rank?"), new_code_cell(STORED)]
    cells += [new_code_cell(BENCH, metadata={"tags": ["playground"]}), new_code_cell("1 + 1")]
    write(clean(new_notebook(cells=cells)), path)
    return path


def press(notebook, number, name):
    """Reach a button with Tab and press it with Enter."""
    notebook.tab_to(number, notebook.output(number).get_by_role("button", name=name, exact=True))
    notebook.page.keyboard.press("Enter")


def move(notebook, number, which, key, times):
    """Reach a slider with Tab and press an arrow key."""
    notebook.tab_to(number, notebook.output(number).get_by_role("slider").nth(which))
    for _ in range(times):
        notebook.page.keyboard.press(key)


def choose(notebook, number, menu, times=1):
    """Reach a drop-down with Tab and press the down arrow, which must not leave the cell."""
    notebook.tab_to(number, notebook.output(number).get_by_label(menu, exact=True))
    for _ in range(times):
        notebook.page.keyboard.press("ArrowDown")
    assert notebook.page.evaluate(ACTIVE) == number, "the arrow key went to the next cell"


def assert_one_screen(notebook, number):
    """Assert that the bench is no taller than what the window shows of the notebook, and its picture is whole."""
    bench = notebook.output(number).locator(".bench").bounding_box()
    seen = notebook.page.locator(".jp-Notebook").first.bounding_box()
    picture = notebook.output(number).locator(".bench img:visible").bounding_box()
    assert bench["height"] <= seen["height"] and bench["width"] <= seen["width"]
    assert picture["width"] > 400 and picture["x"] + picture["width"] <= bench["x"] + bench["width"] + 1


@pytest.mark.browser
def test_the_bench_trains_stops_compares_and_remembers_by_keyboard(lab, tmp_path):
    with lab.open(bench_notebook(tmp_path), height=800) as notebook:
        (tmp_path / "own.csv").write_text(OWN)
        # Heard from the start: where it was asked for just before the key was pressed, the chooser was missed at times.
        notebook.page.on("filechooser", lambda chooser: chooser.set_files(str(tmp_path / "own.csv")))
        notebook.run_all()
        number, wait = notebook.find_cell("playground"), notebook.wait_for_text
        wait(number, r"factor 2\.00 · 175,104 trainable parameters[^§]*1 seeds: 90 % right", 120)
        wait(number, r"Time on this machine: not measured yet")
        for _ in range(2):  # beside JupyterLab's list of files, and without it
            assert_one_screen(notebook, number)
            notebook.page.evaluate(SIDEBAR)
        move(notebook, number, 1, "ArrowLeft", 3)  # rank 8 to 1
        wait(number, r"factor 16\.00 · 21,888 trainable parameters")
        wait(number, r"no run with these settings: press Run")
        move(notebook, number, 2, "ArrowLeft", 3)  # alpha 16 to 2
        wait(number, r"1 seeds: 40 % right")
        press(notebook, number, "Time it")
        wait(number, r"Time on this machine: about \d+ (s|min), by steps that were timed at rank 1")

        press(notebook, number, "Run")
        wait(number, r"step \d+ of 128, about \d+ s left")
        press(notebook, number, "Cancel")
        wait(number, r"Cancelled at step \d+: nothing was kept")

        move(notebook, number, 5, "ArrowLeft", 7)  # 16 steps
        wait(number, r"· 16 steps")
        press(notebook, number, "Run")
        wait(number, r"Run 1: \d+ % right")
        press(notebook, number, "Compare two runs")
        choose(notebook, number, "Run B")
        wait(number, r"rank\s+1\s+8\s+alpha|rank\s+1\s+8")
        press(notebook, number, "Runs")
        press(notebook, number, "Show code")
        wait(number, r"runs\.run\(data='facts', count=64, rank=1, alpha=2")
        press(notebook, number, "Export")
        wait(number, r"Wrote history_export\.csv, history_export\.json, history_export\.py to bench_test")

        choose(notebook, number, "Preset")
        wait(number, r"the LoRA paper \(Hu et al\. 2021, [^)]*GPT-2 medium[^)]*\): rank 4, α 32")
        choose(notebook, number, "Data", 3)
        wait(number, r"upload a file of your own")
        notebook.tab_to(number, notebook.output(number).get_by_role("button", name="Upload a file"))
        notebook.page.keyboard.press("Enter")
        wait(number, r"own\.csv: .*line 4: field 'completion' is empty|line 4: .*'completion'")
        notebook.screenshot(tmp_path / "bench.png", number)

        notebook.page.evaluate(RESTART)
        notebook.wait_until_idle()
        notebook.run_all()
        press(notebook, number, "Runs")
        wait(number, r"1\s+[\d.]+\s+[\d.]+\s+facts\s+64\s+1\s+2")
    assert (tmp_path / "bench.png").stat().st_size > 1000
