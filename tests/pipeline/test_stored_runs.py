"""Runs that earlier versions have left can be read; what cannot be read is refused in one line that names the file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from segcore import errors, pipeline
from segcore.records import FORMAT_VERSION
from tests.operations.processes import QUICK, small_dump
from tests.stored_run import JOB, RUNS

STORED = sorted(RUNS.glob("format-*"))
JSON_FILES = (
    "manifest.json",
    "ledger.json",
    "model.json",
    "model/reference.json",
    "rules.json",
    "drift.json",
    "lineage.json",
    "movement.json",
)


def change(path: Path, **changes: Any) -> None:
    state = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps(state), encoding="utf-8")


@pytest.fixture(scope="session")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_dump(tmp_path_factory.mktemp("stored") / "dump")


@pytest.fixture(params=STORED, ids=lambda path: path.name)
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A stored run as the only one of an OUT, which latest.json names."""
    run_id = json.loads((request.param / "manifest.json").read_text())["run_id"]
    folder: Path = tmp_path / "out" / "runs" / run_id
    shutil.copytree(request.param, folder)
    (tmp_path / "out" / "latest.json").write_text(json.dumps({"run": f"runs/{run_id}"}))
    return folder


def customer(run: Path) -> str:
    return str(pl.read_parquet(run / "features/*.parquet")["customer_id"][0])


# Each command on a run, the OUT that it is in, and a dump.
COMMANDS: dict[str, Callable[[Path, Path, Path], Any]] = {
    "runs": lambda run, out, dump: pipeline.list_runs(out),
    "report": lambda run, out, dump: pipeline.rebuild_report(run),
    "explain": lambda run, out, dump: pipeline.explain_customer("12346", run),
    "compare": lambda run, out, dump: pipeline.compare_runs(run, run),
    "score": lambda run, out, dump: pipeline.score(dump, out.parent / "scored", model=run, quiet=True),
    "previous": lambda run, out, dump: pipeline.segment(
        dump, out.parent / "next", job=JOB, overrides=QUICK, previous=run, quiet=True
    ),
}


def test_the_present_format_is_among_the_stored_ones() -> None:
    assert f"format-{FORMAT_VERSION}" in [path.name for path in STORED]


def test_a_stored_run_is_listed_explained_compared_and_reported(run: Path, tmp_path: Path) -> None:
    listed = pipeline.list_runs(tmp_path / "out")
    assert run.name in listed[1]
    assert " latest" in listed[1]
    assert "Customer " in pipeline.explain_customer(customer(run), run)
    assert "0 (0.0%) changed segment" in pipeline.compare_runs(run, run)
    assert Path(pipeline.rebuild_report(run)).stat().st_size > 50_000


def test_a_stored_run_is_scored_with_and_followed(run: Path, tmp_path: Path, dump: Path) -> None:
    scored = pipeline.score(dump, tmp_path / "scored", model=run, quiet=True)
    assert pl.read_parquet(scored.segments / "*.parquet")["segment"].null_count() == 0
    follower = pipeline.segment(
        dump, tmp_path / "next", job=JOB, overrides=QUICK, previous=run, fresh=True, quiet=True
    )
    manifest = json.loads((follower.folder / "manifest.json").read_text())
    assert manifest["identity"]["previous"] == run.name


def test_a_run_without_a_format_version_is_read_as_before_there_were_any(run: Path) -> None:
    for name in JSON_FILES:
        state = json.loads((run / name).read_text())
        del state["format_version"]
        (run / name).write_text(json.dumps(state))
    assert "0 (0.0%) changed segment" in pipeline.compare_runs(run, run)
    assert "Customer " in pipeline.explain_customer(customer(run), run)


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "runs"])
def test_a_later_format_is_refused_with_the_version_that_wrote_it(
    run: Path, tmp_path: Path, dump: Path, command: str
) -> None:
    versions = json.loads((run / "manifest.json").read_text())["versions"]
    later = FORMAT_VERSION + 1
    change(run / "manifest.json", format_version=later, versions=versions | {"segcore": "7.8.9"})
    with pytest.raises(errors.InputNotFoundError) as refused:
        COMMANDS[command](run, tmp_path / "out", dump)
    told = str(refused.value)
    assert f"manifest.json: written by segcore 7.8.9 in format {later}" in told
    assert "use segcore 7.8.9 or later" in told
    assert "\n" not in told


def test_a_later_format_is_listed_with_the_version_that_wrote_it(run: Path, tmp_path: Path) -> None:
    versions = json.loads((run / "manifest.json").read_text())["versions"]
    change(run / "manifest.json", format_version=FORMAT_VERSION + 1, versions=versions | {"segcore": "7.8.9"})
    (line,) = [line for line in pipeline.list_runs(tmp_path / "out") if run.name in line]
    assert f"written by segcore 7.8.9 in format {FORMAT_VERSION + 1}" in line


def test_a_run_with_a_job_that_this_version_does_not_know_is_listed_as_damaged(
    run: Path, tmp_path: Path
) -> None:
    (tmp_path / "out" / "latest.json").unlink()
    (run / "job.toml").write_text("[later]\nkey = 1\n")
    (line,) = [line for line in pipeline.list_runs(tmp_path / "out") if run.name in line]
    assert "damaged: job.toml: unknown key 'later'" in line


@pytest.mark.parametrize("damage", ["{", "", "[]", "null", '{"format_version": "one"}', "{}"])
@pytest.mark.parametrize("name", ["manifest.json", "model.json", "model/reference.json"])
def test_a_damaged_file_is_named_in_one_line(run: Path, name: str, damage: str) -> None:
    (run / name).write_text(damage)
    with pytest.raises(errors.InputNotFoundError) as refused:
        pipeline.compare_runs(run, run)
    assert str(run / name) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(run: Path) -> None:
    (run / "rules.json").unlink()
    with pytest.raises(errors.InputNotFoundError, match=r"rules\.json: not there; the run is not whole"):
        pipeline.explain_customer(customer(run), run)
