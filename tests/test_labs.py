"""Labs are what their solutions give, every stub fails its own check, and the tool does what it says."""

import json
import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import make_labs, run_notebooks
from tools.lifted import lift

ROOT = Path(__file__).resolve().parent.parent
SOLUTIONS = sorted(ROOT.glob("solutions/*.ipynb"))
LABS = sorted(ROOT.glob("labs/*.ipynb"))


def label(path):
    return path.stem


def tags(cell):
    return cell.metadata.get("tags", [])


def tasks_of_checks(notebook):
    """Return [(task number, check cell)] for every check cell: it belongs to the task cell before it."""
    task, found = 0, []
    for cell in notebook.cells:
        task += "task" in tags(cell)
        if "check" in tags(cell):
            found.append((task, cell))
    return found


def printed(cell):
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def test_labs_are_what_their_solutions_give():
    stale = make_labs.compare(SOLUTIONS, ROOT / "labs")
    assert [path.name for path in stale] == [], "run `make labs`"


@pytest.mark.parametrize("path", SOLUTIONS, ids=label)
def test_every_task_has_a_check(path):
    notebook = nbformat.read(path, as_version=4)
    tasks = sum("task" in tags(cell) for cell in notebook.cells)
    assert {task for task, _ in tasks_of_checks(notebook)} == set(range(1, tasks + 1))
    assert 3 <= tasks <= 5, f"a lab has three to five tasks, not {tasks}"


@pytest.mark.parametrize("path", SOLUTIONS, ids=label)
def test_solution_passes_its_checks(path):
    # That these stored lines are what the code prints today is asserted by nbval in `make test`.
    for task, cell in tasks_of_checks(nbformat.read(path, as_version=4)):
        assert "check passed: " in printed(cell), f"task {task}"


@pytest.mark.slow
@pytest.mark.parametrize("path", LABS, ids=label)
def test_unsolved_lab_fails_every_check_by_name(path):
    notebook = nbformat.read(path, as_version=4)
    run_notebooks.execute(notebook, path.parent, allow_errors=True)
    lab = path.name.split("_")[0]
    for task, cell in tasks_of_checks(notebook):
        errors = [output for output in cell.outputs if output.output_type == "error"]
        assert [error.ename for error in errors] == ["CheckFailed"], f"task {task}"
        assert f"lab {lab}, task {task}: " in errors[0].evalue and "not written yet" in errors[0].evalue


# ---- the tool ----

DOUBLE = '''def double(x):
    """Return twice x."""
    ### BEGIN SOLUTION
    two = 2
    return two * x
    ### END SOLUTION'''
CHECK = """check_double(double)
### BEGIN HIDDEN TESTS
assert double(-1) == -2
### END HIDDEN TESTS"""
MACHINERY = """from spectrum.checks.machinery import check, expect


@check
def check_double(double):
    expect(double(3) == 6, "double(3) is not 6", "Is it 2·x?")
"""


def code(source, *names, **metadata):
    return new_code_cell(source, metadata={"tags": list(names), **metadata})


def solution(*cells):
    """Return a solution of one task, or of the given cells."""
    standard = [code(MACHINERY), new_markdown_cell("Task 1"), code(DOUBLE, "task"), code(CHECK, "check", points=2)]
    return new_notebook(
        cells=list(cells) or [new_markdown_cell("The solution.", metadata={"tags": ["solution-only"]}), *standard]
    )


@pytest.fixture
def course(tmp_path):
    """A folder with one solution, 01_double.ipynb, whose ids are fixed."""
    (tmp_path / "solutions").mkdir()
    notebook = solution()
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
    run_notebooks.write(notebook, tmp_path / "solutions" / "01_double.ipynb")
    return tmp_path


def make(course, *arguments):
    return make_labs.main(["--root", str(course), *map(str, arguments)])


def lab_of(course):
    return nbformat.read(course / "labs" / "01_double.ipynb", as_version=4)


def test_lab_holds_stub_and_check_only(course):
    assert make(course) == 0
    assert [cell.id for cell in lab_of(course).cells] == ["cell-1", "cell-2", "cell-3", "cell-4"]
    _, _, task, check = lab_of(course).cells
    stub = '    raise NotImplementedError("lab 01, task 1: double")'
    assert task.source == 'def double(x):\n    """Return twice x."""\n' + stub
    assert check.source == "check_double(double)"
    assert tags(task) == ["task"] and check.outputs == [] and check.execution_count is None


def test_labs_are_the_same_bytes_each_time(course):
    make(course)
    first = (course / "labs" / "01_double.ipynb").read_bytes()
    (course / "labs" / "01_double.ipynb").unlink()
    make(course)
    assert (course / "labs" / "01_double.ipynb").read_bytes() == first


def test_check_names_what_is_missing_changed_or_orphaned(course, capsys):
    assert make(course, "--check") == 1
    make(course)
    assert make(course, "--check") == 0
    lab = course / "labs" / "01_double.ipynb"
    lab.write_text(lab.read_text().replace("twice", "thrice"))
    (course / "labs" / "02_gone.ipynb").write_text("{}")
    capsys.readouterr()
    assert make(course, "--check") == 1
    said = capsys.readouterr().out
    assert "01_double.ipynb is not what its solution gives" in said
    assert "02_gone.ipynb has no solution of the same name" in said
    assert make(course) == 0
    assert "removed" in capsys.readouterr().out
    assert [path.name for path in (course / "labs").iterdir()] == ["01_double.ipynb"]
    assert make(course, "--check") == 0


ADAPTER = """class Adapter:
    def forward(self, x):
        ### BEGIN SOLUTION
        return x
        ### END SOLUTION

    def merge(self):
        ### BEGIN SOLUTION
        pass
        ### END SOLUTION"""


def test_second_region_methods_and_task_numbers(course):
    notebook = solution(code(DOUBLE, "task"), code(ADAPTER, "task"))
    run_notebooks.write(notebook, course / "solutions" / "01_double.ipynb")
    make(course)
    stubs = re.findall(r'Error\("(.*)"\)', "\n".join(cell.source for cell in lab_of(course).cells))
    assert stubs == ["lab 01, task 1: double", "lab 01, task 2: Adapter.forward", "lab 01, task 2: Adapter.merge"]


@pytest.mark.parametrize(
    ("source", "names", "message"),
    [
        (
            DOUBLE.replace("    ### END SOLUTION", ""),
            ["task"],
            "cell 1: `### BEGIN SOLUTION` without `### END SOLUTION` after",
        ),
        (
            DOUBLE.replace("### BEGIN SOLUTION", ""),
            ["task"],
            "cell 1: `### END SOLUTION` without `### BEGIN SOLUTION` before",
        ),
        (DOUBLE.replace("two = 2", "### BEGIN SOLUTION"), ["task"], "twice without"),
        (CHECK.replace("### END HIDDEN TESTS", ""), ["check"], "cell 1: `### BEGIN HIDDEN TESTS` without"),
        ("### BEGIN SOLUTION\nx = 1\n### END SOLUTION", ["task"], "line 1 is in no function"),
        (DOUBLE, [], "has the tag `task` if, and only if"),
        ("x = 1", ["task"], "has the tag `task` if, and only if"),
        ("x = 1", [], "has no solution region"),
    ],
)
def test_what_is_wrong_in_a_solution_is_named(course, source, names, message):
    run_notebooks.write(solution(code(source, *names)), course / "solutions" / "01_double.ipynb")
    with pytest.raises(SystemExit) as caught:
        make(course)
    assert "01_double.ipynb" in str(caught.value) and message in str(caught.value)
    assert not (course / "labs").exists()


def test_nbgrader_source_has_grades_and_keeps_solutions(course):
    make(course, "--nbgrader", course / "school")
    source = course / "school" / "source" / "01_double" / "01_double.ipynb"
    cells = json.loads(source.read_text())["cells"]
    task, check = cells[-2:]
    graded, grading = task["metadata"]["nbgrader"], check["metadata"]["nbgrader"]
    assert (graded["solution"], graded["grade"], graded["locked"]) == (True, False, False)
    assert (grading["solution"], grading["grade"], grading["locked"], grading["points"]) == (False, True, True, 2)
    assert graded["grade_id"] != grading["grade_id"]
    assert "### BEGIN SOLUTION" in "".join(task["source"]) and "HIDDEN TESTS" in "".join(check["source"])
    assert "nbgrader" not in cells[0]["metadata"]
    assert not (course / "labs").exists()


@pytest.mark.slow
def test_stub_fails_and_solution_passes_when_run(course):
    make(course)
    lab, solved = lab_of(course), nbformat.read(course / "solutions" / "01_double.ipynb", as_version=4)
    run_notebooks.execute(lab, course, allow_errors=True)
    (error,) = lab.cells[-1].outputs
    assert (error.ename, error.evalue) == ("CheckFailed", "check failed: lab 01, task 1: double is not written yet")
    assert error.traceback[0].startswith("\x1b[31mcheck failed: ") and "File" not in "".join(error.traceback)
    run_notebooks.execute(solved, course)
    assert printed(solved.cells[-1]) == "check passed: double\n"


# ---- lifting what a lesson builds ----


def test_lift_takes_the_function_and_only_what_it_needs(tmp_path):
    cells = [
        "import math\nSCALE = 2\nraise_here = 1",
        "%matplotlib inline\nraise RuntimeError('never run by lift')",
        "def helper(x):\n    return math.sqrt(x) * SCALE",
        "def grown(x):\n    return helper(x)",
        "def grown(x):\n    # New: adds one\n    return helper(x) + 1",
        "class Layer:\n    def forward(self, x):\n        return grown(x)",
        "class Child(Layer):\n    pass",
        "def countdown(n):\n    return n and countdown(n - 1)",
    ]
    path = tmp_path / "lesson.ipynb"
    run_notebooks.write(new_notebook(cells=[code(source) for source in cells]), path)
    assert lift(path, "grown")(9) == 7
    assert lift(path, "grown", version=0)(9) == 6
    assert lift(path, "Child")().forward(9) == 7
    assert lift(path, "countdown")(3) == 0
    with pytest.raises(ValueError, match=r"lesson\.ipynb defines no function or class named 'missing'"):
        lift(path, "missing")
