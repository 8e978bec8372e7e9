"""Files of a fixed number of rows."""

from __future__ import annotations

from pathlib import Path

import polars as pl


class RowsWriter:
    """Cuts frames in hash order into files of a fixed number of rows, whatever the frames' sizes."""

    def __init__(self, folder: Path, *, rows_per_file: int) -> None:
        self.rows = 0
        self._folder = folder
        self._rows_per_file = rows_per_file
        self._pending: list[pl.DataFrame] = []
        self._number = 0
        folder.mkdir()

    def add(self, df: pl.DataFrame) -> None:
        """Take the next rows and write every file that is full."""
        self.rows += df.height
        self._pending.append(df)
        while sum(part.height for part in self._pending) >= self._rows_per_file:
            whole = pl.concat(self._pending)
            self._write(whole.head(self._rows_per_file))
            self._pending = [whole.slice(self._rows_per_file)]

    def close(self) -> None:
        """Write what is left; at least one file is written."""
        rest = pl.concat(self._pending) if self._pending else None
        if rest is not None and (rest.height or self._number == 0):
            self._write(rest)

    def _write(self, df: pl.DataFrame) -> None:
        # One chunk, so that the bytes do not tell how many buckets there were.
        path = self._folder / f"part-{self._number:05d}.parquet"
        df.rechunk().drop("h").write_parquet(path, compression="zstd")
        self._number += 1
