"""Categories and missing values as columns of 0 and 1: ``channel=web``, ``channel=other``, ``age=`` (missing).

Which columns there are is decided at the fit and kept with the model, so that later customers are encoded the same: a
value that had no column is other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import polars as pl

from segcore import schema

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)

Encodings = Mapping[str, tuple[str, ...]]
"""Feature to its columns of 0 and 1."""


def choose(df: pl.DataFrame, features: Sequence[str], *, most: int) -> dict[str, tuple[str, ...]]:
    """Choose the columns that stand for some features.

    Parameters
    ----------
    df : DataFrame
        Customers, the first in hash order.
    features : sequence of str
        A text becomes a column for each of its most frequent values, one for the others where there are any, and one
        for missing where any is; a number only the last. Where the same customers are missing, the first feature's
        column stands for all: having no row in a table is one fact, however many columns the table has.
    most : int
        Values of a text at most, the most frequent by count and then by name.
    """
    encodings: dict[str, tuple[str, ...]] = {}
    missing_rows: list[pl.Series] = []
    for name in features:
        chosen = _categories(df[name], most) if df[name].dtype == pl.String else []
        missing = df[name].is_null()
        if missing.any() and not any(missing.equals(known) for known in missing_rows):
            missing_rows.append(missing)
            chosen.append(schema.MISSING)
        if chosen:
            encodings[name] = tuple(schema.indicator(name, value) for value in chosen)
    return encodings


def _categories(values: pl.Series, most: int) -> list[str]:
    counts = values.drop_nulls().value_counts().sort(-pl.col("count").cast(pl.Int64), values.name)
    named: list[str] = counts.filter(pl.col(values.name) != schema.OTHER)[values.name].head(most).to_list()
    return [*named, schema.OTHER] if counts.height > len(named) else named


def expand(frame: Frame, encodings: Encodings) -> Frame:
    """Add the columns of 0 and 1 (Float64) that a frame of customers does not have yet, of the features that it has."""
    present = frame.lazy().collect_schema().names()
    new = [
        _indicator(name, columns).alias(name)
        for feature, columns in encodings.items()
        for name in columns
        if feature in present and name not in present
    ]
    return frame.with_columns(new)


def _indicator(name: str, columns: Sequence[str]) -> pl.Expr:
    feature, value = schema.parts_of(name)
    if value == schema.MISSING:
        return pl.col(feature).is_null().cast(pl.Float64)
    if value == schema.OTHER:
        known = [schema.parts_of(column)[1] for column in columns]
        named = [text for text in known if text not in (schema.OTHER, schema.MISSING)]
        return (~pl.col(feature).is_in(named)).fill_null(False).cast(pl.Float64)
    return (pl.col(feature) == pl.lit(value)).fill_null(False).cast(pl.Float64)
