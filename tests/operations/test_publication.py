"""The gate on a run; the list of runs; how many of them are kept."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from segcore import errors, pipeline
from tests.operations.processes import segment_here, small_dump

HEAD = ["date", "run", "as_of", "window", "k", "model", "segments", "customers", "moved", "drift", "verdict"]


def test_the_gate_stops_publication_and_the_runs_are_listed_and_pruned(tmp_path: Path) -> None:
    dump, out = small_dump(tmp_path / "dump"), tmp_path / "out"
    first = segment_here(dump, out)
    told = json.loads((out / "latest.json").read_text())

    with pytest.raises(
        errors.GateError,
        match=r"not published: share of customers in the smallest segment is 0\.\d+, expected",
    ) as stopped:
        segment_here(dump, out, overrides={"gate.min_segment_share": 0.9})
    assert stopped.value.exit_code == 3
    assert json.loads((out / "latest.json").read_text()) == told
    (second,) = set((out / "runs").iterdir()) - {first}
    assert (second / "report.html").is_file()
    assert not (out / "work").exists()
    listed = pipeline.list_runs(out)
    assert listed[0].split() == HEAD
    assert [line.split()[2] for line in listed[1:]] == [first.name, second.name]
    assert " latest" in listed[1]
    assert "  stopped: share of customers in the smallest segment is 0." in listed[2]

    told_in_json = pipeline.runs(out)
    assert [[*run] for run in told_in_json] == [HEAD] * 2
    assert told_in_json[0] | {"date": "", "model": "", "segments": 0, "customers": 0, "k": 0} == {
        "date": "",
        "run": first.name,
        "as_of": "2023-03-01",
        "window": None,
        "k": 0,
        "model": "",
        "segments": 0,
        "customers": 0,
        "moved": None,
        "drift": None,
        "verdict": told_in_json[0]["verdict"],
    }
    assert (told_in_json[1]["moved"], told_in_json[1]["drift"]) == (0, "fits")

    third = segment_here(dump, out, keep=1, overrides={"seed": 1})
    assert [path.name for path in (out / "runs").iterdir()] == [third.name]
    assert (out / "runs").stat().st_mode & 0o777 == third.stat().st_mode & 0o777 == 0o700
    stages = json.loads((third / "manifest.json").read_text())["stages"]
    assert {stage["name"] for stage in stages} >= {"lines", "customers", "models", "profile", "report"}
    assert all(stage["seconds"] > 0 and stage["peak_memory"] > 0 for stage in stages)
    assert all(
        stage["bytes"] for stage in stages if stage["name"] in ("lines", "customers", "comparison", "report")
    )


def test_a_folder_without_runs_is_said(tmp_path: Path) -> None:
    with pytest.raises(errors.InputNotFoundError, match="no finished run; expected the --out of a run"):
        pipeline.list_runs(tmp_path)


def test_a_run_that_nobody_finished_is_not_listed(tmp_path: Path) -> None:
    os.makedirs(tmp_path / "runs/half")
    with pytest.raises(errors.InputNotFoundError, match="no finished run"):
        pipeline.list_runs(tmp_path)
