"""Every link of the pages leads somewhere: files and anchors exist, outside addresses have the right form."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import mistune
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("docs/*.md", "notebooks/*.ipynb", "labs/*.ipynb", "solutions/*.ipynb")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(p for f in FOLDERS for p in sorted(ROOT.glob(f)))]
HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)
parse = mistune.create_markdown(renderer="ast", plugins=["table"])


def markdown(path):
    """Return the markdown of a page; of a notebook that of all its text cells."""
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def tokens(text):
    """Yield every token of the markdown, however deep."""
    waiting = list(parse(text))
    while waiting:
        token = waiting.pop(0)
        yield token
        waiting[:0] = token.get("children", [])


def words(token):
    """Return the text of a token without its marks."""
    return token.get("raw", "") + "".join(words(child) for child in token.get("children", []))


def targets(text):
    """Return where the links and pictures of the markdown lead, those written in HTML too."""
    found = []
    for token in tokens(text):
        if token["type"] in ("link", "image"):
            found.append(token["attrs"]["url"])
        elif token["type"] in ("block_html", "inline_html"):
            found += re.findall(r'\b(?:href|src)\s*=\s*"([^"]*)"', token["raw"])
            found += [f"{dead} in HTML, where it is no link" for dead in re.findall(r"\]\([^)]*\)", token["raw"])]
    return found


def slug(heading):
    """Return the anchor that GitHub makes of a heading: lower case, without punctuation, a hyphen for each space."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(text):
    """Return the anchors of the markdown: its headings', numbered where they repeat, and explicit ids."""
    found = set()
    for token in tokens(text):
        if token["type"] == "heading":
            name = slug(words(token))
            repeats = (f"{name}-{n}" for n in range(1, 1000) if f"{name}-{n}" not in found)
            found.add(next(repeats) if name in found else name)
        elif token["type"] in ("block_html", "inline_html"):
            found |= set(re.findall(r'<a\s[^>]*\bid\s*=\s*"([^"]+)"', token["raw"]))
    return found


def problem(target, page, root=ROOT):
    """Return what is wrong with a link of the page, or None."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        right = parts.scheme == "https" and HOST.fullmatch(parts.netloc) and not re.search(r"\s", unquote(target))
        return None if right else f"{target}: an outside address is https, has a host and no spaces"
    file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not file.is_relative_to(root) or not file.exists():
        return f"{target}: no such file"
    if parts.fragment and unquote(parts.fragment) not in (anchors(markdown(file)) if file.is_file() else ()):
        return f"{target}: no such heading or id in {file.name}"
    return None


def problems(page, root=ROOT):
    """Return what is wrong with the links of a page, one sentence each."""
    return [found for target in targets(markdown(page)) if (found := problem(target, page, root))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page):
    assert problems(page) == []


def test_readme_has_a_picture_told_in_words():
    pictures = [t for t in tokens(markdown(ROOT / "README.md")) if t["type"] == "image"]
    assert pictures and all(len(words(picture)) > 40 for picture in pictures)


def test_picture_of_the_readme_is_drawn_by_its_script():
    from tools import draw_spectrum

    assert draw_spectrum.draw().startswith(b"\x89PNG") and draw_spectrum.TARGET.exists()


# ---- the tester ----


@pytest.fixture
def page(tmp_path):
    """A page with a heading twice and an id, beside a notebook; the page that is asked is empty."""
    (tmp_path / "other.md").write_text(
        '# What *is* it, α?\n\n## Again\n\n## Again\n\n<a id="p1"></a>\n\n### P1. Text\n'
    )
    cells = [new_markdown_cell("# Top\n\nSee [x](gone.md)."), new_code_cell("'[no](link.md)'")]
    nbformat.write(new_notebook(cells=cells), tmp_path / "book.ipynb")
    (tmp_path / "page.md").touch()
    return tmp_path / "page.md"


@pytest.mark.parametrize(
    "link",
    ["[a](other.md)", "[a](other.md#what-is-it-α)", "[a](other.md#again-1)", "[a](other.md#p1)", "[a](book.ipynb#top)"]
    + [
        "[a](https://example.org/x?y=1#z)",
        "`[a](gone.md)`",
        "```\n[a](gone.md)\n```",
        "# Here\n\n[a](#here)",
        "[a](./)",
    ],
)
def test_good_link_is_followed(page, link):
    page.write_text(link, encoding="utf-8")
    assert problems(page, page.parent) == []


@pytest.mark.parametrize(
    "link",
    ["[a](gone.md)", "[a](other.md#again-2)", "[a](other.md#P1)", "[a](#here)", "[a](../outside.md)", "![a](gone.png)"]
    + ["[a](http://example.org)", "[a](https://)", "[a](<https://exa mple.org>)", '<a href="gone.md">a</a>']
    + [
        "<summary>[a](other.md)</summary>",
        "| t |\n|---|\n| [a](gone.md) |",
        "<details><summary>s</summary>\n\n[a](gone.md)\n\n</details>",
    ],
)
def test_broken_link_is_found(page, link):
    page.write_text(link, encoding="utf-8")
    assert len(problems(page, page.parent)) == 1


def test_broken_link_of_a_notebook_is_found_in_its_text_only(page):
    assert problems(page.parent / "book.ipynb", page.parent) == ["gone.md: no such file"]
