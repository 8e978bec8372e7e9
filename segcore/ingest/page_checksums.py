"""Checksums of a Parquet file's pages, where its writer left some: Polars reads past them, Arrow checks them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from segcore.ingest import remote

_I32 = 0x15  # the next field of a page's header in Thrift's compact form, a number
_BUFFER = 1 << 20


def check(path: str) -> None:
    """Read a file once and compare every page with its checksum; one without any is left alone.

    Raises
    ------
    OSError
        If a page is not as it was written.
    """
    import pyarrow as pa
    from pyarrow import parquet as pq

    # What Arrow cannot read, Polars may.
    with remote.seekable(path) as source, suppress(pa.ArrowException):
        file = pq.ParquetFile(source, page_checksum_verification=True, pre_buffer=False, buffer_size=_BUFFER)
        if _has_checksums(source, file.metadata):
            for _ in file.iter_batches():
                pass


def _has_checksums(source: Any, metadata: Any) -> bool:
    if not metadata.num_row_groups or not metadata.num_columns:
        return False
    column = metadata.row_group(0).column(0)
    source.seek(min(column.data_page_offset, column.dictionary_page_offset or column.data_page_offset))
    header = source.read(32)
    place = 0
    for _ in range(3):  # kind of page, size, compressed size
        if header[place : place + 1] != bytes([_I32]):
            return False
        place += 1
        while header[place] & 0x80:
            place += 1
        place += 1
    return bool(header[place] == _I32)
