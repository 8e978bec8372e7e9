"""The texts of rejected lines are found again, however much of a dump is read at once."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from segcore.pipeline.customers import rejects
from tests.transaction_lines import HEADER, through

_GOOD = "1,a,HOLDER,2,2011-03-01 10:00:00,1.25,17850,France"
_REJECTED = {
    "not-readable": "2,b,LAMP,x,2011-03-01 10:00:00,1.25,17850,France",
    "no customer": "3,c,LAMP,1,2011-03-01 10:00:00,1.25,,France",
    "quoted": '4,d,"LAMP, RED",1,2011-03-01 10:00:00,-1,17850,France',
}
_MALFORMED = "5,e,LAMP"


def dump(folder: Path) -> Path:
    """Write files of every way of reading, with rejected lines at odd places."""
    folder.mkdir()
    for number, lines in enumerate(
        [
            [_GOOD, _REJECTED["no customer"], _GOOD, _REJECTED["not-readable"]],
            [_GOOD, _GOOD, _GOOD, _REJECTED["quoted"], _GOOD],
            [_REJECTED["no customer"], _MALFORMED, _GOOD, _REJECTED["not-readable"], ""],
            [_GOOD, _GOOD, _REJECTED["quoted"], _MALFORMED],
        ]
    ):
        (folder / f"{number}.csv").write_text("\n".join([",".join(HEADER), *lines]) + "\n")
    table = pl.read_csv(folder / "0.csv", infer_schema=False)
    table.write_parquet(folder / "4.parquet")
    pl.concat([table, table.reverse()]).write_parquet(folder / "5.parquet")
    return folder


def rejected(source: Path, folder: Path, at_once: int) -> pl.DataFrame:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rejects, "_LINES_A_PART", at_once)
        through([source], folder, cleaning__max_reject_share=1.0)
    return pl.read_parquet(folder / "customers" / "rejects")


def test_rejects_are_the_same_however_much_is_read_at_once(tmp_path: Path) -> None:
    source = dump(tmp_path / "dump")
    whole = rejected(source, tmp_path / "whole", 10**6)
    assert set(whole["reason"]) >= {"unreadable_quantity", "missing_customer", "malformed_line", "duplicate"}
    for row in whole.filter(pl.col("file").str.ends_with(".csv")).iter_rows(named=True):
        line = Path(row["file"]).read_text().splitlines()[row["record"]]
        if row["reason"] == "malformed_line":
            assert row["text"] == line
        else:
            assert row["order_id"] == line[0]
    for at_once in (1, 5, 9):
        assert rejected(source, tmp_path / str(at_once), at_once).equals(whole)
