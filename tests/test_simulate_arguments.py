"""Arguments of the simulated dump that make no sense, and outputs that cannot be."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from segcore.errors import OutputError, UsageError
from segcore.simulate import DEFAULT_SEGMENTS, simulate


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": 99}, "rows=99, expected 100 or more"),
        ({"seed": -1}, "seed=-1, expected 0 or more"),
        ({"format": "xlsx"}, "expected one of: csv, parquet"),
        ({"days": 3}, "days=3, expected 7 to 3660"),
        ({"noise": float("nan")}, "noise=nan"),
        ({"warts": 4.0}, "warts=4.0, expected a number from 0 to 3"),
        ({"customers": 0}, "customers=0, expected 1 to 100 with rows=1000"),
        ({"customers": 201}, "customers=201, expected 1 to 100 with rows=1000"),
        ({"segments": ()}, "at least one planted segment"),
        ({"segments": DEFAULT_SEGMENTS * 2}, "different names, found twice: frequent"),
        ({"segments": [replace(DEFAULT_SEGMENTS[0], share=0)]}, "share=0, expected a number above 0"),
        ({"segments": [replace(DEFAULT_SEGMENTS[0], orders=0.5)]}, "orders=0.5, expected a number 1 or more"),
        (
            {"segments": [replace(DEFAULT_SEGMENTS[0], ends=date(2022, 1, 1))]},
            "active on 0 of the simulated days",
        ),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    tmp_path: Path, arguments: dict[str, object], message: str
) -> None:
    given_ = {"rows": 1_000} | arguments
    with pytest.raises(UsageError, match=message):
        simulate(tmp_path / "shop", **given_)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_the_truth_must_be_outside(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="put it beside"):
        simulate(tmp_path / "shop", rows=1_000, truth=tmp_path / "shop" / "truth.parquet")


def test_a_folder_with_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="not an empty folder"):
        simulate(tmp_path, rows=1_000)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_an_output_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot create"):
        simulate(tmp_path / "file" / "shop", rows=1_000)
