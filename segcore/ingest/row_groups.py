"""Parquet files whose groups of rows do not fit in memory: a group is read at once, so they are written anew in small ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from segcore.stores import file_system, is_url, store_errors

_A_VALUE = 24  # bytes of memory of a value while its group is read
_SHARE = 3  # of a budget, a third is for a group
_ROWS = 65_536
_BUFFER = 1 << 20


def fits(path: str, n_rows: int, n_columns: int, memory: int) -> bool:
    """Whether the largest group of a file can be read within a budget in bytes."""
    from pyarrow import parquet

    most = memory // _SHARE // (_A_VALUE * max(n_columns, 1))
    if n_rows <= most:
        return True
    with _opened(path) as file:
        about = parquet.ParquetFile(file).metadata
        return all(about.row_group(place).num_rows <= most for place in range(about.num_row_groups))


def rewrite(path: str, target: Path) -> None:
    """Write a file with the same rows in the same order, in small groups, reading page after page."""
    from pyarrow import parquet

    with _opened(path) as file:
        source = parquet.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False)
        with parquet.ParquetWriter(target, source.schema_arrow, compression="lz4") as writer:
            for batch in source.iter_batches(_ROWS):
                writer.write_batch(batch)


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    if not is_url(path):
        with open(path, "rb") as local:
            yield local
        return
    with store_errors(path):
        system, name = file_system(path)
        stream = system.open_input_file(name)
    with stream:
        yield stream
