"""A built wheel carries the weights and the stored results: lessons run where there is no clone of the course."""

import ast
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tools import make_colab
from tools.lifted import needed, statements

ROOT = Path(__file__).parents[1]
# Lesson, what reads its stored results, and whether the whole lesson is run: lesson 12 lives on them.
LESSONS = (
    ("05_measuring_prompts", "by_dspy(", False),
    ("11_lora_by_hand", ".stored(", False),
    ("12_lora_rank", ".stored(", True),
    ("15_qlora", ".stored(", False),
)
BEGIN = """import matplotlib
matplotlib.use("agg")
import spectrum
assert spectrum.__file__.startswith({site!r}), spectrum.__file__
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The path of the course's wheel."""
    return make_colab.build_wheel(tmp_path_factory.mktemp("wheel"), "--no-build-isolation", "--no-index")


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory):
    """A folder that holds the installed wheel and nothing else."""
    folder = tmp_path_factory.mktemp("site")
    command = ["-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", folder, wheel]
    subprocess.run([sys.executable, *map(str, command)], check=True, capture_output=True)
    return folder


@pytest.mark.slow
def test_wheel_holds_weights_and_every_stored_result_and_stays_small(wheel):
    inside = set(zipfile.ZipFile(wheel).namelist())
    stored = {path.relative_to(ROOT).as_posix() for path in (ROOT / "results").rglob("*") if path.is_file()}
    weights = {p.relative_to(ROOT).as_posix() for p in (ROOT / "spectrum" / "weights").rglob("*") if p.is_file()}
    assert {f"spectrum/{name}" for name in stored} | weights <= inside
    results = sum(path.stat().st_size for path in (ROOT / "results").rglob("*") if path.is_file())
    assert results <= 10e6, f"{results / 1e6:.1f} MB of stored results: fetch them by name instead"


def code_of(lesson, mark, whole):
    """Returns the code of a lesson's statements that hold the mark, and of what they need; or that of all its cells."""
    found = statements(ROOT / "notebooks" / f"{lesson}.ipynb")
    readers = [i for i, node in enumerate(found) if mark in ast.unparse(node)]
    assert readers, f"nothing in lesson {lesson} reads its stored results"
    kept = found if whole else [node for i in readers for node in needed(found, i)]
    return "\n".join(ast.unparse(node) for node in kept)


@pytest.mark.slow
@pytest.mark.parametrize("lesson, mark, whole", LESSONS, ids=[lesson for lesson, *_ in LESSONS])
def test_what_a_lesson_stored_is_read_from_an_installed_wheel(lesson, mark, whole, site, tmp_path):
    script = tmp_path / "lesson.py"
    script.write_text(BEGIN.format(site=str(site)) + code_of(lesson, mark, whole))
    env = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run([sys.executable, script], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
