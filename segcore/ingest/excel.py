"""Excel files, converted once to Parquet, every cell as text: sheets with the header of the first are one table."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path, PurePath
from typing import IO, TYPE_CHECKING

from segcore import errors, job
from segcore.ingest import layout
from segcore.ingest.files import Source
from segcore.ingest.records import MALFORMED, RECORD, TEXT
from segcore.ingest.structure import field_name, header_names

if TYPE_CHECKING:
    import polars as pl

# Memory for each byte of a sheet's unpacked XML while it is read.
_MEMORY_A_BYTE = 2.5
# And for each cell of the range that is used, empty ones included: the reader lays all of them out.
_MEMORY_A_CELL = 60
_CELL = re.compile(rb"""\br=["']([A-Z]{1,3})([0-9]{1,7})["']""")
_LONGEST_REFERENCE = 16  # bytes
_BLOCK = 1 << 20
_MOST_ROWS = 1_001  # in which a header is looked for


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
    above : int
        Rows above the headers.
    """

    names: tuple[str, ...]
    n_records: int
    others: list[str]
    above: int


def convert(source: Source, path: Path, target: Path, settings: job.Input, *, memory: int) -> Sheets:
    """Write the sheets of a workbook that share a header to a Parquet file.

    The header is that of the first sheet that names what is needed; where none does, that of the first one.

    Parameters
    ----------
    source : Source
        What messages name.
    path : Path
        Where its bytes are.
    target : Path
    settings : segcore.job.Input
    memory : int
        Budget in bytes: a workbook cannot be read as a stream.

    Raises
    ------
    segcore.errors.DataError
        If the file is damaged, holds no table or two that could be meant, or does not fit into the budget.
    """
    import fastexcel
    import polars as pl

    _check_size(source, path, memory)
    tables: dict[str, tuple[tuple[str, ...], pl.DataFrame]] = {}
    above = 0
    try:
        book = fastexcel.read_excel(path)
        for name in _wanted(source, book.sheet_names, settings.sheet):
            df = book.load_sheet(name, dtypes="string", header_row=None).to_polars()
            if df.width:
                place, names = _header(df, settings)
                columns = dict(zip(df.columns, map(field_name, range(df.width)), strict=True))
                tables[name] = (names, df.slice(place + 1 if settings.header else place).rename(columns))
                above += place if settings.header else 0
    except (fastexcel.FastExcelError, pl.exceptions.PolarsError, ValueError, OSError) as exc:
        reason = str(exc).splitlines()[0]
        raise errors.DataError(f"{source.name}: cannot be read as Excel: {reason}") from exc
    if not tables:
        raise errors.DataError(f"{source.name}: no sheet holds a table; expected a header in the first row")
    header = _chosen(source, {name: names for name, (names, _) in tables.items()})
    frames = [df for names, df in tables.values() if names == header]
    table = pl.concat(frames).with_row_index(RECORD, offset=1).cast({RECORD: pl.UInt64})
    table = table.filter(~pl.all_horizontal(pl.col(frames[0].columns).is_null()))
    table = table.with_columns(pl.lit(False).alias(MALFORMED), pl.lit(None, pl.String).alias(TEXT))
    table.write_parquet(target, compression="zstd")
    others = [name for name, (names, _) in tables.items() if names != header]
    return Sheets(names=header, n_records=table.height, others=others, above=above)


def _wanted(source: Source, sheets: Sequence[str], sheet: str) -> Sequence[str]:
    if sheet and sheet not in sheets:
        raise errors.DataError(
            f"{source.name}: there is no sheet {sheet!r}{errors.did_you_mean(sheet, sheets)}; sheets: "
            f"{errors.listing(sheets, in_order=True)}"
        )
    return [sheet] if sheet else sheets


def _chosen(source: Source, headers: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the header that names what is needed, else the first one."""
    fitting = {name: names for name, names in headers.items() if layout.names_what_is_needed(names)}
    if len({*fitting.values()}) > 1:
        raise errors.DataError(
            f"{source.name}: sheets {errors.listing(fitting, in_order=True)} have different headers, and each could be the "
            "lines: input.sheet names the one to read"
        )
    return next(iter((fitting or headers).values()))


def _header(df: pl.DataFrame, settings: job.Input) -> tuple[int, tuple[str, ...]]:
    """Return the row of the header and its names, where fastexcel gives a name that stands twice another one in silence."""
    if not settings.header:
        return settings.skip_lines, header_names([""] * df.width)
    rows = [["" if value is None else str(value) for value in row] for row in df.head(_MOST_ROWS).iter_rows()]
    place = settings.skip_lines or layout.header_place(rows)
    return place, header_names(rows[place] if place < len(rows) else [""] * df.width)


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
        cells = _CELL.findall(rest + block)
        if cells:
            rows = max(rows, *(int(row) for _, row in cells))
            columns = max(
                columns, *{letters.decode() for letters, _ in cells}, key=lambda name: (len(name), name)
            )
        rest = block[-_LONGEST_REFERENCE:]
    number = reduce(lambda sum_, letter: sum_ * 26 + ord(letter) - ord("A") + 1, columns, 0)
    return rows, number, f"{columns}{rows}"
