"""The page of segcore/ shows the tree that is there, the line of imports that is tested, and where to change what."""

from __future__ import annotations

import re

from tests import test_architecture as architecture
from tests.documents import pages as of
from tests.documents.pages import ROOT

PAGE = of.page("segcore/README.md")
PACKAGE = ROOT / "segcore"


def _block(heading: str) -> list[str]:
    part = PAGE.text.split(f"## {heading}\n")[1].split("\n## ")[0]
    return part.split("```")[1].strip().splitlines()


def _tree() -> dict[str, str]:
    """Return what the tree shows: a package (with ``/``) or module by its path, and the line about it."""
    shown: dict[str, str] = {}
    above: list[str] = []
    for line in filter(str.strip, _block("The tree")[1:]):
        depth = (len(line) - len(line.lstrip())) // 2 - 1
        names, _, about = line.strip().partition("  ")
        above = above[:depth]
        for name in names.split():
            shown["".join(above) + name] = about
        above.append(names)
    return shown


def test_every_package_and_module_of_the_top_is_in_the_tree_and_nothing_else() -> None:
    packages = {f"{path.parent.relative_to(PACKAGE).as_posix()}/" for path in PACKAGE.rglob("*/__init__.py")}
    modules = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py", "__main__.py"}
    assert set(_tree()) == packages | modules


def test_every_module_that_a_line_of_the_tree_names_is_in_that_package() -> None:
    for package, about in _tree().items():
        for module in re.findall(r"\w+\.(?:py|toml)", about):
            assert (PACKAGE / package / module).is_file(), f"{package}{module}"


def test_the_line_of_imports_is_on_the_page() -> None:
    """That it is the one of the architecture test is tested with all tables that are made."""
    assert "<!-- generated: imports -->" in PAGE.text


def test_what_stands_beside_the_line_and_the_rooms_of_the_pipeline_are_those_that_are_tested() -> None:
    beside, inside = re.search(
        r"-->\n\n(`storage`.*?) stand beside.*?Inside `pipeline/`.*?: (.*?),\s+then", PAGE.text, re.DOTALL
    ).groups()  # type: ignore[union-attr]
    assert set(re.findall(r"`(\w+)`", beside)) == architecture.BESIDE
    assert re.findall(r"`(\w+)`", inside) == architecture.ROOMS_OF_PIPELINE


def test_where_to_change_what_names_a_place_for_each() -> None:
    """That the places exist is tested for all pages."""
    part = PAGE.text.split("## Where to change what\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (?!---|to change)(.+?) \| (.+?) \|", part, re.MULTILINE)
    assert len(rows) >= 15
    assert all("`segcore/" in place or "`jobs/" in place for _, place in rows)
