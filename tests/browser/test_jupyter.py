"""The browser helper itself, on notebooks made here: widgets work by keyboard, errors are seen, the token is on."""

import urllib.error
import urllib.request

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.run_notebooks import clean, write

SLIDER = """import ipywidgets as widgets

rank = widgets.IntSlider(value=4, min=1, max=64, description="rank")
out = widgets.Output()


def show(change):
    with out:
        out.clear_output(wait=True)
        print("numbers in A and B:", rank.value * (256 + 256))


rank.observe(show, "value")
show(None)
widgets.VBox([rank, out])
"""


def notebook_file(folder, *sources):
    path = folder / "made.ipynb"
    cells = [new_markdown_cell("# Does it move?")]
    cells += [new_code_cell(source, metadata={"tags": [f"number-{n}"]}) for n, source in enumerate(sources)]
    write(clean(new_notebook(cells=cells)), path)  # with the kernel named, else JupyterLab asks for one
    return path


def test_slider_moves_by_keyboard_and_its_output_changes(lab, tmp_path):
    with lab.open(notebook_file(tmp_path, SLIDER)) as notebook:
        notebook.run_all()
        number = notebook.find_cell("number-0")
        notebook.wait_for_text(number, "numbers in A and B: 2048")
        slider = notebook.output(number).get_by_role("slider").first
        notebook.tab_to(number, slider)
        notebook.page.keyboard.press("ArrowRight")
        notebook.wait_for_text(number, "numbers in A and B: 2560")
        notebook.screenshot(tmp_path / "slider.png", number)
    assert (tmp_path / "slider.png").stat().st_size > 1000


def test_error_in_a_cell_is_raised_with_its_text(lab, tmp_path):
    with (
        lab.open(notebook_file(tmp_path, "print('fine')", "1 / 0")) as notebook,
        pytest.raises(RuntimeError, match="ZeroDivisionError"),
    ):
        notebook.run_all()


def test_the_course_is_importable_and_the_copy_is_what_is_open(lab, tmp_path):
    path = notebook_file(tmp_path, "import spectrum\nprint('imported')")
    before = path.read_bytes()
    with lab.open(path) as notebook:
        notebook.run_all()
        assert "imported" in notebook.output(notebook.find_cell("number-0")).inner_text()
        with pytest.raises(ValueError, match="no cell has the tag 'other'"):
            notebook.find_cell("other")
    assert path.read_bytes() == before


def test_text_that_does_not_come_is_said(lab, tmp_path):
    with lab.open(notebook_file(tmp_path, "print('one')")) as notebook:
        notebook.run_all()
        with pytest.raises(TimeoutError, match=r"'two' is not in the outputs of cell 1, which read:\n(.|\n)*one"):
            notebook.wait_for_text(1, "two", timeout=1)


def test_server_asks_for_the_token(lab):
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{lab.url}/api/contents", timeout=5)
