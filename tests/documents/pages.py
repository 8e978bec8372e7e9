"""The project's pages of Markdown, and what stands in them: links, code, commands, paths."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

# What else of the repository a page may name by its path; anything below data/ but these is made, and not shipped.
_ROOMS = ("segcore/", "tests/", "jobs/", "data/sample", "data/readme/", ".github/", ".ci/")


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block: its language, such as ``sh`` (empty without one), and its text."""

    language: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of Markdown."""

    path: Path

    @property
    def name(self) -> str:
        """Its path from the project's folder."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def blocks(self) -> list[Block]:
        """Its fenced blocks, those that are indented in a list included."""
        found = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", self.text, re.DOTALL | re.MULTILINE)
        return [Block(language=language, text=text) for language, text in found]

    @cached_property
    def prose(self) -> str:
        """What is not in a fenced block."""
        return re.sub(r"^ *```.*?^ *```$", "", self.text, flags=re.DOTALL | re.MULTILINE)

    @property
    def spans(self) -> list[str]:
        """Its pieces of code inside a sentence; one may be broken over two lines."""
        return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", self.prose)]

    @property
    def links(self) -> list[str]:
        """Where its links and pictures lead."""
        return re.findall(r"\]\(([^)\s]+)\)", self.prose)

    @property
    def anchors(self) -> set[str]:
        """Its headings, as a link calls them."""
        headings = re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)
        return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}

    @property
    def commands(self) -> list[list[str]]:
        """The shell commands in its blocks and its sentences, as words; comments and redirections are left out."""
        lines = [
            line
            for block in self.blocks
            if block.language in ("", "sh")
            for line in block.text.replace("\\\n", " ").splitlines()
        ]
        return [words for line in [*lines, *self.spans] if (words := _words(line))]

    @property
    def paths(self) -> set[str]:
        """What it names in code by a path from the project's folder."""
        words = {
            word for command in [span.split() for span in self.spans] + self.commands for word in command
        }
        return {word.rstrip(":,") for word in words if word.startswith(_ROOMS)}


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError:  # an apostrophe: no command
        return []


def pages() -> list[Page]:
    """Return every page that the repository ships, but the changelog, which speaks of what was."""
    found = [ROOT / "README.md", ROOT / "data" / "README.md"]
    for folder in (".github", "jobs", "segcore", "tests"):
        found += (ROOT / folder).rglob("*.md")
    return [Page(path=path) for path in sorted(found)]


def page(name: str) -> Page:
    """Return one of them by its path from the project's folder."""
    return Page(path=ROOT / name)
