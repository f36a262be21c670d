"""The page of claims is what the ledger and the lessons give, and a verdict without link, section or row is refused."""

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import make_claims
from tools.run_notebooks import ROOT, write

LEDGER = """
[sources]
field = "the field"
[planned]
09 = "later"
[claims.P1]
claim = "One beats none"
from = ["field"]
measured = { 01 = "A trial" }
[claims.T2]
claim = "Two beat one"
from = ["field"]
planned = "09"
"""
VERDICT = '**[P1](../docs/claims.md#p1), "one beats none":\nheld here.** By far.'
CODE = re.compile(r"(?<![\[`\w])[PTLQD]\d{1,2}(?![\]`\w])")


def lesson(verdict=VERDICT, heading="A trial"):
    """Return a lesson with a section of two cells and a verdict."""
    cells = [new_markdown_cell("# Does it?"), new_markdown_cell(f"words\n\n## {heading}\n\nwords")]
    cells += [new_code_cell("1", execution_count=1), new_code_cell("2", execution_count=2)]
    cells += [new_markdown_cell(f"## What we measured\n\n{verdict}\n\nThe claims cell follows.")]
    return new_notebook(cells=[*cells, new_code_cell("assert 1", execution_count=3, metadata={"tags": ["claims"]})])


@pytest.fixture
def course(tmp_path):
    """A folder with the ledger above and one lesson."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "docs" / "claims.toml").write_text(LEDGER)
    write(lesson(), tmp_path / "notebooks" / "01_trial.ipynb")
    return tmp_path


def test_page_of_claims_is_up_to_date():
    written = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8")
    assert written == make_claims.page(), "run `make claims`"


def test_page_has_the_verdict_in_the_lessons_words(course):
    text = make_claims.page(course)
    measured, waiting = text.split("## Not measured yet")
    assert '> **"one beats none": held here.** By far.\n' in measured and "The claims cell" not in text
    assert "section “A trial”, cells [1] to [2]; asserted in cell [3]." in measured
    assert '<a id="p1"></a>' in measured and '<a id="t2"></a>' in waiting and "Lesson 09, later, will" in waiting


def test_two_verdicts_in_one_paragraph_are_told_apart():
    both = VERDICT + '\n**[T2](../docs/claims.md#t2), "two beat one": not here.** Not at all.'
    found = make_claims.verdicts(lesson(both))
    assert found["P1"].endswith("By far.") and found["T2"] == '**"two beat one": not here.** Not at all.'


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (lesson('**P1, "one beats none": held.**'), r"01_trial.ipynb: the verdict on P1 has no link"),
        (lesson(VERDICT.replace("#p1", "#p2")), "P1 links to #p2"),
        (lesson(f"{VERDICT}\n{VERDICT}"), "stands there twice"),
        (lesson("nothing"), r"P1: docs/claims.toml names lessons \['01'\], verdicts stand in \[\]"),
        (lesson(heading="Another trial"), "P1: no section ## A trial"),
        (lesson(VERDICT.replace("P1", "P9").replace("p1", "p9")), "no claim P9"),
    ],
)
def test_lesson_that_does_not_fit_is_refused(course, changed, message):
    write(changed, course / "notebooks" / "01_trial.ipynb")
    with pytest.raises(ValueError, match=message):
        make_claims.page(course)


def test_check_tells_stale_from_fresh(course, capsys):
    assert make_claims.main(["--check"], course) == 1
    assert make_claims.main([], course) == 0
    assert make_claims.main(["--check"], course) == 0
    write(lesson(VERDICT.replace("By far.", "Barely.")), course / "notebooks" / "01_trial.ipynb")
    assert make_claims.main(["--check"], course) == 1
    assert "run `make claims`" in capsys.readouterr().out


@pytest.mark.parametrize("path", sorted(ROOT.glob("notebooks/*.ipynb")), ids=lambda path: path.stem)
def test_no_bare_code_stands_in_the_text(path):
    """A code stands beside the claim in words, linked; a T4 is a GPU."""
    cells = [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "markdown"]
    bare = [code for text in cells for code in CODE.findall(re.sub(r"`[^`]*`|\ba T4\b", "", text))]
    assert bare == [], 'link the claim: **[P1](../docs/claims.md#p1), "the claim": …**'


def test_glossary_is_in_order_and_names_lessons_that_use_the_words():
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    entries = [entry.split("\n", 1) for entry in text.split("\n## ")[1:]]
    terms = [term for term, _ in entries]
    assert terms == sorted(set(terms), key=str.casefold)
    for term, entry in entries:
        named = re.search(r"\(\.\./(notebooks/\S+\.ipynb)\)", entry)
        assert named or "Not used yet: lesson" in entry, term
        if named:
            used = " ".join(c.source for c in nbformat.read(ROOT / named[1], as_version=4).cells)
            word = r"\s+".join(term.removeprefix("label ").split())
            assert re.search(word, used, re.IGNORECASE), f"{named[1]} does not use {term!r}"
