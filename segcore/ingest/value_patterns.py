"""The shapes of values: ``12/1/2010 8:26`` has the shape ``99/9/9999 9:99``.

A digit is 9, a word of three letters or more is w; a number that begins with 0 and a mark has a z before. There are few
shapes however many lines, so one narrow streaming pass finds them all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl
from polars import selectors

from segcore.ingest.grouping import FileGroup

NUMBERS = ("quantity", "unit_price", "line_amount")
_LONGEST = 40


def count(lf: pl.LazyFrame, group: FileGroup, numbers: Sequence[str] = NUMBERS) -> pl.LazyFrame:
    """Count the shapes of the dates and numbers in a group of files.

    Returns
    -------
    polars.LazyFrame
        ``column, shape, lines, example``, and of dates like ``12/1/2010``: ``day_first`` and ``month_first``, how many
        can only be the one, an example of each, and ``unequal``, how many could be both and would differ.
    """
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
    shape = text.str.replace_all(r"\d", "9").str.replace_all(r"\p{L}{3,}", "w").str.slice(0, _LONGEST)
    leading = pl.when(text.str.contains(r"^\D{0,3}0[.,]")).then(pl.lit("z")).otherwise(pl.lit(""))
    date = pl.when(pl.col("column") == "ordered_at").then(text)
    pair = date.str.extract_groups(r"^(\d\d?)[-/.](\d\d?)[-/.]\d")
    first, second = (pair.struct.field(n).cast(pl.UInt8, strict=False) for n in ("1", "2"))
    day_first = first.is_between(13, 31) & (second <= 12)
    month_first = second.is_between(13, 31) & (first <= 12)
    return (
        lf.unpivot(variable_name="column", value_name="text")
        .filter(text != "")
        .with_columns(shape=leading + shape, day_first=day_first, month_first=month_first)
        .with_columns(unequal=(first != second) & (first <= 12) & (second <= 12))
        .group_by("column", "shape")
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


def add_up(found: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Add up the shapes that were counted in parts of a group of files."""
    df = pl.concat(found)
    total, least = selectors.numeric().sum(), selectors.ends_with("example").min()
    return df.group_by("column", "shape").agg(total, least).select(df.columns)
