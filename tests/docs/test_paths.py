"""What the documentation names is there: files, folders, modules, pages and their headings."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PACKAGES = "benchmarks|sweeps|tests|tracking|trainer"

#: A Python file with a folder before it; a name alone (`my_models.py`) may be a file of the reader's.
PYTHON_FILE = re.compile(r"(?<![\w./-])(?:[\w.-]+/)+[\w-]+\.py\b")
#: A folder of the repository, as in `trainer/fits/`.
FOLDER = re.compile(rf"`((?:{PACKAGES}|docs|examples|refold|\.ci)/(?:[\w-]+/)*)`")
#: A module, a name in it, or an attribute of that name, as in `trainer.fits.specs.PROCEDURE`.
MODULE = re.compile(rf"(?<![\w.-])(?:{PACKAGES})(?:\.(?!md\b|py\b|toml\b)\w+)+")
LINK = re.compile(r"\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#+ +(.*?)\s*$", re.MULTILINE)
FENCE = re.compile(r"^ *```.*?^ *```\s*$", re.MULTILINE | re.DOTALL)

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@pages
def test_named_files_and_folders_exist(page: Path) -> None:
    """Each Python file with its folder, and each folder of the repository, exists."""
    text = page.read_text(encoding="utf-8")
    named = PYTHON_FILE.findall(text) + FOLDER.findall(text)
    assert [path for path in named if not (ROOT / path).exists()] == []


@pages
def test_named_modules_exist(page: Path) -> None:
    """Each dotted name is a module of the repository, or stands in one."""
    named = MODULE.findall(page.read_text(encoding="utf-8"))
    assert [name for name in named if not _is_there(name)] == []


@pages
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link names a file that exists, and each anchor a heading of its page."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    assert [link for link in LINK.findall(text) if not _leads_somewhere(page, link)] == []


@pages
def test_lines_are_short(page: Path) -> None:
    """Prose has at most 120 characters a line; tables, code and links that fill a line may have more."""
    prose = FENCE.sub("", page.read_text(encoding="utf-8")).splitlines()
    long = [line for line in prose if len(line) > 120 and not line.lstrip().startswith(("|", "![", "[!["))]
    assert long == []


def test_the_checks_see_something() -> None:
    """The patterns find paths, folders, modules and links in the pages, and notice what is missing."""
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert len(PYTHON_FILE.findall(text)) > 30
    assert len(FOLDER.findall(text)) > 10
    assert len(MODULE.findall(text)) > 5
    assert len(LINK.findall(text)) > 20
    assert not _is_there("trainer.fits.nowhere")
    assert not _is_there("trainer.fits.specs.NOTHING")
    assert not _leads_somewhere(PAGES[0], "docs/browsing.md#no-such-heading")


def _is_there(name: str) -> bool:
    """Whether a dotted name is a module or package, or a name that stands in the text of one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        place, rest = ROOT.joinpath(*parts[:length]), parts[length:]
        if place.with_suffix(".py").is_file():
            module = place.with_suffix(".py").read_text(encoding="utf-8")
            return all(re.search(rf"\b{part}\b", module) for part in rest)
        if place.is_dir() and length == len(parts):
            return True
    return False


def _leads_somewhere(page: Path, link: str) -> bool:
    if re.match(r"[a-z]+:", link):
        return True  # another server's page: not asked
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return target.exists() and (not anchor or anchor in set(_anchors(target)))


def _anchors(page: Path) -> Iterator[str]:
    """Yield the anchors that GitHub gives to a page's headings."""
    for heading in HEADING.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        kept = re.sub(r"[^\w\- ]", "", heading.lower())
        yield kept.replace(" ", "-")
