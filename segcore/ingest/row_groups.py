"""Parquet files whose groups of rows do not fit in memory: a group is read at once, so they are written anew in small ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl

from segcore.ingest import remote
from segcore.ingest.parquet_pages import pages

_A_VALUE = 24  # bytes of memory of a value while its group is read
_SHARE = 3  # of a budget, a third is for the values of a group
_SHARE_OF_TEXTS = 10  # and a tenth for its bytes, of which some copies are under way
_LARGE = (
    10**6
)  # bytes of a column in a group; the dictionary of a smaller one is looked at in the first group alone
_ROWS, _BYTES = 65_536, 8 * 10**6  # of a group that is written
_ROWS_AT_ONCE = 2_048  # and fewer where they take more than a quarter of that: a text that is repeated takes its length for each
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


def fit(source: Any, about: Any, memory: int) -> bool:
    """Whether each group of a file's rows can be read within a budget in bytes: by its values, and by what its texts take."""
    n_values = (group.num_rows * max(about.num_columns, 1) for group in _groups(about))
    return all(n * _A_VALUE <= memory // _SHARE for n in n_values) and all(
        size <= memory // _SHARE_OF_TEXTS for size in _sizes(source, about)
    )


def _groups(about: Any) -> list[Any]:
    return [about.row_group(number) for number in range(about.num_row_groups)]


def _sizes(source: Any, about: Any) -> Iterator[int]:
    """Yield what each group takes in bytes where each row's text is written, as it is when blanks are taken off."""
    for place, group in enumerate(_groups(about)):
        columns = map(group.column, range(group.num_columns))
        yield sum(
            _written(source, column) if place == 0 or size > _LARGE else size
            for column in columns
            for size in (column.total_uncompressed_size,)
        )


def _written(source: Any, column: Any) -> int:
    """Return what a column takes where a dictionary has each text once, and each row needs it; short ones are counted as values."""
    size = int(column.total_uncompressed_size)
    # Not by its offset, which some writers leave out.
    if column.physical_type != "BYTE_ARRAY" or not any("DICTIONARY" in name for name in column.encodings):
        return size
    dictionary = next(pages(source, column), None)
    if dictionary is None or not dictionary.n_different:
        return size
    mean = dictionary.size // dictionary.n_different - _LENGTH
    return max(size, column.num_values * mean if mean > _A_VALUE else 0)


def rewrite(path: str, target: Path) -> None:
    """Write a file with the same rows in the same order, in small groups, reading page after page."""
    import pyarrow as pa
    from pyarrow import parquet

    with remote.seekable(path) as file:
        source = parquet.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False)
        sizes = zip(_groups(source.metadata), _sizes(file, source.metadata), strict=True)
        n_rows = min(_ROWS_AT_ONCE, *(group.num_rows * _BYTES // max(4 * size, 1) for group, size in sizes))
        with parquet.ParquetWriter(target, source.schema_arrow, compression="lz4") as writer:
            batches: list[pa.RecordBatch] = []
            for batch in source.iter_batches(max(n_rows, 1)):
                batches.append(batch)
                if sum(map(len, batches)) >= _ROWS or sum(one.nbytes for one in batches) >= _BYTES:
                    writer.write_table(pa.Table.from_batches(batches))
                    batches = []
            if batches:
                writer.write_table(pa.Table.from_batches(batches))
    pa.default_memory_pool().release_unused()  # else it keeps what long texts took, which counts for the whole run
