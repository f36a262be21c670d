"""Make docs/claims.md: the claims of docs/claims.toml, each beside the lessons' own words on what came out.

python -m tools.make_claims            write the page
python -m tools.make_claims --check    exit with 1 where the page is not what the ledger and the lessons give

A verdict is a piece of a lesson's markdown. It begins with a bold link to its claim and ends with the paragraph or
before the next verdict: **[P1](../docs/claims.md#p1), "the claim": what came out.** And why.
"""

import argparse
import re
import sys
import tomllib

from tools.run_notebooks import ROOT, read

PARTS = {
    "P": "Prompting",
    "T": "Instruction tuning, fine-tuning, feedback",
    "L": "LoRA and the other adapters",
    "Q": "Four bits and QLoRA",
    "D": "Deciding",
}
VERDICT = re.compile(r"\*\*\[([A-Z]\d+)\]\(\.\./docs/claims\.md#([a-z]\d+)\),\s")
UNLINKED = re.compile(r'\*\*([A-Z]\d+),\s"')
INTRO = """# Claims, and what came out

What practitioners say about customizing language models, and what the lessons measured. The words after each claim are
the lesson's own: "held here" speaks of the models and the tasks of that lesson, and of nothing else. Every lesson ends
in a cell of assertions that fails where its verdict is not true on your machine.

A title in italics is one of five practitioners' guides of 2025 from which the claims were collected. "The field" means
papers and habits of practice, as the lesson names them.

This page is made by `make claims` from `docs/claims.toml` and the lessons. Change those, not this page.
"""


def verdicts(notebook):
    """Returns {code: the lesson's words on what came out}; raises ValueError where a verdict has no right link."""
    found = {}
    paragraphs = [p for c in notebook.cells if c.cell_type == "markdown" for p in re.split(r"\n\s*\n", c.source)]
    for paragraph in paragraphs:
        if bare := UNLINKED.search(paragraph):
            raise ValueError(f"the verdict on {bare[1]} has no link: write **[{bare[1]}](../docs/claims.md#…), …**")
        for piece in re.split(r"(?=\*\*\[[A-Z]\d)", paragraph):
            if not (start := VERDICT.match(piece)):
                continue
            code, anchor = start.groups()
            if anchor != code.lower() or code in found:
                raise ValueError(f"the verdict on {code} links to #{anchor}, or stands there twice")
            found[code] = "**" + " ".join(piece[start.end() :].split())
    return found


def cells_of(notebook, heading):
    """Returns the numbers of the code cells below the `##` heading, and that of the claims cell; raises ValueError."""
    numbers, claims, inside, met = [], None, False, False
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for title in re.findall(r"^## (.+)$", cell.source, re.MULTILINE):
                inside = title == heading
                met |= inside
        elif "claims" in cell.metadata.get("tags", []):
            claims = cell.execution_count
        elif inside:
            numbers.append(cell.execution_count)
    if not met or not numbers:
        raise ValueError(f"no section ## {heading} with code cells in it")
    return numbers, claims


def read_lessons(folder):
    """Returns {"01": (file name, title, notebook, verdicts)}; a verdict that cannot be read is named with its file."""
    lessons = {}
    for path in sorted(folder.glob("[0-9][0-9]_*.ipynb")):
        notebook = read(path)
        title = re.match(r"# (.+)", notebook.cells[0].source)[1]
        try:
            lessons[path.name[:2]] = (path.name, title, notebook, verdicts(notebook))
        except ValueError as error:
            raise ValueError(f"{path.name}: {error}") from error
    return lessons


def told(code, number, headings, lesson):
    """Returns the lines on one claim in one lesson: in which section or sections it was measured, and the verdict."""
    name, title, notebook, found = lesson
    places = []
    for heading in [headings] if isinstance(headings, str) else headings:
        numbers, claims = cells_of(notebook, heading)
        span = f"cell [{numbers[0]}]" if len(numbers) == 1 else f"cells [{numbers[0]}] to [{numbers[-1]}]"
        places.append(f"section “{heading}”, {span}")
    where = f"Measured in [lesson {number}, {title}](../notebooks/{name}), {'; '.join(places)};"
    return f"{where} asserted in cell [{claims}].\n\n> {found[code]}\n"


def entry(code, row, ledger, lessons):
    """Returns the lines on one claim; raises ValueError where ledger and lessons disagree on who measured it."""
    sources = ", ".join(ledger["sources"][source] for source in row["from"])
    head = f'<a id="{code.lower()}"></a>\n\n### {code}. {row["claim"]}\n\nFrom {sources}.\n'
    measured = row.get("measured", {})
    said = {number for number, lesson in lessons.items() if code in lesson[3]}
    if said != set(measured):
        raise ValueError(f"{code}: docs/claims.toml names lessons {sorted(measured)}, verdicts stand in {sorted(said)}")
    if not measured:
        return f"{head}\nLesson {row['planned']}, {ledger['planned'][row['planned']]}, will measure it.\n"
    try:
        return "\n".join([head, *(told(code, n, headings, lessons[n]) for n, headings in sorted(measured.items()))])
    except ValueError as error:
        raise ValueError(f"{code}: {error}") from error


def page(root=ROOT):
    """Returns the text of docs/claims.md; raises ValueError where a claim, a section or a verdict is missing."""
    ledger = tomllib.loads((root / "docs" / "claims.toml").read_text(encoding="utf-8"))
    lessons, claims = read_lessons(root / "notebooks"), ledger["claims"]
    unknown = sorted({code for lesson in lessons.values() for code in lesson[3]} - claims.keys())
    if unknown:
        raise ValueError(f"docs/claims.toml has no claim {', '.join(unknown)}, on which a lesson has a verdict")
    parts = [INTRO]
    for letter, title in PARTS.items():
        rows = [code for code in claims if code[0] == letter and "measured" in claims[code]]
        parts += [f"## {title}\n"] * bool(rows) + [entry(code, claims[code], ledger, lessons) for code in rows]
    waiting = [code for code in claims if "measured" not in claims[code]]
    parts += ["## Not measured yet\n", *(entry(code, claims[code], ledger, lessons) for code in waiting)]
    return "\n".join(parts)


def main(arguments=None, root=ROOT):
    """Runs the command line and returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.make_claims", description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing, only say whether the page is up to date")
    options = parser.parse_args(arguments)
    target, text = root / "docs" / "claims.md", page(root)
    if options.check:
        fresh = target.exists() and target.read_text(encoding="utf-8") == text
        print("docs/claims.md is up to date" if fresh else "docs/claims.md is not up to date: run `make claims`")
        return 0 if fresh else 1
    target.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
