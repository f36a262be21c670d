"""On Colab: the first cell of every notebook sets the course up from the packed archive, once, and touches no torch."""

import json
import os
import re
import subprocess
import sysconfig
import venv
import zipfile
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest

from tools import colab_start, make_colab

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted(path for folder in ("notebooks", "labs", "solutions") for path in ROOT.glob(f"{folder}/*.ipynb"))
DRIVE = "/content/drive"
# Runs a notebook's first cell twice, as a learner who opens a second notebook does, and says what there is then.
SESSION = """
import json, os, sys, types
import torch, numpy
before = [(each.__version__, each.__file__) for each in (torch, numpy)]
colab, drive = types.ModuleType("google.colab"), types.ModuleType("google.colab.drive")
drive.mount = lambda where: print("mounted", where)
colab.drive = drive
sys.modules |= {"google": types.ModuleType("google"), "google.colab": colab, "google.colab.drive": drive}
first = sys.stdin.read()
for turn in range(2):
    exec(first, {})
import spectrum
from spectrum.lessons.four_bits import runs
print("FOUND", json.dumps({
    "spectrum": spectrum.__file__, "stored": len(runs.stored("base")), "folder": os.getcwd(),
    "same": before == [(each.__version__, each.__file__) for each in (torch, numpy)]}))
"""


def first_cell(path):
    return next(cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")


@pytest.fixture(scope="module")
def drive(tmp_path_factory):
    """A folder as Google Drive has it once the archive was unpacked there."""
    folder = tmp_path_factory.mktemp("drive")
    wheel = make_colab.build_wheel(folder, "--no-build-isolation", "--no-index")
    with zipfile.ZipFile(make_colab.pack(folder / "course.zip", wheel)) as archive:
        archive.extractall(folder / "MyDrive")
    return folder


@pytest.fixture
def machine(tmp_path):
    """The Python of a new environment that sees every installed package but the course, as preinstalled."""
    site, packages = Path(sysconfig.get_path("purelib")), tmp_path / "preinstalled"
    packages.mkdir()
    for entry in site.iterdir():
        if not entry.name.lower().startswith(("__editable__", "customization", "_virtualenv", "distutils-precedence")):
            (packages / entry.name).symlink_to(entry)
    venv.create(tmp_path / "venv", with_pip=False)
    (inside,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    (inside / "preinstalled.pth").write_text(f"{packages}\n")
    return tmp_path / "venv" / "bin" / "python"


@pytest.mark.slow
def test_the_first_cell_installs_the_course_once_and_leaves_torch_alone(drive, machine):
    source = first_cell(ROOT / "notebooks" / "14_four_bits.ipynb").source.replace(DRIVE, str(drive))
    # pip takes nothing from an index, and what would be fetched is not: there is no network here.
    env = {**os.environ, "PIP_NO_INDEX": "1", "PYTHONPATH": "", "HTTPS_PROXY": "http://127.0.0.1:9"}
    done = subprocess.run([machine, "-c", SESSION], input=source, capture_output=True, text=True, env=env, cwd="/")
    assert done.returncode == 0, done.stderr[-2000:]
    said, found = done.stdout.split("FOUND ")
    found = json.loads(found)
    assert found["same"] and found["stored"] > 10 and str(machine.parents[1]) in found["spectrum"]
    assert Path(found["folder"]) == drive / "MyDrive" / make_colab.FOLDER / "notebooks"
    assert said.count("Installed the course") == 1 and said.count("The course is installed (") == 1
    assert f"untouched: torch {version('torch')}, numpy {version('numpy')}." in said
    assert said.count("mounted") == 2


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_notebook_begins_with_the_cell_that_works_on_colab(path):
    first = first_cell(path)
    assert first.source == make_colab.CELL and make_colab.TAG in first.metadata["tags"], (
        "run python -m tools.make_colab --cells, then make labs"
    )
    assert not first.outputs and f'"{DRIVE}/MyDrive/{make_colab.FOLDER}/start.py"' in first.source


def test_the_archive_holds_what_a_learner_needs_and_no_more(drive):
    inside = {path.relative_to(drive / "MyDrive" / make_colab.FOLDER).as_posix()
              for path in (drive / "MyDrive").rglob("*") if path.is_file()}  # fmt: skip
    assert {path.relative_to(ROOT).as_posix() for path in NOTEBOOKS} <= inside
    assert "start.py" in inside and sum(name.endswith(".whl") for name in inside) == 1
    assert not any(name.startswith(("tests", "tools", "spectrum/")) for name in inside)


def test_a_package_that_cannot_be_installed_ends_the_cell_in_a_sentence(tmp_path, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, stdout="", stderr="WARNING: old pip\nERROR: no matching torch\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(SystemExit, match="could not be installed: ERROR: no matching torch"):
        colab_start.run("install", "pip", "install", "course")


def test_without_smollm2_the_lessons_go_on(monkeypatch, capsys):
    failed = subprocess.CompletedProcess([], 1, stdout="", stderr="ConnectionError: no network\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    colab_start.run("fetch", "spectrum.models", "fetch", "smollm2")
    assert "no network The lessons show their stored runs" in capsys.readouterr().out


@pytest.mark.parametrize(("gigabytes", "profile"), [(8, "laptop"), (15, "t4"), (24, "t4"), (42, "gpu"), (80, "gpu")])
def test_the_profile_of_a_card(gigabytes, profile):
    from spectrum.models import PROFILES

    assert colab_start.profile_of(gigabytes) == profile and profile in PROFILES


def test_what_the_page_predicts_for_a_t4_is_what_the_ledger_says():
    from spectrum.ledger import ledger
    from spectrum.lessons.lora_by_hand.published import configs

    settings = {"rank": 16, "batch": 1, "length": 1024, "checkpointing": True, "optimizer_bits": 8}
    rows = re.findall(
        r"^\| (Qwen3\S+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", (ROOT / "docs/colab.md").read_text(), re.M
    )
    assert len(rows) == 3
    for name, *told in rows:
        wanted = [ledger(configs()[name], method, **settings)["peak"] / 1e9 for method in ("full", "lora", "qlora")]
        assert [float(each) for each in told] == [round(each, 1) for each in wanted], name


# ---- badges ----

ADDRESS = '[project]\nname = "x"\n[project.urls]\nRepository = "https://github.com/someone/course.git"\n'


def test_badges_come_from_the_address_and_only_where_there_is_one():
    assert make_colab.address(ADDRESS) == "someone/course"
    assert make_colab.address('[project]\nname = "x"\n') is None
    title, path = "# Why?\n\nWords.", "notebooks/01_a.ipynb"
    badged = make_colab.with_badge(title, path, "someone/course")
    assert badged.endswith(f"\n\n{title}") and "/github/someone/course/blob/main/notebooks/01_a.ipynb)" in badged
    assert make_colab.with_badge(badged, path, "someone/course") == badged
    assert make_colab.with_badge(badged, path, "other/name").count("Open in Colab") == 1
    assert make_colab.with_badge(badged, path, None) == title


def test_the_stored_notebooks_have_the_badges_that_pyproject_asks_for():
    repository = make_colab.address((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for path in NOTEBOOKS:
        first = nbformat.read(path, as_version=4).cells[0].source
        assert first == make_colab.with_badge(first, path.relative_to(ROOT).as_posix(), repository), path
