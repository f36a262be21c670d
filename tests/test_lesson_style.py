"""The shape of a lesson: words around code, lengths of cells, a prediction before a result, words for every picture."""

import re
import statistics
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from spectrum.lessons.roles_rules_formats import material

ROOT = Path(__file__).resolve().parent.parent
LESSONS = sorted(p for p in ROOT.glob("notebooks/*.ipynb") if not p.name.startswith("00"))
ALL = sorted(p for folder in ("notebooks", "solutions") for p in ROOT.glob(f"{folder}/*.ipynb"))
PICTURE_WORDS = "*What the picture shows"


def label(path):
    return f"{path.parent.name}/{path.stem}"


def read(path):
    """Return a stored notebook without its cell for Colab, which does nothing elsewhere."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if "colab" not in cell.metadata.get("tags", [])]
    return notebook


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def visible_words(notebook):
    """Return how many words of running text a notebook has: without folds, tables, code blocks and HTML tags.

    "Take it to work" is left out as well: its code stands in the text.
    """
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    text = re.sub(r"## Take it to work.*?(?=\n## |\*\*Next:\*\*|\Z)", " ", text, flags=re.DOTALL)
    text = re.sub(r"<details>.*?</details>|```.*?```|<[^>]+>", " ", text, flags=re.DOTALL)
    return sum(len(line.split()) for line in text.split("\n") if not line.startswith("|"))


def explained(notebook):
    """Return the share of code cells that have a markdown cell right before them."""
    pairs = list(zip([None, *notebook.cells], notebook.cells, strict=False))
    before = [b is not None and b.cell_type == "markdown" for b, cell in pairs if cell.cell_type == "code"]
    return sum(before) / len(before) if before else 1.0


def undescribed_pictures(notebook):
    """Return the numbers of the cells that store a picture without words for who cannot see it."""
    missing = []
    for number, cell in enumerate(notebook.cells):
        if not any("image/png" in output.get("data", {}) for output in cell.get("outputs", [])):
            continue
        after = notebook.cells[number + 1] if number + 1 < len(notebook.cells) else None
        told = after is not None and after.cell_type == "markdown" and after.source.startswith(PICTURE_WORDS)
        if not told and not re.search(r"\balt\s*=", cell.source):
            missing.append(number + 1)
    return missing


def placeholders(notebook):
    """Return the words of the text in four capitals or more that stand in no code, no output and no code marks."""
    code = " ".join(f"{cell.source} {cell.outputs}" for cell in code_cells(notebook))
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    words = set(re.findall(r"\b[A-Z]{4,}\b", re.sub(r"```.*?```|`[^`]*`", " ", text, flags=re.DOTALL)))
    return sorted(word for word in words - {"README", *material.NEW_WORDS} if word not in code)


def lengths(notebook):
    """Return the sorted numbers of lines of the code cells."""
    return sorted(len(cell.source.splitlines()) for cell in code_cells(notebook))


@pytest.mark.parametrize("path", LESSONS, ids=label)
def test_words_for_each_code_cell(path):
    notebook = read(path)
    words = visible_words(notebook) / max(1, len(code_cells(notebook)))
    assert 40 <= words <= 125, f"{words:.0f} words for each code cell (40 to 125, folds and tables not counted)"


@pytest.mark.parametrize("path", LESSONS, ids=label)
def test_code_cells_are_short(path):
    lines = lengths(read(path))
    assert statistics.median(lines) <= 10
    assert lines[int(0.9 * (len(lines) - 1))] <= 25
    assert lines[-1] <= 40


@pytest.mark.parametrize("path", LESSONS, ids=label)
def test_markdown_comes_before_code(path):
    assert explained(read(path)) >= 0.9


@pytest.mark.parametrize("path", LESSONS, ids=label)
def test_lesson_predicts_before_it_runs(path):
    assert any("**Before you run" in cell.source for cell in read(path).cells if cell.cell_type == "markdown")


@pytest.mark.parametrize("path", ALL, ids=label)
def test_every_picture_is_told_in_words(path):
    missing = undescribed_pictures(read(path))
    assert missing == [], f"cells {missing}: pass alt=… or begin the next cell with {PICTURE_WORDS!r}"


@pytest.mark.parametrize("path", ALL, ids=label)
def test_no_code_cell_is_longer_than_forty_lines(path):
    assert max(lengths(read(path)), default=0) <= 40


@pytest.mark.parametrize("path", LESSONS, ids=label)
def test_no_placeholder_is_left_in_the_text(path):
    assert placeholders(read(path)) == [], "a number was to be put there once it was measured"


# ---- the measures themselves ----


def test_a_placeholder_is_a_word_in_capitals_that_no_cell_knows():
    cells = [new_markdown_cell("It has KEPT and `CODE`, as JSON; see README."), new_code_cell("JSON = 1")]
    assert placeholders(new_notebook(cells=cells)) == ["KEPT"]


def test_words_leave_out_folds_tables_and_code():
    text = "One two three.\n\n| a | b |\n|---|---|\n\n<details><summary>Hint</summary>\nmany words here\n</details>\n"
    assert visible_words(new_notebook(cells=[new_markdown_cell(text + "\n```\ncode words\n```\n")])) == 3


def test_explained_counts_only_markdown_right_before():
    cells = [new_code_cell("a"), new_markdown_cell("b"), new_code_cell("c"), new_code_cell("d")]
    assert explained(new_notebook(cells=cells)) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("source", "after", "missing"),
    [
        ("plot()", "*What the picture shows: a line that rises.*", []),
        ("show(figure, alt='a line that rises')", "text", []),
        ("plot(default=1)", "text", [1]),
        ("plot()", None, [1]),
    ],
)
def test_pictures_without_words_are_found(source, after, missing):
    picture = new_code_cell(source, outputs=[new_output("display_data", data={"image/png": "AAAA"})])
    cells = [picture] + ([new_markdown_cell(after)] if after else [])
    assert undescribed_pictures(new_notebook(cells=cells)) == missing
