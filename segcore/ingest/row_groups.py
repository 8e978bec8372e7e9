"""Parquet files whose groups of rows do not fit in memory: a group is read at once, so they are written anew in small ones."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from segcore.ingest import remote

_A_VALUE = 24  # bytes of memory of a value while its group is read
_SHARE = 3  # of a budget, a third is for a group
_ROWS = 65_536
_BUFFER = 1 << 20


def schema_of(path: str) -> pl.Schema:
    """Return the columns of a file and their types; a name with ``[`` or ``?`` in it is no pattern."""
    return pl.scan_parquet(path, glob=False, hive_partitioning=False).collect_schema()


def fits(path: str, n_rows: int, n_columns: int, memory: int) -> bool:
    """Whether the largest group of a file can be read within a budget in bytes."""
    from pyarrow import parquet

    most = memory // _SHARE // (_A_VALUE * max(n_columns, 1))
    if n_rows <= most:
        return True
    with remote.seekable(path) as file:
        about = parquet.ParquetFile(file).metadata
        return all(about.row_group(place).num_rows <= most for place in range(about.num_row_groups))


def rewrite(path: str, target: Path) -> None:
    """Write a file with the same rows in the same order, in small groups, reading page after page."""
    from pyarrow import parquet

    with remote.seekable(path) as file:
        source = parquet.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False)
        with parquet.ParquetWriter(target, source.schema_arrow, compression="lz4") as writer:
            for batch in source.iter_batches(_ROWS):
                writer.write_batch(batch)
