"""Parquet in groups of rows that do not fit in memory is read all the same, in small ones."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from pyarrow import parquet

from segcore import ingest, job
from segcore.ingest import Prepared

N_LINES = 200_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    number = pl.int_range(N_LINES, eager=True)
    pl.DataFrame(
        {
            "InvoiceNo": (number // 5).cast(pl.String),
            "CustomerID": pl.select(pl.when(number % 7 > 0).then(number % 999)).to_series(),
            "InvoiceDate": [datetime(2011, 1, 1) + timedelta(minutes=n % 9_999) for n in range(N_LINES)],
            "Quantity": number % 9 + 1,
            "UnitPrice": (number % 900).cast(pl.Decimal(10, 2)),
            "Country": pl.Series(["France", "Spain"] * (N_LINES // 2), dtype=pl.Categorical),
        }
    ).write_parquet(tmp_path / "x.parquet", row_group_size=N_LINES)
    return tmp_path / "x.parquet"


def prepared(path: Path, folder: str, *, memory: int) -> Prepared:
    scratch = path.parent / folder
    scratch.mkdir()
    (file,) = ingest.prepare(ingest.discover([path]), job.Input(), scratch, memory=memory)
    return file


def test_a_group_that_does_not_fit_is_written_anew_in_small_ones(path: Path) -> None:
    large = prepared(path, "large", memory=10**9)
    small = prepared(path, "small", memory=50 * 10**6)
    assert large.path == str(path)
    assert not list((path.parent / "large").iterdir())
    groups = parquet.ParquetFile(small.path).metadata
    assert max(groups.row_group(n).num_rows for n in range(groups.num_row_groups)) < N_LINES / 3
    assert (small.n_records, small.names, small.source) == (large.n_records, large.names, large.source)
    assert pl.read_parquet(small.path).equals(pl.read_parquet(path))
    lines = [ingest.scan(group) for file in (large, small) for group in ingest.group_files([file], job.Job())]
    assert lines[0].collect().equals(lines[1].collect())
