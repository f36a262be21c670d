"""Make labs/ from solutions/: what stands between the solution markers becomes a stub that raises.

python -m tools.make_labs            write the labs, remove those without a solution
python -m tools.make_labs --check    exit with 1 and name the labs that are not what their solution gives
python -m tools.make_labs --nbgrader FOLDER    write FOLDER/source/<lab>/<lab>.ipynb for instructors

The markers are nbgrader's. Cells are told apart by tags:
  task           holds a function with a `### BEGIN SOLUTION` / `### END SOLUTION` region; the n-th such cell is task n
  check          calls a check; may hold `### BEGIN HIDDEN TESTS` / `### END HIDDEN TESTS` for instructors
  solution-only  is left out of the lab
"""

import argparse
import re
import sys
from pathlib import Path

import nbformat

from tools.run_notebooks import ROOT, clean, read, show_name, write

SOLUTION = ("### BEGIN SOLUTION", "### END SOLUTION")
HIDDEN = ("### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS")
DEFINITION = re.compile(r"(\s*)(?:async\s+)?(?:def|class)\s+(\w+)")


def tags(cell):
    """Returns the tags of a cell."""
    return cell.metadata.get("tags", [])


def split_regions(lines, markers):
    """Returns the regions between the markers as [(first, last)], the marker lines included; raises ValueError."""
    begin, end = markers
    regions, start = [], None
    for number, line in enumerate(lines):
        text = line.strip()
        if text.startswith(begin):
            if start is not None:
                raise ValueError(f"`{begin}` twice without `{end}` between")
            start = number
        elif text.startswith(end):
            if start is None:
                raise ValueError(f"`{end}` without `{begin}` before it")
            regions.append((start, number))
            start = None
    if start is not None:
        raise ValueError(f"`{begin}` without `{end}` after it")
    return regions


def function_around(lines, number):
    """Returns the dotted name of what line `number` is defined in, such as `Adapter.forward`; '' at the top level."""
    indent, names = len(lines[number]) - len(lines[number].lstrip()), []
    for line in reversed(lines[:number]):
        found = DEFINITION.match(line)
        if found and len(found[1]) < indent:
            indent = len(found[1])
            names.insert(0, found[2])
    return ".".join(names)


def replace_regions(source, make_stub):
    """Returns the source with each solution region replaced by `make_stub(function name)` at the region's indent."""
    lines = source.split("\n")
    for first, last in reversed(split_regions(lines, SOLUTION)):
        name = function_around(lines, first)
        if not name:
            raise ValueError(f"the region in line {first + 1} is in no function, so a check could not name its task")
        indent = re.match(r"\s*", lines[first])[0]
        lines[first : last + 1] = [indent + make_stub(name)]
    return "\n".join(lines)


def drop_hidden_tests(source):
    """Returns the source without its hidden tests."""
    lines = source.split("\n")
    for first, last in reversed(split_regions(lines, HIDDEN)):
        del lines[first : last + 1]
    return "\n".join(lines).rstrip("\n")


def lab_cell(cell, lab, task):
    """Returns the lab's form of a solution's cell; `task` is the number of the last task cell so far."""
    if cell.cell_type != "code":
        return cell
    before = cell.source
    cell.source = drop_hidden_tests(before)
    cell.source = replace_regions(
        cell.source, lambda name: f'raise NotImplementedError("lab {lab}, task {task}: {name}")'
    )
    if ("task" in tags(cell)) != (SOLUTION[0] in before):
        raise ValueError(f"a cell has the tag `task` if, and only if, it has a `{SOLUTION[0]}` region")
    cell.outputs, cell.execution_count = [], None
    return cell


def make_lab(path):
    """Returns the lab notebook that the solution at `path` gives; raises ValueError naming the file and the cell."""
    notebook, task, cells = read(path), 0, []
    lab = Path(path).name.split("_")[0]
    for number, cell in enumerate(notebook.cells, 1):
        task += "task" in tags(cell)
        if "id" not in cell:
            raise ValueError(f"{show_name(path)}: cell {number} has no id. Run `make notebooks`, which gives it one.")
        if "solution-only" in tags(cell):
            continue
        try:
            cells.append(lab_cell(cell, lab, task))
        except ValueError as error:
            raise ValueError(f"{show_name(path)}, cell {number}: {error}.") from error
    if not task:
        raise ValueError(f"{show_name(path)} has no solution region, so its lab would be its solution.")
    notebook.cells = cells
    return clean(notebook)


# ---- nbgrader ----


def grade_metadata(cell, name):
    """Returns nbgrader's metadata of a task or check cell, or None for any other cell."""
    kinds = {"task": (False, True, False), "check": (True, False, True)}
    kind = next((k for k in kinds if k in tags(cell)), None)
    if kind is None:
        return None
    grade, solution, locked = kinds[kind]
    grading = dict(schema_version=3, grade=grade, solution=solution, locked=locked, task=False)
    grading |= dict(grade_id=f"{kind}-{name}", cell_type="code")
    return grading | (dict(points=cell.metadata.get("points", 1)) if grade else {})


def make_nbgrader_source(path):
    """Returns the instructor's notebook: the solution with its regions, and nbgrader's metadata on tasks and checks."""
    make_lab(path)  # the same errors, found before anything is written
    notebook = read(path)
    notebook.cells = [cell for cell in notebook.cells if "solution-only" not in tags(cell)]
    for cell in clean(notebook).cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        grading = grade_metadata(cell, cell.id)
        if grading:
            cell.metadata["nbgrader"] = nbformat.from_dict(grading)
    return notebook


def write_nbgrader(solutions, folder):
    """Writes `folder`/source/<lab>/<lab>.ipynb for every solution."""
    for path in solutions:
        target = Path(folder) / "source" / path.stem / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        write(make_nbgrader_source(path), target)
        print(f"wrote {target}")


# ---- command line ----


def text_of(notebook):
    """Returns exactly what `write` stores."""
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def compare(solutions, labs):
    """Returns {lab path: notebook or None}: the labs that are not what their solution gives, None for those without."""
    stale = {}
    for path in solutions:
        target, notebook = labs / path.name, make_lab(path)
        if not target.exists() or target.read_text(encoding="utf-8") != text_of(notebook):
            stale[target] = notebook
    known = {path.name for path in solutions}
    return stale | {path: None for path in sorted(labs.glob("*.ipynb")) if path.name not in known}


def say(stale):
    """Prints one line for each lab that is not what its solution gives."""
    for target, notebook in stale.items():
        why = "has no solution of the same name" if notebook is None else "is not what its solution gives"
        print(f"{show_name(target)} {why}: run `make labs`")


def update(stale):
    """Writes or removes the labs that `compare` found, and says so."""
    for target, notebook in stale.items():
        if notebook is None:
            target.unlink()
            print(f"removed {show_name(target)}: there is no solution of that name")
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            write(notebook, target)
            print(f"wrote {show_name(target)}")


def main(arguments=None):
    """Runs the command line and returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.make_labs", description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where a lab is stale")
    parser.add_argument("--nbgrader", type=Path, metavar="FOLDER", help="write nbgrader's source folder instead")
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder that holds solutions/ and labs/")
    options = parser.parse_args(arguments)
    solutions = sorted((options.root / "solutions").glob("*.ipynb"))
    try:
        if options.nbgrader:
            return write_nbgrader(solutions, options.nbgrader)
        stale = compare(solutions, options.root / "labs")
    except ValueError as error:
        sys.exit(str(error))
    if options.check:
        say(stale)
        return 1 if stale else 0
    update(stale)
    print(f"{len(solutions)} labs up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main())
