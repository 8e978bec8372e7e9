from __future__ import annotations

from pathlib import Path

import pytest

from segcore import report
from tests.report.make_run import make_run


@pytest.fixture(scope="session")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with every optional table."""
    return make_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="session")
def hostile_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with hostile texts wherever text comes from data."""
    return make_run(tmp_path_factory.mktemp("hostile"), hostile=True)


@pytest.fixture(scope="session")
def html(run_dir: Path) -> str:
    return report.build(run_dir)


@pytest.fixture(scope="session")
def page_file(html: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _written(html, tmp_path_factory)


@pytest.fixture(scope="session")
def hostile_file(hostile_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _written(report.build(hostile_dir, show_ids=True), tmp_path_factory)


def _written(html: str, factory: pytest.TempPathFactory) -> Path:
    path = factory.mktemp("page") / "report.html"
    path.write_text(html, encoding="utf-8")
    return path
