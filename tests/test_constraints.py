"""What is installed is what was pinned: every requirement, in every file, with hashes, from no named registry."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
RUN = ROOT / "constraints.txt"
FILES = [RUN, *sorted(ROOT.glob(".ci/constraints/*.txt"))]


def pins(path: Path) -> dict[str, str]:
    """Return the version of each package; every requirement stands with its hashes."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    requirements = [line.split(" --hash=") for line in text.splitlines() if line.strip()]
    for requirement, *hashes in requirements:
        assert hashes, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value.strip()) for value in hashes), requirement
    parsed = [Requirement(requirement) for requirement, *_ in requirements]
    for one in parsed:
        assert re.fullmatch(r"==[^*,]+", str(one.specifier)), one
    return {canonicalize_name(one.name): str(one.specifier).removeprefix("==") for one in parsed}


def test_every_extra_has_a_file_and_every_file_an_extra() -> None:
    assert {path.stem for path in FILES[1:]} == set(EXTRAS)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("constraints.txt", PROJECT["project"]["dependencies"] + PROJECT["build-system"]["requires"]),
        *((f".ci/constraints/{extra}.txt", asked) for extra, asked in EXTRAS.items()),
    ],
)
def test_what_is_asked_for_is_pinned_within_its_bounds(name: str, asked: list[str]) -> None:
    pinned = {**pins(RUN), **pins(ROOT / name)}
    for requirement in map(Requirement, asked):
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement


def test_the_files_agree_where_they_are_installed_together() -> None:
    run = pins(RUN)
    for path in FILES[1:]:
        assert not set(pins(path)) & set(run)
    aws, dev = (pins(ROOT / f".ci/constraints/{name}.txt") for name in ("aws", "dev"))
    assert all(dev.get(name, version) == version for name, version in aws.items())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_registry_is_named(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"://|^\s*-(?!-hash=)", text, re.MULTILINE)


SOUND: dict[str, Any] = {"name": "sound", "version": "1", "vulns": []}
HOLED: dict[str, Any] = {"name": "holed", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["2.1"]}]}
UNKNOWN: dict[str, Any] = {"name": "rare", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "code", "says"),
    [
        ([SOUND], 0, f"{len(FILES)} pinned packages audited, 0 known vulnerabilities"),
        ([SOUND, UNKNOWN], 0, "the database does not know rare"),
        ([SOUND, HOLED], 1, "holed 2: CVE-1, fixed in 2.1"),
        # A registry that serves no advisories knows none of the packages.
        ([UNKNOWN], 69, "nothing was audited"),
        ([], 69, "nothing was audited"),
    ],
)
def test_an_audit_that_could_not_look_is_no_audit(
    packages: list[dict[str, Any]], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = runpy.run_path(str(ROOT / ".ci/audit_deps.py"))
    script["main"].__globals__["audit"] = lambda path: packages
    assert script["main"]() == code
    assert says in "".join(capsys.readouterr())
