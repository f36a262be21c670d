"""A notebook with nothing but a widget, for a test that should not wait for a whole lesson."""

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.run_notebooks import clean, write


def alone(folder, heading, source, *more):
    """Return the path of a new notebook: a heading, the source as the cell tagged "playground", and further cells."""
    cells = [new_markdown_cell(heading), new_code_cell(source, metadata={"tags": ["playground"]})]
    write(clean(new_notebook(cells=[*cells, *map(new_code_cell, more)])), folder / "alone.ipynb")
    return folder / "alone.ipynb"
