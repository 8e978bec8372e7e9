"""The patterns of values: ``12/1/2010 8:26`` has the pattern ``99/9/9999 9:99``.

A digit is 9, a word of three letters or more is w; a number that begins with 0 and a mark has a z before. There are few
patterns however many lines, so one narrow streaming pass counts them all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl
from polars import selectors

from segcore.ingest.grouping import FileGroup

NUMBERS = ("quantity", "unit_price", "line_amount")
_LONGEST = 40


@dataclass(frozen=True, kw_only=True)
class PatternCount:
    """How often a pattern occurs in a column.

    Attributes
    ----------
    column, pattern : str
    lines : int
    example : str
    day_first, month_first, unequal : int
        Of dates like ``12/1/2010``: how many can only have the day or the month first, and how many could have either
        and would differ.
    day_example, month_example : str or None
    """

    column: str
    pattern: str
    lines: int
    example: str
    day_first: int
    month_first: int
    unequal: int
    day_example: str | None
    month_example: str | None


def count(lf: pl.LazyFrame, group: FileGroup, numbers: Sequence[str] = NUMBERS) -> pl.LazyFrame:
    """Count the patterns of the dates and numbers in a group of files: the fields of :class:`PatternCount`."""
    columns = [name for name in ("ordered_at", *numbers) if name in group.columns]
    texts = [
        name
        for name in columns
        if group.dtypes[name] == pl.String or (name == "ordered_at" and group.dtypes[name].is_numeric())
    ]
    lf = lf.filter(~pl.col("malformed")).select(pl.col(name).cast(pl.String) for name in texts or columns)
    if not texts:
        lf = lf.head(0)
    text = pl.col("text").str.strip_chars()
    pattern = text.str.replace_all(r"\d", "9").str.replace_all(r"\p{L}{3,}", "w").str.slice(0, _LONGEST)
    leading = pl.when(text.str.contains(r"^\D{0,3}0[.,]")).then(pl.lit("z")).otherwise(pl.lit(""))
    date = pl.when(pl.col("column") == "ordered_at").then(text)
    pair = date.str.extract_groups(r"^(\d\d?)[-/.](\d\d?)[-/.]\d")
    first, second = (pair.struct.field(n).cast(pl.UInt8, strict=False) for n in ("1", "2"))
    day_first = first.is_between(13, 31) & (second <= 12)
    month_first = second.is_between(13, 31) & (first <= 12)
    return (
        lf.unpivot(variable_name="column", value_name="text")
        .filter(text != "")
        .with_columns(pattern=leading + pattern, day_first=day_first, month_first=month_first)
        .with_columns(unequal=(first != second) & (first <= 12) & (second <= 12))
        .group_by("column", "pattern")
        .agg(
            lines=pl.len(),
            example=text.min(),
            day_first=pl.col("day_first").sum(),
            month_first=pl.col("month_first").sum(),
            unequal=pl.col("unequal").sum(),
            day_example=pl.when("day_first").then(text).min(),
            month_example=pl.when("month_first").then(text).min(),
        )
    )


def add_up(counts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Add up what was counted in parts of a group of files."""
    df = pl.concat(counts)
    total, least = selectors.numeric().sum(), selectors.ends_with("example").min()
    return df.group_by("column", "pattern").agg(total, least).select(df.columns)


def by_frequency(counts: pl.DataFrame) -> list[PatternCount]:
    """Return the patterns, the most frequent first."""
    ordered = counts.sort("lines", "pattern", descending=[True, False])
    return [PatternCount(**row) for row in ordered.iter_rows(named=True)]
