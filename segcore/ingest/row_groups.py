"""Parquet files whose groups of rows do not fit in memory: a group is read at once, so they are written anew in small ones."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl

from segcore.ingest import remote

_A_VALUE = 24  # bytes of memory of a value while its group is read
_SHARE = 3  # of a budget, a third is for the values of a group
_SHARE_OF_TEXTS = 10  # and a tenth for its bytes, of which some copies are under way
_ROWS, _BYTES = 65_536, 8 * 10**6  # of a group that is written
_ROWS_AT_ONCE = 2_048  # a text that is repeated takes its length for each
_BUFFER = 1 << 20


def schema_of(path: str) -> pl.Schema:
    """Return the columns of a file and their types; a name with ``[`` or ``?`` in it is no pattern."""
    return pl.scan_parquet(path, glob=False, hive_partitioning=False).collect_schema()


def about(source: Any) -> Any:
    """Return what the end of a file says of it, as a ``FileMetaData`` of Arrow's; None where Arrow cannot read it."""
    import pyarrow as pa
    from pyarrow import parquet

    with suppress(pa.ArrowException):
        return parquet.ParquetFile(source).metadata
    return None


def fit(about: Any, memory: int) -> bool:
    """Whether each group of a file's rows can be read within a budget in bytes: by its values, and by what its texts take."""
    groups = map(about.row_group, range(about.num_row_groups))
    return all(
        group.num_rows * _A_VALUE * max(about.num_columns, 1) <= memory // _SHARE
        and group.total_byte_size <= memory // _SHARE_OF_TEXTS
        for group in groups
    )


def rewrite(path: str, target: Path) -> None:
    """Write a file with the same rows in the same order, in small groups, reading page after page."""
    import pyarrow as pa
    from pyarrow import parquet

    with remote.seekable(path) as file:
        source = parquet.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False)
        with parquet.ParquetWriter(target, source.schema_arrow, compression="lz4") as writer:
            batches: list[pa.RecordBatch] = []
            for batch in source.iter_batches(_ROWS_AT_ONCE):
                batches.append(batch)
                if sum(map(len, batches)) >= _ROWS or sum(one.nbytes for one in batches) >= _BYTES:
                    writer.write_table(pa.Table.from_batches(batches))
                    batches = []
            if batches:
                writer.write_table(pa.Table.from_batches(batches))
