"""Excel files, converted once to Parquet, every cell as text: sheets with the header of the first are one table."""

from __future__ import annotations

import re
import zipfile
import zlib
from dataclasses import dataclass
from functools import reduce
from pathlib import Path, PurePath
from typing import IO, TYPE_CHECKING

from segcore import errors
from segcore.ingest.files import Source
from segcore.ingest.records import MALFORMED, RECORD, TEXT
from segcore.ingest.structure import field_name, header_names

if TYPE_CHECKING:
    import fastexcel

# Memory for each byte of a sheet's unpacked XML while it is read.
_MEMORY_A_BYTE = 2.5
# And for each cell of the range that is used, empty ones included: the reader lays all of them out.
_MEMORY_A_CELL = 60
_CELL = re.compile(rb"""\br=["']([A-Z]{1,3})([0-9]{1,7})["']""")
_LONGEST_REFERENCE = 16  # bytes
_BLOCK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Sheets:
    """The sheets of a workbook that are one table.

    Attributes
    ----------
    names : tuple of str
        Columns, as the header names them.
    n_records : int
        Rows that are not empty.
    others : list of str
        Sheets that have another header, and were left aside.
    """

    names: tuple[str, ...]
    n_records: int
    others: list[str]


def convert(source: Source, path: Path, target: Path, *, memory: int) -> Sheets:
    """Write all sheets of a workbook that share the first one's header to a Parquet file.

    Parameters
    ----------
    source : Source
        What messages name.
    path : Path
        Where its bytes are.
    target : Path
    memory : int
        Budget in bytes: a workbook cannot be read as a stream.

    Raises
    ------
    segcore.errors.DataError
        If the file is damaged, holds no table, or does not fit into the budget.
    """
    import fastexcel
    import polars as pl

    _check_size(source, path, memory)
    try:
        book = fastexcel.read_excel(path)
        header: tuple[str, ...] = ()
        frames: list[pl.DataFrame] = []
        others: list[str] = []
        for name in book.sheet_names:
            df = book.load_sheet(name, dtypes="string", header_row=0).to_polars()
            if df.width == 0:
                continue
            names = _header(book, name)
            header = header or names
            if names == header:
                frames.append(df.rename(dict(zip(df.columns, map(field_name, range(df.width)), strict=True))))
            else:
                others.append(name)
    except (fastexcel.FastExcelError, pl.exceptions.PolarsError, ValueError, OSError) as exc:
        reason = str(exc).splitlines()[0]
        raise errors.DataError(f"{source.name}: cannot be read as Excel: {reason}") from exc
    if not frames:
        raise errors.DataError(f"{source.name}: no sheet holds a table; expected a header in the first row")
    table = pl.concat(frames).with_row_index(RECORD, offset=1).cast({RECORD: pl.UInt64})
    table = table.filter(~pl.all_horizontal(pl.col(frames[0].columns).is_null()))
    table = table.with_columns(pl.lit(False).alias(MALFORMED), pl.lit(None, pl.String).alias(TEXT))
    table.write_parquet(target, compression="zstd")
    return Sheets(names=header, n_records=table.height, others=others)


def _header(book: fastexcel.ExcelReader, sheet: str) -> tuple[str, ...]:
    """Return the names in the first row, where fastexcel gives a name that stands twice another one in silence."""
    first = book.load_sheet(sheet, dtypes="string", header_row=None, n_rows=1).to_polars().row(0)
    return header_names("" if name is None else str(name) for name in first)


def _check_size(source: Source, path: Path, memory: int) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            parts = [info for info in archive.infolist() if info.filename.startswith("xl/")]
            unpacked = sum(info.file_size for info in parts) * _MEMORY_A_BYTE
            _check(source, unpacked, memory, "an Excel file is read at once and")
            for info in parts:
                if info.filename.startswith("xl/worksheets/") and info.filename.endswith(".xml"):
                    with archive.open(info) as sheet:
                        rows, columns, last = _used(sheet)
                    what = f"{PurePath(info.filename).stem} reaches to cell {last}: all up to there is read at once and"
                    _check(source, rows * columns * _MEMORY_A_CELL, memory, what)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError) as exc:
        raise errors.DataError(
            f"{source.name}: the file is damaged or breaks off: {exc}; fetch or export it again"
        ) from exc


def _check(source: Source, needed: float, memory: int, what: str) -> None:
    if needed > memory:
        raise errors.DataError(
            f"{source.name}: {what} needs about {needed / 1e6:,.0f} MB, the budget is {memory / 1e6:,.0f} MB: "
            "save it as CSV, or give --memory"
        )


def _used(sheet: IO[bytes]) -> tuple[int, int, str]:
    """Return rows, columns and the last cell of the smallest range from A1 that holds all cells of a sheet, as its XML says."""
    rows, columns, rest = 0, "", b""
    while block := sheet.read(_BLOCK):
        found = _CELL.findall(rest + block)
        if found:
            rows = max(rows, *(int(row) for _, row in found))
            columns = max(
                columns, *{letters.decode() for letters, _ in found}, key=lambda name: (len(name), name)
            )
        rest = block[-_LONGEST_REFERENCE:]
    number = reduce(lambda sum_, letter: sum_ * 26 + ord(letter) - ord("A") + 1, columns, 0)
    return rows, number, f"{columns}{rows}"
