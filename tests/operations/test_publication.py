"""The gate, by hand and on a run; the list of runs; how many of them are kept."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from segcore import errors, pipeline
from segcore.job import Gate
from segcore.selection.quality_gate import broken_bounds
from tests.operations.processes import segment_here, small_dump

ROWS = {"purchase": 700, "return": 50, "missing_customer": 150, "duplicate": 80, "non_positive_price": 20}
PROFILE = pl.DataFrame({"segment": [0, 1, 2, 3], "customer_share": [1.0, 0.5, 0.46, 0.04]})
CHOSEN = {"admissible": False, "prediction_strength": 0.79, "jaccard_min": None}
DRIFT = {"order_count": 0.05, "total_spend": 0.31}


@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        ({}, []),
        ({"max_reject_share": 0.1}, []),
        (
            {"max_reject_share": 0.09},
            ["share of rejected lines is 0.1, expected at most gate.max_reject_share = 0.09"],
        ),
        ({"min_segment_share": 0.04}, []),
        (
            {"min_segment_share": 0.05},
            [
                "share of customers in the smallest segment is 0.04, expected at least gate.min_segment_share = 0.05"
            ],
        ),
        (
            {"min_prediction_strength": 0.8},
            [
                "prediction strength of the chosen model is 0.79, "
                "expected at least gate.min_prediction_strength = 0.8"
            ],
        ),
        (
            {"min_jaccard": 0.5},
            ["Jaccard of the least stable segment was not measured, and gate.min_jaccard = 0.5 asks for it"],
        ),
        ({"min_prediction_strength": 0.79}, []),
        ({"max_drift": 0.31}, []),
        (
            {"max_drift": 0.25},
            ["drift (PSI) of total_spend is 0.31, expected at most gate.max_drift = 0.25"],
        ),
        (
            {"require_admissible": True, "max_drift": 0.4},
            ["no candidate is admissible, and gate.require_admissible asks for one"],
        ),
    ],
)
def test_each_bound_by_hand(gate: dict[str, Any], expected: list[str]) -> None:
    found = broken_bounds(Gate.model_validate(gate), rows=ROWS, profile=PROFILE, chosen=CHOSEN, drift=DRIFT)
    assert found == expected


def test_without_a_previous_run_there_is_no_drift() -> None:
    gate = Gate(max_drift=0.01)
    assert broken_bounds(gate, rows=ROWS, profile=PROFILE, chosen=CHOSEN) == []


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
    assert listed[0].split() == ["date", "run", "k", "segments", "customers", "verdict"]
    assert [line.split()[2] for line in listed[1:]] == [first.name, second.name]
    assert " latest" in listed[1]
    assert "  stopped: share of customers in the smallest segment is 0." in listed[2]

    third = segment_here(dump, out, keep=1, overrides={"seed": 1})
    assert [path.name for path in (out / "runs").iterdir()] == [third.name]
    assert (out / "runs").stat().st_mode & 0o777 == third.stat().st_mode & 0o777 == 0o700
    stages = json.loads((third / "manifest.json").read_text())["stages"]
    assert {stage["name"] for stage in stages} >= {"lines", "customers", "models", "profile", "report"}
    assert all(stage["seconds"] > 0 and stage["peak_memory"] > 0 for stage in stages)
    assert all(
        stage["bytes"] for stage in stages if stage["name"] in ("lines", "customers", "models", "report")
    )


def test_a_folder_without_runs_is_said(tmp_path: Path) -> None:
    with pytest.raises(errors.InputNotFoundError, match="no finished run; expected the --out of a run"):
        pipeline.list_runs(tmp_path)


def test_a_run_that_nobody_finished_is_not_listed(tmp_path: Path) -> None:
    os.makedirs(tmp_path / "runs/half")
    with pytest.raises(errors.InputNotFoundError, match="no finished run"):
        pipeline.list_runs(tmp_path)
