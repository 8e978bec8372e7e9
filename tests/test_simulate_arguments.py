"""Arguments of the simulated dump that make no sense, and outputs that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from segcore.errors import OutputError, UsageError
from segcore.simulate import simulate


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": 99}, "rows=99, expected 100 to 1000000000000"),
        ({"days": 3}, "days=3, expected 7 to 3660"),
        ({"customers": 0}, "customers=0, expected 1 to 100 with rows=1000"),
        ({"customers": 201}, "customers=201, expected 1 to 100 with rows=1000"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    tmp_path: Path, arguments: dict[str, object], message: str
) -> None:
    given_ = {"rows": 1_000} | arguments
    with pytest.raises(UsageError, match=message):
        simulate(tmp_path / "shop", **given_)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="not an empty folder"):
        simulate(tmp_path, rows=1_000)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_an_output_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot create"):
        simulate(tmp_path / "file" / "shop", rows=1_000)
