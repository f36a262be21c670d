"""Every check in three directions: solutions pass (see test_labs), stubs fail (there too), and here: plausible wrong
answers are rejected with the intended message. The machinery of the checks is tested in test_machinery.

The wrong answers of lab NN are the table WRONG in tests/wrong_answers/lab_NN.py, one row for each mistake:
    (check's name, the mistake in words, the wrong function or a tuple of arguments, a piece of the message)
A table RIGHT beside it holds right answers in other forms, which must pass:
    (check's name, the form in words, the right function or a tuple of arguments)
"""

import contextlib
import importlib
import zlib
from pathlib import Path

import numpy as np
import pytest

from spectrum.checks import machinery
from spectrum.checks.machinery import CheckFailed
from tools.worked_labs import tasks_of

ROOT = Path(__file__).resolve().parent.parent
LABS = sorted(path.stem for path in (ROOT / "spectrum" / "checks").glob("lab_*.py"))


def checks_of(lab):
    """Return {name: check} of a lab's module."""
    module = importlib.import_module(f"spectrum.checks.{lab}")
    return {name: value for name, value in vars(module).items() if getattr(value, "is_check", False)}


def wrong_answers(lab):
    """Return the rows of a lab's table."""
    return importlib.import_module(f"wrong_answers.{lab}").WRONG


@pytest.fixture(autouse=True)
def drawn_alike(monkeypatch, request):
    """Checks draw fresh inputs for learners; a test draws its own, the same each time (`--fresh` draws new ones)."""
    if not request.config.getoption("--fresh"):
        monkeypatch.setattr(machinery, "SEEDS", np.random.default_rng(zlib.crc32(request.node.name.encode())))


# They train or run models for seconds each: in all they take longer than the rest of `make check`.
HEAVY = ("lab_07", "lab_11", "lab_12", "lab_15")
HEAVY_CHECKS = ("check_share_keys", "check_spend", "check_scales", "check_ship")


def rows_of(lab, table):
    """Return a table's rows as parameters; `make check` leaves out the heavy ones."""
    marks = [[pytest.mark.slow] if lab in HEAVY or row[0] in HEAVY_CHECKS else [] for row in table]
    return [
        pytest.param(lab, *row, id=f"{lab}: {row[0]}: {row[1]}", marks=mark)
        for row, mark in zip(table, marks, strict=True)
    ]


TRIED = set()  # rows that were tried in this process, which a later test need not do again
ROWS = [row for lab in LABS for row in rows_of(lab, wrong_answers(lab))]


@pytest.mark.parametrize(("lab", "name", "mistake", "wrong", "fragment"), ROWS)
def test_wrong_answer_is_rejected_with_the_intended_message(lab, name, mistake, wrong, fragment):
    TRIED.add((lab, name, mistake))
    arguments = wrong if isinstance(wrong, tuple) else (wrong,)
    with pytest.raises(CheckFailed) as caught:
        checks_of(lab)[name](*arguments)
    said = f"{caught.value.message}\n{caught.value.hint}"
    assert fragment in said, f"{mistake}: the message should contain {fragment!r}, and says:\n{said}"


def right_answers(lab):
    """Return the rows of a lab's table of right answers in other forms, if it has one."""
    return getattr(importlib.import_module(f"wrong_answers.{lab}"), "RIGHT", ())


FORMS = [row for lab in LABS for row in rows_of(lab, right_answers(lab))]


@pytest.mark.parametrize(("lab", "name", "form", "right"), FORMS)
def test_right_answer_in_another_form_is_accepted(lab, name, form, right):
    checks_of(lab)[name](*(right if isinstance(right, tuple) else (right,)))


@pytest.mark.parametrize("lab", LABS)
def test_every_check_has_two_wrong_answers_or_more(lab):
    counts = {name: sum(row[0] == name for row in wrong_answers(lab)) for name in checks_of(lab)}
    assert counts, f"{lab} has no check"
    few = [name for name, count in counts.items() if count < 2]
    assert not few, f"{few} need two wrong answers each in tests/wrong_answers/{lab}.py"


@pytest.mark.slow
@pytest.mark.parametrize("lab", LABS)
def test_right_answers_are_green_after_all_the_wrong_ones(lab):
    """A wrong answer that changed what the check was measured with would leave a learner red until a restart."""
    for name, mistake, wrong, _ in wrong_answers(lab):
        if (lab, name, mistake) not in TRIED:
            with contextlib.suppress(CheckFailed):
                checks_of(lab)[name](*(wrong if isinstance(wrong, tuple) else (wrong,)))
    for task in tasks_of(lab.removeprefix("lab_")):
        task.run()


@pytest.mark.parametrize("lab", LABS)
def test_no_check_imports_a_solution(lab):
    source = (ROOT / "spectrum" / "checks" / f"{lab}.py").read_text()
    assert "solutions" not in source
