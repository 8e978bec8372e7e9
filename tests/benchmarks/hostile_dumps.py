"""The dumps of ``make bench-memory``: simulated ones, and hostile shapes that are made out of them, a file at a time."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tests.benchmarks import simulated

_OTHERS = 1_000  # customers beside the one that has all other lines; nine are as many as ten segments need
_FIRST = 12_346  # id of the first customer of a simulated dump
_ALL = 1.0  # id of the one
_LETTERS = 2_000
_DIGITS = 20  # of a 64-bit number
_ID_LETTERS = 36
_FILES = 20
_LINE = "line"  # number of a line in the whole dump

_OWN_FEATURE = """
[features.own]
words = "avg(length(description))"
"""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One dump.

    Attributes
    ----------
    title : str
    millions : float
        Lines.
    change : callable, optional
        From simulated lines, with their number in the dump, to those of this shape; else they stay as they are.
    shuffled : bool
        Whether lines lie in random order.
    job : str
        What the job has beside the usual.
    """

    title: str
    millions: float
    change: Callable[[pl.LazyFrame], pl.LazyFrame] | None = None
    shuffled: bool = False
    job: str = ""


def _one_customer(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Give all lines to one customer, those without one too, but for those of a few others."""
    customer = pl.col("CustomerID")
    few = customer.is_between(_FIRST, _FIRST + _OTHERS, closed="left").fill_null(False)
    return lines.with_columns(CustomerID=pl.when(few).then(customer).otherwise(_ALL))


def _own_customers(lines: pl.LazyFrame) -> pl.LazyFrame:
    return lines.with_columns(CustomerID=(pl.col(_LINE) + 1).cast(pl.Float64))


def _long_descriptions(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Give every line a description of its own, which a file compresses to next to nothing."""
    number = pl.col(_LINE).hash(1).cast(pl.String).str.zfill(_DIGITS)
    return lines.with_columns(Description=pl.concat_str([number] * (_LETTERS // _DIGITS)))


def _long_ids(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Give customers ids that are in no order, as long as a UUID."""
    customer = pl.col("CustomerID")
    parts = [customer.hash(seed).cast(pl.String).str.zfill(_DIGITS) for seed in (1, 2)]
    text = pl.concat_str(parts).str.head(_ID_LETTERS)
    return lines.with_columns(CustomerID=pl.when(customer.is_not_null()).then(text))


SHAPES = {
    "small": Shape(title="ordinary", millions=1),
    "middle": Shape(title="ordinary", millions=5),
    "large": Shape(title="ordinary", millions=20),
    "one": Shape(title="one customer with nearly all lines", millions=20, change=_one_customer),
    "own": Shape(title="every line a customer of its own", millions=5, change=_own_customers),
    "long": Shape(
        title=f"descriptions of {_LETTERS:,} letters, named by a feature",
        millions=1,
        change=_long_descriptions,
        job=_OWN_FEATURE,
    ),
    "ids": Shape(title=f"customer ids of {_ID_LETTERS} letters in no order", millions=20, change=_long_ids),
    "random": Shape(title="lines in random order", millions=20, shuffled=True),
}


def dump(name: str, folder: Path, times: float) -> Path:
    """Return the dump of a shape in so many times its lines, which is made where it is not there.

    Parameters
    ----------
    name : str
        Of :data:`SHAPES`.
    folder : Path
        Where dumps lie.
    times : float
    """
    shape = SHAPES[name]
    rows = round(shape.millions * 1e6 * times)
    plain = simulated.dump(folder, rows)
    if shape.change is None and not shape.shuffled:
        return plain
    out = simulated.place(folder, rows, name)
    if not out.is_dir():
        part = out.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        files = _in_random_order(plain) if shape.shuffled else _file_by_file(plain)
        for number, lines in enumerate(files):
            changed = shape.change(lines) if shape.change else lines
            changed.drop(_LINE).sink_parquet(part / f"{number:03}.parquet")
        part.rename(out)
    return out


def _file_by_file(plain: Path) -> Iterator[pl.LazyFrame]:
    before = 0
    for path in sorted(plain.iterdir()):
        lines = pl.scan_parquet(path)
        yield lines.with_row_index(_LINE, offset=before)
        before += lines.select(pl.len()).collect().item()


def _in_random_order(plain: Path) -> Iterator[pl.LazyFrame]:
    """Give lines file by file, each of which has a random part of all; the dump is read as often."""
    place = pl.col(_LINE).hash(1)
    lines = pl.scan_parquet(plain / "*.parquet").with_row_index(_LINE)
    for number in range(_FILES):
        yield lines.filter(place % _FILES == number).sort(place)
