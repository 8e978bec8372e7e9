"""Values of a Parquet file that are too long to be a field of a table: found before they are read into memory."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from segcore import errors
from segcore.ingest.parquet_pages import pages
from segcore.ingest.structure import LONGEST

_SHARE = 3  # of a budget, a third is for a page
_BUFFER = 1 << 20
_ROWS = 2_048


def check(source: Any, about: Any, shown: str, *, memory: int) -> None:
    """Refuse a text or binary value that is longer than a line of a text may be.

    Only columns that could hold one are looked at: by their size, then by that of their pages.

    Parameters
    ----------
    source : pyarrow.NativeFile
    about : pyarrow.parquet.FileMetaData
    shown : str
        What messages call the file.
    memory : int
        Budget in bytes, for a page that has to be looked into.

    Raises
    ------
    segcore.errors.DataError
        With the row and the column.
    """
    first = 1
    for number in range(about.num_row_groups):
        group = about.row_group(number)
        for column in map(group.column, range(about.num_columns)):
            if column.physical_type != "BYTE_ARRAY" or column.total_uncompressed_size <= LONGEST:
                continue
            largest = max((page.size for page in pages(source, column)), default=0)
            where = f"column {column.path_in_schema!r}"
            if largest > max(memory // _SHARE, LONGEST):
                raise errors.DataError(
                    f"{shown}: rows {first:,} to {first + group.num_rows - 1:,}, {where}: a page of the file has "
                    f"{_megabytes(largest)}, and a third of the budget of {_megabytes(memory)} is for it; write the file with "
                    "smaller pages, or give more --memory; or is it no table of lines?"
                )
            long_value = (
                _first_long(source, about, number, column.path_in_schema) if largest > LONGEST else None
            )
            if long_value is not None:
                row, size = long_value
                raise errors.DataError(
                    f"{shown}: row {first + row:,}, {where}: a value goes on for {_megabytes(size)}, as no field of a table does; "
                    "leave it out, or is it another kind of file?"
                )
        first += group.num_rows


def _first_long(source: Any, about: Any, group: int, name: str) -> tuple[int, int] | None:
    """Return the place in a group of the first value that is too long, and its bytes; a value that is repeated is held once."""
    import pyarrow as pa
    from pyarrow import compute, parquet

    row = 0
    with suppress(pa.ArrowException):  # what Arrow cannot read, Polars may
        file = parquet.ParquetFile(
            source, metadata=about, read_dictionary=[name], pre_buffer=False, buffer_size=_BUFFER
        )
        for batch in file.iter_batches(_ROWS, row_groups=[group], columns=[name]):
            values = batch.column(0)
            if not isinstance(values, pa.DictionaryArray):  # inside a list or a struct
                return None
            sizes = compute.binary_length(values.dictionary).to_pylist()
            for place, code in enumerate(values.indices.to_pylist()):
                if code is not None and sizes[code] > LONGEST:
                    return row + place, sizes[code]
            row += len(values)
    return None


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
