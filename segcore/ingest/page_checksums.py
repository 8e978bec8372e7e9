"""Checksums of a Parquet file's pages, where its writer left some: Polars reads past them, Arrow checks them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from segcore.ingest.parquet_pages import pages

_BUFFER = 1 << 20
_ROWS = 2_048


def check(source: Any, about: Any) -> None:
    """Read a file once and compare every page with its checksum; one without any is left alone.

    Raises
    ------
    OSError
        If a page is not as it was written.
    """
    import pyarrow as pa
    from pyarrow import parquet as pq

    if not about.num_row_groups or not about.num_columns:
        return
    first = next(pages(source, about.row_group(0).column(0)), None)
    if first is None or not first.has_checksum:
        return
    with suppress(pa.ArrowException):  # what Arrow cannot read, Polars may
        file = pq.ParquetFile(
            source, metadata=about, page_checksum_verification=True, pre_buffer=False, buffer_size=_BUFFER
        )
        for _ in file.iter_batches(_ROWS):
            pass
