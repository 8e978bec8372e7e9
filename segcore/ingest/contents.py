"""What stands in the columns of files, as far as their first lines tell: names alone may mislead."""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import polars as pl

from segcore.ingest import row_groups, timestamps
from segcore.ingest.bytestream import blocks
from segcore.ingest.failures import broken_file
from segcore.ingest.prepared import Prepared

_MOST_FILES, _MOST_LINES = 8, 200  # of the files with one header, and of each of them
_LONGEST = 40
_MOST_DIGITS = 38  # of a Decimal
_NUMBER = re.compile(r"[^\w]*(?:[A-Z]{3}\s*)?[-+−(]?\s*(?:\d[\d.,\s'’]*|[.,]\d+)(?:[eE][+-]?\d+)?\D{0,5}")
_WHOLE = re.compile(r"[-+]?\d+(?:\.0+)?")
# Three groups of digits with something between them, a month's name, or one long number; no part can be taken in two ways,
# else a text of thousands of letters takes minutes.
_DATE = re.compile(
    r"\D{0,6}\d{1,4}\D{1,5}\d{1,2}\D{1,5}\d{1,4}\b.*|(?>.*?[^\W\d_]{3})\D*+\d.*|\d{8}|\d{12}|\d{14}|\d{9,13}(?:\.\d+)?|[34]\d{4}(?:\.\d+)?"
)

# Codes of currencies that shops take, but for those that are words of other columns too, such as ALL and TOP.
_CURRENCY = re.compile(
    "AED|ARS|AUD|BGN|BRL|CAD|CHF|CLP|CNY|COP|CZK|DKK|EGP|EUR|GBP|HKD|HUF|IDR|ILS|INR|ISK|JPY|KES|KRW|MXN|MYR|NGN|NOK|NZD|PEN|"
    "PHP|PKR|PLN|RON|RSD|RUB|SAR|SEK|SGD|THB|TRY|TWD|UAH|USD|VND|ZAR",
    re.IGNORECASE,
)

Kind = Literal["number", "date", "any"]


@dataclass(frozen=True, kw_only=True)
class Content:
    """What some values of a column are.

    Attributes
    ----------
    example : str
        The first of them; empty where there is none.
    empty : bool
        Whether nothing stands in it, not even a word for a missing value.
    given, numbers, whole, dates : int
        Values that are given; those that look like numbers, like whole ones, like dates.
    """

    example: str = ""
    empty: bool = True
    given: int = 0
    numbers: int = 0
    whole: int = 0
    dates: int = 0

    def may_be(self, kind: Kind) -> bool:
        """Whether half of the values or more are of a kind; so are none."""
        fitting = {"number": self.numbers, "date": self.dates, "any": self.given}[kind]
        return 2 * fitting >= self.given

    @property
    def is_whole(self) -> bool:
        """Whether there are values, all of them whole numbers."""
        return 0 < self.given == self.whole


def is_value(text: str) -> bool:
    """Whether a text is a number or a date, and hardly the name of a column."""
    return any(pattern.fullmatch(text) for pattern in (_NUMBER, _WHOLE)) or (
        text[:1].isdigit() and _DATE.fullmatch(text) is not None
    )


def of_columns(
    files: Sequence[Prepared], null_texts: Sequence[str], wanted: Callable[[str], bool] = bool
) -> dict[str, Content]:
    """Look at the first lines of some files with the same columns, in any order; of a name that stands twice at the first.

    Parameters
    ----------
    files : sequence of Prepared
    null_texts : sequence of str
    wanted : callable
        Which names matter: a Parquet file may have large groups of rows, of which no more columns are read than that.
    """
    step = -(-len(files) // _MOST_FILES)
    values: dict[str, list[str]] = {name: [] for name in files[0].names if wanted(name)}
    for file in files[::step]:
        with broken_file(file.source.name):
            for name, texts in _head(file, wanted).items():
                values[name] += (text for text in map(str.strip, texts) if text)
    return {name: _content(texts, null_texts) for name, texts in values.items()}


def of_currencies(
    files: Sequence[Prepared], null_texts: Sequence[str], wanted: Callable[[str], bool]
) -> list[str]:
    """Return the columns in whose first lines nothing but codes of currencies stands; as for :func:`of_columns`."""
    step = -(-len(files) // _MOST_FILES)
    has_codes = {name: False for name in files[0].names if wanted(name)}
    for file in files[::step]:
        with broken_file(file.source.name):
            for name, texts in _head(file, has_codes.__contains__).items():
                values = {text.strip() for text in texts}.difference(null_texts)
                if not all(map(_CURRENCY.fullmatch, values)):
                    del has_codes[name]
                elif values:
                    has_codes[name] = True
    return [name for name, some in has_codes.items() if some]


def _content(texts: Sequence[str], null_texts: Sequence[str]) -> Content:
    values = [text for text in texts if text not in null_texts]
    return Content(
        empty=not texts,
        example=" ".join(values[0].split())[:_LONGEST] if values else "",
        given=len(values),
        numbers=sum(_NUMBER.fullmatch(value) is not None for value in values),
        whole=sum(_WHOLE.fullmatch(value) is not None for value in values),
        dates=sum(_DATE.fullmatch(value) is not None for value in values),
    )


def _head(file: Prepared, wanted: Callable[[str], bool]) -> dict[str, list[str]]:
    """Return what stands in the columns of a file's first lines."""
    places = {name: file.names.index(name) for name in file.names if wanted(name)}
    if file.reader in ("records", "parquet"):
        types = row_groups.schema_of(file.path)
        fields = {name: file.field(name, place) for name, place in places.items()}
        plain = {name: field for name, field in fields.items() if _is_plain(types[field])}
        lf = pl.scan_parquet(file.path, glob=False, hive_partitioning=False, n_rows=_MOST_LINES)
        df = lf.select(pl.col([*plain.values()])).collect()
        return {name: _texts(df.get_column(field)) for name, field in plain.items()}
    text = next(blocks(file.path, file.compression), b"").decode("utf-8", "replace")
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if file.quoted else csv.QUOTE_NONE
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=file.separator, quoting=quoting)
    rows: list[list[str]] = []
    with contextlib.suppress(csv.Error):  # a field beyond what that module reads
        rows += islice(reader, 1, _MOST_LINES + 1)
    return {name: [row[place] for row in rows if place < len(row)] for name, place in places.items()}


def _is_plain(dtype: pl.DataType) -> bool:
    return not (dtype.is_nested() or dtype in (pl.Object, pl.Binary)) and not (
        isinstance(dtype, pl.Decimal) and dtype.precision > _MOST_DIGITS
    )


def _texts(values: pl.Series) -> list[str]:
    if isinstance(values.dtype, pl.Date | pl.Datetime):  # not every one has a Python object
        known = values.to_frame("x").select(timestamps.as_text("x", values.dtype)).to_series()
    elif values.dtype.is_temporal():
        known = values.to_physical()
    else:
        known = values.fill_nan(None) if values.dtype.is_float() else values
    return ["" if value is None else str(value) for value in known.to_list()]
