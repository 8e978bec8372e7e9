"""The profile table on disk: segments alone, and all customers beside them."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from segcore.profile.statistics import ALL

SEGMENTS = "profile.parquet"
EVERYBODY = "all_customers.parquet"


def save(folder: Path, table: pl.DataFrame) -> None:
    """Write a profile: whoever sums a column of profile.parquet counts nobody twice."""
    everybody = pl.col("segment") == ALL
    table.filter(~everybody).write_parquet(folder / SEGMENTS)
    table.filter(everybody).write_parquet(folder / EVERYBODY)


def load(folder: Path) -> pl.DataFrame:
    """Read a profile as :func:`segcore.profile.build` made it; runs of format 1 hold all of it in one file."""
    files = [folder / name for name in (EVERYBODY, SEGMENTS) if (folder / name).is_file()]
    return pl.concat(map(pl.read_parquet, files))
