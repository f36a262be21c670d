"""pyproject.toml, constraints.txt, environment.yml and the imports of the code say the same about what is needed."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NEEDED = [Requirement(line) for line in PROJECT["dependencies"]]
EXTRAS = {name: [Requirement(line) for line in lines] for name, lines in PROJECT["optional-dependencies"].items()}
ALL = NEEDED + [requirement for extra in EXTRAS.values() for requirement in extra]
PIN_LINES = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and line[0] != "#"]
PINS = [Requirement(line) for line in PIN_LINES]
PINNED = {canonicalize_name(pin.name): pin for pin in PINS}
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())
CONDA_SPECS = [spec for spec in CONDA["dependencies"] if isinstance(spec, str)]
PIP_LINES = next(entry["pip"] for entry in CONDA["dependencies"] if isinstance(entry, dict))
# What every learner's environment has by name.
COURSE = {"jupyterlab", "torch", "transformers", "peft", "bitsandbytes", "datasets", "ipywidgets", "nbval"}


def names(requirements):
    return {canonicalize_name(requirement.name) for requirement in requirements}


@pytest.mark.parametrize("needed", ALL, ids=str)
def test_pin_lies_inside_the_range(needed):
    pin = PINNED.get(canonicalize_name(needed.name))
    assert pin, f"{needed.name} is named in pyproject.toml and not pinned in constraints.txt"
    version = next(iter(pin.specifier)).version
    assert needed.specifier.contains(version), f"{pin} is outside {needed}"


def test_constraints_are_exact_sorted_and_without_local_tags():
    assert [line for line in PIN_LINES if not re.fullmatch(r"[a-z0-9-]+==[\w.]+", line)] == []
    pinned = [pin.name for pin in PINS]
    assert pinned == sorted(set(pinned))


def test_ranges_have_a_lower_end_and_pin_nothing():
    assert [str(r) for r in ALL if [s.operator for s in r.specifier] != [">="]] == []


def test_course_packages_are_in_all_three():
    in_conda = names(Requirement(line) for line in PIP_LINES if not line.startswith("-"))
    assert names(NEEDED) >= COURSE
    assert PINNED.keys() >= COURSE
    assert in_conda >= COURSE
    assert in_conda <= names(ALL), "environment.yml names a package that pyproject.toml does not"


def test_environment_installs_the_package_with_the_constraints():
    assert "-c constraints.txt" in PIP_LINES
    extras = [re.fullmatch(r"-e \.\[([\w,]+)\]", line) for line in PIP_LINES if line.startswith("-e")]
    assert len(extras) == 1 and set(extras[0][1].split(",")) <= EXTRAS.keys()


def test_conda_specs_parse():
    rattler = pytest.importorskip("rattler")
    parsed = {str(rattler.MatchSpec(spec).name.normalized): rattler.MatchSpec(spec) for spec in CONDA_SPECS}
    assert {"python", "pip"} <= parsed.keys()
    assert CONDA["name"] == PROJECT["name"] == "customization-spectrum"
    assert CONDA["channels"][0] == "conda-forge"


def test_python_versions_agree():
    allowed = SpecifierSet(PROJECT["requires-python"])
    conda = next(spec for spec in CONDA_SPECS if spec.startswith("python"))
    # An image builder reads the version from `python=X.Y` only; with a range it would take a default of its own.
    version = re.fullmatch(r"python=(3\.\d+)", conda)[1]
    assert Version(version) in allowed
    assert allowed == SpecifierSet(">=3.11")
    makefile = (ROOT / "Makefile").read_text()
    assert "(3, 11)" in makefile and "3.11" in makefile


def imported(path, at_once=False):
    """Return the modules that a file imports, wherever in it, or only what it imports `at_once`, outside functions."""
    found, tree = set(), ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if at_once else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module.split(".")[0])
    return found - sys.stdlib_module_names


def undeclared(folder, declared, own):
    """Return {file: modules} of imports below a folder that neither the course's `own` nor a requirement brings."""
    owners = packages_distributions()
    missing = {}
    for path in sorted((ROOT / folder).rglob("*.py")):
        for module in imported(path) - own:
            if not {canonicalize_name(name) for name in owners.get(module, [])} & declared:
                missing.setdefault(path.name, set()).add(module)
    return missing


def test_package_imports_are_dependencies():
    assert undeclared("spectrum", names(NEEDED) | names(EXTRAS["serve"]), {"spectrum"}) == {}


def test_what_only_serving_needs_is_imported_where_something_is_served():
    optional = {module for module, owners in packages_distributions().items()
                if {canonicalize_name(owner) for owner in owners} & names(EXTRAS["serve"])}  # fmt: skip
    assert {"openai", "xllamacpp"} <= optional
    files = (ROOT / "spectrum").rglob("*.py")
    assert not [path.name for path in files if imported(path, at_once=True) & optional]


def test_tool_imports_are_dependencies_or_the_test_extra():
    assert undeclared("tools", names(NEEDED) | names(EXTRAS["test"]), {"spectrum", "tools", "tests"}) == {}


def test_colab_preinstalled_versions_are_admitted():
    # Versions that hosted notebooks shipped with transformers 5; theirs must not be replaced. (Update when Colab does.)
    shipped = {"torch": "2.9.0", "numpy": "2.0.2", "pandas": "2.2.2", "scipy": "1.16.3", "matplotlib": "3.10.0"}
    shipped |= {"ipywidgets": "7.7.1", "ipython": "7.34.0", "ipykernel": "6.17.1", "transformers": "5.0.0"}
    shipped |= {"peft": "0.18.1", "datasets": "4.0.0", "tokenizers": "0.22.2", "safetensors": "0.7.0"}
    shipped |= {"accelerate": "1.12.0", "tqdm": "4.67.1", "psutil": "5.9.5"}
    ranges = {canonicalize_name(r.name): r.specifier for r in NEEDED}
    assert [name for name, version in shipped.items() if not ranges[name].contains(version)] == []


def test_weights_and_what_lessons_read_are_packaged():
    setup = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert setup["package-data"]["spectrum"] == ["weights/**/*", "lessons/*/*.json*"]
    read = {path.name for path in ROOT.glob("spectrum/lessons/*/*.json*")}
    assert {"questions.jsonl", "python_reference.json.gz", "strangers.jsonl"} <= read


def test_readme_names_every_room():
    files = re.search(r"## Files\n\n```\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    named = {re.split(r"[/\s<]", line.strip())[0] for line in files.splitlines() if line.startswith("  ")}
    rooms = {path.name for path in (ROOT / "spectrum").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert named == rooms | {"*.py"}


TARGETS = ["help", "lab", "install", "test", "check", "labs", "claims", "notebooks", "weights", "clean"]


@pytest.mark.parametrize("target", TARGETS)
def test_make_target_exists(target):
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_old_python_is_refused_with_the_way_out(tmp_path):
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    old = tmp_path / "python3.9"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.1" && exit 0\nexit 1\n')
    old.chmod(0o755)
    command = ["make", "install", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0
    assert "needs Python 3.11 or newer" in done.stdout and "PYTHON=python3.12" in done.stdout
    assert not (tmp_path / "venv").exists()
