"""Packs the course for Colab: one archive with the wheel (weights and stored results are in it) and the notebooks.

`make colab`, then unpack build/colab/customization-spectrum.zip in Google Drive's first folder: docs/colab.md.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

import nbformat

from tools import run_notebooks

ROOT = Path(__file__).resolve().parents[1]
FOLDER = "customization-spectrum"  # as the first cell of the notebooks has it
ARCHIVE = ROOT / "build" / "colab" / f"{FOLDER}.zip"
PACKED = ("notebooks/*.ipynb", "labs/*.ipynb", "solutions/*.ipynb", "docs/*", "README.md")
SOURCES = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE")  # of the wheel, beside its folders
# The first cell of every notebook: what it runs lies in tools/colab_start.py.
TAG, CELL = (
    "colab",
    f"""import sys

if "google.colab" in sys.modules:  # there, and nowhere else, the course is installed first: docs/colab.md
    import runpy

    from google.colab import drive

    drive.mount("/content/drive")
    runpy.run_path("/content/drive/MyDrive/{FOLDER}/start.py")""",
)
BADGE = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"


def build_wheel(folder, *options):
    """Returns the path of the course's wheel, built into a folder; `options` go to pip.

    It is built from a copy of the tree, so that nothing of an earlier build gets in.
    """
    with tempfile.TemporaryDirectory() as tree:
        for name in ("spectrum", "results"):
            shutil.copytree(ROOT / name, Path(tree) / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in SOURCES:
            shutil.copy(ROOT / name, tree)
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", *options, "-w", str(folder), tree]
        subprocess.run(command, check=True, capture_output=True)
    return next(Path(folder).glob("*.whl"))


def pack(path, wheel):
    """Returns the path of an archive with a wheel, the notebooks, labs, solutions and docs, and start.py."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(wheel, f"{FOLDER}/{wheel.name}")
        archive.write(ROOT / "tools" / "colab_start.py", f"{FOLDER}/start.py")
        for pattern in PACKED:
            for file in sorted(file for file in ROOT.glob(pattern) if file.is_file()):
                archive.write(file, f"{FOLDER}/{file.relative_to(ROOT)}")
    part.replace(path)
    return path


def address(pyproject):
    """Returns "owner/name" of the repository on GitHub, as the text of a pyproject.toml has it, or None."""
    urls = tomllib.loads(pyproject)["project"].get("urls", {})
    _, _, name = urls.get("Repository", "").rstrip("/").removesuffix(".git").partition("github.com/")
    return name or None


def with_badge(words, notebook, repository):
    """Returns a notebook's first words with a badge that opens it on Colab on the first line, or without one.

    `notebook` is its path in the repository, `repository` "owner/name" or None. A badge of another address goes.
    """
    kept = "\n".join(line for line in words.split("\n") if not line.startswith(BADGE)).lstrip("\n")
    if repository is None:
        return kept
    return f"{BADGE}(https://colab.research.google.com/github/{repository}/blob/main/{notebook})\n\n{kept}"


def with_cell(notebook):
    """Returns a notebook whose first code cell is CELL, with that tag; its execution counts stay those of one run."""
    cells = [cell for cell in notebook.cells if TAG not in cell.metadata.get("tags", [])]
    place = next(number for number, cell in enumerate(cells) if cell.cell_type == "code")
    executed = any(cell.get("execution_count") for cell in cells)
    first = nbformat.v4.new_code_cell(CELL, id=TAG, metadata={"tags": [TAG]}, execution_count=1 if executed else None)
    notebook.cells = [*cells[:place], first, *cells[place:]]
    return notebook


def write_cells(repository):
    """Puts CELL and the badge into each lesson and worked lab, as the address has it; returns how many it changed."""
    paths, changed = [path for folder in ("notebooks", "solutions") for path in ROOT.glob(f"{folder}/*.ipynb")], 0
    for path in sorted(paths):
        notebook = with_cell(run_notebooks.read(path))
        first = notebook.cells[0]
        first.source = with_badge(first.source, path.relative_to(ROOT).as_posix(), repository)
        before = path.read_bytes()
        run_notebooks.write(run_notebooks.clean(notebook), path)
        changed += path.read_bytes() != before
    return changed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", action="store_true", help="write the first cells and badges instead of an archive")
    options = parser.parse_args()
    if options.cells:
        repository = address((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        changed = write_cells(repository)
        print(f"{changed} notebooks changed; badges: {repository or 'none, there is no address'}. Now: make labs")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = pack(ARCHIVE, build_wheel(folder))
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1e6:.0f} MB. What to do with it: docs/colab.md")


if __name__ == "__main__":
    main()
