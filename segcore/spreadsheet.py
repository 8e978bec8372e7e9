"""Tables that a spreadsheet opens and takes for what they say: CSV with guarded texts, in files that it opens whole.

A spreadsheet makes a number of an id such as ``007`` or ``1E5``, a date of ``3-4``, and runs what begins with ``=``. What it
could take so gets an apostrophe in front, ids that begin with one get another: without the first apostrophe an id is as in
the Parquet files.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from pathlib import Path

import polars as pl

ROWS = 1_048_575
"""What a spreadsheet opens: its rows, less the header."""

ID = "customer_id"
# Cells that begin so are formulas to a spreadsheet, signs of full width too; where ; separates cells, one begins behind it.
_FORMULA = r"(^|[;\t\n\r])(\s*[=+\-@＝＋－＠])"
# An id with a digit could be a number, a date or a time, unless it is an e-mail address.
_TAKEN_FOR_ANOTHER = r"^[^@]*\d[^@]*$|^'"


def guarded(df: pl.DataFrame, *, machine: bool = False) -> pl.DataFrame:
    """Put an apostrophe before text that a spreadsheet would run as a formula, and before ids that it would change.

    Parameters
    ----------
    df : DataFrame
    machine : bool
        Leave ids that a spreadsheet would take for numbers and dates as they are: no spreadsheet reads the file.
    """
    texts = [name for name, dtype in df.schema.items() if dtype == pl.String]
    safe = df.with_columns(
        pl.col(name).str.replace_all(_FORMULA, "${1}'${2}").str.replace(r"^([\t\r])", "'${1}")
        for name in texts
    )
    if machine or ID not in texts:
        return safe
    changed = (pl.col(ID) == df[ID]) & df[ID].str.contains(_TAKEN_FOR_ANOTHER)
    return safe.with_columns(pl.when(changed).then("'" + pl.col(ID)).otherwise(ID).alias(ID))


class Writer:
    """Appends frames to a CSV as :func:`write` does: for several files in one pass over the frames.

    Attributes
    ----------
    paths : list of Path
        The files so far.
    """

    def __init__(self, path: Path, *, machine: bool = False, rows: int = ROWS) -> None:
        self.paths: list[Path] = []
        self._path, self._machine, self._rows = path, machine, rows
        self._room = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Append a frame of the same columns; the first one gives the header."""
        df = guarded(frame, machine=self._machine)
        while not self.paths or df.height:
            if not self._room:
                self._begin(df)
            part, df = df.head(self._room), df.slice(self._room)
            with open(self.paths[-1], "ab") as file:
                part.write_csv(file, include_header=False)
            self._room -= part.height

    def _begin(self, df: pl.DataFrame) -> None:
        end = f"-{len(self.paths) + 1}" if self.paths else ""
        self.paths.append(self._path.with_stem(f"{self._path.stem}{end}"))
        mark = b"" if self._machine else codecs.BOM_UTF8
        self.paths[-1].write_bytes(mark + df.clear().write_csv().encode())
        self._room = self._rows


def write(
    path: Path, frames: Iterable[pl.DataFrame], *, machine: bool = False, rows: int = ROWS
) -> list[Path]:
    """Write frames of the same columns as one CSV, or as several where a spreadsheet would not open all rows.

    Parameters
    ----------
    path : Path
        Of the first; the next ones are called ``-2``, ``-3`` and so on behind its name.
    frames : iterable of polars.DataFrame
    machine : bool
        Whether a program reads the file, which takes a byte order mark for a part of the first name.
    rows : int
        Of one file at most.

    Returns
    -------
    list of Path
        The files, UTF-8, with a byte order mark for spreadsheets.
    """
    writer = Writer(path, machine=machine, rows=rows)
    for frame in frames:
        writer.add(frame)
    return writer.paths
