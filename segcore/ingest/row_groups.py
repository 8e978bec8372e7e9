"""Parquet files whose groups of rows do not fit in memory: a group is read at once, so they are written anew in small ones."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl

from segcore.ingest import remote
from segcore.ingest.parquet_pages import pages

_A_VALUE = 24  # bytes of memory of a value while its group is read
_SHARE = 3  # of a budget, a third is for the values of a group
_SHARE_OF_TEXTS = 10  # and a tenth for its bytes, of which some copies are under way
# Bytes of a column in a group; of smaller ones the dictionary is looked at in the first group alone.
_LARGE = 10**6
_ROWS, _BYTES = 65_536, 8 * 10**6  # of a group that is written
_ROWS_AT_ONCE = 2_048  # fewer where they would take more than a quarter of that
_LENGTH = 4  # bytes that a dictionary has before each text
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


def rows_at_once(source: Any, about: Any, memory: int) -> int | None:
    """Return how many rows of a file to read at once to write it anew; None where each group can be read within a budget.

    Parameters
    ----------
    source : pyarrow.NativeFile
    about : pyarrow.parquet.FileMetaData
    memory : int
        Budget in bytes: a group has a share of it for its values, and one for what its texts take.
    """
    groups = [about.row_group(number) for number in range(about.num_row_groups)]
    sizes = [_size(source, group, first=place == 0) for place, group in enumerate(groups)]
    n_values = (group.num_rows * max(about.num_columns, 1) for group in groups)
    if all(
        n * _A_VALUE <= memory // _SHARE and size <= memory // _SHARE_OF_TEXTS
        for n, size in zip(n_values, sizes, strict=True)
    ):
        return None
    fitting = (group.num_rows * _BYTES // max(4 * size, 1) for group, size in zip(groups, sizes, strict=True))
    return max(min(_ROWS_AT_ONCE, *map(int, fitting)), 1)


def _size(source: Any, group: Any, *, first: bool) -> int:
    """Return what a group takes in bytes where each row's text is written, as it is when blanks are taken off."""
    return sum(
        _written(source, column, look=first or column.total_uncompressed_size > _LARGE)
        for column in map(group.column, range(group.num_columns))
    )


def _written(source: Any, column: Any, *, look: bool) -> int:
    """Return what a column takes where a dictionary has each text once, and each row needs it; short ones are counted as values."""
    size = int(column.total_uncompressed_size)
    # Not by its offset, which some writers leave out.
    in_dictionary = any("DICTIONARY" in name for name in column.encodings)
    if not look or column.physical_type != "BYTE_ARRAY" or not in_dictionary:
        return size
    dictionary = next(pages(source, column), None)
    if dictionary is None or not dictionary.n_different:
        return size
    mean = dictionary.size // dictionary.n_different - _LENGTH
    return max(size, column.num_values * mean if mean > _A_VALUE else 0)


def rewrite(path: str, target: Path, n_rows: int) -> None:
    """Write a file with the same rows in the same order, in small groups, reading page after page and so many rows at once."""
    import pyarrow as pa
    from pyarrow import parquet

    with remote.seekable(path) as file:
        source = parquet.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False)
        with parquet.ParquetWriter(target, source.schema_arrow, compression="lz4") as writer:
            batches: list[pa.RecordBatch] = []
            for batch in source.iter_batches(n_rows):
                batches.append(batch)
                if sum(map(len, batches)) >= _ROWS or sum(one.nbytes for one in batches) >= _BYTES:
                    writer.write_table(pa.Table.from_batches(batches))
                    batches = []
            if batches:
                writer.write_table(pa.Table.from_batches(batches))
    pa.default_memory_pool().release_unused()  # else it keeps what long texts took, which counts for the whole run
