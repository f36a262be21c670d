"""The LoRA bench of lesson 12 in a real browser, by keyboard: a stored setting, a run, a cancelled one, a restart."""

from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.run_notebooks import clean, write

STORED = """import pandas as pd

from spectrum.lessons.lora_rank import widget

shared = dict(data="facts", count=64, targets="all-linear", lr=5e-3, steps=128, scale=2.0)
stored = pd.DataFrame({"rank": [1, 8], "seed": [0, 0], "score": [0.4, 0.9], "loss": [[2, 1, 0.5]] * 2, **shared})
"""
BENCH = 'widget.lora_bench(stored, "bench_test/history.json")'
RESTART = "async () => { await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }"


def bench_notebook(folder):
    path = Path(folder) / "lora_bench.ipynb"
    cells = [new_markdown_cell("# How much rank?"), new_code_cell(STORED)]
    write(clean(new_notebook(cells=[*cells, new_code_cell(BENCH, metadata={"tags": ["playground"]})])), path)
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


@pytest.mark.browser
def test_the_bench_trains_stops_and_remembers_by_keyboard(lab, tmp_path):
    with lab.open(bench_notebook(tmp_path)) as notebook:
        notebook.run_all()
        number, wait = notebook.find_cell("playground"), notebook.wait_for_text
        wait(number, r"scale 2\.00 · 175,104 trainable parameters .*\n?.*1 seeds: 90 % right", 120)
        move(notebook, number, 1, "ArrowLeft", 3)  # rank 8 to 1
        wait(number, r"scale 16\.00 · 21,888 trainable parameters", 60)
        wait(number, r"no run with these settings: press Run", 60)
        move(notebook, number, 2, "ArrowLeft", 3)  # alpha 16 to 2
        wait(number, r"1 seeds: 40 % right", 60)

        press(notebook, number, "Run")
        wait(number, r"step \d+ of 128, about \d+ s left", 120)
        press(notebook, number, "Cancel")
        wait(number, r"Cancelled at step \d+: nothing was kept", 120)
        wait(number, r"No runs yet")

        move(notebook, number, 6, "ArrowLeft", 7)  # 16 steps
        wait(number, r"· 16 steps", 60)
        press(notebook, number, "Run")
        wait(number, r"Run 1: \d+ % right", 240)
        press(notebook, number, "Show code")
        wait(number, r"runs\.run\(data='facts', count=64, rank=1, alpha=2", 60)
        press(notebook, number, "Export CSV")
        wait(number, r"Wrote bench_test/history\.csv", 60)
        notebook.screenshot(tmp_path / "bench.png", number)

        notebook.page.evaluate(RESTART)
        notebook.wait_until_idle(120)
        notebook.run_all()
        wait(number, r"score %\s+s\s+1\s+facts\s+64\s+1\s+2", 120)
    assert (tmp_path / "bench.png").stat().st_size > 1000
