"""The patterns of values: ``12/1/2010 8:26`` has the pattern ``99/9/9999 9:99``.

A digit is 9, a word of three letters or more is w; a number that begins with 0 and a mark has a z before. There are few
patterns however many lines, so one narrow streaming pass counts them all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import polars as pl
from polars import selectors

from segcore.expressions import carried
from segcore.ingest.file_group import FileGroup

NUMBERS = ("quantity", "unit_price", "line_amount")
_LONGEST = 40


# Orders of a date of three short numbers, and pairs of them.
ORDERS = ("day-first", "month-first", "year-first")
PAIRS = tuple(combinations(ORDERS, 2))
_THREE_NUMBERS = r"^(\d\d?)[-/.](\d\d?)[-/.](\d{4}|\d\d)(?:\D|$)"
_LAST_SHORT_YEAR = 68  # of this century


@dataclass(frozen=True, kw_only=True)
class PatternCount:
    """How often a pattern occurs in a column.

    Attributes
    ----------
    column, pattern : str
    lines : int
    example : str
    unlike : dict of str to int
        Of dates like ``12/1/2010``: how many cannot have an order, but another one.
    unlike_examples : dict of str to str or None
    differ : dict of (str, str) to int
        Of such dates: how many two orders read as different days.
    """

    column: str
    pattern: str
    lines: int
    example: str
    unlike: dict[str, int]
    unlike_examples: dict[str, str | None]
    differ: dict[tuple[str, str], int]


def count(
    lf: pl.LazyFrame,
    group: FileGroup,
    numbers: Sequence[str] = NUMBERS,
    *,
    last_year: int = 9999,
    by: Sequence[str] = (),
) -> pl.LazyFrame:
    """Count the patterns of the dates and numbers in a group of files, for :func:`by_frequency`.

    Parameters
    ----------
    lf : polars.LazyFrame
        As :func:`segcore.ingest.scan` returns it.
    group : FileGroup
    numbers : sequence of str
        The columns of numbers.
    last_year : int
        The last one that a date can have.
    by : sequence of str
        Columns by whose values patterns are counted apart.
    """
    columns = [name for name in ("ordered_at", *numbers) if name in group.columns]
    off = {carried(column): group.carried[column] for column in group.discounts.values()}
    dtypes = group.dtypes | off
    texts = [
        name
        for name in (*columns, *off)
        if dtypes[name] == pl.String or (name == "ordered_at" and dtypes[name].is_numeric())
    ]
    lf = lf.filter(~pl.col("malformed")).select(
        *by, *(pl.col(name).cast(pl.String) for name in texts or columns)
    )
    if not texts:
        lf = lf.head(0)
    text = pl.col("text").str.strip_chars()
    digits = text.str.replace_all(r"\d", "9")
    # A currency's code stays in numbers.
    words = pl.when(pl.col("column") == "ordered_at").then(digits.str.replace_all(r"\p{L}{3,}", "w"))
    pattern = words.otherwise(digits.str.replace_all(r"\p{L}{4,}", "w")).str.slice(0, _LONGEST)
    leading = pl.when(text.str.contains(r"^\D{0,3}0[.,]")).then(pl.lit("z")).otherwise(pl.lit(""))
    date = pl.when(pl.col("column") == "ordered_at").then(text)
    return (
        lf.unpivot(index=by, variable_name="column", value_name="text")
        .filter(text != "")
        .with_columns(pattern=leading + pattern, numbers=date.str.extract_groups(_THREE_NUMBERS))
        .with_columns(_orders(last_year))
        .with_columns((pl.any_horizontal(ORDERS) & ~pl.col(order)).alias(f"not {order}") for order in ORDERS)
        .group_by(*by, "column", "pattern")
        .agg(
            pl.len().alias("lines"),
            text.min().alias("example"),
            *(pl.col(f"not {order}").sum() for order in ORDERS),
            *(pl.when(f"not {order}").then(text).min().alias(f"{order} example") for order in ORDERS),
            *(pl.col(f"{one} or {other}").sum() for one, other in PAIRS),
        )
    )


def _orders(last_year: int) -> list[pl.Expr]:
    """Return for each order whether a date can have it, and for each pair whether it could be two different days."""
    texts = [pl.col("numbers").struct.field(place) for place in ("1", "2", "3")]
    first, second, third = (text.cast(pl.Int32, strict=False) for text in texts)
    short = texts[2].str.len_bytes() == 2

    def year(number: pl.Expr) -> pl.Expr:
        century = pl.when(number <= _LAST_SHORT_YEAR).then(2000).otherwise(1900)
        return pl.when(short).then(number + century).otherwise(number).is_between(1970, last_year)

    def may_be(order: pl.Expr) -> pl.Expr:
        return order.fill_null(False)

    day = may_be(first.is_between(1, 31) & second.is_between(1, 12) & year(third))
    month = may_be(first.is_between(1, 12) & second.is_between(1, 31) & year(third))
    two_digits = short & (texts[0].str.len_bytes() == 2)
    year_first = may_be(two_digits & year(first) & second.is_between(1, 12) & third.is_between(1, 31))
    apart = (first != second, first != third, (first != second) | (first != third))
    can = dict(zip(ORDERS, (day, month, year_first), strict=True))
    return [
        *(value.alias(order) for order, value in can.items()),
        *(
            (can[one] & can[other] & different).fill_null(False).alias(f"{one} or {other}")
            for (one, other), different in zip(PAIRS, apart, strict=True)
        ),
    ]


def add_up(counts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Add up what was counted in parts of a group of files."""
    df = pl.concat(counts)
    total, least = selectors.numeric().sum(), selectors.ends_with("example").min()
    return df.group_by("column", "pattern").agg(total, least).select(df.columns)


def by_frequency(counts: pl.DataFrame) -> list[PatternCount]:
    """Return the patterns, the most frequent first."""
    ordered = counts.sort("lines", "pattern", descending=[True, False])
    return [
        PatternCount(
            **{name: row[name] for name in ("column", "pattern", "lines", "example")},
            unlike={order: row[f"not {order}"] for order in ORDERS},
            unlike_examples={order: row[f"{order} example"] for order in ORDERS},
            differ={(one, other): row[f"{one} or {other}"] for one, other in PAIRS},
        )
        for row in ordered.iter_rows(named=True)
    ]
