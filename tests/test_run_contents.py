"""The reference of what a run leaves: nothing is left out, and nothing is in it that no run leaves."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from segcore import Run, pipeline, run_contents, segment
from tests.operations.processes import QUICK, ROOT, small_dump

# What a run leaves where it can, and these do not.
NOT_HERE = {"report.md", "look_back.parquet"}
# What takes a longer history than theirs.
NOT_YET = {"chance_to_buy", "expected_spend"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A fit, one that follows it and moves somebody, and a scored run with a report."""
    folder = tmp_path_factory.mktemp("contents")
    dump, out, job = small_dump(folder / "dump"), folder / "out", ROOT / "jobs/online-retail.toml"
    fits = [segment(dump, out, job=job, overrides=QUICK | {"selection.k": k}, quiet=True) for k in (2, 3)]
    scored = pipeline.score(
        dump, out, model=fits[1].folder, as_of=date(2023, 3, 8), with_report=True, quiet=True
    )
    return [run.folder for run in (*fits, scored)]


def files(run: Path) -> list[Path]:
    history = run.parent.parent / "history"
    return [path for folder in (run, history) for path in sorted(folder.rglob("*")) if path.is_file()]


def name(run: Path, path: Path) -> str:
    return (
        path.relative_to(run).as_posix()
        if run in path.parents
        else f"../../{path.relative_to(run.parent.parent)}"
    )


def test_every_file_and_column_is_in_the_reference(runs: list[Path]) -> None:
    for run in runs:
        for path in files(run):
            file = run_contents.file_of(name(run, path))
            assert file is not None, f"{name(run, path)} is not in segcore/run_contents.py"
            if path.suffix == ".parquet":
                for column in pl.read_parquet_schema(path):
                    known = run_contents.column_of(run_contents.FILES[file], column)
                    assert known, f"{column} of {file} is not in segcore/run_contents.py"


def test_what_the_reference_has_some_run_leaves(runs: list[Path], sample_run: Run) -> None:
    there: dict[str, set[str]] = {}
    for run in (*runs, sample_run.folder):
        for path in files(run):
            file = run_contents.file_of(name(run, path))
            assert file is not None
            columns = pl.read_parquet_schema(path) if path.suffix == ".parquet" else {}
            entry = run_contents.FILES[file]
            there.setdefault(file, set()).update(
                found for column in columns if (found := run_contents.column_of(entry, column))
            )
    assert run_contents.FILES.keys() - there.keys() <= NOT_HERE
    for known, seen in there.items():
        assert set(run_contents.FILES[known].columns) - seen <= NOT_YET, known
