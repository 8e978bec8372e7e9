"""Files by month, written piece by piece: whatever the size of the dump, only one piece is in memory."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal, Self

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from segcore.errors import OutputError, StorageError

Format = Literal["csv", "parquet"]
Sink = Callable[[pl.DataFrame], None]


def _csv_sink(path: Path, schema: dict[str, pl.DataType], files: ExitStack) -> Sink:
    file = files.enter_context(path.open("wb"))
    pl.DataFrame(schema=schema).write_csv(file)

    def write(df: pl.DataFrame) -> None:
        df.write_csv(file, include_header=False)

    return write


def _parquet_sink(path: Path, schema: dict[str, pl.DataType], files: ExitStack) -> Sink:
    names = pl.DataFrame(schema=schema).to_arrow().schema
    # The arrow schema is left out: it would make readers see large_string instead of plain text.
    writer = files.enter_context(pq.ParquetWriter(path, names, compression="zstd", store_schema=False))

    def write(df: pl.DataFrame) -> None:
        writer.write_table(df.to_arrow())

    return write


_SINKS = {"csv": _csv_sink, "parquet": _parquet_sink}
FORMATS = tuple(_SINKS)


class MonthFiles:
    """The files of a dump, opened when the first line of their month comes.

    Parameters
    ----------
    folder : Path
    format : {"csv", "parquet"}
    schema : dict of str to polars.DataType
    """

    def __init__(self, folder: Path, *, format: Format, schema: dict[str, pl.DataType]) -> None:
        self.folder = folder
        self.format = format
        self.schema = schema
        self.paths: list[Path] = []
        self._open: dict[str, Sink] = {}
        self._files = ExitStack()

    def write(self, name: str, df: pl.DataFrame) -> None:
        """Append lines to the file `name` (without its ending)."""
        if name not in self._open:
            path = self.folder / f"{name}.{self.format}"
            self._open[name] = _SINKS[self.format](path, self.schema, self._files)
            self.paths.append(path)
        self._open[name](df)

    def close(self) -> None:
        """Finish all open files; a later write starts new ones, under new names."""
        self._open.clear()
        self._files.close()

    def __enter__(self) -> Self:
        """Return itself; the files are finished at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Finish all open files."""
        self.close()


@contextmanager
def fresh_folder(out: Path, *, beside: Path) -> Iterator[tuple[Path, Path]]:
    """Give a folder and a file to write to that become `out` and `beside` only when all went well.

    Raises
    ------
    OutputError
        If `out` is there and not an empty folder, or one of them cannot be created.
    StorageError
        If the disk is full or writing fails.
    """
    partial = out.with_name(f"{out.name}.partial")
    partial_file = beside.with_name(f"{beside.stem}.partial.parquet")
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise OutputError(f"{out} is there already and not an empty folder: choose another or remove it")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        beside.parent.mkdir(parents=True, exist_ok=True)
        partial_file.touch()
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise OutputError(f"cannot create {error.filename or out}: {error.strerror or error}") from error
    try:
        yield partial, partial_file
        partial_file.replace(beside)
        partial.rename(out)
    except (OSError, pa.ArrowException, pl.exceptions.PolarsError) as error:
        raise StorageError(f"writing {out} failed: {error}") from error
    finally:
        partial_file.unlink(missing_ok=True)
        shutil.rmtree(partial, ignore_errors=True)
