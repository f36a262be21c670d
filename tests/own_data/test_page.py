"""Every block of docs/own_data.md is executed: files are written, commands and Python must print what stands there."""

import doctest
import re
import shlex
from pathlib import Path

import pytest

from spectrum.data_report import main

PAGE = Path(__file__).parents[2] / "docs" / "own_data.md"
BLOCK = re.compile(r"^```(\w+)(?: ([\w.]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = BLOCK.findall(PAGE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder with the files of the page."""
    folder = tmp_path_factory.mktemp("own_data")
    for kind, name, text in BLOCKS:
        if name:
            (folder / name).write_text(text, encoding="cp1252" if kind == "cp1252" else "utf-8")
    return folder


@pytest.mark.parametrize("text", [text for kind, _, text in BLOCKS if kind == "console"])
def test_commands_print_what_the_page_shows(folder, monkeypatch, capsys, text):
    monkeypatch.chdir(folder)
    command, _, expected = text.partition("\n")
    assert command.startswith("$ python -m spectrum.examples ")
    code = main(shlex.split(command)[4:])
    assert capsys.readouterr().out == expected
    assert code == (0 if expected.startswith("read as") else 1)


def test_python_prints_what_the_page_shows(folder, monkeypatch):
    monkeypatch.chdir(folder)
    python = "".join(text for kind, _, text in BLOCKS if kind == "python")
    test = doctest.DocTestParser().get_doctest(python, {}, PAGE.name, str(PAGE), 0)
    said = []
    result = doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    assert result.attempted > 25 and result.failed == 0, "".join(said)


def test_every_block_is_of_a_kind_that_is_executed():
    text = PAGE.read_text(encoding="utf-8")
    assert len(BLOCKS) * 2 == len(re.findall(r"^```", text, re.MULTILINE))
    assert all(name or kind in ("python", "console") for kind, name, _ in BLOCKS)
