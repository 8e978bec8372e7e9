"""The workflows and forms in .github/: by their schema, by a linter, and against the project. None can be run here."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.documents.pages import ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = sorted(path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")


def check(*line: object) -> None:
    tool = Path(sys.executable).parent / str(line[0])
    done = subprocess.run([tool, *map(str, line[1:])], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def workflow(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((GITHUB / "workflows" / name).read_text(encoding="utf-8"))
    return found


def steps(name: str) -> list[str]:
    return [step["run"] for step in workflow(name)["jobs"]["checks"]["steps"] if "run" in step]


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("custom.github-workflows-require-timeout", WORKFLOWS),
        ("vendor.github-issue-forms", FORMS),
        ("vendor.github-issue-config", [GITHUB / "ISSUE_TEMPLATE" / "config.yml"]),
    ],
)
def test_the_schema_accepts_it(schema: str, files: list[Path]) -> None:
    assert files
    check("check-jsonschema", "--builtin-schema", schema, *files)


def test_the_linter_accepts_the_workflows() -> None:
    check("zizmor", "--offline", "--quiet", "--persona", "pedantic", GITHUB / "workflows")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_with_their_version_beside_it(path: Path) -> None:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert lines
    for line in lines:
        assert re.fullmatch(r" *- uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_every_python_of_the_package_is_checked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = re.findall(r"Python :: (3\.\d+)", " ".join(project["classifiers"]))
    assert workflow("checks.yml")["jobs"]["checks"]["strategy"]["matrix"]["python"] == named
    assert steps("checks.yml") == ["make lint test"]


def test_the_newest_polars_comes_after_the_pinned_ones() -> None:
    (environment, upgrade, tests) = steps("newest-polars.yml")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    # Made first and not touched again, or make would put the pinned Polars back.
    assert environment == "make .venv/.dev"
    assert "\n$(VENV)/.%: .ci/constraints/%.txt $(VENV)/.run\n" in makefile
    assert "\nVENV := .venv\n" in makefile
    assert upgrade == ".venv/bin/pip install --upgrade polars"
    assert tests == "make lint test"
