"""Stored notebooks are fresh and clean, lessons assert their claims, and the tool that executes them does what it says.

That every stored output is what the code gives today is nbval's part of `make test`.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import run_notebooks

ROOT = Path(__file__).resolve().parent.parent
LESSONS = sorted(ROOT.glob("notebooks/*.ipynb"))
SOLUTIONS = sorted(ROOT.glob("solutions/*.ipynb"))
BAR = " 40%|████      | 4/10 [00:01<00:02,  3.10it/s]"


def label(path):
    return f"{path.parent.name}/{path.stem}"


def claims(notebook):
    """Return the sources of the cells tagged `claims`."""
    return [cell.source for cell in notebook.cells if "claims" in cell.metadata.get("tags", [])]


def headings(notebook):
    """Return the H1 headings of a notebook."""
    lines = [line for c in notebook.cells if c.cell_type == "markdown" for line in c.source.split("\n")]
    return [line for line in lines if line.startswith("# ")]


@pytest.mark.parametrize("path", LESSONS + SOLUTIONS, ids=label)
def test_stored_notebook_is_fresh_and_clean(path):
    assert run_notebooks.find_problems(path) == []


@pytest.mark.parametrize("path", LESSONS + SOLUTIONS, ids=label)
def test_storing_again_changes_nothing(path, tmp_path):
    run_notebooks.write(run_notebooks.clean(run_notebooks.read(path)), tmp_path / path.name)
    assert (tmp_path / path.name).read_bytes() == path.read_bytes(), "run `make notebooks`"


@pytest.mark.parametrize("path", LESSONS, ids=label)
def test_lesson_is_one_question(path):
    found = headings(nbformat.read(path, as_version=4))
    assert len(found) == 1 and found[0].rstrip().endswith("?"), found


@pytest.mark.parametrize("path", [p for p in LESSONS if not p.name.startswith("00")], ids=label)
def test_lesson_asserts_its_claims(path):
    cells = claims(nbformat.read(path, as_version=4))
    assert cells, "a cell near the end has the tag `claims`"
    asserts = [line for line in "\n".join(cells).split("\n") if line.startswith("assert ")]
    assert len(asserts) >= 3, f"three claims or more, not {len(asserts)}"


@pytest.mark.parametrize("path", LESSONS + SOLUTIONS, ids=label)
def test_notebook_imports_at_most_eight_names_besides_its_own_scenery(path):
    cells = nbformat.read(path, as_version=4).cells
    lines = [line for c in cells if c.cell_type == "code" for line in c.source.split("\n")]
    imports = [line for line in lines if re.match(r"from spectrum(?!\.(checks|lessons))", line)]
    names = {name.strip() for line in imports for name in line.split(" import ")[1].strip("()").split(",")}
    assert len(names) <= 8, sorted(names)


# ---- the tool ----


def write_notebook(path, *sources, tags=()):
    """Write a notebook of code cells, the tags on all of them."""
    cells = [new_code_cell(source, metadata={"tags": list(tags)}) for source in sources]
    run_notebooks.write(new_notebook(cells=[new_markdown_cell("# Why?"), *cells]), path)
    return path


def stored(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """A notebook with everything that could spoil stored outputs, executed once: (path, bytes, Run)."""
    path = tmp_path_factory.mktemp("notebooks") / "noisy.ipynb"
    write_notebook(
        path,
        "import sys, time\nprint('one')\nprint('warning', file=sys.stderr)",
        "from tqdm import tqdm\nfor _ in tqdm(range(3), mininterval=0): time.sleep(0.01)",
        "from tqdm.auto import tqdm\nfor _ in tqdm(range(3)): pass\nprint('after the bar')",
        "import ipywidgets\nipywidgets.IntSlider(description='rank')",
        "block = bytearray(80_000_000)\ntime.sleep(0.3)\nlen(block)",
        "from pathlib import Path\nPath.cwd().name == " + repr(path.parent.name),
        tags=["kept"],
    )
    took = run_notebooks.run(path)
    return path, path.read_bytes(), took


@pytest.mark.slow
def test_outputs_are_stored_without_bars_and_widget_ids(executed):
    path, _, _ = executed
    first, bar, auto_bar, widget, number, folder = stored(path)
    assert [(o.name, o.text) for o in first.outputs] == [("stdout", "one\n"), ("stderr", "warning\n")]
    assert bar.outputs == []
    assert [o.text for o in auto_bar.outputs] == ["after the bar\n"]
    assert widget.outputs[0].data == {"text/plain": run_notebooks.WIDGET_TEXT}
    assert number.outputs[0].data["text/plain"] == "80000000"
    assert folder.outputs[0].data["text/plain"] == "True", "the kernel runs in the notebook's folder"
    assert [cell.execution_count for cell in stored(path)] == [1, 2, 3, 4, 5, 6]
    assert all(cell.metadata == {"tags": ["kept"]} for cell in stored(path))
    assert set(nbformat.read(path, as_version=4).metadata) == {"kernelspec", "language_info"}
    assert run_notebooks.find_problems(path) == []


@pytest.mark.slow
def test_run_tells_seconds_and_peak_memory(executed):
    _, _, took = executed
    assert took.seconds > 0.3
    assert 100 < took.peak_mb < 1000, "the kernel (about 60 MB) and the block of 80 MB"


@pytest.mark.slow
def test_second_run_gives_the_same_bytes(executed):
    path, before, _ = executed
    run_notebooks.run(path)
    assert path.read_bytes() == before


@pytest.mark.slow
def test_nbval_accepts_what_was_stored_and_rejects_what_changed(executed, tmp_path):
    path, before, _ = executed
    folder = tmp_path / path.parent.name
    folder.mkdir()
    same, changed = folder / "same.ipynb", folder / "changed.ipynb"
    same.write_bytes(before)
    changed.write_bytes(before.replace(b"80000000", b"90000000").replace(b"bytearray(90", b"bytearray(80"))
    command = [sys.executable, "-m", "pytest", "-p", "tools.nbval_bars", "--nbval", "--nbval-current-env", "-q", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert "1 failed, 11 passed" in done.stdout, done.stdout


@pytest.mark.slow
def test_error_leaves_the_file_as_it_was_and_the_tag_allows_it(tmp_path):
    path = write_notebook(tmp_path / "fails.ipynb", "1 / 0")
    before = path.read_bytes()
    with pytest.raises(SystemExit, match="stored outputs are as before(.|\n)*ZeroDivisionError"):
        run_notebooks.main([str(path)])
    assert path.read_bytes() == before
    write_notebook(path, "1 / 0", tags=["raises-exception"])
    assert run_notebooks.main([str(path)]) == 0
    assert run_notebooks.find_problems(path) == []


def problems_of(tmp_path, *cells, **metadata):
    path = tmp_path / "stored.ipynb"
    run_notebooks.write(new_notebook(cells=list(cells), metadata=metadata), path)
    return run_notebooks.find_problems(path)


def ran(count, *outputs, **metadata):
    return new_code_cell("f()", execution_count=count, outputs=list(outputs), metadata=metadata)


@pytest.mark.parametrize(
    ("cells", "metadata", "fragment"),
    [
        ([ran(1), ran(3)], {}, "code cell 2 has execution count 3, not 2"),
        ([ran(None)], {}, "code cell 1 has execution count None, not 1"),
        ([ran(1, new_output("error", ename="KeyError", evalue="x", traceback=[]))], {}, "stores an error: KeyError"),
        ([ran(1)], {"widgets": {"state": {}}}, "stores widget state"),
        ([ran(1, execution={"iopub.execute_input": "2026"})], {}, "stores the times"),
        ([ran(1, new_output("stream", text="<f at 0x7f00aa11bb22>"))], {}, "prints a memory address"),
        ([ran(1, new_output("stream", text="x" * 300_000))], {}, "KB, more than 300"),
        ([ran(1, new_output("display_data", data={run_notebooks.WIDGET: {"model_id": "1"}}))], {}, "id of a widget"),
    ],
)
def test_what_is_not_clean_is_named(tmp_path, cells, metadata, fragment):
    problems = problems_of(tmp_path, *cells, **metadata)
    assert len(problems) == 1 and fragment in problems[0]


def test_check_exits_with_one_and_names_the_notebook(tmp_path, capsys):
    path = write_notebook(tmp_path / "new.ipynb", "1")
    assert run_notebooks.main(["--check", str(path)]) == 1
    assert f"{path}: code cell 1 has execution count None" in capsys.readouterr().out
    assert run_notebooks.main(["--check", str(write_notebook(tmp_path / "empty.ipynb"))]) == 0


def test_what_is_no_notebook_is_refused(tmp_path):
    path = tmp_path / "not.ipynb"
    path.write_text("print('a script')")
    with pytest.raises(ValueError, match=r"not\.ipynb: cannot be read as a notebook"):
        run_notebooks.read(path)
    with pytest.raises(ValueError, match=r"gone\.ipynb: cannot be read as a notebook"):
        run_notebooks.read(tmp_path / "gone.ipynb")


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        (BAR, ""),
        (f"\r{BAR}\r100%|██████████| 10/10 [00:03<00:00, 3.1it/s]\n", "\r"),
        (f"a warning\n{BAR}\nanother\n", "a warning\nanother\n"),
        ("12it [00:03,  3.9it/s]\n", ""),
        ("the score is 40% | floor 33% | n = 4/10\n", "the score is 40% | floor 33% | n = 4/10\n"),
        ("97.5 % [94.1 to 99.2]\n", "97.5 % [94.1 to 99.2]\n"),
    ],
)
def test_only_progress_bars_are_taken_out_of_text(text, rest):
    assert run_notebooks.without_bars(text) == rest


def test_timings_are_added_to_what_is_known(tmp_path):
    target = tmp_path / "results" / "notebook_times.json"
    run_notebooks.save_times({"notebooks/b.ipynb": run_notebooks.Run(2.0, 300)}, target)
    run_notebooks.save_times({"notebooks/a.ipynb": run_notebooks.Run(1.0, 200)}, target)
    times = json.loads(target.read_text())
    assert list(times.items())[0] == ("notebooks/a.ipynb", {"seconds": 1.0, "peak_mb": 200})
    assert len(times) == 2
